/**
 * The hall as people see and walk it: a drawing on a canvas, a camera that zooms and moves, and beside the drawing real
 * elements for the keyboard and for screen readers. It draws and reports, and decides nothing: whoever uses it says how
 * each seat looks and reads, and listens to what is picked.
 *
 * This file joins the parts. plan.js knows where things are, camera.js what is seen, scene.js how it is drawn, tiles.js
 * how drawing is spared, grid.js how it is walked and read, gestures.js what hands do.
 */

import { Camera, LARGEST_FIT, PICKING } from "./camera.js";
import { Gestures } from "./gestures.js";
import { Grid } from "./grid.js";
import { readPalette } from "./palette.js";
import { Plan } from "./plan.js";
import { Scene } from "./scene.js";
import { adoptStageStyle } from "./stage-style.js";
import { Tiles, pixelsOf } from "./tiles.js";

// CSS pixels that a seat must have to be picked with that; smaller ones come nearer first.
const AIM = { mouse: 14, pen: 24, touch: 44 };
const READABLE = 24; // CSS pixels a pitch that the keyboard's seat has at least
const ZOOM_STEP = 1.6;
const MARGIN = 40; // CSS pixels kept around what is brought into view
const SMALLEST_RING = 16;
// CSS pixels at the sides, where the names of the rows stand, and at the bottom, where the buttons lie.
const RIM = { side: 28, foot: 58 };
const NAMES = 40; // CSS pixels at both sides in which the rows' names stand
const OUTLINE = 0.2; // pitches that an area's outline may reach out
const SETTLED_MS = 90; // a camera that has not zoomed for so long has come to rest
const ICONS = {
  zoomIn: "M12 5 V19 M5 12 H19",
  zoomOut: "M5 12 H19",
  fit: "M4 9 V4 H9 M15 4 H20 V9 M20 15 V20 H15 M9 20 H4 V15",
};

export class Stage extends EventTarget {
  #root;
  #layout;
  #plan;
  #camera;
  #scene;
  #tiles;
  #grid = null;
  #gestures;
  #frame;
  #canvas;
  #context;
  #rings = {};
  #buttons = {};
  #palette;
  #look;
  #looks;
  #dirty = new Set();
  #isStale = true;
  #zoomedAt = -Infinity;
  #request = 0;
  #ratio = 1;
  #hovered = null;
  #isKeyboard = false;
  #lastScale = 0;
  #off = new AbortController();
  #resizes;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /**
   * Draw `layout` (see /api/v1/layouts) into the empty element `root`.
   *
   * options: look(seat) gives "free" | "asking" | "mine" | "booked" | "held" | "claimed" | "sold" | "blocked" |
   * "allocated" | "unknown"; describe(seat) its accessible name; lookArea(area) gives {text, full}; strings has the texts
   * screen, hall, aisle, zoom, zoomIn, zoomOut and fit.
   *
   * Events: "pick" {seat}, "pickarea" {area}, "point" {seat or null}, "walk" {seat, row, aisle}: the keyboard came to
   * `seat`, and into `row` if that is another one; "zoom" {scale}: the view moved; CSS pixels a seat.
   */
  constructor(root, layout, { look, describe, lookArea = () => ({ text: "", full: false }), strings }) {
    super();
    this.#root = root;
    this.#layout = layout;
    this.#look = look;
    this.#plan = new Plan(layout);
    this.#camera = new Camera(this.#plan.bounds, RIM);
    this.#looks = layout.seats.map((_, seat) => look(seat));
    this.#scene = new Scene(this.#plan, layout, { looks: this.#looks, lookArea, strings });
    this.#scene.readAreas();
    this.#tiles = new Tiles(this.#scene, this.#plan);
    adoptStageStyle(root.getRootNode());
    this.#build(describe, strings);
    this.restyle();
    this.#listen();
  }

