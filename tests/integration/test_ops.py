"""The operator's live view: the figures of several servers as one, and what happens when one stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.embedded import EmbeddedRedis
from seatserver.errors import SeatsRefused, Unavailable
from seatserver.operations import instance_reports
from seatserver.operations import report_store as board
from tests.integration.conftest import MakeServer
from tests.integration.contract import Contract
from tests.integration.server import SEATS, SHOWTIME, Instance, eventually, serving
from tests.integration.test_demo import running
from tests.integration.test_server import as_environment

LIVE = "/admin/house"
DEMAND = f"/admin/showtimes/{SHOWTIME}/demand"


async def ask(server: Instance, path: str = LIVE, *scopes: str) -> httpx.Response:
    """Ask as an operator, or with these scopes; every answer is held to the document."""
    headers = {"Authorization": f"Bearer {server.token('boss', *(scopes or ('admin',)))}"}
    hooks = {"response": [Contract().check]}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, event_hooks=hooks) as http:
        return await http.get(f"/api/v1{path}", headers=headers)


async def shows(server: Instance, is_so: Callable[[Any], bool], path: str = LIVE) -> Any:
    """Ask until the answer is so; reports travel once a second."""
    found: Any = None

    async def holds() -> bool:
        nonlocal found
        found = (await ask(server, path)).json()
        return is_so(found)

    await eventually(holds)
    return found


async def test_two_instances_give_the_same_live_view(make_server: MakeServer) -> None:
    here, there = await make_server(), await make_server()
    async with here.room("ann") as ann, there.room("bob") as bob, there.room("cid") as cid:
        await ann.hold(1, 2)
        held = await bob.hold(3)
        with pytest.raises(SeatsRefused):
            await cid.hold(1, 4)
        with pytest.raises(SeatsRefused):
            await ann.hold(3)
        await bob.book(held.hold_id)

        def has_heard_of_all(live: Any) -> bool:
            """Each instance's report is of another moment, and a booking comes to the rooms after its answer."""
            told = (live["viewers"], live["refusals"].get("held"), live["bookings"].get("confirmed"))
            return told == (3, 2, 1) and live["showtimes"][0]["places"]["sold"] == 1

        for asked in (here, there):
            found = await shows(asked, has_heard_of_all)
            assert found["whole"] is True
            assert (found["rooms"], len(found["instances"])) == (1, 2)
            assert 0 < found["holds_per_s"] <= 2, "two holds, in seconds that are still few"
            assert all(not one["silent"] and one["feed"] for one in found["instances"])
            [room] = found["showtimes"]
            assert (room["showtime_id"], room["title"], room["auditorium_name"]) == (
                SHOWTIME,
                "The Long Night",
                "Studio",
            )
            assert (room["viewers"], room["holds"], room["refused"]) == (3, 2, 2)
            assert sum(room["places"].values()) == SEATS
            assert (room["places"]["held"], room["places"]["sold"], room["places"]["blocked"]) == (2, 1, 1)


async def test_workers_behind_one_port_give_one_live_view(make_server: MakeServer, tmp_path: Path) -> None:
    outside = await make_server()
    command = ("serve", "--port", "0", "--workers", "2")
    with running(*command, log=tmp_path / "log", env=as_environment(outside.core.settings)) as workers:
        url = workers.until(r'"url": ?"(http://[^"]+)", "workers": 2').group(1)
        async with AsyncExitStack() as stack:
            rooms = []
            for number in range(4):
                client = await stack.enter_async_context(SeatClient(url, token=outside.token(f"visitor {number}")))
                rooms.append(await stack.enter_async_context(client.room(SHOWTIME)))
            for seat, room in enumerate(rooms):
                await room.hold(seat)

            def has_heard_of_all(live: Any) -> bool:
                return live["viewers"] == 4 and [room["holds"] for room in live["showtimes"]] == [4]

            found = await shows(outside, has_heard_of_all)
            assert found["holds_per_s"] > 0
            assert len(found["instances"]) == 3
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                for _ in range(4):  # whichever worker the kernel picks
                    asked = {"Authorization": f"Bearer {outside.token('boss', 'admin')}", "Connection": "close"}
                    assert (await http.get(f"/api/v1{LIVE}", headers=asked)).json()["viewers"] == 4


