"""The seat map's most important promises in Firefox. Everything is tested in Chromium; these tests show that nothing
depends on one browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser import firefox as driver
from tests.browser.firefox import Firefox, FirefoxWindow, middle_of
from tests.browser.portal import EMBED, Portal, portal
from tests.browser.site import Site, small_hall

pytestmark = pytest.mark.long

__all__ = ["portal"]

Windows = Callable[[], FirefoxWindow]
Sites = Callable[..., Site]

FOCUSED = "() => document.querySelector('seat-map').shadowRoot.activeElement?.getAttribute('aria-label') ?? ''"
FOCUS = """() => {
  document.querySelector("seat-map").shadowRoot.querySelector('[role="gridcell"][tabindex="0"]').focus();
  return true;
}"""
CELLS = """() => [...document.querySelector("seat-map").shadowRoot.querySelectorAll("[data-seat]")].map((cell) => {
  const [row, number] = cell.getAttribute("aria-label").match(/Row (\\w+), seat (\\w+)/).slice(1);
  const label = `${row}-${number}`;
  return [label, cell.getBoundingClientRect().toJSON(), cell.getRootNode().host.boxOf(label).toJSON()];
})"""
STYLE = """(styles) => {
  for (const [selector, css] of Object.entries(styles)) document.querySelector(selector).style.cssText += css;
  return true;
}"""
TOLD = """() => {
  window.told = {};
  for (const name of ["error", "status", "expired", "booked"]) {
    addEventListener(`seat-map-${name}`, ({ detail }) => (window.told[name] ??= []).push(detail));
  }
  return true;
}"""
TRANSFORMED: dict[str, dict[str, str]] = {
    "smaller": {"seat-map": "transform: scale(.8)"},
    "zoomed page": {"html": "zoom: 1.25"},
    "zoomed out": {"seat-map": "zoom: .7"},
    "turned": {"seat-map": "transform: rotate(9deg)"},
    "one in another": {"html": "zoom: 1.1", "body": "transform: scale(.7) skewX(4deg)", "seat-map": "rotate: -5deg"},
}


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    with Firefox(driver.binary()) as opened:
        yield opened


@pytest.fixture
def window(firefox: Firefox) -> Iterator[Windows]:
    """Opens windows; afterwards none of them may have complained, but of the network."""
    windows: list[FirefoxWindow] = []

    def make() -> FirefoxWindow:
        windows.append(firefox.open())
        return windows[-1]

    yield make
    complaints = [text for one in windows for text in one.close()]
    # A lost connection is the browser's to report, and no script can keep it from doing so.
    assert [text for text in complaints if "can’t establish a connection" not in text] == []


@pytest.fixture
def two(site: Site, window: Windows) -> tuple[FirefoxWindow, FirefoxWindow]:
    """Two visitors who look at the same live map."""
    pair = window(), window()
    for one in pair:
        one.open_map(site.url)
    return pair


def test_a_click_takes_the_seat_and_the_other_window_sees_it(two: tuple[FirefoxWindow, FirefoxWindow]) -> None:
    ann, ben = two
    ann.click("A-3", "B-4")
    ann.expect_seats(A3="mine", B4="mine", A2="free", C6="blocked")
    ben.expect_seats(A3="held", B4="held", A2="free", C6="blocked")
    ann.expect_part("basket", "A-3", "B-4", "€22.00")
    ann.click("A-3")
    ben.expect_seats(A3="free", B4="held")


def test_a_seat_can_be_found_and_bought_by_keyboard_alone(two: tuple[FirefoxWindow, FirefoxWindow]) -> None:
    ann, ben = two
    ann.come_to_front()
    ann.run(FOCUS)
    ann.key("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown")
    ann.wait_until(f"() => ({FOCUSED})().includes('Row B, seat 4,')")
    ann.key("Enter")
    ann.expect_seats(B4="mine")
    ben.expect_seats(B4="held")
    ann.press("basket", "Book")
    ann.expect_seats(B4="booked")
    ben.expect_seats(B4="sold")


def test_the_best_seats_are_found_held_and_booked(two: tuple[FirefoxWindow, FirefoxWindow]) -> None:
    ann, ben = two
    ann.press("best")
    ann.wait_until("() => document.querySelector('seat-map').basket?.seats.length === 2")
    best = ann.run("() => document.querySelector('seat-map').basket.seats")
    states = {label.replace("-", ""): "sold" for label in best}
    ann.press("basket", "Book")
    ann.expect_part("bookings", *best)
    ben.expect_seats(**states)


def test_an_expired_hold_is_free_everywhere_and_its_owner_is_told(make_site: Sites, window: Windows) -> None:
    site = make_site(SEATSERVER_HOLD_MS="6000", SEATSERVER_HOLD_TOTAL_MS="6000")
    ann, ben = window(), window()
    for one in (ann, ben):
        one.open_map(site.url)
    ann.run(TOLD)
    ann.click("A-3")
    ben.expect_seats(A3="held")
    ben.expect_seats(A3="free")
    ann.expect_seats(A3="free")
    ann.wait_until("() => window.told.expired?.[0].seats.includes('A-3')")
    ann.expect_part("notices", "A-3 is free again")


def test_a_killed_server_is_shown_as_such_and_its_return_restores_the_map(
    site: Site, two: tuple[FirefoxWindow, FirefoxWindow]
) -> None:
    ann, ben = two
    ann.click("A-3")
    ann.expect_seats(A3="mine")
    site.kill()
    for one in two:
        one.wait_until("() => document.querySelector('seat-map').status !== 'live'")
        one.expect_part("frozen", "This map is not live")
    site.start()
    for one in two:
        one.expect_live()
    ann.expect_seats(A3="mine")
    ben.expect_seats(A3="held")
    ann.click("B-1")
    ben.expect_seats(B1="held")


# ---------------------------------------------------------------- pages that scale, zoom and turn it


def embedded(make_site: Sites, window: Windows, portal: Portal, html: str = EMBED) -> FirefoxWindow:
    """A visitor of somebody else's page with the map on it."""
    site = make_site(SEATSERVER_ALLOWED_ORIGINS=portal.url, SEATSERVER_FRAME_ANCESTORS=portal.url)
    portal.embed(site, html)
    ann = window()
    ann.go(f"{portal.url}/")
    return ann


