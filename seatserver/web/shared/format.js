/** Formats numbers, money, times and lists for a language and region, with the browser's own Intl. */

export class Format {
  /** The locale, such as "en-IE". */
  locale;

  #number;
  #list;
  #either;

  /**
   * `lang`: a language tag; of its variants the one of where the visitor lives, where the browser knows it.
   * @param {string} lang
   */
  constructor(lang) {
    this.locale = localeOf(lang);
    this.#number = new Intl.NumberFormat(this.locale);
    this.#list = new Intl.ListFormat(this.locale);
    this.#either = new Intl.ListFormat(this.locale, { type: "disjunction" });
  }

  /** @param {number} value */
  number(value) {
    return this.#number.format(value);
  }

  /**
   * ["C-7", "C-8", "D-1"] → "C-7, C-8 and D-1".
   * @param {string[]} items
   */
  list(items) {
    return this.#list.format(items);
  }

  /**
   * ["Adult", "Senior"] → "Adult or Senior".
   * @param {string[]} items
   */
  either(items) {
    return this.#either.format(items);
  }

  /**
   * 1400, {currency: "EUR", currency_digits: 2} → "€14.00". The minor digits are the server's, as ISO 4217 has them:
   * browsers have digits of their own, in which 290000 HUF would be 290,000. (A server that is older tells none.)
   * @param {number} minor
   * @param {{ currency: string, currency_digits?: number }} given
   */
  money(minor, { currency, currency_digits: digits }) {
    const exactly = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const format = new Intl.NumberFormat(this.locale, { style: "currency", currency, ...exactly });
    return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
  }

  /**
   * @param {number} ms
   * @param {string} [timeZone] the browser's own without it
   */
  time(ms, timeZone) {
    return new Intl.DateTimeFormat(this.locale, { timeStyle: "short", timeZone }).format(ms);
  }

  /**
   * @param {number} ms
   * @param {string} [timeZone] the browser's own without it
   */
  day(ms, timeZone) {
    /** @type {Intl.DateTimeFormatOptions} */
    const format = { weekday: "long", day: "numeric", month: "long", timeZone };
    return new Intl.DateTimeFormat(this.locale, format).format(ms);
  }

  /**
   * 272500 → "4:33": seconds are rounded up, so that 0:00 means over.
   * @param {number} ms
   */
  countdown(ms) {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  /**
   * 7_384_000 → "2:03:04": as `countdown`, with the hours where there are any.
   * @param {number} ms
   */
  hours(ms) {
    const minutes = Math.floor(Math.max(0, Math.ceil(ms / 1000)) / 60);
    if (minutes < 60) return this.countdown(ms);
    const [, seconds] = this.countdown(ms).split(":");
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds}`;
  }

  /**
   * 3 → "3 days".
   * @param {number} count
   */
  days(count) {
    /** @type {Intl.NumberFormatOptions} */
    const format = { style: "unit", unit: "day", unitDisplay: "long" };
    return new Intl.NumberFormat(this.locale, format).format(count);
  }
}

/**
 * "en" → "en-IE" for a visitor from there, and "en-DE" for one who prefers German: times and days are written as at home,
 * in the page's language. A valid tag always: browsers name languages that are none.
 * @param {string | undefined} lang
 */
function localeOf(lang) {
  const tag = canonical(lang);
  if (!tag) return "en";
  const preferred = navigator.languages.map(canonical).filter((one) => one !== undefined);
  const { language, region } = new Intl.Locale(tag);
  const home = preferred.length > 0 ? new Intl.Locale(preferred[0]).maximize() : null;
  if (!region && home?.region && home.language !== language) {
    const there = `${tag}-${home.region}`;
    if (new Intl.DateTimeFormat(there).resolvedOptions().locale === there) return there;
  }
  return preferred.find((one) => one.startsWith(`${tag}-`)) ?? tag;
}

/**
 * A language tag that Intl accepts; undefined if it is not one.
 * @param {string | undefined} lang
 */
function canonical(lang) {
  try {
    return Intl.getCanonicalLocales(lang)[0];
  } catch {
    return undefined;
  }
}
