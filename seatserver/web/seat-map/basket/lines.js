/** The lines of a basket, which are {seat or area, ticket, price_minor}: what they name together. */

/** The numbered seats of these lines. */
export function seatsOf(lines) {
  return lines.flatMap(({ seat = [] }) => seat);
}

/** Of the lines that were held before, those whose seats are not in the answer `held`. */
export function goneOf(before, { seats }) {
  return before.filter(({ seat }) => seat !== undefined && !seats.includes(seat));
}

/** The fields of a `hold` message for these lines. */
export function requestOf(lines) {
  const numbered = lines.filter((line) => line.seat !== undefined);
  const others = lines.filter((line) => line.area !== undefined);
  const alike = Map.groupBy(others, ({ area, ticket }) => JSON.stringify([area, ticket]));
  return {
    seats: numbered.map(({ seat }) => seat),
    tickets: numbered.map(({ ticket }) => ticket),
    areas: [...alike.values()].map(([{ area, ticket }, ...more]) => ({ area, ticket, count: 1 + more.length })),
  };
}
