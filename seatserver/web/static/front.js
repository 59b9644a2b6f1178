/**
 * The front page: the showtimes of the next two days that can still be booked, with counts that stay fresh while
 * they are on screen.
 */

import { day, element, fetchJson, money, plural, time } from "./page.js";

const HOUR_MS = 3_600_000;
const SHOWN_MS = 48 * HOUR_MS;
const STARTED_MS = HOUR_MS; // a film that has just begun may still be on sale
const REFRESH_MS = 15_000;

const onScreen = new Map(); // card → function that refreshes it
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.dataset.onScreen = isIntersecting;
    if (isIntersecting) onScreen.get(target)();
  }
});

async function showtimesAhead() {
  const found = [];
  const query = new URLSearchParams({
    from: new Date(Date.now() - STARTED_MS).toISOString(),
    to: new Date(Date.now() + SHOWN_MS).toISOString(),
  });
  for (;;) {
    const { showtimes, next } = await fetchJson(`/api/v1/showtimes?${query}`);
    found.push(...showtimes.filter((showtime) => Date.parse(showtime.sale_ends_at) > Date.now()));
    if (!next) return found;
    query.set("after", next);
  }
}

function dayName(at, timeZone) {
  const name = day(at, timeZone);
  if (name === day(Date.now(), timeZone)) return `Today, ${name}`;
  if (name === day(Date.now() + 24 * HOUR_MS, timeZone)) return `Tomorrow, ${name}`;
  return name;
}

/** The least that somebody who comes alone pays, fees included: no ticket that goes only with another. */
function leastPrice({ ticket_types, fees }) {
  const alone = ticket_types.filter(({ only_with }) => only_with.length === 0);
  const prices = (alone.length > 0 ? alone : ticket_types).flatMap(({ prices }) => Object.values(prices));
  return Math.min(...prices) + fees.per_ticket_minor + fees.per_booking_minor;
}

function card(showtime, timeZone) {
  const { id, title, theatre_name, auditorium_name, currency } = showtime;
  const count = element("span", { textContent: "…" });
  const price = element("span", { textContent: `from ${money(leastPrice(showtime), currency)}` });
  const meter = element("div", { className: "meter" }, element("div"));
  const made = element(
    "a",
    { className: "card", href: `/showtimes/${encodeURIComponent(id)}` },
    element("time", { textContent: time(Date.parse(showtime.starts_at), timeZone), dateTime: showtime.starts_at }),
    element(
      "span",
      { className: "what" },
      element("strong", { textContent: title }),
      element("span", { className: "quiet", textContent: `${theatre_name} · ${auditorium_name}` }),
    ),
    meter,
    element("span", { className: "foot quiet" }, count, price),
  );
  onScreen.set(made, () => refresh(id, meter, count));
  observer.observe(made);
  return made;
}

async function refresh(id, meter, count) {
  try {
    const { total } = await fetchJson(`/api/v1/showtimes/${encodeURIComponent(id)}/availability`);
    const all = Object.values(total).reduce((sum, part) => sum + part, 0);
    count.textContent = total.free > 0 ? `${plural(total.free, "seat")} of ${all} free` : "Sold out for now";
    meter.style.setProperty("--share", 1 - total.free / all);
    delete meter.dataset.stale;
  } catch {
    meter.dataset.stale = ""; // the old number stays, greyed, until the next round
  }
}

async function start() {
  const main = document.getElementById("days");
  try {
    const [{ theatres }, showtimes] = await Promise.all([fetchJson("/api/v1/theatres"), showtimesAhead()]);
    const zones = new Map(theatres.map(({ id, timezone }) => [id, timezone]));
    const zoneOf = (showtime) => zones.get(showtime.theatre_id);
    const days = Map.groupBy(showtimes, (showtime) => dayName(Date.parse(showtime.starts_at), zoneOf(showtime)));
    main.replaceChildren(
      ...[...days].map(([name, shown]) =>
        element(
          "section",
          {},
          element("h1", { textContent: name }),
          element("div", { className: "cards" }, ...shown.map((showtime) => card(showtime, zoneOf(showtime)))),
        ),
      ),
    );
    if (showtimes.length === 0)
      main.replaceChildren(element("p", { textContent: "No showtimes in the next two days." }));
  } catch (error) {
    main.replaceChildren(
      element("p", { className: "notice bad", textContent: `The showtimes cannot be shown: ${error.message}.` }),
    );
  }
}

setInterval(() => {
  if (document.hidden) return;
  for (const [made, again] of onScreen) if (made.dataset.onScreen === "true") again();
}, REFRESH_MS);
await start();