@pytest.mark.parametrize("layout", TRANSFORMED)
def test_a_click_takes_the_seat_under_the_pointer_on_a_transformed_page(
    make_site: Sites, window: Windows, portal: Portal, layout: str
) -> None:
    ann = embedded(make_site, window, portal)
    ann.expect_live()
    ann.run(STYLE, TRANSFORMED[layout])
    ann.wait_for_frames()
    # In one go: what is loaded late may move all of it.
    cells = ann.run(CELLS)
    assert len(cells) == len(small_hall().seats)
    for label, cell, box in cells:
        for part in ("x", "y", "width", "height"):
            assert box[part] == pytest.approx(cell[part], abs=0.2), (label, part)
    for label in ("A-2", "B-5", "C-1"):
        ann.click_at(*middle_of(ann.box(label)))
        ann.expect_seats(**{label.replace("-", ""): "mine"})
        ann.wait_for_frames()
    held = ann.run("() => document.querySelector('seat-map').basket.seats.sort()")
    assert held == ["A-2", "B-5", "C-1"]


def test_a_click_takes_the_seat_under_the_pointer_in_a_scaled_frame(
    make_site: Sites, window: Windows, portal: Portal
) -> None:
    frame = '<iframe title="Seats" width="1000" height="900" src="{url}/showtimes/tonight"></iframe>'
    ann = embedded(make_site, window, portal, frame)
    ann.run(STYLE, {"iframe": "transform: scale(.8); transform-origin: 0 0; border: 0"})
    outer = ann.run("() => document.querySelector('iframe').getBoundingClientRect().toJSON()")
    ann.in_frame = True
    ann.expect_live()
    ann.run(STYLE, {"html": "zoom: 1.1"})
    for label in ("A-2", "B-5"):
        x, y = middle_of(ann.box(label))
        ann.click_at(outer["x"] + 0.8 * x, outer["y"] + 0.8 * y)
        ann.expect_seats(**{label.replace("-", ""): "mine"})


def test_a_drag_moves_the_hall_and_takes_no_seat(make_site: Sites, window: Windows, portal: Portal) -> None:
    ann = embedded(make_site, window, portal)
    ann.expect_live()
    # Narrow, so that the enlarged hall has where to move.
    ann.run(STYLE, {"seat-map": "width: 340px; transform: scale(.8) rotate(5deg)"})
    ann.wait_for_frames()
    for _ in range(2):
        ann.run("() => (document.querySelector('seat-map').shadowRoot.querySelector('[title=\"Zoom in\"]').click(), 1)")
    ann.wait_for_frames()
    before = ann.box("B-3")
    x, y = middle_of(before)
    ann.drag((x, y), (x + 30, y + 20))
    ann.wait_for_frames()
    after = ann.run("() => document.querySelector('seat-map').boxOf('B-3').toJSON()")
    assert middle_of(after) == pytest.approx((x + 30, y + 20), abs=8)  # a drag begins only after the slack of a click
    assert ann.run("() => document.querySelector('seat-map').basket") is None


# ---------------------------------------------------------------- money


@pytest.mark.parametrize(
    ("lang", "currency", "price"),
    [("en-IE", "EUR", "€11.00"), ("de", "EUR", "11,00 €"), ("en-US", "USD", "$11.00"), ("ja", "JPY", "¥1,100")],
)
def test_money_is_formatted_for_the_pages_language(
    make_site: Sites, window: Windows, portal: Portal, lang: str, currency: str, price: str
) -> None:
    site = make_site(SEATSERVER_ALLOWED_ORIGINS=portal.url)
    fields: dict[str, Any] = {"currency": currency, "prices": {"standard": 1100, "sofa": 1600}}
    site.put_showtime("elsewhere", small_hall(), **fields)
    portal.embed(site, EMBED.replace('showtime="tonight"', f'showtime="elsewhere" lang="{lang}"'))
    ann = window()
    ann.go(f"{portal.url}/")
    ann.expect_live()
    found = ann.wait_until(
        "() => document.querySelector('seat-map').shadowRoot.querySelector('[part~=prices]')?.textContent"
    )
    assert price in found.replace("\u00a0", " ").replace("\uffe5", "¥")
