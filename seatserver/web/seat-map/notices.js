/**
 * The seat map's messages to the visitor, one at a time. News disappears by itself after a moment (a toast; longer if
 * it has an action). A problem stays until it is no longer true, is closed or is answered. Lasting conditions are shown
 * elsewhere, in the banners of sale.js and picker.js.
 */

import { button, element, first, focusedIn } from "../shared/dom.js";

/** @import { Announcer } from "./announcer.js" */
/** @import { Words } from "./words.js" */

const READ_MS = 5_000; // nothing wrong goes before there was time to read it
const TOAST_MS = 4_000;
const CHOICE_MS = 10_000; // of a toast with a button
const LINGER_MS = 2_000; // and again, while it has the pointer or the focus

/**
 * @typedef {object} Options
 * @property {string} [more]
 * @property {[label: string, act: () => unknown][]} [actions]
 * @property {() => boolean} [holds]
 * @property {boolean} [isSaid]
 */

/**
 * @typedef {object} Shown
 * @property {HTMLElement} notice
 * @property {() => boolean} holds whether what it says still does
 * @property {HTMLElement | null} before what had the focus when it came
 * @property {number} shownAt
 * @property {boolean} isWrong
 * @property {boolean} isLeaving
 */

export class Notices {
  #node;
  #words;
  #announcer;
  /** @type {Shown | null} */
  #current = null;
  #timer = 0;

  /**
   * @param {HTMLElement} node
   * @param {Words} words
   * @param {Announcer} announcer
   */
  constructor(node, words, announcer) {
    this.#node = node;
    node.tabIndex = -1; // see #remove
    this.#words = words;
    this.#announcer = announcer;
  }

  /**
   * Show a sentence instead of the one before, with `more` in small print and buttons for `actions`, which are [label,
   * function]; a button that was pressed takes the notice away. `kind`: "good" and "note" for what happened, "bad" for
   * what is wrong. `holds` says whether the sentence still does: see review. Whoever was at the one before is at this
   * one. `isSaid`: screen readers hear it otherwise. Returns the notice.
   * @param {"good" | "bad" | "note"} kind
   * @param {string} text
   * @param {Options} [given]
   */
  tell(kind, text, { more = "", actions = [], holds = () => true, isSaid = false } = {}) {
    const earlier = this.#current;
    const wasAt = earlier?.notice.contains(this.#focused);
    const before = wasAt && earlier ? earlier.before : this.#focused;
    /** @param {() => unknown} act */
    const leave = (act) => () => {
      this.#remove(notice);
      act();
    };
    const buttons = actions.map(([label, act]) => button(label, leave(act)));
    const closing = leave(() => {});
    const close = button("×", closing, { className: "close", ariaLabel: this.#words.say("close") });
    const notice = element(
      "div",
      { className: `notice ${kind}`, part: `notice notice-${kind}` },
      element(
        "div",
        {},
        element("p", { textContent: text }),
        more && element("p", { className: "quiet", textContent: more }),
        buttons.length > 0 && element("p", { className: "actions" }, ...buttons),
      ),
      close,
    );
    this.#node.append(notice);
    this.#current = { notice, holds, before, shownAt: performance.now(), isWrong: kind === "bad", isLeaving: false };
    if (wasAt) close.focus({ preventScroll: true });
    earlier?.notice.remove();
    clearTimeout(this.#timer);
    if (kind !== "bad") this.#goAfter(actions.length > 0 ? CHOICE_MS : TOAST_MS);
    if (!isSaid) this.#announcer.say([text, more].filter(Boolean).join(" "));
    return notice;
  }

  /**
   * Announce it to screen readers only, because it is visible on the map anyway.
   * @param {string} text
   */
  say(text) {
    this.#announcer.say(text);
  }

  /** The visitor has gone on to something else: what happened before needs no more telling. */
  pass() {
    if (this.#current && !this.#current.isWrong) this.#remove(this.#current.notice);
  }

  /** Things have changed: what no longer holds goes. */
  review() {
    if (this.#current && !this.#current.holds()) this.retire(this.#current.notice);
  }

  /**
   * Take away the buttons of a notice that things have moved on from, and the notice when it could be read.
   * @param {HTMLElement | null} notice
   */
  retire(notice) {
    const current = this.#current;
    if (!current || current.notice !== notice || current.isLeaving) return;
    current.isLeaving = true;
    const actions = notice.querySelector(".actions");
    if (actions?.contains(this.#focused)) first(".close", notice)?.focus({ preventScroll: true });
    actions?.remove();
    clearTimeout(this.#timer);
    const wait = Math.max(0, current.shownAt + READ_MS - performance.now());
    this.#timer = setTimeout(() => this.#remove(notice), wait);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /**
   * It stays while the pointer or the focus is in it.
   * @param {number} ms
   */
  #goAfter(ms) {
    this.#timer = setTimeout(() => {
      const notice = this.#current?.notice;
      if (!notice) return;
      if (notice.matches(":hover, :focus-within")) this.#goAfter(LINGER_MS);
      else this.#remove(notice);
    }, ms);
  }

  get #focused() {
    return focusedIn(this.#node);
  }

  /**
   * When a focused notice disappears, the focus returns to where it was before, or at least stays here.
   * @param {HTMLElement} notice
   */
  #remove(notice) {
    const current = this.#current;
    if (current?.notice !== notice) return;
    const isHere = notice.contains(this.#focused);
    const { before } = /** @type {Shown} */ (current);
    clearTimeout(this.#timer);
    this.#current = null;
    notice.remove();
    if (!isHere) return;
    before?.focus({ preventScroll: true });
    if (!this.#focused) this.#node.focus({ preventScroll: true });
  }
}
