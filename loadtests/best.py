"""How fast best available is and how good its choices are, by hall, party and occupancy.

Three questions in one run, on one core and without a server:

* **How long** does it take to find the best seats? Halls have 100 to 12,000 seats, parties one to ten people, and the
  occupancies of `loadtests.seating` are drawn anew for every round. The result is the CPU milliseconds of the slowest
  round, where each round is the fastest of three. A slope is that of a straight line through the milliseconds on
  logarithmic axes, by hall and by party: 1 means proportional, 0 means that the size does not matter. The summary
  compares all searches in a hall with its budget: 2 ms for 1,000 seats, 15 ms for 12,000.
* **Is it the best?** In small random rooms every selection that the rules allow is examined. The worst ratio of costs
  must be 1, and nobody may sit alone unnecessarily.
* **Is it better** than the first row, from the front or from the back, that has enough free neighbours? In the demo's
  halls and in that of ``--map``, with the same requests in the same rooms: how far people sit, in seat pitches, from
  the focal point's row and from the middle, when both find seats; and how many requests each can seat at all.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from loadtests import report
from loadtests.meters import percentile
from loadtests.picture import fit
from loadtests.seating import FILLINGS, any_room, by_brute_force, first_run, plain_hall, sold
from seatserver.demo.halls import demo_halls
from seatserver.errors import BadSeatMap, StartError
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.best import best_offers
from seatserver.seatmaps.search.score import Weights, Wish, focal_point

SIZES = (100, 300, 1_000, 3_000, 12_000)
PARTIES = tuple(range(1, 11))
MODES = ("off", "warn", "enforce")
FASTEST_OF = 3
BUDGET_MS = {1_000: 2.0, 12_000: 15.0}
ROOMS = 120
MOST_FREE = 18
REQUESTS = 60
SAME = 1e-9
"""Costs that differ by less count as equal, because of floating point."""
RULES: dict[str, Rules] = {mode: Rules(gap=GapRule(mode=mode)) for mode in MODES}  # type: ignore[arg-type]


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("best", help="best available: milliseconds, and how good it is")
    parser.add_argument("--rounds", type=report.at_least(1), default=2, help="random rooms of each kind (default 2)")
    parser.add_argument(
        "--largest", type=report.at_least(SIZES[0]), default=SIZES[-1], help="seats of the largest hall (default 12000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random rooms (default 1)")
    parser.add_argument("--map", metavar="FILE", help="another hall to compare in, in any known format")
    report.output_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, compare and report. The exit code is 1 if an offer was worse than the best one possible."""
    halls = demo_halls() + ([_read(args.map)] if args.map else [])
    sizes = [size for size in SIZES if size <= args.largest]
    gc.disable()  # otherwise a garbage collection would be measured as part of a search
    try:
        rows = _milliseconds(sizes, args.rounds, args.seed)
        first = {str(size): _first_request(size) for size in sizes}
    finally:
        gc.enable()
    against_all = _against_all(args.seed)
    result = {
        "milliseconds": rows,
        "summary": _summary(sizes, rows),
        "first_request_ms": first,
        "against_all": against_all,
        "against_the_first": [row for hall in halls for row in _against_the_first(hall, args.seed)],
    }
    is_best = against_all["worst_ratio"] == 1 and not against_all["other"]
    return report.tell(args, result, _show, wrong="" if is_best else "an offer was worse than the best one possible")


def _read(file: str) -> SeatMap:
    try:
        document = Path(file).read_bytes()
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}") from None
    try:
        return read_seat_map(document, unnamed=Path(file).stem).seat_map
    except BadSeatMap as error:
        raise BadSeatMap("", f"{file}: {error.message}") from None


# ---------------------------------------------------------------- how long


