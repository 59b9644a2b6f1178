/** What colours and signs of the map mean, with live counts. */

import { element, list, money } from "./page.js";

const SIGNS = [
  ["free", "Free"],
  ["mine", "Yours"],
  ["held", "Held by others"],
  ["sold", "Sold"],
  ["blocked", "Not for sale"],
];
const KINDS = [
  ["wheelchair", "Wheelchair place"],
  ["companion", "Company beside it"],
];
const COUNTED_AS = { asking: "mine", booked: "mine", claimed: "sold", allocated: "blocked" };

export class Legend {
  #layout;
  #signs = new Map();
  #free = new Map();

  constructor(layout, { prices, currency, fees }) {
    this.#layout = layout;
    const signs = SIGNS.map(([state, name]) => {
      const count = element("b");
      this.#signs.set(state, count);
      return element("li", { dataset: { state } }, sample(state), `${name} `, count);
    });
    const categories = layout.categories.map(({ key, name, color }) => {
      const free = element("span", { className: "quiet" });
      this.#free.set(key, free);
      const price = element("b", { textContent: money(prices[key], currency) });
      return element("li", { style: { "--category": color } }, element("i"), name, price, free);
    });
    const kinds = KINDS.filter(([kind]) => layout.seats.some((seat) => seat.kind === kind));
    const shown = kinds.map(([kind, name]) => element("li", {}, sample("free", kind), name));
    document.getElementById("counts").replaceChildren(...signs, ...shown);
    const extra = [
      [fees.per_ticket_minor, "ticket"],
      [fees.per_booking_minor, "booking"],
    ].filter(([fee]) => fee > 0);
    const told = list(extra.map(([fee, of]) => `${money(fee, currency)} for each ${of}`));
    const plus = told ? [element("li", { className: "quiet" }, `Fees: ${told}`)] : [];
    document.getElementById("categories").replaceChildren(...categories, ...plus);
  }

  /** `stateOf(index)` is the word for what a seat shows, `remaining` the free places of each area. */
  update(stateOf, remaining) {
    const states = this.#layout.seats.map((_, seat) => COUNTED_AS[stateOf(seat)] ?? stateOf(seat));
    const count = (wanted) => states.filter(wanted).length;
    for (const [state, node] of this.#signs) node.textContent = count((one) => one === state);
    const { seats, general_areas } = this.#layout;
    for (const [key, node] of this.#free) {
      const places = general_areas.map(({ category }, area) => (category === key ? (remaining[area] ?? 0) : 0));
      const free = count((one, seat) => one === "free" && seats[seat].category === key);
      node.textContent = `${places.reduce((sum, left) => sum + left, free)} free`;
    }
  }
}

/** A seat in this state; `sign` is what it carries. */
function sample(state, sign = state) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-20 -20 40 40");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = `
    <g class="seat" data-state="${state}">
      <rect class="body" x="-17" y="-17" width="34" height="34" rx="8"/>
      <use class="glyph" x="-20" y="-20" width="40" height="40" href="#glyph-${sign}"/>
    </g>`;
  return svg;
}
