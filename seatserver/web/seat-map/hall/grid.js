/**
 * The hall for those who don't see the drawing, and for the keyboard: an ARIA grid of real elements that lie where the
 * seats are drawn. One seat is in the tab order, and the arrow keys walk from there. Only the rows around the cursor
 * are in the document; `aria-rowcount` and `aria-rowindex` say what part of the whole they are.
 */

const CELL = 20; // CSS pixels of a pitch before the grid is scaled to the drawing
const MOST_CELLS = 400; // in the document, but never less than the rows next to the cursor's
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TO_BE_HAD = new Set(["free", "mine", "asking"]);

export class Grid extends EventTarget {
  #node;
  #plan;
  #layout;
  #look;
  #describe;
  #strings;
  #rows = new Map();
  #cells = new Map();
  #cursor = 0;
  #column = null; // x where a walk from row to row began
  #spoken = ""; // what the cursor's name begins with, because of the way it came

  /** In the empty element `node`; the rest as Stage has it. */
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
    node.setAttribute("aria-rowcount", plan.rows.length);
    node.setAttribute("aria-colcount", Math.max(...plan.rows.map(({ seats }) => seats.length)));
    this.#cursor = plan.rows[0].seats[0];
    this.#fill();
    this.#listen();
  }

  /** The seat that the keyboard is at, or would be. */
  get cursor() {
    return this.#cursor;
  }

  get hasFocus() {
    return this.#node.getRootNode().activeElement === this.#cells.get(this.#cursor);
  }

  /** Lie over the drawing: its origin at (x, y), `scale` pixels a pitch. */
  place(x, y, scale) {
    this.#node.style.transform = `translate(${x}px, ${y}px) scale(${scale / CELL})`;
  }

  /** Names and states of these seats (null: of all) may have changed. */
  paint(seats) {
    for (const seat of seats ?? this.#cells.keys()) if (this.#cells.has(seat)) this.#write(seat);
  }

  set isFrozen(frozen) {
    this.#node.setAttribute("aria-disabled", String(frozen));
  }

  /** Make `seat` the one in the tab order, and the rows around it the ones in the document. */
  moveTo(seat, spoken = "") {
    const before = this.#cursor;
    this.#cursor = seat;
    this.#spoken = spoken;
    this.#fill();
    this.#write(seat);
    if (before !== seat && this.#cells.has(before)) this.#write(before);
  }

  /** Move the keyboard's focus to the cursor. */
  focus(options) {
    this.#cells.get(this.#cursor).focus(options);
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
    let next = null;
    for (let row = to; row >= from; row--) {
      if (!this.#rows.has(row)) this.#node.insertBefore(this.#makeRow(row), next);
      next = this.#rows.get(row);
    }
  }

  #makeRow(row) {
    const node = document.createElement("div");
    node.setAttribute("role", "row");
    node.setAttribute("aria-rowindex", row + 1);
    this.#rows.set(row, node);
    this.#plan.rows[row].seats.forEach((seat, column) => {
      const { x, y } = this.#plan.spots[seat];
      const cell = document.createElement("div");
      cell.setAttribute("role", "gridcell");
      cell.setAttribute("aria-colindex", column + 1);
      cell.dataset.seat = seat;
      cell.style.left = `${(x - 0.5) * CELL}px`;
      cell.style.top = `${(y - 0.5) * CELL}px`;
      this.#cells.set(seat, cell);
      this.#write(seat);
      node.append(cell);
    });
    return node;
  }

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
    const seatOf = (event) => Number(event.target.closest("[data-seat]")?.dataset.seat ?? NaN);
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

  #end(side, whole) {
    if (!whole) return this.#plan.rowEnd(this.#cursor, side);
    return this.#plan.rows.at(side < 0 ? 0 : -1).seats.at(side < 0 ? 0 : -1);
  }

  #step(across, along) {
    if (across !== 0) this.#walk(this.#plan.beside(this.#cursor, across));
    else this.#ahead(along, 1);
  }

  #leap(along) {
    this.#ahead(along, 5);
  }

  #ahead(step, rows) {
    this.#column ??= this.#layout.seats[this.#cursor].x;
    const column = this.#column;
    let seat = this.#cursor;
    for (let left = rows; left > 0; left--) seat = this.#plan.ahead(seat, step, column);
    this.#walk(seat);
    this.#column = column;
  }

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

  #report(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Touch only what differs: each change of an attribute is one that a screen reader looks at. */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
}
