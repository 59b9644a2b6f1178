"""The JavaScript client and a server that misbehaves: no error is lost, nothing wrong is shown as live."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec

from tests.integration.scripts import QUICK, open_runtime
from tests.integration.server import Message
from tests.integration.stranger import SNAPSHOT, WELCOME, Talk, meeting, runtime, stranger
from tests.javascript import Runtime

__all__ = ["open_runtime", "runtime"]

HELD: dict[str, Any] = {
    "type": "held",
    "ref": 9,
    "hold_id": "h",
    "seats": [1],
    "areas": [],
    "lines": [],
    "deadline_ms": 1,
}
DELTA: dict[str, Any] = {"type": "delta", "epoch": "one", "from": 5, "version": 6, "changes": [[0, 1]]}
BAD: dict[str, Any] = {
    "no JSON": "{",
    "nothing": "",
    "a number": "7",
    "null": "null",
    "no type": "{}",
    "bytes": b"\x80",
    "a delta beyond the hall": {**DELTA, "changes": [[0, 1], [7, 1]]},
    "a delta of no pairs": {**DELTA, "changes": 3},
    "a state that is none": {"type": "snapshot", "epoch": "one", "version": 6, "states": "00x"},
    "a snapshot of nothing": {"type": "snapshot"},
    "a welcome of nothing": {"type": "welcome", "ref": 1},
    "a hold without seats": {**HELD, "seats": None},
    "a hold of no seats": {**HELD, "seats": ["x"]},
    "a hold without an end": {**HELD, "deadline_ms": "soon"},
    "a refusal of nothing": {"type": "refused", "ref": 1},
    "a booking of nothing": {"type": "booked"},
    "an end of nothing": {"type": "expired"},
    "a release of nothing": {"type": "released"},
    "offers of nothing": {"type": "offered"},
}


async def test_what_is_not_of_the_contract_ends_the_connection_and_brings_a_fresh_snapshot(runtime: Runtime) -> None:
    frames = list(BAD.values())

    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number < len(frames):
            bad = frames[talk.number]
            await (talk.raw(bad) if isinstance(bad, str | bytes) else talk.say(**bad))
        await talk.stay()

    async with meeting(runtime, script) as there:
        code = """
            const { ann } = clients;
            await until(() => ann.pauses.length === times && ann.status === "live");
            return [logged(ann, "status"), [...ann.states], ann.version, ann.holds.size];
        """
        statuses, states, version, holds = await runtime.run(code, times=len(frames))
        told = [status for status, _ in statuses]
        assert told == [*["connecting", "live", "waiting"] * len(frames), "connecting", "live"]
        reasons = [reason for status, reason in statuses if status == "waiting"]
        for name, reason in zip(BAD, reasons, strict=True):
            assert reason.startswith("the server sent a message that cannot be understood: "), name
        assert (states, version, holds) == ([0, 0, 0, 0, 0, 0, 3], 5, 0)
        resumed = [talk.number for talk in there.talks if "resume" in talk.heard[0]]
        assert resumed == [], "nothing is built on what a broken server said"


async def test_broken_messagepack_is_treated_alike(runtime: Runtime) -> None:
    whole = msgspec.msgpack.encode(DELTA)
    frames: list[str | bytes] = [whole[:0], whole[:1], whole[:17], whole + b"\xc0", b"\xc1", '{"type": "beat"}']

    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number < len(frames):
            await talk.raw(frames[talk.number])
        await talk.stay()

    async with meeting(runtime, script, encoding="msgpack"):
        code = """
            await until(() => clients.ann.pauses.length === times && clients.ann.status === "live");
            return logged(clients.ann, "status").filter(([status]) => status === "waiting").map(([, reason]) => reason);
        """
        *broken, text = await runtime.run(code, times=len(frames))
        assert all("not valid MessagePack at byte" in reason for reason in broken)
        assert "expected a binary message, got text" in text


async def test_what_newer_servers_may_say_is_no_offence(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(epoch="one", more="x")
        for name in ("news", "constructor", "__proto__", "toString"):
            await talk.say(name, version=7)
        await talk.raw('{"type": "news", "__proto__": {"polluted": 1}}')
        await talk.say("delta", epoch="one", version=6, changes=[[0, 1]], news=1, **{"from": 5})
        await talk.say(**HELD)
        await talk.say("error", ref=98, code="x", message="nobody asked", retryable=False)
        await talk.stay()

    async with meeting(runtime, script):
        code = "await until(() => clients.ann.mine.size); return [logged(clients.ann, 'status'), ({}).polluted ?? null]"
        assert await runtime.run(code) == [[["connecting", ""], ["live", ""]], None]
        assert await runtime.run("return clients.ann.states[0]") == 1


async def test_a_booking_of_a_status_that_clients_do_not_know_stays_as_it_was_told_before(runtime: Runtime) -> None:
    booking = {key: value for key, value in HELD.items() if key not in ("type", "ref", "hold_id")}
    mine = {**booking, "booking_id": "b", "status": "confirmed"}

    async def script(talk: Talk) -> None:
        await talk.greet(bookings=[mine, {**mine, "booking_id": "c", "status": "refundable"}])
        asked = await talk.hear("book")
        await talk.say("booked", ref=0, **{**mine, "status": "refunding"})
        await talk.say("booked", ref=asked["ref"], **{**mine, "booking_id": "d", "status": "reserved"})
        await talk.stay()

    async with meeting(runtime, script):
        code = """
            await live(clients.ann);
            const { status } = await clients.ann.book("d");
            const told = logged(clients.ann, "booked").map(({ status }) => status);
            const bookings = [...clients.ann.bookings].map(([id, { status }]) => [id, status]);
            return [status, told, bookings];
        """
        status, told, bookings = await runtime.run(code)
    assert (status, told) == ("reserved", ["refunding", "reserved"])
    assert bookings == [["b", "confirmed"], ["c", "refundable"]]


async def test_a_command_is_tried_again_where_the_server_says_that_it_helps(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        for attempt in range(4):
            hold = await talk.hear("hold")
            code = "busy" if attempt < 3 else "not_on_sale"
            await talk.say(
                "error", ref=hold["ref"], code=code, message=code, retryable=attempt < 3, facts={"at": attempt}
            )
        await talk.stay()

    async with meeting(runtime, script) as there:
        told = await runtime.run("await live(clients.ann); return caught(clients.ann.hold([1]))")
        assert (told["code"], told["retryable"], told["facts"]) == ("not_on_sale", False, {"at": 3})
        asked = [message for message in there.talks[0].heard if message["type"] == "hold"]
        assert len({(message["ref"], message["hold_id"]) for message in asked}) == 1, "it is the same command"


async def test_a_hold_that_ended_while_a_command_was_about_it_does_not_stay_when_that_comes_to_nothing(
    runtime: Runtime,
) -> None:
    old = {**HELD, "hold_id": "old", "wheelchairs": 0}

    async def script(talk: Talk) -> None:
        await talk.greet(holds=[old] if talk.number == 0 else [])
        asked = await talk.hear("hold")
        if talk.number == 0:
            return
        await talk.say("error", ref=asked["ref"], code="busy", message="too much to do", retryable=True)
        await talk.stay()

    # It comes late before it is tried again.
    async with meeting(runtime, script, times={**QUICK, "lateMs": 400}):
        code = """
            const { ann } = clients;
            const ended = [];
            ann.addEventListener("expired", ({ detail }) => ended.push(detail));
            await until(() => ann.holds.size === 1);
            const random = Math.random;
            Math.random = () => 1;
            const error = await ann.hold([2], { replaces: "old" }).catch((caught) => caught);
            Math.random = random;
            return [error.code, ann.status, [...ann.holds.keys()], [...ann.mine], [...ann.pending], ended];
        """
        code, status, holds, mine, pending, ended = await runtime.run(code)
    assert (code, status, holds, mine, pending) == ("busy", "live", [], [], [])
    assert ended == [{"seats": [1], "areas": [], "reason": "away"}]


async def test_a_message_that_is_too_long_for_the_server_is_not_sent(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.stay()

    async with meeting(runtime, script) as there:
        code = "await live(clients.ann); return caught(clients.ann.best({ count: 1, categories: ['x'.repeat(65536)] }))"
        assert (await runtime.run(code))["code"] == "too_large"
        cyclic = "const wish = {}; wish.wish = wish; return (await caught(clients.ann.best(wish))).name"
        assert await runtime.run(cyclic) in ("TypeError", "RangeError")
        assert [message["type"] for message in there.talks[0].heard] == ["hello"]


async def test_a_gap_is_closed_by_asking_and_not_shown_as_live_meanwhile(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.say("delta", epoch="one", version=9, changes=[[1, 1]], **{"from": 8})
        hello = await talk.greet(version=9, snapshot=False)
        assert hello["resume"] == {"epoch": "one", "version": 5}
        await talk.say("delta", epoch="one", version=9, changes=[[0, 1], [1, 1]], **{"from": 5})
        await talk.say("beat", ref=0, epoch="two", version=1, server_ms=1)
        await talk.greet(epoch="two", version=1, snapshot=False)
        await talk.say("snapshot", epoch="two", version=1, states=SNAPSHOT["states"])
        await talk.stay()

    async with meeting(runtime, script, times={**QUICK, "tickMs": 20}) as there:
        code = """
            const { ann } = clients;
            await until(() => ann.epoch === "two" && ann.status === "live");
            return [logged(ann, "status").map(([status]) => status), logged(ann, "change"), ann.version];
        """
        statuses, changes, version = await runtime.run(code)
        assert statuses == ["connecting", "live", "connecting", "live", "connecting", "live"]
        assert (changes, version) == ([None, [0, 1], None], 1)
        assert len(there.talks) == 1


async def test_who_closes_while_being_told_stays_closed(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.say(**DELTA)
        await talk.say("delta", epoch="one", version=9, changes=[], **{"from": 8})
        await talk.stay()

    async with stranger(script) as there:
        code = """
            const told = [];
            for (const [event, nth] of [["welcome", 1], ["change", 1], ["change", 2], ["holds", 1], ["status", 1],
                                        ["status", 2], ["status", 3]]) {
                const one = open("ann", address, { token: "t", encoding: "json", times });
                let heard = 0;
                one.addEventListener(event, () => (heard += 1) === nth && one.close());
                if (event === "status" && nth === 1) one.close();
                await until(() => one.status === "stopped");
                await sleep(60);
                told.push([one.status, one.reason]);
            }
            return told;
        """
        told = await runtime.run(code, address=there.url, times={**QUICK, "answerMs": 300})
        assert told == [["stopped", "closed"]] * 7


async def test_both_sides_show_that_they_are_there_and_agree_on_the_time(runtime: Runtime) -> None:
    shown: list[Message] = []
    noon, evening = 1_800_000_000_000, 1_800_021_600_000
    limits = {**cast(Message, WELCOME["limits"]), "heartbeat_ms": 200}

    async def script(talk: Talk) -> None:
        await talk.greet(limits=limits, server_ms=noon)

        async def beat() -> None:
            while True:
                await talk.say("beat", ref=0, epoch="one", version=5, server_ms=1)
                await asyncio.sleep(0.02)

        beating = asyncio.create_task(beat())
        try:
            for _ in range(3):
                shown.append(await talk.hear("beat"))
            # Somebody has set the server's clock, or this machine has slept: the newest answer is right.
            await talk.say("beat", ref=shown[-1]["ref"], epoch="one", version=5, server_ms=evening)
            await talk.stay()
        finally:
            beating.cancel()

    async with meeting(runtime, script):
        code = """
            const { ann } = clients;
            await live(ann);
            const before = ann.now();
            await until(() => ann.now() > evening - 1000);
            return [before, ann.now(), logged(ann, "status").length];
        """
        before, after, statuses = await runtime.run(code, evening=evening)
    assert noon - 1000 < before < noon + 60_000
    assert evening - 1000 < after < evening + 60_000
    assert statuses == 2
    assert {(beat["epoch"], beat["version"]) for beat in shown} == {("one", 5)}
    assert len({beat["ref"] for beat in shown}) == 3


async def test_it_is_live_when_the_picture_is_whole_and_not_before(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(snapshot=False)
        await talk.say("offered", ref=(await talk.hear("offers"))["ref"], offers=[])
        asked = await talk.hear("offers")
        await talk.say("snapshot", epoch="one", version=4, states="0000000")
        await talk.say("offered", ref=asked["ref"], offers=[])
        asked = await talk.hear("offers")
        await talk.say("delta", epoch="one", version=6, changes=[[6, 3]], **{"from": 4})
        await talk.say("offered", ref=asked["ref"], offers=[])
        await talk.stay()

    async with meeting(runtime, script):
        code = """
            const { ann } = clients;
            const looks = [];
            for (let look = 0; look < 3; look += 1) {
                await ann.offers({ count: 1 });
                looks.push([ann.status, ann.states && [...ann.states].join("")]);
            }
            return looks;
        """
        looks = await runtime.run(code)
    assert looks == [["connecting", None], ["connecting", "0000000"], ["live", "0000003"]]
