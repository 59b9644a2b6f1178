/**
 * Tickets that were bought elsewhere: somebody shows the code of one to the kiosk, and it is printed. A scanner reads at
 * any time while nobody buys; the camera when somebody says that they have a ticket.
 *
 * The first paper comes at once. Whoever wants another one touches a button: it says that it is a copy, and a code that
 * is read twice by mistake costs no paper. The code itself is never shown here: whoever came with it has it already.
 */

import { element } from "../shared/page.js";
import { Camera } from "./camera.js";
import { paper } from "./screens.js";

/** @import { Device } from "./device.js" */
/** @import { Kiosk } from "./kiosk.js" */
/** @import { Printing } from "./print.js" */

/** @typedef {{ booking: any, showtime: any, copy: number | null }} Shown as `/api/v1/kiosks/self/tickets` has it */

const MOST_CHARS = 200; // that the server takes; what is longer is no ticket of ours
/** Why a ticket is refused. @type {Record<string, string>} */
const REFUSALS = { bad_ticket: "scanUnknown", too_many: "scanTooMany" };
/** @type {Record<string, string>} */
const STATUSES = { cancelled: "scanCancelled", expired: "scanUnpaid", pending: "scanUnpaid" };
/** @type {Record<string, string>} */
const REASONS = { elsewhere: "scanElsewhere", over: "scanOver" };

/** Fires "change" when what is shown of it has, and "code" with what the camera read as `detail`. */
export class Tickets extends EventTarget {
  /** Whether somebody was asked to show a code. */
  isAwaited = false;
  camera = new Camera();
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
    super();
    [this.#device, this.#print] = [device, print];
    device.addEventListener("change", () => {
      if (this.by === "camera") void this.camera.check();
      else this.camera.stop();
    });
    this.camera.addEventListener("change", () => {
      device.camera = this.camera.state;
      this.dispatchEvent(new CustomEvent("change"));
    });
    this.camera.addEventListener("code", (event) => {
      const { detail } = /** @type {CustomEvent<string>} */ (event);
      this.dispatchEvent(new CustomEvent("code", { detail }));
    });
  }

  /** What reads codes here. */
  get by() {
    return this.#device.state?.ticket_reader ?? "none";
  }

  /** Whether people are told that they may have tickets printed here. */
  get isOffered() {
    const canRead = this.by === "scanner" || (this.by === "camera" && this.camera.state !== "unsupported");
    return canRead && this.#print.isReady;
  }

  /** Whether somebody is there because of a ticket. */
  get isInUse() {
    return this.isAwaited || this.shown !== null;
  }

  /** Somebody has a ticket to show. */
  expect() {
    this.isAwaited = true;
    if (this.by === "camera") void this.camera.start();
  }

  /**
   * Have the ticket of this code, and its first paper. Returns the name of the text that says why it was refused; empty
   * if it was not. Throws what is no refusal.
   * @param {string} code
   * @param {string} language
   */
  async read(code, language) {
    const reading = (this.#reading = {});
    try {
      const body = JSON.stringify({ code: code.slice(0, MOST_CHARS) });
      const found = await this.#device.ask("/tickets", { method: "POST", body });
      if (reading !== this.#reading || this.#device.state?.locked) return ""; // they have gone, or it is closed
      this.#clear(); // one that is refused leaves the one before on the screen
      [this.shown, this.#code, this.isAwaited] = [found, code, false];
      this.camera.stop();
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
    this.#clear();
    this.camera.stop();
    [this.isAwaited, this.#reading] = [false, null];
  }

  #clear() {
    if (this.shown) this.#print.forget();
    [this.shown, this.#code] = [null, ""];
  }
}

/**
 * How to show a ticket.
 * @param {Kiosk} kiosk
 */
export function awaited(kiosk) {
  const { words, tickets } = kiosk;
  const { state, video } = tickets.camera;
  const texts = { "": "connecting", ok: "showToCamera", unsupported: "cameraAway", away: "cameraAway" };
  const text = tickets.by === "camera" ? texts[state] : "showToScanner";
  const isSeen = text === "showToCamera";
  return {
    name: "code",
    title: words.text("showCode"),
    content: [element("p", { textContent: words.text(text) }), isSeen && video],
    back: () => kiosk.leave(),
    stays: isSeen ? "camera" : "",
  };
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
