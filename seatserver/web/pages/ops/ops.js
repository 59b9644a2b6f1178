/**
 * The operators' live view. It requests `/api/v1/admin/house` every two seconds and shows the answer, the last minutes
 * of each figure, which are kept here, and the chosen hall. Without an operator's token it shows nothing.
 *
 * The token comes from the session of who signed in at `/sign-in`, from the form, or from the address (`#token=…`, which
 * is removed from it at once). One that was given is kept until the window closes. When the server does not answer, the figures on screen are marked as outdated.
 */

import { byId, element, fetchJson, recall, remember } from "../shared/page.js";
import { Asking } from "./asking.js";
import { Hall } from "./hall.js";
import { Kiosks } from "./kiosks.js";
import { Poll, askAs } from "./poll.js";
import { Session } from "./session.js";
import { Spark } from "./spark.js";
import { Showtimes, showPushing, showReasons, showServers } from "./tables.js";
import { alertsOf, count, duration, placesOf, plural } from "./words.js";

const KEY = "seatserver.operator";
const HOUSE = "/api/v1/admin/house";

const rate = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/**
 * What each figure is called, what it shows, what stands below it, and the number for its line.
 * @type {[name: string, value: (h: any) => string, note: (h: any) => string, number: (h: any) => number][]}
 */
const FIGURES = [
  ["Visitors", (h) => count(h.viewers), (h) => `in ${plural(h.rooms, "hall")}`, (h) => h.viewers],
  ["Holds per second", (h) => rate.format(h.holds_per_s), () => "seats put into baskets", (h) => h.holds_per_s],
  ["Seats refused", (h) => count(refused(h)), () => "in the last minute", refused],
  ["Bookings", (h) => count(booked(h)), () => "in the last minute", booked],
  ["Update latency", (h) => duration(h.propagation.most_ms), newsNote, (h) => h.propagation.most_ms],
  ["Expiry delay", (h) => duration(h.expiry.most_ms), expiryNote, (h) => h.expiry.most_ms],
];

function refused({ refusals }) {
  return Object.values(refusals).reduce((sum, times) => sum + times, 0);
}

function booked({ bookings }) {
  return (bookings.confirmed ?? 0) + (bookings.pending ?? 0);
}

function newsNote({ propagation }) {
  return propagation.count > 0 ? "or less for 95 % of changes" : "no changes just now";
}

function expiryNote({ expiry }) {
  return expiry.count > 0 ? "from a hold’s deadline to its release" : "no hold expired just now";
}

const field = /** @type {HTMLInputElement} */ (byId("token"));

