/**
 * A question that the server itself hears: from the microphone to the concierge's socket, one at a time. It has the
 * same interface as `Ear`, but what is said is asked already while it is being said.
 */

import { Recorder } from "./sound.js";

/** @import { Hearing, Problem } from "./ear.js" */

/** @type {Record<string, Problem>} */
const PROBLEMS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "deaf",
  NotReadableError: "deaf",
};

/**
 * @typedef {object} Asking how the question reaches the server
 * @property {() => void} begin
 * @property {(piece: ArrayBuffer) => void} sound
 * @property {() => void} finish
 * @property {() => void} cancel
 * @property {() => { seconds: number, bytes: number }} limits of a question and of a piece of sound
 */

export class Line {
  #asking;
  /** @type {Recorder | null} */
  #recorder = null;
  /** @type {Hearing | null} */
  #hearing = null;
  #timer = 0;
  #hasBegun = false;

  /** @param {Asking} asking */
  constructor(asking) {
    this.#asking = asking;
  }

  /**
   * @param {string} _lang the server knows it
   * @param {Hearing} hearing
   */
  async listen(_lang, hearing) {
    this.cancel();
    const { seconds, bytes } = this.#asking.limits();
    const recorder = (this.#recorder = new Recorder());
    this.#hearing = hearing;
    this.#hasBegun = false;
    try {
      await recorder.open(bytes, (piece) => {
        if (recorder !== this.#recorder) return;
        this.#begin();
        this.#asking.sound(piece);
      });
    } catch (error) {
      if (recorder === this.#recorder) this.#end(PROBLEMS[error.name] ?? "failed");
      return;
    }
    if (recorder !== this.#recorder) return;
    this.#timer = setTimeout(() => this.finish(), seconds * 1000);
    this.#begin();
    hearing.started();
  }

  #begin() {
    if (!this.#hasBegun) this.#asking.begin();
    this.#hasBegun = true;
  }

  /** The visitor has finished. */
  async finish() {
    const recorder = this.#recorder;
    clearTimeout(this.#timer);
    await recorder?.finish();
    if (!recorder || recorder !== this.#recorder) return;
    this.#asking.finish();
    this.#end(null);
  }

  /** Listen no longer; the question is not asked. */
  cancel() {
    clearTimeout(this.#timer);
    const recorder = this.#recorder;
    this.#recorder = this.#hearing = null;
    recorder?.close();
    if (recorder && this.#hasBegun) this.#asking.cancel();
  }

  /** The question has been answered, or refused, while the visitor was still speaking: there is nobody to listen. */
  end() {
    if (this.#recorder) this.#end(null);
  }

  /** @param {Problem | null} problem */
  #end(problem) {
    clearTimeout(this.#timer);
    const hearing = this.#hearing;
    this.#recorder?.close();
    this.#recorder = this.#hearing = null;
    hearing?.ended("", problem);
  }
}
