/**
 * How `<seat-map>` looks: one constructed stylesheet for all seat maps of a page, which any content security policy
 * allows.
 */

import { BASKET_STYLE } from "./basket.js";
import { FRAME_STYLE } from "./frame.js";
import { MAP_STYLE } from "./map.js";
import { NARROW_STYLE } from "./narrow.js";
import { SEARCH_STYLE } from "./search.js";
import { COLOURS } from "./theme.js";

const PREFERENCES = `
@media (prefers-reduced-motion: no-preference) {
  button {
    transition: border-color 0.15s;
  }
}
@media (forced-colors: active) {
  .prices i,
  .areas i {
    forced-color-adjust: none;
  }
  .left {
    background: Highlight;
  }
}
`;

/** @type {CSSStyleSheet | undefined} */
let made;

export function sheet() {
  if (!made) {
    made = new CSSStyleSheet();
    made.replaceSync([COLOURS, FRAME_STYLE, SEARCH_STYLE, MAP_STYLE, BASKET_STYLE, NARROW_STYLE, PREFERENCES].join(""));
  }
  return made;
}
