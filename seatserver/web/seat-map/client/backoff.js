/**
 * How long to wait before the next attempt: exponential back-off with full jitter, so a thousand clients that lost a
 * server do not all return at the same moment. Only a connection that was live for some time resets it, so a server
 * that keeps breaking down after accepting everyone gets longer and longer pauses.
 */

/** @import { Times } from "../../seatmap-client.js" */

const HIGHEST_POWER = 30; // 2 ** 30 first pauses are longer than any longest one

export class BackOff {
  #times;
  #random;
  #attempts = 0;

  /**
   * `random` gives a number from 0 up to 1.
   * @param {Times} times
   */
  constructor(times, random = Math.random) {
    this.#times = times;
    this.#random = random;
  }

  /**
   * A connection ended that was live for `ms`; 0 when it never was.
   * @param {number} ms
   */
  ended(ms) {
    if (ms >= this.#times.stableMs) this.#attempts = 0;
  }

  /** The pause before the next attempt, in milliseconds. */
  next() {
    const { backOffFirstMs, backOffMostMs } = this.#times;
    const most = Math.min(backOffMostMs, backOffFirstMs * 2 ** Math.min(this.#attempts, HIGHEST_POWER));
    this.#attempts += 1;
    return this.#random() * most;
  }
}
