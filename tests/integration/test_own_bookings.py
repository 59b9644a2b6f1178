"""A user's own bookings: sent to every device that enters the room, even while the room is busy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from seatserver.client import RemoteError, SeatClient
from seatserver.seats.states import SeatState
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.server import JSON, MSGPACK, SHOWTIME, Instance, hold, put_on_sale
from tests.waiting import PATIENCE_S

FREE, CLAIMED, SOLD = SeatState.FREE, SeatState.CLAIMED, SeatState.SOLD


@contextmanager
def questions() -> Iterator[list[int]]:
    """How many users each query for own bookings asks for, while this is entered."""
    asked: list[int] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "FROM bookings" in statement and "unnest(" in statement:
            asked.append(len(parameters[0]))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
async def test_the_welcome_lists_bookings_made_on_another_device(server: Instance, encoding: str) -> None:
    async with server.room("ann") as phone:
        pending = await phone.book((await phone.hold("A-1", "A-2")).hold_id, pay_later=True)
        paid = await phone.book((await phone.hold("B-1")).hold_id)
        await phone.until(lambda room: (room.state("A-1"), room.state("B-1")) == (CLAIMED, SOLD), PATIENCE_S)
        assert list(phone.bookings) == [pending.booking_id, paid.booking_id]
    async with server.socket("ann", encoding) as desktop, server.socket("bob", encoding) as stranger:
        first, second = (await desktop.hello())["bookings"]
        assert (first["status"], first["seats"], first["total_minor"]) == ("pending", [0, 1], 2000)
        assert first["expires_at_ms"] == pending.expires_at_ms
        assert (first["reference"], first["ticket_url"]) == (pending.reference, pending.ticket_url)
        assert (second["status"], second["seats"], second["expires_at_ms"]) == ("confirmed", [8], None)
        assert (await stranger.hello())["bookings"] == []


async def test_a_watching_device_is_told_of_bookings_made_and_cancelled_on_another(server: Instance) -> None:
    async with SeatClient(server.url, token=server.token("ann", "watch", "hold", "claim")) as client:
        async with client.room(SHOWTIME) as phone, client.room(SHOWTIME) as desktop:
            held = await phone.hold("A-1")
            booked = await phone.book(held.hold_id, pay_later=True)
            await desktop.until(lambda room: list(room.bookings) == [booked.booking_id], PATIENCE_S)
            assert (await client.cancel_booking(booked.booking_id))["status"] == "cancelled"
            await desktop.until(lambda room: not room.bookings and room.state("A-1") == FREE, PATIENCE_S)
            await phone.until(lambda room: not room.bookings, PATIENCE_S)
        listed = await client.bookings(showtime=SHOWTIME, limit=5)
        assert [booking["status"] for booking in listed["bookings"]] == ["cancelled"]


async def test_a_booked_hold_is_no_longer_listed_as_a_hold(server: Instance) -> None:
    held = await hold(server.core, "ann", 0)
    async with server.watcher("ann") as wire:
        while True:
            await server.core.checkout.book(SHOWTIME, held, "ann", pay_later=True)
            async with server.socket("ann") as other:
                welcome = await other.hello()
            held_ids = [one["hold_id"] for one in welcome["holds"]]
            booked_ids = [one["booking_id"] for one in welcome["bookings"]]
            assert held_ids + booked_ids == [str(held)], "one or the other, whenever it is asked"
            if booked_ids:
                break
        assert (await wire.until("booked"))["booking_id"] == str(held)


async def test_bookings_of_many_entering_users_are_read_in_few_queries(server: Instance) -> None:
    await put_on_sale(server.core.catalog, "tomorrow")
    own = server.core.own_bookings
    for user, seat, showtime in (("ann", 0, SHOWTIME), ("ann", 1, "tomorrow"), ("bob", 2, SHOWTIME)):
        held = await hold(server.core, user, seat, showtime=showtime)
        await server.core.checkout.book(showtime, held, user, pay_later=True)
    users = ["ann", "bob", *(f"guest {number}" for number in range(300))]
    with questions() as asked:
        found = dict(zip(users, await asyncio.gather(*(own.of(user, SHOWTIME) for user in users)), strict=True))
    assert {user: [one.seats for one in theirs] for user, theirs in found.items() if theirs} == {
        "ann": [(0,)],
        "bob": [(2,)],
    }
    assert 1 <= len(asked) <= 2
    assert sum(asked) == len(users)


async def test_a_cancelled_lookup_takes_the_answer_from_nobody_else(server: Instance) -> None:
    own = server.core.own_bookings
    async with asyncio.TaskGroup() as tasks:
        impatient = tasks.create_task(own.of("ann", SHOWTIME))
        patient = tasks.create_task(own.of("ann", SHOWTIME))
        await asyncio.sleep(0)
        impatient.cancel()
    assert patient.result() == []


async def test_a_room_can_be_entered_while_bookings_cannot_be_read(make_server: MakeServer) -> None:
    server, patient = await make_server(database_lock_ms=50), await make_server()
    async with (
        proxied(server.url) as (proxy, url),
        SeatClient(url, token=server.token("ann")) as client,
        client.room(SHOWTIME) as phone,
    ):
        booked = await phone.book((await phone.hold("A-1")).hold_id)
        await phone.until(lambda room: room.state("A-1") == SOLD, PATIENCE_S)

        async with patient.core.database.transaction() as connection:
            await connection.execute(sa.text("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE"))
            async with server.socket("ann") as wire:
                assert (await wire.hello())["bookings"] is None
            proxy.cut_all()
            await phone.until(lambda room: room.connections > 1 and room.connected, PATIENCE_S)
        assert list(phone.bookings) == [booked.booking_id], "what was told before stands"


async def test_before_the_sale_no_bookings_are_read(server: Instance) -> None:
    with questions() as asked:
        async with server.socket("ann") as wire:
            assert (await wire.hello())["bookings"] == []
    assert asked == []


async def test_a_user_who_may_only_watch_cannot_cancel(server: Instance) -> None:
    async with server.room("ann") as room:
        booked = await room.book((await room.hold("A-1")).hold_id, pay_later=True)
    async with SeatClient(server.url, token=server.token("ann", "watch")) as client:
        with pytest.raises(RemoteError) as refused:
            await client.cancel_booking(booked.booking_id)
        assert refused.value.code == "forbidden"
        listed = await client.bookings(status="pending")
        assert len(listed["bookings"]) == 1
