/**
 * The basket: what this viewer holds, for how long, and what became of it.
 *
 * One seat clicked (a sofa: all of it) is one hold with an id of its own. The basket is the sum of them: "Book" books
 * each in turn and tells of each, "More time" extends each, and the clock shows the deadline that comes first. One
 * growing hold would be the alternative; it would let one contested seat sink the whole order, and giving back a
 * single seat would change what a retry under the same hold id means.
 */

import { countdown, element, list, money, plural } from "./page.js";

const HURRY_MS = 60_000;
const MOST_NOTICES = 3;

export const REASONS = {
  held: "is being held by someone else",
  sold: "is sold",
  blocked: "is not for sale",
  gap: "would leave a single seat nobody can use",
  group: "is only sold together with its neighbours",
  limit: "is more than you may hold",
};

/** "C-7 and C-8 are sold": refused seats, [[index, reason], …], put together by reason. */
export function describeRefusal(refused, label, limits) {
  const sentences = [...Map.groupBy(refused, ([, reason]) => reason)].map(([reason, seats]) => {
    if (reason === "limit") return `You may hold at most ${plural(limits.seats_per_user, "seat")}.`;
    const words = REASONS[reason] ?? reason;
    const sentence = seats.length > 1 ? words.replace(/^is /, "are ").replace("its", "their") : words;
    return `${list(seats.map(([seat]) => label(seat)))} ${sentence}.`;
  });
  return sentences.join(" ");
}

/** Show a sentence until it is closed or newer ones push it out. `kind`: "good", "bad" or "note". */
export function notify(kind, text) {
  const notices = document.getElementById("notices");
  const close = element("button", { type: "button", className: "close", ariaLabel: "Close", textContent: "×" });
  const notice = element("p", { className: `notice ${kind}` }, text, close);
  close.addEventListener("click", () => notice.remove());
  notices.append(notice);
  while (notices.children.length > MOST_NOTICES) notices.firstChild.remove();
}

export class Basket {
  #client;
  #show;
  #node = document.getElementById("basket");
  #busy = false;

