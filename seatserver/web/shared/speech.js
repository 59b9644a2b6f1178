/**
 * Speaks what is shown, with the browser's own voices: the kiosk its screens, the concierge its answers. Only local
 * voices, which ask no other machine: what a person does here is nobody else's.
 *
 * The texts are those on the screen and in its labels, so a screen reader and this speech say the same.
 */

export class Speech {
  isOn = false;
  #lang = "en";

  /** @param {string} lang */
  speak(lang) {
    this.#lang = lang;
  }

  /** Whether something is being said. */
  get isBusy() {
    return this.isOn && (globalThis.speechSynthesis?.speaking ?? false);
  }

  /** Whether this browser can speak the language without asking another machine. */
  get canSpeak() {
    return this.#voice() !== undefined;
  }

  /**
   * Say this now, instead of what is being said.
   * @param {string} text
   */
  say(text) {
    const voice = this.#voice();
    if (!this.isOn || !voice || text.trim() === "") return;
    speechSynthesis.cancel();
    const spoken = new SpeechSynthesisUtterance(text);
    spoken.voice = voice;
    spoken.lang = voice.lang;
    speechSynthesis.speak(spoken);
  }

  stop() {
    globalThis.speechSynthesis?.cancel();
  }

  #voice() {
    const voices = globalThis.speechSynthesis?.getVoices() ?? [];
    return voices.find(({ lang, localService }) => localService && lang.toLowerCase().startsWith(this.#lang));
  }
}

/**
 * What an element says, as a screen reader would: its label, or its texts one after the other.
 * @param {Element} node
 * @returns {string}
 */
export function spoken(node) {
  if (node.localName === "seat-map" || node.ariaHidden === "true") return "";
  const label = node.ariaLabel ?? node.getAttribute("alt");
  if (label !== null) return label;
  if (node.children.length === 0) return (node.textContent ?? "").trim();
  return [...node.children].map(spoken).filter(Boolean).join(", ");
}
