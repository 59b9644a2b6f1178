/** Numbers, money and times as people read them, by the browser's own Intl, and REST answers as values or one error. */

/** The JSON of a REST answer; an error carries the problem document's sentence. */
export async function fetchJson(path, options = {}) {
  const response = await fetch(path, options);
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? `the server answered ${response.status}`);
}

/** 1400, "EUR" → "€14.00". A currency's own number of minor digits is respected: 1400 JPY is ¥1,400. */
export function money(minor, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export function time(ms, timeZone) {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "short", timeZone }).format(ms);
}

export function day(ms, timeZone) {
  return new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", timeZone }).format(ms);
}

/** 272500 → "4:33": seconds are rounded up, so that 0:00 means over. */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function plural(count, noun) {
  return `${new Intl.NumberFormat().format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** ["C-7", "C-8", "D-1"] → "C-7, C-8, and D-1". */
export function list(words) {
  return new Intl.ListFormat("en").format(words);
}

/**
 * An HTML element with properties and children; `dataset` and `style` (custom properties) are objects. Children that are
 * null, false or empty are left out.
 */
export function element(tag, { dataset = {}, style = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
  made.append(...children.filter(Boolean));
  return made;
}

/** What this window remembers under `key`; null where nothing is kept, or where the browser lets nothing be kept. */
export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A frame without storage forgets at once.
  }
}
