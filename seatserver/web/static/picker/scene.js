/**
 * Draws any rectangle of the hall at one scale: furniture, areas, the screen, seats. Whoever asks says where, so that a
 * single changed seat costs a single seat.
 */

import { css, mix, parse, standingOut } from "./palette.js";
import { Sprites } from "./sprites.js";

export class Scene {
  #plan;
  #layout;
  #looks;
  #lookArea;
  #strings;
  #palette;
  #sprites;
  #areaColors;

  /** Of `plan`, the Plan of `layout`; `looks` has each seat's look; `lookArea` and `strings` as Stage has them. */
  constructor(plan, layout, { looks, lookArea, strings }) {
    this.#plan = plan;
    this.#layout = layout;
    this.#looks = looks;
    this.#lookArea = lookArea;
    this.#strings = strings;
  }

  /** Colours from `palette`. */
  restyle(palette) {
    this.#palette = palette;
    this.#sprites = new Sprites(this.#layout.categories, palette);
    this.#areaColors = new Map(this.#layout.categories.map(({ key, color }) => [key, parse(color)]));
  }

  /**
   * Draw what lies in a rectangle of whole device pixels, counted from the hall's origin at `pitch` device pixels a
   * seat, so that its corner comes to the corner of `context`'s present origin.
   */
  draw(context, pitch, { left, top, width, height }) {
    this.#sprites.resize(pitch);
    context.save();
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.fillStyle = css(this.#palette.surface);
    context.fillRect(0, 0, width, height);
    context.translate(-left, -top);
    const inHall = {
      left: left / pitch,
      top: top / pitch,
      right: (left + width) / pitch,
      bottom: (top + height) / pitch,
    };
    this.#drawScreen(context, pitch, inHall);
    this.#layout.general_areas.forEach((area, index) => this.#drawArea(context, pitch, area, index, inHall));
    for (const sofa of this.#plan.sofas) if (overlaps(sofa, inHall)) this.#drawSofa(context, pitch, sofa);
    for (const seat of this.#plan.seatsIn(inHall.left, inHall.top, inHall.right, inHall.bottom)) {
      this.#drawSeat(context, pitch, seat);
    }
    context.restore();
  }

  #drawSeat(context, pitch, seat) {
    const { x, y, number, category, kind = "standard" } = this.#layout.seats[seat];
    const look = this.#looks[seat];
    const picture = this.#sprites.seat(look, kind, category);
    const [left, top] = [Math.round(x * pitch - picture.width / 2), Math.round(y * pitch - picture.height / 2)];
    context.drawImage(picture, left, top);
    if (look !== "free" || kind === "wheelchair" || kind === "companion") return;
    const digits = this.#sprites.number(number, category);
    if (digits) context.drawImage(digits, left, top);
  }

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

  #drawScreen(context, pitch, inHall) {
    const { x, y, width } = this.#plan.screen;
    if (!overlaps({ left: x - width / 2 - 1, top: y - 1, width: width + 2, height: 3 }, inHall)) return;
    const { text, surface, quiet, font, isForced } = this.#palette;
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
    const size = Math.min(Math.max(0.38 * pitch, 9), 0.8 * pitch);
    if (size < 6) return;
    context.font = `600 ${size}px ${font}`;
    context.letterSpacing = `${0.22 * size}px`;
    context.fillStyle = css(quiet);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(this.#strings.screen.toLocaleUpperCase(), ...at(0, 0.35), width * pitch);
    context.letterSpacing = "0px";
  }

  #drawArea(context, pitch, area, index, inHall) {
    const [left, top] = [area.x - area.width / 2, area.y - area.height / 2];
    if (!overlaps({ left, top, width: area.width, height: area.height }, inHall)) return;
    const { text, surface, quiet, font, isForced } = this.#palette;
    const { text: words, full } = this.#lookArea(index);
    const color = isForced ? text : this.#areaColors.get(area.category);
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
    const size = Math.min(0.55, 0.45 * area.height, (1.7 * area.width) / Math.max(12, words.length)) * pitch;
    if (size < 6) return;
    context.font = `600 ${size}px ${font}`;
    context.fillStyle = css(full ? quiet : text);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(words, area.x * pitch, area.y * pitch, area.width * pitch * 0.94);
  }

  /** Draw the names of the rows at both ends, kept in sight: `toView` gives device pixels of `width` by `height`. */
  drawRowNames(context, pitch, toView, width, height, ratio) {
    const { rows } = this.#plan;
    const size = Math.min(16 * ratio, Math.max(0.42 * pitch, 9 * ratio));
    const { quiet, surface, font } = this.#palette;
    context.font = `650 ${size}px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    let before = -Infinity;
    for (const { name, seats } of rows) {
      const ends = [seats[0], seats.at(-1)].map((seat) => this.#layout.seats[seat]);
      const [, y] = toView(0, ends[0].y);
      // Where rows stand closer than their names are high, some go without.
      if (Math.abs(y - before) < 1.05 * size) continue;
      before = y;
      ends.forEach((end, side) => {
        const [endX, endY] = toView(end.x + (side ? 0.95 : -0.95), end.y);
        if (endY < -size || endY > height + size) return;
        const reach = 0.75 * size + 3 * ratio;
        const x = side ? Math.min(endX, width - reach) : Math.max(endX, reach);
        if (x !== endX) {
          const wide = Math.max(1.25 * size, context.measureText(name).width + 0.6 * size);
          context.fillStyle = css(surface, 0.88);
          context.beginPath();
          context.roundRect(x - wide / 2, endY - 0.65 * size, wide, 1.3 * size, 0.4 * size);
          context.fill();
        }
        context.fillStyle = css(quiet);
        context.fillText(name, x, endY);
      });
    }
  }
}

function overlaps({ left, top, width, height }, rectangle) {
  return (
    left < rectangle.right && left + width > rectangle.left && top < rectangle.bottom && top + height > rectangle.top
  );
}
