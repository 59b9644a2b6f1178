/**
 * Which part of the hall is visible, and how large: a scale in CSS pixels per pitch, and the point in the middle of the
 * view. The camera keeps the hall in view and glides from one view to the next. It only computes; the drawing calls
 * `step` for each frame.
 */

/** @import { Bounds, Rectangle, View } from "../types.js" */

export const PICKING = 46; // CSS pixels a pitch at which seats are picked by touch: more than 44, as fingers need
const LARGEST = 72;
export const LARGEST_FIT = 52; // a small hall does not fill a large view
const GLIDE_MS = 260;

export class Camera {
  #bounds;
  #width = 1;
  #height = 1;
  #rim;
  /** @type {View} */
  #view = { x: 0, y: 0, scale: 1 };
  /** @type {{ from: View, to: View, since: number } | null} */
  #glide = null;
  #isWhole = true;

  /**
   * `bounds` are those of a Plan; `rim`, {side, head, foot}, are CSS pixels at the sides, at the top and at the bottom
   * of the view that are for other things than seats.
   * @param {Bounds} bounds
   */
  constructor(bounds, rim = { side: 0, head: 0, foot: 0 }) {
    this.#bounds = bounds;
    this.#rim = rim;
    this.#view = this.#clamp(this.whole);
  }

  get scale() {
    return this.#view.scale;
  }

  get width() {
    return this.#width;
  }

  get height() {
    return this.#height;
  }

  /** CSS pixels from the top to the bottom that are for seats. */
  get #room() {
    return this.#height - this.#rim.head - this.#rim.foot;
  }

  /** How far the middle of the view lies below the middle of that room, in CSS pixels. */
  get #lift() {
    return (this.#rim.foot - this.#rim.head) / 2;
  }

  /** The scale at which the whole hall is seen: the least there is. */
  get least() {
    const { left, right, top, bottom } = this.#bounds;
    const width = Math.max(1, this.#width - 2 * this.#rim.side);
    const height = Math.max(1, this.#room);
    return Math.min(LARGEST_FIT, width / (right - left), height / (bottom - top));
  }

  get largest() {
    return Math.max(LARGEST, this.least);
  }

  /** Whether the hall is seen as a whole, and so stays when the view's size changes. */
  get isWhole() {
    return this.#isWhole;
  }

  /** Where the view is going, or is. */
  get target() {
    return this.#glide?.to ?? this.#view;
  }

  /**
   * The view has a new size, in CSS pixels.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    [this.#width, this.#height] = [Math.max(1, width), Math.max(1, height)];
    this.#glide = null;
    this.#set(this.#isWhole ? this.whole : this.#view);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {[x: number, y: number]}
   */
  toView(x, y) {
    const { x: middleX, y: middleY, scale } = this.#view;
    return [(x - middleX) * scale + this.#width / 2, (y - middleY) * scale + this.#height / 2];
  }

  /**
   * @param {number} viewX
   * @param {number} viewY
   * @returns {[x: number, y: number]}
   */
  toHall(viewX, viewY) {
    const { x, y, scale } = this.#view;
    return [x + (viewX - this.#width / 2) / scale, y + (viewY - this.#height / 2) / scale];
  }

  /**
   * Move by CSS pixels, as a finger does.
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.#glide = null;
    const { x, y, scale } = this.#view;
    this.#set({ x: x - dx / scale, y: y - dy / scale, scale });
  }

  /**
   * The view in which `scale` is reached and what is at (viewX, viewY) stays there.
   * @param {number} scale
   */
  zoomed(scale, viewX = this.#width / 2, viewY = this.#height / 2) {
    const bounded = Math.min(this.largest, Math.max(this.least, scale));
    const [x, y] = this.toHall(viewX, viewY);
    return {
      x: x - (viewX - this.#width / 2) / bounded,
      y: y - (viewY - this.#height / 2) / bounded,
      scale: bounded,
    };
  }

  /** The view of the whole hall. */
  get whole() {
    const { left, right, top, bottom } = this.#bounds;
    return { x: (left + right) / 2, y: (top + bottom) / 2 + this.#lift / this.least, scale: this.least };
  }

  /**
   * The view nearest to where this one is going that shows a rectangle of the hall with `margin` CSS pixels around.
   * @param {Rectangle} rectangle
   * @param {number} margin
   */
  showing({ left, top, width, height }, margin, leastScale = 0) {
    const { x, y, scale: before } = this.target;
    const roomy = Math.min((this.#width - 2 * margin) / width, (this.#room - 2 * margin) / height);
    const scale = Math.max(this.least, Math.min(Math.max(before, leastScale), roomy, this.largest));
    /**
     * @param {number} at
     * @param {number} from
     * @param {number} to
     * @param {number} size
     */
    const nearest = (at, from, to, size) => {
      const half = Math.max(0, size / 2 - margin) / scale;
      if (to - from > 2 * half) return (from + to) / 2;
      return Math.min(from + half, Math.max(to - half, at));
    };
    const lift = this.#lift / scale;
    return {
      x: nearest(x, left, left + width, this.#width),
      y: nearest(y - lift, top, top + height, this.#room) + lift,
      scale,
    };
  }

  /**
   * Go to a view: at once, or gliding from `now` (milliseconds) on.
   * @param {View} view
   * @param {number | null} now
   */
  go(view, now = null) {
    const to = this.#clamp(view);
    this.#isWhole = to.scale <= this.least * 1.001;
    this.#glide = now === null ? null : { from: this.#view, to, since: now };
    if (now === null) this.#view = to;
  }

  /**
   * Take the next step of a glide; whether there is another one.
   * @param {number} now
   */
  step(now) {
    if (!this.#glide) return false;
    const { from, to, since } = this.#glide;
    const part = Math.max(0, Math.min(1, (now - since) / GLIDE_MS)); // a frame's time may lie before the call
    if (part >= 1) {
      this.#glide = null;
      this.#view = to;
      return false;
    }
    const eased = 1 - (1 - part) ** 3;
    const scale = from.scale * (to.scale / from.scale) ** eased;
    // The point that both views show at the same place of the screen stays there.
    const moved = from.scale === to.scale ? eased : (1 / from.scale - 1 / scale) / (1 / from.scale - 1 / to.scale);
    this.#view = { x: from.x + (to.x - from.x) * moved, y: from.y + (to.y - from.y) * moved, scale };
    return true;
  }

  get isGliding() {
    return this.#glide !== null;
  }

  /** @param {View} view */
  #set(view) {
    this.#view = this.#clamp(view);
    this.#isWhole = this.#view.scale <= this.least * 1.001;
  }

  /**
   * A view that shows no more emptiness than it must.
   * @param {View} view
   */
  #clamp({ x, y, scale }) {
    const { left, right, top, bottom } = this.#bounds;
    const bounded = Math.min(this.largest, Math.max(this.least, scale));
    /**
     * @param {number} at
     * @param {number} from
     * @param {number} to
     * @param {number} size
     */
    const between = (at, from, to, size) => {
      const half = size / 2 / bounded;
      return to - from <= 2 * half ? (from + to) / 2 : Math.min(to - half, Math.max(from + half, at));
    };
    const [side, head, foot] = [this.#rim.side, this.#rim.head, this.#rim.foot].map((pixels) => pixels / bounded);
    return {
      x: between(x, left - side, right + side, this.#width),
      y: between(y, top - head, bottom + foot, this.#height),
      scale: bounded,
    };
  }
}
