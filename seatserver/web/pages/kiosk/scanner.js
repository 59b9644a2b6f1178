/**
 * A scanner at the kiosk types like a keyboard: the text of the code, and Enter.
 *
 * Only signs that follow each other closely are one code; a scanner takes a few milliseconds for each. The keypad has
 * arrows and Enter and nothing else, so an Enter that closely follows any other sign is the scanner's, whatever it has
 * read: it is swallowed, and presses no button. So is a space in the middle of a code.
 */

const GAP_MS = 1000;
const FEWEST = 4; // fewer signs are a key that somebody touched, and no reason to speak of codes
const MOST = 200; // that the server takes

/** @param {(text: string) => void} scanned */
export function listenToScanner(scanned) {
  let text = "";
  let at = 0;
  /** @param {KeyboardEvent} event */
  const hear = (event) => {
    if (event.composedPath()[0] instanceof HTMLInputElement) return;
    if (event.key === "Shift") return; // before a capital
    const now = performance.now();
    if (now - at > GAP_MS) text = "";
    at = now;
    const isSign = [...event.key].length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey;
    const found = text;
    if (found === "" && (event.key === " " || event.key === "Enter")) return; // somebody chooses a button
    text = isSign ? (text + event.key).slice(0, MOST) : "";
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === "Enter" && found.length >= FEWEST) scanned(found);
  };
  addEventListener("keydown", hear, true);
}
