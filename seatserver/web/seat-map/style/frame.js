/** The style of the frame and of all controls. Sizes follow the page's text (em). */

export const FRAME_STYLE = `
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
  --radius: 0.75em;
  --low: max(2.25em, 24px);
  --tall: max(2.75em, 44px);
  --gap: 0.75em;
  position: relative;
  display: grid;
  grid-template: "map search" auto "map talk" auto "map offers" auto "map side" 1fr / minmax(0, 1fr) minmax(17em, 20em);
  gap: 0 1em;
  color: var(--seat-map-text);
  font-family: var(--seat-map-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
  line-height: 1.5;
  overflow-wrap: break-word;
}
.frame[data-status="failed"] {
  display: block;
}
.search {
  grid-area: search;
}
.offers {
  grid-area: offers;
}
.map {
  grid-area: map;
}
/* The basket stands at the lower end of its column, so its button is always at the same place. */
.side {
  grid-area: side;
  display: flex;
  flex-direction: column;
  justify-content: end;
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
.spoken,
.unseen {
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
.concierge,
.offers,
.map,
.basket,
.bookings {
  margin-block-end: var(--gap);
  padding: 1em;
  border: 1px solid var(--seat-map-line);
  border-radius: var(--radius);
  background: var(--seat-map-surface);
}
.map,
.dock > .basket {
  margin-block-end: 0;
}
.map {
  align-self: start;
}

/* ---- what stands there while it loads */
.bone {
  display: block;
  block-size: 1em;
  border-radius: 0.5em;
  background: color-mix(in srgb, var(--seat-map-text) 9%, var(--seat-map-surface));
}
.bone.control {
  flex: 1;
  block-size: var(--tall);
}
.bone.words {
  inline-size: min(100%, 16em);
}
.ghost .key {
  min-block-size: 4.8em;
}
.ghost .hall {
  display: flex;
  flex-direction: column;
  align-items: center;
  justify-content: center;
  gap: 1.5em;
}
.bone.seats {
  inline-size: 70%;
  block-size: 1.5em;
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
`;
