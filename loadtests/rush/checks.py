"""Checks, before the doors open, whether this machine can do what is asked, and if not, says what to change.

A generator that gets half of its sockets must not find that out in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from loadtests import limits
from loadtests.rush.people import FAMILY
from loadtests.rush.scenario import Scenario
from loadtests.rush.schedule import Plan
from loadtests.rush.target import Keys, Target, is_loopback
from loadtests.rush.world import Stage
from seatserver.errors import StartError

BUYERS = ("pick", "best", "family")
BACKLOG = Path("/proc/sys/net/core/somaxconn")
BESIDE_PEOPLE = 4
"""Sockets besides those of the people: the observer, the witness, the questions at the end."""


def check(scenario: Scenario, target: Target, people: int, *, most_at_once: float) -> list[str]:
    """Raise `StartError` for what makes the run impossible; return sentences about what may spoil it."""
    limits.open_files(people + BESIDE_PEOPLE)
    _check_keys(target.keys, people)
    _check_events(scenario, target)
    return [*_backlog(target.urls, most_at_once), *_short_settle(scenario, target)]


def too_few_to_sell_out(scenario: Scenario, plans: Sequence[Plan], stages: Sequence[Stage]) -> list[str]:
    """A sentence if the buyers of these plans cannot take all places, though the scenario wants them sold."""
    if not scenario.thresholds.sold_out or any(plan.kind == "kiosk" for plan in plans):
        return []
    places = sum(stage.hall.place_count - len(stage.taken_before) for stage in stages)
    wanted = sum(_most_seats(plan) for plan in plans if plan.kind in BUYERS and plan.ends == "book")
    if wanted >= places:
        return []
    return [
        f"These {len(plans):,} people buy about {wanted:,} of {places:,} places: that cannot sell out. "
        "Ask for more --buyers, or for a smaller --hall."
    ]


def _most_seats(plan: Plan) -> int:
    return FAMILY[1] if plan.kind == "family" else plan.party


def sources(target: Target, sockets: int) -> Sequence[str]:
    """The addresses to connect from: on loopback, one address alone has too few ports."""
    host = urlsplit(target.urls[0]).hostname or ""
    if host.startswith("127."):
        return limits.source_addresses(sockets)
    return ()


def _check_keys(keys: Keys, people: int) -> None:
    if keys.most is not None and keys.most < people:
        raise StartError(
            f"{people:,} people need {people:,} tokens, each of another user, and the file has {keys.most:,}: "
            "add some, or ask for fewer --buyers"
        )


def _check_events(scenario: Scenario, target: Target) -> None:
    ours = {"restart": "restarts a server", "cut_feed": "cuts the servers' feed"}
    for event in scenario.events:
        if event.what in ours and not target.is_ours:
            raise StartError(
                f"this scenario {ours[event.what]}, which the lab does only to servers of its own: leave out --target"
            )


def _backlog(urls: Sequence[str], most_at_once: float) -> list[str]:
    if not is_loopback(urlsplit(urls[0]).hostname or ""):
        return []
    try:
        backlog = int(BACKLOG.read_text())
    except (OSError, ValueError):
        return []
    if most_at_once <= backlog:
        return []
    return [
        f"About {most_at_once:,.0f} people come within a second, and the kernel queues {backlog:,} connections "
        f"({BACKLOG}): some may wait a second or more. `sysctl -w net.core.somaxconn={round(most_at_once) * 2}` helps, "
        "before the server starts."
    ]


def _short_settle(scenario: Scenario, target: Target) -> list[str]:
    if scenario.habits.vanish and not target.is_ours:
        return [
            f"Some people go without a word. Their holds have to end by themselves within {scenario.settle:g} s; if "
            "this server's holds last longer, the lab gives them back at the end and says so."
        ]
    return []
