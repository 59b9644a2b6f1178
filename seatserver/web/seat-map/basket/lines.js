/** Helpers for the lines of a basket, which are {seat or area, ticket, price_minor}. */

/** @import { Line, Place } from "../types.js" */
/** @import { Venue } from "../venue.js" */

/**
 * The numbered seats of these lines.
 * @param {Place[]} lines
 */
export function seatsOf(lines) {
  return lines.flatMap(({ seat = [] }) => seat);
}

/**
 * Of the lines that were held before, those whose seats are not in the answer.
 * @param {Line[]} before
 * @param {{ seats: number[] }} held
 */
export function goneOf(before, { seats }) {
  return before.filter(({ seat }) => seat !== undefined && !seats.includes(seat));
}

/**
 * The fields of a `hold` message for these lines.
 * @param {Line[]} lines
 */
export function requestOf(lines) {
  const numbered = lines.filter((line) => line.seat !== undefined);
  const others = lines.flatMap(({ area, ticket }) => (area === undefined ? [] : [{ area, ticket }]));
  const alike = Map.groupBy(others, ({ area, ticket }) => JSON.stringify([area, ticket]));
  return {
    seats: seatsOf(numbered),
    tickets: numbered.map(({ ticket }) => ticket),
    areas: [...alike.values()].map(([{ area, ticket }, ...more]) => ({ area, ticket, count: 1 + more.length })),
  };
}

/**
 * Places as lines of a basket, each with the default ticket type.
 * @param {Venue} venue
 * @param {Place[]} places
 * @returns {Line[]}
 */
export function withTickets(venue, places) {
  return places.map((place) => ({ ...place, ticket: venue.ticketsFor(place)[0].key }));
}

/**
 * `lines` on other `seats`: who stays keeps the ticket, the others' tickets move within their category.
 * @param {Venue} venue
 * @param {Line[]} lines
 * @param {number[]} seats
 * @returns {Line[]}
 */
export function movedTo(venue, lines, seats) {
  const spare = lines.filter((line) => line.seat !== undefined && !seats.includes(line.seat));
  const numbered = seats.map((seat) => {
    const same = lines.find((line) => line.seat === seat);
    if (same) return same;
    const category = venue.categoryOf({ seat });
    const at = spare.findIndex((line) => venue.categoryOf(line) === category);
    return at < 0 ? withTickets(venue, [{ seat }])[0] : { seat, ticket: spare.splice(at, 1)[0].ticket };
  });
  return [...numbered, ...lines.filter((line) => line.area !== undefined)];
}

/**
 * The wheelchair places that these companion seats, which were refused alone, would go with: of each row the nearest
 * one that `isFree`, unless `lines` have one there already.
 * @param {Venue} venue
 * @param {number[]} seats
 * @param {Line[]} lines
 * @param {(seat: number) => boolean} isFree
 */
export function besideCompany(venue, seats, lines, isFree) {
  const all = venue.layout.seats;
  const places = [...all.keys()].filter((seat) => venue.isForWheelchair(seat));
  return [...Map.groupBy(seats, (seat) => all[seat].row)].flatMap(([row, [seat]]) => {
    const there = places.filter((place) => all[place].row === row);
    if (seatsOf(lines).some((one) => there.includes(one))) return []; // it has as much company as the house allows
    const far = (/** @type {number} */ place) => Math.abs(all[place].x - all[seat].x);
    return there
      .filter(isFree)
      .sort((one, other) => far(one) - far(other))
      .slice(0, 1);
  });
}
