/**
 * Whether tickets are on sale now, by the server's clock, and the banner that says why not: before the sale begins
 * (with a countdown), after it ended, after the show began, and when everything is taken.
 */

import { element } from "../shared/dom.js";

/** @import { Announcer } from "./announcer.js" */
/** @import { Venue } from "./venue.js" */
/** @import { Words } from "./words.js" */
/** @import { SeatMapClient } from "../seatmap-client.js" */

const TICK_MS = 500;
const DAY_MS = 86_400_000;

/**
 * "before", "open", "ended" or "past" (the show has begun) at `now`, in milliseconds of the server's clock. `welcome` has
 * the times of the sale.
 * @param {number} now
 * @param {{ on_sale_at_ms: number, sale_ends_at_ms: number }} welcome
 * @param {number} startsAtMs
 */
export function phaseAt(now, welcome, startsAtMs) {
  if (now < welcome.on_sale_at_ms) return "before";
  if (now < welcome.sale_ends_at_ms) return "open";
  return now < startsAtMs ? "ended" : "past";
}

/** Event "change": nothing is as it was with the sale. */
export class Sale extends EventTarget {
  /** "before", "open", "ended" or "past"; "" until the server has said. */
  phase = "";

  #client;
  #venue;
  #words;
  #announcer;
  #node;
  #text = element("span");
  #toGo = element("time", { className: "to-go", role: "timer", hidden: true });
  #startsAtMs;
  #taken = ""; // what to say while everything is taken
  #timer;

  /**
   * `node`: the empty banner, hidden.
   * @param {HTMLElement} node
   * @param {{ client: SeatMapClient, venue: Venue, words: Words, announcer: Announcer, signal: AbortSignal }} given
   */
  constructor(node, { client, venue, words, announcer, signal }) {
    super();
    this.#node = node;
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#announcer = announcer;
    this.#startsAtMs = Date.parse(venue.showtime.starts_at);
    node.append(this.#text, this.#toGo);
    client.addEventListener("welcome", () => this.#learn(), { signal });
    this.#timer = setInterval(() => this.#look(), TICK_MS);
    if (client.welcome) this.#look();
  }

  /** Whether nothing is sold now. */
  get isClosed() {
    return this.phase !== "" && this.phase !== "open";
  }

  /** Why nothing is sold now; "" while something is. */
  get reason() {
    const { welcome } = this.#client;
    /**
     * @param {string} name
     * @param {number} [ms]
     */
    const say = (name, ms) => this.#words.say(name, ms === undefined ? {} : { when: this.#venue.when(ms) });
    if (this.phase === "before") return say("saleBegins", welcome?.on_sale_at_ms);
    if (this.phase === "past") return say("showBegan", this.#startsAtMs);
    return this.phase === "ended" ? say("saleEnded") : "";
  }

  /** Whether every place is taken. */
  get isFull() {
    return this.#taken !== "";
  }

  /**
   * Whether every place is taken, and some of them are only held.
   * @param {{ isFull: boolean, mayComeFree: boolean }} given
   */
  setTaken({ isFull, mayComeFree }) {
    const text = isFull ? this.#words.say(mayComeFree ? "allTaken" : "soldOut") : "";
    if (text === this.#taken) return;
    this.#taken = text;
    this.#show();
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** Read the sale's times again; they may have changed. */
  #learn() {
    this.#look();
    this.#show();
  }

  /** Open and close the sale on time, while the page is open. */
  #look() {
    const { welcome } = this.#client;
    if (!welcome) return;
    const before = this.phase;
    this.phase = phaseAt(this.#client.now(), welcome, this.#startsAtMs);
    if (before !== this.phase) {
      if (this.phase !== "open") this.#announcer.say(this.reason);
      else if (before !== "") this.#announcer.say(this.#words.say("saleOpen"));
      this.#show();
      this.dispatchEvent(new Event("change"));
    }
    if (this.phase === "before") this.#count(welcome.on_sale_at_ms - this.#client.now());
  }

  #show() {
    const text = this.reason || this.#taken;
    this.#node.hidden = text === "";
    this.#node.dataset.sale = this.isClosed ? this.phase : "open";
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#toGo.hidden = this.phase !== "before";
  }

  /** @param {number} ms */
  #count(ms) {
    const days = Math.floor(ms / DAY_MS);
    const time = days >= 2 ? this.#words.days(days) : this.#words.hours(ms);
    const text = this.#words.say("toGo", { time });
    if (this.#toGo.textContent !== text) this.#toGo.textContent = text;
  }
}
