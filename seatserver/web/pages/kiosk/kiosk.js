/**
 * The kiosk's page: a terminal in a theatre's lobby, in a full-screen browser.
 *
 * `device.js` says what this kiosk is; until staff have enrolled it, it shows the code to be approved with. A person's
 * `Visit` begins with the touch of a film and ends with `leave`; nothing of it is kept in this browser. Each step is one
 * of the screens in `screens.js`. This file shows them, and decides which one comes next.
 */

import { button, byId, element } from "../shared/page.js";
import { Attendant } from "./attendant.js";
import { bar } from "./bar.js";
import { Device } from "./device.js";
import { listenToKeypad } from "./keypad.js";
import { Payments } from "./pay.js";
import { HandOff, moved, phone } from "./phone.js";
import { Printing } from "./print.js";
import { readProgramme } from "./programme.js";
import { Quiet } from "./quiet.js";
import { listenToScanner } from "./scanner.js";
import * as screens from "./screens.js";
import { Speech, spoken } from "../../shared/speech.js";
import { Ear } from "../../seat-map/concierge/ear.js";
import { canRecord } from "../../seat-map/concierge/sound.js";
import { Visit } from "./visit.js";
import { HOME, Words } from "./words.js";

/** @import { Showing } from "./programme.js" */
/** @import { Screen } from "./screens.js" */

const PROGRAMME_MS = 30_000;
const TOLD_MS = 10_000; // how long something is told to somebody of whom nothing is left
const STEPS = {
  tickets: screens.tickets,
  seats: screens.seats,
  map: screens.map,
  review: screens.review,
  phone: (/** @type {Kiosk} */ kiosk) => phone(kiosk, kiosk.handOff.qr),
};
/** @typedef {keyof typeof STEPS} Step of a visit */
/** Why a ticket that was shown to the scanner is refused. @type {Record<string, string>} */
const SCANS = { bad_ticket: "scanUnknown", booking_state: "scanNotValid", conflict: "scanElsewhere" };

