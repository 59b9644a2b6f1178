/**
 * The colours of the drawing, taken from the custom properties of the page it stands in: a canvas knows no stylesheet.
 * What a property leaves open is mixed from text and surface, so that any theme of a page makes a hall that reads well.
 */

const PROPERTIES = {
  // name: [custom property, without it, where the system's own colours are forced]
  text: ["--seat-map-text", "CanvasText", "CanvasText"],
  surface: ["--seat-map-surface", "Canvas", "Canvas"],
  mine: ["--seat-map-mine", "", "Highlight"],
  held: ["--seat-map-held", "", "CanvasText"],
  taken: ["--seat-map-taken", "", "GrayText"],
};

/** What `root` asks for: {text, surface, …} as [red, green, blue], 0 … 255; font, direction, isForced, isStrong. */
export function readPalette(root) {
  const isForced = matchMedia("(forced-colors: active)").matches;
  const style = getComputedStyle(root);
  const probe = document.createElement("span");
  probe.style.cssText = "position: absolute; visibility: hidden; forced-color-adjust: none; transition: none";
  root.append(probe);
  const read = reader(probe);
  const palette = { isForced, isStrong: isForced || matchMedia("(prefers-contrast: more)").matches };
  palette.isStrong ||= style.getPropertyValue("--seat-map-contrast").trim() === "more";
  for (const [name, [property, otherwise, forced]] of Object.entries(PROPERTIES)) {
    const color = read(isForced ? forced : `var(${property}, ${otherwise || "transparent"})`);
    palette[name] = color.alpha === 0 && otherwise === "" ? null : color.rgb;
  }
  probe.remove();
  palette.mine ??= palette.text;
  palette.held ??= mix(palette.text, palette.surface, 0.62);
  palette.taken ??= mix(palette.text, palette.surface, 0.5);
  palette.quiet = mix(palette.text, palette.surface, palette.isStrong ? 1 : 0.68);
  palette.direction = style.direction;
  palette.font = style.getPropertyValue("--seat-map-font").trim() || style.fontFamily || "system-ui, sans-serif";
  return palette;
}

/** Reads any colour that CSS can say, as it is at the element `probe`, by painting it. */
function reader(probe) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const paint = (color) => {
    probe.style.color = color;
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  return (color) => {
    context.clearRect(0, 0, 1, 1);
    const alpha = paint(color)[3];
    context.clearRect(0, 0, 1, 1);
    // What lies behind a colour that is not solid is not known: the browser's own ground.
    if (alpha < 255) paint("Canvas");
    const [red, green, blue] = paint(color);
    return { rgb: [red, green, blue], alpha };
  };
}

/** `#rrggbb` as [red, green, blue]. */
export function parse(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/** So much (0 … 1) of one colour, the rest of another. */
export function mix(one, other, part) {
  return one.map((value, at) => Math.round(value * part + other[at] * (1 - part)));
}

export function css(rgb, alpha = 1) {
  return alpha === 1 ? `rgb(${rgb.join(" ")})` : `rgb(${rgb.join(" ")} / ${alpha})`;
}

/** Relative luminance of WCAG 2, sRGB's gamma taken as 2.2. */
function luminance([red, green, blue]) {
  return 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2;
}

/** Contrast ratio of WCAG 2: 1 … 21. */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever reads better on a colour. */
export function inkOn(rgb) {
  return contrast(rgb, [255, 255, 255]) >= contrast(rgb, [0, 0, 0]) ? [255, 255, 255] : [0, 0, 0];
}

/** `color`, mixed with as much of `ink` as it takes to stand out from `ground` by `ratio`. */
export function standingOut(color, ground, ink, ratio) {
  for (let part = 1; part > 0; part -= 0.1) {
    const mixed = mix(color, ink, part);
    if (contrast(mixed, ground) >= ratio) return mixed;
  }
  return ink;
}
