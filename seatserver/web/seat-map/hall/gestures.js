/**
 * Turns input from fingers, pens, mice and wheels into a few plain events: "pan" {dx, dy}, "fling" {dx, dy},
 * "pinch" {factor, x, y, dx, dy}, "wheel" {factor, x, y}, "tap" {x, y, type, isSecond, isDouble}, "hover" {x, y} or
 * null, "grab" {isDown}. All in CSS pixels of the drawing from its corner, however it lies in the window. `isSecond`: so soon after another tap that it may
 * be aimed at what was seen then; `isDouble`: to the visitor's machine, it belongs to a double click.
 */

/** @import { Plane } from "./plane.js" */

// Of hands, so in pixels of the window: how far a click may wander, and how near two taps are to each other.
/** @type {Record<string, number>} */
const SLACK = { mouse: 4, pen: 6, touch: 10 };
const SECOND_NEAR = 32;
const SECOND_MS = 320; // so soon after a tap another one makes a double tap
const FLING_MS = 90; // the last part of a drag, from which its speed is taken
const FLING_REACH_MS = 160;
const LINE = 33; // pixels of a wheel that counts in lines
const PAGE_WHEEL_MS = 350; // a page that is being scrolled goes on scrolling when the drawing comes under the wheel

/** @typedef {{ x: number, y: number, clientX: number, clientY: number }} Spot where a pointer is: here, in the window */

export class Gestures extends EventTarget {
  #node;
  #plane;
  /** @type {Map<number, Spot>} */
  #pointers = new Map();
  /** Of the drag; null once it can be no tap any more. @type {(Spot & { slack: number }) | null} */
  #start = null;
  /** @type {(Spot & { when: number })[]} */
  #trail = [];
  #clicks = 1; // in a row, by the machine's own notion
  #lastTap = { when: -Infinity, clientX: 0, clientY: 0 };
  #pageWheel = -Infinity;
  #off = new AbortController();
  #takesWheel;

