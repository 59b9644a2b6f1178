/**
 * An estimate of the server's clock. An answer that carries the server's time was made at some moment between the
 * request and its arrival, so assuming the middle is wrong by at most half of that time. The most exact answer counts
 * until another contradicts it: then a clock was set, or this machine has slept, and the newer answer is right.
 */
export class ServerClock {
  #offsetMs = Date.now() - performance.now();
  #wrongByMs = Infinity;

  /** The server's time, in milliseconds since the epoch. */
  now() {
    return performance.now() + this.#offsetMs;
  }

  /**
   * The server said `serverMs` in answer to what was asked at `askedAtMs`, on performance.now()'s clock.
   * @param {number} serverMs
   * @param {number} askedAtMs
   */
  learn(serverMs, askedAtMs) {
    const nowMs = performance.now();
    const offsetMs = serverMs - (askedAtMs + nowMs) / 2;
    const wrongByMs = (nowMs - askedAtMs) / 2;
    const contradicts = Math.abs(offsetMs - this.#offsetMs) > wrongByMs + this.#wrongByMs + 1; // 1: whole milliseconds
    if (wrongByMs > this.#wrongByMs && !contradicts) return;
    this.#offsetMs = offsetMs;
    this.#wrongByMs = wrongByMs;
  }
}
