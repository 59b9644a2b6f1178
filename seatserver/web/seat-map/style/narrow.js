/** The style where there is little width. It depends on the element's own width, never on the window's. */

export const NARROW_STYLE = `
@container seat-map (max-width: 58em) {
  /* No grid: what sticks must be free to move along all of it. */
  .frame {
    --gap: 0.5em;
    display: flex;
    flex-direction: column;
    align-items: stretch;
    /* Down to the window's edge, where the basket stands, unless the page wants a small hall. */
    min-block-size: min(calc(100svh - var(--top, 100svh)), calc(var(--seat-map-height, 100svh) + 18em));
  }
  .side {
    display: contents;
  }

  /* ---- the search is one line; what is wished for unfolds over the hall */
  .search {
    position: relative;
    display: flex;
    flex-wrap: wrap;
    gap: 0.5em;
    padding: 0;
    border: 0;
    background: none;
  }
  .search.ghost {
    min-block-size: 0;
  }
  .ghost .key {
    min-block-size: 9em;
  }
  .search[data-more] .finder {
    display: flex;
    flex: 0 1 auto;
    order: -1;
    margin: 0;
    padding-inline: 0.75em;
    border: 1px solid var(--seat-map-line);
    background: var(--seat-map-surface);
    color: inherit;
  }
  .finder .party {
    display: inline;
  }
  .finder .more {
    display: none;
  }
  .search .best {
    order: 0;
    flex: 1 1 8em;
    padding-inline: 0.4em;
  }
  .search .few {
    flex: 1 1 100%;
  }
  .wish {
    position: absolute;
    inset-block-start: calc(100% + 4px);
    inset-inline: 0;
    display: none;
    gap: 0.5em;
    max-block-size: 70svh;
    padding: 0.75em;
    border: 1px solid var(--seat-map-line);
    border-radius: var(--radius);
    background: var(--seat-map-surface);
    box-shadow: 0 6px 30px rgb(0 0 0 / 0.25);
    overflow-y: auto;
  }
  .search[data-open="true"] {
    z-index: 6;
  }
  .search[data-open="true"] .wish {
    display: grid;
  }
  .search .compare {
    grid-column: 1;
    order: 5;
  }
  .search[data-types="several"] .wish > .stepper {
    display: none;
  }
  /* Side by side, so the hall on which they are shown stays in sight. */
  .offers {
    padding: 0.6em 0.75em 0.75em;
  }
  .offers ol {
    grid: auto / auto-flow minmax(14em, 70%);
    max-block-size: none;
    overflow: auto hidden;
  }

  /* ---- the hall has all the room that one line of prices and the basket leave */
  .map {
    align-self: stretch;
    display: flex;
    flex-direction: column;
    padding: 0.25em 0.25em 0.5em;
    margin-block-end: var(--gap);
  }
  .view {
    min-block-size: var(
      --seat-map-height,
      max(min(15rem, 50svh), min(calc(100svh - var(--taken, 16rem)), max(24rem, 130cqi)))
    );
  }
  .areas {
    align-self: stretch;
  }
  .key {
    padding-inline: 0.5em;
  }
  .status {
    order: 1;
  }

  /* ---- the basket is one line along the lower edge, which opens to all of it */
  .dock {
    position: sticky;
    inset-block-end: 0;
    z-index: 5;
    margin-block-start: auto;
  }
  /* What has the focus is not left under it. */
  .search *,
  .concierge *,
  .offers *,
  .map :is(button, [tabindex]) {
    scroll-margin-block-end: 7em;
  }
  .dock > .basket {
    grid-template-columns: auto auto minmax(min-content, 1fr) auto;
    grid-template-rows: minmax(0, 1fr);
    gap: 0 0.5em;
    min-block-size: max(4.25em, 64px);
    padding: 0.4em 0.6em;
    border-end-start-radius: 0;
    border-end-end-radius: 0;
    box-shadow: 0 -4px 20px rgb(0 0 0 / 0.15);
  }
  .dock > .basket > h2 {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  .dock > .basket > .quiet {
    line-height: 1.25;
  }
  .dock > .basket > .countdown {
    grid-column: 2;
    font-size: 1.25em;
  }
  .dock .sum {
    display: flex;
    flex-wrap: wrap;
    grid-column: 3;
    gap: 0 0.5em;
    line-height: 1.25;
  }
  .dock > .basket > .book {
    position: relative;
    grid-column: 4;
    min-inline-size: 5em;
    white-space: nowrap;
  }
  .dock > .basket > p {
    grid-column: 4;
  }
  .dock > .basket > .quiet:nth-child(2) {
    grid-column: 1 / -1;
  }
  .book .whole {
    display: none;
  }
  .book .short {
    display: inline;
  }
  .opener {
    display: grid;
    place-items: center;
    grid-column: 1;
    inline-size: 44px;
    margin-inline: -8px;
    padding: 0;
    border-color: transparent;
    background: none;
  }
  /* All of the line opens it, but for its button. */
  .opener::before {
    content: "";
    position: absolute;
    inset: 0;
  }
  .opener::after {
    content: "";
    inline-size: 0.6em;
    block-size: 0.6em;
    margin-block-start: 0.3em;
    border: solid currentcolor;
    border-width: 2px 0 0 2px;
    transform: rotate(45deg);
  }
  .opener[aria-expanded="true"]::after {
    margin-block-start: -0.3em;
    transform: rotate(225deg);
  }
  .dock > .basket > .details {
    position: absolute;
    inset-block-end: 100%;
    inset-inline: 0;
    display: none;
    max-block-size: 65svh;
    margin: 0;
    padding: 0.75em 0.75em 0.4em;
    border: 1px solid var(--seat-map-line);
    border-block-end: 0;
    border-radius: var(--radius) var(--radius) 0 0;
    background: var(--seat-map-surface);
    box-shadow: 0 -6px 30px rgb(0 0 0 / 0.25);
    overflow-y: auto;
    overscroll-behavior: contain;
  }
  .dock > .basket[data-open="true"] > .details {
    display: block;
  }
  .dock .lines {
    max-block-size: none;
  }
  /* A message moves nothing under the finger. */
  .dock > .notices {
    position: absolute;
    inset-block-end: calc(100% + 0.5em);
    inset-inline: 0.25em;
    z-index: 1;
  }
  .dock > .notices > .notice {
    max-block-size: 30svh;
    margin: 0;
    padding-block: 0.4em;
    box-shadow: 0 6px 30px rgb(0 0 0 / 0.25);
    line-height: 1.35;
    overflow-y: auto;
  }
  .notice.good .quiet {
    display: none;
  }

}
@container seat-map (max-width: 30em) {
  .prices li > .quiet {
    display: none;
  }
}
/* Amounts of many digits have room beside the button. */
@container seat-map (max-width: 22em) {
  .dock .sum strong {
    font-size: 0.85em;
  }
  .dock > .basket > .book {
    min-inline-size: 4em;
    padding-inline: 0.6em;
  }
}
/* Large type on a small screen: what says least goes first, and the amount stands below the clock. */
@container seat-map (max-width: 17em) {
  .finder .party {
    display: none;
  }
  .finder .count {
    display: inline;
  }
  .areas li {
    flex-wrap: wrap;
    gap: 0.3em;
    font-size: 0.8em;
  }
  .areas li > span {
    flex-basis: 70%;
  }
  .search .best {
    flex-basis: 6em;
    padding-inline: 0.3em;
    font-size: 0.8em;
    line-height: 1.2;
  }
  .offers ol {
    grid-auto-columns: 92%;
  }
  .dock > .basket {
    grid-template-columns: auto minmax(0, 1fr) auto;
    grid-template-rows: auto auto;
    gap: 0 0.4em;
    padding: 0.25em 0.3em;
  }
  .dock > .basket > .quiet {
    font-size: 0.8em;
  }
  .opener {
    grid-row: 1 / 3;
  }
  .dock > .basket > .countdown {
    grid-area: 1 / 2;
    align-self: end;
    font-size: 1em;
  }
  .dock .sum {
    grid-area: 2 / 2;
    align-self: start;
    font-size: 0.55em;
  }
  .sum > span {
    display: none;
  }
  .details :is(.lines li, .total, .fees, .other) {
    flex-wrap: wrap;
  }
  .details .row > button {
    flex-basis: 100%;
  }
  .dock > .notices > .notice {
    font-size: 0.75em;
  }
  .dock > .basket > .book,
  .dock > .basket > p {
    grid-area: 1 / 3 / 3;
    min-inline-size: 0;
    padding-inline: 0.4em;
    font-size: 0.85em;
  }
}
`;
