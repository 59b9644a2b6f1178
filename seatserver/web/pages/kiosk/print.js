/**
 * Has the ticket of a paid booking printed, and follows that until it is on paper, or cannot be.
 *
 * Each copy is asked for by its number, so a lost answer is asked for again without a second paper. The customer may ask
 * for another one, which says that it is a copy; where nothing was printed, for the same one again.
 */

/** @import { Device } from "./device.js" */

const EVERY_MS = 800;
const MOST_COPIES = 5; // that the server prints of one ticket

/** @typedef {{ copy: number, status: "asked" | "sent" | "printed" | "failed" | "unsure", picture: string | null }} Print */

/** Fires "change" each time that more is known. */
export class Printing extends EventTarget {
  /** How far it is; null before the first answer. @type {Print | null} */
  now = null;
  #device;
  #booking = "";
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
    return this.#booking !== "";
  }

  get isOver() {
    return this.now !== null && this.now.status !== "asked" && this.now.status !== "sent";
  }

  /** Whether it can be printed again: this copy if it has failed, or else another one. */
  get hasMore() {
    return this.isOver && (this.now?.status === "failed" || (this.now?.copy ?? 0) < MOST_COPIES);
  }

  /**
   * Print the first copy, once for each booking.
   * @param {string} booking
   * @param {string} language
   */
  begin(booking, language) {
    if (booking === this.#booking) return;
    this.#booking = booking;
    this.now = null;
    void this.#turn(booking, 1, language, false);
  }

  /**
   * The customer wants another one, or the one that has failed.
   * @param {string} language
   */
  again(language) {
    if (!this.now || !this.hasMore) return;
    const hasFailed = this.now.status === "failed";
    const copy = hasFailed ? this.now.copy : this.now.copy + 1;
    this.now = { copy, status: "asked", picture: null };
    this.dispatchEvent(new CustomEvent("change"));
    void this.#turn(this.#booking, copy, language, hasFailed);
  }

  /** Nothing of it is left here. */
  forget() {
    clearTimeout(this.#timer);
    this.#booking = "";
    this.now = null;
  }

  /**
   * @param {string} booking
   * @param {number} copy
   * @param {string} language
   * @param {boolean} again
   */
  async #turn(booking, copy, language, again) {
    let isAnswered = false;
    try {
      const body = JSON.stringify({ copy, language, again });
      const found = await this.#device.ask(`/payments/${booking}/print`, { method: "POST", body });
      if (booking !== this.#booking) return;
      isAnswered = true;
      this.now = found;
    } catch (error) {
      if (booking !== this.#booking) return;
      // A refusal is final: the code on the screen is the ticket. Everything else is asked again.
      if (error.status !== undefined && !error.retryable) this.now = { copy, status: "unsure", picture: null };
    }
    if (!this.isOver) {
      const more = () => void this.#turn(booking, copy, language, again && !isAnswered);
      this.#timer = setTimeout(more, EVERY_MS);
    }
    this.dispatchEvent(new CustomEvent("change"));
  }
}
