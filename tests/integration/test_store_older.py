"""Instances with older scripts and with those of now work on the same rooms, and each step ends the same.

During a deploy both write to one room, so neither may find there what it would not have written itself. Each step of a
history is taken three times: in one room by the older scripts, in another by those of now, and in a third by either.
All three run with a clock of the test's own, in databases of one Redis, and publish into a list. After each step the
answers and everything in the three databases have to be equal.

The older scripts are in ``tests/fixtures/older_scripts``: those of November 2026, when plain holds and releases had a
quick way through functions of their own.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from seatserver.config import Settings
from seatserver.seats.holders import people_of
from seatserver.seats.scripts import VERBS, Script

BASE = "seats:{show-1}"
START_MS = 4_000_000_000_000
"""In the year 2096: Redis forgets the room at a real time, which must not have come when the tests run."""
MINUTE_MS = 60_000
SEATS = 6
HOLDS = [UUID(int=number) for number in range(6)]

AREA = "20-25@22"
"""Places 20 to 25, searched from 22 on."""
OLDER = Path(__file__).parents[1] / "fixtures" / "older_scripts"

users = st.sampled_from(["ann", "bob"])
some_seats = st.lists(st.integers(0, SEATS - 1), min_size=1, max_size=3, unique=True).map(sorted)
channels = st.sampled_from(["", "", "club"])
hold_ids = st.sampled_from(HOLDS[:3])
# Mostly whose hold it is.
whose = st.sampled_from([*[(HOLDS[0], "ann"), (HOLDS[1], "bob"), (HOLDS[2], "ann")] * 4, (HOLDS[0], "bob")])
guards = st.lists(st.tuples(st.integers(0, SEATS - 1), st.integers(0, 1)), max_size=2)
replaces = st.one_of(st.just(""), st.just(""), hold_ids.map(str))
mostly_none = st.one_of(*[st.none()] * 5, st.just("rare"))

NEW = {"handover"}
"""Verbs that the older scripts lack. What they leave behind must be what the others understand."""

steps = st.one_of(
    *[st.tuples(st.just("hold"), whose, some_seats, channels, guards, replaces)] * 5,
    *[st.tuples(st.just("odd hold"), whose, some_seats, *[mostly_none] * 4, st.integers(0, 4), replaces)] * 2,
    *[st.tuples(st.just("release"), whose, st.one_of(st.none(), st.none(), some_seats))] * 3,
    *[st.tuples(st.just("judged release"), whose, some_seats, st.booleans(), guards, mostly_none)] * 2,
    st.tuples(st.just("extend"), whose),
    st.tuples(st.just("pin"), whose),
    st.tuples(st.just("hand over"), whose, users),
    *[st.tuples(st.just("apply"), some_seats, st.sampled_from([0, 2, 3]), whose)] * 2,
    st.tuples(st.just("keep"), some_seats, st.sampled_from([None, "", "club"])),
    *[st.tuples(st.just("wait"), st.sampled_from([1, 20_000, 4 * MINUTE_MS, 5 * MINUTE_MS, 40 * MINUTE_MS, -5000]))]
    * 2,
    st.tuples(st.just("ask"), users, some_seats),
    st.just(("sweep",)),
    st.tuples(
        st.just("load"),
        st.sampled_from(["missing", "repair", "renew", "restore"]),
        some_seats,
        some_seats,
        st.booleans(),
    ),
    st.tuples(st.just("lose"), st.sampled_from(["meta", "taken", "kept", "count of taken", "count of kept"]), whose),
)


def older(verb: str) -> str:
    """An older script, put together as it was then."""
    quick = [f"quick_{verb}"] if verb in ("hold", "release") else []
    return "".join(
        (OLDER / f"{name}.lua").read_text() for name in ("past", *quick, "prelude", "remember", "steps", verb)
    )


# The scripts' clock is the test's own, but keys expire by the real one: a key with a millisecond left may be gone in
# one database and not yet in the other. So all keys have a day more, of which the scripts know nothing.
LONGER_LIVES = """
local real, DAY = redis, 86400000
local redis = setmetatable({ call = function(name, ...)
  local given = { ... }
  if name == 'PEXPIRE' then given[2] = given[2] + DAY end
  if name == 'SET' then
    for at = 3, #given do
      if given[at] == 'PX' then given[at + 1] = given[at + 1] + DAY end
    end
  end
  local answer = real.call(name, unpack(given))
  if name == 'PTTL' and answer > 0 then return answer - DAY end
  return answer
end }, { __index = real })
"""


class Way:
    """One database, and whose scripts run there."""

    def __init__(self, redis: Redis, settings: Settings, is_older: Iterator[bool]) -> None:
        self.redis = redis
        self.settings = settings
        self.is_older = is_older
        self.now_ms = START_MS
        self.seq = 1
        self.epochs = itertools.count()

    async def run(self, verb: str, *arguments: object) -> Any:
        source = older(verb) if next(self.is_older) and verb not in NEW else Script(verb).source
        for call in ("redis.call", "call"):
            source = source.replace(f"{call}('TIME')", "{redis.call('GET', 'seconds'), redis.call('GET', 'micros')}")
        source = source.replace("'PUBLISH'", "'RPUSH'").replace("redis.pcall('INFO', 'server')", "'run_id:abc'")
        assert "'TIME'" not in source
        source = LONGER_LIVES + source
        seconds, ms = divmod(self.now_ms, 1000)
        await self.redis.mset({"seconds": seconds, "micros": ms * 1000})
        return await self.redis.eval(source, 1, BASE, *map(str, arguments))

    async def load(self, mode: str, taken: str = "", kept: str = "") -> Any:
        """Load the room, after reading since when it is gone if it is."""
        said = msgspec.msgpack.decode(await self.run("sweep"))
        since = said[1] if said[0] == "absent" else ""
        epoch = f"{next(self.epochs):016x}"
        return await self.run("load", epoch, self.seq, START_MS + 10**9, mode, taken, kept, "", since)

    async def step(self, verb: str, *given: Any) -> Any:
        settings = self.settings
        match verb, given:
            case "hold", ((hold_id, user), seats, channel, guards, replaces):
                return await self.hold(hold_id, user, seats, channel=channel, guards=guards, replaces=replaces)
            case "odd hold", ((hold_id, user), seats, area, ruled, judged, over, wanted, replaces):
                areas = f"{AREA}={wanted}" if area and wanted else ""
                return await self.hold(
                    hold_id, user, [] if areas else seats, areas=areas,
                    ruled=f"{seats[0]}=gap" if ruled else "", judged=await self.room() if judged else "",
                    latest=self.now_ms + 1000 if over else START_MS * 2, taking=int(not over), replaces=replaces,
                )  # fmt: skip
            case "release", ((hold_id, user), seats):
                return await self.run("release", hold_id, user, "" if seats is None else csv(seats), "", "", "", "")
            case "judged release", ((hold_id, user), seats, knows, guards, judged):
                left: Any = await self.redis.hget(f"{BASE}:hold:{hold_id}", "seats") if knows else b"0"
                there = (left or b"none").decode()
                room = await self.room() if judged else ""
                return await self.run("release", hold_id, user, csv(seats), there, "others", pairs(guards), room)
            case "extend" | "pin", ((hold_id, user),):
                return await self.run(verb, hold_id, user, settings.hold_ms, settings.hold_total_ms, START_MS * 2)
            case "hand over", ((hold_id, user), to):
                people = people_of(settings, to, "net" if to == "bob" else "")
                return await self.run("handover", hold_id, user, to, people, 4, settings.hold_total_ms)
            case "apply", (seats, state, (hold_id, user)):
                self.seq += 1
                return await self.run("apply", self.seq, state, hold_id, user, csv(seats))
            case "keep", (seats, channel):
                self.seq += 1
                return await self.run("keep", self.seq, int(channel is not None), channel or "", csv(seats))
            case "wait", (ms,):
                self.now_ms += ms
            case "ask", (user, seats):
                people = people_of(settings, user, "")
                return [
                    in_any_order(await self.run("snapshot")),
                    await self.run("holds", user, settings.hold_total_ms),
                    await self.run("cooling", settings.hold_ms, settings.hold_total_ms, csv(seats), people),
                ]
            case "sweep", ():
                return await self.run("sweep")
            case "load", (mode, sold, blocked, is_newer):
                self.seq += is_newer
                open_ones = [seat for seat in blocked if seat not in sold]
                return await self.load(mode, pairs((seat, 3) for seat in sold), pairs((seat, "") for seat in open_ones))
            case "lose", (name, (hold_id, user)):
                # A part is lost, or no longer as many as were counted: half a room is no room, until it is loaded.
                if not name.startswith("count of"):
                    await self.redis.delete(f"{BASE}:{name}")
                elif await self.redis.hlen(f"{BASE}:{name.removeprefix('count of ')}"):
                    await self.redis.hincrby(f"{BASE}:meta", name.removeprefix("count of "), 1)
                answers = [
                    await self.hold(hold_id, user, [0, 1]),
                    await self.run("release", hold_id, user, "", "", "", "", ""),
                    await self.run("pin", hold_id, user, settings.hold_ms, settings.hold_total_ms, START_MS * 2),
                ]
                return [*answers, await self.load("missing", "5=3", "4=club")]

    async def hold(self, hold_id: UUID, user: str, seats: list[int], **more: Any) -> Any:
        settings, channel, areas = self.settings, more.get("channel", ""), more.get("areas", "")
        people = "" if channel else people_of(settings, user, "net" if user == "bob" else "")
        return await self.run(
            "hold", hold_id, user, channel, settings.hold_ms, settings.hold_total_ms, settings.hold_replay_ms, 4,
            csv(seats) + areas, csv(seats), areas, more.get("ruled", ""), pairs(more.get("guards", ())),
            more.get("judged", ""), more.get("replaces", ""), "terms", more.get("latest", START_MS * 2),
            more.get("taking", 1), people,
        )  # fmt: skip

    async def room(self) -> str:
        """The room as it is, for a step that relies on all of it; nothing that expires has ended yet."""
        epoch, version = cast(list[Any], await self.redis.hmget(f"{BASE}:meta", "epoch", "version"))
        return f"{(epoch or b'').decode()}:{(version or b'').decode()}"

    async def everything(self) -> dict[bytes, Any]:
        """All that the database holds, with the times to live, which run by the real clock."""
        found: dict[bytes, Any] = {}
        async for key in self.redis.scan_iter():
            kind = await self.redis.type(key)
            value: Any = None
            match kind:
                case b"string":
                    value = await self.redis.get(key)
                case b"hash":
                    value = await self.redis.hgetall(key)
                case b"zset":
                    value = await self.redis.zrange(key, 0, -1, withscores=True)
                case b"list":
                    value = [in_any_order(message) for message in await self.redis.lrange(key, 0, -1)]
            found[key] = value, await self.redis.pttl(key)
        return found


def csv(seats: Any) -> str:
    return ",".join(map(str, seats))


def pairs(values: Any) -> str:
    return ",".join(f"{seat}={value}" for seat, value in values)


def in_any_order(packed: Any) -> Any:
    """A message of the feed, or a snapshot: Lua keeps no order among owners who lost seats, nor Redis among seats."""
    said = msgspec.msgpack.decode(packed)
    if said[0] == "room":
        for at in (5, 7):
            said[at] = sorted(zip(said[at][::2], said[at][1::2], strict=True))
    elif isinstance(said[-1], int):
        if any(kind == "epoch" for kind, *_ in said[6]):
            said[5] = sorted(zip(said[5][::2], said[5][1::2], strict=True))
        said[6] = sorted([kind, user, hold_id, sorted(seats)] for kind, user, hold_id, seats in said[6])
    return said


@asynccontextmanager
async def three_ways(settings: Settings, turns: list[bool] | None = None) -> AsyncIterator[tuple[Way, ...]]:
    """Rooms of the older scripts, of those of now, and of both by ``turns``, which begin anew when they are used up."""
    url = settings.redis_url.removesuffix("/0")
    all_turns = ([True], [False], turns or [True, False])
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Redis.from_url(f"{url}/{number}")) for number in (2, 3, 4)]
        ways = tuple(
            Way(redis, settings, itertools.cycle(turns)) for redis, turns in zip(databases, all_turns, strict=True)
        )
        for way in ways:
            await way.redis.flushdb()
            assert b"loaded" in await way.load("missing", "5=3")
            assert await way.redis.hexists(f"{BASE}:meta", "taken"), "which `miscount` changes"
        yield ways
        for way in ways:
            await way.redis.flushdb()


async def take(ways: tuple[Way, ...], history: list[tuple[Any, ...]]) -> None:
    for step in history:
        before, *others = [await way.step(*step) for way in ways]
        found, *of_others = [await way.everything() for way in ways]
        for answer, everything in zip(others, of_others, strict=True):
            assert answer == before, step
            assert everything.keys() == found.keys(), step
            for key, (value, left) in everything.items():
                assert value == found[key][0], (step, key)
                assert (left < 0) == (found[key][1] < 0), (step, key)
                assert abs(left - found[key][1]) < 10_000, (step, key)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in NEW])
def test_a_script_is_another_one_than_it_was(verb: str) -> None:
    assert Script(verb).source != older(verb)


async def run_any_history(settings: Settings, history: list[tuple[Any, ...]], turns: list[bool]) -> None:
    async with three_ways(settings, turns) as ways:
        await take(ways, history)


def test_each_step_of_any_history_ends_the_same_whoever_takes_it(settings: Settings) -> None:
    @given(history=st.lists(steps, min_size=1, max_size=20), turns=st.lists(st.booleans(), min_size=1, max_size=20))
    @hypothesis_settings(max_examples=150, deadline=None)
    def try_out(history: list[tuple[Any, ...]], turns: list[bool]) -> None:
        asyncio.run(run_any_history(settings, history, turns))

    try_out()


def a_step(choose: random.Random) -> tuple[Any, ...]:
    """A step of a busy room: most holds are carried out, and most of them are used again."""
    who = choose.choices(
        [(HOLDS[at], "bob" if at % 3 == 1 else "ann") for at in range(6)] + [(HOLDS[0], "bob")], [3] * 6 + [1]
    )[0]
    seats = sorted(choose.sample(range(SEATS), choose.choice([1, 2, 2, 3])))
    told = [(choose.randrange(SEATS), choose.choice([0, 1, 1])) for _ in range(choose.choice([0, 0, 0, 1]))]
    instead = str(choose.choice(HOLDS)) if choose.random() < 0.3 else ""
    odd = ["rare" if choose.random() < 0.2 else None for _ in range(4)]
    loaded = choose.choice(["missing", "repair", "renew", "restore"])
    possible: list[tuple[float, tuple[Any, ...]]] = [
        (6, ("hold", who, seats, choose.choice(["", "", "club"]), told, instead)),
        (3, ("odd hold", who, seats, *odd, choose.randrange(5), instead)),
        (3, ("release", who, choose.choice([None, None, seats]))),
        (2, ("judged release", who, seats, choose.random() < 0.8, told, odd[0])),
        (1, ("extend", who)),
        (1, ("pin", who)),
        (1, ("hand over", who, choose.choice(["ann", "bob"]))),
        (1, ("apply", seats[:2], choose.choice([0, 0, 2, 3]), who)),
        (0.5, ("keep", seats[:1], choose.choice([None, None, "", "club"]))),
        (2, ("wait", choose.choice([1, 20_000, 4 * MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS, 40 * MINUTE_MS, -5000]))),
        (0.5, ("ask", who[1], seats)),
        (0.5, ("sweep",)),
        (0.2, ("load", loaded, seats[:1], seats[1:], choose.random() < 0.5)),
        (0.2, ("lose", choose.choice(["meta", "taken", "kept", "count of taken", "count of kept"]), who)),
    ]
    return choose.choices([step for _, step in possible], [weight for weight, _ in possible])[0]


@pytest.mark.parametrize("seed", range(8))
async def test_a_long_history_of_a_busy_room_ends_the_same_whoever_takes_its_steps(
    settings: Settings, seed: int
) -> None:
    choose = random.Random(seed)
    async with three_ways(settings, [choose.random() < 0.5 for _ in range(97)]) as ways:
        await take(ways, [a_step(choose) for _ in range(80)])


ANN, BOB = (HOLDS[0], "ann"), (HOLDS[1], "bob")


@pytest.mark.parametrize(
    "history",
    [
        [("hold", ANN, [1, 2], "", [], ""), ("release", ANN, None)],
        [("hold", ANN, [1, 2], "", [(3, 1), (5, 0)], ""), ("release", ANN, None)],
        [("hold", ANN, [1, 2], "", [(3, 0)], "")],
        [("hold", ANN, [1, 2], "", [], ""), ("hold", BOB, [2, 3], "", [], "")],
        [("hold", ANN, [4, 5], "", [], "")],
        [("keep", [1], ""), ("keep", [2], "club"), ("hold", ANN, [1, 2, 3], "club", [], "")],
        [("keep", [2], "club"), ("hold", ANN, [2, 3], "club", [(2, 1)], ""), ("release", ANN, None)],
        [("hold", ANN, [1, 2, 3], "", [], ""), ("hold", (HOLDS[2], "ann"), [0, 4], "", [], "")],
        [("hold", ANN, [1], "", [], ""), ("wait", 5 * MINUTE_MS), ("hold", BOB, [1], "", [], "")],
        [("hold", ANN, [1], "", [], ""), ("wait", -5000), ("release", ANN, None)],
        [("hold", ANN, [1], "", [], ""), ("wait", 40 * MINUTE_MS), ("wait", -5000), ("pin", BOB)],
        [("hold", ANN, [1], "", [], ""), ("lose", "count of taken", BOB), ("hold", BOB, [2], "", [], "")],
        [("hold", ANN, [1, 2], "", [], ""), ("hold", ANN, [1, 2], "", [], ""), ("hold", ANN, [1], "", [], "")],
        [("hold", ANN, [1, 2], "", [], ""), ("pin", ANN), ("release", ANN, None)],
        [("hold", ANN, [1, 2], "", [], ""), ("hold", (HOLDS[2], "ann"), [2, 3], "", [], str(HOLDS[0]))],
        [("hold", ANN, [1, 2], "", [], ""), ("apply", [1], 3, BOB), ("release", ANN, None)],
        [("release", ANN, None), ("hold", ANN, [1], "", [], ""), ("release", (HOLDS[0], "bob"), None)],
        [("hold", ANN, [1, 2], "", [], ""), ("hand over", ANN, "bob"), ("extend", ANN), ("pin", (HOLDS[0], "bob"))],
        [("hold", ANN, [1, 2], "", [], ""), ("hand over", ANN, "bob"), ("release", (HOLDS[0], "bob"), [1])],
        [("hold", ANN, [1, 2], "club", [], ""), ("hand over", ANN, "bob"), ("wait", 5 * MINUTE_MS), ("sweep",)],
        [("hold", ANN, [1, 2], "", [], ""), ("hand over", ANN, "bob"), ("apply", [1], 3, BOB), ("ask", "bob", [1, 2])],
    ],
    ids=str,
)
async def test_a_history_of_note_ends_the_same_whoever_takes_it(
    settings: Settings, history: list[tuple[Any, ...]]
) -> None:
    async with three_ways(settings) as ways:
        await take(ways, history)


async def test_seats_that_somebody_had_too_long_cool_off_whoever_is_asked(settings: Settings) -> None:
    async with three_ways(settings) as ways:
        for hold_id, waited in zip(HOLDS, (290_000, 290_000, 290_000, 20_000), strict=False):
            await take(ways, [("hold", (hold_id, "ann"), [1, 2], "", [], ""), ("wait", waited)])
            await take(ways, [("release", (hold_id, "ann"), None)])
        last: tuple[Any, ...] = ("hold", (HOLDS[5], "ann"), [1, 2], "", [], "")
        assert b"cooling" in await ways[0].step(*last)
        await take(ways, [last])
