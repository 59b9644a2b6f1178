/** The style of what surrounds the hall, and of the areas below it. The hall itself is in stage.js. */

export const MAP_STYLE = `
/* As high as the window's first view has room for, see fit-room.js; nothing that comes later changes that. */
.view {
  position: relative;
  display: grid;
  grid-template-rows: auto auto minmax(0, 1fr);
  min-block-size: var(--seat-map-height, max(min(15rem, 50svh), calc(100svh - var(--taken, 16rem))));
}
.hall {
  grid-row: 3;
  position: relative;
  min-block-size: min(10rem, 35svh);
  border-radius: 0.5em;
  overflow: hidden;
}
.hall > .stage {
  position: absolute;
  inset: 0;
  box-sizing: border-box;
  inline-size: auto;
  block-size: auto;
  min-block-size: 0;
  max-block-size: none;
  padding: 0;
  aspect-ratio: auto;
}
.key {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: center;
  gap: 0.2em 1.1em;
  padding-block-start: 0.5em;
  font-size: 0.85em;
}
.status {
  display: inline-flex;
  align-items: center;
  gap: 0.5em;
  padding: 0.1em 0.75em;
  border: 1px solid var(--seat-map-line);
  border-radius: 99px;
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
.prices,
.signs {
  display: flex;
  flex-wrap: wrap;
  justify-content: center;
  gap: 0.2em 1.1em;
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
.prices canvas,
.signs canvas {
  inline-size: 1.5em;
  block-size: 1.5em;
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
.banner {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  justify-content: center;
  gap: 0.1em 1em;
  margin-block-end: 0.5em;
  padding: 0.5em 1em;
  border: 1px solid var(--seat-map-line);
  border-radius: 0.625em;
  background: color-mix(in srgb, var(--seat-map-text) 6%, var(--seat-map-surface));
  font-weight: 600;
  text-align: center;
}
.to-go {
  font-variant-numeric: tabular-nums;
  font-weight: 400;
  white-space: nowrap;
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
  min-inline-size: 0;
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
/* A single area stands beside the hall's buttons, where there is nothing else. */
@container seat-map (min-width: 58.01em) {
  .areas:has(> li:only-child) {
    position: relative;
    inline-size: max-content;
    max-inline-size: calc(100% - 170px);
    margin: -52px 0 0;
  }
  .areas > li:only-child {
    min-block-size: 52px;
  }
  .areas > li:only-child > span {
    margin-inline-end: 1em;
  }
}
`;
