/**
 * What the visitor chooses. One basket is one hold. Every change (a seat more or less, another ticket type, the best
 * seats) requests a new hold of everything wanted, which replaces the old one in one step. So the basket becomes what
 * was asked for, or stays as it was. Changes run one after the other, and each builds on the result of the one before.
 *
 * Events: "asking", when seats begin or cease to wait for an answer (detail: the seats), "found", when the server chose
 * seats (detail: the seats), "refused" (detail: the CommandError and what is told), "wheelchairs", when another number
 * of them is said.
 */

import { CommandError } from "../../seatmap-client.js";
import { LOST } from "./answers.js";
import { besideCompany, goneOf, movedTo, requestOf, seatsOf, withTickets } from "./lines.js";

/** @import { Place } from "../types.js" */

const FREE = 0;

export class Choice extends EventTarget {
  /** Seats for which an answer is due. */
  asking = new Set();

  #client;
  #venue;
  #words;
  #answers;
  #notices;
  #sale;
  #wheelchairs = 0;
  #basketId = null;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();
  #notice = null;

  constructor({ client, venue, words, answers, notices, sale }) {
    super();
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#sale = sale;
  }

  /** How many of the party come with a wheelchair. */
  get wheelchairs() {
    return this.#wheelchairs;
  }

  set wheelchairs(count) {
    this.#wheelchairs = count;
    this.dispatchEvent(new Event("wheelchairs"));
  }

