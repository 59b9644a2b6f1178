/**
 * The screens of a sale, one question each. A screen is what is shown and what can be done next; `kiosk.js` shows it.
 */

import "../../seat-map.js";
import { button, element } from "../shared/page.js";
import { poster } from "../shared/poster.js";

/** @import { SeatMapElement } from "../../seat-map.js" */
/** @import { Kiosk } from "./kiosk.js" */
/** @import { Payment } from "./pay.js" */
/** @import { Visit } from "./visit.js" */

/**
 * @typedef {object} Screen
 * @property {string} name for staff, and for the style
 * @property {string} title
 * @property {(Node | boolean)[]} content
 * @property {() => unknown} [back] what undoes the last step
 * @property {[text: string, act: () => unknown]} [next] the main button
 * @property {[text: string, act: () => unknown]} [other] a second one
 * @property {string} [stays] what is live on it, so that it is not drawn again while that stays
 * @property {boolean} [rests] whether it waits for something itself, so that nobody is asked whether they are there
 */

/** @typedef {{ booking: any, showtime: any, qr: string | null }} Ticket */

const SHOWN = { portrait: 8, landscape: 6 };
const PEOPLE = 2;
const PEOPLE_MOST = 10;

/** @param {Kiosk} kiosk */
export function attract(kiosk) {
  const { words, programme } = kiosk;
  const title = words.text("whatsOn");
  if (programme === null)
    return { name: "attract", title, content: [paragraph(words.text("connecting"))], rests: true };
  if (programme.length === 0) {
    const content = [paragraph(words.text("nothingOn"))];
    return { name: "attract", title, content, other: haveTicket(kiosk), rests: true };
  }
  const most = innerHeight > innerWidth ? SHOWN.portrait : SHOWN.landscape;
  const list = element("ul", { className: "showings" });
  for (const showing of programme.slice(0, most)) {
    const { title: film, poster_hash } = showing;
    const one = kiosk.sells ? button("", () => kiosk.begin(showing)) : element("div");
    one.className = "showing";
    one.append(
      poster(film, poster_hash),
      element("strong", { textContent: film, dir: "auto" }),
      " ",
      element("span", { className: "when", textContent: whenAndWhere(kiosk, showing) }),
    );
    list.append(element("li", {}, one));
  }
  const content = [kiosk.sells && paragraph(words.text("touchFilm")), list];
  return { name: "attract", title, content, other: haveTicket(kiosk), rests: true };
}

/**
 * The way to have a ticket printed that was bought elsewhere.
 * @param {Kiosk} kiosk
 * @returns {[string, () => unknown] | undefined}
 */
function haveTicket(kiosk) {
  return kiosk.tickets.isOffered ? [kiosk.words.text("haveTicket"), () => kiosk.expectTicket()] : undefined;
}

