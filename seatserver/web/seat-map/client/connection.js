/**
 * Keeps a connection to one address: gets a token, opens a socket, notices when it is dead, and decides by close codes
 * and the server's `bye` whether and when to reconnect. Its owner handles the messages.
 *
 * The owner has the methods
 *   connecting()             a connection is being made
 *   opened(token)            say hello
 *   received(message)        a message; if this throws, the connection ends …
 *   offended()               … after this call: nothing that was received on it can be relied on
 *   dropped()                the connection has ended
 *   waiting(reason, atMs)    … and the next attempt is at that time, on performance.now()'s clock
 *   stopped(reason, code, by) … for good; `code` is the close code, 0 without one; `by`: "token" (there is none that is
 *                            believed; the code is 4001 or 4005 then), "socket" (none can be made) or "server"
 *   wake()                   the machine may have slept or lost its network, or somebody comes back to it: see
 *                            whether the server is still there
 */

import { BackOff } from "./backoff.js";
import { whyRefused } from "./refusal.js";

/** @import { Codec, Frame, Message } from "./codec.js" */
/** @import { Tokens } from "./tokens.js" */
/** @import { Times } from "../../seatmap-client.js" */

const BAD_TOKEN = 4001;
const FORBIDDEN = 4003;
const REVOKED = 4005;
const TRY_AGAIN_LATER = 1013; // from the server, or from a proxy before it
const NEVER_OPENED = 1006; // or ended without a word
// How often the clock is looked at, and how much too late that has to be to mean that the machine slept.
const LOOK_MS = 5_000;
const LATE_MS = 15_000;
const LONGEST_WISH_MS = 600_000; // a timer that is too long for the machine would end at once

/** @param {number} code */
const isFinal = (code) => code >= 4000 && code < 4100;
/** @param {number} code */
const isOfToken = (code) => code === BAD_TOKEN || code === REVOKED;
/** @param {number} code */
const isBackOff = (code) => code === TRY_AGAIN_LATER || (code >= 4100 && code < 4200);
/** @param {number} code */
const isAtOnce = (code) => code >= 4200 && code < 4300;

/** @typedef {"server" | "token" | "socket"} StoppedBy */
/**
 * The owner, which is told about the connection.
 * @typedef {object} Owner
 * @property {() => void} connecting
 * @property {(token: string | null) => void} opened
 * @property {(message: Message) => void} received
 * @property {() => void} offended
 * @property {() => void} dropped
 * @property {(reason: string, atMs: number) => void} waiting
 * @property {(reason: string, code: number, by: StoppedBy) => void} stopped
 * @property {() => void} wake
 */
/**
 * @typedef {object} ConnectionOptions
 * @property {string} address
 * @property {Tokens} tokens
 * @property {Codec} codec
 * @property {new (url: string, protocols: string[]) => WebSocket} WebSocket
 * @property {Times} times
 * @property {Owner} owner
 */

export class Connection {
  /** When something was last sent, on performance.now()'s clock. */
  sentAtMs = 0;
  /** When something was last heard, by Date.now(): that clock goes on while a machine sleeps. */
  heardAtMs = 0;

  #address;
  #tokens;
  #codec;
  #WebSocket;
  #times;
  #owner;
  #backOff;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0; // counts attempts, to recognise results of an earlier one
  #waiting = false;
  #patient = false; // the server asked us to stay away for a while
  /** @type {string | null} */
  #token = null;
  /** @type {string | null} */
  #refused = null;
  #renewed = false;
  /** @type {number | null} */
  #liveAtMs = null;
  /** @type {Record<string, any> | null} */
  #bye = null;
  #watchdog = 0;
  #dueAtMs = 0;
  #timer = 0;
  #clocks = 0;
  /** @type {AbortController | null} */
  #listening = null;
  #isAllowed = false; // pages of this origin may use the server: a socket opened, or it said so
  #isAsking = false; // why none opens

