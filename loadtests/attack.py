"""What honest buyers feel of an attack: their holds' p95 during each kind of attack, against that before it.

Two servers with the limits that they have by default. Honest guests, each from an address of their own, hold two seats
and give them back, at a person's pace. The attackers are a process of their own (`loadtests.attackers`), and all of
them come from one address. Everybody shares this machine's cores, so a part of each ratio is the CPU time that the
attackers take for themselves. *refused* counts honest commands that were refused: it must stay 0.

What an attacker *got* is what was carried out for it, of what it *tried*: guests made, holds, seats held at a time by
all guests of the address, or requests that were answered at all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection

from loadtests import limits, report
from loadtests.attackers import ATTACKS, asked, entered
from loadtests.installation import Installation
from loadtests.meters import median, percentile, ratio, rss_kib
from seatserver.errors import StartError

HONEST = "198.51.100.{}"
PAUSE_S = 1.0
"""Between two holds of one honest guest: far below any limit of a user."""
SEATS = 304


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("attack", help="what honest buyers feel of floods, bots and endless requests")
    parser.add_argument("--buyers", type=report.at_least(1), default=24, help="honest guests (default 24)")
    parser.add_argument("--seconds", type=report.seconds, default=5.0, help="length of each attack (default 5)")
    parser.add_argument("--only", choices=sorted(ATTACKS), help="only this attack")
    report.options(parser, repeats=1)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """What the honest guests saw in one turn."""

    latencies_s: list[float] = field(default_factory=list)
    refused: int = 0


class Buyer:
    """An honest guest on one socket. Its ``turn`` says where its latencies belong."""

    def __init__(self, socket: ClientConnection, pair: tuple[int, int], turn: Turn) -> None:
        self._socket = socket
        self._pair = pair
        self.turn = turn

    async def buy(self) -> None:
        """Hold and release until cancelled."""
        await asyncio.sleep(random.uniform(0, PAUSE_S))
        while True:
            hold_id = str(uuid4())
            turn, started = self.turn, time.perf_counter()
            answer = await asked(self._socket, {"type": "hold", "hold_id": hold_id, "seats": self._pair})
            turn.latencies_s.append(time.perf_counter() - started)
            if answer["type"] == "held":
                answer = await asked(self._socket, {"type": "release", "hold_id": hold_id})
            turn.refused += answer["type"] == "error"
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE_S)


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Each attack after a turn without one."""
    limits.open_files(args.buyers + 2000)
    [showtime] = place.rooms(1, SEATS)
    changed = {"SEATSERVER_UNLIMITED": "", "SEATSERVER_GUEST_SCOPES": "watch,hold,book"}
    with place.serve(**changed) as one, place.serve(**changed) as other:
        urls = [one.url, other.url]
        result = asyncio.run(_measure(urls, showtime, args))
        memory = {f"server_{at + 1}_mib": rss_kib(server.pid) // 1024 for at, server in enumerate((one, other))}
    return {"buyers": args.buyers, "seconds": args.seconds, **memory, "attacks": result}


async def _measure(urls: list[str], showtime: str, args: argparse.Namespace) -> dict[str, report.Result]:
    found: dict[str, report.Result] = {}
    quiet = Turn()
    async with AsyncExitStack() as sockets, asyncio.TaskGroup() as tasks:
        buyers = [await _come(sockets, urls[at % len(urls)], showtime, at, quiet) for at in range(args.buyers)]
        buying = [tasks.create_task(buyer.buy()) for buyer in buyers]
        await asyncio.sleep(2 * PAUSE_S)  # what is slow the first time
        for name in [args.only] if args.only else ATTACKS:
            turns: list[tuple[Turn, Turn, dict[str, int]]] = []
            for _ in range(args.repeats):
                before = await _turn(buyers, args.seconds)
                attack = await _attack(name, urls, showtime, args.seconds)
                during = await _turn(buyers, args.seconds)
                turns.append((before, during, await _outcome(attack)))
            found[name] = _figures(turns)
        for task in buying:
            task.cancel()
    return found


async def _come(sockets: AsyncExitStack, url: str, showtime: str, at: int, turn: Turn) -> Buyer:
    address = HONEST.format(at % 250 + 1)
    async with httpx.AsyncClient(base_url=url, headers={"X-Forwarded-For": address}) as http:
        token = (await http.post("/api/v1/guests")).json()["token"]
    socket = await sockets.enter_async_context(await entered(url, showtime, address, token))
    return Buyer(socket, (SEATS - 2 * at - 2, SEATS - 2 * at - 1), turn)


async def _turn(buyers: list[Buyer], seconds: float) -> Turn:
    turn = Turn()
    for buyer in buyers:
        buyer.turn = turn
    await asyncio.sleep(seconds)
    return turn


async def _attack(name: str, urls: list[str], showtime: str, seconds: float) -> asyncio.subprocess.Process:
    arguments = (sys.executable, "-m", "loadtests.attackers", name, showtime, str(seconds), *urls)
    process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()  # it is ready, and begins
    return process


async def _outcome(process: asyncio.subprocess.Process) -> dict[str, int]:
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise StartError("the attackers have failed: what they said is above")
    outcome: dict[str, int] = json.loads(said)
    return outcome


def _figures(turns: list[tuple[Turn, Turn, dict[str, int]]]) -> report.Result:
    before_ms = median([percentile(before.latencies_s, 0.95) * 1000 for before, _, _ in turns])
    during_ms = median([percentile(during.latencies_s, 0.95) * 1000 for _, during, _ in turns])
    return {
        "before_p95_ms": round(before_ms, 2),
        "during_p95_ms": round(during_ms, 2),
        "ratio": ratio(during_ms, before_ms),
        "honest_holds": sum(len(during.latencies_s) for _, during, _ in turns),
        "honest_refused": sum(before.refused + during.refused for before, during, _ in turns),
        "tried": sum(outcome["tried"] for _, _, outcome in turns),
        "got": max(outcome["got"] for _, _, outcome in turns),
    }


def show(result: report.Result) -> None:
    """Print the table."""
    heads = ("attack", "tried", "got", "honest p95 before, ms", "during, ms", "ratio", "honest holds", "refused")
    keys = ("tried", "got", "before_p95_ms", "during_p95_ms", "ratio", "honest_holds", "honest_refused")
    report.table(heads, [(name, *(one[key] for key in keys)) for name, one in result["attacks"].items()])
    print(f"\nMemory afterwards: {result['server_1_mib']} and {result['server_2_mib']} MiB")
