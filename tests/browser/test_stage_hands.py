"""The drawn hall under mice and fingers: picking, moving, zooming."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.stage_page import QUICK_S, Fingers, Mouse, Stages, arena, hall_with_lawn

pytestmark = pytest.mark.long

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 3,
    "has_touch": True,
    "is_mobile": True,
}
PICKING_PX = 44


# ---------------------------------------------------------------------- the pointer


def test_a_click_picks_a_seat_and_the_keyboard_continues_from_there(stage: Stages) -> None:
    hall = stage()
    hall.page.mouse.click(*hall.middle("B-2"))
    assert hall.picked() == ["B-2"]
    hall.press("ArrowRight")
    assert hall.focused == "B-3, free"


def test_a_double_click_picks_a_seat_once_and_a_later_click_picks_again(stage: Stages) -> None:
    hall = stage()
    mouse = Mouse(hall.page)
    mouse.click_twice(*hall.middle("A-2"))
    assert hall.picked() == ["A-2"]
    hall.page.mouse.click(*hall.middle("A-2"))
    hall.page.mouse.click(*hall.middle("A-3"))
    assert hall.picked() == ["A-2", "A-3"]


def test_a_click_on_seats_too_small_to_hit_zooms_in_first(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.mouse.click(*hall.middle("40-75"))
    hall.rest()
    assert hall.picked() == []
    assert hall.scale >= PICKING_PX
    hall.page.mouse.click(*hall.middle("40-75"))
    assert hall.picked() == ["40-75"]


def test_hovering_points_at_the_seat_under_the_pointer(stage: Stages) -> None:
    hall = stage()
    hall.page.mouse.move(*hall.middle("B-2"))
    hall.page.mouse.move(*hall.middle("B-3"))
    hall.page.mouse.move(2, 2)
    points = [detail["seat"] for detail in hall.told("point")]
    assert points == [hall.index("B-2"), hall.index("B-3"), None]


def test_the_wheel_zooms_at_the_pointer_and_a_drag_picks_nothing(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.mouse.move(*hall.middle("40-75"))
    before = hall.middle("40-75")
    for _ in range(8):
        hall.page.mouse.wheel(0, -120)
    hall.rest()
    assert hall.scale > 10
    assert hall.middle("40-75") == pytest.approx(before, abs=15)  # the overview has its edges
    before = hall.middle("40-75")
    to, mouse = (before[0] + 60, before[1] + 40), Mouse(hall.page)
    mouse.drag(before, to)
    hall.rest()
    mouse.let_go(*to)
    hall.rest()
    assert hall.middle("40-75") == pytest.approx(to, abs=3)
    assert hall.picked() == []


def test_at_the_smallest_zoom_the_wheel_scrolls_the_page(stage: Stages) -> None:
    hall = stage(viewport={"width": 900, "height": 300})
    mouse, at = Mouse(hall.page), hall.middle("A-2")
    whole, now = hall.scale, time.time()
    mouse.turn(*at, by=120, at=now)
    hall.page.wait_for_function("scrollY > 100")
    # Nor is a hall that is passed zoomed into on the way back.
    mouse.turn(*at, by=-40, at=now + 2 * QUICK_S)
    hall.page.wait_for_function("scrollY < 100")
    hall.rest()
    assert hall.scale == whole


def test_a_double_click_beside_the_seats_zooms_in_and_out(stage: Stages) -> None:
    hall = stage(arena())
    mouse, whole = Mouse(hall.page), hall.scale
    x, y = hall.middle("40-50")
    gap = (x + 1.5 * hall.box("40-50")["width"], y)
    mouse.click_twice(*gap)
    hall.rest()
    assert hall.scale >= PICKING_PX
    mouse.click_twice(*gap)
    hall.rest()
    assert hall.scale == pytest.approx(whole)
    assert hall.picked() == []


def test_buttons_zoom_and_say_when_they_cannot(stage: Stages) -> None:
    hall = stage(arena())
    whole = hall.scale
    expect(hall.button("Zoom out")).to_have_attribute("aria-disabled", "true")
    expect(hall.button("Whole hall")).to_have_attribute("aria-disabled", "true")
    hall.button("Zoom in").click()
    hall.rest()
    assert hall.scale > whole
    expect(hall.button("Zoom out")).to_have_attribute("aria-disabled", "false")
    hall.button("Whole hall").click()
    hall.rest()
    assert hall.scale == pytest.approx(whole)


def test_buttons_are_large_enough_for_fingers(stage: Stages) -> None:
    hall = stage(**PHONE)
    for name in ("Zoom in", "Zoom out", "Whole hall"):
        box = hall.button(name).bounding_box()
        assert box is not None
        assert box["width"] >= PICKING_PX and box["height"] >= PICKING_PX


def test_a_click_on_an_area_reports_the_area(stage: Stages) -> None:
    hall = stage(hall_with_lawn())
    area = hall.hall.general_areas[0]
    seat, x, y = hall.hall.seats[0], *hall.middle(hall.hall.seats[0].label)
    hall.page.mouse.click(x + (area.x - seat.x) * hall.scale, y + (area.y - seat.y) * hall.scale)
    assert hall.told("pickarea") == [{"area": 0}]


# ---------------------------------------------------------------------- touch


def test_a_tap_in_the_overview_zooms_in_and_the_next_one_picks(stage: Stages) -> None:
    hall = stage(arena(20, 30), **PHONE)
    fingers = Fingers(hall.page)
    assert hall.scale < PICKING_PX
    fingers.tap(*hall.middle("10-15"))
    hall.rest()
    assert hall.picked() == []
    assert hall.scale >= PICKING_PX
    fingers.tap(*hall.middle("10-15"))
    hall.rest()
    assert hall.picked() == ["10-15"]


def test_a_quick_second_tap_in_the_overview_picks_nothing(stage: Stages) -> None:
    hall = stage(arena(20, 30), **PHONE)
    fingers = Fingers(hall.page)
    fingers.tap_twice(*hall.middle("10-15"))
    hall.rest()
    assert hall.scale >= PICKING_PX
    assert hall.picked() == []


def test_two_quick_taps_on_a_large_seat_pick_it_once(stage: Stages) -> None:
    hall = stage(**PHONE)
    fingers = Fingers(hall.page)
    hall.button("Zoom in").click()
    hall.rest()
    assert hall.box("A-2")["width"] >= PICKING_PX
    fingers.tap_twice(*hall.middle("A-2"))
    hall.rest()
    assert hall.picked() == ["A-2"]


PEN_TAPS = """(canvas, [x, y]) => {
  canvas.setPointerCapture = () => {}; // only what touches the glass can be captured
  const tell = (Event, type, at, more) => {
    const event = new Event(type, { bubbles: true, clientX: x, clientY: y, ...more });
    Object.defineProperty(event, "timeStamp", { value: at });
    canvas.dispatchEvent(event);
  };
  for (const detail of [1, 2]) {
    const at = performance.now() + 100 * detail;
    for (const type of ["pointerdown", "pointerup"]) {
      tell(PointerEvent, type, at, { pointerType: "pen", pointerId: 7, isPrimary: true });
    }
    for (const type of ["mousedown", "mouseup"]) tell(MouseEvent, type, at, { detail });
  }
}"""
"""Two quick taps of a pen whose mouse events come after it is up, as they do on tablets."""


def test_two_quick_taps_of_a_pen_pick_a_seat_once(stage: Stages) -> None:
    hall = stage()
    hall.canvas.evaluate(PEN_TAPS, hall.middle("A-2"))
    assert hall.picked() == ["A-2"]


def test_a_moving_finger_moves_the_hall_and_picks_nothing(stage: Stages) -> None:
    hall = stage(arena(20, 30), **PHONE)
    fingers = Fingers(hall.page)
    fingers.tap(*hall.middle("10-15"))
    hall.rest()
    before = hall.middle("10-15")
    fingers.drag(before, (before[0] + 60, before[1] + 50))
    hall.rest()
    after = hall.middle("10-15")
    assert after[0] > before[0] + 30 and after[1] > before[1] + 20
    assert hall.picked() == []


def test_two_fingers_zoom_where_they_are(stage: Stages) -> None:
    hall = stage(arena(20, 30), **PHONE)
    fingers = Fingers(hall.page)
    whole, at = hall.scale, hall.middle("10-15")
    fingers.pinch(at, 60, 240)
    hall.rest()
    assert hall.scale == pytest.approx(4 * whole, rel=0.15)
    assert hall.middle("10-15") == pytest.approx(at, abs=12)
    fingers.pinch(at, 240, 30)
    hall.rest()
    assert hall.scale == pytest.approx(whole)
    assert hall.picked() == []


def test_a_finger_scrolls_the_page_while_the_whole_hall_is_visible(stage: Stages) -> None:
    hall = stage(**{**PHONE, "viewport": {"width": 390, "height": 320}})
    expect(hall.canvas).to_have_css("touch-action", "pan-x pan-y")
    hall.button("Zoom in").click()
    hall.rest()
    expect(hall.canvas).to_have_css("touch-action", "none")
