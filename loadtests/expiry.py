"""How late a viewer sees that a hold has ended, against the deadline in the holder's `held`.

Holders hold one seat each, spread over the time that a hold lasts, and never release it; every viewer's map must show
each seat free again. Lateness is the moment when it does, minus the deadline. Both come from this machine's clock, so
nothing has to be corrected. A seat that is free before its deadline would be an error, and is counted as *early*. The
reference in the same run is the usual solution: ``SET PX`` and Redis' own keyspace notification of the expiry, on the
same Redis.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field

import redis as redis_client

from loadtests import limits, report
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.meters import median_ms, ratio, rest
from loadtests.systems import FREE, Holder, Ours, Viewer
from seatserver.errors import StartError

EACH = 5
"""Holds of one holder, so that nobody reaches the limit of seats."""
PATIENCE_S = 10.0
CLOCK_STEP_S = 0.001
"""Deadlines are whole milliseconds."""


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("expiry", help="lateness of expiries as viewers see them")
    parser.add_argument("--rooms", type=report.at_least(1), default=10, help="showtimes (default 10)")
    parser.add_argument("--viewers", type=report.at_least(1), default=200, help="over all rooms (default 200)")
    parser.add_argument("--holds", type=report.at_least(1), default=400, help="over all rooms (default 400)")
    parser.add_argument("--hold-ms", type=report.at_least(200), default=2000, help="how long each lasts (default 2000)")
    report.options(parser, repeats=3)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


@dataclass
class Turn:
    """Deadlines by room and seat, and how late each viewer saw each seat free, in seconds."""

    deadlines_s: dict[tuple[int, int], float] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)
    expected: int = 0

    def saw(self, room: int, seat: int, state: int, at: float) -> None:
        """A viewer's map shows something new."""
        deadline_s = self.deadlines_s.get((room, seat))
        if state == FREE and deadline_s is not None:
            self.late_s.append(at - deadline_s)


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Both in turn, ``args.repeats`` times."""
    limits.open_files(args.viewers + args.holds)
    ours, plain = [], []
    for _ in range(args.repeats):
        ours.append(_turn(place, args))
        plain.append(_notifications(place, args))
    result: report.Result = {
        "rooms": args.rooms,
        "viewers": args.viewers,
        "holds": args.holds,
        "hold_ms": args.hold_ms,
        "repeats": args.repeats,
        **_figures(ours),
        "redis_notifications": _figures(plain),
    }
    result["ratio_to_redis_notifications"] = ratio(result["late_p99_ms"], result["redis_notifications"]["late_p99_ms"])
    result["complete"] = result["received"] == result["expected"] and not result["early"]
    return result


def _figures(turns: list[Turn]) -> dict[str, float]:
    def middle(share: float) -> float:
        return median_ms([turn.late_s for turn in turns], share)

    return {
        "late_p50_ms": middle(0.5),
        "late_p99_ms": middle(0.99),
        "late_max_ms": middle(1.0),
        "early": sum(late_s < -CLOCK_STEP_S for turn in turns for late_s in turn.late_s),
        "received": sum(len(turn.late_s) for turn in turns),
        "expected": sum(turn.expected for turn in turns),
    }


def _turn(place: Installation, args: argparse.Namespace) -> Turn:
    """Ours: the holds of all rooms, each a little after the last, and then their ends."""
    turn, ours = Turn(), Ours()
    seats = max(1, -(-args.holds // args.rooms))
    rooms = place.rooms(args.rooms, seats)
    with ours.serve(place, SEATSERVER_HOLD_MS=str(args.hold_ms)) as server, Crowd(server.url, ours.decode) as crowd:
        crowd.join(_viewer(place, ours, turn, rooms, number, seats) for number in range(args.viewers))
        holders: list[list[Holder]] = []
        for room in rooms:
            holders.append([ours.holder(place, room, f"holder-{at}") for at in range(-(-seats // EACH))])
            crowd.join(holders[-1])
        rest(server.pid)
        started_at = time.monotonic()
        for number in range(args.holds):
            room, seat = number % args.rooms, number // args.rooms
            crowd.idle(started_at + number * args.hold_ms / 1000 / args.holds - time.monotonic())
            holder = holders[room][seat // EACH]
            _hold(crowd, turn, room, seat, holder)
            turn.expected += len(range(room, args.viewers, args.rooms))
        crowd.until(lambda: len(turn.late_s) >= turn.expected, args.hold_ms / 1000 + PATIENCE_S)
    return turn


def _viewer(place: Installation, ours: Ours, turn: Turn, rooms: list[str], number: int, seats: int) -> Viewer:
    room = number % len(rooms)

    def saw(viewer: Viewer, seat: int, state: int, at: float) -> None:
        turn.saw(room, seat, state, at)

    return ours.viewer(place, rooms[room], f"viewer-{number}", seats, saw)


def _hold(crowd: Crowd, turn: Turn, room: int, seat: int, holder: Holder) -> None:
    def answered(carried_out: bool, at: float) -> None:
        if not carried_out:
            raise StartError(f"a hold of a free seat was refused: {holder.said}")
        turn.deadlines_s[room, seat] = holder.deadline_ms / 1000

    crowd.until(lambda: not holder.busy, PATIENCE_S)
    holder.hold((seat,), answered)


def _notifications(place: Installation, args: argparse.Namespace) -> Turn:
    """The reference: as many keys with as long a life, and Redis' word that each has expired."""
    turn = Turn(expected=args.holds)
    with redis_client.Redis.from_url(place.settings.redis_url, decode_responses=True) as redis:
        before = redis.config_get("notify-keyspace-events")["notify-keyspace-events"]
        redis.config_set("notify-keyspace-events", "Ex")
        try:
            with redis.pubsub(ignore_subscribe_messages=True) as heard:
                heard.subscribe("__keyevent@0__:expired")
                heard.get_message(timeout=PATIENCE_S)
                _set_and_hear(redis, heard, turn, args)
        finally:
            redis.config_set("notify-keyspace-events", before)
    return turn


def _set_and_hear(
    redis: redis_client.Redis, heard: redis_client.client.PubSub, turn: Turn, args: argparse.Namespace
) -> None:
    deadlines_s: dict[str, float] = {}

    def hear(until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0 and len(turn.late_s) < args.holds:
            message = heard.get_message(timeout=left_s)
            if message is not None and message["data"] in deadlines_s:
                turn.late_s.append(time.time() - deadlines_s.pop(message["data"]))

    started_at = time.monotonic()
    for number in range(args.holds):
        hear(started_at + number * args.hold_ms / 1000 / args.holds)
        deadlines_s[f"loadtests:expiry:{number}"] = time.time() + args.hold_ms / 1000
        redis.set(f"loadtests:expiry:{number}", "1", px=args.hold_ms)
    hear(time.monotonic() + args.hold_ms / 1000 + PATIENCE_S)


def show(result: report.Result) -> None:
    """The table."""
    print(
        f"{result['holds']:,} holds of {result['hold_ms'] / 1000:g} s end in {result['rooms']:,} rooms before "
        f"{result['viewers']:,} viewers; medians of {result['repeats']} turns each\n"
    )
    report.table(
        ("", "late p50 ms", "p99 ms", "longest ms", "early", "received", "expected"),
        [
            (
                name,
                one["late_p50_ms"],
                one["late_p99_ms"],
                one["late_max_ms"],
                one["early"],
                one["received"],
                one["expected"],
            )
            for name, one in (
                ("seatserver, at the viewers", result),
                ("Redis' own expiry notifications", result["redis_notifications"]),
            )
        ],
    )
