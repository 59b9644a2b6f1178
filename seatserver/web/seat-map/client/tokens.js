/** Where tokens come from: a string, or a function that returns another token when one was refused. */

/** @typedef {((refused: string | null) => Promise<string | null>) & { renewable: boolean }} Tokens */

/**
 * `token` as async (refused) => token | null; `renewable` says whether it may ever give another.
 * @param {unknown} token
 */
export function tokensOf(token) {
  if (typeof token === "function") {
    return Object.assign(async (/** @type {string | null} */ refused) => checked(await token(refused)), {
      renewable: true,
    });
  }
  const given = checked(token);
  /** @param {string | null} refused */
  const always = async (refused) => {
    if (refused !== null && refused === given) throw permanent("the token is no longer valid");
    return given;
  };
  return Object.assign(always, { renewable: false });
}

/**
 * No token at all is fine where the handshake itself carries one, which only programs can do.
 * @param {unknown} token
 */
function checked(token) {
  if (token === undefined || token === null || typeof token === "string") return token ?? null;
  throw permanent(`expected a token as a string, got ${typeof token}`);
}

/** @param {string} problem */
function permanent(problem) {
  return Object.assign(new TypeError(problem), { permanent: true });
}
