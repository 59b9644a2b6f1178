"""Misuse of holds over the wire: ids used twice, races of a user with itself, and excessive requests."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from seatserver.client import RemoteError
from seatserver.config import wall_clock
from seatserver.errors import SeatsRefused
from seatserver.holding.holding import Holding
from seatserver.holding.requests import Buyer
from seatserver.holding.room_view import RoomView
from seatserver.live.session.session import BAD_MESSAGES
from seatserver.pricing.tariff import Tariff
from seatserver.seats.model import HeldSeats
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore
from seatserver.wire.values import Places
from tests.integration.conftest import MakeServer
from tests.integration.lounge import (
    COMPANIONS,
    LAWN,
    LOUNGE,
    ROW_B,
    ROW_C,
    SEATS,
    WHEELCHAIR,
    open_lounge,
    visitor,
)
from tests.integration.server import Instance, block_from_the_start, check_books, eventually

B, C = ROW_B.start, ROW_C.start


# ---------------------------------------------------------------- ids


async def test_the_id_of_a_click_is_no_answer_to_a_search(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        clicked = await ann.hold(B)
        with pytest.raises(RemoteError, match="used for another request") as caught:
            await ann.best(3, hold_id=clicked.hold_id)
        assert caught.value.code == "hold_conflict"


async def test_the_id_of_a_click_is_no_answer_to_a_search_in_a_full_hall(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        await bob.hold(24, 25, 26, 27)
        clicked = await ann.hold(B)
        with pytest.raises(RemoteError) as caught:
            await ann.best(2, hold_id=clicked.hold_id, categories=("sofa",))
        assert caught.value.code == "hold_conflict"


async def test_a_repeated_search_that_took_the_last_seats_gets_its_first_answer(
    server: Instance,
) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        hold_id = uuid.uuid4()
        first = await ann.best(4, hold_id=hold_id, categories=("sofa",))
        assert (await ann.best(4, hold_id=hold_id, categories=("sofa",))).seats == first.seats


async def test_a_repeated_request_gets_its_first_answer_after_its_tickets_left_the_sale(
    server: Instance,
) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        asked: dict[str, Any] = {"tickets": ("adult", "child"), "hold_id": uuid.uuid4()}
        family: dict[str, Any] = {"tickets": {"adult": 1, "child": 1}, "hold_id": uuid.uuid4()}
        held, best = await ann.hold(B, B + 1, **asked), await ann.best(**family)
        await open_lounge(server, tariff=Tariff.flat("EUR", {"standard": 1, "sofa": 1, "lawn": 1}))
        assert (await ann.hold(B, B + 1, **asked)).total_minor == held.total_minor
        assert (await ann.best(**family)).total_minor == best.total_minor


async def test_a_hold_that_cannot_be_replaced_is_named(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B)
        await server.core.store.pin(LOUNGE, held.hold_id, "ann")
        with pytest.raises(RemoteError, match=str(held.hold_id)) as caught:
            await ann.hold(C, replaces=held.hold_id)
        assert caught.value.code == "hold_pinned"


# ---------------------------------------------------------------- giving back a part


class MadeMeanwhile(SeatStore):
    """A store in which a hold comes to be between the look at a user's holds and what is done next."""

    make: Any = None

    async def holds_of(self, showtime_id: str, user_id: str) -> tuple[HeldSeats, ...]:
        found = await super().holds_of(showtime_id, user_id)
        if self.make is not None:
            make, self.make = self.make, None
            await make()
        return found


async def test_releasing_part_of_a_hold_still_being_made_follows_the_rules(server: Instance) -> None:
    await open_lounge(server)
    core = server.core
    store = MadeMeanwhile(core.redis, core.settings, core.records.load_ownership)
    holding = Holding(store, core.settings, wall_clock)
    hold_id = uuid.uuid4()
    async with visitor(server, "ann") as ann:

        async def make() -> None:
            await ann.hold(WHEELCHAIR, *COMPANIONS, wheelchairs=1, hold_id=hold_id)

        store.make = make
        showtime = await core.catalog.showtime(LOUNGE)
        with pytest.raises(SeatsRefused):
            await holding.release(showtime, Buyer("ann"), hold_id, (WHEELCHAIR,), RoomView())
        [held] = await core.store.holds_of(LOUNGE, "ann")
        assert set(held.seats) == {WHEELCHAIR, *COMPANIONS}
    await store.close()


