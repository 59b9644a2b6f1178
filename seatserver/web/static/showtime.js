/**
 * The showtime page: joins the wire client, the drawn hall and the basket. Each of them knows nothing of the
 * others.
 */

import { Basket, Bookings, describeRefusal, notify } from "./basket.js";
import { guestToken } from "./guest.js";
import { Hall } from "./hall.js";
import { Legend } from "./legend.js";
import { day, fetchJson, list, money, time } from "./page.js";
import { SeatMapClient } from "./seatmap-client.js";

const STATES = ["free", "held", "claimed", "sold", "blocked"]; // by SeatState number
const SAID = {
  free: "free",
  asking: "asking …",
  mine: "yours",
  booked: "booked by you",
  held: "held by someone else",
  claimed: "sold, payment pending",
  sold: "sold",
  blocked: "not for sale",
  unknown: "state unknown",
};
const KINDS = {
  wheelchair: "wheelchair place",
  companion: "companion seat",
  sofa_left: "sofa",
  sofa_middle: "sofa",
  sofa_right: "sofa",
};
const $ = (id) => document.getElementById(id);

class ShowtimePage {
  #showtime;
  #layout;
  #client;
  #hall;
  #bookings;
  #legend;
  #counting = false;
  #names;
  #asking = new Set();
  #pointed = null;
  #groupOf = new Map();

