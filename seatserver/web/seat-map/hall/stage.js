/**
 * The hall as people see and use it: a drawing on a canvas, a camera that zooms and moves, and real elements for the
 * keyboard and screen readers. It draws and reports but decides nothing: its user says how each seat looks and reads,
 * and listens for the seats that are picked.
 *
 * This file joins the parts. plan.js knows where things are, camera.js what is visible, picture.js what has to be
 * drawn, scene.js and sprites.js how to draw it, tiles.js how to draw less. grid.js is for the keyboard and screen
 * readers, gestures.js for pointers and fingers, aim.js for what a tap means.
 */

import { Aim } from "./aim.js";
import { Camera, LARGEST_FIT } from "./camera.js";
import { Gestures } from "./gestures.js";
import { Grid } from "./grid.js";
import { readPalette } from "./palette.js";
import { Picture } from "./picture.js";
import { Plan } from "./plan.js";
import { StageFrame } from "./stage-frame.js";
import { adoptStageStyle } from "../style/stage.js";

/** @import { Layout, StageOptions, View } from "../types.js" */
/** @import { Tap } from "./aim.js" */

const READABLE = 24; // CSS pixels a pitch that the keyboard's seat has at least
const TOLD_APART = 14; // CSS pixels a pitch at which one sees which seats are marked
const ZOOM_STEP = 1.6;
const MARGIN = 40; // CSS pixels kept around what is brought into view
// CSS pixels at the top, where the screen may have its name, and at the bottom.
const [HEAD, FOOT] = [18, 6];
const TOOLS = 52; // CSS pixels below the drawing, where the buttons lie: never over seats
// CSS pixels at the sides, where the names of the rows stand: the least, the most, and for each letter.
const SIDE = { least: 28, most: 72, letter: 7 };
const THEMES = ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"];

export class Stage extends EventTarget {
  #plan;
  /** @type {Aim} */
  #aim;
  /** @type {Camera} */
  #camera;
  #frame;
  /** @type {Picture} */
  #picture;
  /** @type {Grid | null} */
  #grid = null;
  /** @type {Gestures} */
  #gestures;
  #look;
  #request = 0;
  /** @type {number | null} */
  #hovered = null;
  #place = ""; // of the hall in the view, as the grid has it
  #isKeyboard = false; // the keyboard was used last, not a pointer
  #off = new AbortController();
  /** @type {ResizeObserver} */
  #resizes;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /**
   * Draw `layout` (see /api/v1/layouts) into the empty element `root`.
   *
   * options: look(seat) gives "free" | "asking" | "mine" | "booked" | "held" | "claimed" | "sold" | "blocked" |
   * "allocated" | "unknown"; describe(seat) its accessible name; lookArea(area) gives {text, full}; strings has the
   * texts screen, hall, aisle, zoom, zoomIn, zoomOut and fit.
   *
   * Events: "pick" {seat}; "pickarea" {area}; "point" {seat or null}, under the pointer or the focus; "walk" {seat,
   * row, aisle}: the keyboard came to `seat`, into `row` if that is another one, over an aisle or not; "zoom" {scale}:
   * the view moved, so many CSS pixels is a seat now.
   * @param {HTMLElement} root
   * @param {Layout} layout
   * @param {StageOptions} options
   */
  constructor(root, layout, { look, describe, lookArea = () => ({ text: "", full: false }), strings }) {
    super();
    this.#look = look;
    this.#plan = new Plan(layout);
    const longest = Math.max(0, ...this.#plan.rows.map(({ name }) => name.length));
    const side = Math.max(SIDE.least, Math.min(SIDE.most, 12 + SIDE.letter * longest));
    this.#camera = new Camera(this.#plan.bounds, { side, head: HEAD, foot: FOOT });
    this.#frame = new StageFrame(this.#sizes(side), strings, {
      zoomIn: () => this.zoomIn(),
      zoomOut: () => this.zoomOut(),
      fit: () => this.fit(),
    });
    this.#aim = new Aim(this.#plan, layout.general_areas, this.#camera, this.#frame.plane);
    this.#picture = new Picture(this.#frame.canvas, this.#plan, layout, { look, lookArea, strings, side });
    if (layout.seats.length > 0) {
      this.#grid = new Grid(this.#frame.grid, this.#plan, layout, { look, describe, strings });
    }
    adoptStageStyle(/** @type {Document | ShadowRoot} */ (root.getRootNode()));
    root.append(this.#frame.node);
    this.restyle();
    this.#listen();
  }

