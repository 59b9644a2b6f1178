/**
 * What is otherwise where there is little height: on a phone that is held sideways the search, the messages and the
 * basket stand beside the hall, each as the one line that narrow.js makes of it, and the hall has all the height. What
 * else stands below the hall is scrolled to.
 */

export const SHORT_STYLE = `
@media (max-height: 30em) {
  @container seat-map (min-width: 32em) and (max-width: 58em) {
    .frame {
      display: grid;
      grid-template: "map search" auto "map talk" auto "map offers" auto "map side" 1fr / minmax(0, 1fr) minmax(16em, 20em);
      gap: 0 0.5em;
      min-block-size: 0;
    }
    .map {
      margin-block-end: 0;
    }
    .view {
      min-block-size: var(--seat-map-height, max(min(11rem, 50svh), calc(100svh - var(--taken, 8rem))));
    }
    .side {
      display: flex;
    }
    .bookings {
      max-block-size: 45svh;
      overflow-y: auto;
    }
    .search *,
    .offers *,
    .map :is(button, [tabindex]) {
      scroll-margin-block-end: 0;
    }
    .dock {
      inset-block-end: 8px;
    }
    .dock > .basket {
      border-radius: var(--radius);
      box-shadow: none;
    }
    .dock > .basket > .countdown {
      font-size: 1.1em;
    }
    .dock .sum > * {
      font-size: 0.8em;
      white-space: nowrap;
    }
    .dock > .basket > .book {
      min-inline-size: 4em;
      padding-inline: 0.6em;
    }
    .dock > .basket > .details {
      max-block-size: 55svh;
    }
    .offers ol {
      grid: none;
      max-block-size: max(4.75em, min(40svh, 100svh - var(--top, 4em) - 10.75em));
    }
    .wish {
      max-block-size: max(8em, 100svh - var(--top, 4em) - 3.75em);
    }
  }
}
`;