  #build(describe, strings) {
    const { left, right, top, bottom } = this.#plan.bounds;
    const make = (tag, className, ...children) => {
      const node = document.createElement(tag);
      node.className = className;
      node.append(...children);
      return node;
    };
    this.#canvas = make("canvas", "");
    this.#canvas.ariaHidden = "true";
    this.#context = this.#canvas.getContext("2d", { alpha: false });
    this.#frame = make("div", "stage", this.#canvas);
    const style = {
      shape: (right - left) / (bottom - top),
      most: `${(bottom - top) * LARGEST_FIT}px`,
      side: `${RIM.side}px`,
      foot: `${RIM.foot}px`,
    };
    for (const [name, value] of Object.entries(style)) this.#frame.style.setProperty(`--stage-${name}`, value);
    if (this.#layout.seats.length > 0) {
      const grid = make("div", "stage-grid");
      this.#frame.append(grid);
      this.#grid = new Grid(grid, this.#plan, this.#layout, { look: this.#look, describe, strings });
    }
    for (const name of ["hover", "focus"]) {
      this.#rings[name] = make("div", "stage-ring");
      this.#rings[name].dataset.for = name;
      this.#rings[name].hidden = true;
    }
    const zoom = make("div", "stage-zoom");
    zoom.setAttribute("role", "group");
    zoom.setAttribute("aria-label", strings.zoom);
    for (const [name, path] of Object.entries(ICONS)) {
      this.#buttons[name] = make("button", "", icon(path));
      this.#buttons[name].type = "button";
      this.#buttons[name].title = this.#buttons[name].ariaLabel = strings[name];
      zoom.append(this.#buttons[name]);
    }
    this.#frame.append(...Object.values(this.#rings), zoom);
    this.#root.append(this.#frame);
  }

