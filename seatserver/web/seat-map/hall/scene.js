/**
 * Draws any rectangle of the hall at one scale: furniture, areas, the screen, seats. The caller chooses the rectangle,
 * so a single changed seat costs the drawing of a single seat.
 */

import { drawingOn } from "../../shared/dom.js";
import { css, mix, parse, standingOut } from "./palette.js";
import { Sprites } from "./sprites.js";

/** @import { Plan } from "./plan.js" */
/** @import { Area, AreaLook, Bounds, Colour, Layout, Look, Palette, Rectangle, StageStrings } from "../types.js" */

const LONGEST_NAME = 32; // CSS pixels that half of a row's name may take
const NAME_AIR = 4; // CSS pixels on both sides of it

export class Scene {
  #plan;
  #layout;
  #looks;
  #lookArea;
  /** @type {AreaLook[]} */
  #areaLooks = [];
  #strings;
  /** @type {Palette} */
  #palette;
  /** @type {Sprites} */
  #sprites;
  /** @type {Map<string, Colour>} */
  #areaColors = new Map();
  /** Of rows, for type one pixel high. @type {number[]} */
  #nameWidths = [];
  #longestName; // CSS pixels that half of a row's name may take

  /**
   * Of `plan`, the Plan of `layout`; `looks` has each seat's look; `lookArea` and `strings` as Stage has them. `side`:
   * CSS pixels at both sides of the hall that are for the names of rows, so that no name lies over a seat there.
   * @param {Plan} plan
   * @param {Layout} layout
   * @param {{ looks: Look[], lookArea: (area: number) => AreaLook, strings: StageStrings, side?: number }} given
   */
  constructor(plan, layout, { looks, lookArea, strings, side = Infinity }) {
    this.#plan = plan;
    this.#layout = layout;
    this.#looks = looks;
    this.#lookArea = lookArea;
    this.#strings = strings;
    this.#longestName = Math.min(LONGEST_NAME, side / 2 - NAME_AIR);
  }

