/**
 * Draws the hall on the canvas as the camera sees it, redrawing as little as possible. A changed seat redraws one seat;
 * a moving camera copies what is already drawn (tiles.js).
 */

import { drawingOn } from "../../shared/dom.js";
import { Scene } from "./scene.js";
import { Tiles, pixelsOf } from "./tiles.js";

/** @import { Camera } from "./camera.js" */
/** @import { Plan } from "./plan.js" */
/** @import { AreaLook, Layout, Look, Palette, StageStrings } from "../types.js" */

const NAMES = 76; // CSS pixels at both sides in which the rows' names stand
const OUTLINE = 0.2; // pitches that an area's outline may reach out
const MANY = 1500; // changed seats, such as those of a whole room: it is drawn as a whole
const MOST_PIXELS = 16_000_000; // of the canvas, however much the page magnifies it
const SETTLED_MS = 90; // a camera that has not zoomed for so long has come to rest

export class Picture {
  #canvas;
  #context;
  #plan;
  #scene;
  #tiles;
  #look;
  #looks;
  /** @type {Set<number>} */
  #dirty = new Set();
  #isStale = true;
  /** What was drawn last. @type {{ pitch?: number, left?: number, top?: number }} */
  #view = {};
  #zoomedAt = -Infinity;
  #ratio = 1;

  /**
   * On `canvas`; `plan` is of `layout`; the rest as Stage has it.
   * @param {HTMLCanvasElement} canvas
   * @param {Plan} plan
   * @param {Layout} layout
   * @param {{ look: (seat: number) => Look, lookArea: (area: number) => AreaLook, strings: StageStrings, side: number }} given
   */
  constructor(canvas, plan, layout, { look, lookArea, strings, side }) {
    this.#canvas = canvas;
    this.#context = drawingOn(canvas, { alpha: false });
    this.#plan = plan;
    this.#look = look;
    this.#looks = layout.seats.map((_, seat) => look(seat));
    this.#scene = new Scene(plan, layout, { looks: this.#looks, lookArea, strings, side });
    this.#scene.readAreas();
    this.#tiles = new Tiles(this.#scene);
  }

  /**
   * These seats (null: any of them) may look otherwise now.
   * @param {number[] | null} seats
   */
  paint(seats) {
    for (const seat of seats ?? this.#looks.keys()) {
      const look = this.#look(seat);
      if (look === this.#looks[seat]) continue;
      this.#looks[seat] = look;
      this.#dirty.add(seat);
    }
  }

  /** The areas may read otherwise now. */
  paintAreas() {
    for (const { x, y, width, height } of this.#scene.readAreas()) {
      const [left, top] = [x - width / 2 - OUTLINE, y - height / 2 - OUTLINE];
      this.#tiles.touch({ left, top, width: width + 2 * OUTLINE, height: height + 2 * OUTLINE });
      this.#isStale = true;
    }
  }

  /**
   * All of it, in the colours of `palette`.
   * @param {Palette} palette
   */
  restyle(palette) {
    this.#scene.restyle(palette);
    this.#forget();
  }

  #forget() {
    this.#tiles.clear();
    this.#dirty.clear();
    this.#isStale = true;
  }

  /**
   * Be as large as the canvas is on the page and as sharp as the screen, where the page shows it `magnified` so many
   * times. Gives the new size in CSS pixels, or null.
   * @param {number} magnified
   * @returns {[width: number, height: number] | null}
   */
  fit(magnified) {
    const style = getComputedStyle(this.#canvas);
    const [wide, high] = [parseFloat(style.width), parseFloat(style.height)];
    // Smaller than it is drawn looks well; and it may be on the way from nothing to its full size.
    const wished = devicePixelRatio * Math.max(1, magnified);
    const ratio = Math.max(devicePixelRatio, Math.min(wished, Math.sqrt(MOST_PIXELS / (wide * high))));
    const [width, height] = [Math.round(wide * ratio), Math.round(high * ratio)];
    if (!(width > 0 && height > 0)) return null;
    if (width === this.#canvas.width && height === this.#canvas.height && ratio === this.#ratio) return null;
    if (ratio !== this.#ratio) this.#tiles.clear();
    this.#ratio = this.#scene.ratio = ratio;
    [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#isStale = true;
    return [wide, high];
  }

  /**
   * Draw what `camera` sees. Gives {hasMoved: since the last time, isDone: or the next frame goes on}.
   * @param {Camera} camera
   * @param {number} now
   */
  draw(camera, now) {
    const pitch = camera.scale * this.#ratio;
    const [left, top] = camera.toView(0, 0).map((at) => Math.round(-at * this.#ratio));
    const before = this.#view;
    this.#view = { pitch, left, top };
    if (before.pitch !== undefined && before.pitch !== pitch) this.#zoomedAt = now;
    const hasMoved = before.pitch !== pitch || before.left !== left || before.top !== top;
    if (this.#dirty.size > MANY) this.#forget();
    for (const seat of this.#dirty) this.#tiles.touch(this.#squareOf(seat));
    const isAll = hasMoved || this.#isStale || !this.#drawSeats(pitch, left, top);
    if (isAll) this.#isStale = !this.#drawAll(pitch, left, top, now - this.#zoomedAt >= SETTLED_MS, camera.isWhole);
    this.#dirty.clear();
    return { hasMoved, isDone: !this.#isStale };
  }

  /** @param {number} seat */
  #squareOf(seat) {
    const { x, y } = this.#plan.spots[seat];
    return { left: x - 0.5, top: y - 0.5, width: 1, height: 1 };
  }

  /**
   * Whether that was all, or the next frame has to go on.
   * @param {number} pitch
   * @param {number} left
   * @param {number} top
   * @param {boolean} isSettled
   * @param {boolean} isWhole
   */
  #drawAll(pitch, left, top, isSettled, isWhole) {
    const { width, height } = this.#canvas;
    const isDone = this.#tiles.show(this.#context, pitch, left, top, { isSettled, isWhole }) && isSettled;
    this.#scene.drawRowNames(this.#context, pitch, { left, top, width, height });
    return isDone;
  }

  /**
   * Only the seats that changed; whether that could be done.
   * @param {number} pitch
   * @param {number} left
   * @param {number} top
   */
  #drawSeats(pitch, left, top) {
    const { width } = this.#canvas;
    for (const seat of this.#dirty) {
      const part = pixelsOf(this.#squareOf(seat), pitch);
      const names = NAMES * this.#ratio; // there the names of rows may lie above the seats
      if (part.left - left < names || part.left + part.width - left > width - names) return false;
      this.#context.save();
      this.#context.translate(part.left - left, part.top - top);
      this.#scene.draw(this.#context, pitch, part);
      this.#context.restore();
    }
    return true;
  }
}
