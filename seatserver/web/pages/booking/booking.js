/**
 * The booking page: what was booked, its status, and the ticket to show at the door or to print.
 *
 * The key in the address opens the page in any browser. Without a key, the page identifies the visitor by this
 * browser's guest, or by a token entered in this window. The owner is given the key, so the address works as the ticket
 * when it is kept or sent to a phone. While a payment is pending, the page asks again every few seconds, and less often
 * afterwards. ticket.js draws what it shows.
 */

import { guestOf, knownGuest, onGuestChange, renewGuest } from "../../shared/guest.js";
import { api, TOKEN } from "../shared/own.js";
import {
  button,
  byId,
  element,
  every,
  first,
  fetchJson,
  HERE,
  nameInAddress,
  patience,
  reasonOf,
  recall,
  refusal,
  remember,
  say,
} from "../shared/page.js";
import { fetchZoned, isSilence } from "../../shared/rest.js";
import { ticketOf, timeLeft } from "./ticket.js";

const PENDING_MS = 3_000;
const SETTLED_MS = 60_000;
const RENEWAL_MS = 3_000; // a visitor who stands at the door with the key waits no longer for the guest
const ID = nameInAddress();
const renewedOrAnother = guestOf(HERE, say);

let clockOffset = 0; // the server's clock minus ours, in ms
let strange = null; // id of the guest who turned out not to own this booking: while there is a key, it is not tried again
/** What opened the booking last; a token is renewed while the page is open. */
let opener = "";
/** What the page shows, as text, so that it is drawn again only when that changes. @type {string | null} */
let shown = null;

/**
 * The key in the address; whatever a mail or a chat has put behind it is not part of it. Empty if it is incomplete.
 */
