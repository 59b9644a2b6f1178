/**
 * Assembles the parts of the seat map for one showtime: hall, legend, search, areas, basket, bookings, messages and
 * announcements. It is made again when the language changes; the client, and with it the connection, stays.
 */

import { Announcer } from "./announcer.js";
import { Answers } from "./basket/answers.js";
import { Areas } from "./hall/areas.js";
import { Basket } from "./basket/basket.js";
import { Bookings } from "./basket/bookings.js";
import { Choice } from "./basket/choice.js";
import { Concierge } from "./concierge/concierge.js";
import { conciergeOf } from "./attributes.js";
import { Commentary } from "./commentary.js";
import { button, element } from "../shared/dom.js";
import { Legend } from "./hall/legend.js";
import { Notices } from "./notices.js";
import { Party } from "./search/party.js";
import { partsIn } from "./parts.js";
import { fitRoom } from "./fit-room.js";
import { Sale } from "./sale.js";
import { Stage } from "./hall/stage.js";
import { Venue } from "./venue.js";

/** @import { ClientEvents, SeatMapClient, Status } from "../seatmap-client.js" */
/** @import { Options } from "./notices.js" */
/** @import { Layout, Look, Showtime } from "./types.js" */
/** @import { Words } from "./words.js" */

/** @type {Look[]} */
const STATES = ["free", "held", "claimed", "sold", "blocked", "allocated"]; // by SeatState number
const TO_BE_HAD = ["free", "mine", "asking"];
const COUNT_MS = 500;
const SETTLE_MS = 300; // the hall has glided to the seats, and the answer about them is complete
const TIP_GAP = 6; // CSS pixels of the frame
const WINDOW_GAP = 8;

/**
 * @typedef {object} Given what the picker shows, and whom it tells
 * @property {SeatMapClient} client
 * @property {Showtime} showtime
 * @property {Layout} layout
 * @property {URL} server
 * @property {boolean} isGuest
 * @property {(refused?: string | null) => Promise<string>} token
 * @property {Words} words
 * @property {(name: string, detail: Record<string, any>) => void} tell
 * @property {() => void} restart
 * @property {() => boolean} pageBooks
 * @property {() => boolean} noConcierge
 * @property {() => boolean} hasVoice
 * @property {number} [wheelchairs]
 */

export class Picker {
  #client;
  #words;
  #venue;
  #choice;
  #answers;
  #stage;
  #legend;
  #areas;
  #party;
  #concierge;
  #sale;
  #basket;
  #bookings;
  #notices;
  #announcer;
  #commentary;
  #parts;
  #tell;
  #restart;
  /** @type {Set<number>} */
  #preview = new Set();
  /** @type {number | null} */
  #pointed = null;
  #counting = 0;
  /** Seats whose state may not be what the legend counts; null: all. @type {Set<number> | null} */
  #uncounted = null;
  /** @type {boolean | null} */
  #wasLive = null;
  /** The notice that says why a seat is not available. @type {HTMLElement | null} */
  #explained = null;
  #timer = 0;
  #settling = 0;
  #off = new AbortController();

