/** Draws a booking on its page: the facts, the part to show at the door, and the actions. */

import { api } from "../shared/own.js";
import {
  button,
  countdown,
  element,
  fetchJson,
  isAbroad,
  list,
  locale,
  money,
  patience,
  reasonOf,
  refusal,
  say,
  time,
} from "../shared/page.js";

const KEPT_MS = 60_000; // a file is read from its address by then

export function timeLeft(ms) {
  return ms > 0 ? say("left", { time: countdown(ms) }) : say("leftOver");
}

/**
 * The elements of a booking. `ticket`: {code, picture}, or {problem}; null where there is none. `hasLink`: the address
 * opens it anywhere. `isOwn`: whoever booked has opened it. `authorization()` is what opens it now, `left(until_ms)` says
 * how long that is, and `refresh()` reads it again.
 */
export function ticketOf({ booking, showtime, ticket, hasLink, isOwn, authorization, left, refresh }) {
  const { status, expires_at_ms } = booking;
  const until = { className: "deadline", dataset: { until: expires_at_ms }, textContent: left(expires_at_ms) };
  const article = element(
    "article",
    { className: "ticket", dataset: { status } },
    element(
      "div",
      { className: "lead" },
      when(showtime),
      element("p", { className: "seats", dir: "auto", textContent: list(labelsOf(booking.seats)) }),
    ),
    element(
      "div",
      { className: "facts" },
      element(
        "p",
        { className: "state" },
        element("strong", { textContent: say(status) }),
        status === "pending" && element("span", until),
        status !== "confirmed" && element("span", { className: "hint", textContent: say(`${status}Hint`) }),
      ),
      where(showtime),
      prices(booking, showtime),
    ),
    stub(ticket, booking),
  );
  const mayCancel = status === "pending" && isOwn;
  const isKept = hasLink && ["confirmed", "pending"].includes(status);
  const below = actions(booking, showtime, authorization, mayCancel && refresh);
  return [article, below, isKept && keepsake()].filter(Boolean);
}

// ---------------------------------------------------------------- the facts

/** Day and time, which people look for first; with the year, because they keep tickets. */
function when({ starts_at, timezone }) {
  const starts = Date.parse(starts_at);
  const date = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeZone: timezone }).format(starts);
  const clock = element("b", { textContent: time(starts, timezone) });
  return element(
    "p",
    { className: "when" },
    element("time", { dateTime: starts_at }, `${date}, `, clock),
    isAbroad(starts, timezone) && element("span", { className: "quiet", textContent: ` (${say("theatreTime")})` }),
  );
}

function where({ theatre_name, auditorium_name, theatre_address }) {
  const hall = element("strong", { textContent: `${theatre_name}, ${auditorium_name}`, dir: "auto" });
  const address = element("span", { className: "address", textContent: theatre_address, dir: "auto" });
  return element("p", { className: "where" }, hall, theatre_address && address);
}

/** Labels; places of a general area, which have no numbers, together: ["C-7", "Lawn × 3"]. */
export function labelsOf(places) {
  const groups = Map.groupBy(places, ({ label }) => label);
  return [...groups].map(([label, same]) => (same.length > 1 ? `${label} × ${same.length}` : label));
}

/** One line for each seat; places of a general area together. */
function prices(booking, { ticket_types }) {
  const kinds = new Map(ticket_types.map(({ key, name }) => [key, name]));
  const unpriced = booking.seats.map(({ label }) => ({ label }));
  const lines = Map.groupBy(booking.lines.length ? booking.lines : unpriced, ({ label, ticket, price_minor }) =>
    [label, ticket, price_minor].join(" "),
  );
  const rows = [...lines.values()].map((same) => {
    const [{ label, ticket, price_minor }] = same;
    const price = price_minor === undefined ? "" : money(price_minor * same.length, booking);
    return row(same.length > 1 ? `${label} × ${same.length}` : label, kinds.get(ticket) ?? ticket ?? "", price);
  });
  const fees = booking.fees_minor > 0 && row(say("fees"), "", money(booking.fees_minor, booking), "fees");
  return element(
    "table",
    {},
    element("caption", { textContent: say("seats", { count: booking.seats.length }) }),
    element("thead", {}, row(say("seat"), say("ticket"), say("price"), "", "col")),
    element("tbody", {}, ...rows),
    element("tfoot", {}, fees, row(say("total"), "", money(booking.total_minor, booking), "total")),
  );
}

function row(first, second, third, className = "", scope = "row") {
  const rest = [second, third].map((textContent) => element(scope === "col" ? "th" : "td", { textContent }));
  if (scope === "col") for (const head of rest) head.scope = "col";
  return element("tr", { className }, element("th", { scope, textContent: first }), ...rest);
}

