/**
 * The wire client of one showtime: keeps a live copy of every seat's state and carries commands to the server.
 *
 * It speaks version 1 of the wire (see /asyncapi.json), as MessagePack or JSON, in browsers and in Node, and knows
 * nothing of the page. What it promises:
 * - `states` is either exactly the server's map of (`epoch`, `version`) or `status` is not "live";
 * - a command's promise settles with the server's own answer, also when the connection breaks in between: commands are
 *   sent again after a reconnect under the same hold id, which the server answers as it did before;
 * - what a command will change is marked in `pending` the moment it is made; a mark that does not come true is taken
 *   back with an event;
 * - reconnecting never hammers a server: full jitter, a back-off that only a stable connection resets, and whatever
 *   the server asked for in its `bye` and close code.
 *
 * Events: "status", "welcome", "change" (detail: changed seat indexes, or null for all), "holds", "expired" (detail:
 * {seats, areas, reason}), "booked" (detail: the message), "pending" (detail: seats whose mark changed), "rolledback"
 * (detail: {seats, error}).
 */

import { CODECS } from "./client/codec.js";

const ANSWER_MS = 10_000; // connecting, greeting and catching up each get this long
const BACK_OFF_FIRST_MS = 500;
const BACK_OFF_MOST_MS = 15_000;
const STABLE_MS = 10_000; // a connection that lived this long resets the back-off
const LATE_MS = 20_000; // seats asked for longer ago than this are not grabbed after a reconnect
const TICK_MS = 1_000; // longer than the server merges changes before it sends them
const MOST_ATTEMPTS = 5; // of one command that the server calls retryable
const BAD_TOKEN = 4001;

/**
 * A command that the server did not carry out. When it refused seats: `seats` is [[index, reason], …], `areas` is
 * [[area, reason, places left], …], `stranded` are seats that would be left over, `fix` a choice that would do.
 */
export class CommandError extends Error {
  constructor(code, message, { retryable = false, seats = [], areas = [], stranded = [], fix = [], facts = {} } = {}) {
    super(message);
    this.name = "CommandError";
    this.code = code;
    Object.assign(this, { retryable, seats, areas, stranded, fix, facts });
  }
}

/** A UUID v4, also on plain-http origins, where browsers leave out crypto.randomUUID. */
export function newHoldId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function holdOf({ seats, areas, lines, fees_minor, total_minor, currency, deadline_ms, stranded = [] }) {
  return { seats, areas, lines, fees_minor, total_minor, currency, stranded, deadlineMs: deadline_ms };
}

export class SeatMapClient extends EventTarget {
  /** What the map shows: one SeatState number per seat; null before the first snapshot. */
  states = null;
  epoch = "";
  version = 0;
  /** Free places of each general-admission area. */
  remaining = [];
  /**
   * Hold id → {seats, areas, lines, fees_minor, total_minor, currency, stranded, deadlineMs}: this user's holds, as
   * last told; the one that was made last is the last.
   */
  holds = new Map();
  /** Seat index → hold id, for every seat of these holds. */
  mine = new Map();
  /** Seat index → "holding" | "releasing": what commands that are not answered yet are to bring. */
  pending = new Map();
  /** The last `welcome`: user, scopes, limits, layout, sale times. */
  welcome = null;
  /** "connecting" | "live" | "waiting" (until `retryAtMs`, on performance.now()'s clock) | "stopped" (see `reason`). */
  status = "connecting";
  reason = "";
  retryAtMs = 0;

  #url;
  #token;
  #codec;
  #WebSocket;
  #socket = null;
  #sentToken = null;
  #refusedToken = null;
  #renewed = false;
  #greeted = false;
  #aim = null; // {epoch, version} to reach before the map is live again
  #bye = null;
  #patient = false; // the server asked us to stay away for a while
  #attempt = 0;
  #openedAt = 0;
  #helloAt = 0;
  #sentAt = 0;
  #clock = Date.now() - performance.now();
  #watchdog = 0;
  #timer = 0;
  #ref = 0;
  #elsewhere = false; // our holds were changed by another socket of ours
  #commands = new Map();

