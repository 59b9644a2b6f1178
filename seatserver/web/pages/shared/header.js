/** The bar above the pages: marks the current page, and switches the language without leaving it. */

const COOKIE_S = 365 * 24 * 3600; // as the server keeps it
const own = document.getElementById("own");
const language = /** @type {HTMLAnchorElement | null} */ (document.getElementById("language"));

if (own && location.pathname === "/bookings") own.setAttribute("aria-current", "page");

/** What is behind the # (a day, the key of a ticket) goes to no server, so a plain link would lose it. */
language?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  const { hreflang } = language;
  // biome-ignore lint/suspicious/noDocumentCookie: Safari and Firefox ESR have no cookieStore
  document.cookie = `lang=${hreflang}; Max-Age=${COOKIE_S}; Path=/; SameSite=Lax`;
  const isKept = document.cookie.split("; ").includes(`lang=${hreflang}`);
  event.preventDefault();
  if (isKept) return reloadWithout();
  // In a frame of another site no cookie is kept: the address says it then.
  const address = new URL(location.href);
  address.searchParams.set("lang", hreflang);
  location.assign(address);
});

function reloadWithout() {
  const address = new URL(location.href);
  address.searchParams.delete("lang");
  if (address.href === location.href) return location.reload();
  history.replaceState(history.state, "", address);
  location.reload();
}
