/**
 * Names and prices of what a showtime sells. A place is {seat} or {area}, an index into the layout; a place with a
 * `ticket` (a ticket type's key) is a line of a basket.
 */

import { labelOf } from "./details.js";

/** @import { Category, Layout, Place, Showtime } from "./types.js" */
/** @import { Words } from "./words.js" */

const SEVERAL = 4; // from this many neighbouring seats on, only the first and the last are named

export class Venue {
  #showtime;
  #layout;
  #words;
  /** @type {Map<number, number[]>} */
  #groups = new Map();
  #categories;
  #prices;
  #byLabel;

  /**
   * `showtime` and `layout` as fetchShowtime gives them.
   * @param {Showtime} showtime
   * @param {Layout} layout
   * @param {Words} words
   */
  constructor(showtime, layout, words) {
    this.#showtime = showtime;
    this.#layout = layout;
    this.#words = words;
    this.#categories = new Map(layout.categories.map((category) => [category.key, category]));
    this.#prices = new Map(Object.entries(showtime.prices).map(([key, minor]) => [key, this.money(minor)]));
    for (const group of layout.groups) for (const seat of group) this.#groups.set(seat, group);
    this.#byLabel = new Map(layout.seats.map((_, seat) => [labelOf(layout, seat), seat]));
  }

  get layout() {
    return this.#layout;
  }

  get showtime() {
    return this.#showtime;
  }

  get areas() {
    return this.#layout.general_areas;
  }

  /**
   * What pages and programs call a seat, in every language: "C-7".
   * @param {number} seat
   */
  labelOf(seat) {
    return labelOf(this.#layout, seat);
  }

  /**
   * The seat with this label, or undefined.
   * @param {string} label
   */
  seatOf(label) {
    return this.#byLabel.get(label);
  }

  /**
   * "C-7", or an area's name.
   * @param {Place} place
   */
  name({ seat, area }) {
    if (seat === undefined) return this.areas[/** @type {number} */ (area)].name;
    const { row, number } = this.#layout.seats[seat];
    return this.#words.say("label", { row, number });
  }

  /**
   * "C-7, C-8, and 2 × Lawn", "C-7 to C-12"; `areas` are pairs of an area and a number of places.
   * @param {number[]} seats
   * @param {[area: number, places: number][]} [areas]
   */
  names(seats, areas = []) {
    const places = areas.map(([area, count]) => this.#words.say("places", { count, area: this.name({ area }) }));
    return this.#words.list([...this.#spans(seats), ...places]);
  }

  /**
   * The places of these lines of a basket, as `names` has them.
   * @param {Place[]} lines
   */
  namesOf(lines) {
    const [seats, areas] = [lines.flatMap(({ seat = [] }) => seat), lines.flatMap(({ area = [] }) => area)];
    /** @type {[area: number, places: number][]} */
    const counted = [...Map.groupBy(areas, (area) => area)].map(([area, places]) => [area, places.length]);
    return this.names(seats, counted);
  }

  /** @param {number[]} seats */
  #spans(seats) {
    /** @type {number[][]} */
    const runs = [];
    let before = { row: "", number: "" };
    for (const seat of seats) {
      const { row, number } = this.#layout.seats[seat];
      if (row === before.row && Number(number) - Number(before.number) === 1) runs[runs.length - 1].push(seat);
      else runs.push([seat]);
      before = { row, number };
    }
    return runs.flatMap((run) => {
      const names = run.map((seat) => this.name({ seat }));
      return run.length < SEVERAL ? names : [this.#words.say("span", { from: names[0], to: names[names.length - 1] })];
    });
  }

  /**
   * "Row C, seat 7", as it is read out.
   * @param {number} seat
   */
  spoken(seat) {
    const { row, number } = this.#layout.seats[seat];
    return this.#words.say("seat", { row, number });
  }

  /**
   * What kind of place a seat is, in words; "" for an ordinary one.
   * @param {number} seat
   */
  kind(seat) {
    const { kind = "standard" } = this.#layout.seats[seat];
    if (kind === "wheelchair" || kind === "companion") return this.#words.say(kind);
    if (!kind.startsWith("sofa")) return "";
    const others = this.groupOf(seat).filter((one) => one !== seat);
    return others.length > 0 ? this.#words.say("sofaWith", { seats: this.names(others) }) : this.#words.say("sofa");
  }

  /**
   * The seats that are sold only together with `seat`, itself among them.
   * @param {number} seat
   */
  groupOf(seat) {
    return this.#groups.get(seat) ?? [seat];
  }

  /** @param {number} seat */
  isForWheelchair(seat) {
    return this.#layout.seats[seat].kind === "wheelchair";
  }

  /**
   * {key, name, color} of a place's category.
   * @param {Place} place
   */
  categoryOf({ seat, area }) {
    const { category } = seat === undefined ? this.areas[/** @type {number} */ (area)] : this.#layout.seats[seat];
    return /** @type {Category} */ (this.#categories.get(category));
  }

  /** All ticket types of the showtime. */
  get tickets() {
    return this.#showtime.ticket_types;
  }

  /** @param {string} key */
  ticketName(key) {
    return this.tickets.find((type) => type.key === key)?.name ?? key;
  }

  /**
   * The ticket types sold for a place: {key, name, prices, …}. The first one is the default.
   * @param {Place} place
   */
  ticketsFor(place) {
    const { key } = this.categoryOf(place);
    return this.tickets.filter(({ prices }) => key in prices);
  }

  /**
   * What a place costs with the default ticket type.
   * @param {Place} place
   */
  price(place) {
    return this.#prices.get(this.categoryOf(place).key) ?? "";
  }

  /** @param {number} minor */
  money(minor) {
    return this.#words.money(minor, this.#showtime);
  }

  /**
   * A moment in the theatre's own time, in words.
   * @param {number} ms
   */
  when(ms) {
    const { timezone } = this.#showtime;
    return this.#words.say("when", { day: this.#words.day(ms, timezone), time: this.#words.time(ms, timezone) });
  }
}
