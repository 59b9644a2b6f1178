"""What one generator writes down during a run: receipts, holds, counts, and how everything ended.

The oracle reads nothing else of a generator, and a result file contains it whole, so that the notes of several
processes or machines can be put together (`together`) and judged as one. People are numbers; no token is ever noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from loadtests.rush.latency import Times, merged

MOST_EXAMPLES = 20
Counts = dict[str, int]


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A booking that the server confirmed to a person."""

    person: int
    showtime: int
    booking: str
    seats: tuple[int, ...]
    areas: tuple[tuple[int, int], ...] = ()


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A booking that was asked for and never answered: it may be made or not."""

    person: int
    showtime: int
    booking: str
    seats: tuple[int, ...]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A hold, from its answer until its person gave it up, booked it or lost it; by the clock of one ``machine``."""

    machine: str
    person: int
    showtime: int
    seats: tuple[int, ...]
    since: float
    until: float


class Robbed(msgspec.Struct, frozen=True, kw_only=True):
    """Seats that somebody was shown as theirs, and lost before their time was over, though they gave nothing up.

    ``kind`` is what they are, such as ``kiosk``; ``how`` is what they were told.
    """

    person: int
    kind: str
    showtime: int
    seats: tuple[int, ...]
    how: str


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """Which map a number of viewers had at the end."""

    showtime: int
    epoch: str
    version: int
    states: str
    areas: tuple[int, ...]
    viewers: int


class Second(msgspec.Struct, kw_only=True):
    """What happened in one window of the run. Server figures are what its metrics said, added up over instances."""

    arrived: int = 0
    asked: int = 0
    answered: int = 0
    held: int = 0
    booked: int = 0
    refused: int = 0
    sockets: int = 0
    generator_cpu: float | None = None
    server_cpu: float | None = None
    server_mib: float | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in the filmed hall at a moment: pairs of seat and state."""

    at: float
    changes: tuple[tuple[int, int], ...]


class Notes(msgspec.Struct, kw_only=True):
    """Everything that one generator noted, or several together."""

    times: Times
    machine: str
    people: Counts = {}
    """By kind."""
    ended: Counts = {}
    """How people ended: ``booked``, ``gave_back``, ``vanished``, ``sold_out``, ``gave_up``, ``watched`` …"""
    refusals: Counts = {}
    """Seats that were refused, by reason."""
    errors: Counts = {}
    """Errors told to people, by code."""
    losses: Counts = {}
    """Sockets that the server closed or that could not connect, by why."""
    sockets_asked: int = 0
    sockets_open: int = 0
    """How many of them were opened at least once."""
    sockets_most: int = 0
    """Open at the same time."""
    cut_by_us: int = 0
    reconnects: int = 0
    messages: int = 0
    """From the server."""
    sent: int = 0
    receipts: list[Receipt] = []
    doubts: list[Doubt] = []
    held: list[Held] = []
    robbed: list[Robbed] = []
    endings: list[Ending] = []
    unsettled: int = 0
    """Viewers who had not got the last version of their room in time."""
    away: int = 0
    """People whose connection had broken and who did not come back in time."""
    disagreements: int = 0
    disagreement_examples: list[str] = []
    premature: list[str] = []
    """Bookings that the server had confirmed and yet did not know when asked at once."""
    looked_up: int = 0
    """How many bookings were asked for at once."""
    holds_kept: int = 0
    """Holds that had to be given back at the end, because they had not ended by themselves yet."""
    seconds: dict[int, Second] = {}
    frames: list[Frame] = []
    generator_cpu_s: float = 0.0
    lasted_s: float = 0.0
    interrupted: bool = False

    @property
    def sold(self) -> int:
        """How many places the receipts are for, those of areas included."""
        return sum(len(receipt.seats) + sum(count for _, count in receipt.areas) for receipt in self.receipts)


def together(parts: Sequence[Notes]) -> Notes:
    """The notes of several generators as one."""
    if len(parts) == 1:
        return parts[0]
    return Notes(
        times=merged([part.times for part in parts]),
        machine=parts[0].machine,
        people=_counts(part.people for part in parts),
        ended=_counts(part.ended for part in parts),
        refusals=_counts(part.refusals for part in parts),
        errors=_counts(part.errors for part in parts),
        losses=_counts(part.losses for part in parts),
        sockets_asked=sum(part.sockets_asked for part in parts),
        sockets_open=sum(part.sockets_open for part in parts),
        sockets_most=sum(part.sockets_most for part in parts),
        cut_by_us=sum(part.cut_by_us for part in parts),
        reconnects=sum(part.reconnects for part in parts),
        messages=sum(part.messages for part in parts),
        sent=sum(part.sent for part in parts),
        receipts=[one for part in parts for one in part.receipts],
        doubts=[one for part in parts for one in part.doubts],
        held=[one for part in parts for one in part.held],
        robbed=[one for part in parts for one in part.robbed],
        endings=[one for part in parts for one in part.endings],
        unsettled=sum(part.unsettled for part in parts),
        away=sum(part.away for part in parts),
        disagreements=sum(part.disagreements for part in parts),
        disagreement_examples=[one for part in parts for one in part.disagreement_examples][:MOST_EXAMPLES],
        premature=[one for part in parts for one in part.premature],
        looked_up=sum(part.looked_up for part in parts),
        holds_kept=sum(part.holds_kept for part in parts),
        seconds=_seconds(parts),
        frames=max((part.frames for part in parts), key=len),
        generator_cpu_s=sum(part.generator_cpu_s for part in parts),
        lasted_s=max(part.lasted_s for part in parts),
        interrupted=any(part.interrupted for part in parts),
    )


def _counts(every: Iterable[Counts]) -> Counts:
    total: Counts = {}
    for one in every:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))


def _seconds(parts: Sequence[Notes]) -> dict[int, Second]:
    total: dict[int, Second] = {}
    for part in parts:
        for number, one in part.seconds.items():
            into = total.setdefault(number, Second())
            for name in ("arrived", "asked", "answered", "held", "booked", "refused", "sockets"):
                setattr(into, name, getattr(into, name) + getattr(one, name))
            # The busiest generator is the one that matters; the server's figures are the same for all who asked.
            if one.generator_cpu is not None:
                into.generator_cpu = max(into.generator_cpu or 0.0, one.generator_cpu)
            for name in ("server_cpu", "server_mib"):
                if getattr(one, name) is not None:
                    setattr(into, name, getattr(one, name))
    return dict(sorted(total.items()))
