/**
 * The hall for screen readers and the keyboard: an ARIA grid of real elements, placed where the seats are drawn. One
 * seat is in the tab order, and the arrow keys move from there. Only the rows around the cursor are in the document;
 * `aria-rowcount` and `aria-rowindex` say which part of the hall they are.
 */

/** @import { Plan } from "./plan.js" */
/** @import { Layout, StageOptions } from "../types.js" */

const CELL = 20; // CSS pixels of a pitch before the grid is scaled to the drawing
const MOST_CELLS = 400; // in the document, but never less than the rows next to the cursor's
/** @type {Record<string, [across: number, along: number]>} */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TO_BE_HAD = new Set(["free", "mine", "asking"]);

export class Grid extends EventTarget {
  #node;
  #plan;
  #layout;
  #look;
  #describe;
  #strings;
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map();
  /** @type {Map<number, HTMLElement>} */
  #cells = new Map();
  #cursor = 0;
  /** x where a walk from row to row began. @type {number | null} */
  #column = null;
  #spoken = ""; // what the cursor's name begins with, because of the way it came

  /**
   * In the empty element `node`; the rest as Stage has it.
   * @param {HTMLElement} node
   * @param {Plan} plan
   * @param {Layout} layout
   * @param {StageOptions} options
   */
  constructor(node, plan, layout, { look, describe, strings }) {
    super();
    this.#node = node;
    this.#plan = plan;
    this.#layout = layout;
    this.#look = look;
    this.#describe = describe;
    this.#strings = strings;
    node.setAttribute("role", "grid");
    node.setAttribute("aria-label", strings.hall);
    node.setAttribute("aria-multiselectable", "true");
    node.setAttribute("aria-rowcount", String(plan.rows.length));
    node.setAttribute("aria-colcount", String(Math.max(...plan.rows.map(({ seats }) => seats.length))));
    this.#cursor = plan.rows[0].seats[0];
    this.#fill();
    this.#listen();
  }

  /** The seat that the keyboard is at, or would be. */
  get cursor() {
    return this.#cursor;
  }

  get hasFocus() {
    const root = /** @type {Document | ShadowRoot} */ (this.#node.getRootNode());
    return root.activeElement === this.#cells.get(this.#cursor);
  }

  /**
   * Lie over the drawing: its origin at (x, y), `scale` pixels a pitch.
   * @param {number} x
   * @param {number} y
   * @param {number} scale
   */
  place(x, y, scale) {
    this.#node.style.transform = `translate(${x}px, ${y}px) scale(${scale / CELL})`;
  }

  /**
   * Names and states of these seats (null: of all) may have changed.
   * @param {number[] | null} seats
   */
  paint(seats) {
    for (const seat of seats ?? this.#cells.keys()) if (this.#cells.has(seat)) this.#write(seat);
  }

  /** @param {boolean} frozen */
  set isFrozen(frozen) {
    this.#node.setAttribute("aria-disabled", String(frozen));
  }

  /**
   * Make `seat` the one in the tab order, and the rows around it the ones in the document.
   * @param {number} seat
   */
  moveTo(seat, spoken = "") {
    const before = this.#cursor;
    this.#cursor = seat;
    this.#spoken = spoken;
    this.#fill();
    this.#write(seat);
    if (before !== seat && this.#cells.has(before)) this.#write(before);
  }

  /**
   * Move the keyboard's focus to the cursor.
   * @param {FocusOptions} [options]
   */
  focus(options) {
    this.#cells.get(this.#cursor)?.focus(options);
  }

  #fill() {
    const { rows, places } = this.#plan;
    let from = places[this.#cursor].row;
    let to = from;
    let cells = rows[from].seats.length;
    for (let reach = 1; from > 0 || to < rows.length - 1; reach++) {
      const before = from > 0 ? rows[from - 1].seats.length : 0;
      const after = to < rows.length - 1 ? rows[to + 1].seats.length : 0;
      if (reach > 1 && cells + before + after > MOST_CELLS) break;
      if (from > 0) from -= 1;
      if (to < rows.length - 1) to += 1;
      cells += before + after;
    }
    for (const [row, node] of this.#rows) {
      if (row >= from && row <= to) continue;
      node.remove();
      this.#rows.delete(row);
      for (const seat of rows[row].seats) this.#cells.delete(seat);
    }
    /** @type {HTMLElement | null} */
    let next = null;
    for (let row = to; row >= from; row--) {
      if (!this.#rows.has(row)) this.#node.insertBefore(this.#makeRow(row), next);
      next = this.#rows.get(row) ?? null;
    }
  }

  /** @param {number} row */
  #makeRow(row) {
    const node = document.createElement("div");
    node.setAttribute("role", "row");
    node.setAttribute("aria-rowindex", String(row + 1));
    this.#rows.set(row, node);
    this.#plan.rows[row].seats.forEach((seat, column) => {
      const { x, y } = this.#plan.spots[seat];
      const cell = document.createElement("div");
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", String(column + 1));
      cell.dataset.seat = String(seat);
      cell.style.left = `${(x - 0.5) * CELL}px`;
      cell.style.top = `${(y - 0.5) * CELL}px`;
      this.#cells.set(seat, cell);
      this.#write(seat);
      node.append(cell);
    });
    return node;
  }

  /** @param {number} seat */
  #write(seat) {
    const look = this.#look(seat);
    const isCursor = seat === this.#cursor;
    set(this.#cells.get(seat), {
      "aria-label": (isCursor ? this.#spoken : "") + this.#describe(seat),
      "aria-selected": String(look === "mine"),
      "aria-disabled": String(!TO_BE_HAD.has(look)),
      tabindex: isCursor ? "0" : "-1",
      "data-state": look,
    });
  }

