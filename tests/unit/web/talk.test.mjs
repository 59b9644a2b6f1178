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
