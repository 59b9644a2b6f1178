/**
 * The user's bookings for the showtime, the same on every device, each with a link to its ticket. Unpaid ones show the
 * time left, "Continue" and "Cancel".
 */

import { button, element, every, focusedIn } from "../../shared/dom.js";
import { fetchJson } from "../../shared/rest.js";

/** @import { OwnBooking, SeatMapClient } from "../../seatmap-client.js" */
/** @import { Notices } from "../notices.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */

const TICK_MS = 1_000;

/**
 * @typedef {object} Parts what the bookings work with
 * @property {SeatMapClient} client
 * @property {Venue} venue
 * @property {Words} words
 * @property {Notices} notices
 * @property {URL} server
 * @property {() => Promise<string>} token
 * @property {() => boolean} pageBooks
 * @property {HTMLElement} next
 * @property {AbortSignal} signal
 */

/** Events: "continue" (detail: the booking), where the page goes on with payments. */
export class Bookings extends EventTarget {
  /** Every seat of these bookings. @type {Set<number>} */
  seats = new Set();

  #node;
  #client;
  #venue;
  #words;
  #notices;
  #server;
  #token;
  #pageBooks;
  #next;
  /** Id of the booking whose cancellation is to be confirmed. @type {string | null} */
  #asked = null;
  /** Ids of those that are being cancelled. @type {Set<string>} */
  #busy = new Set();
  /** @type {Set<string>} */
  #known = new Set();
  #timer;

