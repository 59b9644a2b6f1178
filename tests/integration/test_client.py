"""The Python client against a real server: what a script may rely on when the network does what networks do."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import uuid4

import pytest
import sqlalchemy as sa
from websockets.asyncio.server import ServerConnection, serve

from seatserver.client import Disconnected, LiveRoom, RemoteError, SeatClient
from seatserver.errors import SeatsRefused
from seatserver.seats.states import SeatState
from seatserver.wire.closing import Close
from seatserver.wire.from_server import Booked, Bye, Expired
from tests.integration.conftest import MakeServer
from tests.integration.proxy import Filter, Proxy, proxied
from tests.integration.server import BLOCKED, JSON, SEATS, SHOWTIME, Instance, check_books, eventually, put_on_sale
from tests.waiting import PATIENCE_S, within

FREE, HELD, SOLD, GONE = SeatState.FREE, SeatState.HELD, SeatState.SOLD, SeatState.BLOCKED


@asynccontextmanager
async def behind_proxy(server: Instance, user: str = "ann") -> AsyncIterator[tuple[LiveRoom, Proxy]]:
    async with (
        proxied(server.url) as (proxy, url),
        SeatClient(url, token=server.token(user)) as client,
        client.room(SHOWTIME) as room,
    ):
        yield room, proxy


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_room_is_used_by_labels_or_indexes(server: Instance, encoding: str) -> None:
    async with server.room("ann", encoding=encoding) as ann, server.room("bob", encoding=encoding) as bob:
        assert ann.seat_map is not None
        assert len(ann.room.states) == SEATS
        assert ann.state("C-8") == GONE
        held = await ann.hold("A-1", 1)
        assert (held.seats, held.total_minor) == ((0, 1), 2000)
        await bob.until(lambda room: room.state("A-2") == HELD, PATIENCE_S)
        with pytest.raises(SeatsRefused) as caught:
            await bob.hold("A-1", "C-8", "D-1")
        assert caught.value.reasons == {0: "held", BLOCKED: "blocked", 24: "group"}
        with pytest.raises(KeyError):
            await bob.hold("Z-9")
        assert (await ann.extend(held.hold_id)).deadline_ms >= held.deadline_ms
        assert (await ann.release(held.hold_id, "A-2")).seats == (1,)
        assert (await ann.book(held.hold_id)).status == "confirmed"
        await bob.until(lambda room: (room.state("A-1"), room.state("A-2")) == (SOLD, FREE), PATIENCE_S)
        sofa = await bob.best(2, categories=("sofa",))
        assert sofa.seats in ((24, 25), (26, 27))
        with pytest.raises(RemoteError) as refused:
            await bob.release(uuid4())
        assert (refused.value.code, refused.value.retryable) == ("hold_gone", False)
        assert (await bob.beat()).version == bob.room.version


@pytest.mark.parametrize("user", ["a|b", "{tonight}", "zoë 🎬", "' OR 1=1 --", "x" * 128, "a:b*c?[d]"])
async def test_a_user_may_be_called_anything_that_can_be_printed(make_server: MakeServer, user: str) -> None:
    server = await make_server(hold_ms=4000)
    async with server.room(user) as room, server.room("somebody else") as other:
        assert room.welcome is not None
        assert room.welcome.user == user
        held = await room.hold(1, 2)
        assert [hold.seats for hold in await server.core.store.holds_of(SHOWTIME, user)] == [(1, 2)]
        with pytest.raises(RemoteError):
            await other.book(held.hold_id)
        assert (await room.book(held.hold_id)).status == "confirmed"
        await room.hold(3)
        await room.until(lambda one: any(isinstance(notice, Expired) for notice in one.notices), PATIENCE_S)
        assert not other.notices


async def test_a_guest_needs_no_token_and_is_one_person_in_all_rooms(server: Instance) -> None:
    await put_on_sale(server.core.catalog, "tomorrow")
    async with SeatClient(server.url) as client:
        async with asyncio.TaskGroup() as tasks:
            rooms = [client.room(showtime) for showtime in (SHOWTIME, "tomorrow")]
            for room in rooms:
                tasks.create_task(room.__aenter__())
        users = {room.welcome.user for room in rooms if room.welcome is not None}
        assert len(users) == 1
        assert users.pop().startswith("guest:")
        for room in rooms:
            await room.close()


async def test_a_guest_whose_token_ends_comes_back_as_the_same_guest(make_server: MakeServer) -> None:
    server = await make_server(guest_token_s=2, token_leeway_s=0)
    async with SeatClient(server.url) as client, client.room(SHOWTIME) as room:
        assert room.welcome is not None
        first = room.welcome.user
        held = await room.hold(1)
        await room.until(lambda one: one.connections > 1 and one.connected, PATIENCE_S)
        assert (room.welcome.user, [one.hold_id for one in room.welcome.holds]) == (first, [held.hold_id])
        await room.book(held.hold_id)


async def test_where_guests_end_with_their_token_they_come_back_as_another(make_server: MakeServer) -> None:
    server = await make_server(guest_token_s=2, guest_renewal_s=0, token_leeway_s=0)
    async with SeatClient(server.url) as client, client.room(SHOWTIME) as room:
        assert room.welcome is not None
        first = room.welcome.user
        await room.until(lambda one: one.welcome is not None and one.welcome.user != first, PATIENCE_S)
        await room.hold(1)


async def test_a_broken_connection_is_resumed_where_it_stopped(server: Instance) -> None:
    async with behind_proxy(server) as (room, proxy), server.room("bob") as bob:
        for seat in range(3):
            await bob.hold(seat)
            await room.until(lambda one, seat=seat: one.state(seat) == HELD, PATIENCE_S)  # type: ignore[misc]  # mypy has no type for a default
            proxy.cut_all()
            await room.until(lambda one, before=room.connections: one.connections > before, PATIENCE_S)  # type: ignore[misc]  # mypy has no type for a default
        await bob.hold(5)
        await room.until(lambda one: one.state(5) == HELD, PATIENCE_S)
        assert room.snapshots == 1, "only what was missed came again"
        assert bytes(room.room.states) == bytes(bob.room.states)


async def test_a_command_whose_answer_was_lost_is_sent_again_and_done_once(server: Instance) -> None:
    async with behind_proxy(server) as (room, proxy):
        hold_id = uuid4()
        proxy.freeze()
        holding = asyncio.create_task(room.hold(1, 2, hold_id=hold_id))
        await eventually(lambda: proxy.requests_waiting > 0)
        proxy.cut_all()
        proxy.thaw()
        held = await holding
        assert (held.hold_id, held.seats) == (hold_id, (1, 2))
        async with server.core.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes FOR UPDATE"))
            booking = asyncio.create_task(room.book(hold_id))
            await eventually(lambda: server.core.checkout.is_writing)
            proxy.cut_all()
        assert (await booking).status == "confirmed"
        assert len(await asyncio.gather(*(room.book(hold_id) for _ in range(3)))) == 3
        await check_books(server.core)


async def test_a_command_that_waits_is_sent_once_per_connection(server: Instance) -> None:
    async with server.room("ann") as room:
        held = await room.hold(1)
        count = server.core.metrics.registry.get_sample_value
        labels = {"command": "book"}
        async with server.core.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes FOR UPDATE"))
            booking = asyncio.create_task(room.book(held.hold_id))
            await eventually(lambda: server.core.checkout.is_writing)
            await room.resync()
        await booking
        await room.beat()
        assert count("seatserver_command_seconds_count", labels) == 1


async def test_a_missed_change_is_noticed_and_asked_for_once(server: Instance) -> None:
    async with server.room("ann") as room, server.room("bob") as bob:
        room.room.version -= 1
        room.room.states[0] = SOLD
        async with asyncio.TaskGroup() as tasks:
            for seat in range(8):
                tasks.create_task(bob.hold(seat))
        await room.until(
            lambda one: (one.room.version, one.room.epoch) == (bob.room.version, bob.room.epoch), PATIENCE_S
        )
        room.room.epoch = "another"
        await bob.hold(10)
        await room.until(lambda one: one.state(10) == HELD, PATIENCE_S)
        assert bytes(room.room.states) == bytes(bob.room.states)
        assert room.connections == 1
        assert room.snapshots == 3, "one for each of the two gaps"


@pytest.mark.parametrize(("showtime", "scopes", "code"), [("never", ["watch"], 4004), (SHOWTIME, ["settle"], 4003)])
async def test_who_is_not_wanted_is_told_so_and_does_not_knock_again(
    server: Instance, showtime: str, scopes: list[str], code: int
) -> None:
    async with SeatClient(server.url, token=server.token("ann", *scopes)) as client:
        room = client.room(showtime)
        with pytest.raises(Disconnected) as caught:
            await room.__aenter__()
        assert caught.value.code == code
        assert caught.value.reason
        with pytest.raises(Disconnected):
            await room.beat()
        assert room.connections == 1


async def test_a_token_of_ones_own_that_ends_ends_the_room_and_makes_nobody_a_guest(make_server: MakeServer) -> None:
    server = await make_server(token_leeway_s=0)
    token = server.token("ann", lifetime_s=2)
    async with SeatClient(server.url, token=token) as client:
        with pytest.raises(Disconnected) as caught:
            async with client.room(SHOWTIME) as room:
                await room.until(lambda one: False, PATIENCE_S)
        assert caught.value.code == 4001
        assert client.token == token


async def test_a_room_can_be_left_while_its_connection_breaks(server: Instance) -> None:
    following = asyncio.Event()

    class BreakingRoom(LiveRoom):
        async def _follow(self) -> None:
            following.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise OSError("broken in the same moment") from None

    async with SeatClient(server.url, token=server.token()) as client:
        entering = asyncio.create_task(BreakingRoom(client, SHOWTIME, "json").__aenter__())
        await following.wait()
        entering.cancel()
        async with within("the room to be left"):
            await asyncio.wait({entering})
        assert entering.cancelled()


async def test_a_room_that_was_left_answers_at_once(server: Instance) -> None:
    async with server.room("ann") as room:
        waiting = asyncio.create_task(room.until(lambda one: False))
        await asyncio.sleep(0)
    for work in (waiting, asyncio.create_task(room.hold(1))):
        with pytest.raises(Disconnected):
            await work


async def test_a_server_that_restarts_says_when_to_come_back_and_that_is_kept(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.room("ann") as room:
        server.uvicorn.should_exit = True
        await room.until(lambda one: not one.connected, PATIENCE_S)
        [bye] = [notice for notice in room.notices if isinstance(notice, Bye)]
        assert bye.code == 1012
        assert bye.reconnect_after_ms >= 100


async def test_a_client_that_is_refused_a_socket_comes_back_no_earlier_than_it_was_told(server: Instance) -> None:
    came: list[float] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(asyncio.get_running_loop().time())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    door = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with door, SeatClient(f"http://127.0.0.1:{door.sockets[0].getsockname()[1]}", token="x") as client:
        entering = asyncio.create_task(client.room(SHOWTIME).__aenter__())
        await eventually(lambda: len(came) == 3)
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    assert min(later - earlier for earlier, later in itertools.pairwise(came)) >= 1


async def test_a_client_that_is_turned_away_in_a_storm_comes_back_when_it_was_told() -> None:
    came: list[float] = []

    async def turn_away(connection: ServerConnection) -> None:
        came.append(asyncio.get_running_loop().time())
        await connection.recv()
        bye = {"type": "bye", "code": Close.TRY_AGAIN_LATER, "reason": "too many", "reconnect_after_ms": 700}
        await connection.send(json.dumps(bye))
        await connection.close(Close.TRY_AGAIN_LATER)

    async with serve(turn_away, "127.0.0.1", 0, subprotocols=[cast(Any, JSON)]) as door:
        port = door.sockets[0].getsockname()[1]
        async with SeatClient(f"http://127.0.0.1:{port}", token="x") as client:
            entering = asyncio.create_task(client.room(SHOWTIME, encoding="json").__aenter__())
            await eventually(lambda: len(came) == 3)
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
    pauses = [later - earlier for earlier, later in itertools.pairwise(came)]
    assert min(pauses) >= 0.7


async def test_what_happens_elsewhere_to_ones_booking_is_heard(server: Instance) -> None:
    async with server.room("ann") as room:
        held = await room.hold(1)
        await room.book(held.hold_id, pay_later=True)
        await server.core.checkout.confirm(held.hold_id)
        await room.until(lambda one: any(isinstance(notice, Booked) for notice in one.notices), PATIENCE_S)
        [news] = [notice for notice in room.notices if isinstance(notice, Booked)]
        assert (news.booking_id, news.status) == (held.hold_id, "confirmed")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_client_of_an_earlier_release_learns_that_it_booked_from_a_server_that_says_more(
    server: Instance, encoding: str
) -> None:
    json, msgpack = b'"ticket_url":', b"\xaaticket_url"

    def says_more() -> Filter:
        """Calls the newest field what no client knows, at the same length: sockets count the bytes of a message."""
        return lambda data: data.replace(json, b'"ticket_urn":').replace(msgpack, b"\xaaticket_urn")

    async with proxied(server.url) as (proxy, url), SeatClient(url, token=server.token("ann")) as client:
        proxy.answers_through = says_more
        async with client.room(SHOWTIME, encoding=encoding) as room:
            held = await room.hold(1)
            booked = await room.book(held.hold_id)
            assert (booked.status, booked.ticket_url) == ("confirmed", None)
            await room.until(lambda one: one.state(1) == SOLD, PATIENCE_S)
            assert (await room.beat()).version == room.room.version
            assert room.connections == 1


NEWER = {
    "a type of message": (b"elsewhere", b"elsewhen_"),
    "a status of a booking": (b"confirmed", b"conferred"),
    "a reason for refusing a seat": (b"blocked", b"bl_cked"),
    "a reason for the end of a hold": (b'expired"}', b'retired"}'),
    "a state of a seat": (b"[7,1]", b"[7,9]"),
    "a code of an error": (b"hold_gone", b"hold_past"),
}
"""What a newer server says, by what it stands for here. As long as that, because a frame counts its bytes."""


@pytest.mark.parametrize("what", NEWER)
async def test_an_older_client_passes_over_what_it_does_not_know(make_server: MakeServer, what: str) -> None:
    server = await make_server(hold_ms=4000)
    known, newer = NEWER[what]
    replaced: list[int] = []

    def of_a_newer_server() -> Filter:
        def replace(data: bytes) -> bytes:
            replaced.append(data.count(known))
            return data.replace(known, newer)

        return replace

    async with proxied(server.url) as (proxy, url), SeatClient(url, token=server.token("ann")) as client:
        proxy.answers_through = of_a_newer_server
        async with client.room(SHOWTIME, encoding="json") as room, server.room("ann") as elsewhere:
            held = await room.hold(1)
            with pytest.raises(SeatsRefused) as refused:
                await room.hold(BLOCKED)
            assert refused.value.reasons == {BLOCKED: "bl_cked" if known == b"blocked" else "blocked"}
            with pytest.raises(RemoteError) as missing:
                await room.release(uuid4())
            assert missing.value.code == ("hold_past" if known == b"hold_gone" else "hold_gone")
            booked = await room.book(held.hold_id)
            assert booked.status == ("conferred" if known == b"confirmed" else "confirmed")
            await elsewhere.hold(7)
            await room.until(lambda one: one.state(7) == (9 if known == b"[7,1]" else HELD), PATIENCE_S)
            await elsewhere.until(lambda one: any(isinstance(notice, Expired) for notice in one.notices), PATIENCE_S)
            await elsewhere.hold(2)
            await room.until(lambda one: one.state(2) == HELD, PATIENCE_S)
            assert (await room.beat()).version == room.room.version
            assert (room.connections, room.snapshots) == (1, 1)
    assert sum(replaced) > 0


async def test_the_rest_calls_speak_in_the_servers_own_errors(server: Instance) -> None:
    async with SeatClient(server.url, token=server.token()) as client:
        assert (await client.call("GET", f"/showtimes/{SHOWTIME}"))["id"] == SHOWTIME
        with pytest.raises(RemoteError) as caught:
            await client.call("GET", "/showtimes/never")
        assert caught.value.code == "not_found"
        assert caught.value.facts == {"kind": "showtime", "id": "never"}
