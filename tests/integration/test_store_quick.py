"""The quick way through a script and the long one do the same: each step of a random history is taken on both.

Both run with a clock of the test's own, on two databases of one Redis, and publish into a list. After each step the
answers and everything in the two databases have to be equal, so a quick way that forgets a field, a message, or a case
that it must leave to the long way is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from seatserver.config import Settings
from seatserver.seats.holders import people_of
from seatserver.seats.scripts import QUICK, Script

BASE = "seats:{show-1}"
START_MS = 4_000_000_000_000
"""In the year 2096: Redis forgets the room at a real time, which must not have come when the tests run."""
MINUTE_MS = 60_000
SEATS = 6
HOLDS = [UUID(int=number) for number in range(6)]

users = st.sampled_from(["ann", "bob"])
some_seats = st.lists(st.integers(0, SEATS - 1), min_size=1, max_size=3, unique=True).map(sorted)
channels = st.sampled_from(["", "club"])
hold_ids = st.sampled_from(HOLDS)
guards = st.lists(st.tuples(st.integers(0, SEATS - 1), st.integers(0, 1)), max_size=2)
replaces = st.one_of(st.just(""), st.just(""), hold_ids.map(str))

steps = st.one_of(
    *[st.tuples(st.just("hold"), hold_ids, users, some_seats, channels, guards, replaces)] * 4,
    *[st.tuples(st.just("release"), hold_ids, users, st.one_of(st.none(), st.none(), some_seats))] * 3,
    st.tuples(st.just("extend"), hold_ids, users),
    st.tuples(st.just("pin"), hold_ids, users),
    st.tuples(st.just("apply"), some_seats, st.sampled_from([0, 2, 3]), hold_ids, users),
    st.tuples(st.just("keep"), some_seats, st.sampled_from([None, "", "club"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 20_000, 5 * MINUTE_MS, 40 * MINUTE_MS, -5000])),
    st.tuples(st.just("miscount")),
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
    """One database, and the scripts with or without their quick ways."""

    def __init__(self, redis: Redis, settings: Settings, *, quick: bool) -> None:
        self.redis = redis
        self.settings = settings
        self.quick = quick
        self.now_ms = START_MS
        self.seq = 1

    async def run(self, verb: str, *arguments: object) -> Any:
        source = Script(verb, quick=self.quick).source
        for call in ("redis.call", "call"):
            source = source.replace(f"{call}('TIME')", "{redis.call('GET', 'seconds'), redis.call('GET', 'micros')}")
        source = source.replace("'PUBLISH'", "'RPUSH'").replace("redis.pcall('INFO', 'server')", "'run_id:abc'")
        assert "'TIME'" not in source
        source = LONGER_LIVES + source
        seconds, ms = divmod(self.now_ms, 1000)
        await self.redis.mset({"seconds": seconds, "micros": ms * 1000})
        return await self.redis.eval(source, 1, BASE, *map(str, arguments))

    async def step(self, verb: str, *given: Any) -> Any:
        settings = self.settings
        match verb, given:
            case "hold", (hold_id, user, seats, channel, guards, replaces):
                csv = ",".join(map(str, seats))
                people = "" if channel else people_of(settings, user, "net" if user == "bob" else "")
                told = ",".join(f"{seat}={free}" for seat, free in guards)
                return await self.run(
                    "hold", hold_id, user, channel, settings.hold_ms, settings.hold_total_ms, settings.hold_replay_ms,
                    4, csv, csv, "", "", told, "", replaces, "terms", START_MS * 2, 1, people,
                )  # fmt: skip
            case "release", (hold_id, user, seats):
                wanted = "" if seats is None else ",".join(map(str, seats))
                return await self.run("release", hold_id, user, wanted, "", "", "", "")
            case "extend" | "pin", (hold_id, user):
                return await self.run(verb, hold_id, user, settings.hold_ms, settings.hold_total_ms, START_MS * 2)
            case "apply", (seats, state, hold_id, user):
                self.seq += 1
                return await self.run("apply", self.seq, state, hold_id, user, ",".join(map(str, seats)))
            case "keep", (seats, channel):
                self.seq += 1
                return await self.run(
                    "keep", self.seq, int(channel is not None), channel or "", ",".join(map(str, seats))
                )
            case "wait", (ms,):
                self.now_ms += ms
            case "miscount", ():
                # The count no longer agrees with the taken seats: half the room is lost.
                await self.redis.hincrby(f"{BASE}:meta", "taken", 1)

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
                    value = await self.redis.lrange(key, 0, -1)
            found[key] = value, await self.redis.pttl(key)
        return found


@asynccontextmanager
async def both_ways(settings: Settings) -> AsyncIterator[tuple[Way, Way]]:
    url = settings.redis_url.removesuffix("/0")
    async with Redis.from_url(f"{url}/2") as one, Redis.from_url(f"{url}/3") as other:
        ways = Way(one, settings, quick=True), Way(other, settings, quick=False)
        for way in ways:
            await way.redis.flushdb()
            _, since = msgspec.msgpack.decode(await way.run("sweep"))
            loaded = await way.run("load", "0123456789abcdef", 1, START_MS + 10**9, "missing", "5=3", "", "", since)
            assert b"loaded" in loaded
            assert await way.redis.hexists(f"{BASE}:meta", "taken"), "which `miscount` changes"
        yield ways
        for way in ways:
            await way.redis.flushdb()


async def take(ways: tuple[Way, Way], history: list[tuple[Any, ...]]) -> None:
    for step in history:
        quick, long = [await way.step(*step) for way in ways]
        assert quick == long, step
        (one, other) = [await way.everything() for way in ways]
        assert one.keys() == other.keys(), step
        for key, (value, left) in one.items():
            assert value == other[key][0], (step, key)
            assert (left < 0) == (other[key][1] < 0), (step, key)
            assert abs(left - other[key][1]) < 10_000, (step, key)


@pytest.mark.parametrize("verb", QUICK)
def test_a_script_with_a_quick_way_is_another_script(verb: str) -> None:
    assert Script(verb).source != Script(verb, quick=False).source


async def run_any_history(settings: Settings, history: list[tuple[Any, ...]]) -> None:
    async with both_ways(settings) as ways:
        await take(ways, history)


def test_each_step_of_any_history_ends_the_same_by_the_quick_way_and_the_long_one(settings: Settings) -> None:
    @given(history=st.lists(steps, min_size=1, max_size=20))
    @hypothesis_settings(max_examples=150, deadline=None)
    def try_out(history: list[tuple[Any, ...]]) -> None:
        asyncio.run(run_any_history(settings, history))

    try_out()


ANN = HOLDS[0], "ann"


@pytest.mark.parametrize(
    "history",
    [
        [("hold", *ANN, [1, 2], "", [], ""), ("release", *ANN, None)],
        [("hold", *ANN, [1, 2], "", [(3, 1), (5, 0)], ""), ("release", *ANN, None)],
        [("hold", *ANN, [1, 2], "", [(3, 0)], "")],
        [("hold", *ANN, [1, 2], "", [], ""), ("hold", HOLDS[1], "bob", [2, 3], "", [], "")],
        [("hold", *ANN, [4, 5], "", [], "")],
        [("keep", [1], ""), ("keep", [2], "club"), ("hold", *ANN, [1, 2, 3], "club", [], "")],
        [("keep", [2], "club"), ("hold", *ANN, [2, 3], "club", [(2, 1)], ""), ("release", *ANN, None)],
        [("hold", *ANN, [1, 2, 3], "", [], ""), ("hold", HOLDS[1], "ann", [0, 4], "", [], "")],
        [("hold", *ANN, [1], "", [], ""), ("wait", 5 * MINUTE_MS), ("hold", HOLDS[1], "bob", [1], "", [], "")],
        [("hold", *ANN, [1], "", [], ""), ("wait", -5000), ("release", *ANN, None)],
        [("hold", *ANN, [1], "", [], ""), ("wait", 40 * MINUTE_MS), ("wait", -5000), ("pin", HOLDS[1], "bob")],
        [("hold", *ANN, [1], "", [], ""), ("miscount",), ("hold", HOLDS[1], "bob", [2], "", [], "")],
        [("hold", *ANN, [1, 2], "", [], ""), ("hold", *ANN, [1, 2], "", [], ""), ("hold", *ANN, [1], "", [], "")],
        [("hold", *ANN, [1, 2], "", [], ""), ("pin", *ANN), ("release", *ANN, None)],
        [("hold", *ANN, [1, 2], "", [], ""), ("hold", HOLDS[1], "ann", [2, 3], "", [], str(HOLDS[0]))],
        [("hold", *ANN, [1, 2], "", [], ""), ("apply", [1], 3, HOLDS[3], "bob"), ("release", *ANN, None)],
        [("release", *ANN, None), ("hold", *ANN, [1], "", [], ""), ("release", HOLDS[0], "bob", None)],
    ],
    ids=str,
)
async def test_a_history_that_leaves_the_quick_way_or_nearly_does(
    settings: Settings, history: list[tuple[Any, ...]]
) -> None:
    async with both_ways(settings) as ways:
        await take(ways, history)


async def test_seats_that_somebody_had_too_long_cool_off_by_both_ways(settings: Settings) -> None:
    async with both_ways(settings) as ways:
        for hold_id, waited in zip(HOLDS, (290_000, 290_000, 290_000, 20_000), strict=False):
            await take(ways, [("hold", hold_id, "ann", [1, 2], "", [], ""), ("wait", waited)])
            await take(ways, [("release", hold_id, "ann", None)])
        last: tuple[Any, ...] = ("hold", HOLDS[5], "ann", [1, 2], "", [], "")
        assert b"cooling" in await ways[0].step(*last)
        await take(ways, [last])
