/**
 * A guest's token, kept in sessionStorage: a reload in the same window is the same guest and keeps its holds.
 *
 * Used as the `token` of a SeatMapClient, and as the bearer token of REST requests.
 */

const KEY = "seatserver.guest";
const MARGIN_MS = 30_000;

/** A token other than `refused`. Throws an Error whose `permanent` says that asking again is of no use. */
export async function guestToken(refused = null) {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (kept && kept.token !== refused && kept.expires_at_ms - MARGIN_MS > Date.now()) return kept.token;
  const response = await fetch("/api/v1/guests", { method: "POST" });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    const error = new Error(problem.detail ?? `the server answered ${response.status}`);
    throw Object.assign(error, { permanent: !problem.retryable && response.status < 500 });
  }
  const guest = await response.json();
  sessionStorage.setItem(KEY, JSON.stringify(guest));
  return guest.token;
}
