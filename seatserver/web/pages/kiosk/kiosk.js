/**
 * The kiosk's page: a terminal in a theatre's lobby, in a full-screen browser.
 *
 * `device.js` says what this kiosk is; until staff have enrolled it, it shows the code to be approved with. A person's
 * `Visit` begins with the touch of a film and ends with `leave`; nothing of it is kept in this browser. Each step is one
 * of the screens in `screens.js`. This file shows them, and decides which one comes next.
 */

import { byId } from "../shared/page.js";
import { Attendant } from "./attendant.js";
import { Device } from "./device.js";
import { Display } from "./display.js";
import { listenToKeypad } from "./keypad.js";
import { Payments } from "./pay.js";
import { HandOff, moved, phone } from "./phone.js";
import { Printing } from "./print.js";
import { Programme } from "./programme.js";
import { Question } from "./question.js";
import { Quiet } from "./quiet.js";
import { nameOf } from "./refusals.js";
import { listenToScanner } from "./scanner.js";
import * as screens from "./screens.js";
import { setUp } from "./setup.js";
import { Speech } from "../../shared/speech.js";
import { Ear } from "../../seat-map/concierge/ear.js";
import { canRecord } from "../../seat-map/concierge/sound.js";
import { awaited, shownTicket, Tickets } from "./tickets.js";
import { Visit } from "./visit.js";
import { HOME, Words } from "./words.js";

/** @import { Showing } from "./programme.js" */
/** @import { Screen } from "./screens.js" */

