/**
 * The commands that are not answered yet. Each is a promise that settles with the server's own answer, even if the
 * connection breaks in between: the command is sent again with the same ref and hold id, and the server answers as it
 * did before. Commands that would surprise the user are not repeated late: after a long disconnection, no seats are
 * held and no booking is started.
 *
 * A command carries marks, which are its expected changes: seat → "holding" | "releasing".
 */

import { COMMANDS } from "./contract.js";
import { CommandError } from "./errors.js";

/** @import { Frame, Message } from "./codec.js" */
/** @import { Mark, Times } from "../../seatmap-client.js" */

const MOST_ATTEMPTS = 5; // of one command that the server calls retryable
const RETRY_FIRST_MS = 500;
const LONGEST_WISH_MS = 3_000; // that the server may name for the next attempt: a visitor waits no longer for a seat

/** A UUID v4, also on plain-http origins, where browsers leave out crypto.randomUUID. */
export function newHoldId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @param {Frame} frame */
const sizeOf = (frame) => (typeof frame === "string" ? new TextEncoder().encode(frame).length : frame.length);

/**
 * @typedef {object} Command
 * @property {number} ref
 * @property {Message} message
 * @property {Frame} frame
 * @property {Map<number, Mark>} marks
 * @property {(answer: any) => void} resolve
 * @property {(error: CommandError) => void} reject
 * @property {boolean} sent on the present connection
 * @property {boolean} everSent
 * @property {boolean} isLate
 * @property {number} attempts that the server called retryable
 * @property {CommandError | null} error of the last of them
 * @property {number} silence
 * @property {number} retry
 * @property {number} late
 */
/**
 * @typedef {object} CommandsOptions
 * @property {(message: object) => Frame} write
 * @property {(frame: Frame) => boolean} send
 * @property {() => number} mostBytes
 * @property {Times} times
 * @property {() => void} onSilence
 * @property {(seats: number[], error: CommandError | null, lost?: Set<number>) => void} onMarks
 * @property {(message: Message) => void} onFailure
 */

export class Commands {
  #send; // (frame) => whether it could be sent
  #write;
  #mostBytes;
  #times;
  #onSilence;
  #onMarks;
  #onFailure;
  #ref = 0;
  /** By ref. @type {Map<number, Command>} */
  #waiting = new Map();

  /**
   * `write` encodes a message, `send` sends that on the present connection and tells whether there is one, `mostBytes`
   * tells how long it may be, `onSilence` is called when a command is not answered although the connection seems alive,
   * `onMarks` with the seats whose marks came or went and, where they did not come true, the error, `onFailure` with
   * the message of a command that came to nothing.
   * @param {CommandsOptions} given
   */
  constructor({ write, send, mostBytes, times, onSilence, onMarks, onFailure }) {
    this.#write = write;
    this.#send = send;
    this.#mostBytes = mostBytes;
    this.#times = times;
    this.#onSilence = onSilence;
    this.#onMarks = onMarks;
    this.#onFailure = onFailure;
  }

  /** A ref that no command has had. */
  nextRef() {
    return ++this.#ref;
  }

  /**
   * The message of a command that waits, or undefined.
   * @param {number} ref
   */
  messageOf(ref) {
    return this.#waiting.get(ref)?.message;
  }

