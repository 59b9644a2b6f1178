/** The basket: what this visitor holds, for how long, at which price, and what to do with it. */

import { notify } from "./notices.js";
import { countdown, element, plural } from "./page.js";
import { describeGap } from "./words.js";

const HURRY_MS = 60_000;
const FREE = 0;

export class Basket {
  #client;
  #choice;
  #venue;
  #node = document.getElementById("basket");
  #booking = false;

  constructor(client, choice, venue) {
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    for (const event of ["holds", "status", "welcome"]) client.addEventListener(event, () => this.#render());
    setInterval(() => this.#tick(), 250);
    this.#render();
  }

  #deadline() {
    return Math.min(...[...this.#client.holds.values()].map((hold) => hold.deadlineMs));
  }

  /** Draw it anew; the keyboard stays at the control where it was, or at least in the basket. */
  #render() {
    const { activeElement } = document;
    const inside = this.#node.contains(activeElement);
    const key = activeElement?.dataset.key;
    this.#node.replaceChildren(...this.#contents());
    this.#node.dataset.empty = String(this.#client.holds.size === 0);
    this.#tick();
    if (!inside) return;
    [...this.#node.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key)?.focus();
    if (!this.#node.contains(document.activeElement)) this.#node.focus({ preventScroll: true });
  }

  #contents() {
    const { holds, status, welcome } = this.#client;
    if (holds.size === 0) {
      const hint = status === "live" ? "Click a free seat to hold it." : "Seats can be held when the map is live.";
      return [element("h2", { textContent: "Your seats" }), element("p", { className: "quiet", textContent: hint })];
    }
    const { basketId } = this.#choice;
    const others = [...holds].filter(([id]) => id !== basketId);
    const sum = (part) => [...holds.values()].reduce((total, hold) => total + part(hold), 0);
    const total = this.#venue.money(sum((hold) => hold.total_minor));
    const fees = sum((hold) => hold.fees_minor);
    const mayBook = welcome?.scopes.some((scope) => scope === "book" || scope === "admin");
    return [
      element("h2", {}, "Your seats ", element("time", { id: "countdown", role: "timer" })),
      element("div", { className: "bar" }, element("div", { id: "left" })),
      element("ul", { className: "seats" }, ...holds.get(basketId).lines.map((line, at) => this.#line(line, at))),
      ...others.map(([id, hold]) => this.#other(id, hold)),
      this.#hint(holds.get(basketId)),
      fees > 0 && sumOf("Fees", this.#venue.money(fees), "fees"),
      sumOf(
        plural(
          sum((hold) => hold.lines.length),
          "ticket",
        ),
        element("strong", { textContent: total }),
        "total",
      ),
      this.#button("main book", this.#booking ? "Booking …" : `Book for ${total}`, () => this.#book(), mayBook),
      element(
        "p",
        { className: "row" },
        this.#button("extend", "More time", () => this.#extend()),
        this.#button("release", "Give all back", () => this.#each((id) => this.#client.release(id))),
      ),
    ].filter(Boolean);
  }

  #button(className, textContent, act, enabled = true) {
    const disabled = this.#client.status !== "live" || this.#booking || !enabled;
    const made = element("button", { type: "button", className, textContent, disabled, dataset: { key: className } });
    made.addEventListener("click", act);
    return made;
  }

  #line(line, at) {
    const name = this.#venue.name(line);
    const back = this.#button("close", "×", () => this.#choice.drop(line));
    const all = line.seat === undefined ? `one place in ${name}` : this.#venue.names(this.#venue.groupOf(line.seat));
    back.ariaLabel = `Give back ${all}`;
    back.dataset.key = `back ${at}`;
    return element(
      "li",
      {},
      element("strong", { textContent: name }),
      this.#ticket(line, at),
      element("span", { className: "price", textContent: this.#venue.money(line.price_minor) }),
      back,
    );
  }

  /** Which ticket: to choose where several are sold. */
  #ticket(line, at) {
    const kinds = this.#venue.ticketsFor(line);
    if (kinds.length === 1)
      return element("span", { className: "quiet", textContent: this.#venue.categoryOf(line).name });
    const select = element(
      "select",
      { ariaLabel: `Ticket for ${this.#venue.name(line)}`, dataset: { key: `ticket ${at}` } },
      ...kinds.map(({ key, name }) =>
        element("option", { value: key, textContent: name, selected: key === line.ticket }),
      ),
    );
    select.disabled = this.#client.status !== "live" || this.#booking;
    select.addEventListener("change", async () => {
      await this.#choice.changeTicket(line, select.value);
      this.#render(); // what was refused is not what it shows
    });
    return select;
  }

  /** A hold made in another window of this visitor. */
  #other(id, { seats, areas, total_minor }) {
    const names = this.#venue.names(seats, areas);
    const back = this.#button("close", "×", () =>
      this.#choice.ask(() => this.#client.release(id), { seats, taking: false }),
    );
    back.ariaLabel = `Give back ${names}`;
    back.dataset.key = `back ${id}`;
    return element(
      "div",
      { className: "other" },
      element("p", {}, element("span", { className: "quiet", textContent: "Held in another window: " }), names),
      element("span", { className: "price", textContent: this.#venue.money(total_minor) }),
      back,
    );
  }

  /** Where the house only warns of seats left over. */
  #hint({ stranded }) {
    const left = stranded.filter((seat) => this.#client.states?.[seat] === FREE);
    if (left.length === 0) return null;
    const text = `${describeGap(left, this.#venue)} If you can, move over or take ${left.length > 1 ? "them" : "it"} too.`;
    return element("p", { className: "hint", textContent: text });
  }

  /** The clock runs on the server's time, so a wrong clock here does no harm. */
  #tick() {
    const clock = document.getElementById("countdown");
    if (!clock) return;
    const left = this.#deadline() - this.#client.now();
    clock.textContent = countdown(left);
    this.#node.dataset.hurry = String(left < HURRY_MS);
    const share = left / (this.#client.welcome?.limits.hold_ms ?? left);
    document.getElementById("left").style.setProperty("--share", Math.max(0, Math.min(1, share)));
  }

  /** One after another, behind whatever is asked for already: the holds that there are then. */
  #each(act) {
    const all = async () => {
      for (const id of [...this.#client.holds.keys()]) await act(id);
    };
    return this.#choice.ask(all, { taking: false });
  }

  async #extend() {
    const before = this.#deadline();
    let extended = false;
    await this.#each(async (id) => (extended = await this.#client.extend(id)));
    if (extended && this.#deadline() - before < 1000)
      notify("note", "There is no more time to be had for these seats.");
  }

  async #book() {
    this.#booking = true;
    this.#render();
    const booked = [];
    await this.#each(async (id) => booked.push(await this.#client.book(id)));
    if (booked.length > 0) {
      const names = this.#venue.names(
        booked.flatMap(({ seats }) => seats),
        booked.flatMap(({ areas }) => areas),
      );
      notify("good", `Booked: ${names}. Enjoy the film!`);
    }
    this.#booking = false;
    this.#render();
  }
}

function sumOf(name, amount, className) {
  return element("p", { className }, element("span", { textContent: name }), amount);
}
