/**
 * Why a showtime cannot be shown: in words for the visitor, and for the developer of the page, who can often mend it.
 */

import { hintOf } from "./client/refusal.js";
import { reasonOfError } from "../shared/reasons/codes.js";
import { isSilence } from "../shared/rest.js";

/** @import { Words } from "./words.js" */

/** @typedef {{ server: string, showtime: string }} Asked the element's attributes */

/**
 * Whether no answer came, which may be otherwise the next time.
 * @param {any} error
 */
export function isSilent(error) {
  return isSilence(error) && !error.permanent;
}

/**
 * What the visitor is told, as the end of a sentence.
 * @param {any} error
 * @param {Asked} asked
 * @param {Words} words
 */
export function reasonOf(error, { server, showtime }, words) {
  if (!showtime) return words.say("noShowtime");
  if (error.isStrange) return words.say("noServer", { server });
  if (error.code === "not_found") return words.say("notThere");
  return words.say(error.permanent ? "notKnown" : reasonOfError(error));
}

/**
 * What the page's developer is told.
 * @param {any} error
 * @param {Asked} asked
 */
export function detailOf(error, { server }) {
  const { message, isStrange, facts } = error;
  if (isStrange) return `${message}: expected the address of a seat server as "server", got "${server}"`;
  if (!isSilent(error)) return hintOf(message, facts);
  return `no answer from "${server}" that this page may read (${message}): is its origin an allowed one there?`;
}
