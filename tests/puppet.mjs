/**
 * What the tests of JavaScript have at hand in either runtime: `clients` by name, each with a log of its events, and a
 * few ways to wait. In Node, this file also is the program: it reads one JSON text per line, {code, values}, runs the
 * code as the body of an async function with the values as its names, and writes {value} or {error}.
 */

export function makeWorld(modules) {
  const PATIENCE_MS = 30_000;
  const clients = {};

  // A pause is exactly what was asked for, however late a busy machine looks at it.
  const { setTimeout } = globalThis;
  let askedMs = 0;
  globalThis.setTimeout = (act, ms) => {
    askedMs = ms;
    return setTimeout(act, ms);
  };

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  /** Wait until it is so; how long it takes fails no test, for ever does. */
  async function until(isSo) {
    const end = performance.now() + PATIENCE_MS;
    while (!isSo()) {
      if (performance.now() > end) throw new Error(`never came true: ${isSo}`);
      await sleep(5);
    }
  }

  /** What the promise brings; one that never settles is an error. */
  async function inTime(promise) {
    let timer;
    const never = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("what was to be run never ended")), 3 * PATIENCE_MS);
    });
    try {
      return await Promise.race([promise, never]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A client that logs: [event, what it says]; a status says how long the pause is, too. */
  function open(name, url, options) {
    const client = new modules.SeatMapClient(url, options);
    const log = [];
    const pauses = [];
    const say = {
      status: () => [client.status, client.reason],
      pending: () => Object.fromEntries(client.pending),
      rolledback: ({ seats, error }) => ({ seats, code: error.code }),
    };
    for (const event of ["status", "welcome", "change", "holds", "expired", "booked", "pending", "rolledback"]) {
      client.addEventListener(event, ({ detail }) => {
        log.push([event, say[event]?.(detail) ?? detail]);
        if (event === "status" && client.status === "waiting") pauses.push(askedMs);
      });
    }
    clients[name]?.close();
    clients[name] = Object.assign(client, { log, pauses });
    client.connect();
    return clients[name];
  }

  const live = (client) => until(() => client.status === "live");
  const logged = (client, event) => client.log.filter(([name]) => name === event).map(([, said]) => said);

  /** Whatever the promise is rejected with, as data. */
  async function caught(promise) {
    try {
      await promise;
    } catch (error) {
      return { ...error, name: error.name, message: error.message };
    }
    throw new Error("expected it to be rejected");
  }

  const picture = ({ states, epoch, version, remaining, holds, mine, welcome }) => ({
    states: states && [...states],
    epoch,
    version,
    remaining,
    holds: Object.fromEntries(holds),
    mine: Object.fromEntries(mine),
    user: welcome?.user,
    limits: welcome?.limits,
  });

  return { ...modules, clients, open, live, until, sleep, inTime, caught, logged, picture };
}

async function serve() {
  const { createInterface } = await import("node:readline");
  const [, , folder] = process.argv;
  const modules = {};
  for (const name of [
    "seatmap-client",
    "seat-map/client/msgpack",
    "seat-map/client/backoff",
    "seat-map/client/clock",
    "seat-map/client/room",
    "seat-map/client/times",
  ]) {
    Object.assign(modules, await import(`${folder}/${name}.js`));
  }
  const world = makeWorld(modules);
  const AsyncFunction = serve.constructor;
  const strays = [];
  process.on("uncaughtException", (error) => strays.push(String(error)));
  process.on("unhandledRejection", (error) => strays.push(String(error)));
  world.strays = strays;
  for await (const line of createInterface({ input: process.stdin })) {
    const { code, values } = JSON.parse(line);
    const names = { ...world, ...values };
    const run = async () => AsyncFunction(...Object.keys(names), code)(...Object.values(names));
    const answer = await world.inTime(run()).then(
      (value) => ({ value }),
      (error) => ({ error: error.stack }),
    );
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  for (const client of Object.values(world.clients)) client.close();
}

if (globalThis.process?.argv?.[1]?.endsWith("puppet.mjs")) await serve();
