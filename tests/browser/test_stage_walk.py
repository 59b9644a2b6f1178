"""The drawn hall by keyboard and for screen readers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from tests.browser.stage_page import Stages, arena

pytestmark = pytest.mark.long

# ---------------------------------------------------------------------- the keyboard


def test_arrow_keys_move_from_seat_to_seat_and_across_aisles(stage: Stages) -> None:
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


def test_moving_from_row_to_row_keeps_the_column(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "ArrowDown", "ArrowDown")
    assert hall.focused == "D-1, free"  # the sofas of the last row stand in the middle
    hall.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert hall.focused == "A-1, free"


def test_home_and_end_go_to_the_ends_of_the_row_and_the_hall(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "End")
    assert hall.focused == "B-6, free"
    hall.press("Home")
    assert hall.focused == "B-1, free"
    hall.press("Control+End")
    assert hall.focused == "D-4, free"
    hall.press("Control+Home")
    assert hall.focused == "A-1, free"


def test_arrow_keys_reach_every_row_and_every_block(stage: Stages) -> None:
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


def test_arrow_keys_stop_at_the_edges_of_the_hall(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowLeft", "ArrowUp")
    assert hall.focused == "A-1, free"
    hall.press("Control+End", "ArrowRight", "ArrowDown")
    assert hall.focused == "D-4, free"


def test_enter_and_space_pick_the_focused_seat(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowRight", "Enter", "ArrowRight", " ")
    assert hall.picked() == ["A-2", "A-3"]


def test_the_hall_is_one_stop_for_tab_and_remembers_the_seat(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowDown", "ArrowRight", "Tab")
    assert hall.focused == "Zoom in"
    hall.press("Shift+Tab")
    assert hall.focused == "B-2, free"


def test_focusing_a_seat_points_at_it_and_leaving_points_at_none(stage: Stages) -> None:
    hall = stage()
    hall.press("Tab", "ArrowRight", "Tab")
    points = [detail["seat"] for detail in hall.told("point")]
    assert hall.index("A-2") in points
    assert points[-1] is None


def test_zoom_keys_keep_the_focused_seat_in_view(stage: Stages) -> None:
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


def test_moving_the_focus_moves_the_view_and_zooms_in_enough_to_read(stage: Stages) -> None:
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


def test_the_focused_seat_is_scrolled_into_the_window(stage: Stages) -> None:
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


def test_names_and_states_of_cells_follow_changes(stage: Stages) -> None:
    hall = stage(looks={1: "mine", 2: "sold"})
    expect(hall.cell("A-2")).to_have_attribute("aria-selected", "true")
    expect(hall.cell("A-2")).to_have_attribute("aria-disabled", "false")
    expect(hall.cell("A-3")).to_have_attribute("aria-disabled", "true")
    expect(hall.cell("A-3")).to_have_attribute("aria-label", "A-3, sold")
    hall.change(A2="held", A3="free")
    expect(hall.cell("A-2")).to_have_attribute("aria-selected", "false")
    expect(hall.cell("A-2")).to_have_attribute("aria-label", "A-2, held")
    expect(hall.cell("A-3")).to_have_attribute("aria-disabled", "false")


def test_rows_added_to_the_document_show_earlier_changes(stage: Stages) -> None:
    hall = stage(arena())
    hall.page.evaluate("window.change([[11999, 'sold']])")
    hall.press("Tab", "Control+End")
    assert hall.focused == "80-150, sold"


def test_cells_are_where_their_seats_are_drawn_at_any_zoom(stage: Stages) -> None:
    hall = stage()
    for name in ("Zoom in", "Zoom out", "Zoom in", "Whole hall"):
        hall.button(name).click()
        hall.rest()
        found = hall.cell("B-2").bounding_box()
        wanted = hall.box("B-2")
        assert found is not None
        for at in ("x", "y", "width", "height"):
            assert found[at] == pytest.approx(wanted[at], abs=1)


def test_a_click_without_a_pointer_picks_the_seat(stage: Stages) -> None:
    hall = stage()
    hall.cell("B-2").evaluate("(cell) => cell.click()")
    assert hall.picked() == ["B-2"]
