/** The style of the search for the best seats, and of its offers. */

export const SEARCH_STYLE = `
.search {
  padding-block: 0.75em;
  display: grid;
  grid-template-columns: 1fr auto;
  gap: 0.5em;
  align-content: start;
}
.search.ghost {
  min-block-size: calc(3 * var(--tall) + 2.25em + 4px);
}
.wish {
  display: contents;
}
.wish > .stepper {
  grid-column: 1 / -1;
  order: 1;
}
.search .best {
  grid-column: 1;
  order: 2;
}
.search .compare {
  grid-column: 2;
  order: 2;
}
.search .finder {
  grid-column: 1 / -1;
  order: 3;
}
.fields {
  display: grid;
  grid-column: 1 / -1;
  order: 4;
  gap: 0.4em;
}
.search[data-open="false"] .fields,
.search:not([data-open]) .fields {
  display: none;
}
.search .few {
  grid-column: 1 / -1;
  order: 5;
  font-size: 0.9em;
}
.stepper,
.fields > label {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0.5em;
}
.wish > .stepper label {
  font-weight: 650;
}
.steps {
  flex: none;
  display: flex;
  border: 1px solid color-mix(in srgb, var(--seat-map-text) 45%, var(--seat-map-surface));
  border-radius: 0.625em;
}
.steps > * {
  border: 0;
  background: none;
}
.steps > input {
  inline-size: 2.5em;
  padding-inline: 0;
  font-variant-numeric: tabular-nums;
  font-weight: 650;
  text-align: center;
  appearance: textfield;
}
.steps > input::-webkit-inner-spin-button {
  display: none;
}
.fields select {
  flex: 0 1 12em;
  min-inline-size: 0;
}
.finder {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 0.6em;
}
.search .finder {
  margin-block: -0.25em;
  padding-inline: 0;
  border: 0;
  background: none;
  color: var(--quiet);
}
.finder .party,
.finder .count {
  display: none;
}
.finder::after {
  content: "";
  flex: none;
  inline-size: 0.5em;
  block-size: 0.5em;
  margin-block-start: -0.25em;
  margin-inline-end: 0.25em;
  border: solid currentcolor;
  border-width: 0 2px 2px 0;
  transform: rotate(45deg);
}
.finder[aria-expanded="true"]::after {
  margin-block-start: 0.25em;
  transform: rotate(225deg);
}
.search[data-more="false"] .finder {
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
  gap: 0.5em;
  max-block-size: max(9em, min(26svh, 100svh - var(--top, 8em) - 30em)); /* 30em: what else is in the column */
  margin: -4px;
  padding: 4px;
  overflow-y: auto;
  overscroll-behavior: contain;
}
.offers li button {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  align-content: start;
  gap: 0 0.75em;
  inline-size: 100%;
  block-size: 100%;
  padding: 0.4em 0.75em;
  line-height: 1.35;
  text-align: start;
}
.offers li .quiet {
  flex: 1 1 100%;
  font-size: 0.85em;
}
`;
