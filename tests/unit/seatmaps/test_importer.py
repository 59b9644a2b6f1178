"""Promises of the importer that finds out what a file is: any bytes give a hall or one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import studio
from seatserver.errors import BadSeatMap
from seatserver.seatmaps.document import MAX_DOCUMENT_BYTES
from seatserver.seatmaps.importer import read_seat_map
from tests.unit.seatmaps.halls import PRETIX, VISTA

OWN = studio().encode()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=8), SCALARS, max_size=3)


@pytest.mark.parametrize(
    ("document", "format_name", "seats"),
    [(VISTA, "Vista SeatLayoutData", 16), (PRETIX, "pretix seating plan", 12), (OWN, "seatserver", 92)],
)
def test_the_format_is_found_out(document: bytes, format_name: str, seats: int) -> None:
    imported = read_seat_map(document)
    assert (imported.format, len(imported.seat_map.seats)) == (format_name, seats)


def test_a_name_replaces_the_files_own_and_a_stand_in_does_not() -> None:
    assert read_seat_map(PRETIX, name=" My \n hall ").seat_map.name == "My hall"
    assert read_seat_map(OWN, name="My hall").seat_map.name == "My hall"
    assert read_seat_map(OWN, unnamed="file-7").seat_map.name == "Studio 1"
    assert read_seat_map(VISTA, unnamed="file-7").seat_map.name == "file-7"


def test_a_byte_order_mark_is_no_obstacle() -> None:
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
    content = json.loads(document)
    for _ in range(data.draw(st.integers(1, 3))):
        _mutate(content, data)
    _reads_or_refuses(json.dumps(content).encode())


def _mutate(content: Any, data: st.DataObject) -> None:
    """Walk to any place and put any value there, or take it away."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(content[key], dict | list) and data.draw(st.integers(0, 9)) > 0:
            content = content[key]
            continue
        if data.draw(st.booleans()):
            content[key] = data.draw(VALUES)
        else:
            del content[key]
        return


def _reads_or_refuses(document: bytes) -> None:
    try:
        imported = read_seat_map(document)
    except BadSeatMap as error:
        assert "\n" not in error.message
        return
    imported.seat_map.validate()
