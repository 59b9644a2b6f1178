/**
 * Pictures of single seats, drawn once for each look, kind and category at one size, and then only copied, so thousands
 * of seats cost no more than their pixels. A seat's state shows in its fill, outline and symbol, never in the colour
 * alone. The smaller the seats, the simpler their pictures.
 */

import { drawingOn } from "../../shared/dom.js";
import { css, inkOn, mix, parse, standingOut } from "./palette.js";

/** @import { Category, Colour, Look, Palette } from "../types.js" */

/** CSS pixels a pitch from which a seat shows its sign, and from which its number. */
const SIGNS = 9;
const NUMBERS = 19;
const LEAST_SIGN = 13; // device pixels
const MOST_PIECES = 5; // of a backrest

const BODY = 0.43; // pitches: half of a seat's side, with a little air between neighbours
const JOINT = 0.485; // where the parts of a sofa meet
/** @type {Record<string, string>} */
const SIGN_PATHS = {
  // in fortieths of a pitch, from the middle of the seat
  held: "M-12 4 L4 -12 M-12 12 L12 -12 M-4 12 L12 -4",
  sold: "M-6 -6 L6 6 M6 -6 L-6 6",
  claimed: "M-6 -6 L6 6 M6 -6 L-6 6",
  blocked: "M-6 0 H6",
  allocated: "M-6 0 H6",
  mine: "M-7 0 L-2 6 L8 -6",
  booked: "M-6 0 L-2 5 L6 -5 M12.5 0 A12.5 12.5 0 1 1 -12.5 0 A12.5 12.5 0 1 1 12.5 0",
  asking: "M-6 0 h.1 M0 0 h.1 M6 0 h.1",
  wheelchair: "M-2 -6 V2 H5 L8 9 M-2 -2 H4 M-5 -1 A6.5 6.5 0 1 0 4 8",
  companion: "M-8 9 C-8 -1 8 -1 8 9",
};
/** @type {Record<string, number[]>} */
const HEADS = { wheelchair: [-2, -10, 2.6], companion: [0, -6, 4] };

/** @typedef {{ fill: Colour, ink: string, edge: Colour | null, pieces: number }} CategoryColours */
/**
 * @typedef {object} SeatStyle
 * @property {string} [fill]
 * @property {string} sign
 * @property {string | null} [edge]
 * @property {number} [width]
 * @property {number} [pieces]
 * @property {number[]} [dash]
 * @property {string} tiny
 */

export class Sprites {
  #palette;
  /** @type {Map<string, CategoryColours>} */
  #colors;
  /** @type {Map<string, HTMLCanvasElement>} */
  #pictures = new Map();
  /** Canvases of another size: a new one costs more than drawing on it. @type {HTMLCanvasElement[]} */
  #spare = [];
  #pitch = 0;
  #ratio = 1;
  #font = "";

  /**
   * `categories` are the layout's, `palette` what readPalette found.
   * @param {Category[]} categories
   * @param {Palette} palette
   */
  constructor(categories, palette) {
    this.#palette = palette;
    this.#colors = new Map(categories.map(({ key, color }, index) => [key, this.#categoryColors(parse(color), index)]));
  }

