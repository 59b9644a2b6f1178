/**
 * Push to talk: a button that is held while the visitor speaks, or pressed before and again after. Escape cancels.
 *
 * The line below says that it listens, or in one sentence why it cannot; screen readers are told too.
 */

import { element, icon } from "../../shared/dom.js";
/** @import { Words } from "../words.js" */
/** @import { Hearing, Problem } from "./ear.js" */

const HOLD_MS = 400; // a press that lasts longer is held, and its end is the end of what was said
const SHAPE = "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM6 11a6 6 0 0 0 12 0M12 17v4";
/** @type {Record<Problem, string>} */
const WHY_NOT = { denied: "voiceDenied", deaf: "voiceDeaf", nothing: "voiceNothing", failed: "voiceFailed" };

/**
 * What hears the visitor: the browser's own recognition, or the server.
 * @typedef {object} Listens
 * @property {(lang: string, hearing: Hearing) => unknown} listen
 * @property {() => unknown} finish
 * @property {() => void} cancel
 */
/**
 * What the microphone tells: `begin`, then `heard` with all words so far, again and again, then one of the others.
 * @typedef {object} Hooks
 * @property {() => void} begin
 * @property {(text: string) => void} heard
 * @property {(text: string) => void} said all of it; the visitor has finished
 * @property {(text: string) => void} broken it ended before the visitor had finished; this much was heard
 * @property {() => void} cancelled
 */

export class Microphone {
  #words;
  #hooks;
  #choose;
  /** @type {Listens | null} */
  #ear = null;
  #isListening = false;
  /** Since when it is really open; 0 while the browser still asks for leave. */
  #openSince = 0;
  /** Whether this press began the listening, while a pointer is down. @type {boolean | null} */
  #pressBegan = null;
  #wasPointer = false;

  /**
   * `choose()` is what hears the visitor this time.
   * @param {Words} words
   * @param {() => Listens} choose
   * @param {Hooks} hooks
   */
  constructor(words, choose, hooks) {
    this.#words = words;
    this.#choose = choose;
    this.#hooks = hooks;
    this.button = element(
      "button",
      {
        ...{ type: "button", className: "microphone", part: "button microphone" },
        ...{ ariaLabel: words.say("voiceSpeak"), title: words.say("voiceSpeak"), ariaPressed: "false" },
      },
      icon(SHAPE),
    );
    this.line = element("p", { className: "hearing quiet", role: "status" });
    this.#listen();
  }

  get isListening() {
    return this.#isListening;
  }

  /** Begin to listen, if it does not yet. */
  begin() {
    if (this.#isListening) return;
    this.#show(true);
    this.#openSince = 0;
    this.#say("voiceOpening");
    this.#hooks.begin();
    const ear = (this.#ear = this.#choose());
    ear.listen(this.#words.locale, {
      started: () => {
        this.#openSince = performance.now();
        this.#say("voiceListening");
      },
      heard: (text) => this.#hooks.heard(text),
      ended: (text, problem) => this.#ended(text, problem),
    });
  }

  /** The visitor has finished. Before the microphone is open there is nothing to finish, so it is cancelled. */
  finish() {
    if (!this.#isListening) return;
    if (this.#openSince === 0) return this.cancel();
    this.#say("voiceEnding");
    this.#ear?.finish();
  }

  cancel() {
    if (!this.#isListening) return;
    this.#ear?.cancel();
    this.#show(false);
    this.line.textContent = "";
    this.#hooks.cancelled();
  }

  /** Forget what the line says. */
  rest() {
    if (!this.#isListening) this.line.textContent = "";
  }

  #listen() {
    const { button } = this;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#wasPointer = true;
      this.#pressBegan = !this.#isListening;
      this.begin();
    });
    button.addEventListener("pointerup", () => {
      if (this.#pressBegan === null) return;
      // The finger that lets go to answer the browser's question has not said anything yet.
      const isHeld = this.#openSince > 0 && performance.now() - this.#openSince >= HOLD_MS;
      if (!this.#pressBegan || isHeld) this.finish();
      this.#pressBegan = null;
    });
    button.addEventListener("pointercancel", () => (this.#pressBegan = null));
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    // By keyboard, or by a screen reader: those presses have no length.
    button.addEventListener("click", () => {
      const wasPointer = this.#wasPointer;
      this.#wasPointer = false;
      if (wasPointer) return;
      if (this.#isListening) this.finish();
      else this.begin();
    });
  }

  /**
   * @param {string} text
   * @param {Problem | null} problem
   */
  #ended(text, problem) {
    this.#show(false);
    if (problem) this.#say(WHY_NOT[problem]);
    else this.line.textContent = "";
    if (problem) this.#hooks.broken(text);
    else this.#hooks.said(text);
  }

  /** @param {string} name */
  #say(name) {
    this.line.textContent = this.#words.say(name);
  }

  /** @param {boolean} isListening */
  #show(isListening) {
    this.#isListening = isListening;
    this.button.ariaPressed = String(isListening);
  }
}
