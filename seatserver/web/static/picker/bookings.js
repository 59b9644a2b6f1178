/** The bookings of this window; kept in sessionStorage, so a reload still shows them. */

import { element } from "./dom.js";
import { recall, remember } from "./rest.js";

export class Bookings {
  /** Every seat of these bookings. */
  seats = new Set();

  #node;
  #key;
  #venue;
  #words;
  #server;
  #kept;

  constructor(node, { venue, words, server }) {
    this.#node = node;
    this.#key = `seatserver.bookings.${venue.showtime.id}`;
    this.#venue = venue;
    this.#words = words;
    this.#server = server;
    this.#kept = recall(this.#key) ?? {};
    this.#render();
  }

  /** Take in a `booked` message: a new booking, or news of one. */
  take({ booking_id, status, seats, areas, total_minor, ticket_url }) {
    if (status === "cancelled" || status === "expired") delete this.#kept[booking_id];
    else this.#kept[booking_id] = { status, seats, areas, total_minor, ticket_url };
    remember(this.#key, this.#kept);
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
   * The page with a booking's ticket. Its link is all that it needs; without one (the server may be older) only our own
   * page knows who we are, and another site's has nowhere to lead.
   */
  ticketAt(id) {
    const link = this.#kept[id]?.ticket_url;
    if (link) return new URL(link, this.#server).href;
    return this.#server.origin === location.origin ? new URL(`bookings/${id}`, this.#server).href : null;
  }
}
