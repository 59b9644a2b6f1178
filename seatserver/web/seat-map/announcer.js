/**
 * Announcements for screen readers: one polite live region, at most one announcement every five seconds. Announcements
 * in between wait and are made together. A summary is written only when it is announced, so it is never outdated.
 */

const EVERY_MS = 5_000;
const GATHER_MS = 150; // what happens in one moment is said in one go

export class Announcer {
  #node;
  /** @type {string[]} */
  #texts = [];
  #summaries = new Set();
  #lastAt = -Infinity;
  #timer = 0;

  /**
   * `node`: an element that is a live region.
   * @param {HTMLElement} node
   */
  constructor(node) {
    this.#node = node;
  }

  /**
   * Say this as soon as it may be said.
   * @param {string} text
   */
  say(text) {
    if (!text || this.#texts.includes(text)) return;
    this.#texts.push(text);
    this.#plan();
  }

  /**
   * Let `summary` say what there is to say by then ("" for nothing): as soon as it may, once.
   * @param {() => string} summary
   */
  summarise(summary) {
    this.#summaries.add(summary);
    this.#plan();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #plan() {
    if (this.#timer) return;
    const wait = Math.max(GATHER_MS, this.#lastAt + EVERY_MS - performance.now());
    this.#timer = setTimeout(() => this.#speak(), wait);
  }

  #speak() {
    this.#timer = 0;
    const text = [...this.#texts, ...[...this.#summaries].map((summary) => summary())].filter(Boolean).join(" ");
    this.#texts = [];
    this.#summaries.clear();
    if (!text) return;
    this.#lastAt = performance.now();
    // A repeated text has to differ, or screen readers do not read it again.
    this.#node.textContent = this.#node.textContent === text ? `${text}\u00a0` : text;
  }
}
