/**
 * Where staff sign in, with a password, a passkey or an OpenID provider, and look after their account. The session is in
 * a cookie that no script can read; what this page has is a token for some minutes, and it is kept nowhere. From here
 * there are two ways on, to `/ops` and to the provider that the server names: no address is taken from this page's own.
 * The provider sends people back here, with a code.
 */

import { byId, element, fetchJson, reasonOf, say } from "../shared/page.js";
import { hasPasskeys, make, use } from "./passkeys.js";

const SIGN_IN = "/api/v1/sign-in";
const OWN = "/api/v1/users/self";
/** @type {Record<string, string>} */
const WHY = {
  account_disabled: "signInDisabled",
  session_ended: "signInEnded",
  passkey: "passkeyUnknown",
  provider_away: "openidAway",
  openid_stopped: "openidStopped",
  revoked: "signInEnded",
  sign_in_refused: "signInWrong",
  unauthorized: "signInAgain",
};
/** @type {Record<string, string>} */
const WHY_NOT_OPENID = { again: "openidAgain", email: "openidEmail", unknown: "openidUnknown" };

/** @type {any} */
let account = null; // as the server answered when it signed us in
/** @type {any} */
let ways = null;

/**
 * @param {string} path
 * @param {unknown} [body]
 */
function send(path, body) {
  const headers = { ...(account ? { Authorization: `Bearer ${account.token}` } : {}) };
  if (body === undefined) return fetchJson(path, { method: "POST", headers });
  const sent = { ...headers, "Content-Type": "application/json" };
  return fetchJson(path, { method: "POST", headers: sent, body: JSON.stringify(body) });
}

/** @param {string} text */
function tell(text) {
  byId("refused").hidden = true;
  byId("status").textContent = text;
}

/** @param {any} error */
function refuse(error) {
  console.info(error.message);
  byId("status").textContent = "";
  byId("refused").hidden = false;
  byId("refused").textContent = whyOf(error);
}

/** @param {any} error */
function whyOf(error) {
  if (["NotAllowedError", "InvalidStateError", "SecurityError", "AbortError"].includes(error.name)) {
    return say("passkeyFailed");
  }
  if (error.code === "too_many") return say("signInWait", { seconds: Math.ceil(error.retryAfterMs / 1000) });
  if (error.code === "bad_request" && error.facts?.where === "password") return say("passwordWeak");
  const name = ways?.openid ?? "";
  if (error.code === "openid_refused") return say(WHY_NOT_OPENID[error.facts?.reason] ?? "openidAgain", { name });
  return error.code in WHY ? say(WHY[error.code], { name }) : say("signInFailed", { reason: reasonOf(error) });
}

/**
 * Do something that takes a moment: the form's buttons wait, and what went wrong is said.
 * @param {HTMLElement} where
 * @param {() => Promise<void>} work
 */
async function busy(where, work) {
  const buttons = [...where.querySelectorAll("button")];
  const chosen = /** @type {HTMLElement | null} */ (document.activeElement);
  for (const button of buttons) button.disabled = true;
  try {
    await work();
  } catch (error) {
    refuse(error);
    const { code } = /** @type {any} */ (error);
    if (account !== null && ["session_ended", "revoked", "unauthorized"].includes(code)) showDoor();
  } finally {
    for (const button of buttons) button.disabled = false;
    // A button that waits loses the keyboard's place.
    if (document.activeElement === document.body) chosen?.focus();
  }
}

function showDoor() {
  account = null;
  byId("account").hidden = true;
  byId("door").hidden = false;
  byId("with-passkey").hidden = !(ways.passkeys && hasPasskeys());
  byId("with-openid").hidden = !ways.openid;
  byId("with-openid").textContent = say("openidWith", { name: ways.openid });
  field("password").value = "";
  field(field("email").value ? "password" : "email").focus();
}

/** @param {any} answer */
async function showAccount(answer) {
  account = answer;
  field("password").value = "";
  byId("door").hidden = true;
  byId("account").hidden = false;
  byId("who").textContent = say("signedInAs", { name: account.name });
  byId("live").hidden = !account.scopes.includes("admin");
  byId("passkeys").hidden = !(ways.passkeys && hasPasskeys());
  if (!byId("passkeys").hidden) showPasskeys(await ask(`${OWN}/passkeys`));
}

/** @param {string} path */
const ask = (path) => fetchJson(path, { headers: { Authorization: `Bearer ${account.token}` } });

