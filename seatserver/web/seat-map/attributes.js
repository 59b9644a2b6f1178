/**
 * What the attributes of `<seat-map>` stand for: "server" and "showtime" for addresses, "theme", "checkout",
 * "concierge" and "voice" for one of a few words.
 */

/** @type {Record<string, string[]>} */
const VALUES = {
  theme: ["auto", "light", "dark", "contrast"],
  checkout: ["page"],
  concierge: ["off"],
  voice: ["on"],
};

/**
 * A folder's address, which names of files can follow; relative to the page.
 * @param {string} server
 */
export function addressOf(server) {
  if (!URL.canParse(server, document.baseURI)) throw Object.assign(new Error("no address"), { isStrange: true });
  const address = new URL(server, document.baseURI);
  if (!address.pathname.endsWith("/")) address.pathname += "/";
  return address;
}

/**
 * Warn the page's developer of an invalid attribute value, which is then ignored.
 * @param {string} name
 * @param {string | null} value
 */
export function warnOfOther(name, value) {
  const known = VALUES[name];
  if (!known || !value || known.includes(value)) return;
  const expected = known.map((one) => `"${one}"`).join(" or ");
  console.warn(`<seat-map ${name}="${value}">: expected ${expected} as ${name}; it counts as if it were not set.`);
}

/**
 * @param {URL} server
 * @param {string} id
 */
export function socketOf(server, id) {
  return new URL(`ws/showtimes/${encodeURIComponent(id)}`, server).href;
}

/**
 * @param {URL} server
 * @param {string} id
 */
export function conciergeOf(server, id) {
  const address = new URL(`ws/concierge/${encodeURIComponent(id)}`, server);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}
