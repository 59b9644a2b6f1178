"""The front page: the cinema's programme, and how many seats are left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Window
from tests.browser.site import PRICES, SHOWTIME, Site, small_hall

Windows = Callable[..., Window]
SEATS = [f"{row}-{number}" for row in "ABC" for number in range(1, 7)] + [f"D-{number}" for number in range(1, 5)]
COUNTS = "**/api/v1/availability?**"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def card(window: Window, text: str) -> Locator:
    return window.page.locator(".show", has_text=text)


def free(window: Window, count: int) -> Locator:
    """Cards that have been told so many free seats."""
    return window.page.locator(f'.show[title="{count} seats free"]')


def noon(days: int) -> datetime:
    """Noon in so many days, far from midnight in every zone of these tests."""
    return (datetime.now(UTC) + timedelta(days=days)).replace(hour=12, minute=0, second=0, microsecond=0)


def put(site: Site, showtime: str, title: str, starts: datetime, **fields: Any) -> None:
    usual = {"starts_at": starts.isoformat(), "sale_ends_at": starts.isoformat(), "prices": PRICES}
    site.put_showtime(showtime, small_hall(), title=title, **{**usual, **fields})


def is_accessible(page: Page) -> list[str]:
    """What axe finds against the rules of WCAG 2.2 AA."""
    found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]


def test_films_are_listed_with_theatres_and_times_that_lead_to_the_map(site: Site, window: Windows) -> None:
    put(site, "again", "The Long Night", datetime.now(UTC) + timedelta(hours=3, minutes=30))
    put(site, "other", "Another Film", datetime.now(UTC) + timedelta(hours=4))
    site.change_allocations(SHOWTIME, action="block", seats=["A-2", "D-1", "D-2"], reason="guests")
    ann = window(site)
    ann.open("/")
    film = ann.page.locator("section", has=ann.page.get_by_role("heading", name="The Long Night"))
    expect(film.get_by_role("heading", level=3)).to_contain_text("Rex")
    expect(film.get_by_role("heading", level=3)).to_contain_text("local time in Dublin")
    shows = film.get_by_role("link")
    # Around midnight the second one belongs to the next day.
    expect(shows.first).to_contain_text("Screen One")
    expect(shows.first).to_contain_text("Mostly free")
    expect(shows.first).to_have_attribute("title", "18 seats free")
    expect(shows.first).to_contain_text("from €11.00")
    shows.first.click()
    ann.page.wait_for_url(f"**/showtimes/{SHOWTIME}")


def test_prices_have_the_decimals_of_iso_4217_from_the_card_to_the_ticket(site: Site, window: Windows) -> None:
    """HUF has two, which Chromium's own table leaves out: a ticket of 2,900.00 would cost 290,000."""
    prices = {key: 290_000 for key in PRICES}
    put(site, "forints", "Budapest Nights", noon(1), currency="HUF", prices=prices)
    ann = window(site)
    ann.open(f"/#{noon(1):%Y-%m-%d}")
    expect(card(ann, "2,900.00")).to_have_count(1)
    card(ann, "2,900.00").click()
    ann.page.wait_for_url("**/showtimes/forints")
    expect(ann.page.get_by_text("2,900.00").first).to_be_visible()
    expect(ann.page.get_by_text("290,000")).to_have_count(0)


def test_a_card_shows_the_lowest_price_that_can_be_paid_including_fees(site: Site, window: Windows) -> None:
    kinds = [
        {"key": "adult", "name": "Adult", "prices": {"standard": 1000, "sofa": 1500}},
        {"key": "child", "name": "Child", "prices": {"standard": 500}, "only_with": ["adult"]},
    ]
    fees = {"per_ticket_minor": 50, "per_booking_minor": 100}
    starts = datetime.now(UTC) + timedelta(hours=3)
    put(site, "family", "For All", starts, ticket_types=kinds, fees=fees, prices=None)
    ann = window(site)
    ann.open("/")
    expect(card(ann, "from €11.50")).to_have_count(1)


