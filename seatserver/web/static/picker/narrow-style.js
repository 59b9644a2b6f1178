/** What is otherwise where there is little room. This goes by the element's own width, never by the window's. */

export const NARROW_STYLE = `
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
    align-items: center;
    justify-content: space-between;
    margin-block-end: 0.75em;
    border-color: var(--seat-map-line);
    border-radius: var(--radius);
    font-weight: 650;
  }
  .finder::after {
    content: "";
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
  .search label:has(select) {
    flex-basis: 9em; /* a category's name */
    max-inline-size: none;
  }
  .search :is(input, select) {
    inline-size: 100%;
    max-inline-size: none;
  }
  .search .row {
    flex: 1 1 100%;
    flex-wrap: wrap; /* other languages have longer words */
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
  /* What has the focus is not left under it. */
  .finder,
  .search *,
  .offers *,
  .map :is(button, [tabindex]) {
    scroll-margin-block-end: 18em;
  }
  @media (max-height: 34em) {
    .dock {
      position: static;
    }
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
`;