  /** The id of the hold that is the basket, or null. There may be others, made in other windows. */
  get basketId() {
    const { holds } = this.#client;
    if (!holds.has(this.#basketId)) this.#basketId = [...holds.keys()].at(-1) ?? null;
    return this.#basketId;
  }

  /** What is in the basket: lines as the server priced them. */
  get lines() {
    return this.#linesOf(this.basketId);
  }

  // ------------------------------------------------------------------ changes

  /** Take a seat (of a sofa: all) into the basket, or give it back. */
  toggle(seat) {
    const group = this.#venue.groupOf(seat);
    if (group.some((one) => this.asking.has(one))) return;
    if (this.#client.mine.has(seat)) this.drop({ seat });
    else this.add(group);
  }

  /** Take more seats into the basket. */
  add(seats) {
    return this.#add(
      seats.map((seat) => ({ seat })),
      seats,
    );
  }

  /** One place more of a general-admission area. */
  addPlace(area) {
    return this.#add([{ area }]);
  }

  /**
   * @param {Place[]} places
   * @param {number[]} seats
   */
  #add(places, seats = []) {
    return this.ask(() => this.#hold(this.basketId, [...this.lines, ...withTickets(this.#venue, places)]), { seats });
  }

  /**
   * Give back a seat with its group, or one place of an area: of these tickets, if the place names one.
   * @param {Place & { ticket?: string }} place
   */
  drop({ seat, area, ticket }) {
    const seats = seat === undefined ? [] : this.#venue.groupOf(seat);
    const giveBack = async () => {
      const id = this.#client.mine.get(seat) ?? this.basketId;
      const lines = this.#linesOf(id);
      const isOne = (line) => area !== undefined && line.area === area && (!ticket || line.ticket === ticket);
      const gone = lines.filter((line) => seats.includes(line.seat)).concat(lines.findLast(isOne) ?? []);
      const rest = lines.filter((line) => !gone.includes(line));
      // It may be gone already: its time ran out while this waited.
      if (gone.length > 0) await (rest.length > 0 ? this.#hold(id, rest) : this.#client.release(id));
    };
    return this.ask(giveBack, { seats, taking: false });
  }

  /** Give back everything, in the order in which it was taken. `undoable`: the visitor is offered to have it again. */
  dropAll({ undoable = false } = {}) {
    return this.ask(
      async () => {
        const lines = [...this.#client.holds.keys()].flatMap((id) => this.#linesOf(id));
        await this.each((id) => this.#client.release(id));
        if (!undoable || lines.length === 0) return;
        const text = this.#words.say("givenBack", { seats: this.#venue.namesOf(lines) });
        this.#tell("note", text, { ...this.#undoable(lines), isSaid: true });
      },
      { taking: false },
    );
  }

  /** Do `act` with each hold that there is then, one after another. */
  async each(act) {
    for (const id of [...this.#client.holds.keys()]) await act(id);
  }

  /** The same places, this one with another type of ticket. */
  changeTicket({ seat, area, ticket }, other) {
    const change = async () => {
      const { lines } = this;
      const at = lines.findIndex((line) => line.seat === seat && line.area === area && line.ticket === ticket);
      if (at >= 0) await this.#hold(this.basketId, lines.with(at, { seat, area, ticket: other }));
    };
    return this.ask(change, { taking: false });
  }

  /** Let the server choose seats for `wish` (see seatmap-client.d.ts) instead of those in the basket. */
  best(wish) {
    return this.ask(async () => {
      const { lines: before, basketId: replaces } = this;
      const areas = before.filter((line) => line.area !== undefined);
      const count = wish.count ?? Object.values(wish.tickets).reduce((sum, many) => sum + many, 0);
      if (areas.length > 0 && this.#isTooMuch(replaces, count + areas.length)) return;
      const held = await this.#client.best({ ...wish, wheelchairs: this.wheelchairs, replaces });
      // The search minds numbered seats only: the places in areas come along in a second step.
      const obstacle = areas.length > 0 ? await this.#bring(areas, held) : null;
      if (obstacle) this.#tellLeftBehind(obstacle, before);
      else this.#tellBest(held, before);
    });
  }

  /** Hold places in areas with the seats of `held`. Gives the CommandError if that cannot be. */
  async #bring(areas, held) {
    const { seats, ...more } = requestOf([...held.lines, ...areas]);
    try {
      await this.#client.hold(seats, { ...more, wheelchairs: this.wheelchairs, replaces: held.hold_id });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return error;
    }
    return null;
  }

  /** What the server would choose from for `wish`, ranked; null where it could not be asked. */
  async offers(wish) {
    let offers = null;
    const search = async () => {
      offers = await this.#client.offers({ ...wish, wheelchairs: this.wheelchairs });
    };
    await this.ask(search);
    return offers;
  }

  /** Hold these seats, with these types of ticket, instead of those in the basket. */
  take(seats, tickets) {
    const numbered = seats.map((seat, at) => {
      const sold = this.#venue.ticketsFor({ seat });
      return { seat, ticket: (sold.find(({ key }) => key === tickets[at]) ?? sold[0]).key };
    });
    const hold = async () => {
      const before = this.lines;
      const areas = before.filter((line) => line.area !== undefined);
      const held = await this.#hold(this.basketId, [...numbered, ...areas]);
      const gone = held ? goneOf(before, held) : [];
      if (gone.length > 0) this.#tell("good", this.#wentBack(gone), this.#undoable(before));
    };
    return this.ask(hold, { seats });
  }

  // ------------------------------------------------------------------ undoing

  /**
   * What a notice needs to bring back a basket as it was, with these lines: for as long as the basket is the one that
   * there is now (another window may change it too) and seats are sold.
   */
  #undoable(lines) {
    if (this.#sale.isClosed) return {};
    const { basketId } = this;
    const restore = () => (this.basketId === basketId ? this.#restore(lines) : this.#tellChanged());
    const undo = () => this.ask(restore, { seats: seatsOf(lines) });
    const holds = () => this.basketId === basketId && !this.#sale.isClosed;
    return { actions: [[this.#words.say("undo"), undo]], holds };
  }

  #tellChanged() {
    this.#tell("note", this.#words.say("goneMeanwhile"));
  }

  /** Take all of it, or change nothing and tell the visitor what someone else has taken. */
  async #restore(lines) {
    const { seats, ...more } = requestOf(lines);
    const { limits } = this.#client.welcome;
    try {
      await this.#client.hold(seats, { ...more, wheelchairs: this.wheelchairs, replaces: this.basketId });
      const holds = () => seats.every((seat) => this.#client.mine.has(seat));
      this.#tell("good", this.#words.say("undone", { seats: this.#venue.namesOf(lines) }), { holds });
      this.dispatchEvent(new CustomEvent("found", { detail: seats }));
    } catch (error) {
      if (error.code !== "refused") throw error;
      const why = this.#answers.refusal(error, limits);
      const rest = this.basketId === null ? "" : this.#words.say("nothingLost");
      this.#tell("bad", this.#words.say("notUndone", { why }), { more: rest, holds: this.#whileTaken(error) });
      this.dispatchEvent(new CustomEvent("refused", { detail: { error, why } }));
    }
  }

  #wentBack(lines) {
    return this.#words.say("wentBack", { seats: this.#venue.namesOf(lines), count: lines.length });
  }

  /**
   * Run `act` when all that was asked before is answered; what goes wrong is told. Until it is answered, `seats` are in
   * `asking`. `taking`: it asks for more, which needs a sale that is on. `done()`: what to say besides when it fails.
   * @param {() => unknown} act
   * @param {{ seats?: number[], taking?: boolean, done?: () => string }} options
   */
  ask(act, { seats = [], taking = true, done = () => "" } = {}) {
    this.#notices.retire(this.#notice); // its buttons belong to a basket that is about to change
    const obstacle = this.#obstacle(taking);
    if (obstacle) {
      this.#tell("note", obstacle(), { holds: () => this.#obstacle(taking)?.() === obstacle() });
      return Promise.resolve();
    }
    this.#mark(seats, (one) => this.asking.add(one));
    const answer = this.#turn
      .then(() => {
        this.#notices.retire(this.#notice); // a message shown while this waited
        return act();
      })
      .catch((error) => this.#tellFailure(error, done()))
      .finally(() => this.#mark(seats, (one) => this.asking.delete(one)));
    this.#turn = answer;
    return answer;
  }

  #mark(seats, change) {
    seats.forEach(change);
    this.dispatchEvent(new CustomEvent("asking", { detail: seats }));
  }

  /** What says why nothing can be asked now, or null. */
  #obstacle(taking) {
    if (this.#client.status !== "live") return () => this.#words.say("notLive");
    return taking && this.#sale.isClosed ? () => this.#sale.reason : null;
  }

  #linesOf(id) {
    return this.#client.holds.get(id)?.lines ?? [];
  }

  /**
   * Hold what `lines` name in place of the hold `id`, if there is one; a refusal is told with what may help. Gives the
   * answer, or null.
   */
  async #hold(id, lines, options = {}) {
    if (this.#isTooMuch(id, lines.length)) return null;
    const { seats, ...more } = requestOf(lines);
    try {
      const { wheelchairs } = this;
      const held = await this.#client.hold(seats, { ...more, wheelchairs, replaces: id, ...options });
      if (held.lost.length > 0) this.#tellLost(held, seats);
      return held;
    } catch (error) {
      if (error.code !== "refused") throw error;
      this.#tellRefusal(error, id, lines);
    }
    return null;
  }

  /** Whether this many places instead of the hold `id` would exceed the limit; if so, the visitor is told. */
  #isTooMuch(id, count) {
    const { limits } = this.#client.welcome;
    const others = [...this.#client.holds].filter(([other]) => other !== id).flatMap(([, hold]) => hold.lines);
    const isSo = count + others.length > limits.seats_per_user;
    if (isSo) this.#tellLimit(limits);
    return isSo;
  }

  // ------------------------------------------------------------------ telling

  /** What the answer to a change has to say. */
  #tell(kind, text, options) {
    this.#notices.retire(this.#notice);
    this.#notice = this.#notices.tell(kind, text, options);
  }

  #sorry(error, why, options) {
    this.#tell("bad", this.#answers.sorry(error, why), options);
  }

  #tellBest(held, before) {
    const { seats, lost } = held;
    const told = [this.#answers.found(held)];
    // Seats that were chosen by hand never disappear without a message.
    const gone = goneOf(before, held);
    if (gone.length > 0) told.push(this.#wentBack(gone));
    if (lost.length > 0) {
      told.push(this.#words.say("otherFaster", { seats: this.#venue.names(lost.map(([seat]) => seat)) }));
    }
    const more = this.#answers.measure(held);
    const undoable = gone.length > 0 ? this.#undoable(before) : {};
    const isHeld = () => seats.every((seat) => this.#client.mine.has(seat));
    const holds = () => isHeld() && (undoable.holds?.() ?? true);
    this.#tell("good", told.join(" "), { more, ...undoable, holds });
    this.dispatchEvent(new CustomEvent("found", { detail: seats }));
  }

  /** A search found seats, but the places in areas could not come along: which of what was held went back. */
  #tellLeftBehind(error, before) {
    const { lines } = this;
    const isKept = ({ seat, area }) => lines.some((line) => line.seat === seat && line.area === area);
    const gone = before.filter((line) => !isKept(line));
    const why = this.#whyNot(error);
    const more = gone.length > 0 ? { more: this.#wentBack(gone), ...this.#undoable(before) } : {};
    this.#sorry(error, why, more);
    this.dispatchEvent(new CustomEvent("refused", { detail: { error, why } }));
    const found = seatsOf(lines);
    if (found.length > 0) this.dispatchEvent(new CustomEvent("found", { detail: found }));
  }

  #tellLost(held, wanted) {
    const lost = held.lost.filter(([, reason]) => LOST.includes(reason));
    const why = this.#answers.refusal({ seats: lost });
    const got = held.seats.filter((seat) => !wanted.includes(seat));
    if (got.length === 0) return; // what was lost had come free again
    const holds = () => got.every((seat) => this.#client.mine.has(seat));
    this.#tell("good", `${why} ${this.#answers.about("haveInstead", got)}`.trim(), { holds });
    this.dispatchEvent(new CustomEvent("found", { detail: got }));
  }

  #tellLimit(limits) {
    const held = () => [...this.#client.holds.values()].reduce((sum, { lines }) => sum + lines.length, 0);
    const before = held();
    const text = this.#words.say("sorry", { why: this.#answers.limit(limits) });
    this.#tell("bad", text, { holds: () => held() >= before });
  }

  #tellRefusal(error, id, lines) {
    const { limits } = this.#client.welcome;
    const reasons = error.seats.map(([, reason]) => reason);
    const isRace = reasons.some((reason) => LOST.includes(reason));
    const again = (wanted, options) => {
      const seats = seatsOf(wanted).filter((seat) => !this.#client.mine.has(seat));
      this.ask(() => this.#hold(this.#client.holds.has(id) ? id : null, wanted, options), { seats });
    };
    const actions = [];
    if (error.fix.length > 0) {
      actions.push([
        this.#answers.about("takeInstead", error.fix),
        () => again(movedTo(this.#venue, lines, error.fix)),
      ]);
    } else if (isRace || reasons.includes("cooling")) {
      actions.push([this.#words.say("nearestInstead"), () => again(lines, { or_nearest: true })]);
    }
    const comeWith = (count, wanted) => () => {
      this.wheelchairs = Math.max(this.wheelchairs, count);
      again(wanted);
    };
    const chairs = lines.filter(({ seat }) => seat !== undefined && this.#venue.isForWheelchair(seat)).length;
    if (reasons.includes("wheelchair")) {
      actions.push([this.#words.say("comeWith", { count: chairs }), comeWith(chairs, lines)]);
    }
    const company = error.seats.filter(([, reason]) => reason === "companion").map(([seat]) => seat);
    const isFree = (seat) => this.#client.states?.[seat] === FREE;
    const beside = besideCompany(this.#venue, company, lines, isFree);
    if (beside.length > 0) {
      const places = beside.map((seat) => ({ seat }));
      const all = [...lines, ...withTickets(this.#venue, places)];
      actions.push([this.#answers.about("withWheelchair", beside), comeWith(chairs + beside.length, all)]);
    }
    const why = this.#answers.refusal(error, limits);
    const more = [
      isRace && this.#words.say("fasterThanYou"),
      this.#client.holds.has(id) && this.#words.say("nothingLost"),
    ];
    this.#sorry(error, why, { actions, more: more.filter(Boolean).join(" "), holds: this.#whileTaken(error) });
    this.dispatchEvent(new CustomEvent("refused", { detail: { error, why } }));
  }

  /** Says whether seats that were lost are still gone; what the map shows at first may be older than the refusal. */
  #whileTaken({ seats }) {
    const taken = seats.filter(([, reason]) => LOST.includes(reason)).map(([seat]) => seat);
    const seen = new Set();
    return () => {
      const { states, mine } = this.#client;
      for (const seat of taken) if (states?.[seat] !== FREE) seen.add(seat);
      const isOver = (seat) => mine.has(seat) || (seen.has(seat) && states?.[seat] === FREE);
      return taken.length === 0 || !taken.every(isOver);
    };
  }

  #tellFailure(error, more) {
    if (!(error instanceof CommandError)) return reportError(error);
    const why = this.#whyNot(error);
    this.#sorry(error, why, { more });
    this.dispatchEvent(new CustomEvent("refused", { detail: { error, why } }));
  }

  #whyNot(error) {
    if (error.code !== "refused") return this.#answers.failure(error);
    return this.#answers.refusal(error, this.#client.welcome.limits);
  }
}