def test_each_day_has_an_address_of_its_own_in_the_theatres_time(site: Site, window: Windows) -> None:
    put(site, "later", "A Later Film", noon(3))
    ann = window(site)
    ann.open("/")
    days = ann.page.get_by_role("navigation", name="Days").get_by_role("link")
    expect(days).to_have_count(2)
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("The Long Night")
    days.nth(1).click()
    expect(days.nth(1)).to_have_attribute("aria-current", "date")
    expect(days.nth(1)).to_be_focused()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("A Later Film")
    assert ann.page.url.endswith(f"/#{noon(3):%Y-%m-%d}")
    ann.page.reload()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("A Later Film")
    ann.page.go_back()
    expect(ann.page.get_by_role("heading", level=2)).to_have_text("The Long Night")


@pytest.mark.long
def test_a_card_says_how_many_seats_are_left(site: Site, window: Windows) -> None:
    starts = noon(2)
    put(site, "few", "Nearly Full", starts)
    put(site, "none", "Full", starts)
    opens = noon(1).replace(minute=30)
    put(site, "soon", "Soon", starts, on_sale_at=opens.isoformat())
    site.change_allocations("few", action="block", seats=SEATS[3:18], reason="a school")
    site.change_allocations("few", action="block", seats=SEATS[18:], reason="a school")
    site.change_allocations("none", action="block", seats=SEATS, reason="a school")
    ann = window(site)
    ann.open(f"/#{starts:%Y-%m-%d}")
    for state, text in (("few", "3 seats left"), ("sold", "Sold out"), ("later", "On sale")):
        expect(ann.page.locator(f'.show[data-state="{state}"]')).to_contain_text(text)
    site.change_allocations("none", action="open", seats=["A-1"], reason="they come without")
    expect(ann.page.locator('.show[data-state="few"]')).to_have_count(2)
    expect(ann.page.locator('.show[data-state="few"]').last).to_contain_text("1 seat left")


@pytest.mark.long
def test_a_days_counts_are_fetched_in_one_request_and_only_while_the_page_is_visible(
    site: Site, window: Windows
) -> None:
    ann = window(site)
    ann.page.clock.install()
    ann.open("/")
    expect(free(ann, 21)).to_have_count(1)
    counted = sum("/availability" in url for url in ann.requests)
    ann.page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
      window.away = true;
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    ann.page.clock.run_for(120_000)
    assert sum("/availability" in url for url in ann.requests) == counted
    with ann.page.expect_request(COUNTS):
        ann.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert counted == 1


@pytest.mark.long
def test_outdated_counts_are_marked_until_the_server_answers_again(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.forgives_network = True
    ann.page.clock.install()
    ann.open("/")
    expect(free(ann, 21)).to_have_count(1)

    def refuse(route: Route) -> None:
        route.abort()

    ann.page.route(COUNTS, refuse)
    ann.page.clock.run_for(12_000)
    expect(ann.page.get_by_role("status")).to_contain_text("the server does not answer")
    expect(free(ann, 21)).to_have_count(1)
    ann.page.unroute(COUNTS, refuse)
    ann.page.clock.run_for(30_000)
    expect(ann.page.get_by_role("status")).to_be_empty()


@pytest.mark.long
@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 320, "height": 640}}])
def test_the_front_page_is_for_everyone(site: Site, window: Windows, context: dict[str, Any]) -> None:
    put(site, "soon", "Soon", noon(2), on_sale_at=noon(1).isoformat())
    starts = datetime.now(UTC) + timedelta(hours=3)
    put(
        site,
        "long",
        "<b>Rindfleischetikettierungsüberwachungsaufgaben",
        starts,
        prices={"standard": 10**9, "sofa": 10**9},
    )
    ann = window(site, **context)
    ann.open("/")
    expect(free(ann, 21)).to_have_count(1)
    expect(free(ann, 22)).to_have_count(1)
    assert is_accessible(ann.page) == []
    ann.page.keyboard.press("Tab")
    reached = set()
    for _ in range(9):
        reached.add(ann.page.evaluate("document.activeElement.getAttribute('href')"))
        ann.page.keyboard.press("Tab")
    assert {"/", "/docs", f"#{noon(2):%Y-%m-%d}", f"/showtimes/{SHOWTIME}"} <= reached
    assert ann.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.long
def test_a_page_without_showtimes_keeps_saying_so(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.clock.install(time=datetime.now(UTC) + timedelta(days=30))
    ann.open("/")
    told = ann.page.get_by_role("status")
    expect(told).to_have_text("Nothing is showing in the next few days.")
    ann.page.clock.run_for(30_000)
    ann.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    expect(told).to_have_text("Nothing is showing in the next few days.")
