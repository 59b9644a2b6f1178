/**
 * What a showtime sells, by the names that people read. A place is {seat} or {area}, by its index in the layout; a
 * place with a `ticket` (a ticket type's key) is a line of a basket.
 */

import { day, list, money, time } from "./page.js";

const SEVERAL = 4; // so many seats in a row are named by the first and the last

export class Venue {
  #showtime;
  #layout;
  #groups = new Map();
  #prices;

  /** `showtime` and `layout` as REST gives them, the showtime with its theatre's `timezone`. */
  constructor(showtime, layout) {
    this.#showtime = showtime;
    this.#layout = layout;
    this.#prices = new Map(Object.entries(showtime.prices).map(([key, minor]) => [key, this.money(minor)]));
    for (const group of layout.groups) for (const seat of group) this.#groups.set(seat, group);
  }

  get areas() {
    return this.#layout.general_areas;
  }

  /** "C-7", or an area's name. */
  name({ seat, area }) {
    if (seat === undefined) return this.areas[area].name;
    return `${this.#layout.seats[seat].row}-${this.#layout.seats[seat].number}`;
  }

  /** "C-7, C-8, and 2 × Lawn", "C-7 to C-12"; `areas` are pairs of an area and a number of places. */
  names(seats, areas = []) {
    return list([...this.#labels(seats), ...areas.map(([area, count]) => `${count} × ${this.name({ area })}`)]);
  }

  #labels(seats) {
    const runs = [];
    let before = {};
    for (const seat of seats) {
      const { row, number } = this.#layout.seats[seat];
      if (row === before.row && Number(number) - Number(before.number) === 1) runs.at(-1).push(seat);
      else runs.push([seat]);
      before = { row, number };
    }
    return runs.flatMap((run) => {
      const labels = run.map((seat) => this.name({ seat }));
      return run.length < SEVERAL ? labels : [`${labels[0]} to ${labels.at(-1)}`];
    });
  }

  /** The seats that are sold only together with `seat`, itself among them. */
  groupOf(seat) {
    return this.#groups.get(seat) ?? [seat];
  }

  isForWheelchair(seat) {
    return this.#layout.seats[seat].kind === "wheelchair";
  }

  /** {key, name, color} of a place's category. */
  categoryOf({ seat, area }) {
    const { category } = seat === undefined ? this.areas[area] : this.#layout.seats[seat];
    return this.#layout.categories.find(({ key }) => key === category);
  }

  /** The ticket types sold for a place: {key, name, prices, …}. The first is for whoever names none. */
  ticketsFor(place) {
    const { key } = this.categoryOf(place);
    return this.#showtime.ticket_types.filter(({ prices }) => key in prices);
  }

  /** What a place costs whoever names no ticket type. */
  price(place) {
    return this.#prices.get(this.categoryOf(place).key);
  }

  money(minor) {
    return money(minor, this.#showtime.currency);
  }

  /** A moment in the theatre's own time, in words. */
  when(ms) {
    return `${day(ms, this.#showtime.timezone)} at ${time(ms, this.#showtime.timezone)}`;
  }
}
