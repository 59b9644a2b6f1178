/** The kiosks in the operators' live view: what each shows, and what staff can do with it. */

import { button, byId, element, fetchJson, money, reasonOf } from "../shared/page.js";
import { askAs } from "./poll.js";

/**
 * @typedef {object} Kiosk as REST lists it
 * @property {string} id
 * @property {string} theatre_id
 * @property {string} name
 * @property {string} channel
 * @property {boolean} locked
 * @property {string} message
 * @property {number | null} seen_at_ms
 * @property {boolean} away
 * @property {string} release
 * @property {string} shows
 * @property {number | null} help_at_ms
 * @property {string} visit
 * @property {string} showing
 * @property {string} seats
 * @property {number | null} hold_ends_at_ms
 * @property {string} card_reader
 * @property {"none" | "simulated" | "unnamed" | "ok" | "away"} reader
 * @property {"none" | "simulated" | "ok" | "low" | "out" | "open" | "away"} printer
 * @property {"none" | "scanner" | "camera"} ticket_reader
 * @property {"" | "ok" | "unsupported" | "away"} camera
 * @property {{ bookings: number, total_minor: number, currency: string, currency_digits: number }[]} sales_today
 */

const READERS = {
  none: "",
  simulated: "simulated reader",
  unnamed: "no card reader named",
  ok: "reader ok",
  away: "reader away",
};
const PRINTERS = {
  none: "",
  simulated: "simulated printer",
  ok: "printer ok",
  low: "paper low",
  out: "out of paper",
  open: "printer open or jammed",
  away: "printer away",
};
const TICKET_READERS = { none: "", scanner: "tickets by scanner", camera: "tickets by camera" };
const CAMERAS = { "": "", ok: "", unsupported: "its browser reads no codes", away: "camera away" };
const PATH = "/api/v1/kiosks";
const form = /** @type {HTMLFormElement} */ (byId("enrol"));
const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

/** @param {Kiosk} kiosk */
const asksForHelp = (kiosk) => kiosk.help_at_ms !== null && !kiosk.away;
/** @param {number} ms */
const clockTime = (ms) => new Intl.DateTimeFormat("en", { timeStyle: "medium" }).format(ms);

export class Kiosks {
  #token;
  /** @type {Map<string, { node: HTMLElement, shown: string }>} */
  #rows = new Map();
  /** @type {{ id: string, name: string }[]} */
  #theatres = [];

