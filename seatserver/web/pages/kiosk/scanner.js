/**
 * A scanner at the kiosk types like a keyboard: the text of the code, and Enter.
 *
 * Its keys are swallowed, so that none of them does what the keypad's would. Only signs that follow each other closely
 * are one code; a scanner takes a few milliseconds for each.
 */

const GAP_MS = 1000;
const FEWEST = 20; // less is no code that we print, but somebody's keys

/** @param {(text: string) => void} scanned */
export function listenToScanner(scanned) {
  let text = "";
  let at = 0;
  /** @param {KeyboardEvent} event */
  const hear = (event) => {
    if (event.composedPath()[0] instanceof HTMLInputElement) return;
    const now = performance.now();
    if (now - at > GAP_MS) text = "";
    at = now;
    if (/^[A-Za-z0-9-]$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) {
      text = (text + event.key).slice(-200);
      return;
    }
    if (event.key === "Shift") return; // before a capital
    const found = text;
    text = "";
    if (event.key !== "Enter" || found.length < FEWEST) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    scanned(found);
  };
  addEventListener("keydown", hear, true);
}