  /**
   * @param url address of the showtime's socket, ws: or wss:
   * @param options `token`: a string, or async (refused) => token, which gives a token other than `refused` and throws
   *   an Error with `permanent: true` when there is none to be had. `encoding`: "msgpack" or "json". `WebSocket`: the
   *   class to connect with, where there is no global one.
   */
  constructor(url, options = {}) {
    super();
    // The pages of before give only their token function, and their tests read JSON.
    const given = typeof options === "function" ? { token: options, encoding: "json" } : options;
    const { token, encoding = "msgpack", WebSocket = globalThis.WebSocket } = given;
    if (!Object.hasOwn(CODECS, encoding)) throw new TypeError(`expected the encoding msgpack or json, got ${encoding}`);
    this.#url = url;
    this.#token = typeof token === "function" ? token : async () => token;
    this.#codec = CODECS[encoding];
    this.#WebSocket = WebSocket;
    // Coming back from a tunnel or a sleeping laptop, nobody waits for the rest of a back-off.
    globalThis.addEventListener?.("online", () => this.#hurry());
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /** Connect, and stay connected until `close`. */
  connect() {
    this.#connect();
  }

  /** Leave for good: what is not answered yet is rejected with the code "closed". Holds stay until their deadline. */
  close() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#stop("closed", "closed");
  }

  /** The server's clock, in milliseconds since the epoch. */
  now() {
    return performance.now() + this.#clock;
  }

  /**
   * Hold all `seats` or none: resolves with `held`; a refusal rejects with CommandError "refused". `options` are the
   * other fields of the message: areas, tickets, wheelchairs, replaces, or_nearest.
   */
  hold(seats, options = {}) {
    return this.#command({ type: "hold", hold_id: newHoldId(), seats, ...options });
  }

  /** Let the server choose and hold; `wish` are the fields of the message: count or tickets, categories, … */
  best(wish) {
    return this.#command({ type: "best", hold_id: newHoldId(), ...wish });
  }

  /** What `best` would choose from, ranked: resolves with an array of offers. Holds nothing. */
  async offers(wish) {
    const { offers } = await this.#command({ type: "offers", ...wish });
    return offers;
  }

  release(holdId) {
    return this.#command({ type: "release", hold_id: holdId });
  }

  extend(holdId) {
    return this.#command({ type: "extend", hold_id: holdId });
  }

  /** Book a hold: at once, or (`payLater`) as a claim that a payment confirms. */
  book(holdId, { payLater = false } = {}) {
    return this.#command({ type: "book", hold_id: holdId, pay_later: payLater });
  }

  // ------------------------------------------------------------------ connection

  async #connect() {
    clearTimeout(this.#timer);
    this.#setStatus("connecting");
    try {
      this.#sentToken = await this.#token(this.#refusedToken);
    } catch (error) {
      return error.permanent ? this.#stop(error.message) : this.#wait(this.#backOff());
    }
    if (this.status !== "connecting") return undefined; // closed meanwhile
    const socket = new this.#WebSocket(this.#url, [this.#codec.subprotocol]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#expectWithin(ANSWER_MS);
    // Handlers of a socket that was given up stay silent.
    const ours = (handle) => (event) => socket === this.#socket && handle(event);
    socket.onopen = ours(() => {
      this.#openedAt = performance.now();
      this.#hello();
    });
    socket.onmessage = ours((event) => this.#receive(this.#codec.read(event.data)));
    socket.onclose = ours((event) => this.#lost(event.code, event.reason));
  }

  #hello() {
    this.#helloAt = performance.now();
    const resume = this.states && { epoch: this.epoch, version: this.version };
    this.#send({ type: "hello", token: this.#sentToken, ...(resume && { resume }) });
    this.#expectWithin(ANSWER_MS);
  }

  #send(message) {
    this.#sentAt = performance.now();
    this.#socket.send(this.#codec.write(message));
  }

  /** Give the connection up when nothing is heard for so long: a dead network sends no close. */
  #expectWithin(ms) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(0, "no answer"), ms);
  }

