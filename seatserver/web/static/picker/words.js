/** Language: the texts of `strings/`, and numbers, money, times and lists as people of a place write them (Intl). */

import de from "./strings/de.js";
import en from "./strings/en.js";

const LANGUAGES = { de, en };
const ISOLATED = /\{(\w+)\}/g;

export class Words {
  /** The locale of numbers and dates, such as "en-IE". */
  locale;
  /** The language of the texts, such as "en". */
  lang;

  #strings;
  #plural;
  #number;
  #list;
  #either;
  #isolate;

  /**
   * `lang`: a language tag; of a language that is not shipped, texts are English unless `replaced` has them. `replaced`:
   * templates by name (see strings/en.js). `direction`: "rtl" keeps names such as "A-3" together in such texts.
   */
  constructor(lang, replaced = {}, direction = "ltr") {
    this.locale = localeOf(lang);
    const language = this.locale.split("-")[0];
    const isKnown = language in LANGUAGES || Object.keys(replaced).length > 0;
    this.lang = isKnown ? language : "en";
    this.#strings = { ...en, ...LANGUAGES[language], ...replaced };
    this.#plural = new Intl.PluralRules(this.lang);
    this.#number = new Intl.NumberFormat(this.locale);
    this.#list = new Intl.ListFormat(isKnown ? this.locale : "en");
    this.#either = new Intl.ListFormat(isKnown ? this.locale : "en", { type: "disjunction" });
    this.#isolate = direction === "rtl" ? (text) => `\u2068${text}\u2069` : (text) => text;
  }

  /** The text `name` with these facts; numbers are written as the locale writes them. */
  say(name, facts = {}) {
    const template = this.#strings[name];
    if (typeof template === "function") return template(facts);
    const text = typeof template === "string" ? template : this.#form(template, facts.count);
    return text.replace(ISOLATED, (whole, fact) => (fact in facts ? this.#show(facts[fact]) : whole));
  }

  #form(template, count) {
    return template[this.#plural.select(count)] ?? template.other;
  }

  #show(fact) {
    return this.#isolate(typeof fact === "number" ? this.number(fact) : fact);
  }

  number(value) {
    return this.#number.format(value);
  }

  /** ["C-7", "C-8", "D-1"] → "C-7, C-8, and D-1". */
  list(items) {
    return this.#list.format(items.map(this.#isolate));
  }

  /** ["Adult", "Senior"] → "Adult or Senior". */
  either(items) {
    return this.#either.format(items.map(this.#isolate));
  }

  /** 1400, "EUR" → "€14.00". A currency's own number of minor digits is respected: 1400 JPY is ¥1,400. */
  money(minor, currency) {
    const format = new Intl.NumberFormat(this.locale, { style: "currency", currency });
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
  }

  time(ms, timeZone) {
    return new Intl.DateTimeFormat(this.locale, { timeStyle: "short", timeZone }).format(ms);
  }

  day(ms, timeZone) {
    const format = { weekday: "long", day: "numeric", month: "long", timeZone };
    return new Intl.DateTimeFormat(this.locale, format).format(ms);
  }

  /** 272500 → "4:33": seconds are rounded up, so that 0:00 means over. */
  countdown(ms) {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

/** The visitor's own variant of a language where the browser knows one ("en" → "en-IE"), and a valid tag always. */
function localeOf(lang) {
  let tag;
  try {
    [tag] = Intl.getCanonicalLocales(lang);
  } catch {
    tag = undefined; // no language tag at all
  }
  if (!tag) return "en";
  return navigator.languages.find((one) => one.startsWith(`${tag}-`)) ?? tag;
}
