"""Showtimes that are not on sale yet, or no longer: the page says so before the first click, by the server's clock."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Window
from tests.browser.site import PRICES, Site, small_hall

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FAR_S = 3 * 3600.0


def sell(site: Site, begins: float = -FAR_S, ends: float = FAR_S, starts: float = FAR_S) -> None:
    """Put the showtime "sale" up, whose sale and show are so many seconds from now."""
    now = datetime.now(UTC)
    moments = {"on_sale_at": begins, "sale_ends_at": ends, "starts_at": starts}
    fields: dict[str, Any] = {name: (now + timedelta(seconds=seconds)).isoformat() for name, seconds in moments.items()}
    site.put_showtime("sale", small_hall(), prices=PRICES, **fields)


def expect_closed(ann: Window, words: str) -> None:
    """The banner says why, the map is muted, and what takes seats is disabled and described."""
    expect(ann.part("banner")).to_contain_text(words)
    expect(ann.map.locator(".stage")).to_have_attribute("data-closed", "true")
    expect(ann.map.get_by_role("grid")).to_have_attribute("aria-disabled", "true")
    for part in ("best", "compare"):
        expect(ann.part(part)).to_have_attribute("aria-disabled", "true")
        expect(ann.part(part)).to_have_accessible_description(re.compile(words))
    expect(ann.spoken).to_contain_text(words)


def expect_open(ann: Window) -> None:
    expect(ann.part("banner")).to_be_hidden()
    expect(ann.map.locator(".stage")).to_have_attribute("data-closed", "false")
    expect(ann.map.get_by_role("grid")).to_have_attribute("aria-disabled", "false")
    expect(ann.part("best")).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize("hours", [-48, 0, 48])
def test_before_the_sale_a_banner_counts_down_by_the_servers_clock(site: Site, window: Windows, hours: int) -> None:
    sell(site, begins=7200)
    ann = window(site)
    ann.page.add_init_script(f"const {{ now }} = Date; Date.now = () => now() + {hours * 3_600_000};")
    ann.open_map("sale")
    expect_closed(ann, "The sale begins on")
    expect(ann.part("banner").get_by_role("timer")).to_have_text(re.compile(r"^1:5\d:\d\d to go$"))
    ann.click("B-2")
    expect(ann.notices).to_contain_text("The sale begins on")
    ann.expect_seats(B2="free")
    found = Axe().run(ann.page, options={"runOnly": WCAG}).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_a_rescheduled_sale_shows_its_new_time_after_a_reconnect(site: Site, window: Windows) -> None:
    routes: list[WebSocketRoute] = []

    def route(route: WebSocketRoute) -> None:
        route.connect_to_server()
        routes.append(route)

    sell(site, begins=3600)
    ann = window(site)
    ann.page.route_web_socket(re.compile("/ws/showtimes/"), route)
    ann.open_map("sale")
    banner = ann.part("banner").locator("span")
    expect(banner).to_contain_text("The sale begins on")
    before = banner.inner_text()
    sell(site, begins=2 * 3600)
    routes[-1].close(code=4200, reason="come back")
    expect(banner).not_to_have_text(before)
    expect(banner).to_contain_text("The sale begins on")


def test_a_distant_sale_counts_down_in_days(site: Site, window: Windows) -> None:
    sell(site, begins=3.5 * 86_400, ends=9 * 86_400, starts=9 * 86_400)
    ann = window(site)
    ann.open_map("sale")
    expect(ann.part("banner").get_by_role("timer")).to_have_text("3 days to go")
    ann.map.evaluate("map => { map.lang = 'de'; }")
    expect(ann.part("banner").get_by_role("timer")).to_have_text("noch 3 Tage")


def test_a_sale_that_begins_on_an_open_page_opens_by_itself(site: Site, window: Windows) -> None:
    sell(site, begins=8)
    ann = window(site)
    ann.open_map("sale")
    expect_open(ann)
    expect(ann.spoken).to_contain_text("The sale is open: choose your seats.")
    ann.click("B-2")
    ann.expect_seats(B2="mine")


def test_a_sale_that_ends_on_an_open_page_closes_and_keeps_the_basket(site: Site, window: Windows) -> None:
    sell(site, ends=10)
    ann = window(site)
    ann.open_map("sale")
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    ann.page.get_by_label("How many?", exact=True).focus()
    expect_closed(ann, "The sale for this showtime has ended.")
    expect(ann.page.get_by_label("How many?", exact=True)).to_be_focused()
    expect(ann.part("book")).to_be_enabled()
    ann.click("B-3")
    expect(ann.notices).to_contain_text("The sale for this showtime has ended.")


def test_after_the_sale_clearing_the_basket_asks_for_confirmation(site: Site, window: Windows) -> None:
    sell(site, ends=10)
    ann = window(site)
    ann.open_map("sale")
    ann.click("B-2")
    ann.expect_seats(B2="mine")
    expect_closed(ann, "The sale for this showtime has ended.")
    ann.basket.get_by_role("button", name="Clear basket").click()
    expect(ann.notices).to_contain_text("Clear the basket? The sale has ended, so you could not get these seats back.")
    ann.expect_seats(B2="mine")
    ann.notices.get_by_role("button", name="Clear basket").click()
    expect(ann.notices).to_contain_text("Given back: B-2.")
    ann.expect_seats(B2="free")
    expect(ann.notices.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_showtime_that_has_begun_says_when(site: Site, window: Windows) -> None:
    sell(site, begins=-2 * FAR_S, ends=-FAR_S, starts=-FAR_S)
    ann = window(site)
    ann.open_map("sale")
    expect_closed(ann, "This showtime began on")
    expect(ann.basket).to_contain_text("Seats can no longer be chosen.")


def test_a_sold_out_showtime_says_so_and_shows_seats_that_come_back(site: Site, window: Windows) -> None:
    sell(site)
    seats = [f"{seat.row}-{seat.number}" for seat in small_hall().seats]
    site.change_allocations("sale", action="block", seats=seats, reason="a school")
    ann, ben = window(site), window(site)
    ann.open_map("sale")
    expect(ann.part("banner")).to_contain_text("Sold out.")
    expect(ann.part("best")).to_have_attribute("aria-disabled", "true")
    site.change_allocations("sale", action="open", seats=["B-1"], reason="one could not come")
    expect(ann.part("banner")).to_be_hidden()
    ben.open_map("sale")
    ben.click("B-1")
    expect(ann.part("banner")).to_contain_text("All seats are taken at the moment.")
    expect(ben.part("banner")).to_be_hidden()
