/** The texts of the operators' live view: what is wrong, why seats were refused, how long things take. */

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
  held: "someone else held the seat",
  sold: "the seat was already sold",
  blocked: "the seat was blocked",
  allocated: "the seat is allocated to another sales channel",
  full: "the area was full",
  cooling: "they had held the seat as long as possible",
  limit: "it would have been too many seats",
  group: "the seat is sold only together with its neighbours",
  companion: "a companion seat without its wheelchair place",
  wheelchair: "a wheelchair place for someone without a wheelchair",
  gap: "a gap too small to sell would have been left",
};

const ERRORS = {
  no_seats_together: "there were not enough seats together",
  not_on_sale: "the showtime was not on sale",
  tickets_refused: "these ticket types cannot be combined",
  hold_gone: "their hold had ended",
  hold_conflict: "a request was repeated with other contents",
  hold_pinned: "their hold was being booked",
  booking_state: "the booking was already cancelled or confirmed",
  busy: "the server was overloaded",
  unavailable: "the database or Redis did not answer",
  outcome_unknown: "it was not known at once whether the booking succeeded",
  unauthorized: "their token was not valid, or had expired",
  revoked: "their token or key was revoked",
  session_ended: "they were no longer signed in",
  sign_in_refused: "a sign-in was wrong",
  openid_refused: "the OpenID provider’s word was not enough",
  provider_away: "the OpenID provider did not answer",
  account_disabled: "their account was disabled",
  forbidden: "their token lacks the scope for it",
  not_found: "there was no such showtime",
  bad_request: "the program sent an invalid request",
  too_large: "the request was too large",
  head_too_large: "the head of the request was too large",
  wrong_host: "the request was for another host",
  proof_required: "very many new guests came at once",
  too_many: "they took more than their share; see “Who is pushing”",
  unknown_seat: "there is no such seat",
  internal: "an error in the server; see its log",
};

/** [what happened, how often] of all refusals and errors, the most frequent first. */
export function reasonsOf({ refusals, errors }) {
  const named = [
    ...Object.entries(refusals).map(([reason, times]) => [REASONS[reason] ?? reason, times]),
    ...Object.entries(errors).map(([code, times]) => [ERRORS[code] ?? code.replaceAll("_", " "), times]),
  ];
  return named.sort(([, one], [, other]) => other - one);
}

const LIMITS = {
  commands: "too many commands",
  connections: "too many connections of one network",
  forbidden: "figures or documents, without the scope",
  full: "no room for another socket",
  guests: "too many new guests",
  handshakes: "too many handshakes",
  head_late: "silent connections",
  head_too_large: "oversized heads of requests",
  holds: "holding and releasing too often",
  passwords: "too many passwords",
  requests: "too many requests",
  seats: "too many seats for one network",
  sockets: "too many sockets",
  storm: "too many handshakes at once",
  too_many: "too many connections in all",
  unannounced: "connections that no proxy announced",
  unauthorized: "figures or documents, without a token",
  writes: "too many changes",
  wrong_host: "requests for another server",
};

/** {holds: 40} → ["holding and releasing too often 40 ×"], the most frequent first. */
export function limitsOf(turnedAway) {
  const sorted = Object.entries(turnedAway).sort(([, one], [, other]) => other - one);
  return sorted.map(([reason, times]) => `${LIMITS[reason] ?? reason.replaceAll("_", " ")} ${count(times)} ×`);
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
  if (!house.whole) bad("Redis does not answer: nobody can hold seats. These figures cover one server only.");
  else if (withoutRedis.length > 0) bad(`Redis does not answer ${names(withoutRedis)}: nobody can hold seats there.`);
  const withoutDatabase = those((one) => one.postgres_ms === null && !isNew(one));
  if (withoutDatabase.length > 0) {
    const where = withoutDatabase.length === heard.length ? "" : ` ${names(withoutDatabase)}`;
    bad(`The database does not answer${where}: nobody can book. Seats can still be held.`);
  }
  const deaf = those((one) => !one.feed && !isNew(one));
  if (deaf.length > 0) bad(`Feed disconnected at ${names(deaf)}: seat maps there may be out of date.`);
  const silent = house.instances.filter((one) => one.silent);
  if (silent.length > 0) {
    bad(`No report from ${names(silent)}: not counted here. Visitors reconnect to the other servers.`);
  }
  const busy = those((one) => one.loop.most_ms >= SLOW_LOOP_MS);
  if (busy.length > 0) warn(`Overloaded: ${names(busy)}. Everything there is delayed.`);
  const behind = house.instances.reduce((sum, one) => sum + (one.silent ? 0 : one.catching_up), 0);
  if (behind > 0) warn(`${plural(behind, "seat map")} missed changes and will catch up in a moment.`);
  if (house.propagation.most_ms >= SLOW_NEWS_MS) warn("Changes reach the visitors’ screens late.");
  if (house.expiry.most_ms >= SLOW_EXPIRY_MS) warn("Expired holds are released late.");
  const leaving = those((one) => one.draining);
  if (leaving.length > 0) warn(`Shutting down: ${names(leaving)}. Visitors move to the other servers.`);
  if (found.length === 0) found.push({ tone: "good", text: "Everything is working." });
  return found;
}

/** "23 seats free, 4 held, 120 sold": a room's places in words. */
export function placesOf({ free, held, claimed, sold, blocked, allocated }) {
  const kept = blocked + allocated;
  const parts = [`${count(free)} free`, `${count(held)} held`, `${count(claimed + sold)} sold`];
  if (kept > 0) parts.push(`${count(kept)} blocked or allocated`);
  return parts.join(", ");
}
