/** The operator's live view in words: what is wrong, why seats were refused, how long things take. */

import { Format } from "../../shared/format.js";

const SLOW_LOOP_MS = 200;
const SLOW_NEWS_MS = 500;
const SLOW_EXPIRY_MS = 2000;

const format = new Format(document.documentElement.lang);

/** 12000 → "12,000". */
export const count = (number) => format.number(number);
/** 1, "hall" → "1 hall"; this view is English only. */
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
const list = (words) => format.list(words);

const REASONS = {
  held: "somebody else held the seat",
  sold: "the seat was sold already",
  blocked: "the house keeps the seat back",
  allocated: "the seat is for another sales channel",
  full: "the area had no places left",
  cooling: "they had held the seat for long already",
  limit: "they would have held too many seats",
  group: "the seat is sold only together with its neighbour",
  companion: "a companion seat without its wheelchair place",
  wheelchair: "a wheelchair place for somebody without one",
  gap: "a single seat would have been left over",
};

const ERRORS = {
  no_seats_together: "there were no seats together",
  not_on_sale: "the sale was not open",
  tickets_refused: "these tickets do not go together",
  hold_gone: "their time had run out",
  hold_conflict: "a request came twice and differed",
  hold_pinned: "their booking was just being written",
  booking_state: "the booking was cancelled or confirmed already",
  busy: "the server had too much to do",
  unavailable: "the database or Redis did not answer",
  outcome_unknown: "whether it was booked could not be told at once",
  unauthorized: "their token was not good, or had run out",
  forbidden: "their token does not allow it",
  not_found: "there was no such showtime",
  bad_request: "the program asked in a wrong way",
  too_large: "the program asked for too much at once",
  unknown_seat: "there is no such seat",
  internal: "a mistake of the server; see its log",
};

/** [what happened, how often] of a house's refusals and errors, the most frequent first. */
export function reasonsOf({ refusals, errors }) {
  const named = [
    ...Object.entries(refusals).map(([reason, times]) => [REASONS[reason] ?? reason, times]),
    ...Object.entries(errors).map(([code, times]) => [ERRORS[code] ?? code.replaceAll("_", " "), times]),
  ];
  return named.sort(([, one], [, other]) => other - one);
}

/** 0.4 → "under 1 ms", 1500 → "1.5 s", null → "–". */
export function duration(ms) {
  if (ms === null) return "–";
  if (ms < 1) return "under 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${new Intl.NumberFormat("en", { maximumFractionDigits: 1 }).format(ms / 1000)} s`;
}

function names(instances) {
  return list(instances.map(({ name }) => name));
}

/** What an operator should know, the worst first: {tone: "bad" | "warn" | "good", text}. */
export function alertsOf(house) {
  const found = [];
  const bad = (text) => found.push({ tone: "bad", text });
  const warn = (text) => found.push({ tone: "warn", text });
  const heard = house.instances.filter((one) => !one.silent);
  const those = (test) => heard.filter(test);
  // A server that has just started has not asked yet.
  const isNew = ({ started_at_ms: startedAtMs }) => house.at_ms - startedAtMs < 5000;

  const withoutRedis = those((one) => one.redis_ms === null && !isNew(one));
  if (!house.whole) bad("Redis does not answer: nobody can hold seats. These figures are of one server only.");
  else if (withoutRedis.length > 0) bad(`Redis does not answer ${names(withoutRedis)}: nobody can hold seats there.`);
  const withoutDatabase = those((one) => one.postgres_ms === null && !isNew(one));
  if (withoutDatabase.length > 0) {
    const where = withoutDatabase.length === heard.length ? "" : ` ${names(withoutDatabase)}`;
    bad(`The database does not answer${where}: nobody can book. Seats can still be held.`);
  }
  const deaf = those((one) => !one.feed && !isNew(one));
  if (deaf.length > 0) bad(`${names(deaf)} hears nothing from the other servers: seat maps there may be out of date.`);
  const silent = house.instances.filter((one) => one.silent);
  if (silent.length > 0) {
    bad(`${names(silent)} has fallen silent and is not counted. Its visitors come back through the other servers.`);
  }
  const busy = those((one) => one.loop.most_ms >= SLOW_LOOP_MS);
  if (busy.length > 0) warn(`${names(busy)} has too much to do: everything there waits.`);
  const behind = house.instances.reduce((sum, one) => sum + (one.silent ? 0 : one.catching_up), 0);
  if (behind > 0) warn(`${plural(behind, "seat map")} missed changes and will catch up in a moment.`);
  if (house.propagation.most_ms >= SLOW_NEWS_MS) warn("Changes reach the visitors’ screens late.");
  if (house.expiry.most_ms >= SLOW_EXPIRY_MS) warn("Seats whose time is over come back late.");
  const leaving = those((one) => one.draining);
  if (leaving.length > 0) warn(`${names(leaving)} is closing down; its visitors move on.`);
  if (found.length === 0) found.push({ tone: "good", text: "All is well." });
  return found;
}

/** "23 seats free, 4 held, 120 sold": a room's places in words. */
export function placesOf({ free, held, claimed, sold, blocked, allocated }) {
  const kept = blocked + allocated;
  const parts = [`${count(free)} free`, `${count(held)} held`, `${count(claimed + sold)} sold`];
  if (kept > 0) parts.push(`${count(kept)} kept by the house`);
  return parts.join(", ");
}
