/** Which text says what went wrong, by the code that the server gives it. */

/** @import { Printing } from "./print.js" */

/** @type {Record<string, string>} */
const TEXTS = {
  no_seats_together: "notTogether",
  hold_gone: "seatsLost",
  handoff_refused: "seatsLost",
  tickets_refused: "ticketsRefused",
  refused: "justGone",
  seats_refused: "justGone",
};

/**
 * The name of the text.
 * @param {any} error
 * @param {Printing} print
 */
export function nameOf(error, print) {
  if (error?.code === "conflict" && print.isNeeded && !print.isReady) return "noPaperNoSale";
  return TEXTS[error?.code] ?? "failed";
}
