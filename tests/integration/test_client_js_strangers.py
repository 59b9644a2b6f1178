"""The JavaScript client and a server that misbehaves.

Nothing is thrown into nowhere, nothing wrong is shown as live, and nobody is hammered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from tests.integration.house import Message
from tests.integration.scripts import OpenRuntime, open_runtime
from tests.integration.stranger import SNAPSHOT, WELCOME, Script, Stranger, Talk, stranger
from tests.javascript import Runtime

__all__ = ["open_runtime"]

QUICK = {"backOffFirstMs": 20, "backOffMostMs": 100}


@pytest.fixture
async def runtime(open_runtime: OpenRuntime) -> AsyncIterator[Runtime]:
    """Where the client runs."""
    async with stranger(Talk.stay) as there:
        yield await open_runtime(there.home)


@asynccontextmanager
async def meeting(runtime: Runtime, script: Script, **options: Any) -> AsyncIterator[Stranger]:
    """Ann's client goes to a stranger."""
    options = {"token": "of ann", "times": QUICK, "encoding": "json", **options}
    async with stranger(script) as there:
        await runtime.run("open('ann', address, options)", address=there.url, options=options)
        yield there
        await runtime.run("clients.ann.close()")


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
            assert reason.startswith("the server sent what cannot be understood: "), name
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


async def test_the_pauses_grow_until_a_connection_was_stable_for_a_while(runtime: Runtime) -> None:
    stable_ms = 300

    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number == 4:
            await talk.hear("offers")
        await talk.close(1011)

    times = {"backOffFirstMs": 40, "backOffMostMs": 200, "stableMs": stable_ms}
    await runtime.run("globalThis.chance = Math.random; Math.random = () => 0.999")
    async with meeting(runtime, script, times=times):
        code = """
            const { ann } = clients;
            await until(() => ann.pauses.length === 4 && ann.status === "live");
            await sleep(stableMs + 20);
            ann.offers({ count: 1 }).catch(() => {});
            await until(() => ann.pauses.length >= 7);
            return ann.pauses;
        """
        pauses = await runtime.run(code, stableMs=stable_ms)
    assert [round(pause / 10) * 10 for pause in pauses[:7]] == [40, 80, 160, 200, 40, 80, 160]
    await runtime.run("Math.random = globalThis.chance")


