/** Follows a payment at the kiosk until it has ended, through lost lines and lost answers. */

/** @import { Device } from "./device.js" */

const EVERY_MS = 700;

/**
 * @typedef {object} Payment as `/api/v1/kiosks/self/payments` has it
 * @property {string} booking_id
 * @property {"open" | "taking" | "voiding" | "paid" | "voided"} status
 * @property {"unknown" | "waiting" | "approved" | "declined" | "voided" | null} stage
 * @property {"" | "cancelled" | "timeout" | "late"} reason
 * @property {any} booking
 * @property {any} showtime
 * @property {string | null} qr
 */

/** Event "change" each time that more is known. */
export class Payments extends EventTarget {
  /** @type {Payment | null} */
  now = null;
  #device;
  #timer = 0;
  /** What the next request does: look, or more. */
  #path = "";
  /** @type {RequestInit} */
  #options = {};

  /** @param {Device} device */
  constructor(device) {
    super();
    this.#device = device;
  }

  get hasEnded() {
    return this.now?.status === "paid" || this.now?.status === "voided";
  }

  /** @param {Payment} payment */
  follow(payment) {
    this.now = payment;
    this.#later();
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** Nothing of it is left here. */
  forget() {
    clearTimeout(this.#timer);
    this.now = null;
  }

  /**
   * Have the payment do something: "retry", "cancel" or "card". If no answer comes, looking shows what became of it.
   * @param {string} path
   * @param {object} [body]
   */
  do(path, body) {
    [this.#path, this.#options] = [`/${path}`, { method: "POST", body: body && JSON.stringify(body) }];
    clearTimeout(this.#timer);
    return this.#turn();
  }

  #later() {
    clearTimeout(this.#timer);
    if (!this.hasEnded) this.#timer = setTimeout(() => void this.#turn(), EVERY_MS);
  }

  async #turn() {
    const asked = this.now;
    if (asked === null) return;
    const [path, options] = [this.#path, this.#options];
    [this.#path, this.#options] = ["", {}];
    try {
      const payment = await this.#device.ask(`/payments/${asked.booking_id}${path}`, options);
      if (this.now?.booking_id !== asked.booking_id) return;
      this.now = payment;
    } catch {
      // The server, the line or the reader is away: it is asked again until it says how this ended.
      if (this.now?.booking_id !== asked.booking_id) return;
      this.now = { ...this.now, stage: null };
    }
    this.#later();
    this.dispatchEvent(new CustomEvent("change"));
  }
}
