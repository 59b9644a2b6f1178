/**
 * The bookings of a user in this window; kept in sessionStorage, so a reload still shows them. Links to tickets are not
 * kept: whoever has one has the ticket, and the next visitor of this window may be somebody else.
 */

import { element } from "./dom.js";
import { recall, remember } from "./rest.js";

export class Bookings {
  /** Every seat of these bookings. */
  seats = new Set();

  #node;
  #client;
  #venue;
  #words;
  #server;
  #tickets;
  #key = null; // for what is kept of this user; null before a welcome says who that is
  #kept = {};

  /** `tickets`: booking id → link, to be filled here, and to be shown again in another language. */
  constructor(node, { client, venue, words, server, tickets, signal }) {
    this.#node = node;
    this.#client = client;
    this.#venue = venue;
    this.#words = words;
    this.#server = server;
    this.#tickets = tickets;
    client.addEventListener("welcome", () => this.#load(), { signal });
    this.#load();
  }

  /** Take in a `booked` message: a new booking (it says whether it is one), or news of one. */
  take({ booking_id, status, seats, areas, total_minor, ticket_url }) {
    const isOver = status === "cancelled" || status === "expired";
    const isNew = !isOver && !(booking_id in this.#kept);
    if (ticket_url) this.#tickets.set(booking_id, ticket_url);
    if (isOver) delete this.#kept[booking_id];
    else this.#kept[booking_id] = { status, seats, areas, total_minor };
    remember(this.#key, this.#kept);
    this.#render();
    return isNew;
  }

  /** What is kept of whoever the server says we are. */
  #load() {
    const { welcome } = this.#client;
    const key = welcome && `seatserver.bookings ${this.#server.href} ${welcome.showtime} ${welcome.user}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#kept = recall(key) ?? {};
    }
    this.#render();
  }

  #render() {
    const entries = Object.entries(this.#kept);
    this.seats = new Set(entries.flatMap(([, { seats }]) => seats));
    const lines = entries.map(([id, booking]) => this.#line(id, booking));
    this.#node.hidden = entries.length === 0;
    const heading = element("h2", { textContent: this.#words.say("bookedHeading") });
    this.#node.replaceChildren(heading, element("ul", { className: "lines" }, ...lines));
  }

  #line(id, { status, seats, areas, total_minor }) {
    const names = this.#venue.names(seats, areas);
    const number = this.#words.say("bookingNumber", { number: id.slice(0, 8) });
    const textContent = status === "pending" ? this.#words.say("pending") : number;
    const href = this.ticketAt(id);
    return element(
      "li",
      {},
      element("strong", { textContent: names, dir: "auto" }),
      element("span", { className: "quiet", textContent, title: id }),
      href && element("a", { href, textContent: this.#words.say("showTicket") }),
      element("span", { className: "price", textContent: this.#venue.money(total_minor) }),
    );
  }

  /**
   * The page with a booking's ticket. Its link is all that it needs; without one (after a reload, or the server may be
   * older) only our own page knows who we are, and another site's has nowhere to lead.
   */
  ticketAt(id) {
    const link = this.#tickets.get(id);
    if (link) return new URL(link, this.#server).href;
    return this.#server.origin === location.origin ? new URL(`bookings/${id}`, this.#server).href : null;
  }
}
