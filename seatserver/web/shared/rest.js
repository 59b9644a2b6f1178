/** Requests to a server's REST API, and values that a window remembers. */

const PATIENCE_MS = 30_000; // a large hall takes a while on a slow network; what is lost there would take forever

/** A signal that ends a request to which no answer comes. */
export const patience = () => AbortSignal.timeout(PATIENCE_MS);

/**
 * Whether an error says that no answer came: each browser has words of its own for that.
 * @param {any} error
 */
export const isSilence = (error) => error instanceof TypeError || error?.name === "TimeoutError";

/**
 * The JSON of a REST answer; an error carries the problem document's sentence, its `status`, `retryable`
 * and `retryAfterMs` (0 where the server does not say), and `isStrange` when what answered is no seat server.
 * @param {string | URL} address
 */
export async function fetchJson(address, options = {}) {
  const response = await fetch(address, { signal: patience(), ...options });
  if (response.ok) return response.json().catch((error) => refuse(address, response, error));
  throw await refusal(response, address);
}

/**
 * The error that an answer other than "ok" stands for.
 * @param {Response} response
 * @param {string | URL} [address]
 */
export async function refusal(response, address = response.url) {
  const { status } = response;
  const { detail, code, facts, retryable = status >= 500 } = await response.json().catch(() => ({}));
  const isStrange = status === 404 && code === undefined;
  const retryAfterMs = 1000 * Number(response.headers.get("Retry-After")) || 0; // a date, from a proxy, is none
  const error = new Error(detail ?? `${isStrange ? address : "the server"} answered ${status}`);
  return Object.assign(error, { code, facts, retryable, isStrange, status, retryAfterMs });
}

/**
 * @param {string | URL} address
 * @param {Response} response
 * @param {any} error
 */
function refuse(address, { status }, error) {
  if (!(error instanceof SyntaxError)) throw error;
  throw Object.assign(new Error(`${address} did not answer with JSON`), { retryable: false, isStrange: true, status });
}

/**
 * A showtime with its theatre's `timezone`.
 * @param {URL} server
 * @param {string} id
 */
export async function fetchZoned(server, id) {
  const [showtime, { theatres }] = await Promise.all([
    fetchJson(new URL(`api/v1/showtimes/${encodeURIComponent(id)}`, server)),
    fetchJson(new URL("api/v1/theatres", server)),
  ]);
  const { timezone } = theatres.find((/** @type {{ id: string }} */ theatre) => theatre.id === showtime.theatre_id);
  return { ...showtime, timezone };
}

/**
 * A showtime as `fetchZoned` has it, and the layout of its hall.
 * @param {URL} server
 * @param {string} id
 */
export async function fetchShowtime(server, id) {
  const showtime = await fetchZoned(server, id);
  const { map } = await fetchJson(new URL(`api/v1/layouts/${showtime.layout_hash}`, server));
  return { showtime, layout: map };
}

/**
 * What this window remembers under `key`; null where nothing is kept, or where the browser lets nothing be kept.
 * @param {string} key
 */
export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
export function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A frame without storage: a reload will be another guest.
  }
}
