"""The JavaScript client comes back to servers that send it away or break down, and hammers none of them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.integration.scripts import QUICK, open_runtime
from tests.integration.stranger import LIMITS, WELCOME, Talk, meeting, runtime, stranger
from tests.javascript import Runtime

__all__ = ["open_runtime", "runtime"]


@pytest.mark.long
async def test_the_pauses_grow_until_a_connection_was_stable_for_a_while(runtime: Runtime) -> None:
    stable_ms = 2000

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
    assert [round(pause) for pause in pauses[:7]] == [40, 80, 160, 200, 40, 80, 160]
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
    assert [round(pause) for pause in pauses[:4]] == [20, 40, 80, 160]
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
        elif talk.number == 3:
            await talk.close(1013, "too many come at once", reconnect_after_ms=250)
        else:
            await talk.close(1000, "the server is closed", reconnect_after_ms=-1)

    tokens = "let made = 0; const token = async (refused) => `token ${++made} ${refused}`;"
    async with stranger(script) as there:
        code = f"""{tokens}
            const ann = open("ann", address, {{ token, times }});
            await until(() => ann.status === "stopped");
            return [ann.pauses, logged(ann, "status").filter(([, reason]) => reason)];
        """
        pauses, reasons = await runtime.run(code, address=there.url, times=QUICK)
    # Each time at most twice as much is drawn to be added.
    drawn = [pause - wish for pause, wish in zip(pauses, (400, 300, 0, 250), strict=True)]
    assert all(0 <= more < QUICK["backOffFirstMs"] * 2**tried for tried, more in enumerate(drawn)), pauses
    assert reasons == [
        ["waiting", "the server restarts"],
        ["waiting", "you read too slowly"],
        ["waiting", "the token expired"],
        ["waiting", "too many come at once"],
        ["stopped", "the server is closed"],
    ]
    tokens_said = [talk.heard[0]["token"] for talk in there.talks]
    assert tokens_said == [
        "token 1 null",
        "token 2 null",
        "token 3 null",
        "token 4 token 3 null",
        "token 5 token 3 null",
    ]


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


@pytest.mark.parametrize("close_code", [4001, 4005])
async def test_a_refused_token_is_replaced_once_and_then_believed(runtime: Runtime, close_code: int) -> None:
    async def script(talk: Talk) -> None:
        await talk.hear("hello")
        await talk.close(close_code, "the token is not ours", reconnect_after_ms=-1)

    async with stranger(script) as there:
        code = """
            const refusals = [];
            const token = async (refused) => `${refusals.push(refused)}`;
            const ann = open("ann", address, { token, times });
            await until(() => ann.status === "stopped");
            return [refusals, ann.reason, ann.closeCode, ann.stoppedBy];
        """
        told = await runtime.run(code, address=there.url, times=QUICK)
        assert told == [[None, "1"], "the token is not ours", close_code, "token"]
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
            const ann = open("ann", address, { token, times: { ...times, answerMs: 1000 } });
            await live(ann);
            const refuse = () => Promise.reject(Object.assign(new Error("no"), { permanent: true }));
            const never = open("never", address, { token: refuse });
            await until(() => never.status === "stopped");
            return [logged(ann, "status"), never.reason];
        """
        statuses, reason = await runtime.run(code, address=there.url, times=QUICK)
        waits = [why for status, why in statuses if status == "waiting"]
        assert waits[:2] == ["no token: no network", "the server does not answer"]
        assert reason == "no"
        await runtime.run("clients.ann.close()")


@pytest.mark.long
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
    times = {"backOffFirstMs": 3_600_000, "backOffMostMs": 3_600_000, "probeMs": 1500}
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
            await sleep(2000);
            return [before, ann.status];
        """
        assert await runtime.run(code) == ["live", "live"]
        assert len(there.talks) == 2, "who answers is there, whatever the browser thinks"


# ---------------------------------------------------------------------- sockets that are open and dead

EVENTS = """
    // Node has none of these; whatever gives them to it is treated alike.
    if (!globalThis.addEventListener) {
        const target = new EventTarget();
        for (const name of ["addEventListener", "dispatchEvent"]) globalThis[name] = target[name].bind(target);
    }
    globalThis.document ??= Object.assign(new EventTarget(), { hidden: false });
