"""The seat map on another site's page: a different origin with a strict security policy, and two lines of HTML."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.portal import ALONE_JS, JS, Portal, portal
from tests.browser.site import SHOWTIME, Site

pytestmark = pytest.mark.long

__all__ = ["portal"]

Windows = Callable[..., Window]
Sites = Callable[..., Site]

ALONE = """\
<output></output>
<script type="module" src="/alone.js" data-server="{url}"></script>
"""
"""A page that brings its own picture of the hall and takes only our client."""


def visit(window: Windows, site: Site, portal: Portal) -> Window:
    """A visitor of the portal, who has never been on the site itself."""
    visitor = window(site)
    visitor.page.goto(f"{portal.url}/")
    return visitor


def expect_told_the_settings(visitor: Window) -> None:
    """Whoever made the page reads on the console which settings allow it."""
    assert any("SEATSERVER_ALLOWED_ORIGINS" in text for text in visitor.complaints)
    visitor.complaints = [text for text in visitor.complaints if "SEATSERVER" not in text]
    visitor.forgives_network = True
    forget_the_browser_s_own(visitor)


def forget_the_browser_s_own(visitor: Window) -> None:
    """The browser itself reports every request that was refused; nothing else may have been complained of.

    On a slow machine the next attempt has begun when the client learns the reason and stops, and that is reported too.
    """
    assert visitor.complaints
    own = ("403", "401", "WebSocket is closed before the connection is established")
    assert all(any(it in text for it in own) for text in visitor.complaints), visitor.complaints
    visitor.complaints.clear()


def test_a_seat_can_be_bought_on_another_sites_page(make_site: Sites, window: Windows, portal: Portal) -> None:
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


def test_the_client_alone_works_on_another_sites_page(make_site: Sites, window: Windows, portal: Portal) -> None:
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


def test_a_page_that_is_not_allowed_is_told_why(site: Site, window: Windows, portal: Portal) -> None:
    portal.embed(site)
    ann = visit(window, site, portal)
    expect(ann.map).to_contain_text("This showtime cannot be shown: this page is not allowed to show it.")
    expect(ann.map).not_to_contain_text("SEATSERVER")
    assert any(f"pages of {portal.url} may not use this server" in text for text in ann.complaints)
    expect_told_the_settings(ann)
    portal.embed(site, ALONE)
    ben = visit(window, site, portal)
    expect(ben.page.locator("output")).to_have_text(f"stopped: pages of {portal.url} may not use this server")
    forget_the_browser_s_own(ben)


def test_the_client_alone_finds_out_why_its_page_is_refused(site: Site, window: Windows, portal: Portal) -> None:
    portal.pages["/alone.js"] = (JS, ALONE_JS.replace("{ token }", '{ token: "of whoever signed in here" }'))
    portal.embed(site, ALONE)
    ann = visit(window, site, portal)
    expect(ann.page.locator("output")).to_have_text(f"stopped: pages of {portal.url} may not use this server")
    assert ann.page.evaluate("[client.stoppedBy, client.closeCode]") == ["server", 4003]
    expect_told_the_settings(ann)


def test_allowing_one_origin_allows_no_other(make_site: Sites, window: Windows, portal: Portal) -> None:
    site = make_site(SEATSERVER_ALLOWED_ORIGINS="https://portal.example")
    portal.embed(site)
    ann = visit(window, site, portal)
    expect(ann.map).to_contain_text("this page is not allowed to show it")
    refused = ann.page.evaluate(
        """(url) => new Promise((done) => {
          const socket = new WebSocket(url);
          socket.onopen = () => done("open");
          socket.onclose = () => done("closed");
        })""",
        f"ws{site.url.removeprefix('http')}/ws/showtimes/{SHOWTIME}",
    )
    assert refused == "closed"
    expect_told_the_settings(ann)


def test_our_pages_open_in_frames_only_of_allowed_origins(make_site: Sites, window: Windows, portal: Portal) -> None:
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
