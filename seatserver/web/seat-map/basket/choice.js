/**
 * What the visitor chooses. One basket is one hold. Every change (a seat more or less, another ticket type, the best
 * seats) requests a new hold of everything wanted, which replaces the old one in one step. So the basket becomes what
 * was asked for, or stays as it was. Changes run one after the other, and each builds on the result of the one before.
 *
 * Events: "asking", when seats begin or cease to wait for an answer (detail: the seats), "found", when the server chose
 * seats (detail: the seats), "refused" (detail: the CommandError and what is told), "wheelchairs", when another number
 * of them is said. telling.js says what became of a change.
 */

import { CommandError } from "../../seatmap-client.js";
import { goneOf, requestOf, seatsOf, withTickets } from "./lines.js";
import { Telling } from "./telling.js";

/** @import { Held, HoldOptions, Offer, SeatMapClient, Welcome, Wish } from "../../seatmap-client.js" */
/** @import { Notices, Options } from "../notices.js" */
/** @import { Sale } from "../sale.js" */
/** @import { Line, Place } from "../types.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */
/** @import { Answers } from "./answers.js" */

/**
 * @typedef {object} Parts what the choice works with
 * @property {SeatMapClient} client
 * @property {Venue} venue
 * @property {Words} words
 * @property {Answers} answers
 * @property {Notices} notices
 * @property {Sale} sale
 */

export class Choice extends EventTarget {
  /** Seats for which an answer is due. @type {Set<number>} */
  asking = new Set();

  #client;
  #venue;
  #words;
  #sale;
  #telling;
  #wheelchairs = 0;
  /** @type {string | null} */
  #basketId = null;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this.#client = parts.client;
    this.#venue = parts.venue;
    this.#words = parts.words;
    this.#sale = parts.sale;
    this.#telling = new Telling(parts, (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail })));
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
    if (this.#basketId === null || !holds.has(this.#basketId)) this.#basketId = [...holds.keys()].at(-1) ?? null;
    return this.#basketId;
  }

  /** What is in the basket: lines as the server priced them. */
  get lines() {
    return this.#linesOf(this.basketId);
  }

  // ------------------------------------------------------------------ changes

  /**
   * Take a seat (of a sofa: all) into the basket, or give it back.
   * @param {number} seat
   */
  toggle(seat) {
    const group = this.#venue.groupOf(seat);
    if (group.some((one) => this.asking.has(one))) return;
    if (this.#client.mine.has(seat)) this.drop({ seat });
    else this.add(group);
  }

  /**
   * Take more seats into the basket.
   * @param {number[]} seats
   */
  add(seats) {
    return this.#add(
      seats.map((seat) => ({ seat })),
      seats,
    );
  }

