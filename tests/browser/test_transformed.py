"""`<seat-map>` on pages that scale, zoom or rotate it: a click takes the seat under the pointer, with its tooltip."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FrameLocator, expect

from tests.browser.conftest import FRAMES, Window
from tests.browser.portal import Portal, portal
from tests.browser.site import SHOWTIME, Site

__all__ = ["portal"]

pytestmark = pytest.mark.long

Windows = Callable[..., Window]

STYLES = {
    "smaller": "body { transform: scale(.8) }",
    "zoomed page": "html { zoom: 1.25 }",
    "zoomed out": "seat-map { zoom: .7 }",
    "turned": "seat-map { transform: rotate(9deg) }",
    "one in another": "html { zoom: 1.1 } body { scale: .7 } seat-map { transform: rotate(-5deg) }",
}
RECT = "(node) => node.getBoundingClientRect().toJSON()"
BOTH = """(cell, label) => {
  const map = cell.getRootNode().host;
  return [cell.getBoundingClientRect().toJSON(), map.boxOf(label).toJSON()];
}"""
BOX = "(map, label) => map.boxOf(label).toJSON()"


def middle(box: dict[str, float]) -> tuple[float, float]:
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("style", STYLES)
def test_the_seat_under_the_pointer_is_taken(site: Site, window: Windows, style: str) -> None:
    ann = window(site)
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>', head=f"<style>{STYLES[style]}</style>")
    ann.expect_status("live")
    for label in ("A-2", "B-5", "C-1"):
        # In one go: a basket that grows may move all of it.
        cell, box = ann.cell(label).evaluate(BOTH, label)
        assert [box[part] for part in cell] == pytest.approx(list(cell.values()), abs=0.2)
        ann.page.mouse.click(*middle(cell))
        ann.expect_seats(**{label.replace("-", ""): "mine"})
        ann.wait_until_drawn()
    assert ann.map.evaluate("(map) => map.basket.seats.length") == 3


@pytest.mark.parametrize("style", ["smaller", "zoomed page", "zoomed out"])
def test_the_tooltip_is_right_above_its_seat(site: Site, window: Windows, style: str) -> None:
    ann = window(site)
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>', head=f"<style>{STYLES[style]}</style>")
    ann.expect_status("live")
    seat = ann.map.evaluate(BOX, "C-3")
    ann.page.mouse.move(*middle(seat))
    expect(ann.part("tip")).to_contain_text("C-3")
    tip = ann.part("tip").evaluate(RECT)
    assert middle(tip)[0] == pytest.approx(middle(seat)[0], abs=1)
    assert seat["y"] - 12 < tip["y"] + tip["height"] < seat["y"]


def test_a_click_takes_the_seat_under_the_pointer_in_a_scaled_frame(
    make_site: Callable[..., Site], window: Windows, portal: Portal
) -> None:
    site = make_site(SEATSERVER_FRAME_ANCESTORS=portal.url)
    portal.embed(site, '<iframe title="Seats" width="1000" height="900" src="{url}/showtimes/tonight"></iframe>')
    ann = window(site)
    ann.page.goto(f"{portal.url}/")
    frame = ann.page.locator("iframe")
    frame.evaluate("(frame) => (frame.style.cssText = 'border: 0; transform: scale(.8); transform-origin: 0 0')")
    inner: FrameLocator = ann.page.frame_locator("iframe")
    expect(inner.locator("seat-map [part~=status]")).to_have_attribute("data-status", "live")
    inner.locator("html").evaluate(f"(html) => {{ html.style.zoom = '1.1'; return {FRAMES}; }}")
    outer = frame.evaluate(RECT)
    for label in ("A-2", "B-5"):
        x, y = middle(inner.locator("seat-map").evaluate(BOX, label))
        ann.page.mouse.click(outer["x"] + 0.8 * x, outer["y"] + 0.8 * y)
        expect(inner.locator("seat-map [part~=basket]")).to_contain_text(label)
