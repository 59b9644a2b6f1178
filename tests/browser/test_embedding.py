"""The seat map on somebody else's page: another origin with a strict policy of its own, and two lines of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
Sites = Callable[..., Site]

EMBED = """\
<script type="module" src="{url}/static/seat-map.js"></script>
<seat-map showtime="tonight"></seat-map>
"""
ALONE = """\
<output></output>
<script type="module" src="/alone.js" data-server="{url}"></script>
"""
ALONE_JS = """\
const { server } = document.querySelector("[data-server]").dataset;
const { SeatMapClient } = await import(`${server}/static/seatmap-client.js`);
async function token() {
  const answer = await fetch(`${server}/api/v1/guests`, { method: "POST" });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.detail), { permanent: true });
  return found.token;
}
const client = new SeatMapClient(`${server.replace("http", "ws")}/ws/showtimes/tonight`, { token });
client.addEventListener("status", () => {
  document.querySelector("output").textContent = `${client.status}: ${client.reason ?? ""}`;
});
client.connect();
window.client = client;
"""
"""A page that brings its own picture of the hall and takes only our client."""


class Portal:
    """Somebody else's web site: pages by path, all of them under one policy that names just what a seat map needs."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, str]] = {"/favicon.ico": ("image/x-icon", ""), "/alone.js": (JS, ALONE_JS)}
        self.policy = "default-src 'none'"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answers, self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def embed(self, site: Site, html: str = EMBED) -> None:
        """Put our lines on the site's first page, and our server into its policy."""
        self.pages["/"] = ("text/html; charset=utf-8", PAGE.format(body=html.format(url=site.url)))
        self.policy = (
            f"default-src 'none'; base-uri 'none'; script-src 'self' {site.url}; "
            f"connect-src {site.url} {site.url.replace('http', 'ws')}; frame-src {site.url}"
        )

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


JS = "text/javascript; charset=utf-8"
PAGE = (
    '<!doctype html>\n<html lang="en">\n<title>What to do tonight</title>\n<h1>What to do tonight</h1>\n{body}</html>\n'
)


class _Answers(BaseHTTPRequestHandler):
    def __init__(self, portal: Portal, *connection: Any) -> None:
        self._portal = portal
        super().__init__(*connection)

    def do_GET(self) -> None:
        media_type, content = self._portal.pages.get(self.path, ("text/plain", ""))
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Security-Policy", self._portal.policy)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


@pytest.fixture
def portal() -> Iterator[Portal]:
    opened = Portal()
    yield opened
    opened.close()


def visit(window: Windows, site: Site, portal: Portal) -> Window:
    """A visitor of the portal, who has never been on the site itself."""
    visitor = window(site)
    visitor.page.goto(f"{portal.url}/")
    return visitor


def forget_the_browser_s_own(visitor: Window) -> None:
    """The browser itself reports every request that was refused; nothing else may have been complained of."""
    assert visitor.complaints
    assert all("403" in text or "401" in text for text in visitor.complaints), visitor.complaints
    visitor.complaints.clear()


def test_a_seat_is_bought_on_somebody_else_s_page(make_site: Sites, window: Windows, portal: Portal) -> None:
    site = make_site(SEATSERVER_ALLOWED_ORIGINS=portal.url)
    portal.embed(site)
    ann, ben = visit(window, site, portal), window(site)
    ann.expect_status("live")
    ben.open_map()
    ann.page.evaluate("""() => {
      window.booked = new Promise((done) =>
        addEventListener("seat-map-booked", ({ detail }) => done(detail), { once: true }));
    }""")
    ann.click("B-2", "B-3")
    ann.expect_seats(B2="mine", B3="mine")
    ben.expect_seats(B2="held", B3="held")
    ann.basket.get_by_role("button", name="Book for €22.00").click()
    booked = ann.page.evaluate("window.booked")
    assert (booked["status"], booked["seats"], booked["totalMinor"]) == ("confirmed", ["B-2", "B-3"], 2200)
    ben.expect_seats(B2="sold", B3="sold")
    address = f"{site.url}/api/v1/bookings/{booked['bookingId']}"
    found = httpx.get(address, headers={"Authorization": f"Bearer {site.admin_token}"}, trust_env=False).json()
    assert [seat["label"] for seat in found["seats"]] == ["B-2", "B-3"]
    ann.part("bookings").get_by_role("link").click()
    ann.page.wait_for_url(f"{site.url}/bookings/*")
    expect(ann.page.get_by_role("article").get_by_role("rowheader")).to_have_text(["B-2", "B-3", "Total"])


def test_the_client_alone_works_on_somebody_else_s_page(make_site: Sites, window: Windows, portal: Portal) -> None:
    site = make_site(SEATSERVER_ALLOWED_ORIGINS=portal.url)
    portal.embed(site, ALONE)
    ann = visit(window, site, portal)
    expect(ann.page.locator("output")).to_contain_text("live")
    status = ann.page.evaluate("""async () => {
      const held = await client.hold([8, 9]);
      const { status } = await client.book(held.hold_id);
      return status;
    }""")
    assert status == "confirmed"


def test_a_page_that_is_not_allowed_reads_why(site: Site, window: Windows, portal: Portal) -> None:
    portal.embed(site)
    ann = visit(window, site, portal)
    expect(ann.map).to_contain_text(f"pages of {portal.url} may not use this server")
    expect(ann.map).to_contain_text("SEATSERVER_ALLOWED_ORIGINS")
    forget_the_browser_s_own(ann)
    portal.embed(site, ALONE)
    ben = visit(window, site, portal)
    expect(ben.page.locator("output")).to_contain_text(f"pages of {portal.url} may not use this server")
    expect(ben.page.locator("output")).to_contain_text("stopped")
    forget_the_browser_s_own(ben)


def test_a_listed_origin_opens_nothing_to_others(make_site: Sites, window: Windows, portal: Portal) -> None:
    site = make_site(SEATSERVER_ALLOWED_ORIGINS="https://portal.example")
    portal.embed(site)
    ann = visit(window, site, portal)
    expect(ann.map).to_contain_text("may not use this server")
    refused = ann.page.evaluate(
        """(url) => new Promise((done) => {
          const socket = new WebSocket(url);
          socket.onopen = () => done("open");
          socket.onclose = () => done("closed");
        })""",
        f"ws{site.url.removeprefix('http')}/ws/showtimes/{SHOWTIME}",
    )
    assert refused == "closed"
    forget_the_browser_s_own(ann)


def test_our_pages_stand_in_frames_only_where_the_house_says_so(
    make_site: Sites, window: Windows, portal: Portal
) -> None:
    frame = '<iframe title="Seats" width="1000" height="800" src="{url}/showtimes/tonight"></iframe>\n'
    closed, opened = make_site(), make_site(SEATSERVER_FRAME_ANCESTORS=portal.url)
    portal.embed(closed, frame)
    ann = window(closed)
    with ann.page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        ann.page.goto(f"{portal.url}/")
    expect(ann.page.frame_locator("iframe").locator("seat-map")).to_have_count(0)
    ann.complaints.clear()
    portal.embed(opened, frame)
    ben = visit(window, opened, portal)
    shown = ben.page.frame_locator("iframe")
    expect(shown.locator("seat-map [part~=status]")).to_have_attribute("data-status", "live")
    expect(shown.get_by_role("heading", name="The Long Night")).to_be_visible()
