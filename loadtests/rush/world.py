"""What all people of one generator share: the clock, the target, the maps, the times and the notes."""

from __future__ import annotations

import asyncio
import platform
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from loadtests.rush import latency
from loadtests.rush.latency import Stopwatch, now
from loadtests.rush.maps import Atlas
from loadtests.rush.notes import Doubt, Held, Notes, Receipt, Robbed, Second
from loadtests.rush.scenario import Scenario
from loadtests.rush.tls import trust
from seatserver.seatmaps.model import SeatMap

ANSWER_S = 30.0
"""Longest wait for an answer; then its outcome is unknown."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A showtime of the run: its id, its hall, and what of it was not free before: pairs of a seat and its state."""

    id: str
    hall: SeatMap
    taken_before: tuple[tuple[int, int], ...] = ()


class Abandoned(msgspec.Struct, frozen=True, kw_only=True):
    """A hold whose person went without a word. It has to end by itself."""

    person: int
    showtime: int
    hold: UUID


class World:
    """One generator's view of the run. ``token_of`` gives the token of a person."""

    def __init__(
        self,
        scenario: Scenario,
        urls: Sequence[str],
        stages: Sequence[Stage],
        token_of: Callable[[int], str],
        *,
        started: float,
        sources: Sequence[str] = (),
        operator: str = "",
        ca_file: str = "",
    ) -> None:
        self.scenario = scenario
        self.urls = tuple(url.rstrip("/") for url in urls)
        self.stages = tuple(stages)
        self.token_of = token_of
        self.started = started
        self.sources = tuple(sources)
        self.operator = operator
        """A token that may read the server's metrics; empty without one."""
        self.tls = trust(ca_file)
        self.stopwatch = Stopwatch(started, latency.window_s(scenario.seconds + scenario.settle))
        self.atlases = [Atlas() for _ in stages]
        self.closed = asyncio.Event()
        """Set when nobody may begin anything new."""
        self.machine = f"{platform.node()}-{uuid.getnode():x}"
        self.people: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.losses: Counter[str] = Counter()
        self.receipts: list[Receipt] = []
        self.doubts: list[Doubt] = []
        self.abandoned: list[Abandoned] = []
        self.held: list[Held] = []
        self.robbed: list[Robbed] = []
        self.premature: list[str] = []
        self.looked_up = 0
        self.seconds: dict[int, Second] = {}
        self.sockets = self.sockets_asked = self.sockets_open = self.sockets_most = 0
        self.messages = self.sent = self.reconnects = self.cut_by_us = 0
        self._sources_used = 0
        self._server_ahead_s = float("-inf")

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the run."""
        return now() - self.started

    @property
    def time_left_s(self) -> float:
        """Until everything has to be over, in seconds."""
        return max(1.0, self.scenario.seconds + self.scenario.settle - self.elapsed)

    @property
    def second(self) -> Second:
        """The counts of this moment's window."""
        number = max(0, int(self.elapsed / self.stopwatch.window_s))
        found = self.seconds.get(number)
        if found is None:
            found = self.seconds[number] = Second()
        return found

    async def until(self, moment: float) -> None:
        """Wait until a moment of the run, as in `time.monotonic`; ends early when the doors close."""
        left_s = moment - now()
        if left_s > 0 and not self.closed.is_set():
            try:
                async with asyncio.timeout(left_s):
                    await self.closed.wait()
            except TimeoutError:
                pass

    def source(self) -> str | None:
        """The address to connect from, where one address has too few ports."""
        if not self.sources:
            return None
        self._sources_used += 1
        return self.sources[self._sources_used % len(self.sources)]

    def url_of(self, person: int) -> str:
        """The server that a person uses: with several, they take turns."""
        return self.urls[person % len(self.urls)]

    def heard_time(self, server_ms: int) -> None:
        """A server has said what time it is. The answer that took least is the best."""
        self._server_ahead_s = max(self._server_ahead_s, server_ms / 1000 - now())

    def server_ms(self) -> float:
        """The server's time now, at the earliest."""
        return (now() + self._server_ahead_s) * 1000

    def opened(self) -> None:
        """A socket is open."""
        self.sockets += 1
        self.sockets_most = max(self.sockets_most, self.sockets)

    def notes(self) -> Notes:
        """What has been noted so far, without how it ended."""
        atlases = self.atlases
        return Notes(
            times=self.stopwatch.times(),
            machine=self.machine,
            people=dict(sorted(self.people.items())),
            ended=dict(sorted(self.ended.items())),
            refusals=dict(sorted(self.refusals.items())),
            errors=dict(sorted(self.errors.items())),
            losses=dict(sorted(self.losses.items())),
            sockets_asked=self.sockets_asked,
            sockets_open=self.sockets_open,
            sockets_most=self.sockets_most,
            cut_by_us=self.cut_by_us,
            reconnects=self.reconnects,
            messages=self.messages,
            sent=self.sent,
            receipts=self.receipts,
            doubts=self.doubts,
            held=self.held,
            robbed=self.robbed,
            premature=self.premature,
            looked_up=self.looked_up,
            disagreements=sum(atlas.disagreements for atlas in atlases),
            disagreement_examples=[
                f"{stage.id}, {example}"
                for stage, atlas in zip(self.stages, atlases, strict=True)
                for example in atlas.examples
            ],
            seconds=dict(sorted(self.seconds.items())),
            lasted_s=round(self.elapsed, 3),
        )
