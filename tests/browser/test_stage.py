"""What the drawn hall shows: seats, colours, areas, and which part of it. The tests decide what seats look like."""

from __future__ import annotations

from statistics import median

import pytest
from playwright.sync_api import expect

from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from tests.browser.stage_page import PIXELS, Stages, arena, hall_with_lawn
from tests.support.lab import ACTIVITIES, MEASURE

pytestmark = pytest.mark.long

PICKING_PX = 44
LOOKS = ("free", "asking", "mine", "booked", "held", "sold", "blocked", "unknown")


# ---------------------------------------------------------------------- the drawing


def test_only_changed_seats_are_redrawn(stage: Stages) -> None:
    hall = stage()
    before = {label: hall.pixels(label) for label in ("A-2", "A-3", "B-2")}
    hall.change(A2="sold")
    assert hall.pixels("A-2") != before["A-2"]
    assert hall.pixels("A-3") == before["A-3"]
    hall.change(A2="free")
    assert hall.pixels("A-2") == before["A-2"]
    assert hall.pixels("B-2") == before["B-2"]


def test_changes_are_visible_after_zooming_and_moving(stage: Stages) -> None:
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
def test_after_many_changes_the_drawing_equals_a_fresh_one(stage: Stages, activity: str) -> None:
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


def test_everything_is_redrawn_when_anything_may_have_changed(stage: Stages) -> None:
    hall = stage()
    before = hall.pixels("C-3")
    hall.page.evaluate("window.looks.fill('sold'); window.stage.paint(null)")
    hall.rest()
    assert hall.pixels("C-3") != before
    hall.expect_state("C-3", "sold")


def test_every_state_has_a_distinct_shape_without_colour(stage: Stages) -> None:
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


def test_forced_colours_use_the_systems_colours(stage: Stages) -> None:
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


def test_a_transparent_surface_is_not_drawn_black(stage: Stages) -> None:
    hall = stage(variables={"--seat-map-surface": "transparent"})
    hall.change(B2="sold")  # nothing of that is white but what lies around it
    assert "255,255,255,255" in hall.pixels("B-2")


def test_the_hall_turns_dark_with_the_page_at_once(stage: Stages) -> None:
    hall = stage()
    before = hall.pixels("B-2")
    hall.page.emulate_media(color_scheme="dark")
    hall.rest()
    assert hall.pixels("B-2") != before


def test_an_area_shows_how_many_places_are_left(stage: Stages) -> None:
    hall = stage(hall_with_lawn())
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


def test_a_hall_that_is_not_live_is_faded_and_says_so(stage: Stages) -> None:
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


def test_reduced_motion_stops_all_motion(stage: Stages) -> None:
    hall = stage(arena(), reduced_motion="reduce")
    before = hall.scale
    hall.page.evaluate("window.stage.zoomIn()")
    assert hall.scale > 1.5 * before


def test_seats_can_be_brought_into_view(stage: Stages) -> None:
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


def test_a_hall_with_only_areas_has_no_grid(stage: Stages) -> None:
    seats = hall_with_lawn()
    lawn = SeatMap.build(
        name="Lawn", categories=seats.categories, screen=seats.screen, seats=[], general_areas=seats.general_areas
    )
    assert stage(lawn).grid.count() == 0


def test_removing_the_hall_leaves_nothing_behind(stage: Stages) -> None:
    hall = stage()
    hall.page.evaluate("window.stage.paint(null); window.stage.disconnect()")
    expect(hall.canvas).to_have_count(0)
    hall.page.set_viewport_size({"width": 700, "height": 500})
    hall.page.emulate_media(color_scheme="dark")
    hall.page.mouse.wheel(0, 100)
    hall.page.evaluate("new Promise(requestAnimationFrame)")


@pytest.mark.parametrize("row", ["A", "W12", "Balcony 1"])
def test_row_names_do_not_cover_the_seats_at_the_edge(stage: Stages, row: str) -> None:
    edge = SeatMap.build(
        name="Wide",
        categories=[Category(key="seat", name="Seat", color="#3f6fa8")],
        screen=Screen(x=10, y=-2, width=8),
        seats=[
            Seat(row=f"{row}{y}", number=str(x + 1), x=x, y=y, category="seat") for y in range(8) for x in range(20)
        ],
    )
    hall = stage(edge, viewport={"width": 390, "height": 600})
    for _ in range(4):
        hall.button("Zoom in").click()
        hall.rest()
    hall.page.mouse.move(195, 200)

    def outer_fifth(seat: int, start: float) -> str:
        """What is drawn of the side of a seat in the middle row."""
        box = hall.box(f"{row}3-{seat}")
        part = {**box, "x": box["x"] + start * box["width"], "width": box["width"] / 5}
        found: str = hall.page.evaluate(PIXELS, part)
        return found

    for aside, seat, inside, start in ((-900, 1, 2, 0.0), (900, 20, 19, 0.8)):
        hall.page.mouse.wheel(aside, 0)
        hall.page.wait_for_function(f"stage.boxOf({hall.index(f'{row}3-{seat}')}).x > 0")
        hall.rest()
        assert outer_fifth(seat, start) == outer_fifth(inside, start)
