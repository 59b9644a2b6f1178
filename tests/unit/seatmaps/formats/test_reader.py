"""Promises of the importer that finds out what a file is: any bytes give a hall or one clear error."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import grand_hall, studio
from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.reader import draft_seat_map, read_seat_map
from seatserver.seatmaps.parsing.decoding import MAX_DOCUMENT_BYTES
from tests.unit.seatmaps.halls import PRETIX, VISTA, mutated

OWN = studio().encode()


@pytest.mark.parametrize(
    ("document", "format_name", "seats"),
    [(VISTA, "Vista SeatLayoutData", 16), (PRETIX, "pretix seating plan", 12), (OWN, "seatserver", 92)],
)
def test_the_format_is_recognised(document: bytes, format_name: str, seats: int) -> None:
    imported = read_seat_map(document)
    assert (imported.format, len(imported.seat_map.seats)) == (format_name, seats)


def test_a_given_name_replaces_the_one_in_the_file_and_a_fallback_does_not() -> None:
    assert read_seat_map(PRETIX, name=" My \n hall ").seat_map.name == "My hall"
    assert read_seat_map(OWN, name="My hall").seat_map.name == "My hall"
    assert read_seat_map(OWN, unnamed="file-7").seat_map.name == "Studio 1"
    assert read_seat_map(VISTA, unnamed="file-7").seat_map.name == "file-7"


def test_a_byte_order_mark_is_ignored() -> None:
    assert read_seat_map(b"\xef\xbb\xbf" + VISTA) == read_seat_map(VISTA)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "line 1, column 1: not valid JSON: the file is empty"),
        (b'{"seats":\n [1,,2]}', "line 2, column 5: not valid JSON: invalid character"),
        (b'{"seats": [', "line 1, column 12: not valid JSON: the file ends in the middle"),
        ('{"ü": ü}'.encode(), "line 1, column 7: not valid JSON: invalid character"),
        (b'{"a": "\xff"}', "line 1, column 8: is not UTF-8 text"),
        (b"[]", "the file is no seat map: expected object, got list"),
        (b'{"seats": 3}', "seats: expected list, got int"),
    ],
)
def test_bad_json_names_line_and_column(document: bytes, message: str) -> None:
    with pytest.raises(BadSeatMap) as caught:
        read_seat_map(document)
    assert message in caught.value.message


def test_json_of_another_kind_says_what_was_expected() -> None:
    with pytest.raises(BadSeatMap, match="expected `SeatLayoutData`"):
        read_seat_map(b'{"hello": 1}')


def test_a_huge_file_and_a_deep_file_are_refused() -> None:
    with pytest.raises(BadSeatMap, match="larger than 16 MB"):
        read_seat_map(b" " * (MAX_DOCUMENT_BYTES + 1))
    for opening in (b"[", b'{"zones":', b'{"a":'):
        with pytest.raises(BadSeatMap):
            read_seat_map(opening * 200_000)


def test_a_hall_with_too_many_seats_is_refused() -> None:
    seat = {"seat_number": "1", "category": "c", "position": {"x": 0, "y": 0}}
    plan = {"categories": [{"name": "c"}], "zones": [{"rows": [{"row_number": "A", "seats": [seat] * 50_001}]}]}
    with pytest.raises(BadSeatMap):
        read_seat_map(json.dumps(plan).encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise_anything_but_a_bad_seat_map(document: bytes) -> None:
    _reads_or_refuses(document)


@given(st.sampled_from((VISTA, PRETIX, OWN)), st.data())
def test_cut_and_garbled_files_never_raise_anything_but_a_bad_seat_map(document: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, min(start + 40, len(document))))
    _reads_or_refuses(document[:start] + data.draw(st.binary(max_size=10)) + document[end:])


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.sampled_from((VISTA, PRETIX, OWN)), st.data())
def test_files_with_any_value_in_any_place_never_raise_anything_but_a_bad_seat_map(
    document: bytes, data: st.DataObject
) -> None:
    _reads_or_refuses(mutated(document, data))


def _reads_or_refuses(document: bytes) -> None:
    try:
        imported = read_seat_map(document)
    except BadSeatMap as error:
        assert "\n" not in error.message
        return
    imported.seat_map.validate()


def test_a_patient_reading_reports_every_misfit_with_its_place_in_the_file() -> None:
    content = json.loads(OWN)
    content["seats"][3]["x"] = "far"
    content["seats"][5] = 7
    content["seats"][6]["colour"] = "red"
    content["seats"][9]["number"] = content["seats"][8]["number"]
    content["seats"][20]["category"] = "gold"
    draft = draft_seat_map(json.dumps(content).encode())
    assert [f"{place}: {problem}" for place, problem, _ in draft.problems()] == [
        "seats[3].x: expected float, got str",
        "seats[5]: expected object, got int",
        "seats[6]: has the unknown field colour",
        "seats[9]: the label 'B-1' is already that of seats[8]",
        "seats[20].category: 'gold' is not one of the categories",
    ]
    assert len(draft.seat_map.seats) == 90


def test_a_patient_reading_reports_every_contradiction_of_a_vista_file() -> None:
    content = json.loads(VISTA)
    first, second = content["SeatLayoutData"]["Areas"]
    first["Rows"][3]["Seats"][0]["Position"] = None
    first["Rows"][3]["Seats"][2]["Id"] = "2"
    first["Rows"][2]["Seats"][0]["Position"]["ColumnIndex"] = -4
    second["Rows"][0]["Seats"][0]["SeatsInGroup"][1]["ColumnIndex"] = 9
    draft = draft_seat_map(json.dumps(content).encode())
    area = "SeatLayoutData.Areas"
    assert [f"{place}: {problem}" for place, problem, _ in draft.problems()] == [
        f"{area}[0].Rows[3].Seats[0].Position: expected object, got null",
        f"{area}[0].Rows[2].Seats[0].Position.ColumnIndex: is -4; expected 0 to 2000",
        f"{area}[0].NumberOfSeats: says 12 but the area has 11 seats",
        f"{area}[1].Rows[0].Seats[0].SeatsInGroup[1]: there is no seat at RowIndex 0, ColumnIndex 9",
        f"{area}[1].Rows[0].Seats[1].SeatsInGroup: the seats of this group do not name the same group",
        f"{area}[0].Rows[3].Seats[2]: the label 'A-2' is already that of {area}[0].Rows[3].Seats[1]",
    ]


def test_groups_keep_their_seats_when_a_seat_before_them_cannot_be_read() -> None:
    hall = grand_hall()
    content = json.loads(hall.encode())
    content["seats"][0]["x"] = None
    content["seats"][hall.groups[4][0]]["y"] = None
    read = draft_seat_map(json.dumps(content).encode()).seat_map
    labels = [[read.seats[seat].label for seat in group] for group in read.groups]
    kept = [group for number, group in enumerate(hall.groups) if number != 4]
    assert labels == [[hall.seats[seat].label for seat in group] for group in kept]


@pytest.mark.parametrize("document", [b"", b'{"seats": [', b'{"seats": 3}', b'{"zones": []}', b'{"hello": 1}'])
def test_a_patient_reading_reports_one_error_for_an_unreadable_file(document: bytes) -> None:
    with pytest.raises(BadSeatMap) as strict:
        read_seat_map(document)
    with pytest.raises(BadSeatMap) as patient:
        draft_seat_map(document)
    assert patient.value.message == strict.value.message
