// The concierge's socket in the page, with a WebSocket that opens only when the test says so.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Talk } from "../../../seatserver/web/seat-map/concierge/talk.js";

const sockets = [];

class Socket extends EventTarget {
  static OPEN = 1;
  readyState = 0;
  sent = [];

  constructor() {
    super();
    sockets.push(this);
  }

  send(text) {
    assert.equal(this.readyState, Socket.OPEN, "a socket that is still connecting takes nothing");
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = Socket.OPEN;
    this.dispatchEvent(new Event("open"));
  }

  hear(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }
}

globalThis.WebSocket = Socket;

function heard() {
  const log = [];
  return { log, words() {}, suggestions() {}, done() {}, failed: (error) => log.push(error.code) };
}

async function settled() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

test("questions that are asked while the socket opens share it, and only the last one is sent", async () => {
  sockets.length = 0;
  const talk = new Talk("ws://x", async () => "token", "en");
  const [first, second] = [heard(), heard()];
  talk.ask("two", 2, first);
  await settled();
  talk.stop();
  talk.ask("three", 3, second);
  await settled();
  assert.equal(sockets.length, 1);
  sockets[0].open();
  sockets[0].hear({ type: "ready", ref: 1 });
  await settled();
  assert.deepEqual(
    sockets[0].sent.map(({ type, text }) => text ?? type),
    ["begin", "three"],
  );
  assert.deepEqual([...first.log, ...second.log], []);
});

test("a talk that is closed while its token is fetched opens no socket", async () => {
  sockets.length = 0;
  let give;
  const talk = new Talk("ws://x", () => new Promise((resolve) => (give = resolve)), "en");
  talk.ask("two", 2, heard());
  talk.close();
  give("token");
  await settled();
  assert.equal(sockets.length, 0);
});

test("a socket that is not let in is told once, with its reason, and the next question opens another", async () => {
  sockets.length = 0;
  const talk = new Talk("ws://x", async () => "token", "en");
  const listener = heard();
  talk.ask("two", 2, listener);
  await settled();
  sockets[0].dispatchEvent(Object.assign(new Event("close"), { code: 4003 }));
  await settled();
  assert.deepEqual(listener.log, ["forbidden"]);
  talk.ask("two", 2, listener);
  await settled();
  assert.equal(sockets.length, 2);
});

test("what a visitor agrees to is said with the first message, when it changes, and never for them", async () => {
  sockets.length = 0;
  const talk = new Talk("ws://x", async () => "token", "en");
  talk.ask("two", 2, heard());
  await settled();
  sockets[0].open();
  sockets[0].hear({ type: "ready", ref: 1 });
  await settled();
  talk.keep(true);
  talk.keep(false);
  talk.close();
  talk.keep(true);
  talk.ask("three", 2, heard());
  await settled();
  sockets[1].open();
  talk.keep(false); // while the server has not answered yet
  sockets[1].hear({ type: "ready", ref: 1 });
  await settled();
  assert.deepEqual(
    sockets[1].sent.map(({ type, log }) => [type, log]),
    [
      ["begin", true],
      ["begin", undefined],
      ["ask", undefined],
    ],
    "before anything is asked",
  );
  const begun = sockets[0].sent.filter(({ type }) => type === "begin");
  assert.deepEqual(
    begun.map(({ log, token }) => [log, token]),
    [
      [undefined, "token"],
      [true, undefined],
      [undefined, undefined],
    ],
  );
});

test("deleting what is kept ends the consent, and says how much it was or that it failed", async () => {
  sockets.length = 0;
  const talk = new Talk("ws://x", async () => "token", "en");
  talk.keep(true);
  const deleted = talk.forget();
  await settled();
  sockets[0].open();
  sockets[0].hear({ type: "ready", ref: 1 });
  await settled();
  assert.deepEqual(
    sockets[0].sent.map(({ type, log }) => [type, log]),
    [
      ["begin", undefined],
      ["forget", undefined],
    ],
  );
  sockets[0].hear({ type: "forgotten", ref: 2, deleted: 3 });
  assert.equal(await deleted, 3);
  const lost = talk.forget();
  await settled();
  sockets[0].dispatchEvent(Object.assign(new Event("close"), { code: 1006 }));
  await assert.rejects(lost);
  const refused = talk.forget();
  await settled();
  sockets[1].open();
  sockets[1].hear({ type: "ready", ref: 4 });
  await settled();
  sockets[1].hear({ type: "error", ref: sockets[1].sent.at(-1).ref, code: "unavailable" });
  await assert.rejects(refused);
});
