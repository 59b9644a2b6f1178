/** The bookings of this window; kept in sessionStorage, so a reload still shows them. */

import { element } from "./page.js";

export class Bookings {
  #key;
  #venue;
  #kept;
  /** Every seat of these bookings. */
  seats = new Set();

  constructor(showtimeId, venue) {
    this.#key = `seatserver.bookings.${showtimeId}`;
    this.#venue = venue;
    this.#kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "{}");
    this.#render();
  }

  /** Take in a `booked` message: a new booking, or news of one. */
  take({ booking_id, status, seats, areas, total_minor }) {
    if (status === "cancelled" || status === "expired") delete this.#kept[booking_id];
    else this.#kept[booking_id] = { status, seats, areas, total_minor };
    sessionStorage.setItem(this.#key, JSON.stringify(this.#kept));
    this.#render();
  }

  #render() {
    const entries = Object.entries(this.#kept);
    this.seats = new Set(entries.flatMap(([, { seats }]) => seats));
    const lines = entries.map(([id, { status, seats, areas, total_minor }]) =>
      element(
        "li",
        {},
        element("strong", { textContent: this.#venue.names(seats, areas) }),
        element("span", {
          className: "quiet",
          textContent: status === "pending" ? "payment pending" : `No. ${id.slice(0, 8)}`,
          title: id,
        }),
        element("span", { className: "price", textContent: this.#venue.money(total_minor) }),
      ),
    );
    const node = document.getElementById("bookings");
    node.hidden = entries.length === 0;
    node.replaceChildren(element("h2", { textContent: "Booked" }), element("ul", { className: "seats" }, ...lines));
  }
}
