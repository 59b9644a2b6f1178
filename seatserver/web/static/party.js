/** The form above the map: the best seats for a party, and how many of it come with a wheelchair. */

import { element } from "./page.js";

const MOST_PEOPLE = 50; // in one search, whatever the house allows (see /asyncapi.json)

export class Party {
  #form = document.getElementById("party");
  #client;
  #choice;
  #venue;

  constructor(layout, client, choice, venue) {
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    const { seats, categories } = layout;
    const { category, count, wheelchairs } = this.#form.elements;
    const used = categories.filter(({ key }) => seats.some((seat) => seat.category === key));
    category.append(...used.map(({ key, name }) => element("option", { value: key, textContent: name })));
    category.closest("label").hidden = used.length < 2;
    wheelchairs.closest("label").hidden = !seats.some(({ kind }) => kind === "wheelchair");
    this.#form.hidden = seats.length === 0;
    wheelchairs.addEventListener("input", () => {
      choice.wheelchairs = Math.max(0, Math.trunc(wheelchairs.valueAsNumber) || 0);
    });
    choice.addEventListener("wheelchairs", () => {
      count.min = Math.max(1, choice.wheelchairs);
      // Not while it is being typed.
      if ((wheelchairs.valueAsNumber || 0) !== choice.wheelchairs) wheelchairs.value = choice.wheelchairs;
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
    client.addEventListener("welcome", () => this.#welcome());
  }

  /** After a reload the wheelchair places that are held say how many had been named. */
  #welcome() {
    const { limits } = this.#client.welcome;
    const held = [...this.#client.mine.keys()].filter((seat) => this.#venue.isForWheelchair(seat)).length;
    const { count, wheelchairs } = this.#form.elements;
    count.max = wheelchairs.max = Math.min(limits.seats_per_user, MOST_PEOPLE);
    if (held > this.#choice.wheelchairs) this.#choice.wheelchairs = held;
  }

  async #search() {
    const { count, category, find } = this.#form.elements;
    if (find.ariaBusy === "true") return;
    find.ariaBusy = "true";
    await this.#choice.best(count.valueAsNumber, category.value);
    find.ariaBusy = "false";
  }
}
