/**
 * The booking page: what was booked, how it stands, and the ticket to show at the door or to print.
 *
 * The key in its address opens it in any browser; where there is none, the page knows the visitor by what the window
 * remembers: the guest who booked in it, or a token that was entered here. Whoever booked is given the key, so that the
 * address, kept or sent to a phone, is the ticket. While a payment is awaited, the page asks again every few seconds, and
 * less often afterwards.
 */

import {
  countdown,
  day,
  element,
  fetchJson,
  money,
  nameInAddress,
  patience,
  reasonOf,
  recall,
  remember,
  time,
} from "./page.js";

const GUEST = "seatserver.guest";
const TOKEN = "seatserver.token";
const PENDING_MS = 3_000;
const SETTLED_MS = 60_000;
const ID = nameInAddress();

const STATUS = {
  confirmed: { tone: "good", text: "Confirmed", hint: "Show this ticket at the door, on paper or on your screen." },
  pending: { tone: "warn", text: "Waiting for your payment", hint: "The ticket appears here as soon as it is paid." },
  cancelled: { tone: "bad", text: "Cancelled", hint: "The seats are free again. A ticket printed before lets nobody in." },
  expired: { tone: "bad", text: "Not paid in time", hint: "The seats are free again." },
};

const $ = (id) => document.getElementById(id);
let clockOffset = 0; // the server's clock minus ours, in ms
let shown = null; // what the page shows, as text, so that it is drawn again only when that changes

/**
 * The key in the address; whatever a mail or a chat has put behind it is not part of it. Empty where there is one that
 * is not whole.
 */
