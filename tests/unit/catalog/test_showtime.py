"""The rules of a showtime that need no database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seatserver.catalog.showtime import Showtime, ShowtimeDraft, check_id, is_id
from seatserver.errors import BadRequest, NotOnSale
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules

pytestmark = pytest.mark.clock

HALL = SeatMap.build(
    name="Studio",
    categories=[Category(key=key, name=key, color="#0072b2") for key in ("front", "back")],
    screen=Screen(x=0, y=-3, width=4),
    seats=[Seat(row="A", number="1", x=0, y=0, category="front"), Seat(row="B", number="1", x=0, y=1, category="back")],
)
DRAFT = ShowtimeDraft(
    id="tonight",
    auditorium_id="studio",
    layout_hash=HALL.content_hash,
    title="The Long Take",
    starts_at_ms=2_000_000_000_000,
    on_sale_at_ms=1_900_000_000_000,
    sale_ends_at_ms=2_000_000_600_000,
    tariff=Tariff.flat("EUR", {"front": 900, "back": 1200}),
)


def test_a_valid_draft_is_accepted() -> None:
    DRAFT.validate(HALL)


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        ({"id": "-x"}, "id", "1 to 64 letters"),
        ({"id": "x\n"}, "id", "1 to 64 letters"),
        ({"title": " "}, "title", "1 to 200 printable"),
        ({"title": "a\x00b"}, "title", "1 to 200 printable"),
        ({"title": "a\u202eb"}, "title", "printable characters"),
        ({"title": "\x1b[2J"}, "title", "printable characters"),
        ({"tariff": Tariff.flat("eur", {"front": 900, "back": 1200})}, "currency", "three capital letters"),
        ({"starts_at_ms": 0}, "starts_at", "years 2000 to 2199"),
        ({"sale_ends_at_ms": 1_900_000_000_000}, "sale_ends_at", "not after on_sale_at"),
        ({"on_sale_at_ms": 2_000_000_000_001}, "on_sale_at", "after starts_at"),
        ({"tariff": Tariff.flat("EUR", {"front": 900})}, "ticket_types", "the layout's categories 'back'"),
        ({"rules": Rules(gap=GapRule(width=9))}, "rules", "gap.width"),
    ],
)
def test_a_draft_that_contradicts_itself_names_the_field(change: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        msgspec.structs.replace(DRAFT, **change).validate(HALL)
    assert caught.value.facts == {"where": where}


def showtime() -> Showtime:
    return Showtime(
        id="tonight",
        title="The Long Take",
        theatre_id="odeon",
        theatre_name="Odeon",
        auditorium_id="studio",
        auditorium_name="Studio",
        starts_at_ms=DRAFT.starts_at_ms,
        on_sale_at_ms=DRAFT.on_sale_at_ms,
        sale_ends_at_ms=DRAFT.sale_ends_at_ms,
        tariff=DRAFT.tariff,
        rules=DRAFT.rules,
        layout_hash=HALL.content_hash,
        seat_map=HALL,
    )


def test_seats_cost_what_their_categories_cost() -> None:
    found = showtime().quote([(1, "standard"), (0, None)])
    assert [line.price_minor for line in found.lines] == [900, 1200]
    assert (found.total_minor, found.currency) == (2100, "EUR")


@pytest.mark.parametrize("now_ms", [DRAFT.on_sale_at_ms, DRAFT.sale_ends_at_ms - 1])
def test_the_sale_is_open_from_its_first_to_its_last_millisecond(now_ms: int) -> None:
    showtime().check_on_sale(now_ms)


@pytest.mark.parametrize(
    ("now_ms", "says"), [(DRAFT.on_sale_at_ms - 1, "not begun"), (DRAFT.sale_ends_at_ms, "has ended")]
)
def test_outside_the_sale_nothing_is_sold(now_ms: int, says: str) -> None:
    with pytest.raises(NotOnSale, match=says) as caught:
        showtime().check_on_sale(now_ms)
    assert caught.value.facts["on_sale_at_ms"] == DRAFT.on_sale_at_ms


@pytest.mark.parametrize("identifier", ["", "a b", "a/b", "ä", "a" * 65, "_a", "a\n", "\x00"])
def test_identifiers_stay_within_what_urls_and_keys_can_carry(identifier: str) -> None:
    assert not is_id(identifier)
    with pytest.raises(BadRequest):
        check_id("id", identifier)
