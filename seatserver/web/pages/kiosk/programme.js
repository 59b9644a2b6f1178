/** What is on in the kiosk's theatre: the next showtimes that are still sold, soonest first. */

import { fetchJson } from "../shared/page.js";

const EVERY_MS = 30_000;
const AHEAD_MS = 24 * 3_600_000;
const BEHIND_MS = 3_600_000; // a film that has just begun may still be on sale
const MOST = 200;

/**
 * @typedef {object} Showing
 * @property {string} id
 * @property {string} title
 * @property {string | null} poster_hash
 * @property {string} auditorium_name
 * @property {string} theatre_name
 * @property {string} timezone
 * @property {number} starts ms since the epoch
 * @property {string} currency
 * @property {number} currency_digits
 * @property {{ key: string, name: string, prices: Record<string, number>, only_with: string[] }[]} ticket_types
 */

/** Fires "change" each time that it was read. */
export class Programme extends EventTarget {
  /** What is on; null before that is known. @type {Showing[] | null} */
  showings = null;
  #theatre = "";

  constructor() {
    super();
    setInterval(() => void this.#read(), EVERY_MS);
  }

  /**
   * Read what is on in this theatre, and go on doing so.
   * @param {string} theatre
   */
  of(theatre) {
    if (theatre === this.#theatre) return;
    [this.#theatre, this.showings] = [theatre, null];
    void this.#read();
  }

  async #read() {
    const theatre = this.#theatre;
    if (!theatre) return;
    try {
      const found = await readProgramme(theatre);
      if (theatre !== this.#theatre) return;
      this.showings = found;
    } catch {
      return; // The list that is shown stays. What is no longer sold is refused when it is chosen.
    }
    this.dispatchEvent(new CustomEvent("change"));
  }
}

/**
 * @param {string} theatre
 * @param {number} now
 * @returns {Promise<Showing[]>}
 */
async function readProgramme(theatre, now = Date.now()) {
  const query = new URLSearchParams({
    theatre,
    from: new Date(now - BEHIND_MS).toISOString(),
    to: new Date(now + AHEAD_MS).toISOString(),
    limit: String(MOST),
  });
  const [{ theatres }, { showtimes }] = await Promise.all([
    fetchJson("/api/v1/theatres"),
    fetchJson(`/api/v1/showtimes?${query}`),
  ]);
  const timezone = theatres.find((/** @type {any} */ one) => one.id === theatre)?.timezone;
  return showtimes
    .filter((/** @type {any} */ one) => Date.parse(one.on_sale_at) <= now && now < Date.parse(one.sale_ends_at))
    .map((/** @type {any} */ one) => ({ ...one, timezone, starts: Date.parse(one.starts_at) }));
}