  /**
   * One place more of a general-admission area.
   * @param {number} area
   */
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
      const id = (seat === undefined ? undefined : this.#client.mine.get(seat)) ?? this.basketId;
      const lines = this.#linesOf(id);
      /** @param {Line} line */
      const isOne = (line) => area !== undefined && line.area === area && (!ticket || line.ticket === ticket);
      const gone = lines
        .filter((line) => line.seat !== undefined && seats.includes(line.seat))
        .concat(lines.findLast(isOne) ?? []);
      const rest = lines.filter((line) => !gone.includes(line));
      // It may be gone already: its time ran out while this waited.
      if (id === null || gone.length === 0) return;
      await (rest.length > 0 ? this.#hold(id, rest) : this.#client.release(id));
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
        this.#telling.tell("note", text, { ...this.#undoable(lines), isSaid: true });
      },
      { taking: false },
    );
  }

  /**
   * Do `act` with each hold that there is then, one after another.
   * @param {(id: string) => unknown} act
   */
  async each(act) {
    for (const id of [...this.#client.holds.keys()]) await act(id);
  }

  /**
   * The same places, this one with another type of ticket.
   * @param {Line} line
   * @param {string} other
   */
  changeTicket({ seat, area, ticket }, other) {
    const change = async () => {
      const { lines } = this;
      const at = lines.findIndex((line) => line.seat === seat && line.area === area && line.ticket === ticket);
      if (at >= 0) await this.#hold(this.basketId, lines.with(at, { seat, area, ticket: other }));
    };
    return this.ask(change, { taking: false });
  }

  /**
   * Let the server choose seats for `wish` instead of those in the basket.
   * @param {Wish} wish
   */
  best(wish) {
    return this.ask(async () => {
      const { lines: before, basketId: replaces } = this;
      const areas = before.filter((line) => line.area !== undefined);
      const count = wish.count ?? Object.values(wish.tickets ?? {}).reduce((sum, many) => sum + many, 0);
      if (areas.length > 0 && this.#isTooMuch(replaces, count + areas.length)) return;
      const held = await this.#client.best({ ...wish, wheelchairs: this.wheelchairs, replaces });
      // The search minds numbered seats only: the places in areas come along in a second step.
      const obstacle = areas.length > 0 ? await this.#bring(areas, held) : null;
      const undoable = () => this.#undoable(before);
      if (obstacle) this.#telling.leftBehind(obstacle, before, this.lines, undoable);
      else this.#telling.best(held, before, undoable);
    });
  }

  /**
   * Hold places in areas with the seats of `held`. Gives the CommandError if that cannot be.
   * @param {Line[]} areas
   * @param {Held} held
   */
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

  /**
   * What the server would choose from for `wish`, ranked; null where it could not be asked.
   * @param {Wish & { limit?: number }} wish
   */
  async offers(wish) {
    /** @type {Offer[] | null} */
    let offers = null;
    const search = async () => {
      offers = await this.#client.offers({ ...wish, wheelchairs: this.wheelchairs });
    };
    await this.ask(search);
    return /** @type {Offer[] | null} */ (offers);
  }

  /**
   * Hold these seats, with these types of ticket, instead of those in the basket.
   * @param {number[]} seats
   * @param {string[]} tickets
   */
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
      if (gone.length > 0) this.#telling.gone(gone, this.#undoable(before));
    };
    return this.ask(hold, { seats });
  }

  // ------------------------------------------------------------------ undoing

  /**
   * What a notice needs to bring back a basket as it was, with these lines: for as long as the basket is the one that
   * there is now (another window may change it too) and seats are sold.
   * @param {Line[]} lines
   * @returns {Options}
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
    this.#telling.tell("note", this.#words.say("goneMeanwhile"));
  }

  /**
   * Take all of it, or change nothing and tell the visitor what someone else has taken.
   * @param {Line[]} lines
   */
  async #restore(lines) {
    const { seats, ...more } = requestOf(lines);
    try {
      await this.#client.hold(seats, { ...more, wheelchairs: this.wheelchairs, replaces: this.basketId });
      const holds = () => seats.every((seat) => this.#client.mine.has(seat));
      this.#telling.tell("good", this.#words.say("undone", { seats: this.#venue.namesOf(lines) }), { holds });
      this.dispatchEvent(new CustomEvent("found", { detail: seats }));
    } catch (error) {
      if (error.code !== "refused") throw error;
      this.#telling.notUndone(error, this.basketId !== null);
    }
  }

  /**
   * Run `act` when all that was asked before is answered; what goes wrong is told. Until it is answered, `seats` are in
   * `asking`. `taking`: it asks for more, which needs a sale that is on. `done()`: what to say besides when it fails.
   * @param {() => unknown} act
   * @param {{ seats?: number[], taking?: boolean, done?: () => string }} options
   */
  ask(act, { seats = [], taking = true, done = () => "" } = {}) {
    this.#telling.retire();
    const obstacle = this.#obstacle(taking);
    if (obstacle) {
      this.#telling.tell("note", obstacle(), { holds: () => this.#obstacle(taking)?.() === obstacle() });
      return Promise.resolve();
    }
    this.#mark(seats, (one) => this.asking.add(one));
    const answer = this.#turn
      .then(() => {
        this.#telling.retire(); // a message shown while this waited
        return act();
      })
      .catch((error) => this.#telling.failure(error, done()))
      .finally(() => this.#mark(seats, (one) => this.asking.delete(one)));
    this.#turn = answer;
    return answer;
  }

  /**
   * @param {number[]} seats
   * @param {(seat: number) => unknown} change
   */
  #mark(seats, change) {
    seats.forEach(change);
    this.dispatchEvent(new CustomEvent("asking", { detail: seats }));
  }

  /**
   * What says why nothing can be asked now, or null.
   * @param {boolean} taking
   */
  #obstacle(taking) {
    if (this.#client.status !== "live") return () => this.#words.say("notLive");
    return taking && this.#sale.isClosed ? () => this.#sale.reason : null;
  }

  /**
   * @param {string | null} id
   * @returns {Line[]}
   */
  #linesOf(id) {
    return (id === null ? undefined : this.#client.holds.get(id))?.lines ?? [];
  }

  /**
   * Hold what `lines` name in place of the hold `id`, if there is one; a refusal is told with what may help. Gives the
   * answer, or null.
   * @param {string | null} id
   * @param {Line[]} lines
   * @param {HoldOptions} options
   * @returns {Promise<Held | null>}
   */
  async #hold(id, lines, options = {}) {
    if (this.#isTooMuch(id, lines.length)) return null;
    const { seats, ...more } = requestOf(lines);
    try {
      const { wheelchairs } = this;
      const held = await this.#client.hold(seats, { ...more, wheelchairs, replaces: id, ...options });
      if (held.lost.length > 0) this.#telling.lost(held, seats);
      return held;
    } catch (error) {
      if (error.code !== "refused") throw error;
      const isHeld = () => id !== null && this.#client.holds.has(id);
      this.#telling.refusal(error, lines, isHeld, (wanted, more) => this.#again(id, wanted, more));
    }
    return null;
  }

  /**
   * What a button beside a refusal asks for: other lines, and at least so many wheelchairs.
   * @param {string | null} id
   * @param {Line[]} lines
   * @param {HoldOptions} options
   */
  #again(id, lines, { wheelchairs, ...options } = {}) {
    if (wheelchairs !== undefined) this.wheelchairs = Math.max(this.wheelchairs, wheelchairs);
    const seats = seatsOf(lines).filter((seat) => !this.#client.mine.has(seat));
    const isHeld = () => id !== null && this.#client.holds.has(id);
    this.ask(() => this.#hold(isHeld() ? id : null, lines, options), { seats });
  }

  /**
   * Whether this many places instead of the hold `id` would exceed the limit; if so, the visitor is told.
   * @param {string | null} id
   * @param {number} count
   */
  #isTooMuch(id, count) {
    const { limits } = /** @type {Welcome} */ (this.#client.welcome); // there was one, since it is live
    const others = [...this.#client.holds].filter(([other]) => other !== id).flatMap(([, hold]) => hold.lines);
    const isSo = count + others.length > limits.seats_per_user;
    if (isSo) this.#telling.limit();
    return isSo;
  }
}
