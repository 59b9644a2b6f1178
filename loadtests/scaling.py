"""How the results of the other benchmarks grow with viewers, rooms and seats: a picture and slopes.

Starting from a small installation, one thing grows at a time. At each size every quantity is measured on a fresh
server: the time until all viewers of a room see one change, the latency of a hold, holds per second of 32 clients over
all rooms, the time a newcomer needs to join, the memory of hall and viewers, and the lateness of an expiry. The plain
server is measured at the same sizes. A slope is that of a straight line through the medians on logarithmic axes: 1
means proportional, 0 means that the size does not matter. Each added room has ten viewers.
"""

from __future__ import annotations

import argparse
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from loadtests import limits, report
from loadtests.crowd import Crowd
from loadtests.holds import Client
from loadtests.holds import Turn as HoldsTurn
from loadtests.installation import Installation
from loadtests.meters import median, rest
from loadtests.picture import Dots, Row, Series, draw, fit
from loadtests.systems import FREE, HELD, Holder, Ours, Plain, System, Viewer
from seatserver.errors import StartError

CLIENTS = 32
OTHERS = 10
"""Viewers of each room that is not looked at."""
PAUSE_S = 0.04
HOLDS_S = 0.5
HOLD_MS = 1000
LAST_S = 10.0
SETTLE_S = 2.0

OURS = Series("seatserver", "#0072b2")
PLAIN = Series("plain server: SET NX, publish, send_json in a loop", "#9a6b3f")
AXES = ("viewers", "rooms", "seats")
# Field of `Point`, title, unit.
QUANTITIES = (
    ("everybody_ms", "One change", "ms until everybody sees it"),
    ("hold_ms", "A hold", "ms until its answer"),
    ("holds_per_s", "Holds per second", f"{CLIENTS} clients, all rooms"),
    ("join_ms", "A newcomer", "ms each, many at once"),
    ("memory_mib", "Memory", "MiB for hall and viewers"),
    ("late_ms", "An expiry", "ms late at the last viewer"),
)


@dataclass(frozen=True)
class Size:
    """How large the installation is."""

    viewers: int
    rooms: int
    seats: int


@dataclass
class Point:
    """What was measured at one size; nan where a system has no such thing."""

    everybody_ms: float = math.nan
    hold_ms: float = math.nan
    holds_per_s: float = math.nan
    join_ms: float = math.nan
    memory_mib: float = math.nan
    late_ms: float = math.nan


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("scaling", help="how all of it grows with viewers, rooms and seats: a picture and slopes")
    for name, least, sizes in (
        ("viewers", 1, "100,300,1000,3000"),
        ("rooms", 1, "1,4,16,64"),
        ("seats", 2 * CLIENTS, "500,2000,8000,32000"),
    ):
        parse = report.sizes(least)
        parser.add_argument(
            f"--{name}", type=parse, default=parse(sizes), help=f"sizes, the first for the others (default {sizes})"
        )
    parser.add_argument(
        "--rounds", type=report.at_least(1), default=12, help="changes seen by everybody, at each size (default 12)"
    )
    parser.add_argument("--out", type=Path, default=Path("scaling.svg"), help="the picture (default scaling.svg)")
    report.options(parser, repeats=3)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Every size with both systems in turn, ``args.repeats`` times over."""
    _write(args.out, "")  # better now than after some minutes
    base = Size(args.viewers[0], args.rooms[0], args.seats[0])
    sizes = {axis: [replace(base, **{axis: size}) for size in getattr(args, axis)] for axis in AXES}
    every = sorted(
        {size for of_axis in sizes.values() for size in of_axis},
        key=lambda size: (size.viewers, size.rooms, size.seats),
    )
    limits.open_files(max(size.viewers + OTHERS * size.rooms for size in every) + 2 * CLIENTS)
    points: dict[tuple[str, Size], list[Point]] = {}
    systems: dict[Series, System] = {OURS: Ours(), PLAIN: Plain()}
    for _ in range(args.repeats):
        for size in every:
            for system in systems.values():
                points.setdefault((system.name, size), []).append(_point(place, system, size, args.rounds))

    def dots(system: System, axis: str, name: str) -> Dots:
        found = []
        for size in sizes[axis]:
            value = median([getattr(point, name) for point in points[system.name, size]])
            if not math.isnan(value):
                found.append((float(getattr(size, axis)), value))
        return found

    rows = [
        Row(title, unit, [{series: dots(system, axis, name) for series, system in systems.items()} for axis in AXES])
        for name, title, unit in QUANTITIES
    ]
    _draw(args.out, rows, base, args.repeats)
    return {
        "repeats": args.repeats,
        "picture": str(args.out),
        "slopes": {name: _slopes(row, OURS) for (name, _, _), row in zip(QUANTITIES, rows, strict=True)},
        "plain_server_slopes": {name: _slopes(row, PLAIN) for (name, _, _), row in zip(QUANTITIES, rows, strict=True)},
        "points": {
            name: {
                axis: {series.name.partition(":")[0]: column[series] for series in systems}
                for axis, column in zip(AXES, row.columns, strict=True)
            }
            for (name, _, _), row in zip(QUANTITIES, rows, strict=True)
        },
    }


def _slopes(row: Row, series: Series) -> dict[str, float | None]:
    lines = [fit(column[series]) for column in row.columns]
    return {axis: None if line is None else round(line.slope, 2) for axis, line in zip(AXES, lines, strict=True)}


def _draw(out: Path, rows: list[Row], base: Size, repeats: int) -> None:
    notes = (
        f"One thing grows at a time from {base.viewers:,} viewers, {base.rooms:,} room(s) and {base.seats:,} seats. "
        f"Both axes are logarithmic: slope 1 means proportional, 0 means no growth. Medians of {repeats}.",
        "Made by `python -m loadtests scaling`, load generator and Redis on the same machine.",
    )
    _write(out, draw("How the cost grows", notes, [f"… with {axis}" for axis in AXES], rows, (OURS, PLAIN)))


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text)
    except OSError as error:
        raise StartError(f"{out} cannot be written: {error.strerror}") from None


# ---------------------------------------------------------------- one size


@dataclass
class Watched:
    """What the viewers of the room that is looked at have seen of the change under way."""

    seat: int = -1
    state: int = FREE
    count: int = 0
    last_at: float = 0.0
    answers: list[float] = field(default_factory=list)

    def saw(self, viewer: Viewer, seat: int, state: int, at: float) -> None:
        """A viewer's map shows something new."""
        if (seat, state) == (self.seat, self.state):
            self.count += 1
            self.last_at = max(self.last_at, at)


