/** My bookings: what was booked in this browser, each booking's status, and a link to its ticket. */

import { forgetGuest, knownGuest, onGuestChange } from "../../shared/guest.js";
import { api, askAsOwner, ownToken, TOKEN } from "../shared/own.js";
import {
  button,
  byId,
  day,
  element,
  every,
  fetchJson,
  first,
  focusedIn,
  HERE,
  list,
  locale,
  money,
  reasonOf,
  recall,
  remember,
  say,
  time,
} from "../shared/page.js";
import { labelsOf, timeLeft } from "../booking/ticket.js";

const PENDING_MS = 5_000;
const SETTLED_MS = 60_000;
const OVER_MS = 4 * 3_600_000; // after its start a film is no longer coming up
const AT_ONCE = 20;
const WAYS = { pending: "toBooking", confirmed: "toTicket" };

const zones = new Map(); // id of a theatre → its time zone
/** @type {("upcoming" | "earlier")[]} */
const PARTS = ["upcoming", "earlier"];

/** @type {{ owner: string | null, bookings: any[], showtimes: Map<string, any>, next: string | null }} */
let shown = { owner: null, bookings: [], showtimes: new Map(), next: null };
/** What is drawn, as text. @type {string | null} */
let drawn = null;
let timer = 0;
let runs = 0;
let isReadingMore = false;

/** Whose bookings are asked for, as text. */
function owner() {
  return recall(TOKEN) ?? knownGuest(HERE)?.user_id ?? null;
}

/** @param {string | null} after */
async function read(after = null) {
  if (!(await ownToken())) return { bookings: [], showtimes: [], next: null };
  const query = new URLSearchParams({ limit: String(AT_ONCE), ...(after === null ? {} : { after }) });
  const [page] = await Promise.all([askAsOwner(`bookings?${query}`), zones.size === 0 && readZones()]);
  return page;
}

async function readZones() {
  const { theatres } = await fetchJson(api("theatres"));
  for (const { id, timezone } of theatres) zones.set(id, timezone);
}

async function refresh() {
  clearTimeout(timer);
  const run = ++runs;
  let next = SETTLED_MS;
  try {
    const asks = owner();
    const page = await read();
    if (run !== runs) return;
    shown = { owner: asks, ...renewed(page, asks) };
    draw();
    byId("status").replaceChildren();
    if (page.bookings.some(({ status }) => status === "pending")) next = PENDING_MS;
  } catch (error) {
    if (run !== runs) return;
    tellFailure(error);
    next = PENDING_MS * 3;
  }
  timer = setTimeout(() => !document.hidden && refresh(), next);
}

/**
 * The newest page, and after it what "Show more" has brought: unless that is another owner's, or no longer follows on
 * the page, because so much was booked meanwhile that something may be between them.
 */
function renewed(page, asks) {
  const fresh = new Set(page.bookings.map(({ id }) => id));
  const follows = page.next && asks === shown.owner && shown.bookings.some(({ id }) => fresh.has(id));
  const tail = follows ? shown.bookings.filter(({ id }) => !fresh.has(id)) : [];
  if (tail.length === 0) return { bookings: page.bookings, showtimes: keyed(page.showtimes), next: page.next };
  const showtimes = new Map([...shown.showtimes, ...keyed(page.showtimes)]);
  return { bookings: [...page.bookings, ...tail], showtimes, next: shown.next };
}

/** The page after what is shown. A click while it is being read does nothing. */
async function readMore() {
  if (isReadingMore) return;
  isReadingMore = true;
  const { owner: whose, next } = shown;
  try {
    const page = await read(next);
    if (shown.owner !== whose || shown.next !== next) return; // what it follows on is shown no more
    const known = new Set(shown.bookings.map(({ id }) => id));
    shown.bookings.push(...page.bookings.filter(({ id }) => !known.has(id)));
    for (const [id, showtime] of keyed(page.showtimes)) shown.showtimes.set(id, showtime);
    shown.next = page.next;
    draw();
  } catch (error) {
    tellFailure(error);
  } finally {
    isReadingMore = false;
  }
}

/** @param {any[]} showtimes */
function keyed(showtimes) {
  return new Map(showtimes.map((showtime) => [showtime.id, showtime]));
}

function tellFailure(error) {
  const text = element("span", { textContent: say("noList", { reason: reasonOf(error) }) });
  const notice = element("p", { className: "notice plain" }, text, button(say("again"), refresh));
  if (byId("status").textContent !== notice.textContent) byId("status").replaceChildren(notice);
  if (drawn !== null || first(".farewell", byId("list"))) return; // the visitor may be about to say yes
  byId("list").removeAttribute("aria-busy");
  byId("list").replaceChildren(...(knownGuest(HERE) ? [farewell()] : []));
}