/** @param {Kiosk} kiosk */
export function locked({ words }) {
  return {
    name: "locked",
    title: words.text("lockedTitle"),
    content: [paragraph(words.text("lockedText"))],
    rests: true,
  };
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
export function tickets(kiosk, visit) {
  const { words } = kiosk;
  const types = visit.showing.ticket_types;
  if (visit.count === 0) visit.tickets.set(types[0].key, PEOPLE);
  const rows = types.map((type) => stepper(kiosk, visit, type));
  return {
    name: "tickets",
    title: words.text("howMany"),
    content: [film(kiosk, visit), element("div", { className: "steppers" }, ...rows)],
    back: () => kiosk.leave(),
    next: /** @type {[string, () => unknown]} */ ([words.text("onwards"), () => kiosk.chooseSeats()]),
  };
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 * @param {{ key: string, name: string, prices: Record<string, number> }} type
 */
function stepper(kiosk, visit, { key, name, prices }) {
  const { words } = kiosk;
  const label = visit.showing.ticket_types.length > 1 ? name : words.text("people");
  const least = Math.min(...Object.values(prices));
  const from = words.text("from", { money: words.format.money(least, visit.showing) });
  const count = element("output", { textContent: String(visit.tickets.get(key) ?? 0) });
  /** @param {number} step */
  const change = (step) => {
    const now = visit.tickets.get(key) ?? 0;
    const next = now + step;
    if (next < 0 || visit.count + step > PEOPLE_MOST || visit.count + step < 1) return;
    visit.tickets.set(key, next);
    count.textContent = String(next);
    kiosk.speech.say(words.text("countOf", { count: next, name: label }));
  };
  const less = button("−", () => change(-1), { ariaLabel: words.text("oneLess", { name: label }) });
  const more = button("+", () => change(1), { ariaLabel: words.text("oneMore", { name: label }) });
  const text = element("div", {}, element("strong", { textContent: label }), element("small", { textContent: from }));
  return element("div", { className: "stepper" }, text, less, count, more);
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
export function seats(kiosk, visit) {
  const { words } = kiosk;
  const choices = element(
    "div",
    { className: "choices" },
    button(words.text("bestForUs"), () => kiosk.takeBest(), { className: "main" }),
    kiosk.listens && !kiosk.usesKeypad && button(words.text("sayIt"), () => kiosk.openTalk()),
    !kiosk.usesKeypad && button(words.text("onTheMap"), () => kiosk.openMap()),
  );
  return {
    name: "seats",
    title: words.text("whereToSit"),
    content: [paragraph(filmLine(kiosk, visit)), choices],
    back: () => kiosk.show("tickets"),
  };
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
export function map(kiosk, visit) {
  const { words } = kiosk;
  const node = /** @type {SeatMapElement} */ (document.createElement("seat-map"));
  node.theme = kiosk.preferences.contrast ? "contrast" : "auto";
  node.checkout = "page";
  node.token = async () => visit.token;
  const [take, deaf] = [words.text("takeThese"), words.text("cannotListen")];
  node.strings = { checkout: take, checkoutShort: take, voiceDenied: deaf, voiceDeaf: deaf, voiceFailed: deaf };
  node.addEventListener("seat-map-checkout", () => kiosk.show("review"));
  if (kiosk.listens) node.voice = "on";
  if (kiosk.listens && kiosk.wantsToTalk) listenWhenLive(node);
  node.showtime = visit.showing.id;
  return {
    name: "map",
    stays: "map",
    title: words.text("chooseSeats"),
    content: [node],
    back: () => kiosk.show("seats"),
  };
}

/** @param {SeatMapElement} node */
function listenWhenLive(node) {
  const look = () => {
    if (node.status !== "live") return;
    node.removeEventListener("seat-map-status", look);
    node.listen();
  };
  node.addEventListener("seat-map-status", look);
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
export function review(kiosk, visit) {
  const { words } = kiosk;
  const basket = visit.basket;
  if (!basket) return { ...seats(kiosk, visit), title: words.text("seatsLost") };
  const total = words.format.money(basket.totalMinor, { ...visit.showing });
  const { has, isReady, isNeeded } = kiosk.print;
  const isClosed = isNeeded && !isReady;
  return {
    name: "review",
    title: words.text("yourSeats"),
    content: [
      paragraph(filmLine(kiosk, visit)),
      element("p", { className: "big", textContent: places(basket) }),
      element("p", { className: "big total", textContent: total }),
      isClosed && element("p", { className: "notice", textContent: words.text("noPaperNoSale") }),
      has && !isReady && !isNeeded && element("p", { className: "notice", textContent: words.text("noPaper") }),
      element(
        "div",
        { className: "choices" },
        button(words.text("otherSeats"), () => kiosk.takeOthers()),
        !kiosk.usesKeypad && button(words.text("onTheMap"), () => kiosk.openMap()),
        button(words.text("toPhone"), () => kiosk.toPhone()),
      ),
    ],
    back: () => kiosk.giveBack(),
    next: /** @type {[string, () => unknown] | undefined} */ (
      isClosed ? undefined : [words.text("pay", { money: total }), () => kiosk.pay()]
    ),
  };
}

/**
 * While the reader works. `payment` is null until it is known.
 * @param {Kiosk} kiosk
 * @param {Payment | null} payment
 */
export function pay(kiosk, payment) {
  const { words } = kiosk;
  const stage = payment === null || payment.status !== "open" ? "unknown" : (payment.stage ?? "unknown");
  const texts = { waiting: "holdCard", declined: "declined", unknown: "checking" };
  const known = /** @type {keyof typeof texts} */ (stage in texts ? stage : "unknown");
  const money = payment?.booking && words.format.money(payment.booking.total_minor, payment.booking);
  const simulated = known === "waiting" && kiosk.isSimulated;
  /** @type {(name: string, act: string) => HTMLElement} */
  const card = (name, act) => button(words.text(name), () => kiosk.payments.do("card", { act }));
  return {
    name: "pay",
    title: words.text(texts[known]),
    content: [
      money ? element("p", { className: "big total", textContent: money }) : false,
      known === "unknown" && paragraph(words.text("stayHere")),
      simulated &&
        element(
          "div",
          { className: "choices simulated" },
          paragraph(words.text("simulated")),
          card("simTap", "tap"),
          card("simDecline", "decline"),
          card("simLose", "lose"),
        ),
    ],
    // Also while the reader is away: the server knows whether a card has paid before.
    back: payment?.status === "open" && payment.stage !== "approved" ? () => kiosk.payments.do("cancel") : undefined,
    next: /** @type {[string, () => unknown] | undefined} */ (
      known === "declined" ? [words.text("otherCard"), () => kiosk.payments.do("retry")] : undefined
    ),
    rests: true,
  };
}

/**
 * @param {Kiosk} kiosk
 * @param {Ticket} ticket of a payment
 */
export function ticket(kiosk, { booking, showtime, qr }) {
  const { words } = kiosk;
  const time = words.format.time(Date.parse(showtime.starts_at), kiosk.timezone);
  const named = booking.seats.map((/** @type {{ label: string }} */ { label }) => label).join(", ");
  const picture = element("img", {
    className: "qr",
    alt: words.text("ticketQr"),
    src: `data:image/svg+xml,${encodeURIComponent(qr ?? "")}`,
  });
  const receipt = element(
    "article",
    { className: "receipt" },
    element("strong", { textContent: showtime.title, dir: "auto" }),
    element("span", { textContent: words.text("showing", { time, hall: showtime.auditorium_name }) }),
    element("span", { className: "big", textContent: named }),
    picture,
    element("span", { textContent: `${booking.reference} · ${words.format.money(booking.total_minor, booking)}` }),
  );
  return {
    name: "ticket",
    title: words.text("thanks"),
    content: [paragraph(words.text(howPrinted(kiosk))), paper(kiosk, words.text("ticketQr")) ?? receipt],
    other: /** @type {[string, () => unknown] | undefined} */ (
      kiosk.print.hasMore ? [words.text("printAgain"), () => kiosk.printAgain()] : undefined
    ),
    next: /** @type {[string, () => unknown]} */ ([words.text("done"), () => kiosk.leave()]),
  };
}

/**
 * What to do with the ticket, as far as its printing is.
 * @param {Kiosk} kiosk
 */
function howPrinted({ print }) {
  if (!print.has || !print.isAsked) return "takeTicket";
  const texts = {
    asked: "printing",
    sent: "printing",
    printed: "printed",
    failed: "notPrinted",
    unsure: "maybePrinted",
  };
  return print.now === null ? "printing" : texts[print.now.status];
}

/**
 * The paper of a simulated printer, as a picture.
 * @param {Kiosk} kiosk
 * @param {string} alt
 */
export function paper({ print }, alt) {
  if (!print.now?.picture) return null;
  const src = `data:image/svg+xml,${encodeURIComponent(print.now.picture)}`;
  return element("img", { className: "paper", alt, src });
}

/**
 * @param {Kiosk} kiosk
 * @param {Payment} payment
 */
export function voided(kiosk, payment) {
  const { words } = kiosk;
  const why = { timeout: "voidTimeout", late: "voidLate", cancelled: "voidCancelled", "": "voidCancelled" };
  return {
    name: "voided",
    title: words.text("notPaid"),
    content: [paragraph(words.text(why[payment.reason]))],
    next: /** @type {[string, () => unknown]} */ ([words.text("done"), () => kiosk.leave()]),
  };
}

/**
 * The film that was chosen, with its poster.
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
function film(kiosk, { showing }) {
  return element(
    "div",
    { className: "chosen" },
    poster(showing.title, showing.poster_hash),
    element("strong", { className: "big", textContent: showing.title, dir: "auto" }),
    " ",
    element("span", { textContent: whenAndWhere(kiosk, showing) }),
  );
}

/**
 * @param {Kiosk} kiosk
 * @param {Visit} visit
 */
export function filmLine(kiosk, { showing }) {
  return `${showing.title} · ${whenAndWhere(kiosk, showing)}`;
}

/**
 * @param {Kiosk} kiosk
 * @param {import("./programme.js").Showing} showing
 */
function whenAndWhere({ words }, { starts, timezone, auditorium_name: hall }) {
  return words.text("showing", { time: words.format.time(starts, timezone), hall });
}

/** @param {{ seats: string[], areas: { area: string, count: number }[] }} basket */
export function places({ seats: labels, areas }) {
  return [...labels, ...areas.map(({ area, count }) => `${count} × ${area}`)].join(", ");
}

/** @param {string} textContent */
function paragraph(textContent) {
  return element("p", { textContent });
}
