/**
 * The kiosk's camera, where people hold the code of a ticket before it. The browser itself finds the code in the picture
 * (`BarcodeDetector`, which Chromium has on some systems only); where it cannot, there is no camera for us.
 *
 * It is on only while a code is asked for. No picture is kept, and none leaves the page.
 */

import { element } from "../shared/page.js";

const LOOK_MS = 250;
const AWAY_MS = 2000; // a code that was out of the picture for so long is shown once more
const FORMAT = "qr_code";

/** Events: "change" when it is known how the camera is, "code" with what was read as `detail`. */
export class Camera extends EventTarget {
  /** How it is; empty before that is known. @type {"" | "ok" | "unsupported" | "away"} */
  state = "";
  /** What it sees, for people to aim by. */
  video = element("video", { muted: true, playsInline: true, ariaHidden: "true" });
  /** Each time that it is on is another one. @type {object | null} */
  #turn = null;

  /** Find out whether this browser can read codes at all. */
  async check() {
    if (this.state === "" && (await detector()) === null) this.#is("unsupported");
  }

  /** Read codes until `stop`. */
  async start() {
    this.stop();
    const turn = (this.#turn = {});
    const reader = await detector();
    if (reader === null) return this.#is("unsupported");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch {
      return turn === this.#turn && this.#is("away");
    }
    if (turn !== this.#turn) return end(stream); // they have gone meanwhile
    for (const track of stream.getTracks()) track.addEventListener("ended", () => this.#lost(turn));
    this.video.srcObject = stream;
    this.#is("ok");
    void this.#read(turn, reader);
  }

  stop() {
    this.#turn = null;
    const stream = /** @type {MediaStream | null} */ (this.video.srcObject);
    if (stream) end(stream);
    this.video.srcObject = null;
  }

  /** @param {object} turn */
  #lost(turn) {
    if (turn !== this.#turn) return;
    this.stop();
    this.#is("away");
  }

  /** @param {"ok" | "unsupported" | "away"} state */
  #is(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("change"));
  }

  /**
   * @param {object} turn
   * @param {Reader} reader
   */
  async #read(turn, reader) {
    let last = "";
    let seenAt = 0;
    while (turn === this.#turn) {
      if (this.video.paused) await this.video.play().catch(() => {}); // it was moved on the page
      /** @type {{ rawValue: string }[]} */
      const found = await reader.detect(this.video).catch(() => []); // there is no picture yet
      if (turn !== this.#turn) return;
      const code = found.map(({ rawValue }) => rawValue).find(Boolean);
      const now = performance.now();
      const isNew = code !== last || now - seenAt > AWAY_MS;
      if (code) [last, seenAt] = [code, now];
      if (code && isNew) this.dispatchEvent(new CustomEvent("code", { detail: code }));
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** @typedef {{ detect(picture: HTMLVideoElement): Promise<{ rawValue: string }[]> }} Reader */

/** What finds codes in a picture; null where this browser cannot. @returns {Promise<Reader | null>} */
async function detector() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector || !navigator.mediaDevices) return null; // the camera is there for https and localhost only
  try {
    const formats = await Detector.getSupportedFormats();
    return formats.includes(FORMAT) ? new Detector({ formats: [FORMAT] }) : null;
  } catch {
    return null;
  }
}

/** @param {MediaStream} stream */
function end(stream) {
  for (const track of stream.getTracks()) track.stop();
}
