/**
 * Where everything in a hall is: bounds, rows, the screen, which seats lie in a rectangle, which seat is next in a
 * direction. Pure arithmetic on a layout (see /api/v1/layouts): no drawing, no document.
 *
 * One unit is the pitch of a seat. x grows to the right as the audience sees it, y grows away from the screen.
 */

/** @import { Bounds, Layout, Point, Rectangle } from "../types.js" */

const BUCKET = 4; // pitches: side of the squares by which seats are found
const SIDE = 0.2; // pitches of margin at the sides
const BACK = 0.6; // pitches of margin behind the last row
const ASKEW = 0.5; // pitches: parts of a sofa farther apart than this are not beside each other
const LEVEL = 0.6; // pitches: rows that stand at the same height differ by no more than this
const ASIDE = 8; // pitches: seats farther aside than this are not ahead
const AISLE = 1.6; // neighbours in a row farther apart than this have an aisle between them

/** @typedef {{ name: string, seats: number[], y: number }} Row */

export class Plan {
  /** The hall's rectangle with its margins. @type {Bounds} */
  bounds;
  /** The screen, brought near the first row. @type {Point & { width: number }} */
  screen;
  /** Where the first of the seats and areas begin, seen from the screen. @type {number} */
  front;
  /** Rows from the screen to the back, with their seats from left to right. @type {Row[]} */
  rows = [];
  /** By seat: indexes into `rows` and its seats. @type {{ row: number, column: number }[]} */
  places = [];
  /** Pieces of furniture behind seats that go only together. @type {Rectangle[]} */
  sofas = [];
  /** By seat: where its middle is drawn. @type {Point[]} */
  spots = [];
  #seats;
  /** @type {Map<number, number[]>} */
  #buckets = new Map();

  /** @param {Layout} layout */
  constructor(layout) {
    this.#seats = layout.seats;
    [this.front, this.screen, this.bounds] = measure(layout);
    this.#findRows();
    this.#alignSofas(layout.groups);
    this.spots.forEach(({ x, y }, seat) => {
      const key = bucketKey(Math.floor(x / BUCKET), Math.floor(y / BUCKET));
      const bucket = this.#buckets.get(key);
      if (bucket) bucket.push(seat);
      else this.#buckets.set(key, [seat]);
    });
    this.sofas = layout.groups.map((seats) => this.around(seats));
  }

  /**
   * In a bent row the parts of a sofa stand a little askew; drawn, they are one piece.
   * @param {number[][]} groups
   */
  #alignSofas(groups) {
    this.spots = this.#seats.map(({ x, y }) => ({ x, y }));
    for (const group of groups) {
      const ys = group.map((seat) => this.#seats[seat].y);
      const [first, last] = [Math.min(...ys), Math.max(...ys)];
      if (last - first < ASKEW) for (const seat of group) this.spots[seat].y = (first + last) / 2;
    }
  }

  #findRows() {
    const rows = Map.groupBy(this.#seats.keys(), (seat) => this.#seats[seat].row);
    for (const [name, seats] of rows) {
      seats.sort((a, b) => this.#seats[a].x - this.#seats[b].x);
      const y = seats.reduce((sum, seat) => sum + this.#seats[seat].y, 0) / seats.length;
      this.rows.push({ name, seats, y });
    }
    this.rows.sort((a, b) => a.y - b.y);
    this.rows.forEach(({ seats }, row) => seats.forEach((seat, column) => (this.places[seat] = { row, column })));
  }

  /**
   * The rectangle around seats.
   * @param {number[]} seats
   */
  around(seats) {
    const xs = seats.map((seat) => this.spots[seat].x);
    const ys = seats.map((seat) => this.spots[seat].y);
    const [left, top] = [Math.min(...xs) - 0.5, Math.min(...ys) - 0.5];
    return { left, top, width: Math.max(...xs) + 0.5 - left, height: Math.max(...ys) + 0.5 - top };
  }

  /**
   * Indexes of the seats whose square overlaps a rectangle.
   * @param {number} left
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   */
  seatsIn(left, top, right, bottom) {
    const found = [];
    for (const seats of this.#bucketsIn(left - 0.5, top - 0.5, right + 0.5, bottom + 0.5)) {
      for (const seat of seats) {
        const { x, y } = this.spots[seat];
        if (x + 0.5 > left && x - 0.5 < right && y + 0.5 > top && y - 0.5 < bottom) found.push(seat);
      }
    }
    return found;
  }

  /** @param {number[]} corners */
  *#bucketsIn(...corners) {
    const [left, top, right, bottom] = corners.map((at) => Math.floor(at / BUCKET));
    // A few seats may be very far from each other.
    if ((right - left + 1) * (bottom - top + 1) > this.#buckets.size) {
      yield* this.#buckets.values();
      return;
    }
    for (let column = left; column <= right; column++) {
      for (let row = top; row <= bottom; row++) {
        const seats = this.#buckets.get(bucketKey(column, row));
        if (seats) yield seats;
      }
    }
  }

  /**
   * The seat whose square a point lies in, or lies beside by at most `reach`; the nearest of several, null if none.
   * @param {number} x
   * @param {number} y
   */
  seatAt(x, y, reach = 0) {
    /** @type {number | null} */
    let nearest = null;
    let least = Infinity;
    for (const seat of this.seatsIn(x - reach, y - reach, x + reach, y + reach)) {
      const away = Math.hypot(this.spots[seat].x - x, this.spots[seat].y - y);
      if (away < least) [nearest, least] = [seat, away];
    }
    return nearest;
  }

  /**
   * The next seat to the left (-1) or to the right (1): of the row, or where that ends, of a row that goes on at the
   * same height. The seat itself if there is none.
   * @param {number} seat
   * @param {number} step
   */
  beside(seat, step) {
    const { row, column } = this.places[seat];
    return this.rows[row].seats[column + step] ?? this.#beyond(seat, step) ?? seat;
  }

  /**
   * @param {number} seat
   * @param {number} step
   */
  #beyond(seat, step) {
    const here = this.spots[seat];
    /** @type {number | null} */
    let nearest = null;
    let least = Infinity;
    this.spots.forEach(({ x, y }, other) => {
      const away = (x - here.x) * step;
      if (away <= 0 || away >= least || Math.abs(y - here.y) > LEVEL) return;
      [nearest, least] = [other, away];
    });
    return nearest;
  }

