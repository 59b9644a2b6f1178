"""The JavaScript client against a real server, in Node and in Chromium: what a page may rely on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seatserver.config import Settings
from seatserver.seats.states import SeatState
from tests.browser.site import Site
from tests.integration.conftest import MakeServer
from tests.integration.house import BLOCKED, SHOWTIME, SOFA, Instance, check_books, eventually
from tests.integration.proxy import Proxy, proxied
from tests.integration.scripts import ANYWHERE, OpenRuntime, open_runtime
from tests.javascript import NODE, STATIC, Runtime

__all__ = ["open_runtime"]

FREE, HELD, SOLD, KEPT = (int(state) for state in (SeatState.FREE, SeatState.HELD, SeatState.SOLD, SeatState.BLOCKED))
QUICK = {"backOffFirstMs": 20, "backOffMostMs": 200}


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    """A server whose pages may talk to proxies before it."""
    return await make_server(**ANYWHERE)


async def open_client(
    runtime: Runtime, server: Instance, name: str = "ann", *, url: str | None = None, **options: Any
) -> None:
    """A live client of a user of that name."""
    address = server.address() if url is None else f"{url}/ws/showtimes/{SHOWTIME}"
    options = {"token": server.token(name.partition(" ")[0]), **options}
    await runtime.run("await live(open(name, address, options))", name=name, address=address, options=options)


@asynccontextmanager
async def behind_proxy(runtime: Runtime, server: Instance, **options: Any) -> AsyncIterator[Proxy]:
    """Ann's client by way of a proxy, which comes back quickly when that breaks."""
    times = {**QUICK, **options.pop("times", {})}
    async with proxied(server.url) as (proxy, url):
        await open_client(runtime, server, url=url, times=times, **options)
        yield proxy
        await runtime.run("clients.ann.close()")


