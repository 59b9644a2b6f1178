/** The elements of the seat map, in the order in which they are read, each a part that a page may style. */

import { element } from "../shared/dom.js";
import { Plane } from "./hall/plane.js";

/** @import { Properties } from "../shared/dom.js" */
/** @import { Words } from "./words.js" */

/**
 * The elements that the parts are put into, in the empty `frame`.
 * @param {HTMLElement} frame
 * @param {Words} words
 */
export function partsIn(frame, words) {
  /** @param {string} name */
  const say = (name) => words.say(name);
  /**
   * @template {keyof HTMLElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {string} name
   * @param {Properties<Tag>} properties
   * @param {Node[]} children
   */
  const part = (tag, name, properties = /** @type {Properties<Tag>} */ ({}), ...children) =>
    element(tag, { className: name, part: name, ...properties }, ...children);
  const parts = {
    search: part("form", "search"),
    concierge: part("section", "concierge", { ariaLabel: say("concierge"), hidden: true }),
    offers: part("section", "offers", { ariaLabel: say("offers"), hidden: true }),
    status: part("p", "status"),
    prices: part("ul", "prices", { ariaLabel: say("prices") }),
    frozen: part("p", "frozen", { hidden: true }),
    banner: part("p", "banner", { hidden: true }),
    hall: part("div", "hall"),
    tip: part("p", "tip", { hidden: true, ariaHidden: "true" }),
    areas: part("ul", "areas", { ariaLabel: say("areas") }),
    signs: part("ul", "signs", { ariaLabel: say("signs") }),
    notices: part("div", "notices", { role: "group", ariaLabel: say("notices") }),
    basket: part("section", "basket", { ariaLabel: say("yourSeats"), tabIndex: -1 }),
    bookings: part("section", "bookings", { ariaLabel: say("bookings"), tabIndex: -1 }),
    spoken: element("p", { className: "spoken", ariaLive: "polite", ariaAtomic: "true" }),
  };
  const dock = element("div", { className: "dock" }, parts.notices, parts.basket);
  const view = element("div", { className: "view" }, parts.frozen, parts.banner, parts.hall);
  const key = element("div", { className: "key" }, parts.status, parts.prices, parts.signs);
  const map = part("section", "map", { ariaLabel: say("map") }, view, parts.areas, key);
  const side = element("div", { className: "side" }, parts.bookings, dock);
  frame.replaceChildren(parts.search, parts.concierge, parts.offers, map, side, parts.tip, parts.spoken);
  return { ...parts, dock, view, map, frame, plane: new Plane(frame) };
}