  /**
   * A row's first (-1) or last (1) seat.
   * @param {number} seat
   * @param {number} side
   */
  rowEnd(seat, side) {
    const { seats } = this.rows[this.places[seat].row];
    return seats[side < 0 ? 0 : seats.length - 1];
  }

  /**
   * The seat before (-1) or behind (1) this one: of the next row, that which is nearest to `x`, the place in the row
   * where the walk began. A row far aside, of another block, is passed over while one that is ahead follows. The seat
   * itself at the first and at the last row.
   * @param {number} seat
   * @param {number} step
   * @param {number} [x]
   */
  ahead(seat, step, x = this.spots[seat].x) {
    let second = seat;
    for (let row = this.places[seat].row + step; row >= 0 && row < this.rows.length; row += step) {
      const found = this.nearestInRow(row, x);
      if (Math.abs(this.spots[found].x - x) <= ASIDE) return found;
      if (second === seat && Math.abs(this.spots[found].y - this.spots[seat].y) > LEVEL) second = found;
    }
    return second;
  }

  /**
   * The seat of a row that is nearest to `x`.
   * @param {number} row
   * @param {number} x
   */
  nearestInRow(row, x) {
    const { seats } = this.rows[row];
    let [low, high] = [0, seats.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.spots[seats[middle]].x + this.spots[seats[middle + 1]].x < 2 * x) low = middle + 1;
      else high = middle;
    }
    return seats[low];
  }

  /**
   * Whether an aisle lies between two neighbours of one row.
   * @param {number} one
   * @param {number} other
   */
  isAisleBetween(one, other) {
    return Math.abs(this.#seats[one].x - this.#seats[other].x) > AISLE;
  }
}

/**
 * Where seats and areas begin, seen from the screen; where the screen is drawn; the rectangle of all.
 * @param {Layout} layout
 * @returns {[front: number, screen: Point & { width: number }, bounds: Bounds]}
 */
function measure({ seats, general_areas, screen }) {
  const parts = [...seats.map(({ x, y }) => ({ x, y, width: 1, height: 1 })), ...general_areas];
  /** @param {(part: Point & { width: number, height: number }) => number} pick */
  const least = (pick) => parts.reduce((found, part) => Math.min(found, pick(part)), Infinity);
  const front = least(({ y, height }) => y - height / 2);
  // A screen far from the first row would only make the seats small.
  const y = Math.max(front - 2.6, Math.min(screen.y, front - 1.4));
  const bounds = {
    left: Math.min(least(({ x, width }) => x - width / 2) - SIDE, screen.x - screen.width / 2),
    right: Math.max(-least(({ x, width }) => -x - width / 2) + SIDE, screen.x + screen.width / 2),
    top: y - 0.5,
    bottom: -least(({ y, height }) => -y - height / 2) + BACK,
  };
  return [front, { x: screen.x, y, width: screen.width }, bounds];
}

/**
 * One number for a pair of small whole numbers.
 * @param {number} column
 * @param {number} row
 */
function bucketKey(column, row) {
  return (column + 0x80000) * 0x100000 + row + 0x80000;
}
