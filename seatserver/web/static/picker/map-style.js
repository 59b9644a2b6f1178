/** The look of what stands around the hall (which is in stage-style.js), and of the areas below it. */

export const MAP_STYLE = `
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
.prices canvas,
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
`;
