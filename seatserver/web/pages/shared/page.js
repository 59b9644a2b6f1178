/**
 * What the pages share with the seat map (elements, REST requests, storage of the window, numbers and times), and their
 * own texts in the page's language.
 */

import "./header.js";
import { Format } from "../../shared/format.js";
import { reasonOfError } from "../../shared/reasons/codes.js";
import de from "./words/de.js";
import en from "./words/en.js";

export { button, byId, element, every, first, focusedIn } from "../../shared/dom.js";
export { fetchJson, patience, recall, refusal, remember } from "../../shared/rest.js";

const { lang } = document.documentElement;
/** @typedef {string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>)} Text */
/** @type {Record<string, Record<string, Text>>} */
const LANGUAGES = { de, en };
const texts = { ...LANGUAGES.en, ...LANGUAGES[lang] };
const format = new Format(lang);
const plurals = new Intl.PluralRules(format.locale);

export const HERE = new URL("/", location.origin); // the server, which these pages came from
/** How dates and numbers are written here, for `Intl`. */
export const { locale } = format;
/**
 * An amount of a showtime, a booking, or whatever else has a `currency` and its `currency_digits`.
 * @param {number} minor
 * @param {{ currency: string, currency_digits?: number }} priced
 */
export const money = (minor, priced) => format.money(minor, priced);
/**
 * @param {number} ms
 * @param {string} [timeZone]
 */
export const time = (ms, timeZone) => format.time(ms, timeZone);
/**
 * @param {number} ms
 * @param {string} [timeZone]
 */
export const day = (ms, timeZone) => format.day(ms, timeZone);
/** @param {string[]} words */
export const list = (words) => format.list(words);
/** @param {number} ms */
export const countdown = (ms) => format.countdown(ms);

/**
 * The text `name` with these facts; numbers are written as people here write them.
 * @param {string} name
 * @param {Record<string, string | number>} facts
 */
export function say(name, facts = {}) {
  const form = texts[name];
  const text = typeof form === "string" ? form : (form[plurals.select(Number(facts.count))] ?? form.other);
  /** @param {string | number} fact */
  const shown = (fact) => (typeof fact === "number" ? format.number(fact) : fact);
  return text.replace(/\{(\w+)\}/g, (whole, fact) => (fact in facts ? shown(facts[fact]) : whole));
}

/** The last part of this page's address, as text; one that is no text stays as it stands. */
export function nameInAddress() {
  const part = location.pathname.split("/").filter(Boolean).at(-1) ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Why a request failed, as the end of a sentence.
 * @param {any} error
 */
export function reasonOf(error) {
  return say(reasonOfError(error));
}

/**
 * Whether clocks at `timeZone` show another time than the visitor's at that moment.
 * @param {number} ms
 * @param {string} timeZone
 */
export function isAbroad(ms, timeZone) {
  return time(ms) !== time(ms, timeZone) || day(ms) !== day(ms, timeZone);
}