  // ------------------------------------------------------------------ keyboard

  #listen() {
    this.#node.addEventListener("keydown", (event) => this.#onKey(event));
    /** @param {Event} event */
    const seatOf = (event) => {
      const cell = /** @type {Element} */ (event.target).closest("[data-seat]");
      return Number(/** @type {HTMLElement | null} */ (cell)?.dataset.seat ?? NaN);
    };
    this.#node.addEventListener("focusin", (event) => {
      const seat = seatOf(event);
      // Screen readers put the focus wherever they are asked to.
      if (seat !== this.#cursor && !Number.isNaN(seat)) this.moveTo(seat);
      this.#report("focus", { seat });
    });
    this.#node.addEventListener("focusout", () => this.#report("blur", {}));
    // A click that no pointer made: assistive technology's.
    this.#node.addEventListener("click", (event) => {
      const seat = seatOf(event);
      if (!Number.isNaN(seat)) this.#report("pick", { seat });
    });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.altKey || event.metaKey) return;
    const { key, ctrlKey } = event;
    if (key === "Home" || key === "End") this.#walk(this.#end(key === "Home" ? -1 : 1, ctrlKey));
    else if (ctrlKey) return;
    else if (key in STEPS) this.#step(...STEPS[key]);
    else if (key === "PageUp" || key === "PageDown") this.#leap(key === "PageUp" ? -1 : 1);
    else if (key === "Enter" || key === " ") {
      // A key that is held down would take the seat and give it back in turns.
      if (!event.repeat) this.#report("pick", { seat: this.#cursor });
    } else if (key === "+" || key === "=") this.#report("zoom", { step: 1 });
    else if (key === "-") this.#report("zoom", { step: -1 });
    else if (key === "0") this.#report("zoom", { step: 0 });
    else return;
    event.preventDefault();
  }

  /**
   * @param {number} side
   * @param {boolean} whole
   */
  #end(side, whole) {
    if (!whole) return this.#plan.rowEnd(this.#cursor, side);
    const { rows } = this.#plan;
    const { seats } = rows[side < 0 ? 0 : rows.length - 1];
    return seats[side < 0 ? 0 : seats.length - 1];
  }

  /**
   * @param {number} across
   * @param {number} along
   */
  #step(across, along) {
    if (across !== 0) this.#walk(this.#plan.beside(this.#cursor, across));
    else this.#ahead(along, 1);
  }

  /** @param {number} along */
  #leap(along) {
    this.#ahead(along, 5);
  }

  /**
   * @param {number} step
   * @param {number} rows
   */
  #ahead(step, rows) {
    const column = this.#column ?? this.#layout.seats[this.#cursor].x;
    let seat = this.#cursor;
    for (let left = rows; left > 0; left--) seat = this.#plan.ahead(seat, step, column);
    this.#walk(seat);
    this.#column = column;
  }

  /** @param {number} seat */
  #walk(seat) {
    this.#column = null;
    const from = this.#cursor;
    if (seat === from) return;
    const { places, rows } = this.#plan;
    const row = places[seat].row === places[from].row ? null : rows[places[seat].row].name;
    const isAisle = row === null && Math.abs(places[seat].column - places[from].column) === 1;
    const aisle = isAisle && this.#plan.isAisleBetween(from, seat);
    // The seat's name says its row; what it cannot say is what lay between.
    this.moveTo(seat, aisle ? `${this.#strings.aisle}: ` : "");
    this.#report("walk", { seat, row, aisle });
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
 * Touch only what differs: each change of an attribute is one that a screen reader looks at.
 * @param {HTMLElement | undefined} node
 * @param {Record<string, string>} attributes
 */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node?.getAttribute(name) !== value) node?.setAttribute(name, value);
  }
}
