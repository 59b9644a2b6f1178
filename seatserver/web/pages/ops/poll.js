/** Repeats a request: less often while the server does not answer, and not at all while the page is hidden. */

import { fetchJson } from "../shared/page.js";

const EVERY_MS = 2000;
const LONGEST_MS = 30_000;
const PATIENCE_MS = 8000;

/**
 * The JSON of a path that only an operator may ask for; throws what `fetchJson` throws.
 * @param {string | null} token
 * @param {string} path
 */
export function askAs(token, path) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return fetchJson(path, { headers: { Authorization: `Bearer ${token}` }, signal });
}

/** @template Answer */
export class Poll {
  #ask;
  #answered;
  #failed;
  #timer = 0;
  #failures = 0;
  #isRunning = false;
  #asking = 0;

  /**
   * Awaits `ask()`, then calls `answered(answer)` or `failed(error)`.
   * @param {() => Promise<Answer>} ask
   * @param {(answer: Answer) => void} answered
   * @param {(error: any) => void} failed
   */
  constructor(ask, answered, failed) {
    this.#ask = ask;
    this.#answered = answered;
    this.#failed = failed;
    document.addEventListener("visibilitychange", () => {
      if (!this.#isRunning) return;
      if (document.hidden) this.#pause();
      else this.soon();
    });
    window.addEventListener("online", () => this.#isRunning && this.soon());
  }

  start() {
    this.#isRunning = true;
    this.#failures = 0;
    this.soon();
  }

  stop() {
    this.#isRunning = false;
    this.#pause();
  }

  /** Ask now; an answer that is still on its way is not waited for. */
  soon() {
    this.#pause();
    void this.#turn(this.#asking);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#asking += 1;
  }

  /** @param {number} turn */
  async #turn(turn) {
    let waitMs = EVERY_MS;
    try {
      const answer = await this.#ask();
      if (turn !== this.#asking) return;
      this.#failures = 0;
      this.#answered(answer);
    } catch (error) {
      if (turn !== this.#asking) return;
      this.#failures += 1;
      // Half of it by chance: many pages lose the same server at the same moment.
      waitMs = Math.min(LONGEST_MS, EVERY_MS * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
      this.#failed(error);
    }
    if (turn === this.#asking && this.#isRunning && !document.hidden) {
      this.#timer = setTimeout(() => this.#turn(turn), waitMs);
    }
  }
}