function keyInAddress() {
  if (!location.hash.startsWith("#key=")) return undefined;
  return location.hash.match(/^#key=([a-z2-7]{32})(?![a-z2-7])/)?.[1] ?? "";
}

/**
 * What may open the booking: a token that was entered here, the key, and the token of this window's guest. Without
 * `authorization` where it cannot be, so that nobody needs to be asked.
 */
function visitors() {
  const [key, token, guest] = [keyInAddress(), recall(TOKEN), recall(GUEST)?.token];
  return [
    token && { authorization: `Bearer ${token}`, stranger: "You have no booking with this number." },
    key !== undefined && {
      authorization: key && `Booking ${key}`,
      stranger: "This address opens no booking: it may not be whole.",
    },
    guest && { authorization: `Bearer ${guest}`, stranger: "You have no booking with this number." },
  ].filter(Boolean);
}

/**
 * The booking as the first visitor sees it who may. Whoever booked is told its `ticket_url`; `hasLink` says that there
 * is a link which opens it anywhere: that one, or the address that the page was opened by.
 */
async function readAsVisitor() {
  let refused = null;
  for (const { authorization, stranger } of visitors()) {
    try {
      if (!authorization) throw Object.assign(new Error(stranger), { status: 404 });
      const found = await read(authorization);
      return { ...found, hasLink: Boolean(found.ticket_url) || authorization.startsWith("Booking ") };
    } catch (error) {
      if (![401, 404].includes(error.status)) throw error;
      error.message = error.status === 404 ? stranger : `Who you are could not be told: ${error.message}.`;
      refused ??= error; // what was entered comes first, so its mistake is told
    }
  }
  throw refused ?? Object.assign(new Error("This window does not know you."), { status: 404 });
}

function api(path) {
  return new URL(`api/v1/${path}`, location.origin);
}

/** The booking with its showtime and the ticket's code and picture, where it has one; and its address, for its owner. */
async function read(authorization) {
  const options = { headers: { Authorization: authorization }, cache: "no-store", signal: patience() };
  const address = api(`bookings/${encodeURIComponent(ID)}`);
  const response = await fetch(address, options);
  clockOffset = Date.parse(response.headers.get("date") ?? new Date()) - Date.now();
  if (!response.ok) throw Object.assign(new Error(await sentence(response)), { status: response.status });
  const { ticket_url, user_id: _, ...booking } = await response.json();
  const [showtime, { theatres }] = await Promise.all([
    fetchJson(api(`showtimes/${encodeURIComponent(booking.showtime_id)}`)),
    fetchJson(api("theatres")),
  ]);
  const { timezone } = theatres.find(({ id }) => id === showtime.theatre_id);
  const ticket = booking.status === "confirmed" ? await readTicket(`${address}/admission`, options) : null;
  return { ticket_url, booking, showtime: { ...showtime, timezone }, ticket };
}

async function sentence(response) {
  const { detail } = await response.json().catch(() => ({}));
  return detail ?? `the server answered ${response.status}`;
}

/** The code and its picture as a data address; a house that signs no tickets says so. */
async function readTicket(address, options) {
  try {
    const { code } = await fetchJson(address, options);
    const drawn = await fetch(`${address}.svg`, options);
    if (!drawn.ok) throw new Error(await sentence(drawn));
    return { code, picture: `data:image/svg+xml,${encodeURIComponent(await drawn.text())}` };
  } catch (error) {
    if (error.code === "conflict") return { problem: error.message };
    throw error;
  }
}

// ---------------------------------------------------------------- drawing

function draw({ booking, showtime, ticket, hasLink }) {
  const { text, hint } = STATUS[booking.status];
  document.title = `${showtime.title} · your booking`;
  $("title").textContent = showtime.title;
  $("status").replaceChildren();
  $("booking").replaceChildren(
    element(
      "article",
      { className: "ticket", dataset: { status: booking.status } },
      element(
        "div",
        { className: "facts" },
        element(
          "p",
          { className: "state" },
          element("strong", { textContent: text }),
          booking.status === "pending" && deadline(booking),
          element("span", { className: "hint", textContent: hint }),
        ),
        where(showtime),
        seats(booking, showtime),
      ),
      ticket && stub(ticket, booking),
    ),
    element(
      "p",
      { className: "actions" },
      booking.status === "confirmed" &&
        element("button", { className: "main", textContent: "Print the ticket", onclick: () => window.print() }),
      element("a", { href: `/showtimes/${encodeURIComponent(showtime.id)}`, textContent: "See the hall" }),
      element("a", { href: "/", textContent: "All showtimes" }),
    ),
    hasLink && ["confirmed", "pending"].includes(booking.status) && keepsake(),
  );
}

function where({ theatre_name, auditorium_name, starts_at, timezone }) {
  const starts = Date.parse(starts_at);
  const abroad = time(starts) !== time(starts, timezone) || day(starts) !== day(starts, timezone);
  const clock = `${time(starts, timezone)}${abroad ? " (the theatre’s time)" : ""}`;
  return element(
    "dl",
    {},
    fact("When", element("time", { dateTime: starts_at, textContent: `${date(starts, timezone)}, ${clock}` })),
    fact("Where", `${theatre_name}, ${auditorium_name}`),
  );
}

/** With its year: people keep tickets. */
function date(ms, timeZone) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeZone }).format(ms);
}

function fact(name, value) {
  return element("div", {}, element("dt", { textContent: name }), element("dd", {}, value));
}

/** One line for each seat; places of a general area, which have no numbers, together. */
function seats(booking, { ticket_types, currency }) {
  const names = new Map(ticket_types.map(({ key, name }) => [key, name]));
  const unpriced = booking.seats.map(({ label }) => ({ label }));
  const lines = Map.groupBy(booking.lines.length ? booking.lines : unpriced, ({ label, ticket, price_minor }) =>
    [label, ticket, price_minor].join(" "),
  );
  const rows = [...lines.values()].map((same) => {
    const [{ label, ticket, price_minor }] = same;
    const price = price_minor === undefined ? "" : money(price_minor * same.length, currency);
    return row(same.length > 1 ? `${label} × ${same.length}` : label, names.get(ticket) ?? ticket ?? "", price);
  });
  const fees = booking.fees_minor > 0 && row("Fees", "", money(booking.fees_minor, booking.currency), "fees");
  return element(
    "table",
    {},
    element("caption", { textContent: "Seats" }),
    element("thead", {}, row("Seat", "Ticket", "Price", "", "col")),
    element("tbody", {}, ...rows),
    element("tfoot", {}, fees, row("Total", "", money(booking.total_minor, booking.currency), "total")),
  );
}

function row(first, second, third, className = "", scope = "row") {
  const rest = [second, third].map((textContent) => element(scope === "col" ? "th" : "td", { textContent }));
  if (scope === "col") for (const head of rest) head.scope = "col";
  return element("tr", { className }, element("th", { scope, textContent: first }), ...rest);
}

