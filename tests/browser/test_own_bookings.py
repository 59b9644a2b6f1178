"""My bookings, and the pages in German, across the whole site."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from icalendar import Calendar
from playwright.sync_api import Route, expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site
from tests.browser.test_booking import Guest, settle
from tests.browser.test_front import is_accessible

Windows = Callable[..., Window]
GERMAN = {"locale": "de-DE"}


@pytest.fixture
def guest(site: Site) -> Guest:
    return Guest(site)


def test_my_bookings_lists_this_browsers_bookings_and_links_to_the_tickets(
    site: Site, window: Windows, guest: Guest
) -> None:
    paid, unpaid, gone = guest.book("B-2", "B-3"), guest.book("C-2", pay_later=True), guest.book("C-1")
    settle(site, gone, "cancel")
    ann = guest.open(window, paid)
    expect(ann.page.get_by_role("article")).to_be_visible()
    reference = ann.page.locator(".number b").inner_text()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4} [0-9A-HJKMNP-TV-Z]{4}", reference)
    ann.page.get_by_role("link", name="My bookings").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("My bookings")
    expect(ann.page.get_by_role("link", name="My bookings")).to_have_attribute("aria-current", "page")
    coming = ann.page.locator("section", has=ann.page.get_by_role("heading", name="Coming up")).locator(".booking")
    earlier = ann.page.locator("section", has=ann.page.get_by_role("heading", name="Earlier")).locator(".booking")
    expect(coming).to_have_count(2)
    expect(earlier).to_contain_text(["Cancelled"])
    pending = coming.filter(has_text="Waiting for your payment")
    expect(pending).to_contain_text("left")
    expect(pending).to_contain_text("C-2")
    settle(site, unpaid, "confirm")
    expect(coming.filter(has_text="Confirmed")).to_have_count(2)
    ticket = coming.filter(has_text="B-2 and B-3")
    expect(ticket).to_contain_text(reference)
    expect(ticket).to_contain_text("€22.00")
    assert is_accessible(ann.page) == []
    ticket.click()
    expect(ann.page.locator(".number b")).to_have_text(reference)


def test_show_more_adds_bookings_once_and_the_list_keeps_refreshing(site: Site, window: Windows, guest: Guest) -> None:
    for seat in ("A-3", "B-2", "C-2"):
        guest.book(seat)
    newest = guest.book("B-3", pay_later=True)
    ann = guest.open(window, newest)
    expect(ann.page.get_by_role("article")).to_be_visible()
    held: list[Route] = []
    is_held = False

    def ask(route: Route) -> None:
        """Pages of two; the first one is held up where the test says so."""
        url = route.request.url.replace("limit=20", "limit=2")
        if is_held and "after=" not in url:
            held.append(route)
        else:
            route.continue_(url=url)

    ann.page.route("**/api/v1/bookings?*", ask)
    ann.open("/bookings")
    bookings = ann.page.locator(".booking")
    expect(bookings).to_have_count(2)
    is_held = True
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    ann.wait_until(lambda: held)
    ann.page.get_by_role("button", name="Show more").evaluate("button => { button.click(); button.click(); }")
    expect(bookings).to_have_count(4)
    is_held = False
    settle(site, newest, "confirm")
    for route in held:
        route.continue_(url=route.request.url.replace("limit=20", "limit=2"))
    expect(bookings.filter(has_text="Confirmed")).to_have_count(4)
    later = guest.book("C-1", pay_later=True)
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(bookings).to_have_count(5)
    settle(site, later, "confirm")
    expect(bookings.filter(has_text="Confirmed")).to_have_count(5)


def test_a_visitor_without_bookings_is_led_to_the_programme_and_becomes_no_guest(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open("/bookings")
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("You have no bookings yet")
    assert not [url for url in ann.requests if "/guests" in url]
    assert is_accessible(ann.page) == []
    ann.page.get_by_role("link", name="See all films and showtimes").click()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("The Long Night")


def test_a_shared_browser_can_forget_its_guest(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("article")).to_be_visible()
    ticket = ann.page.url
    ann.open("/bookings")
    ann.page.get_by_text("Forget me on this browser").click()
    ann.page.get_by_role("button", name="Yes, forget me").click()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("You have no bookings yet")
    assert ann.page.evaluate("localStorage.length") == 0
    ann.page.goto(ticket)
    expect(ann.page.get_by_role("article")).to_contain_text("Confirmed")


def test_a_guest_whose_bookings_cannot_be_listed_can_be_forgotten(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("article")).to_be_visible()
    ann.page.route("**/api/v1/bookings?*", lambda route: route.fulfill(status=401, json={"code": "unauthorized"}))
    ann.page.route("**/guests/renew", lambda route: route.fulfill(status=404, json={"code": "not_found"}))
    ann.open("/bookings")
    forget = ann.page.get_by_text("Forget me on this browser")
    forget.click()
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it stays open when that fails again
    ann.page.get_by_role("button", name="Yes, forget me").click()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("You have no bookings yet")
    expect(forget).to_have_count(0)
    assert ann.page.evaluate("localStorage.length") == 0
    ann.complaints[:] = [one for one in ann.complaints if "401" not in one and "404" not in one]


def test_while_the_server_is_down_the_pages_offer_to_try_again(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    ann.forgives_network = True
    expect(ann.page.get_by_role("article")).to_be_visible()
    for path, heading in (("/bookings", "Coming up"), ("/", "The Long Night")):
        ann.page.route("**/api/v1/**", lambda route: route.abort())
        ann.open(path)
        status = ann.page.get_by_role("status")
        expect(status).to_contain_text("the server does not answer")
        expect(ann.page.locator(".bones:visible")).to_have_count(0)
        ann.page.unroute_all()
        status.get_by_role("button", name="Try again").click()
        expect(ann.page.get_by_role("heading", level=2)).to_have_text(heading)
        expect(status).to_be_empty()


def test_only_the_owner_can_cancel_a_pending_booking_on_its_page(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2", pay_later=True))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    ben = window(site)
    ben.page.goto(ann.page.url)
    expect(ben.page.get_by_role("article")).to_contain_text("Waiting for your payment")
    ben.page.reload()
    expect(ben.page.get_by_role("article")).to_be_visible()
    expect(ben.page.get_by_role("button", name="Cancel booking")).to_have_count(0)
    ann.page.get_by_role("button", name="Cancel booking").click()
    expect(ann.page.get_by_text("Give up these seats?")).to_be_visible()
    expect(ann.page.get_by_role("button", name="Keep them")).to_be_focused()
    ann.page.get_by_role("button", name="Yes, cancel").click()
    expect(ann.page.get_by_role("article")).to_contain_text("The seats are free again")


def test_the_owner_can_cancel_after_a_reload_and_by_the_link_too(site: Site, window: Windows, guest: Guest) -> None:
    """The address has the key by then, which opens the booking to anybody who has the link."""
    ann = guest.open(window, guest.book("B-2", pay_later=True))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    assert "#key=" in ann.page.url
    ann.page.reload()
    expect(ann.page.get_by_role("article")).to_be_visible()
    ann.page.get_by_role("button", name="Cancel booking").click()
    ann.page.get_by_role("button", name="Yes, cancel").click()
    expect(ann.page.get_by_role("article")).to_contain_text("The seats are free again")


def test_a_visitor_with_only_the_link_cannot_cancel_and_becomes_no_guest(
    site: Site, window: Windows, guest: Guest
) -> None:
    ann = guest.open(window, guest.book("B-2", pay_later=True))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    nobody, another = window(site), Guest(site).open(window, uuid4())
    over = window(site)
    over.open("/docs")
    forged = {"token": "over", "user_id": "g", "renewal": "over"}
    over.page.evaluate("guest => { localStorage['seatserver.guest'] = JSON.stringify(guest); }", forged)
    for stranger in (nobody, another, over):
        stranger.requests.clear()
        stranger.page.goto(ann.page.url)
        stranger.page.reload()
        expect(stranger.page.get_by_role("article")).to_contain_text("Waiting for your payment")
        expect(stranger.page.get_by_role("button", name="Cancel booking")).to_have_count(0)
        # Whose token is over may be the owner still, so a renewal is asked for; nobody is made a new guest.
        asked = [url for url in stranger.requests if "/guests" in url]
        assert all(url.endswith("/guests/renew") for url in asked) and bool(asked) == (stranger is over)
        assert all("401" in text or "404" in text for text in stranger.complaints), stranger.complaints
        stranger.complaints.clear()


def test_a_ticket_can_be_added_to_a_calendar(window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2", "B-3"))
    reference = ann.page.locator(".number b").inner_text()
    with ann.page.expect_download() as download:
        ann.page.get_by_role("button", name="Add to calendar").click()
    assert download.value.suggested_filename == f"booking-{reference.replace(' ', '-')}.ics"
    events: list[Any] = list(Calendar.from_ical(download.value.path().read_bytes()).walk("VEVENT"))
    [event] = events
    assert event["SUMMARY"] == "The Long Night"
    assert reference in event["DESCRIPTION"]


# ---------------------------------------------------------------- languages


@pytest.mark.parametrize("context", [GERMAN, {"locale": "en-IE"}])
def test_a_page_is_in_one_language(site: Site, window: Windows, guest: Guest, context: dict[str, Any]) -> None:
    """Words, days and prices of every page of visitors."""
    german = context is GERMAN
    paid, unpaid = guest.book("B-2"), guest.book("B-3", pay_later=True)
    ann = guest.open(window, paid, **context)
    seen = []
    for path, shown in (
        ("/", ".show[title]"),
        (f"/bookings/{paid}", "article"),
        (f"/bookings/{unpaid}", "article"),
        ("/bookings", ".booking >> nth=1"),
        (f"/bookings/{uuid4()}", ".staff"),
        ("/bookings/x", "main a"),
        ("/showtimes/nope", "main a"),
    ):
        ann.open(path)
        expect(ann.page.locator(shown).first).to_be_visible()
        assert ann.page.evaluate("document.documentElement.lang") == ("de" if german else "en")
        seen.append(ann.page.locator("body").inner_text())
    text = re.sub(r"The Long Night|Deutsch|English", "", "\n".join(seen))
    foreign = {
        True: r"\b(the|your|seats?|showtimes|today|tomorrow|(mon|tues|wednes|thurs|fri|satur|sun)day|booking|€\d)",
        False: r"\b(der|die|das|Ihre|Plätze|Vorstellung|Heute|\w+tag|Buchung|\d,\d\d\s€)\b",
    }
    assert re.findall(foreign[german], text, re.IGNORECASE) == []
    assert re.search(r"11,00\s€" if german else "€11.00", text)
    ann.complaints[:] = [one for one in ann.complaints if "404" not in one]


def test_a_german_page_shows_no_english_error_messages(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"), **GERMAN)
    expect(ann.page.get_by_role("article")).to_be_visible()
    problem = {"detail": "the database does not answer", "code": "unavailable", "retryable": True, "facts": {}}
    ann.page.route("**/api/v1/bookings?*", lambda route: route.fulfill(status=503, json=problem))
    ann.open("/bookings")
    told = "Ihre Buchungen lassen sich gerade nicht anzeigen: Der Server kann das gerade nicht."
    expect(ann.page.get_by_role("status")).to_contain_text(told)
    assert all("503" in text for text in ann.complaints), ann.complaints
    ann.complaints.clear()


def test_switching_the_language_lasts_and_keeps_the_ticket_open(site: Site, window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    ben = window(site)
    ben.page.goto(ann.page.url)
    expect(ben.page.get_by_role("article")).to_contain_text("Confirmed")
    ben.page.get_by_role("link", name="Deutsch").click()
    expect(ben.page.get_by_role("article")).to_contain_text("Bestätigt")
    assert ben.page.url == ann.page.url
    ben.open(f"/showtimes/{SHOWTIME}")
    expect(ben.basket).to_contain_text("Ihre Plätze")
    ben.page.get_by_role("link", name="English").click()
    expect(ben.basket).to_contain_text("Your seats")


def test_an_unknown_showtime_is_a_404_that_leads_to_the_programme(site: Site, window: Windows) -> None:
    ann = window(site)
    answer = ann.page.goto(f"{site.url}/showtimes/nope")
    assert answer is not None
    assert answer.status == 404
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("There is no such showtime")
    assert is_accessible(ann.page) == []
    ann.page.get_by_role("link", name="See all films and showtimes").click()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("The Long Night")
    assert all("404" in text for text in ann.complaints)
    ann.complaints.clear()
