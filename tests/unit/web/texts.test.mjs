/** What a visitor reads: numbers, money and times of a place, the texts of the seat map, the names of seats. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  besideCompany,
  goneOf,
  movedTo,
  requestOf,
  seatsOf,
  withTickets,
} from "../../../seatserver/web/seat-map/basket/lines.js";
import { phaseAt } from "../../../seatserver/web/seat-map/sale.js";
import { Venue } from "../../../seatserver/web/seat-map/venue.js";
import { Words } from "../../../seatserver/web/seat-map/words.js";
import { Format } from "../../../seatserver/web/shared/format.js";

/** What `act` brings in a browser whose user prefers these languages. */
function inBrowser(languages, act) {
  Object.defineProperty(globalThis, "navigator", { value: { languages }, configurable: true });
  return act();
}

const localeOf = (lang, ...languages) => inBrowser(languages, () => new Format(lang).locale);
const plain = (text) => text.replaceAll("\u00a0", " ");

// ------------------------------------------------------------------ numbers, money, times

test("an invalid language tag is ignored", () => {
  assert.equal(localeOf("en", "en-IE", "en-US"), "en-IE");
  assert.equal(localeOf("de", "en-IE"), "de");
  assert.equal(localeOf("not a language", "en-IE"), "en");
  // Chromium names languages like these where the system's locale has a variant.
  assert.equal(localeOf("en", "en-US@posix", "en-IE"), "en-IE");
  assert.equal(localeOf("en", "en-US@posix"), "en");
});

test("a language is formatted for the visitor's region", () => {
  assert.equal(localeOf("en", "de-DE", "de", "en-US", "en"), "en-DE"); // as Chromium says it in Germany
  assert.equal(localeOf("en", "de", "en-US", "en"), "en-DE"); // as Firefox does
  assert.equal(localeOf("fr", "en-CA"), "fr-CA");
  assert.equal(localeOf("en", "en", "en-IE"), "en-IE");
  assert.equal(localeOf("en-US", "de-DE"), "en-US"); // a page that means a place
  assert.equal(localeOf("de", "en-US", "de-AT"), "de-AT"); // nobody knows how German is written there
  assert.equal(localeOf("de"), "de");
});

function amounts(lang, ...priced) {
  const format = inBrowser([], () => new Format(lang));
  return priced.map(([minor, currency, currency_digits]) => plain(format.money(minor, { currency, currency_digits })));
}

test("money with zero, two, three and four decimals is formatted for its language", () => {
  const priced = [
    [1_234_567, "JPY", 0],
    [1_234_567, "HUF", 2],
    [1_234_567, "KWD", 3],
    [1_234_567, "CLF", 4],
  ];
  assert.deepEqual(amounts("en", ...priced), ["¥1,234,567", "HUF 12,345.67", "KWD 1,234.567", "CLF 123.4567"]);
  assert.deepEqual(amounts("de", ...priced), ["1.234.567 ¥", "12.345,67 HUF", "1.234,567 KWD", "123,4567 CLF"]);
  const small = [
    [0, "HUF", 2],
    [5, "KWD", 3],
    [-5, "EUR", 2],
  ];
  assert.deepEqual(amounts("en", ...small), ["HUF 0.00", "KWD 0.005", "-€0.05"]);
});

test("the largest amounts lose no cent", () => {
  assert.deepEqual(amounts("en", [1_000_000_000_001, "HUF", 2]), ["HUF 10,000,000,000.01"]);
});

test("codes that are not currencies are shown as stored", () => {
  assert.deepEqual(amounts("en", [1400, "XXX", 2], [1400, "ZZZ", 2]), ["¤14.00", "ZZZ 14.00"]);
});

test("answers of an older server without decimals are still read", () => {
  assert.deepEqual(amounts("en", [1400, "EUR", undefined], [1400, "JPY", undefined]), ["€14.00", "¥1,400"]);
});

test("a countdown rounds up, so 0:00 means over, and has hours where there are any", () => {
  const format = inBrowser(["en-IE"], () => new Format("en"));
  assert.deepEqual(
    [272_500, 1, 0, -5].map((ms) => format.countdown(ms)),
    ["4:33", "0:01", "0:00", "0:00"],
  );
  assert.deepEqual(
    [7_384_000, 59_000, 3_600_000].map((ms) => format.hours(ms)),
    ["2:03:04", "0:59", "1:00:00"],
  );
  assert.equal(format.days(3), "3 days");
});

test("times are in the theatre's time zone, not the machine's", () => {
  const format = inBrowser(["en-GB"], () => new Format("en"));
  const ms = Date.UTC(2030, 5, 1, 18, 30);
  assert.equal(format.time(ms, "Europe/Berlin"), "20:30");
  assert.equal(format.time(ms, "America/New_York"), "14:30");
  assert.equal(format.day(ms, "Pacific/Kiritimati"), "Sunday 2 June");
});

// ------------------------------------------------------------------ texts

function wordsIn(lang, { replaced = {}, direction = "ltr", languages = ["en-IE"] } = {}) {
  return inBrowser(languages, () => new Words(lang, replaced, direction));
}

test("our texts keep their direction, and the page's texts have the page's", () => {
  const said = (direction, replaced) => wordsIn("he", { replaced, direction, languages: ["he"] }).say("cancelled", {});
  assert.equal(said("ltr"), "Cancelled. The seats are free again.");
  assert.equal(said("rtl"), "\u2066Cancelled. The seats are free again.\u2069");
  assert.equal(said("rtl", { cancelled: "\u05d1\u05d5\u05d8\u05dc." }), "\u05d1\u05d5\u05d8\u05dc.");
});

