/**
 * Drives Firefox for the tests, over WebDriver BiDi: a program that reads one JSON text a line, {act, window, values},
 * and writes {value} or {error}. Each window is a visitor with storage of its own. firefox.py speaks with it.
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// What npm brings stands beside the browser code.
const puppeteer = createRequire(new URL("../../seatserver/web/", import.meta.url))("puppeteer-core");

const [, , executablePath] = process.argv;
const PATIENCE_MS = 120_000; // a slow machine is no failure
const SIZE = { width: 1000, height: 800 };
const PREFERENCES = {
  "intl.accept_languages": "en-IE, en",
  "ui.prefersReducedMotion": 1, // a camera that glides would be where nobody expects it
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.proxy.type": 0, // none: the tests' servers are on this machine
};

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  headless: true,
  timeout: PATIENCE_MS,
  defaultViewport: null,
  extraPrefsFirefox: PREFERENCES,
});
const windows = new Map(); // by number: {context, page, complaints}

const acts = {
  open: async (number) => {
    const context = await browser.createBrowserContext();
    // Not a tab: what lies behind another one gets no frames.
    const page = await context.newPage({ type: "window" });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.setViewport(SIZE);
    const complaints = [];
    page.on("console", (said) => ["error", "warn"].includes(said.type()) && complaints.push(said.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    windows.set(number, { context, page, complaints });
  },
  go: async (number, { address }) => {
    await windows.get(number).page.goto(address);
  },
  run: (number, { code, given, frame }) => {
    const { page } = windows.get(number);
    const where = frame ? page.frames().find((one) => one !== page.mainFrame()) : page;
    return where.evaluate(`(${code})(${JSON.stringify(given ?? null)})`);
  },
  move: (number, { x, y, steps = 1 }) => windows.get(number).page.mouse.move(x, y, { steps }),
  press: (number) => windows.get(number).page.mouse.down(),
  release: (number) => windows.get(number).page.mouse.up(),
  wheel: (number, { by }) => windows.get(number).page.mouse.wheel({ deltaY: by }),
  front: (number) => windows.get(number).page.bringToFront(),
  click: (number, { x, y }) => windows.get(number).page.mouse.click(x, y),
  tap: (number, { x, y }) => windows.get(number).page.touchscreen.tap(x, y),
  key: (number, { name }) => windows.get(number).page.keyboard.press(name),
  picture: async (number, { file }) => {
    await windows.get(number).page.screenshot({ path: file });
  },
  complaints: (number) => windows.get(number).complaints,
  close: async (number) => {
    await windows.get(number).context.close();
    windows.delete(number);
  },
};

// Whatever is still waited for then: whoever asked is gone.
process.stdin.once("end", async () => {
  await browser.close();
  process.exit();
});

for await (const line of createInterface({ input: process.stdin })) {
  const { act, window, values } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await acts[act](window, values)) ?? null };
  } catch (error) {
    answer = { error: error.stack ?? String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
