/**
 * The showtime page: joins the wire client, what the visitor chooses, and the parts that show it: the drawn hall, the
 * legend, the areas, the basket and the bookings. None of these knows of another.
 */

import { Areas, describeLeft } from "./areas.js";
import { Basket } from "./basket.js";
import { Bookings } from "./bookings.js";
import { Choice } from "./choice.js";
import { guestToken } from "./guest.js";
import { Hall } from "./hall.js";
import { Legend } from "./legend.js";
import { notify } from "./notices.js";
import { day, fetchJson, time } from "./page.js";
import { Party } from "./party.js";
import { SeatMapClient } from "./seatmap-client.js";
import { Venue } from "./venue.js";

const STATES = ["free", "held", "claimed", "sold", "blocked", "allocated"]; // by SeatState number
const SAID = {
  free: "free",
  asking: "asking …",
  mine: "yours",
  booked: "booked by you",
  held: "held by someone else",
  claimed: "sold, payment pending",
  sold: "sold",
  blocked: "not for sale",
  allocated: "kept for another seller",
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
  #venue;
  #client;
  #choice;
  #hall;
  #areas;
  #bookings;
  #legend;
  #counting = false;
  #names;
  #pointed = null;

  constructor(showtime, layout) {
    this.#showtime = showtime;
    this.#layout = layout;
    this.#venue = new Venue(showtime, layout);
    this.#names = layout.seats.map((_, seat) => this.#name(seat));
    this.#drawHeading();
    this.#hall = new Hall($("hall"), layout);
    this.#legend = new Legend(layout, showtime);
    const address = new URL(`/ws/showtimes/${encodeURIComponent(showtime.id)}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.#client = new SeatMapClient(address.href, guestToken);
    this.#choice = new Choice(this.#client, this.#venue);
    this.#bookings = new Bookings(showtime.id, this.#venue);
    this.#areas = new Areas(this.#client, this.#choice, this.#venue);
    new Party(layout, this.#client, this.#choice, this.#venue);
    new Basket(this.#client, this.#choice, this.#venue);
    this.#listen();
    this.#paint();
    this.#client.connect();
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
    this.#choice.addEventListener("asking", ({ detail }) => this.#paint(detail));
    this.#choice.addEventListener("found", ({ detail }) => this.#reveal(detail));
    this.#hall.addEventListener("pick", ({ detail }) => this.#pick(detail));
    this.#hall.addEventListener("pickarea", ({ detail }) => this.#areas.show(detail));
    this.#hall.addEventListener("point", ({ detail }) => this.#point(detail));
    setInterval(() => client.status === "waiting" && this.#showStatus(), 500);
  }

  #pick(seat) {
    const state = this.#stateOf(seat);
    // Of a map that is not live nothing is said but that.
    const isToBeHad = ["free", "mine", "asking"].includes(state) || this.#client.status !== "live";
    if (isToBeHad) this.#choice.toggle(seat);
    else notify("note", `${this.#venue.name({ seat })}: ${SAID[state]}.`);
  }

  #tellExpired({ seats, areas, reason }) {
    const names = this.#venue.names(seats, areas);
    const [are, them] = seats.length + areas.length > 1 ? ["are", "them"] : ["is", "it"];
    const texts = {
      sold: `${names} ${are} yours no longer: a booking came first.`,
      blocked: `The house took ${names} back. We are sorry.`,
      away: `While the connection was away, ${names} came free again.`,
    };
    notify("bad", texts[reason] ?? `Time ran out: ${names} ${are} free again. Click to take ${them} once more.`);
  }

  // ------------------------------------------------------------------ showing

  #stateOf(seat) {
    if (this.#choice.asking.has(seat)) return "asking";
    if (this.#client.mine.has(seat)) return "mine";
    const { states } = this.#client;
    if (!states) return "unknown";
    const state = STATES[states[seat]];
    return state === "sold" && this.#bookings.seats.has(seat) ? "booked" : state;
  }

  #name(seat) {
    const kind = KINDS[this.#layout.seats[seat].kind];
    return [this.#venue.name({ seat }), kind, this.#venue.categoryOf({ seat }).name].filter(Boolean).join(" · ");
  }

  #describe(seat, state) {
    const hold = this.#client.holds.get(this.#client.mine.get(seat));
    const line = hold?.lines.find((one) => one.seat === seat);
    const price = line ? this.#venue.money(line.price_minor) : this.#venue.price({ seat });
    return `${this.#names[seat]} · ${price} · ${SAID[state]}`;
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
      const { remaining } = this.#client;
      this.#legend.update((seat) => this.#stateOf(seat), remaining);
      this.#areas.update();
      this.#venue.areas.forEach(({ name }, area) => {
        const left = describeLeft(remaining[area]);
        this.#hall.paintArea(area, [name, left].filter(Boolean).join(" · "), left === "full");
      });
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

  /** Bring seats that the server chose into view: in the hall, which scrolls sideways, and above the docked basket. */
  #reveal(seats) {
    const boxes = seats.map((seat) => this.#hall.boxOf(seat));
    const [left, right] = [Math.min(...boxes.map((box) => box.left)), Math.max(...boxes.map((box) => box.right))];
    const top = Math.min(...boxes.map((box) => box.top));
    const stage = $("hall").parentElement;
    const { left: from, width } = stage.getBoundingClientRect();
    stage.scrollBy({ left: (left + right) / 2 - from - width / 2 });
    const docked = matchMedia("(max-width: 60rem)").matches;
    if (top < 0 || top > innerHeight * (docked ? 0.3 : 0.9)) scrollBy({ top: top - innerHeight * 0.2 });
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
    for (const part of document.querySelectorAll(".hall, #basket, #bookings")) part.hidden = true;
    notify("bad", `This showtime cannot be shown: ${error.message}.`);
  }
}

await start();
