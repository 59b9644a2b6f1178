/** The showtime page: film, place and time, above the seat map. */

import { byId, element, locale, nameInAddress, say, time } from "../shared/page.js";
import "../../seat-map.js";

/** @import { SeatMapElement } from "../../seat-map.js" */

const DAY = /** @type {const} */ ({ weekday: "short", day: "numeric", month: "short" });

const map = /** @type {SeatMapElement} */ (document.querySelector("seat-map"));
const title = byId("title");

map.addEventListener("seat-map-ready", ({ detail }) => {
  const showtime = /** @type {any} */ (detail.showtime);
  const { theatre_name, auditorium_name, timezone } = showtime;
  const starts = Date.parse(showtime.starts_at);
  const date = new Intl.DateTimeFormat(locale, { ...DAY, timeZone: timezone }).format(starts);
  document.title = say("seatsOf", { title: showtime.title });
  title.textContent = showtime.title;
  title.dir = "auto";
  const parts = [`${date}, ${time(starts, timezone)}`, auditorium_name, theatre_name];
  const spans = parts.flatMap((part) => [" · ", element("span", { textContent: part, dir: "auto" })]);
  byId("where").replaceChildren(...spans.slice(1));
});

/** The server knew no answer when it sent this page; it has one now. */
map.addEventListener("seat-map-error", ({ detail: { code } }) => {
  if (code !== "not_found") return;
  document.title = title.textContent = say("noShowtime");
  map.replaceWith(
    element("p", { textContent: say("noShowtimeText") }),
    element("p", {}, element("a", { className: "button main", href: "/", textContent: say("programme") })),
  );
});
map.showtime = nameInAddress();
