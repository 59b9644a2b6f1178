"""The JavaScript client against a real server, in Node and in Chromium: what a page may rely on."""

from __future__ import annotations

import asyncio
import re

import pytest

from seatserver.seats.states import SeatState
from tests.integration.conftest import MakeServer
from tests.integration.scripts import ANYWHERE, QUICK, OpenRuntime, open_client, open_runtime
from tests.integration.server import BLOCKED, LIVES_S, Instance, eventually
from tests.javascript import NODE, WEB

__all__ = ["open_runtime"]

HELD, KEPT = int(SeatState.HELD), int(SeatState.BLOCKED)


@pytest.fixture
async def server(make_server: MakeServer) -> Instance:
    """A server whose pages may talk to proxies before it."""
    return await make_server(**ANYWHERE)


async def test_both_encodings_show_the_same_room(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    for encoding in ("json", "msgpack"):
        await open_client(runtime, server, f"ann {encoding}", encoding=encoding)
    code = """
        const [json, msgpack] = [clients["ann json"], clients["ann msgpack"]];
        const held = await json.hold([0, 1], { wheelchairs: 1 });
        const more = await msgpack.best({ count: 2, categories: ["sofa"] });
        const shows = (one) => [...held.seats, ...more.seats].every((seat) => one.states[seat] === 1);
        const knows = (one) => one.holds.size === 2 && shows(one);
        const both = () => knows(json) && knows(msgpack) && json.version === msgpack.version;
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
    code = """
        const refusals = [];
        const token = async (refused) => {
            refusals.push(tokens.indexOf(refused));
            return refused ? tokens[1] : tokens[0];
        };
        const ann = open("ann", address, { token, times });
        await live(ann);
        await ann.hold([seat]);
        await until(() => refusals.length === 2 && ann.status === "live");
        return [refusals, [...ann.mine.keys()], logged(ann, "expired"), logged(ann, "status")];
    """
    address = server.address()
    for seat, lifetime_s in enumerate(LIVES_S):
        tokens = [server.token(f"ann {seat}", lifetime_s=life) for life in (lifetime_s, 600)]
        given = {"tokens": tokens, "address": address, "times": QUICK, "seat": seat}
        refusals, mine, expired, statuses = await runtime.run(code, **given)
        assert (refusals, mine, expired) == ([-1, 0], [seat], [])
        if ["waiting", "the token expired; come back with a fresh one"] in statuses:
            return
    raise AssertionError("no token lasted until the client was live")


async def test_who_is_not_wanted_stops_and_says_why(server: Instance, open_runtime: OpenRuntime) -> None:
    runtime = await open_runtime(server.url)
    code = """
        const client = open("ann", address, { token, times });
        await until(() => client.status === "stopped");
        const { reason, closeCode, stoppedBy } = client;
        return [reason, closeCode, stoppedBy, (await caught(client.hold([1]))).code];
    """
    unknown = server.address("never")
    told = await runtime.run(code, address=unknown, token=server.token(), times=QUICK)
    assert told == ["there is no showtime 'never'", 4004, "server", "stopped"]
    reason, *why, _ = await runtime.run(code, address=server.address(), token="no token", times=QUICK)
    assert why == [4001, "token"]
    assert "token" in reason
    code_7 = code.replace("{ token, times }", "{ token: async () => 7, times }")
    reason, *why, _ = await runtime.run(code_7, address=server.address(), times=QUICK)
    assert (reason, *why) == ("expected a token as a string, got number", 4001, "token")
    reason, *why, _ = await runtime.run(code, address="ws://[", token=server.token(), times=QUICK)
    assert why == [0, "socket"]
    assert reason.startswith("ws://[ cannot be connected to")


async def test_the_readmes_example_runs_as_it_stands(server: Instance) -> None:
    readme = WEB.parents[1] / "README.md"
    code = re.search(r"```js\n(.*?)```", readme.read_text(), re.DOTALL)
    assert code is not None
    program = code[1].replace("http://127.0.0.1:8000", server.url).replace("./seatserver/web", str(WEB))
    process = await asyncio.create_subprocess_exec(NODE, "--input-type=module", "--eval", program, stdout=-1, stderr=-1)
    said, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert b"status: 'confirmed'" in said
