/** A kiosk tells its scanner, which types, from its keypad, which has four arrows and Enter. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { listenToScanner } from "../../../seatserver/web/pages/kiosk/scanner.js";

/** @type {(event: object) => void} */
let hear = () => assert.fail("nobody listens");
let now = 0;
globalThis.HTMLInputElement = class {};
globalThis.addEventListener = (_, listener) => (hear = listener);
performance.now = () => now;

/**
 * Press these keys, a few milliseconds apart. Which ones were swallowed, and what was read.
 * @param {string[]} keys
 * @param {number} apartMs
 */
function press(keys, apartMs = 5) {
  now += 60_000;
  const read = [];
  listenToScanner((text) => read.push(text));
  const swallowed = keys.filter((key) => {
    now += apartMs;
    let isSwallowed = false;
    const preventDefault = () => (isSwallowed = true);
    hear({ key, composedPath: () => [{}], preventDefault, stopImmediatePropagation() {} });
    return isSwallowed;
  });
  return { read, swallowed };
}

test("whatever a scanner reads is one code, and its Enter presses no button", () => {
  for (const code of ["BCDE2345".repeat(6), "4006381333931", "https://x.example/b/1#key=a2b3?c"]) {
    const keys = [...code].flatMap((key) => (key === key.toLowerCase() ? [key] : ["Shift", key]));
    assert.deepEqual(press([...keys, "Enter"]), { read: [code], swallowed: ["Enter"] });
  }
});

test("a space in the middle of a code presses no button", () => {
  assert.deepEqual(press([..."ab cd", "Enter"]), { read: ["ab cd"], swallowed: [" ", "Enter"] });
});

test("the keypad goes on working: before a code, after it, and while nothing is scanned", () => {
  const nothing = { read: [], swallowed: [] };
  assert.deepEqual(press(["ArrowDown", "Enter", "ArrowUp", "Enter"]), nothing);
  assert.deepEqual(press([" ", "Enter"]), nothing);
  assert.deepEqual(press([..."abcd", "ArrowDown", "Enter"]), nothing);
  assert.deepEqual(press([..."abcd", "Enter", "Enter"]), { read: ["abcd"], swallowed: ["Enter"] });
});

test("signs that come slowly are no code, and a single one is not spoken of", () => {
  assert.deepEqual(press([..."abcd", "Enter"], 1001), { read: [], swallowed: [] });
  assert.deepEqual(press(["a", "Enter"]), { read: [], swallowed: ["Enter"] });
});
