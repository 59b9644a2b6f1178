/** A number field with − and + buttons. */

import { button, element } from "../../shared/dom.js";

/** @import { Words } from "../words.js" */

/** Event "change", when another number is said, by whomever (not when the code sets it). */
export class Stepper extends EventTarget {
  /** All of it: a label with the name, and the field between its two buttons. */
  node;
  input;
  #less;
  #more;

  /**
   * `least`: as far as − goes; whoever types may leave the field empty meanwhile, which counts as none.
   * @param {string} name
   * @param {Words} words
   */
  constructor(name, words, { value = 0, least = 0 } = {}) {
    super();
    this.least = least;
    const id = `count-${(made += 1)}`;
    this.input = element("input", { id, type: "number", inputMode: "numeric", min: least, value, required: true });
    /**
     * @param {string} text
     * @param {string} label
     * @param {number} by
     */
    const step = (text, label, by) =>
      button(text, () => this.#step(by), { className: "step", ariaLabel: words.say(label, { name }) });
    this.#less = step("−", "oneLess", -1);
    this.#more = step("+", "oneMore", 1);
    const field = element("span", { className: "steps" }, this.#less, this.input, this.#more);
    this.node = element("div", { className: "stepper" }, element("label", { htmlFor: id, textContent: name }), field);
    this.input.addEventListener("input", () => this.#changed());
    this.#show();
  }

  get value() {
    return Math.max(0, Math.trunc(this.input.valueAsNumber) || 0);
  }

  set value(count) {
    // Not while it is being typed.
    if (count !== this.value || this.input.value === "") this.input.value = String(count);
    this.#show();
  }

  /**
   * As far as + goes.
   * @param {number} count
   */
  set most(count) {
    this.input.max = String(count);
    this.#show();
  }

  /**
   * Whether it can be looked at only.
   * @param {boolean} isClosed
   */
  set isClosed(isClosed) {
    this.input.readOnly = isClosed;
    this.input.ariaDisabled = String(isClosed);
    this.#show();
  }

  /** @param {number} by */
  #step(by) {
    this.input.value = String(this.value + by);
    this.#changed();
  }

  #changed() {
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #show() {
    const { readOnly, max } = this.input;
    this.#less.ariaDisabled = String(readOnly || this.value <= this.least);
    this.#more.ariaDisabled = String(readOnly || (max !== "" && this.value >= Number(max)));
  }
}

let made = 0; // steppers, each of which its label has to find