  /** `show`: {label(index), name(index), price(index), currency} of the showtime's seats. */
  constructor(client, show) {
    this.#client = client;
    this.#show = show;
    for (const event of ["holds", "status", "welcome"]) client.addEventListener(event, () => this.#render());
    setInterval(() => this.#tick(), 250);
    this.#render();
  }

  #deadline() {
    return Math.min(...[...this.#client.holds.values()].map((hold) => hold.deadlineMs));
  }

  #render() {
    const { holds, status, welcome } = this.#client;
    const seats = [...this.#client.mine.keys()].sort((a, b) => a - b);
    this.#node.dataset.empty = String(seats.length === 0);
    if (seats.length === 0) {
      const hint = status === "live" ? "Click a free seat to hold it." : "Seats can be held when the map is live.";
      this.#node.replaceChildren(
        element("h2", { textContent: "Your seats" }),
        element("p", { className: "quiet", textContent: hint }),
      );
      return;
    }
    const total = seats.reduce((sum, seat) => sum + this.#show.price(seat), 0);
    const may = (scope) => welcome?.scopes.some((one) => one === scope || one === "admin");
    const button = (className, textContent, act, enabled = true) => {
      const made = element("button", {
        type: "button",
        className,
        textContent,
        disabled: status !== "live" || this.#busy || !enabled,
      });
      made.addEventListener("click", act);
      return made;
    };
    this.#node.replaceChildren(
      element("h2", {}, "Your seats ", element("time", { id: "countdown", role: "timer" })),
      element("div", { className: "bar" }, element("div", { id: "left" })),
      element("ul", { className: "seats" }, ...[...holds].map(([id, hold]) => this.#line(id, hold, button))),
      element(
        "p",
        { className: "total" },
        element("span", { textContent: plural(seats.length, "seat") }),
        element("strong", { textContent: money(total, this.#show.currency) }),
      ),
      button(
        "main book",
        this.#busy ? "Booking …" : `Book for ${money(total, this.#show.currency)}`,
        () => this.#book(),
        may("book"),
      ),
      element(
        "p",
        { className: "row" },
        button("extend", "More time", () => this.#extend()),
        button("release", "Give all back", () => this.#releaseAll()),
      ),
    );
    this.#tick();
  }

  #line(id, hold, button) {
    const { label, name, price, currency } = this.#show;
    const names = list(hold.seats.map(label));
    const back = button("close", "×", () => this.#try(this.#client.release(id)));
    back.ariaLabel = `Give back ${names}`;
    const cost = hold.seats.reduce((sum, seat) => sum + price(seat), 0);
    return element(
      "li",
      {},
      element("strong", { textContent: hold.seats.map(label).join(", ") }),
      element("span", { className: "quiet", textContent: name(hold.seats[0]) }),
      element("span", { className: "price", textContent: money(cost, currency) }),
      back,
    );
  }

  /** The clock runs on the server's time, so a wrong clock here does no harm. */
  #tick() {
    const clock = document.getElementById("countdown");
    if (!clock) return;
    const left = this.#deadline() - this.#client.now();
    clock.textContent = countdown(left);
    this.#node.dataset.hurry = String(left < HURRY_MS);
    const share = left / (this.#client.welcome?.limits.hold_ms ?? left);
    document.getElementById("left").style.setProperty("--share", Math.max(0, Math.min(1, share)));
  }

  async #try(promise) {
    try {
      return await promise;
    } catch (error) {
      notify("bad", `${error.message}.`);
      return null;
    }
  }

  async #extend() {
    const before = this.#deadline();
    const answers = await Promise.all([...this.#client.holds.keys()].map((id) => this.#try(this.#client.extend(id))));
    if (answers.includes(null)) return;
    if (this.#deadline() - before < 1000) notify("note", "There is no more time to be had for these seats.");
  }

  #releaseAll() {
    for (const id of [...this.#client.holds.keys()]) this.#try(this.#client.release(id));
  }

  async #book() {
    this.#busy = true;
    this.#render();
    const booked = [];
    for (const [id, hold] of [...this.#client.holds]) {
      const names = list(hold.seats.map(this.#show.label));
      try {
        booked.push(...(await this.#client.book(id)).seats);
      } catch (error) {
        const seats = error.facts?.seats ?? [];
        const why =
          seats.length > 0
            ? describeRefusal(seats, this.#show.label, this.#client.welcome.limits)
            : `${error.message}.`;
        notify("bad", `${names} could not be booked: ${why}`);
      }
    }
    if (booked.length > 0) notify("good", `Booked: ${list(booked.map(this.#show.label))}. Enjoy the film!`);
    this.#busy = false;
    this.#render();
  }
}

/** The confirmed bookings of this window; kept in sessionStorage, so a reload still shows them. */
export class Bookings {
  #key;
  #show;
  #kept;
  /** Every seat of these bookings. */
  seats = new Set();

  constructor(showtimeId, show) {
    this.#key = `seatserver.bookings.${showtimeId}`;
    this.#show = show;
    this.#kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "{}");
    this.#render();
  }

  /** Take in a `booked` message: a new booking, or news of one. */
  take({ booking_id, status, seats, total_minor }) {
    if (status === "cancelled" || status === "expired") delete this.#kept[booking_id];
    else this.#kept[booking_id] = { status, seats, total_minor };
    sessionStorage.setItem(this.#key, JSON.stringify(this.#kept));
    this.#render();
  }

  #render() {
    const entries = Object.entries(this.#kept);
    this.seats = new Set(entries.flatMap(([, { seats }]) => seats));
    const lines = entries.map(([id, { status, seats, total_minor }]) =>
      element(
        "li",
        {},
        element("strong", { textContent: list(seats.map(this.#show.label)) }),
        element("span", {
          className: "quiet",
          textContent: status === "pending" ? "payment pending" : `No. ${id.slice(0, 8)}`,
          title: id,
        }),
        element("span", { className: "price", textContent: money(total_minor, this.#show.currency) }),
      ),
    );
    const node = document.getElementById("bookings");
    node.hidden = entries.length === 0;
    node.replaceChildren(element("h2", { textContent: "Booked" }), element("ul", { className: "seats" }, ...lines));
  }
}
