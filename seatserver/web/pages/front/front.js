/**
 * The front page: the films of a day, where and when they are shown, and how many seats are left.
 *
 * The programme is loaded at the start, and again when it is old. All counts of the day on screen are loaded in one
 * request, every few seconds while the page is visible, and never while it is hidden.
 */

import {
  button,
  byId,
  element,
  fetchJson,
  first,
  isAbroad,
  locale,
  money,
  reasonOf,
  say,
  time,
} from "../shared/page.js";
import { hueOf, poster } from "../shared/poster.js";

const HOUR_MS = 3_600_000;
const SHOWN_MS = 8 * 24 * HOUR_MS;
const STARTED_MS = HOUR_MS; // a film that has just begun may still be on sale
const COUNTED_MS = 8_000;
const WAIT_MS = 60_000; // the longest pause between two tries when the server does not answer
const PROGRAMME_MS = 300_000;
const COUNTED_AT_ONCE = 100;
const MOST = 2_000; // showtimes; in a programme of more, the later days wait until they are near
const FEW_SHARE = 0.1;
const FREE_SHARE = 0.5;
const FEW = 6;

let programme = []; // showtimes with `timezone`, `starts` (ms) and `day`, by their start
let readAt = 0;
let countedAt = 0;
let failures = 0;
let timer = 0;
const cards = new Map(); // id of a showtime on screen → { showtime, card }

// ---------------------------------------------------------------- the programme

async function readProgramme() {
  const query = new URLSearchParams({
    from: new Date(Date.now() - STARTED_MS).toISOString(),
    to: new Date(Date.now() + SHOWN_MS).toISOString(),
    limit: "200",
  });
  const [{ theatres }, showtimes] = await Promise.all([fetchJson("/api/v1/theatres"), everyPage(query)]);
  const zones = new Map(theatres.map(({ id, timezone }) => [id, timezone]));
  programme = showtimes
    .filter((showtime) => phase(showtime) !== "over")
    .map((showtime) => {
      const [starts, timezone] = [Date.parse(showtime.starts_at), zones.get(showtime.theatre_id)];
      return { ...showtime, starts, timezone, day: dayKey(starts, timezone) };
    });
  readAt = Date.now();
}

async function everyPage(query) {
  const found = [];
  for (;;) {
    const { showtimes, next } = await fetchJson(`/api/v1/showtimes?${query}`);
    found.push(...showtimes);
    if (!next || found.length >= MOST) return found;
    query.set("after", next);
  }
}

/** "later", "open" or "over": where the sale stands now. */
function phase({ on_sale_at, sale_ends_at }) {
  if (Date.now() < Date.parse(on_sale_at)) return "later";
  return Date.now() < Date.parse(sale_ends_at) ? "open" : "over";
}

/** 2026-11-22, in the theatre's own days: the Swedes write dates as ISO 8601 does. */
function dayKey(ms, timeZone) {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeZone }).format(ms);
}

/** The lowest price for one person, including fees, without tickets that need another one. */
function leastPrice({ ticket_types, fees }) {
  const alone = ticket_types.filter(({ only_with }) => only_with.length === 0);
  const prices = (alone.length > 0 ? alone : ticket_types).flatMap(({ prices }) => Object.values(prices));
  return Math.min(...prices) + fees.per_ticket_minor + fees.per_booking_minor;
}

// ---------------------------------------------------------------- drawing

/** The day of the address, or the first one with anything to see. */
function chosenDay() {
  const days = programme.map((showtime) => showtime.day).sort();
  const asked = location.hash.slice(1);
  return days.includes(asked) ? asked : days[0];
}

function draw() {
  const chosen = chosenDay();
  const shown = programme.filter((showtime) => showtime.day === chosen);
  cards.clear();
  tellProgramme();
  byId("days").hidden = programme.length === 0;
  byId("days").replaceChildren(dayLinks(chosen));
  const films = [...Map.groupBy(shown, ({ title }) => title)];
  byId("films").replaceChildren(...films.map(([title, showtimes]) => film(title, showtimes)));
  byId("films").removeAttribute("aria-busy");
  byId("films").removeAttribute("aria-label");
}