def _point(place: Installation, system: System, size: Size, rounds: int) -> Point:
    point, watched = Point(), Watched()
    rooms = place.rooms(size.rooms, size.seats)
    variables = {"SEATSERVER_HOLD_MS": str(HOLD_MS)} if isinstance(system, Ours) else {}
    with ExitStack() as stack:
        server = stack.enter_context(system.serve(place, **variables))
        crowd = stack.enter_context(Crowd(server.url, system.decode))
        rest(server.pid, SETTLE_S)
        before_kib = server.rss_kib()
        holder = system.holder(place, rooms[0], "holder")
        crowd.join([holder])
        viewers = [system.viewer(place, rooms[0], f"viewer-{n}", size.seats, watched.saw) for n in range(size.viewers)]
        others = [
            system.viewer(place, room, f"other-{room}-{n}", size.seats, lambda viewer, seat, state, at: None)
            for room in rooms[1:]
            for n in range(OTHERS)
        ]
        started_at = time.perf_counter()
        crowd.join([*viewers, *others])
        point.join_ms = (time.perf_counter() - started_at) / (len(viewers) + len(others)) * 1000
        rest(server.pid, SETTLE_S)
        point.memory_mib = max(1, server.rss_kib() - before_kib) / 1024
        _rounds(crowd, holder, watched, rounds, size, point)
        if isinstance(system, Ours):
            _expiry(crowd, holder, watched, size, point)
        clients = [system.holder(place, rooms[n % size.rooms], f"client-{n}") for n in range(CLIENTS)]
        crowd.join(clients)
        point.holds_per_s = _holds(crowd, clients, size)
    return point


def _rounds(crowd: Crowd, holder: Holder, watched: Watched, rounds: int, size: Size, point: Point) -> None:
    """Hold and give back one seat; when has everybody seen it?"""
    everybody_s: list[float] = []
    hold_s: list[float] = []
    for number in range(2 * rounds):
        answers: list[float] = []

        def answered(carried_out: bool, at: float, answers: list[float] = answers) -> None:
            if not carried_out:
                raise StartError(f"a command was not carried out: {holder.said}")
            answers.append(at)

        watched.seat, watched.state, watched.count, watched.last_at = 0, FREE if number % 2 else HELD, 0, 0.0
        started_at = time.time()
        if number % 2:
            holder.release(answered)
        else:
            holder.hold((0,), answered)
        if not crowd.until(lambda: watched.count >= size.viewers and bool(answers), LAST_S):  # noqa: B023
            raise StartError(f"{size.viewers - watched.count} of {size.viewers} viewers have not seen a change")
        everybody_s.append(watched.last_at - started_at)
        if not number % 2:
            hold_s.append(answers[0] - started_at)
        crowd.idle(max(PAUSE_S, everybody_s[-1]))
    point.everybody_ms, point.hold_ms = median(everybody_s) * 1000, median(hold_s) * 1000


def _expiry(crowd: Crowd, holder: Holder, watched: Watched, size: Size, point: Point) -> None:
    """Let one hold run out; how late is the last viewer?"""
    holder.hold((0,), lambda carried_out, at: None)
    crowd.until(lambda: not holder.busy, LAST_S)
    crowd.idle(PAUSE_S)
    watched.state, watched.count, watched.last_at = FREE, 0, 0.0
    if not crowd.until(lambda: watched.count >= size.viewers, LAST_S):
        raise StartError(f"{size.viewers - watched.count} of {size.viewers} viewers have not seen an expiry")
    point.late_ms = (watched.last_at - holder.deadline_ms / 1000) * 1000


def _holds(crowd: Crowd, holders: list[Holder], size: Size) -> float:
    """Holds a second of all clients together."""
    turn = HoldsTurn()
    clients = [Client(holder, number // size.rooms, turn, pairs=1) for number, holder in enumerate(holders)]
    started_at = time.perf_counter()
    for client in clients:
        client.begin()
    crowd.idle(HOLDS_S)
    # A slow system gets the time for two holds of everybody, within reason.
    crowd.until(lambda: len(turn.latencies_s) >= 2 * CLIENTS, LAST_S)
    turn.spent.seconds = time.perf_counter() - started_at
    for client in clients:
        client.going = False
    held = turn.holds_per_s
    crowd.until(lambda: all(client.idle for client in clients), LAST_S)
    return held


def show(result: report.Result) -> None:
    """The slopes."""
    print(f"How much more each costs when … grows (slope on logarithmic axes); medians of {result['repeats']}\n")
    report.table(
        ("", *AXES, *(f"plain: {axis}" for axis in AXES)),
        [
            (
                f"{title}: {unit}",
                *(result["slopes"][name][axis] for axis in AXES),
                *(result["plain_server_slopes"][name][axis] for axis in AXES),
            )
            for name, title, unit in QUANTITIES
        ],
    )
    print(f"\nThe picture is in {result['picture']}")