export class Kiosk {
  speech = new Speech();
  words = new Words(HOME);
  preferences = { contrast: false, large: false, reach: false };
  /** Whether the person moves with arrow keys: they are not sent into a map, where the keys move among seats. */
  usesKeypad = false;
  /** Whether the map is opened to be spoken to. */
  wantsToTalk = false;
  /** @type {Showing[] | null} */
  programme = null;
  #device = new Device();
  attendant = new Attendant(this.#device, this);
  #payments = new Payments(this.#device);
  handOff = new HandOff(this.#device);
  #printing = new Printing(this.#device);
  /** @type {Visit | null} */
  #visit = null;
  /** @type {Step | null} */
  #step = null;
  /** @type {Screen | null} */
  #screen = null;
  /** Whose payment is being begun, until the server has said whether it was. @type {Visit | null} */
  #beginning = null;
  /** What the scanner read, while it is shown. @type {screens.Ticket | null} */
  #scanned = null;
  /** The seats have just moved to a phone; that is told for a moment. */
  #hasMoved = false;
  #told = 0; // the timer that ends what is told
  #note = ""; // what has just happened, until the next step
  #isBusy = false;
  #theatre = "";
  #hasLooked = false; // for a payment that a page before this one began
  #quiet = new Quiet(() => this.#rests);
  #ask = /** @type {HTMLDialogElement} */ (byId("ask"));

  constructor() {
    this.#device.addEventListener("change", () => this.#changed());
    this.#device.addEventListener("line", () => this.#lineChanged());
    this.attendant.addEventListener("change", () => this.#render());
    this.#payments.addEventListener("change", () => this.#paymentChanged());
    this.#printing.addEventListener("change", () => this.#render());
    this.#payments.addEventListener("tidy", () => this.#reloadIfOutdated());
    this.handOff.addEventListener("change", () => this.#step === "phone" && this.#render());
    this.handOff.addEventListener("taken", () => this.#seatsMoved());
    this.handOff.addEventListener("ended", () => {
      if (this.#visit?.holds.length === 0) this.#seatsLost(this.#visit);
    });
    this.#quiet.addEventListener("ask", () => this.#askWhetherThere());
    this.#quiet.addEventListener("left", (event) => this.#countDown(/** @type {CustomEvent<number>} */ (event).detail));
    this.#quiet.addEventListener("gone", () => this.leave());
    setInterval(() => void this.#readProgramme(), PROGRAMME_MS);
    addEventListener("focusin", ({ target }) => this.#speakOf(/** @type {HTMLElement} */ (target)));
    // Browsers know their voices only a moment after the page has loaded.
    globalThis.speechSynthesis?.addEventListener?.("voiceschanged", () => this.#render());
    listenToScanner((code) => this.#readTicket(code));
    listenToKeypad(() => this.#keypadUsed());
    this.#render();
  }

  get sells() {
    return this.#device.state !== null && this.#device.state.reader !== "none";
  }

  get isSimulated() {
    return this.#device.state?.reader === "simulated";
  }

  /** Whether people may say which seats they would like. */
  get listens() {
    const { voice, hears } = this.#device.state ?? {};
    return Boolean(voice && (Ear.isThere || (hears && canRecord())));
  }

  /** Whether this kiosk has a printer, and how far the ticket's printing is. */
  get print() {
    const printer = this.#device.state?.printer ?? "none";
    const isReady = printer === "simulated" || printer === "ok" || printer === "low";
    const isNeeded = this.#device.state?.needs_paper === true;
    return {
      has: printer !== "none",
      isReady,
      isNeeded,
      now: this.#printing.now,
      hasMore: this.#printing.hasMore,
      isAsked: this.#printing.isAsked,
    };
  }

  printAgain() {
    this.#printing.again(this.words.lang);
  }

  /** The theatre's time zone. */
  get timezone() {
    return this.programme?.[0]?.timezone;
  }

  // ------------------------------------------------------------------ steps

  /** @param {Showing} showing */
  begin(showing) {
    return this.#during(async () => {
      const visit = new Visit(this.#device, showing);
      try {
        await visit.open();
      } catch (error) {
        await visit.end();
        throw error;
      }
      visit.addEventListener("lost", () => this.#seatsLost(visit));
      visit.addEventListener("change", () => visit === this.#visit && this.attendant.tell());
      this.#visit = visit;
      this.#step = "tickets";
    });
  }

  /** @param {Step} step */
  show(step) {
    if (this.#refusedOffline()) return;
    this.#step = step;
    this.#note = "";
    this.#render();
  }

  chooseSeats() {
    this.show("seats");
  }

  takeBest() {
    return this.#during(async () => {
      await this.#visit?.best();
      this.#step = "review";
    });
  }

  takeOthers() {
    return this.#during(async () => {
      if (!(await this.#visit?.others())) this.#note = this.words.text("noOthers");
    });
  }

  openMap() {
    this.wantsToTalk = false;
    this.show("map");
  }

  /** The map, which listens to what the person would like. */
  openTalk() {
    this.wantsToTalk = true;
    this.show("map");
  }

  /** Undo the choice of seats. */
  giveBack() {
    return this.#during(async () => {
      await this.#visit?.release();
      this.#step = "seats";
    });
  }

  /** Show a QR code with which the person's phone takes the seats over. */
  toPhone() {
    return this.#during(async () => {
      const visit = this.#visit;
      if (!visit) return;
      try {
        await this.handOff.offer(visit.payment);
      } catch (/** @type {any} */ error) {
        if (visit === this.#visit && error?.code === "handoff_refused") this.#step = "seats";
        throw error;
      }
      if (visit === this.#visit) this.#step = "phone";
    });
  }

  pay() {
    return this.#during(async () => {
      const visit = (this.#beginning = this.#visit);
      if (!visit) return;
      this.#render();
      try {
        await this.#payments.begin(visit.payment, () => visit === this.#visit);
      } catch (error) {
        if (visit === this.#visit && visit.holds.length === 0) this.#step = "seats";
        throw error;
      } finally {
        if (this.#beginning === visit) this.#beginning = null;
      }
    });
  }

  /** @param {string} act */
  card(act) {
    return this.#payments.do("card", { act });
  }

  retryPayment() {
    return this.#payments.do("retry");
  }

  cancelPayment() {
    return this.#payments.do("cancel");
  }

  /** The person has gone, or is done: everything of them ends here, and the next one begins. */
  leave() {
    this.#endVisit();
    clearTimeout(this.#told);
    this.attendant.end();
    this.#hasMoved = false;
    this.#scanned = null;
    this.speech.stop();
    this.speech.isOn = false;
    this.usesKeypad = false;
    this.preferences = { contrast: false, large: false, reach: false };
    this.speak(HOME);
    sessionStorage.clear();
    this.#reloadIfOutdated();
    this.#render();
  }

  /** The seats, the token and all that was shown end here. How the person wants to see and hear stays for a moment. */
  #endVisit() {
    const visit = this.#visit;
    this.#payments.forget();
    this.handOff.forget();
    this.#printing.forget();
    this.#visit = this.#step = this.#beginning = null;
    this.#note = "";
    this.#isBusy = false;
    document.body.removeAttribute("aria-busy");
    this.#ask.close();
    this.#ask.replaceChildren();
    void visit?.end();
  }

  /** A phone has the seats. The person is told so, and the next one begins. */
  #seatsMoved() {
    if (this.#visit === null || this.#payments.now !== null || this.#beginning !== null) return;
    this.#endVisit();
    this.#hasMoved = true;
    this.#render();
    const end = () => {
      if (this.speech.isBusy) this.#told = setTimeout(end, TOLD_MS / 10);
      else this.leave();
    };
    this.#told = setTimeout(end, TOLD_MS);
  }

  /**
   * Somebody showed a ticket to the scanner. While somebody else buys, nothing is shown in between.
   * @param {string} code
   */
  #readTicket(code) {
    if (this.#visit || this.#payments.now || this.#hasMoved || !this.sells || this.#device.state?.locked) return;
    void this.#during(async () => {
      this.#scanned = null;
      try {
        const found = await this.#device.ask("/tickets", { method: "POST", body: JSON.stringify({ code }) });
        if (!this.#device.state?.locked) this.#scanned = found; // nobody sees it while the kiosk is closed
      } catch (/** @type {any} */ error) {
        if (!(error?.code in SCANS)) throw error;
        this.#note = this.words.text(SCANS[error.code]);
      }
    });
    clearTimeout(this.#told);
    this.#told = setTimeout(() => this.#forgetNote(), TOLD_MS);
  }

  /** Why a ticket was refused is of no use to the next person. */
  #forgetNote() {
    if (this.#visit !== null || this.#payments.now !== null) return;
    this.#note = "";
    this.#render();
  }

  #paymentChanged() {
    const payment = this.#payments.now;
    if (payment?.status === "paid" && this.print.has) this.#printing.begin(payment.booking_id, this.words.lang);
    this.#render();
  }

  /** Load the page again if staff or a newer release want that, nobody is here, and the server knows all it has to. */
  #reloadIfOutdated() {
    const isFree = this.#visit === null && this.#payments.now === null && !this.#payments.isTidying;
    if (isFree && !this.#hasMoved && !this.#scanned && this.#device.isOutdated) location.reload();
  }

  /**
   * Do something that takes a moment; while it lasts, nothing else can be chosen. What goes wrong is said.
   * @param {() => Promise<void>} act
   */
  async #during(act) {
    if (this.#isBusy || this.#refusedOffline()) return;
    this.#isBusy = true;
    this.#note = "";
    document.body.ariaBusy = "true";
    const visit = this.#visit;
    let problem = "";
    try {
      await act();
    } catch (/** @type {any} */ error) {
      // A phone may have been faster.
      const isGone = ["hold_gone", "handoff_refused"].includes(error?.code) && this.handOff.isOffered;
      if (isGone && (await this.handOff.look()) === "taken" && visit === this.#visit) return this.#seatsMoved();
      problem = this.#sorry(error);
    }
    if (!this.#isBusy || (visit !== null && visit !== this.#visit)) return; // they have gone meanwhile
    document.body.removeAttribute("aria-busy");
    if (problem) this.#note = problem;
    this.#isBusy = false;
    this.#render();
  }

  /** @param {any} error */
  #sorry(error) {
    if (error?.code === "no_seats_together") return this.words.text("notTogether");
    if (error?.code === "hold_gone") return this.words.text("seatsLost");
    if (error?.code === "handoff_refused") return this.words.text("seatsLost");
    if (error?.code === "conflict" && this.print.isNeeded && !this.print.isReady)
      return this.words.text("noPaperNoSale");
    if (error?.code === "tickets_refused") return this.words.text("ticketsRefused");
    return this.words.text(error?.code === "refused" || error?.code === "seats_refused" ? "justGone" : "failed");
  }

  /** @param {Visit} visit */
  #seatsLost(visit) {
    if (visit !== this.#visit || this.#payments.now !== null) return;
    if (this.#step !== "review" && this.#step !== "phone") return;
    if (this.#beginning !== null) return; // the server says what became of them
    this.#step = "seats";
    this.#note = this.words.text("seatsLost");
    this.#render();
  }

  // ------------------------------------------------------------------ the device

  #changed() {
    const { state } = this.#device;
    this.#reloadIfOutdated();
    if (state) {
      [this.#quiet.quietMs, this.#quiet.answerMs] = [state.quiet_ms, state.answer_ms];
      if (state.theatre_id !== this.#theatre) {
        [this.#theatre, this.programme] = [state.theatre_id, null];
        void this.#readProgramme();
      }
      if (!this.#hasLooked && this.sells) void this.#resume();
    }
    const isClosed = state === null || (state.locked && this.#payments.now === null);
    if (isClosed && (this.#visit || this.#hasMoved || this.#scanned)) this.leave();
    this.#render();
  }

  /** A payment that a page before this one began goes on, or its end is shown to whoever stands here. */
  async #resume() {
    this.#hasLooked = true;
    try {
      const { payment } = await this.#device.ask("/payments");
      if (payment && this.#payments.now === null) this.#payments.follow(payment);
    } catch {
      this.#hasLooked = false; // asked again with the next news
    }
  }

  async #readProgramme() {
    const theatre = this.#theatre;
    if (!theatre) return;
    try {
      const found = await readProgramme(theatre);
      if (theatre !== this.#theatre) return;
      this.programme = found;
    } catch {
      return; // The list that is shown stays. What is no longer sold is refused when it is chosen.
    }
    if (this.#visit === null) this.#render();
  }

  #lineChanged() {
    document.body.dataset.line = this.#device.isOnline ? "live" : "lost";
    if (!this.#device.isOnline) this.speech.say(this.words.text("offline"));
    this.#render();
  }

  /** Without a line nothing is sold, and that is said aloud. */
  #refusedOffline() {
    if (this.#device.isOnline) return false;
    this.speech.say(this.words.text("offline"));
    return true;
  }

  // ------------------------------------------------------------------ for staff: see attendant.js

  /** Who is there, if somebody buys. */
  get visit() {
    return this.#visit;
  }

  /** Whether a card may be charged at this moment. */
  get isPaying() {
    return this.#beginning !== null || (this.#payments.now !== null && !this.#payments.hasEnded);
  }

  get isBusy() {
    return this.#isBusy;
  }

  /** The name of what is shown. */
  get shows() {
    return this.#screen?.name ?? "";
  }

  /**
   * Staff have done something for the person who is there: they are told so.
   * @param {string} name of the text
   */
  staffDid(name) {
    if (this.#visit === null) return;
    this.#note = this.words.text(name);
    this.#render();
    this.speech.say(this.#note);
  }

  toggleHelp() {
    if (!this.#refusedOffline()) this.attendant.toggle();
  }

  // ------------------------------------------------------------------ is anybody there?

  get #rests() {
    const nobody = this.#visit === null && this.#payments.now === null && this.#scanned === null;
    const hasTicket = this.#payments.now?.status === "paid" || this.#scanned !== null;
    // They wait for somebody. But a valid ticket is left to nobody who comes by.
    if (this.attendant.isAsked && !hasTicket) return true;
    return nobody || this.#isBusy || this.speech.isBusy || !this.#device.isOnline || this.#screen?.rests === true;
  }

  #askWhetherThere() {
    const here = button(this.words.text("stillHere"), () => this.isThere(), { className: "main" });
    const title = element("h2", { id: "ask-title", textContent: this.words.text("stillThere") });
    const left = element("p", { id: "ask-left" });
    this.#ask.replaceChildren(
      title,
      left,
      here,
      button(this.words.text("startOver"), () => this.leave()),
    );
    this.#ask.showModal();
    here.focus();
    this.speech.say(`${this.words.text("stillThere")} ${this.words.text("stillHere")}`);
  }

  /**
   * Somebody is there. Whether they have more time by now.
   * @param {boolean} isOrdered whether staff say so
   */
  async isThere(isOrdered = false) {
    this.#quiet.answered();
    this.#ask.close();
    byId("screen").focus();
    return this.#visit?.stay(isOrdered);
  }

  /** @param {number} ms */
  #countDown(ms) {
    const text = this.words.text("leavingIn", { count: Math.ceil(ms / 1000) });
    if (byId("ask-left")?.textContent !== text) byId("ask-left").textContent = text;
  }

  // ------------------------------------------------------------------ showing

  /** @returns {Screen} */
  #current() {
    const { isRevoked, waiting, state } = this.#device;
    const text = (/** @type {string} */ name) => this.words.text(name);
    const told = (/** @type {string} */ name) => [element("p", { textContent: text(name) })];
    if (isRevoked) {
      const again = /** @type {[string, () => unknown]} */ ([text("setUpAgain"), () => this.#device.startAgain()]);
      return { name: "revoked", title: text("revokedTitle"), content: told("revokedText"), next: again };
    }
    if (waiting) return { name: "enrol", title: text("enrolTitle"), content: screens.enrolment(this, waiting) };
    if (!state) return { name: "connecting", title: text("connecting"), content: [] };
    const payment = this.#payments.now;
    if (payment?.status === "paid" && payment.booking) return screens.ticket(this, payment);
    if (payment?.status === "paid") return screens.voided(this, payment);
    if (payment?.status === "voided") return screens.voided(this, payment);
    if (payment) return screens.pay(this, payment);
    if (state.locked) return { name: "locked", title: text("lockedTitle"), content: told("lockedText"), rests: true };
    if (this.#beginning) return screens.pay(this, null);
    if (this.#hasMoved) return moved(this);
    if (this.#scanned) return screens.ticket(this, this.#scanned, this.words.text("yourTicket"));
    if (this.#visit && this.#step) return STEPS[this.#step](this, this.#visit);
    return screens.attract(this);
  }

  #render() {
    const screen = this.#current();
    const key = JSON.stringify([screen.name, this.#step, screen.title, this.words.lang]);
    const isNew = byId("screen").dataset.key !== key;
    // A seat map stays as it is: it is live, and the person may be in the middle of it.
    if (screen.name === "map" && !isNew) return this.#showAround();
    const before = /** @type {HTMLElement | null} */ (document.activeElement)?.textContent;
    this.#screen = screen;
    document.documentElement.lang = this.words.lang;
    Object.assign(document.body.dataset, { screen: screen.name, ...this.#looks() });
    byId("screen").dataset.key = key;
    const title = element("h1", { id: "title", tabIndex: -1, textContent: screen.title });
    byId("screen").replaceChildren(title, ...screen.content.filter((one) => one instanceof Node));
    byId("bar").replaceChildren(...bar(this));
    this.#showFoot();
    this.attendant.tell();
    this.#focus(isNew, before ?? "");
    if (isNew) this.speech.say([screen.title, this.#note, this.#readOut()].filter(Boolean).join(" "));
  }

  /** What stands around a seat map. The focus stays on the button that says the same as before. */
  #showAround() {
    const before = /** @type {HTMLElement} */ (document.activeElement);
    const isAround = ["bar", "foot"].some((id) => byId(id).contains(before));
    byId("bar").replaceChildren(...bar(this));
    this.#showFoot();
    this.attendant.tell();
    if (isAround) this.#focus(false, before.textContent ?? "");
  }

  /** What is on the screen, as text. */
  #readOut() {
    return [...byId("screen").children].slice(1).map(spoken).filter(Boolean).join(". ");
  }

  #looks() {
    const { contrast, large, reach } = this.preferences;
    return { contrast: String(contrast), large: String(large), reach: String(reach) };
  }

  /**
   * The focus goes to a new screen's heading, and else stays on what says the same as before.
   * @param {boolean} isNew
   * @param {string} before
   */
  #focus(isNew, before) {
    if (this.#ask.open) return;
    if (isNew) return byId("title").focus();
    const all = [...document.querySelectorAll("button")];
    all.find(({ textContent }) => textContent === before)?.focus();
  }

  #showFoot() {
    const { back, next, other } = this.#screen ?? {};
    const { state, isOnline } = this.#device;
    const news = [this.attendant.text, this.#note].filter(Boolean).join(" ");
    const told = state && !isOnline ? this.words.text("offline") : news || (state?.message ?? "");
    const buttons = [
      back && button(this.words.text("back"), () => back()),
      this.#visit !== null &&
        this.#payments.now === null &&
        this.#beginning === null &&
        button(this.words.text("startOver"), () => this.leave(), { className: "quiet" }),
      other && button(other[0], () => other[1]()),
      next && button(next[0], () => next[1](), { className: "main" }),
    ];
    byId("foot").replaceChildren(
      ...(told ? [element("p", { role: "status", textContent: told })] : []),
      element("div", { className: "buttons" }, ...buttons),
    );
  }

  /** @param {() => void} act */
  adjust(act) {
    act();
    this.#render();
  }

  // ------------------------------------------------------------------ language and speech

  /** @param {string} lang */
  speak(lang) {
    this.words = new Words(lang);
    this.speech.speak(lang);
  }

  toggleSpeech() {
    this.speech.isOn = !this.speech.isOn;
    if (this.speech.isOn) this.speech.say(`${this.words.text("speechOn")} ${this.#screen?.title} ${this.#readOut()}`);
    else this.speech.stop();
  }

  /** All of the screen once more. */
  sayAgain() {
    const told = byId("foot").querySelector("p")?.textContent;
    this.speech.say([this.#screen?.title, told, this.#readOut()].filter(Boolean).join(". "));
  }

  /** Whoever uses the keypad may not see the screen: it speaks at once, and they need not look for a button. */
  #keypadUsed() {
    this.usesKeypad = true;
    if (this.speech.isOn || !this.speech.canSpeak || this.#visit !== null) return;
    this.toggleSpeech();
    this.#render(); // the bar shows it
  }

  /** @param {HTMLElement} target */
  #speakOf(target) {
    if (!this.speech.isOn || target.id === "title" || target.localName !== "button") return;
    const { ariaPressed } = target;
    const state = ariaPressed === null ? "" : this.words.text(ariaPressed === "true" ? "isOn" : "isOff");
    this.speech.say([spoken(target), state].filter(Boolean).join(", "));
  }
}

new Kiosk();
