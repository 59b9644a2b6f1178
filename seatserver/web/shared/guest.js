/**
 * The browser's guest: the same in all tabs, for as long as its token can be renewed.
 *
 * The token is kept in localStorage, so a second tab and the next visit are the same guest and keep their seats and
 * bookings. If the browser allows no storage (private windows, frames of other sites), the guest lasts as long as the
 * page. In a frame, or with `<seat-map>` on another site's page, the browser gives each site its own storage, so there
 * the visitor is a different guest.
 */

import { fetchJson, isSilence } from "./rest.js";
import { solve } from "./work.js";

const KEY = "seatserver.guest";
const MOST_CHALLENGES = 3; // one can end while it is being solved
const SETTLE_MS = 150; // without locks: time for a tab that asked at the same moment to write too

/** @typedef {(name: string) => string} Say texts of reasons/, in the visitor's language */

/** By key, where nothing can be kept. @type {Map<string, Guest>} */
const inMemory = new Map();
/** By key: a guest that is under way in this page. @type {Map<string, Promise<Guest>>} */
const asked = new Map();

/**
 * What the server told of a guest; it may tell more.
 * @typedef {{ token: string, user_id: string, renewal?: string }} Guest
 */

/** @param {URL} server */
function keyOf(server) {
  return server.origin === location.origin ? KEY : `${KEY} ${server.origin}`;
}

/** @param {string} key */
function read(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "null");
    return typeof kept?.token === "string" && typeof kept.user_id === "string" ? kept : (inMemory.get(key) ?? null);
  } catch {
    return inMemory.get(key) ?? null;
  }
}

/**
 * @param {string} key
 * @param {Guest | null} guest
 */
function write(key, guest) {
  inMemory.delete(key);
  try {
    if (guest) localStorage.setItem(key, JSON.stringify(guest));
    else localStorage.removeItem(key);
    if (guest && localStorage.getItem(key) === null) inMemory.set(key, guest);
  } catch {
    if (guest) inMemory.set(key, guest);
  }
}

/**
 * What this browser knows of its guest at `server`: {token, user_id, renewal, …}; null when it has never had one.
 * @param {URL} server
 */
export function knownGuest(server) {
  return read(keyOf(server));
}

/**
 * Forget this browser's guest: the next visitor is a new one. Links to tickets keep working.
 * @param {URL} server
 */
export async function forgetGuest(server) {
  const key = keyOf(server);
  await alone(key, () => write(key, null)); // not while another tab renews it
}

/**
 * Calls `react(guest)` when another tab made, renewed or forgot the guest.
 * @param {URL} server
 * @param {(guest: Guest | null) => void} react
 * @param {{ signal?: AbortSignal }} options
 */
export function onGuestChange(server, react, { signal } = {}) {
  const key = keyOf(server);
  /** @param {StorageEvent} event */
  const heed = (event) => {
    if (event.key === key || event.key === null) react(read(key));
  };
  addEventListener("storage", heed, { signal });
}

/**
 * Where a guest's token of a server comes from, as the `token` of a SeatMapClient: (refused) => token, or its promise.
 * A token that was refused is renewed for the same guest; only where that is over is there a new guest. When it is
 * over, the server says: the clock here may be wrong. What it throws says with `permanent` whether asking again is of
 * no use. `say` tells a new guest what a CAPTCHA is for, where the server asks for one; without it none can be shown.
 * @param {URL} server
 * @param {Say} [say]
 */
export function guestOf(server, say) {
  const key = keyOf(server);
  return async (/** @type {string | null} */ refused = null) => {
    const kept = read(key);
    if (kept && kept.token !== refused) return kept.token;
    // Two seat maps on one page are one guest, also when both ask in the same moment.
    if (!asked.has(key)) {
      const coming = alone(key, () => next(server, key, refused, say)).finally(() => asked.delete(key));
      asked.set(key, coming);
    }
    return /** @type {Guest} */ (await asked.get(key)).token;
  };
}

/**
 * A fresh token of this guest, whose token was refused; null where that guest is over, or forgotten. Makes no other
 * guest. `signal` ends the wait: for another tab that renews, and for the server.
 * @param {URL} server
 * @param {Pick<Guest, "token" | "user_id">} guest
 * @param {{ signal?: AbortSignal }} options
 */