  /** @param {number} side */
  #sizes(side) {
    const { left, right, top, bottom } = this.#plan.bounds;
    return {
      shape: (right - left) / (bottom - top),
      most: `${(bottom - top) * LARGEST_FIT}px`,
      side: `${side}px`,
      head: `${HEAD}px`,
      foot: `${FOOT + TOOLS}px`,
      tools: `${TOOLS}px`,
    };
  }

  // ------------------------------------------------------------------ what others ask for

  /**
   * These seats (null: any of them) may look or read otherwise now.
   * @param {number[] | null} seats
   */
  paint(seats = null) {
    this.#picture.paint(seats);
    this.#grid?.paint(seats);
    this.#drawSoon();
  }

  /** The areas may read otherwise now. */
  paintAreas() {
    this.#picture.paintAreas();
    this.#drawSoon();
  }

  /** Whether the drawing is out of date; then it is shown pale. */
  set frozen(frozen) {
    this.#frame.node.dataset.frozen = String(frozen);
    this.#showUse();
  }

  /**
   * Whether no seat can be bought, free or not; the hall is then shown muted.
   * @param {boolean} closed
   */
  set closed(closed) {
    this.#frame.node.dataset.closed = String(closed);
    this.#showUse();
  }

  #showUse() {
    const { frozen, closed } = this.#frame.node.dataset;
    if (this.#grid) this.#grid.isFrozen = frozen === "true" || closed === "true";
  }

  get frozen() {
    return this.#frame.node.dataset.frozen === "true";
  }

  /** CSS pixels of the drawing a pitch. */
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

  /**
   * Bring seats into view, large enough to be distinguished. If the whole hall shows them so, nothing moves.
   * @param {number[]} seats
   */
  reveal(seats) {
    if (this.#camera.isWhole && this.#camera.scale >= TOLD_APART) return;
    if (seats.length > 0) this.#show(seats, true);
  }

  /**
   * Give a seat the keyboard's focus, and show it.
   * @param {number} seat
   */
  focusSeat(seat) {
    if (this.#grid?.cursor !== seat) this.#grid?.moveTo(seat);
    this.#isKeyboard = true;
    this.#show([seat]);
    this.#grid?.focus();
  }

  /**
   * Where a seat is in the window: its bounding box, where the page turned it.
   * @param {number} seat
   */
  boxOf(seat) {
    const { x, y } = this.#plan.spots[seat];
    const [left, top] = this.#camera.toView(x - 0.5, y - 0.5);
    return this.#frame.plane.boxOf({ left, top, width: this.#camera.scale, height: this.#camera.scale });
  }

  /** Custom properties or theme have changed. */
  restyle() {
    this.#picture.restyle(readPalette(this.#frame.node));
    this.#drawSoon();
  }

  /** Listen and draw no longer. */
  disconnect() {
    this.#off.abort();
    this.#gestures.disconnect();
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#request);
    this.#frame.node.remove();
  }

  // ------------------------------------------------------------------ listening

  #listen() {
    const { signal } = this.#off;
    this.#resizes = new ResizeObserver(() => this.#resize());
    try {
      this.#resizes.observe(this.#frame.node, { box: "device-pixel-content-box" }); // notices a page's zoom too
    } catch {
      this.#resizes.observe(this.#frame.node);
    }
    for (const query of THEMES) matchMedia(query).addEventListener("change", () => this.restyle(), { signal });
    document.fonts?.addEventListener("loadingdone", () => this.restyle(), { signal });
    this.#frame.node.addEventListener("keydown", () => (this.#isKeyboard = true), { capture: true });
    this.#frame.node.addEventListener("pointerdown", () => (this.#isKeyboard = false), { capture: true });
    // No observer tells that the page magnifies us, but it has begun before anybody looks closely.
    this.#frame.node.addEventListener("pointerenter", () => this.#resize());
    for (const end of ["transitionend", "animationend"]) {
      document.addEventListener(end, () => this.#resize(), { signal });
    }
    this.#listenToHands();
    if (this.#grid) this.#listenToGrid(this.#grid);
  }

  #listenToHands() {
    this.#gestures = new Gestures(this.#frame.canvas, this.#frame.plane, (factor) => this.#takesWheel(factor));
    /**
     * @param {string} name
     * @param {(detail: any) => void} act
     */
    const on = (name, act) => listen(this.#gestures, name, act);
    const camera = this.#camera;
    on("pan", ({ dx, dy }) => {
      camera.pan(dx, dy);
      this.#drawSoon();
    });
    on("fling", ({ dx, dy }) => {
      const { x, y, scale } = camera.target;
      if (!this.#calm.matches) this.#go({ x: x - dx / scale, y: y - dy / scale, scale });
    });
    on("pinch", ({ factor, x, y, dx, dy }) => {
      camera.go(camera.zoomed(camera.scale * factor, x, y));
      camera.pan(dx, dy);
      this.#drawSoon();
    });
    on("wheel", ({ factor, x, y, isFine }) => this.#zoomTo(camera.target.scale * factor, x, y, !isFine));
    on("tap", (tap) => this.#onTap(tap));
    on("hover", (at) => this.#hover(at === null ? null : this.#aim.seatAt(at.x, at.y)));
    on("grab", ({ isDown }) => (this.#frame.node.dataset.grab = String(isDown)));
  }

  /** @param {Grid} grid */
  #listenToGrid(grid) {
    /**
     * @param {string} name
     * @param {(detail: any) => void} act
     */
    const on = (name, act) => listen(grid, name, act);
    on("walk", (detail) => {
      this.focusSeat(detail.seat);
      this.#report("walk", detail);
    });
    on("focus", ({ seat }) => {
      // What a pointer picked stays where it is.
      if (this.#isKeyboard) this.#show([seat]);
      this.#placeRings();
      this.#report("point", { seat });
    });
    on("blur", () => {
      this.#placeRings();
      this.#report("point", { seat: this.#hovered });
    });
    on("pick", ({ seat }) => this.#report("pick", { seat }));
    on("zoom", ({ step }) => {
      if (step === 0) return this.fit();
      const { x, y } = this.#plan.spots[grid.cursor];
      const factor = step > 0 ? ZOOM_STEP : 1 / ZOOM_STEP;
      this.#zoomTo(this.#camera.target.scale * factor, ...this.#camera.toView(x, y));
      // A seat at the edge grows beyond it.
      this.#go(this.#camera.showing(this.#plan.around([grid.cursor]), 0));
    });
  }

  /** @param {Tap} tap */
  #onTap(tap) {
    const { act, seat, area, scale } = this.#aim.meaningOf(tap);
    if (act === "zoom") this.#zoomTo(scale, tap.x, tap.y);
    else if (act === "fit") this.fit();
    else if (act === "pickarea") this.#report("pickarea", { area });
    else if (act === "pick") {
      this.#grid?.moveTo(seat);
      this.#grid?.focus({ preventScroll: true });
      this.#report("pick", { seat });
    }
  }

  /** @param {number | null} seat */
  #hover(seat) {
    if (seat === this.#hovered) return;
    this.#hovered = seat;
    this.#frame.node.dataset.point = String(seat !== null && ["free", "mine"].includes(this.#look(seat)));
    this.#placeRings();
    this.#report("point", { seat });
  }

  // ------------------------------------------------------------------ the camera

  #resize() {
    const size = this.#picture.fit(this.#frame.plane.scale);
    if (size === null) return;
    this.#camera.resize(...size);
    this.#draw(performance.now()); // at once: an emptied canvas would flicker
  }

  /** @param {number} factor */
  #canZoom(factor) {
    const { target, least, largest } = this.#camera;
    return factor > 1 ? target.scale < largest * 0.999 : target.scale > least * 1.001;
  }

  /**
   * Whether the wheel is for zooming; otherwise the page scrolls.
   * @param {number} factor
   */
  #takesWheel(factor) {
    // Who has scrolled past the hall and comes back has to see its beginning first.
    const scrolled = document.scrollingElement?.scrollTop ?? 0;
    const isAbove = this.#frame.canvas.getBoundingClientRect().top < 0 && scrolled > 0;
    const isPassed = this.#camera.isWhole && isAbove;
    return this.#canZoom(factor) && !isPassed;
  }

  /** @param {View} view */
  #go(view, glides = true) {
    this.#camera.go(view, glides && !this.#calm.matches ? performance.now() : null);
    this.#drawSoon();
  }

  /**
   * @param {number} scale
   * @param {number} [x]
   * @param {number} [y]
   */
  #zoomTo(scale, x, y, glides = true) {
    this.#go(this.#camera.zoomed(scale, x, y), glides);
  }

  /** @param {number[]} seats */
  #show(seats, glides = false) {
    this.#go(this.#camera.showing(this.#plan.around(seats), MARGIN, READABLE), glides);
    // Browsers scroll to where the element is when it gets the focus.
    if (!glides) this.#grid?.place(...this.#camera.toView(0, 0), this.#camera.scale);
  }

  // ------------------------------------------------------------------ drawing

  #drawSoon() {
    this.#request ||= requestAnimationFrame((now) => {
      this.#request = 0;
      this.#draw(now);
    });
  }

  /** @param {number} now */
  #draw(now) {
    if (this.#camera.width <= 1) return;
    const isGliding = this.#camera.step(now);
    const { hasMoved, isDone } = this.#picture.draw(this.#camera, now);
    // The drawing is at whole pixels, but the position returned for a seat is exact.
    const place = [...this.#camera.toView(0, 0), this.#camera.scale].join();
    if (hasMoved || place !== this.#place) this.#follow();
    this.#place = place;
    if (isGliding || !isDone) this.#drawSoon();
  }

  /** What goes with the camera besides the drawing. */
  #follow() {
    const { scale, isWhole } = this.#camera;
    this.#grid?.place(...this.#camera.toView(0, 0), scale);
    this.#placeRings();
    this.#frame.node.dataset.whole = String(isWhole);
    this.#frame.allow({ zoomIn: this.#canZoom(2), zoomOut: this.#canZoom(0.5), fit: !isWhole });
    this.#report("zoom", { scale });
  }

  #placeRings() {
    /** @param {number | null} seat */
    const place = (seat) => {
      if (seat === null) return null;
      const [x, y] = this.#camera.toView(this.#plan.spots[seat].x, this.#plan.spots[seat].y);
      return { x, y, side: this.#camera.scale };
    };
    this.#frame.placeRing("hover", place(this.#hovered));
    this.#frame.placeRing("focus", place(this.#isKeyboard && this.#grid?.hasFocus ? this.#grid.cursor : null));
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #report(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * Call `act` with the detail of each event of a part.
 * @param {EventTarget} part
 * @param {string} name
 * @param {(detail: any) => void} act
 */
function listen(part, name, act) {
  part.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
}
