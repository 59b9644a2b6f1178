/**
 * One person before the kiosk: a user of their own, who holds seats for one showtime and pays for them.
 *
 * Everything of that person is in here, and nothing of it is kept anywhere else. `end` gives the seats back, closes the
 * socket and forgets the token. The next person is another `Visit`.
 */

import { basketOf } from "../../seat-map/details.js";
import { fetchShowtime } from "../../shared/rest.js";
import { SeatMapClient } from "../../seatmap-client.js";
import { HERE } from "../shared/page.js";

/** @import { Offer } from "../../seatmap-client.js" */
/** @import { Basket } from "../../seat-map.js" */
/** @import { Layout } from "../../seat-map/types.js" */
/** @import { Device } from "./device.js" */
/** @import { Showing } from "./programme.js" */

const LIVE_MS = 10_000;
const EXTEND_BELOW_MS = 120_000; // a hold with less time left is extended when its owner shows that they are there
const OFFERS = 4;

/** Events: "lost" when the seats are no longer held, "change" when others are, or for longer. */
export class Visit extends EventTarget {
  /** @type {Map<string, number>} */
  tickets = new Map();
  #device;
  #token = "";
  #user = "";
  /** @type {SeatMapClient | null} */
  #client = null;
  /** @type {Layout | null} */
  #layout = null;
  /** Other seats that were offered, still to be shown. @type {Offer[]} */
  #others = [];

  /**
   * @param {Device} device
   * @param {Showing} showing
   */
  constructor(device, showing) {
    super();
    this.#device = device;
    this.showing = showing;
  }

  /** Become a user, and enter the showtime's room. Throws if that takes too long, or is refused. */
  async open() {
    const [{ token, user_id }, { layout }] = await Promise.all([
      this.#device.ask("/customers", { method: "POST" }),
      fetchShowtime(HERE, this.showing.id),
    ]);
    [this.#token, this.#user, this.#layout] = [token, user_id, layout];
    const address = new URL(`ws/showtimes/${encodeURIComponent(this.showing.id)}`, HERE);
    const client = (this.#client = new SeatMapClient(address, { token }));
    client.addEventListener("expired", () => this.dispatchEvent(new CustomEvent("lost")));
    client.addEventListener("holds", () => this.dispatchEvent(new CustomEvent("change")));
    const isLive = new Promise((resolve, reject) => {
      const look = () => client.status === "live" && resolve(null);
      client.addEventListener("status", look);
      setTimeout(() => reject(new TypeError("the room does not answer")), LIVE_MS);
    });
    client.connect();
    await isLive;
  }

  /** For a `<seat-map>` of the same person. */
  get token() {
    return this.#token;
  }

  /** What staff know this person by; empty before they are known to the server. */
  get name() {
    return this.#user.split(":").at(-1) ?? "";
  }

  /** How many people. */
  get count() {
    return [...this.tickets.values()].reduce((sum, one) => sum + one, 0);
  }

  /** What is held, by labels; null if nothing is. @type {Basket | null} */
  get basket() {
    return this.#client && this.#layout && basketOf(this.#layout, this.#client.holds);
  }

  /** The ids of what is held. */
  get holds() {
    return [...(this.#client?.holds.keys() ?? [])];
  }

  /** @returns {{ tickets?: Record<string, number>, count?: number }} */
  get #wish() {
    const wanted = Object.fromEntries([...this.tickets].filter(([, count]) => count > 0));
    return this.showing.ticket_types.length > 1 ? { tickets: wanted } : { count: this.count };
  }

  /** Hold the best seats for everybody, in place of what is held. */
  async best() {
    this.#others = [];
    return this.#client?.best({ ...this.#wish, replaces: this.holds[0] ?? null });
  }

  /** Hold other good seats instead; false if there are none. */
  async others() {
    if (this.#others.length === 0) {
      const now = new Set(this.#client?.mine.keys());
      const offers = (await this.#client?.offers({ ...this.#wish, limit: OFFERS })) ?? [];
      this.#others = offers.filter(({ seats }) => !seats.every((seat) => now.has(seat)));
    }
    const next = this.#others.shift();
    if (!next) return false;
    const tickets = [...this.tickets].flatMap(([key, count]) => Array(count).fill(key));
    const options = this.showing.ticket_types.length > 1 ? { tickets } : {};
    await this.#client?.hold(next.seats, { ...options, replaces: this.holds[0] ?? null });
    return true;
  }

  /** Give all seats back. */
  async release() {
    await Promise.allSettled(this.holds.map((id) => this.#client?.release(id)));
  }

  /**
   * Somebody is there: what they hold lasts on. The server bounds for how long. Whether it lasts longer now; also true
   * if nothing is held, so that nothing ends.
   * @param {boolean} isOrdered whether staff want that, however much time is left
   */
  async stay(isOrdered = false) {
    const client = this.#client;
    if (!client) return false;
    const before = this.basket?.deadlineMs;
    const belowMs = isOrdered ? Number.POSITIVE_INFINITY : EXTEND_BELOW_MS;
    const soon = [...client.holds].filter(([, { deadlineMs }]) => deadlineMs - client.now() < belowMs);
    await Promise.allSettled(soon.map(([id]) => client.extend(id)));
    return before === undefined || (this.basket?.deadlineMs ?? 0) > before;
  }

  /** How long the seats are held, in ms; null if none are. */
  get leftMs() {
    const basket = this.basket;
    return basket && this.#client ? Math.max(0, basket.deadlineMs - this.#client.now()) : null;
  }

  /** What is asked for to claim what is held, and have the reader ask for a card. */
  get payment() {
    return { showtime_id: this.showing.id, hold_id: this.holds[0] ?? "", user_id: this.#user };
  }

  /** Forget this person. What they held is free again; what they booked stays booked. */
  async end() {
    const client = this.#client;
    [this.#token, this.#user] = ["", ""];
    this.tickets.clear();
    await this.release();
    this.#client = this.#layout = null;
    client?.close();
  }
}
