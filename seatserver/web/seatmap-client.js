/**
 * The wire client of one showtime: keeps a live copy of every seat's state and carries commands to the server.
 *
 *     const client = new SeatMapClient("wss://seats.example/ws/showtimes/tonight", { token });
 *     client.addEventListener("change", ({ detail: seats }) => repaint(seats ?? "all"));
 *     client.connect();
 *     const held = await client.best({ count: 2 });
 *
 * It speaks version 1 of the wire (see /asyncapi.json), as MessagePack or JSON, in browsers and in Node 22 or newer,
 * and knows nothing of the page. What it promises:
 * - `states` is either exactly the server's map of (`epoch`, `version`) or `status` is not "live";
 * - a command's promise settles with the server's own answer, also when the connection breaks in between: commands are
 *   sent again after a reconnect under the same hold id, which the server answers as it did before;
 * - what a command will change is marked in `pending` the moment it is made; a mark that does not come true is taken
 *   back with an event;
 * - reconnecting never hammers a server: full jitter, a back-off that only a stable connection resets, and whatever
 *   the server asked for in its `bye` and close code;
 * - a message that is not as the contract says ends the connection and is followed by a fresh snapshot.
 *
 * Events: "status", "welcome", "change" (detail: changed seat indexes, or null for all), "holds", "expired" (detail:
 * {seats, areas, reason}), "bookings" (`bookings` changed), "booked" (detail: the message), "pending" (detail: seats
 * whose mark changed), "rolledback" (detail: {seats, error}).
 */

import { ServerClock } from "./seat-map/client/clock.js";
import { CODECS } from "./seat-map/client/codec.js";
import { Commands, newHoldId } from "./seat-map/client/commands.js";
import { Connection } from "./seat-map/client/connection.js";
import { COMMANDS } from "./seat-map/client/contract.js";
import { CommandError, expect } from "./seat-map/client/errors.js";
import { Holds } from "./seat-map/client/holds.js";
import { Room } from "./seat-map/client/room.js";
import { TIMES } from "./seat-map/client/times.js";
import { tokensOf } from "./seat-map/client/tokens.js";

/** @import { Frame, Message } from "./seat-map/client/codec.js" */
/** @import { Owner } from "./seat-map/client/connection.js" */
/** @import { ClientOptions, HoldOptions, Mark, OwnBooking, Welcome, Wish } from "./seatmap-client.js" */

export { CommandError, newHoldId, TIMES };

/** The statuses of a booking that has not ended, and of one that has. */
const ALIVE = ["pending", "confirmed"];
const ENDED = ["cancelled", "expired"];
/** The types of message that may answer a command. */
const ANSWERS = new Set(Object.values(COMMANDS).flatMap(({ answers }) => answers));
const FRESH_MS = 1_000; // a server that was heard so lately is there

export class SeatMapClient extends EventTarget {
  /** Seat index → "holding" | "releasing": what commands that are not answered yet are to bring. */
  pending = /** @type {Map<number, Mark>} */ (new Map());
  /**
   * Booking id → {booking_id, reference, status, seats, areas, lines, fees_minor, total_minor, currency,
   * currency_digits, expires_at_ms, ticket_url}: this user's bookings here that have not ended, as last told; at most
   * the 20 newest when it connects.
   */
  bookings = /** @type {Map<string, OwnBooking>} */ (new Map());
  /** The last `welcome`: user, scopes, limits, layout, sale times. */
  welcome = /** @type {Welcome | null} */ (null);
  /** "connecting" | "live" | "waiting" (until `retryAtMs`, on performance.now()'s clock) | "stopped". */
  status = "connecting";
  /** Why it is not live, in words; "" when there is nothing to say. */
  reason = "";
  /** The close code with which the server stopped it; 4001 also without a token, 4003 for pages of other origins, or 0. */
  closeCode = 0;
  /** What stopped it: "server", "token", "socket" (none can be made) or "page" (by `close`); "" while nothing did. */
  stoppedBy = "";
  retryAtMs = 0;

