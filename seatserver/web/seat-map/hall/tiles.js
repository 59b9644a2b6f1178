/**
 * Caches the drawn hall in square tiles, so moving and zooming copies pictures instead of drawing seats.
 *
 * A level is the hall at one size. While the camera zooms, existing tiles are stretched, and a few fresh ones are drawn
 * per frame. Missing tiles are filled from the previous level or from the overview, so nothing is ever blank. A changed
 * seat is redrawn in its tiles when these are next shown.
 */

import { drawingOn } from "../../shared/dom.js";

/** @import { Scene } from "./scene.js" */
/** @import { Rectangle } from "../types.js" */

const SIDE = 256; // device pixels of a piece
const BUDGET_MS = 8; // for making pieces in one frame
const STRETCH = 1.75; // so much larger or smaller than its size a level may be shown while the camera zooms
const MANY = 150; // with more changed seats than this, redrawing the whole tile is cheaper
const SPARE = 2; // pieces kept, in multiples of what is seen

export class Tiles {
  #scene;
  /** @type {Level | null} */
  #overview = null;
  /** @type {Level | null} */
  #level = null;
  /** @type {Level | null} */
  #before = null;

  /**
   * Of `scene`, which draws.
   * @param {Scene} scene
   */
  constructor(scene) {
    this.#scene = scene;
  }

  /** Nothing that was drawn holds any more. */
  clear() {
    this.#overview = this.#level = this.#before = null;
  }