  /** Ask what is to be written on the areas; gives those on which that is something else than before. */
  readAreas() {
    const before = this.#areaLooks;
    this.#areaLooks = this.#layout.general_areas.map((_, area) => this.#lookArea(area));
    return this.#layout.general_areas.filter((_, area) => {
      const [old, now] = [before[area], this.#areaLooks[area]];
      return old?.text !== now.text || old?.full !== now.full;
    });
  }

  /** Device pixels of a CSS pixel. */
  ratio = 1;

  /** The colour of what is not drawn on. */
  get ground() {
    return css(this.#palette.surface);
  }

  /**
   * Colours from `palette`.
   * @param {Palette} palette
   */
  restyle(palette) {
    const ruler = drawingOn(document.createElement("canvas"));
    ruler.font = `650 100px ${palette.font}`;
    this.#nameWidths = this.#plan.rows.map(({ name }) => ruler.measureText(name).width / 100);
    this.#palette = palette;
    this.#sprites = new Sprites(this.#layout.categories, palette);
    this.#areaColors = new Map(this.#layout.categories.map(({ key, color }) => [key, parse(color)]));
  }

  /**
   * Draw what lies in a rectangle of whole device pixels, counted from the hall's origin at `pitch` device pixels a
   * seat, so that its corner comes to the corner of `context`'s present origin.
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Rectangle} rectangle
   */
  draw(context, pitch, { left, top, width, height }) {
    this.#sprites.resize(pitch, this.ratio);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.fillStyle = this.ground;
    context.fillRect(0, 0, width, height);
    context.translate(-left, -top);
    const inHall = {
      left: left / pitch,
      top: top / pitch,
      right: (left + width) / pitch,
      bottom: (top + height) / pitch,
    };
    context.direction = this.#palette.direction;
    this.#drawScreen(context, pitch, inHall);
    this.#layout.general_areas.forEach((area, index) => this.#drawArea(context, pitch, area, index, inHall));
    for (const sofa of this.#plan.sofas) if (overlaps(sofa, inHall)) this.#drawSofa(context, pitch, sofa);
    this.#sprites.begin(context);
    for (const seat of this.#plan.seatsIn(inHall.left, inHall.top, inHall.right, inHall.bottom)) {
      this.#drawSeat(context, pitch, seat);
    }
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {number} seat
   */
  #drawSeat(context, pitch, seat) {
    const { number, category, kind = "standard" } = this.#layout.seats[seat];
    const { x, y } = this.#plan.spots[seat];
    const look = this.#looks[seat];
    const picture = this.#sprites.seat(look, kind, category);
    const [left, top] = [Math.round(x * pitch - picture.width / 2), Math.round(y * pitch - picture.height / 2)];
    context.drawImage(picture, left, top);
    if (look !== "free" || kind === "wheelchair" || kind === "companion") return;
    this.#sprites.writeNumber(context, number, category, Math.round(x * pitch), Math.round(y * pitch));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Rectangle} rectangle
   */
  #drawSofa(context, pitch, { left, top, width, height }) {
    const { text, surface, isForced } = this.#palette;
    context.beginPath();
    const air = 0.02 * pitch;
    const [x, y] = [Math.round(left * pitch + air), Math.round(top * pitch + air)];
    context.roundRect(x, y, Math.round(width * pitch - 2 * air), Math.round(height * pitch - air), 0.24 * pitch);
    context.fillStyle = css(mix(text, surface, isForced ? 0 : 0.2));
    context.fill();
    if (!isForced) return;
    context.strokeStyle = css(text);
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Bounds} inHall
   */
  #drawScreen(context, pitch, inHall) {
    const { x, y, width } = this.#plan.screen;
    const head = 1 + (20 * this.ratio) / pitch; // the name may stand above
    if (!overlaps({ left: x - width / 2 - 1, top: y - head, width: width + 2, height: head + 2 }, inHall)) return;
    const { text, surface, quiet, font, isForced } = this.#palette;
    /**
     * @param {number} dx
     * @param {number} dy
     * @returns {[x: number, y: number]}
     */
    const at = (dx, dy) => [(x + dx) * pitch, (y + dy) * pitch];
    const half = width / 2;
    const curve = () => {
      context.moveTo(...at(-half, 0));
      context.quadraticCurveTo(...at(0, -0.8), ...at(half, 0));
    };
    if (!isForced) {
      const light = context.createLinearGradient(0, (y - 0.4) * pitch, 0, (y + 1.3) * pitch);
      light.addColorStop(0, css(text, 0.16));
      light.addColorStop(1, css(text, 0));
      context.fillStyle = light;
      context.beginPath();
      curve();
      context.lineTo(...at(half + 0.8, 1.3));
      context.lineTo(...at(-half - 0.8, 1.3));
      context.fill();
    }
    context.beginPath();
    curve();
    context.lineCap = "round";
    context.lineWidth = Math.max(2, 0.12 * pitch);
    context.strokeStyle = css(mix(text, surface, 0.85));
    context.stroke();
    const room = (this.#plan.front - y) * pitch;
    const size = Math.max(0.38 * pitch, 10 * this.ratio);
    // Where there is no room between the screen and the seats, above it.
    const middle = size < 0.45 * room ? y * pitch + 0.9 * size : (y - 0.4) * pitch - 0.9 * size;
    context.font = `600 ${size}px ${font}`;
    context.letterSpacing = `${0.22 * size}px`;
    context.fillStyle = css(quiet);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(this.#strings.screen.toLocaleUpperCase(), x * pitch, middle, width * pitch);
    context.letterSpacing = "0px";
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Area} area
   * @param {number} index
   * @param {Bounds} inHall
   */
  #drawArea(context, pitch, area, index, inHall) {
    const [left, top] = [area.x - area.width / 2, area.y - area.height / 2];
    if (!overlaps({ left, top, width: area.width, height: area.height }, inHall)) return;
    const { text, surface, quiet, font, isForced } = this.#palette;
    const { text: words, full } = this.#areaLooks[index];
    const color = (!isForced && this.#areaColors.get(area.category)) || text;
    context.beginPath();
    const [x, y] = [Math.round(left * pitch), Math.round(top * pitch)];
    context.roundRect(x, y, Math.round(area.width * pitch), Math.round(area.height * pitch), 0.24 * pitch);
    context.fillStyle = css(isForced ? surface : full ? mix(text, surface, 0.1) : mix(color, surface, 0.22));
    context.fill();
    if (!full) {
      context.strokeStyle = css(standingOut(color, surface, text, 3));
      context.lineWidth = Math.max(1, 0.05 * pitch);
      context.stroke();
    }
    // Room for the name and what is left, however small the area is.
    const room = Math.min(0.66 * area.height, (1.7 * area.width) / Math.max(12, words.length)) * pitch;
    const size = Math.min(Math.max(0.55 * pitch, 11 * this.ratio), room);
    if (size < 6 * this.ratio) return;
    context.font = `600 ${size}px ${font}`;
    context.fillStyle = css(full ? quiet : text);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(words, area.x * pitch, area.y * pitch, area.width * pitch * 0.94);
  }

  /**
   * Draw the names of the rows at both ends, kept in sight: the view is `width` by `height` device pixels.
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Rectangle} rectangle
   */
  drawRowNames(context, pitch, { left, top, width, height }) {
    const { ratio } = this;
    const { quiet, surface, font } = this.#palette;
    const size = Math.round(Math.min(16 * ratio, Math.max(0.42 * pitch, 9 * ratio)));
    context.font = `650 ${size}px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const names = [...this.#placeRowNames(pitch, { left, top, width, height }, size)];
    // Names that would stand outside are kept on a strip at the edge.
    context.fillStyle = css(surface, 0.92);
    const strip = Math.max(0, ...names.map(({ reach }) => 2 * reach));
    if (names.some(({ side, isKept }) => isKept && side < 0)) context.fillRect(0, 0, strip, height);
    if (names.some(({ side, isKept }) => isKept && side > 0)) context.fillRect(width - strip, 0, strip, height);
    context.fillStyle = css(quiet);
    for (const { name, x, y, side, reach, isKept } of names) {
      const edge = side < 0 ? strip / 2 : width - strip / 2;
      // Beside the strip, a name that is not kept there goes aside for those that are.
      const at = isKept ? edge : side < 0 ? Math.max(x, reach) : Math.min(x, width - reach);
      context.fillText(name, at, y + 0.06 * size, 2 * this.#longestName * ratio);
    }
  }

  /**
   * @param {number} pitch
   * @param {Rectangle} rectangle
   * @param {number} size
   */
  *#placeRowNames(pitch, { left, top, width, height }, size) {
    const { rows, spots } = this.#plan;
    const before = [-Infinity, -Infinity];
    for (const [row, { name, seats }] of rows.entries()) {
      const half = Math.min(0.5 * Math.max(1, this.#nameWidths[row]) * size, this.#longestName * this.ratio);
      const reach = half + NAME_AIR * this.ratio;
      const away = 0.5 * pitch + reach;
      for (const [end, side] of [-1, 1].entries()) {
        const outer = spots[seats[side < 0 ? 0 : seats.length - 1]].x * pitch - left + side * away;
        const x = side < 0 ? Math.max(outer, reach) : Math.min(outer, width - reach);
        // Where a row is bent, the name stands beside what is seen of it.
        const y = spots[this.#plan.nearestInRow(row, (x + left - side * away) / pitch)].y * pitch - top;
        // Where rows stand closer than their names are high, some go without.
        if (y < -size || y > height + size || Math.abs(y - before[end]) < 1.05 * size) continue;
        before[end] = y;
        yield { name, x, y, side, reach, isKept: x !== outer };
      }
    }
  }
}

/**
 * @param {Rectangle} rectangle
 * @param {Bounds} rectangle
 */
function overlaps({ left, top, width, height }, rectangle) {
  return (
    left < rectangle.right && left + width > rectangle.left && top < rectangle.bottom && top + height > rectangle.top
  );
}
