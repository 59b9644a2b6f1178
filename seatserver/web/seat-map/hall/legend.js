/** The legend: what the map's colours and symbols mean, with live counts. */

import { drawingOn, element } from "../../shared/dom.js";
import { readPalette } from "./palette.js";
import { Sprites } from "./sprites.js";

/** @import { Look } from "../types.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */

/** @type {("free" | "mine" | "held" | "sold" | "blocked")[]} */
const LOOKS = ["free", "mine", "held", "sold", "blocked"];
const SIGNS = { free: "signFree", mine: "signMine", held: "signHeld", sold: "signSold", blocked: "signBlocked" };
const KINDS = { wheelchair: "signWheelchair", companion: "signCompanion" };
/** @type {Record<string, string>} */
const COUNTED_AS = { asking: "mine", booked: "mine", claimed: "sold", allocated: "blocked" };
const SAMPLE_PX = 24;
const ANY = { key: "", name: "", color: "#7d7886" }; // of a seat whose category does not matter

export class Legend {
  /** Whether any place is free. */
  hasFree = true;
  /** Whether someone else holds a seat, which may therefore become free. */
  hasHeld = false;

  #node;
  #layout;
  #words;
  /** @type {Map<string, HTMLElement>} */
  #signs = new Map();
  /** @type {Map<string, HTMLElement>} */
  #free = new Map();
  /** @type {{ canvas: HTMLCanvasElement, look: Look, kind: string, category: string }[]} */
  #samples = [];
  /** What each seat is counted as. @type {string[]} */
  #shown = [];
  /** How many seats, by state, or by "free" and a category. @type {Map<string, number>} */
  #counts = new Map();

  /**
   * `prices` and `signs`: two empty lists.
   * @param {HTMLElement} prices
   * @param {HTMLElement} signs
   * @param {{ venue: Venue, words: Words }} parts
   */
  constructor(prices, signs, { venue, words }) {
    this.#node = signs;
    this.#layout = venue.layout;
    this.#words = words;
    prices.append(...this.#prices(venue));
    signs.append(...this.#meanings());
    this.restyle();
  }

  /** @param {Venue} venue */
  #prices(venue) {
    const { prices, fees } = venue.showtime;
    const lines = this.#layout.categories.map(({ key, name, color }) => {
      const free = element("span", { className: "quiet" });
      // As wide as it will be, so that nothing moves when the counts are known.
      free.textContent = this.#words.say("countFree", { count: this.#seatsOf(key) });
      free.style.visibility = "hidden";
      this.#free.set(key, free);
      const hasSeats = this.#seatsOf(key) > 0;
      // Seats that are sold only together still have a price for each seat.
      const isGrouped = this.#layout.groups.some(([seat]) => this.#layout.seats[seat].category === key);
      const money = venue.money(prices[key]);
      const price = element("b", { textContent: isGrouped ? this.#words.say("perSeat", { money }) : money });
      const picture = hasSeats ? this.#sample("free", "standard", key) : element("i");
      return element("li", { style: { "--category": color } }, picture, name, price, free);
    });
    const extra = [
      { fee: fees.per_ticket_minor, name: "feesTicket" },
      { fee: fees.per_booking_minor, name: "feesBooking" },
    ].filter(({ fee }) => fee > 0);
    if (extra.length === 0) return lines;
    const told = this.#words.list(extra.map(({ fee, name }) => this.#words.say(name, { money: venue.money(fee) })));
    const textContent = this.#words.say("feesAll", { fees: told });
    return [...lines, element("li", { className: "quiet", textContent })];
  }

  /** @param {string} category */
  #seatsOf(category) {
    return this.#layout.seats.filter((seat) => seat.category === category).length;
  }

  #meanings() {
    const signs = LOOKS.map((state) => {
      const count = element("b", { textContent: this.#words.number(0) });
      count.style.visibility = "hidden";
      this.#signs.set(state, count);
      return element(
        "li",
        { dataset: { state } },
        this.#sample(state, "standard"),
        `${this.#words.say(SIGNS[state])} `,
        count,
      );
    });
    const isThere = (/** @type {string} */ kind) => this.#layout.seats.some((seat) => seat.kind === kind);
    const kinds = Object.entries(KINDS)
      .filter(([kind]) => isThere(kind))
      .map(([kind, name]) => element("li", {}, this.#sample("free", kind), this.#words.say(name)));
    return [...signs, ...kinds];
  }

  /**
   * @param {Look} look
   * @param {string} kind
   */
  #sample(look, kind, category = ANY.key) {
    const canvas = element("canvas", { ariaHidden: "true" });
    this.#samples.push({ canvas, look, kind, category });
    return canvas;
  }

  /** Draw the samples in the colours that hold now. */
  restyle() {
    const palette = readPalette(this.#node);
    // Seats look as on the map, where the place of a category in the list shows, too.
    const [any, own] = [[ANY], this.#layout.categories].map((categories) => new Sprites(categories, palette));
    const side = Math.round(SAMPLE_PX * (globalThis.devicePixelRatio || 1));
    for (const { canvas, look, kind, category } of this.#samples) {
      canvas.width = canvas.height = side;
      const context = drawingOn(canvas);
      context.translate(side / 2, side / 2);
      (category === ANY.key ? any : own).draw(context, side * 1.1, look, kind, category);
    }
  }

  /**
   * `stateOf(seat)` is the word for what a seat shows, another one than last time perhaps for `seats` (null: for all).
   * `remaining` are the free places of each area.
   * @param {(seat: number) => string} stateOf
   * @param {number[]} remaining
   * @param {Iterable<number> | null} seats
   */
  update(stateOf, remaining, seats = null) {
    if (seats === null) {
      this.#shown = [];
      this.#counts.clear();
    }
    for (const seat of seats ?? this.#layout.seats.keys()) this.#count(seat, stateOf(seat));
    this.hasFree = this.#countOf("free") > 0 || remaining.some((left) => left > 0);
    this.hasHeld = this.#countOf("held") > 0;
    const free = new Map();
    this.#layout.general_areas.forEach(({ category }, area) => add(free, category, remaining[area] ?? 0));
    for (const [state, node] of this.#signs) write(node, this.#words.number(this.#countOf(state)));
    for (const [key, node] of this.#free) {
      const count = this.#countOf(`free ${key}`) + (free.get(key) ?? 0);
      write(node, this.#words.say("countFree", { count }));
    }
  }

  /** @param {string} key a state, or "free" and a category */
  #countOf(key) {
    return this.#counts.get(key) ?? 0;
  }

  /**
   * @param {number} seat
   * @param {string} state
   */
  #count(seat, state) {
    const [before, now] = [this.#shown[seat], COUNTED_AS[state] ?? state];
    if (before === now) return;
    this.#shown[seat] = now;
    const { category } = this.#layout.seats[seat];
    if (before !== undefined) add(this.#counts, before, -1);
    add(this.#counts, now, 1);
    if (before === "free") add(this.#counts, `free ${category}`, -1);
    if (now === "free") add(this.#counts, `free ${category}`, 1);
  }
}

/**
 * @param {Map<string, number>} counts
 * @param {string} key
 * @param {number} count
 */
function add(counts, key, count) {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/**
 * @param {HTMLElement} node
 * @param {string} text
 */
function write(node, text) {
  node.style.visibility = "";
  if (node.textContent !== text) node.textContent = text;
}