  constructor(showtime, layout) {
    this.#showtime = showtime;
    this.#layout = layout;
    this.#names = layout.seats.map((seat) => this.#name(seat));
    for (const group of layout.groups) for (const seat of group) this.#groupOf.set(seat, group);
    this.#drawHeading();
    this.#hall = new Hall($("hall"), layout);
    this.#legend = new Legend(layout, showtime.prices, showtime.currency);
    const address = new URL(`/ws/showtimes/${encodeURIComponent(showtime.id)}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#client = new SeatMapClient(address.href, guestToken);
    const show = {
      currency: showtime.currency,
      label: (seat) => this.#label(seat),
      name: (seat) => this.#category(seat).name,
      price: (seat) => showtime.prices[layout.seats[seat].category],
    };
    this.#bookings = new Bookings(showtime.id, show);
    new Basket(this.#client, show);
    this.#listen();
    this.#paint();
    this.#client.connect();
  }

  #label(seat) {
    return `${this.#layout.seats[seat].row}-${this.#layout.seats[seat].number}`;
  }

  #category(seat) {
    return this.#layout.categories.find(({ key }) => key === this.#layout.seats[seat].category);
  }

  #drawHeading() {
    const { title, theatre_name, auditorium_name, timezone } = this.#showtime;
    const starts = Date.parse(this.#showtime.starts_at);
    document.title = `${title} · seats`;
    $("title").textContent = title;
    $("where").textContent = [theatre_name, auditorium_name, day(starts, timezone), time(starts, timezone)].join(" · ");
  }

  #listen() {
    const client = this.#client;
    client.addEventListener("change", ({ detail }) => this.#paint(detail));
    client.addEventListener("holds", () => this.#paint());
    client.addEventListener("status", () => this.#showStatus());
    client.addEventListener("welcome", () => this.#checkWelcome());
    client.addEventListener("expired", ({ detail }) => this.#tellExpired(detail));
    client.addEventListener("booked", ({ detail }) => {
      this.#bookings.take(detail);
      this.#paint(detail.seats);
    });
    this.#hall.addEventListener("pick", ({ detail }) => this.#pick(detail));
    this.#hall.addEventListener("point", ({ detail }) => this.#point(detail));
    setInterval(() => client.status === "waiting" && this.#showStatus(), 500);
  }

  // ------------------------------------------------------------------ picking

  #pick(seat) {
    if (this.#client.status !== "live")
      return notify("note", "The map is not live at the moment: nothing can be held or given back.");
    const holdId = this.#client.mine.get(seat);
    const seats = holdId ? this.#client.holds.get(holdId).seats : [...(this.#groupOf.get(seat) ?? [seat])];
    if (seats.some((one) => this.#asking.has(one))) return;
    const state = this.#stateOf(seat);
    if (holdId) this.#ask(seats, this.#client.release(holdId));
    else if (state === "free") this.#saleIsOn() && this.#ask(seats, this.#client.hold(seats));
    else notify("note", `${this.#label(seat)}: ${SAID[state]}.`);
  }

  /** While the answer is due, the seats say so; then they show what the server said. */
  async #ask(seats, answer) {
    for (const seat of seats) this.#asking.add(seat);
    this.#paint(seats);
    try {
      await answer;
    } catch (error) {
      const names = list(seats.map((seat) => this.#label(seat)));
      const refusal =
        error.seats?.length && describeRefusal(error.seats, (seat) => this.#label(seat), this.#client.welcome.limits);
      notify("bad", refusal ? `Sorry: ${refusal}` : `${names}: ${error.message}.`);
    } finally {
      for (const seat of seats) this.#asking.delete(seat);
      this.#paint(seats);
    }
  }

  #saleIsOn() {
    const { on_sale_at_ms, sale_ends_at_ms } = this.#client.welcome;
    const now = this.#client.now();
    const { timezone } = this.#showtime;
    const begin = `${day(on_sale_at_ms, timezone)} at ${time(on_sale_at_ms, timezone)}`;
    if (now < on_sale_at_ms) notify("note", `The sale begins on ${begin}.`);
    if (now >= sale_ends_at_ms) notify("note", "The sale for this showtime has ended.");
    return on_sale_at_ms <= now && now < sale_ends_at_ms;
  }

  #tellExpired({ seats, reason }) {
    const names = list(seats.map((seat) => this.#label(seat)));
    const verb = seats.length > 1 ? "are" : "is";
    const texts = {
      sold: `${names} ${verb} sold: a booking came first.`,
      away: `While the connection was away, ${names} came free again.`,
    };
    notify(
      "bad",
      texts[reason] ??
        `Time ran out: ${names} ${verb} free again. Click to take ${seats.length > 1 ? "them" : "it"} once more.`,
    );
  }

  // ------------------------------------------------------------------ showing

  #stateOf(seat) {
    if (this.#asking.has(seat)) return "asking";
    if (this.#client.mine.has(seat)) return "mine";
    const { states } = this.#client;
    if (!states) return "unknown";
    const state = STATES[states[seat]];
    return state === "sold" && this.#bookings.seats.has(seat) ? "booked" : state;
  }

  #name({ row, number, kind, category }) {
    const { prices, currency } = this.#showtime;
    const { name } = this.#layout.categories.find(({ key }) => key === category);
    return [`${row}-${number}`, KINDS[kind], name, money(prices[category], currency)].filter(Boolean).join(" · ");
  }

  #describe(seat, state) {
    return `${this.#names[seat]} · ${SAID[state]}`;
  }

  #paint(seats = null) {
    for (const seat of seats ?? this.#layout.seats.keys()) {
      const state = this.#stateOf(seat);
      this.#hall.paint(seat, state, this.#describe(seat, state), state === "free" || state === "mine");
    }
    this.#countSoon();
    if (this.#pointed !== null) this.#point(this.#pointed);
  }

  /** At most once a frame: a busy room changes more often than anyone can read. */
  #countSoon() {
    if (this.#counting) return;
    this.#counting = true;
    requestAnimationFrame(() => {
      this.#counting = false;
      this.#legend.update((seat) => this.#stateOf(seat));
    });
  }

  /** The sign beside the seat under the pointer or the focus. */
  #point(seat) {
    this.#pointed = seat;
    $("tip").hidden = seat === null;
    if (seat === null) return;
    $("tip").textContent = this.#describe(seat, this.#stateOf(seat));
    const box = this.#hall.boxOf(seat);
    const home = $("tip").offsetParent.getBoundingClientRect();
    const half = $("tip").offsetWidth / 2;
    const middle = box.left + box.width / 2 - home.left;
    $("tip").style.left = `${Math.max(half + 4, Math.min(home.width - half - 4, middle))}px`;
    $("tip").style.top = `${box.top - home.top}px`;
  }

  #showStatus() {
    const { status, reason, retryAtMs } = this.#client;
    const seconds = Math.max(0, Math.ceil((retryAtMs - performance.now()) / 1000));
    const words = { connecting: "Connecting", live: "Live", waiting: "Not connected", stopped: "Stopped" };
    $("connection").dataset.status = status;
    if ($("connection").textContent !== words[status]) $("connection").textContent = words[status];
    $("hall").dataset.live = String(status === "live");
    $("frozen").hidden = status === "live" || (status === "connecting" && !this.#client.states);
    $("frozen").textContent = {
      connecting: "Not live: reconnecting now.",
      waiting: `Not live: the connection is lost. Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}.`,
      stopped: `Not live: ${reason}. Reload the page to try again.`,
    }[status];
  }

  /** A hall never changes under a showtime that has bookings; before that, it may: then the page starts anew. */
  #checkWelcome() {
    if (this.#client.welcome.layout !== this.#showtime.layout_hash) location.reload();
  }
}

async function start() {
  const id = location.pathname.split("/").pop(); // stays encoded: it may be no text at all
  try {
    const [showtime, { theatres }] = await Promise.all([
      fetchJson(`/api/v1/showtimes/${id}`),
      fetchJson("/api/v1/theatres"),
    ]);
    const { map } = await fetchJson(`/api/v1/layouts/${showtime.layout_hash}`);
    const { timezone } = theatres.find((theatre) => theatre.id === showtime.theatre_id);
    new ShowtimePage({ ...showtime, timezone }, map);
  } catch (error) {
    $("connection").dataset.status = "stopped";
    $("connection").textContent = "Stopped";
    notify("bad", `This showtime cannot be shown: ${error.message}.`);
  }
}

await start();
