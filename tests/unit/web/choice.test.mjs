/**
 * The basket keeps or says what it loses, and no "Undo" outlives the basket that it was offered for.
 *
 * With a server and a place for messages that answer as they are told to: what is tried here hangs on the order of
 * answers.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Answers } from "../../../seatserver/web/seat-map/basket/answers.js";
import { Choice } from "../../../seatserver/web/seat-map/basket/choice.js";
import { CommandError } from "../../../seatserver/web/seat-map/client/errors.js";
import { Venue } from "../../../seatserver/web/seat-map/venue.js";
import { Words } from "../../../seatserver/web/seat-map/words.js";

const words = new Words("en");
const seats = Array.from({ length: 20 }, (_, at) => ({ row: "A", number: String(at + 1), category: "all", x: at }));
const layout = {
  seats,
  categories: [{ key: "all", name: "All" }],
  groups: [],
  general_areas: [{ name: "Lawn", category: "all" }],
};
const showtime = {
  timezone: "Europe/Dublin",
  prices: { all: 100 },
  currency: "EUR",
  currency_digits: 2,
  ticket_types: [{ key: "t", name: "Adult", prices: { all: 100 } }],
};
const venue = new Venue(showtime, layout, words);

/** The lines of seats, and of as many places in the area. */
const lines = (places, ...seats) => [
  ...seats.map((seat) => ({ seat, ticket: "t" })),
  ...Array.from({ length: places }, () => ({ area: 0, ticket: "t" })),
];

/** Holds what it is asked for, at once; searches find and so on. */
class Server {
  status = "live";
  holds = new Map();
  mine = new Map();
  welcome = { limits: { seats_per_user: 8 } };
  /** What the next hold is refused with. */
  refusal = null;
  /** When answers to searches come. */
  arrived = Promise.resolve();
  #made = 0;

  put(lines, replaces) {
    this.holds.delete(replaces);
    const hold_id = `hold ${++this.#made}`;
    this.holds.set(hold_id, { lines });
    this.mine = new Map(lines.filter(({ seat }) => seat !== undefined).map(({ seat }) => [seat, hold_id]));
    return { hold_id, lines, seats: [...this.mine.keys()], lost: [], breakdown: { parts: 0, distance: 0 } };
  }

  async hold(seats, { areas, replaces }) {
    if (this.refusal) throw this.refusal;
    const places = areas.reduce((sum, { count }) => sum + count, 0);
    return this.put(lines(places, ...seats), replaces);
  }

  async best({ count, tickets, replaces }) {
    await this.arrived;
    const found = Array.from({ length: count ?? tickets.t }, (_, at) => 10 + at);
    return this.put(lines(0, ...found), replaces);
  }

  async release(id) {
    this.holds.delete(id);
    this.mine.clear();
  }
}

/** A visitor who holds these places; `basket`, `text` and `buttons` are what the visitor sees. */
function visitorWith(places, ...seats) {
  const client = new Server();
  const sale = { isClosed: false, reason: "The sale has ended." };
  let shown = null;
  const notices = {
    tell(_kind, text, { more = "", actions = [], holds = () => true } = {}) {
      shown = { text, more, actions, holds };
      return shown;
    },
    retire(notice) {
      if (notice && notice === shown) shown.actions = [];
    },
  };
  const choice = new Choice({
    client,
    venue,
    words,
    answers: new Answers(words, venue, () => Date.UTC(2026, 0, 1)),
    notices,
    sale,
  });
  if (places + seats.length > 0) client.put(lines(places, ...seats));
  return {
    client,
    choice,
    sale,
    get basket() {
      return choice.lines.map(({ seat }) => (seat === undefined ? "Lawn" : venue.name({ seat })));
    },
    get text() {
      return [shown.text, shown.more].filter(Boolean).join(" ");
    },
    get buttons() {
      return shown.actions.map(([label]) => label);
    },
    get stillHolds() {
      return shown.holds();
    },
    press: () => shown.actions[0][1](),
  };
}

test("a search for more seats than the limit leaves next to places in areas changes nothing", async () => {
  for (const wish of [{ count: 8 }, { tickets: { t: 7 } }]) {
    const visitor = visitorWith(2, 1);
    await visitor.choice.best(wish);
    assert.deepEqual(visitor.basket, ["A-2", "Lawn", "Lawn"]);
    assert.equal(visitor.text, "Sorry: You can hold at most 8 seats.");
  }
});

