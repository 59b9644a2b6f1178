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
const texts = { ...en, ...{ de }[lang] };
const format = new Format(lang);
const plurals = new Intl.PluralRules(format.locale);

export const HERE = new URL("/", location.origin); // the server, which these pages came from
/** How dates and numbers are written here, for `Intl`. */
export const { locale } = format;
/** An amount of a showtime, a booking, or whatever else has a `currency` and its `currency_digits`. */
export const money = (minor, priced) => format.money(minor, priced);
export const time = (ms, timeZone) => format.time(ms, timeZone);
export const day = (ms, timeZone) => format.day(ms, timeZone);
export const list = (words) => format.list(words);
export const countdown = (ms) => format.countdown(ms);

/** The text `name` with these facts; numbers are written as people here write them. */
export function say(name, facts = {}) {
  const form = texts[name];
  const text = typeof form === "string" ? form : (form[plurals.select(facts.count)] ?? form.other);
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

/** Why a request failed, as the end of a sentence. */
export function reasonOf(error) {
  return say(reasonOfError(error));
}

/** Whether clocks at `timeZone` show another time than the visitor's at that moment. */
export function isAbroad(ms, timeZone) {
  return time(ms) !== time(ms, timeZone) || day(ms) !== day(ms, timeZone);
}