  /** @param {() => string | null} token */
  constructor(token) {
    this.#token = token;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#enrol();
    });
  }

  /**
   * Somebody scanned the code of a device.
   * @param {string | null} code
   */
  prepare(code) {
    if (code) field("code").value = code;
  }

  /** Ask for all kiosks, and show them. What staff are about to type is left alone. */
  async refresh() {
    try {
      if (this.#theatres.length === 0) await this.#readTheatres();
      const { kiosks } = await askAs(this.#token(), PATH);
      this.#show(kiosks);
    } catch (error) {
      this.#tell(`The kiosks can’t be loaded at the moment: ${reasonOf(error)}.`);
    }
  }

  async #readTheatres() {
    this.#theatres = (await fetchJson("/api/v1/theatres")).theatres;
    const options = this.#theatres.map(({ id, name }) => element("option", { value: id, textContent: name }));
    byId("enrol-theatre").replaceChildren(...options);
  }

  /** @param {Kiosk[]} kiosks */
  #show(kiosks) {
    const ids = new Set(kiosks.map(({ id }) => id));
    for (const [id, { node }] of this.#rows) {
      if (ids.has(id)) continue;
      node.remove();
      this.#rows.delete(id);
    }
    const list = byId("kiosks");
    const sorted = [...kiosks.filter(asksForHelp), ...kiosks.filter((one) => !asksForHelp(one))];
    for (const [at, kiosk] of sorted.entries()) {
      const row = this.#rows.get(kiosk.id) ?? { node: element("li"), shown: "" };
      const shown = JSON.stringify({ ...kiosk, seen_at_ms: kiosk.away && kiosk.seen_at_ms });
      if (row.shown !== shown && !row.node.matches(":focus-within")) {
        row.node.replaceChildren(...this.#row(kiosk));
        row.node.dataset.state = asksForHelp(kiosk) ? "help" : kiosk.away ? "silent" : "healthy";
        row.shown = shown;
      }
      this.#rows.set(kiosk.id, row);
      // A row that is put where it stands already would lose the focus.
      if (list.children[at] !== row.node) list.insertBefore(row.node, list.children[at] ?? null);
    }
    if (kiosks.length === 0) this.#tell("No kiosk is enrolled. Open /kiosk on a device to see its code.");
  }

  /** @param {Kiosk} kiosk */
  #row(kiosk) {
    const theatre = this.#theatres.find(({ id }) => id === kiosk.theatre_id)?.name ?? kiosk.theatre_id;
    const seen = kiosk.seen_at_ms && clockTime(kiosk.seen_at_ms);
    const life = kiosk.away ? (seen ? `away since ${seen}` : "never seen") : `shows ${kiosk.shows}`;
    const sums = kiosk.sales_today.map((one) => `${one.bookings} for ${money(one.total_minor, one)}`);
    const sold = `sold today: ${sums.length > 0 ? sums.join(", ") : "nothing"}`;
    const facts = [
      theatre,
      kiosk.channel && `sells for ${kiosk.channel}`,
      kiosk.release && `release ${kiosk.release}`,
      READERS[kiosk.reader],
      PRINTERS[kiosk.printer],
      TICKET_READERS[kiosk.ticket_reader],
      kiosk.ticket_reader === "camera" && CAMERAS[kiosk.camera],
      sold,
    ];
    const ends = kiosk.hold_ends_at_ms && `held until ${clockTime(kiosk.hold_ends_at_ms)}`;
    const doing = kiosk.visit && !kiosk.away && [kiosk.showing, kiosk.seats, ends].filter(Boolean).join(" · ");
    const message = kiosk.message && `Message: ${kiosk.message}`;
    const small = element("small", { className: "quiet", textContent: facts.filter(Boolean).join(" · ") });
    return [
      element("b", { textContent: kiosk.name }),
      element("span", { className: "state", textContent: kiosk.locked ? `locked, ${life}` : life }),
      asksForHelp(kiosk)
        ? element("strong", { textContent: `Asks for help since ${clockTime(kiosk.help_at_ms ?? 0)}` })
        : "",
      doing ? element("small", { textContent: doing }) : "",
      small,
      message ? element("small", { className: "message", textContent: message }) : "",
      this.#actions(kiosk),
    ];
  }

  /** @param {Kiosk} kiosk */
  #actions(kiosk) {
    const { id, name, locked } = kiosk;
    const hasOwnReader = kiosk.reader !== "none" && kiosk.reader !== "simulated";
    /** @type {(text: string, what: string, act: () => unknown) => HTMLElement} */
    const action = (text, what, act) => button(text, act, { ariaLabel: `${text} ${name}${what}` });
    const isThere = kiosk.visit !== "" && !kiosk.away;
    /** @type {(text: string, what: string, done: string) => HTMLElement} */
    const order = (text, what, done) =>
      action(text, "", () => this.#do(`${PATH}/${id}/order`, "POST", { what, visit: kiosk.visit }, done));
    return element(
      "div",
      { className: "actions" },
      asksForHelp(kiosk) && order("Helped", "helped", `${name} asks for help no more.`),
      isThere && order("More time", "extend", `${name} gives more time, if the seats can be kept longer.`),
      isThere && kiosk.seats !== "" && order("Release seats", "release", `${name} gives the seats back.`),
      isThere && order("Finish", "finish", `${name} begins anew.`),
      action(locked ? "Unlock" : "Lock", "", () => this.#change(kiosk, { locked: !locked })),
      action("Message", " …", () => this.#ask(kiosk, "message", `Message on ${name} (empty: none)`, kiosk.message)),
      action("Rename", " …", () => this.#ask(kiosk, "name", `New name of ${name}`, name)),
      action("Move", " …", () => this.#move(kiosk)),
      hasOwnReader &&
        action("Card reader", " …", () =>
          this.#ask(kiosk, "card_reader", `Card reader of ${name} at Stripe (tmr_…; empty: none)`, kiosk.card_reader),
        ),
      kiosk.printer !== "none" &&
        kiosk.printer !== "simulated" &&
        action("Printer", " …", () => this.#enrolPrinter(kiosk)),
      kiosk.printer !== "none" &&
        kiosk.printer !== "simulated" &&
        action("Remove printer", " …", () => this.#revokePrinter(kiosk)),
      kiosk.printer !== "none" &&
        action("Tickets", " …", () =>
          this.#ask(
            kiosk,
            "ticket_reader",
            `What reads the tickets that are shown to ${name}? none, scanner, or camera`,
            kiosk.ticket_reader,
          ),
        ),
      action("Reload", "", () =>
        this.#do(`${PATH}/${id}/reload`, "POST", undefined, `${name} reloads when it is free.`),
      ),
      action("Revoke", " …", () => this.#revoke(kiosk)),
    );
  }

  /**
   * @param {Kiosk} kiosk
   * @param {Partial<Kiosk>} changes
   */
  #change({ id, name }, changes) {
    // Nothing else: what is shown here may be older than what a colleague has just set.
    return this.#do(`${PATH}/${id}`, "PUT", changes, `Changed ${changes.name ?? name}.`);
  }

  /**
   * @param {Kiosk} kiosk
   * @param {"message" | "name" | "card_reader" | "ticket_reader"} what
   * @param {string} question
   * @param {string} now
   */
  #ask(kiosk, what, question, now) {
    const given = prompt(question, now);
    if (given === null || (what === "name" && given.trim() === "")) return;
    void this.#change(kiosk, { [what]: given.trim() });
  }

  /** @param {Kiosk} kiosk */
  #move(kiosk) {
    const known = this.#theatres.map(({ id, name }) => `${id} (${name})`).join(", ");
    const theatre_id = prompt(`Move ${kiosk.name} to which theatre? ${known}`, kiosk.theatre_id)?.trim();
    if (theatre_id) void this.#change(kiosk, { theatre_id });
  }

  /** @param {Kiosk} kiosk */
  #revoke({ id, name }) {
    if (!confirm(`Revoke ${name}? It stops selling at once, and has to be enrolled again.`)) return;
    void this.#do(`${PATH}/${id}/revoke`, "POST", undefined, `${name} is revoked.`);
  }

  /** @param {Kiosk} kiosk */
  #enrolPrinter({ id, name }) {
    const code = prompt(`Code that \`seatserver kiosk agent\` shows on the machine of ${name}`)?.trim();
    if (code) void this.#do(`${PATH}/${id}/agent`, "POST", { code }, `The printer of ${name} is enrolled.`);
  }

  /** @param {Kiosk} kiosk */
  #revokePrinter({ id, name }) {
    if (!confirm(`Take the printer away from ${name}? Its agent is cut off, and has to be enrolled again.`)) return;
    void this.#do(`${PATH}/${id}/agent/revoke`, "POST", undefined, `${name} has no printer any more.`);
  }

  async #enrol() {
    const body = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
    if (await this.#do(`${PATH}/enrol`, "POST", body, `${body.name} is enrolled.`)) form.reset();
  }

  /**
   * @param {string} path
   * @param {"POST" | "PUT"} method
   * @param {object | undefined} body
   * @param {string} done
   */
  async #do(path, method, body, done) {
    const headers = { Authorization: `Bearer ${this.#token()}`, "Content-Type": "application/json" };
    try {
      await fetchJson(path, { method, headers, body: body && JSON.stringify(body) });
    } catch (error) {
      this.#tell(error.status === undefined ? `That did not work: ${reasonOf(error)}.` : `${error.message}.`);
      return false;
    }
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    this.#tell(done);
    await this.refresh();
    return true;
  }

  /** @param {string} text */
  #tell(text) {
    if (byId("kiosks-told").textContent !== text) byId("kiosks-told").textContent = text;
  }
}
