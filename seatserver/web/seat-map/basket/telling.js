/**
 * What the visitor is told of a change of the basket: what was found, what went back, why something was refused, and
 * what would help against that. It shows one notice at a time. Nothing is changed here: buttons call what the choice
 * gave for them.
 */

import { CommandError } from "../../seatmap-client.js";
import { LOST } from "./answers.js";
import { besideCompany, goneOf, movedTo, seatsOf, withTickets } from "./lines.js";

/** @import { Held, HoldOptions, SeatMapClient } from "../../seatmap-client.js" */
/** @import { Notices, Options } from "../notices.js" */
/** @import { Line } from "../types.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */
/** @import { Answers } from "./answers.js" */

const FREE = 0;

/** @typedef {(lines: Line[]) => Options} Undoable what brings back a basket with these lines */
/**
 * Ask for other lines, in the place of those that were refused. `wheelchairs`: at least so many come along.
 * @typedef {(wanted: Line[], options?: HoldOptions) => void} Again
 */

export class Telling {
  #client;
  #venue;
  #words;
  #answers;
  #notices;
  #fire;
  /** @type {HTMLElement | null} */
  #notice = null;

  /**
   * `fire(name, detail)` dispatches the events "found" and "refused" of the choice.
   * @param {{ client: SeatMapClient, venue: Venue, words: Words, answers: Answers, notices: Notices }} given
   * @param {(name: string, detail: unknown) => void} fire
   */
  constructor({ client, venue, words, answers, notices }, fire) {
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#notices = notices;
    this.#fire = fire;
  }

  /** The basket is about to change: the buttons of the last notice belong to the one before. */
  retire() {
    this.#notices.retire(this.#notice);
  }

  /**
   * What the answer to a change has to say.
   * @param {"good" | "bad" | "note"} kind
   * @param {string} text
   * @param {Options} [options]
   */
  tell(kind, text, options) {
    this.retire();
    this.#notice = this.#notices.tell(kind, text, options);
  }

