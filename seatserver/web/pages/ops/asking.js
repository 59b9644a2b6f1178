/**
 * Questions over the live figures, in words: a field, the answer as it comes, and examples to begin with. It speaks
 * English or German, as chosen; the rest of this view is in English only.
 */

import { Talk } from "../../seat-map/concierge/talk.js";
import { byId, element } from "../shared/page.js";

const TEXTS = {
  en: {
    title: "Ask about these figures",
    language: "Language of the answers",
    ask: "Ask",
    stop: "Stop",
    rules: "Answered by fixed rules from the figures here and from counts of bookings. Nothing leaves this server.",
    model: "A language model answers. It is sent your question, and figures without any customer’s data.",
    lost: "There was no answer. Please ask again.",
    forbidden: "Your token does not allow this.",
    busy: "That was a lot of questions. Please try again in a minute.",
    stopped: "Stopped.",
    examples: [
      "Which showtimes sell slower than usual?",
      "How full are the showtimes tonight?",
      "How many tickets were sold per day last week?",
      "Which kiosks need help?",
    ],
  },
  de: {
    title: "Fragen zu diesen Zahlen",
    language: "Sprache der Antworten",
    ask: "Fragen",
    stop: "Anhalten",
    rules: "Feste Regeln antworten aus den Zahlen hier und gezählten Buchungen. Nichts verlässt diesen Server.",
    model: "Ein Sprachmodell antwortet. Es erhält Ihre Frage und Zahlen, aber keine Daten von Kunden.",
    lost: "Es kam keine Antwort. Bitte fragen Sie noch einmal.",
    forbidden: "Ihr Token erlaubt das nicht.",
    busy: "Das waren viele Fragen. Bitte versuchen Sie es in einer Minute noch einmal.",
    stopped: "Angehalten.",
    examples: [
      "Welche Vorstellungen verkaufen sich langsamer als sonst?",
      "Wie voll sind die Vorstellungen heute?",
      "Wie viele Karten wurden letzte Woche pro Tag verkauft?",
      "Welche Kioske brauchen Hilfe?",
    ],
  },
};

export class Asking {
  #token;
  /** @type {Talk | null} */
  #talk = null;
  #section = byId("asking");
  #language = /** @type {HTMLSelectElement} */ (byId("asking-language"));
  #field = /** @type {HTMLInputElement} */ (byId("asking-field"));
  #answer = byId("asking-answer");
  #isAnswering = false;
  #hasModel = false;

  /** @param {() => string | null} token of the operator */
  constructor(token) {
    this.#token = token;
    this.#language.value = navigator.language.startsWith("de") ? "de" : "en";
    this.#language.addEventListener("change", () => {
      this.#halt();
      this.#end();
      this.#write();
    });
    byId("asking-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#isAnswering) this.#halt();
      else this.#ask(this.#field.value.trim());
    });
    this.#section.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#isAnswering) this.#halt();
    });
    this.#write();
  }

  get #texts() {
    return TEXTS[this.#language.value];
  }

  /** `asking` is what the server says of it: null where nothing can be asked. */
  show(asking) {
    this.#section.hidden = !asking;
    if (!asking) return;
    this.#field.maxLength = asking.chars;
    if (this.#hasModel === asking.model) return;
    this.#hasModel = asking.model;
    this.#write();
  }

  /** Forget the answer, which another operator shall not read. */
  close() {
    this.#end();
    this.#showState(false);
    this.#field.value = this.#answer.textContent = byId("asking-told").textContent = "";
    this.#answer.hidden = true;
  }

  #end() {
    this.#talk?.close();
    this.#talk = null;
  }

  #ask(text) {
    if (!text) return;
    this.#talk ??= new Talk(address(), async () => this.#token() ?? "", this.#language.value);
    this.#answer.textContent = byId("asking-told").textContent = "";
    this.#answer.hidden = false;
    this.#showState(true);
    this.#talk.ask(text, null, {
      words: (piece) => this.#answer.append(piece),
      suggestions: () => undefined, // of seats; staff are offered none
      done: () => this.#finish(""),
      failed: ({ code }) => this.#finish(this.#texts[code === "too_many" ? "busy" : code] ?? this.#texts.lost),
    });
  }

  #halt() {
    if (!this.#isAnswering) return;
    this.#talk?.stop();
    this.#finish(this.#texts.stopped);
  }

  /** The answer has ended; `why`, unless it is complete. It is read aloud as a whole, not in pieces. */
  #finish(why) {
    if (why) this.#answer.append(`${this.#answer.textContent ? "\n" : ""}${why}`);
    byId("asking-told").textContent = this.#answer.textContent;
    this.#showState(false);
  }

  #showState(isAnswering) {
    this.#isAnswering = isAnswering;
    this.#answer.ariaBusy = String(isAnswering);
    byId("asking-send").textContent = isAnswering ? this.#texts.stop : this.#texts.ask;
  }

  /** Write all texts in the chosen language. */
  #write() {
    const texts = this.#texts;
    this.#section.lang = this.#language.value;
    this.#language.ariaLabel = texts.language;
    byId("asking-title").textContent = texts.title;
    byId("asking-note").textContent = this.#hasModel ? texts.model : texts.rules;
    const examples = texts.examples.map((text) => {
      const choose = element("button", { type: "button", className: "plain", textContent: text });
      choose.addEventListener("click", () => {
        this.#field.value = text;
        this.#field.focus();
        this.#ask(text);
      });
      return element("li", {}, choose);
    });
    byId("asking-examples").replaceChildren(...examples);
    this.#showState(this.#isAnswering);
  }
}

function address() {
  const url = new URL("/ws/operations", location.origin);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
