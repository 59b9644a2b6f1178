/**
 * Tickets that were bought elsewhere: somebody shows the code of one to the kiosk's scanner, and it is printed.
 *
 * The first paper comes at once. Whoever wants another one touches a button: it says that it is a copy, and a code that
 * is read twice by mistake costs no paper. The code itself is never shown here: whoever came with it has it already.
 */

import { element } from "../shared/page.js";
import { paper } from "./screens.js";

/** @import { Device } from "./device.js" */
/** @import { Kiosk } from "./kiosk.js" */
/** @import { Printing } from "./print.js" */

/** @typedef {{ booking: any, showtime: any, copy: number | null }} Shown as `/api/v1/kiosks/self/tickets` has it */

/** Why a ticket is refused. @type {Record<string, string>} */
const REFUSALS = { bad_ticket: "scanUnknown", too_many: "scanTooMany" };
/** @type {Record<string, string>} */
const STATUSES = { cancelled: "scanCancelled", expired: "scanUnpaid", pending: "scanUnpaid" };
/** @type {Record<string, string>} */
const REASONS = { elsewhere: "scanElsewhere", over: "scanOver" };

export class Tickets {
  /** What was read, while it is on the screen. @type {Shown | null} */
  shown = null;
  /** @type {Device} */
  #device;
  /** @type {Printing} */
  #print;
  #code = "";
  /** Each reading is another one, so that a late answer is not shown to the next person. @type {object | null} */
  #reading = null;

  /**
   * @param {Device} device
   * @param {Printing} print
   */
  constructor(device, print) {
    [this.#device, this.#print] = [device, print];
  }

  /**
   * Have the ticket of this code, and its first paper. Returns the name of the text that says why it was refused; empty
   * if it was not. Throws what is no refusal.
   * @param {string} code
   * @param {string} language
   */
  async read(code, language) {
    this.forget();
    const reading = (this.#reading = {});
    try {
      const found = await this.#device.ask("/tickets", { method: "POST", body: JSON.stringify({ code }) });
      if (reading !== this.#reading || this.#device.state?.locked) return ""; // they have gone, or it is closed
      [this.shown, this.#code] = [found, code];
      if (found.copy === 1) this.print(language);
      return "";
    } catch (/** @type {any} */ error) {
      if (reading !== this.#reading) return "";
      const { code: name, facts } = error ?? {};
      const text = REFUSALS[name] ?? STATUSES[facts?.booking_status] ?? REASONS[facts?.reason];
      if (!text) throw error;
      return text;
    }
  }

  /** Whether it can be printed, and has not been here. */
  get isPrintable() {
    return this.#print.isReady && !this.#print.isAsked && this.shown !== null && this.shown.copy !== null;
  }

  /**
   * Print it.
   * @param {string} language
   */
  print(language) {
    if (!this.isPrintable || this.shown === null || this.shown.copy === null) return;
    const { booking, copy } = this.shown;
    this.#print.begin(
      { id: booking.id, path: "/tickets/print", given: { code: this.#code }, copy, again: true },
      language,
    );
  }

  /** Nothing of it is left here. */
  forget() {
    if (this.shown) this.#print.forget();
    [this.shown, this.#code, this.#reading] = [null, "", null];
  }
}

/**
 * A ticket that was read, without its code.
 * @param {Kiosk} kiosk
 * @param {Shown} shown
 */
export function shownTicket(kiosk, { booking, showtime, copy }) {
  const { words, tickets, print } = kiosk;
  const time = words.format.time(Date.parse(showtime.starts_at), kiosk.timezone);
  const named = booking.seats.map((/** @type {{ label: string }} */ { label }) => label).join(", ");
  const facts = element(
    "article",
    { className: "receipt" },
    element("strong", { textContent: showtime.title, dir: "auto" }),
    element("span", { textContent: words.text("showing", { time, hall: showtime.auditorium_name }) }),
    element("span", { className: "big", textContent: named }),
    element("span", { textContent: booking.reference }),
  );
  /** @type {[string, () => unknown] | undefined} */
  let other;
  if (tickets.isPrintable) other = [words.text(copy === 1 ? "printIt" : "printCopy"), () => kiosk.printShown()];
  else if (print.isAsked && print.hasMore) other = [words.text("printAgain"), () => kiosk.printAgain()];
  return {
    name: "shown",
    title: words.text("yourTicket"),
    content: [
      element("p", { textContent: words.text(howPrinted(kiosk, copy)) }),
      paper(kiosk, words.text("ticketPaper")) ?? facts,
    ],
    other,
    next: /** @type {[string, () => unknown]} */ ([words.text("done"), () => kiosk.leave()]),
  };
}

/**
 * What to do with it, as far as its printing is.
 * @param {Kiosk} kiosk
 * @param {number | null} copy
 */
function howPrinted({ print }, copy) {
  if (print.isAsked) {
    const texts = {
      asked: "printing",
      sent: "printing",
      printed: "shownPrinted",
      failed: "shownNotPrinted",
      unsure: "shownMaybePrinted",
    };
    return texts[print.now?.status ?? "asked"];
  }
  if (!print.has) return "shownOnly";
  if (copy === null) return "shownNoMore";
  if (!print.isReady) return "shownCannotPrint";
  return copy === 1 ? "shownPrintable" : "shownBefore";
}
