/** What the browser does with passkeys, as the server's API has it: bytes are base64url everywhere. */

/** Whether this browser has passkeys at all. */
export const hasPasskeys = () => window.isSecureContext && "PublicKeyCredential" in window;

/**
 * Let the user choose a passkey, and have it sign the server's challenge; throws what the browser throws.
 * @param {any} options
 */
export async function use(options) {
  const publicKey = { ...options, challenge: bytesOf(options.challenge), allowCredentials: [] };
  const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
  const response = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  return {
    id: found.id,
    client_data: textOf(response.clientDataJSON),
    authenticator_data: textOf(response.authenticatorData),
    signature: textOf(response.signature),
    user_handle: response.userHandle ? textOf(response.userHandle) : null,
  };
}

/**
 * Make a passkey; throws what the browser throws.
 * @param {any} options
 */
export async function make(options) {
  const publicKey = {
    ...options,
    challenge: bytesOf(options.challenge),
    user: { ...options.user, id: bytesOf(options.user.id) },
    excludeCredentials: options.excludeCredentials.map((/** @type {any} */ one) => ({ ...one, id: bytesOf(one.id) })),
  };
  const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }));
  const response = /** @type {AuthenticatorAttestationResponse} */ (made.response);
  return {
    id: made.id,
    client_data: textOf(response.clientDataJSON),
    attestation: textOf(response.attestationObject),
  };
}

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
}

/** @param {ArrayBuffer} bytes */
function textOf(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
