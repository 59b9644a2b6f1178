/**
 * Begins a payment at the kiosk and follows it until it has ended, through lost lines and lost answers.
 *
 * Whatever was asked and not answered may have been done, so nothing is taken for granted: a payment whose begin was not
 * answered is looked for, and what has to be known by the server is told until it answers.
 */

/** @import { Device } from "./device.js" */

const EVERY_MS = 700;
const INSIST_MS = 180_000; // for so long the server shows the end of a payment that nobody has seen

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

/** Events: "change" each time that more is known, "tidy" when the server knows all that it has to. */
export class Payments extends EventTarget {
  /** @type {Payment | null} */
  now = null;
  #device;
  #timer = 0;
  #untold = 0;
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

  /** Nothing of it is left here. If it has ended, the server is told that its customer has seen that. */
  forget() {
    if (this.now && this.hasEnded) void this.#insist(this.now.booking_id, "done");
    clearTimeout(this.#timer);
    this.now = null;
  }

  /** Whether the server has still to be told something: until then this page should stay. */
  get isTidying() {
    return this.#untold > 0;
  }

  /**
   * Begin a payment and follow it. If no answer comes, it is looked for, and asked for again only if there is none.
   * Whoever has gone meanwhile pays nothing: then it is cancelled. Throws what the server refuses.
   * @param {{ showtime_id: string, hold_id: string, user_id: string }} asked
   * @param {() => boolean} isWanted whether its customer is still there
   */
  async begin(asked, isWanted) {
    /** @type {Payment | null} */
    let payment = null;
    while (payment === null) {
      payment = await this.#begun(asked);
      if (payment === null && !isWanted()) return;
    }
    if (isWanted()) this.follow(payment);
    else if ((await this.#insist(payment.booking_id, "cancel"))?.status === "voided")
      void this.#insist(payment.booking_id, "done");
  }

  /**
   * The payment that was begun; null if it is certain that there is none yet.
   * @param {{ hold_id: string }} asked
   * @returns {Promise<Payment | null>}
   */
  async #begun(asked) {
    try {
      return await this.#device.ask("/payments", { method: "POST", body: JSON.stringify(asked) });
    } catch (error) {
      if (!isUnsure(error)) throw error;
    }
    for (;;) {
      await pause(EVERY_MS);
      try {
        const { payment } = await this.#device.ask("/payments");
        return payment?.booking_id === asked.hold_id ? payment : null;
      } catch (error) {
        if (!isUnsure(error)) throw error;
      }
    }
  }

  /**
   * Tell the server something until it answers; null if it does not for long.
   * @param {string} id
   * @param {"done" | "cancel"} what
   * @returns {Promise<Payment | null>}
   */
  async #insist(id, what) {
    this.#untold++;
    const until = performance.now() + INSIST_MS;
    let answer = null;
    for (let isOpen = true; isOpen; isOpen = isOpen && performance.now() < until) {
      try {
        answer = await this.#device.ask(`/payments/${id}/${what}`, { method: "POST", keepalive: true });
        isOpen = false;
      } catch (error) {
        isOpen = isUnsure(error);
        if (isOpen) await pause(EVERY_MS);
      }
    }
    this.#untold--;
    this.dispatchEvent(new CustomEvent("tidy"));
    return answer;
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
    } catch (error) {
      // The server, the line or the reader is away: it is asked again until it says how this ended.
      if (this.now?.booking_id !== asked.booking_id) return;
      this.now = { ...this.now, stage: null };
      if (path === "" && isFinal(error)) this.now = { ...this.now, status: "voided", reason: "late" };
    }
    this.#later();
    this.dispatchEvent(new CustomEvent("change"));
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Whether nobody knows what became of a request: no answer came, or one that says to ask again.
 * @param {any} error
 */
const isUnsure = (error) => error?.status === undefined || error.retryable === true || error.isStrange === true;

/**
 * Whether the server says, of a payment, that there is none, or that it can go no further here.
 * @param {any} error
 */
const isFinal = (error) => !isUnsure(error) && (error.status === 404 || error.status === 409);
