/** The user's holds, as the server last reported them. */

import { expect } from "./errors.js";

/** @import { Message } from "./codec.js" */
/** @import { Hold, Mark, Released } from "../../seatmap-client.js" */

/** @param {any} value */
const isSeat = (value) => Number.isInteger(value) && value >= 0;

/**
 * A hold as the page sees it. Throws a ProtocolError.
 * @param {any} message
 * @param {number} wheelchairs
 * @returns {Hold}
 */
function holdOf(message, wheelchairs) {
  const {
    seats,
    areas,
    lines,
    fees_minor,
    total_minor,
    currency,
    currency_digits,
    deadline_ms,
    stranded = [],
  } = message;
  expect(Array.isArray(seats) && seats.every(isSeat), "a hold without seats");
  expect(Array.isArray(areas) && Array.isArray(lines), "a hold without areas and lines");
  expect(Number.isFinite(deadline_ms), "a hold without a deadline");
  const basket = { seats, areas, lines, fees_minor, total_minor, currency, currency_digits, wheelchairs, stranded };
  return { ...basket, deadlineMs: deadline_ms, latestDeadlineMs: message.latest_deadline_ms ?? 0 };
}

export class Holds {
  /** Hold id → hold; the one that was made last is the last. @type {Map<string, Hold>} */
  byId = new Map();
  /** Seat → hold id. @type {Map<number, string>} */
  ofSeats = new Map();
  /** Ids missing in the server's last list, about which a command's answer will say more. @type {Set<string>} */
  #doubtful = new Set();

  /**
   * Store a hold as the server just reported it, instead of the one that it `replaces`.
   * @param {any} message
   * @param {{ replaces?: string | null, wheelchairs?: number }} given
   */
  put(message, { replaces, wheelchairs }) {
    const before = this.byId.get(message.hold_id) ?? this.byId.get(replaces ?? "");
    const hold = holdOf(message, wheelchairs ?? before?.wheelchairs ?? 0);
    expect(typeof message.hold_id === "string", "a hold without an id");
    if (replaces) this.byId.delete(replaces);
    this.byId.set(message.hold_id, hold);
    this.#doubtful.delete(message.hold_id);
    this.#index();
  }

  /**
   * Whether there was such a hold.
   * @param {string} holdId
   */
  remove(holdId) {
    const found = this.byId.delete(holdId);
    if (found) this.#index();
    return found;
  }

  /**
   * Seats were given back; whether anything of the hold is left.
   * @param {Released} given
   */
  cut({ hold_id, seats, areas = [] }) {
    const hold = this.byId.get(hold_id);
    if (!hold) return false;
    const left = hold.seats.filter((seat) => !seats.includes(seat));
    const keepsPlaces = hold.areas.length > areas.length;
    if (left.length === 0 && !keepsPlaces) {
      this.remove(hold_id);
      return false;
    }
    const lines = hold.lines.filter((line) => line.seat === undefined || !seats.includes(line.seat));
    this.byId.set(hold_id, { ...hold, seats: left, lines });
    this.#index();
    return true;
  }

  /**
   * Take over the server's list. What is missing from it ended without our doing, unless it is in `asked`: then the
   * answer to a command will tell. Answers what of it nobody has now: [{seats, areas}, …].
   * @param {any} views
   * @param {Set<string>} asked
   */
  adopt(views, asked) {
    expect(Array.isArray(views), "a welcome without holds");
    const fresh = views.map((/** @type {any} */ view) => {
      expect(typeof view?.hold_id === "string", "a hold without an id");
      return [view.hold_id, holdOf(view, view.wheelchairs ?? 0)];
    });
    const alive = new Map(fresh);
    this.#doubtful = new Set([...this.byId.keys()].filter((id) => !alive.has(id)));
    for (const [id, hold] of fresh) this.byId.set(id, hold);
    return this.endDoubtful(asked);
  }

  /**
   * What is missing from the server's last list, and is not in `asked` any more, has ended; answers as `adopt`.
   * @param {Set<string>} asked
   */
  endDoubtful(asked) {
    const ids = [...this.#doubtful].filter((id) => this.byId.has(id) && !asked.has(id));
    const ended = ids.map((id) => /** @type {Hold} */ (this.byId.get(id)));
    for (const id of ids) this.byId.delete(id);
    this.#index();
    return ended
      .map(({ seats, areas }) => ({ seats: seats.filter((seat) => !this.ofSeats.has(seat)), areas }))
      .filter(({ seats, areas }) => seats.length > 0 || areas.length > 0);
  }

  /**
   * What a command is to bring: seat → "holding" | "releasing"; `pending` is what earlier ones are to bring. Which
   * seats `best` will find, nobody knows yet.
   * @param {Message} given
   * @param {Map<number, Mark>} pending
   * @returns {Map<number, Mark>}
   */
  marksOf({ type, seats, hold_id, replaces }, pending) {
    /** @param {string} id */
    const seatsOf = (id) => this.byId.get(id)?.seats ?? [];
    /** @type {Map<number, Mark>} */
    const marks = new Map();
    if (type === "release") for (const seat of seats ?? seatsOf(hold_id)) marks.set(seat, "releasing");
    if (type !== "hold") return marks;
    for (const seat of seatsOf(replaces)) if (!seats.includes(seat)) marks.set(seat, "releasing");
    for (const seat of seats) {
      if (!this.ofSeats.has(seat) || pending.get(seat) === "releasing") marks.set(seat, "holding");
    }
    return marks;
  }

  #index() {
    this.ofSeats = new Map([...this.byId].flatMap(([id, hold]) => hold.seats.map((seat) => [seat, id])));
  }
}
