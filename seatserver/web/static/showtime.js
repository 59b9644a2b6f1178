/** The showtime page: what is shown where and when, above the seat map of it. */

import { day, nameInAddress, time } from "./page.js";
import "./seat-map.js";

const map = document.querySelector("seat-map");

map.addEventListener("seat-map-ready", ({ detail: { showtime } }) => {
  const { title, theatre_name, auditorium_name, timezone } = showtime;
  const starts = Date.parse(showtime.starts_at);
  document.title = `${title} · seats`;
  document.getElementById("title").textContent = title;
  document.getElementById("where").textContent = [
    theatre_name,
    auditorium_name,
    day(starts, timezone),
    time(starts, timezone),
  ].join(" · ");
});
map.showtime = nameInAddress();
