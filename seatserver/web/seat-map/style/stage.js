/** The style of what surrounds the drawing. palette.js reads the drawing's own colours. */

const STAGE_STYLE = `
.stage {
  position: relative;
  display: block;
  box-sizing: content-box;
  inline-size: calc(100% - 2 * var(--stage-side));
  aspect-ratio: var(--stage-shape);
  /* Without a height: what the shape asks for. */
  block-size: calc(var(--seat-map-height) - var(--stage-head) - var(--stage-foot));
  min-block-size: min(15rem, 50svh);
  max-block-size: var(--seat-map-height, min(74svh, var(--stage-most)));
  padding: var(--stage-head) var(--stage-side) var(--stage-foot);
  overflow: clip;
  contain: strict;
  background: var(--seat-map-surface, Canvas);
  color: var(--seat-map-text, CanvasText);
  user-select: none;
  -webkit-user-select: none;
  -webkit-tap-highlight-color: transparent;
}
.stage > canvas {
  position: absolute;
  inset: 0 0 auto;
  inline-size: 100%;
  block-size: calc(100% - var(--stage-tools));
  touch-action: none;
  cursor: default;
}
.stage[data-whole="true"] > canvas {
  touch-action: pan-x pan-y;
}
.stage[data-whole="false"] > canvas {
  cursor: grab;
}
.stage[data-point="true"] > canvas {
  cursor: pointer;
}
.stage[data-grab="true"] > canvas {
  cursor: grabbing;
}
.stage[data-frozen="true"] > canvas {
  opacity: 0.5;
  filter: grayscale(1);
}
.stage[data-closed="true"] > canvas {
  opacity: 0.45;
  filter: grayscale(0.8);
}
.stage-grid {
  position: absolute;
  inset: 0 auto auto 0;
  inline-size: 0;
  block-size: 0;
  transform-origin: 0 0;
  pointer-events: none;
}
.stage-grid [role="gridcell"] {
  position: absolute;
  inline-size: 20px;
  block-size: 20px;
  outline: none;
  scroll-margin: 40px;
}
.stage-ring {
  position: absolute;
  inset: 0 auto auto 0;
  box-sizing: border-box;
  border-radius: 24%;
  pointer-events: none;
}
.stage-ring[data-for="hover"] {
  border: 2px solid var(--seat-map-text, CanvasText);
}
.stage-ring[data-for="focus"] {
  border: 3px solid var(--seat-map-focus, var(--seat-map-accent, Highlight));
  outline: 1.5px solid var(--seat-map-surface, Canvas);
}
/* All along the lower edge: nothing of the hall comes between or behind the buttons. */
.stage-zoom {
  position: absolute;
  inset: auto 0 0;
  display: flex;
  align-items: end;
  justify-content: end;
  gap: 4px;
  block-size: var(--stage-tools);
  padding-inline: 4px;
  background: var(--seat-map-surface, Canvas);
}
.stage-zoom button {
  display: grid;
  place-items: center;
  inline-size: 44px;
  block-size: 44px;
  min-block-size: 0;
  margin: 0;
  padding: 0;
  border: 1px solid var(--seat-map-line, GrayText);
  border-radius: 10px;
  background: var(--seat-map-surface, Canvas);
  color: inherit;
  cursor: pointer;
}
.stage-zoom button[aria-disabled="true"] {
  color: color-mix(in srgb, currentcolor 40%, transparent);
  cursor: default;
}
.stage-zoom button:focus-visible {
  outline: 3px solid var(--seat-map-focus, var(--seat-map-accent, Highlight));
  outline-offset: -3px;
}
.stage-zoom svg {
  inline-size: 20px;
  block-size: 20px;
  fill: none;
  stroke: currentcolor;
  stroke-width: 2;
  stroke-linecap: round;
  stroke-linejoin: round;
}
@media (forced-colors: active) {
  .stage-ring[data-for="hover"] {
    border-color: CanvasText;
  }
  .stage-ring[data-for="focus"] {
    border-color: Highlight;
  }
  .stage-zoom button[aria-disabled="true"] {
    color: GrayText;
  }
}
@media (prefers-reduced-motion: no-preference) {
  .stage > canvas {
    transition: opacity 0.2s;
  }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/**
 * Give a document or a shadow tree the stage's style, once.
 * @param {DocumentOrShadowRoot} root
 */
export function adoptStageStyle(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STAGE_STYLE);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
}
