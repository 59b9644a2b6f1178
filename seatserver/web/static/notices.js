/** What the page tells its visitor: sentences that stay until they are closed or newer ones push them out. */

import { element } from "./page.js";

const MOST_NOTICES = 3;
const READ_MS = 5_000;

/**
 * Show a sentence, with `more` in small print and buttons for `actions`, which are [label, function]; a button that was
 * pressed takes the notice away. `kind`: "good", "bad" or "note". Returns the notice.
 */
export function notify(kind, text, { more = "", actions = [] } = {}) {
  const notices = document.getElementById("notices");
  const before = document.activeElement;
  const button = (label, act, properties = {}) => {
    const made = element("button", { type: "button", textContent: label, ...properties });
    made.addEventListener("click", () => {
      // Whoever works by keyboard goes on where they were, unless `act` leads elsewhere.
      if (before?.isConnected) before.focus({ preventScroll: true });
      notice.remove();
      act();
    });
    return made;
  };
  const notice = element(
    "div",
    { className: `notice ${kind}` },
    element(
      "div",
      {},
      element("p", { textContent: text }),
      more && element("p", { className: "quiet", textContent: more }),
      actions.length > 0 &&
        element("p", { className: "actions" }, ...actions.map(([label, act]) => button(label, act))),
    ),
    button("×", () => {}, { className: "close", ariaLabel: "Close" }),
  );
  notices.append(notice);
  while (notices.children.length > MOST_NOTICES) notices.firstChild.remove();
  return notice;
}

/** Take away the buttons of a notice that things have moved on from, and the notice once there was time to read it. */
export function retire(notice) {
  notice?.querySelector(".actions")?.remove();
  setTimeout(() => notice?.remove(), READ_MS);
}
