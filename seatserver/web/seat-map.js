/**
 * `<seat-map>`: the live seat map of one showtime, for any page.
 *
 *     <script type="module" src="https://seats.example/static/seat-map.js"></script>
 *     <seat-map showtime="tonight"></seat-map>
 *
 * The README documents its attributes, properties, events, custom properties and parts; seat-map.d.ts has their types.
 * This file is the element's interface to the page. seat-map/picker.js assembles what the visitor sees.
 */

import { button, element } from "./shared/dom.js";
import { addressOf, socketOf, warnOfOther } from "./seat-map/attributes.js";
import { basketOf, bookingOf, placesOf, refusalOf } from "./seat-map/details.js";
import { detailOf, isSilent, reasonOf } from "./seat-map/failure.js";
import { Picker } from "./seat-map/picker.js";
import { guestOf, knownGuest, onGuestChange } from "./shared/guest.js";
import { fetchShowtime } from "./shared/rest.js";
import { showSkeleton } from "./seat-map/skeleton.js";
import { sheet } from "./seat-map/style/sheet.js";
import { Words } from "./seat-map/words.js";
import { SeatMapClient } from "./seatmap-client.js";

/** @import { Template, TokenSource } from "./seat-map.js" */
/** @import { OwnBooking } from "./seatmap-client.js" */
/** @import { Layout, Showtime } from "./seat-map/types.js" */

const HOME = new URL("..", import.meta.url); // of the server that this file came from
const LOOKED_UP = ["checkout", "concierge", "voice"]; // attributes that are read where they matter
const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 15_000;
const PAGE_LOOKS = ["lang", "dir", "class", "style", "data-theme"]; // of the page's root: any may change how we look
/** Close codes, as REST calls them. @type {Record<number, string>} */
const STOPS = { 4001: "unauthorized", 4003: "forbidden", 4004: "not_found", 4005: "revoked" };

/**
 * A showtime that is shown, and what belongs to it.
 * @typedef {object} Loaded
 * @property {SeatMapClient} client
 * @property {Showtime} showtime
 * @property {Layout} layout
 * @property {URL} server
 * @property {boolean} isGuest
 * @property {(refused?: string | null) => Promise<string>} token
 */

export class SeatMapElement extends HTMLElement {
  static observedAttributes = ["server", "showtime", "token", "lang", "dir", "theme", "checkout", "concierge", "voice"];

