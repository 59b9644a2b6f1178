/**
 * How `<seat-map>` looks: one constructed stylesheet for all seat maps of a page, which any content security policy
 * allows. Its colours are custom properties of the host. Whatever a page sets on `seat-map` goes before them, because
 * rules from outside go before those of a shadow tree.
 */

import { BASKET_STYLE } from "./basket.js";
import { CONCIERGE_STYLE } from "./concierge.js";
import { FRAME_STYLE } from "./frame.js";
import { MAP_STYLE } from "./map.js";
import { NARROW_STYLE } from "./narrow.js";
import { SEARCH_STYLE } from "./search.js";
import { SHORT_STYLE } from "./short.js";

/** Of each theme: --seat-map-… and the scheme of the browser's own controls. */
const THEMES = {
  light: {
    text: "#1d1a22",
    surface: "#ffffff",
    line: "#d9d2c6",
    accent: "#b3203a",
    "on-accent": "#ffffff",
    mine: "#1d1a22",
    held: "#6b6370",
    taken: "#857e88",
    focus: "#b3203a",
    good: "#176b43",
    warn: "#8a5300",
    bad: "#a51d2d",
    scheme: "light",
    contrast: "usual",
  },
  dark: {
    text: "#f2eff5",
    surface: "#1c1a23",
    line: "#3a3545",
    accent: "#f0788a",
    "on-accent": "#1a0a0e",
    mine: "#f2eff5",
    held: "#a59dae",
    taken: "#8d8597",
    focus: "#f0788a",
    good: "#6fd3a0",
    warn: "#f0b75e",
    bad: "#ff8b99",
    scheme: "dark",
    contrast: "usual",
  },
  contrast: {
    text: "#000000",
    surface: "#ffffff",
    line: "#000000",
    accent: "#6a0018",
    "on-accent": "#ffffff",
    mine: "#000000",
    held: "#000000",
    taken: "#3d3d3d",
    focus: "#0033cc",
    good: "#00441f",
    warn: "#5a3300",
    bad: "#7a0012",
    scheme: "light",
    contrast: "more",
  },
  contrastDark: {
    text: "#ffffff",
    surface: "#000000",
    line: "#ffffff",
    accent: "#ffd0d8",
    "on-accent": "#000000",
    mine: "#ffffff",
    held: "#ffffff",
    taken: "#c8c8c8",
    focus: "#ffe14d",
    good: "#a6f5c8",
    warn: "#ffdf9e",
    bad: "#ffc2ca",
    scheme: "dark",
    contrast: "more",
  },
};

const dark = "(prefers-color-scheme: dark)";
const more = "(prefers-contrast: more)";
const auto = ":host(:not([theme=light], [theme=dark], [theme=contrast]))";

/** Custom properties of the host: a page that sets one on `seat-map` overrides ours. */
const COLOURS = `
:host { ${properties("light")} }
@media ${dark} { ${auto} { ${properties("dark")} } }
@media ${more} { ${auto} { ${properties("contrast")} } }
@media ${dark} and ${more} { ${auto} { ${properties("contrastDark")} } }
:host([theme="dark"]) { ${properties("dark")} }
:host([theme="contrast"]) { ${properties("contrast")} }
@media ${dark} { :host([theme="contrast"]) { ${properties("contrastDark")} } }
`;

/** @param {keyof typeof THEMES} theme */
function properties(theme) {
  const { scheme, ...values } = THEMES[theme];
  const lines = Object.entries(values).map(([name, value]) => `--seat-map-${name}: ${value};`);
  return `color-scheme: ${scheme}; ${lines.join(" ")}`;
}

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
    const parts = [FRAME_STYLE, SEARCH_STYLE, CONCIERGE_STYLE, MAP_STYLE, BASKET_STYLE, NARROW_STYLE, SHORT_STYLE];
    made.replaceSync([COLOURS, ...parts, PREFERENCES].join(""));
  }
  return made;
}