  /**
   * On `node`, which lies in the window as `plane` says; `takesWheel(factor)` says whether zooming is of use, or the
   * page should scroll instead.
   * @param {HTMLElement} node
   * @param {Plane} plane
   * @param {(factor: number) => boolean} takesWheel
   */
  constructor(node, plane, takesWheel) {
    super();
    this.#node = node;
    this.#plane = plane;
    this.#takesWheel = takesWheel;
    /**
     * @param {string} name
     * @param {(event: any) => void} act
     * @param {AddEventListenerOptions} [options]
     * @param {EventTarget} [target]
     */
    const on = (name, act, options = {}, target = node) =>
      target.addEventListener(name, act.bind(this), { signal: this.#off.signal, ...options });
    on("pointerdown", this.#onDown);
    on("mousedown", (event) => (this.#clicks = event.detail)); // comes after pointerdown, which does not count
    on("pointermove", this.#onMove);
    on("pointerup", this.#onUp);
    on("pointercancel", this.#onCancel);
    on("pointerleave", () => this.#report("hover", null));
    on("wheel", this.#onWheel, { passive: false });
    on("wheel", this.#onPageWheel, { passive: true, capture: true }, window);
  }

  disconnect() {
    this.#off.abort();
  }

  /** @param {{ clientX: number, clientY: number }} given */
  #at({ clientX, clientY }) {
    const [x, y] = this.#plane.fromWindow(clientX, clientY);
    return { x, y, clientX, clientY };
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.button !== 0) return;
    this.#clicks = 1;
    const at = this.#at(event);
    this.#pointers.set(event.pointerId, at);
    this.#node.setPointerCapture(event.pointerId);
    this.#start = this.#pointers.size === 1 ? { ...at, slack: SLACK[event.pointerType] ?? SLACK.touch } : null;
    this.#trail = [];
    this.#report("hover", null);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const at = this.#at(event);
    const before = this.#pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.#report("hover", at);
      return;
    }
    if (this.#start) {
      if (apart(at, this.#start) < this.#start.slack) return;
      this.#start = null;
      this.#report("grab", { isDown: true });
    }
    if (this.#pointers.size === 1) {
      this.#report("pan", { dx: at.x - before.x, dy: at.y - before.y });
      this.#trail.push({ ...at, when: event.timeStamp });
    } else this.#pinch(event.pointerId, before, at);
    this.#pointers.set(event.pointerId, at);
  }

  /**
   * One of two fingers moved.
   * @param {number} moved
   * @param {Spot} before
   * @param {Spot} at
   */
  #pinch(moved, before, at) {
    const [[, other]] = [...this.#pointers].filter(([id]) => id !== moved);
    this.#report("pinch", {
      factor: Math.max(20, apart(at, other)) / Math.max(20, apart(before, other)),
      x: (before.x + other.x) / 2,
      y: (before.y + other.y) / 2,
      dx: (at.x - before.x) / 2,
      dy: (at.y - before.y) / 2,
    });
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#start) this.#tap(event, this.#start);
    else if (this.#pointers.size === 0) this.#fling(event);
    this.#start = null;
    if (this.#pointers.size === 0) this.#report("grab", { isDown: false });
  }

  /** @param {PointerEvent} event */
  #onCancel(event) {
    this.#pointers.delete(event.pointerId);
    this.#start = null;
    this.#report("grab", { isDown: false });
  }

  /**
   * @param {PointerEvent} event
   * @param {Spot} start
   */
  #tap(event, start) {
    const { x, y } = start;
    const isSecond = event.timeStamp - this.#lastTap.when < SECOND_MS && apart(start, this.#lastTap) < SECOND_NEAR;
    this.#lastTap = { ...start, when: isSecond ? -Infinity : event.timeStamp };
    const { pointerType: type } = event;
    // Of fingers and pens, machines count no clicks before they are up.
    this.#report("tap", { x, y, type, isSecond, isDouble: type === "mouse" ? this.#clicks > 1 : isSecond });
  }

  /**
   * A drag that ends in motion goes on a little.
   * @param {PointerEvent} event
   */
  #fling(event) {
    const recent = this.#trail.filter(({ when }) => event.timeStamp - when < FLING_MS);
    if (recent.length < 2) return;
    const [first, last] = [recent[0], recent[recent.length - 1]];
    const reach = FLING_REACH_MS / Math.max(8, last.when - first.when);
    const [dx, dy] = [(last.x - first.x) * reach, (last.y - first.y) * reach];
    if (Math.hypot(dx, dy) > 12) this.#report("fling", { dx, dy });
  }

  /** @param {WheelEvent} event */
  #onPageWheel(event) {
    if (!event.composedPath().includes(this.#node)) this.#pageWheel = event.timeStamp;
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    const unit = event.deltaMode === 0 ? 1 : LINE;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    if (!event.ctrlKey && (event.shiftKey || Math.abs(dx) > Math.abs(dy))) {
      event.preventDefault();
      const [panX, panY] = this.#plane.vectorFromWindow(-(dx || dy), 0);
      this.#report("pan", { dx: panX, dy: panY });
      return;
    }
    const factor = Math.exp(-Math.max(-150, Math.min(150, dy)) * (event.ctrlKey ? 0.01 : 0.0022));
    if (!event.ctrlKey) {
      if (event.timeStamp - this.#pageWheel < PAGE_WHEEL_MS || !this.#takesWheel(factor)) {
        this.#pageWheel = event.timeStamp;
        return;
      }
    }
    event.preventDefault();
    this.#report("wheel", { ...this.#at(event), factor, isFine: event.ctrlKey });
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
 * How far two places are from each other, in pixels of the window.
 * @param {{ clientX: number, clientY: number }} one
 * @param {{ clientX: number, clientY: number }} other
 */
function apart(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