  /**
   * A rectangle of the hall, {left, top, width, height} in pitches, looks otherwise now.
   * @param {Rectangle} rectangle
   */
  touch(rectangle) {
    for (const level of new Set([this.#overview, this.#level, this.#before])) level?.touch(rectangle);
  }

  /**
   * Show the hall at `pitch` device pixels a seat on all of `context`, whose corner is (left, top) in such pixels from
   * the hall's origin. `isSettled`: the size is here to stay, so it has to be sharp; `isWhole`: all of the hall is
   * seen. Returns whether all is as it should be; otherwise the next frame goes on.
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {number} left
   * @param {number} top
   * @param {{ isSettled: boolean, isWhole: boolean }} given
   */
  show(context, pitch, left, top, { isSettled, isWhole }) {
    const level = this.#choose(pitch, isSettled);
    const { width, height } = context.canvas;
    const stretch = pitch / level.pitch;
    const view = { left: left / stretch, top: top / stretch, width: width / stretch, height: height / stretch };
    // The first picture of a hall is made in one go.
    let budget = this.#overview ? BUDGET_MS : Infinity;
    let isComplete = true;
    for (const [column, row] of level.around(view)) {
      const at = placeOf(column, row, stretch, left, top);
      const isNew = !level.has(column, row);
      if (isNew && budget <= 0) {
        isComplete = false;
        this.#fill(context, pitch, left, top, at);
        continue;
      }
      const since = performance.now();
      if (isNew) level.make(column, row);
      context.drawImage(level.get(column, row), at.x, at.y, at.width, at.height);
      // Another one like this has to fit in, too.
      if (isNew) budget -= 2 * (performance.now() - since);
    }
    if (isComplete) {
      this.#before = null;
      if (isWhole && isSettled) this.#overview = level;
      level.forgetFarFrom(view);
    }
    return isComplete && (!isSettled || level.pitch === pitch);
  }

  /**
   * @param {number} pitch
   * @param {boolean} isSettled
   */
  #choose(pitch, isSettled) {
    const level = this.#level;
    const stretch = level ? pitch / level.pitch : Infinity;
    if (level && (stretch === 1 || (!isSettled && stretch < STRETCH && stretch > 1 / STRETCH))) return level;
    if (level !== this.#overview) this.#before = level;
    const overview = this.#overview?.pitch === pitch ? this.#overview : null;
    this.#level = overview ?? new Level(this.#scene, pitch);
    return this.#level;
  }

  /**
   * Put into a rectangle of the view what the other levels have of it, stretched.
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {number} left
   * @param {number} top
   * @param {{ x: number, y: number, width: number, height: number }} given
   */
  #fill(context, pitch, left, top, { x, y, width, height }) {
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.fillStyle = this.#scene.ground;
    context.fillRect(x, y, width, height);
    for (const level of [this.#overview, this.#before]) {
      if (!level) continue;
      const stretch = pitch / level.pitch;
      const part = {
        left: (left + x) / stretch,
        top: (top + y) / stretch,
        width: width / stretch,
        height: height / stretch,
      };
      for (const [column, row] of level.around(part)) {
        if (!level.has(column, row)) continue;
        const at = placeOf(column, row, stretch, left, top);
        context.drawImage(level.peek(column, row), at.x, at.y, at.width, at.height);
      }
    }
    context.restore();
  }
}

/**
 * A piece, and what has changed since it was drawn.
 * @typedef {object} Tile
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D} context
 * @property {number} column
 * @property {number} row
 * @property {Map<string, Rectangle>} touched
 */

/** The hall at one size: its pieces by column and row. */
class Level {
  pitch;
  #scene;
  /** By "column row". @type {Map<string, Tile>} */
  #tiles = new Map();

  /**
   * @param {Scene} scene
   * @param {number} pitch
   */
  constructor(scene, pitch) {
    this.#scene = scene;
    this.pitch = pitch;
  }

  /**
   * @param {number} column
   * @param {number} row
   */
  has(column, row) {
    return this.#tiles.has(`${column} ${row}`);
  }

  /**
   * @param {number} column
   * @param {number} row
   */
  make(column, row) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = drawingOn(canvas, { alpha: false });
    const tile = { canvas, context, column, row, touched: new Map() };
    this.#draw(tile, wholeOf(column, row));
    this.#tiles.set(`${column} ${row}`, tile);
  }

  /**
   * A piece, up to date.
   * @param {number} column
   * @param {number} row
   */
  get(column, row) {
    const tile = this.#at(column, row);
    if (tile.touched.size > MANY) this.#draw(tile, wholeOf(column, row));
    else for (const part of tile.touched.values()) this.#draw(tile, part);
    tile.touched.clear();
    return tile.canvas;
  }

  /**
   * A piece as it was: good enough for the moment until there is a better one.
   * @param {number} column
   * @param {number} row
   */
  peek(column, row) {
    return this.#at(column, row).canvas;
  }

  /**
   * One that is there.
   * @param {number} column
   * @param {number} row
   */
  #at(column, row) {
    return /** @type {Tile} */ (this.#tiles.get(`${column} ${row}`));
  }

  /**
   * @param {Tile} tile
   * @param {Rectangle} part
   */
  #draw({ context, column, row }, { left, top, width, height }) {
    context.setTransform(1, 0, 0, 1, left - column * SIDE, top - row * SIDE);
    this.#scene.draw(context, this.pitch, { left, top, width, height });
  }

  /** @param {Rectangle} rectangle */
  touch(rectangle) {
    const part = pixelsOf(rectangle, this.pitch);
    const key = `${part.left} ${part.top} ${part.width}`;
    for (const [column, row] of this.around(part)) this.#tiles.get(`${column} ${row}`)?.touched.set(key, part);
  }

  /**
   * Columns and rows of the pieces that overlap a rectangle of pixels.
   * @param {Rectangle} rectangle
   */
  *around({ left, top, width, height }) {
    const [right, bottom] = [(left + width) / SIDE, (top + height) / SIDE];
    for (let row = Math.floor(top / SIDE); row < bottom; row++) {
      for (let column = Math.floor(left / SIDE); column < right; column++) yield [column, row];
    }
  }

  /** @param {Rectangle} rectangle */
  forgetFarFrom({ left, top, width, height }) {
    const seen = (Math.ceil(width / SIDE) + 1) * (Math.ceil(height / SIDE) + 1);
    if (this.#tiles.size <= SPARE * seen) return;
    /** @param {Tile} tile */
    const away = ({ column, row }) =>
      Math.max(
        Math.abs((column + 0.5) * SIDE - left - width / 2) / width,
        Math.abs((row + 0.5) * SIDE - top - height / 2) / height,
      );
    for (const [key, tile] of this.#tiles) if (away(tile) > 1.5) this.#tiles.delete(key);
  }
}

/**
 * The whole pixels that a rectangle in pitches covers.
 * @param {Rectangle} rectangle
 * @param {number} pitch
 */
export function pixelsOf({ left, top, width, height }, pitch) {
  const [x, y] = [Math.floor(left * pitch), Math.floor(top * pitch)];
  const [right, bottom] = [Math.ceil((left + width) * pitch), Math.ceil((top + height) * pitch)];
  return { left: x, top: y, width: right - x, height: bottom - y };
}

/**
 * @param {number} column
 * @param {number} row
 */
function wholeOf(column, row) {
  return { left: column * SIDE, top: row * SIDE, width: SIDE, height: SIDE };
}

/**
 * Where a piece comes to lie in the view; neighbours share their edges.
 * @param {number} column
 * @param {number} row
 * @param {number} stretch
 * @param {number} left
 * @param {number} top
 */
function placeOf(column, row, stretch, left, top) {
  /**
   * @param {number} index
   * @param {number} origin
   */
  const at = (index, origin) => Math.round(index * SIDE * stretch - origin);
  const [x, y] = [at(column, left), at(row, top)];
  return { x, y, width: at(column + 1, left) - x, height: at(row + 1, top) - y };
}
