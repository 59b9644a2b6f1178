"""How an attack affects honest buyers: the p95 of their holds during each kind of attack, against that before it.

There are two servers with the default limits. Honest guests, each from an address of their own, hold two seats
and give them back, at a person's pace. Besides, somebody new comes every second, as a new guest from a new address, and
does the same once. The attackers are a process of their own (`loadtests.attackers`), which by default all come from one
address; `--strength` says how many times as many they are, and `--addresses` over how many addresses they are spread.
Everybody shares this machine's cores, so a part of each ratio is the CPU time that the attackers take for themselves.
Real attackers bring machines of their own, so ours have the lowest priority (`--nice`).
*refused* counts honest commands that were refused, and *kept out* those who came and got no seats: both must stay 0.

What an attacker *got* is what was carried out for it, of what it *tried*: guests made, holds, seats held at a time by
all guests of the address, or requests that were answered at all.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection

from loadtests import limits, report
from loadtests.attackers import ATTACKS, GONE, asked, entered
from loadtests.installation import Installation
from loadtests.meters import cpu_s, median, percentile, ratio, rss_kib
from seatserver.access import puzzles
from seatserver.errors import StartError

HONEST = "198.51.100.{}"
NEWCOMER = "198.18.{}.{}"
PAUSE_S = 1.0
"""Between two holds of one honest guest: far below any limit of a user."""
PATIENCE_S = 30.0
"""After this long somebody who came gives up."""
SEATS = 304
MOST_BUYERS = 140
"""Each has two of these seats, and the attackers need some too."""
ADDRESSES = 250


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("attack", help="what honest buyers feel of floods, bots and endless requests")
    parser.add_argument("--buyers", type=report.at_least(1, MOST_BUYERS), default=24, help="honest guests (default 24)")
    parser.add_argument("--seconds", type=report.seconds, default=5.0, help="length of each attack (default 5)")
    parser.add_argument("--strength", type=report.at_least(1), default=1, help="times as many attackers (default 1)")
    parser.add_argument("--addresses", type=report.at_least(1), default=1, help="where they come from (default 1)")
    parser.add_argument("--nice", type=report.at_least(0), default=19, help="the attackers' niceness (default 19)")
    parser.add_argument("--only", choices=sorted(ATTACKS), help="only this attack")
    report.options(parser, repeats=1)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """What the honest guests saw in one turn."""

    latencies_s: list[float] = field(default_factory=list)
    refused: int = 0
    entered_s: list[float] = field(default_factory=list)
    """How long it took those who came, from the first request to their seats."""
    kept_out: int = 0
    server_cpu: float = 0.0
    """How much of one core the servers took, all together."""


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


class Newcomers:
    """Honest guests who come one after the other, a second apart."""

    def __init__(self, urls: list[str], showtime: str, pair: tuple[int, int], turn: Turn) -> None:
        self._urls = urls
        self._showtime = showtime
        self._pair = pair
        self.turn = turn

    async def come(self) -> None:
        """Come, hold and release, until cancelled."""
        for number in itertools.count():
            turn, started = self.turn, time.perf_counter()
            address = NEWCOMER.format(number // ADDRESSES % ADDRESSES, number % ADDRESSES)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    is_in = await self._buy(self._urls[number % len(self._urls)], address)
            except (*GONE, httpx.HTTPError, KeyError):
                is_in = False
            if is_in:
                turn.entered_s.append(time.perf_counter() - started)
            turn.kept_out += not is_in
            await asyncio.sleep(max(0.0, PAUSE_S - (time.perf_counter() - started)))

    async def _buy(self, url: str, address: str) -> bool:
        token = await _guest(url, address)
        hold_id = str(uuid4())
        async with await entered(url, self._showtime, address, token) as socket:
            answer = await asked(socket, {"type": "hold", "hold_id": hold_id, "seats": self._pair})
            if answer["type"] == "held":
                await asked(socket, {"type": "release", "hold_id": hold_id})
        return bool(answer["type"] == "held")


async def _guest(url: str, address: str) -> str:
    """A new guest's token, whatever it costs."""
    headers = {"X-Forwarded-For": address}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S, verify=False) as http:
        answer = await http.post("/api/v1/guests")
        if answer.status_code == 428:
            challenge = answer.json()["facts"]["challenge"]
            number = await asyncio.to_thread(puzzles.solve, msgspec.convert(challenge, puzzles.Puzzle))
            proof = {"challenge": challenge["challenge"], "answer": str(number)}
            answer = await http.post("/api/v1/guests/prove", json=proof)
        return str(answer.json()["token"])


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Each attack after a turn without one."""
    limits.open_files(args.buyers + 2000 + max(count for count, _ in ATTACKS.values()) * args.strength)
    [showtime] = place.rooms(1, SEATS)
    changed = {"SEATSERVER_UNLIMITED": "", "SEATSERVER_GUEST_SCOPES": "watch,hold,book"}
    with place.serve(**changed) as one, place.serve(**changed) as other:
        urls = [one.url, other.url]
        pids = [one.pid, other.pid]
        result = asyncio.run(_measure(urls, pids, showtime, args))
        memory = {f"server_{at + 1}_mib": rss_kib(server.pid) // 1024 for at, server in enumerate((one, other))}
    asked = {name: getattr(args, name) for name in ("buyers", "seconds", "strength", "addresses", "nice")}
    return {**asked, **memory, "attacks": result}


async def _measure(
    urls: list[str], pids: list[int], showtime: str, args: argparse.Namespace
) -> dict[str, report.Result]:
    found: dict[str, report.Result] = {}
    quiet = Turn()
    async with AsyncExitStack() as sockets, asyncio.TaskGroup() as tasks:
        buyers = [await _come(sockets, urls[at % len(urls)], showtime, at, quiet) for at in range(args.buyers)]
        newcomers = Newcomers(urls, showtime, _pair(args.buyers), quiet)
        buying = [tasks.create_task(buyer.buy()) for buyer in buyers]
        buying.append(tasks.create_task(newcomers.come()))
        await asyncio.sleep(2 * PAUSE_S)  # what is slow the first time
        for name in [args.only] if args.only else ATTACKS:
            turns: list[tuple[Turn, Turn, dict[str, int]]] = []
            for _ in range(args.repeats):
                before = await _turn(buyers, newcomers, pids, args.seconds)
                attack = await _attack(name, urls, showtime, args)
                during = await _turn(buyers, newcomers, pids, args.seconds)
                _see(quiet, buyers, newcomers)
                turns.append((before, during, await _outcome(attack)))
            found[name] = _figures(turns)
        for task in buying:
            task.cancel()
    return found


async def _come(sockets: AsyncExitStack, url: str, showtime: str, at: int, turn: Turn) -> Buyer:
    address = HONEST.format(at % 250 + 1)
    socket = await sockets.enter_async_context(await entered(url, showtime, address, await _guest(url, address)))
    return Buyer(socket, _pair(at), turn)


def _pair(at: int) -> tuple[int, int]:
    """An honest guest's seats. The attackers' begin at the other end."""
    return SEATS - 2 * at - 2, SEATS - 2 * at - 1


async def _turn(buyers: list[Buyer], newcomers: Newcomers, pids: list[int], seconds: float) -> Turn:
    turn, spent_s, started = Turn(), sum(map(cpu_s, pids)), time.monotonic()
    _see(turn, buyers, newcomers)
    await asyncio.sleep(seconds)
    turn.server_cpu = (sum(map(cpu_s, pids)) - spent_s) / (time.monotonic() - started)
    return turn


def _see(turn: Turn, buyers: list[Buyer], newcomers: Newcomers) -> None:
    """From here on, what honest guests see belongs to this turn."""
    newcomers.turn = turn
    for buyer in buyers:
        buyer.turn = turn


async def _attack(name: str, urls: list[str], showtime: str, args: argparse.Namespace) -> asyncio.subprocess.Process:
    seats, _ = _pair(args.buyers)
    orders = [str(one) for one in (args.seconds, args.strength, args.addresses, args.nice, seats)]
    arguments = ("-m", "loadtests.attackers", name, showtime, *orders, *urls)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=subprocess.PIPE)
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
        "newcomers": sum(len(during.entered_s) for _, during, _ in turns),
        "newcomers_kept_out": sum(before.kept_out + during.kept_out for before, during, _ in turns),
        "newcomers_worst_ms": round(max((s for _, during, _ in turns for s in during.entered_s), default=0.0) * 1000),
        "before_cpu": round(median([before.server_cpu for before, _, _ in turns]), 2),
        "during_cpu": round(median([during.server_cpu for _, during, _ in turns]), 2),
        "tried": sum(outcome["tried"] for _, _, outcome in turns),
        "got": max(outcome["got"] for _, _, outcome in turns),
    }


def show(result: report.Result) -> None:
    """Print the table."""
    columns = {
        "tried": "tried",
        "got": "got",
        "before_p95_ms": "honest p95 before, ms",
        "during_p95_ms": "during, ms",
        "ratio": "ratio",
        "honest_holds": "honest holds",
        "honest_refused": "refused",
        "newcomers": "came in",
        "newcomers_kept_out": "kept out",
        "newcomers_worst_ms": "slowest, ms",
        "before_cpu": "servers' cores before",
        "during_cpu": "during",
    }
    rows = [(name, *(one[key] for key in columns)) for name, one in result["attacks"].items()]
    report.table(("attack", *columns.values()), rows)
    print(f"\nMemory afterwards: {result['server_1_mib']} and {result['server_2_mib']} MiB")
