/** What the pages share with the seat map's parts: elements, REST answers, what a window remembers, numbers and times. */

import { Format } from "./picker/format.js";
import { isSilence } from "./picker/rest.js";

export { element } from "./picker/dom.js";
export { fetchJson, patience, recall, remember } from "./picker/rest.js";

const format = new Format(document.documentElement.lang);

export const money = (minor, currency) => format.money(minor, currency);
export const time = (ms, timeZone) => format.time(ms, timeZone);
export const day = (ms, timeZone) => format.day(ms, timeZone);
export const list = (words) => format.list(words);
export const countdown = (ms) => format.countdown(ms);

export function plural(count, noun) {
  return `${format.number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** The last part of this page's address, as text; one that is no text stays as it stands. */
export function nameInAddress() {
  const part = location.pathname.split("/").filter(Boolean).at(-1);
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Why a request failed, as the end of a sentence. */
export function reasonOf(error) {
  return isSilence(error) ? "the server does not answer" : error.message;
}