def _milliseconds(sizes: Sequence[int], rounds: int, seed: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    halls = {size: plain_hall(size) for size in sizes}
    for mode in MODES:
        for filling, fill in FILLINGS.items():
            by_size: dict[int, list[float]] = {}
            for size, hall in halls.items():
                chance = random.Random(seed)
                by_size[size] = []
                for party in PARTIES:
                    wish = Wish(count=party)
                    rooms = [fill(hall, party, chance) for _ in range(rounds)]
                    by_size[size].append(max(_search_ms(hall, states, wish, RULES[mode]) for states in rooms))
            lines = [fit([(size, by_size[size][at]) for size in sizes]) for at in range(len(PARTIES))]
            slopes = [line.slope for line in lines if line]
            for size, values in by_size.items():
                by_party = fit(list(zip(PARTIES, values, strict=True)))
                rows.append(
                    {
                        "rule": mode,
                        "filling": filling,
                        "seats": size,
                        "by_party_ms": [round(value, 3) for value in values],
                        "slope_by_hall": round(mean(slopes), 2) if slopes else None,
                        "slope_by_party": round(by_party.slope, 2) if by_party else None,
                    }
                )
    return rows


def _summary(sizes: Sequence[int], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All searches in a hall under one rule, over all occupancies and parties."""
    found = []
    for mode in MODES:
        for size in sizes:
            times = [ms for row in rows if (row["rule"], row["seats"]) == (mode, size) for ms in row["by_party_ms"]]
            budget = BUDGET_MS.get(size)
            found.append(
                {
                    "rule": mode,
                    "seats": size,
                    "median_ms": percentile(times, 0.5),
                    "p90_ms": percentile(times, 0.9),
                    "worst_ms": max(times),
                    "budget_ms": budget,
                    "within_budget": mean(ms <= budget for ms in times) if budget else None,
                }
            )
    return found


def _search_ms(hall: SeatMap, states: bytes, wish: Wish, rules: Rules) -> float:
    return min(_cpu_ms(lambda: best_offers(hall, states, wish, rules)) for _ in range(FASTEST_OF))


def _first_request(size: int) -> dict[str, float]:
    """The first search in a hall, which builds all its tables, and the first one with custom weights."""
    hall = plain_hall(size)
    states = bytes(size)
    first = _cpu_ms(lambda: best_offers(hall, states, Wish(count=4)))
    weights = Weights(centre=1.5, row=0.3)
    return {
        "of_the_hall": round(first, 2),
        "with_new_weights": round(_cpu_ms(lambda: best_offers(hall, states, Wish(count=4, weights=weights))), 2),
    }


def _cpu_ms(search: Callable[[], object]) -> float:
    started = time.process_time()
    search()
    return (time.process_time() - started) * 1000


# ---------------------------------------------------------------- is it the best


def _against_all(seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    ratios: list[float] = []
    seated = split = other = 0
    while len(ratios) < ROOMS:
        hall, states = any_room(chance)
        if states.count(0) > MOST_FREE:
            continue
        count = chance.randint(1, 5)
        wish = Wish(count=count, wheelchairs=chance.choice((0, 0, 0, 0, 1)))
        rules = RULES[chance.choice(MODES)]
        best = by_brute_force(hall, states, wish, rules)
        offers = best_offers(hall, states, wish, rules)
        if best is None or not offers:
            other += (best is None) != (not offers)
            continue
        [offer] = offers
        seated, split = seated + 1, split + (len(offer.parts) > 1)
        other += offer.order[:2] != best.order[:2]
        close = abs(offer.cost - best.cost) < SAME * max(1.0, best.cost)
        ratios.append(1.0 if close else offer.cost / best.cost)
    return {"rooms": seated, "of_them_split": split, "worst_ratio": max(ratios), "other": other}


# ---------------------------------------------------------------- is it better


def _against_the_first(hall: SeatMap, seed: int) -> list[dict[str, Any]]:
    """One row for each of the three ways to choose."""
    chance = random.Random(seed)
    rules = RULES["off"]
    ways: dict[str, Callable[[bytes, int], Sequence[int] | None]] = {
        "best available": lambda states, count: _best(hall, states, count, rules),
        "first row from the front": lambda states, count: first_run(hall, states, count, rules, from_back=False),
        "first row from the back": lambda states, count: first_run(hall, states, count, rules, from_back=True),
    }
    found: dict[str, list[Sequence[int] | None]] = {way: [] for way in ways}
    for number in range(REQUESTS):
        states = sold((0.0, 0.3, 0.6, 0.8)[number % 4])(hall, 0, chance)
        count = chance.randint(1, 8)
        for way, choose in ways.items():
            found[way].append(choose(states, count))
    both = [at for at in range(REQUESTS) if all(seats[at] for seats in found.values())]
    x, y = focal_point(hall)
    rows = []
    for way, offers in found.items():
        people = [hall.seats[seat] for at in both for seat in offers[at] or ()]
        rows.append(
            {
                "hall": hall.name,
                "way": way,
                "requests": REQUESTS,
                "seated": sum(offer is not None for offer in offers),
                "compared": len(both),
                "from_focal_row": round(mean(abs(seat.y - y) for seat in people), 2),
                "from_middle": round(mean(abs(seat.x - x) for seat in people), 2),
            }
        )
    return rows


def _best(hall: SeatMap, states: bytes, count: int, rules: Rules) -> Sequence[int] | None:
    offers = best_offers(hall, states, Wish(count=count), rules)
    return offers[0].seats if offers else None


# ---------------------------------------------------------------- for people


def _show(result: dict[str, Any]) -> None:
    print("Milliseconds to find the best seats, gap rule off (slopes: growth with the hall, and with the party)\n")
    report.table(
        [
            "filling",
            "seats",
            *(f"party of {party}" if party == 1 else str(party) for party in PARTIES),
            "hall",
            "party",
        ],
        [
            [row["filling"], row["seats"], *row["by_party_ms"], row["slope_by_hall"], row["slope_by_party"]]
            for row in result["milliseconds"]
            if row["rule"] == "off"
        ],
    )
    print("\nAll occupancies and parties under each gap rule, milliseconds\n")
    report.table(
        ["rule", "seats", "median", "90 of 100", "worst", "budget", "within it"],
        [list(row.values()) for row in result["summary"]],
    )
    print("\nThe first search in a hall, and the first with custom weights, milliseconds\n")
    report.table(
        ["seats", "first search", "new weights"],
        [[int(size), ms["of_the_hall"], ms["with_new_weights"]] for size, ms in result["first_request_ms"].items()],
    )
    every = result["against_all"]
    print(
        f"\nAgainst every selection there is, in {every['rooms']} small rooms ({every['of_them_split']} split parties):"
    )
    print(f"worst ratio of costs {every['worst_ratio']:.6g}, other answers {every['other']}")
    print("\nAgainst the first row with enough free neighbours: pitches from the focal row and from the middle\n")
    report.table(
        ["hall", "way", "requests", "seated", "compared", "from focal row", "from middle"],
        [list(row.values()) for row in result["against_the_first"]],
    )
