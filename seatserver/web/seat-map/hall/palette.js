/**
 * The colours of the drawing, read from the page's custom properties, because stylesheets do not apply inside a canvas.
 * Colours that are not set are mixed from text and surface, so the hall is readable in any theme of a page.
 */

import { drawingOn } from "../../shared/dom.js";

/** @import { Colour } from "../types.js" */

/** @type {Record<string, [property: string, otherwise: string, forced: string]>} */
const PROPERTIES = {
  // name: [custom property, without it, where the system's own colours are forced]
  text: ["--seat-map-text", "CanvasText", "CanvasText"],
  surface: ["--seat-map-surface", "Canvas", "Canvas"],
  mine: ["--seat-map-mine", "", "Highlight"],
  held: ["--seat-map-held", "", "CanvasText"],
  taken: ["--seat-map-taken", "", "GrayText"],
};

/**
 * What `root` asks for: {text, surface, …} as [red, green, blue], 0 … 255; font, direction, isForced, isStrong.
 * @param {HTMLElement} root
 */
export function readPalette(root) {
  const isForced = matchMedia("(forced-colors: active)").matches;
  const style = getComputedStyle(root);
  const probe = document.createElement("span");
  probe.style.cssText = "position: absolute; visibility: hidden; forced-color-adjust: none; transition: none";
  root.append(probe);
  const read = reader(probe);
  const wantsMore = style.getPropertyValue("--seat-map-contrast").trim() === "more";
  const isStrong = isForced || wantsMore || matchMedia("(prefers-contrast: more)").matches;
  /** @type {Record<string, Colour | null>} */
  const found = {};
  for (const [name, [property, otherwise, forced]] of Object.entries(PROPERTIES)) {
    const color = read(isForced ? forced : `var(${property}, ${otherwise || "transparent"})`);
    found[name] = color.alpha === 0 && otherwise === "" ? null : color.rgb;
  }
  probe.remove();
  const { text, surface } = /** @type {{ text: Colour, surface: Colour }} */ (found);
  return {
    isForced,
    isStrong,
    text,
    surface,
    mine: found.mine ?? text,
    held: found.held ?? mix(text, surface, 0.62),
    taken: found.taken ?? mix(text, surface, 0.5),
    quiet: mix(text, surface, isStrong ? 1 : 0.68),
    direction: /** @type {CanvasDirection} */ (style.direction),
    font: style.getPropertyValue("--seat-map-font").trim() || style.fontFamily || "system-ui, sans-serif",
  };
}

/**
 * Reads any colour that CSS can say, as it is at the element `probe`, by painting it.
 * @param {HTMLElement} probe
 */
function reader(probe) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = drawingOn(canvas, { willReadFrequently: true });
  /** @param {string} color */
  const paint = (color) => {
    probe.style.color = color;
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  return (/** @type {string} */ color) => {
    context.clearRect(0, 0, 1, 1);
    const alpha = paint(color)[3];
    context.clearRect(0, 0, 1, 1);
    // What lies behind a colour that is not solid is not known: the browser's own ground.
    if (alpha < 255) paint("Canvas");
    const [red, green, blue] = paint(color);
    return { rgb: [red, green, blue], alpha };
  };
}

/**
 * `#rrggbb` as [red, green, blue].
 * @param {string} color
 */
export function parse(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/**
 * So much (0 … 1) of one colour, the rest of another.
 * @param {Colour} one
 * @param {Colour} other
 * @param {number} part
 */
export function mix(one, other, part) {
  return one.map((value, at) => Math.round(value * part + other[at] * (1 - part)));
}

/** @param {Colour} rgb */
export function css(rgb, alpha = 1) {
  return alpha === 1 ? `rgb(${rgb.join(" ")})` : `rgb(${rgb.join(" ")} / ${alpha})`;
}

/**
 * Relative luminance of WCAG 2, sRGB's gamma taken as 2.2.
 * @param {Colour} pair
 */
function luminance([red, green, blue]) {
  return 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2;
}

/**
 * Contrast ratio of WCAG 2: 1 … 21.
 * @param {Colour} one
 * @param {Colour} other
 */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/**
 * Black or white, whichever reads better on a colour.
 * @param {Colour} rgb
 */
export function inkOn(rgb) {
  return contrast(rgb, [255, 255, 255]) >= contrast(rgb, [0, 0, 0]) ? [255, 255, 255] : [0, 0, 0];
}

/**
 * `color`, mixed with as much of `ink` as it takes to stand out from `ground` by `ratio`.
 * @param {Colour} color
 * @param {Colour} ground
 * @param {Colour} ink
 * @param {number} ratio
 */
export function standingOut(color, ground, ink, ratio) {
  for (let part = 1; part > 0; part -= 0.1) {
    const mixed = mix(color, ink, part);
    if (contrast(mixed, ground) >= ratio) return mixed;
  }
  return ink;
}
