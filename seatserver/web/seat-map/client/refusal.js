/**
 * Find out whether a socket was refused because pages of this origin may not use the server. Browsers tell scripts
 * nothing about a refused handshake, not even its status; REST refuses such pages in a form that they can read.
 */

const PATIENCE_MS = 10_000;

/**
 * When the server of the socket at `address` says that it refuses this page's origin: its words for that, which its
 * visitors may read. Null when it says anything else; undefined when nothing is to be heard of it.
 * @param {string} address
 */
export async function whyRefused(address) {
  if (!globalThis.fetch || !globalThis.location?.origin) return undefined; // programs have no origin
  try {
    const asked = new URL(address.replace(/^ws/, "http"));
    asked.pathname = asked.pathname.replace(/ws\/showtimes\/([^/]*)$/, "api/v1/showtimes/$1");
    const answer = await fetch(asked, { signal: AbortSignal.timeout(PATIENCE_MS), credentials: "omit" });
    const { code, detail, facts } = answer.status === 403 ? await answer.json() : {};
    if (code !== "origin_refused") return null;
    console.error(hintOf(detail, facts));
    return detail;
  } catch {
    return undefined;
  }
}

/**
 * What the page's developer needs to know too: which of the server's settings allow its origin.
 * @param {string} detail
 * @param {{ settings?: string[] } | undefined} facts
 */
export function hintOf(detail, facts) {
  const settings = facts?.settings?.join(" or ");
  return settings ? `${detail}: whoever runs it names them in ${settings}` : detail;
}
