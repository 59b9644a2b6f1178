"""Who has booked in the demo when anybody looks: halls of an ordinary day, some half full, one sold out.

The seats are taken as everybody takes them, by a hold and a booking, only many at once: one booking for each showtime.
Whom chance seats where follows from the showtime's id, so a fresh start brings the same halls.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Collection, Iterable
from uuid import NAMESPACE_URL, UUID, uuid5

from seatserver.app import House
from seatserver.config import Settings
from seatserver.demo.offer import AT_ONCE, SOLD_OUT, Planned, house_seats
from seatserver.errors import HoldGone, SeatsRefused
from seatserver.seatmaps.model import SeatKind, SeatMap

USER = "the audience"
NEEDED = (SeatKind.WHEELCHAIR, SeatKind.COMPANION)
PARTIES = (1, 2, 2, 2, 2, 3, 3, 4)
LOOKED_AT = 8
"""So many free seats a party compares; the nearer to the middle of the hall, the better."""


async def come(settings: Settings, programme: Iterable[Planned]) -> None:
    """Book the ``share`` of each showtime that is on sale and to which nobody of the audience has come yet."""
    house = House(dataclasses.replace(settings, seats_per_user=500))
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(planned: Planned) -> None:
        async with turns:
            await _fill(house, planned)

    try:
        soonest_first = sorted(programme, key=lambda planned: planned.draft.starts_at_ms)
        await asyncio.gather(*(one(planned) for planned in soonest_first if planned.share > 0))
    finally:
        await house.checkout.close(grace_s=1)
        await house.relay.close()
        await house.close_connections()


async def _fill(house: House, planned: Planned) -> None:
    showtime = await house.catalog.showtime(planned.draft.id)
    hold_id = booking_of(showtime.id)
    if await house.records.find(hold_id) is not None:
        return
    seats = taken(showtime.seat_map, planned.share, showtime.id, house_seats(showtime.seat_map))
    try:
        await house.store.hold(showtime.id, hold_id, USER, seats)
        await house.checkout.book(showtime.id, hold_id, USER, pay_later=False)
    except (SeatsRefused, HoldGone):
        return  # somebody was here before the audience: then the hall is lively enough


def booking_of(showtime_id: str) -> UUID:
    """The id of the audience's booking."""
    return uuid5(NAMESPACE_URL, f"seatserver:demo:{showtime_id}")


def taken(hall: SeatMap, share: float, seed: str, kept: Collection[int]) -> list[int]:
    """The places that parties take until ``share`` of the hall is full: near the middle, and side by side."""
    places = [place for place in range(hall.place_count) if place not in kept]
    if share >= SOLD_OUT:
        return places
    dice = random.Random(seed)
    distances = [_distance(hall, place) for place in range(hall.place_count)]
    wanted = round(share * len(places))
    # Wheelchair places and the seats beside them stay for those who need them.
    free = [place for place in places if place >= len(hall.seats) or hall.seats[place].kind not in NEEDED]
    left = set(free)
    found: list[int] = []
    while len(found) < wanted and left:
        looked_at = dice.sample(sorted(left), min(LOOKED_AT, len(left)))
        best = min(looked_at, key=distances.__getitem__)
        party = [place for place in _party(hall, best, dice.choice(PARTIES)) if place in left]
        left.difference_update(party)
        found += party
    return found


def _party(hall: SeatMap, first: int, size: int) -> Iterable[int]:
    """A party's places from its first one on: a whole sofa, or seats in the same row."""
    if first in hall.group_of:
        return hall.group_of[first]
    if first >= len(hall.seats):
        return (first,)
    row = hall.seats[first].row
    neighbours = range(first, min(first + size, len(hall.seats)))
    return [seat for seat in neighbours if hall.seats[seat].row == row and seat not in hall.group_of]


def _distance(hall: SeatMap, place: int) -> float:
    """How far from the spot where most people like to sit, in pitches."""
    if place >= len(hall.seats):
        return 8.0  # on beanbags sits who finds nothing better
    deepest = hall.seats[-1].y
    seat = hall.seats[place]
    return abs(seat.x - hall.screen.x) + abs(seat.y - 0.7 * deepest)
