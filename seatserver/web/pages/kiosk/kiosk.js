/**
 * The kiosk's page: a terminal in a theatre's lobby, in a full-screen browser.
 *
 * `device.js` says what this kiosk is. Until staff have enrolled it, it shows the code to be approved with. Then it
 * shows what is on in its theatre. Nothing about a person is kept in this browser.
 */

import { button, byId, element } from "../shared/page.js";
import { Device } from "./device.js";
import { readProgramme } from "./programme.js";
import { HOME, LANGUAGES, Words } from "./words.js";

const PROGRAMME_MS = 30_000;
const SHOWN = 6;

/** @import { Showing } from "./programme.js" */

class Kiosk {
  #device = new Device();
  #words = new Words(HOME);
  /** @type {Showing[] | null} */
  #programme = null;
  #theatre = "";

  constructor() {
    this.#device.addEventListener("change", () => this.#changed());
    this.#device.addEventListener("line", () => this.#show());
    setInterval(() => void this.#readProgramme(), PROGRAMME_MS);
    this.#show();
  }

  #changed() {
    const { state } = this.#device;
    if (this.#device.isOutdated) return location.reload();
    if (state && state.theatre_id !== this.#theatre) {
      [this.#theatre, this.#programme] = [state.theatre_id, null];
      void this.#readProgramme();
    }
    this.#show();
  }

  async #readProgramme() {
    const theatre = this.#theatre;
    if (!theatre) return;
    try {
      const found = await readProgramme(theatre);
      if (theatre === this.#theatre) this.#programme = found;
    } catch {
      // The list that is shown stays. What is no longer sold is refused when it is chosen.
    }
    this.#show();
  }

  /** @param {string} lang */
  #speak(lang) {
    this.#words = new Words(lang);
    this.#show();
  }

  #show() {
    document.documentElement.lang = this.#words.lang;
    const [name, ...content] = this.#content();
    document.body.dataset.screen = name;
    byId("screen").replaceChildren(...content);
    byId("bar").replaceChildren(this.#languages());
    const { state, isOnline } = this.#device;
    const told = state && !isOnline ? this.#words.text("offline") : (state?.message ?? "");
    byId("foot").replaceChildren(...(told ? [element("p", { role: "status", textContent: told })] : []));
    this.#device.shows(name);
  }

  #languages() {
    const nav = element("div", { className: "languages", role: "group" });
    for (const lang of Object.keys(LANGUAGES)) {
      const own = new Words(lang);
      const one = button(own.text("language"), () => this.#speak(lang), { lang });
      one.ariaPressed = String(lang === this.#words.lang);
      nav.append(one);
    }
    return nav;
  }

  /** @returns {[name: string, ...content: HTMLElement[]]} */
  #content() {
    const { isRevoked, waiting, state } = this.#device;
    if (isRevoked) return ["revoked", ...this.#revoked()];
    if (waiting) return ["enrol", ...this.#enrol(waiting)];
    if (!state) return ["connecting", element("h1", { textContent: this.#words.text("connecting") })];
    if (state.locked) return ["locked", this.#title("lockedTitle"), this.#paragraph("lockedText")];
    return ["attract", ...this.#attract()];
  }

  #revoked() {
    const again = button(this.#words.text("setUpAgain"), () => this.#device.startAgain(), { className: "main" });
    return [this.#title("revokedTitle"), this.#paragraph("revokedText"), again];
  }

  /** @param {{ code: string, qr: string }} waiting */
  #enrol({ code, qr }) {
    const picture = element("img", {
      className: "qr",
      alt: this.#words.text("enrolQr"),
      src: `data:image/svg+xml,${encodeURIComponent(qr)}`,
    });
    return [
      this.#title("enrolTitle"),
      picture,
      element("p", { className: "code", textContent: code }),
      this.#paragraph("enrolText"),
      element("p", { className: "quiet", textContent: this.#words.text("enrolCommand", { code }) }),
    ];
  }

  #attract() {
    const title = this.#title("whatsOn");
    if (this.#programme === null) return [title, this.#paragraph("connecting")];
    if (this.#programme.length === 0) return [title, this.#paragraph("nothingOn")];
    const list = element("ul", { className: "showings" });
    for (const { title: film, auditorium_name: hall, starts, timezone } of this.#programme.slice(0, SHOWN)) {
      const facts = { time: this.#words.format.time(starts, timezone), hall };
      const [name, when] = [film, this.#words.text("showing", facts)];
      list.append(
        element(
          "li",
          {},
          element("strong", { textContent: name, dir: "auto" }),
          element("span", { textContent: when }),
        ),
      );
    }
    return [title, list];
  }

  /** @param {string} name */
  #title(name) {
    return element("h1", { textContent: this.#words.text(name) });
  }

  /** @param {string} name */
  #paragraph(name) {
    return element("p", { textContent: this.#words.text(name) });
  }
}

new Kiosk();
