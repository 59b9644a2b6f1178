/** Errors: a command that was not carried out, and a server that breaks the wire's contract. */

/** @import { CommandError as Declared } from "../../seatmap-client.js" */

/** @typedef {Partial<Omit<Declared, "code" | keyof Error>>} Why */

/**
 * A command that was not carried out. When the server refused seats (code "refused"): `seats` is [[index, reason], …],
 * `areas` is [[area, reason, places left], …], `stranded` are seats that would be left over, `fix` a choice that would
 * do; `retry_at_ms` is [[index, ms], …] of seats that are "cooling", `areas_retry_at_ms` the same of areas.
 * The client itself says "late" (no answer came in time), "stopped", "closed" and "moved" (other seats were held than
 * those wanted).
 */
export class CommandError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {Why} why
   */
  constructor(code, message, why = {}) {
    const { retryable = false, seats = [], areas = [], stranded = [], fix = [], facts = {} } = why;
    const { retry_at_ms = [], areas_retry_at_ms = [] } = why;
    super(message);
    this.name = "CommandError";
    this.code = code;
    /** @type {Record<string, any>} */
    this.facts = facts;
    Object.assign(this, { retryable, seats, areas, stranded, fix, retry_at_ms, areas_retry_at_ms });
  }
}

/** A message that is not as the contract says. The connection is given up: what else it says cannot be trusted. */
export class ProtocolError extends Error {
  name = "ProtocolError";
}

/**
 * Throws a ProtocolError with `problem` unless `isSo`.
 * @param {unknown} isSo
 * @param {string} problem
 */
export function expect(isSo, problem) {
  if (!isSo) throw new ProtocolError(problem);
}