class LiveView {
  /** @type {string | null} */
  #token = null;
  #figures = [];
  #showtimes = new Showtimes(/** @type {HTMLTableElement} */ (byId("showtimes")));
  #hall = new Hall(byId("hall-picture"));
  #kiosks = new Kiosks(() => this.#token);
  #asking = new Asking(() => this.#token);
  #session = new Session(
    (token) => this.#renew(token),
    () => this.#leave("Your session has ended. Please sign in again."),
  );
  #layouts = new Map();
  #shown = ""; // the showtime whose hall is shown
  #chosen = ""; // by the operator; while it has no viewers, another one is shown
  /** @type {any} */
  #house = null;
  /** @type {Date | undefined} */
  #heardAt;
  #isRefused = false; // though the session goes on
  #poll = new Poll(
    () => this.#ask(),
    (answer) => this.#show(answer),
    (error) => this.#fail(error),
  );

  constructor() {
    byId("door").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter(field.value.trim());
    });
    byId("leave").addEventListener("click", () => void this.#signOut());
    window.addEventListener("hashchange", () => location.hash.length > 1 && this.open());
    this.#showtimes.addEventListener("pick", (event) => this.#pick(/** @type {CustomEvent} */ (event).detail.showtime));
    for (const [name] of FIGURES) {
      const spark = new Spark();
      const value = element("dd", { className: "value", textContent: "–" });
      const note = element("dd", { className: "quiet note" });
      const line = element("dd", { className: "spark", ariaHidden: "true" }, spark.element);
      byId("figures").append(element("div", {}, element("dt", { textContent: name }), value, note, line));
      this.#figures.push({ spark, value, note });
    }
  }

  open() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const given = asked.get("token");
    this.#kiosks.prepare(asked.get("kiosk"));
    if (given) history.replaceState(null, "", location.pathname + location.search);
    const token = given ?? recall(KEY);
    if (given) this.#session.stop();
    if (token) this.#enter(token);
    else void this.#comeIn();
  }

  /** Enter as whoever is signed in; otherwise show the door. */
  async #comeIn() {
    const token = await this.#session.open();
    byId("offer").hidden = !this.#session.isOffered;
    if (this.#token !== null) return; // one was given meanwhile
    if (token) this.#enter(token);
    else this.#leave("");
  }

  #renew(token) {
    this.#token = token;
  }

  async #signOut() {
    if (!this.#session.isOpen) {
      this.#leave("");
      return;
    }
    try {
      await this.#session.close();
      this.#leave("");
    } catch {
      this.#leave("The server does not answer, so you may still be signed in. Please try again.");
    }
  }

  #enter(token) {
    this.#token = token;
    byId("refused").hidden = true;
    this.#say("Asking the server …", "asking");
    this.#poll.start();
  }

  /** Back to the door; `why` says what was wrong with the token. */
  #leave(why) {
    this.#poll.stop();
    this.#session.stop();
    this.#asking.close();
    this.#token = null;
    this.#house = null;
    remember(KEY, null);
    byId("live").hidden = byId("leave").hidden = true;
    byId("door").hidden = false;
    byId("refused").hidden = why === "";
    byId("refused").textContent = why;
    this.#say("", "closed");
    field.value = "";
    field.focus();
  }

  #pick(showtime) {
    this.#chosen = showtime;
    this.#poll.soon();
  }

  async #ask() {
    const token = this.#token;
    const house = await askAs(token, HOUSE);
    const known = new Map(house.showtimes.map((one) => [one.showtime_id, one]));
    if (known.has(this.#chosen)) this.#shown = this.#chosen;
    else if (!known.has(this.#shown)) this.#shown = house.showtimes[0]?.showtime_id ?? "";
    const showtime = known.get(this.#shown);
    return { token, house, showtime, hall: showtime ? await this.#askHall(token, showtime) : null };
  }

  /** The hall and what is wanted there; null when that cannot be had, which takes nothing from the other figures. */
  async #askHall(token, { showtime_id: id }) {
    try {
      const demand = await askAs(token, `/api/v1/admin/showtimes/${encodeURIComponent(id)}/demand`);
      const hash = demand.layout_hash;
      if (!this.#layouts.has(hash)) this.#layouts.set(hash, (await fetchJson(`/api/v1/layouts/${hash}`)).map);
      return { demand, layout: this.#layouts.get(hash) };
    } catch {
      return null;
    }
  }

  #show({ token, house, showtime, hall }) {
    if (!this.#session.isOpen) remember(KEY, token);
    this.#house = house;
    this.#heardAt = new Date();
    this.#isRefused = false;
    byId("door").hidden = true;
    byId("live").hidden = byId("leave").hidden = false;
    const servers = house.instances.filter((one) => !one.silent).length;
    const whose = servers > 1 ? `The figures cover all ${servers} servers` : "One server is running";
    this.#say(`Live. ${house.whole ? whose : "The figures cover one server only"}.`, "live");
    this.#warn(alertsOf(house));
    FIGURES.forEach(([, value, note, number], at) => {
      const figure = this.#figures[at];
      figure.value.textContent = value(house);
      figure.note.textContent = note(house);
      figure.spark.push(number(house));
    });
    this.#showtimes.show(house.showtimes, this.#shown);
    byId("showtimes-title").textContent =
      house.showtimes.length > 0 ? "Busiest showtimes" : "Nobody is viewing a showtime";
    showReasons(byId("reasons"), house);
    showPushing(byId("pushing"), house);
    showServers(byId("servers"), house);
    byId("model").hidden = !house.model;
    byId("model").textContent = house.model
      ? `The concierge’s model today: ${count(house.model.tokens)} tokens, ${rate.format(house.model.cents)} cents.`
      : "";
    this.#showHall(showtime, hall);
    this.#asking.show(house.asking);
    void this.#kiosks.refresh();
  }

  /** Replaced only when they differ, so that they are read aloud once. */
  #warn(alerts) {
    const shown = [...byId("alerts").children].map(({ textContent }) => textContent);
    if (shown.join("\n") === alerts.map(({ text }) => text).join("\n")) return;
    const made = alerts.map(({ tone, text }) => element("p", { className: `notice ${tone}`, textContent: text }));
    byId("alerts").replaceChildren(...made);
  }

  #showHall(showtime, hall) {
    byId("hall").hidden = !showtime;
    if (!showtime) return;
    const name = `${showtime.title}, ${showtime.auditorium_name}`;
    byId("hall-name").textContent = `${name} · ${placesOf(showtime.places)}`;
    byId("hall").classList.toggle("stale", hall === null);
    if (hall === null) {
      byId("hall-note").textContent = "The seats can’t be loaded at the moment. What you see may be out of date.";
      return;
    }
    const { demand, layout } = hall;
    const hottest = demand.hottest.map((one) => {
      const times = [one.held > 0 && `held ${one.held} ×`, one.refused > 0 && `refused ${one.refused} ×`];
      return element("li", {}, element("b", { textContent: one.label }), ` ${times.filter(Boolean).join(", ")}`);
    });
    byId("hottest").replaceChildren(...hottest);
    const quiet = "Nobody has asked for a seat here in the last two minutes.";
    const note = hottest.length > 0 ? "" : quiet;
    byId("hall-note").textContent = demand.missing > 0 ? "Still asking the other servers …" : note;
    const most = demand.hottest.slice(0, 3).map((one) => one.label);
    const wanted = most.length > 0 ? `Most wanted: ${most.join(", ")}.` : quiet;
    this.#hall.show(layout, demand, `The hall of ${name}. ${wanted}`);
  }

  #fail(error) {
    if (error.status === 401 && this.#session.isOpen) {
      // The token may have expired while the computer slept, or ended with a change of roles. What the session gives
      // now is used by the next poll; if it is over, it says so.
      void this.#session.renew();
      if (!this.#isRefused) {
        this.#isRefused = true;
        return;
      }
    } else if ([401, 403].includes(error.status)) {
      this.#leave(this.#whyRefused(error));
      return;
    }
    for (const { spark } of this.#figures) if (this.#house !== null) spark.push(null);
    if (this.#house === null) {
      this.#say("The server does not answer. Trying again …", "lost");
      return;
    }
    const since = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(this.#heardAt);
    this.#say(`The server does not answer. What you see is from ${since}. Trying again …`, "lost");
  }

  #whyRefused({ status }) {
    if (status === 403 && this.#session.isOpen) return "Your account lacks the scope admin. Ask an administrator.";
    if (status === 403) return "This token is valid, but lacks the scope admin.";
    if (this.#house !== null) return "Your token has expired. Please enter a new one.";
    return "This token is not valid here, or has expired. Check that you copied all of it.";
  }

  #say(text, state) {
    document.body.dataset.state = state;
    if (byId("status").textContent !== text) byId("status").textContent = text;
  }
}

new LiveView().open();