  /**
   * In the empty `frame`. `tell(name, detail)` tells the page ("hold", "release", "expired", "booked", "refused",
   * "status", "checkout", "continue"), `restart()` loads the showtime anew, `pageBooks()` says whether
   * booking and paying are left to the page, `noConcierge()` whether there is no field for wishes in one's own words,
   * `hasVoice()` whether they may be spoken. `token()` is a promise of the user's token.
   * @param {HTMLElement} frame
   * @param {Given} options
   */
  constructor(frame, { wheelchairs = 0, ...given }) {
    const { client, showtime, layout, server, isGuest, token, words, tell, restart, pageBooks } = given;
    this.#client = client;
    this.#words = words;
    this.#tell = tell;
    this.#restart = restart;
    const { signal } = this.#off;
    const venue = (this.#venue = new Venue(showtime, layout, words));
    const answers = (this.#answers = new Answers(words, venue, () => client.now()));
    const parts = (this.#parts = partsIn(frame, words));
    const announcer = (this.#announcer = new Announcer(parts.spoken));
    const notices = (this.#notices = new Notices(parts.notices, words, announcer));
    const sale = (this.#sale = new Sale(parts.banner, { client, venue, words, announcer, signal }));
    const choice = (this.#choice = new Choice({ client, venue, words, answers, notices, sale }));
    choice.wheelchairs = wheelchairs;
    const all = { client, venue, words, answers, notices, announcer, choice, sale, server, isGuest, signal };
    this.#bookings = new Bookings(parts.bookings, { ...all, token, pageBooks, next: parts.basket });
    this.#stage = this.#makeStage(layout);
    this.#legend = new Legend(parts.prices, parts.signs, all);
    this.#areas = new Areas(parts.areas, all);
    const party = (this.#party = new Party(parts.search, parts.offers, all));
    party.addEventListener("preview", (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      if (detail.length > 0) this.#concierge.rest();
      this.#look(detail);
    });
    this.#concierge = new Concierge(parts.concierge, parts.search, {
      ...{ ...all, token, address: conciergeOf(server, showtime.id), isLeftOut: given.noConcierge },
      hasVoice: given.hasVoice,
      people: () => party.people,
    });
    this.#concierge.addEventListener("ask", () => party.rest());
    this.#concierge.addEventListener("preview", (event) => this.#pointOut(/** @type {CustomEvent} */ (event).detail));
    this.#basket = new Basket(parts.basket, { ...all, pageBooks, ticketAt: (id) => this.#bookings.ticketAt(id) });
    this.#commentary = new Commentary(all);
    this.#listen(signal);
    this.#paint();
    this.#showStatus();
    this.#showSale();
    fitRoom(frame, parts, signal);
  }

  /** How many of the party come with a wheelchair. */
  get wheelchairs() {
    return this.#choice.wheelchairs;
  }

  get venue() {
    return this.#venue;
  }

  get choice() {
    return this.#choice;
  }

  /**
   * What the seat with this index shows.
   * @param {number} seat
   * @returns {Look}
   */
  stateOf(seat) {
    if (this.#choice.asking.has(seat) || this.#client.pending?.has(seat)) return "asking";
    if (this.#client.mine.has(seat)) return "mine";
    const { states } = this.#client;
    if (!states) return "unknown";
    const state = STATES[states[seat]] ?? "unknown"; // newer servers may have more
    const isTaken = state === "sold" || state === "claimed";
    return isTaken && this.#bookings.seats.has(seat) ? "booked" : state;
  }

  /** @param {number} seat */
  boxOf(seat) {
    return this.#stage.boxOf(seat);
  }

  /**
   * Bring seats into view: in the hall, and the hall in the window, above the docked basket.
   * @param {number[]} seats
   */
  reveal(seats) {
    this.#stage.reveal(seats);
    this.#uncover(this.#parts.hall.getBoundingClientRect());
  }

  /**
   * Scroll the window, if it takes that to have `box` in it and not under the docked basket.
   * @param {DOMRect} box
   */
  #uncover({ left, right, top, bottom }) {
    const { dock } = this.#parts;
    const lower = dock.getBoundingClientRect();
    // Along the lower edge, where there is little room, unless it stands beside the hall.
    const isBelow = getComputedStyle(dock).zIndex !== "auto" && lower.left < right && left < lower.right;
    const room = innerHeight - (isBelow ? lower.height : 0);
    if (top < 0 || bottom > room) scrollBy({ top: Math.min(top - WINDOW_GAP, bottom - room + WINDOW_GAP) });
  }

  /** Custom properties, theme or direction of the page changed. */
  restyle() {
    this.#stage.restyle();
    this.#legend.restyle();
  }

  /** What the page does with the basket changed. */
  refresh() {
    this.#basket.render();
    this.#concierge.update();
  }

  listen() {
    this.#concierge.listen();
  }

  stop() {
    this.#off.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    cancelAnimationFrame(this.#counting);
    const parts = [
      this.#announcer,
      this.#notices,
      this.#basket,
      this.#bookings,
      this.#commentary,
      this.#sale,
      this.#concierge,
    ];
    for (const part of parts) part.stop();
    this.#stage.disconnect();
  }

  /** @param {Layout} layout */
  #makeStage(layout) {
    /** @param {string} name */
    const say = (name) => this.#words.say(name);
    const strings = {
      ...{ screen: say("screen"), hall: say("hall"), aisle: say("aisle"), zoom: say("tools") },
      ...{ zoomIn: say("zoomIn"), zoomOut: say("zoomOut"), fit: say("fit") },
    };
    /** @type {(seat: number) => Look} */
    const look = (seat) => (this.#preview.has(seat) ? "asking" : this.stateOf(seat));
    /** @param {number} area */
    const lookArea = (area) => {
      const [name, left] = [this.#venue.name({ area }), this.#areas?.left(area) ?? ""];
      const text = left ? this.#words.say("areaLeft", { area: name, left }) : name;
      return { text, full: this.#client.remaining[area] === 0 };
    };
    /** @param {number} seat */
    const describe = (seat) => this.#describe(this.#venue.spoken(seat), seat, ", ");
    return new Stage(this.#parts.hall, layout, { look, describe, lookArea, strings });
  }

  // ------------------------------------------------------------------ listening

  /** @param {AbortSignal} signal */
  #listen(signal) {
    /**
     * @param {EventTarget} target
     * @param {string} name
     * @param {(detail: any) => void} handle
     */
    const on = (target, name, handle) =>
      target.addEventListener(name, (event) => handle(/** @type {CustomEvent} */ (event).detail), { signal });
    const client = this.#client;
    on(client, "change", (seats) => this.#paint(seats));
    for (const name of ["holds", "bookings", "welcome"]) on(client, name, () => this.#paint());
    on(client, "pending", (seats) => this.#paint(seats));
    on(client, "status", () => {
      this.#showStatus();
      this.#tell("status", {});
    });
    on(client, "expired", (detail) => this.#tellExpired(detail));
    on(client, "booked", (detail) => {
      if (this.#bookings.take(detail)) this.#party.close();
      this.#paint(detail.seats);
      this.#tell("booked", detail);
    });
    on(this.#choice, "asking", (seats) => {
      this.#notices.retire(this.#explained); // the visitor goes on
      this.#paint(seats);
    });
    on(this.#choice, "found", (seats) => this.reveal(seats));
    on(this.#choice, "refused", (detail) => this.#tell("refused", detail));
    on(this.#commentary, "gained", (detail) => this.#tell("hold", detail));
    on(this.#commentary, "given", (detail) => this.#tell("release", detail));
    on(this.#sale, "change", () => this.#showSale());
    on(this.#basket, "checkout", () => this.#tell("checkout", {}));
    on(this.#bookings, "continue", (detail) => this.#tell("continue", detail));
    on(this.#basket, "hurry", () => this.#announcer.say(this.#words.say("minuteLeft")));
    on(this.#stage, "pick", ({ seat }) => this.#pick(seat));
    on(this.#stage, "pickarea", ({ area }) => this.#areas.show(area));
    on(this.#stage, "point", ({ seat }) => {
      this.#point(seat);
      const isKeyboard = this.#parts.hall.querySelector("[data-seat]:focus-visible") !== null;
      if (seat !== null && isKeyboard) this.#uncover(this.#stage.boxOf(seat));
    });
    on(this.#stage, "zoom", () => this.#point(this.#pointed));
    this.#timer = setInterval(() => client.status === "waiting" && this.#showStatus(), COUNT_MS);
  }

  /** @param {number} seat */
  #pick(seat) {
    const state = this.stateOf(seat);
    // Of a map that is not live nothing is said but that.
    if (TO_BE_HAD.includes(state) || this.#client.status !== "live") return this.#choice.toggle(seat);
    const text = this.#words.say("isState", { seat: this.#venue.name({ seat }), state: this.#words.say(state) });
    const holds = () => this.stateOf(seat) === state;
    this.#explained = this.#notices.tell("note", text, { holds });
  }

  /** @param {ClientEvents["expired"]["detail"]} detail */
  #tellExpired({ seats, areas, reason }) {
    this.#tell("expired", { seats, areas, reason });
    /** @type {Record<string, string>} */
    const names = { sold: "lostToBooking", blocked: "houseTook", away: "cameFreeAway" };
    const text = this.#answers.about(names[reason] ?? "timeRanOut", seats, areas);
    const free = reason === "sold" || reason === "blocked" ? [] : seats;
    const isFree = (/** @type {number} */ seat) => this.#client.states?.[seat] === 0;
    const take = () => this.#choice.add(free);
    /** @type {Options["actions"]} */
    const actions = free.length > 0 ? [[this.#answers.about("takeAgain", free), take]] : [];
    let seen = false;
    // The map may still show them held when the message comes.
    const holds = () => {
      seen ||= free.every(isFree);
      return !seen || free.every(isFree);
    };
    this.#notices.tell("bad", text, { actions, holds });
  }

  // ------------------------------------------------------------------ showing

  /** @param {number[]} seats */
  #look(seats) {
    const changed = [...this.#preview, ...seats];
    this.#preview = new Set(seats);
    this.#stage.paint(changed);
    if (seats.length > 0) this.#stage.reveal(seats);
  }

  /**
   * Look at seats that are spoken of beside the hall: on a phone it may take scrolling to see them.
   * @param {number[]} seats
   */
  #pointOut(seats) {
    this.#look(seats);
    clearTimeout(this.#settling);
    if (seats.length > 0) this.#settling = setTimeout(() => this.#uncover(this.#around(seats)), SETTLE_MS);
  }

  /**
   * Where seats are in the window.
   * @param {number[]} seats
   */
  #around(seats) {
    const boxes = seats.map((seat) => this.#stage.boxOf(seat));
    const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
    const [right, bottom] = [Math.max(...boxes.map((box) => box.right)), Math.max(...boxes.map((box) => box.bottom))];
    return new DOMRect(left, top, right - left, bottom - top);
  }

  /**
   * @param {string} name
   * @param {number} seat
   * @param {string} between
   */
  #describe(name, seat, between) {
    const hold = this.#client.holds.get(this.#client.mine.get(seat) ?? "");
    const line = hold?.lines.find((one) => one.seat === seat);
    const money = line ? this.#venue.money(line.price_minor) : this.#venue.price({ seat });
    const price = this.#venue.groupOf(seat).length > 1 ? this.#words.say("perSeat", { money }) : money;
    const said = [name, this.#venue.kind(seat), this.#venue.categoryOf({ seat }).name, price];
    return [...said, this.#words.say(this.stateOf(seat))].filter(Boolean).join(between);
  }

  /** @param {number[] | null} seats */
  #paint(seats = null) {
    this.#stage.paint(seats);
    if (seats === null) this.#uncounted = null;
    else for (const seat of seats) this.#uncounted?.add(seat);
    this.#countSoon();
    if (this.#pointed !== null) this.#point(this.#pointed);
  }

  /** At most once a frame: a busy room changes more often than anyone can read. */
  #countSoon() {
    this.#counting ||= requestAnimationFrame(() => {
      this.#counting = 0;
      if (this.#client.states) this.#showCounts();
      this.#areas.update();
      this.#party.update();
      if (this.#venue.areas.length > 0) this.#stage.paintAreas();
      this.#notices.review();
    });
  }

  #showCounts() {
    this.#legend.update((seat) => this.stateOf(seat), this.#client.remaining, this.#uncounted);
    this.#uncounted = new Set();
    const isFull = !this.#legend.hasFree;
    this.#basket.hasFree = !isFull;
    const isOurs = this.#client.holds.size > 0; // a visitor who holds seats needs no such message
    this.#sale.setTaken({ isFull: isFull && !isOurs, mayComeFree: this.#legend.hasHeld });
  }

  /** Of a showtime that is not sold now, all looks so. */
  #showSale() {
    const { isClosed, phase } = this.#sale;
    this.#parts.frame.dataset.sale = phase;
    this.#stage.closed = isClosed;
    this.#basket.render();
    this.#areas.update();
    this.#notices.review();
  }

  /**
   * The sign beside the seat under the pointer or the focus.
   * @param {number | null} seat
   */
  #point(seat) {
    this.#pointed = seat;
    const { tip, plane, hall } = this.#parts;
    const box = seat === null ? null : this.#stage.boxOf(seat);
    const view = hall.getBoundingClientRect();
    tip.hidden = box === null || box.bottom < view.top || box.top > view.bottom;
    if (seat === null || box === null || tip.hidden) return;
    tip.textContent = this.#describe(this.#venue.name({ seat }), seat, " · ");
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const [x, y] = plane.fromWindow(box.left + box.width / 2, box.top + box.height / 2);
    const left = Math.max(0, Math.min((tip.offsetParent?.clientWidth ?? 0) - width, x - width / 2));
    const away = this.#stage.scale / 2 + TIP_GAP;
    const above = plane.boxOf({ left, top: y - away - height, width, height });
    tip.style.left = `${left}px`;
    tip.style.top = `${above.top > 0 ? y - away - height : y + away}px`;
  }

  #showStatus() {
    const { status, retryAtMs } = this.#client;
    const { status: node, frozen } = this.#parts;
    const text = this.#words.say(status);
    node.dataset.status = status;
    if (node.textContent !== text) node.textContent = text;
    const seconds = Math.max(0, Math.ceil((retryAtMs - performance.now()) / 1000));
    /** @type {Partial<Record<Status, () => string>>} */
    const texts = {
      connecting: () => this.#words.say("frozenConnecting"),
      waiting: () => this.#words.say(seconds > 0 ? "frozenWaiting" : "frozenRetrying", { seconds }),
      stopped: () => this.#words.say("frozenStopped", { reason: this.#words.whyStopped(this.#client) }),
    };
    const told = texts[status]?.();
    const isLive = status === "live";
    frozen.hidden = isLive || (status === "connecting" && !this.#client.states);
    if (told !== undefined && frozen.firstChild?.textContent !== told) this.#sayFrozen(told, status === "stopped");
    this.#stage.frozen = !isLive;
    this.#announceStatus(isLive, frozen.hidden, told);
    this.#notices.review();
  }

  /**
   * @param {string} text
   * @param {boolean} isOver
   */
  #sayFrozen(text, isOver) {
    const again = isOver && button(this.#words.say("again"), () => this.#restart());
    this.#parts.frozen.replaceChildren(element("span", { textContent: text }), ...(again ? [again] : []));
  }

  /**
   * @param {boolean} isLive
   * @param {boolean} isFine
   * @param {string} [told]
   */
  #announceStatus(isLive, isFine, told = "") {
    if (isLive) {
      if (this.#wasLive === false) this.#announcer.say(this.#words.say("liveAgain"));
      this.#wasLive = true;
    } else if (!isFine && this.#wasLive !== false) {
      this.#announcer.say(told);
      this.#wasLive = false;
    }
  }
}
