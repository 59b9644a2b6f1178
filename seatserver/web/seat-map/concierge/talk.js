/**
 * The concierge's socket: one conversation about one showtime (see /asyncapi.json). It is opened with the first question
 * and closed by the server when nothing is asked for long; the next question begins another.
 */

/** @import { Offer } from "../../seatmap-client.js" */

const NO_TOKEN = [4001, 4200]; // close codes after which another token may help

/** @typedef {Offer & { tickets: string[], wheelchairs: number, reason: string }} Suggestion */
/**
 * What is heard of an answer, in this order; `done` or `failed` is the last.
 * @typedef {object} Listener
 * @property {(text: string) => void} words
 * @property {(offers: Suggestion[]) => void} suggestions
 * @property {(held: boolean) => void} done
 * @property {(error: { code: string }) => void} failed
 * @property {(text: string) => void} [heard] all that was understood so far of what is said
 * @property {(piece: ArrayBuffer) => void} [sound] the next piece of what is said aloud
 * @property {() => void} [quiet] stop playing that
 */

export class Talk {
  #address;
  #token;
  #lang;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Promise<WebSocket> | null} */
  #opening = null;
  /** @type {string | null} */
  #refused = null;
  #isReady = false; // whether the server has answered begin
  #ref = 0;
  #asked = 0; // the ref of the question that is being answered
  #speaks = 0; // the ref that pieces of sound belong to
  #isKept = false; // whether the visitor agrees that what they write is kept
  #saidKept = false; // what the server has been told of that
  /** Those who wait to hear that all is deleted, by ref. @type {Map<number, { done: (deleted: number) => void, failed: (error: Error) => void }>} */
  #forgetting = new Map();
  /** What was said before the socket was open; null ends it. @type {(ArrayBuffer | null)[] | null} */
  #early = null;
  /** @type {Listener | null} */
  #listener = null;

  /**
   * `token(refused)` is a promise of a user's token, another one than `refused`; `lang` the language of the answers.
   * @param {string} address
   * @param {(refused: string | null) => Promise<string>} token
   * @param {string} lang
   */
  constructor(address, token, lang) {
    this.#address = address;
    this.#token = token;
    this.#lang = lang;
  }

  /**
   * Ask. What was asked before is stopped, and nothing more is heard of it. `people`: how many, if the text does not say;
   * null where nobody wants seats.
   * @param {string} text
   * @param {number | null} people
   * @param {Listener} listener
   */
  async ask(text, people, listener) {
    await this.#begin({ type: "ask", text, people }, listener);
  }

