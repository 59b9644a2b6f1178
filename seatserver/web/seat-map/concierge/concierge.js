/**
 * The concierge: a field for wishes in the visitor's own words, the answer, and the offers that it speaks of, which are
 * shown on the map as they come. Where there is little room, a button in the line of the search unfolds it.
 *
 * Where the page wants it, wishes may be spoken too: what is heard is written into the field, and asked as if it had been
 * typed. The answer to a spoken wish is spoken, until the visitor touches something, types or talks. A server that hears
 * for itself (`line.js`) is preferred to the browser's recognition; it also speaks.
 */

import { button, element, first, focusedIn } from "../../shared/dom.js";
import { Speech } from "../../shared/speech.js";
import { Ear } from "./ear.js";
import { Line } from "./line.js";
import { Microphone } from "./microphone.js";
import { canRecord, Player } from "./sound.js";
import { Talk } from "./talk.js";

/** @import { SeatMapClient } from "../../seatmap-client.js" */
/** @import { Announcer } from "../announcer.js" */
/** @import { Answers } from "../basket/answers.js" */
/** @import { Choice } from "../basket/choice.js" */
/** @import { Sale } from "../sale.js" */
/** @import { Venue } from "../venue.js" */
/** @import { Words } from "../words.js" */
/** @import { Listener, Suggestion } from "./talk.js" */

const FREE = 0;

/**
 * @typedef {object} Parts what the concierge works with
 * @property {SeatMapClient} client
 * @property {Choice} choice
 * @property {Venue} venue
 * @property {Words} words
 * @property {Answers} answers
 * @property {Announcer} announcer
 * @property {Sale} sale
 * @property {string} address of the socket
 * @property {(refused: string | null) => Promise<string>} token
 * @property {() => number} people how many come if the visitor does not say it
 * @property {() => boolean} isLeftOut whether the page does without it
 * @property {() => boolean} hasVoice whether the page lets its visitors speak
 * @property {AbortSignal} signal
 */

/** Events: "ask", when something is asked; "preview": these seats (detail) are spoken of or looked at. */
export class Concierge extends EventTarget {
  #node;
  #client;
  #choice;
  #venue;
  #words;
  #answers;
  #announcer;
  #sale;
  #people;
  #isLeftOut;
  #hasVoice;
  #talk;
  #microphone;
  #ear = new Ear();
  #phone;
  #player = new Player();
  #hasPlayed = false; // whether the server has said the present answer aloud
  #speech = new Speech();
  #opener;
  #form = element("form", { className: "asking" });
  /** @type {HTMLInputElement} */
  #field;
  /** @type {HTMLButtonElement} */
  #send;
  #model = element("p", { className: "model quiet", hidden: true });
  #consent = element("div", { className: "consent quiet", hidden: true });
  #agrees = element("input", { type: "checkbox" });
  #agreement = element("span");
  #forget = element("button", { type: "button", className: "forget" });
  #said = element("p", { className: "said quiet", hidden: true });
  #answer = element("p", { className: "answer", hidden: true });
  #list = element("ol", { hidden: true });
  /** @type {{ offer: Suggestion, node: HTMLElement }[]} */
  #offers = [];
  #isAnswering = false;
  #isHushed = false; // whether the visitor wants to hear no more of the present answer
  #draft = ""; // what the visitor had typed before they spoke

