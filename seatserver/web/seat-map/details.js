/**
 * Baskets, bookings and refusals as pages get them: seats by their labels, areas by their keys. The wire calls
 * both by their indexes in the layout, and its fields with underscores.
 */

/** @import { AreaPlaces, Basket, Booking, Line } from "../seat-map.js" */
/** @import { CommandError, Hold, OwnBooking, TicketLine } from "../seatmap-client.js" */
/** @import { Layout } from "./types.js" */

/**
 * @param {Layout} layout
 * @param {number[]} seats
 * @param {[area: number, places: number][]} areas
 * @returns {{ seats: string[], areas: AreaPlaces[] }}
 */
export function placesOf(layout, seats, areas) {
  return {
    seats: seats.map((seat) => labelOf(layout, seat)),
    areas: areas.map(([area, count]) => ({ area: layout.general_areas[area].key, count })),
  };
}

/**
 * What these holds hold together; null when there are none.
 * @param {Layout} layout
 * @param {Map<string, Hold>} holds by their ids
 * @returns {Basket | null}
 */
export function basketOf(layout, holds) {
  if (holds.size === 0) return null;
  const all = [...holds.values()];
  /** @param {"fees_minor" | "total_minor"} part */
  const sum = (part) => all.reduce((total, hold) => total + hold[part], 0);
  return {
    holds: [...holds.keys()],
    ...placesOf(
      layout,
      all.flatMap(({ seats }) => seats),
      all.flatMap(({ areas }) => areas),
    ),
    lines: all.flatMap(({ lines }) => lines).map((line) => lineOf(layout, line)),
    feesMinor: sum("fees_minor"),
    totalMinor: sum("total_minor"),
    currency: all[0].currency,
    currencyDigits: all[0].currency_digits,
    deadlineMs: Math.min(...all.map(({ deadlineMs }) => deadlineMs)),
  };
}

/**
 * @param {Layout} layout
 * @param {OwnBooking} booking
 * @returns {Booking}
 */
export function bookingOf(layout, booking) {
  const { booking_id, reference, status, seats, areas, lines, total_minor, currency, currency_digits } = booking;
  return {
    bookingId: booking_id,
    reference,
    status,
    ...placesOf(layout, seats, areas),
    lines: lines.map((line) => lineOf(layout, line)),
    totalMinor: total_minor,
    currency,
    currencyDigits: currency_digits,
  };
}

/**
 * @param {Layout} layout
 * @param {CommandError} error
 * @param {string} message what the visitor is told
 */
export function refusalOf(layout, error, message) {
  return {
    code: error.code,
    message,
    seats: error.seats.map(([seat, reason]) => ({ seat: labelOf(layout, seat), reason })),
    areas: error.areas.map(([area, reason, left]) => ({ area: layout.general_areas[area].key, reason, left })),
    fix: error.fix.map((seat) => labelOf(layout, seat)),
  };
}

/**
 * @param {Layout} layout
 * @param {TicketLine} line
 * @returns {Line}
 */
function lineOf(layout, { seat, area, ticket, price_minor }) {
  return {
    seat: seat === undefined ? null : labelOf(layout, seat),
    area: area === undefined ? null : layout.general_areas[area].key,
    ticket,
    priceMinor: price_minor,
  };
}

/**
 * What a seat is called in every language: "C-7".
 * @param {Layout} layout
 * @param {number} seat
 */
export function labelOf({ seats }, seat) {
  return `${seats[seat].row}-${seats[seat].number}`;
}
