/**
 * The device behind the page: its key, and its socket to the server.
 *
 * The key is made here, once, and kept in this browser; nothing of a customer ever is. The server says what the kiosk
 * is (`state`), a code to be approved with (`waiting`), or that it was revoked. It also gives a sign of life every
 * second, so a dead network shows within three. The events are "change" and, each time the line is lost or back, "line".
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
 * @property {number} quiet_ms
 * @property {number} answer_ms
 * @property {boolean} [voice]
 */

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
   * Tell staff which screen is shown.
   * @param {string} name
   */
  shows(name) {
    if (name === this.#shows) return;
    this.#shows = name;
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
      if (this.#release === "") [this.#release, this.#reloads] = [message.release, message.reloads];
      Object.assign(this, { state: message, waiting: null });
    }
    const wasOnline = this.isOnline;
    this.isOnline = true;
    if (!wasOnline) this.#report();
    if (message.type !== "beat") this.dispatchEvent(new CustomEvent("change"));
    if (!wasOnline) this.dispatchEvent(new CustomEvent("line"));
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
    this.#socket.send(JSON.stringify({ type: "report", release: this.#release, shows: this.#shows }));
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
