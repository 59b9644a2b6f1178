/** The texts of `strings/` in one language, with its formats for numbers, money, times and lists. */

import { Format } from "../shared/format.js";
import { reasonOfError, reasonOfStop } from "../shared/reasons/codes.js";
import de from "./strings/de.js";
import en from "./strings/en.js";

/** @import { Template } from "../seat-map.js" */
/** @import { SeatMapClient } from "../seatmap-client.js" */

/** @type {Record<string, Record<string, Template>>} */
const LANGUAGES = { de, en };
const FACT = /\{(\w+)\}/g;
const LETTER = /\p{L}/u;

/** @typedef {Record<string, string | number>} Facts */

export class Words extends Format {
  /** The language of the texts, such as "en". */
  lang;

  /** @type {Record<string, Template>} */
  #strings;
  #plural;
  #isolate;
  #own; // (name) => whether it is a text of ours in a page that runs the other way

  /**
   * `lang`: a language tag; where it is one that is not shipped, everything is English unless `replaced` has texts.
   * `replaced`: templates by name (see strings/en.js). `direction`: "rtl" keeps names such as "A-3" together there, and
   * sentences of ours, which all run from left to right, in their own order.
   * @param {string} lang
   * @param {Record<string, Template>} replaced
   * @param {string} direction
   */
  constructor(lang, replaced = {}, direction = "ltr") {
    const language = String(lang).split("-")[0].toLowerCase();
    const isKnown = language in LANGUAGES || Object.keys(replaced).length > 0;
    super(isKnown ? lang : "en");
    this.lang = isKnown ? language : "en";
    this.#own = (/** @type {string} */ name) => direction === "rtl" && !(name in replaced);
    this.#strings = { ...en, ...LANGUAGES[language], ...replaced };
    this.#plural = new Intl.PluralRules(this.locale);
    this.#isolate = (/** @type {string} */ text) => (direction === "rtl" ? `\u2068${text}\u2069` : text);
  }

  /**
   * The text `name` with these facts; numbers are written as the locale writes them.
   * @param {string} name
   * @param {Facts} facts
   */
  say(name, facts = {}) {
    const template = this.#strings[name];
    if (typeof template === "function") return template(facts);
    const text = typeof template === "string" ? template : this.#form(template, Number(facts.count));
    const said = text.replace(FACT, (whole, fact) => (fact in facts ? this.#show(facts[fact]) : whole));
    // A name such as "{row}-{number}" has no letters of its own, and so no direction.
    return this.#own(name) && LETTER.test(text.replace(FACT, "")) ? `\u2066${said}\u2069` : said;
  }

  /**
   * Why a request or a command failed, as the end of a sentence.
   * @param {any} error
   */
  whyFailed(error) {
    return this.say(reasonOfError(error));
  }

  /**
   * Why the connection of this SeatMapClient has ended, as the end of a sentence.
   * @param {SeatMapClient} client
   */
  whyStopped(client) {
    return this.say(reasonOfStop(client));
  }

  /** @param {string[]} items */
  list(items) {
    return super.list(items.map(this.#isolate));
  }

  /** @param {string[]} items */
  either(items) {
    return super.either(items.map(this.#isolate));
  }

  /**
   * @param {number} minor
   * @param {{ currency: string, currency_digits?: number }} priced
   */
  money(minor, priced) {
    return this.#isolate(super.money(minor, priced));
  }

  /**
   * @param {Exclude<Template, string | Function>} template
   * @param {number} count
   */
  #form(template, count) {
    return template[this.#plural.select(count)] ?? template.other;
  }

  /** @param {string | number} fact */
  #show(fact) {
    return this.#isolate(typeof fact === "number" ? this.number(fact) : fact);
  }
}
