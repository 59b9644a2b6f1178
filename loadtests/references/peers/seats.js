// What the three peers share: who holds a seat, in Redis, and the line that says where a peer serves.
//
// It is the usual design, done well: one script a verb, a key a seat that ends by itself, and changes published, so
// that any number of processes could serve a room. Where a framework publishes, as Socket.IO's adapter does, the scripts
// do not. There are no tokens, no versions, no retries that are safe, and
// nobody is told when a hold ends by itself.

import { Redis } from "ioredis";

const HOLD_MS = 300_000;
const CHANNEL = "peer-updates:";
const FREE = 0;
const HELD = 1;

/** All of these keys or none. */
const HOLD = `
if redis.call("EXISTS", unpack(KEYS)) > 0 then return 0 end
for at = 1, #KEYS do redis.call("SET", KEYS[at], ARGV[1], "PX", ARGV[2]) end
if ARGV[3] ~= "" then redis.call("PUBLISH", ARGV[3], ARGV[4]) end
return 1
`;

/** All of these keys, if each is the user's. */
const RELEASE = `
local owners = redis.call("MGET", unpack(KEYS))
for at = 1, #KEYS do if owners[at] ~= ARGV[1] then return 0 end end
redis.call("DEL", unpack(KEYS))
if ARGV[2] ~= "" then redis.call("PUBLISH", ARGV[2], ARGV[3]) end
return 1
`;

/**
 * The seats of all rooms. `changed(room, update)` is called for every change: whichever process made it, if we `listen`;
 * else only for those of this process, and a framework tells the others.
 */
export class Seats {
  #redis;
  #changed;
  #listens = false;

  constructor(url, changed) {
    this.#changed = changed;
    // Commands of one turn of the event loop travel together.
    this.#redis = new Redis(url, { enableAutoPipelining: true });
    this.#redis.defineCommand("holdSeats", { lua: HOLD });
    this.#redis.defineCommand("releaseSeats", { lua: RELEASE });
  }

  /** Begin to follow the changes. */
  async listen() {
    this.#listens = true;
    const listener = this.#redis.duplicate({ enableAutoPipelining: false });
    listener.on("pmessage", (_pattern, channel, update) => this.#changed(channel.slice(CHANNEL.length), update));
    await listener.psubscribe(`${CHANNEL}*`);
  }

  /** Whether all these seats are the user's now. */
  async hold(room, user, seats) {
    const keys = keysOf(room, seats);
    const update = updateOf(seats, HELD);
    const channel = this.#channel(room);
    return this.#told(room, update, await this.#redis.holdSeats(keys.length, ...keys, user, HOLD_MS, channel, update));
  }

  /** Whether all these seats were the user's and are free now. */
  async release(room, user, seats) {
    const keys = keysOf(room, seats);
    const update = updateOf(seats, FREE);
    const channel = this.#channel(room);
    return this.#told(room, update, await this.#redis.releaseSeats(keys.length, ...keys, user, channel, update));
  }

  #channel(room) {
    return this.#listens ? CHANNEL + room : "";
  }

  #told(room, update, done) {
    if (done === 1 && !this.#listens) this.#changed(room, update);
    return done === 1;
  }

  /** The answer to a message, which is JSON without a framework of its own. */
  async answer(room, user, { type, ref, seats }) {
    if (type === "hold") {
      return { type: (await this.hold(room, user, seats)) ? "held" : "refused", ref, seats };
    }
    return { type: (await this.release(room, user, seats)) ? "released" : "refused", ref, seats };
  }
}

/** What the parent process waits for. */
export function announce(port) {
  console.log(JSON.stringify({ event: "serving", url: `http://127.0.0.1:${port}` }));
}

/** The room and the user that a URL names: `/ws/ROOM?user=USER`. */
export function whoAndWhere(url) {
  const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
  return { room: pathname.slice("/ws/".length), user: searchParams.get("user") };
}

function keysOf(room, seats) {
  return seats.map((seat) => `peer:${room}:${seat}`);
}

function updateOf(seats, state) {
  return JSON.stringify({ type: "update", changes: seats.map((seat) => [seat, state]) });
}
