/**
 * The client's copy of the room: one state per seat, at exactly (`epoch`, `version`). Snapshots and deltas change it,
 * each completely or not at all: one that breaks the contract throws a ProtocolError and changes nothing.
 */

import { expect } from "./errors.js";

/** @import { Message } from "./codec.js" */

const ZERO = 48; // "0"
/** @param {any} value */
const isVersion = (value) => Number.isSafeInteger(value) && value >= 0;
/** @param {any} value */
const isState = (value) => Number.isInteger(value) && value >= 0 && value <= 9;

export class Room {
  /** Null before the first snapshot. @type {Uint8Array | null} */
  states = null;
  epoch = "";
  version = 0;
  /** Free places of each general-admission area. @type {number[]} */
  remaining = [];
  #doubted = false;

  /** Where to go on after a break, or null when only a snapshot will do. */
  get resume() {
    return this.states && !this.#doubted ? { epoch: this.epoch, version: this.version } : null;
  }

  /**
   * Whether the picture has reached `version` of `epoch`.
   * @param {{ epoch: string, version: number }} given
   */
  has({ epoch, version }) {
    return this.states !== null && !this.#doubted && epoch === this.epoch && this.version >= version;
  }

  /** What was said before cannot be relied on: the next connection begins with a snapshot. */
  doubt() {
    this.#doubted = true;
  }

  /**
   * Take a snapshot over; false when it is older than what is known.
   * @param {Message} given
   */
  reset({ epoch, version, states, areas = [] }) {
    expect(typeof epoch === "string" && isVersion(version), "a snapshot without epoch and version");
    expect(typeof states === "string", "a snapshot without states");
    expect(Array.isArray(areas) && areas.every(isVersion), "a snapshot with areas that are no numbers of places");
    if (!this.#doubted && epoch === this.epoch && version < this.version) return false;
    const fresh = new Uint8Array(states.length);
    for (let seat = 0; seat < fresh.length; seat += 1) {
      const state = states.charCodeAt(seat) - ZERO;
      expect(isState(state), `a snapshot with a state that is no digit, of seat ${seat}`);
      fresh[seat] = state;
    }
    Object.assign(this, { epoch, version, states: fresh, remaining: areas });
    this.#doubted = false;
    return true;
  }

  /**
   * Take a delta over: "applied", "old" when it is known already, "gap" when something before it is missing.
   * @param {Message} given
   */
  apply({ epoch, from, version, changes, areas = [] }) {
    expect(typeof epoch === "string" && isVersion(from) && isVersion(version), "a delta without epoch and versions");
    if (this.#doubted || this.states === null || epoch !== this.epoch || from > this.version) return "gap";
    if (version <= this.version) return "old";
    /**
     * @param {any} at
     * @param {number} size
     */
    const isIndex = (at, size) => Number.isInteger(at) && at >= 0 && at < size;
    /**
     * @param {unknown} pairs
     * @param {number} size
     * @param {(value: any) => boolean} isValue
     */
    const fits = (pairs, size, isValue) =>
      Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && isIndex(pair[0], size) && isValue(pair[1]));
    expect(fits(changes, this.states.length, isState), "a delta with changes that do not fit the hall");
    expect(fits(areas, this.remaining.length, isVersion), "a delta with areas that the hall does not have");
    for (const [seat, state] of changes) this.states[seat] = state;
    for (const [area, left] of areas) this.remaining[area] = left;
    this.version = version;
    return "applied";
  }
}