const TOLD_MS = 10_000; // how long something is told to somebody of whom nothing is left
const STEPS = {
  tickets: screens.tickets,
  seats: screens.seats,
  map: screens.map,
  review: screens.review,
  phone: (/** @type {Kiosk} */ kiosk) => phone(kiosk, kiosk.handOff.qr),
};
/** @typedef {keyof typeof STEPS} Step of a visit */
export class Kiosk {
  speech = new Speech();
  words = new Words(HOME);
  preferences = { contrast: false, large: false, reach: false };
  /** Whether the person moves with arrow keys: they are not sent into a map, where the keys move among seats. */
  usesKeypad = false;
  /** Whether the map is opened to be spoken to. */
  wantsToTalk = false;
  #device = new Device();
  #programme = new Programme();
  attendant = new Attendant(this.#device, this);
  payments = new Payments(this.#device);
  handOff = new HandOff(this.#device);
  print = new Printing(this.#device);
  tickets = new Tickets(this.#device, this.print);
  display = new Display(this);
  /** @type {Visit | null} */
  #visit = null;
  /** @type {Step | null} */
  #step = null;
  /** Whose payment is being begun, until the server has said whether it was. @type {Visit | null} */
  #beginning = null;
  /** The seats have just moved to a phone; that is told for a moment. */
  #hasMoved = false;
  #told = 0; // the timer that ends what is told
  /** What has just happened, until the next step. */
  note = "";
  /** What is being done for whoever is there, and takes a moment: each time another one. @type {object | null} */
  #doing = null;
  #hasLooked = false; // for a payment that a page before this one began
  #quiet = new Quiet(() => this.#rests);
  #question = new Question();

  constructor() {
    this.#device.addEventListener("change", () => this.#changed());
    this.#device.addEventListener("line", () => this.#lineChanged());
    this.attendant.addEventListener("change", () => this.#render());
    this.payments.addEventListener("change", () => this.#paymentChanged());
    this.tickets.addEventListener("change", () => this.#render());
    this.tickets.addEventListener("code", (event) =>
      this.#readTicket(/** @type {CustomEvent<string>} */ (event).detail),
    );
    this.print.addEventListener("change", () => this.#render());
    this.print.addEventListener("over", () => this.display.sayFirst());
    this.payments.addEventListener("tidy", () => this.#reloadIfOutdated());
    this.handOff.addEventListener("change", () => this.#step === "phone" && this.#render());
    this.handOff.addEventListener("taken", () => this.#seatsMoved());
    this.handOff.addEventListener("ended", () => {
      if (this.#visit?.holds.length === 0) this.#seatsLost(this.#visit);
    });
    this.#quiet.addEventListener("ask", () => this.#askWhetherThere());
    this.#quiet.addEventListener("left", (event) =>
      this.#question.countDown(this.words, /** @type {CustomEvent<number>} */ (event).detail),
    );
    this.#quiet.addEventListener("gone", () => this.leave());
    this.#programme.addEventListener("change", () => this.#visit === null && this.#render());
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

  printAgain() {
    this.print.again(this.words.lang);
  }

  /** Somebody has a ticket already: they are told how to show it. */
  expectTicket() {
    if (this.#refusedOffline() || this.isBusy) return;
    this.note = "";
    this.tickets.expect();
    this.#render();
  }

  /** The ticket that is shown. */
  printShown() {
    this.tickets.print(this.words.lang);
    this.#render();
  }

  /** What is on here; null before it is known. */
  get programme() {
    return this.#programme.showings;
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
    this.note = "";
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
      if (!(await this.#visit?.others())) this.note = this.words.text("noOthers");
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
        await this.payments.begin(visit.payment, () => visit === this.#visit);
      } catch (error) {
        if (visit === this.#visit && visit.holds.length === 0) this.#step = "seats";
        throw error;
      } finally {
        if (this.#beginning === visit) this.#beginning = null;
      }
    });
  }

  /** The person has gone, or is done: everything of them ends here, and the next one begins. */
  leave() {
    this.#endVisit();
    clearTimeout(this.#told);
    this.attendant.end();
    this.#hasMoved = false;
    this.tickets.forget();
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
    this.payments.forget();
    this.handOff.forget();
    this.print.forget();
    this.#visit = this.#step = this.#beginning = null;
    this.note = "";
    this.#doing = null;
    document.body.removeAttribute("aria-busy");
    this.#question.close();
    void visit?.end();
  }

  /** A phone has the seats. The person is told so, and the next one begins. */
  #seatsMoved() {
    if (this.#visit === null || this.payments.now !== null || this.#beginning !== null) return;
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
    if (this.#visit || this.payments.now || this.#hasMoved || !this.#device.state || this.#device.state.locked) return;
    void this.#during(async () => {
      const refused = await this.tickets.read(code, this.words.lang);
      if (refused) this.note = this.words.text(refused);
    });
    clearTimeout(this.#told);
    this.#told = setTimeout(() => this.#forgetNote(), TOLD_MS);
  }

  /** Why a ticket was refused is of no use to the next person. */
  #forgetNote() {
    if (this.#visit !== null || this.payments.now !== null) return;
    this.note = "";
    this.#render();
  }

  #paymentChanged() {
    const payment = this.payments.now;
    if (payment?.status === "paid" && this.print.has) {
      const path = `/payments/${payment.booking_id}/print`;
      this.print.begin({ id: payment.booking_id, path, copy: 1 }, this.words.lang);
    }
    this.#render();
  }

  /** Load the page again if staff or a newer release want that, nobody is here, and the server knows all it has to. */
  #reloadIfOutdated() {
    const isFree = this.#visit === null && this.payments.now === null && !this.payments.isTidying;
    if (isFree && !this.#hasMoved && !this.tickets.isInUse && this.#device.isOutdated) location.reload();
  }

  /**
   * Do something that takes a moment; while it lasts, nothing else can be chosen. What goes wrong is said.
   * @param {() => Promise<void>} act
   */
  async #during(act) {
    if (this.isBusy || this.#refusedOffline()) return;
    const doing = (this.#doing = {});
    this.note = "";
    document.body.ariaBusy = "true";
    const visit = this.#visit;
    let problem = "";
    try {
      await act();
    } catch (/** @type {any} */ error) {
      // A phone may have been faster.
      const isGone = ["hold_gone", "handoff_refused"].includes(error?.code) && this.handOff.isOffered;
      if (isGone && (await this.handOff.look()) === "taken" && visit === this.#visit) return this.#seatsMoved();
      problem = this.words.text(nameOf(error, this.print));
    }
    if (doing !== this.#doing) return; // they have gone meanwhile
    document.body.removeAttribute("aria-busy");
    if (problem) this.note = problem;
    this.#doing = null;
    if (!this.#render()) this.speech.say(this.note);
  }

  /** @param {Visit} visit */
  #seatsLost(visit) {
    if (visit !== this.#visit || this.payments.now !== null) return;
    if (this.#step !== "review" && this.#step !== "phone") return;
    if (this.#beginning !== null) return; // the server says what became of them
    this.#step = "seats";
    this.note = this.words.text("seatsLost");
    this.#render();
  }

  // ------------------------------------------------------------------ the device

  #changed() {
    const { state } = this.#device;
    this.#reloadIfOutdated();
    if (state) {
      [this.#quiet.quietMs, this.#quiet.answerMs] = [state.quiet_ms, state.answer_ms];
      this.#programme.of(state.theatre_id);
      if (!this.#hasLooked && this.sells) void this.#resume();
    }
    const isClosed = state === null || (state.locked && this.payments.now === null);
    if (isClosed && (this.#visit || this.#hasMoved || this.tickets.isInUse)) this.leave();
    this.#render();
  }

  /** A payment that a page before this one began goes on, or its end is shown to whoever stands here. */
  async #resume() {
    this.#hasLooked = true;
    try {
      const { payment } = await this.#device.ask("/payments");
      if (payment && this.payments.now === null) this.payments.follow(payment);
    } catch {
      this.#hasLooked = false; // asked again with the next news
    }
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
    return this.#beginning !== null || (this.payments.now !== null && !this.payments.hasEnded);
  }

  get isBusy() {
    return this.#doing !== null;
  }

  /** The name of what is shown. */
  get shows() {
    return this.display.name;
  }

  /**
   * Staff have done something for the person who is there: they are told so.
   * @param {string} name of the text
   */
  staffDid(name) {
    if (this.#visit === null) return;
    this.note = this.words.text(name);
    this.#render();
    this.speech.say(this.note);
  }

  toggleHelp() {
    if (!this.#refusedOffline()) this.attendant.toggle();
  }

  // ------------------------------------------------------------------ is anybody there?

  get #rests() {
    const nobody = this.#visit === null && this.payments.now === null && !this.tickets.isInUse;
    const hasTicket = this.payments.now?.status === "paid" || this.tickets.shown !== null;
    // They wait for somebody. But a valid ticket is left to nobody who comes by.
    if (this.attendant.isAsked && !hasTicket) return true;
    return nobody || this.isBusy || this.speech.isBusy || !this.#device.isOnline || this.display.rests;
  }

  #askWhetherThere() {
    this.#question.ask(
      this.words,
      () => this.isThere(),
      () => this.leave(),
    );
    this.speech.say(`${this.words.text("stillThere")} ${this.words.text("stillHere")}`);
  }

  /**
   * Somebody is there. Whether they have more time by now.
   * @param {boolean} isOrdered whether staff say so
   */
  async isThere(isOrdered = false) {
    this.#quiet.answered();
    this.#question.close();
    byId("screen").focus();
    return this.#visit?.stay(isOrdered);
  }

  // ------------------------------------------------------------------ showing

  /** @returns {Screen} */
  #current() {
    const before = setUp(this, this.#device);
    if (before) return before;
    const payment = this.payments.now;
    if (payment?.status === "paid" && payment.booking) return screens.ticket(this, payment);
    if (payment?.status === "paid") return screens.voided(this, payment);
    if (payment?.status === "voided") return screens.voided(this, payment);
    if (payment) return screens.pay(this, payment);
    if (this.#device.state?.locked) return screens.locked(this);
    if (this.#beginning) return screens.pay(this, null);
    if (this.#hasMoved) return moved(this);
    if (this.tickets.isAwaited) return awaited(this);
    if (this.tickets.shown) return shownTicket(this, this.tickets.shown);
    if (this.#visit && this.#step) return STEPS[this.#step](this, this.#visit);
    return screens.attract(this);
  }

  /** Show what there is now. Returns whether it is another screen than before, which was read out. */
  #render() {
    const isNew = this.display.show(this.#current(), this.#step);
    this.attendant.tell();
    return isNew;
  }

  /** Whether somebody is asked whether they are there. */
  get isAsking() {
    return this.#question.isOpen;
  }

  /** Whether whoever is there may give up and begin anew. */
  get canStartOver() {
    return this.#visit !== null && this.payments.now === null && this.#beginning === null;
  }

  /** What is told below the screen. */
  get told() {
    const { state, isOnline } = this.#device;
    if (state && !isOnline) return this.words.text("offline");
    return [this.attendant.text, this.note].filter(Boolean).join(" ") || (state?.message ?? "");
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

  /** Whoever uses the keypad may not see the screen: it speaks at once, and they need not look for a button. */
  #keypadUsed() {
    this.usesKeypad = true;
    if (this.speech.isOn || !this.speech.canSpeak || this.#visit !== null) return;
    this.display.toggleSpeech();
    this.#render(); // the bar shows it
  }
}

new Kiosk();
