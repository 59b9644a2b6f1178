/** The placeholder while the seat map is loading. It has the final size, so nothing moves when the map appears. */

import { element } from "../shared/dom.js";
import { fitRoom } from "./fit-room.js";

/** @import { Words } from "./words.js" */

/**
 * Fill the empty `frame`; `words` say to screen readers what is going on. Until `signal` aborts.
 * @param {HTMLElement} frame
 * @param {Words} words
 * @param {AbortSignal} signal
 */
export function showSkeleton(frame, words, signal) {
  /**
   * @param {string} className
   * @param {Node[]} children
   */
  const ghost = (className, ...children) => element("div", { className, ariaHidden: "true" }, ...children);
  /** @param {string} className */
  const bone = (className) => element("span", { className: `bone ${className}` });
  const hall = ghost("view", ghost("hall", ...Array.from({ length: 5 }, () => bone("seats"))));
  const map = ghost("map ghost", hall, ghost("key", bone("words")));
  const search = ghost("search ghost", bone("control"), bone("control"));
  const dock = ghost("dock", ghost("basket ghost", bone("words")));
  const side = ghost("side", dock);
  const spoken = element("p", { className: "spoken", role: "status", textContent: words.say("loading") });
  frame.replaceChildren(search, map, side, spoken);
  fitRoom(frame, { map, view: hall, dock }, signal);
}