async def test_update_latency_and_expiry_delay_are_measured(make_server: MakeServer) -> None:
    server = await make_server(hold_ms=300)
    async with server.room("ann") as ann:
        await ann.hold(1)
        found = await shows(server, lambda live: live["expiry"]["count"] == 1 and live["propagation"]["count"] >= 2)
        for lag in (found["propagation"], found["expiry"]):
            assert 0 < lag["half_ms"] <= lag["most_ms"]
        [instance] = found["instances"]
        assert instance["loop"]["count"] > 0
        found = await shows(server, lambda live: live["instances"][0]["postgres_ms"] is not None)
        assert found["instances"][0]["redis_ms"] is not None


async def test_every_instance_shows_the_demand_on_all_of_them(make_server: MakeServer) -> None:
    here, there = await make_server(seats_per_user=28), await make_server(seats_per_user=28)
    async with here.room("ann") as ann, there.room("bob") as bob:
        await ann.hold(1)
        for _ in range(5):
            with pytest.raises(SeatsRefused):
                await bob.hold(1)
        hottest = [{"label": "A-2", "held": 1, "refused": 5}]
        for asked in (here, there):
            # The news of the hold may come after all the answers.
            found = await shows(asked, lambda hall: hall["hottest"] == hottest and hall["states"][1] == "1", DEMAND)
            assert len(found["states"]) == len(found["wanted"]) == SEATS
            assert int(found["wanted"][1]) > 0
            assert set(found["wanted"][2:]) == {"0"}
            assert found["missing"] == 0


async def test_only_operators_are_answered(server: Instance) -> None:
    for path in (LIVE, DEMAND):
        refused = await ask(server, path, "watch", "hold", "book")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            assert (await http.get(f"/api/v1{path}")).status_code == 401
    assert (await ask(server, "/admin/showtimes/nowhere/demand")).status_code == 404
    assert (await ask(server, f"{LIVE}?rooms=51")).status_code == 400


async def test_an_instance_that_stops_cleanly_is_removed_at_once(server: Instance, brisk: Settings) -> None:
    async with serving(brisk):
        await shows(server, lambda live: len(live["instances"]) == 2)
    assert len((await ask(server)).json()["instances"]) == 1


async def test_a_report_that_cannot_be_withdrawn_does_not_delay_closing(server: Instance, brisk: Settings) -> None:
    try:
        async with serving(brisk) as other:
            await server.core.redis.set(board.IDS, "not what it should be")
        with pytest.raises(Unavailable):
            await other.core.store.sweep(SHOWTIME)  # it has let go of Redis
    finally:
        await server.core.redis.delete(board.IDS)


async def test_demand_from_another_release_is_reported_as_missing(server: Instance) -> None:
    async with server.room("ann") as ann:
        await ann.hold(1)
        other = instance_reports.Report(
            id="other", name="other:1", release="0", started_ms=0, rooms=instance_reports.mark_of(SHOWTIME), feed=True
        )
        hall = msgspec.msgpack.encode({"places": "in words"})
        await board.ReportStore(server.core.redis).publish("other", msgspec.msgpack.encode(other), {SHOWTIME: hall})
        found = (await ask(server, DEMAND)).json()
        assert found["missing"] == 1
        assert found["hottest"] == [{"label": "A-2", "held": 1, "refused": 0}]


async def test_a_dead_instance_is_reported_as_silent_and_not_counted(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_reports, "SILENT_MS", 2500)
    survivor = await make_server()
    environment = as_environment(survivor.core.settings)
    with running("serve", "--port", "0", log=tmp_path / "log", env=environment) as victim:
        victim.until(r"serving")
        found = await shows(survivor, lambda live: len(live["instances"]) == 2)
        name = next(one["name"] for one in found["instances"] if one["name"].endswith(f":{victim.process.pid}"))
        os.kill(victim.process.pid, signal.SIGKILL)
        found = await shows(survivor, lambda live: any(one["silent"] for one in live["instances"]))
    [silent] = [one for one in found["instances"] if one["silent"]]
    assert silent["name"] == name
    assert found["whole"] is True


@pytest.mark.long
async def test_without_redis_an_instance_reports_only_itself_and_says_so(
    make_server: MakeServer, redis_server: EmbeddedRedis
) -> None:
    server = await make_server(redis_timeout_ms=500)
    await shows(server, lambda live: live["instances"][0]["redis_ms"] is not None)
    os.kill(redis_server.pid, signal.SIGKILL)
    try:
        found = await shows(server, lambda live: live["instances"][0]["redis_ms"] is None)
        assert found["whole"] is False
        await shows(server, lambda live: live["instances"][0]["feed"] is False)
        assert (await ask(server, DEMAND)).status_code == 503
    finally:
        redis_server.start()
    found = await shows(server, lambda live: live["whole"] and live["instances"][0]["feed"])
    assert len(found["instances"]) == 1