  #lost(code, reason) {
    const bye = this.#bye;
    const stable = this.#openedAt > 0 && performance.now() - this.#openedAt > STABLE_MS;
    this.#drop();
    this.#patient = bye?.reconnect_after_ms > 0 || (code >= 4100 && code < 4200);
    if (stable) this.#attempt = 0;
    if (code === BAD_TOKEN && !this.#renewed) {
      // One fresh token is worth a try: the server may have a new secret since this one was made.
      this.#renewed = true;
      this.#refusedToken = this.#sentToken;
      return this.#wait(this.#backOff());
    }
    if ((code >= 4000 && code < 4100) || bye?.reconnect_after_ms === -1) {
      return this.#stop(bye?.reason || reason || `closed with code ${code}`);
    }
    if (code >= 4200 && code < 4300) {
      this.#refusedToken = this.#sentToken;
      return this.#wait(stable ? 0 : this.#backOff());
    }
    // The server's wish is a floor; the jitter on top keeps a thousand viewers from coming back in one instant.
    this.#wait((bye?.reconnect_after_ms ?? 0) + this.#backOff());
  }

  #drop() {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#openedAt = 0;
    this.#greeted = false;
    this.#aim = null;
    this.#bye = null;
    for (const command of this.#commands.values()) command.sent = false;
  }

  #backOff() {
    const most = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.random() * most;
  }

  #wait(ms) {
    this.retryAtMs = performance.now() + ms;
    this.#setStatus("waiting");
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  #hurry() {
    if (this.status === "waiting" && !this.#patient) this.#connect();
  }

  #stop(reason, code = "stopped") {
    this.#setStatus("stopped", reason);
    for (const ref of [...this.#commands.keys()]) this.#fail(ref, new CommandError(code, reason));
  }

  #setStatus(status, reason = "") {
    this.status = status;
    this.reason = reason;
    this.#tell("status");
  }

  #tellHolds() {
    this.mine = new Map([...this.holds].flatMap(([id, hold]) => hold.seats.map((seat) => [seat, id])));
    this.#tell("holds");
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // ------------------------------------------------------------------ what the server says

  #receive(message) {
    this.#on[message.type]?.(message);
    if (!this.#socket || !this.welcome) return;
    const { heartbeat_ms } = this.welcome.limits;
    if (!this.#aim) this.#expectWithin(2 * heartbeat_ms + ANSWER_MS / 2);
    // Our own sign of life is sent when something arrives: unlike a timer, that also works in a background tab.
    if (this.#greeted && performance.now() - this.#sentAt > heartbeat_ms / 2) {
      this.#send({ type: "beat", ref: ++this.#ref, epoch: this.epoch, version: this.version });
    }
  }

  #on = {
    welcome: (message) => {
      this.#clock = message.server_ms - (this.#helloAt + performance.now()) / 2;
      this.welcome = message;
      this.#greeted = true;
      this.#adopt(message.holds);
      this.#aim = { epoch: message.epoch, version: message.version };
      this.#tell("welcome");
      for (const [ref, command] of this.#commands) this.#sendCommand(ref, command);
      this.#checkLive();
    },
    snapshot: ({ epoch, version, states, areas = [] }) => {
      if (epoch === this.epoch && version < this.version) return;
      this.states = Uint8Array.from(states, Number);
      this.remaining = areas;
      Object.assign(this, { epoch, version });
      this.#tell("change");
      this.#checkLive();
    },
    delta: ({ epoch, from, version, changes, areas = [] }) => {
      if (epoch !== this.epoch || from > this.version) return this.#resync();
      if (version <= this.version) return;
      for (const [seat, state] of changes) this.states[seat] = state;
      for (const [area, left] of areas) this.remaining[area] = left;
      this.version = version;
      this.#tell(
        "change",
        changes.map(([seat]) => seat),
      );
      this.#checkLive();
    },
    beat: ({ epoch, version }) => {
      const behind = () => epoch !== this.epoch || version > this.version;
      // A beat may overtake the deltas of its tick.
      if (behind()) setTimeout(() => behind() && this.#resync(), TICK_MS);
    },
    held: (message) => {
      // The hold that this one replaced is over; so are the seats that it had alone.
      const replaced = this.#commands.get(message.ref)?.message.replaces;
      if (replaced) this.holds.delete(replaced);
      this.holds.set(message.hold_id, holdOf(message));
      this.#tellHolds();
      this.#settle(message);
    },
    offered: (message) => this.#settle(message),
    refused: ({ ref, type, hold_id, ...why }) => {
      this.#fail(ref, new CommandError("refused", "these seats are not to be had", why));
    },
    released: (message) => {
      this.#remove(message.hold_id);
      this.#settle(message);
    },
    elsewhere: () => {
      // Another window of ours: the welcome has our holds as they are by now.
      this.#elsewhere = true;
      if (this.#greeted && !this.#aim) this.#hello();
    },
    expired: ({ hold_id, seats, areas, reason }) => {
      this.#remove(hold_id);
      this.#tell("expired", { seats, areas, reason });
    },
    booked: (message) => {
      this.#remove(message.booking_id);
      this.#settle(message);
      this.#tell("booked", message);
    },
    error: (message) => this.#failed(message),
    bye: (message) => {
      this.#bye = message;
    },
  };

  /** Ask for what was missed, once; the answer brings `#aim`. */
  #resync() {
    if (this.#aim || !this.#greeted) return;
    this.#aim = { epoch: "", version: 0 };
    this.#setStatus("connecting");
    this.#hello();
  }

  #checkLive() {
    const aim = this.#aim;
    if (!aim || aim.epoch !== this.epoch || this.version < aim.version) return;
    this.#aim = null;
    this.#renewed = false;
    this.#setStatus("live");
  }

  /** Take over the server's list of our holds; what is missing from it ended while we were away. */
  #adopt(holds) {
    const alive = new Set(holds.map((hold) => hold.hold_id));
    const asked = new Set([...this.#commands.values()].flatMap(({ message }) => [message.hold_id, message.replaces]));
    for (const [id, hold] of this.holds) {
      if (alive.has(id) || asked.has(id)) continue; // the answer to a command in flight will tell
      this.holds.delete(id);
      if (!this.#elsewhere) this.#tell("expired", { seats: hold.seats, areas: hold.areas, reason: "away" });
    }
    this.#elsewhere = false;
    for (const hold of holds) this.holds.set(hold.hold_id, holdOf(hold));
    this.#tellHolds();
  }

  #remove(holdId) {
    if (this.holds.delete(holdId)) this.#tellHolds();
  }

  // ------------------------------------------------------------------ commands

  #command(message) {
    if (this.status === "stopped") return Promise.reject(new CommandError("stopped", this.reason));
    return new Promise((resolve, reject) => {
      const marks = this.#marksOf(message);
      const command = { message, marks, resolve, reject, sent: false, attempts: 0, madeAt: performance.now() };
      this.#commands.set(++this.#ref, command);
      this.#showMarks(marks);
      this.#sendCommand(this.#ref, command);
    });
  }

  #sendCommand(ref, command) {
    if (!this.#greeted || command.sent) return;
    if (["hold", "best"].includes(command.message.type) && performance.now() - command.madeAt > LATE_MS) {
      return this.#fail(ref, new CommandError("late", "the connection was away for too long"));
    }
    command.sent = true;
    this.#send({ ...command.message, ref });
  }

  /** What a command is to bring: seat → "holding" | "releasing". Which seats `best` will find, nobody knows yet. */
  #marksOf({ type, seats = [], hold_id, replaces }) {
    const seatsOf = (id) => this.holds.get(id)?.seats ?? [];
    if (type === "release") return new Map(seatsOf(hold_id).map((seat) => [seat, "releasing"]));
    if (type !== "hold") return new Map();
    const givenBack = seatsOf(replaces).filter((seat) => !seats.includes(seat));
    const wanted = seats.filter((seat) => !this.mine.has(seat));
    return new Map([...givenBack.map((seat) => [seat, "releasing"]), ...wanted.map((seat) => [seat, "holding"])]);
  }

  /** Work `pending` out again after `marks` came or went: the youngest command says what becomes of a seat. */
  #showMarks(marks) {
    if (marks.size === 0) return;
    this.pending = new Map([...this.#commands.values()].flatMap((command) => [...command.marks]));
    this.#tell("pending", [...marks.keys()]);
  }

  #rollBack(seats, error) {
    if (seats.length > 0) this.#tell("rolledback", { seats, error });
  }

  #settle(message) {
    const command = this.#commands.get(message.ref);
    if (!command) return;
    this.#commands.delete(message.ref);
    this.#showMarks(command.marks);
    // With `or_nearest` the answer may be other seats than those wanted.
    const lost = [...command.marks].filter(([seat, mark]) => mark === "holding" && !message.seats?.includes(seat));
    const why = { seats: message.lost };
    this.#rollBack(
      lost.map(([seat]) => seat),
      new CommandError("moved", "others were faster: these are the nearest seats", why),
    );
    command.resolve(message);
  }

  #fail(ref, error) {
    const command = this.#commands.get(ref);
    if (!command) return;
    this.#commands.delete(ref);
    this.#showMarks(command.marks);
    this.#rollBack([...command.marks.keys()], error);
    command.reject(error);
  }

  #failed({ ref, code, message, retryable, facts }) {
    const command = this.#commands.get(ref);
    if (!command) return;
    const { type, hold_id, replaces } = command.message;
    if (retryable && ++command.attempts < MOST_ATTEMPTS) {
      // Safe to repeat: the hold id makes it the same command.
      command.sent = false;
      setTimeout(() => this.#sendCommand(ref, command), Math.random() * BACK_OFF_FIRST_MS * 2 ** command.attempts);
      return;
    }
    if (code === "hold_gone") {
      this.#remove(facts.hold_id);
      if (type === "release") return this.#settle({ ref, hold_id, seats: [] }); // gone is what was asked for
      // What took its place, perhaps in another window of this user, only the server can tell.
      if (replaces) this.#resync();
    }
    this.#fail(ref, new CommandError(code, message, { retryable, facts }));
  }
}
