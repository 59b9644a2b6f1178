"""The seat map page, in real windows on a real server."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Window, says
from tests.browser.site import Site

Windows = Callable[..., Window]
SOCKETS = re.compile("/ws/showtimes/")


@pytest.fixture
def two(site: Site, window: Windows) -> tuple[Window, Window]:
    """Two visitors who look at the same live map."""
    pair = window(site), window(site)
    for one in pair:
        one.open_map()
    return pair


def test_a_click_in_one_window_shows_in_the_other(two: tuple[Window, Window]) -> None:
    ann, ben = two
    ann.click("A-3", "B-4")
    ann.expect_seats(A3="mine", B4="mine", A2="free", C6="blocked")
    ben.expect_seats(A3="held", B4="held", A2="free", C6="blocked")
    expect(ann.basket).to_contain_text("€22.00")
    ann.click("A-3")
    ann.expect_seats(A3="free", B4="mine")
    ben.expect_seats(A3="free", B4="held")


def test_a_seat_goes_to_exactly_one_of_two_who_click_at_once(two: tuple[Window, Window]) -> None:
    for number in range(1, 7):
        # No waiting in between: neither has seen the other's click.
        for one in two:
            one.click(f"B-{number}")
        for one in two:
            one.expect_seats(**{f"B{number}": "mine|held"})
        assert sorted(str(one.state(f"B-{number}")) for one in two) == ["held", "mine"]


def test_the_loser_of_a_race_is_told_which_seat_and_why(site: Site, window: Windows) -> None:
    ann, ben = window(site), window(site)

    def without_news(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(lambda message: None if says(message, "delta") else route.send(message))

    ben.page.route_web_socket(SOCKETS, without_news)
    for one in (ann, ben):
        one.open_map()
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    ben.click("A-3")
    expect(ben.notices).to_contain_text("A-3 is being held by someone else")
    expect(ben.basket).to_have_attribute("data-empty", "true")


def test_a_sofa_is_held_and_given_back_as_a_whole(two: tuple[Window, Window]) -> None:
    ann, ben = two
    ann.click("D-1")
    ann.expect_seats(D1="mine", D2="mine", D3="free")
    ben.expect_seats(D1="held", D2="held", D3="free")
    expect(ann.basket.locator("li strong")).to_have_text(["D-1", "D-2"])
    ann.click("D-2")
    ben.expect_seats(D1="free", D2="free")


def test_booked_seats_are_sold_for_everyone_even_after_a_reload(two: tuple[Window, Window]) -> None:
    ann, ben = two
    ann.click("A-3", "D-1")
    ann.basket.get_by_role("button", name="Book for €43.00").click()
    expect(ann.notices).to_contain_text("Booked: A-3, D-1 and D-2.")
    expect(ann.part("bookings")).to_contain_text("A-3")
    ann.expect_seats(A3="booked", D1="booked", D2="booked")
    ben.expect_seats(A3="sold", D1="sold", D2="sold")
    expect(ann.basket).to_have_attribute("data-empty", "true")
    ann.page.reload()
    ann.expect_seats(A3="booked", D1="booked", D2="booked")


def test_a_reload_keeps_the_held_seats(two: tuple[Window, Window]) -> None:
    ann, _ = two
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    ann.page.reload()
    ann.expect_seats(A3="mine")
    expect(ann.basket).to_contain_text("A-3")


def test_an_expired_token_is_replaced_by_a_fresh_one(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open_map()
    user = ann.map.evaluate("map => map.client.welcome.user")
    ann.page.evaluate(
        "const kept = JSON.parse(localStorage['seatserver.guest']); kept.token = 'stale';"
        "localStorage['seatserver.guest'] = JSON.stringify(kept)"
    )
    ann.page.reload()
    ann.expect_status("live")
    assert ann.map.evaluate("map => map.client.welcome.user") == user
    ann.click("A-3")
    ann.expect_seats(A3="mine")


def test_a_visitor_who_may_only_watch_sees_the_map_and_is_told_so(
    make_site: Callable[..., Site], window: Windows
) -> None:
    ann = window(make_site(SEATSERVER_GUEST_SCOPES="watch"))
    ann.open_map()
    ann.click("A-3")
    expect(ann.notices).to_contain_text("You can look at seats here, but not hold them.")
    ann.expect_seats(A3="free")


def test_the_basket_can_be_cleared_at_once(two: tuple[Window, Window]) -> None:
    ann, ben = two
    ann.click("A-2", "A-3", "D-3")
    ben.expect_seats(A2="held", A3="held", D4="held")
    ann.basket.get_by_role("button", name="Clear basket").click()
    ben.expect_seats(A2="free", A3="free", D3="free", D4="free")


@pytest.mark.long
def test_more_seats_than_allowed_are_refused_with_the_limit(make_site: Callable[..., Site], window: Windows) -> None:
    ann = window(make_site(SEATSERVER_SEATS_PER_USER="2"))
    ann.open_map()
    ann.click("A-2", "A-3", "A-4")
    expect(ann.notices).to_contain_text("You can hold at most 2 seats.")
    ann.expect_seats(A2="mine", A3="mine", A4="free")


@pytest.mark.long
def test_the_clock_runs_and_can_be_extended(make_site: Callable[..., Site], window: Windows) -> None:
    ann = window(make_site(SEATSERVER_HOLD_MS="60000", SEATSERVER_HOLD_TOTAL_MS="600000"))
    ann.open_map()
    ann.click("A-3")
    clock = ann.part("countdown")
    expect(clock).to_have_text(re.compile("0:([0-4].|5[0-4])"))
    ann.basket.get_by_role("button", name="More time").click()
    expect(clock).to_have_text(re.compile("1:00|0:5[5-9]"))


def test_an_expired_hold_is_free_in_both_windows_and_its_owner_is_told(
    make_site: Callable[..., Site], window: Windows
) -> None:
    site = make_site(SEATSERVER_HOLD_MS="6000", SEATSERVER_HOLD_TOTAL_MS="6000")
    ann, ben = window(site), window(site)
    for one in (ann, ben):
        one.open_map()
    ann.click("A-3")
    ben.expect_seats(A3="held")
    ben.expect_seats(A3="free")
    ann.expect_seats(A3="free")
    expect(ann.notices).to_contain_text("Time ran out: A-3 is free again")


def test_a_killed_server_is_shown_as_such_and_its_return_restores_the_map(site: Site, window: Windows) -> None:
    ann, ben = window(site), window(site)
    for one in (ann, ben):
        one.forgives_network = True
        one.open_map()
    ann.click("A-2")
    ann.basket.get_by_role("button", name="Book").click()
    ann.expect_seats(A2="booked")
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    site.kill()
    for one in (ann, ben):
        expect(one.part("frozen")).to_contain_text("This map is not live")
        expect(one.map.locator(".stage")).to_have_attribute("data-frozen", "true")
    expect(ann.basket.get_by_role("button", name="Book")).to_be_disabled()
    site.start()
    for one in (ann, ben):
        one.expect_status("live")
        expect(one.part("frozen")).to_be_hidden()
        expect(one.map.locator(".stage")).to_have_attribute("data-frozen", "false")
    ann.expect_seats(A2="booked", A3="mine")
    ben.expect_seats(A2="sold", A3="held")
    ann.click("B-1")
    ben.expect_seats(B1="held")


def test_a_lost_delta_is_noticed_and_recovered(site: Site, window: Windows) -> None:
    ann, ben = window(site), window(site)
    lost: list[str] = []

    def lose_one(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def forward(message: str | bytes) -> None:
            if says(message, "delta") and not lost:
                lost.append(str(message))
            else:
                route.send(message)

        server.on_message(forward)

    ben.page.route_web_socket(SOCKETS, lose_one)
    for one in (ann, ben):
        one.open_map()
    ann.click("A-2")
    ann.expect_seats(A2="mine")
    ben.wait_until(lambda: lost)
    ann.click("A-3")
    ben.expect_seats(A2="held", A3="held")


def test_a_hold_whose_answer_was_lost_is_repeated_and_made_once(site: Site, window: Windows) -> None:
    ann, ben = window(site), window(site)
    asked: list[str | bytes] = []

    def lose_the_answer(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def to_page(message: str | bytes) -> None:
            if says(message, "held") and len(asked) == 1:
                route.close(code=1011, reason="lost")
                server.close()
            else:
                route.send(message)

        def to_server(message: str | bytes) -> None:
            if says(message, "hold_id"):
                asked.append(message)
            server.send(message)

        server.on_message(to_page)
        route.on_message(to_server)

    ann.page.route_web_socket(SOCKETS, lose_the_answer)
    for one in (ann, ben):
        one.open_map()
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    expect(ann.basket.locator("li")).to_have_count(1)
    ben.expect_seats(A3="held")
    hold_ids = {msgspec.msgpack.decode(message)["hold_id"] for message in asked if isinstance(message, bytes)}
    assert (len(asked), len(hold_ids)) == (2, 1)


def test_a_seat_can_be_found_and_bought_by_keyboard_alone(two: tuple[Window, Window]) -> None:
    ann, ben = two
    keys = ann.page.keyboard
    ann.page.get_by_role("button", name="Ask", exact=True).focus()  # the last thing before the hall
    keys.press("Tab")
    expect(ann.cell("A-1")).to_be_focused()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        keys.press(key)
    expect(ann.cell("B-4")).to_be_focused()
    expect(ann.part("tip")).to_have_text("B-4 · Standard · €11.00 · free")
    keys.press("Enter")
    ben.expect_seats(B4="held")
    ann.expect_seats(B4="mine")
    ann.basket.get_by_role("button", name="Book").focus()
    keys.press("Enter")
    ben.expect_seats(B4="sold")


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_phone_needs_no_sideways_scrolling(site: Site, window: Windows, scheme: str) -> None:
    ann = window(site, viewport={"width": 320, "height": 640}, color_scheme=scheme, has_touch=True)
    ann.open_map()
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    expect(ann.basket.get_by_role("button", name="Book")).to_be_in_viewport()
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 320


def test_an_element_for_an_unknown_showtime_says_so(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.embed('<seat-map showtime="never"></seat-map>')
    expect(ann.map).to_contain_text("This showtime cannot be shown: this showtime does not exist, or no longer exists.")
    # The browser itself reports the 404.
    ann.complaints = [text for text in ann.complaints if "404" not in text]
