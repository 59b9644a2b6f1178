/** The parts of the client that need no server. That both sides of the wire agree is tested in test_client_parts.py. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { BackOff } from "../../../seatserver/web/seat-map/client/backoff.js";
import { ServerClock } from "../../../seatserver/web/seat-map/client/clock.js";
import { CODECS } from "../../../seatserver/web/seat-map/client/codec.js";
import { Commands } from "../../../seatserver/web/seat-map/client/commands.js";
import { Connection } from "../../../seatserver/web/seat-map/client/connection.js";
import { CommandError } from "../../../seatserver/web/seat-map/client/errors.js";
import { Holds } from "../../../seatserver/web/seat-map/client/holds.js";
import { decode, encode } from "../../../seatserver/web/seat-map/client/msgpack.js";
import { hintOf, whyRefused } from "../../../seatserver/web/seat-map/client/refusal.js";
import { Room } from "../../../seatserver/web/seat-map/client/room.js";
import { tokensOf } from "../../../seatserver/web/seat-map/client/tokens.js";

const TIMES = { backOffFirstMs: 500, backOffMostMs: 15_000, stableMs: 10_000 };
const isProtocolError = { name: "ProtocolError" };

// ------------------------------------------------------------------ MessagePack

const bytesOf = (value) => [...encode(value)];

test("numbers are written in the shortest form", () => {
  assert.deepEqual(bytesOf(127), [0x7f]);
  assert.deepEqual(bytesOf(128), [0xcc, 0x80]);
  assert.deepEqual(bytesOf(-32), [0xe0]);
  assert.deepEqual(bytesOf(-33), [0xd0, 0xdf]);
  assert.deepEqual(bytesOf(65_536), [0xce, 0, 1, 0, 0]);
  assert.deepEqual(bytesOf(0.5), [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
});

test("every written value is read back unchanged", () => {
  const value = {
    none: null,
    yes: true,
    no: false,
    numbers: [0, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, 1.5, -0],
    text: "zoë 🎬",
    long: "x".repeat(70_000),
    many: Array.from({ length: 70_000 }, (_, at) => at),
    inner: { "": [[], {}] },
  };
  assert.deepEqual(decode(encode(value)), value);
  assert.deepEqual(decode(encode(new Uint8Array([1, 2, 3]))), new Uint8Array([1, 2, 3]));
});

test("a field that is undefined is left out, as JSON.stringify does", () => {
  assert.deepEqual(decode(encode({ a: 1, b: undefined })), { a: 1 });
});

test("a key is only a key, whatever it is called", () => {
  const read = decode(encode(JSON.parse('{"__proto__": {"x": 1}}')));
  assert.deepEqual(Object.keys(read), ["__proto__"]);
  assert.equal(read.x, undefined);
});

test("an unsendable value is a TypeError, and a partial or extra message a SyntaxError", () => {
  assert.throws(() => encode(Symbol("x")), { name: "TypeError", message: "a symbol cannot be sent" });
  const packed = encode({ seats: [1, 2, 300] });
  for (let size = 0; size < packed.length; size += 1) {
    assert.throws(() => decode(packed.subarray(0, size)), { name: "SyntaxError" });
  }
  assert.throws(() => decode(new Uint8Array([...packed, 0])), /more bytes than one value has/);
  assert.throws(() => decode(new Uint8Array(100).fill(0x91)), /nested too deeply/);
});

test("both encodings carry the same messages and reject anything else", () => {
  const message = { type: "hold", ref: 2, seats: [40, 41] };
  for (const { read, write } of Object.values(CODECS)) {
    assert.deepEqual(read(write(message)), message);
    assert.throws(() => read(write({ ref: 2 })), { name: "SyntaxError", message: "a message without a type" });
  }
  assert.throws(() => CODECS.json.read(new ArrayBuffer(1)), /expected text, got a binary message/);
  assert.throws(() => CODECS.msgpack.read("{}"), /expected a binary message, got text/);
});

// ------------------------------------------------------------------ back-off, clock, tokens, refusals

test("pauses grow up to a limit and are random below it", () => {
  const take = (random, count) => {
    const backOff = new BackOff(TIMES, () => random);
    return Array.from({ length: count }, () => backOff.next());
  };
  assert.deepEqual(take(1, 7), [500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.deepEqual(take(0, 7), Array(7).fill(0));
  assert.deepEqual(take(0.5, 3), [250, 500, 1000]);
  assert.equal(take(1, 2000).at(-1), 15_000);
});

test("only a stable connection resets the back-off", () => {
  const backOff = new BackOff(TIMES, () => 1);
  const pauses = [0, 0, 9999, 9999, 10_000, 0].map((liveMs) => {
    backOff.ended(liveMs);
    return backOff.next();
  });
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 500, 1000]);
});

const quietly = { onSilence() {}, onMarks() {}, onFailure() {} };

test("a refused command is sent again no earlier than the server says, and later by chance", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let sent = 0;
    const times = { commandMs: 60_000, lateMs: 60_000 };
    const commands = new Commands({ write: () => "{}", send: () => ++sent > 0, mostBytes: () => 9, times, ...quietly });
    const made = commands.make({ type: "hold" }, new Map());
    const refuse = (ms) => commands.tryAgain(1, new CommandError("too_many", "", { facts: { retry_after_ms: ms } }));
    assert.equal(sent, 1);
    refuse(1500);
    mock.timers.tick(1499);
    assert.equal(sent, 1, "not before");
    mock.timers.tick(1001);
    assert.equal(sent, 2);
    refuse(60_000);
    await assert.rejects(made, { code: "too_many" }, "a visitor is told rather than kept waiting for so long");
  } finally {
    mock.timers.reset();
  }
});

test("a client that is given no token comes back no earlier than the server says", async () => {
  const { promise, resolve } = Promise.withResolvers();
  const tokens = () => Promise.reject(Object.assign(new Error("too many guests"), { retryAfterMs: 7000 }));
  const owner = { connecting() {}, dropped() {}, waiting: (_, atMs) => resolve(atMs - performance.now()) };
  const connection = new Connection({ address: "ws://x", tokens, codec: CODECS.json, times: TIMES, owner });
  connection.open();
  const waitMs = await promise;
  connection.close();
  assert.ok(waitMs > 6900 && waitMs <= 7500, `${waitMs} ms: the wish, and a random part of the first pause`);
});

test("the clock follows the most exact answer until one contradicts it", () => {
  const clock = new ServerClock();
  const hear = (offsetMs, tookMs) => {
    const nowMs = performance.now();
    clock.learn(nowMs - tookMs / 2 + offsetMs, nowMs - tookMs);
    return Math.round((clock.now() - performance.now()) / 10) * 10;
  };
  const told = [hear(1000, 400), hear(900, 100), hear(1000, 400), hear(5000, 400), hear(5000, 50)];
  assert.deepEqual(told, [1000, 900, 900, 5000, 5000]);
});

test("a token that was refused is not tried again, unless its source has another", async () => {
  const fixed = tokensOf("one");
  assert.equal(fixed.renewable, false);
  assert.equal(await fixed(null), "one");
  await assert.rejects(fixed("one"), { message: "the token is no longer valid", permanent: true });
  const source = tokensOf(async (refused) => (refused === "one" ? "two" : "one"));
  assert.deepEqual([source.renewable, await source(null), await source("one")], [true, "one", "two"]);
  assert.equal(await tokensOf(undefined)(null), null);
  assert.throws(() => tokensOf(7), { name: "TypeError", permanent: true });
});

test("a page's developer is told which settings would allow it", () => {
  const settings = ["SEATSERVER_ALLOWED_ORIGINS", "SEATSERVER_PUBLIC_URL"];
  assert.equal(hintOf("no", { settings }), `no: whoever runs it names them in ${settings.join(" or ")}`);
  assert.equal(hintOf("no", {}), "no");
  assert.equal(hintOf("no", undefined), "no");
});

test("a program has no origin, so nothing is asked about it", async () => {
  assert.equal(await whyRefused("wss://seats.example/ws/showtimes/tonight"), undefined);
});

// ------------------------------------------------------------------ the picture of the room

const SNAPSHOT = { epoch: "e", version: 5, states: "0123450", areas: [3, 4] };
const DELTA = { epoch: "e", from: 5, version: 6, changes: [[0, 1]] };

function roomAt(snapshot) {
  const room = new Room();
  room.reset(snapshot);
  return room;
}

const BAD_SNAPSHOTS = [
  { states: null },
  { states: [0, 1] },
  { states: "01x" },
  { states: "01\u0661" },
  { version: -1 },
  { version: "5" },
  { version: 2 ** 53 },
  { epoch: null },
  { areas: 3 },
  { areas: [-1] },
];
const BAD_DELTAS = [
  { changes: null },
  { changes: [[7, 1]] },
  { changes: [[-1, 1]] },
  { changes: [[0, 10]] },
  {
    changes: [
      [0, 1],
      [0.5, 1],
    ],
  },
  { changes: [[0, 1], 3] },
  { changes: [[0, 1], null] },
  { changes: { length: 1 } },
  { areas: [[2, 1]] },
  { areas: [[0, -1]] },
  { version: "6" },
  { from: null },
];

function assertUnchanged(room) {
  assert.deepEqual([[...room.states].join(""), room.version, room.remaining], ["0123450", 5, [3, 4]]);
}

for (const bad of BAD_SNAPSHOTS) {
  test(`a bad snapshot changes nothing: ${JSON.stringify(bad)}`, () => {
    const room = roomAt(SNAPSHOT);
    assert.throws(() => room.reset({ ...SNAPSHOT, version: 6, ...bad }), isProtocolError);
    assertUnchanged(room);
  });
}

for (const bad of BAD_DELTAS) {
  test(`a bad delta changes nothing: ${JSON.stringify(bad)}`, () => {
    const room = roomAt(SNAPSHOT);
    assert.throws(() => room.apply({ ...DELTA, ...bad }), isProtocolError);
    assertUnchanged(room);
  });
}

test("a delta is applied once, in order, or not at all", () => {
  const room = new Room();
  const delta = (from, version, ...changes) => room.apply({ epoch: "e", from, version, changes });
  assert.equal(delta(0, 1, [0, 1]), "gap");
  room.reset(SNAPSHOT);
  assert.equal(delta(5, 7, [0, 1], [1, 0]), "applied");
  assert.equal(delta(5, 7, [0, 2]), "old");
  assert.equal(delta(8, 9, [0, 3]), "gap");
  assert.equal(delta(4, 8, [2, 0]), "applied");
  assert.equal(room.apply({ epoch: "f", from: 8, version: 9, changes: [] }), "gap");
  assert.equal([...room.states].join(""), "1003450");
  assert.equal(room.version, 8);
});

test("an older snapshot is ignored unless the current state is in doubt", () => {
  const room = roomAt({ ...SNAPSHOT, version: 8 });
  assert.equal(room.reset({ ...SNAPSHOT, version: 6 }), false);
  assert.deepEqual(room.resume, { epoch: "e", version: 8 });
  assert.equal(room.has({ epoch: "e", version: 8 }), true);
  assert.equal(room.has({ epoch: "e", version: 9 }), false);
  room.doubt();
  assert.deepEqual([room.resume, room.has({ epoch: "e", version: 1 })], [null, false]);
  assert.equal(room.apply({ ...DELTA, from: 8, version: 9 }), "gap");
  assert.equal(room.reset({ ...SNAPSHOT, version: 6 }), true);
  assert.deepEqual(room.resume, { epoch: "e", version: 6 });
});

// ------------------------------------------------------------------ this user's holds

const lineOf = (seat) => ({ seat, ticket: "t", price_minor: 1000 });
const holdOf = (hold_id, ...seats) => ({ hold_id, seats, areas: [], lines: seats.map(lineOf), deadline_ms: 1000 });

test("a hold takes the place of the one it replaces, with its number of wheelchairs", () => {
  const holds = new Holds();
  holds.put(holdOf("a", 1, 2), { wheelchairs: 1 });
  holds.put(holdOf("b", 2, 3), { replaces: "a" });
  assert.deepEqual([...holds.byId.keys()], ["b"]);
  assert.deepEqual(
    [...holds.ofSeats],
    [
      [2, "b"],
      [3, "b"],
    ],
  );
  assert.equal(holds.byId.get("b").wheelchairs, 1);
});

test("released seats leave their hold, which ends with the last one", () => {
  const holds = new Holds();
  holds.put(holdOf("a", 1, 2), {});
  assert.equal(holds.cut({ hold_id: "a", seats: [1] }), true);
  assert.deepEqual(holds.byId.get("a").seats, [2]);
  assert.deepEqual(
    holds.byId.get("a").lines.map(({ seat }) => seat),
    [2],
  );
  assert.equal(holds.cut({ hold_id: "a", seats: [2] }), false);
  assert.equal(holds.byId.size, 0);
  assert.equal(holds.cut({ hold_id: "a", seats: [2] }), false);
});

test("a hold missing in the server's list has ended, unless an answer about it is still due", () => {
  const holds = new Holds();
  holds.put(holdOf("a", 1), {});
  holds.put(holdOf("b", 2), {});
  assert.deepEqual(holds.adopt([holdOf("c", 1)], new Set(["b"])), []); // seat 1 is in another hold now
  assert.deepEqual([...holds.byId.keys()], ["b", "c"]);
  assert.deepEqual(holds.endDoubtful(new Set()), [{ seats: [2], areas: [] }]);
  assert.throws(() => holds.adopt(null, new Set()), isProtocolError);
  assert.throws(() => holds.put({ hold_id: "d" }, {}), isProtocolError);
});

test("the expected change of a command shows on its seats at once", () => {
  const holds = new Holds();
  holds.put(holdOf("a", 1, 2), {});
  const marks = (command, pending = []) => Object.fromEntries(holds.marksOf(command, new Map(pending)));
  assert.deepEqual(marks({ type: "hold", seats: [2, 3], replaces: "a" }), { 1: "releasing", 3: "holding" });
  assert.deepEqual(marks({ type: "release", hold_id: "a" }), { 1: "releasing", 2: "releasing" });
  assert.deepEqual(marks({ type: "release", hold_id: "a", seats: [2] }), { 2: "releasing" });
  assert.deepEqual(marks({ type: "hold", seats: [2] }, [[2, "releasing"]]), { 2: "holding" });
  assert.deepEqual(marks({ type: "best", count: 2 }), {});
});
