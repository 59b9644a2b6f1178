/** The bar of every screen, always at the same place: help, language, speech, contrast, size, reach. */

import { button } from "../shared/page.js";
import { LANGUAGES, Words } from "./words.js";

/** @import { Kiosk } from "./kiosk.js" */

/** @param {Kiosk} kiosk */
export function bar(kiosk) {
  const { words, preferences: wants, speech, attendant } = kiosk;
  /** @type {(name: string, isOn: boolean, act: () => void) => HTMLElement} */
  const tool = (name, isOn, act) => button(words.text(name), () => kiosk.adjust(act), { ariaPressed: String(isOn) });
  const others = Object.keys(LANGUAGES).filter((lang) => lang !== words.lang);
  const languages = others.map((lang) =>
    button(new Words(lang).text("language"), () => kiosk.adjust(() => kiosk.speak(lang)), { lang }),
  );
  return [
    attendant.isThere && tool("help", attendant.isAsked, () => kiosk.toggleHelp()),
    ...languages,
    speech.canSpeak && tool("speech", speech.isOn, () => kiosk.display.toggleSpeech()),
    speech.isOn && button(words.text("sayAgain"), () => kiosk.display.sayAgain()),
    tool("contrast", wants.contrast, () => (wants.contrast = !wants.contrast)),
    tool("large", wants.large, () => (wants.large = !wants.large)),
    tool("reach", wants.reach, () => (wants.reach = !wants.reach)),
  ].filter((one) => one !== false);
}
