/**
 * A phone takes over the seats of a kiosk, whose QR code led here. The code is the fragment of the address.
 *
 * The seats become those of this browser's guest, and the page of the showtime opens with them. Asking may be repeated,
 * so a lost answer is asked for again. A code that has done its work, or never will, is taken out of the address.
 */

import { guestOf } from "../../shared/guest.js";
import { isSilence } from "../../shared/rest.js";
import { button, byId, element, fetchJson, HERE, reasonOf, say } from "../shared/page.js";

const TRIES = 8;
const FIRST_MS = 500;
const MOST_MS = 8000;
/** @type {Record<string, string>} */
const WHY = {
  over: "handOffOver",
  taken: "handOffTaken",
  paying: "handOffPaying",
  ended: "handOffEnded",
  limit: "handOffLimit",
};

const tokenOf = guestOf(HERE, say);
const code = location.hash.slice(1);

/** @param {string} token */
function ask(token) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return fetchJson(new URL("api/v1/handoffs", HERE), { method: "POST", headers, body: JSON.stringify({ code }) });
}

/** The seats' showtime and hold. A guest whose token has expired is renewed once. */
async function take() {
  const token = await tokenOf();
  try {
    return await ask(token);
  } catch (/** @type {any} */ error) {
    if (error.status !== 401) throw error;
    return ask(await tokenOf(token));
  }
}

async function takeOver() {
  tell(say("takingOver"), []);
  for (let tries = 1; ; tries++) {
    try {
      const { showtime_id } = await take();
      tell(say("handedOver"), []);
      return location.replace(`/showtimes/${encodeURIComponent(showtime_id)}`);
    } catch (/** @type {any} */ error) {
      const mayHelp = isSilence(error) || error.retryable === true;
      if (!mayHelp || tries === TRIES) return refused(error, mayHelp);
      const waitMs = error.retryAfterMs || Math.min(MOST_MS, FIRST_MS * 2 ** tries);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

/**
 * @param {any} error
 * @param {boolean} mayHelp whether asking again may help
 */
function refused(error, mayHelp) {
  const why = WHY[error.facts?.reason];
  const again = mayHelp || error.facts?.reason === "limit";
  if (!again) history.replaceState(null, "", location.pathname);
  const text = why ? say(why) : say("handOffFailed", { reason: reasonOf(error) });
  tell(say("notHandedOver"), [
    element("p", { textContent: text }),
    element(
      "p",
      { className: "ways" },
      again && button(say("again"), () => void takeOver(), { className: "main" }),
      element("a", { className: again ? "button" : "button main", href: "/", textContent: say("programme") }),
    ),
  ]);
}

/**
 * @param {string} title
 * @param {Node[]} nodes
 */
function tell(title, nodes) {
  document.title = byId("title").textContent = title;
  byId("told").replaceChildren(...nodes);
}

if (code) void takeOver();
else refused({ facts: { reason: "over" } }, false);
