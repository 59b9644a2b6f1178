/** "Are you still there?", before whatever is shown. `quiet.js` says when it is asked. */

import { button, byId, element } from "../shared/page.js";

/** @import { Words } from "./words.js" */

export class Question {
  #dialog = /** @type {HTMLDialogElement} */ (byId("ask"));

  get isOpen() {
    return this.#dialog.open;
  }

  /**
   * Ask it.
   * @param {Words} words
   * @param {() => unknown} isThere somebody says that they are
   * @param {() => unknown} startOver they are done
   */
  ask(words, isThere, startOver) {
    const here = button(words.text("stillHere"), isThere, { className: "main" });
    this.#dialog.replaceChildren(
      element("h2", { id: "ask-title", textContent: words.text("stillThere") }),
      element("p", { id: "ask-left" }),
      here,
      button(words.text("startOver"), startOver),
    );
    this.#dialog.showModal();
    here.focus();
  }

  /**
   * Show how long the answer is waited for.
   * @param {Words} words
   * @param {number} ms
   */
  countDown(words, ms) {
    const text = words.text("leavingIn", { count: Math.ceil(ms / 1000) });
    if (byId("ask-left")?.textContent !== text) byId("ask-left").textContent = text;
  }

  close() {
    this.#dialog.close();
    this.#dialog.replaceChildren();
  }
}