async def test_a_refused_release_suggests_seats(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B, B + 1, B + 2, areas=(Places(area=LAWN, count=2),))
        with pytest.raises(SeatsRefused) as caught:
            await ann.release(held.hold_id, B)
        assert caught.value.fix
        assert max(caught.value.fix) < SEATS
        changed = await ann.hold(*caught.value.fix, areas=(Places(area=LAWN, count=2),), replaces=held.hold_id)
        assert changed.seats == caught.value.fix


async def test_part_of_a_hold_can_be_released_next_to_an_unswept_expired_hold(
    make_server: MakeServer,
) -> None:
    server = await make_server(duties=False, sweep_ms=60_000)
    await open_lounge(server)
    store, core = server.core.store, server.core
    showtime = await core.catalog.showtime(LOUNGE)
    mine, over = uuid.uuid4(), uuid.uuid4()
    await store.hold(LOUNGE, mine, "ann", (B + 2, B + 3, B + 4))
    await store.hold(LOUNGE, over, "bob", (B, B + 1))
    # Its time passes, and no timer is there to tell anybody.
    base = f"seats:{{{LOUNGE}}}"
    for seat in (B, B + 1):
        await core.redis.delete(f"{base}:seat:{seat}")
        await core.redis.zadd(f"{base}:due", {str(seat): 1000})
    assert await core.holding.release(showtime, Buyer("ann"), mine, (B + 4,), RoomView()) == (B + 4,)


async def test_part_of_a_hold_can_be_released_through_another_channel(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "root") as root:
        root.client.token = server.token("root", "admin")
        change = {"action": "allocate", "channel": "kiosk", "reason": "theirs", "seats": [B]}
        await root.client.call("POST", f"/admin/showtimes/{LOUNGE}/allocations/change", {"changes": [change]})
    await eventually(lambda: is_allocated(server, B))
    async with visitor(server, "ann", "kiosk") as kiosk, visitor(server, "ann") as web:
        held = await kiosk.hold(B + 2, B + 3, B + 4)
        assert (await web.release(held.hold_id, B + 4)).seats == (B + 4,)


async def is_allocated(server: Instance, seat: int) -> bool:
    return (await server.core.store.snapshot(LOUNGE, SEATS)).states[seat] == SeatState.ALLOCATED


# ---------------------------------------------------------------- refusals


async def test_a_request_over_the_seat_limit_gets_that_reason_for_every_seat(server: Instance) -> None:
    await open_lounge(server)
    every_second = range(B, C + 8, 2)
    async with visitor(server, "ann") as ann:
        for or_nearest in (False, True):
            with pytest.raises(SeatsRefused) as caught:
                await ann.hold(*every_second, C + 1, C + 3, C + 5, or_nearest=or_nearest)
            assert set(caught.value.reasons.values()) == {"limit"}


async def test_refused_requests_do_not_count_as_malformed_messages(server: Instance) -> None:
    await open_lounge(server)
    async with server.watcher("ann", showtime=LOUNGE) as wire:
        for _ in range(BAD_MESSAGES + 5):
            no = await wire.ask("hold", hold_id=str(uuid.uuid4()), areas=[{"area": LAWN, "count": 100}])
            assert no["code"] == "bad_request"
        assert (await wire.ask("hold", hold_id=str(uuid.uuid4()), seats=[B, B + 1]))["type"] == "held"


async def test_seats_of_the_hold_are_not_reported_as_lost(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B + 1, B + 2, or_nearest=True)
        assert set(held.seats) & {B + 1, B + 2}
        assert not {seat for seat, _ in held.lost} & set(held.seats)


# ---------------------------------------------------------------- bookings


async def test_a_late_booking_gets_its_seats_by_label(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B, B + 1)
        await block_from_the_start(server.core, B, LOUNGE)
        with pytest.raises(RemoteError, match="refused: B-1 blocked") as caught:
            await ann.client.call("POST", "/bookings", {"showtime_id": LOUNGE, "hold_id": str(held.hold_id)})
        assert caught.value.facts == {"seats": [[B, "blocked"]]}


async def test_every_ticket_of_a_booking_belongs_to_one_of_its_places(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        await bob.hold(areas=(Places(area=LAWN, count=3),))
        held = await ann.hold(B, areas=(Places(area=LAWN, count=2), Places(area=LAWN, count=1, ticket="child")))
        await ann.book(held.hold_id)
        booking = await server.core.records.get(held.hold_id)
        assert sorted(line.place for line in booking.lines) == sorted(booking.seats)
        assert sum(line.price_minor for line in booking.lines) == 1000 + 2 * 700 + 400
    await check_books(server.core)
