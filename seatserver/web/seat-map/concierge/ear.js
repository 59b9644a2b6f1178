/**
 * The browser's own speech recognition, one utterance at a time: what is heard, word by word, and how it ended.
 *
 * The browser asks its visitor for the microphone and does the recognition, in some browsers with a service of its maker.
 * Nothing of the sound comes to this page, and nothing is kept.
 */

const MOST_MS = 30_000; // of one utterance
const LAST_WORDS_MS = 4_000; // until a recognition that is to end has said what it still heard

/** @typedef {"denied" | "deaf" | "nothing" | "failed"} Problem */
/** What the browser's errors mean to the visitor; all others are "failed". @type {Record<string, Problem>} */
const PROBLEMS = {
  "not-allowed": "denied",
  "service-not-allowed": "denied",
  "audio-capture": "deaf",
  "no-speech": "nothing",
};

/**
 * What becomes of an utterance; `ended` is the last.
 * @typedef {object} Hearing
 * @property {() => void} started the microphone is open
 * @property {(text: string) => void} heard all that was heard so far
 * @property {(text: string, problem: Problem | null) => void} ended with what was heard, and why it is not all
 */

/** @returns {(new () => any) | undefined} */
function recogniser() {
  const { SpeechRecognition, webkitSpeechRecognition } = /** @type {any} */ (globalThis);
  return SpeechRecognition ?? webkitSpeechRecognition;
}

export class Ear {
  /** @type {any} */
  #recognition = null;
  /** @type {Hearing | null} */
  #hearing = null;
  #text = "";
  /** @type {Problem | null} */
  #problem = null;
  #timer = 0;

  /** Whether this browser recognises speech. */
  static get isThere() {
    return recogniser() !== undefined;
  }

  /**
   * Listen to one utterance. `lang` is a language tag, such as "en-IE".
   * @param {string} lang
   * @param {Hearing} hearing
   */
  listen(lang, hearing) {
    this.cancel();
    const Recogniser = /** @type {new () => any} */ (recogniser());
    const recognition = (this.#recognition = new Recogniser());
    this.#hearing = hearing;
    [this.#text, this.#problem] = ["", null];
    // It goes on through pauses: whoever speaks says when they have finished.
    Object.assign(recognition, { lang, continuous: true, interimResults: true, maxAlternatives: 1 });
    /** @type {(name: string, act: (event: any) => void) => void} */
    const on = (name, act) =>
      recognition.addEventListener(
        name,
        (/** @type {Event} */ event) => recognition === this.#recognition && act(event),
      );
    on("start", () => hearing.started());
    on("result", ({ results }) => this.#take(results));
    on("error", ({ error }) => (this.#problem = PROBLEMS[error] ?? "failed"));
    on("end", () => this.#end());
    this.#timer = setTimeout(() => this.finish(), MOST_MS);
    try {
      recognition.start();
    } catch {
      this.#problem = "failed";
      this.#end();
    }
  }

  /** The visitor has finished: what is still being recognised comes, and then the end. */
  finish() {
    if (!this.#recognition) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), LAST_WORDS_MS);
    this.#recognition.stop();
  }

  /** Listen no longer. Nothing more is heard of the utterance. */
  cancel() {
    clearTimeout(this.#timer);
    const recognition = this.#recognition;
    this.#recognition = this.#hearing = null;
    recognition?.abort();
  }

  /** @param {ArrayLike<ArrayLike<{ transcript: string }>>} results */
  #take(results) {
    let text = "";
    for (const [{ transcript }] of Array.from(results, (result) => [result[0]])) {
      const piece = transcript.trim();
      // Chrome on Android repeats in each piece what the pieces before it said.
      text = piece.startsWith(text) ? piece : `${text} ${piece}`;
    }
    this.#text = text;
    this.#hearing?.heard(text);
  }

  #end() {
    const [hearing, text] = [this.#hearing, this.#text];
    const problem = text && this.#problem === "nothing" ? null : (this.#problem ?? (text ? null : "nothing"));
    this.cancel();
    hearing?.ended(text, problem);
  }
}
