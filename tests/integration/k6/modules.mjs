// As much of k6's modules as a generated script uses, on Node's own.

import { AsyncLocalStorage } from "node:async_hooks";
import * as node from "node:crypto";

const vus = new AsyncLocalStorage();

export const metrics = globalThis.k6_metrics ?? new Map();
globalThis.k6_metrics = metrics;

globalThis.k6_users ??= { run: (number, work) => vus.run(number, work), current: () => vus.getStore() };
export const users = globalThis.k6_users;

class Metric {
  constructor(name) {
    this.name = name;
    metrics.set(name, { count: 0, sum: 0 });
  }
  add(value) {
    const one = metrics.get(this.name);
    one.count += 1;
    one.sum += value;
  }
}

export const Counter = Metric;
export const Trend = Metric;
export const { clearTimeout, setTimeout, WebSocket } = globalThis;

const encodings = { rawurl: "base64url", base64rawurl: "base64url" };

export default {
  vu: {
    get idInTest() {
      return users.current();
    },
  },
  b64encode: (text, form) => Buffer.from(text).toString(encodings[form]),
  hmac: (algorithm, secret, text, form) => node.createHmac(algorithm, secret).update(text).digest(encodings[form]),
  randomBytes: (size) => {
    const bytes = node.randomBytes(size);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + size);
  },
};
