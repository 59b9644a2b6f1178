/**
 * From the kiosk to the person's own phone: a QR code, and whether somebody has scanned it.
 *
 * The server decides who has the seats. Here it is asked every second, for as long as a code may be good, whichever
 * screen is shown meanwhile.
 */

import { element } from "../shared/page.js";

/** @import { Device } from "./device.js" */
/** @import { Kiosk } from "./kiosk.js" */

const EVERY_MS = 1000;
const AFTER_MS = 5000; // an answer to a phone may be under way when the code is over

/** @typedef {{ showtime_id: string, hold_id: string, user_id: string }} Basket */
/** @typedef {"held" | "taken" | "ended"} Fate */

/** Events: "change" when there is a code or none any more, "taken" when a phone has the seats, "ended" when nobody has. */
export class HandOff extends EventTarget {
  /** The picture of the code; empty when there is none, or it is over. */
  qr = "";
  #device;
  /** @type {Basket | null} */
  #basket = null;
  #endsAt = 0;
  #timer = 0;

  /** @param {Device} device */
  constructor(device) {
    super();
    this.#device = device;
  }

  /** Whether a phone may have the seats by now. */
  get isOffered() {
    return this.#basket !== null;
  }

  /**
   * Have a new code. Throws what the server refuses.
   * @param {Basket} basket
   */
  async offer(basket) {
    this.forget();
    this.#basket = basket;
    try {
      const { qr, lasts_ms } = await this.#ask("");
      if (this.#basket !== basket) return;
      [this.qr, this.#endsAt] = [qr, performance.now() + lasts_ms];
      this.#later();
    } catch (/** @type {any} */ error) {
      // Refused because the seats have gone: where to can still be asked.
      if (this.#basket === basket && error?.code !== "handoff_refused") this.forget();
      throw error;
    }
  }

  /** What became of the seats; null while the server does not say. @returns {Promise<Fate | null>} */
  async look() {
    try {
      return (await this.#ask("/fate")).fate;
    } catch {
      return null;
    }
  }

  /** Nothing of it is left here. */
  forget() {
    clearTimeout(this.#timer);
    [this.qr, this.#basket] = ["", null];
  }

  /** @param {string} path */
  #ask(path) {
    return this.#device.ask(`/handoffs${path}`, { method: "POST", body: JSON.stringify(this.#basket) });
  }

  #later() {
    this.#timer = setTimeout(() => void this.#turn(), EVERY_MS);
  }

  async #turn() {
    const basket = this.#basket;
    const fate = await this.look();
    if (this.#basket !== basket || basket === null) return;
    const overMs = performance.now() - this.#endsAt;
    if (overMs >= 0 && this.qr !== "") {
      this.qr = "";
      this.dispatchEvent(new CustomEvent("change"));
    }
    if (fate === "taken" || fate === "ended") return this.dispatchEvent(new CustomEvent(fate));
    // Without an answer it goes on: whether the seats have moved has to be known before anything else is done with them.
    if (overMs < AFTER_MS || fate === null) this.#later();
    else this.#basket = null;
  }
}

/**
 * The code, for a phone to scan.
 * @param {Kiosk} kiosk
 * @param {string} qr
 */
export function phone(kiosk, qr) {
  const { words } = kiosk;
  const back = () => kiosk.show("review");
  const again = /** @type {[string, () => unknown]} */ ([words.text("newCode"), () => kiosk.toPhone()]);
  if (qr === "") {
    const text = element("p", { textContent: words.text("codeOver") });
    return { name: "phone", title: words.text("codeOverTitle"), content: [text], back, next: again };
  }
  const src = `data:image/svg+xml,${encodeURIComponent(qr)}`;
  return {
    name: "phone",
    title: words.text("scanWithPhone"),
    content: [
      element("p", { textContent: words.text("scanOnce") }),
      element("img", { className: "qr", alt: words.text("phoneQr"), src }),
    ],
    back,
    rests: true,
  };
}

/**
 * The phone has the seats; nothing of the person is left here.
 * @param {Kiosk} kiosk
 */
export function moved(kiosk) {
  const { words } = kiosk;
  const done = /** @type {[string, () => unknown]} */ ([words.text("done"), () => kiosk.leave()]);
  const text = element("p", { textContent: words.text("movedText") });
  return { name: "moved", title: words.text("moved"), content: [text], next: done, rests: true };
}
