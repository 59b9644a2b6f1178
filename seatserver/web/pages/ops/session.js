/**
 * The session of an operator who signed in at `/sign-in`. The session is in a cookie that no script can read; it gives
 * out tokens for some minutes, and this gets the next one in time.
 */

import { fetchJson } from "../shared/page.js";

const SIGN_IN = "/api/v1/sign-in";
const EARLY_MS = 60_000; // before a token expires
const SOONEST_MS = 5000;

export class Session {
  #timer = 0;
  #term = 0; // one more whenever it stops: what was asked before then counts no more
  #renewed;
  #ended;
  /** Whether there are users here, who could sign in. */
  isOffered = false;
  /** Whether somebody is signed in. */
  isOpen = false;

  /**
   * @param {(token: string) => void} renewed gets each further token
   * @param {(error: any) => void} ended is called when the session is over
   */
  constructor(renewed, ended) {
    this.#renewed = renewed;
    this.#ended = ended;
  }

  /** A token, if somebody is signed in; null if nobody is, or if the server does not answer. */
  async open() {
    const term = this.#term;
    try {
      this.isOffered = (await fetchJson(SIGN_IN)).password;
      return this.isOffered ? await this.#ask(term) : null;
    } catch {
      return null;
    }
  }

  /** Sign out: the session ends, with all its tokens. */
  async close() {
    this.stop();
    await fetchJson(`${SIGN_IN}/out`, { method: "POST" });
  }

  /** Ask for no further tokens. */
  stop() {
    clearTimeout(this.#timer);
    this.#term += 1;
    this.isOpen = false;
  }

  /** Get the next token now, because the last one was refused. */
  async renew() {
    const term = this.#term;
    try {
      const token = await this.#ask(term);
      if (token !== null) this.#renewed(token);
    } catch (error) {
      if (term !== this.#term) return;
      if ([401, 403].includes(/** @type {any} */ (error).status)) {
        this.stop();
        this.#ended(error);
      } else this.#again(SOONEST_MS);
    }
  }

  /**
   * The next token; null if the session was stopped meanwhile.
   * @param {number} term
   */
  async #ask(term) {
    const { token, lifetime_s: lifetime } = await fetchJson(`${SIGN_IN}/renew`, { method: "POST" });
    if (term !== this.#term) return null;
    this.isOpen = true;
    this.#again(1000 * lifetime - EARLY_MS);
    return token;
  }

  /** @param {number} ms */
  #again(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.renew(), Math.max(ms, SOONEST_MS));
  }
}
