// A rush of the seat server for k6, made by `python -m loadtests export`. Made anew, it loses your changes.
//
//     k6 run -e TARGET=http://127.0.0.1:8000 -e SECRET=… -e SHOWTIMES=… k6.js
//
// SECRET is what the server's tokens are signed with, SHOWTIMES comes from `python -m loadtests stage SCENARIO`. Every
// person of the schedule is one virtual user with one socket, who comes at their moment and stays until the end. The
// thresholds fail if anybody got no socket, if a command failed, or if one was not answered.

import crypto from "k6/crypto";
import encoding from "k6/encoding";
import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { clearTimeout, setTimeout } from "k6/timers";
import { WebSocket } from "k6/websockets";

const PLAN = JSON.parse("__PLAN__");
const PEOPLE = PLAN.people;
const SHOWTIMES = (__ENV.SHOWTIMES || "").split(",");
const ANSWER_MS = 30000;
const NOT_ERRORS = ["no_seats_together", "busy"];
const RUN = __ENV.RUN || `${Date.now() % 1000000}`;

const opened = new Counter("sockets_opened");
const failed = new Counter("commands_failed");
const booked = new Counter("bookings");
const waited = { join: new Trend("join_ms", true), hold: new Trend("hold_ms", true), book: new Trend("book_ms", true) };

export const options = {
  scenarios: {
    rush: {
      executor: "per-vu-iterations",
      vus: PEOPLE.length,
      iterations: 1,
      maxDuration: `${Math.ceil(PLAN.seconds) + 60}s`,
    },
  },
  thresholds: { sockets_opened: [`count>=${PEOPLE.length}`], commands_failed: ["count<1"] },
};

function token(user) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: __ENV.ISSUER || "seatserver",
    aud: __ENV.AUDIENCE || "seatserver",
    sub: user,
    iat: now,
    exp: now + 4 * 3600,
    scope: "watch hold book",
  };
  const part = (value) => encoding.b64encode(JSON.stringify(value), "rawurl");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${crypto.hmac("sha256", __ENV.SECRET, signed, "base64rawurl")}`;
}

function uuid() {
  const bytes = [...new Uint8Array(crypto.randomBytes(16))];
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export default function rush() {
  const number = exec.vu.idInTest - 1;
  const person = PEOPLE[number];
  const closes = Date.now() + PLAN.seconds * 1000;
  setTimeout(() => evening(number, person, closes), person.arrives * 1000);
}

function evening(number, person, closes) {
  const began = Date.now();
  const showtime = SHOWTIMES[person.showtime % SHOWTIMES.length];
  const socket = new WebSocket(`ws${__ENV.TARGET.slice(4)}/ws/showtimes/${showtime}`, ["seatmap.v1+json"]);
  const answers = new Map();
  let states = null;
  let ref = 1;
  let thought = 0;

  const say = (message) => socket.send(JSON.stringify(message));
  const think = () => pause(person.thinks[thought++ % person.thinks.length] * 1000);

  const ask = (verb, message) =>
    new Promise((done) => {
      const mine = ++ref;
      const sent = Date.now();
      const given_up = setTimeout(() => {
        answers.delete(mine);
        failed.add(1);
        done({ type: "nothing" });
      }, ANSWER_MS);
      answers.set(mine, (answer) => {
        clearTimeout(given_up);
        waited[verb].add(Date.now() - sent);
        if (answer.type === "error" && !NOT_ERRORS.includes(answer.code)) failed.add(1);
        done(answer);
      });
      say({ ...message, ref: mine });
    });

  const choose = () => {
    const free = [];
    states.forEach((state, seat) => {
      if (state === 0) free.push(seat);
    });
    if (free.length === 0) return [];
    const seats = [free[Math.floor(Math.random() * free.length)]];
    while (seats.length < person.party && states[seats[seats.length - 1] + 1] === 0)
      seats.push(seats[seats.length - 1] + 1);
    return seats;
  };

  const get_seats = async () => {
    for (let turn = 0; turn < PLAN.tries && Date.now() < closes; turn++) {
      await think();
      const hold_id = uuid();
      let message;
      if (person.kind === "best" || person.kind === "family")
        message = { type: "best", hold_id, count: person.party, wheelchairs: person.kind === "family" ? 1 : 0 };
      else message = { type: "hold", hold_id, seats: choose() };
      if (message.seats?.length === 0) return null;
      if ((await ask("hold", message)).type === "held") return hold_id;
    }
    return null;
  };

  const buy = async () => {
    const hold_id = await get_seats();
    if (hold_id === null || person.kind === "bot") return;
    await think();
    if (person.ends === "give_back") await ask("hold", { type: "release", hold_id });
    if (person.ends === "book" && (await ask("book", { type: "book", hold_id })).type === "booked") booked.add(1);
  };

  const live = async () => {
    if (person.kind !== "look" && person.kind !== "slow") await buy();
    await pause(Math.max(0, closes - Date.now()));
    socket.close();
  };

  socket.addEventListener("open", () => say({ type: "hello", ref: 1, token: token(`k6-${RUN}-${number}`) }));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "snapshot") {
      const first = states === null;
      states = [...message.states].map(Number);
      if (!first) return;
      opened.add(1);
      waited.join.add(Date.now() - began);
      live();
    } else if (message.type === "delta") {
      for (const [seat, state] of message.changes) states[seat] = state;
    } else if (answers.has(message.ref)) {
      const answer = answers.get(message.ref);
      answers.delete(message.ref);
      answer(message);
    }
  });
}
