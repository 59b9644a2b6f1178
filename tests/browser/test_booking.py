"""The booking page: what was booked, its status, and the ticket to show at the door or to print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from seatserver.access.tokens import Tokens
from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.wire.values import Places
from tests.browser.conftest import Window
from tests.browser.portal import Portal, portal
from tests.browser.site import PRICES, SHOWTIME, Site, small_hall
from tests.conftest import in_thread
from tests.integration.lounge import LOUNGE, TARIFF, lounge

__all__ = ["portal"]

Windows = Callable[..., Window]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
REMEMBER = "([key, value]) => { localStorage[key] = JSON.stringify(value); }"


class Guest:
    """A guest who books with the Python client, and may open a window afterwards."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.guest = httpx.post(f"{site.url}/api/v1/guests", trust_env=False).json()

    def book(self, *seats: str, showtime: str = SHOWTIME, pay_later: bool = False, **options: Any) -> UUID:
        async def book() -> UUID:
            async with SeatClient(self.site.url, token=self.guest["token"]) as client, client.room(showtime) as room:
                held = await room.hold(*seats, **options)
                return (await room.book(held.hold_id, pay_later=pay_later)).booking_id

        return in_thread(book())

    def open(self, window: Windows, booking: UUID, **context: Any) -> Window:
        """The booking page in a window that knows this guest."""
        opened = window(self.site, **context)
        opened.open("/docs")
        opened.page.evaluate(REMEMBER, ["seatserver.guest", self.guest])
        opened.open(f"/bookings/{booking}")
        return opened


def settle(site: Site, booking: UUID, step: str) -> None:
    """What the payment system does."""
    answer = httpx.post(f"{site.url}/api/v1/bookings/{booking}/{step}", headers=boss(site), trust_env=False)
    assert answer.is_success, answer.text


def boss(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.admin_token}"}


@pytest.fixture
def guest(site: Site) -> Guest:
    return Guest(site)


def test_a_ticket_shows_what_was_booked_and_the_code_that_ushers_scan(
    site: Site, window: Windows, guest: Guest
) -> None:
    booking = guest.book("B-2", "B-3", "D-1", "D-2")
    ann = guest.open(window, booking)
    page = ann.page
    expect(page.get_by_role("heading", level=1)).to_have_text("The Long Night")
    ticket = page.get_by_role("article")
    expect(ticket).to_contain_text("Confirmed")
    expect(ticket).to_contain_text("Rex, Screen One")
    expect(ticket).to_contain_text("(the theatre’s time)")
    expect(ticket.get_by_role("rowheader")).to_have_text(["B-2", "B-3", "D-1", "D-2", "Total"])
    expect(ticket.get_by_role("row", name="D-1")).to_contain_text("€16.00")
    expect(ticket.get_by_role("row", name="Total")).to_contain_text("€54.00")
    picture = ticket.get_by_role("img", name="The ticket’s QR code")
    expect(picture).to_be_visible()
    assert picture.evaluate("async (img) => { await img.decode(); return img.naturalWidth > 0; }")
    code = page.locator(".code").inner_text()
    checked = httpx.post(
        f"{site.url}/api/v1/admissions/check", json={"code": code}, headers=boss(site), trust_env=False
    ).json()
    assert (checked["good"], checked["booking"]["id"]) == (True, str(booking))
    assert [seat["label"] for seat in checked["booking"]["seats"]] == ["B-2", "B-3", "D-1", "D-2"]


def test_a_ticket_shows_prices_with_the_decimals_of_iso_4217(site: Site, window: Windows, guest: Guest) -> None:
    """HUF has two, which Chromium's own table leaves out."""
    site.put_showtime("forints", small_hall(), currency="HUF", prices=dict.fromkeys(PRICES, 290_000))
    ann = guest.open(window, guest.book("B-2", "B-3", showtime="forints"))
    ticket = ann.page.get_by_role("article")
    expect(ticket.get_by_role("row", name="B-2")).to_contain_text("2,900.00")
    expect(ticket.get_by_role("row", name="Total")).to_contain_text("5,800.00")


