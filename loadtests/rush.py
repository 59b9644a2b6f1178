"""The first minutes of a big sale: one showtime, many viewers, and buyers who hold, book and release without a pause.

Every viewer keeps its own map by the public rules. At the end all maps must equal the server's: a viewer that missed a
change is a failure, not a statistic. Latencies include the load generator, which shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from statistics import quantiles
from typing import Any

from loadtests import report
from loadtests.installation import Installation, installation
from seatserver import config, logs
from seatserver.client import LiveRoom, RemoteError, SeatClient
from seatserver.errors import SeatsRefused
from seatserver.seats.states import SeatState

SETTLE_S = 15.0


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the load test."""
    parser = tests.add_parser("rush", help="many viewers and buyers in one room")
    parser.add_argument("--viewers", type=int, default=100, help="sockets that only watch (default 100)")
    parser.add_argument("--buyers", type=int, default=20, help="sockets that hold and book (default 20)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long the buyers rush (default 5)")
    parser.add_argument("--servers", type=int, default=1, help="server processes, used in turn (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the buyers' choices (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run it. The exit code is 1 if a viewer's map differs at the end."""
    logs.configure(config.load({}, log_level="warning"))  # what the demo's offer has to say is no result
    with installation(args.servers, SEATSERVER_SOCKETS_PER_USER="100000") as place:
        result = asyncio.run(_rush(place, place.demo_showtime().id, args))
    report.tell(result, show, as_json=args.json)
    return 0 if result["maps_equal"] else 1


def show(result: report.Result) -> None:
    """One line for each figure."""
    for name, value in result.items():
        print(f"{name:>22}  {value}")


async def _rush(place: Installation, showtime_id: str, args: argparse.Namespace) -> dict[str, Any]:
    rooms: list[LiveRoom] = []
    clients = []
    for number in range(args.viewers + args.buyers):
        url = place.urls[number % len(place.urls)]
        clients.append(SeatClient(url, token=place.token(f"user-{number}")))
        rooms.append(clients[-1].room(showtime_id))
    started = time.perf_counter()
    for start in range(0, len(rooms), 50):
        await asyncio.gather(*(room.__aenter__() for room in rooms[start : start + 50]))
    joined_s = time.perf_counter() - started

    buyers, outcomes = rooms[args.viewers :], Counter[str]()
    latencies: list[float] = []
    first_version = rooms[0].room.version
    ends_at = time.perf_counter() + args.seconds
    await asyncio.gather(
        *(
            _buy(room, ends_at, random.Random(args.seed * 1000 + n), latencies, outcomes)
            for n, room in enumerate(buyers)
        )
    )
    equal = await _settled(rooms)
    changes = rooms[0].room.version
    await asyncio.gather(*(room.close() for room in rooms))
    for client in clients:
        await client.__aexit__(None, None, None)
    cuts = quantiles(latencies, n=100)
    return {
        "viewers": len(rooms),
        "joins_per_s": round(len(rooms) / joined_s),
        "holds_per_s": round(len(latencies) / args.seconds),
        "hold_p50_ms": round(cuts[49] * 1000, 2),
        "hold_p99_ms": round(cuts[98] * 1000, 2),
        "held": outcomes["held"],
        "refused": outcomes["refused"],
        "booked": outcomes["booked"],
        "changes": changes - first_version,
        "maps_equal": equal,
    }


async def _buy(
    room: LiveRoom, ends_at: float, choose: random.Random, latencies: list[float], outcomes: Counter[str]
) -> None:
    while time.perf_counter() < ends_at:
        free = [seat for seat, state in enumerate(room.room.states) if state == SeatState.FREE]
        if not free:
            await asyncio.sleep(0.01)
            continue
        assert room.seat_map is not None
        seat = choose.choice(free)
        basket = room.seat_map.group_of.get(seat, (seat,))
        started = time.perf_counter()
        try:
            held = await room.hold(*basket)
            outcomes["held"] += 1
        except SeatsRefused:
            outcomes["refused"] += 1
            continue
        finally:
            latencies.append(time.perf_counter() - started)
        try:
            if choose.random() < 0.02:
                await room.book(held.hold_id)
                outcomes["booked"] += 1
            else:
                await room.release(held.hold_id)
        except RemoteError as error:
            outcomes[error.code] += 1


async def _settled(rooms: list[LiveRoom]) -> bool:
    """Wait until all viewers are at one version (bookings arrive after their answer): are all maps equal then?"""
    ends_at = time.perf_counter() + SETTLE_S
    while time.perf_counter() < ends_at:
        if len({(room.room.epoch, room.room.version) for room in rooms}) == 1:
            return len({bytes(room.room.states) for room in rooms}) == 1
        await asyncio.sleep(0.05)
    return False
