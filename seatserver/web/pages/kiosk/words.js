/** The kiosk's texts, in the language that the person before it chose. It changes without loading the page again. */

import { Format } from "../../shared/format.js";
import de from "./words/de.js";
import en from "./words/en.js";

/** @typedef {string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>)} Text */
/** @type {Record<string, Record<string, Text>>} */
export const LANGUAGES = { en, de };

/** The language of this kiosk: of its browser, where it is one of ours. */
export const HOME = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";

export class Words {
  /** @param {string} lang */
  constructor(lang) {
    this.lang = lang;
    this.format = new Format(lang);
    this.plurals = new Intl.PluralRules(this.format.locale);
  }

  /**
   * The text `name` with these facts; a text with forms is chosen by `count`.
   * @param {string} name
   * @param {Record<string, string | number>} facts
   */
  text(name, facts = {}) {
    const form = LANGUAGES[this.lang][name];
    const text = typeof form === "string" ? form : (form[this.plurals.select(Number(facts.count))] ?? form.other);
    return text.replace(/\{(\w+)\}/g, (whole, fact) => (fact in facts ? String(facts[fact]) : whole));
  }
}