  #room = new Room();
  #holds = new Holds();
  #clock = new ServerClock();
  #times;
  #write;
  #connection;
  #commands;
  #greeted = false;
  /** What to reach before the map is live again. @type {{ epoch: string, version: number } | null} */
  #aim = null;
  #hello = { ref: -1, atMs: 0, answered: true, again: false };
  #beat = { ref: -1, atMs: 0 }; // not 0: that is the ref of what the server says unasked
  #probing = false; // asked whether the server is there, and has not heard anything since
  #elsewhere = false; // our holds were changed by something that will not be told here
  #behind = 0;

  /**
   * @param {string | URL} url address of the showtime's socket: ws:, wss:, http: or https:
   * @param {ClientOptions} options `token`: a string, or async (refused) => token, which gives a token other than `refused` and throws
   *   an Error with `permanent: true` when there is none to be had. `encoding`: "msgpack" or "json". `WebSocket`: the
   *   class to connect with, where there is no global one. `times`: see seat-map/client/times.js.
   */
  constructor(url, options = {}) {
    super();
    const { token, encoding = "msgpack", WebSocket = globalThis.WebSocket, times = {} } = options;
    if (!Object.hasOwn(CODECS, encoding)) throw new TypeError(`expected the encoding msgpack or json, got ${encoding}`);
    if (typeof WebSocket !== "function") {
      throw new TypeError(
        "this runtime has no WebSocket: expected Node 22 or newer, or a class of your own as the option WebSocket " +
          "(such as that of the npm package ws)",
      );
    }
    const codec = CODECS[encoding];
    this.#times = { ...TIMES, ...times };
    this.#write = codec.write;
    this.#connection = new Connection({
      address: String(url).replace(/^http/, "ws"),
      tokens: tokensOf(token),
      codec,
      WebSocket,
      times: this.#times,
      owner: this.#owner,
    });
    this.#commands = new Commands({
      write: codec.write,
      send: (frame) => this.#sendCommand(frame),
      mostBytes: () => this.welcome?.limits.message_bytes ?? Infinity,
      times: this.#times,
      onSilence: () => this.#connection.giveUp("a command is not answered"),
      onMarks: (...marks) => this.#showMarks(...marks),
      onFailure: (message) => this.#endDoubtful(message),
    });
  }

  /** What the map shows: one SeatState number per seat; null before the first snapshot. */
  get states() {
    return this.#room.states;
  }

  get epoch() {
    return this.#room.epoch;
  }

  get version() {
    return this.#room.version;
  }

  /** Free places of each general-admission area. */
  get remaining() {
    return this.#room.remaining;
  }

  /**
   * Hold id → {seats, areas, lines, fees_minor, total_minor, currency, currency_digits, wheelchairs, stranded,
   * deadlineMs …}: this user's holds, as last told; the one that was made last is the last.
   */
  get holds() {
    return this.#holds.byId;
  }

  /** Seat index → hold id, for every seat of these holds. */
  get mine() {
    return this.#holds.ofSeats;
  }

  /** The server's clock, in milliseconds since the epoch. */
  now() {
    return this.#clock.now();
  }

  /** Connect, and stay connected until `close`. Restarts a stopped client. */
  connect() {
    this.#connection.open();
  }

  /** Leave for good: what is not answered yet is rejected with the code "closed". Holds stay until their deadline. */
  close() {
    this.#connection.close();
    this.#end("closed", "closed", 0, "page");
  }

  /**
   * Hold all `seats` or none: resolves with `held`; a refusal rejects with CommandError "refused". `options` are the
   * other fields of the message: areas, tickets, wheelchairs, replaces, or_nearest.
   * @param {number[]} seats
   * @param {HoldOptions} options
   */
  hold(seats, options = {}) {
    return this.#command({ type: "hold", hold_id: newHoldId(), seats: [...seats], ...options });
  }

  /**
   * Let the server choose and hold; `wish` are the fields of the message: count or tickets, categories, …
   * @param {Wish & { replaces?: string | null }} wish
   */
  best(wish) {
    return this.#command({ type: "best", hold_id: newHoldId(), ...wish });
  }

  /**
   * What `best` would choose from, ranked: resolves with an array of offers. Holds nothing.
   * @param {Wish & { limit?: number }} wish
   */
  async offers(wish) {
    const { offers } = await this.#command({ type: "offers", ...wish });
    return offers;
  }

  /**
   * Give a hold back: all of it, or only `seats`, as far as the rest may stand by itself.
   * @param {string} holdId
   * @param {number[]} [seats]
   */
  release(holdId, seats) {
    return this.#command({ type: "release", hold_id: holdId, seats: seats && [...seats] });
  }

  /**
   * Ask for more time: resolves with `held`.
   * @param {string} holdId
   */
  extend(holdId) {
    return this.#command({ type: "extend", hold_id: holdId });
  }

  /**
   * Book a hold: at once, or (`payLater`) as a claim that a payment confirms.
   * @param {string} holdId
   */
  book(holdId, { payLater = false } = {}) {
    return this.#command({ type: "book", hold_id: holdId, pay_later: payLater });
  }

  /**
   * A booking was cancelled over REST: it goes from `bookings` before the server says so here.
   * @param {string} id
   */
  forgetBooking(id) {
    if (this.bookings.delete(id)) this.#tell("bookings");
  }

  // ------------------------------------------------------------------ connection

  /** @type {Owner} */
  #owner = {
    connecting: () => {
      this.closeCode = 0;
      this.stoppedBy = "";
      this.#setStatus("connecting");
    },
    opened: (token) => this.#greet({ token }),
    received: (message) => this.#receive(message),
    offended: () => this.#room.doubt(),
    dropped: () => this.#reset(),
    waiting: (reason, atMs) => {
      this.retryAtMs = atMs;
      this.#setStatus("waiting", reason);
    },
    stopped: (reason, code, by) => this.#end(reason, "stopped", code, by),
    wake: () => this.#probe(),
  };

  /** See whether the server is still there: a socket can stay open long after its network is gone. */
  #probe() {
    if (this.status !== "live" || this.#probing) return;
    this.#probing = true;
    this.#say();
    // All is answered in turn, and a command or a hello that takes its time may be before us.
    const { answerMs, probeMs } = this.#times;
    const isBehind = this.#commands.areSent || !this.#hello.answered || this.#aim !== null;
    this.#connection.expectSooner(isBehind ? Math.max(answerMs, probeMs) : probeMs);
  }

  /**
   * Send it if possible; return whether it was. After a silence, also check that the connection is alive.
   * @param {Frame} frame
   */
  #sendCommand(frame) {
    if (!this.#greeted) return false;
    if (Math.abs(Date.now() - this.#connection.heardAtMs) > FRESH_MS && !this.#commands.areSent) this.#probe();
    return this.#connection.send(frame);
  }

  #greet(more = {}) {
    this.#hello = { ref: this.#commands.nextRef(), atMs: performance.now(), answered: false, again: false };
    const resume = this.#room.resume ?? undefined;
    this.#connection.send(this.#write({ type: "hello", ref: this.#hello.ref, ...more, resume }));
    this.#connection.expectWithin(this.#times.answerMs);
  }

  /** A sign of life; the answer tells the server's time and version. */
  #say() {
    const { epoch, version } = this.#room;
    this.#beat = { ref: this.#commands.nextRef(), atMs: performance.now() };
    this.#connection.send(this.#write({ type: "beat", ref: this.#beat.ref, epoch, version }));
  }

  #reset() {
    clearTimeout(this.#behind);
    this.#greeted = this.#probing = false;
    this.#aim = null;
    this.#commands.connectionLost();
  }

  /**
   * @param {string} reason
   * @param {string} code
   * @param {number} closeCode
   * @param {string} by
   */
  #end(reason, code, closeCode, by) {
    this.closeCode = closeCode;
    this.stoppedBy = by;
    this.#setStatus("stopped", reason);
    this.#commands.failAll(code, reason);
  }

  /** @param {string} status */
  #setStatus(status, reason = "") {
    this.status = status;
    this.reason = reason;
    this.#tell("status");
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // ------------------------------------------------------------------ what the server says

  /** @param {Message} message */
  #receive(message) {
    this.#probing = false;
    if (Object.hasOwn(this.#on, message.type)) this.#on[message.type](message);
    else if (ANSWERS.has(message.type)) this.#commands.settle(message);
    // And nothing else: a newer server may say what this client does not know.
    if (!this.#greeted) return;
    const { heartbeat_ms } = /** @type {Welcome} */ (this.welcome).limits;
    if (!this.#aim && this.#hello.answered) this.#connection.expectWithin(2 * heartbeat_ms + this.#times.answerMs / 2);
    // Our own sign of life is sent when something arrives: unlike a timer, that also works in a background tab.
    if (performance.now() - this.#connection.sentAtMs > heartbeat_ms / 2) this.#say();
  }

  /** By the type of a message. @type {Record<string, (message: any) => void>} */
  #on = {
    welcome: (/** @type {Welcome} */ message) => {
      const { epoch, version, holds, bookings = null, limits, server_ms, ref } = message;
      expect(limits?.heartbeat_ms > 0 && Number.isFinite(server_ms), "a welcome without limits or time");
      expect(typeof epoch === "string" && Number.isSafeInteger(version), "a welcome without epoch and version");
      expect(bookings === null || Array.isArray(bookings), "a welcome with bookings that are no list");
      if (ref !== this.#hello.ref) return; // another one is under way
      const { again, atMs } = this.#hello;
      const ended = this.#holds.adopt(holds, this.#commands.holdIds);
      this.#clock.learn(server_ms, atMs);
      this.#hello.answered = true;
      const isAnother = this.welcome !== null && this.welcome.user !== message.user;
      this.welcome = message;
      this.#greeted = true;
      this.#aim = { epoch, version };
      // Null: they could not be read, so the last known ones stay, unless the user is another one.
      if (bookings || isAnother) this.bookings = new Map((bookings ?? []).map((one) => [one.booking_id, one]));
      this.#tell("holds");
      this.#tell("bookings");
      if (!this.#elsewhere) for (const hold of ended) this.#tell("expired", { ...hold, reason: "away" });
      this.#elsewhere = again;
      this.#tell("welcome");
      this.#commands.sendAll();
      this.#checkLive();
      if (again && this.#greeted) this.#greet();
    },
    snapshot: (message) => {
      if (this.#room.reset(message)) this.#tell("change");
      this.#checkLive();
    },
    delta: (message) => {
      const outcome = this.#room.apply(message);
      if (outcome === "gap") this.#resync();
      if (outcome !== "applied") return;
      const seats = message.changes.map((/** @type {[seat: number, state: number]} */ [seat]) => seat);
      this.#tell("change", seats);
      this.#checkLive();
    },
    beat: ({ ref, epoch, version, server_ms }) => {
      if (ref === this.#beat.ref && Number.isFinite(server_ms)) this.#clock.learn(server_ms, this.#beat.atMs);
      const behind = () => !this.#room.has({ epoch, version });
      // A beat may overtake the deltas of its tick.
      clearTimeout(this.#behind);
      if (behind()) this.#behind = setTimeout(() => behind() && this.#resync(), this.#times.tickMs);
    },
    held: (message) => {
      // The hold that this one replaced is over; so are the seats that it had alone.
      const asked = this.#commands.messageOf(message.ref);
      this.#holds.put(message, { replaces: asked?.replaces, wheelchairs: asked?.wheelchairs });
      this.#commands.settle(message);
      this.#tell("holds");
    },
    offered: (message) => {
      expect(Array.isArray(message.offers), "an answer without offers");
      this.#commands.settle(message);
    },
    refused: ({ ref, type, hold_id, ...why }) => {
      expect(Array.isArray(why.seats), "a refusal without seats");
      this.#commands.fail(ref, new CommandError("refused", "these seats are not available", why));
    },
    released: (message) => {
      expect(Array.isArray(message.seats), "a release without seats");
      const left = this.#holds.cut(message);
      this.#commands.settle(message);
      this.#tell("holds");
      if (left) this.#learnHolds(); // what the rest costs, only the server can tell
    },
    elsewhere: () => this.#learnHolds(),
    expired: ({ hold_id, seats, areas = [], reason }) => {
      expect(Array.isArray(seats), "an ended hold without seats");
      this.#remove(hold_id);
      this.#tell("expired", { seats, areas, reason });
    },
    booked: (message) => {
      expect(typeof message.booking_id === "string", "a booking without an id");
      this.#remove(message.booking_id);
      const { type: _, ref: __, ...booking } = message;
      // An unknown status of a newer server is ignored: the last known one stays.
      if (ALIVE.includes(message.status)) this.bookings.set(message.booking_id, booking);
      else if (ENDED.includes(message.status)) this.bookings.delete(message.booking_id);
      this.#commands.settle(message);
      this.#tell("booked", message);
      this.#tell("bookings");
    },
    error: (message) => this.#failed(message),
    bye: (message) => this.#connection.announceEnd(message),
  };

  /** @param {Message} message */
  #failed({ ref, code, message: text, retryable, facts = {} }) {
    if (ref === this.#hello.ref && this.#greeted) return this.#connection.giveUp(text);
    const asked = this.#commands.messageOf(ref);
    if (!asked) return;
    const { type, hold_id, replaces } = asked;
    const error = new CommandError(code, text, { retryable, facts });
    if (retryable) return this.#commands.tryAgain(ref, error);
    if (code === "hold_gone") {
      this.#remove(facts.hold_id);
      if (type === "release") return this.#commands.settle({ type: "released", ref, hold_id, seats: [] }); // gone is what was asked for
      // What took its place, perhaps in another window of this user, only the server can tell.
      if (replaces) this.#learnHolds();
    }
    this.#commands.fail(ref, error);
  }

  /** Our holds changed in a way that only a welcome tells. */
  #learnHolds() {
    this.#elsewhere = true;
    // The one under way may know nothing of it.
    if (!this.#hello.answered) this.#hello.again = true;
    else if (this.#greeted) this.#greet();
  }

  /** Ask for what was missed, once; the answer brings `#aim`. */
  #resync() {
    if (!this.#greeted || this.#aim || !this.#hello.answered) return;
    this.#aim = { epoch: "", version: Infinity };
    this.#setStatus("connecting");
    this.#greet();
  }

  #checkLive() {
    if (!this.#aim || !this.#room.has(this.#aim)) return;
    this.#aim = null;
    this.#connection.isLive();
    if (this.status !== "live") this.#setStatus("live");
  }

  /**
   * The answer that was to tell what became of a hold will not come; a booking's may come true all the same.
   * @param {Message} message
   */
  #endDoubtful({ type }) {
    const before = this.#holds.byId.size;
    const ended = this.#holds.endDoubtful(this.#commands.holdIds);
    if (this.#holds.byId.size === before) return;
    this.#tell("holds");
    if (type !== "book") for (const hold of ended) this.#tell("expired", { ...hold, reason: "away" });
  }

  /** @param {string} holdId */
  #remove(holdId) {
    if (this.#holds.remove(holdId)) this.#tell("holds");
  }

  // ------------------------------------------------------------------ commands

  /** @param {Message} message */
  #command(message) {
    if (this.status === "stopped") return Promise.reject(new CommandError("stopped", this.reason));
    return this.#commands.make(message, this.#holds.marksOf(message, this.pending));
  }

  /**
   * Work `pending` out again after marks came or went; those of `seats` in `lost` came to nothing, for `error`.
   * @param {number[]} seats
   * @param {CommandError | null} error
   */
  #showMarks(seats, error, lost = new Set(seats)) {
    if (seats.length === 0) return;
    this.pending = this.#commands.marks;
    this.#tell("pending", seats);
    if (error) this.#tell("rolledback", { seats: [...lost], error });
  }
}
