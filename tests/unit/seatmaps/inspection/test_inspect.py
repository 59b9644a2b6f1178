"""Promises of the check of a hall: sound halls pass, every planted mistake is found where it is, nothing breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import demo_halls, grand_hall, studio
from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.inspection.findings import Finding, Severity
from seatserver.seatmaps.inspection.inspect import Report, check_document
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from tests.unit.seatmaps.halls import PRETIX, VISTA, grid_halls, mutated, pretix_document

Content = dict[str, Any]


class Plan:
    """The Grand Hall without its beanbags as JSON, to be spoiled."""

    def __init__(self) -> None:
        self.content: Content = json.loads(grand_hall().encode())
        del self.content["general_areas"], self.content["categories"][-1]
        self.index = grand_hall().index_by_label

    def seat(self, label: str) -> Content:
        found: Content = self.content["seats"][self.index[label]]
        return found

    def row(self, name: str) -> list[Content]:
        return [seat for seat in self.content["seats"] if seat["row"] == name]

    def check(self) -> Report:
        return check_document(json.dumps(self.content).encode())


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("hall", demo_halls(), ids=lambda hall: hall.name)
def test_the_halls_of_the_demo_have_nothing_to_mend(hall: SeatMap) -> None:
    report = check_document(hall.encode())
    assert report.findings == ()
    assert report.is_clean


def test_the_small_halls_have_only_hints() -> None:
    for document in (VISTA, PRETIX):
        report = check_document(document)
        assert report.is_clean
        assert codes(report) <= {"no_wheelchairs", "row_jump"}


def label_twice(plan: Plan) -> None:
    plan.seat("C-7")["number"] = "8"


def label_alike(plan: Plan) -> None:
    plan.seat("C-7")["number"] = "08"


def on_another(plan: Plan) -> None:
    plan.seat("C-7")["x"] = plan.seat("C-8")["x"] - 0.2


def too_narrow(plan: Plan) -> None:
    plan.seat("C-7")["x"] += 0.4


def same_spot(plan: Plan) -> None:
    plan.seat("C-7").update(x=plan.seat("C-8")["x"], y=plan.seat("C-8")["y"])


def far_out(plan: Plan) -> None:
    plan.seat("C-7")["x"] += 300


def off_its_row(plan: Plan) -> None:
    plan.seat("C-7")["y"] += 0.42


def far_off_its_row(plan: Plan) -> None:
    plan.seat("A-16").update(x=plan.seat("M-1")["x"] - 1, y=plan.seat("M-1")["y"])


def behind_the_screen(plan: Plan) -> None:
    plan.content["screen"]["y"] = plan.seat("A-1")["y"] + 0.2


def screen_at_the_back(plan: Plan) -> None:
    plan.content["screen"]["y"] = 40


def screen_aside(plan: Plan) -> None:
    plan.content["screen"]["x"] = -20


def no_way(plan: Plan) -> None:
    for seat in plan.row("C"):
        seat["y"] -= 0.6


def one_row(plan: Plan) -> None:
    for number, seat in enumerate(plan.row("C")):
        seat.update(x=number * 1.0 + 2, y=-20)
        plan.content["screen"]["y"] = -30
    for number, seat in enumerate(plan.row("D")):
        seat.update(row="C", number=str(100 + number), x=22 + number * 1.0, y=-20)


def backwards(plan: Plan) -> None:
    row = plan.row("H")
    for seat, number in zip(row, reversed(range(1, len(row) + 1)), strict=True):
        seat["number"] = str(number)


def back_and_forth(plan: Plan) -> None:
    plan.seat("H-9")["number"], plan.seat("H-10")["number"] = "10", "9"


def jump(plan: Plan) -> None:
    plan.seat("C-20")["number"] = "21"


def rows_swapped(plan: Plan) -> None:
    for seat in plan.content["seats"]:
        seat["row"] = {"C": "D", "D": "C"}.get(seat["row"], seat["row"])


def row_left_out(plan: Plan) -> None:
    for seat in plan.row("N"):
        seat["row"] = "T"


def row_apart(plan: Plan) -> None:
    for number, seat in enumerate(plan.row("A"), start=100):
        seat.update(row="M", number=str(number))


def category_left_out(plan: Plan) -> None:
    plan.content["categories"].append({"key": "vip", "name": "VIP", "color": "#123456"})


def same_color(plan: Plan) -> None:
    plan.content["categories"][0]["color"] = plan.content["categories"][1]["color"]


def sofa_without_group(plan: Plan) -> None:
    del plan.content["groups"][4]


def half_sofa(plan: Plan) -> None:
    del plan.content["groups"][4]
    plan.seat("N-10")["kind"] = "standard"


def not_a_sofa(plan: Plan) -> None:
    plan.seat("N-10")["kind"] = "sofa_middle"


def swapped_sofa(plan: Plan) -> None:
    plan.seat("N-9")["kind"], plan.seat("N-10")["kind"] = "sofa_right", "sofa_left"


def group_across_rows(plan: Plan) -> None:
    plan.content["groups"].append([plan.index["B-3"], plan.index["C-3"]])


def group_apart(plan: Plan) -> None:
    plan.content["groups"].append([plan.index["C-4"], plan.index["C-5"]])


def group_of_categories(plan: Plan) -> None:
    plan.seat("N-9")["category"] = "standard"


def companion_alone(plan: Plan) -> None:
    plan.seat("H-7")["kind"] = "companion"


def companion_apart(plan: Plan) -> None:
    plan.seat("F-10")["kind"] = "companion"


def wheelchair_alone(plan: Plan) -> None:
    plan.seat("A-3")["kind"] = "wheelchair"


def many_companions(plan: Plan) -> None:
    for seat in plan.row("F")[19:23]:
        seat["kind"] = "companion"
    plan.seat("F-24")["kind"] = "wheelchair"


def in_centimetres(plan: Plan) -> None:
    for thing in (*plan.content["seats"], plan.content["screen"]):
        for part in ("x", "y", "width"):
            if part in thing:
                thing[part] *= 55


def area(plan: Plan, **fields: Any) -> None:
    made = {
        "key": "lawn",
        "name": "Lawn",
        "category": "front",
        "capacity": 20,
        "x": 12.6,
        "y": 2,
        "width": 16,
        "height": 1.5,
    }
    plan.content.setdefault("general_areas", []).append({**made, **fields})


def area_on_seats(plan: Plan) -> None:
    area(plan, y=4)


def areas_overlap(plan: Plan) -> None:
    area(plan)
    area(plan, key="other", name="Other", x=18)


def area_behind_the_screen(plan: Plan) -> None:
    area(plan, y=0)


def crowded(plan: Plan) -> None:
    area(plan, capacity=60)


FOLLOWS: dict[Callable[[Plan], None], set[str]] = {
    label_twice: {"number_jump"},
    label_alike: {"number_jump"},
    one_row: {"row_order", "row_jump", "number_jump"},
}
"""What else such a mistake brings with it."""


@pytest.mark.parametrize(
    ("spoil", "code", "severity", "words"),
    [
        (label_twice, "refused", Severity.ERROR, "seats[43]: the label 'C-8' is already that of seats[42]"),
        (label_alike, "labels_alike", Severity.WARNING, "seats C-08 and C-8: read alike on a ticket"),
        (on_another, "overlap", Severity.ERROR, "seats C-7 and C-8: stand 0.2 pitches apart, closer"),
        (too_narrow, "overlap", Severity.WARNING, "seats C-7 and C-8: stand 0.6 pitches apart"),
        (same_spot, "refused", Severity.ERROR, "seats[43]: stands on the very spot of seats[42]"),
        (far_out, "outlier", Severity.WARNING, "seat C-7: far from all other seats"),
        (off_its_row, "off_row", Severity.WARNING, "seat C-7: stands off the line of its row"),
        (far_off_its_row, "off_row", Severity.WARNING, "seat A-16: "),
        (behind_the_screen, "behind_screen", Severity.WARNING, "beside or behind the screen"),
        (screen_at_the_back, "screen_behind", Severity.WARNING, "the screen: stands behind all seats"),
        (screen_aside, "odd_screen", Severity.HINT, "the screen: its middle is 33 pitches from"),
        (no_way, "unreachable", Severity.WARNING, "B-1 stands 0.6 pitches before C-1, which leaves no way through"),
        (one_row, "long_way", Severity.HINT, "row C: 40 seats without an aisle: from C-20 one passes 19 seats"),
        (backwards, "numbers_backwards", Severity.WARNING, "row H: its numbers run from right to left"),
        (back_and_forth, "mixed_numbers", Severity.WARNING, "row H: the numbers run back and forth: 8, 10, 9"),
        (jump, "number_jump", Severity.HINT, "row C: neighbours' numbers jump from 19 to 21"),
        (rows_swapped, "row_order", Severity.WARNING, "row C: stands behind row D"),
        (row_left_out, "row_jump", Severity.HINT, "row T: stands behind row M: there is no row N, P, R and S"),
        (row_apart, "row_apart", Severity.WARNING, "row M: lies in two places, "),
        (category_left_out, "empty_category", Severity.WARNING, "the category vip: has no seats"),
        (same_color, "same_color", Severity.HINT, "the categories front and standard: have the same colour"),
        (sofa_without_group, "sofa_without_group", Severity.WARNING, "seats N-9 and N-10: are one sofa but no group"),
        (half_sofa, "half_sofa", Severity.WARNING, "seat N-9: half a sofa: the right part is not beside it"),
        (not_a_sofa, "half_sofa", Severity.WARNING, "seats N-9 and N-10: are no whole sofa"),
        (swapped_sofa, "sofa_sides", Severity.WARNING, "seats N-9 and N-10: their left parts stand at the right"),
        (group_across_rows, "group_across_rows", Severity.WARNING, "seats B-3 and C-3: go only together"),
        (group_apart, "group_apart", Severity.WARNING, "seats C-4 and C-5: go only together but an aisle"),
        (group_of_categories, "group_of_categories", Severity.HINT, "seats N-9 and N-10: go only together"),
        (companion_alone, "companion_alone", Severity.WARNING, "seat H-7: no wheelchair place in the row"),
        (companion_apart, "companion_apart", Severity.WARNING, "seat F-10: no wheelchair place beside, so it"),
        (wheelchair_alone, "wheelchair_alone", Severity.HINT, "seat A-3: no companion's seat beside"),
        (many_companions, "many_companions", Severity.HINT, "4 companion seats for 1 wheelchair place"),
        (in_centimetres, "unit", Severity.WARNING, "the coordinates: neighbours usually stand 55"),
        (area_on_seats, "area_on_seats", Severity.WARNING, "the area Lawn: lies on seats A-3, A-4, A-5 and "),
        (areas_overlap, "areas_overlap", Severity.WARNING, "the area Lawn: lies on the area Other"),
        (area_behind_the_screen, "behind_screen", Severity.WARNING, "the area Lawn: reaches beside or behind"),
        (crowded, "crowded", Severity.HINT, "the area Lawn: 60 people on 24 square pitches"),
    ],
)  # fmt: skip
def test_one_mistake_in_a_sound_hall_gives_one_finding(
    spoil: Callable[[Plan], None], code: str, severity: Severity, words: str
) -> None:
    plan = Plan()
    spoil(plan)
    report = plan.check()
    [finding] = [one for one in report.findings if one.code not in FOLLOWS.get(spoil, ())]
    assert (finding.code, finding.severity) == (code, severity)
    assert words in finding.text
    assert report.is_clean == all(one.severity is Severity.HINT for one in report.findings)


def test_a_finding_says_where_in_the_file_which_seats_and_how_to_mend_it() -> None:
    plan = Plan()
    on_another(plan)
    [finding] = plan.check().findings
    assert finding.at == ("seats[42]", "seats[43]")
    assert finding.seats == ("C-7", "C-8")
    assert finding.mend.startswith("move one of them")
    content = json.loads(VISTA)
    content["SeatLayoutData"]["Areas"][0]["Rows"][3]["Seats"][2]["Id"] = "04"
    [finding] = [one for one in check_document(json.dumps(content).encode()).findings if one.code == "labels_alike"]
    row = "SeatLayoutData.Areas[0].Rows[3]"
    assert finding.at == (f"{row}.Seats[2]", f"{row}.Seats[3]")


def test_all_mistakes_are_found_at_once_even_in_a_file_that_is_refused() -> None:
    plan = Plan()
    for spoil in (label_twice, off_its_row, backwards, category_left_out, swapped_sofa, companion_alone, jump):
        spoil(plan)
    plan.seat("E-1")["x"] = "left"
    plan.seat("M-3")["kind"] = "throne"
    report = plan.check()
    assert [finding.code for finding in report.findings if finding.code == "refused"] == ["refused"] * 3
    assert codes(report) >= {
        "off_row", "numbers_backwards", "empty_category", "sofa_sides", "companion_alone", "number_jump",
    }  # fmt: skip
    severities = list(Severity)
    order = [severities.index(finding.severity) for finding in report.findings]
    assert order == sorted(order)


def test_a_file_that_cannot_be_read_at_all_has_one_error() -> None:
    report = check_document(b'{"seats": [}')
    assert report.seat_map is None
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("unreadable", Severity.ERROR)
    assert finding.text == "line 1, column 12: not valid JSON: invalid character"


def test_numbers_that_run_out_from_the_middle_are_a_habit_of_theatres() -> None:
    plan = Plan()
    for seats in ("BCDE", "FGHIJKLM"):
        for name in seats:
            row = plan.row(name)
            half = len(row) // 2
            for place, seat in enumerate(row):
                seat["number"] = str(2 * (half - place) - 1 if place < half else 2 * (place - half) + 2)
    assert codes(plan.check()) <= {"numbers_backwards"}


def test_a_gap_in_a_row_with_seats_around_it_is_not_an_aisle() -> None:
    # A row of 40 without a way out of its middle, though a seat there is missing.
    seats = [
        {"row": row, "number": str(n + 1), "x": n, "y": 3 + depth, "category": "c"}
        for depth, row in enumerate("ABC")
        for n in range(40)
        if (row, n) != ("B", 20)
    ]
    content = {
        "name": "Wide",
        "categories": [{"key": "c", "name": "C", "color": "#123456"}],
        "screen": {"x": 19.5, "y": 0, "width": 40},
        "seats": seats,
    }
    found = [one for one in check_document(json.dumps(content).encode()).findings if one.code == "long_way"]
    assert [one.what for one in found] == ["row A", "row B", "row C"]


def crooked() -> SeatMap:
    """Two overlaps, one of them over two rows, in a hall whose seats usually stand far apart."""
    seats = [("A", "1", 0, 0), ("A", "2", 1, 0), ("A", "3", 7, 0), ("B", "1", 0, 1)]
    return SeatMap.build(
        name="Crooked",
        categories=(Category(key="c", name="C", color="#0072b2"),),
        screen=Screen(x=3.5, y=-2.5, width=8.0),
        seats=tuple(Seat(row=row, number=number, x=x, y=y, category="c") for row, number, x, y in seats),
    )


def stretched() -> SeatMap:
    """A column of seats whose usual distance is five, so that one of them is exactly at a limit."""
    seats = [("A", "1", 2, 0), ("B", "1", 0, 1), ("C", "1", 0, 2), ("D", "1", 0, 3), ("E", "1", 0, 4), ("E", "2", 5, 4)]
    return SeatMap.build(
        name="Stretched",
        categories=(Category(key="c", name="C", color="#0072b2"),),
        screen=Screen(x=2.5, y=-2.5, width=6.0),
        seats=tuple(
            Seat(row=row, number=number, x=x, y=y, category="c") for row, number, x, y in [*seats, ("F", "1", 0, 5)]
        ),
    )


@given(grid_halls(), st.integers(-500, 500), st.integers(-500, 500))
@example(crooked(), -1, 0)
@example(stretched(), 1, 0)
def test_moving_the_whole_hall_changes_nothing(hall: SeatMap, right: int, back: int) -> None:
    content = json.loads(hall.encode())
    for thing in (*content["seats"], content["screen"]):
        thing["x"] += right
        thing["y"] += back
    assert check_document(json.dumps(content).encode()).findings == check_document(hall.encode()).findings


@pytest.mark.parametrize("unit", [0.01, 24.0, 300.0])
def test_another_unit_changes_nothing_but_adds_a_finding(unit: float) -> None:
    for spoil in (off_its_row, on_another, no_way, screen_aside, area_on_seats, crowded):
        plan = Plan()
        spoil(plan)
        plain = codes(plan.check())
        for thing in (*plan.content["seats"], plan.content["screen"], *plan.content.get("general_areas", ())):
            for part in {"x", "y", "width", "height"} & set(thing):
                thing[part] *= unit
        assert codes(plan.check()) == plain | {"unit"}


@given(grid_halls(), st.data())
def test_a_label_given_twice_is_found_in_any_hall(hall: SeatMap, data: st.DataObject) -> None:
    content = json.loads(hall.encode())
    one, other = (data.draw(st.sampled_from(range(len(hall.seats)))) for _ in range(2))
    for part in ("row", "number"):
        content["seats"][one][part] = content["seats"][other][part]
    refused = "refused" in codes(check_document(json.dumps(content).encode()))
    assert refused == (one != other)


def _is_in_order(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        for text in (finding.text, finding.mend, *finding.at, *finding.seats):
            assert text.isprintable(), text


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.sampled_from((VISTA, PRETIX, studio().encode())), st.data())
def test_a_file_is_refused_by_the_check_exactly_when_it_is_refused_by_the_import(
    document: bytes, data: st.DataObject
) -> None:
    spoiled = mutated(document, data)
    report = check_document(spoiled)
    _is_in_order(report.findings)
    try:
        read_seat_map(spoiled)
    except BadSeatMap as error:
        refusals = [one for one in report.findings if one.code in ("refused", "unreadable")]
        assert refusals
        assert all(one.severity is Severity.ERROR for one in refusals)
        assert error.message in {one.text for one in refusals}
    else:
        assert not codes(report) & {"refused", "unreadable"}


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_one_unreadable_file(document: bytes) -> None:
    # A few equal letters would draw a hall; no text that anybody writes has this byte.
    report = check_document(b"\x01" + document)
    assert codes(report) & {"refused", "unreadable"}
    _is_in_order(report.findings)


@pytest.mark.parametrize("spread", [0.0001, 1e-9, 1e-300, 0.3, 1000.0])
def test_a_hostile_hall_of_thousands_is_checked_to_the_end(spread: float) -> None:
    seats = [
        {"row": str(n % 97), "number": str(n), "x": (n % 100) * spread, "y": n * spread, "category": "c"}
        for n in range(9_000)
    ]
    content = {
        "name": "Hostile",
        "categories": [{"key": "c", "name": "C", "color": "#123456"}],
        "screen": {"x": 1e308, "y": -1, "width": 1e-300},
        "seats": seats,
        "groups": [[n, 8999 - n] for n in range(4_500)],
    }
    assert not check_document(json.dumps(content).encode()).is_clean


def test_pretix_plans_are_checked_in_pitches() -> None:
    content = pretix_document(grand_hall(), 24)
    content["zones"][0]["rows"][3]["seats"][5]["position"]["x"] -= 12
    report = check_document(json.dumps(content).encode())
    [overlap] = [finding for finding in report.findings if finding.code == "overlap"]
    assert overlap.text.startswith("seats D-5 and D-6: stand 0.5 pitches apart")
