/**
 * Notices that nobody is there any more: after a while without a touch it asks, and without an answer the visit ends.
 *
 * Whoever answers has the full time again, as often as they like (WCAG 2.2.1). While the kiosk speaks, and on screens
 * where it waits for something itself, the clock rests.
 */

const LOOK_MS = 250;

/** Events: "ask" when it is time to ask, "left" with `detail` (ms to answer) while it waits, "gone" when nobody did. */
export class Quiet extends EventTarget {
  quietMs = 45_000;
  answerMs = 20_000;
  #rests;
  #since = performance.now();
  /** @type {number | null} */
  #askedAt = null;

  /** @param {() => boolean} rests whether the clock does not run now */
  constructor(rests) {
    super();
    this.#rests = rests;
    for (const name of ["pointerdown", "keydown", "input"]) addEventListener(name, () => this.#touched(), true);
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** Whether it waits for an answer. */
  get isAsking() {
    return this.#askedAt !== null;
  }

  /** Somebody is there. */
  answered() {
    this.#askedAt = null;
    this.#since = performance.now();
  }

  /** A touch anywhere is a sign of life, but while it asks only the answer counts: the screen says so. */
  #touched() {
    if (!this.isAsking) this.#since = performance.now();
  }

  #look() {
    const now = performance.now();
    if (this.#rests()) {
      this.#since = now;
      if (this.#askedAt !== null) this.#askedAt = now;
      return;
    }
    if (this.#askedAt === null) {
      if (now - this.#since < this.quietMs) return;
      this.#askedAt = now;
      this.dispatchEvent(new CustomEvent("ask"));
    }
    const leftMs = this.#askedAt + this.answerMs - now;
    this.dispatchEvent(new CustomEvent("left", { detail: Math.max(0, leftMs) }));
    if (leftMs > 0) return;
    this.answered();
    this.dispatchEvent(new CustomEvent("gone"));
  }
}
