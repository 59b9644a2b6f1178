/**
 * The device behind the page: its key, and its socket to the server.
 *
 * The key is made here, once, and kept in this browser; nothing of a customer ever is. The server says what the kiosk
 * is (`state`), a code to be approved with (`waiting`), or that it was revoked. It also gives a sign of life every
 * second, so a dead network shows within three. The events are "change", "line" each time the line is lost or back, and
 * "order" with what staff want done for the person who is there.
 */

import { fetchJson, HERE } from "../shared/page.js";

const KEY = "seatserver.kiosk";
const KEY_BYTES = 32;
const SILENCE_MS = 2500; // signs of life come every second
const LOOK_MS = 250;
const BACK_FIRST_MS = 250;
const BACK_MOST_MS = 5000;
const REPORT_MS = 10_000;
const REVOKED = 4001;

/** @typedef {{ code: string, expires_at_ms: number, qr: string }} Waiting */
/**
 * @typedef {object} KioskState
 * @property {string} id
 * @property {string} name
 * @property {string} theatre_id
 * @property {string} channel
 * @property {boolean} locked
 * @property {string} message
 * @property {number} reloads
 * @property {string} release
 * @property {"none" | "simulated" | "stripe"} reader
 * @property {"none" | "simulated" | "ok" | "low" | "out" | "open" | "away"} printer
 * @property {boolean} needs_paper
 * @property {"none" | "scanner" | "camera"} [ticket_reader] an older server lacks it
 * @property {number} quiet_ms
 * @property {number} answer_ms
 * @property {boolean} [voice]
 * @property {boolean} [hears] whether the server itself hears; an older one lacks it
 * @property {boolean} [help] whether staff see that help is asked for; an older server lacks it
 * @property {Order | null} [order]
 */
/** @typedef {{ number: number, what: "release" | "extend" | "finish" | "helped", visit: string }} Order */
/** @typedef {{ help: boolean, visit: string, showing: string, seats: string, left_ms: number | null }} About */

export class Device extends EventTarget {
  /** What the kiosk is; null until the server has said so. @type {KioskState | null} */
  state = null;
  /** The code to be approved with, while it is not enrolled. @type {Waiting | null} */
  waiting = null;
  isRevoked = false;
  /** Whether the server was heard of within three seconds. */
  isOnline = false;

  #key = ownKey();
  /** @type {WebSocket | null} */
  #socket = null;
  #heardAt = 0;
  #tries = 0;
  #shows = "";
  #orders = 0; // the last one that was passed on
  #told = "";
  /** How the camera is, for staff; empty while nobody has needed it. */
  camera = "";
  /** What staff are told of the person who is there. @type {() => About | null} */
  about = () => null;
  #release = ""; // that this page came from
  #reloads = 0;

  constructor() {
    super();
    setInterval(() => this.#look(), LOOK_MS);
    setInterval(() => this.#report(), REPORT_MS);
    this.#connect();
  }

  /** Whether staff, or a newer release, want this page to be loaded again. */
  get isOutdated() {
    return this.state !== null && (this.state.release !== this.#release || this.state.reloads !== this.#reloads);
  }

  /**
   * Tell staff which screen is shown, and to whom, if they do not know it already.
   * @param {string} name
   * @param {string} more whatever else makes it another scene
   */
  shows(name, more = "") {
    const { left_ms: _, ...scene } = this.about() ?? {};
    const told = JSON.stringify([name, scene, more, this.camera]);
    if (told === this.#told) return;
    [this.#shows, this.#told] = [name, told];
    this.#report();
  }

  /**
   * The JSON answer to a request of the kiosk itself.
   * @param {string} path
   * @param {RequestInit} [options]
   */
  ask(path, options = {}) {
    const headers = { Authorization: `Kiosk ${this.#key}`, "Content-Type": "application/json" };
    return fetchJson(new URL(`api/v1/kiosks/self${path}`, HERE), { cache: "no-store", ...options, headers });
  }

  /** Become another device, which has to be enrolled. */
  startAgain() {
    localStorage.removeItem(KEY);
    location.reload();
  }

  #connect() {
    const address = new URL("ws/kiosk", HERE);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(address));
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "hello", key: this.#key })));
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#lost(code));
  }

  /** @param {any} message */
  #hear(message) {
    this.#heardAt = performance.now();
    this.#tries = 0;
    if (message.type === "waiting") Object.assign(this, { waiting: message, state: null });
    if (message.type === "revoked") Object.assign(this, { isRevoked: true, waiting: null, state: null });
    if (message.type === "state") {
      if (this.#release === "") {
        [this.#release, this.#reloads] = [message.release, message.reloads];
        this.#orders = message.order?.number ?? 0; // given before this page was there
      }
      Object.assign(this, { state: message, waiting: null });
    }
    const wasOnline = this.isOnline;
    this.isOnline = true;
    if (!wasOnline) this.#report();
    if (message.type !== "beat") this.dispatchEvent(new CustomEvent("change"));
    if (!wasOnline) this.dispatchEvent(new CustomEvent("line"));
    if (message.type === "state" && message.order?.number > this.#orders) {
      this.#orders = message.order.number;
      this.dispatchEvent(new CustomEvent("order", { detail: message.order }));
    }
  }

  /** @param {number} code */
  #lost(code) {
    this.#socket = null;
    if (code === REVOKED) return;
    const waitMs = Math.min(BACK_MOST_MS, BACK_FIRST_MS * 2 ** this.#tries) * (0.5 + Math.random() / 2);
    this.#tries = Math.min(this.#tries + 1, 10);
    setTimeout(() => this.#connect(), waitMs);
  }

  /** A line that is dead without having been closed is given up. */
  #look() {
    if (performance.now() - this.#heardAt < SILENCE_MS || !this.isOnline || this.isRevoked) return;
    this.isOnline = false;
    const socket = this.#socket;
    if (socket !== null) {
      this.#lost(0);
      socket.close();
    }
    this.dispatchEvent(new CustomEvent("line"));
  }

  #report() {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.state || this.#shows === "") return;
    // An older server takes no more than it knows.
    const about = "help" in this.state ? this.about() : {};
    const more = "ticket_reader" in this.state ? { ...about, camera: this.camera } : about;
    this.#socket.send(JSON.stringify({ type: "report", release: this.#release, shows: this.#shows, ...more }));
  }
}

/** The key of this device; a new one if it has none. */
function ownKey() {
  const known = localStorage.getItem(KEY);
  if (known) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const text = btoa(String.fromCharCode(...bytes));
  const key = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  localStorage.setItem(KEY, key);
  return key;
}