test("a name stays together within its sentence", () => {
  const words = wordsIn("he", { direction: "rtl", languages: ["he"] });
  assert.equal(words.say("cancelSure", { seats: "A-3" }), "\u2066Give up \u2068A-3\u2069?\u2069");
});

// ------------------------------------------------------------------ names of seats

const LAYOUT = {
  seats: [
    ...Array.from({ length: 6 }, (_, at) => ({ row: "C", number: String(at + 7), category: "all" })),
    { row: "D", number: "1", category: "sofa", kind: "sofa" },
    { row: "D", number: "2", category: "sofa", kind: "sofa" },
    { row: "E", number: "1", category: "all", kind: "wheelchair" },
  ],
  categories: [
    { key: "all", name: "All" },
    { key: "sofa", name: "Sofa" },
  ],
  groups: [[6, 7]],
  general_areas: [{ key: "lawn", name: "Lawn", category: "all" }],
};
const SHOWTIME = {
  prices: { all: 1200, sofa: 3000 },
  currency: "EUR",
  currency_digits: 2,
  timezone: "Europe/Berlin",
  ticket_types: [
    { key: "adult", name: "Adult", prices: { all: 1200, sofa: 3000 } },
    { key: "child", name: "Child", prices: { all: 800 } },
  ],
};
const venue = new Venue(SHOWTIME, LAYOUT, wordsIn("en"));

test("a few seats are named one by one, and more of a row by the first and the last", () => {
  assert.equal(venue.names([0, 1, 6]), "C-7, C-8 and D-1");
  assert.equal(venue.names([0, 1, 2, 3, 4]), "C-7 to C-11");
  assert.equal(venue.names([0], [[0, 2]]), "C-7 and 2 × Lawn");
  assert.equal(venue.namesOf([{ seat: 0 }, { area: 0 }, { area: 0 }]), "C-7 and 2 × Lawn");
});

test("a seat is found by its label and knows those it is sold with", () => {
  assert.equal(venue.seatOf("D-2"), 7);
  assert.equal(venue.seatOf("Z-9"), undefined);
  assert.deepEqual(venue.groupOf(7), [6, 7]);
  assert.deepEqual(venue.groupOf(0), [0]);
  assert.equal(venue.isForWheelchair(8), true);
  assert.equal(venue.kind(0), "");
  assert.match(venue.kind(6), /D-2/);
});

test("a place has the price and the ticket types of its category", () => {
  assert.equal(venue.price({ seat: 6 }), "€30.00");
  assert.equal(venue.price({ area: 0 }), "€12.00");
  assert.deepEqual(
    venue.ticketsFor({ seat: 6 }).map(({ key }) => key),
    ["adult"],
  );
  assert.equal(venue.ticketName("child"), "Child");
  assert.equal(venue.ticketName("gone"), "gone");
});

// ------------------------------------------------------------------ baskets and sales

test("the lines of a basket say what to hold, places of one kind together", () => {
  const lines = [
    { seat: 4, ticket: "adult" },
    { area: 0, ticket: "adult" },
    { area: 0, ticket: "child" },
    { area: 0, ticket: "adult" },
  ];
  assert.deepEqual(requestOf(lines), {
    seats: [4],
    tickets: ["adult"],
    areas: [
      { area: 0, ticket: "adult", count: 2 },
      { area: 0, ticket: "child", count: 1 },
    ],
  });
  assert.deepEqual(seatsOf(lines), [4]);
  assert.deepEqual(goneOf(lines, { seats: [] }), [lines[0]]);
  assert.deepEqual(goneOf(lines, { seats: [4] }), []);
});

test("a sale is before, open, ended, or past once the show has begun", () => {
  const welcome = { on_sale_at_ms: 100, sale_ends_at_ms: 200 };
  assert.deepEqual(
    [99, 100, 199, 200, 299, 300].map((now) => phaseAt(now, welcome, 300)),
    ["before", "open", "open", "ended", "ended", "past"],
  );
});

test("lines that move to other seats keep their tickets within a category", () => {
  const lines = [
    { seat: 0, ticket: "child" },
    { seat: 1, ticket: "adult" },
    { area: 0, ticket: "adult" },
  ];
  assert.deepEqual(movedTo(venue, lines, [1, 2, 6]), [
    { seat: 1, ticket: "adult" },
    { seat: 2, ticket: "child" },
    { seat: 6, ticket: "adult" }, // a sofa: nobody's ticket moves there
    { area: 0, ticket: "adult" },
  ]);
  assert.deepEqual(withTickets(venue, [{ area: 0 }]), [{ area: 0, ticket: "adult" }]);
});

test("a companion seat is offered the nearest free wheelchair place of its row, unless the basket has one", () => {
  const row = Array.from({ length: 5 }, (_, x) => ({ row: "F", number: String(x + 1), x, category: "all" }));
  const kinds = ["wheelchair", "companion", "standard", "standard", "wheelchair"];
  const layout = { ...LAYOUT, groups: [], seats: row.map((seat, at) => ({ ...seat, kind: kinds[at] })) };
  const hall = new Venue(SHOWTIME, layout, wordsIn("en"));
  const beside = (lines, taken = []) => besideCompany(hall, [1], lines, (seat) => !taken.includes(seat));
  assert.deepEqual(beside([]), [0]);
  assert.deepEqual(beside([], [0]), [4]);
  assert.deepEqual(beside([], [0, 4]), []);
  assert.deepEqual(beside([{ seat: 4, ticket: "adult" }]), []);
});
