/**
 * Pictures of single seats, drawn once for each look, kind and category at one size, and then only copied: thousands
 * of seats cost no more than their pixels. What a seat's state is shows in its fill, its outline and its sign, never in
 * the colour alone; the smaller the seats, the plainer their pictures.
 */

import { css, inkOn, mix, parse, standingOut } from "./palette.js";

/** Device pixels a pitch from which a seat shows its sign, and from which its number. */
export const SIGNS = 13;
export const NUMBERS = 24;

const BODY = 0.43; // pitches: half of a seat's side, with a little air between neighbours
const JOINT = 0.485; // where the parts of a sofa meet
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
const HEADS = { wheelchair: [-2, -10, 2.6], companion: [0, -6, 4] };

export class Sprites {
  #palette;
  #colors;
  #pictures = new Map();
  #numbers = new Map();
  #pitch = 0;

  /** `categories` are the layout's, `palette` what readPalette found. */
  constructor(categories, palette) {
    this.#palette = palette;
    this.#colors = new Map(categories.map(({ key, color }) => [key, this.#categoryColors(parse(color))]));
  }

  #categoryColors(color) {
    const { surface, text, isForced, isStrong } = this.#palette;
    if (isForced) return { fill: surface, ink: text, edge: text };
    const edge = standingOut(color, surface, text, isStrong ? 4.5 : 3);
    return { fill: color, ink: inkOn(color), edge: edge === color || edge.join() === color.join() ? null : edge };
  }

  /** Draw from now on for `pitch` device pixels a seat. */
  resize(pitch) {
    if (pitch === this.#pitch) return;
    this.#pitch = pitch;
    this.#pictures.clear();
    this.#numbers.clear();
  }

  get pitch() {
    return this.#pitch;
  }

  /** A picture of a seat, its middle in the middle. */
  seat(look, kind, category) {
    const key = `${look} ${kind} ${category}`;
    let picture = this.#pictures.get(key);
    if (!picture) {
      const side = 2 * Math.ceil(this.#pitch / 2);
      picture = sheet(side, side);
      const context = picture.getContext("2d");
      context.translate(side / 2, side / 2);
      this.draw(context, this.#pitch, look, kind, category);
      this.#pictures.set(key, picture);
    }
    return picture;
  }

  /** A picture of a free seat's number, its middle in the middle; null where it would be too small to read. */
  number(text, category) {
    if (this.#pitch < NUMBERS) return null;
    const key = `${text} ${category}`;
    let picture = this.#numbers.get(key);
    if (!picture) {
      const side = 2 * Math.ceil(this.#pitch / 2);
      picture = sheet(side, side);
      const context = picture.getContext("2d");
      context.fillStyle = css(this.#colors.get(category).ink);
      context.textAlign = "center";
      const size = Math.min(0.38, 1.2 / text.length) * this.#pitch;
      context.font = `600 ${size}px ${this.#palette.font}`;
      context.textBaseline = "alphabetic";
      context.fillText(text, side / 2, side / 2 - 0.03 * this.#pitch + 0.36 * size, 0.8 * this.#pitch);
      this.#numbers.set(key, picture);
    }
    return picture;
  }

  /** Draw a seat around the origin of `context`, `pitch` pixels wide with the air around it. */
  draw(context, pitch, look, kind, category) {
    const style = this.#styleOf(look, this.#colors.get(category));
    context.save();
    context.scale(pitch / 40, pitch / 40);
    context.lineJoin = context.lineCap = "round";
    if (pitch < SIGNS) this.#drawTiny(context, style, look, kind);
    else this.#drawWhole(context, pitch, style, look, kind);
    context.restore();
  }

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
      context.lineWidth = 2 * Math.max(style.width, least);
      context.strokeStyle = style.edge;
      context.stroke();
      context.restore();
    }
    context.strokeStyle = style.sign;
    if (style.back) {
      context.globalAlpha = 0.32;
      context.lineWidth = 3;
      context.beginPath();
      context.moveTo(from + 7, 40 * BODY - 4.2);
      context.lineTo(to - 7, 40 * BODY - 4.2);
      context.stroke();
      context.globalAlpha = 1;
    }
    const sign = look === "free" ? kind : look;
    if (!(sign in SIGN_PATHS)) return;
    context.lineWidth = Math.max(look === "held" ? 2.2 : 2.8, 1.2 * least);
    context.stroke(new Path2D(SIGN_PATHS[sign]));
    if (sign in HEADS) {
      const [x, y, r] = HEADS[sign];
      context.fillStyle = style.sign;
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Where a sign would be a smudge, size and outline tell the states apart. */
  #drawTiny(context, style, look, kind) {
    const [from, to] = extent(kind);
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

  #styleOf(look, category) {
    const { text, surface, mine, held, taken, isForced, isStrong } = this.#palette;
    const away = css(standingOut(taken, surface, text, 3));
    const width = isStrong ? 3 : 2;
    if (look === "free") {
      const sign = css(category.ink);
      const edge = category.edge && css(category.edge);
      return { fill: css(category.fill), sign, edge, width, back: true, tiny: isForced ? edge : css(category.fill) };
    }
    if (look === "mine" || look === "booked") {
      const sign = css(isForced ? surface : inkOn(mine));
      return { fill: css(mine), sign, back: true, tiny: css(mine) };
    }
    if (look === "asking") {
      return { fill: css(surface), sign: css(text), edge: css(text), width, dash: [4, 5], tiny: css(text) };
    }
    if (look === "held") {
      const sign = css(standingOut(held, surface, text, 3));
      return { fill: css(surface), sign, edge: sign, width, back: false, tiny: sign };
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

/** Where a seat begins and ends, in fortieths of a pitch from its middle: the parts of a sofa meet. */
function extent(kind) {
  return [-40 * (joinsLeft(kind) ? JOINT : BODY), 40 * (joinsRight(kind) ? JOINT : BODY)];
}

function joinsLeft(kind) {
  return kind === "sofa_right" || kind === "sofa_middle";
}

function joinsRight(kind) {
  return kind === "sofa_left" || kind === "sofa_middle";
}

function corners(kind, radius) {
  const left = joinsLeft(kind) ? 3 : radius;
  const right = joinsRight(kind) ? 3 : radius;
  return [left, right, right, left];
}

function sheet(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
