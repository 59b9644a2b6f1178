"""Promises of the files that people really have: wrapped, translated, packed, cut off, as lists and as characters."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from seatserver.errors import BadSeatMap
from seatserver.seatmaps.formats.draft import Imported
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.inspection.inspect import check_document
from seatserver.seatmaps.layout.rows import rows_of
from seatserver.seatmaps.model import SeatKind
from seatserver.seatmaps.parsing.encodings import MAX_DOCUMENT_BYTES
from tests.unit.seatmaps.halls import PRETIX, VISTA, edited

FIRST = "SeatLayoutData.Areas.0.Rows.3.Seats.0"


def read(document: Any) -> Imported:
    return read_seat_map(document if isinstance(document, bytes) else json.dumps(document).encode(), unnamed="Hall")


def refusal(document: Any) -> str:
    document = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(BadSeatMap) as caught:
        read(document)
    assert "\n" not in caught.value.message
    report = check_document(document)
    assert not report.is_clean
    return caught.value.message


def spots(imported: Imported) -> dict[str, tuple[float, float]]:
    return {seat.label: (seat.x, seat.y) for seat in imported.seat_map.seats}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(encoding: str) -> None:
    text = VISTA.decode().replace("\n", "\r\n")
    assert read(text.encode(encoding)).seat_map == read(VISTA).seat_map


def test_a_gzip_file_is_read_up_to_the_size_limit() -> None:
    assert read(gzip.compress(VISTA)).seat_map == read(VISTA).seat_map
    bomb = gzip.compress(b" " * (2 * MAX_DOCUMENT_BYTES))
    assert len(bomb) < 100_000
    assert refusal(bomb) == "the file is larger than 16 MB when unpacked"
    assert "its end is missing" in refusal(gzip.compress(VISTA)[:-20])
    assert "damaged" in refusal(b"\x1f\x8b" + b"x" * 50)


VISTA_TREE, PRETIX_TREE = json.loads(VISTA), json.loads(PRETIX)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tree: {"Data": json.dumps(tree)},
        lambda tree: {"data": {"hall": {"layout": tree}}, "errors": None},
        lambda tree: {"d": json.dumps({"result": tree})},
        lambda tree: [tree],
        lambda tree: json.dumps(tree),
        lambda tree: {"count": 1, "next": None, "results": [{"id": 7, "layout": tree}]},
    ],
)
@pytest.mark.parametrize("tree", [VISTA_TREE, PRETIX_TREE])
def test_wrappers_are_opened(wrap: Any, tree: Any) -> None:
    assert read(wrap(tree)).seat_map == read(tree).seat_map


def test_pretix_api_objects_give_the_plan_their_name() -> None:
    nameless = {key: value for key, value in PRETIX_TREE.items() if key != "name"}
    assert read({"id": 2, "name": "Main plan", "layout": nameless}).seat_map.name == "Main plan"


def test_a_file_with_two_halls_is_refused() -> None:
    assert refusal({"a": VISTA_TREE, "b": PRETIX_TREE}) == "the file holds several halls; import them one by one"


def test_places_inside_a_wrapper_are_those_of_the_file() -> None:
    broken = json.loads(edited(VISTA, f"{FIRST}.Position.ColumnIndex", -1))
    at = "SeatLayoutData.Areas[0].Rows[3].Seats[0].Position.ColumnIndex: is -1; expected 0 to 2000"
    assert refusal({"data": {"hall": broken}}) == f"data.hall.{at}"
    assert refusal({"Data": json.dumps(broken)}) == f"Data → {at}"
    assert refusal([broken]) == f"[0].{at}"
    misfit = json.loads(edited(VISTA, f"{FIRST}.Position", {}))
    assert refusal({"data": misfit}).startswith("data.SeatLayoutData.Areas[0].Rows[3].Seats[0].Position: misses the")


def camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: camel(part) for key, part in value.items()}
    return [camel(part) for part in value] if isinstance(value, list) else value


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: texts(part) for key, part in value.items()}
    if isinstance(value, list):
        return [texts(part) for part in value]
    return str(value) if type(value) in (int, float) else value


def test_camel_case_and_numbers_as_text_are_read_like_the_original() -> None:
    assert read(camel(VISTA_TREE)).seat_map == read(VISTA).seat_map
    assert read(texts(VISTA_TREE)).seat_map == read(VISTA).seat_map
    assert read(VISTA_TREE["SeatLayoutData"]).seat_map == read(VISTA).seat_map
    broken = camel(json.loads(edited(VISTA, f"{FIRST}.Position.ColumnIndex", -1)))
    assert refusal(broken).startswith("seatLayoutData.areas[0].rows[3].seats[0].position.columnIndex: is -1")


def test_ids_that_are_numbers_are_numbers_on_the_ticket() -> None:
    assert read(edited(VISTA, f"{FIRST}.Id", 1)).seat_map == read(VISTA).seat_map


def rows(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"rows": list(listed)}


def camel_seat(row: int, column: int, area: int, name: str) -> dict[str, Any]:
    position = {"rowIndex": row, "columnIndex": column, "areaNumber": area}
    return {"id": name, "position": position, "status": 0, "seatStyle": 0, "seatsInGroup": []}


def test_bare_rows_with_areas_of_their_own_are_one_grid() -> None:
    imported = read(
        rows(
            {
                "physicalName": "B",
                "areaCategoryCode": "1",
                "seats": [camel_seat(0, column, 1, str(4 - column)) for column in (0, 1, 3)],
            },
            {
                "physicalName": "A",
                "areaCategoryCode": "2",
                "seats": [camel_seat(1, column, 2, str(4 - column)) for column in range(4)],
            },
        )
    )
    assert spots(imported) == {
        **{f"B-{4 - column}": (column, 1) for column in (0, 1, 3)},
        **{f"A-{4 - column}": (column, 0) for column in range(4)},
    }
    assert sorted(category.key for category in imported.seat_map.categories) == ["1", "2"]


def proxy_seat(row: str, column: str, name: str, **fields: Any) -> dict[str, Any]:
    position = {"AreaNumber": "1", "RowIndex": row, "ColumnIndex": column}
    return {"Position": position, "Id": name, "SeatStyle": "Normal", "AreaCategoryCode": "15", **fields}


def test_a_proxys_words_and_empty_columns_are_read() -> None:
    imported = read(
        {
            "result": {
                "seats": [
                    {"Name": "B", "Columns": [proxy_seat("0", "0", "1"), [], proxy_seat("0", "2", "2", Status="Sold")]},
                    {"Name": "", "Columns": [[], [], []]},
                    {"Name": "A", "Columns": [proxy_seat("2", "0", "1", SeatStyle="SofaLeft"), None, {}]},
                ]
            }
        }
    )
    assert spots(imported) == {"B-1": (0, 2), "B-2": (2, 2), "A-1": (0, 0)}
    assert imported.seat_map.seats[0].kind is SeatKind.SOFA_LEFT
    assert imported.notes[0].startswith("1 seat was not empty when the file was written (B-2)")


def test_an_area_number_is_the_same_as_a_number_and_as_a_text() -> None:
    seats = [proxy_seat("0", "0", "1"), proxy_seat("0", "1", "2")]
    seats[1]["Position"]["AreaNumber"] = 1
    read_as = read({"result": {"seats": [{"Name": "B", "Columns": seats}]}}).seat_map.seats
    assert len({seat.area for seat in read_as}) == 1


def test_a_mistake_in_bare_rows_is_reported_where_it_is_in_the_file() -> None:
    listed = [{"Name": "B", "Columns": [proxy_seat("0", "0", "1"), [], proxy_seat("0", "x", "2")]}]
    at = "result.seats[0].Columns[2].Position.ColumnIndex"
    assert refusal({"result": {"seats": listed}}) == f"{at}: expected int, got str"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "line 1, column 1: not valid JSON: the file is empty"),
        (b'{"zones": [], "zones": []}', "the key zones stands twice; keep one of them"),
        (b'{"zones":[{"rows":[{"a":1,"a":2}]}]}', "zones[0].rows[0]: the key a stands twice; keep one of them"),
        (b'{"zones": [1,]}', "line 1, column 14: not valid JSON: take out the comma before the closing bracket"),
        (b'{"zones": [], }', "line 1, column 15: not valid JSON: take out the comma before the closing bracket"),
        (b'{"zones": NaN}', "line 1, column 11: not valid JSON: NaN is no number; write the number, or null"),
        (b'{"zones": -Infinity}', "line 1, column 11: not valid JSON: -Infinity is no number"),
        (b"{'zones': 1}", "line 1, column 2: not valid JSON: texts and keys stand in double quotes"),
        (b'{"zones" 1}', "line 1, column 10: not valid JSON: invalid character"),
        (b'{"zones": "a" "b": 1}', "line 1, column 15: not valid JSON: a comma or colon is missing"),
        (b'{"zones": "a', "not valid JSON: the file ends in the middle"),
        (b'{"a": 1}\n{"a": 2}\n', "line 2, column 1: not valid JSON: goes on behind its end; a hall is one"),
        (b'{"zones": "\\ud83d"}', "not valid JSON: an escape such as"),
        (b'{"zones": ' + b"9" * 5000 + b"}", "a number in the file has thousands of digits"),
        (b"<?xml version='1.0'?><a/>", "the file is no seat map but XML"),
        (b"\n<!DOCTYPE html><html><body>502", "the file is no seat map but HTML, perhaps an error page"),
        (b"PK\x03\x04rest", "the file is no seat map but a ZIP or Excel file: unpack it, or save the sheet as CSV"),
        (b"%PDF-1.7", "a PDF"),
        (b"hello there", "the file is no seat map: expected `SeatLayoutData`"),
        (b'{"hello": 1}', "found hello"),
        (b"null", "the file is no seat map: expected `SeatLayoutData`"),
        (b"row,seat\nA,\xff", "line 2, column 3: is not UTF-8 text; save the file as UTF-8"),
        (b"row,seat\n", "line 1: no seat follows the headers"),
        (b"row,section\nA,1\n", "line 1: no column says the seat; add one with the header seat"),
        (b"row,seat\nA,1\nA,1\n", "line 3: the label 'A-1' is already that of line 2"),
        (b"row,seat\nA,1\n,2\n", "line 3, row: is empty"),
        (b"row,seat,x,y\nA,1,0,0\nA,2,far,0\n", "line 3, x: far is no number"),
        (b"row,seat,x,y\nA,1,0,0\nA,2,NaN,0\n", "line 3, x: NaN is no number"),
        (b"row,seat\nA,1,2,3\n", "line 2: has 4 cells under 2 headers"),
        (b'row,seat\n"A,1\n', "line 2, "),
        (b"row,seat,place\nA,1,2\n", "line 1: two columns say the number: seat and place"),
    ],
)  # fmt: skip
def test_every_mistake_gets_one_clear_error_with_place_and_remedy(document: bytes, message: str) -> None:
    assert message in refusal(document)


def test_a_number_out_of_range_is_reported_with_its_full_place() -> None:
    document = VISTA.replace(b'"ColumnIndex": 0', b'"ColumnIndex": 1e999', 1)
    assert document != VISTA
    assert refusal(document).startswith("SeatLayoutData.Areas[0].Rows[")


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"zones":', b'{"SeatLayoutData":[', b'{"data":'])
def test_a_file_that_is_nested_too_deeply_is_refused(opening: bytes) -> None:
    assert refusal(opening * 100_000) == "the file is nested too deeply"


def test_the_place_of_doubled_keys_in_a_large_file_is_found_without_recursion() -> None:
    document = b'{"zones":[' + b'{"a":1,"b":2},' * 20_000 + b'{"a":[{"c":1,"c":2}]}]}'
    assert refusal(document) == "zones[20000].a[0]: the key c stands twice; keep one of them"


def test_a_map_of_characters_is_rows_from_the_screen_on() -> None:
    imported = read(b"AAAA__AAAA\r\nAAAA__AAAA\r\nBBBB__BBBB\r\n")
    seat_map = imported.seat_map
    assert len(seat_map.seats) == 24
    assert [len(run) for run in rows_of(seat_map).runs] == [4] * 6
    assert {seat.row: (seat.y, seat.category) for seat in seat_map.seats} == {
        "A": (0, "A"),
        "B": (1, "A"),
        "C": (2, "B"),
    }
    assert [category.key for category in seat_map.categories] == ["A", "B"]
    assert len(imported.notes) == 1


@pytest.mark.parametrize("text", ["..aaaa..\n\n.bb..bb.\n", "  aaaa\n\n bb  bb\n", "\n\n__aaaa\n______\n_bb__bb\n\n"])
def test_maps_may_use_dots_and_blanks_and_have_cross_aisles(text: str) -> None:
    assert spots(read(text.encode())) == {
        "A-1": (1, 0), "A-2": (2, 0), "A-3": (3, 0), "A-4": (4, 0),
        "B-1": (0, 2), "B-2": (1, 2), "B-3": (4, 2), "B-4": (5, 2),
    }  # fmt: skip


LIST = "section,row,seat,price\nStalls,A,1,50\nStalls,A,2,50\nStalls,B,1,40\n"


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        LIST.replace("\n", "\r\n"),
        LIST.replace(",", ";"),
        LIST.replace(",", "\t"),
        LIST.replace("section,row,seat,price", "Bereich,Reihe,Platz-Nr.,Preiskategorie"),
        LIST.replace("section,row,seat,price", "Block, ROW ,Seat Number,Price"),
        "\ufeff" + LIST + "\n\n",
        LIST.replace("Stalls", '"Stalls"'),
    ],
)
def test_a_list_with_headers_in_words_has_sections_as_areas_and_prices_as_categories(text: str) -> None:
    imported = read(text.encode())
    assert spots(imported) == {"A-1": (0, 0), "A-2": (1, 0), "B-1": (0, 1)}
    assert {(seat.area, seat.category) for seat in imported.seat_map.seats} == {("Stalls", "50"), ("Stalls", "40")}
    assert "compare the drawing with the hall" in imported.notes[0]


def test_a_list_with_places_is_drawn_where_it_says_in_any_unit() -> None:
    lines = (
        "Reihe;Sitz;Kategorie;x;y;Art",
        "A;1;Parkett;10,0;0",
        "A;2;Parkett;35,0;0;Rollstuhl",
        "B;1;Rang;10,0;37,5;Begleit",
    )
    text = "\n".join(lines)
    imported = read(text.encode())
    assert spots(imported) == {"A-1": (0, 0), "A-2": (1, 0), "B-1": (0, 1.5)}
    assert [seat.kind for seat in imported.seat_map.seats] == ["standard", "wheelchair", "companion"]
    assert imported.notes == ()


def test_equal_rows_of_two_sections_keep_their_sections_name() -> None:
    imported = read(b"section,row,seat\nStalls,A,1\nCircle,A,1\n")
    assert spots(imported) == {"Stalls A-1": (0, 0), "Circle A-1": (0, 2)}
