/** Helpers that make HTML elements, for the seat map and the pages. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @typedef {Partial<Omit<HTMLElementTagNameMap[Tag], "dataset" | "style" | "attributes" | "part" | "min" | "value">> & {
 *   dataset?: Record<string, unknown>,
 *   style?: Record<string, string | number>,
 *   attributes?: Record<string, string>,
 *   part?: string,
 *   min?: string | number,
 *   value?: string | number,
 * }} Properties
 */

/**
 * An HTML element with properties and children; `dataset`, `style` (custom properties) and `attributes` are objects.
 * Children that are null, false or empty are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties<Tag>} properties
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, { dataset = {}, style = {}, attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  for (const [name, value] of Object.entries(style)) made.style.setProperty(name, String(value));
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(.../** @type {(Node | string)[]} */ (children.filter(Boolean)));
  return made;
}

/**
 * A button that says `textContent` and does `act`. While its `ariaDisabled` is "true", it can only be looked at.
 * @param {string} textContent
 * @param {() => unknown} act
 * @param {Properties<"button">} properties
 */
export function button(textContent, act, properties = {}) {
  const made = element("button", { type: "button", textContent, ...properties });
  made.addEventListener("click", () => made.ariaDisabled !== "true" && act());
  return made;
}

/**
 * A drawing of one path on a square of 24. Screen readers pass over it: what it stands in has a name.
 * @param {string} path
 */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * What draws on a canvas: every browser has that.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export function drawingOn(canvas, options) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", options));
}

/**
 * An element of the page by its id. It is there: a page and its script come together.
 * @param {string} id
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * The first element that matches, or null.
 * @param {string} selector
 * @param {ParentNode} root
 */
export function first(selector, root = document) {
  return /** @type {HTMLElement | null} */ (root.querySelector(selector));
}

/**
 * All elements that match.
 * @param {string} selector
 * @param {ParentNode} root
 */
export function every(selector, root = document) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
}

/**
 * What has the focus in the document or shadow tree of `node`.
 * @param {Node} node
 */
export function focusedIn(node) {
  const root = /** @type {Document | ShadowRoot} */ (node.getRootNode());
  return /** @type {HTMLElement | null} */ (root.activeElement);
}
