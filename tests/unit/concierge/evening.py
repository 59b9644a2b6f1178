"""An evening in the demo's Grand Hall, with the best seats taken, and a way to carry out a wish without a server."""

from __future__ import annotations

from typing import NamedTuple

from seatserver.catalog.showtime import Showtime
from seatserver.concierge.plans import plans
from seatserver.concierge.reasons import Reasons, reasons_of
from seatserver.concierge.wishes.model import Wish
from seatserver.concierge.wishes.names import Names
from seatserver.demo.halls import grand_hall
from seatserver.demo.programme import RULES, tariff
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.search.best import best_offers
from seatserver.seats.states import SeatState

TAKEN = (
    *(f"H-{number}" for number in range(9, 15)),
    *(f"I-{number}" for number in range(8, 17)),
    *(f"J-{number}" for number in range(11, 15)),
    *(f"N-{number}" for number in range(7, 13)),
    "F-23",
)


def showtime_in(hall: SeatMap) -> Showtime:
    """A showtime of the demo in this hall."""
    return Showtime(
        id="tonight", title="Orbit Nine", theatre_id="lantern", theatre_name="The Lantern",
        auditorium_id="grand-hall", auditorium_name=hall.name, starts_at_ms=0, on_sale_at_ms=0, sale_ends_at_ms=1,
        tariff=tariff(hall), rules=RULES, layout_hash=hall.content_hash, seat_map=hall,
    )  # fmt: skip


HALL = grand_hall()
TONIGHT = showtime_in(HALL)
NAMES = Names(TONIGHT)


def states(taken: tuple[str, ...] = TAKEN) -> bytes:
    """The room with these seats sold."""
    room = bytearray(HALL.place_count)
    for label in taken:
        room[HALL.index_by_label[label]] = SeatState.SOLD
    return bytes(room)


class Found(NamedTuple):
    """The best offer for a wish: its seats by label, and its reasons."""

    seats: tuple[str, ...]
    reasons: Reasons


def found(wish: Wish, room: bytes | None = None) -> Found | None:
    """What the search makes of a wish, as `Holding.offers` does."""
    room = states() if room is None else room
    for plan in plans(wish, TONIGHT):
        asked = plan.party.wish_in(TONIGHT)
        for offer in best_offers(HALL, room, asked, TONIGHT.rules, limit=1, without=plan.without):
            quote = plan.party.priced(TONIGHT, offer.seats)
            reasons = reasons_of(offer, quote, wish, TONIGHT, plan.given_up)
            return Found(tuple(HALL.seats[seat].label for seat in offer.seats), reasons)
    return None
