/**
 * The guest of this browser: one for all its tabs and for as long as its renewal lasts.
 *
 * What the server gave is kept in localStorage, so that a second tab and the next visit are the same guest and keep
 * their seats and bookings. Where the browser lets nothing be kept (private windows, frames of other sites), the guest
 * lasts as long as the page. In a frame, or through `<seat-map>` on another site's page, the browser gives each such
 * site a store of its own: there a visitor is another guest than here.
 */

import { fetchJson, isSilence } from "./rest.js";

const KEY = "seatserver.guest";
const SETTLE_MS = 150; // without locks: until whoever asked in the same moment has written too

const inMemory = new Map(); // key → guest, where nothing can be kept
const asked = new Map(); // key → the promise of a guest that is under way in this page

function keyOf(server) {
  return server.origin === location.origin ? KEY : `${KEY} ${server.origin}`;
}

function read(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key));
    return typeof kept?.token === "string" && typeof kept.user_id === "string" ? kept : (inMemory.get(key) ?? null);
  } catch {
    return inMemory.get(key) ?? null;
  }
}

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

/** What this browser knows of its guest at `server`: {token, user_id, renewal, …}; null when it has never had one. */
export function knownGuest(server) {
  return read(keyOf(server));
}

/** This browser is nobody's any more: whoever comes next is another guest. Links to tickets go on working. */
export async function forgetGuest(server) {
  const key = keyOf(server);
  await alone(key, () => write(key, null)); // not while another tab renews it
}

/** Calls `react(guest)` when another tab made, renewed or forgot the guest. */
export function onGuestChange(server, react, { signal } = {}) {
  const key = keyOf(server);
  const heed = (event) => {
    if (event.key === key || event.key === null) react(read(key));
  };
  addEventListener("storage", heed, { signal });
}

/**
 * Where a guest's token of a server comes from, as the `token` of a SeatMapClient: (refused) => token, or its promise.
 * A token that was refused is renewed for the same guest; only where that is over is there a new guest. When it is
 * over, the server says: the clock here may be wrong. What it throws says with `permanent` whether asking again is of
 * no use.
 */
export function guestOf(server) {
  const key = keyOf(server);
  return async (refused = null) => {
    const kept = read(key);
    if (kept && kept.token !== refused) return kept.token;
    // Two seat maps on one page are one guest, also when both ask in the same moment.
    if (!asked.has(key)) {
      const coming = alone(key, () => next(server, key, refused)).finally(() => asked.delete(key));
      asked.set(key, coming);
    }
    return (await asked.get(key)).token;
  };
}

/** A fresh token of the guest whose token `refused` is; null where that guest is over. Makes no other guest. */
export async function renewGuest(server, refused) {
  const key = keyOf(server);
  const guest = await alone(key, async () => {
    const kept = read(key);
    if (kept?.token !== refused) return kept; // another tab was faster
    const fresh = await renewed(server, kept);
    if (fresh) write(key, fresh);
    return fresh;
  });
  return guest?.token ?? null;
}

/** One tab at a time, where the browser has locks (not on plain http, nor in every frame). */
async function alone(key, act) {
  let isIn = false;
  const enter = () => {
    isIn = true;
    return act();
  };
  if (!navigator.locks) return act();
  try {
    return await navigator.locks.request(key, enter);
  } catch (error) {
    if (isIn) throw error;
    return act(); // a frame without storage has no locks either
  }
}

async function next(server, key, refused) {
  const kept = read(key);
  if (kept && kept.token !== refused) return kept; // another tab was faster
  const guest = (await renewed(server, kept)) ?? (await made(server));
  write(key, guest);
  if (navigator.locks || inMemory.has(key)) return guest;
  // Two tabs that opened together have both asked. Whoever wrote last is the guest of both.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return read(key) ?? guest;
}

/**
 * The same guest with a fresh token; null where the server says that this guest is over. Whatever else it answers ends
 * no guest: an older instance that knows no renewals yet, or a proxy. Then it throws, and may be asked again later.
 */
async function renewed(server, kept) {
  if (!kept?.renewal) return null;
  try {
    return await ask(server, "guests/renew", { renewal: kept.renewal });
  } catch (error) {
    if (error.status === 401 && error.code === "unauthorized") return null;
    if (isSilence(error)) throw error;
    const problem = `this guest cannot be renewed now: ${error.message}`;
    throw Object.assign(new Error(problem, { cause: error }), { code: "unavailable", retryable: true });
  }
}

async function made(server) {
  try {
    return await ask(server, "guests");
  } catch (error) {
    throw Object.assign(error, { permanent: error.status !== undefined && !error.retryable });
  }
}

function ask(server, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  return fetchJson(new URL(`api/v1/${path}`, server), { method: "POST", headers, body: body && JSON.stringify(body) });
}