function deadline({ expires_at_ms }) {
  return element("span", { className: "deadline", dataset: { until: expires_at_ms }, textContent: left(expires_at_ms) });
}

function left(until_ms) {
  const ms = until_ms - Date.now() - clockOffset;
  return ms > 0 ? `${countdown(ms)} left` : "the time is over";
}

/** The part that is torn off: the QR code, the same in letters for a scanner that fails, and the booking's number. */
function stub({ code, picture, problem }, { id }) {
  if (problem) {
    return element("div", { className: "stub" }, element("p", { textContent: `Without a code: ${problem}.` }));
  }
  return element(
    "div",
    { className: "stub" },
    element("img", { src: picture, alt: "The ticket’s QR code", width: 222, height: 222 }),
    element("p", { className: "code" }, ...code.match(/.{4}/g).map((part) => element("span", { textContent: part }))),
    element("p", { className: "number", textContent: `Booking ${id}` }),
  );
}

/** What the address is worth, and a button that copies it; or a field to copy it from. */
function keepsake() {
  const told = element("span", { ariaLive: "polite" });
  const field = element("input", { readOnly: true, onfocus: () => field.select() });
  const byHand = element("label", {}, "The link to your ticket", field);
  const copy = async () => {
    told.textContent = "";
    try {
      await navigator.clipboard.writeText(location.href);
      told.textContent = "Copied.";
      byHand.remove();
    } catch {
      // Without HTTPS, in a frame that may not, or by the visitor's own choice. A frame's address is in no address bar.
      told.textContent = "Your browser does not let this page copy: copy the link yourself.";
      field.value = location.href;
      keep.append(byHand);
      field.focus();
    }
  };
  const text =
    "The link to this page opens your ticket in any browser: keep it, or send it to your phone. " +
    "Whoever has the link has the ticket, so share it with nobody else.";
  const keep = element(
    "div",
    { className: "keep" },
    element("p", { className: "quiet", textContent: text }),
    element("p", { className: "actions" }, element("button", { textContent: "Copy link", onclick: copy }), told),
  );
  return keep;
}

// ---------------------------------------------------------------- strangers

/** Nobody's booking, or not this visitor's. */
function refuse(text) {
  shown = null;
  document.title = "Your booking";
  $("title").textContent = "Your booking";
  $("status").replaceChildren(element("span", { className: "notice bad", textContent: text }));
  if ($("booking").querySelector(".sign-in")) return; // somebody may be at it
  const field = element("input", { type: "password", name: "token", autocomplete: "off", required: true });
  const form = element(
    "form",
    { className: "sign-in" },
    element("label", {}, "Your token", field),
    element("button", { textContent: "Show the booking" }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    remember(TOKEN, field.value.trim());
    refresh();
  });
  $("booking").replaceChildren(
    element("p", {}, "A guest’s booking opens by its whole link, or where it was made. Or show who you are:"),
    form,
    element("p", {}, element("a", { href: "/", textContent: "All showtimes" })),
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
    const { ticket_url, ...found } = await readAsVisitor();
    if (run !== runs) return;
    if (ticket_url) history.replaceState(null, "", ticket_url); // whoever booked has it there from now on
    if (found.booking.status === "pending") next = PENDING_MS;
    const text = JSON.stringify(found);
    if (text !== shown) draw(found);
    shown = text;
    $("status").replaceChildren();
  } catch (error) {
    if (run !== runs) return;
    if (error.status === 401 || error.status === 404) {
      remember(TOKEN, null);
      return refuse(error.message);
    }
    const stale = shown ? "What you see may be old" : "The booking cannot be shown";
    $("status").replaceChildren(element("span", { className: "notice bad", textContent: `${stale}: ${reasonOf(error)}.` }));
    next = PENDING_MS;
  }
  timer = setTimeout(() => !document.hidden && refresh(), next);
}

document.addEventListener("visibilitychange", () => document.hidden || refresh());
window.addEventListener("hashchange", refresh); // another link, put into the same address bar
setInterval(() => {
  for (const node of document.querySelectorAll(".deadline")) node.textContent = left(Number(node.dataset.until));
}, 1000);
await refresh();