def test_the_buyers_link_opens_the_ticket_in_any_browser(site: Site, window: Windows, guest: Guest) -> None:
    booking = guest.book("B-2", "B-3", pay_later=True)
    ann = guest.open(window, booking, permissions=["clipboard-read", "clipboard-write"])
    ann.page.get_by_role("button", name="Copy link").click()
    expect(ann.page.get_by_text("Copied.")).to_be_visible()
    link = ann.page.evaluate("navigator.clipboard.readText()")
    assert link == ann.page.url
    assert link.startswith(f"{site.url}/bookings/{booking}#key=")
    phone = window(site, viewport={"width": 390, "height": 800})
    phone.page.goto(link)
    ticket = phone.page.get_by_role("article")
    expect(ticket).to_contain_text("Waiting for your payment")
    settle(site, booking, "confirm")
    expect(ticket).to_contain_text("Confirmed")
    expect(ticket.get_by_role("rowheader")).to_have_text(["B-2", "B-3", "Total"])
    expect(ticket.get_by_role("img", name="The ticket’s QR code")).to_be_visible()
    expect(phone.page.get_by_role("button", name="Copy link")).to_be_visible()
    settle(site, booking, "cancel")
    phone.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(ticket).to_contain_text("Cancelled")
    expect(ticket.get_by_role("img")).to_have_count(0)
    assert not [url for url in phone.requests if "key=" in url.partition("#")[0]]


def test_an_incomplete_link_says_so_and_the_complete_one_opens_the_ticket(
    site: Site, window: Windows, guest: Guest
) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    ben = window(site)
    ben.page.goto(ann.page.url[:-3])
    expect(ben.page.get_by_role("status")).to_contain_text("This link opens no booking. It may be incomplete")
    expect(ben.page.get_by_role("article")).to_have_count(0)
    assert all("404" in text for text in ben.complaints), ben.complaints
    ben.complaints.clear()
    # As a chat writes it at the end of a sentence; the page is open already, so only the fragment changes.
    ben.page.goto(f"{ann.page.url}.")
    expect(ben.page.get_by_role("article")).to_contain_text("Confirmed")


@pytest.mark.long
@pytest.mark.parametrize("behind", [".", "_", "-", ")", "?from=mail", "%20see%20you", "&utm_source=x"])
def test_text_that_a_mail_or_chat_program_appends_to_the_link_does_no_harm(
    site: Site, window: Windows, guest: Guest, behind: str
) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    ben = window(site)
    ben.page.goto(ann.page.url + behind)
    expect(ben.page.get_by_role("article")).to_contain_text("Confirmed")
    cut = window(site)
    cut.page.goto(f"{ann.page.url}a")
    expect(cut.page.get_by_role("status")).to_contain_text("This link opens no booking. It may be incomplete")


@pytest.mark.long
def test_a_late_answer_to_a_wrong_link_does_not_replace_the_right_ticket(
    site: Site, window: Windows, guest: Guest
) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    link = ann.page.url
    wrong = link[:-1] + ("a" if link[-1] != "a" else "b")
    ben = window(site)
    kept: list[Route] = []

    def keep(route: Route) -> None:
        if route.request.headers["authorization"].endswith(wrong.partition("#key=")[2]):
            kept.append(route)
        else:
            route.continue_()

    ben.page.route("**/api/v1/bookings/*", keep)
    ben.page.goto(wrong)
    ben.wait_until(lambda: kept)
    ben.page.goto(link)
    expect(ben.page.get_by_role("article")).to_contain_text("Confirmed")
    with ben.page.expect_response(lambda response: response.status == 404):
        kept[0].continue_()
    ben.page.evaluate("new Promise(done => setTimeout(done, 100))")  # the page has read the answer by then
    expect(ben.page.get_by_role("article")).to_contain_text("Confirmed")
    expect(ben.page.get_by_role("status")).to_be_empty()
    assert all("404" in text for text in ben.complaints), ben.complaints
    ben.complaints.clear()


