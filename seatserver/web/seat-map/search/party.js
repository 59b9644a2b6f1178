/** The search: the best seats for a party, with its ticket types and wheelchairs, and offers to compare. */

import { button, element, first, focusedIn } from "../../shared/dom.js";
import { Stepper } from "./stepper.js";

/** @import { Offer, SeatMapClient, Wish } from "../../seatmap-client.js" */
/** @import { Answers } from "../basket/answers.js" */
/** @import { Choice } from "../basket/choice.js" */
/** @import { Notices, Options } from "../notices.js" */
/** @import { Sale } from "../sale.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */

const MOST_PEOPLE = 50; // in one search, whatever the house allows (see /asyncapi.json)
const USUAL = 2; // people, to begin with
const OFFERS = 4;
const [FREE, HELD, ALLOCATED] = [0, 1, 5];

/**
 * @typedef {object} Parts what the search works with
 * @property {SeatMapClient} client
 * @property {Choice} choice
 * @property {Venue} venue
 * @property {Words} words
 * @property {Answers} answers
 * @property {Notices} notices
 * @property {Sale} sale
 * @property {boolean} isGuest
 * @property {AbortSignal} signal
 */
/** @typedef {{ offer: Offer, node: HTMLElement }} Shown an offer in the list */

/** Event "preview": these seats (detail) are looked at; none, when the list is empty. */
export class Party extends EventTarget {
  #form;
  #list;
  #client;
  #choice;
  #venue;
  #words;
  #answers;
  #notices;
  #sale;
  #toBeHad;
  /** How many people. @type {Stepper} */
  #total;
  /** Ticket type's key → how many of them; empty where only one is sold. @type {Map<string, Stepper>} */
  #types = new Map();
  /** @type {Stepper} */
  #wheelchairs;
  /** @type {HTMLSelectElement} */
  #category;
  /** @type {HTMLButtonElement[]} */
  #buttons;
  #openerNode;
  #party = element("span", { className: "party" }); // in words
  #number = element("span", { className: "count" }); // of it
  /** All that can be wished for. @type {HTMLElement} */
  #wish;
  #few = element("p", { className: "few quiet", id: "few", hidden: true });
  /** @type {Shown[]} */
  #offers = [];
  /** The offer that is looked at. @type {Offer | null} */
  #looked = null;

  /**
   * `form` and `list`, for the offers: both empty.
   * @param {HTMLFormElement} form
   * @param {HTMLElement} list
   * @param {Parts} parts
   */
  constructor(form, list, { client, choice, venue, words, answers, notices, sale, isGuest, signal }) {
    super();
    form.hidden = venue.layout.seats.length === 0;
    form.ariaLabel = words.say("best");
    form.tabIndex = -1; // can be sent there
    form.noValidate = true; // it is checked when what is wrong can be seen
    this.#form = form;
    this.#list = list;
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#sale = sale;
    this.#toBeHad = isGuest ? [FREE] : [FREE, ALLOCATED]; // a seller of a channel may have what is kept for it
    this.#openerNode = this.#opener();
    this.#fill(this.#openerNode);
    this.#listen(signal);
    sale.addEventListener("change", () => this.update(), { signal });
    if (client.welcome) this.#welcome();
    this.update();
  }

