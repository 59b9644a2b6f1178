/** The lists of the operators' live view. Rows keep their elements, so the focus stays on its row. */

import { element } from "../shared/page.js";
import { count, duration, limitsOf, placesOf, plural, reasonsOf } from "./words.js";

const SORT_EVERY_MS = 10_000;
const REASONS_SHOWN = 6;

function startOf(startsAt) {
  const start = new Date(startsAt);
  const isToday = start.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const form = isToday ? { timeStyle: "short" } : { weekday: "short", hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, form).format(start);
}

/** Sets the text of an element only when it differs, so that nothing is read aloud or repainted for nothing. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The busiest showtimes. Dispatches "pick" {showtime} when its hall is to be shown. */
export class Showtimes extends EventTarget {
  #body;
  #rows = new Map();
  #sortedAt = -Infinity;
  #picked = "";

  constructor(table) {
    super();
    this.#body = table.tBodies[0];
  }

  /** `picked` is the id of the showtime whose hall is shown. */
  show(showtimes, picked) {
    this.#picked = picked;
    const ids = new Set(showtimes.map((one) => one.showtime_id));
    let changed = false;
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const one of showtimes) {
      if (!this.#rows.has(one.showtime_id)) {
        const row = this.#makeRow(one);
        this.#rows.set(one.showtime_id, row);
        this.#body.append(row.element);
        changed = true;
      }
      this.#fill(this.#rows.get(one.showtime_id), one);
    }
    // A list that jumps under the pointer, or under the keyboard, is hard to use.
    const isUsed = this.#body.matches(":hover, :focus-within");
    if (changed || (!isUsed && performance.now() - this.#sortedAt > SORT_EVERY_MS)) {
      this.#sortedAt = performance.now();
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      this.#body.append(...showtimes.map((one) => this.#rows.get(one.showtime_id).element));
      if (this.#body.contains(focused)) focused?.focus();
    }
    this.#body.parentElement.hidden = showtimes.length === 0;
  }

  #makeRow({ showtime_id: id }) {
    // The roles are said because a phone's table is laid out as blocks, which takes its own from it.
    const cell = (className, label) => element("td", { className, role: "cell", dataset: { label } });
    const row = {
      title: element("button", { className: "plain", type: "button" }),
      where: element("small", { className: "quiet" }),
      viewers: cell("number", "Visitors"),
      holds: cell("number", "Held"),
      refused: cell("number", "Refused"),
      sold: element("i", { className: "sold" }),
      held: element("i", { className: "held" }),
      share: element("span"),
    };
    row.bar = element("span", { className: "bar", ariaHidden: "true" }, row.sold, row.held);
    row.places = cell("taken", "Taken");
    row.places.append(row.share, row.bar);
    const picked = () => this.dispatchEvent(new CustomEvent("pick", { detail: { showtime: id } }));
    row.title.addEventListener("click", picked);
    const name = element("th", { scope: "row", role: "rowheader" }, row.title, row.where);
    row.element = element("tr", { role: "row" }, name, row.viewers, row.holds, row.refused, row.places);
    return row;
  }

  #fill(row, showtime) {
    const { places } = showtime;
    const all = Object.values(places).reduce((sum, some) => sum + some, 0);
    const share = (some) => `${all > 0 ? (100 * some) / all : 0}%`;
    const taken = places.claimed + places.sold;
    say(row.title, showtime.title);
    const behind = showtime.catching_up ? " · catching up" : "";
    say(row.where, `${showtime.auditorium_name}, ${showtime.theatre_name} · ${startOf(showtime.starts_at)}${behind}`);
    say(row.viewers, count(showtime.viewers));
    say(row.holds, count(showtime.holds));
    say(row.refused, count(showtime.refused));
    say(row.share, `${Math.round(all > 0 ? (100 * (taken + places.held)) / all : 0)} %`);
    row.places.title = placesOf(places);
    row.sold.style.width = share(taken);
    row.held.style.width = share(places.held);
    const isPicked = showtime.showtime_id === this.#picked;
    row.title.setAttribute("aria-pressed", String(isPicked));
    row.element.classList.toggle("picked", isPicked);
  }
}

/** Why seats were refused, as bars. */
export function showReasons(listing, house) {
  const reasons = reasonsOf(house);
  const most = Math.max(1, ...reasons.map(([, times]) => times));
  const rows = reasons.slice(0, REASONS_SHOWN).map(([reason, times]) => {
    const bar = element("i", { className: "bar" });
    bar.style.width = `${(100 * times) / most}%`;
    return element(
      "li",
      {},
      element("span", { textContent: reason }),
      element("b", { textContent: count(times) }),
      bar,
    );
  });
  const rest = reasons.slice(REASONS_SHOWN).reduce((sum, [, times]) => sum + times, 0);
  if (rest > 0) rows.push(element("li", { className: "quiet", textContent: `and ${count(rest)} for other reasons` }));
  if (rows.length === 0) rows.push(element("li", { className: "quiet", textContent: "None." }));
  listing.replaceChildren(...rows);
}

/** The networks that take more than their share, and what was refused in all; hidden while nothing is. */
export function showPushing(section, { pushing, turned_away: turnedAway }) {
  const limits = limitsOf(turnedAway);
  section.hidden = limits.length === 0;
  const [listing, note] = section.querySelectorAll("ul, p");
  const rows = Object.entries(pushing).map(([network, times]) =>
    element("li", {}, element("span", { textContent: network }), element("b", { textContent: count(times) })),
  );
  listing.replaceChildren(...rows);
  note.textContent = `Refused in the last minute: ${limits.join(", ")}.`;
}

/** Every server, and how it is doing. */
export function showServers(listing, house) {
  listing.replaceChildren(
    ...house.instances.map((one) => {
      const facts = one.silent
        ? [`no report for ${duration(one.heard_ms_ago)}`, "not counted"]
        : [
            plural(one.viewers, "visitor"),
            plural(one.rooms, "hall"),
            `database ${one.postgres_ms === null ? "does not answer" : duration(one.postgres_ms)}`,
            `Redis ${one.redis_ms === null ? "does not answer" : duration(one.redis_ms)}`,
            one.feed ? "feed connected" : "feed disconnected",
            `longest stall ${duration(one.loop.most_ms)}`,
          ];
      const isWell = !one.silent && !one.draining && one.feed && one.postgres_ms !== null && one.redis_ms !== null;
      const state = one.silent ? "silent" : one.draining ? "shutting down" : isWell ? "healthy" : "unhealthy";
      return element(
        "li",
        { dataset: { state } },
        element("b", { textContent: one.name }),
        element("span", { className: "state", textContent: state }),
        element("small", { className: "quiet", textContent: facts.join(" · ") }),
      );
    }),
  );
}