  /**
   * In the empty `node`; the button that unfolds it is put into `search`.
   * @param {HTMLElement} node
   * @param {HTMLElement} search
   * @param {Parts} parts
   */
  constructor(node, search, parts) {
    super();
    const { client, choice, venue, words, answers, announcer, sale, address, token, people, signal } = parts;
    this.#node = node;
    this.#client = client;
    this.#choice = choice;
    this.#venue = venue;
    this.#words = words;
    this.#answers = answers;
    this.#announcer = announcer;
    this.#sale = sale;
    this.#people = people;
    this.#isLeftOut = parts.isLeftOut;
    this.#hasVoice = parts.hasVoice;
    this.#talk = new Talk(address, token, words.lang);
    const label = words.say("concierge");
    this.#field = element("input", {
      ...{ type: "text", autocomplete: "off", enterKeyHint: "send", ariaLabel: label },
      placeholder: label,
    });
    this.#send = element("button", { part: "button ask", className: "ask" });
    this.#phone = new Line({
      begin: () => this.#talk.speak(this.#people(), this.#beginAnswer("", true)),
      sound: (piece) => this.#talk.sound(piece),
      finish: () => this.#talk.sound(null),
      cancel: () => this.rest(),
      limits: () => ({ seconds: this.#hears, bytes: this.#client.welcome?.limits.message_bytes ?? 0 }),
    });
    const choose = () => (this.#hears > 0 ? this.#phone : this.#ear);
    this.#microphone = new Microphone(words, choose, {
      begin: () => this.#beginToHear(),
      heard: (text) => this.#showHeard(text),
      said: (text) => this.#askAloud(text),
      broken: (text) => this.#endHearing(text),
      cancelled: () => this.#endHearing(""),
    });
    this.#speech.speak(words.lang);
    this.#form.append(this.#field, this.#microphone.button, this.#send);
    this.#consent.append(element("label", {}, this.#agrees, this.#agreement), this.#forget);
    this.#forget.textContent = words.say("conciergeForget");
    this.#agrees.addEventListener("change", () => this.#talk.keep(this.#agrees.checked));
    this.#forget.addEventListener("click", () => void this.#forgetAll());
    node.append(this.#form, this.#model, this.#consent, this.#microphone.line, this.#said, this.#answer, this.#list);
    this.#opener = button("", () => this.#unfold(this.#opener.ariaExpanded !== "true"), {
      ...{ className: "talker", part: "button talker", ariaExpanded: "false", ariaLabel: label },
    });
    search.append(this.#opener);
    this.#showState(false);
    this.#listen(signal);
    this.update();
  }

  /** Show it, or leave it out: where the page or the server does without it, and where nothing is sold. */
  update() {
    const chars = this.#client.welcome?.limits.concierge_chars ?? 0;
    const isOut = chars === 0 || this.#isLeftOut() || this.#sale.isClosed || this.#venue.layout.seats.length === 0;
    this.#node.hidden = this.#opener.hidden = isOut;
    if (chars > 0) this.#field.maxLength = chars;
    this.#model.hidden = !this.#client.welcome?.limits.concierge_model;
    const days = this.#client.welcome?.limits.concierge_log_days ?? 0;
    this.#consent.hidden = days === 0;
    const isHeard = this.canListen && this.#hears > 0;
    // What this browser understands is sent in writing, and kept like it; what the server hears is not.
    const kept = this.canListen && !isHeard ? "conciergeKeepSaid" : "conciergeKeep";
    if (days > 0) this.#agreement.textContent = this.#words.say(kept, { days });
    else this.#agrees.checked = false;
    this.#model.textContent = this.#words.say(isHeard ? "conciergeModelHears" : "conciergeModel");
    this.#microphone.button.hidden = !this.canListen;
    if (!this.canListen) this.#microphone.cancel();
  }

  /** Whether wishes may be spoken here. */
  get canListen() {
    return !this.#node.hidden && this.#hasVoice() && (this.#hears > 0 || Ear.isThere);
  }

  /** How long the server itself listens, in seconds; 0 if it does not, or this browser cannot record. */
  get #hears() {
    return canRecord() ? (this.#client.welcome?.limits.voice_s ?? 0) : 0;
  }

  /** Unfold it and begin to listen, as if the microphone had been pressed. */
  listen() {
    if (!this.canListen) return;
    if (this.#opener.checkVisibility()) this.#unfold(true, this.#microphone.button);
    this.#microphone.begin();
  }

  /** Make room: other offers are shown. */
  rest() {
    if (this.#isAnswering) this.#halt();
    this.#clear();
    this.#answer.hidden = this.#said.hidden = true;
    this.#hush();
    this.#microphone.rest();
  }

  stop() {
    this.#microphone.cancel();
    this.#hush();
    this.#player.close();
    this.#talk.close();
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#microphone.isListening) this.#microphone.finish();
      else if (this.#isAnswering) this.#halt();
      else if (this.#field.value.trim()) this.#ask(this.#field.value.trim());
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (this.#microphone.isListening) this.#microphone.cancel();
      else if (this.#isAnswering) this.#halt();
      else if (this.#opener.ariaExpanded === "true") this.#foldAway();
    });
    for (const event of ["pointerdown", "keydown"]) {
      document.addEventListener(event, () => this.#hush(), { signal, capture: true });
    }
    this.#sale.addEventListener("change", () => this.update(), { signal });
    this.#client.addEventListener("welcome", () => this.update(), { signal });
    this.#client.addEventListener("change", () => this.#dropTaken(), { signal });
  }

  /**
   * @param {boolean} isOpen
   * @param {HTMLElement} [next] what has the focus then
   */
  #unfold(isOpen, next = this.#field) {
    this.#opener.ariaExpanded = String(isOpen);
    this.#node.dataset.open = String(isOpen);
    if (isOpen) next.focus();
  }

  #foldAway() {
    this.#unfold(false);
    this.#opener.focus({ preventScroll: true });
  }

  // ------------------------------------------------------------------ asking

  /**
   * @param {string} text
   * @param {boolean} [isSpoken]
   */
  #ask(text, isSpoken = false) {
    this.#talk.ask(text, this.#people(), this.#beginAnswer(text, isSpoken));
  }

  /**
   * Make room for the answer to `text`; if it is empty, it is still being said. Returns what hears the answer.
   * @param {string} text
   * @param {boolean} isSpoken
   * @returns {Listener}
   */
  #beginAnswer(text, isSpoken) {
    this.#clear();
    this.dispatchEvent(new Event("ask"));
    this.#microphone.rest();
    this.#showSaid(isSpoken ? text : "");
    this.#answer.textContent = "";
    this.#answer.hidden = false;
    this.#hasPlayed = this.#isHushed = false;
    this.#showState(true);
    const end = () => {
      this.#showState(false);
      const answer = this.#answer.textContent ?? "";
      // Said once: a screen reader that speaks at the same time would drown it.
      if (this.#hasPlayed) return;
      if (isSpoken && this.#speech.canSpeak) this.#sayAloud(answer);
      else this.#announcer.say(answer);
    };
    return {
      words: (piece) => this.#answer.append(piece),
      suggestions: (offers) => this.#show(offers),
      heard: (all) => (this.#microphone.isListening ? this.#showHeard(all) : this.#showSaid(all)),
      sound: (piece) => this.#playAloud(piece),
      quiet: () => this.#player.stop(),
      done: (isHeld) => {
        if (isHeld) this.#clear();
        this.#phone.end();
        if (text && this.#field.value.trim() === text) this.#field.value = "";
        end();
      },
      failed: (error) => {
        this.#phone.end();
        this.#answer.append(` ${this.#whyNot(error)}`);
        end();
      },
    };
  }

  // ------------------------------------------------------------------ by voice

  #beginToHear() {
    this.#hush();
    if (this.#isAnswering) this.#halt();
    if (this.#hears > 0) this.#player.open();
    this.#draft = this.#field.value.trim();
    this.#field.readOnly = true;
    this.#node.dataset.hearing = "true";
  }

  /** @param {string} text */
  #showHeard(text) {
    const { maxLength } = this.#field;
    this.#field.value = `${this.#draft} ${text}`.trim().slice(0, maxLength < 0 ? undefined : maxLength);
    this.#field.scrollLeft = this.#field.scrollWidth;
    // Whoever talks is there, as one who types is.
    this.#field.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  }

  /** @param {string} text what was heard; it stays in the field behind what was typed before */
  #endHearing(text) {
    this.#showHeard(text);
    this.#field.readOnly = false;
    delete this.#node.dataset.hearing;
  }

  /** @param {string} text */
  #askAloud(text) {
    if (!text) return this.#hasSpoken();
    this.#endHearing(text);
    this.#ask(this.#field.value, true);
  }

  /** The server has heard the question itself. */
  #hasSpoken() {
    const heard = this.#field.value.slice(this.#draft.length).trim();
    this.#endHearing("");
    this.#showSaid(heard);
  }

  /** @param {string} text what the visitor has said */
  #showSaid(text) {
    this.#said.textContent = text && this.#words.say("voiceSaid", { text });
    this.#said.hidden = !text;
  }

  /** @param {ArrayBuffer} piece */
  #playAloud(piece) {
    this.#hasPlayed = true;
    if (!this.#isHushed) this.#player.play(piece);
  }

  /** @param {string} text */
  #sayAloud(text) {
    this.#speech.isOn = true;
    this.#speech.say(text);
  }

  /** Say no more of the answer. */
  #hush() {
    if (this.#player.isPlaying) this.#isHushed = true;
    this.#player.stop();
    if (!this.#speech.isOn) return; // others may be speaking
    this.#speech.isOn = false;
    this.#speech.stop();
  }

  /** @param {{ code: string }} error */
  #whyNot(error) {
    return error.code === "lost" ? this.#words.say("conciergeLost") : this.#answers.failure({ ...error, facts: {} });
  }

  /** Delete what is kept of the visitor, who then has to agree again. */
  async #forgetAll() {
    if (this.#isAnswering) this.#halt();
    this.#agrees.checked = false;
    this.#forget.disabled = true;
    let told = this.#words.say("conciergeNotForgotten");
    try {
      told = this.#words.say("conciergeForgotten", { count: await this.#talk.forget() });
    } catch {
      // It says so.
    }
    this.#forget.disabled = false;
    this.#answer.textContent = told;
    this.#answer.hidden = false;
    this.#announcer.say(told);
  }

  #halt() {
    this.#player.stop();
    this.#talk.stop();
    this.#showState(false);
  }

  /** @param {boolean} isAnswering */
  #showState(isAnswering) {
    this.#isAnswering = isAnswering;
    this.#node.ariaBusy = String(isAnswering);
    this.#send.textContent = this.#words.say(isAnswering ? "conciergeStop" : "conciergeAsk");
  }

  // ------------------------------------------------------------------ offers

  /** @param {Suggestion[]} offers */
  #show(offers) {
    // The answer gives the reasons for the first one itself.
    this.#offers = offers.map((offer, at) => ({ offer, node: this.#line(offer, at === 0 ? "" : offer.reason) }));
    this.#list.replaceChildren(...this.#offers.map(({ node }) => node));
    this.#list.hidden = offers.length === 0;
    this.#preview(offers[0]?.seats ?? []);
  }

  /**
   * @param {Suggestion} offer
   * @param {string} reason
   */
  #line(offer, reason) {
    const take = () => {
      this.#clear();
      if (offer.wheelchairs > this.#choice.wheelchairs) this.#choice.wheelchairs = offer.wheelchairs;
      this.#choice.take(offer.seats, offer.tickets);
    };
    const hold = button("", take, { part: "button offer" });
    const parts = [
      element("strong", { textContent: this.#venue.names(offer.seats) }),
      element("b", { textContent: this.#venue.money(offer.total_minor) }),
      ...(reason ? [element("span", { className: "quiet", textContent: reason })] : []),
    ];
    hold.append(...parts);
    for (const event of ["pointerenter", "focusin"]) hold.addEventListener(event, () => this.#preview(offer.seats));
    return element("li", {}, hold);
  }

  /** @param {number[]} seats */
  #preview(seats) {
    this.dispatchEvent(new CustomEvent("preview", { detail: seats }));
  }

  /** Remove offers with a seat that somebody has taken meanwhile. */
  #dropTaken() {
    const { states, mine } = this.#client;
    if (!states || this.#offers.length === 0) return;
    const isThere = (/** @type {number} */ seat) => states[seat] === FREE || mine.has(seat);
    const gone = this.#offers.filter(({ offer }) => !offer.seats.every(isThere));
    if (gone.length === 0) return;
    this.#offers = this.#offers.filter((one) => !gone.includes(one));
    const hadFocus = gone.some(({ node }) => node.contains(focusedIn(node)));
    for (const { node } of gone) node.remove();
    // Not to another offer: a key that is on its way down was meant for the one that went.
    if (hadFocus) this.#field.focus({ preventScroll: true });
    if (this.#offers.length > 0) return this.#preview(this.#offers[0].offer.seats);
    this.#clear();
    this.#answer.append(` ${this.#words.say("offersGone")}`);
    this.#announcer.say(this.#words.say("offersGone"));
  }

  #clear() {
    if (first("button", this.#list)?.contains(focusedIn(this.#list))) this.#field.focus({ preventScroll: true });
    if (this.#offers.length > 0) this.#preview([]);
    this.#offers = [];
    this.#list.hidden = true;
    this.#list.replaceChildren();
  }
}
