"""The JavaScript client while servers and networks fail, in Node and in Chromium: nothing is lost or made up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seatserver.config import Settings
from seatserver.seats.states import SeatState
from tests.browser.site import Site
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.scripts import ANYWHERE, QUICK, OpenRuntime, behind_proxy, open_client, open_runtime
from tests.integration.server import SHOWTIME, SOFA, Instance, check_books, eventually

__all__ = ["open_runtime"]

FREE, HELD, SOLD = (int(state) for state in (SeatState.FREE, SeatState.HELD, SeatState.SOLD))


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    """A server whose pages may talk to proxies before it."""
    return await make_server(**ANYWHERE)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_broken_connection_is_resumed_where_it_stopped(
    server: Instance, open_runtime: OpenRuntime, encoding: str
) -> None:
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server, encoding=encoding) as proxy, server.room("bob") as bob:
        for seat in range(3):
            proxy.cut_all()
            await bob.hold(seat)
            await runtime.run("await until(() => clients.ann.states[seat] === 1)", seat=seat)
            await runtime.run("await live(clients.ann)")
        code = "const { ann } = clients; return [logged(ann, 'change').filter((seats) => !seats).length, picture(ann)]"
        snapshots, picture = await runtime.run(code)
        assert snapshots == 1, "only what was missed came again"
        await eventually(lambda: bob.room.version == picture["version"])
        assert picture["states"] == list(bob.room.states)


async def test_another_server_on_the_same_data_goes_on_where_the_first_one_stopped(
    make_server: MakeServer, server: Instance, open_runtime: OpenRuntime
) -> None:
    other = await make_server(**ANYWHERE)
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server) as proxy:
        held = await runtime.run("return clients.ann.hold([1])")
        assert other.uvicorn.servers
        host, port = other.url.removeprefix("http://").split(":")
        proxy.lead_to(host, int(port))
        async with other.room("bob") as bob:
            await bob.hold(5)
        proxy.cut_all()
        await runtime.run("await until(() => clients.ann.states[5] === 1 && clients.ann.status === 'live')")
        booked = await runtime.run("return clients.ann.book(id)", id=held["hold_id"])
        assert booked["status"] == "confirmed"


async def test_a_killed_server_that_comes_back_finds_everybody_again(
    settings: Settings, tmp_path: Path, open_runtime: OpenRuntime
) -> None:
    site = Site(settings, tmp_path / "server.log", SEATSERVER_ALLOWED_ORIGINS="*")
    try:
        await asyncio.to_thread(site.start)
        await asyncio.to_thread(site.set_up)
        runtime = await open_runtime(site.url)
        code = """
            const guest = async () => (await (await fetch(`${base}/api/v1/guests`, { method: "POST" })).json()).token;
            for (const name of ["ann", "bob"]) {
                open(name, `${base}/ws/showtimes/${showtime}`, { token: await guest(), times });
                await live(clients[name]);
            }
            const held = await clients.ann.hold([1, 2]);
            await clients.ann.hold([3]);
            // The answer may come before the news.
            await until(() => [1, 2, 3].every((seat) => clients.ann.states[seat] === 1));
            return held.hold_id;
        """
        hold_id = await runtime.run(code, base=site.url, showtime=SHOWTIME, times={**QUICK, "lateMs": 120_000})
        await asyncio.to_thread(site.kill)
        code = """
            const { ann, bob } = clients;
            await until(() => ann.status === "waiting" && bob.status === "waiting");
            ann.asked = [ann.book(holdId), ann.hold([4])];
            bob.asked = caught(bob.hold([4, 3]));
            return [Object.fromEntries(ann.pending), ann.reason !== "", [...ann.states].slice(1, 4)];
        """
        # What was last known stays there to be shown, as what it is: not live.
        assert await runtime.run(code, holdId=hold_id) == [{"4": "holding"}, True, [HELD, HELD, HELD]]
        await asyncio.to_thread(site.start)
        code = """
            const { ann, bob } = clients;
            const [booked, held] = await Promise.all(ann.asked);
            const refused = await bob.asked;
            await until(() => [ann, bob].every((one) => one.states[1] === 3 && one.states[4] === 1));
            return [booked.status, held.seats, refused.seats[0], [...ann.mine.keys()], ann.pending.size];
        """
        told = await runtime.run(code)
        assert told == ["confirmed", [4], [3, "held"], [3, 4], 0]
        await runtime.run("for (const one of Object.values(clients)) one.close()")
    finally:
        await asyncio.to_thread(site.close)


async def test_a_room_that_begins_anew_is_shown_anew(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    await open_client(runtime, server)
    before = await runtime.run("await clients.ann.hold([1]); return clients.ann.epoch")
    await server.core.redis.flushall()
    await runtime.run("await until(() => clients.ann.epoch !== before && clients.ann.status === 'live')", before=before)
    code = "const { ann } = clients; await until(() => ann.states[1] === 0); return (await ann.hold([2])).seats"
    assert await runtime.run(code) == [2]


async def test_a_command_whose_answer_was_lost_is_asked_again_and_done_once(
    server: Instance, open_runtime: OpenRuntime
) -> None:
    runtime = await open_runtime(server.url)
    async with proxied(server.url) as (proxy, url):
        deaf = False
        proxy.answers_through = lambda: lambda data: b"" if deaf else data
        await open_client(runtime, server, url=url, times=QUICK)
        deaf = True
        await runtime.run("clients.ann.asked = clients.ann.hold([1, 2])")
        await eventually(lambda: _is_held(server, 1))
        deaf = False
        proxy.cut_all()
        held = await runtime.run("return clients.ann.asked")
        assert held["seats"] == [1, 2]
        deaf = True
        await runtime.run("clients.ann.asked = clients.ann.book(id)", id=held["hold_id"])
        await eventually(lambda: _is(server, 1, SOLD))
        deaf = False
        proxy.cut_all()
        booked = await runtime.run("return clients.ann.asked")
        assert (booked["booking_id"], booked["status"]) == (held["hold_id"], "confirmed")
        code = "const { ann } = clients; return [ann.holds.size, ann.pending.size, logged(ann, 'expired')]"
        assert await runtime.run(code) == [0, 0, []]
        await check_books(server.core)
        await runtime.run("clients.ann.close()")


@pytest.mark.parametrize("what", [b"held", b"delta"])
async def test_one_lost_frame_is_noticed_while_the_connection_lives(
    make_server: MakeServer, open_runtime: OpenRuntime, what: bytes
) -> None:
    server = await make_server(heartbeat_ms=300, **ANYWHERE)
    runtime = await open_runtime(server.url)
    lost: list[bytes] = []

    def lose_one(data: bytes) -> bytes:
        if what in data and not lost:
            lost.append(data)
            return b""
        return data

    async with proxied(server.url) as (proxy, url):
        proxy.answers_through = lambda: lose_one
        await open_client(runtime, server, url=url, times={**QUICK, "commandMs": 800, "tickMs": 100})
        assert (await runtime.run("return clients.ann.hold([1, 2])"))["seats"] == [1, 2]
        await runtime.run("await until(() => clients.ann.states[2] === 1 && clients.ann.status === 'live')")
        assert len(lost) == 1
        assert await runtime.run("return [...clients.ann.mine.keys()]") == [1, 2]
        await runtime.run("clients.ann.close()")


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_what_arrives_in_pieces_is_put_together_and_what_breaks_off_is_asked_again(
    server: Instance, open_runtime: OpenRuntime, encoding: str
) -> None:
    runtime = await open_runtime(server.url)
    breaks_left = 3

    def in_pieces() -> Any:
        kept = b""
        passed = 0

        def late_by_some_bytes(data: bytes) -> bytes:
            nonlocal kept, passed, breaks_left
            data, kept = kept + data, b""
            passed += len(data)
            if breaks_left and passed > 600:
                breaks_left -= 1
                asyncio.get_running_loop().call_later(0.01, proxy.cut_all)
                return data[: len(data) // 2]  # in the middle of a frame
            return data

        return late_by_some_bytes

    async with proxied(server.url) as (proxy, url):
        proxy.answers_through = in_pieces
        proxy.delay_s = 0.005
        await open_client(runtime, server, url=url, encoding=encoding, times=QUICK)
        async with server.room("bob") as bob:
            for seat in range(6):
                await bob.hold(seat)
            held = await runtime.run("return clients.ann.hold([10])")
            assert held["seats"] == [10]
            code = "await until(() => [5, 10].every((seat) => clients.ann.states[seat] === 1)); await live(clients.ann)"
            await runtime.run(code)
            await eventually(lambda: bob.room.states[10] == HELD)
            assert await runtime.run("return [...clients.ann.states]") == list(bob.room.states)
        await runtime.run("clients.ann.close()")


async def test_what_is_asked_while_away_is_done_in_time_or_taken_back(
    server: Instance, open_runtime: OpenRuntime
) -> None:
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server, times={"lateMs": 300}) as proxy:
        held = await runtime.run("return clients.ann.hold([1, 2])")
        proxy.refuses = True
        proxy.cut_all()
        code = """
            const { ann } = clients;
            await until(() => ann.status !== "live");
            ann.releasing = ann.release(id);
            const [late, best, book] = await Promise.all(
                [ann.hold([5]), ann.best({ count: 2 }), ann.book(id)].map(caught));
            return [late, best.code, book.code, Object.fromEntries(ann.pending), logged(ann, "rolledback")];
        """
        late, best, book, pending, rolled_back = await runtime.run(code, id=held["hold_id"])
        assert (late["code"], late["retryable"], best, book) == ("late", True, "late", "late")
        assert pending == {"1": "releasing", "2": "releasing"}
        assert rolled_back == [{"seats": [5], "code": "late"}]
        proxy.refuses = False
        assert await runtime.run("return (await clients.ann.releasing).seats") == [1, 2]
        assert await runtime.run("return [clients.ann.pending.size, clients.ann.mine.size]") == [0, 0]
        assert (await server.states())[5] == FREE


@pytest.mark.long
async def test_a_hold_that_ends_by_itself_is_told_here_and_after_being_away(
    make_server: MakeServer, open_runtime: OpenRuntime
) -> None:
    server = await make_server(hold_ms=2500, hold_total_ms=2500, **ANYWHERE)
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server) as proxy:
        await runtime.run("await clients.ann.hold([1])")
        expired = "await until(() => logged(clients.ann, 'expired').length); return logged(clients.ann, 'expired')"
        assert await runtime.run(expired) == [{"seats": [1], "areas": [], "reason": "expired"}]
        await runtime.run("clients.ann.log.length = 0; await clients.ann.hold([SEAT, SEAT + 1])", SEAT=SOFA[0])
        proxy.refuses = True
        proxy.cut_all()
        await eventually(lambda: _is(server, SOFA[0], FREE))
        proxy.refuses = False
        assert await runtime.run(expired) == [{"seats": list(SOFA), "areas": [], "reason": "away"}]


async def test_a_dead_network_is_noticed_without_a_close(make_server: MakeServer, open_runtime: OpenRuntime) -> None:
    server = await make_server(heartbeat_ms=200, **ANYWHERE)
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server, times={"answerMs": 400}) as proxy:
        proxy.freeze()
        await runtime.run("await until(() => logged(clients.ann, 'status').some(([, why]) => why.includes('answer')))")
        proxy.thaw()
        await runtime.run("await live(clients.ann)")


async def _is_held(server: Instance, seat: int) -> bool:
    return await _is(server, seat, HELD)


async def _is(server: Instance, seat: int, state: int) -> bool:
    return (await server.states())[seat] == state
