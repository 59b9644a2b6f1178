/** The basket: what this visitor holds, for how long, at which price, and what to do with it. */

import { button, element } from "./dom.js";

const HURRY_MS = 60_000;
const TICK_MS = 250;
const FREE = 0;

/** Events: "checkout", when the visitor goes on to book or pay; "hurry", when the last minute begins. */
export class Basket extends EventTarget {
  #client;
  #choice;
  #venue;
  #words;
  #answers;
  #notices;
  #node;
  #pageBooks;
  #ticketAt;
  #booking = false;
  #hurries = false;
  #hasFree = true;
  #clock = null;
  #bar = null;
  #timer;

  /**
   * `node`: where it stands. `pageBooks()`: the page goes on with what is held, so booking is not ours. `ticketAt(id)`:
   * the address of a booking's ticket, or null.
   */
  constructor(node, { client, choice, venue, words, answers, notices, pageBooks, ticketAt, signal }) {
    super();
    this.#node = node;
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#pageBooks = pageBooks;
    this.#ticketAt = ticketAt;
    for (const event of ["holds", "status", "welcome"]) {
      client.addEventListener(event, () => this.render(), { signal });
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.render();
  }

  /** Whether there is a free place: where there is none, the empty basket asks for no choice. */
  set hasFree(hasFree) {
    if (hasFree === this.#hasFree) return;
    this.#hasFree = hasFree;
    if (this.#client.holds.size === 0) this.render();
  }

  stop() {
    clearInterval(this.#timer);
  }

  #deadline() {
    return Math.min(...[...this.#client.holds.values()].map((hold) => hold.deadlineMs));
  }

  /** Draw it anew; the keyboard stays at the control where it was, or at least in the basket. */
  render() {
    const active = this.#node.getRootNode().activeElement;
    const isInside = this.#node.contains(active);
    const key = active?.dataset.key;
    this.#node.replaceChildren(...this.#contents());
    this.#node.dataset.empty = String(this.#client.holds.size === 0);
    this.#tick();
    if (!isInside) return;
    [...this.#node.querySelectorAll("[data-key]")].find((node) => node.dataset.key === key)?.focus();
    if (!this.#node.contains(this.#node.getRootNode().activeElement)) this.#node.focus({ preventScroll: true });
  }

  #contents() {
    const { holds, status } = this.#client;
    const say = (name, facts) => this.#words.say(name, facts);
    if (holds.size === 0) {
      this.#clock = this.#bar = null;
      const live = this.#hasFree ? "hintFree" : "hintTaken";
      const hint = say(status === "live" ? live : "hintFrozen");
      const heading = element("h2", { textContent: say("yourSeats") });
      return [heading, element("p", { className: "quiet", textContent: hint })];
    }
    const { basketId } = this.#choice;
    const others = [...holds].filter(([id]) => id !== basketId);
    const sum = (part) => [...holds.values()].reduce((total, hold) => total + part(hold), 0);
    const total = this.#venue.money(sum((hold) => hold.total_minor));
    const fees = sum((hold) => hold.fees_minor);
    const tickets = say("tickets", { count: sum((hold) => hold.lines.length) });
    this.#clock = element("time", { className: "countdown", part: "countdown", role: "timer" });
    const meaning = element("span", { className: "unseen", textContent: say("timeLeft") });
    this.#bar = element("div", { className: "left" });
    return [
      element("h2", {}, `${say("yourSeats")} `, meaning, this.#clock),
      element("div", { className: "bar" }, this.#bar),
      element("ul", { className: "lines" }, ...holds.get(basketId).lines.map((line, at) => this.#line(line, at))),
      ...others.map(([id, hold]) => this.#other(id, hold)),
      this.#hint(holds.get(basketId)),
      fees > 0 && sumOf(say("fees"), this.#venue.money(fees), "fees"),
      sumOf(tickets, element("strong", { textContent: total }), "total"),
      this.#goOn(total),
      element(
        "p",
        { className: "row" },
        this.#button("extend", say("extend"), () => this.#extend()),
        this.#button("release", say("release"), () => this.#choice.dropAll()),
      ),
    ].filter(Boolean);
  }

  /** The button that books, or leads on to where the page does. */
  #goOn(total) {
    const { welcome } = this.#client;
    if (this.#pageBooks()) {
      return this.#button("book", this.#words.say("checkout", { total }), () => this.#tell("checkout"));
    }
    const mayBook = welcome?.scopes.some((scope) => scope === "book" || scope === "admin");
    if (!mayBook) return element("p", { className: "quiet", textContent: this.#words.say("mayNotBook") });
    const text = this.#booking ? this.#words.say("booking") : this.#words.say("book", { total });
    return this.#button("book", text, () => this.#book());
  }

  #button(name, text, act) {
    const disabled = this.#client.status !== "live" || this.#booking;
    return button(text, act, { className: name, disabled, part: `button ${name}`, dataset: { key: name } });
  }

  #line(line, at) {
    const name = this.#venue.name(line);
    const all =
      line.seat === undefined
        ? this.#words.say("onePlace", { area: name })
        : this.#venue.names(this.#venue.groupOf(line.seat));
    return element(
      "li",
      {},
      element("strong", { textContent: name, dir: "auto" }),
      this.#ticket(line, at),
      element("span", { className: "price", textContent: this.#venue.money(line.price_minor) }),
      this.#back(`back ${at}`, all, () => this.#choice.drop(line)),
    );
  }

  #back(key, seats, act) {
    const ariaLabel = this.#words.say("giveBack", { seats });
    const disabled = this.#client.status !== "live" || this.#booking;
    return button("×", act, { className: "close", disabled, ariaLabel, dataset: { key } });
  }

  /** Which ticket: to choose where several are sold. */
  #ticket(line, at) {
    const kinds = this.#venue.ticketsFor(line);
    if (kinds.length === 1) {
      return element("span", { className: "quiet", textContent: this.#venue.categoryOf(line).name });
    }
    const ariaLabel = this.#words.say("ticketFor", { seat: this.#venue.name(line) });
    const options = kinds.map(({ key, name }) =>
      element("option", { value: key, textContent: name, selected: key === line.ticket }),
    );
    const select = element("select", { ariaLabel, dataset: { key: `ticket ${at}` } }, ...options);
    select.disabled = this.#client.status !== "live" || this.#booking;
    select.addEventListener("change", async () => {
      await this.#choice.changeTicket(line, select.value);
      this.render(); // what was refused is not what it shows
    });
    return select;
  }

  /** A hold made in another window of this visitor. */
  #other(id, { seats, areas, total_minor }) {
    const names = this.#venue.names(seats, areas);
    const giveBack = () => this.#choice.ask(() => this.#client.release(id), { seats, taking: false });
    return element(
      "div",
      { className: "other" },
      element("p", { textContent: this.#words.say("elsewhere", { seats: names }) }),
      element("span", { className: "price", textContent: this.#venue.money(total_minor) }),
      this.#back(`back ${id}`, names, giveBack),
    );
  }

  /** Where the house only warns of seats left over. */
  #hint({ stranded }) {
    const left = stranded.filter((seat) => this.#client.states?.[seat] === FREE);
    if (left.length === 0) return null;
    return element("p", { className: "hint", textContent: this.#answers.gapHint(left) });
  }

  /** The clock runs on the server's time, so a wrong clock here does no harm. */
  #tick() {
    if (!this.#clock) return;
    const left = this.#deadline() - this.#client.now();
    const text = this.#words.countdown(left);
    if (this.#clock.textContent !== text) this.#clock.textContent = text;
    const hurries = left < HURRY_MS;
    this.#node.dataset.hurry = String(hurries);
    if (hurries && !this.#hurries) this.#tell("hurry");
    this.#hurries = hurries;
    const share = left / (this.#client.welcome?.limits.hold_ms ?? left);
    this.#bar.style.setProperty("--share", Math.max(0, Math.min(1, share)));
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }

  async #extend() {
    const before = this.#deadline();
    let extended = false;
    const more = async (id) => (extended = await this.#client.extend(id));
    await this.#choice.ask(() => this.#choice.each(more), { taking: false });
    if (!extended) return;
    const left = this.#deadline() - this.#client.now();
    if (this.#deadline() - before < 1000) this.#notices.tell("note", this.#words.say("noMoreTime"));
    else this.#notices.say(this.#words.say("moreTime", { time: this.#words.countdown(left) }));
  }

  async #book() {
    this.#booking = true;
    this.render();
    const booked = [];
    const book = async (id) => booked.push(await this.#client.book(id));
    await this.#choice.ask(() => this.#choice.each(book), { taking: false });
    this.#booking = false;
    this.render();
    if (booked.length === 0) return;
    const seats = this.#venue.names(
      booked.flatMap((one) => one.seats),
      booked.flatMap((one) => one.areas),
    );
    const isPaid = booked.every(({ status }) => status === "confirmed");
    const href = this.#ticketAt(booked[0].booking_id);
    const actions = href && booked.length === 1 ? [[this.#words.say("showTicket"), () => location.assign(href)]] : [];
    this.#notices.tell("good", this.#words.say(isPaid ? "bookedNow" : "bookedPending", { seats }), { actions });
  }
}

function sumOf(name, amount, className) {
  return element("p", { className }, element("span", { textContent: name }), amount);
}