/** @param {{ passkeys: { id: string, name: string }[] }} answer */
function showPasskeys({ passkeys }) {
  const items = passkeys.map(({ id, name }) => {
    const remove = element("button", {
      textContent: say("passkeyRemove"),
      ariaLabel: say("passkeyRemoveOf", { name }),
    });
    remove.addEventListener("click", () =>
      busy(byId("passkeys"), async () => {
        await renew();
        showPasskeys(await send(`${OWN}/passkeys/${encodeURIComponent(id)}/remove`));
        tell(say("passkeyRemoved"));
      }),
    );
    return element("li", {}, element("span", { textContent: name }), remove);
  });
  byId("passkey-list").replaceChildren(...items);
}

/** The token may have expired while the page was open. */
async function renew() {
  const answer = await send(`${SIGN_IN}/renew`);
  account = answer;
}

/** @param {any} answer */
async function enter(answer) {
  if (answer.scopes.includes("admin")) location.assign("/ops");
  else {
    tell("");
    await showAccount(answer);
  }
}

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = { email: field("email").value.trim(), password: field("password").value };
  void busy(byId("door"), async () => {
    tell(say("signingIn"));
    try {
      await enter(await send(`${SIGN_IN}/password`, body));
    } catch (error) {
      field("password").value = "";
      field("password").focus();
      throw error;
    }
  });
});

byId("with-passkey").addEventListener("click", () =>
  busy(byId("door"), async () => {
    tell(say("passkeyAsking"));
    const { public_key: options } = await send(`${SIGN_IN}/passkey/begin`);
    const used = await use(options);
    try {
      await enter(await send(`${SIGN_IN}/passkey`, used));
    } catch (error) {
      const isUnknown = /** @type {any} */ (error).code === "sign_in_refused";
      throw isUnknown ? Object.assign(new Error(), error, { code: "passkey" }) : error;
    }
  }),
);

byId("with-openid").addEventListener("click", () =>
  busy(byId("door"), async () => {
    tell(say("openidGoing", { name: ways.openid }));
    const { address } = await send(`${SIGN_IN}/openid/begin`);
    location.assign(address);
  }),
);

byId("add-passkey").addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(byId("passkeys"), async () => {
    tell(say("passkeyAsking"));
    await renew();
    const { public_key: options } = await send(`${OWN}/passkeys/begin`);
    const name = field("passkey-name").value.trim();
    await send(`${OWN}/passkeys`, { name, ...(await make(options)) });
    field("passkey-name").value = "";
    showPasskeys(await ask(`${OWN}/passkeys`));
    tell(say("passkeyAdded"));
  });
});

byId("change").addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(byId("change"), async () => {
    await renew();
    await send(`${OWN}/password`, { current: field("current").value, password: field("next").value });
    field("current").value = field("next").value = "";
    showDoor();
    tell(say("passwordChanged"));
  });
});

byId("out").addEventListener("click", () =>
  busy(byId("account"), async () => {
    await send(`${SIGN_IN}/out`);
    showDoor();
    tell(say("signedOut"));
  }),
);

byId("out-everywhere").addEventListener("click", () =>
  busy(byId("account"), async () => {
    await renew();
    await send(`${OWN}/sign-out`);
    showDoor();
    tell(say("signedOutEverywhere"));
  }),
);

/**
 * What the provider sent somebody back with, if it did. It is used once, so it does not stay in the address.
 */
function takeReturn() {
  const { code, state, iss, error } = Object.fromEntries(new URLSearchParams(location.search));
  if (state === undefined || (code === undefined && error === undefined)) return null;
  history.replaceState(null, "", location.pathname);
  return { code, state, ...(iss === undefined ? {} : { iss }) };
}

/** @param {{ code?: string, state: string }} returned */
async function comeBack(returned) {
  showDoor();
  if (!ways.openid) return;
  await busy(byId("door"), async () => {
    if (returned.code === undefined) throw Object.assign(new Error("no code"), { code: "openid_stopped" });
    tell(say("signingIn"));
    await enter(await send(`${SIGN_IN}/openid`, returned));
  });
}

async function open() {
  if (!window.isSecureContext) {
    tell(say("signInInsecure"));
    return;
  }
  ways = await fetchJson(SIGN_IN);
  if (!ways.password) {
    tell(say("signInOff"));
    return;
  }
  if (returned !== null) {
    await comeBack(returned);
    return;
  }
  try {
    await showAccount(await send(`${SIGN_IN}/renew`));
  } catch (error) {
    if (/** @type {any} */ (error).code !== "session_ended") throw error;
    showDoor();
    history.replaceState(null, "", location.pathname + location.search);
  }
}

const returned = takeReturn();
open().catch((error) => {
  if (ways?.password) showDoor();
  refuse(error);
});
