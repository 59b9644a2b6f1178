/**
 * What the visitor chooses. One basket is one hold: every change (a seat more or less, another ticket, the best seats)
 * asks for a new hold of all that is wanted, which takes the old one's place in the same step. So the basket becomes
 * what was asked, or stays what it was. Changes wait for each other: each builds on what the one before it brought.
 *
 * Events: "asking", when seats begin or cease to wait for an answer, and "found", when the server chose seats (detail:
 * the seats); "wheelchairs", when another number of them is said.
 */

import { notify, retire } from "./notices.js";
import { CommandError } from "./seatmap-client.js";
import { describeLimit, describeMeasure, describeRefusal } from "./words.js";

const LOST = ["held", "sold", "blocked", "allocated"]; // reasons that other seats help against

export class Choice extends EventTarget {
  /** Seats for which an answer is due. */
  asking = new Set();

  #client;
  #venue;
  #wheelchairs = 0;
  #basketId = null;
  #turn = Promise.resolve();
  #notice = null;

  constructor(client, venue) {
    super();
    this.#client = client;
    this.#venue = venue;
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
    const places = group.map((one) => ({ seat: one }));
    if (this.#client.mine.has(seat)) this.drop({ seat });
    else this.#add(places, group);
  }

  /** One place more of a general-admission area. */
  addPlace(area) {
    this.#add([{ area }]);
  }

  #add(places, seats = []) {
    const lines = places.map((place) => ({ ...place, ticket: this.#venue.ticketsFor(place)[0].key }));
    this.ask(() => this.#hold(this.basketId, [...this.lines, ...lines]), { seats });
  }

  /** Give back a seat with its group, or one place of an area: of these tickets, if the place names one. */
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
    this.ask(giveBack, { seats, taking: false });
  }

  /** The same places, this one with another type of ticket. */
  changeTicket({ seat, area, ticket }, other) {
    return this.ask(async () => {
      const { lines } = this;
      const at = lines.findIndex((line) => line.seat === seat && line.area === area && line.ticket === ticket);
      if (at >= 0) await this.#hold(this.basketId, lines.with(at, { seat, area, ticket: other }));
    });
  }

  /** Let the server choose `count` seats instead of those in the basket; `category` is a key, "" for any. */
  best(count, category) {
    return this.ask(async () => {
      const { wheelchairs, basketId } = this;
      const areas = this.lines.filter((line) => line.area !== undefined);
      const wish = { count, wheelchairs, categories: category ? [category] : [], replaces: basketId };
      const held = await this.#client.best(wish);
      this.#tellBest(held);
      // The search minds numbered seats only: the places in areas come along in a second step.
      if (areas.length > 0) await this.#hold(held.hold_id, [...held.lines, ...areas]);
    });
  }

  /**
   * Run `act` when all that was asked before is answered; what goes wrong is told. Until it is answered, `seats` are in
   * `asking`. `taking`: it asks for more, which needs a sale that is on.
   */
  ask(act, { seats = [], taking = true } = {}) {
    retire(this.#notice); // its buttons belong to a basket that is about to change
    const obstacle = this.#obstacle(taking);
    if (obstacle) {
      notify("note", obstacle);
      return Promise.resolve();
    }
    this.#mark(seats, (one) => this.asking.add(one));
    const answer = this.#turn
      .then(act)
      .catch((error) => this.#tellFailure(error))
      .finally(() => this.#mark(seats, (one) => this.asking.delete(one)));
    this.#turn = answer;
    return answer;
  }

  #mark(seats, change) {
    seats.forEach(change);
    this.dispatchEvent(new CustomEvent("asking", { detail: seats }));
  }

  /** Why nothing can be asked now, or null. */
  #obstacle(taking) {
    const { status, welcome } = this.#client;
    if (status !== "live") return "The map is not live at the moment: nothing can be held or given back.";
    if (!taking) return null;
    const now = this.#client.now();
    if (now < welcome.on_sale_at_ms) return `The sale begins on ${this.#venue.when(welcome.on_sale_at_ms)}.`;
    return now >= welcome.sale_ends_at_ms ? "The sale for this showtime has ended." : null;
  }

  #linesOf(id) {
    return this.#client.holds.get(id)?.lines ?? [];
  }

  /** Hold what `lines` name in place of the hold `id`, if there is one; a refusal is told with what may help. */
  async #hold(id, lines, options = {}) {
    const { limits } = this.#client.welcome;
    const others = [...this.#client.holds].filter(([other]) => other !== id).flatMap(([, hold]) => hold.lines);
    if (lines.length + others.length > limits.seats_per_user)
      return this.#tell("bad", `Sorry: ${describeLimit(limits)}`);
    const { seats, ...more } = requestOf(lines);
    try {
      const { wheelchairs } = this;
      const held = await this.#client.hold(seats, { ...more, wheelchairs, replaces: id, ...options });
      if (held.lost.length > 0) this.#tellLost(held, seats);
    } catch (error) {
      if (error.code !== "refused") throw error;
      this.#tellRefusal(error, id, lines);
    }
  }

  /** `lines` on other `seats`: who stays keeps the ticket, the others' tickets move within their category. */
  #moved(lines, seats) {
    const spare = lines.filter((line) => line.seat !== undefined && !seats.includes(line.seat));
    const numbered = seats.map((seat) => {
      const same = lines.find((line) => line.seat === seat);
      const category = this.#venue.categoryOf({ seat });
      const at = spare.findIndex((line) => this.#venue.categoryOf(line) === category);
      if (same) return same;
      return { seat, ticket: at < 0 ? this.#venue.ticketsFor({ seat })[0].key : spare.splice(at, 1)[0].ticket };
    });
    return [...numbered, ...lines.filter((line) => line.area !== undefined)];
  }

  // ------------------------------------------------------------------ telling

  /** What the answer to a change has to say. */
  #tell(kind, text, options) {
    retire(this.#notice);
    this.#notice = notify(kind, text, options);
  }

  #tellBest(held) {
    const { seats, lost, breakdown } = held;
    const names = this.#venue.names(seats);
    const told = [`${names} are the best ${seats.length} free seats side by side.`];
    if (seats.length === 1) told[0] = `${names} is the best free seat.`;
    if (breakdown.parts > 0) {
      told[0] = `${seats.length} side by side are not to be had. The best near each other: ${names}.`;
    }
    if (lost.length > 0) told.push(`Others were faster to take ${this.#venue.names(lost.map(([seat]) => seat))}.`);
    this.#tell("good", told.join(" "), { more: describeMeasure(held) });
    this.dispatchEvent(new CustomEvent("found", { detail: seats }));
  }

  #tellLost(held, wanted) {
    const lost = held.lost.filter(([, reason]) => LOST.includes(reason));
    const why = describeRefusal({ seats: lost, areas: [], stranded: [] }, this.#venue);
    const got = held.seats.filter((seat) => !wanted.includes(seat));
    if (got.length === 0) return; // what was lost had come free again
    this.#tell("good", `${why} You have ${this.#venue.names(got)} instead.`.trim());
    this.dispatchEvent(new CustomEvent("found", { detail: got }));
  }

  #tellRefusal(error, id, lines) {
    const { limits } = this.#client.welcome;
    const reasons = error.seats.map(([, reason]) => reason);
    const again = (wanted, options) => {
      const seats = wanted.flatMap(({ seat = [] }) => seat).filter((seat) => !this.#client.mine.has(seat));
      this.ask(() => this.#hold(this.#client.holds.has(id) ? id : null, wanted, options), { seats });
    };
    const actions = [];
    if (error.fix.length > 0) {
      const names = this.#venue.names(error.fix);
      actions.push([`Take ${names} instead`, () => again(this.#moved(lines, error.fix))]);
    } else if (reasons.some((reason) => LOST.includes(reason))) {
      actions.push(["Hold the nearest instead", () => again(lines, { or_nearest: true })]);
    }
    if (reasons.includes("wheelchair")) {
      const places = lines.filter(({ seat }) => seat !== undefined && this.#venue.isForWheelchair(seat)).length;
      const comeWithThem = () => {
        this.wheelchairs = places;
        again(lines);
      };
      actions.push([places > 1 ? `${places} of us do` : "One of us does", comeWithThem]);
    }
    this.#tell("bad", `Sorry: ${describeRefusal(error, this.#venue, limits)}`, { actions });
  }

  #tellFailure(error) {
    if (!(error instanceof CommandError)) return reportError(error);
    const text = {
      hold_gone: () => "your seats have changed meanwhile, perhaps in another window. What you hold now is shown.",
      refused: () => describeRefusal(error, this.#venue, this.#client.welcome.limits),
    };
    this.#tell("bad", `Sorry: ${text[error.code]?.() ?? `${error.message}.`}`);
  }
}

/** The fields of a `hold` message for these lines. */
function requestOf(lines) {
  const numbered = lines.filter((line) => line.seat !== undefined);
  const others = lines.filter((line) => line.area !== undefined);
  const alike = Map.groupBy(others, ({ area, ticket }) => JSON.stringify([area, ticket]));
  return {
    seats: numbered.map(({ seat }) => seat),
    tickets: numbered.map(({ ticket }) => ticket),
    areas: [...alike.values()].map(([{ area, ticket }, ...more]) => ({ area, ticket, count: 1 + more.length })),
  };
}
