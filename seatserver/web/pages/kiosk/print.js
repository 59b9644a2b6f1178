/**
 * Has a ticket printed that was paid here, or is shown to the kiosk, and follows that until it is on paper, or cannot be.
 *
 * Each copy is asked for by its number, so a lost answer is asked for again without a second paper. The customer may ask
 * for another one, which says that it is a copy; where nothing was printed, for the same one again.
 */

/** @import { Device } from "./device.js" */

const EVERY_MS = 800;
const MOST_COPIES = 5; // that the server prints of one ticket

/**
 * @typedef {object} Printable a ticket that may be printed here
 * @property {string} id of its booking
 * @property {string} path where that is asked for
 * @property {object} [given] why it may be printed
 * @property {number} copy the one to begin with
 * @property {boolean} [again] print that one also if it has failed before
 */
/** @typedef {{ copy: number, status: "asked" | "sent" | "printed" | "failed" | "unsure", picture: string | null }} Print */

/** Events: "change" each time that more is known, and then "over" when that is all. */
export class Printing extends EventTarget {
  /** How far it is; null before the first answer. @type {Print | null} */
  now = null;
  #device;
  /** @type {Printable | null} */
  #ticket = null;
  #timer = 0;

  /** @param {Device} device */
  constructor(device) {
    super();
    this.#device = device;
  }

  /** Whether this kiosk has a printer. */
  get has() {
    return this.#printer !== "none";
  }

  /** Whether there is paper for another ticket. */
  get isReady() {
    return ["simulated", "ok", "low"].includes(this.#printer);
  }

  /** Whether nothing is sold while nothing can be printed. */
  get isNeeded() {
    return this.#device.state?.needs_paper === true;
  }

  get #printer() {
    return this.#device.state?.printer ?? "none";
  }

  get isAsked() {
    return this.#ticket !== null;
  }

  get isOver() {
    return this.now !== null && this.now.status !== "asked" && this.now.status !== "sent";
  }

  /** Whether it can be printed again: this copy if it has failed, or else another one. */
  get hasMore() {
    return this.isOver && (this.now?.status === "failed" || (this.now?.copy ?? 0) < MOST_COPIES);
  }

  /**
   * Print a ticket, once: asking for the same again changes nothing.
   * @param {Printable} ticket
   * @param {string} language
   */
  begin(ticket, language) {
    if (ticket.id === this.#ticket?.id) return;
    this.#ticket = ticket;
    this.now = null;
    void this.#turn(ticket, ticket.copy, language, ticket.again === true);
  }

  /**
   * The customer wants another one, or the one that has failed.
   * @param {string} language
   */
  again(language) {
    if (!this.now || !this.#ticket || !this.hasMore) return;
    const hasFailed = this.now.status === "failed";
    const copy = hasFailed ? this.now.copy : this.now.copy + 1;
    this.now = { copy, status: "asked", picture: null };
    this.dispatchEvent(new CustomEvent("change"));
    void this.#turn(this.#ticket, copy, language, hasFailed);
  }

  /** Nothing of it is left here. */
  forget() {
    clearTimeout(this.#timer);
    this.#ticket = null;
    this.now = null;
  }

  /**
   * @param {Printable} ticket
   * @param {number} copy
   * @param {string} language
   * @param {boolean} again
   */
  async #turn(ticket, copy, language, again) {
    let isAnswered = false;
    try {
      const body = JSON.stringify({ ...ticket.given, copy, language, again });
      const found = await this.#device.ask(ticket.path, { method: "POST", body });
      if (ticket !== this.#ticket) return;
      isAnswered = true;
      this.now = found;
    } catch (error) {
      if (ticket !== this.#ticket) return;
      // A refusal is final: the customer has the code, which is the ticket. Everything else is asked again.
      if (error.status !== undefined && !error.retryable) this.now = { copy, status: "unsure", picture: null };
    }
    if (!this.isOver) {
      const more = () => void this.#turn(ticket, copy, language, again && !isAnswered);
      this.#timer = setTimeout(more, EVERY_MS);
    }
    this.dispatchEvent(new CustomEvent("change"));
    if (this.isOver) this.dispatchEvent(new CustomEvent("over"));
  }
}