"""
NEVER_MS = 3_600_000
PATIENT = {**LIMITS, "heartbeat_ms": NEVER_MS}
"""Limits of a server that would not be missed for an hour."""


async def dead_at_first(talk: Talk) -> None:
    """The first connection says nothing any more once it is live; the next is as it should be."""
    await talk.greet(limits=PATIENT)
    if talk.number > 0:
        asked = await talk.hear("offers")
        await talk.say("offered", ref=asked["ref"], offers=[])
    await talk.stay()


@pytest.mark.parametrize("event", ["online", "pageshow", "focus", "resume", "visibilitychange"])
async def test_a_dead_socket_is_noticed_when_somebody_comes_back(runtime: Runtime, event: str) -> None:
    await runtime.run(EVENTS)
    async with meeting(runtime, dead_at_first, times={**QUICK, "probeMs": 300}) as there:
        code = """
            const { ann } = clients;
            await live(ann);
            const target = ["resume", "visibilitychange"].includes(event) ? document : globalThis;
            target.dispatchEvent(new Event(event));
            const waits = () => logged(ann, "status").filter(([status]) => status === "waiting");
            await until(() => waits().length > 0 && ann.status === "live");
            return waits();
        """
        assert await runtime.run(code, event=event) == [["waiting", "the server does not answer"]]
        assert len(there.talks) == 2


async def test_a_machine_that_slept_looks_at_once_whether_the_server_is_still_there(runtime: Runtime) -> None:
    async with meeting(runtime, dead_at_first, times={**QUICK, "probeMs": 300}) as there:
        code = """
            const { ann } = clients;
            await live(ann);
            const { now } = Date;
            Date.now = () => now() + 60_000; // no event tells of a lid that was closed and opened again
            const waits = () => logged(ann, "status").filter(([status]) => status === "waiting");
            await until(() => waits().length > 0 && ann.status === "live");
            Date.now = now;
            return waits();
        """
        assert await runtime.run(code) == [["waiting", "the server does not answer"]]
        assert len(there.talks) == 2


async def test_what_is_asked_on_a_dead_socket_is_soon_asked_on_another(runtime: Runtime) -> None:
    times = {**QUICK, "probeMs": 300, "commandMs": NEVER_MS, "lateMs": NEVER_MS}
    async with meeting(runtime, dead_at_first, times=times) as there:
        code = """
            const { ann } = clients;
            await live(ann);
            const { now } = Date;
            Date.now = () => now() + 2_000; // what was heard this very moment need not be doubted
            const offers = await ann.offers({ count: 1 });
            Date.now = now;
            return offers;
        """
        assert await runtime.run(code) == []
        assert len(there.talks) == 2


async def test_a_command_that_takes_its_time_is_not_taken_for_a_dead_socket(runtime: Runtime) -> None:
    async def script(talk: Talk) -> None:
        await talk.greet(limits=PATIENT)
        asked = await talk.hear("offers")
        await talk.hear("beat")
        await asyncio.sleep(1)
        await talk.say("offered", ref=asked["ref"], offers=[])
        await talk.stay()

    await runtime.run(EVENTS)
    async with meeting(runtime, script, times={**QUICK, "probeMs": 300}) as there:
        code = """
            const { ann } = clients;
            await live(ann);
            const { now } = Date;
            const at = now();
            Date.now = () => at; // the server was heard this very moment, however slow the machine is
            const asked = ann.offers({ count: 1 });
            globalThis.dispatchEvent(new Event("focus"));
            const offers = await asked;
            Date.now = now;
            return [offers, ann.status];
        """
        assert await runtime.run(code) == [[], "live"]
        assert len(there.talks) == 1


async def test_a_hello_that_takes_its_time_is_not_taken_for_a_dead_socket(runtime: Runtime) -> None:
    """Holds that changed elsewhere are asked for with a hello while the map is live."""

    async def script(talk: Talk) -> None:
        await talk.greet(limits=PATIENT)
        await talk.say("elsewhere")
        asked = await talk.hear("hello")
        await talk.say("expired", hold_id=str(uuid4()), seats=[0], reason="time")  # so that the page can tell
        await talk.hear("beat")
        await asyncio.sleep(1)
        await talk.say("welcome", ref=asked["ref"], **{**WELCOME, "limits": PATIENT})
        await talk.stay()

    await runtime.run(EVENTS)
    async with meeting(runtime, script, times={**QUICK, "probeMs": 300}) as there:
        code = """
            const { ann } = clients;
            const welcomes = () => logged(ann, "welcome").length;
            await until(() => logged(ann, "expired").length === 1);
            globalThis.dispatchEvent(new Event("focus"));
            await until(() => welcomes() === 2);
            return ann.status;
        """
        assert await runtime.run(code) == "live"
        assert len(there.talks) == 1
