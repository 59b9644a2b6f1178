/** The showtime page: what is shown where and when, above the seat map of it. */

import { day, element, nameInAddress, say, time } from "../shared/page.js";
import "../../seat-map.js";

const map = document.querySelector("seat-map");
const title = document.getElementById("title");

map.addEventListener("seat-map-ready", ({ detail: { showtime } }) => {
  const { theatre_name, auditorium_name, timezone } = showtime;
  const starts = Date.parse(showtime.starts_at);
  document.title = say("seatsOf", { title: showtime.title });
  title.textContent = showtime.title;
  title.dir = "auto";
  document.getElementById("where").textContent = [
    theatre_name,
    auditorium_name,
    day(starts, timezone),
    time(starts, timezone),
  ].join(" · ");
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
