// Runs a k6 script in Node: k6 itself is a program that npm and PyPI do not have. Its modules are replaced by `modules.mjs`,
// its virtual users by calls beside each other. Prints the metrics as one JSON object when the last socket is closed.

import { register } from "node:module";
import { pathToFileURL } from "node:url";

globalThis.__ENV = process.env;
const modules = new URL("./modules.mjs", import.meta.url).href;
const hooks = `export async function resolve(name, context, next) {
  return name.startsWith("k6/") ? { url: "${modules}?" + name, shortCircuit: true } : next(name, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { metrics, users } = await import("./modules.mjs");
const script = await import(pathToFileURL(process.argv[2]).href);
const { rush } = script.options.scenarios;
for (let number = 1; number <= rush.vus; number++) users.run(number, script.default);
process.on("beforeExit", () => {
  console.log(JSON.stringify({ metrics: Object.fromEntries(metrics), thresholds: script.options.thresholds }));
  process.exit();
});