// ---------------------------------------------------------------- drawing

function draw() {
  const text = JSON.stringify([shown.bookings, shown.next]);
  if (text === drawn) return;
  drawn = text;
  const { bookings } = shown;
  const parts = Map.groupBy(bookings, (booking) => (isComing(booking) ? "upcoming" : "earlier"));
  const more = shown.next && element("p", {}, button(say("more"), readMore));
  const focused = focusedIn(document.body)?.dataset.key;
  byId("list").removeAttribute("aria-busy");
  byId("list").replaceChildren(
    ...(bookings.length === 0 ? [nothing()] : []),
    ...PARTS.flatMap((name) => section(name, parts.get(name))),
    ...(more ? [more] : []),
    ...(knownGuest(HERE) ? [farewell()] : []),
  );
  if (focused)
    every("[data-key]")
      .find(({ dataset }) => dataset.key === focused)
      ?.focus();
}

function isComing(booking) {
  return (booking.status === "pending" || booking.status === "confirmed") && Date.now() < startOf(booking) + OVER_MS;
}

function section(name, bookings = []) {
  if (bookings.length === 0) return [];
  const sorted = name === "upcoming" ? bookings.toSorted((one, other) => startOf(one) - startOf(other)) : bookings;
  return [
    element(
      "section",
      {},
      element("h2", { textContent: say(name) }),
      element("ul", { className: "list" }, ...sorted.map((booking) => element("li", {}, card(booking)))),
    ),
  ];
}

function startOf({ showtime_id }) {
  return Date.parse(shown.showtimes.get(showtime_id).starts_at);
}

function card(booking) {
  const { id, status, reference, seats, total_minor, ticket_url } = booking;
  const showtime = shown.showtimes.get(booking.showtime_id);
  const { theatre_name, auditorium_name } = showtime;
  const [starts, zone] = [Date.parse(showtime.starts_at), zones.get(showtime.theatre_id)];
  const href = ticket_url ?? `/bookings/${encodeURIComponent(id)}`;
  const state = status === "confirmed" && !isComing(booking) ? "past" : status;
  const when = `${date(starts, zone)}, ${time(starts, zone)}`;
  return element(
    "a",
    { className: "booking", href, dataset: { status: state, key: id } },
    element("strong", { className: "film", textContent: showtime.title, dir: "auto" }),
    element("time", { dateTime: showtime.starts_at, textContent: when }),
    element("span", { className: "quiet", textContent: `${theatre_name}, ${auditorium_name}`, dir: "auto" }),
    element("span", { className: "seats", textContent: list(labelsOf(seats)), dir: "auto" }),
    element("span", { className: "number", textContent: reference }),
    element("span", { className: "price", textContent: money(total_minor, booking) }),
    element("span", { className: "state" }, say(state), status === "pending" && until(booking)),
    element("span", { className: "go", textContent: say(WAYS[status] ?? "show") }),
  );
}

function date(ms, timeZone) {
  if (new Date(ms).getFullYear() === new Date().getFullYear()) return day(ms, timeZone);
  /** @type {Intl.DateTimeFormatOptions} */
  const form = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone };
  return new Intl.DateTimeFormat(locale, form).format(ms);
}

function until({ expires_at_ms }) {
  return element("span", { className: "until", dataset: { until: expires_at_ms }, textContent: left(expires_at_ms) });
}

function left(until_ms) {
  return ` · ${timeLeft(until_ms - Date.now())}`;
}

function nothing() {
  return element(
    "div",
    { className: "nothing" },
    element("h2", { textContent: say("noBookings") }),
    element("p", { className: "quiet", textContent: say("noBookingsText") }),
    element("p", {}, element("a", { className: "button main", href: "/", textContent: say("programme") })),
  );
}

/** A computer that others use too must be able to forget. */
function farewell() {
  const sure = button(say("forgetYes"), async () => {
    remember(TOKEN, null);
    await forgetGuest(HERE);
    drawn = null;
    refresh();
  });
  return element(
    "details",
    { className: "farewell" },
    element("summary", { textContent: say("forget") }),
    element("p", { className: "quiet", textContent: say("forgetText") }),
    sure,
  );
}

// ---------------------------------------------------------------- keeping it fresh

onGuestChange(HERE, () => refresh());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => {
  for (const node of every(".until")) node.textContent = left(Number(node.dataset.until));
}, 1000);
await refresh();