/** Say what there is to say of a page that is up to date. */
function tellProgramme() {
  tell(programme.length > 0 ? "" : say("nothingOn"));
}

/**
 * Said twice, it would be read aloud twice. `again` is what a button beside it does.
 * @param {string} text
 * @param {(() => unknown) | null} again
 */
function tell(text, again = null) {
  if ((byId("told").firstChild?.textContent ?? "") === text) return;
  const retry = again && button(say("again"), again);
  const told = element("span", { textContent: text });
  const notice = again ? element("p", { className: "notice plain" }, told, retry) : told;
  byId("told").replaceChildren(...(text ? [notice] : []));
}

function dayLinks(chosen) {
  const days = [...Map.groupBy(programme, (showtime) => showtime.day)].sort(([one], [other]) => (one < other ? -1 : 1));
  return element(
    "ul",
    {},
    ...days.map(([key, [showtime]]) => element("li", {}, dayLink(key, showtime, key === chosen))),
  );
}

function dayLink(key, { starts, timezone }, isChosen) {
  const near = new Map([
    [dayKey(Date.now(), timezone), say("today")],
    [dayKey(Date.now() + 24 * HOUR_MS, timezone), say("tomorrow")],
  ]);
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: timezone }).format(starts);
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: timezone }).format(starts);
  const link = element(
    "a",
    { href: `#${key}` },
    element("strong", { textContent: near.get(key) ?? weekday }),
    element("span", { textContent: ` ${date}` }),
  );
  if (isChosen) link.setAttribute("aria-current", "date");
  return link;
}

function film(title, showtimes) {
  const theatres = [...Map.groupBy(showtimes, ({ theatre_id }) => theatre_id).values()];
  const picture = showtimes.find(({ poster_hash }) => poster_hash)?.poster_hash;
  return element(
    "section",
    { className: "film", dataset: picture ? { pictured: "" } : {}, style: { "--hue": hueOf(title) } },
    poster(title, picture),
    element("h2", { textContent: title, dir: "auto" }),
    element("div", { className: "theatres" }, ...theatres.map(theatre)),
  );
}

function theatre(showtimes) {
  const [{ theatre_name, timezone, starts }] = showtimes;
  const text = ` ${say("timesOf", { city: city(timezone) })}`;
  const note = isAbroad(starts, timezone) && element("span", { className: "quiet", textContent: text });
  return element(
    "div",
    { className: "theatre" },
    element("h3", { dir: "auto" }, theatre_name, note),
    element("ul", { className: "shows" }, ...showtimes.map((showtime) => element("li", {}, show(showtime)))),
  );
}

function city(timezone) {
  return timezone.split("/").at(-1).replaceAll("_", " ");
}

function show(showtime) {
  const { id, starts, timezone, starts_at, auditorium_name } = showtime;
  const price = say("from", { money: money(leastPrice(showtime), showtime) });
  const card = element(
    "a",
    { className: "show", href: `/showtimes/${encodeURIComponent(id)}` },
    element("time", { dateTime: starts_at, textContent: time(starts, timezone) }),
    element("span", { className: "hall", textContent: auditorium_name, title: auditorium_name, dir: "auto" }),
    element("span", { className: "meter", ariaHidden: "true" }),
    element("span", { className: "left" }, "\u00a0"),
    element("span", { className: "price", textContent: price }),
  );
  cards.set(id, { showtime, card });
  paint(id, null);
  return card;
}

/** Say what can be had, in a word for the style sheet and in words for people; `total` is null before it is known. */
function paint(id, total) {
  const { showtime, card } = cards.get(id);
  const [state, text] = standing(showtime, total);
  card.dataset.state = state;
  const left = card.querySelector(".left");
  if (text && left.textContent !== text) left.textContent = text;
  if (!total) return;
  card.style.setProperty("--taken", 1 - total.free / sum(total));
  card.title = say("seatsFree", { count: total.free });
}

