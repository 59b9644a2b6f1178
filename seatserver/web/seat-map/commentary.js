/**
 * What happens in the room, for those who don't watch it: what became ours or was given back, and a summary of what
 * others changed. A seat that was taken and came free again in between does not count. Tells the announcer, and whoever
 * listens.
 *
 * Events: "gained" and "given", when places became this visitor's or ceased to be by its own doing (detail: {seats,
 * areas}, areas as pairs of an area and a number of places).
 */

/** @import { Hold, SeatMapClient } from "../seatmap-client.js" */
/** @import { Announcer } from "./announcer.js" */
/** @import { Answers } from "./basket/answers.js" */
/** @import { Venue } from "./venue.js" */
/** @import { Words } from "./words.js" */

const FREE = 0;
const LIVE_MS = 20_000; // a busy room is summarised no more often than this: it is not what the visitor came to hear

/** @typedef {{ seats: number[], areas: [area: number, places: number][] }} Changed */
/** @typedef {{ seats: number[], areas: Map<number, number> }} Holdings how many places of which areas, and seats */

export class Commentary extends EventTarget {
  #client;
  #venue;
  #words;
  #answers;
  #announcer;
  /** As they were when last looked at. @type {Uint8Array | null} */
  #states = null;
  /** @type {Holdings} */
  #mine = { seats: [], areas: new Map() };
  /** @type {{ seats: number[] }[]} */
  #ended = [];
  #isDue = false;
  /** Seats that changed since the last summary: whether each was free then. @type {Map<number, boolean>} */
  #before = new Map();
  /** Seats that were ours at any time since then. @type {Set<number>} */
  #ours = new Set();
  #timer = 0;

  /**
   * @param {object} parts
   * @param {SeatMapClient} parts.client
   * @param {Venue} parts.venue
   * @param {Words} parts.words
   * @param {Answers} parts.answers
   * @param {Announcer} parts.announcer
   * @param {AbortSignal} parts.signal
   */
  constructor({ client, venue, words, answers, announcer, signal }) {
    super();
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#announcer = announcer;
    this.#mine = this.#holdings();
    this.#forget();
    /**
     * @param {string} name
     * @param {(detail: any) => void} handle
     */
    const listen = (name, handle) =>
      client.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail), { signal });
    listen("change", (seats) => this.#count(seats));
    listen("holds", () => this.#lookSoon());
    listen("expired", (gone) => this.#ended.push(gone));
    listen("booked", (gone) => this.#ended.push(gone));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  // ------------------------------------------------------------------ our own

  #holdings() {
    const areas = new Map();
    for (const hold of this.#client.holds.values()) {
      for (const [area, count] of hold.areas) areas.set(area, (areas.get(area) ?? 0) + count);
    }
    return { seats: [...this.#client.mine.keys()], areas };
  }

  /** When the message that changed them is dealt with: only then it is known whether they ended or were given. */
  #lookSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#look();
    });
  }

  #look() {
    const before = this.#mine;
    const now = (this.#mine = this.#holdings());
    for (const seat of now.seats) this.#ours.add(seat);
    const ended = this.#ended.splice(0);
    const endedSeats = new Set(ended.flatMap(({ seats }) => seats));
    const gained = { seats: now.seats.filter((seat) => !before.seats.includes(seat)), areas: more(now, before) };
    const seats = before.seats.filter((seat) => !now.seats.includes(seat) && !endedSeats.has(seat));
    const given = { seats, areas: ended.length > 0 ? [] : more(before, now) };
    this.#tell("gained", gained, () => this.#nowMine(gained));
    this.#tell("given", given, () => {
      const names = this.#venue.names(given.seats, given.areas);
      return this.#words.say("givenBack", { seats: names });
    });
  }

  /**
   * @param {string} event
   * @param {Changed} places
   * @param {() => string} text
   */
  #tell(event, places, text) {
    if (places.seats.length + places.areas.length === 0) return;
    this.#announcer.say(text());
    this.dispatchEvent(new CustomEvent(event, { detail: places }));
  }

  /** @param {Changed} places */
  #nowMine({ seats, areas }) {
    const holds = [...this.#client.holds.values()];
    /** @param {(hold: Hold) => number} part */
    const sum = (part) => holds.reduce((total, hold) => total + part(hold), 0);
    const count = sum(({ lines }) => lines.length);
    const total = this.#venue.money(sum(({ total_minor }) => total_minor));
    const tickets = this.#words.say("tickets", { count });
    return `${this.#answers.about("nowMine", seats, areas)} ${this.#words.say("total", { tickets, total })}`;
  }

  // ------------------------------------------------------------------ others

  /** @param {number[] | null} seats */
  #count(seats) {
    const { states } = this.#client;
    if (states === null) return;
    if (seats === null || this.#states === null) {
      this.#states = states.slice();
      return;
    }
    for (const seat of seats) {
      const was = this.#states[seat] === FREE;
      this.#states[seat] = states[seat];
      if (!this.#before.has(seat)) this.#before.set(seat, was);
    }
    if (this.#before.size > 0) this.#timer ||= setTimeout(() => this.#summarise(), LIVE_MS);
  }

  /** Start counting again. */
  #forget() {
    this.#before.clear();
    this.#ours = new Set(this.#mine.seats);
  }

  #summarise() {
    this.#timer = 0;
    this.#announcer.summarise(() => {
      const others = [...this.#before].filter(([seat]) => !this.#ours.has(seat));
      const states = this.#states ?? new Uint8Array();
      const isFree = (/** @type {number} */ seat) => states[seat] === FREE;
      const taken = others.filter(([seat, was]) => was && !isFree(seat)).length;
      const freed = others.filter(([seat, was]) => !was && isFree(seat)).length;
      this.#forget();
      if (taken + freed === 0) return "";
      const left = states.reduce((sum, state) => sum + Number(state === FREE), 0);
      const told = [
        taken > 0 && this.#words.say("liveTaken", { count: taken }),
        freed > 0 && this.#words.say("liveFreed", { count: freed }),
        this.#words.say("liveLeft", { count: left }),
      ];
      return told.filter(Boolean).join(" ");
    });
  }
}

/**
 * The areas in which `one` has more places than `other`, as pairs of the area and how many more.
 * @param {Holdings} one
 * @param {Holdings} other
 * @returns {[area: number, places: number][]}
 */
function more(one, other) {
  /** @type {[area: number, places: number][]} */
  const pairs = [...one.areas].map(([area, count]) => [area, count - (other.areas.get(area) ?? 0)]);
  return pairs.filter(([, count]) => count > 0);
}
