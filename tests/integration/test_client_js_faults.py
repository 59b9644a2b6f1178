"""The JavaScript client while everything breaks: what it calls live is exact, and every promise is kept."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from seatserver.seats.states import SeatState
from tests.integration.conftest import MakeServer
from tests.integration.proxy import Proxy, proxied
from tests.integration.scripts import ANYWHERE, OpenRuntime, open_runtime
from tests.integration.server import SHOWTIME, check_books, eventually

pytestmark = pytest.mark.long

__all__ = ["open_runtime"]

USERS = {"ann": "json", "cat": "msgpack"}
# After many failures Chromium by itself delays connections, by up to 5 s.
TIMES = {"backOffFirstMs": 20, "backOffMostMs": 150, "commandMs": 1500, "tickMs": 200, "answerMs": 6000}

# Each takes and gives back seats as fast as it is answered, and notes what it sees of the room while that is live.
VISITORS = """
    globalThis.over = false;
    globalThis.visits = Object.entries(users).map(async ([name, { encoding, token, url }]) => {
        const one = open(name, url, { token, encoding, times });
        one.seen = {};
        one.told = { held: 0, refused: 0, booked: 0 };
        const note = () => {
            if (one.status === "live") one.seen[`${one.epoch} ${one.version}`] = [...one.states].join("");
        };
        for (const event of ["change", "status"]) one.addEventListener(event, note);
        await live(one);
        let held = null;
        while (!globalThis.over) {
            const seats = [0, 1].map(() => Math.floor(Math.random() * 16)).sort();
            const options = held && Math.random() < 0.5 ? { replaces: held } : {};
            try {
                const answer = await one.hold([...new Set(seats)], options);
                one.told.held += 1;
                if (held && !options.replaces) await one.release(held);
                held = answer.hold_id;
                if (one.told.held === 10) {
                    await one.book(held);
                    one.told.booked += 1;
                    held = null;
                }
            } catch (error) {
                if (!["refused", "hold_gone", "late", "busy"].includes(error.code)) throw error;
                one.told.refused += 1;
                if (error.code === "hold_gone") held = null;
            }
        }
        return one.told;
    });
"""


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_called_live_is_the_room_as_it_was_at_that_version(
    make_server: MakeServer, open_runtime: OpenRuntime, seed: int
) -> None:
    server = await make_server(heartbeat_ms=300, **ANYWHERE)
    runtime = await open_runtime(server.url)
    rng = random.Random(seed)
    deaf = False
    truth: dict[str, str] = {}
    async with proxied(server.url, rng) as (proxy, url), server.room("bob") as bob:
        proxy.answers_through = lambda: lambda data: b"" if deaf else data
        watching = asyncio.create_task(_note(bob, truth))
        address = f"ws{url.removeprefix('http')}/ws/showtimes/{SHOWTIME}"
        users = {
            user: {"encoding": encoding, "token": server.token(user), "url": address}
            for user, encoding in USERS.items()
        }
        await runtime.run(VISITORS, users=users, times=TIMES)
        for _ in range(40):
            await asyncio.sleep(rng.uniform(0.02, 0.2))
            deaf = rng.random() < 0.1
            await _break_something(proxy, rng)
        deaf = False
        proxy.delay_s = 0.0
        told = await runtime.run("globalThis.over = true; return Promise.all(globalThis.visits)")
        assert all(one["held"] > 3 for one in told), told
        for user in USERS:
            await runtime.run("await live(clients[user])", user=user)
            holds = {str(hold.hold_id): [*hold.seats] for hold in await server.core.store.holds_of(SHOWTIME, user)}
            code = """
                const one = clients[user];
                const known = () => Object.fromEntries([...one.holds].map(([id, hold]) => [id, hold.seats]));
                const sorted = (some) => JSON.stringify(Object.entries(some).sort());
                await until(() => one.pending.size === 0 && sorted(known()) === sorted(holds));
                return known();
            """
            assert await runtime.run(code, user=user, holds=holds) == holds

        async def all_see_the_same() -> bool:
            states = [list(await server.states()), list(bob.room.states)]
            states += [await runtime.run("return [...clients[user].states]", user=user) for user in USERS]
            return all(one == states[0] for one in states)

        await eventually(all_see_the_same)
        watching.cancel()
        compared = 0
        for user in USERS:
            seen: dict[str, str] = await runtime.run("return clients[user].seen", user=user)
            for version in seen.keys() & truth.keys():
                assert seen[version] == truth[version], (user, version)
                compared += 1
        assert compared > 20
        await runtime.run("for (const one of Object.values(clients)) one.close()")
    await check_books(server.core)


async def _break_something(proxy: Proxy, rng: random.Random) -> None:
    match rng.randrange(6):
        case 0:
            proxy.cut_all()
        case 1:
            proxy.freeze()
            await asyncio.sleep(rng.uniform(0, 0.3))
            if rng.random() < 0.5:
                proxy.cut_all()
            proxy.thaw()
        case 2:
            proxy.refuses = True
            proxy.cut_all()
            await asyncio.sleep(rng.uniform(0, 0.3))
            proxy.refuses = False
        case 3:
            proxy.delay_s = rng.choice([0.0, 0.02])


async def _note(room: Any, truth: dict[str, str]) -> None:
    """Every state of the room that somebody sees who is never cut off."""

    def note(_: Any) -> bool:
        truth[f"{room.room.epoch} {room.room.version}"] = "".join(str(SeatState(state)) for state in room.room.states)
        return False

    await room.until(note, timeout_s=3600)