  #root = this.attachShadow({ mode: "open" });
  #frame = element("div", { className: "frame", part: "frame" });
  /** @type {TokenSource | null} */
  #token = null;
  /** @type {Record<string, Template>} */
  #strings = {};
  /** @type {Loaded | null} */
  #loaded = null;
  /** What ends listening for another guest. @type {AbortController | null} */
  #guests = null;
  /** @type {Picker | null} */
  #picker = null;
  #isDue = false;
  #run = 0;
  #retry = 0;
  #loading = new AbortController(); // aborts when something else is shown
  #page = new MutationObserver(() => this.refresh());

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [sheet()];
    this.#root.append(this.#frame);
  }

  // ------------------------------------------------------------------ what a page sets and asks

  /** The server's address; without one, where this file came from. */
  get server() {
    return this.getAttribute("server") ?? HOME.href;
  }

  set server(address) {
    this.setAttribute("server", address);
  }

  /** The showtime's id. */
  get showtime() {
    return this.getAttribute("showtime") ?? "";
  }

  set showtime(id) {
    this.setAttribute("showtime", id);
  }

  /** A user's token, or async (refused) => token; null: a guest. As a property it does not show in the page's HTML. */
  get token() {
    return this.#token ?? this.getAttribute("token");
  }

  set token(token) {
    this.#token = token;
    this.#restart();
  }

  /** "auto", "light", "dark" or "contrast". */
  get theme() {
    return this.getAttribute("theme") ?? "auto";
  }

  set theme(theme) {
    this.setAttribute("theme", theme);
  }

  /** "page": the button of the basket leaves booking to the page, which hears seat-map-checkout. */
  get checkout() {
    return this.getAttribute("checkout") ?? "";
  }

  set checkout(who) {
    this.setAttribute("checkout", who);
  }

  /** "off": without the field for wishes in the visitor's own words. */
  get concierge() {
    return this.getAttribute("concierge") ?? "";
  }

  set concierge(how) {
    this.setAttribute("concierge", how);
  }

  /** "on": with a microphone in that field, where the browser recognises speech or the server hears. */
  get voice() {
    return this.getAttribute("voice") ?? "";
  }

  set voice(how) {
    this.setAttribute("voice", how);
  }

  /** Texts that replace those of seat-map/strings/. */
  get strings() {
    return this.#strings;
  }

  set strings(strings) {
    this.#strings = { ...strings };
    this.#rebuild();
  }

  /** The SeatMapClient; null until the showtime is loaded. */
  get client() {
    return this.#loaded?.client ?? null;
  }

  /** "loading", "connecting", "live", "waiting", "stopped" or "failed". */
  get status() {
    return this.client?.status ?? (this.#frame.dataset.status || "loading"); // empty: of a map that was stopped
  }

  /**
   * What this visitor holds, or null: {holds, seats, areas, lines, feesMinor, totalMinor, currency, currencyDigits,
   * deadlineMs}.
   */
  get basket() {
    return this.#loaded && basketOf(this.#loaded.layout, this.#loaded.client.holds);
  }

  /**
   * What a seat shows, by its label: "free", "mine", "held" …; undefined where there is no such seat.
   * @param {string} label
   */
  seatState(label) {
    const [seat] = this.#seatsOf([label]);
    return seat === undefined ? undefined : this.#picker?.stateOf(seat);
  }

  /**
   * Where a seat is in the window, a DOMRect; undefined where there is no such seat.
   * @param {string} label
   */
  boxOf(label) {
    const [seat] = this.#seatsOf([label]);
    return seat === undefined ? undefined : this.#picker?.boxOf(seat);
  }

  /**
   * Bring seats into view.
   * @param {string[]} labels
   */
  reveal(...labels) {
    const seats = this.#seatsOf(labels);
    if (seats.length > 0) this.#picker?.reveal(seats);
  }

  /**
   * Add seats to the basket, as a visitor would. If that is refused, the visitor is told why.
   * @param {string[]} labels
   */
  async hold(...labels) {
    const seats = this.#seatsOf(labels).filter((seat) => !this.client?.mine.has(seat));
    if (seats.length > 0) await this.#picker?.choice.add(seats);
  }

  /** Give all seats back. */
  async release() {
    await this.#picker?.choice.dropAll();
  }

  /** Listen to a spoken wish, as if the visitor had pressed the microphone. Without one, nothing happens. */
  listen() {
    this.#picker?.listen();
  }

  /** Read language, direction and custom properties again. Changes at the page's root element are noticed anyway. */
  refresh() {
    if (this.#picker && this.#spoken() !== this.#frame.dataset.spoken) this.#rebuild();
    else this.#picker?.restyle();
  }

  // ------------------------------------------------------------------ its life

  connectedCallback() {
    for (const name of ["token", "strings"]) this.#upgrade(name);
    this.#page.observe(document.documentElement, { attributeFilter: PAGE_LOOKS });
    if (!this.#loaded) this.#restart();
  }

  disconnectedCallback() {
    this.#page.disconnect();
    // An element that is only moved in the page keeps its connection.
    queueMicrotask(() => this.isConnected || this.#stop());
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    warnOfOther(name, now);
    if (name === "lang" || name === "dir") this.refresh();
    else if (name === "theme") this.#picker?.restyle();
    else if (LOOKED_UP.includes(name)) this.#picker?.refresh();
    else this.#restart();
  }

  /**
   * A property that was set before this class was known hides ours.
   * @param {string} name
   */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = Reflect.get(this, name);
    Reflect.deleteProperty(this, name);
    Reflect.set(this, name, value);
  }

  /** Start again, once for all properties that are set together. */
  #restart() {
    if (this.#isDue || !this.isConnected) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#stop();
      if (this.isConnected) this.#start();
    });
  }

  #stop() {
    this.#run += 1;
    clearTimeout(this.#retry);
    this.#loading.abort();
    this.#guests?.abort();
    this.#picker?.stop();
    this.#loaded?.client.close();
    this.#picker = this.#loaded = null;
  }

  async #start(attempt = 0) {
    const run = this.#run;
    const words = this.#wordsOfHere();
    if (attempt === 0) this.#showLoading(words);
    try {
      if (!this.showtime) throw new Error("no showtime is named");
      const server = addressOf(this.server);
      const { showtime, layout } = await fetchShowtime(server, this.showtime);
      if (run !== this.#run) return;
      const source = this.token || guestOf(server, (name) => this.#wordsOfHere().say(name));
      const client = new SeatMapClient(socketOf(server, showtime.id), { token: source });
      /** @type {(refused?: string | null) => Promise<string>} */
      const token = async (refused = null) => (typeof source === "function" ? source(refused) : source);
      this.#loaded = { client, showtime, layout, server, isGuest: !this.token, token };
      if (!this.token) this.#followGuest(server);
      client.addEventListener("welcome", () => this.#checkWelcome(attempt));
      this.#rebuild();
      client.connect();
      this.#tell("ready", { showtime, layout });
    } catch (error) {
      if (run === this.#run) this.#fail(error, attempt, words);
    }
  }

  /**
   * A hall never changes under a showtime that is in use; if it is another one nevertheless, all begins anew. So it does
   * where this browser became another guest before the server knew the one that this map came with.
   * @param {number} attempt
   */
  #checkWelcome(attempt) {
    if (!this.#loaded?.client.welcome) return;
    const { showtime, server, isGuest } = this.#loaded;
    const { layout, user } = this.#loaded.client.welcome;
    if (layout === showtime.layout_hash && !(isGuest && knownGuest(server)?.user_id !== user)) return;
    this.#stop();
    this.#startLater(attempt);
  }

  /**
   * Another tab made this browser another guest: what this one holds is not that guest's.
   * @param {URL} server
   */
  #followGuest(server) {
    const { signal } = (this.#guests = new AbortController());
    onGuestChange(
      server,
      (guest) => {
        const user = this.client?.welcome?.user;
        if (user && guest?.user_id !== user) this.#restart();
      },
      { signal },
    );
  }

  /** @param {number} attempt */
  #startLater(attempt) {
    const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** attempt);
    this.#retry = setTimeout(() => this.#start(attempt + 1), Math.random() * most);
  }

  /**
   * @param {any} error
   * @param {number} attempt
   * @param {Words} words
   */
  #fail(error, attempt, words) {
    const text = words.say("failed", { reason: reasonOf(error, this, words) });
    const again = button(words.say("again"), () => this.#restart());
    const told = element("span", { textContent: text });
    this.#show("failed", element("p", { className: "notice bad", role: "alert" }, told, again));
    const detail = detailOf(error, this);
    if (error.code === "origin_refused") console.error(`<seat-map>: ${detail}`);
    this.#tell("error", { message: detail, code: error.code ?? null });
    // A server that says no is believed; one that does not answer, or not now, is asked again.
    if (error.retryable ?? isSilent(error)) this.#startLater(attempt);
  }

  /** Make what the visitor sees: of the same showtime and connection, in the language that holds now. */
  #rebuild() {
    if (!this.#loaded) return;
    const wheelchairs = this.#picker?.wheelchairs;
    this.#picker?.stop();
    this.#show("", "");
    const words = this.#wordsOfHere();
    this.#frame.dataset.spoken = this.#spoken();
    this.#frame.lang = words.lang;
    this.#picker = new Picker(this.#frame, {
      ...this.#loaded,
      words,
      wheelchairs,
      tell: (name, detail) => this.#hear(name, detail),
      restart: () => this.#restart(),
      pageBooks: () => this.checkout === "page",
      noConcierge: () => this.concierge === "off",
      hasVoice: () => this.voice === "on",
    });
  }

  /** @param {Words} words */
  #showLoading(words) {
    this.#show("loading", "");
    showSkeleton(this.#frame, words, this.#loading.signal);
  }

  /**
   * @param {string} status
   * @param {Node | string} node
   */
  #show(status, node) {
    this.#loading.abort();
    this.#loading = new AbortController();
    this.#frame.dataset.status = status;
    this.#frame.replaceChildren(node);
  }

  /** Language and direction, as they are said around here. */
  #spoken() {
    const named = /** @type {HTMLElement | null} */ (this.closest("[lang]"));
    return `${named?.lang || navigator.language} ${getComputedStyle(this).direction}`;
  }

  #wordsOfHere() {
    const [lang, direction] = this.#spoken().split(" ");
    return new Words(lang, this.#strings, direction);
  }

  // ------------------------------------------------------------------ what a page hears

  /**
   * @param {string} name
   * @param {Record<string, any>} said
   */
  #hear(name, said) {
    const { seats = [], areas = [] } = said;
    if (!this.#loaded) return;
    const { layout, client } = this.#loaded;
    /** @type {Record<string, () => unknown>} */
    const details = {
      hold: () => ({ ...placesOf(layout, seats, areas), basket: this.basket }),
      release: () => ({ ...placesOf(layout, seats, areas), basket: this.basket }),
      expired: () => ({ ...placesOf(layout, seats, areas), reason: said.reason }),
      booked: () => bookingOf(layout, /** @type {OwnBooking} */ (said)),
      refused: () => refusalOf(layout, said.error, said.why),
      status: () => ({ status: this.status, reason: client.reason }),
      checkout: () => ({ basket: this.basket }),
      continue: () => bookingOf(layout, /** @type {OwnBooking} */ (said)),
    };
    this.#tell(name, details[name]());
    if (name === "status" && this.status === "stopped") this.#tellStop(client);
  }

  /**
   * It will not be live again by itself.
   * @param {SeatMapClient} client
   */
  #tellStop({ reason, closeCode }) {
    this.#tell("error", { message: reason, code: STOPS[closeCode] ?? null });
  }

  /** @param {string[]} labels */
  #seatsOf(labels) {
    return labels.map((label) => this.#picker?.venue.seatOf(label)).filter((seat) => seat !== undefined);
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`seat-map-${name}`, { bubbles: true, composed: true, detail }));
  }
}

if (!customElements.get("seat-map")) customElements.define("seat-map", SeatMapElement);
