/**
 * The work that a server asks of a new guest while very many come at once: to find the number that its puzzle was made
 * of. A visitor does not notice; a program that makes guests by the thousand does.
 *
 * It runs in slices, and the page lives on between them. Not every page that has the element would let in a Worker, and
 * the browser's own SHA-256 is asynchronous: for texts this short, asking for a hash costs more than the hash.
 */

const SLICE_MS = 8;
const PER_LOOK = 200; // hashes before the clock is looked at again
const HARDEST = 10_000_000; // a puzzle that takes so much longer than our servers' is not worth the wait
const BLOCK_BYTES = 64;
const LENGTH_BYTES = 9; // what SHA-256 adds at least: one byte, and the length

// The first 32 bits of the fractions of the square roots of the first 8 primes, and of the cube roots of the first 64
// (FIPS 180-4, sections 5.3.3 and 4.2.2).
const START = new Int32Array(8);
const ROUNDS = new Int32Array(64);
const PRIMES = Array.from({ length: 312 }, (_, at) => at).filter((one) => {
  for (let factor = 2; factor * factor <= one; factor += 1) if (one % factor === 0) return false;
  return one > 1;
});
/** @param {number} root */
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
for (let at = 0; at < 64; at += 1) {
  ROUNDS[at] = fraction(Math.cbrt(PRIMES[at]));
  if (at < 8) START[at] = fraction(Math.sqrt(PRIMES[at]));
}

const block = new DataView(new ArrayBuffer(BLOCK_BYTES));
const words = new Int32Array(64);
const hash = new Int32Array(8);

/**
 * Hash a text into `hash`. Only texts that fit one block, which is 55 bytes of ASCII.
 * @param {string} text
 */
function hashText(text) {
  for (let at = 0; at < BLOCK_BYTES; at += 4) block.setInt32(at, 0);
  for (let at = 0; at < text.length; at += 1) block.setUint8(at, text.charCodeAt(at));
  block.setUint8(text.length, 0x80);
  block.setUint32(BLOCK_BYTES - 4, text.length * 8);
  for (let at = 0; at < 16; at += 1) words[at] = block.getInt32(4 * at);
  for (let at = 16; at < 64; at += 1) {
    const x = words[at - 15];
    const y = words[at - 2];
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[at] = (words[at - 16] + small0 + words[at - 7] + small1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = START;
  for (let at = 0; at < 64; at += 1) {
    const large1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + large1 + ((e & f) ^ (~e & g)) + ROUNDS[at] + words[at]) | 0;
    const large0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (large0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  hash[0] = START[0] + a;
  hash[1] = START[1] + b;
  hash[2] = START[2] + c;
  hash[3] = START[3] + d;
  hash[4] = START[4] + e;
  hash[5] = START[5] + f;
  hash[6] = START[6] + g;
  hash[7] = START[7] + h;
}

/** Let the page do what else it has to do. A timer would wait a second in a tab in the background. */
function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}

/**
 * The number of a puzzle, as the server describes it with the code `proof_required`; null where it is no puzzle that
 * can be solved.
 * @param {{ kind: string, text: string, hash: string, most: number }} puzzle
 * @returns {Promise<number | null>}
 */
export async function solve({ kind, text, hash: wanted, most }) {
  const fits = typeof text === "string" && /^[\x20-\x7e]*$/.test(text);
  if (kind !== "work" || !fits || !/^[0-9a-f]{64}$/.test(wanted) || !(Number.isInteger(most) && most <= HARDEST))
    return null;
  if (text.length + String(most).length + LENGTH_BYTES > BLOCK_BYTES) return null;
  const aim = Int32Array.from({ length: 8 }, (_, at) => Number.parseInt(wanted.slice(8 * at, 8 * at + 8), 16));
  let until = performance.now() + SLICE_MS;
  for (let number = 0; number <= most; number += 1) {
    hashText(text + number);
    if (hash[0] === aim[0] && hash.every((word, at) => word === aim[at])) return number;
    if (number % PER_LOOK === 0 && performance.now() >= until) {
      await pause();
      until = performance.now() + SLICE_MS;
    }
  }
  return null;
}
