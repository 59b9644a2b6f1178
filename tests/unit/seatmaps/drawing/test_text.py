"""Promises of the drawing: every seat is on it, joined and spaced as in the hall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall, studio
from seatserver.seatmaps.drawing.text import JOINT, SHAPES, draw, draw_hall, legend
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.model import GeneralArea, SeatMap
from tests.unit.seatmaps.halls import VISTA, grid_halls, with_areas


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


def test_areas_without_numbers_are_shaded_lines_at_their_depth() -> None:
    lawn = GeneralArea(key="lawn", name="Lawn", category="S1", capacity=40, x=3, y=2, width=7, height=1)
    pit = GeneralArea(key="pit", name="Pit", category="L1", capacity=5, x=3, y=-1, width=3, height=1)
    lines = text(with_areas(read_seat_map(VISTA, name="Small").seat_map, [lawn, pit]))
    assert lines[3:9] == [
        "       ░░░░░",
        "A  ■ ■ ■   ■ ■ ■  A",
        "B  ■ ■ ■   ■ ■ ■  B",
        "   ░░ Lawn 40 ░░",
        "D  ◆━◆       ◆━◆  D",
        "",
    ]
    assert lines[9] == "Small  16 seats and 45 places without numbers"
    assert lines[10] == "  ■ 52  Stalls  (key S1)"
    assert lines[-2:] == ["  ░ 40  Lawn, without seat numbers", "  ░  5  Pit, without seat numbers"]


def test_a_hall_of_areas_alone_is_drawn() -> None:
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=40, x=7, y=5, width=12, height=6)
    parts = {field: getattr(studio(), field) for field in ("name", "categories", "screen")}
    lines = text(SeatMap.build(**parts, seats=(), general_areas=[lawn]))
    assert "░ Lawn 40 ░" in lines[3]
    assert "Studio 1  40 places without numbers" in lines


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
    narrow, wide = (max(sum(len(span.text) for span in line) for line in draw_hall(hall, width)) for width in (50, 100))
    assert narrow <= 50 < wide <= 100


def test_the_legend_counts_every_seat() -> None:
    lines = ["".join(span.text for span in line) for line in legend(studio())]
    assert lines[0] == "Studio 1  92 seats"
    assert lines[1].startswith("  ■ 56  Standard")
