"""Books seats in the demo, so that its halls look like an ordinary day: some half full, one sold out.

The audience takes its seats as everybody does, with a hold and a booking, but many at once: one booking per showtime.
Who sits where depends on the showtime's id, so a fresh start fills the halls in the same way.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Collection, Iterable
from contextlib import suppress
from uuid import NAMESPACE_URL, UUID, uuid5

from seatserver.catalog.showtime import Showtime
from seatserver.config import Clock, Settings, wall_clock
from seatserver.demo.programme import AT_ONCE, SOLD_OUT, Planned, house_seats
from seatserver.errors import HoldGone, NotFound, NotOnSale, SeatServerError, SeatsRefused
from seatserver.seatmaps.model import SeatKind, SeatMap
from seatserver.seats.states import SeatState
from seatserver.server import Server

USER = "the audience"
NEEDED = (SeatKind.WHEELCHAIR, SeatKind.COMPANION)
ATTEMPTS = 3
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
GRACE_S = 5.0
PARTIES = (1, 2, 2, 2, 2, 3, 3, 4)
LOOKED_AT = 8
"""How many free seats a party compares; nearer to the middle of the hall is better."""


async def come(settings: Settings, programme: Iterable[Planned], clock: Clock = wall_clock) -> None:
    """Book the ``share`` of each showtime on sale by ``clock`` for which the audience has not booked yet.

    A showtime that cannot be booked (it is sold out, or its sale ends just now) does not stop the others. Cancel this
    to end it early: a booking that is being written is finished, and the next start books the rest. What a slow machine
    does not do in time is tried again. When everything possible is booked, raises the first error, such as
    `Unavailable`.
    """
    server = Server(dataclasses.replace(settings, seats_per_user=500), clock)
    turns = asyncio.Semaphore(AT_ONCE)
    failed: list[SeatServerError] = []

    async def one(planned: Planned) -> None:
        async with turns:
            for pause_s in (*PAUSES_S, None):
                try:
                    return await _fill(server, planned, clock)
                except SeatServerError as error:
                    if pause_s is None or not error.retryable:
                        failed.append(error)
                        return
                await asyncio.sleep(pause_s)

    try:
        soonest_first = sorted(programme, key=lambda planned: planned.draft.starts_at_ms)
        # A group, because a task that still uses a connection when it is closed leaves a traceback.
        async with asyncio.TaskGroup() as tasks:
            for planned in soonest_first:
                if planned.share > 0 and planned.draft.on_sale_at_ms <= clock() < planned.draft.sale_ends_at_ms:
                    tasks.create_task(one(planned))
    finally:
        await server.checkout.close(grace_s=GRACE_S)
        await server.relay.close()
        await server.close_connections()
    if failed:
        raise failed[0]


async def _fill(server: Server, planned: Planned, clock: Clock) -> None:
    try:
        showtime = await server.catalog.showtime(planned.draft.id)
    except NotFound:
        return  # the demo did not run on the day on which it would have been put into the programme
    for attempt in range(ATTEMPTS):
        hold_id = booking_of(showtime.id, attempt)
        if await server.records.find(hold_id) is not None:
            return
        try:
            showtime.check_on_sale(clock())
            # An earlier start may have been ended between hold and booking.
            if hold_id not in {hold.hold_id for hold in await server.store.holds_of(showtime.id, USER)}:
                if not (seats := await _free(server, showtime, planned.share)):
                    return
                await server.store.hold(showtime.id, hold_id, USER, seats)
            await server.checkout.book(showtime.id, hold_id, USER, pay_later=False)
            return
        except (SeatsRefused, HoldGone):
            await _give_back(server, showtime.id, hold_id)  # somebody was faster, or the hold ran out
        except NotOnSale:
            await _give_back(server, showtime.id, hold_id)
            return


async def _free(server: Server, showtime: Showtime, share: float) -> list[int]:
    """The places for the audience, without those that are taken; none if the hall is sold out."""
    hall = showtime.seat_map
    states = (await server.store.snapshot(showtime.id, hall.place_count)).states
    lost = {place for place, state in enumerate(states) if state != SeatState.FREE}
    lost |= {place for group in hall.groups if not lost.isdisjoint(group) for place in group}
    return [place for place in taken(hall, share, showtime.id, house_seats(hall)) if place not in lost]


async def _give_back(server: Server, showtime_id: str, hold_id: UUID) -> None:
    with suppress(HoldGone):
        await server.store.release(showtime_id, hold_id, USER)


def booking_of(showtime_id: str, attempt: int = 0) -> UUID:
    """The id of the audience's booking."""
    return uuid5(NAMESPACE_URL, f"seatserver:demo:{showtime_id}" + (f":{attempt}" if attempt else ""))


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
    """The distance, in pitches, from where most people like to sit."""
    if place >= len(hall.seats):
        return 8.0  # on beanbags sits who finds nothing better
    deepest = hall.seats[-1].y
    seat = hall.seats[place]
    return abs(seat.x - hall.screen.x) + abs(seat.y - 0.7 * deepest)