function standing(showtime, total) {
  const where = phase(showtime);
  if (where === "over") return ["over", say("saleOver")];
  if (where === "later") return ["later", say("saleBegins", { time: saleBegins(showtime) })];
  if (!total) return ["unknown", ""];
  if (total.free === 0) return ["sold", say(total.held + total.claimed > 0 ? "soldOutForNow" : "soldOut")];
  const few = Math.max(FEW, FEW_SHARE * sum(total));
  if (total.free <= few) return ["few", say("seatsLeft", { count: total.free })];
  return total.free < FREE_SHARE * sum(total) ? ["filling", say("filling")] : ["open", say("mostlyFree")];
}

function saleBegins({ on_sale_at, timezone }) {
  /** @type {Intl.DateTimeFormatOptions} */
  const form = { weekday: "short", hour: "numeric", minute: "2-digit", timeZone: timezone };
  const isNear = Date.parse(on_sale_at) - Date.now() < 6 * 24 * HOUR_MS;
  /** @type {Intl.DateTimeFormatOptions} */
  const date = isNear ? {} : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(locale, { ...form, ...date }).format(Date.parse(on_sale_at));
}

function sum(total) {
  return Object.values(total).reduce((all, part) => all + part, 0);
}

// ---------------------------------------------------------------- keeping it fresh

/** Count what is on screen; the pauses grow while the server does not answer, and then the page says so. */
async function count() {
  clearTimeout(timer);
  if (document.hidden) return; // visibilitychange goes on
  const open = [...cards.values()]
    .filter(({ showtime }) => phase(showtime) === "open")
    .map(({ showtime }) => showtime.id);
  try {
    if (Date.now() - readAt > PROGRAMME_MS) await renew();
    for (let first = 0; first < open.length; first += COUNTED_AT_ONCE) {
      const query = new URLSearchParams({ showtimes: open.slice(first, first + COUNTED_AT_ONCE).join(",") });
      const { showtimes } = await fetchJson(`/api/v1/availability?${query}`);
      for (const { showtime_id, total } of showtimes) if (cards.has(showtime_id)) paint(showtime_id, total);
    }
    for (const [id, { showtime }] of cards) if (phase(showtime) !== "open") paint(id, null);
    failures = 0;
    countedAt = Date.now();
    tellProgramme();
    delete byId("films").dataset.stale;
  } catch (error) {
    failures += 1;
    const reason = reasonOf(error);
    tell(countedAt ? say("oldNumbers", { time: time(countedAt), reason }) : say("noNumbers", { reason }), count);
    byId("films").dataset.stale = "";
  }
  clearTimeout(timer);
  // Not all windows at the same moment.
  timer = setTimeout(count, Math.min(WAIT_MS, COUNTED_MS * 2 ** failures) * (0.85 + 0.3 * Math.random()));
}

/** Read the programme again; what has the focus keeps it. */
async function renew() {
  const focused = document.activeElement?.closest("[href]")?.getAttribute("href");
  await readProgramme();
  draw();
  if (focused) first(`main [href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** Somebody pressed the button: what is said goes, so that it is heard again if it is still so. */
function startAgain() {
  tell("");
  byId("days").hidden = byId("films").hidden = false;
  start();
}

/** Another day was chosen. It has a name, so that two starts at once listen only once. */
function turnToDay() {
  draw();
  first("#days [aria-current]")?.focus({ preventScroll: true });
  count();
}

async function start() {
  clearTimeout(timer);
  try {
    await readProgramme();
  } catch (error) {
    byId("days").hidden = byId("films").hidden = true; // bones of what does not come
    tell(say("noProgramme", { reason: reasonOf(error) }), startAgain);
    timer = setTimeout(start, WAIT_MS / 4);
    return;
  }
  byId("films").hidden = false;
  draw();
  addEventListener("hashchange", turnToDay);
  document.addEventListener("visibilitychange", count);
  await count();
}

await start();