  /** Ids of the holds that commands are about. */
  get holdIds() {
    return new Set([...this.#waiting.values()].flatMap(({ message }) => [message.hold_id, message.replaces]));
  }

  /** Whether any of them is on its way. */
  get areSent() {
    return [...this.#waiting.values()].some(({ sent }) => sent);
  }

  /** All marks: the youngest command says what becomes of a seat. */
  get marks() {
    return new Map([...this.#waiting.values()].flatMap((command) => [...command.marks]));
  }

  /**
   * Send a command as soon as there is a connection; its promise.
   * @param {Message} message
   * @param {Map<number, Mark>} marks
   */
  make(message, marks) {
    return new Promise((resolve, reject) => {
      const ref = this.nextRef();
      const frame = this.#write({ ...message, ref }); // what cannot be sent is rejected here
      const late = setTimeout(() => this.#comesLate(command), this.#times.lateMs);
      const state = { sent: false, everSent: false, isLate: false, attempts: 0, error: null };
      /** @type {Command} */
      const command = { ref, message, frame, marks, resolve, reject, ...state, silence: 0, retry: 0, late };
      this.#waiting.set(ref, command);
      this.#onMarks([...marks.keys()], null);
      this.#sendOne(command);
    });
  }

  /** There is a connection: whatever is not answered goes out. */
  sendAll() {
    for (const command of this.#waiting.values()) this.#sendOne(command);
  }

  /** There is none any more. */
  connectionLost() {
    for (const command of [...this.#waiting.values()]) {
      clearTimeout(command.silence);
      command.sent = false;
      if (command.isLate) this.#comesLate(command);
    }
  }

  /**
   * The answer. `seats` are those that the user has now, where marks said "holding".
   * @param {Message} message
   */
  settle(message) {
    const command = this.#remove(message.ref);
    if (!command) return;
    const lost = [...command.marks].filter(([seat, mark]) => mark === "holding" && !message.seats.includes(seat));
    const why = { seats: message.lost };
    const moved = new CommandError("moved", "others were faster: these are the nearest seats", why);
    this.#onMarks([...command.marks.keys()], lost.length > 0 ? moved : null, new Set(lost.map(([seat]) => seat)));
    command.resolve(message);
  }

  /**
   * It was not done.
   * @param {number} ref
   * @param {CommandError} error
   */
  fail(ref, error) {
    const command = this.#remove(ref);
    if (!command) return;
    this.#onMarks([...command.marks.keys()], error);
    this.#onFailure(command.message);
    command.reject(error);
  }

  /**
   * @param {string} code
   * @param {string} reason
   */
  failAll(code, reason) {
    for (const ref of [...this.#waiting.keys()]) this.fail(ref, new CommandError(code, reason));
  }

  /**
   * The server says that trying again can help: that is safe, for the hold id makes it the same command.
   * @param {number} ref
   * @param {CommandError} error
   */
  tryAgain(ref, error) {
    const command = this.#waiting.get(ref);
    if (!command) return;
    command.attempts += 1;
    command.error = error;
    clearTimeout(command.silence);
    // The server's wish is a floor: whoever comes earlier is refused again.
    const wishedMs = Math.max(0, Number(error.facts.retry_after_ms) || 0);
    if (command.attempts >= MOST_ATTEMPTS || wishedMs > LONGEST_WISH_MS) return this.fail(ref, error);
    command.sent = false;
    const most = RETRY_FIRST_MS * 2 ** command.attempts;
    command.retry = setTimeout(() => this.#sendOne(command), wishedMs + Math.random() * most);
  }

  /** @param {Command} command */
  #sendOne(command) {
    clearTimeout(command.retry);
    const { ref, frame } = command;
    if (command.sent || !this.#waiting.has(ref)) return;
    // The server would close the connection, and again whenever it is repeated.
    if (sizeOf(frame) > this.#mostBytes()) {
      return this.fail(ref, new CommandError("too_large", "the message is too long"));
    }
    if (!this.#send(frame)) return;
    command.sent = command.everSent = true;
    command.silence = setTimeout(() => this.#onSilence(), this.#times.commandMs);
  }

  /** @param {Command} command */
  #comesLate(command) {
    const { whenLate } = COMMANDS[/** @type {keyof typeof COMMANDS} */ (command.message.type)];
    if (whenLate === "keep asking" || (whenLate === "ask if sent" && command.everSent)) return;
    command.isLate = true;
    if (command.sent) return; // its answer is due any moment
    this.fail(command.ref, command.error ?? new CommandError("late", "no answer came in time", { retryable: true }));
  }

  /** @param {number} ref */
  #remove(ref) {
    const command = this.#waiting.get(ref);
    if (!command) return undefined;
    this.#waiting.delete(ref);
    for (const timer of [command.silence, command.retry, command.late]) clearTimeout(timer);
    return command;
  }
}
