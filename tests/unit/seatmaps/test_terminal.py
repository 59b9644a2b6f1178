"""Promises of the drawing: every seat is on it, joined and spaced as in the hall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall, studio
from seatserver.seatmaps.importer import read_seat_map
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.terminal import JOINT, SHAPES, draw, draw_hall, legend
from tests.unit.seatmaps.halls import VISTA, grid_halls


def text(seat_map: SeatMap, width: int = 100) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in draw(seat_map, width)]


def test_the_small_hall_looks_like_this() -> None:
    assert text(read_seat_map(VISTA, name="Small").seat_map) == [
        "   ▁▁▁▁▁▁▁▁▁▁▁▁▁",
        "       screen",
        "",
        "A  ■ ■ ■   ■ ■ ■  A",
        "B  ■ ■ ■   ■ ■ ■  B",
        "",
        "D  ◆━◆       ◆━◆  D",
        "",
        "Small  16 seats",
        "  ■ 12  Stalls  (key S1)",
        "  ◆  4  Lounge  (key L1)",
        "     2  sofa, left",
        "     2  sofa, right",
        "  ━  2  groups that are only sold whole (2 × 2 seats)",
    ]


@given(grid_halls(), st.sampled_from((20, 100)))
def test_every_seat_is_drawn_once(hall: SeatMap, width: int) -> None:
    drawn = "".join(span.text for line in draw_hall(hall, width) for span in line)
    assert sum(drawn.count(shape) for shape in SHAPES) == len(hall.seats)


def test_wheelchair_places_and_companions_have_their_own_letters() -> None:
    assert "A    W C ■ ■       ■ ■ C W    A" in text(studio())


def test_the_sofas_of_the_grand_hall_are_joined_in_pairs() -> None:
    row = next(line for line in text(grand_hall()) if line.startswith("N"))
    assert row.count(f"▲{JOINT}▲") == 9


def test_a_narrow_terminal_gets_a_narrow_drawing() -> None:
    hall = grand_hall()
    assert max(map(len, text(hall, 50)[:-11])) <= 50 < max(map(len, text(hall, 100)))


def test_the_legend_counts_every_seat() -> None:
    lines = ["".join(span.text for span in line) for line in legend(studio())]
    assert lines[0] == "Studio 1  92 seats"
    assert lines[1].startswith("  ■ 56  Standard")
