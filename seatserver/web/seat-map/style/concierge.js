/** The style of the concierge: a quiet field, the answer below it, and its offers. */

export const CONCIERGE_STYLE = `
.concierge {
  grid-area: talk;
  padding-block: 0.75em;
}
.asking {
  display: flex;
  gap: 0.5em;
}
.asking input {
  flex: 1;
  min-inline-size: 0;
  text-overflow: ellipsis;
}
.asking input::placeholder {
  color: var(--quiet);
  opacity: 1;
}
.microphone {
  flex: none;
  inline-size: max(2.75em, 44px);
  padding: 0;
  touch-action: none;
}
.microphone svg {
  display: block;
  inline-size: 1.4em;
  block-size: 1.4em;
  margin: auto;
  fill: none;
  stroke: currentcolor;
  stroke-width: 2;
  stroke-linecap: round;
}
.microphone[aria-pressed="true"] {
  border-color: var(--seat-map-accent);
  background: var(--seat-map-accent);
  color: var(--seat-map-on-accent);
}
.concierge[data-hearing] .asking input {
  outline: 2px solid var(--seat-map-accent);
  outline-offset: -2px;
}
.asking + .model {
  margin: 0.35em 0 0;
  font-size: 0.85em;
}
.consent {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 0 1em;
  margin-block-start: 0.35em;
  font-size: 0.85em;
}
.consent label {
  display: flex;
  align-items: center;
  gap: 0.5em;
  min-block-size: 44px;
  cursor: pointer;
}
.consent input {
  flex: none;
  inline-size: 1.25em;
  block-size: 1.25em;
  margin: 0;
  accent-color: var(--seat-map-accent);
}
.consent .forget {
  min-block-size: 44px;
  padding: 0;
  border: 0;
  background: none;
  color: inherit;
  font: inherit;
  text-decoration: underline;
  cursor: pointer;
}
.hearing,
.said {
  margin-block-start: 0.5em;
  line-height: 1.4;
  max-inline-size: 70ch;
}
.hearing:empty {
  margin: 0;
}
.said + .answer {
  margin-block-start: 0.25em;
}
.concierge[aria-busy="true"] :is(.ask, li button) {
  opacity: 1;
}
.answer {
  min-block-size: 3em;
  margin-block-start: 0.5em;
  line-height: 1.4;
  max-inline-size: 70ch;
}
.concierge[aria-busy="true"] .answer::after {
  content: "…";
}
.concierge ol {
  display: grid;
  gap: 0.5em;
  max-block-size: max(9em, 22svh);
  margin: 0.5em -4px -4px;
  padding: 4px;
  overflow-y: auto;
  overscroll-behavior: contain;
}
.concierge li button {
  display: flex;
  flex-wrap: wrap;
  justify-content: space-between;
  gap: 0 0.75em;
  inline-size: 100%;
  padding: 0.4em 0.75em;
  line-height: 1.35;
  text-align: start;
}
.concierge li .quiet {
  flex: 1 1 100%;
  font-size: 0.85em;
}
.search .talker {
  display: none;
}
@container seat-map (max-width: 58em) {
  /* Unfolded by a button in the line of the search, between it and the hall on which the offers are shown. */
  .concierge {
    padding: 0.6em 0.75em 0.75em;
    max-block-size: 45svh;
    overflow-y: auto;
  }
  .concierge:not([data-open="true"]) {
    display: none;
  }
  .search .talker {
    position: relative;
    display: block;
    flex: none;
    inline-size: max(2.75em, 44px);
    padding: 0;
    order: 1;
  }
  .talker::before,
  .talker::after {
    content: "";
    position: absolute;
    inset: 0;
    margin: auto;
    border: 2px solid currentcolor;
  }
  .talker::before {
    inline-size: 1.2em;
    block-size: 0.85em;
    border-radius: 0.35em;
    translate: 0 -0.1em;
  }
  .talker::after {
    inline-size: 0.3em;
    block-size: 0.3em;
    border-width: 0 2px 2px 0;
    translate: -0.15em 0.4em;
    rotate: 45deg;
    background: var(--seat-map-surface);
  }
  .talker[aria-expanded="true"] {
    border-color: var(--seat-map-text);
  }
  .concierge ol {
    grid: auto / auto-flow minmax(14em, 70%);
    max-block-size: none;
    overflow: auto hidden;
  }
}
`;
