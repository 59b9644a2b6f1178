/**
 * How an element lies in the window. The page may scale, rotate, skew or zoom it through any of its ancestors, so the
 * element's CSS pixels need not be the window's, and its corner need not be that of its bounding box. Three known
 * points are measured where the browser shows them; they determine the affine map, whatever causes it.
 *
 * "In the window" means as in `clientX` of an event and `getBoundingClientRect`.
 */

import { element } from "../../shared/dom.js";

/** @import { Rectangle } from "../types.js" */

const REACH = 1000; // CSS pixels from the origin to the other two points: browsers round places to a 64th of a pixel
const ALMOST = 0.002; // that is how far rounding can take a scale from the true one
// The points reach out of small elements and must not make the page scroll. Inline, as the element's style is not ours.
const STYLE = { position: "absolute", inset: "0 auto auto 0", width: "0", height: "0" };
const BOX = { ...STYLE, contain: "strict", overflow: "clip", visibility: "hidden", "pointer-events": "none" };

export class Plane {
  #points = [
    [0, 0],
    [REACH, 0],
    [0, REACH],
  ].map(([x, y]) => element("i", { style: { ...STYLE, left: `${x}px`, top: `${y}px` } }));

  /**
   * Of `parent`, which has to be positioned: its origin is that of an absolutely positioned child without insets.
   * @param {HTMLElement} parent
   */
  constructor(parent) {
    parent.append(element("div", { style: BOX, ariaHidden: "true" }, ...this.#points));
  }

  /** Where it lies at this moment: a DOMMatrix from CSS pixels of the element to the window. */
  get #matrix() {
    const [origin, right, down] = this.#points.map((point) => point.getBoundingClientRect());
    /** @param {DOMRect} point */
    const along = (point) => [(point.x - origin.x) / REACH, (point.y - origin.y) / REACH];
    return new DOMMatrix([...along(right), ...along(down), origin.x, origin.y]);
  }

  /** Window pixels that a CSS pixel of the element is long; where the axes differ, their geometric mean. */
  get scale() {
    const { a, b, c, d } = this.#matrix;
    const scale = Math.sqrt(Math.abs(a * d - b * c));
    return Math.abs(scale - 1) < ALMOST ? 1 : scale;
  }

  /**
   * A point of the window, [x, y], in CSS pixels of the element; [NaN, NaN] where the element is squeezed flat.
   * @param {number} x
   * @param {number} y
   */
  fromWindow(x, y) {
    const point = this.#matrix.inverse().transformPoint({ x, y });
    return [point.x, point.y];
  }

  /**
   * Likewise for a distance and its direction.
   * @param {number} dx
   * @param {number} dy
   */
  vectorFromWindow(dx, dy) {
    const { a, b, c, d } = this.#matrix;
    const point = new DOMMatrix([a, b, c, d, 0, 0]).inverse().transformPoint({ x: dx, y: dy });
    return [point.x, point.y];
  }

  /**
   * The bounding box in the window of a rectangle of the element, as getBoundingClientRect gives it.
   * @param {Rectangle} rectangle
   */
  boxOf({ left, top, width, height }) {
    const { a, b, c, d, e, f } = this.#matrix;
    const [halfWidth, halfHeight] = [
      (Math.abs(a) * width + Math.abs(c) * height) / 2,
      (Math.abs(b) * width + Math.abs(d) * height) / 2,
    ];
    const [x, y] = [left + width / 2, top + height / 2];
    const [middleX, middleY] = [a * x + c * y + e, b * x + d * y + f];
    return new DOMRect(middleX - halfWidth, middleY - halfHeight, 2 * halfWidth, 2 * halfHeight);
  }
}
