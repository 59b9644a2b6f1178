/**
 * The attendant: staff who see in /ops what the kiosk shows, are called for help, and have something done from there.
 *
 * They are told the film, the seats and the time left, and nothing that says who the person is. What they order is done
 * for the person whom they saw, never for the next one, and nothing is taken away while a card is charged.
 */

import { filmLine, places } from "./screens.js";

/** @import { Device, Order } from "./device.js" */
/** @import { Kiosk } from "./kiosk.js" */
/** @import { Visit } from "./visit.js" */

const HELP_MS = 600_000; // then nobody is called any more: no kiosk asks for ever
const BUSY_MS = 250;
const MOST = 200; // signs of one text

/** Event "change": help is asked for, or not any more. */
export class Attendant extends EventTarget {
  /** Whether somebody at the kiosk asks for help. It ends with their visit. */
  isAsked = false;
  /** @type {Device} */
  #device;
  /** @type {Kiosk} */
  #kiosk;
  #timer = 0;
  #isSaid = false; // that somebody is on the way

  /**
   * @param {Device} device
   * @param {Kiosk} kiosk
   */
  constructor(device, kiosk) {
    super();
    [this.#device, this.#kiosk] = [device, kiosk];
    device.about = () => this.#about();
    device.addEventListener("change", () => this.#sayWhenCalled());
    device.addEventListener("order", (event) => this.#obey(/** @type {CustomEvent<Order>} */ (event).detail));
  }

  /** Whether this server can tell staff. */
  get isThere() {
    return this.#device.state !== null && "help" in this.#device.state;
  }

  /** Whether staff see it. */
  get isCalled() {
    return this.isAsked && this.#device.state?.help === true;
  }

  /** What whoever asked for help is told. */
  get text() {
    if (!this.isAsked) return "";
    return this.#kiosk.words.text(this.isCalled ? "helpComing" : "helpCalled");
  }

  toggle() {
    if (this.isAsked) this.end();
    else {
      this.isAsked = true;
      this.#timer = setTimeout(() => this.end(), HELP_MS);
      this.dispatchEvent(new CustomEvent("change"));
    }
    this.#kiosk.speech.say(this.text || this.#kiosk.words.text("helpOver"));
  }

  end() {
    clearTimeout(this.#timer);
    this.#isSaid = false;
    if (!this.isAsked) return;
    this.isAsked = false;
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** Tell staff what is shown, if they do not know it. */
  tell() {
    this.#device.shows(this.#kiosk.shows, String(this.#kiosk.visit?.basket?.deadlineMs ?? ""));
  }

  #sayWhenCalled() {
    if (!this.isCalled || this.#isSaid) return;
    this.#isSaid = true;
    this.#kiosk.speech.say(this.text);
  }

  #about() {
    const { visit } = this.#kiosk;
    const basket = visit?.basket;
    const left_ms = visit?.leftMs ?? null;
    return {
      help: this.isAsked,
      visit: visit?.name ?? "",
      showing: visit ? filmLine(this.#kiosk, visit).slice(0, MOST) : "",
      seats: basket ? places(basket).slice(0, MOST) : "",
      left_ms: left_ms === null ? null : Math.round(left_ms),
    };
  }

  /** @param {Visit} visit */
  async #release(visit) {
    await this.#kiosk.giveBack();
    if (this.#kiosk.visit === visit && visit.holds.length === 0) this.#kiosk.staffDid("staffReleased");
  }

  /** @param {Visit} visit */
  async #extend(visit) {
    const hasMore = await this.#kiosk.isThere(true);
    if (this.#kiosk.visit !== visit || this.#kiosk.isPaying) return;
    this.#kiosk.staffDid(hasMore ? "staffExtended" : "staffNotExtended");
  }

  /** @param {Order} order */
  #obey(order) {
    const kiosk = this.#kiosk;
    const { visit } = kiosk;
    if (order.visit !== (visit?.name ?? "")) return;
    if (order.what === "helped") return this.end();
    if (visit === null || kiosk.isPaying) return;
    if (kiosk.isBusy) return void setTimeout(() => this.#obey(order), BUSY_MS);
    if (order.what === "finish") return kiosk.leave();
    if (order.what === "extend") return void this.#extend(visit);
    if (visit.holds.length > 0) void this.#release(visit);
  }
}