  /**
   * @param {Colour} color
   * @param {number} index
   */
  #categoryColors(color, index) {
    const { surface, text, isForced, isStrong } = this.#palette;
    const pieces = Math.min(index + 1, MOST_PIECES);
    if (isForced) return { fill: surface, ink: css(text), edge: text, pieces };
    const edge = standingOut(color, surface, text, isStrong ? 4.5 : 3);
    return { fill: color, ink: css(inkOn(color)), edge: edge.join() === color.join() ? null : edge, pieces };
  }

  /**
   * Draw from now on for `pitch` device pixels a seat, `ratio` of them a CSS pixel.
   * @param {number} pitch
   * @param {number} ratio
   */
  resize(pitch, ratio) {
    if (pitch === this.#pitch && ratio === this.#ratio) return;
    this.#pitch = pitch;
    this.#ratio = ratio;
    this.#spare.push(...this.#pictures.values());
    this.#pictures.clear();
  }

  /**
   * A picture of a seat, its middle in the middle.
   * @param {Look} look
   * @param {string} kind
   * @param {string} category
   */
  seat(look, kind, category) {
    const key = `${look} ${kind} ${category}`;
    let picture = this.#pictures.get(key);
    if (!picture) {
      const side = 2 * Math.ceil(this.#pitch / 2);
      picture = this.#spare.pop() ?? document.createElement("canvas");
      picture.width = picture.height = side;
      const context = drawingOn(picture);
      context.translate(side / 2, side / 2);
      this.draw(context, this.#pitch, look, kind, category);
      this.#pictures.set(key, picture);
    }
    return picture;
  }

  /**
   * Write a free seat's number around (x, y), where it is large enough to be read.
   * @param {CanvasRenderingContext2D} context
   * @param {string} text
   * @param {string} category
   * @param {number} x
   * @param {number} y
   */
  writeNumber(context, text, category, x, y) {
    if (this.#pitch < NUMBERS * this.#ratio) return;
    const size = Math.min(0.38, 1.2 / text.length) * this.#pitch;
    const font = `600 ${size.toFixed(1)}px ${this.#palette.font}`;
    if (font !== this.#font) this.#font = context.font = font;
    context.fillStyle = this.#colorsOf(category).ink;
    context.fillText(text, x, y + 0.33 * size, 0.8 * this.#pitch);
  }

  /** @param {string} category one of the layout's */
  #colorsOf(category) {
    return /** @type {CategoryColours} */ (this.#colors.get(category));
  }

  /**
   * `context` is going to be written on.
   * @param {CanvasRenderingContext2D} context
   */
  begin(context) {
    this.#font = "";
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
  }

  /**
   * Draw a seat around the origin of `context`, `pitch` device pixels wide with the air around it.
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {Look} look
   * @param {string} kind
   * @param {string} category
   */
  draw(context, pitch, look, kind, category) {
    const style = this.#styleOf(look, this.#colorsOf(category));
    context.save();
    context.scale(pitch / 40, pitch / 40);
    context.lineJoin = context.lineCap = "round";
    if (pitch < Math.max(SIGNS * this.#ratio, LEAST_SIGN)) this.#drawTiny(context, style, look, kind);
    else this.#drawWhole(context, pitch, style, look, kind);
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} pitch
   * @param {SeatStyle} style
   * @param {Look} look
   * @param {string} kind
   */
  #drawWhole(context, pitch, style, look, kind) {
    const [from, to] = extent(kind);
    const radius = 9;
    const least = 40 / pitch; // a device pixel
    context.beginPath();
    context.roundRect(from, -40 * BODY, to - from, 80 * BODY, corners(kind, radius));
    if (style.fill) {
      context.fillStyle = style.fill;
      context.fill();
    }
    if (style.edge) {
      context.save();
      context.clip(); // the outline stays inside
      context.setLineDash(style.dash ?? []);
      context.lineWidth = 2 * Math.max(style.width ?? 0, least);
      context.strokeStyle = style.edge;
      context.stroke();
      context.restore();
    }
    context.strokeStyle = style.sign;
    // Too small, the pieces of the backrest run into one.
    const isCoarse = pitch < NUMBERS * this.#ratio;
    if (style.pieces) this.#drawBack(context, from + 7, to - 7, isCoarse ? 1 : style.pieces);
    const sign = look === "free" ? kind : look;
    if (!(sign in SIGN_PATHS)) return;
    context.lineWidth = Math.max(look === "held" ? 2.2 : 2.8, 1.2 * least);
    if (sign in HEADS) {
      context.scale(0.86, 0.86); // above the backrest
      context.translate(0, -3.5);
    }
    context.stroke(new Path2D(SIGN_PATHS[sign]));
    if (sign in HEADS) {
      const [x, y, r] = HEADS[sign];
      context.fillStyle = style.sign;
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /**
   * The backrest, in as many pieces as its category's place in the list: so categories differ in shape too.
   * @param {CanvasRenderingContext2D} context
   * @param {number} from
   * @param {number} to
   * @param {number} pieces
   */
  #drawBack(context, from, to, pieces) {
    const gap = 5.5;
    const length = (to - from - (pieces - 1) * gap) / pieces;
    context.globalAlpha = this.#palette.isStrong ? 1 : 0.4;
    context.lineWidth = 2.6;
    context.beginPath();
    for (let piece = 0; piece < pieces; piece++) {
      context.moveTo(from + piece * (length + gap), 40 * BODY - 4.2);
      context.lineTo(from + piece * (length + gap) + length, 40 * BODY - 4.2);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /**
   * Where a sign would be a smudge, size and outline tell the states apart.
   * @param {CanvasRenderingContext2D} context
   * @param {SeatStyle} style
   * @param {Look} look
   * @param {string} kind
   */
  #drawTiny(context, style, look, kind) {
    const [from, to] = extent(kind);
    /** @param {number} inset */
    const rect = (inset) =>
      context.fillRect(from + inset, -40 * BODY + inset, to - from - 2 * inset, 80 * BODY - 2 * inset);
    context.fillStyle = style.tiny;
    if (look === "free" || look === "mine" || look === "booked") {
      rect(0);
      if (look === "free") {
        if (!style.edge) return;
        context.strokeStyle = style.edge;
        context.lineWidth = 3;
        context.strokeRect(from + 1.5, -40 * BODY + 1.5, to - from - 3, 80 * BODY - 3);
        return;
      }
      context.fillStyle = style.sign;
      rect(10);
    } else if (look === "held" || look === "asking") {
      context.strokeStyle = style.tiny;
      context.lineWidth = 6;
      context.strokeRect(from + 4, -40 * BODY + 4, to - from - 8, 80 * BODY - 8);
    } else rect(look === "unknown" ? 4 : 11);
  }

  /**
   * @param {Look} look
   * @param {CategoryColours} category
   * @returns {SeatStyle}
   */
  #styleOf(look, category) {
    const { text, surface, mine, held, taken, isForced, isStrong } = this.#palette;
    const away = css(standingOut(taken, surface, text, 3));
    const width = isStrong ? 3 : 2;
    if (look === "free") {
      const sign = category.ink;
      const edge = category.edge && css(category.edge);
      const fill = css(category.fill);
      return { fill, sign, edge, width, pieces: category.pieces, tiny: isForced && edge ? edge : fill };
    }
    if (look === "mine" || look === "booked") {
      const sign = css(isForced ? surface : inkOn(mine));
      return { fill: css(mine), sign, tiny: css(mine) };
    }
    if (look === "asking") {
      return { fill: css(surface), sign: css(text), edge: css(text), width, dash: [4, 5], tiny: css(text) };
    }
    if (look === "held") {
      const sign = css(standingOut(held, surface, text, 3));
      return { fill: css(surface), sign, edge: sign, width, tiny: sign };
    }
    if (look === "blocked" || look === "allocated") {
      return { sign: away, edge: away, width: 1.6, dash: [2, 4.5], tiny: css(mix(taken, surface, 0.45)) };
    }
    if (look === "unknown") {
      return { fill: css(mix(text, surface, 0.1)), sign: "transparent", tiny: css(mix(text, surface, 0.12)) };
    }
    const fill = css(mix(text, surface, isStrong ? 0 : 0.1));
    return { fill, sign: away, edge: isStrong ? away : null, width: 1.5, tiny: css(mix(taken, surface, 0.75)) };
  }
}

/**
 * Where a seat begins and ends, in fortieths of a pitch from its middle: the parts of a sofa meet.
 * @param {string} kind
 */
function extent(kind) {
  return [-40 * (joinsLeft(kind) ? JOINT : BODY), 40 * (joinsRight(kind) ? JOINT : BODY)];
}

/** @param {string} kind */
function joinsLeft(kind) {
  return kind === "sofa_right" || kind === "sofa_middle";
}

/** @param {string} kind */
function joinsRight(kind) {
  return kind === "sofa_left" || kind === "sofa_middle";
}

/**
 * @param {string} kind
 * @param {number} radius
 */
function corners(kind, radius) {
  const left = joinsLeft(kind) ? 3 : radius;
  const right = joinsRight(kind) ? 3 : radius;
  return [left, right, right, left];
}
