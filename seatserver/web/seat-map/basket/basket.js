/** The basket: what the visitor holds, for how long and at which price, and what can be done with it. */

import { button, element, every, first, focusedIn } from "../../shared/dom.js";

/** @import { Booked, Hold, SeatMapClient, TicketLine } from "../../seatmap-client.js" */
/** @import { Notices, Options } from "../notices.js" */
/** @import { Sale } from "../sale.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Facts, Words } from "../words.js" */
/** @import { Answers } from "./answers.js" */
/** @import { Choice } from "./choice.js" */

const HURRY_MS = 60_000;
const TICK_MS = 250;
const FREE = 0;

/**
 * @typedef {object} Parts what the basket works with
 * @property {SeatMapClient} client
 * @property {Choice} choice
 * @property {Venue} venue
 * @property {Words} words
 * @property {Answers} answers
 * @property {Notices} notices
 * @property {Sale} sale
 * @property {() => boolean} pageBooks
 * @property {(id: string) => string | null} ticketAt
 * @property {AbortSignal} signal
 */

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
  #sale;
  #isOpen = false;
  /** @type {HTMLElement | null} */
  #clock = null;
  /** @type {HTMLElement | null} */
  #bar = null;
  #timer;

  /**
   * `node`: where it stands. `pageBooks()`: the page goes on with what is held, so booking is not ours. `ticketAt(id)`:
   * the address of a booking's ticket, or null.
   * @param {HTMLElement} node
   * @param {Parts} parts
   */
  constructor(node, { client, choice, venue, words, answers, notices, sale, pageBooks, ticketAt, signal }) {
    super();
    this.#node = node;
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#sale = sale;
    this.#pageBooks = pageBooks;
    this.#ticketAt = ticketAt;
    for (const event of ["holds", "status", "welcome"]) {
      client.addEventListener(event, () => this.render(), { signal });
    }
    node.addEventListener("keydown", ({ key }) => key === "Escape" && this.#open(false));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.render();
  }

  /**
   * Whether there is a free place. If not, the empty basket does not ask for a choice.
   * @param {boolean} hasFree
   */
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

  /** Redraw. The focus stays on its control, or at least in the basket. */
  render() {
    const active = focusedIn(this.#node);
    const isInside = this.#node.contains(active);
    const key = active?.dataset.key;
    this.#node.replaceChildren(...this.#contents());
    this.#node.dataset.empty = String(this.#client.holds.size === 0);
    this.#node.dataset.open = String(this.#isOpen);
    this.#tick();
    if (!isInside) return;
    every("[data-key]", this.#node)
      .find((node) => node.dataset.key === key)
      ?.focus();
    if (!this.#node.contains(focusedIn(this.#node))) this.#node.focus({ preventScroll: true });
  }

  #emptyHint() {
    if (this.#client.status !== "live") return this.#words.say("hintFrozen");
    if (this.#sale.isClosed) return this.#words.say(this.#sale.phase === "before" ? "hintSoon" : "hintOver");
    return this.#words.say(this.#hasFree ? "hintFree" : "hintTaken");
  }

  #contents() {
    const { holds } = this.#client;
    /**
     * @param {string} name
     * @param {Facts} [facts]
     */
    const say = (name, facts) => this.#words.say(name, facts);
    const heading = element("h2", { textContent: say("yourSeats") });
    if (holds.size === 0) {
      this.#clock = this.#bar = null;
      this.#isOpen = false;
      return [heading, element("p", { className: "quiet", textContent: this.#emptyHint() })];
    }
    const { basketId } = this.#choice;
    const basket = /** @type {Hold} */ (holds.get(/** @type {string} */ (basketId))); // there is one: there are holds
    const others = [...holds].filter(([id]) => id !== basketId);
    /** @param {(hold: Hold) => number} part */
    const sumUp = (part) => [...holds.values()].reduce((total, hold) => total + part(hold), 0);
    const total = this.#venue.money(sumUp((hold) => hold.total_minor));
    const fees = sumUp((hold) => hold.fees_minor);
    const tickets = say("tickets", { count: sumUp((hold) => hold.lines.length) });
    this.#clock = element("time", { className: "countdown", part: "countdown", role: "timer" });
    const meaning = element("span", { className: "unseen", textContent: say("timeLeft") });
    this.#bar = element("div", { className: "left" });
    const details = element(
      "div",
      { className: "details", id: "details" },
      element("div", { className: "bar" }, this.#bar),
      element("ul", { className: "lines" }, ...basket.lines.map((line, at) => this.#line(line, at))),
      ...others.map(([id, hold]) => this.#other(id, hold)),
      this.#hint(basket),
      fees > 0 && sumOf(say("fees"), this.#venue.money(fees), "fees"),
      sumOf(tickets, element("strong", { textContent: total }), "total"),
      element(
        "p",
        { className: "row" },
        this.#button("extend", say("extend"), () => this.#extend()),
        this.#button("release", say("release"), () => this.#giveAllBack()),
      ),
    );
    const sum = element("span", { className: "sum", ariaHidden: "true" });
    sum.append(element("span", { textContent: tickets }), " ", element("strong", { textContent: total }));
    return [heading, this.#opener(), meaning, this.#clock, sum, details, this.#goOn(total)];
  }

  /** Where there is little room, the basket is one line, which opens to all of it. */
  #opener() {
    const opener = button("", () => this.#open(!this.#isOpen), {
      className: "opener",
      part: "button opener",
      ariaLabel: this.#words.say("allOfBasket"),
      ariaExpanded: String(this.#isOpen),
      dataset: { key: "opener" },
      attributes: { "aria-controls": "details" },
    });
    return opener;
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    const opener = first(".opener", this.#node);
    if (!opener || isOpen === this.#isOpen) return;
    // If the focus is in the part that closes, it moves to the button that opens it.
    const isInside = first(".details", this.#node)?.contains(focusedIn(this.#node));
    if (!isOpen && isInside) opener.focus({ preventScroll: true });
    this.#isOpen = isOpen;
    if (isOpen) this.#notices.pass();
    this.#node.dataset.open = opener.ariaExpanded = String(isOpen);
  }

  /**
   * The button that books, or leads on to where the page does.
   * @param {string} total
   */
  #goOn(total) {
    const { welcome } = this.#client;
    if (this.#pageBooks()) {
      return this.#main("checkout", "checkoutShort", { total }, () => this.#tell("checkout"));
    }
    const mayBook = welcome?.scopes.some((scope) => scope === "book" || scope === "admin");
    if (!mayBook) return element("p", { className: "quiet", textContent: this.#words.say("mayNotBook") });
    if (this.#booking) return this.#button("book", this.#words.say("booking"), () => {});
    return this.#main("book", "bookShort", { total }, () => this.#book());
  }

  /**
   * The main button says the amount, except where it stands beside it.
   * @param {string} name
   * @param {string} short
   * @param {Facts} facts
   * @param {() => unknown} act
   */
  #main(name, short, facts, act) {
    const text = this.#words.say(name, facts);
    const made = this.#button("book", "", act);
    made.ariaLabel = text;
    made.append(
      element("span", { className: "whole", textContent: text }),
      element("span", { className: "short", textContent: this.#words.say(short) }),
    );
    return made;
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {() => unknown} act
   */
  #button(name, text, act) {
    const disabled = this.#client.status !== "live" || this.#booking;
    return button(text, act, { className: name, disabled, part: `button ${name}`, dataset: { key: name } });
  }

  /**
   * @param {TicketLine} line
   * @param {number} at
   */
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

  /**
   * @param {string} key
   * @param {string} seats
   * @param {() => unknown} act
   */
  #back(key, seats, act) {
    const ariaLabel = this.#words.say("giveBack", { seats });
    const disabled = this.#client.status !== "live" || this.#booking;
    return button("×", act, { className: "close", disabled, ariaLabel, dataset: { key } });
  }

  /**
   * Which ticket: to choose where several are sold.
   * @param {TicketLine} line
   * @param {number} at
   */
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

  /**
   * A hold made in another window of this visitor.
   * @param {string} id
   * @param {Hold} hold
   */
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

  /**
   * Where the house only warns of seats left over.
   * @param {Hold} hold
   */
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
    this.#bar?.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
  }

  /** @param {string} name */
  #tell(name) {
    this.dispatchEvent(new Event(name));
  }

  /** What is given back after the sale cannot be had again, so the visitor is asked first. */
  #giveAllBack() {
    const giveBack = () => this.#choice.dropAll({ undoable: true });
    if (!this.#sale.isClosed) return void giveBack();
    const holds = () => this.#client.holds.size > 0 && this.#sale.isClosed;
    /** @type {Options["actions"]} */
    const actions = [[this.#words.say("release"), giveBack]];
    this.#notices.tell("bad", this.#words.say("releaseSure"), { actions, holds });
  }

  async #extend() {
    const before = this.#deadline();
    let extended = false;
    const more = async (/** @type {string} */ id) => {
      await this.#client.extend(id);
      extended = true;
    };
    await this.#choice.ask(() => this.#choice.each(more), { taking: false });
    if (!extended) return;
    const left = this.#deadline() - this.#client.now();
    const holds = () => this.#client.holds.size > 0;
    if (this.#deadline() - before < 1000) this.#notices.tell("bad", this.#words.say("noMoreTime"), { holds });
    else this.#notices.say(this.#words.say("moreTime", { time: this.#words.countdown(left) }));
  }

  async #book() {
    this.#booking = true;
    this.render();
    /** @type {Booked[]} */
    const booked = [];
    let isAll = false;
    const book = async () => {
      await this.#choice.each(async (id) => booked.push(await this.#client.book(id)));
      isAll = true;
    };
    const done = () => (booked.length > 0 ? this.#sayBooked(booked) : "");
    await this.#choice.ask(book, { taking: false, done });
    this.#booking = false;
    this.render();
    if (!isAll || booked.length === 0) return; // the failure is reported, together with what was booked
    const href = this.#ticketAt(booked[0].booking_id);
    /** @type {Options["actions"]} */
    const actions = href && booked.length === 1 ? [[this.#words.say("showTicket"), () => location.assign(href)]] : [];
    this.#notices.tell("good", this.#sayBooked(booked), { actions });
  }

  /** @param {Booked[]} booked */
  #sayBooked(booked) {
    const seats = this.#venue.names(
      booked.flatMap((one) => one.seats),
      booked.flatMap((one) => one.areas),
    );
    const isPaid = booked.every(({ status }) => status === "confirmed");
    return this.#words.say(isPaid ? "bookedNow" : "bookedPending", { seats });
  }
}

/**
 * @param {string} name
 * @param {Node | string} amount
 * @param {string} className
 */
function sumOf(name, amount, className) {
  return element("p", { className }, element("span", { textContent: name }), amount);
}
