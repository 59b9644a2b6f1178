/** The showtime page: what is shown where and when, above the seat map of it. */

import { byId, day, element, nameInAddress, say, time } from "../shared/page.js";
import "../../seat-map.js";

/** @import { SeatMapElement } from "../../seat-map.js" */

const map = /** @type {SeatMapElement} */ (document.querySelector("seat-map"));
const title = byId("title");

map.addEventListener("seat-map-ready", ({ detail }) => {
  const showtime = /** @type {any} */ (detail.showtime);
  const { theatre_name, auditorium_name, timezone } = showtime;
  const starts = Date.parse(showtime.starts_at);
  document.title = say("seatsOf", { title: showtime.title });
  title.textContent = showtime.title;
  title.dir = "auto";
  byId("where").textContent = [theatre_name, auditorium_name, day(starts, timezone), time(starts, timezone)].join(
    " · ",
  );
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
map.showtime = nameInAddress() ?? "";