export async function renewGuest(server, { token, user_id }, { signal } = {}) {
  const key = keyOf(server);
  const renew = async () => {
    const kept = read(key);
    if (kept?.user_id !== user_id) return null; // another tab forgot this guest, and may have made another
    if (kept.token !== token) return kept; // another tab was faster
    const fresh = await renewed(server, kept, signal);
    if (fresh) write(key, fresh);
    return fresh;
  };
  return (await alone(key, renew, signal))?.token ?? null;
}

/**
 * One tab at a time, where the browser has locks (not on plain http, nor in every frame). `signal` ends the wait for the
 * others.
 * @param {string} key
 * @param {() => any} act
 * @param {AbortSignal} [signal]
 */
async function alone(key, act, signal) {
  let isIn = false;
  const enter = () => {
    isIn = true;
    return act();
  };
  if (!navigator.locks) return act();
  try {
    return await navigator.locks.request(key, { signal }, enter);
  } catch (error) {
    if (isIn || signal?.aborted) throw error;
    return act(); // a frame without storage has no locks either
  }
}

/**
 * @param {URL} server
 * @param {string} key
 * @param {string | null} refused
 * @param {Say} [say]
 */
async function next(server, key, refused, say) {
  const kept = read(key);
  if (kept && kept.token !== refused) return kept; // another tab was faster
  const guest = (await renewed(server, kept)) ?? (await made(server, say));
  write(key, guest);
  if (navigator.locks || inMemory.has(key)) return guest;
  // Two tabs that opened together have both asked. Both use the guest that was written last.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return read(key) ?? guest;
}

/**
 * The same guest with a fresh token; null where the server says that this guest is over. Whatever else it answers ends
 * no guest: an older instance that knows no renewals yet, or a proxy. Then it throws, and may be asked again later.
 * @param {URL} server
 * @param {Guest | null} kept
 * @param {AbortSignal} [signal]
 */
async function renewed(server, kept, signal) {
  if (!kept?.renewal) return null;
  try {
    return await ask(server, "guests/renew", { renewal: kept.renewal }, signal);
  } catch (error) {
    if (error.status === 401 && error.code === "unauthorized") return null;
    if (isSilence(error)) throw error;
    const problem = `this guest cannot be renewed now: ${error.message}`;
    throw Object.assign(new Error(problem, { cause: error }), {
      code: "unavailable",
      retryable: true,
      retryAfterMs: error.retryAfterMs,
    });
  }
}

/**
 * A new guest. While very many come, the server wants a challenge answered first.
 * @param {URL} server
 * @param {Say} [say]
 */
async function made(server, say) {
  let proof;
  for (let challenges = 0; ; challenges += 1) {
    try {
      return await ask(server, proof ? "guests/prove" : "guests", proof);
    } catch (error) {
      const challenge = error.code === "proof_required" && challenges < MOST_CHALLENGES && error.facts?.challenge;
      const { answer, isRefused } = challenge ? await answered(challenge, say) : { answer: null };
      if (answer === null) {
        const permanent = isRefused || (error.status !== undefined && !error.retryable);
        throw Object.assign(error, { permanent });
      }
      proof = { challenge: challenge.challenge, answer };
    }
  }
}

/**
 * What answers a challenge; null where nothing does. `isRefused`: because the visitor does not want to.
 * @param {any} challenge
 * @param {Say} [say]
 * @returns {Promise<{ answer: string | null, isRefused?: boolean }>}
 */
async function answered(challenge, say) {
  if (challenge.kind === "captcha" && say) {
    const { pass } = await import("./captcha.js");
    return pass(challenge, say);
  }
  const number = await solve(challenge);
  return { answer: number === null ? null : String(number) };
}

/**
 * @param {URL} server
 * @param {string} path
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
function ask(server, path, body, signal) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  const options = { method: "POST", headers, body: body && JSON.stringify(body), ...(signal && { signal }) };
  return fetchJson(new URL(`api/v1/${path}`, server), options);
}
