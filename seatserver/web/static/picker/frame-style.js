/** The look of the frame, of all controls, and of what finds the best seats. Sizes follow the page's text (em). */

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
  overflow-wrap: break-word;
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
.search label:has(select) {
  flex: 1 1 7.5em;
  max-inline-size: 12em;
}
.search select {
  inline-size: 100%;
}
.search .row {
  margin-inline-start: auto;
  flex-wrap: nowrap;
}
.search .row button {
  padding-inline: 0.6em;
  white-space: nowrap;
}
.search .few {
  flex: 1 1 100%;
  font-size: 0.9em;
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
`;
