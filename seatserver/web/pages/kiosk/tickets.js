/** Tickets that were bought elsewhere, and are shown to the kiosk's scanner. */

/** @import { Device } from "./device.js" */
/** @import { Ticket } from "./screens.js" */

/** Why a ticket is refused. @type {Record<string, string>} */
const REFUSALS = { bad_ticket: "scanUnknown", booking_state: "scanNotValid", conflict: "scanElsewhere" };

export class Tickets {
  /** What was read, while it is on the screen. @type {Ticket | null} */
  shown = null;
  #device;

  /** @param {Device} device */
  constructor(device) {
    this.#device = device;
  }

  /**
   * Have the ticket of this code. Returns the name of the text that says why it was refused. Throws what is no refusal.
   * @param {string} code
   */
  async read(code) {
    this.forget();
    try {
      const found = await this.#device.ask("/tickets", { method: "POST", body: JSON.stringify({ code }) });
      if (!this.#device.state?.locked) this.shown = found; // nobody sees it while the kiosk is closed
      return "";
    } catch (/** @type {any} */ error) {
      if (error?.code in REFUSALS) return REFUSALS[error.code];
      throw error;
    }
  }

  /** Nothing of it is left here. */
  forget() {
    this.shown = null;
  }
}
