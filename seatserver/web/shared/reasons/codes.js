/**
 * Why something failed, for visitors: every code of the server (`seatserver/errors.py`), every close code of the socket
 * (`seatserver/wire/closing.py`) and what the client itself says, each with the text that tells it.
 *
 * The server's own sentences are English and written for whoever runs it or programs against it. They go to the console;
 * the visitor reads the texts of en.js and de.js, which end a sentence such as "That did not work: {reason}.".
 */

import { isSilence } from "../rest.js";

/** @type {Record<string, string>} */
export const CODES = {
  account_disabled: "reasonDisabled",
  bad_request: "reasonNotUnderstood",
  bad_seat_map: "reasonBadHall",
  bad_ticket: "reasonBadTicket",
  booking_state: "reasonBookingChanged",
  busy: "reasonBusy",
  conflict: "reasonChanged",
  forbidden: "reasonForbidden",
  handoff_refused: "reasonSeatsChanged",
  head_too_large: "reasonTooMuch",
  hold_conflict: "reasonSeatsChanged",
  hold_gone: "reasonSeatsChanged",
  hold_pinned: "reasonBeingBooked",
  http: "reasonUnknown",
  internal: "reasonMistake",
  method_not_allowed: "reasonNotUnderstood",
  no_seats_together: "reasonNoSeats",
  not_found: "reasonNotFound",
  not_on_sale: "reasonNotOnSale",
  openid_refused: "reasonSignIn",
  origin_refused: "notAllowed",
  outcome_unknown: "reasonOutcomeUnknown",
  proof_required: "reasonBusy",
  provider_away: "reasonUnavailable",
  revoked: "notKnown",
  seats_refused: "reasonNoSeats",
  session_ended: "reasonSignedOut",
  sign_in_refused: "reasonSignIn",
  ticket_refused: "reasonBadTicket",
  tickets_refused: "reasonNoTickets",
  too_large: "reasonTooMuch",
  too_many: "reasonBusy",
  unauthorized: "notKnown",
  unavailable: "reasonUnavailable",
  unknown_seat: "reasonBadHall",
  wrong_host: "notAllowed",
  // What the client itself says of a command.
  closed: "closedByPage",
  late: "reasonLate",
  moved: "reasonSeatsChanged",
  refused: "reasonNoSeats",
  stopped: "reasonStopped",
};

/** @type {Record<number, string>} */
export const CLOSES = {
  1009: "reasonTooMuch",
  1011: "reasonMistake",
  1012: "reasonRestart",
  1013: "reasonBusy",
  4001: "notKnown",
  4003: "notAdmitted",
  4004: "notThere",
  4005: "notKnown",
  4008: "reasonNotUnderstood",
  4010: "reasonNotUnderstood",
  4100: "reasonManyWindows",
  4101: "reasonSlow",
  4102: "reasonUnavailable",
  4103: "reasonSlow",
  4200: "notKnown",
};

/** @type {Record<string, string>} */
const STOPS = { token: "notKnown", socket: "noConnection", page: "closedByPage" }; // what stopped the connection
const GATEWAY = [502, 503, 504]; // of a proxy, when there is no code: the server behind it does not answer

/**
 * The text's name for an error of a request or a command. What the server said goes to the console.
 * @param {any} error
 */
export function reasonOfError(error) {
  if (isSilence(error)) return "noAnswer";
  console.info(error.message);
  return CODES[error.code] ?? (GATEWAY.includes(error.status) ? "noAnswer" : "reasonUnknown");
}

/**
 * The text's name for a connection that has ended for good, from a SeatMapClient.
 * @param {{ stoppedBy: string, closeCode: number, reason: string }} client
 */
export function reasonOfStop({ stoppedBy, closeCode, reason }) {
  console.info(reason);
  return STOPS[stoppedBy] ?? CLOSES[closeCode] ?? "reasonUnknown";
}