  /** @param {ConnectionOptions} given */
  constructor({ address, tokens, codec, WebSocket, times, owner }) {
    this.#address = address;
    this.#tokens = tokens;
    this.#codec = codec;
    this.#WebSocket = WebSocket;
    this.#times = times;
    this.#owner = owner;
    this.#backOff = new BackOff(times);
  }

  /** Connect, unless that is being done or is done. */
  open() {
    if (this.#listening === null) this.#listen();
    else if (!this.#waiting) return;
    this.#open();
  }

  /** End it; nothing is tried again. */
  close() {
    this.#listening?.abort();
    this.#listening = null;
    clearInterval(this.#clocks);
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#renewed = false;
    this.#drop();
  }

  /**
   * Send a message that is encoded; whether there is a connection to send it on.
   * @param {Frame} frame
   */
  send(frame) {
    if (this.#socket === null) return false;
    this.sentAtMs = performance.now();
    this.#socket.send(frame);
    return true;
  }

  /**
   * Give the connection up when nothing is heard for so long: a dead network sends no close.
   * @param {number} ms
   */
  expectWithin(ms) {
    clearTimeout(this.#watchdog);
    this.#dueAtMs = performance.now() + ms;
    this.#watchdog = setTimeout(() => this.giveUp("the server does not answer"), ms);
  }

  /**
   * Likewise, but never later than what is expected already.
   * @param {number} ms
   */
  expectSooner(ms) {
    if (performance.now() + ms < this.#dueAtMs) this.expectWithin(ms);
  }

  /**
   * End this connection and try another one.
   * @param {string} reason
   */
  giveUp(reason) {
    this.#lost(0, reason);
  }

  /**
   * The server says that it will close, and what it wishes then.
   * @param {Record<string, any>} bye
   */
  announceEnd(bye) {
    this.#bye = bye;
  }

  /** All is well from now on: the stable while begins. */
  isLive() {
    this.#renewed = false;
    this.#liveAtMs ??= performance.now();
  }

  async #open() {
    this.#drop(); // whatever an earlier attempt still waits for
    clearTimeout(this.#timer);
    this.#waiting = false;
    const attempt = this.#attempt;
    this.#owner.connecting();
    if (attempt !== this.#attempt) return; // the owner has closed it
    this.expectWithin(this.#times.answerMs);
    try {
      this.#token = await this.#tokens(this.#refused);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error?.permanent) this.#stop(error.message, BAD_TOKEN, "token");
      else this.#lost(0, `no token: ${error?.message ?? error}`, error?.retryAfterMs);
      return;
    }
    if (attempt === this.#attempt) this.#openSocket();
  }

  #openSocket() {
    let socket;
    try {
      socket = new this.#WebSocket(this.#address, [this.#codec.subprotocol]);
    } catch (error) {
      // A bad address, or a page that may not connect there: the next attempt would fare no better.
      this.#stop(`${this.#address} cannot be connected to: ${error.message}`, 0, "socket");
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.expectWithin(this.#times.answerMs);
    // Handlers of a socket that was given up stay silent.
    const ours = (/** @type {(event: any) => void} */ handle) => (/** @type {Event} */ event) => {
      if (socket === this.#socket) handle(event);
    };
    socket.onopen = ours(() => {
      this.#isAllowed = true;
      this.#owner.opened(this.#token);
    });
    socket.onmessage = ours(({ data }) => this.#receive(data, socket));
    socket.onerror = () => {}; // the close that follows says it
    socket.onclose = ours(({ code, reason }) => this.#lost(code, reason));
  }

  /**
   * @param {any} data
   * @param {WebSocket} socket
   */
  #receive(data, socket) {
    this.heardAtMs = Date.now();
    try {
      this.#owner.received(this.#codec.read(data));
    } catch (error) {
      if (socket !== this.#socket) throw error; // it was ours to mend: the server is not to blame
      this.#owner.offended();
      this.giveUp(`the server sent a message that cannot be understood: ${error.message}`);
    }
  }

  /**
   * @param {number} code
   * @param {string} said
   * @param {number} [retryAfterMs] what the server wishes that gave no token
   */
  #lost(code, said, retryAfterMs = 0) {
    const bye = this.#bye;
    const liveMs = this.#liveAtMs === null ? 0 : performance.now() - this.#liveAtMs;
    this.#drop();
    if (this.#listening === null) return; // the owner has closed it
    this.#backOff.ended(liveMs);
    const reason = bye?.reason || said || (code > 1006 ? `closed with code ${code}` : "the connection is lost");
    this.#patient = bye?.reconnect_after_ms > 0 || retryAfterMs > 0 || isBackOff(code);
    if (isOfToken(code) && this.#tokens.renewable && !this.#renewed) {
      // One fresh token is worth a try: the server may have a new secret since this one was made, or has revoked it.
      this.#renewed = true;
      this.#refused = this.#token;
      this.#wait(this.#backOff.next(), reason);
    } else if (isFinal(code) || bye?.reconnect_after_ms === -1) {
      this.#stop(reason, code, isOfToken(code) ? "token" : "server");
    } else if (isAtOnce(code)) {
      this.#refused = this.#token;
      this.#wait(liveMs >= this.#times.stableMs ? 0 : this.#backOff.next(), reason);
    } else {
      // The server's wish is a floor; the jitter on top keeps a thousand viewers from coming back in one instant.
      const askedMs = Math.max(Number(bye?.reconnect_after_ms) || 0, Number(retryAfterMs) || 0);
      const wishedMs = Math.min(LONGEST_WISH_MS, askedMs);
      this.#wait(wishedMs + this.#backOff.next(), reason);
      if (code === NEVER_OPENED && !this.#isAllowed) this.#askWhy();
    }
  }

  /** Browsers hide from scripts why a socket was refused; the REST interface says whether this page may ask at all. */
  async #askWhy() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const listening = this.#listening;
    const refusal = await whyRefused(this.#address);
    this.#isAsking = false;
    if (refusal === undefined || this.#isAllowed || this.#listening !== listening) return;
    this.#isAllowed = refusal === null;
    if (this.#isAllowed) return;
    this.#stop(refusal, FORBIDDEN, "server");
  }

  #drop() {
    this.#attempt += 1;
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    this.#liveAtMs = null;
    this.#bye = null;
    if (socket === null) return;
    socket.close();
    this.#owner.dropped();
  }

  /**
   * @param {number} ms
   * @param {string} reason
   */
  #wait(ms, reason) {
    this.#waiting = true;
    this.#timer = setTimeout(() => this.#open(), ms);
    this.#owner.waiting(reason, performance.now() + ms);
  }

  /**
   * @param {string} reason
   * @param {number} code
   * @param {StoppedBy} by
   */
  #stop(reason, code, by) {
    this.close();
    this.#owner.stopped(reason, code, by);
  }

  /** After a tunnel or a sleeping laptop, skip the rest of the back-off. */
  #listen() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const look = () => {
      if (this.#waiting && !this.#patient) this.#open();
      else if (this.#liveAtMs !== null) this.#owner.wake();
    };
    for (const name of ["online", "pageshow", "focus"]) globalThis.addEventListener?.(name, look, { signal });
    globalThis.addEventListener?.("offline", () => this.#liveAtMs !== null && this.#owner.wake(), { signal });
    const { document } = globalThis;
    document?.addEventListener("visibilitychange", () => document.hidden || look(), { signal });
    document?.addEventListener("resume", look, { signal });
    this.#watchClocks(look);
  }

  /**
   * Call `look` when a timer fires late: no event tells of a lid that was closed and opened again.
   * @param {() => void} look
   */
  #watchClocks(look) {
    let due = Date.now() + LOOK_MS;
    this.#clocks = setInterval(() => {
      const lateMs = Date.now() - due;
      due = Date.now() + LOOK_MS;
      if (lateMs > LATE_MS) look();
    }, LOOK_MS);
    /** @type {any} */ (this.#clocks).unref?.(); // Node may end meanwhile
  }
}