  /**
   * These lines are no longer in the basket.
   * @param {Line[]} gone
   * @param {Options} options
   */
  gone(gone, options) {
    this.tell("good", this.#wentBack(gone), options);
  }

  /**
   * A search found seats, in the place of `before`.
   * @param {Held} held
   * @param {Line[]} before
   * @param {Undoable} undoable
   */
  best(held, before, undoable) {
    const { seats, lost } = held;
    const told = [this.#answers.found(held)];
    // Seats that were chosen by hand never disappear without a message.
    const gone = goneOf(before, held);
    if (gone.length > 0) told.push(this.#wentBack(gone));
    if (lost.length > 0) {
      told.push(this.#words.say("otherFaster", { seats: this.#venue.names(lost.map(([seat]) => seat)) }));
    }
    const more = this.#answers.measure(held);
    const undo = gone.length > 0 ? undoable(before) : {};
    const isHeld = () => seats.every((seat) => this.#client.mine.has(seat));
    const holds = () => isHeld() && (undo.holds?.() ?? true);
    this.tell("good", told.join(" "), { more, ...undo, holds });
    this.#fire("found", seats);
  }

  /**
   * A search found seats, but the places in areas could not come along: which of what was held went back.
   * @param {CommandError} error
   * @param {Line[]} before
   * @param {Line[]} lines what is held now
   * @param {Undoable} undoable
   */
  leftBehind(error, before, lines, undoable) {
    /** @param {Line} line */
    const isKept = ({ seat, area }) => lines.some((line) => line.seat === seat && line.area === area);
    const gone = before.filter((line) => !isKept(line));
    this.#sorry(error, gone.length > 0 ? { more: this.#wentBack(gone), ...undoable(before) } : {});
    const found = seatsOf(lines);
    if (found.length > 0) this.#fire("found", found);
  }

  /**
   * Some of the seats that were asked for are not in the answer, others may be in their place.
   * @param {Held} held
   * @param {number[]} wanted
   */
  lost(held, wanted) {
    const lost = held.lost.filter(([, reason]) => LOST.includes(reason));
    const why = this.#answers.refusal({ seats: lost });
    const got = held.seats.filter((seat) => !wanted.includes(seat));
    if (got.length === 0) return; // what was lost had come free again
    const holds = () => got.every((seat) => this.#client.mine.has(seat));
    this.tell("good", `${why} ${this.#answers.about("haveInstead", got)}`.trim(), { holds });
    this.#fire("found", got);
  }

  /** It would be more than one may hold. */
  limit() {
    const held = () => [...this.#client.holds.values()].reduce((sum, { lines }) => sum + lines.length, 0);
    const before = held();
    const text = this.#words.say("sorry", { why: this.#answers.limit(this.#client.welcome?.limits) });
    this.tell("bad", text, { holds: () => held() >= before });
  }

  /**
   * `lines` were refused; buttons ask `again` for others that may be had. `isHeld()`: the hold that they were to
   * replace is still there.
   * @param {CommandError} error
   * @param {Line[]} lines
   * @param {() => boolean} isHeld
   * @param {Again} again
   */
  refusal(error, lines, isHeld, again) {
    const isRace = error.seats.some(([, reason]) => LOST.includes(reason));
    const more = [isRace && this.#words.say("fasterThanYou"), isHeld() && this.#words.say("nothingLost")];
    const actions = this.#remedies(error, lines, again);
    this.#sorry(error, { actions, more: more.filter(Boolean).join(" "), holds: this.#whileTaken(error) });
  }

  /**
   * Lines that went back could not be had again.
   * @param {CommandError} error
   * @param {boolean} isHeld whether there is still a basket
   */
  notUndone(error, isHeld) {
    const why = this.#whyNot(error);
    const more = isHeld ? this.#words.say("nothingLost") : "";
    this.tell("bad", this.#words.say("notUndone", { why }), { more, holds: this.#whileTaken(error) });
    this.#fire("refused", { error, why });
  }

  /**
   * Anything else that went wrong; `more` is said besides.
   * @param {unknown} error
   * @param {string} more
   */
  failure(error, more) {
    if (error instanceof CommandError) this.#sorry(error, { more });
    else reportError(error);
  }

  /**
   * The choices that may be had instead of refused lines, as buttons of the notice.
   * @param {CommandError} error
   * @param {Line[]} lines
   * @param {Again} again
   */
  #remedies(error, lines, again) {
    const reasons = error.seats.map(([, reason]) => reason);
    /** @type {NonNullable<Options["actions"]>} */
    const actions = [];
    if (error.fix.length > 0) {
      const moved = () => again(movedTo(this.#venue, lines, error.fix));
      actions.push([this.#answers.about("takeInstead", error.fix), moved]);
    } else if (reasons.some((reason) => reason === "cooling" || LOST.includes(reason))) {
      actions.push([this.#words.say("nearestInstead"), () => again(lines, { or_nearest: true })]);
    }
    const chairs = lines.filter(({ seat }) => seat !== undefined && this.#venue.isForWheelchair(seat)).length;
    if (reasons.includes("wheelchair")) {
      const come = () => again(lines, { wheelchairs: chairs });
      actions.push([this.#words.say("comeWith", { count: chairs }), come]);
    }
    const company = error.seats.filter(([, reason]) => reason === "companion").map(([seat]) => seat);
    const beside = besideCompany(this.#venue, company, lines, (seat) => this.#client.states?.[seat] === FREE);
    if (beside.length > 0) {
      const places = beside.map((seat) => ({ seat }));
      const all = [...lines, ...withTickets(this.#venue, places)];
      const come = () => again(all, { wheelchairs: chairs + beside.length });
      actions.push([this.#answers.about("withWheelchair", beside), come]);
    }
    return actions;
  }

  /**
   * Says whether seats that were lost are still gone; what the map shows at first may be older than the refusal.
   * @param {CommandError} error
   */
  #whileTaken({ seats }) {
    const taken = seats.filter(([, reason]) => LOST.includes(reason)).map(([seat]) => seat);
    /** @type {Set<number>} */
    const seen = new Set();
    return () => {
      const { states, mine } = this.#client;
      for (const seat of taken) if (states?.[seat] !== FREE) seen.add(seat);
      /** @param {number} seat */
      const isOver = (seat) => mine.has(seat) || (seen.has(seat) && states?.[seat] === FREE);
      return taken.length === 0 || !taken.every(isOver);
    };
  }

  /**
   * @param {CommandError} error
   * @param {Options} options
   */
  #sorry(error, options) {
    const why = this.#whyNot(error);
    this.tell("bad", this.#answers.sorry(error, why), options);
    this.#fire("refused", { error, why });
  }

  /** @param {CommandError} error */
  #whyNot(error) {
    if (error.code !== "refused") return this.#answers.failure(error);
    return this.#answers.refusal(error, this.#client.welcome?.limits);
  }

  /** @param {Line[]} lines */
  #wentBack(lines) {
    return this.#words.say("wentBack", { seats: this.#venue.namesOf(lines), count: lines.length });
  }
}