  /** @param {HTMLElement} opener */
  #fill(opener) {
    const { seats, categories } = this.#venue.layout;
    const used = categories.filter(({ key }) => seats.some((seat) => seat.category === key));
    const types = this.#venue.tickets.filter(({ prices }) => used.some(({ key }) => key in prices));
    const least = types.length > 1 ? 0 : 1; // with several types, the first one reports an empty party
    this.#total = new Stepper(this.#words.say("people"), this.#words, { value: USUAL, least });
    if (types.length > 1) {
      types.forEach(({ key, name }, at) => {
        this.#types.set(key, new Stepper(name, this.#words, { value: at === 0 ? USUAL : 0 }));
      });
    }
    this.#wheelchairs = new Stepper(this.#words.say("wheelchairs"), this.#words, { value: this.#choice.wheelchairs });
    this.#wheelchairs.node.hidden = !seats.some(({ kind }) => kind === "wheelchair");
    /**
     * @param {string} value
     * @param {string} textContent
     */
    const option = (value, textContent) => element("option", { value, textContent });
    this.#category = element("select", {}, option("", this.#words.say("anywhere")));
    this.#category.append(...used.map(({ key, name }) => option(key, name)));
    const where = element("label", {}, element("span", { textContent: this.#words.say("where") }), this.#category);
    where.hidden = used.length < 2;
    const best = element("button", { textContent: this.#words.say("holdBest"), part: "button best" });
    best.className = "strong best";
    const compare = button(this.#words.say("compare"), () => this.#orSayWhy(() => this.#compare()), {
      className: "compare",
      part: "button compare",
    });
    this.#buttons = [best, compare];
    const more = [...this.#types.values(), this.#wheelchairs].map(({ node }) => node);
    const fields = element("div", { className: "fields" }, ...more, where);
    const inputs = this.#steppers.map(({ input }) => input);
    for (const one of [...inputs, this.#category, best, compare]) one.setAttribute("aria-describedby", this.#few.id);
    this.#wish = element("div", { className: "wish", id: "wish" }, this.#total.node, fields, compare);
    this.#form.dataset.types = this.#types.size > 0 ? "several" : "one";
    this.#form.dataset.more = String([...more, where].some((node) => !node.hidden));
    this.#form.append(opener, best, this.#wish, this.#few);
  }

  get #steppers() {
    return [this.#total, ...this.#types.values(), this.#wheelchairs];
  }

  /** The button that unfolds what is seldom needed; where there is little room, all but the search itself. */
  #opener() {
    const more = element("span", { className: "more", textContent: this.#words.say("moreWishes") });
    const opener = button("", () => this.#unfold(opener.ariaExpanded !== "true"), {
      className: "finder",
      part: "button finder",
      ariaExpanded: "false",
      attributes: { "aria-controls": "wish" },
    });
    opener.append(this.#number, this.#party, more);
    return opener;
  }

  /** @param {boolean} isOpen */
  #unfold(isOpen) {
    this.#openerNode.ariaExpanded = String(isOpen);
    this.#form.dataset.open = String(isOpen);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    this.#wheelchairs.addEventListener("change", () => {
      this.#choice.wheelchairs = this.#wheelchairs.value;
    });
    this.#choice.addEventListener("wheelchairs", () => {
      this.#wheelchairs.value = this.#choice.wheelchairs;
      this.update();
    });
    this.#total.addEventListener("change", () => {
      this.#share(this.#total.value);
      this.update();
    });
    for (const type of this.#types.values()) {
      type.addEventListener("change", () => {
        this.#total.value = this.#count();
        this.update();
      });
    }
    this.#category.addEventListener("input", () => this.update());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#orSayWhy(() => this.#search());
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#form.dataset.open === "true") this.#foldAway();
    });
    // If it covers the hall, a click on the hall closes it.
    /** @param {Event} event */
    const away = ({ target }) =>
      this.#isOver && !this.#form.contains(/** @type {Node | null} */ (target)) && this.#unfold(false);
    this.#form.getRootNode().addEventListener("pointerdown", away, { signal });
    /**
     * @param {string} name
     * @param {() => void} act
     */
    const on = (name, act) => this.#client.addEventListener(name, act, { signal });
    on("welcome", () => this.#welcome());
    on("change", () => this.#dropStale());
    // The booking of our own seats is reported right after this; that they are free again, a little later.
    on("holds", () => queueMicrotask(() => this.#dropStale([...this.#toBeHad, HELD])));
  }

  /** Whether what is unfolded lies over the hall. */
  get #isOver() {
    return this.#form.dataset.open === "true" && getComputedStyle(this.#wish).position === "absolute";
  }

  /**
   * Set the number of people. The first ticket type grows or shrinks, then the others once it is used up.
   * @param {number} total
   */
  #share(total) {
    if (this.#types.size === 0) return;
    let over = total - this.#sumOfTypes;
    for (const type of this.#types.values()) {
      const next = Math.max(0, type.value + over);
      over -= next - type.value;
      type.value = next;
    }
  }

  get #sumOfTypes() {
    return [...this.#types.values()].reduce((sum, { value }) => sum + value, 0);
  }

  /** After a reload the holds say how many wheelchairs had been named. */
  #welcome() {
    const most = Math.min(this.#client.welcome?.limits.seats_per_user ?? MOST_PEOPLE, MOST_PEOPLE);
    const named = Math.max(0, ...[...this.#client.holds.values()].map(({ wheelchairs }) => wheelchairs));
    for (const stepper of this.#steppers) stepper.most = most;
    if (named > this.#choice.wheelchairs) this.#choice.wheelchairs = named;
  }

  #count() {
    return this.#types.size > 0 ? this.#sumOfTypes : this.#total.value;
  }

  /** How many people the form asks for; at least one. */
  get people() {
    return Math.max(1, this.#count());
  }

  /** Check that the party has at least one person, no more wheelchairs than people, and enough free seats. */
  update() {
    const [{ input }] = [...this.#types.values(), this.#total];
    const count = this.#count();
    const tooMany = this.#choice.wheelchairs > count ? this.#words.say("tooManyWheelchairs") : "";
    input.setCustomValidity(count < 1 ? this.#words.say("nobody") : tooMany);
    const party = this.#words.say("party", { count });
    if (this.#party.textContent !== party) {
      this.#party.textContent = party;
      this.#number.textContent = this.#words.number(count);
      this.#openerNode.ariaLabel = `${party}. ${this.#words.say("moreWishes")}`;
    }
    this.#sayWhyNot(count);
  }

  /**
   * Where nothing is sold, or fewer seats are left than are asked for, no search finds them: that is said instead.
   * @param {number} count
   */
  #sayWhyNot(count) {
    const { isClosed, reason } = this.#sale;
    for (const stepper of this.#steppers) stepper.isClosed = isClosed;
    // A disabled field loses the focus, so a focused field stays enabled.
    if (!this.#category.matches(":focus")) this.#category.disabled = isClosed;
    const wanted = Math.max(1, count);
    const left = isClosed ? wanted : this.#left(wanted);
    const none = this.#category.value ? "noneFreeThere" : "noneFree";
    const few = left < wanted ? this.#words.say(left > 0 ? "fewFree" : none, { count: left }) : "";
    const text = isClosed ? reason : few;
    if (this.#few.textContent !== text) this.#few.textContent = text;
    this.#few.classList.toggle("unseen", isClosed || this.#sale.isFull); // the banner says it
    this.#few.hidden = text === "";
    for (const one of this.#buttons) one.ariaDisabled = String(text !== "");
  }

  /**
   * Run `act`, or announce why it would find nothing.
   * @param {() => unknown} act
   */
  #orSayWhy(act) {
    if (this.#few.textContent !== "") return this.#notices.say(this.#few.textContent);
    const wrong = this.#steppers.find(({ input }) => !input.checkValidity());
    if (wrong) this.#unfold(true); // it has to be seen
    if (this.#form.reportValidity()) act();
  }

  /**
   * How many seats there are to choose from, those of the basket among them; counted no further than to `most`.
   * @param {number} most
   */
  #left(most) {
    const { states } = this.#client;
    if (!states) return most; // not known yet
    const ours = new Set(this.#choice.lines.map(({ seat }) => seat));
    const { value: category } = this.#category;
    let left = 0;
    for (const [seat, { category: key }] of this.#venue.layout.seats.entries()) {
      if (category && key !== category) continue;
      if (this.#toBeHad.includes(states[seat]) || ours.has(seat)) left += 1;
      if (left === most) break;
    }
    return left;
  }

  /**
   * What the form asks for.
   * @returns {Wish}
   */
  #asked() {
    const categories = this.#category.value ? [this.#category.value] : [];
    if (this.#types.size === 0) return { count: this.#count(), categories };
    const wanted = [...this.#types].filter(([, { value }]) => value > 0);
    return { tickets: Object.fromEntries(wanted.map(([key, { value }]) => [key, value])), categories };
  }

  async #search() {
    this.#clear();
    if (this.#isOver) this.#foldAway();
    await this.#busy(() => this.#choice.best(this.#asked()));
  }

  async #compare() {
    const asked = this.#asked();
    const tickets = Object.entries(asked.tickets ?? {}).flatMap(([key, count]) =>
      Array.from({ length: count }, () => key),
    );
    if (this.#isOver) this.#foldAway();
    await this.#busy(async () => {
      const offers = await this.#choice.offers({ ...asked, limit: OFFERS });
      if (offers) this.#show(offers, tickets);
    });
  }

  /** Close the panel over the hall. If the focus is in it, it moves to the button that opens it. */
  #foldAway() {
    const isInside = this.#wish.contains(focusedIn(this.#wish));
    this.#unfold(false);
    if (isInside) this.#openerNode.focus({ preventScroll: true });
  }

  /** @param {() => Promise<unknown>} act */
  async #busy(act) {
    if (this.#form.ariaBusy === "true") return;
    this.#form.ariaBusy = "true";
    await act();
    this.#form.ariaBusy = "false";
  }

  // ------------------------------------------------------------------ offers

  /**
   * @param {Offer[]} offers
   * @param {string[]} tickets
   */
  #show(offers, tickets) {
    this.#offers = offers.map((offer) => ({ offer, node: this.#line(offer, tickets) }));
    const close = button("×", () => this.#clear(), { className: "close", ariaLabel: this.#words.say("close") });
    const heading = element("h2", { textContent: this.#words.say("offers"), tabIndex: -1 });
    this.#list.replaceChildren(heading, close, element("ol", {}, ...this.#offers.map(({ node }) => node)));
    this.#list.hidden = false;
    this.#notices.pass();
    this.#list.scrollIntoView({ block: "nearest" });
    first("ol button", this.#list)?.focus({ preventScroll: true });
  }

  /**
   * @param {Offer} offer
   * @param {string[]} tickets
   */
  #line(offer, tickets) {
    const take = () => {
      this.#clear();
      this.#choice.take(offer.seats, tickets);
    };
    const { parts, alone } = offer;
    const told = [
      offer.seats.length > 1 && parts.length === 1 && this.#words.say("offerTogether"),
      parts.length > 1 && this.#words.say("offerParts", { count: parts.length }),
      alone > 0 && this.#words.say("offerAlone", { count: alone }),
      this.#answers.measure(offer),
    ];
    const hold = button("", take, { part: "button offer" });
    hold.append(
      element("strong", { textContent: this.#venue.names(offer.seats) }),
      element("b", { textContent: this.#venue.money(offer.total_minor) }),
      element("span", { className: "quiet", textContent: told.filter(Boolean).join(" ") }),
    );
    for (const event of ["pointerenter", "focusin"]) hold.addEventListener(event, () => this.#preview(offer));
    for (const event of ["pointerleave", "focusout"]) {
      hold.addEventListener(event, () => this.#looked === offer && this.#preview(null));
    }
    return element("li", {}, hold);
  }

  /**
   * This offer is looked at; none, when it is null.
   * @param {Offer | null} offer
   */
  #preview(offer) {
    this.#looked = offer;
    this.dispatchEvent(new CustomEvent("preview", { detail: offer?.seats ?? [] }));
  }

  /** Remove offers with a seat that someone has taken. `fine`: the states in which a seat is not taken. */
  #dropStale(fine = this.#toBeHad) {
    const { states, mine } = this.#client;
    /** @param {Shown} shown */
    const isThere = ({ offer }) =>
      offer.seats.every((seat) => (states !== null && fine.includes(states[seat])) || mine.has(seat));
    const gone = this.#offers.filter((one) => !isThere(one));
    if (gone.length === 0) return;
    this.#offers = this.#offers.filter(isThere);
    if (this.#offers.length === 0) {
      this.#clear(this.#form);
      /** @type {Options["actions"]} */
      const actions = [[this.#words.say("compare"), () => this.#compare()]];
      this.#notices.tell("note", this.#words.say("offersGone"), { actions });
      return;
    }
    if (gone.some(({ offer }) => offer === this.#looked)) this.#preview(null);
    const wasAt = gone.some(({ node }) => node.contains(focusedIn(node)));
    // Not to another offer: a key that is on its way down was meant for the one that went.
    if (wasAt) {
      first("h2", this.#list)?.focus({ preventScroll: true });
      this.#notices.say(this.#words.say("offerGone"));
    }
    for (const { node } of gone) node.remove();
  }

  /** Make room: other offers are shown. */
  rest() {
    if (this.#offers.length > 0) this.#clear();
  }

  /** Close the offers after a booking, here or in another window. */
  close() {
    if (this.#offers.length === 0) return;
    this.#clear(this.#form);
    this.#notices.tell("note", this.#words.say("offersBooked"));
  }

  /**
   * Close the offers. If the focus is in them, it moves to `place`, where a key pressed in haste does no harm.
   * @param {HTMLElement} place
   */
  #clear(place = this.#buttons[0]) {
    if (this.#list.contains(focusedIn(this.#list))) place.focus();
    this.#offers = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#preview(null);
  }
}
