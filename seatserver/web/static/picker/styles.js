/**
 * How `<seat-map>` looks. The rules are adopted as a constructed stylesheet, which any page's content security policy
 * allows. Custom properties of the host carry the colours: a page that sets one on `seat-map` overrides ours, because
 * rules from outside go before those of a shadow tree. Sizes are in em, so that they follow the page's text.
 *
 * The layout goes by the element's own width, never by the window's.
 */

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

const COLOURS = `
:host { ${properties("light")} }
@media ${dark} { ${auto} { ${properties("dark")} } }
@media ${more} { ${auto} { ${properties("contrast")} } }
@media ${dark} and ${more} { ${auto} { ${properties("contrastDark")} } }
:host([theme="dark"]) { ${properties("dark")} }
:host([theme="contrast"]) { ${properties("contrast")} }
@media ${dark} { :host([theme="contrast"]) { ${properties("contrastDark")} } }
`;

function properties(theme) {
  const { scheme, ...values } = THEMES[theme];
  const lines = Object.entries(values).map(([name, value]) => `--seat-map-${name}: ${value};`);
  return `color-scheme: ${scheme}; ${lines.join(" ")}`;
}

const RULES = `
:host {
  display: block;
  container: seat-map / inline-size;
  font-size: 1rem;
  text-align: start;
}
:host([hidden]) {
  display: none;
}
*,
::before,
::after {
  box-sizing: border-box;
}
[hidden] {
  display: none !important;
}
.frame {
  --quiet: color-mix(in srgb, var(--seat-map-text) 72%, var(--seat-map-surface));
  --radius: 0.875em;
  --low: max(2.25em, 24px);
  --tall: max(2.75em, 44px);
  position: relative;
  display: grid;
  grid-template-columns: minmax(0, 1fr) minmax(17em, 20em);
  gap: 0 1.5em;
  align-items: start;
  color: var(--seat-map-text);
  font-family: var(--seat-map-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  line-height: 1.5;
  overflow-wrap: anywhere;
}
.frame[data-status="loading"],
.frame[data-status="failed"] {
  display: block;
}
.frame[data-status="loading"] {
  min-block-size: 20em;
  padding: 1em;
  border: 1px solid var(--seat-map-line);
  border-radius: var(--radius);
  background: var(--seat-map-surface);
  color: var(--quiet);
}
h2 {
  margin: 0 0 0.5em;
  font-size: 1.1em;
  line-height: 1.3;
}
p,
ul,
ol {
  margin: 0;
  padding: 0;
}
ul,
ol {
  list-style: none;
}
.quiet {
  color: var(--quiet);
}
.spoken {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
:focus-visible {
  outline: 3px solid var(--seat-map-focus);
  outline-offset: 2px;
  border-radius: 4px;
}
.search,
.offers,
.map,
.basket,
.bookings {
  margin-block-end: 1em;
  padding: 1em;
  border: 1px solid var(--seat-map-line);
  border-radius: var(--radius);
  background: var(--seat-map-surface);
}

/* ---- controls */
button,
input,
select {
  min-block-size: var(--tall);
  border: 1px solid color-mix(in srgb, var(--seat-map-text) 45%, var(--seat-map-surface));
  border-radius: 0.625em;
  background: var(--seat-map-surface);
  color: inherit;
  font: inherit;
}
button {
  padding: 0.4em 0.9em;
  cursor: pointer;
}
button:hover:not(:disabled, [aria-disabled="true"]) {
  border-color: var(--seat-map-text);
}
button:disabled,
select:disabled,
[aria-disabled="true"]:is(button),
[aria-busy="true"] button {
  opacity: 0.5;
  cursor: default;
}
input,
select {
  padding: 0.3em 0.6em;
}
button.book {
  inline-size: 100%;
  margin-block-end: 0.6em;
  border-color: var(--seat-map-accent);
  background: var(--seat-map-accent);
  color: var(--seat-map-on-accent);
  font-weight: 650;
}
button.strong {
  border-color: var(--seat-map-accent);
  color: var(--seat-map-accent);
  font-weight: 650;
}
button.close {
  flex: none;
  inline-size: var(--low);
  min-block-size: var(--low);
  padding: 0;
  border: 0;
  background: none;
  color: var(--quiet);
  font-size: 1.15em;
  line-height: 1;
}
button.close:hover:not(:disabled) {
  color: var(--seat-map-text);
}
button.step {
  inline-size: var(--tall);
  padding: 0;
}
.row {
  display: flex;
  flex-wrap: wrap;
  gap: 0.6em;
}
.row > button {
  flex: 1;
  padding-inline: 0.4em;
}

/* ---- best seats */
.search {
  display: flex;
  flex-wrap: wrap;
  align-items: end;
  gap: 0.75em 0.55em;
}
.search label {
  display: grid;
  gap: 0.2em;
}
.search label > span {
  font-size: 0.9em;
  color: var(--quiet);
}
.search input {
  inline-size: 3.3em;
}
.search select {
  max-inline-size: 7.5em;
}
.search .row {
  margin-inline-start: auto;
  flex-wrap: nowrap;
}
.search .row button {
  padding-inline: 0.6em;
  white-space: nowrap;
}
.finder {
  display: none;
}
.offers {
  position: relative;
}
.offers .close {
  position: absolute;
  inset: 0.6em 0.5em auto auto;
  inset-inline: auto 0.5em;
}
.offers ol {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 17em), 1fr));
  gap: 0.6em;
}
.offers li button {
  display: grid;
  grid-template-columns: 1fr auto;
  gap: 0.1em 1em;
  inline-size: 100%;
  block-size: 100%;
  padding: 0.6em 0.9em;
  text-align: start;
}
.offers li .quiet {
  grid-column: 1 / -1;
  font-size: 0.9em;
}

/* ---- the map */
.top {
  display: flex;
  flex-wrap: wrap;
  align-items: start;
  gap: 0.5em 1.25em;
  margin-block-end: 0.75em;
}
.status {
  display: inline-flex;
  align-items: center;
  gap: 0.5em;
  padding: 0.1em 0.75em;
  border: 1px solid var(--seat-map-line);
  border-radius: 99px;
  font-size: 0.9em;
  white-space: nowrap;
}
.status::before {
  content: "";
  inline-size: 0.6em;
  block-size: 0.6em;
  border: 2px solid var(--tone, var(--seat-map-warn));
  border-radius: 50%;
}
.status[data-status="live"] {
  --tone: var(--seat-map-good);
}
.status[data-status="live"]::before {
  background: var(--tone);
}
.status[data-status="stopped"] {
  --tone: var(--seat-map-bad);
}
.prices {
  flex: 1 1 20em;
}
.prices,
.signs {
  display: flex;
  flex-wrap: wrap;
  gap: 0.35em 1.25em;
  font-size: 0.9em;
}
.prices li,
.signs li {
  display: inline-flex;
  align-items: center;
  gap: 0.4em;
}
.prices i,
.areas i {
  flex: none;
  inline-size: 1.1em;
  block-size: 1.1em;
  border-radius: 0.3em;
  background: var(--category);
}
.signs {
  justify-content: center;
  margin-block-start: 0.75em;
  padding-block-start: 0.75em;
  border-block-start: 1px solid var(--seat-map-line);
}
.signs canvas {
  inline-size: 1.5em;
  block-size: 1.5em;
}
.hall {
  border-radius: 0.5em;
  overflow: hidden;
}
.frozen {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: center;
  gap: 0.5em 1em;
  margin-block-end: 0.5em;
  padding: 0.5em 1em;
  border-radius: 0.625em;
  background: var(--seat-map-warn);
  color: var(--seat-map-surface);
  font-weight: 600;
}
.frozen button {
  color: var(--seat-map-text);
}
.tip {
  position: absolute;
  z-index: 4;
  max-inline-size: 100%;
  padding: 0.25em 0.6em;
  border-radius: 0.5em;
  background: var(--seat-map-text);
  color: var(--seat-map-surface);
  font-size: 0.85em;
  pointer-events: none;
}
.areas {
  max-inline-size: 28em;
  margin: 0.75em auto 0;
}
.areas li {
  display: flex;
  align-items: center;
  gap: 0.6em;
  min-block-size: 3.25em;
}
.areas li > span {
  flex: 1;
}
.areas .quiet {
  white-space: nowrap;
}
.areas output {
  min-inline-size: 1.5em;
  font-weight: 600;
  font-variant-numeric: tabular-nums;
  text-align: center;
}

/* ---- basket, bookings, notices */
.side {
  position: sticky;
  inset-block-start: 1em;
}
.basket h2 {
  display: flex;
  align-items: baseline;
  justify-content: space-between;
}
.countdown {
  font-size: 1.35em;
  font-variant-numeric: tabular-nums;
  line-height: 1;
}
.bar {
  block-size: 4px;
  margin-block-end: 0.5em;
  border-radius: 2px;
  background: var(--seat-map-line);
  overflow: hidden;
}
.bar .left {
  block-size: 100%;
  inline-size: calc(100% * var(--share, 1));
  background: var(--seat-map-good);
}
[data-hurry="true"] .left {
  background: var(--seat-map-bad);
}
[data-hurry="true"] .countdown {
  color: var(--seat-map-bad);
}
.lines {
  max-block-size: 17em;
  overflow-y: auto;
  overscroll-behavior: contain;
}
.lines li {
  display: flex;
  align-items: center;
  gap: 0.6em;
  min-block-size: 2.75em;
  border-block-end: 1px solid var(--seat-map-line);
}
.lines li:last-child {
  border: 0;
}
.lines strong {
  min-inline-size: 2.75em;
  white-space: nowrap;
}
.lines select {
  min-inline-size: 0;
  min-block-size: var(--low);
  padding: 0.1em 0.3em;
}
.lines .quiet {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.price {
  margin-inline-start: auto;
  font-variant-numeric: tabular-nums;
}
.bookings li {
  flex-wrap: wrap;
  gap: 0.1em 0.6em;
  padding-block: 0.4em;
}
.bookings strong {
  white-space: normal;
}
.bookings a {
  color: var(--seat-map-accent);
  text-underline-offset: 0.2em;
}
.fees,
.total {
  display: flex;
  justify-content: space-between;
  margin-block: 0 0.75em;
  padding-block-start: 0.6em;
  border-block-start: 2px solid var(--seat-map-line);
  font-variant-numeric: tabular-nums;
}
.fees {
  margin-block-end: 0;
}
.total {
  font-size: 1.1em;
}
.fees + .total {
  border: 0;
  padding-block-start: 0;
}
.other {
  display: flex;
  align-items: center;
  gap: 0.6em;
  padding-block: 0.4em;
  border-block-start: 1px solid var(--seat-map-line);
}
.hint {
  margin-block: 0.5em;
  padding: 0.5em 0.7em;
  border-inline-start: 4px solid var(--seat-map-warn);
  border-radius: 0.4em;
  background: color-mix(in srgb, var(--seat-map-warn) 10%, var(--seat-map-surface));
  font-size: 0.9em;
}
.notice {
  display: flex;
  align-items: start;
  justify-content: space-between;
  gap: 0.5em;
  margin-block-end: 0.75em;
  padding: 0.6em 0.4em 0.6em 0.9em;
  padding-inline: 0.9em 0.4em;
  border: 1px solid var(--seat-map-line);
  border-inline-start: 5px solid var(--tone, var(--quiet));
  border-radius: 0.625em;
  background: var(--seat-map-surface);
  color: var(--seat-map-text);
}
.notice > div {
  flex: 1;
}
.notice.good {
  --tone: var(--seat-map-good);
}
.notice.bad {
  --tone: var(--seat-map-bad);
}
.notice p + p {
  margin-block-start: 0.3em;
}
.notice .quiet {
  font-size: 0.9em;
}
.notice .actions {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5em;
  margin-block-start: 0.5em;
}
.notice button:not(.close) {
  font-weight: 600;
}

@container seat-map (max-width: 58em) {
  /* No grid: what sticks must be free to move along all of it. */
  .frame {
    display: flex;
    flex-direction: column;
    align-items: stretch;
  }
  .main,
  .side {
    display: contents;
  }
  /* The hall comes first: what finds the best seats unfolds, and prices and signs follow below. */
  .finder {
    display: flex;
    justify-content: space-between;
    margin-block-end: 0.75em;
    border-color: var(--seat-map-line);
    border-radius: var(--radius);
    font-weight: 650;
  }
  .finder::after {
    content: "";
    align-self: center;
    inline-size: 0.5em;
    block-size: 0.5em;
    margin-block-start: -0.25em;
    border: solid currentcolor;
    border-width: 0 2px 2px 0;
    transform: rotate(45deg);
  }
  .finder[aria-expanded="true"]::after {
    margin-block-start: 0.25em;
    transform: rotate(225deg);
  }
  .finder[aria-expanded="false"] + .search {
    display: none;
  }
  .search {
    gap: 0.5em 0.6em;
    padding: 0.75em;
  }
  .search label {
    flex: 1 1 4.5em;
  }
  .search :is(input, select) {
    inline-size: 100%;
    max-inline-size: none;
  }
  .search .row {
    flex: 1 1 100%;
  }
  .map {
    display: flex;
    flex-direction: column;
    padding: 0.75em 0.5em;
  }
  .top {
    display: contents;
  }
  .status {
    align-self: start;
    margin-block-end: 0.5em;
  }
  .prices {
    order: 1;
    flex: none;
    justify-content: center;
    margin-block-start: 0.75em;
  }
  .areas {
    align-self: stretch;
  }
  .signs {
    order: 2;
  }
  .prices,
  .signs {
    gap: 0.3em 0.9em;
  }
  /* Basket and notices stay in reach while the hall scrolls under them; a notice moves nothing under the finger. */
  .dock {
    position: sticky;
    inset-block-end: 0.5em;
    z-index: 3;
    margin-block-end: 1em;
  }
  .dock > .notices > :not(:last-child) {
    display: none;
  }
  .dock > .notices > *,
  .dock > .basket {
    margin-block-end: 0.5em;
    box-shadow: 0 6px 30px rgb(0 0 0 / 0.25);
  }
  .dock > .basket {
    margin-block-end: 0;
    padding: 0.75em;
  }
  .dock .lines {
    display: flex;
    gap: 0.5em;
    margin-block-end: 0.5em;
    overflow: auto hidden;
  }
  .dock .lines li {
    flex: none;
    gap: 0.25em;
    padding-inline-start: 0.75em;
    border: 1px solid var(--seat-map-line);
    border-radius: 99px;
  }
  .dock .lines strong {
    min-inline-size: 0;
  }
  .dock .lines select {
    border-color: transparent;
    background: none;
  }
  .dock :is(.lines .price, .lines .quiet, .total) {
    display: none;
  }
  .fees {
    margin-block-end: 0.5em;
    padding: 0;
    border: 0;
    color: var(--quiet);
    font-size: 0.9em;
  }
  .dock [data-empty="true"] h2 {
    display: none;
  }
}
@container seat-map (max-width: 30em) {
  .prices li > .quiet {
    display: none;
  }
}
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

let made = null;

/** The one stylesheet of all seat maps of a page. */
export function sheet() {
  if (made === null) {
    made = new CSSStyleSheet();
    made.replaceSync(COLOURS + RULES);
  }
  return made;
}
