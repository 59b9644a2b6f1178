/** What the booking pages share: API addresses, the visitor's token, and requests made with it. */

import { guestOf, knownGuest } from "../../shared/guest.js";
import { fetchJson, HERE, recall, say } from "./page.js";

export const TOKEN = "seatserver.token"; // what was entered on the booking page, for this window

const tokenOfGuest = guestOf(HERE, say);

/** @param {string} path */
export function api(path) {
  return new URL(`api/v1/${path}`, HERE);
}

/**
 * A token to ask with: one that was entered in this window, else that of this browser's guest; null without either.
 * @param {string | null} refused
 */
export async function ownToken(refused = null) {
  const entered = recall(TOKEN);
  if (entered && entered !== refused) return entered;
  // A first-time visitor has no bookings, so no guest is needed.
  return knownGuest(HERE) ? tokenOfGuest(refused) : null;
}

/**
 * The JSON answer for this browser's visitor. An expired token is renewed once.
 * @param {string} path
 */
export async function askAsOwner(path) {
  const token = await ownToken();
  /** @param {string | null} bearer */
  const ask = (bearer) => {
    const headers = { Authorization: `Bearer ${bearer}` };
    return fetchJson(api(path), { cache: "no-store", headers });
  };
  try {
    return await ask(token);
  } catch (error) {
    if (error.status !== 401) throw error;
    return ask(await ownToken(token));
  }
}
