/** The style of the basket, bookings and messages. */

export const BASKET_STYLE = `
.basket {
  display: grid;
  grid-template-columns: 1fr auto;
  align-items: center;
  gap: 0 0.75em;
  padding-block: 0.75em;
}
.basket > h2 {
  margin: 0;
}
.basket > .quiet,
.basket > .details,
.basket > .book,
.basket > p {
  grid-column: 1 / -1;
}
.basket > .details {
  margin-block: 0.5em;
}
.countdown {
  white-space: nowrap;
  font-size: 1.35em;
  font-weight: 650;
  font-variant-numeric: tabular-nums;
  line-height: 1;
}
.sum strong {
  white-space: nowrap;
}
/* One thing at a time: while offers are compared, the basket is its sum. */
@container seat-map (min-width: 58.01em) {
  .frame:has(> .offers:not([hidden])) .basket > .details {
    display: none;
  }
  .frame:has(> .offers:not([hidden])) .basket > .sum {
    display: flex;
    grid-column: 1 / -1;
    justify-content: space-between;
    margin-block: 0.5em;
  }
}
.opener,
.sum,
.book .short {
  display: none;
}
.dock > .notices > .notice {
  margin-block-end: var(--gap);
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
  max-block-size: max(5.75em, 100svh - 40em);
  overflow-y: auto;
  overscroll-behavior: contain;
}
.lines li {
  display: flex;
  align-items: center;
  gap: 0.4em;
  min-block-size: 2.75em;
  border-block-end: 1px solid var(--seat-map-line);
}
.lines li:last-child {
  border: 0;
}
.lines strong {
  flex: none;
  min-inline-size: 2.9em;
  white-space: nowrap;
}
.lines select {
  flex: 0 1 auto;
  min-inline-size: 4.5em;
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
  white-space: nowrap;
  font-variant-numeric: tabular-nums;
}
.bookings li {
  flex-wrap: wrap;
  gap: 0.1em 0.6em;
  padding-block: 0.4em;
}
.bookings strong {
  flex: initial;
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
  margin-block: 0 0.6em;
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
  padding-block: 0.5em;
  padding-inline: 0.9em 0.4em;
  border: 1px solid var(--seat-map-line);
  border-inline-start: 5px solid var(--tone, var(--quiet));
  border-radius: 0.625em;
  background: var(--seat-map-surface);
  color: var(--seat-map-text);
  font-size: 0.9em;
  line-height: 1.4;
}
.notice > div {
  flex: 1;
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.3em 0.75em;
}
.notice p {
  flex: 1 1 11em;
}
.notice p.quiet {
  flex-basis: 100%;
}
.notice.good:has(.actions) .quiet {
  display: none;
}
.notice.good {
  --tone: var(--seat-map-good);
}
.notice.bad {
  --tone: var(--seat-map-bad);
}
.notice .quiet {
  font-size: 0.9em;
}
.notice .actions {
  flex: 0 1 auto;
  display: flex;
  flex-wrap: wrap;
  gap: 0.5em;
}
.notice button:not(.close) {
  padding-inline: 0.6em;
  font-weight: 600;
}
`;