@pytest.mark.long
def test_where_the_page_may_not_copy_the_link_can_be_copied_by_hand(window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    ann.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ann.page.get_by_role("button", name="Copy link").click()
    expect(ann.page.get_by_text("copy the link yourself")).to_be_visible()
    field = ann.page.get_by_role("textbox", name="The link to your ticket")
    expect(field).to_have_value(ann.page.url)
    expect(field).to_be_focused()
    assert ann.page.evaluate("getSelection().toString()") == ann.page.url
    found = Axe().run(ann.page, options={"runOnly": WCAG}).response["violations"]
    assert [one["id"] for one in found] == []


@pytest.mark.long
def test_in_a_frame_of_another_site_the_link_still_leads_to_the_ticket(
    make_site: Callable[..., Site], window: Windows, portal: Portal
) -> None:
    site = make_site(SEATSERVER_FRAME_ANCESTORS=portal.url)
    ann = Guest(site)
    own = ann.open(window, ann.book("B-2")).page
    expect(own.get_by_role("button", name="Copy link")).to_be_visible()
    portal.embed(site, f'<iframe title="Ticket" width="900" height="900" src="{own.url}"></iframe>')
    framed = window(site)
    framed.page.goto(f"{portal.url}/")
    ticket = framed.page.frame_locator("iframe")
    ticket.get_by_role("button", name="Copy link").click()
    expect(ticket.get_by_role("textbox", name="The link to your ticket")).to_have_value(own.url)
    assert all("lipboard" in text for text in framed.complaints), framed.complaints
    framed.complaints.clear()


def test_the_seat_map_links_to_the_ticket(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open_map()
    ann.click("B-2", "B-3")
    ann.expect_seats(B2="mine", B3="mine")
    ann.basket.get_by_role("button", name="Book for €22.00").click()
    link = ann.part("bookings").get_by_role("link")
    phone = window(site)
    phone.page.goto(link.evaluate("link => link.href"))
    expect(phone.page.get_by_role("article")).to_contain_text("Confirmed")
    link.click()
    ann.page.wait_for_url("**/bookings/*")
    ticket = ann.page.get_by_role("article")
    expect(ticket.get_by_role("rowheader")).to_have_text(["B-2", "B-3", "Total"])
    ann.page.get_by_role("link", name="See the hall").click()
    ann.expect_status("live")
    ann.expect_seats(B2="booked", B3="booked")


@pytest.mark.long
def test_the_printed_page_shows_the_ticket_and_no_controls(window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"), color_scheme="dark")
    expect(ann.page.get_by_role("button", name="Print ticket")).to_be_visible()
    ann.page.emulate_media(media="print")
    expect(ann.page.get_by_role("button")).to_have_count(0)
    expect(ann.page.get_by_role("link")).to_have_count(0)
    ticket = ann.page.get_by_role("article")
    expect(ticket).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(ticket).to_have_css("color", "rgb(0, 0, 0)")
    side_mm = ann.page.get_by_role("img").evaluate("img => img.getBoundingClientRect().width / 96 * 25.4")
    assert 40 < side_mm < 60


def test_an_open_page_shows_a_payment_and_a_cancellation(site: Site, window: Windows, guest: Guest) -> None:
    booking = guest.book("B-2", pay_later=True)
    ann = guest.open(window, booking)
    ticket = ann.page.get_by_role("article")
    expect(ticket).to_contain_text("Waiting for your payment")
    expect(ticket.locator(".deadline")).to_contain_text("left")
    expect(ticket.get_by_role("img")).to_have_count(0)
    settle(site, booking, "confirm")
    expect(ticket).to_contain_text("Confirmed")
    expect(ticket.get_by_role("img")).to_have_count(1)
    settle(site, booking, "cancel")
    ann.page.reload()
    expect(ticket).to_contain_text("Cancelled")
    expect(ticket.get_by_role("img")).to_have_count(0)
    expect(ann.page.get_by_role("button")).to_have_count(0)


def test_with_the_link_an_owner_with_an_expired_token_can_cancel_and_a_friend_cannot(
    settings: Settings, site: Site, window: Windows, guest: Guest
) -> None:
    booking = guest.book("B-2", pay_later=True)
    ann = guest.open(window, booking)
    cancel = ann.page.get_by_role("button", name="Cancel booking")
    expect(cancel).to_be_visible()
    link = ann.page.url
    assert "#key=" in link
    stale = {"token": Tokens(settings).mint(guest.guest["user_id"], ["watch", "hold", "book"], -60)}
    ann.page.evaluate(REMEMBER, ["seatserver.guest", {**guest.guest, **stale}])
    ann.page.goto("about:blank")
    ann.page.goto(link)
    expect(cancel).to_be_visible()
    ann.complaints[:] = [one for one in ann.complaints if "401" not in one]
    ben = Guest(site)
    ben.guest["token"] = Tokens(settings).mint(ben.guest["user_id"], ["watch", "hold", "book"], -60)
    friend = ben.open(window, booking)
    friend.page.goto("about:blank")
    friend.page.goto(link)
    expect(friend.page.get_by_role("article")).to_contain_text("Waiting for your payment")
    expect(friend.page.get_by_role("button", name="Cancel booking")).to_have_count(0)
    friend.complaints[:] = [one for one in friend.complaints if "401" not in one and "404" not in one]
    cancel.click()
    ann.page.get_by_role("button", name="Yes, cancel").click()
    expect(ann.page.get_by_role("article")).to_contain_text("Cancelled")


def test_the_owner_can_cancel_although_somebody_elses_token_was_entered_here(
    site: Site, window: Windows, guest: Guest
) -> None:
    ann = guest.open(window, guest.book("B-2", pay_later=True))
    cancel = ann.page.get_by_role("button", name="Cancel booking")
    expect(cancel).to_be_visible()
    link = ann.page.url
    ann.page.evaluate(
        "token => { sessionStorage['seatserver.token'] = JSON.stringify(token); }", Guest(site).guest["token"]
    )
    ann.page.goto("about:blank")
    ann.page.goto(link)
    cancel.click()
    ann.page.get_by_role("button", name="Yes, cancel").click()
    expect(ann.page.get_by_role("article")).to_contain_text("Cancelled")
    ann.complaints[:] = [one for one in ann.complaints if "404" not in one]


def test_the_link_opens_the_ticket_while_tokens_cannot_be_renewed(
    settings: Settings, window: Windows, guest: Guest
) -> None:
    booking = guest.book("B-2", pay_later=True)
    ann = guest.open(window, booking)
    cancel = ann.page.get_by_role("button", name="Cancel booking")
    expect(cancel).to_be_visible()
    link = ann.page.url
    stale = {"token": Tokens(settings).mint(guest.guest["user_id"], ["watch", "hold", "book"], -60)}
    ann.page.evaluate(REMEMBER, ["seatserver.guest", {**guest.guest, **stale}])
    ann.page.route("**/guests/renew", lambda route: route.fulfill(status=404, json={"code": "not_found"}))
    ann.page.goto("about:blank")
    ann.page.goto(link)
    expect(ann.page.get_by_role("article")).to_contain_text("Waiting for your payment")
    expect(cancel).to_have_count(0)
    ann.page.unroute("**/guests/renew")
    expect(cancel).to_be_visible()
    ann.complaints[:] = [one for one in ann.complaints if "401" not in one and "404" not in one]


def test_the_calendar_file_is_fetched_with_the_token_the_page_uses_now(
    settings: Settings, window: Windows, guest: Guest
) -> None:
    ann = guest.open(window, guest.book("B-2"))
    calendar = ann.page.get_by_role("button", name="Add to calendar")
    expect(calendar).to_be_visible()
    fresh = Tokens(settings).mint(guest.guest["user_id"], ["watch", "hold", "book"], 7_000)
    ann.page.evaluate(REMEMBER, ["seatserver.guest", {**guest.guest, "token": fresh}])
    with ann.page.expect_response("**/admission.svg") as refreshed:
        ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert refreshed.value.request.headers["authorization"] == f"Bearer {fresh}"
    expect(ann.page.get_by_role("status")).to_be_empty()

    def is_asked_with_the_fresh_one() -> bool:
        with ann.page.expect_download(), ann.page.expect_request("**/calendar.ics") as asked:
            calendar.click()
        return asked.value.headers["authorization"] == f"Bearer {fresh}"

    ann.wait_until(is_asked_with_the_fresh_one)  # once the page has read the answer


@pytest.mark.parametrize("failure", ["no network", "no answer", "another tab hangs"])
def test_the_link_opens_the_ticket_though_the_renewal_of_the_guest_hangs_or_is_cut_off(
    settings: Settings, site: Site, window: Windows, guest: Guest, failure: str
) -> None:
    ann = guest.open(window, guest.book("B-2"))
    expect(ann.page.get_by_role("button", name="Copy link")).to_be_visible()
    link = ann.page.url
    stale = {"token": Tokens(settings).mint(guest.guest["user_id"], ["watch", "hold", "book"], -60)}
    ann.page.evaluate(REMEMBER, ["seatserver.guest", {**guest.guest, **stale}])
    asked: list[Route] = []
    ann.page.route("**/guests/renew", lambda route: route.abort() if failure == "no network" else asked.append(route))
    if failure == "another tab hangs":
        other = ann.page.context.new_page()
        other.goto(f"{site.url}/docs")
        other.evaluate("() => { navigator.locks.request('seatserver.guest', () => new Promise(() => {})); }")
    ann.page.goto("about:blank")
    ann.page.goto(link)
    expect(ann.page.get_by_role("article")).to_contain_text("Confirmed")
    assert bool(asked) == (failure == "no answer")
    ann.complaints[:] = [one for one in ann.complaints if "401" not in one and "ERR_FAILED" not in one]


@pytest.mark.long
def test_an_open_page_shows_when_an_unpaid_booking_expires(make_site: Callable[..., Site], window: Windows) -> None:
    site = make_site(SEATSERVER_CLAIM_MS="3000", SEATSERVER_REAP_MS="100")
    guest = Guest(site)
    ann = guest.open(window, guest.book("B-2", pay_later=True))
    expect(ann.page.get_by_role("article")).to_contain_text("Not paid in time")


@pytest.mark.long
def test_unnumbered_places_are_listed_on_one_line(site: Site, window: Windows, guest: Guest) -> None:
    tariff: dict[str, Any] = msgspec.to_builtins(TARIFF)
    site.put_showtime(LOUNGE, lounge(), **{name: tariff[name] for name in ("ticket_types", "fees")})
    booking = guest.book("C-1", showtime=LOUNGE, areas=(Places(area=0, count=3),))
    ticket = guest.open(window, booking).page.get_by_role("article")
    expect(ticket.get_by_role("rowheader")).to_have_text(["C-1", "Lawn × 3", "Fees", "Total"])
    expect(ticket.get_by_role("row", name="Lawn × 3")).to_contain_text("€21.00")
    expect(ticket.get_by_role("row", name="C-1")).to_contain_text("Adult")


@pytest.mark.long
def test_strangers_see_no_booking_and_staff_enter_a_token(site: Site, window: Windows, guest: Guest) -> None:
    booking = guest.book("B-2")
    ben = Guest(site).open(window, booking)
    expect(ben.page.get_by_role("status")).to_contain_text("We found no booking of yours with this number")
    expect(ben.page.get_by_role("article")).to_have_count(0)
    ben.page.get_by_text("For staff").click()
    ben.page.get_by_label("Your token").fill("no token at all")
    ben.page.get_by_role("button", name="Show booking").click()
    expect(ben.page.get_by_role("status")).to_contain_text("This token is not valid, or has expired")
    ben.page.get_by_label("Your token").fill(site.admin_token)
    ben.page.get_by_role("button", name="Show booking").click()
    expect(ben.page.get_by_role("article")).to_contain_text("B-2")
    expect(ben.page.get_by_role("button", name="Copy link")).to_have_count(0)
    assert ben.page.url == f"{site.url}/bookings/{booking}"
    # The browser itself reports what was refused.
    assert all("404" in text or "401" in text for text in ben.complaints), ben.complaints
    ben.complaints.clear()
    strangers = window(site)
    strangers.open(f"/bookings/{uuid4()}")
    expect(strangers.page.get_by_role("status")).to_contain_text("This browser does not know you")


@pytest.mark.long
def test_a_half_entered_token_survives_a_switch_to_another_window(site: Site, window: Windows) -> None:
    ben = window(site)
    ben.open(f"/bookings/{uuid4()}")
    ben.page.get_by_text("For staff").click()
    token = ben.page.get_by_label("Your token")
    token.fill("half of it")
    with ben.page.expect_console_message() as refused:
        ben.page.evaluate("sessionStorage['seatserver.token'] = JSON.stringify('no token at all')")
        ben.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert "401" in refused.value.text
    expect(ben.page.get_by_role("status")).to_contain_text("This token is not valid, or has expired")
    expect(token).to_have_value("half of it")
    expect(token).to_be_focused()
    ben.complaints.clear()


@pytest.mark.long
def test_an_outage_leaves_the_ticket_on_the_screen(window: Windows, guest: Guest) -> None:
    ann = guest.open(window, guest.book("B-2"))
    ann.forgives_network = True
    expect(ann.page.get_by_role("article")).to_contain_text("Confirmed")
    ann.page.context.set_offline(True)
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(ann.page.get_by_role("status")).to_contain_text("This may be out of date")
    expect(ann.page.get_by_role("img")).to_be_visible()
    ann.page.context.set_offline(False)
    expect(ann.page.get_by_role("status")).to_be_empty()


@pytest.mark.long
@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 320, "height": 640}}])
def test_the_booking_page_is_for_everyone(site: Site, window: Windows, guest: Guest, context: dict[str, Any]) -> None:
    for booking in (guest.book("B-2"), guest.book("C-1", pay_later=True)):
        ann = guest.open(window, booking, **context)
        expect(ann.page.get_by_role("article")).to_be_visible()
        found = Axe().run(ann.page, options={"runOnly": WCAG}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_unknown_address_gets_a_page_with_a_way_on(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open("/shows/tonight")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    found = Axe().run(ann.page, options={"runOnly": WCAG}).response["violations"]
    assert [one["id"] for one in found] == []
    ann.page.get_by_role("link", name="See all films and showtimes").click()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("The Long Night")
    assert all("404" in text for text in ann.complaints)
    ann.complaints.clear()