async def test_both_encodings_show_the_same_room(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    for encoding in ("json", "msgpack"):
        await open_client(runtime, server, f"ann {encoding}", encoding=encoding)
    code = """
        const [json, msgpack] = [clients["ann json"], clients["ann msgpack"]];
        const held = await json.hold([0, 1], { wheelchairs: 1 });
        const more = await msgpack.best({ count: 2, categories: ["sofa"] });
        const both = () => json.holds.size === 2 && msgpack.holds.size === 2 && json.version === msgpack.version;
        await until(both);
        return [held.seats, more.seats, picture(json), picture(msgpack), json.welcome.limits.hold_ms > 0];
    """
    held, more, json, msgpack, limits = await runtime.run(code)
    assert (held, limits) == ([0, 1], True)
    assert more in ([24, 25], [26, 27])
    assert json == msgpack
    assert json["states"] == list(await server.states())
    assert (json["states"][0], json["states"][BLOCKED]) == (HELD, KEPT)
    assert {hold["wheelchairs"] for hold in json["holds"].values()} == {0, 1}


async def test_every_command_is_a_promise_of_its_answer(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    await open_client(runtime, server)
    code = """
        const { ann } = clients;
        const offers = await ann.offers({ count: 2, limit: 3 });
        const held = await ann.hold(new Set(offers[0].seats));
        const extended = await ann.extend(held.hold_id);
        const released = await ann.release(held.hold_id, [held.seats[0]]);
        await until(() => ann.holds.get(held.hold_id)?.total_minor === 1000);
        const left = [...ann.mine.keys()];
        const booked = await ann.book(held.hold_id);
        await until(() => ann.states[left[0]] === 3);
        const later = await ann.book((await ann.best({ count: 1 })).hold_id, { payLater: true });
        const gone = await caught(ann.extend(held.hold_id));
        const over = await ann.release(held.hold_id);
        const known = [...ann.holds.keys()];
        return { offers, held, extended, released, left, later, booked, gone, over, known };
    """
    told = await runtime.run(code)
    assert len(told["offers"]) == 3
    assert told["held"]["seats"] == told["offers"][0]["seats"]
    assert told["extended"]["deadline_ms"] >= told["held"]["deadline_ms"]
    first, second = told["held"]["seats"]
    assert (told["released"]["seats"], told["left"]) == ([first], [second])
    assert told["later"]["status"] == "pending"
    assert (told["booked"]["status"], told["booked"]["seats"]) == ("confirmed", [second])
    assert told["gone"]["code"] == "hold_gone"
    assert told["over"]["seats"] == []
    assert told["known"] == []


async def test_a_hold_is_shown_at_once_and_taken_back_when_it_is_refused(
    server: Instance, open_runtime: OpenRuntime
) -> None:
    runtime = await open_runtime(server.url)
    for name in ("ann", "bob"):
        await open_client(runtime, server, name)
    code = """
        const { ann, bob } = clients;
        const races = [ann.hold([3, 4]), bob.hold([4, 5])];
        const atOnce = [Object.fromEntries(ann.pending), Object.fromEntries(bob.pending)];
        const [one, other] = await Promise.allSettled(races);
        const loser = one.status === "rejected" ? ann : bob;
        const { reason } = one.status === "rejected" ? one : other;
        return {
            atOnce,
            left: ann.pending.size + bob.pending.size,
            refused: [one.status, other.status].sort(),
            reason: { code: reason.code, seats: reason.seats },
            lost: loser === ann ? [3, 4] : [4, 5],
            events: loser.log.filter(([event]) => ["pending", "rolledback"].includes(event)),
            winner: logged(loser === ann ? bob : ann, "rolledback"),
        };
    """
    told = await runtime.run(code)
    assert told["atOnce"] == [{"3": "holding", "4": "holding"}, {"4": "holding", "5": "holding"}]
    assert told["refused"] == ["fulfilled", "rejected"]
    assert told["reason"] == {"code": "refused", "seats": [[4, "held"]]}
    first, second = told["lost"]
    assert told["events"] == [
        ["pending", {str(first): "holding", str(second): "holding"}],
        ["pending", {}],
        ["rolledback", {"seats": told["lost"], "code": "refused"}],
    ]
    assert (told["left"], told["winner"]) == (0, [])


async def test_a_basket_that_changes_marks_what_comes_and_what_goes(
    server: Instance, open_runtime: OpenRuntime
) -> None:
    runtime = await open_runtime(server.url)
    for name in ("ann", "bob"):
        await open_client(runtime, server, name)
    code = """
        const { ann, bob } = clients;
        const first = await ann.hold([0, 1]);
        const changing = ann.hold([1, 2], { replaces: first.hold_id });
        const asked = Object.fromEntries(ann.pending);
        const second = await changing;
        const mine = Object.fromEntries(ann.mine);
        const releasing = ann.release(second.hold_id);
        const again = ann.hold([2]);
        const both = Object.fromEntries(ann.pending);
        await Promise.all([releasing, again]);
        await bob.hold([10]);
        await until(() => ann.states[10] === 1);
        const wanted = await ann.hold([10], { or_nearest: true });
        const rolledBack = logged(ann, "rolledback");
        const { seats: got, lost } = wanted;
        return { asked, second: second.hold_id, mine, both, got, lost, left: ann.pending.size, rolledBack };
    """
    told = await runtime.run(code)
    assert told["asked"] == {"0": "releasing", "2": "holding"}
    assert told["mine"] == {"1": told["second"], "2": told["second"]}
    assert told["both"] == {"1": "releasing", "2": "holding"}
    assert told["got"] != [10]
    assert told["lost"] == [[10, "held"]]
    assert told["rolledBack"] == [{"seats": [10], "code": "moved"}]
    assert told["left"] == 0


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
        assert other.server.servers
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
        await asyncio.to_thread(site.kill)


async def test_a_room_that_begins_anew_is_shown_anew(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    await open_client(runtime, server)
    before = await runtime.run("await clients.ann.hold([1]); return clients.ann.epoch")
    await server.house.redis.flushall()
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
        await check_books(server.house)
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


async def test_what_one_window_does_the_other_one_knows(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    for name in ("ann one", "ann two"):
        await open_client(runtime, server, name)
    code = """
        const [one, two] = [clients["ann one"], clients["ann two"]];
        const seats = (client) => JSON.stringify([...client.mine.keys()].sort());
        const first = await one.hold([0, 1]);
        await until(() => seats(two) === "[0,1]");
        const second = await two.hold([1, 2], { replaces: first.hold_id });
        await until(() => seats(one) === "[1,2]");
        await Promise.all([one.hold([4]), two.hold([5]), one.hold([6]), two.hold([7])]);
        await until(() => seats(one) === "[1,2,4,5,6,7]" && seats(two) === seats(one));
        const gone = await caught(one.hold([0, 1, 2], { replaces: first.hold_id }));
        await two.release(second.hold_id);
        await until(() => seats(one) === "[4,5,6,7]");
        return [gone.code, logged(one, "expired"), logged(two, "expired"), logged(one, "status").length];
    """
    gone, *expired, statuses = await runtime.run(code)
    assert gone == "hold_gone"
    assert expired == [[], []]
    assert statuses == 2, "it was live all the time"


async def test_a_hold_that_ends_by_itself_is_told_here_and_after_being_away(
    make_server: MakeServer, open_runtime: OpenRuntime
) -> None:
    server = await make_server(hold_ms=600, hold_total_ms=600, **ANYWHERE)
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


async def test_who_closes_is_gone_for_good_and_may_come_back(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    await open_client(runtime, server)
    code = """
        const { ann } = clients;
        const asked = [caught(ann.hold([1])), caught(ann.offers({ count: 2 }))];
        ann.close();
        const after = await caught(ann.hold([2]));
        const answers = await Promise.all(asked);
        return [ann.status, answers.map(({ code }) => code), after.code, ann.pending.size, logged(ann, "rolledback")];
    """
    status, answers, after, pending, rolled_back = await runtime.run(code)
    assert (status, answers, after, pending) == ("stopped", ["closed", "closed"], "stopped", 0)
    assert rolled_back == [{"seats": [1], "code": "closed"}]
    await eventually(lambda: server.gauge("sockets") == 0)
    assert await runtime.run("await sleep(300); return clients.ann.status") == "stopped"
    await runtime.run("clients.ann.connect(); await live(clients.ann)")
    assert await runtime.run("return (await clients.ann.hold([3])).seats") == [3]


async def test_a_token_that_ends_is_replaced_by_a_fresh_one(make_server: MakeServer, open_runtime: OpenRuntime) -> None:
    server = await make_server(token_leeway_s=0, **ANYWHERE)
    runtime = await open_runtime(server.url)
    tokens = [server.token("ann", lifetime_s=2), server.token("ann", lifetime_s=600)]
    code = """
        const refusals = [];
        const token = async (refused) => {
            refusals.push(tokens.indexOf(refused));
            return refused ? tokens[1] : tokens[0];
        };
        const ann = open("ann", address, { token, times });
        await live(ann);
        await ann.hold([1]);
        await until(() => refusals.length === 2 && ann.status === "live");
        return [refusals, [...ann.mine.keys()], logged(ann, "expired"), logged(ann, "status")];
    """
    address = server.address()
    refusals, mine, expired, statuses = await runtime.run(code, tokens=tokens, address=address, times=QUICK)
    assert (refusals, mine, expired) == ([-1, 0], [1], [])
    assert ["waiting", "the token expired; come back with a fresh one"] in statuses


async def test_who_is_not_wanted_stops_and_says_why(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    code = """
        const client = open("ann", address, { token, times });
        await until(() => client.status === "stopped");
        return [client.reason, client.closeCode, (await caught(client.hold([1]))).code];
    """
    unknown = server.address("never")
    reason, close_code, answer = await runtime.run(code, address=unknown, token=server.token(), times=QUICK)
    assert (reason, close_code, answer) == ("there is no showtime 'never'", 4004, "stopped")
    reason, close_code, _ = await runtime.run(code, address=server.address(), token="no token", times=QUICK)
    assert close_code == 4001
    assert "token" in reason
    code_7 = code.replace("{ token, times }", "{ token: async () => 7, times }")
    reason, close_code, _ = await runtime.run(code_7, address=server.address(), times=QUICK)
    assert (reason, close_code) == ("expected a token as a string, got number", 0)
    reason, close_code, _ = await runtime.run(code, address="ws://[", token=server.token(), times=QUICK)
    assert reason.startswith("ws://[ cannot be connected to")


async def test_a_dead_network_is_noticed_without_a_close(make_server: MakeServer, open_runtime: OpenRuntime) -> None:
    server = await make_server(heartbeat_ms=200, **ANYWHERE)
    runtime = await open_runtime(server.url)
    async with behind_proxy(runtime, server, times={"answerMs": 400}) as proxy:
        proxy.freeze()
        await runtime.run("await until(() => logged(clients.ann, 'status').some(([, why]) => why.includes('answer')))")
        proxy.thaw()
        await runtime.run("await live(clients.ann)")


async def test_the_readmes_example_runs_as_it_stands(server: Instance) -> None:
    readme = STATIC.parents[2] / "README.md"
    code = re.search(r"```js\n(.*?)```", readme.read_text(), re.DOTALL)
    assert code is not None
    program = code[1].replace("http://127.0.0.1:8000", server.url).replace("./seatserver/web/static", str(STATIC))
    process = await asyncio.create_subprocess_exec(NODE, "--input-type=module", "--eval", program, stdout=-1, stderr=-1)
    said, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert b"status: 'confirmed'" in said


async def _is_held(server: Instance, seat: int) -> bool:
    return await _is(server, seat, HELD)


async def _is(server: Instance, seat: int, state: int) -> bool:
    return (await server.states())[seat] == state
