/** Four arrow keys and one button: the arrows go from one thing that can be chosen to the next, Enter chooses it. */

const STEPS = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 });
const CHOOSABLE = "button:not(:disabled), a[href], input, select";

/**
 * `used()` hears of every key of the keypad, before it does anything.
 * @param {() => void} used
 */
export function listenToKeypad(used) {
  addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined && event.key !== "Enter") return;
    // Whoever cannot let go of a key quickly has pressed it once (EN 301 549, 5.7).
    if (event.repeat) return event.preventDefault();
    used();
    // A seat map moves among its seats with the same keys, and has taken them then.
    const isInMap = event.composedPath().some((node) => node instanceof Element && node.localName === "seat-map");
    if (step === undefined || isInMap || event.defaultPrevented) return;
    event.preventDefault();
    move(step);
  });
}

/** @param {number} step */
function move(step) {
  const root = document.querySelector("dialog[open]") ?? document;
  const all = [...root.querySelectorAll(CHOOSABLE)].filter((node) => node.checkVisibility());
  const main = document.getElementById("screen");
  const at = all.indexOf(/** @type {Element} */ (document.activeElement));
  // From the screen's heading the first step leads to its first choice, not to the bar above it.
  const first = all.findIndex((node) => main?.contains(node));
  const next = at >= 0 ? at + step : Math.max(0, first);
  /** @type {HTMLElement | undefined} */ (all[(next + all.length) % all.length])?.focus();
}