  /**
   * Ask aloud: the sound may follow at once.
   * @param {number} people
   * @param {Listener} listener
   */
  async speak(people, listener) {
    /** @type {(ArrayBuffer | null)[]} */
    const early = (this.#early = []);
    await this.#begin({ type: "speak", people }, listener, () => {
      this.#early = null;
      for (const piece of early) this.sound(piece);
    });
  }

  /**
   * The next piece of what is said; null: the visitor has finished.
   * @param {ArrayBuffer | null} piece
   */
  sound(piece) {
    if (!this.#listener) return;
    if (this.#early) this.#early.push(piece);
    else if (this.#socket?.readyState !== WebSocket.OPEN) return;
    else if (piece) this.#socket.send(piece);
    else this.#send(this.#socket, { type: "spoken" });
  }

  /**
   * Whether the visitor agrees that what they write from now on is kept.
   * @param {boolean} isKept
   */
  keep(isKept) {
    this.#isKept = isKept;
    if (this.#isReady && this.#socket?.readyState === WebSocket.OPEN) this.#sayBegin(this.#socket);
  }

  /**
   * Delete all that is kept of the visitor; a promise of how many questions that were. Nothing more is kept then.
   * @returns {Promise<number>}
   */
  async forget() {
    this.#isKept = false;
    this.#listener = null;
    this.#opening ??= this.#open();
    const socket = await this.#opening;
    return new Promise((done, failed) => {
      this.#forgetting.set(this.#send(socket, { type: "forget" }), { done, failed });
    });
  }

  /** Stop the answer that is being given. Nothing more is heard of it. */
  stop() {
    this.#listener = null;
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send(this.#socket, { type: "stop" });
  }

  close() {
    this.#listener = null;
    this.#opening = null;
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /**
   * Send a question as soon as there is a socket, unless it was stopped or another one asked meanwhile.
   * @param {Record<string, unknown>} question
   * @param {Listener} listener
   * @param {() => void} [sent]
   */
  async #begin(question, listener, sent) {
    this.#listener = listener;
    try {
      // One socket for all questions, also for those that are asked while it is being opened.
      this.#opening ??= this.#open();
      const socket = await this.#opening;
      if (this.#listener !== listener) return;
      this.#asked = this.#send(socket, question);
      sent?.();
    } catch (error) {
      if (this.#listener === listener) this.#fail(error.code ?? "lost");
    }
  }

  /** A socket that has been let in. Rejects if it is not, or if the talk is closed meanwhile. */
  #open() {
    const opening = this.#connect(() => this.#opening === opening);
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = null;
    });
    return opening;
  }

  /**
   * `isWanted()` is whether the talk has not been closed meanwhile.
   * @param {() => boolean} isWanted
   * @returns {Promise<WebSocket>}
   */
  async #connect(isWanted) {
    const token = await this.#token(this.#refused);
    if (!isWanted()) throw Object.assign(new Error("the talk was closed"), { code: "lost" });
    const socket = new WebSocket(this.#address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#isReady = false;
    let isReady = false;
    return new Promise((ready, fail) => {
      socket.addEventListener("open", () => this.#sayBegin(socket, token));
      socket.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") return this.#socket === socket && this.#play(data);
        const message = JSON.parse(data);
        if (message.type === "ready") {
          isReady = true;
          if (this.#socket === socket) this.#isReady = true;
          // They may have changed their mind while the first message was on its way.
          if (this.#saidKept !== this.#isKept) this.#sayBegin(socket);
          ready(socket);
        } else if (this.#socket === socket) this.#hear(message);
      });
      socket.addEventListener("close", ({ code }) => {
        if (NO_TOKEN.includes(code)) this.#refused = token;
        fail({ code: code === 4003 ? "forbidden" : "lost" });
        if (this.#socket !== socket) return;
        this.#socket = this.#opening = null;
        for (const { failed: lost } of this.#forgetting.values()) lost(new Error("lost"));
        this.#forgetting.clear();
        if (isReady) this.#fail("lost");
      });
    });
  }

  /**
   * @param {WebSocket} socket
   * @param {Record<string, unknown>} message
   */
  #send(socket, message) {
    this.#ref += 1;
    socket.send(JSON.stringify({ ...message, ref: this.#ref }));
    return this.#ref;
  }

  /**
   * Who is there, in which language, and what they agree to. Without a token it is who was there before.
   * @param {WebSocket} socket
   * @param {string} [token]
   */
  #sayBegin(socket, token) {
    this.#saidKept = this.#isKept;
    // Only where it is so: a server that keeps nothing may be too old to know the field.
    const agreed = this.#isKept ? { log: true } : {};
    this.#send(socket, { type: "begin", token, lang: this.#lang === "de" ? "de" : "en", ...agreed });
  }

  /** @param {ArrayBuffer} piece */
  #play(piece) {
    if (this.#speaks === this.#asked) this.#listener?.sound?.(piece);
  }

  /** @param {any} message */
  #hear(message) {
    const waiting = this.#forgetting.get(message.ref);
    if (waiting) {
      this.#forgetting.delete(message.ref);
      if (message.type === "forgotten") waiting.done(message.deleted);
      else waiting.failed(new Error(message.code));
      return;
    }
    const listener = this.#listener;
    this.#speaks = message.ref;
    // Of an answer that was stopped, or given up for another question, the last words may still come.
    if (!listener || message.ref !== this.#asked) return;
    if (message.type === "words") listener.words(message.text);
    else if (message.type === "heard") listener.heard?.(message.text);
    else if (message.type === "quiet") listener.quiet?.();
    else if (message.type === "suggestions") listener.suggestions(message.offers);
    else if (message.type === "done") {
      this.#listener = null;
      listener.done(message.held !== null);
    } else if (message.type === "error") this.#fail(message.code);
  }

  /** @param {string} code */
  #fail(code) {
    const listener = this.#listener;
    this.#listener = null;
    listener?.failed({ code });
  }
}
