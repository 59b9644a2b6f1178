/** The server's answers in words for the visitor: why it refused, and how good what it chose is. */

import { plural } from "./page.js";

const REASONS = {
  // one seat, several seats
  held: ["is being held by someone else", "are being held by someone else"],
  sold: ["is sold", "are sold"],
  blocked: ["is not for sale", "are not for sale"],
  allocated: ["is kept for another seller", "are kept for other sellers"],
  group: ["is only sold together with its neighbours", "are only sold together with their neighbours"],
  companion: [
    "is for company beside a wheelchair: choose it together with the wheelchair place next to it",
    "are for company beside a wheelchair: choose them together with the wheelchair place next to them",
  ],
  wheelchair: [
    "is kept for those who come with a wheelchair: please say so under “Wheelchairs”",
    "are kept for those who come with wheelchairs: please say how many under “Wheelchairs”",
  ],
};

/** "C-7 and C-8 are sold." The sentences of a CommandError that names seats or areas. */
export function describeRefusal({ seats, areas, stranded }, venue, limits) {
  const sentences = [...Map.groupBy(seats, ([, reason]) => reason)].map(([reason, refused]) => {
    const names = venue.names(refused.map(([seat]) => seat));
    if (reason === "limit") return describeLimit(limits);
    if (reason === "gap") return describeGap(stranded, venue);
    return `${names} ${REASONS[reason]?.[refused.length > 1 ? 1 : 0] ?? reason}.`;
  });
  for (const [area, reason, left] of areas) {
    if (reason === "limit") sentences.push(describeLimit(limits));
    else sentences.push(left > 0 ? `${venue.name({ area })} has only ${left} left.` : `${venue.name({ area })} is full.`);
  }
  return [...new Set(sentences)].join(" ");
}

export function describeLimit(limits) {
  return `You may hold at most ${plural(limits.seats_per_user, "seat")}.`;
}

/** Which seats a choice leaves over, and why that matters. */
export function describeGap(stranded, venue) {
  return `${venue.names(stranded)} would be left over alone, where hardly anyone sits.`;
}

/** How good seats are, of a `held` message that answers a search: what a visitor can see of it. */
export function describeMeasure({ seats, breakdown }) {
  const away = Math.round(breakdown.distance); // in seats, because the search asked for no other weight than 1
  const about = seats.length > 1 ? "On average about" : "About";
  return `${away === 0 ? "Right at" : `${about} ${plural(away, "seat")} from`} the spot where one sees best.`;
}