test("a search keeps the places in areas and offers the replaced seats back", async () => {
  const visitor = visitorWith(2, 1);
  await visitor.choice.best({ count: 2 });
  assert.deepEqual(visitor.basket, ["A-11", "A-12", "Lawn", "Lawn"]);
  assert.ok(visitor.text.includes("A-2 went back on sale."), visitor.text);
  assert.deepEqual([visitor.buttons, visitor.stillHolds], [["Undo"], true]);
  await visitor.press();
  assert.deepEqual(visitor.basket, ["A-2", "Lawn", "Lawn"]);
});

test("places in areas that a search could not keep are named and offered back", async () => {
  const visitor = visitorWith(2, 1);
  visitor.client.refusal = new CommandError("refused", "no", { areas: [[0, "full", 0]] });
  await visitor.choice.best({ count: 2 });
  assert.deepEqual(visitor.basket, ["A-11", "A-12"]);
  assert.equal(visitor.text, "Sorry: Lawn is full. A-2 and 2 × Lawn went back on sale.");
  assert.deepEqual([visitor.buttons, visitor.stillHolds], [["Undo"], true]);
  visitor.client.refusal = null;
  await visitor.press();
  assert.deepEqual(visitor.basket, ["A-2", "Lawn", "Lawn"]);
});

test("an undo keeps what was chosen while the search was running", async () => {
  const visitor = visitorWith(0, 1);
  const { promise, resolve: arrive } = Promise.withResolvers();
  visitor.client.arrived = promise;
  const answers = [visitor.choice.best({ count: 2 }), visitor.choice.add([7])];
  arrive();
  await Promise.all(answers);
  assert.deepEqual(visitor.basket, ["A-11", "A-12", "A-8"]);
  assert.deepEqual(visitor.buttons, []);
});

test("an undo disappears when another window changes the basket", async () => {
  const visitor = visitorWith(0, 1);
  await visitor.choice.best({ count: 2 });
  visitor.client.put(lines(0, 10, 11, 3), visitor.choice.basketId);
  assert.equal(visitor.stillHolds, false);
  await visitor.press();
  assert.deepEqual(visitor.basket, ["A-11", "A-12", "A-4"]);
  assert.ok(visitor.text.startsWith("Your seats have changed"), visitor.text);
});

test("an undo is offered only while seats are sold", async () => {
  const visitor = visitorWith(0, 1);
  await visitor.choice.dropAll({ undoable: true });
  assert.deepEqual([visitor.buttons, visitor.stillHolds], [["Undo"], true]);
  visitor.sale.isClosed = true;
  assert.equal(visitor.stillHolds, false);
  const late = visitorWith(0, 1);
  late.sale.isClosed = true;
  await late.choice.dropAll({ undoable: true });
  assert.deepEqual([late.text, late.buttons], ["Given back: A-2.", []]);
});

test("a failure is told with its own reason and one lead-in, and without one where it may have worked", async () => {
  const told = {
    outcome_unknown: "We don’t know yet whether it worked. Please check again in a moment.",
    unavailable: "That did not work: the server can’t do this right now. Please try again in a moment.",
    hold_pinned: "That did not work: these seats are being booked right now.",
    busy: "Sorry: A lot is going on right now. Please try again in a moment.",
  };
  for (const [code, text] of Object.entries(told)) {
    const visitor = visitorWith(0);
    visitor.client.refusal = new CommandError(code, "no");
    await visitor.choice.add([7]);
    assert.equal(visitor.text, text);
  }
});

test("of a sale that the server has not begun it is said when it begins", async () => {
  const visitor = visitorWith(0);
  const on_sale_at_ms = Date.UTC(2026, 0, 2, 12);
  visitor.client.refusal = new CommandError("not_on_sale", "no", { facts: { on_sale_at_ms } });
  await visitor.choice.add([7]);
  assert.ok(visitor.text.startsWith("Sorry: The sale begins on "), visitor.text);
  visitor.client.refusal = new CommandError("not_on_sale", "no", { facts: { on_sale_at_ms: Date.UTC(2025, 0, 1) } });
  await visitor.choice.add([7]);
  assert.equal(visitor.text, "Sorry: The sale for this showtime has ended.");
});
