/** The form above the map: the best seats for a party, how many of it come with a wheelchair, and offers to compare. */

import { button, element } from "./dom.js";

const MOST_PEOPLE = 50; // in one search, whatever the house allows (see /asyncapi.json)
const USUAL = 2; // people, to begin with
const OFFERS = 4;
const [FREE, HELD, ALLOCATED] = [0, 1, 5];

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
  #toBeHad;
  #people = new Map(); // ticket type's key, or "" for any → input
  #wheelchairs;
  #category;
  #buttons;
  #few = element("p", { className: "few quiet", id: "few", hidden: true });
  #offers = [];
  #looked = null; // the offer that is looked at

  /** `opener`: the button that unfolds the empty `form` where there is little room; `list`: for the offers, empty. */
  constructor(opener, form, list, { client, choice, venue, words, answers, notices, isGuest, signal }) {
    super();
    opener.hidden = form.hidden = venue.layout.seats.length === 0;
    form.ariaLabel = words.say("best");
    form.tabIndex = -1; // can be sent there
    opener.addEventListener("click", () => {
      opener.ariaExpanded = String(opener.ariaExpanded !== "true");
    });
    this.#form = form;
    this.#list = list;
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#toBeHad = isGuest ? [FREE] : [FREE, ALLOCATED]; // a seller of a channel may have what is kept for it
    this.#fill();
    this.#listen(signal);
    if (client.welcome) this.#welcome();
    this.update();
  }

  #fill() {
    const { seats, categories } = this.#venue.layout;
    const used = categories.filter(({ key }) => seats.some((seat) => seat.category === key));
    const types = this.#venue.tickets.filter(({ prices }) => used.some(({ key }) => key in prices));
    const sorts = types.length > 1 ? types : [{ key: "", name: this.#words.say("people") }];
    sorts.forEach(({ key, name }, at) => this.#people.set(key, this.#number(name, at === 0 ? USUAL : 0)));
    this.#wheelchairs = this.#number(this.#words.say("wheelchairs"), this.#choice.wheelchairs);
    this.#wheelchairs.closest("label").hidden = !seats.some(({ kind }) => kind === "wheelchair");
    const option = (value, textContent) => element("option", { value, textContent });
    this.#category = element("select", {}, option("", this.#words.say("anywhere")));
    this.#category.append(...used.map(({ key, name }) => option(key, name)));
    const where = element("label", {}, element("span", { textContent: this.#words.say("where") }), this.#category);
    where.hidden = used.length < 2;
    const named = { textContent: this.#words.say("holdBest"), className: "strong", part: "button best" };
    const best = element("button", named);
    const other = { type: "button", textContent: this.#words.say("compare"), part: "button compare" };
    const compare = element("button", other);
    compare.addEventListener("click", () => this.#orSayFew(() => this.#compare()));
    const inputs = [...this.#people.values(), this.#wheelchairs];
    const labels = inputs.map((input) => input.closest("label"));
    this.#buttons = [best, compare];
    for (const one of [...inputs, this.#category, best, compare]) one.setAttribute("aria-describedby", this.#few.id);
    this.#form.append(...labels, where, element("p", { className: "row" }, ...this.#buttons), this.#few);
  }

  #number(name, value) {
    const input = element("input", { type: "number", inputMode: "numeric", min: 0, value, required: true });
    element("label", {}, element("span", { textContent: name }), input);
    return input;
  }

  #listen(signal) {
    this.#wheelchairs.addEventListener("input", () => {
      this.#choice.wheelchairs = countIn(this.#wheelchairs);
    });
    this.#choice.addEventListener("wheelchairs", () => {
      // Not while it is being typed.
      if (countIn(this.#wheelchairs) !== this.#choice.wheelchairs) this.#wheelchairs.value = this.#choice.wheelchairs;
      this.update();
    });
    for (const input of [...this.#people.values(), this.#category]) {
      input.addEventListener("input", () => this.update());
    }
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#orSayFew(() => this.#search());
    });
    const on = (name, act) => this.#client.addEventListener(name, act, { signal });
    on("welcome", () => this.#welcome());
    on("change", () => this.#dropStale());
    // That our own seats were booked is told right after; that they are free again, a little later.
    on("holds", () => queueMicrotask(() => this.#dropStale([...this.#toBeHad, HELD])));
  }

  /** After a reload the holds say how many wheelchairs had been named. */
  #welcome() {
    const { limits } = this.#client.welcome;
    const named = Math.max(0, ...[...this.#client.holds.values()].map(({ wheelchairs }) => wheelchairs));
    const most = Math.min(limits.seats_per_user, MOST_PEOPLE);
    for (const input of [...this.#people.values(), this.#wheelchairs]) input.max = most;
    if (named > this.#choice.wheelchairs) this.#choice.wheelchairs = named;
  }

  #count() {
    return [...this.#people.values()].reduce((sum, input) => sum + countIn(input), 0);
  }

  /** A party is somebody, no smaller than the number of its wheelchairs, and no larger than what is free. */
  update() {
    const [first] = this.#people.values();
    const count = this.#count();
    const tooMany = this.#choice.wheelchairs > count ? this.#words.say("tooManyWheelchairs") : "";
    first.setCustomValidity(count < 1 ? this.#words.say("nobody") : tooMany);
    this.#sayFew(count);
  }

  /** Where fewer seats are left than are asked for, no search finds them: that is said instead. */
  #sayFew(count) {
    const wanted = Math.max(1, count);
    const left = this.#left(wanted);
    const none = this.#category.value ? "noneFreeThere" : "noneFree";
    const text = left < wanted ? this.#words.say(left > 0 ? "fewFree" : none, { count: left }) : "";
    if (this.#few.textContent !== text) this.#few.textContent = text;
    this.#few.hidden = text === "";
    for (const one of this.#buttons) one.ariaDisabled = String(!this.#few.hidden);
  }

  /** Do `act`, or say why it would be in vain to whoever does not see it. */
  #orSayFew(act) {
    if (this.#few.hidden) act();
    else this.#notices.say(this.#few.textContent);
  }

  /** How many seats there are to choose from, those of the basket among them; counted no further than to `most`. */
  #left(most) {
    const { states } = this.#client;
    if (!states) return most; // nobody knows yet
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

  /** The wish of the form, see seatmap-client.d.ts. */
  #wish() {
    const categories = this.#category.value ? [this.#category.value] : [];
    if (this.#people.has("")) return { count: this.#count(), categories };
    const entries = [...this.#people].map(([key, input]) => [key, countIn(input)]);
    return { tickets: Object.fromEntries(entries.filter(([, count]) => count > 0)), categories };
  }

  async #search() {
    this.#clear();
    await this.#busy(() => this.#choice.best(this.#wish()));
  }

  async #compare() {
    if (!this.#form.reportValidity()) return;
    const wish = this.#wish();
    const tickets = Object.entries(wish.tickets ?? {}).flatMap(([key, count]) => Array(count).fill(key));
    await this.#busy(async () => {
      const offers = await this.#choice.offers({ ...wish, limit: OFFERS });
      if (offers) this.#show(offers, tickets);
    });
  }

  async #busy(act) {
    if (this.#form.ariaBusy === "true") return;
    this.#form.ariaBusy = "true";
    await act();
    this.#form.ariaBusy = "false";
  }

  // ------------------------------------------------------------------ offers

  #show(offers, tickets) {
    this.#offers = offers.map((offer) => ({ offer, node: this.#line(offer, tickets) }));
    const close = button("×", () => this.#clear(), { className: "close", ariaLabel: this.#words.say("close") });
    const heading = element("h2", { textContent: this.#words.say("offers"), tabIndex: -1 });
    this.#list.replaceChildren(heading, close, element("ol", {}, ...this.#offers.map(({ node }) => node)));
    this.#list.hidden = false;
    this.#list.scrollIntoView({ block: "nearest" });
    this.#list.querySelector("ol button")?.focus({ preventScroll: true });
  }

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

  /** This offer is looked at; none, when it is null. */
  #preview(offer) {
    this.#looked = offer;
    this.dispatchEvent(new CustomEvent("preview", { detail: offer?.seats ?? [] }));
  }

  /** An offer of which somebody took a seat is none any more. `fine`: states in which a seat is not taken. */
  #dropStale(fine = this.#toBeHad) {
    const { states, mine } = this.#client;
    const isThere = ({ offer }) => offer.seats.every((seat) => fine.includes(states[seat]) || mine.has(seat));
    const gone = this.#offers.filter((one) => !isThere(one));
    if (gone.length === 0) return;
    this.#offers = this.#offers.filter(isThere);
    if (this.#offers.length === 0) {
      this.#clear(this.#form);
      const again = [this.#words.say("compare"), () => this.#compare()];
      this.#notices.tell("note", this.#words.say("offersGone"), { actions: [again] });
      return;
    }
    if (gone.some(({ offer }) => offer === this.#looked)) this.#preview(null);
    const wasAt = gone.some(({ node }) => node.contains(node.getRootNode().activeElement));
    // Not to another offer: a key that is on its way down was meant for the one that went.
    if (wasAt) {
      this.#list.querySelector("h2").focus({ preventScroll: true });
      this.#notices.say(this.#words.say("offerGone"));
    }
    for (const { node } of gone) node.remove();
  }

  /** Whoever has booked, here or in another window, chooses no longer. */
  close() {
    if (this.#offers.length === 0) return;
    this.#clear(this.#form);
    this.#notices.tell("note", this.#words.say("offersBooked"));
  }

  /** Close the offers; whoever is there comes to `place`: after what nobody asked for, where no key does anything. */
  #clear(place = this.#form.querySelector("button")) {
    if (this.#list.contains(this.#list.getRootNode().activeElement)) place.focus();
    this.#offers = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#preview(null);
  }
}

function countIn(input) {
  return Math.max(0, Math.trunc(input.valueAsNumber) || 0);
}