  /**
   * `token()`: a promise of this user's token. `pageBooks()`: the page goes on with payments, so they are not ours.
   * `next`: where the keyboard goes when the last booking does.
   * @param {HTMLElement} node
   * @param {Parts} parts
   */
  constructor(node, { client, venue, words, notices, server, token, pageBooks, next, signal }) {
    super();
    this.#node = node;
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#notices = notices;
    this.#server = server;
    this.#token = token;
    this.#pageBooks = pageBooks;
    this.#next = next;
    for (const event of ["bookings", "status"]) client.addEventListener(event, () => this.#render(), { signal });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#render();
  }

  stop() {
    clearInterval(this.#timer);
  }

  /**
   * Take in a `booked` message: whether it is a booking that was not there before.
   * @param {OwnBooking} booking
   */
  take({ booking_id, status }) {
    const isNew = !this.#known.has(booking_id) && (status === "pending" || status === "confirmed");
    this.#known.add(booking_id);
    return isNew;
  }

  /**
   * The page with a booking's ticket. Its link is all that it needs; without one (the server may have no secret) only
   * our own page knows who we are, and another site's has nowhere to lead.
   * @param {string} id
   */
  ticketAt(id) {
    const link = this.#client.bookings.get(id)?.ticket_url;
    if (link) return new URL(link, this.#server).href;
    return this.#server.origin === location.origin ? new URL(`bookings/${id}`, this.#server).href : null;
  }

  /** Redraw. The focus stays on its control, or at least in here. */
  #render() {
    const bookings = [...this.#client.bookings.values()];
    this.seats = new Set(bookings.flatMap(({ seats }) => seats));
    for (const { booking_id } of bookings) this.#known.add(booking_id);
    const wasAtIt = this.#isAtIt;
    const focused = focusedIn(this.#node)?.dataset.key;
    const lines = bookings.map((booking) => this.#line(booking));
    this.#node.hidden = bookings.length === 0;
    const heading = element("h2", { textContent: this.#words.say("bookings") });
    this.#node.replaceChildren(heading, element("ul", { className: "lines" }, ...lines));
    this.#tick();
    if (!wasAtIt) return;
    this.#focus(focused);
    if (this.#isAtIt) return;
    (this.#node.hidden ? this.#next : this.#node).focus({ preventScroll: true });
  }

  get #isAtIt() {
    return this.#node.contains(focusedIn(this.#node));
  }

  /**
   * To the control with this key, if there is one.
   * @param {string | undefined} key
   */
  #focus(key) {
    every("[data-key]", this.#node)
      .find((one) => one.dataset.key === key)
      ?.focus();
  }

  /** @param {OwnBooking} booking */
  #line(booking) {
    const { booking_id, status, seats, areas, total_minor, reference, expires_at_ms } = booking;
    const isPending = status === "pending";
    const names = this.#venue.names(seats, areas);
    const until = isPending && element("time", { className: "until", dataset: { until: expires_at_ms } });
    const href = isPending ? null : this.ticketAt(booking_id);
    return element(
      "li",
      { dataset: { status } },
      element("strong", { textContent: names, dir: "auto" }),
      element("span", { className: "price", textContent: this.#venue.money(total_minor) }),
      element("span", { className: "quiet", textContent: isPending ? this.#words.say("pending") : reference }),
      until,
      href &&
        element("a", { href, textContent: this.#words.say("showTicket"), dataset: { key: `ticket ${booking_id}` } }),
      isPending && this.#actions(booking, names),
    );
  }

  /**
   * What one may do with a booking that is not paid yet.
   * @param {OwnBooking} booking
   * @param {string} names
   */
  #actions(booking, names) {
    const id = booking.booking_id;
    /** @param {string} name */
    const say = (name) => this.#words.say(name);
    // A disabled button would lose the focus.
    const ariaDisabled = this.#busy.has(id) ? "true" : null;
    /**
     * @param {string} name
     * @param {() => unknown} does
     * @param {string | null} ariaLabel
     */
    const act = (name, does, ariaLabel = null) =>
      button(say(name), does, { ariaDisabled, ariaLabel, dataset: { key: `${name} ${id}` } });
    if (this.#asked === id) {
      const sure = element("span", { id: "sure", textContent: this.#words.say("cancelSure", { seats: names }) });
      const answers = [act("cancelYes", () => this.#cancel(id)), act("cancelNo", () => this.#keep(id))];
      // The question is read once, when the focus reaches its answer, and not on every redraw.
      for (const one of answers) one.setAttribute("aria-describedby", "sure");
      return element("p", { className: "row" }, sure, ...answers);
    }
    const scopes = this.#client.welcome?.scopes ?? [];
    const mayCancel = ["claim", "book", "settle", "admin"].some((scope) => scopes.includes(scope));
    return element(
      "p",
      { className: "row" },
      act("continue", () => this.#goOn(booking), `${say("continue")}: ${names}`),
      mayCancel && act("cancel", () => this.#ask(id), `${say("cancel")}: ${names}`),
    );
  }

  /** @param {OwnBooking} booking */
  #goOn(booking) {
    if (this.#pageBooks()) return void this.dispatchEvent(new CustomEvent("continue", { detail: booking }));
    const href = this.ticketAt(booking.booking_id);
    if (href) location.assign(href);
    else this.#notices.tell("note", this.#words.say("continueElsewhere"));
  }

  /**
   * Ask whether it shall be cancelled; who presses Enter twice keeps it.
   * @param {string} id
   */
  #ask(id) {
    this.#asked = id;
    this.#render();
    this.#focus(`cancelNo ${id}`);
  }

  /** @param {string} id */
  #keep(id) {
    this.#asked = null;
    this.#render();
    this.#focus(`cancel ${id}`);
  }

  /** @param {string} id */
  async #cancel(id) {
    this.#busy.add(id);
    this.#render();
    try {
      const address = new URL(`api/v1/bookings/${id}/cancel`, this.#server);
      const headers = { Authorization: `Bearer ${await this.#token()}` };
      const { status } = await fetchJson(address, { method: "POST", headers });
      // The news of it comes over the socket too; it may be the first to come.
      if (status !== "pending" && status !== "confirmed") this.#client.forgetBooking(id);
      this.#notices.tell("note", this.#words.say("cancelled"));
    } catch (error) {
      this.#notices.tell("bad", this.#words.say("notCancelled", { reason: this.#words.whyFailed(error) }));
    } finally {
      this.#busy.delete(id);
      if (this.#asked === id) this.#asked = null;
      const wasAtIt = this.#isAtIt;
      this.#render();
      if (wasAtIt) this.#focus(`cancel ${id}`);
    }
  }

  #tick() {
    for (const node of every(".until", this.#node)) {
      const left = Number(node.dataset.until) - this.#client.now();
      const time = this.#words.countdown(left);
      const text = left > 0 ? this.#words.say("pendingLeft", { time }) : this.#words.say("pendingOver");
      if (node.textContent !== text) node.textContent = text;
    }
  }
}
