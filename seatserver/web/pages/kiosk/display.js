/**
 * What the kiosk shows, and says of it: the bar, one screen under its heading, and below that what is told, and buttons.
 *
 * `kiosk.js` decides which screen that is. A new one takes the focus and is read out; one that is shown again changes
 * under the person's hands, and the focus stays where it was.
 */

import { button, byId, element } from "../shared/page.js";
import { spoken } from "../../shared/speech.js";
import { bar } from "./bar.js";

/** @import { Kiosk } from "./kiosk.js" */
/** @import { Screen } from "./screens.js" */

const BUSY_MS = 250;

export class Display {
  /** @type {Kiosk} */
  #kiosk;
  /** @type {Screen | null} */
  #screen = null;

  #later = 0; // the timer of what is said when all else has been

  /** @param {Kiosk} kiosk */
  constructor(kiosk) {
    this.#kiosk = kiosk;
    addEventListener("focusin", ({ target }) => this.#speakOf(/** @type {HTMLElement} */ (target)));
  }

  /** The name of what is shown. */
  get name() {
    return this.#screen?.name ?? "";
  }

  /** Whether what is shown waits for something itself. */
  get rests() {
    return this.#screen?.rests === true;
  }

  /**
   * Show this screen. Returns whether it is another one than before, which was read out.
   * @param {Screen} screen
   * @param {string | null} step whatever else makes it another screen than one of the same name
   */
  show(screen, step) {
    const { words, speech, note } = this.#kiosk;
    const key = JSON.stringify([screen.name, step, screen.title, words.lang]);
    const isNew = byId("screen").dataset.key !== key;
    // A seat map stays as it is: it is live, and the person may be in the middle of it. So does what a camera sees.
    if (!isNew && screen.stays && screen.stays === this.#screen?.stays) {
      this.#showAround();
      return false;
    }
    const before = /** @type {HTMLElement | null} */ (document.activeElement)?.textContent;
    this.#screen = screen;
    if (isNew) clearTimeout(this.#later);
    document.documentElement.lang = words.lang;
    Object.assign(document.body.dataset, { screen: screen.name, ...this.#looks() });
    byId("screen").dataset.key = key;
    const title = element("h1", { id: "title", tabIndex: -1, textContent: screen.title });
    byId("screen").replaceChildren(title, ...screen.content.filter((one) => one instanceof Node));
    byId("bar").replaceChildren(...bar(this.#kiosk));
    this.#showFoot();
    this.#focus(isNew, before ?? "");
    if (isNew) speech.say([screen.title, note, this.#readOut()].filter(Boolean).join(" "));
    return isNew;
  }

  /** What stands around a seat map. The focus stays on the button that says the same as before. */
  #showAround() {
    const before = /** @type {HTMLElement} */ (document.activeElement);
    const isAround = ["bar", "foot"].some((id) => byId(id).contains(before));
    byId("bar").replaceChildren(...bar(this.#kiosk));
    this.#showFoot();
    if (isAround) this.#focus(false, before.textContent ?? "");
  }

  #looks() {
    const { contrast, large, reach } = this.#kiosk.preferences;
    return { contrast: String(contrast), large: String(large), reach: String(reach) };
  }

  /**
   * The focus goes to a new screen's heading, and else stays on what says the same as before.
   * @param {boolean} isNew
   * @param {string} before
   */
  #focus(isNew, before) {
    if (this.#kiosk.isAsking) return;
    if (isNew) return byId("title").focus();
    const all = [...document.querySelectorAll("button")];
    all.find(({ textContent }) => textContent === before)?.focus();
  }

  #showFoot() {
    const kiosk = this.#kiosk;
    const { back, next, other } = this.#screen ?? {};
    const { told } = kiosk;
    const buttons = [
      back && button(kiosk.words.text("back"), () => back()),
      kiosk.canStartOver && button(kiosk.words.text("startOver"), () => kiosk.leave(), { className: "quiet" }),
      other && button(other[0], () => other[1]()),
      next && button(next[0], () => next[1](), { className: "main" }),
    ];
    byId("foot").replaceChildren(
      ...(told ? [element("p", { role: "status", textContent: told })] : []),
      element("div", { className: "buttons" }, ...buttons),
    );
  }

  // ------------------------------------------------------------------ what is said of it

  toggleSpeech() {
    const { speech, words } = this.#kiosk;
    speech.isOn = !speech.isOn;
    if (speech.isOn) speech.say(`${words.text("speechOn")} ${this.#screen?.title} ${this.#readOut()}`);
    else speech.stop();
  }

  /** All of the screen once more. */
  sayAgain() {
    const told = byId("foot").querySelector("p")?.textContent;
    this.#kiosk.speech.say([this.#screen?.title, told, this.#readOut()].filter(Boolean).join(". "));
  }

  /** The first sentence of the screen, which has changed meanwhile; what is being said is said to its end before. */
  sayFirst() {
    const { speech } = this.#kiosk;
    clearTimeout(this.#later);
    if (speech.isBusy) this.#later = setTimeout(() => this.sayFirst(), BUSY_MS);
    else speech.say(spoken(byId("screen").children[1]));
  }

  /** What is on the screen, as text. */
  #readOut() {
    return [...byId("screen").children].slice(1).map(spoken).filter(Boolean).join(". ");
  }

  /** @param {HTMLElement} target */
  #speakOf(target) {
    const { speech, words } = this.#kiosk;
    if (!speech.isOn || target.id === "title" || target.localName !== "button") return;
    const { ariaPressed } = target;
    const state = ariaPressed === null ? "" : words.text(ariaPressed === "true" ? "isOn" : "isOff");
    speech.say([spoken(target), state].filter(Boolean).join(", "));
  }
}
