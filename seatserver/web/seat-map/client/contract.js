/**
 * What the contract says of each command: the types of message that may answer it, the success first, and what to do
 * when no answer comes. `python -m seatserver.api.documents` makes this from `seatserver/wire/from_client.py`.
 */
export const COMMANDS = {
  hello: { answers: ["welcome", "error"], whenLate: "keep asking" },
  hold: { answers: ["held", "refused", "error"], whenLate: "give up" },
  release: { answers: ["released", "refused", "error"], whenLate: "keep asking" },
  extend: { answers: ["held", "error"], whenLate: "keep asking" },
  best: { answers: ["held", "refused", "error"], whenLate: "give up" },
  offers: { answers: ["offered", "error"], whenLate: "give up" },
  book: { answers: ["booked", "refused", "error"], whenLate: "ask if sent" },
  beat: { answers: ["beat"], whenLate: "keep asking" },
};
