/** General-admission areas: a list with a − and a + for each, and how many places are left. */

import { button, element } from "../../shared/dom.js";

/** @import { SeatMapClient } from "../../seatmap-client.js" */
/** @import { Choice } from "../basket/choice.js" */
/** @import { Sale } from "../sale.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */

export class Areas {
  #client;
  #choice;
  #words;
  #sale;
  #rows;

  /**
   * `node`: an empty list.
   * @param {HTMLElement} node
   * @param {{ client: SeatMapClient, choice: Choice, venue: Venue, words: Words, sale: Sale }} parts
   */
  constructor(node, { client, choice, venue, words, sale }) {
    this.#client = client;
    this.#choice = choice;
    this.#words = words;
    this.#sale = sale;
    node.hidden = venue.areas.length === 0;
    this.#rows = venue.areas.map((_, area) => {
      const name = venue.name({ area });
      /** @param {string} text */
      const say = (text) => words.say(text, { area: name });
      const left = element("span", { className: "quiet" });
      const mine = element("output", { ariaLabel: say("yoursIn") });
      const less = button("−", () => choice.drop({ area }), { className: "step", ariaLabel: say("less") });
      const more = button("+", () => choice.addPlace(area), { className: "step", ariaLabel: say("more") });
      const { color } = venue.categoryOf({ area });
      const what = element("span", {}, element("strong", { textContent: name }), ` ${venue.price({ area })} `, left);
      const row = element("li", { style: { "--category": color } }, element("i"), what, less, mine, more);
      node.append(row);
      return { left, mine, less, more };
    });
  }

  /** Show what is left and what is in the basket. */
  update() {
    const { remaining } = this.#client;
    this.#rows.forEach(({ left, mine, less, more }, area) => {
      const count = this.#choice.lines.filter((line) => line.area === area).length;
      left.textContent = this.left(area);
      const text = this.#words.number(count);
      if (mine.textContent !== text) mine.textContent = text;
      less.ariaDisabled = String(count === 0);
      more.ariaDisabled = String(!remaining[area] || this.#sale.isClosed);
    });
  }

  /**
   * "8 left" or "full"; "" before anything is known.
   * @param {number} area
   */
  left(area) {
    const count = this.#client.remaining[area];
    if (count === undefined) return "";
    return count > 0 ? this.#words.say("left", { count }) : this.#words.say("full");
  }

  /**
   * Bring the visitor to an area's buttons.
   * @param {number} area
   */
  show(area) {
    this.#rows[area].more.focus();
  }
}