// ---------------------------------------------------------------- the part that is torn off

/** The QR code, the short code, what to do at the door, and the code in letters for a scanner that fails. */
function stub(ticket, booking) {
  const { code, picture, problem } = ticket ?? {};
  if (!code) {
    const why = problem && element("p", { textContent: problem });
    return element("div", { className: "stub" }, number(booking), why);
  }
  const parts = code.match(/.{4}/g).map((part) => element("span", { textContent: part }));
  return element(
    "div",
    { className: "stub" },
    element("img", { src: picture, alt: say("qrCode"), width: 240, height: 240 }),
    number(booking),
    element("h2", { textContent: say("atTheDoor") }),
    element("p", { textContent: say("doorHint") }),
    element("p", { className: "code", ariaLabel: say("inLetters"), attributes: { role: "group" } }, ...parts),
  );
}

/** The short code, by which people name a booking. */
function number({ id, reference }) {
  const name = element("span", { className: "quiet", textContent: `${say("reference")} ` });
  return element("p", { className: "number", title: id }, name, element("b", { textContent: reference }));
}

// ---------------------------------------------------------------- what can be done

function actions({ id, status, reference }, showtime, authorization, refresh) {
  const told = element("span", { ariaLive: "polite" });
  const isConfirmed = status === "confirmed";
  return element(
    "p",
    { className: "actions" },
    isConfirmed && button(say("print"), () => window.print(), { className: "main" }),
    isConfirmed && button(say("calendar"), () => saveCalendar(id, reference, authorization(), told)),
    element("a", { href: `/showtimes/${encodeURIComponent(showtime.id)}`, textContent: say("hall") }),
    refresh && cancelling(id, authorization, refresh),
    told,
  );
}

async function saveCalendar(id, reference, authorization, told) {
  told.textContent = "";
  try {
    /** @type {RequestInit} */
    const options = { headers: { Authorization: authorization }, cache: "no-store", signal: patience() };
    const response = await fetch(api(`bookings/${encodeURIComponent(id)}/calendar.ics`), options);
    if (!response.ok) throw await refusal(response);
    const href = URL.createObjectURL(await response.blob());
    element("a", { href, download: `booking-${reference.replace(" ", "-")}.ics` }).click();
    setTimeout(() => URL.revokeObjectURL(href), KEPT_MS);
  } catch (error) {
    told.textContent = say("noCalendar", { reason: reasonOf(error) });
  }
}

/** "Cancel", and whether that is really meant. It is asked with what opened the booking. */
function cancelling(id, authorization, refresh) {
  const told = element("span", { role: "alert" });
  const box = element("span", { className: "cancel" });
  const ask = () => box.replaceChildren(button(say("cancel"), sure), told);
  const sure = () => {
    told.textContent = "";
    const keep = button(say("cancelNo"), ask);
    box.replaceChildren(
      element("span", { textContent: say("cancelSure") }),
      button(say("cancelYes"), give),
      keep,
      told,
    );
    keep.focus();
  };
  const cancel = () => {
    const headers = { Authorization: authorization() };
    return fetchJson(api(`bookings/${encodeURIComponent(id)}/cancel`), { method: "POST", cache: "no-store", headers });
  };
  const give = async () => {
    for (const one of box.querySelectorAll("button")) one.disabled = true;
    try {
      await cancel().catch(async (error) => {
        if (error.status !== 401) throw error;
        await refresh(); // the token is over: reading the booking again renews it
        return cancel();
      });
      await refresh();
    } catch (error) {
      ask();
      told.textContent = say("notCancelled", { reason: reasonOf(error) });
    }
  };
  ask();
  return box;
}

/** What the address is worth, and a button that copies it; or a field to copy it from. */
function keepsake() {
  const told = element("span", { ariaLive: "polite" });
  const field = element("input", { readOnly: true, onfocus: () => field.select() });
  const byHand = element("label", {}, say("link"), field);
  const copy = async () => {
    told.textContent = "";
    try {
      await navigator.clipboard.writeText(location.href);
      told.textContent = say("copied");
      byHand.remove();
    } catch {
      // Without HTTPS, in a frame that may not, or by the visitor's own choice. A frame's address is in no address bar.
      told.textContent = say("copyYourself");
      field.value = location.href;
      keep.append(byHand);
      field.focus();
    }
  };
  const keep = element(
    "div",
    { className: "keep" },
    element("p", { className: "quiet", textContent: say("linkText") }),
    element("p", { className: "actions" }, button(say("copy"), copy), told),
  );
  return keep;
}
