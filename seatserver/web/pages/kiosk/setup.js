/** The screens of a device that is no kiosk: not yet, not any more, or before the server has said what it is. */

import { element } from "../shared/page.js";

/** @import { Device } from "./device.js" */
/** @import { Kiosk } from "./kiosk.js" */
/** @import { Screen } from "./screens.js" */

/**
 * What is shown then; null for a kiosk.
 * @param {Kiosk} kiosk
 * @param {Device} device
 * @returns {Screen | null}
 */
export function setUp(kiosk, device) {
  const text = (/** @type {string} */ name) => kiosk.words.text(name);
  if (device.isRevoked) {
    const content = [element("p", { textContent: text("revokedText") })];
    return {
      name: "revoked",
      title: text("revokedTitle"),
      content,
      next: [text("setUpAgain"), () => device.startAgain()],
    };
  }
  if (device.waiting) return { name: "enrol", title: text("enrolTitle"), content: enrolment(kiosk, device.waiting) };
  return device.state ? null : { name: "connecting", title: text("connecting"), content: [] };
}

/**
 * How staff approve this device.
 * @param {Kiosk} kiosk
 * @param {{ code: string, qr: string }} waiting
 */
function enrolment({ words }, { code, qr }) {
  const src = `data:image/svg+xml,${encodeURIComponent(qr)}`;
  return [
    element("img", { className: "qr", alt: words.text("enrolQr"), src }),
    element("p", { className: "code", textContent: code }),
    element("p", { textContent: words.text("enrolText") }),
    element("p", { className: "quiet", textContent: words.text("enrolCommand", { code }) }),
  ];
}
