/** The heat map of one hall: each seat is coloured by demand, with a mark for its current state. */

import { drawingOn } from "../../shared/dom.js";
import { Plan } from "../../seat-map/hall/plan.js";
import { count } from "./words.js";

/** @import { Layout } from "../../seat-map/types.js" */

const TALLEST = 30; // rem; a hall deeper than wide shall not push all else off the screen
const LEVELS = 9;
const [HELD, CLAIMED, SOLD, BLOCKED, ALLOCATED] = [1, 2, 3, 4, 5];
const MARKS_FROM = 7; // CSS pixels a pitch: where seats are smaller, marks would be dirt

export class Hall {
  #frame;
  #canvas = document.createElement("canvas");
  /** @type {Plan | null} */
  #plan = null;
  /** @type {Layout | null} */
  #layout = null;
  /** As the server tells it. @type {any} */
  #demand = null;
  #resizes = new ResizeObserver(() => this.#draw());

  /** Draws into the empty element `frame`. */
  constructor(frame) {
    this.#frame = frame;
    this.#canvas.setAttribute("role", "img");
    frame.append(this.#canvas);
    this.#resizes.observe(frame);
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.#draw());
    }
  }

  /** `layout` as /api/v1/layouts has it, `demand` as …/demand; `label` says what the picture shows. */
  show(layout, demand, label) {
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#plan = new Plan(layout);
    }
    this.#demand = demand;
    this.#canvas.setAttribute("aria-label", label);
    this.#draw();
  }

  #draw() {
    const [plan, layout] = [this.#plan, this.#layout];
    if (plan === null || layout === null) return;
    const { left, right, top, bottom } = plan.bounds;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const pitch = Math.min(this.#frame.clientWidth / (right - left), (TALLEST * rem) / (bottom - top));
    const [width, height] = [(right - left) * pitch, (bottom - top) * pitch];
    if (width < 1) return;
    const ratio = window.devicePixelRatio;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    const pen = drawingOn(this.#canvas);
    pen.setTransform(ratio * pitch, 0, 0, ratio * pitch, -left * ratio * pitch, -top * ratio * pitch);
    const colours = this.#colours();
    this.#drawScreen(pen, plan.screen, colours);
    for (const area of layout.general_areas ?? []) this.#drawArea(pen, area, colours);
    const hasMarks = pitch >= MARKS_FROM;
    this.#frame.dataset.marks = String(hasMarks);
    plan.spots.forEach((spot, seat) => this.#drawSeat(pen, spot, seat, colours, hasMarks));
  }

  #drawScreen(pen, { x, y, width }, { quiet }) {
    pen.strokeStyle = quiet;
    pen.lineWidth = 0.18;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(x - width / 2, y + 0.35);
    pen.quadraticCurveTo(x, y - 0.35, x + width / 2, y + 0.35);
    pen.stroke();
  }

  #drawArea(pen, { x, y, width, height, name, key }, { quiet, ground }) {
    pen.fillStyle = ground;
    pen.strokeStyle = quiet;
    pen.lineWidth = 0.06;
    pen.beginPath();
    pen.roundRect(x - width / 2, y - height / 2, width, height, 0.4);
    pen.fill();
    pen.stroke();
    pen.fillStyle = quiet;
    pen.font = `${Math.min(0.9, height / 2)}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    const free = this.#demand.areas[key]?.free ?? 0;
    pen.fillText(`${name}: ${count(free)} free`, x, y, width * 0.9);
  }

  #drawSeat(pen, { x, y }, seat, colours, hasMarks) {
    const level = Number(this.#demand.wanted[seat] ?? 0);
    const state = Number(this.#demand.states[seat] ?? 0);
    pen.fillStyle = colours.heat[level];
    pen.beginPath();
    pen.roundRect(x - 0.42, y - 0.42, 0.84, 0.84, 0.2);
    if (state === BLOCKED || state === ALLOCATED) {
      pen.strokeStyle = colours.quiet;
      pen.lineWidth = 0.07;
      if (level > 0) pen.fill();
      pen.stroke();
      return;
    }
    pen.fill();
    if (!hasMarks) return;
    const mark = level > LEVELS / 2 ? colours.onHot : colours.ink;
    if (state === HELD) {
      pen.strokeStyle = mark;
      pen.lineWidth = 0.1;
      pen.beginPath();
      pen.arc(x, y, 0.2, 0, 2 * Math.PI);
      pen.stroke();
    } else if (state === SOLD || state === CLAIMED) {
      pen.fillStyle = mark;
      pen.beginPath();
      pen.arc(x, y, 0.2, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  #colours() {
    const style = getComputedStyle(this.#frame);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    const heat = Array.from({ length: LEVELS + 1 }, (_, level) => read(`heat-${level}`));
    return { heat, ink: read("ink"), quiet: read("quiet"), ground: read("ground"), onHot: read("on-hot") };
  }
}