  #listen() {
    const { signal } = this.#off;
    this.#resizes = new ResizeObserver(() => this.#resize());
    try {
      this.#resizes.observe(this.#frame, { box: "device-pixel-content-box" }); // so a page's zoom is noticed too
    } catch {
      this.#resizes.observe(this.#frame);
    }
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => this.restyle(), { signal });
    }
    document.fonts?.addEventListener("loadingdone", () => this.restyle(), { signal });
    this.#gestures = new Gestures(this.#canvas, (factor) => this.#canZoom(factor));
    const on = (name, act) => this.#gestures.addEventListener(name, ({ detail }) => act(detail));
    on("pan", ({ dx, dy }) => this.#move(() => this.#camera.pan(dx, dy)));
    on("fling", ({ dx, dy }) => this.#fling(dx, dy));
    on("pinch", ({ factor, x, y, dx, dy }) =>
      this.#move(() => {
        this.#camera.go(this.#camera.zoomed(this.#camera.scale * factor, x, y));
        this.#camera.pan(dx, dy);
      }),
    );
    on("wheel", ({ factor, x, y, isFine }) => this.#zoomTo(this.#camera.target.scale * factor, x, y, !isFine));
    on("tap", (tap) => this.#onTap(tap));
    on("hover", (at) => this.#hover(at === null ? null : this.#seatAt(at.x, at.y)));
    on("grab", ({ isDown }) => (this.#frame.dataset.grab = String(isDown)));
    this.#buttons.zoomIn.addEventListener("click", () => this.zoomIn());
    this.#buttons.zoomOut.addEventListener("click", () => this.zoomOut());
    this.#buttons.fit.addEventListener("click", () => this.fit());
    this.#frame.addEventListener("keydown", () => (this.#isKeyboard = true), { capture: true });
    this.#frame.addEventListener("pointerdown", () => (this.#isKeyboard = false), { capture: true });
    if (this.#grid) this.#listenToGrid();
  }

  #listenToGrid() {
    const on = (name, act) => this.#grid.addEventListener(name, ({ detail }) => act(detail));
    on("walk", (detail) => {
      this.#isKeyboard = true;
      this.focusSeat(detail.seat);
      this.#report("walk", detail);
    });
    on("focus", ({ seat }) => {
      if (this.#isKeyboard) this.#show([seat], READABLE);
      this.#placeRings();
      this.#report("point", { seat });
    });
    on("blur", () => {
      this.#placeRings();
      this.#report("point", { seat: this.#hovered });
    });
    on("pick", ({ seat }) => this.#report("pick", { seat }));
    on("zoom", ({ step }) => {
      if (step === 0) this.fit();
      else this.#zoomAround(this.#grid.cursor, step > 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
    });
  }

  // ------------------------------------------------------------------ what others ask for

  /** These seats (null: any of them) may look or read otherwise now. */
  paint(seats = null) {
    for (const seat of seats ?? this.#looks.keys()) {
      const look = this.#look(seat);
      if (look === this.#looks[seat]) continue;
      this.#looks[seat] = look;
      this.#dirty.add(seat);
    }
    this.#grid?.paint(seats);
    if (this.#dirty.size > 0) this.#drawSoon();
  }

  /** The areas may read otherwise now. */
  paintAreas() {
    for (const { x, y, width, height } of this.#scene.readAreas()) {
      const [left, top] = [x - width / 2 - OUTLINE, y - height / 2 - OUTLINE];
      this.#tiles.touchRectangle({ left, top, width: width + 2 * OUTLINE, height: height + 2 * OUTLINE });
      this.#isStale = true;
    }
    if (this.#isStale) this.#drawSoon();
  }

  /** Whether the drawing is out of date; then it is shown pale. */
  set frozen(frozen) {
    this.#frame.dataset.frozen = String(frozen);
    if (this.#grid) this.#grid.isFrozen = frozen;
  }

  get frozen() {
    return this.#frame.dataset.frozen === "true";
  }

  /** CSS pixels a pitch. */
  get scale() {
    return this.#camera.scale;
  }

  /** Show the whole hall. */
  fit() {
    this.#go(this.#camera.whole);
  }

  zoomIn() {
    this.#zoomTo(this.#camera.target.scale * ZOOM_STEP);
  }

  zoomOut() {
    this.#zoomTo(this.#camera.target.scale / ZOOM_STEP);
  }

  /** Bring seats into view, large enough to be told apart. */
  reveal(seats) {
    if (seats.length > 0) this.#show(seats, READABLE, true);
  }

  /** Give a seat the keyboard's focus, and show it. */
  focusSeat(seat) {
    if (this.#grid.cursor !== seat) this.#grid.moveTo(seat);
    this.#isKeyboard = true;
    this.#show([seat], READABLE);
    this.#grid.focus();
  }

  /** Where a seat is on the page. */
  boxOf(seat) {
    const { x, y } = this.#plan.spots[seat];
    const [left, top] = this.#camera.toView(x - 0.5, y - 0.5);
    const box = this.#canvas.getBoundingClientRect();
    return new DOMRect(box.left + left, box.top + top, this.#camera.scale, this.#camera.scale);
  }

  /** Custom properties, theme or size of the page's pixels have changed. */
  restyle() {
    this.#palette = readPalette(this.#frame);
    this.#scene.restyle(this.#palette);
    this.#tiles.clear();
    this.#isStale = true;
    this.#drawSoon();
  }

  /** Listen and draw no longer. */
  disconnect() {
    this.#off.abort();
    this.#gestures.disconnect();
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#request);
    this.#frame.remove();
  }

  // ------------------------------------------------------------------ the camera

  #resize() {
    const style = getComputedStyle(this.#canvas);
    const [wide, high] = [parseFloat(style.width), parseFloat(style.height)];
    const ratio = devicePixelRatio;
    const [width, height] = [Math.round(wide * ratio), Math.round(high * ratio)];
    if (!(width > 0 && height > 0)) return;
    if (width === this.#canvas.width && height === this.#canvas.height && ratio === this.#ratio) return;
    this.#ratio = this.#scene.ratio = ratio;
    [this.#canvas.width, this.#canvas.height] = [width, height];
    this.#camera.resize(wide, high);
    this.#isStale = true;
    this.#draw(performance.now()); // at once: an emptied canvas would flicker
  }

  #canZoom(factor) {
    const { target, least, largest } = this.#camera;
    return factor > 1 ? target.scale < largest * 0.999 : target.scale > least * 1.001;
  }

  #move(act) {
    act();
    this.#isStale = true;
    this.#drawSoon();
  }

  #go(view, glides = true) {
    this.#move(() => this.#camera.go(view, glides && !this.#calm.matches ? performance.now() : null));
  }

  #zoomTo(scale, x, y, glides = true) {
    this.#go(this.#camera.zoomed(scale, x, y), glides);
  }

  #zoomAround(seat, factor) {
    const { x, y } = this.#plan.spots[seat];
    this.#zoomTo(this.#camera.target.scale * factor, ...this.#camera.toView(x, y));
  }

  #fling(dx, dy) {
    if (this.#calm.matches) return;
    const { target } = this.#camera;
    this.#go({ ...target, x: target.x - dx / target.scale, y: target.y - dy / target.scale });
  }

  #show(seats, leastScale, glides = false) {
    this.#go(this.#camera.showing(this.#plan.around(seats), MARGIN, leastScale), glides);
    if (!glides) this.#grid?.place(...this.#origin(), this.#camera.scale);
  }

  #origin() {
    return this.#camera.toView(0, 0);
  }

  // ------------------------------------------------------------------ hands

  #seatAt(x, y) {
    return this.#plan.seatAt(...this.#camera.toHall(x, y));
  }

  #areaAt(x, y) {
    const [hallX, hallY] = this.#camera.toHall(x, y);
    return this.#layout.general_areas.findIndex(
      (area) => Math.abs(area.x - hallX) <= area.width / 2 && Math.abs(area.y - hallY) <= area.height / 2,
    );
  }

  #onTap({ x, y, type, isSecond }) {
    const seat = this.#seatAt(x, y);
    const area = seat === null ? this.#areaAt(x, y) : -1;
    const { scale, isGliding, largest } = this.#camera;
    if (seat !== null && scale < Math.min(AIM[type] ?? AIM.touch, largest)) {
      // Too small to aim at. The second tap of two finds the drawing still moving, and means the same.
      if (!isGliding) this.#zoomTo(PICKING, x, y);
    } else if (isGliding) return;
    else if (seat !== null) {
      this.#grid.moveTo(seat);
      this.#grid.focus({ preventScroll: true });
      this.#report("pick", { seat });
    } else if (area >= 0) this.#report("pickarea", { area });
    else if (isSecond) {
      if (scale < PICKING * 0.99) this.#zoomTo(PICKING, x, y);
      else this.fit();
    }
  }

  #hover(seat) {
    if (seat === this.#hovered) return;
    this.#hovered = seat;
    this.#frame.dataset.point = String(seat !== null && ["free", "mine"].includes(this.#look(seat)));
    this.#placeRings();
    this.#report("point", { seat });
  }

  // ------------------------------------------------------------------ drawing

  #drawSoon() {
    this.#request ||= requestAnimationFrame((now) => {
      this.#request = 0;
      this.#draw(now);
    });
  }

  #draw(now) {
    if (this.#camera.width <= 1) return;
    const before = this.#lastScale;
    const moves = this.#camera.step(now);
    if (this.#camera.scale !== before) this.#zoomedAt = before === 0 ? -Infinity : now;
    const pitch = this.#camera.scale * this.#ratio;
    const [x, y] = this.#origin().map((at) => Math.round(-at * this.#ratio));
    this.#tiles.touch(this.#dirty);
    if (moves || this.#isStale || !this.#drawSeats(pitch, x, y)) this.#isStale = !this.#drawAll(pitch, x, y, now) || moves;
    this.#dirty.clear();
    if (this.#isStale) this.#drawSoon();
  }

  /** Whether that was all, or the next frame has to go on. */
  #drawAll(pitch, x, y, now) {
    const { width, height } = this.#canvas;
    const isSettled = now - this.#zoomedAt >= SETTLED_MS;
    const isWhole = this.#camera.isWhole;
    const isDone = this.#tiles.show(this.#context, pitch, x, y, { isSettled, isWhole }) && isSettled;
    this.#scene.drawRowNames(this.#context, pitch, { left: x, top: y, width, height });
    this.#showView();
    return isDone;
  }

  /** Only the seats that changed; whether that could be done. */
  #drawSeats(pitch, left, top) {
    const { width } = this.#canvas;
    for (const seat of this.#dirty) {
      const { x, y } = this.#plan.spots[seat];
      const part = pixelsOf({ left: x - 0.5, top: y - 0.5, width: 1, height: 1 }, pitch);
      const names = NAMES * this.#ratio; // there the names of rows may lie above the seats
      if (part.left - left < names || part.left + part.width - left > width - names) return false;
      this.#context.save();
      this.#context.translate(part.left - left, part.top - top);
      this.#scene.draw(this.#context, pitch, part);
      this.#context.restore();
    }
    return true;
  }

  /** What follows the camera besides the drawing. */
  #showView() {
    const { scale, isWhole, least, largest } = this.#camera;
    this.#grid?.place(...this.#origin(), scale);
    this.#placeRings();
    this.#frame.dataset.whole = String(isWhole);
    this.#buttons.zoomIn.ariaDisabled = String(scale >= largest * 0.999);
    this.#buttons.zoomOut.ariaDisabled = String(scale <= least * 1.001);
    this.#buttons.fit.ariaDisabled = String(isWhole);
    this.#lastScale = scale;
    this.#report("zoom", { scale });
  }

  #placeRings() {
    this.#placeRing("hover", this.#hovered);
    this.#placeRing("focus", this.#isKeyboard && this.#grid?.hasFocus ? this.#grid.cursor : null);
  }

  #placeRing(name, seat) {
    const node = this.#rings[name];
    node.hidden = seat === null;
    if (seat === null) return;
    const at = this.#plan.spots[seat];
    const [x, y] = this.#camera.toView(at.x, at.y);
    const side = Math.max(SMALLEST_RING, this.#camera.scale);
    node.style.inlineSize = node.style.blockSize = `${side}px`;
    node.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
  }

  #report(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