function keyInAddress() {
  if (!location.hash.startsWith("#key=")) return undefined;
  return location.hash.match(/^#key=([a-z2-7]{32})(?![a-z2-7])/)?.[1] ?? "";
}

/**
 * Who may open the booking, in the order in which they are tried: a token entered here, this browser's guest, the key.
 * The guest comes before the key because whoever booked may do more than the key allows, and may also arrive by a link
 * with the key. If the key opens nothing, the guest is tried once more, and a guest that is over is then replaced by a
 * new one. The visitor reads `stranger` if it is not their booking, and `unknown` if the server does not know them. An
 * entry without `authorization` cannot succeed, so the server is not asked.
 */
function visitors() {
  const [key, entered, { token, user_id } = {}] = [keyInAddress(), recall(TOKEN), knownGuest(HERE) ?? undefined];
  const isTried = key !== undefined && token && user_id !== strange;
  const [stranger, badLink] = [say("notYours"), say("badLink")];
  const asGuest = { authorization: `Bearer ${token}`, stranger, unknown: say("unknownVisitor") };
  return [
    entered && { authorization: `Bearer ${entered}`, stranger, unknown: say("badToken") },
    isTried && { ...asGuest, renew: () => renewedInTime({ token, user_id }), trial: user_id },
    key !== undefined && { authorization: key && `Booking ${key}`, stranger: badLink, unknown: badLink },
    token && { ...asGuest, renew: () => renewedOrAnother(token) },
  ].filter(Boolean);
}

/**
 * The booking as the first visitor sees it who may. Whoever booked is told its `ticket_url`; `hasLink` says that there
 * is a link which opens it anywhere: that one, or the address that the page was opened by.
 */
async function readAsVisitor() {
  let refused = null;
  for (const { authorization, stranger, unknown, renew, trial } of visitors()) {
    try {
      if (!authorization) throw Object.assign(new Error(stranger), { status: 404 });
      const found = await readAs(authorization, renew);
      return { ...found, hasLink: Boolean(found.ticket_url) || authorization.startsWith("Booking ") };
    } catch (error) {
      const isStranger = [401, 404].includes(error.status);
      if (trial && isStranger) strange = trial;
      if (trial && !isSilence(error)) continue; // the key may still open it
      if (!isStranger) throw error;
      error.message = error.status === 404 ? stranger : unknown;
      refused ??= error; // the entered token comes first, so its error is shown
    }
  }
  throw refused ?? Object.assign(new Error(say("unknownVisitor")), { status: 404 });
}

/**
 * A fresh token of this guest, for whom the key is at hand, too. Where none comes soon, the error is not the silence of
 * the server that would keep the key from being tried.
 */
async function renewedInTime(guest) {
  try {
    return await renewGuest(HERE, guest, { signal: AbortSignal.timeout(RENEWAL_MS) });
  } catch (cause) {
    throw new Error("this guest cannot be renewed now", { cause });
  }
}

/** As a guest whose token is over: with the fresh one that `renew` promises, if there is one. */
async function readAs(authorization, renew) {
  try {
    return await read(authorization);
  } catch (error) {
    const token = error.status === 401 && (await renew?.());
    if (!token) throw error;
    return read(`Bearer ${token}`);
  }
}

/**
 * The booking with its showtime and the ticket's code and picture, where it has one; its address, for its owner; and
 * the `authorization` that opened it.
 */
async function read(authorization) {
  /** @type {RequestInit} */
  const options = { headers: { Authorization: authorization }, cache: "no-store", signal: patience() };
  const address = api(`bookings/${encodeURIComponent(ID)}`);
  const response = await fetch(address, options);
  clockOffset = Date.parse(response.headers.get("date") ?? new Date().toUTCString()) - Date.now();
  if (!response.ok) throw await refusal(response);
  const { ticket_url, user_id: _, ...booking } = await response.json();
  const showtime = await fetchZoned(HERE, booking.showtime_id);
  const ticket = booking.status === "confirmed" ? await readTicket(`${address}/admission`, options) : null;
  return { ticket_url, authorization, booking, showtime, ticket };
}

/** The code and its picture as a data address; a house that signs no tickets says so. */
async function readTicket(address, options) {
  try {
    const { code } = await fetchJson(address, options);
    const drawn = await fetch(`${address}.svg`, options);
    if (!drawn.ok) throw await refusal(drawn);
    return { code, picture: `data:image/svg+xml,${encodeURIComponent(await drawn.text())}` };
  } catch (error) {
    if (error.code === "conflict") return { problem: say("withoutCode") };
    throw error;
  }
}

// ---------------------------------------------------------------- strangers

/** There is no such booking, or it is not this visitor's. */
function refuse(text) {
  shown = null;
  document.title = byId("title").textContent = say("yourBooking");
  byId("status").replaceChildren(element("span", { className: "notice bad", textContent: text }));
  byId("booking").removeAttribute("aria-busy");
  if (first(".sign-in", byId("booking"))) return; // the visitor may be typing in it
  const field = element("input", { type: "password", name: "token", autocomplete: "off", required: true });
  const form = element(
    "form",
    { className: "sign-in" },
    element("label", {}, say("token"), field),
    element("button", { textContent: say("show") }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    remember(TOKEN, field.value.trim());
    refresh();
  });
  byId("booking").replaceChildren(
    element("p", { textContent: say("notFoundHint") }),
    element("p", {}, element("a", { className: "button main", href: "/", textContent: say("programme") })),
    element("details", { className: "staff" }, element("summary", { textContent: say("staff") }), form),
  );
}

// ---------------------------------------------------------------- keeping it fresh

let timer = 0;
let runs = 0;

/** Asks and draws. The answer to an earlier question, which a later one has overtaken, counts no more. */
async function refresh() {
  clearTimeout(timer);
  const run = ++runs;
  let next = SETTLED_MS;
  try {
    const { ticket_url, authorization, ...found } = await readAsVisitor();
    if (run !== runs) return;
    if (ticket_url) history.replaceState(null, "", ticket_url); // the owner's address is the ticket from now on
    if (found.booking.status === "pending") next = PENDING_MS;
    opener = authorization;
    const now = { ...found, isOwn: authorization.startsWith("Bearer ") };
    const text = JSON.stringify(now);
    if (text !== shown) show(now);
    shown = text;
    byId("status").replaceChildren();
  } catch (error) {
    if (run !== runs) return;
    if (error.status === 401 || error.status === 404) {
      remember(TOKEN, null);
      return refuse(error.message);
    }
    tellFailure(error);
    next = PENDING_MS;
  }
  timer = setTimeout(() => !document.hidden && refresh(), next);
}

function show(found) {
  const { title } = found.showtime;
  document.title = say("bookingOf", { title });
  byId("title").textContent = title;
  byId("booking").removeAttribute("aria-busy");
  const left = (until) => timeLeft(until - Date.now() - clockOffset);
  byId("booking").replaceChildren(...ticketOf({ ...found, authorization: () => opener, left, refresh }));
}

function tellFailure(error) {
  const text = say(shown ? "old" : "notShown", { reason: reasonOf(error) });
  const told = first(".notice span", byId("status"));
  if (told?.textContent !== text) {
    const again = button(say("again"), refresh);
    const notice = element("p", { className: "notice bad plain" }, element("span", { textContent: text }), again);
    byId("status").replaceChildren(notice);
  }
  if (!shown) byId("booking").replaceChildren();
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
window.addEventListener("hashchange", refresh); // another link, put into the same address bar
onGuestChange(HERE, () => shown ?? refresh()); // who this browser is may be known by now
setInterval(() => {
  for (const node of every(".deadline")) {
    node.textContent = timeLeft(Number(node.dataset.until) - Date.now() - clockOffset);
  }
}, 1000);
await refresh();
