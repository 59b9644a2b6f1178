"""The drawn hall by itself: seen, walked by keyboard, touched, zoomed. What seats look like, the tests say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from loadtests.drawing import ACTIVITIES, MEASURE
from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatMap
from tests.browser.site import small_hall
from tests.browser.stage_page import Fingers, StagePage, arena

Stages = Callable[..., StagePage]
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 3,
    "has_touch": True,
    "is_mobile": True,
}
PICKING_PX = 44
LOOKS = ("free", "asking", "mine", "booked", "held", "sold", "blocked", "unknown")


@pytest.fixture
def stage(browser: Browser) -> Iterator[Stages]:
    """Opens halls; afterwards none of the windows may have complained."""
    stages: list[StagePage] = []

    def make(hall: SeatMap | None = None, **options: Any) -> StagePage:
        stages.append(StagePage(browser, hall or small_hall(), **options))
        return stages[-1]

    yield make
    for one in stages:
        one.page.context.close()
    for one in stages:
        one.expect_no_complaints()


# ---------------------------------------------------------------------- the keyboard


def test_arrows_walk_from_seat_to_seat_and_over_aisles(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab")
    assert hall.focused == "A-1, free"
    hall.press("ArrowRight", "ArrowRight")
    assert hall.focused == "A-3, free"
    hall.press("ArrowRight")
    assert hall.focused == "aisle: A-4, free"
    hall.press("ArrowRight")
    assert hall.focused == "A-5, free"
    hall.press("ArrowDown")
    assert hall.focused == "B-5, free"
    walks = hall.told("walk")
    assert [walk["aisle"] for walk in walks] == [False, False, True, False, False]
    assert [walk["row"] for walk in walks] == [None, None, None, None, "B"]


def test_a_walk_from_row_to_row_keeps_its_column(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "ArrowDown", "ArrowDown")
    assert hall.focused == "D-1, free"  # the sofas of the last row stand in the middle
    hall.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert hall.focused == "A-1, free"


def test_home_and_end_go_to_the_ends_of_the_row_and_of_the_hall(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "End")
    assert hall.focused == "B-6, free"
    hall.press("Home")
    assert hall.focused == "B-1, free"
    hall.press("Control+End")
    assert hall.focused == "D-4, free"
    hall.press("Control+Home")
    assert hall.focused == "A-1, free"


def test_a_walk_misses_no_row_and_reaches_every_block(stage: Stages) -> None:
    # Two blocks with rows of their own at the same height, and a short row between long ones.
    rows = [("A", 0, 1, 12), ("B", 1, 5, 6), ("C", 2, 1, 12), ("X", 0, 40, 44), ("Y", 1, 40, 44), ("Z", 2, 40, 44)]
    seats = [
        Seat(row=row, number=str(x), x=x, y=y, category="standard")
        for row, y, first, last in rows
        for x in range(first, last + 1)
    ]
    categories = [Category(key="standard", name="Standard", color="#3f6fa8")]
    hall = stage(SeatMap.build(name="Two", categories=categories, screen=Screen(x=20, y=-3, width=9), seats=seats))
    hall.press("Tab", "ArrowDown")
    assert hall.focused == "B-5, free"
    hall.press("ArrowDown")
    assert hall.focused == "C-1, free"
    hall.press("ArrowDown")
    assert hall.focused == "C-1, free"
    hall.press("End", "ArrowRight")
    assert hall.focused == "Z-40, free"
    hall.press("ArrowUp", "ArrowUp")
    assert hall.focused == "X-40, free"
    hall.press("ArrowLeft")
    assert hall.focused == "A-12, free"


def test_the_edges_of_the_hall_stop_a_walk(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowLeft", "ArrowUp")
    assert hall.focused == "A-1, free"
    hall.press("Control+End", "ArrowRight", "ArrowDown")
    assert hall.focused == "D-4, free"


def test_enter_and_space_pick_the_seat_with_the_focus(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowRight", "Enter", "ArrowRight", " ")
    assert hall.picked() == ["A-2", "A-3"]


def test_the_hall_is_one_stop_for_tab_and_remembers_the_seat(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "ArrowRight", "Tab")
    assert hall.focused == "Zoom in"
    hall.press("Shift+Tab")
    assert hall.focused == "B-2, free"


def test_the_focus_points_at_its_seat_and_leaving_points_at_none(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowRight", "Tab")
    points = [detail["seat"] for detail in hall.told("point")]
    assert hall.index("A-2") in points
    assert points[-1] is None


def test_zoom_keys_keep_the_seat_with_the_focus_in_view(stage: Stages) -> None:
    hall = stage(arena())
    hall.press("Tab", "Control+End")
    for _ in range(4):
        hall.press("+")
        hall.rest()
    near = hall.scale
    hall.expect_seen("80-150")
    hall.press("-")
    hall.rest()
    assert hall.scale < near
    hall.press("0")
    hall.rest()
    hall.expect_seen("1-1")
    hall.expect_seen("80-150")


def test_a_walk_moves_the_view_and_comes_near_enough_to_read(stage: Stages) -> None:
    hall = stage(arena())
    whole = hall.scale
    hall.press("Tab", "ArrowRight")
    hall.rest()
    assert hall.scale > whole
    hall.expect_seen("1-2")
    hall.press("End")
    hall.rest()
    hall.expect_seen("1-150")
    hall.press(*["ArrowDown"] * 45)
    hall.rest()
    hall.expect_seen("46-150")
    ring = hall.page.locator(".stage-ring[data-for=focus]").bounding_box()
    assert ring is not None
    assert hall.middle("46-150") == pytest.approx(
        (ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2), abs=1
    )


def test_the_seat_with_the_focus_is_scrolled_into_the_window(stage: Stages) -> None:
    hall = stage(viewport={"width": 900, "height": 220})
    hall.press("Tab", "Control+End")
    hall.rest()
    _, y = hall.middle("D-4")
    assert 0 < y < 220


# ---------------------------------------------------------------------- screen readers


def test_the_grid_nests_rows_and_cells_and_says_how_many_there_are(stage: Stages) -> None:
    hall = stage()
    expect(hall.grid).to_have_attribute("aria-rowcount", "4")
    expect(hall.grid).to_have_attribute("aria-colcount", "6")
    assert hall.page.locator("[role=grid] > [role=row] > [role=gridcell]").count() == 22
    assert hall.page.locator('[role=gridcell][tabindex="0"]').count() == 1
    expect(hall.cell("D-2")).to_have_attribute("aria-colindex", "2")
    expect(hall.cell("D-2").locator("..")).to_have_attribute("aria-rowindex", "4")


def test_a_large_hall_has_only_the_rows_around_the_cursor_in_the_document(stage: Stages) -> None:
    hall = stage(arena())
    expect(hall.grid).to_have_attribute("aria-rowcount", "80")
    expect(hall.grid).to_have_attribute("aria-colcount", "150")
    hall.press("Tab", *["ArrowDown"] * 40)
    assert hall.focused == "41-1, free"
    rows = [row.get_attribute("aria-rowindex") for row in hall.page.locator("[role=row]").all()]
    assert rows == ["40", "41", "42"]
    hall.press("Control+End")
    assert hall.focused == "80-150, free"
    assert hall.page.locator('[role=gridcell][tabindex="0"]').count() == 1
    assert hall.page.locator("[role=gridcell]").count() < 500


def test_names_and_states_follow_what_changes(stage: Stages) -> None:
    hall = stage(looks={1: "mine", 2: "sold"})
    expect(hall.cell("A-2")).to_have_attribute("aria-selected", "true")
    expect(hall.cell("A-2")).to_have_attribute("aria-disabled", "false")
    expect(hall.cell("A-3")).to_have_attribute("aria-disabled", "true")
    expect(hall.cell("A-3")).to_have_attribute("aria-label", "A-3, sold")
    hall.change(A2="held", A3="free")
    expect(hall.cell("A-2")).to_have_attribute("aria-selected", "false")
    expect(hall.cell("A-2")).to_have_attribute("aria-label", "A-2, held")
    expect(hall.cell("A-3")).to_have_attribute("aria-disabled", "false")


def test_rows_that_come_into_the_document_know_what_changed_before(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.evaluate("window.change([[11999, 'sold']])")
    hall.press("Tab", "Control+End")
    assert hall.focused == "80-150, sold"


def test_elements_lie_where_the_seats_are_drawn_at_any_zoom(stage: Stages) -> None:
    hall = stage()
    for name in ("Zoom in", "Zoom out", "Zoom in", "Whole hall"):
        hall.button(name).click()
        hall.rest()
        found = hall.cell("B-2").bounding_box()
        wanted = hall.box("B-2")
        assert found is not None
        for at in ("x", "y", "width", "height"):
            assert found[at] == pytest.approx(wanted[at], abs=1)


def test_a_click_that_no_pointer_made_picks(stage: Stages) -> None:
    hall = stage()
    hall.cell("B-2").evaluate("(cell) => cell.click()")
    assert hall.picked() == ["B-2"]


# ---------------------------------------------------------------------- the pointer


def test_a_click_picks_and_the_keyboard_goes_on_from_there(stage: Stages) -> None:
    hall = stage()
    hall.page.mouse.click(*hall.middle("B-2"))
    assert hall.picked() == ["B-2"]
    hall.press("ArrowRight")
    assert hall.focused == "B-3, free"


def test_seats_too_small_to_aim_at_come_nearer_first(stage: Stages) -> None:
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


def test_the_wheel_zooms_at_the_pointer_and_a_drag_moves_without_picking(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.mouse.move(*hall.middle("40-75"))
    before = hall.middle("40-75")
    for _ in range(8):
        hall.page.mouse.wheel(0, -120)
    hall.rest()
    assert hall.scale > 10
    assert hall.middle("40-75") == pytest.approx(before, abs=15)  # the overview has its edges
    before = hall.middle("40-75")
    hall.page.mouse.move(*before)
    hall.page.mouse.down()
    hall.page.mouse.move(before[0] + 60, before[1] + 40, steps=4)
    hall.page.mouse.move(before[0] + 60, before[1] + 40)
    hall.page.wait_for_timeout(150)  # a hand that rests before it lets go flings nothing
    hall.page.mouse.up()
    hall.rest()
    assert hall.middle("40-75") == pytest.approx((before[0] + 60, before[1] + 40), abs=3)
    assert hall.picked() == []


def test_where_there_is_nothing_to_zoom_out_of_the_wheel_scrolls_the_page(stage: Stages) -> None:
    hall = stage(viewport={"width": 900, "height": 300})
    hall.page.mouse.move(*hall.middle("A-2"))
    whole = hall.scale
    hall.page.mouse.wheel(0, 120)
    hall.page.wait_for_function("scrollY > 100")
    # Nor is a hall that is passed zoomed into on the way back.
    hall.page.mouse.wheel(0, -40)
    hall.page.wait_for_function("scrollY < 100")
    hall.rest()
    assert hall.scale == whole


def test_a_double_click_beside_the_seats_zooms_in_and_out_again(stage: Stages) -> None:
    hall = stage(arena())
    whole = hall.scale
    x, y = hall.middle("40-50")
    gap = (x + 1.5 * hall.box("40-50")["width"], y)
    hall.page.mouse.dblclick(*gap)
    hall.rest()
    assert hall.scale >= PICKING_PX
    hall.page.mouse.dblclick(*gap)
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


def test_a_click_on_an_area_tells_which(stage: Stages) -> None:
    hall = stage(_with_lawn())
    area = hall.hall.general_areas[0]
    seat, x, y = hall.hall.seats[0], *hall.middle(hall.hall.seats[0].label)
    hall.page.mouse.click(x + (area.x - seat.x) * hall.scale, y + (area.y - seat.y) * hall.scale)
    assert hall.told("pickarea") == [{"area": 0}]


# ---------------------------------------------------------------------- touch


def test_a_tap_in_the_overview_comes_nearer_and_the_next_one_picks(stage: Stages) -> None:
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


def test_the_second_tap_of_two_quick_ones_in_the_overview_picks_nothing(stage: Stages) -> None:
    hall = stage(arena(20, 30), **PHONE)
    fingers = Fingers(hall.page)
    at = hall.middle("10-15")
    fingers.tap(*at)
    fingers.tap(*at)
    hall.rest()
    assert hall.scale >= PICKING_PX
    assert hall.picked() == []


def test_a_finger_that_moves_picks_nothing_and_moves_the_hall(stage: Stages) -> None:
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


def test_a_finger_scrolls_the_page_while_the_whole_hall_is_seen(stage: Stages) -> None:
    hall = stage(**{**PHONE, "viewport": {"width": 390, "height": 320}})
    expect(hall.canvas).to_have_css("touch-action", "pan-x pan-y")
    hall.button("Zoom in").click()
    hall.rest()
    expect(hall.canvas).to_have_css("touch-action", "none")


# ---------------------------------------------------------------------- the drawing


def test_only_the_seats_that_changed_are_drawn_anew(stage: Stages) -> None:
    hall = stage()
    before = {label: hall.pixels(label) for label in ("A-2", "A-3", "B-2")}
    hall.change(A2="sold")
    assert hall.pixels("A-2") != before["A-2"]
    assert hall.pixels("A-3") == before["A-3"]
    hall.change(A2="free")
    assert hall.pixels("A-2") == before["A-2"]
    assert hall.pixels("B-2") == before["B-2"]


def test_what_changed_is_seen_also_after_zooming_and_moving(stage: Stages) -> None:
    hall = stage(arena())
    free = hall.pixels("40-75")
    hall.page.evaluate("window.change([[5924, 'sold']])")
    hall.rest()
    assert hall.pixels("40-75") != free
    hall.button("Zoom in").click()
    hall.rest()
    hall.page.evaluate("window.change([[5924, 'free']])")
    hall.rest()
    hall.button("Whole hall").click()
    hall.rest()
    assert hall.pixels("40-75") == free


@pytest.mark.parametrize("activity", ACTIVITIES.values())
def test_after_many_changes_the_drawing_is_what_a_fresh_one_would_be(stage: Stages, activity: str) -> None:
    hall = stage(arena())
    measured = hall.page.evaluate(MEASURE, {"activity": activity, "frames": 45, "rate": 100})
    print(f"{activity}: median {median(measured['between']):.1f} ms, longest {max(measured['between']):.1f} ms")
    hall.rest()
    near = hall.picture
    hall.page.evaluate("window.stage.restyle()")
    hall.rest()
    assert hall.picture == near
    hall.button("Whole hall").evaluate("(button) => button.click()")
    hall.rest()
    whole = hall.picture
    hall.page.evaluate("window.stage.restyle()")
    hall.rest()
    assert hall.picture == whole
    assert len(set(hall.page.evaluate("window.looks"))) == 4


def test_all_is_drawn_anew_when_anything_may_have_changed(stage: Stages) -> None:
    hall = stage()
    before = hall.pixels("C-3")
    hall.page.evaluate("window.looks.fill('sold'); window.stage.paint(null)")
    hall.rest()
    assert hall.pixels("C-3") != before
    hall.expect_state("C-3", "sold")


def test_every_state_has_a_shape_of_its_own_without_any_colour(stage: Stages) -> None:
    hall = stage(forced_colors="active")
    seen: dict[str, str] = {}
    for look in LOOKS:
        hall.change(B2=look)
        # Only light or dark is left of each pixel.
        seen[look] = hall.page.evaluate(
            """(pixels) => {
              const values = pixels.split(",").map(Number);
              return values.filter((_, at) => at % 4 === 1).map((green) => (green > 150 ? "#" : ".")).join("");
            }""",
            hall.pixels("B-2"),
        )
    assert len(set(seen.values())) == len(LOOKS)


def test_forced_colours_are_the_systems_own(stage: Stages) -> None:
    hall = stage(forced_colors="active")
    found = hall.page.evaluate(
        """(pixels) => {
          const values = pixels.split(",").map(Number);
          const colors = new Set();
          for (let at = 0; at < values.length; at += 4) colors.add(values.slice(at, at + 3).join());
          return [...colors];
        }""",
        hall.pixels("B-1"),
    )
    blue = [color for color in found if len(set(color.split(","))) > 1]
    assert blue == []


def test_colours_follow_the_custom_properties(stage: Stages) -> None:
    hall = stage(variables={"--seat-map-surface": "rgb(10 20 30)", "--seat-map-mine": "rgb(200 100 50)"})
    hall.change(B2="mine")
    assert "200,100,50,255" in hall.pixels("B-2")
    assert "10,20,30,255" in hall.pixels("B-2")
    hall.page.evaluate(
        "document.getElementById('host').style.setProperty('--seat-map-mine', 'rgb(50 100 200)'); stage.restyle()"
    )
    hall.rest()
    assert "50,100,200,255" in hall.pixels("B-2")


def test_a_surface_that_lets_the_page_through_is_not_black(stage: Stages) -> None:
    hall = stage(variables={"--seat-map-surface": "transparent"})
    hall.change(B2="sold")  # nothing of that is white but what lies around it
    assert "255,255,255,255" in hall.pixels("B-2")


def test_a_dark_page_makes_a_dark_hall_at_once(stage: Stages) -> None:
    hall = stage()
    before = hall.pixels("B-2")
    hall.page.emulate_media(color_scheme="dark")
    hall.rest()
    assert hall.pixels("B-2") != before


def test_an_area_says_what_is_left_when_that_changes(stage: Stages) -> None:
    hall = stage(_with_lawn())
    before = hall.picture
    hall.page.evaluate("window.areas = [{ text: 'Lawn, full', full: true }]; window.stage.paintAreas()")
    hall.rest()
    assert hall.picture != before


def test_the_drawing_is_as_sharp_as_the_screen(stage: Stages) -> None:
    for ratio in (1, 2, 3):
        hall = stage(device_scale_factor=ratio)
        box = hall.canvas.bounding_box()
        assert box is not None
        assert hall.canvas.evaluate("(canvas) => canvas.width") == pytest.approx(box["width"] * ratio, abs=1)


def test_a_hall_that_is_not_live_is_pale_and_says_so(stage: Stages) -> None:
    hall = stage()
    hall.page.evaluate("window.stage.frozen = true")
    expect(hall.grid).to_have_attribute("aria-disabled", "true")
    expect(hall.canvas).to_have_css("filter", "grayscale(1)")
    hall.page.evaluate("window.stage.frozen = false")
    expect(hall.grid).to_have_attribute("aria-disabled", "false")
    expect(hall.canvas).to_have_css("filter", "none")


# ---------------------------------------------------------------------- the view


def test_the_first_view_and_every_new_size_show_the_whole_hall(stage: Stages) -> None:
    hall = stage(arena())
    for width in (1000, 500, 1200):
        hall.page.set_viewport_size({"width": width, "height": 700})
        hall.rest()
        hall.expect_seen("1-1")
        hall.expect_seen("80-150")


def test_a_page_zoomed_to_200_percent_keeps_the_hall_usable(stage: Stages) -> None:
    # What a browser's own zoom does: half the CSS pixels, each twice as large.
    hall = stage(arena(20, 30), viewport={"width": 500, "height": 400}, device_scale_factor=2)
    hall.expect_seen("1-1")
    hall.page.mouse.click(*hall.middle("10-15"))
    hall.rest()
    assert hall.scale >= PICKING_PX or hall.picked() == ["10-15"]
    assert hall.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert hall.canvas.evaluate("(canvas) => canvas.clientHeight < innerHeight")


def test_who_wants_no_motion_gets_none(stage: Stages) -> None:
    hall = stage(arena(), reduced_motion="reduce")
    before = hall.scale
    hall.page.evaluate("window.stage.zoomIn()")
    assert hall.scale > 1.5 * before


def test_seats_are_brought_into_view_when_asked(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.evaluate("window.stage.reveal([11998, 11999])")
    hall.rest()
    hall.expect_seen("80-149")
    hall.expect_seen("80-150")
    assert hall.scale >= 20
    hall.page.evaluate("window.stage.reveal([0, 1])")
    hall.rest()
    hall.expect_seen("1-1")


def test_a_page_that_reads_from_right_to_left_does_not_mirror_the_hall(stage: Stages) -> None:
    hall = stage()
    before = hall.middle("A-1")[0], hall.middle("A-6")[0]
    hall.page.evaluate("document.documentElement.dir = 'rtl'; stage.restyle()")
    hall.rest()
    assert (hall.middle("A-1")[0], hall.middle("A-6")[0]) == pytest.approx(before)
    hall.press("Tab", "ArrowRight")
    assert hall.focused == "A-2, free"
    # What stands around the hall does turn.
    button, view = hall.button("Zoom in").bounding_box(), hall.canvas.bounding_box()
    assert button is not None and view is not None
    assert button["x"] < view["x"] + view["width"] / 2


def test_a_hall_of_areas_only_has_no_grid(stage: Stages) -> None:
    seats = _with_lawn()
    lawn = SeatMap.build(
        name="Lawn", categories=seats.categories, screen=seats.screen, seats=[], general_areas=seats.general_areas
    )
    assert stage(lawn).grid.count() == 0


def test_nothing_is_left_when_the_hall_is_taken_away(stage: Stages) -> None:
    hall = stage()
    hall.page.evaluate("window.stage.paint(null); window.stage.disconnect()")
    expect(hall.canvas).to_have_count(0)
    hall.page.set_viewport_size({"width": 700, "height": 500})
    hall.page.emulate_media(color_scheme="dark")
    hall.page.mouse.wheel(0, 100)
    hall.page.evaluate("new Promise(requestAnimationFrame)")


def _with_lawn() -> SeatMap:
    hall = small_hall()
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=10, x=4, y=5, width=4, height=1.5)
    return SeatMap.build(
        name=hall.name,
        categories=hall.categories,
        screen=hall.screen,
        seats=hall.seats,
        groups=hall.groups,
        general_areas=[lawn],
    )
