/** General-admission areas: a list with a − and a + for each, and how many places are left. */

import { element } from "./page.js";

export class Areas {
  #client;
  #choice;
  #rows;

  constructor(client, choice, venue) {
    this.#client = client;
    this.#choice = choice;
    const node = document.getElementById("areas");
    node.hidden = venue.areas.length === 0;
    this.#rows = venue.areas.map((_, area) => {
      const name = venue.name({ area });
      const left = element("span", { className: "quiet" });
      const mine = element("output", { ariaLabel: `Your places in ${name}` });
      const less = step("−", `One place less in ${name}`, () => choice.drop({ area }));
      const more = step("+", `One more place in ${name}`, () => choice.addPlace(area));
      const { color } = venue.categoryOf({ area });
      const what = element("span", {}, element("strong", { textContent: name }), ` ${venue.price({ area })} `, left);
      node.append(element("li", { style: { "--category": color } }, element("i"), what, less, mine, more));
      return { left, mine, less, more };
    });
  }

  /** Show what is left and what is in the basket. */
  update() {
    const { remaining } = this.#client;
    this.#rows.forEach(({ left, mine, less, more }, area) => {
      const count = this.#choice.lines.filter((line) => line.area === area).length;
      left.textContent = describeLeft(remaining[area]);
      if (mine.textContent !== String(count)) mine.textContent = count;
      less.ariaDisabled = String(count === 0);
      more.ariaDisabled = String(!remaining[area]);
    });
  }

  /** Bring the visitor to an area's buttons. */
  show(area) {
    this.#rows[area].more.focus();
  }
}

/** "8 left" or "full"; "" before anything is known. */
export function describeLeft(count) {
  if (count === undefined) return "";
  return count > 0 ? `${count} left` : "full";
}

/** Never disabled outright: the keyboard would lose its place. */
function step(sign, label, act) {
  const made = element("button", { type: "button", className: "step", textContent: sign, ariaLabel: label });
  made.addEventListener("click", () => made.ariaDisabled !== "true" && act());
  return made;
}