async def test_the_pauses_are_anything_up_to_the_longest(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.close(1011)

    async with meeting(runtime, script, times={"backOffFirstMs": 60, "backOffMostMs": 60}):
        pauses = await runtime.run("await until(() => clients.ann.pauses.length >= 20); return clients.ann.pauses")
    assert max(pauses) <= 60
    # The chance that twenty even draws all miss a third of the range is 1 in 3000 for each of the thirds.
    assert min(pauses) < 30 < max(pauses)


async def test_a_server_that_never_gets_anywhere_is_left_alone_for_longer_and_longer(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.stay()

    times = {"backOffFirstMs": 20, "backOffMostMs": 1000, "answerMs": 60, "stableMs": 30}
    await runtime.run("globalThis.chance = Math.random; Math.random = () => 0.999")
    async with meeting(runtime, script, times=times):
        code = """
            await until(() => clients.ann.pauses.length >= 4);
            return [clients.ann.pauses, logged(clients.ann, "status")];
        """
        pauses, statuses = await runtime.run(code)
    assert [round(pause / 10) * 10 for pause in pauses[:4]] == [20, 40, 80, 160]
    assert statuses[1] == ["waiting", "the server does not answer"]
    await runtime.run("Math.random = globalThis.chance")


async def test_what_the_server_wishes_with_its_goodbye_is_heeded(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number == 0:
            await talk.close(1012, "the server restarts", reconnect_after_ms=400)
        elif talk.number == 1:
            await talk.close(4101, "you read too slowly", reconnect_after_ms=300)
        elif talk.number == 2:
            await talk.close(4200, "the token expired", reconnect_after_ms=0)
        else:
            await talk.close(1000, "the house is closed", reconnect_after_ms=-1)

    tokens = "let made = 0; const token = async (refused) => `token ${++made} ${refused}`;"
    async with stranger(script) as there:
        code = f"""{tokens}
            const ann = open("ann", address, {{ token, times }});
            await until(() => ann.status === "stopped");
            return [ann.pauses, logged(ann, "status").filter(([, reason]) => reason)];
        """
        pauses, reasons = await runtime.run(code, address=there.url, times=QUICK)
    assert 400 - 1 <= pauses[0] < 400 + 100
    assert 300 - 1 <= pauses[1] < 300 + 100
    assert pauses[2] < 100
    assert reasons == [
        ["waiting", "the server restarts"],
        ["waiting", "you read too slowly"],
        ["waiting", "the token expired"],
        ["stopped", "the house is closed"],
    ]
    tokens_said = [talk.heard[0]["token"] for talk in there.talks]
    assert tokens_said == ["token 1 null", "token 2 null", "token 3 null", "token 4 token 3 null"]


async def test_a_wish_to_come_back_in_a_thousand_years_is_no_busy_loop(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.close(1012, "later", reconnect_after_ms=10**14)

    async with meeting(runtime, script) as there:
        code = "await until(() => clients.ann.status === 'waiting'); await sleep(300); return clients.ann.pauses"
        assert len(await runtime.run(code)) == 1
        assert len(there.talks) == 1
        # Who is asked for by hand does not wait.
        await runtime.run("clients.ann.connect(); await until(() => clients.ann.pauses.length === 2)")


async def test_a_refused_token_is_replaced_once_and_then_believed(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.hear("hello")
        await talk.close(4001, "the token is not ours", reconnect_after_ms=-1)

    async with stranger(script) as there:
        code = """
            const refusals = [];
            const token = async (refused) => `${refusals.push(refused)}`;
            const ann = open("ann", address, { token, times });
            await until(() => ann.status === "stopped");
            return [refusals, ann.reason, ann.closeCode];
        """
        told = await runtime.run(code, address=there.url, times=QUICK)
        assert told == [[None, "1"], "the token is not ours", 4001]
        assert len(there.talks) == 2
    async with meeting(runtime, script) as there:
        await runtime.run("await until(() => clients.ann.status === 'stopped')")
        assert len(there.talks) == 1, "a token that is a text is not tried twice"


async def test_a_token_that_cannot_be_had_now_is_asked_for_again(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        await talk.stay()

    async with stranger(script) as there:
        code = """
            let asked = 0;
            const token = async () => {
                asked += 1;
                if (asked === 1) throw new Error("no network");
                return asked === 2 ? new Promise(() => {}) : "of ann";
            };
            const ann = open("ann", address, { token, times: { ...times, answerMs: 100 } });
            await live(ann);
            const refuse = () => Promise.reject(Object.assign(new Error("no"), { permanent: true }));
            const never = open("never", address, { token: refuse });
            await until(() => never.status === "stopped");
            return [logged(ann, "status"), never.reason];
        """
        statuses, reason = await runtime.run(code, address=there.url, times=QUICK)
        waits = [why for status, why in statuses if status == "waiting"]
        assert waits == ["no token: no network", "the server does not answer"]
        assert reason == "no"
        await runtime.run("clients.ann.close()")


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


async def test_what_the_browser_says_of_its_network_is_looked_into(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet()
        if talk.number > 0:
            await talk.say("beat", ref=(await talk.hear("beat"))["ref"], epoch="one", version=5, server_ms=1)
        await talk.stay()

    # Node has no such events; whatever gives them to it is treated alike.
    events = """
        if (!globalThis.addEventListener) {
            const target = new EventTarget();
            for (const name of ["addEventListener", "dispatchEvent"]) globalThis[name] = target[name].bind(target);
        }
    """
    await runtime.run(events)
    times = {"backOffFirstMs": 3_600_000, "backOffMostMs": 3_600_000, "probeMs": 300}
    async with meeting(runtime, script, times=times) as there:
        code = """
            const { ann } = clients;
            const says = (name) => globalThis.dispatchEvent(new Event(name));
            await live(ann);
            says("offline");
            const before = ann.status;
            await until(() => ann.status === "waiting");
            says("online");
            await live(ann);
            says("offline");
            await sleep(600);
            return [before, ann.status];
        """
        assert await runtime.run(code) == ["live", "live"]
        assert len(there.talks) == 2, "who answers is there, whatever the browser thinks"


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
