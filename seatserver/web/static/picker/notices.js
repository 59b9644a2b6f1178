/** What the seat map tells its visitor: sentences that stay until they hold no longer, are closed or pushed out. */

import { button, element } from "./dom.js";

const MOST_NOTICES = 3;
const READ_MS = 5_000; // nothing goes before there was time to read it

export class Notices {
  #node;
  #words;
  #announcer;
  #kept = new Map(); // notice → {holds, said, before, shownAt, isLeaving}
  #timers = new Set();

  constructor(node, words, announcer) {
    this.#node = node;
    node.tabIndex = -1; // see #remove
    this.#words = words;
    this.#announcer = announcer;
  }

  /**
   * Show a sentence, with `more` in small print and buttons for `actions`, which are [label, function]; a button that
   * was pressed takes the notice away. `kind`: "good", "bad" or "note". `holds` says whether the sentence still does:
   * see review. `instead`: an earlier notice that this one makes needless, as it does one that says the same; whoever
   * was at that one is at the new one. Returns the notice.
   */
  tell(kind, text, { more = "", actions = [], holds = () => true, instead = null } = {}) {
    const said = `${kind} ${text}`;
    const replaced = [...this.#kept].filter(([earlier, kept]) => earlier === instead || kept.said === said);
    const wasAt = replaced.find(([earlier]) => earlier.contains(this.#focused));
    const before = wasAt ? wasAt[1].before : this.#focused;
    const leave = (act) => () => {
      this.#remove(notice);
      act();
    };
    const buttons = actions.map(([label, act]) => button(label, leave(act)));
    const close = button("×", leave(() => {}), { className: "close", ariaLabel: this.#words.say("close") });
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
    this.#kept.set(notice, { holds, said, before, shownAt: performance.now() });
    if (wasAt) close.focus({ preventScroll: true });
    for (const [earlier] of replaced) this.#remove(earlier);
    while (this.#kept.size > MOST_NOTICES) this.#remove(this.#kept.keys().next().value);
    this.#announcer.say([text, more].filter(Boolean).join(" "));
    return notice;
  }

  /** Say it to screen readers only: whoever sees the map sees it anyway. */
  say(text) {
    this.#announcer.say(text);
  }

  /** Things have changed: whatever no longer holds goes. */
  review() {
    for (const [notice, { holds }] of this.#kept) if (!holds()) this.retire(notice);
  }

  /** Take away the buttons of a notice that things have moved on from, and the notice when it could be read. */
  retire(notice) {
    const kept = this.#kept.get(notice);
    if (!kept || kept.isLeaving) return;
    kept.isLeaving = true;
    const actions = notice.querySelector(".actions");
    if (actions?.contains(this.#focused)) notice.querySelector(".close").focus({ preventScroll: true });
    actions?.remove();
    const wait = Math.max(0, kept.shownAt + READ_MS - performance.now());
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#remove(notice);
    }, wait);
    this.#timers.add(timer);
  }

  stop() {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  get #focused() {
    return this.#node.getRootNode().activeElement;
  }

  /** Whoever is at a notice that goes is taken back to where they were when it came, or at least stays here. */
  #remove(notice) {
    const isHere = notice.contains(this.#focused);
    const before = this.#kept.get(notice)?.before;
    this.#kept.delete(notice);
    notice.remove();
    if (!isHere) return;
    before?.focus({ preventScroll: true });
    if (!this.#focused) this.#node.focus({ preventScroll: true });
  }
}
