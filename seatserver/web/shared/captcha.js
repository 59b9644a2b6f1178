/**
 * The CAPTCHA that a server may ask of a new guest while very many come at once, where its operator has chosen a
 * provider. The provider's script is loaded then, and never before.
 *
 * The visitor sees a panel over the page with the provider's widget in it. The page goes on behind it: providers show
 * what they ask next in a window of their own, in the page's body, which a modal dialog would cover. The widget is a
 * child of the panel's host and shown through its slot, because no provider works inside a shadow tree.
 *
 * Where a provider's script is found is said here, not by the server: nothing that a server answers loads a script.
 */

import { button, element } from "./dom.js";

const READY = "seatserverReady_"; // and the provider: the name that its script calls when it is ready
const LOAD_MS = 15_000;
const ANSWER_MS = 110_000; // a challenge ends after two minutes
const NARROW_PX = 360; // where a usual widget, 304 wide, does not fit into the panel

/**
 * What the providers' scripts have in common.
 * @typedef {object} Widgets
 * @property {(place: HTMLElement, options: Record<string, unknown>) => unknown} render
 * @property {(widget: any) => void} [remove]
 */

/** By the names in a challenge: the script, what it defines, and its parameter for a language. */
const PROVIDERS = {
  turnstile: { script: "https://challenges.cloudflare.com/turnstile/v0/api.js", widgets: "turnstile", language: "" },
  hcaptcha: { script: "https://js.hcaptcha.com/1/api.js", widgets: "hcaptcha", language: "hl" },
  recaptcha: { script: "https://www.google.com/recaptcha/api.js", widgets: "grecaptcha", language: "hl" },
};

/** By provider: its script, which is loaded once. @type {Map<string, Promise<Widgets>>} */
const loaded = new Map();

const STYLE = `
:host { position: fixed; z-index: 1000000; inset: auto 8px 8px; }
section {
  box-sizing: border-box; width: fit-content; max-width: 100%; margin: 0 auto; padding: 16px;
  border: 1px solid GrayText; border-radius: 12px; background: Canvas; color: CanvasText;
  box-shadow: 0 8px 32px rgb(0 0 0 / 35%); font: 16px / 1.45 system-ui, sans-serif; text-align: start;
}
section:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
h2 { margin: 0 0 4px; font-size: 1.1rem; }
p { max-width: 20rem; margin: 0 0 12px; }
button { min-height: 44px; margin-top: 8px; padding: 0 16px; font: inherit; }
`;

/**
 * The visitor's answer to a challenge of the kind "captcha": what the provider's widget gives out, or "" where it cannot
 * be shown or fails, which the server is told too. Null where it is no such challenge, or the visitor let the time pass
 * or put the panel aside; then `isRefused` says which of both.
 * @param {{ kind: string, provider: string, site_key: string, action?: string }} challenge
 * @param {(name: string) => string} say the texts of shared/reasons/
 * @returns {Promise<{ answer: string | null, isRefused?: boolean }>}
 */
export async function pass(challenge, say) {
  const name = /** @type {keyof typeof PROVIDERS} */ (challenge.provider);
  if (challenge.kind !== "captcha" || !Object.hasOwn(PROVIDERS, name)) return { answer: null };
  let widgets;
  try {
    widgets = await load(name, say("captchaLanguage"));
  } catch (/** @type {any} */ error) {
    console.error(error.message);
    return { answer: "" };
  }
  const before = document.activeElement;
  const panel = new Panel(say);
  /** @type {any} */
  let widget;
  try {
    return await new Promise((resolve) => {
      setTimeout(() => resolve({ answer: null }), ANSWER_MS);
      panel.onclose = () => resolve({ answer: null, isRefused: true });
      const failed = () => {
        resolve({ answer: "" });
        return true; // we know about it
      };
      widget = widgets.render(panel.place, {
        sitekey: challenge.site_key,
        theme: panel.isDark ? "dark" : "light",
        size: innerWidth < NARROW_PX ? "compact" : "normal",
        callback: (/** @type {string} */ answer) => resolve({ answer }),
        "error-callback": failed,
        ...(name === "turnstile" && {
          action: challenge.action,
          language: say("captchaLanguage"),
          "timeout-callback": failed,
          "unsupported-callback": failed,
        }),
      });
      panel.show();
    });
  } catch (error) {
    console.error(`the widget of ${name} failed: ${error}`);
    return { answer: "" };
  } finally {
    widgets.remove?.(widget);
    panel.end(before);
  }
}

class Panel {
  #host = element("div");
  #isBusy = isTyping();
  #section;
  place = element("div");
  onclose = () => {};

  /** @param {(name: string) => string} say */
  constructor(say) {
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    const mayBeDark = scheme.includes("dark");
    this.isDark = mayBeDark && (!scheme.includes("light") || matchMedia("(prefers-color-scheme: dark)").matches);
    this.#host.lang = say("captchaLanguage");
    this.#host.style.colorScheme = this.isDark ? "dark" : "light";
    const title = element("h2", { id: "title", textContent: say("captchaTitle") });
    const text = element("p", { id: "text", textContent: say("captchaText") });
    this.#section = element(
      "section",
      { tabIndex: -1, attributes: { role: "dialog", "aria-labelledby": "title", "aria-describedby": "text" } },
      // Whoever is typing goes on with that, and only hears of it.
      element("div", { attributes: this.#isBusy ? { role: "alert" } : {} }, title, text),
      element("slot"),
      button(say("captchaClose"), () => this.onclose()),
    );
    this.#section.addEventListener("keydown", (event) => event.key === "Escape" && this.onclose());
    const root = this.#host.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    root.append(this.#section);
    this.#host.append(this.place);
    document.body.append(this.#host);
  }

  /** Bring it to the visitor's attention. */
  show() {
    if (!this.#isBusy) this.#section.focus();
  }

  /** @param {Element | null} before what had the focus */
  end(before) {
    const hadFocus = this.#host.contains(document.activeElement);
    this.#host.remove();
    if (hadFocus && before instanceof HTMLElement && before.isConnected) before.focus();
  }
}

function isTyping() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.matches("input, textarea, select, [contenteditable]") ?? false;
}

/**
 * A provider's script. One that could not be loaded is tried again the next time.
 * @param {keyof typeof PROVIDERS} name
 * @param {string} language
 * @returns {Promise<Widgets>}
 */
function load(name, language) {
  const known = loaded.get(name);
  if (known) return known;
  const { script, widgets, language: parameter } = PROVIDERS[name];
  const found = () => /** @type {Record<string, any>} */ (/** @type {unknown} */ (globalThis))[widgets];
  const address = new URL(script);
  address.search = String(
    new URLSearchParams({ render: "explicit", onload: READY + name, ...(parameter && { [parameter]: language }) }),
  );
  const tag = element("script", { src: address.href, async: true });
  const coming = new Promise((resolve, reject) => {
    if (found()?.render) return resolve(found()); // the page around us has it
    const origins = `${address.origin} (its documentation names all that a content security policy has to allow)`;
    const failed = () => reject(new Error(`the CAPTCHA cannot be shown: this page could not load ${origins}`));
    Reflect.set(globalThis, READY + name, () => resolve(found()));
    tag.addEventListener("error", failed);
    setTimeout(failed, LOAD_MS);
    document.head.append(tag);
  });
  coming.catch(() => {
    loaded.delete(name);
    tag.remove();
  });
  loaded.set(name, coming);
  return coming;
}
