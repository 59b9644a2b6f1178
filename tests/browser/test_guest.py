"""A browser is one guest, across tabs and restarts, until its token can no longer be renewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, WebSocketRoute, expect

from seatserver.access.tokens import Tokens
from seatserver.config import Settings
from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

Windows = Callable[..., Window]
USER = "document.querySelector('seat-map')?.client?.welcome?.user"
GUEST = "JSON.parse(localStorage['seatserver.guest'])"
BOOK_LATER = "async ({ client }) => (await client.book([...client.holds.keys()][0], { payLater: true })).booking_id"


class Tab(Window):
    """Another tab of the same browser."""

    def __init__(self, first: Window) -> None:
        self.url, self.complaints, self.requests = first.url, first.complaints, first.requests
        self.forgives_network, self.has_touch = False, first.has_touch
        context: BrowserContext = first.page.context
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


def user(window: Window) -> str:
    window.wait_until(lambda: window.page.evaluate(USER))
    found: str = window.page.evaluate(USER)
    return found


@pytest.fixture
def ann(site: Site, window: Windows) -> Window:
    opened = window(site)
    opened.open_map()
    return opened


def test_a_second_tab_shows_the_visitors_seats_as_their_own(ann: Window) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    tab = Tab(ann)
    tab.open_map()
    tab.expect_seats(B2="mine")
    assert user(tab) == user(ann)
    tab.click("B-3")
    ann.expect_seats(B2="mine", B3="mine")


def test_tabs_that_open_together_are_one_guest(site: Site, window: Windows) -> None:
    first = window(site)
    first.open("/docs")
    tabs = [Tab(first) for _ in range(4)]
    for tab in tabs:
        tab.page.goto(f"{site.url}/showtimes/{SHOWTIME}", wait_until="commit")
    assert len({user(tab) for tab in tabs}) == 1


def test_tabs_of_a_page_without_locks_agree_on_one_guest_too(site: Site, window: Windows) -> None:
    first = window(site)
    # As on plain http, where browsers have none.
    first.page.context.add_init_script("Object.defineProperty(navigator, 'locks', { value: undefined })")
    first.open("/docs")
    tabs = [Tab(first) for _ in range(3)]
    for tab in tabs:
        tab.page.goto(f"{site.url}/showtimes/{SHOWTIME}", wait_until="commit")
    first.wait_until(lambda: len({user(tab) for tab in tabs}) == 1)


def test_a_visitor_who_reopens_the_tab_finds_seats_and_bookings(ann: Window) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    ann.basket.get_by_role("button", name="Book for").click()
    expect(ann.part("bookings")).to_contain_text("B-2")
    tab = Tab(ann)
    ann.page.close()
    tab.open_map()
    tab.expect_seats(B2="booked")
    tab.part("bookings").get_by_role("link", name="Show ticket").click()
    expect(tab.page.get_by_role("article")).to_contain_text("Confirmed")


def test_a_guest_whose_token_expired_stays_the_same_guest(settings: Settings, ann: Window) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    before = user(ann)
    stale = Tokens(settings).mint(before, ["watch", "hold", "book"], -60)
    ann.page.evaluate(
        f"token => {{ localStorage['seatserver.guest'] = JSON.stringify({{ ...{GUEST}, token }}); }}", stale
    )
    ann.page.reload()
    ann.expect_seats(B2="mine")
    assert user(ann) == before


def test_a_guest_whose_renewal_expired_too_becomes_a_new_guest(site: Site, settings: Settings, ann: Window) -> None:
    before = user(ann)
    stale = Tokens(settings).mint(before, ["watch", "hold", "book"], -60)
    kept = f"{{ ...{GUEST}, token, renewal: 'long ago' }}"
    ann.page.evaluate(f"token => {{ localStorage['seatserver.guest'] = JSON.stringify({kept}); }}", stale)
    ann.page.reload()
    ann.expect_status("live")
    assert user(ann) != before
    assert all("401" in text for text in ann.complaints), ann.complaints
    ann.complaints.clear()


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "json": {"code": "not_found", "detail": "there is nothing at /api/v1/guests/renew"}},
        {"status": 401, "body": "<html>A proxy asks for a password.</html>"},
        {"status": 400, "json": {"code": "bad_request", "detail": "not understood"}},
        {"status": 503, "json": {"code": "unavailable", "detail": "the database does not answer", "retryable": True}},
    ],
    ids=["an older instance", "a proxy", "another one", "an outage"],
)
def test_a_new_guest_is_made_only_when_the_server_says_the_old_one_expired(
    settings: Settings, ann: Window, answer: dict[str, Any]
) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    before = user(ann)
    stale = Tokens(settings).mint(before, ["watch", "hold", "book"], -60)
    ann.page.evaluate(
        f"token => {{ localStorage['seatserver.guest'] = JSON.stringify({{ ...{GUEST}, token }}); }}", stale
    )
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(**answer)

    ann.page.route("**/guests/renew", refuse)
    ann.page.reload()
    ann.wait_until(lambda: asked)
    ann.expect_status("waiting")
    assert ann.page.evaluate(f"{GUEST}.token") == stale
    ann.page.unroute("**/guests/renew")
    ann.expect_seats(B2="mine")
    assert user(ann) == before
    ann.complaints[:] = [one for one in ann.complaints if str(answer["status"]) not in one]


def test_a_forgotten_guest_is_not_renewed_as_the_one_that_another_tab_has_made(ann: Window) -> None:
    user(ann)
    renew = """async (guest) => {
      const { renewGuest } = await import("/static/shared/guest.js");
      return renewGuest(new URL(location.origin), guest);
    }"""
    known = ann.page.evaluate(GUEST)
    assert ann.page.evaluate(renew, {**known, "token": "an older one"}) == known["token"]
    assert ann.page.evaluate(renew, {"token": "an older one", "user_id": "whom the other tab forgot"}) is None


def test_without_storage_the_map_works_as_long_as_the_page_is_open(site: Site, window: Windows) -> None:
    ann = window(site)
    for store in ("localStorage", "sessionStorage"):
        throws = "{ get() { throw new DOMException('no', 'SecurityError'); } }"
        ann.page.add_init_script(f"Object.defineProperty(window, '{store}', {throws})")
    ann.open_map()
    ann.click("B-2")
    ann.expect_seats(B2="mine")


def test_a_guest_forgotten_in_one_tab_is_forgotten_in_all(ann: Window) -> None:
    tab = Tab(ann)
    tab.open_map()
    before = user(tab)
    ann.page.evaluate("async () => (await import('/static/shared/guest.js')).forgetGuest(new URL(location.origin))")
    tab.wait_until(lambda: tab.page.evaluate(USER) not in (None, before))


def test_a_guest_forgotten_while_a_tab_is_connecting_is_forgotten_there_too(ann: Window) -> None:
    tab = Tab(ann)
    before = user(ann)
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_held = True

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda said: held.append((server, said)) if is_held else server.send(said))

    tab.page.route_web_socket("**/ws/showtimes/*", relay)
    tab.open(f"/showtimes/{SHOWTIME}")
    tab.wait_until(lambda: held)
    ann.page.evaluate("async () => (await import('/static/shared/guest.js')).forgetGuest(new URL(location.origin))")
    tab.wait_until(lambda: tab.page.evaluate("localStorage['seatserver.guest'] === undefined"))
    is_held = False
    for server, said in held:
        server.send(said)
    tab.wait_until(lambda: tab.page.evaluate(USER) not in (None, before))
    tab.expect_status("live")
    assert user(tab) == tab.page.evaluate(f"{GUEST}.user_id")


def test_a_pending_booking_can_be_continued_or_cancelled_in_another_tab(ann: Window) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    tab = Tab(ann)
    tab.open_map()
    booking = ann.map.evaluate(BOOK_LATER)
    late = Tab(ann)
    late.open_map()
    for one in (ann, tab, late):
        one.expect_seats(B2="booked")
        expect(one.part("bookings")).to_contain_text("payment pending")
        expect(one.part("bookings").locator(".until")).to_contain_text("left")
    tab.part("bookings").get_by_role("button", name="Continue").click()
    tab.page.wait_for_url(f"**/bookings/{booking}*")
    expect(tab.page.get_by_role("article")).to_contain_text("Waiting for your payment")
    late.part("bookings").get_by_role("button", name="Cancel").click()
    expect(late.part("bookings")).to_contain_text("Give up B-2?")
    late.part("bookings").get_by_role("button", name="Keep").click()
    late.part("bookings").get_by_role("button", name="Cancel").click()
    late.part("bookings").get_by_role("button", name="Yes, cancel").click()
    for one in (ann, late):
        expect(one.part("bookings")).to_be_hidden()
        one.expect_seats(B2="free")


def test_a_booking_can_be_cancelled_by_keyboard_but_not_by_pressing_enter_twice(site: Site, window: Windows) -> None:
    ann = window(site, locale="de-DE")
    ann.open_map()
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    ann.map.evaluate(BOOK_LATER)
    bookings = ann.part("bookings")
    cancel, keep, yes = (bookings.get_by_role("button", name=name) for name in ("Stornieren:", "Behalten", "Ja"))
    cancel.focus()
    ann.page.keyboard.press("Enter")
    expect(keep).to_be_focused()
    expect(keep).to_have_accessible_description("B-2 wirklich aufgeben?")
    ann.page.keyboard.press("Enter")
    expect(cancel).to_be_focused()
    ann.expect_seats(B2="booked")
    # Where no answer comes, it can be tried again.
    ann.forgives_network = True
    ann.page.route("**/cancel", lambda route: route.abort())
    ann.page.keyboard.press("Enter")
    yes.press("Enter")
    expect(ann.notices).to_contain_text("Das Stornieren hat nicht geklappt: Der Server antwortet nicht.")
    expect(cancel).to_be_focused()
    ann.page.unroute("**/cancel")
    ann.page.keyboard.press("Enter")
    yes.press("Enter")
    expect(bookings).to_be_hidden()
    expect(ann.basket).to_be_focused()
    ann.expect_seats(B2="free")


def test_focus_stays_on_a_ticket_while_the_bookings_change(ann: Window) -> None:
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    ann.basket.get_by_role("button", name="Book for").click()
    show = ann.part("bookings").get_by_role("link", name="Show ticket")
    show.focus()
    ann.click("B-3")
    ann.expect_seats(B3="mine")
    show.focus()
    ann.map.evaluate(BOOK_LATER)
    expect(ann.part("bookings")).to_contain_text("payment pending")
    expect(show).to_be_focused()


def test_a_page_that_takes_payments_is_told_which_booking_to_continue(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.embed('<seat-map showtime="tonight" checkout="page"></seat-map>')
    ann.page.evaluate("addEventListener('seat-map-continue', ({ detail }) => { window.continued = detail; })")
    ann.expect_status("live")
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    booking = ann.map.evaluate(BOOK_LATER)
    ann.part("bookings").get_by_role("button", name="Continue").click()
    told: dict[str, Any] = ann.page.evaluate("window.continued")
    assert (told["bookingId"], told["status"], told["seats"]) == (booking, "pending", ["B-2"])
