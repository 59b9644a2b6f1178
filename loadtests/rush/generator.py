"""Runs the people of one generator from the start to the last map, and notes what happened.

It opens the doors, lets everybody live by their plan, closes the doors, waits until what is due has come, and writes
down which map each viewer ended with. It also watches itself: how late its event loop is and how much of its core it
uses, because a generator that cannot keep up measures nothing but itself.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import httpx

from loadtests.rush import server_figures
from loadtests.rush.latency import now
from loadtests.rush.line import Gone, Line
from loadtests.rush.maps import Map
from loadtests.rush.notes import Ending, Frame, Notes
from loadtests.rush.people import Person
from loadtests.rush.scenario import Event
from loadtests.rush.schedule import Plan
from loadtests.rush.witness import Witness
from loadtests.rush.world import World
from seatserver.wire import from_client

LOOK_S = 0.02
"""How often the generator looks how late its event loop is."""
SETTLE_LOOK_S = 0.1
LEAVING_S = 10.0
MOST_FRAMES = 20_000
HELD = b"1"

Watch = Callable[[World], None]


class Generator:
    """The people of ``plans`` in one ``world``. ``films`` says whether it notes how the first hall fills up."""

    def __init__(self, world: World, plans: Sequence[Plan], *, films: bool, watch: Watch = lambda world: None) -> None:
        self.world = world
        self._plans = plans
        self._films = films
        self._watch = watch
        self._frames: list[Frame] = []
        self._people: list[Person] = []
        self._observer: Line | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """Close the doors now. The run ends in order and is noted."""
        self._interrupted = True
        self.world.closed.set()

    async def run(self) -> Notes:
        """Everything, from the doors' opening; the notes."""
        world = self.world
        cpu_before_s = time.process_time()
        watchers = [asyncio.create_task(self._look_at_ourselves()), asyncio.create_task(self._count())]
        try:
            async with Witness(world) as witness, self._client() as http:
                if self._films:
                    await self._film()
                    watchers.append(asyncio.create_task(server_figures.follow(world, http)))
                self._people = [Person(world, plan, witness) for plan in self._plans]
                await self._evening()
                await self._settle()
                kept = await self._give_back_abandoned()
                unsettled, away = await self._same_everywhere(http)
                notes = world.notes()
                notes.endings = self._endings()
        finally:
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await self._leave()
        notes.holds_kept, notes.unsettled, notes.away = kept, unsettled, away
        notes.frames = self._frames
        notes.generator_cpu_s = round(time.process_time() - cpu_before_s, 3)
        notes.interrupted = self._interrupted
        return notes

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=10, verify=self.world.tls, trust_env=False)

    # ------------------------------------------------------------ the evening

    async def _evening(self) -> None:
        world = self.world
        living = [asyncio.create_task(person.live()) for person in self._people]
        storms = [asyncio.create_task(self._storm(event)) for event in world.scenario.events if event.what == "storm"]
        closing = asyncio.create_task(self._close_doors())
        try:
            # A person that ends with an error ends the run: that is a mistake of ours and no result.
            await asyncio.gather(*living, *storms, closing)
        finally:
            world.closed.set()
            for task in (*living, *storms, closing):
                task.cancel()
            await asyncio.gather(*living, *storms, closing, return_exceptions=True)

    async def _close_doors(self) -> None:
        """At the end of the time, or as soon as nobody has anything to do any more."""
        world = self.world
        end = world.started + world.scenario.seconds
        last_event = world.started + max((event.at for event in world.scenario.events), default=0.0) + 1.0
        busy = sum(plan.kind not in ("look", "slow") for plan in self._plans)
        while not world.closed.is_set() and now() < end:
            done = sum(count for how, count in world.ended.items() if how != "watched")
            if busy and done >= busy and now() > last_event:
                break
            await world.until(min(end, now() + SETTLE_LOOK_S))
        world.closed.set()

    async def _storm(self, event: Event) -> None:
        """Cut a share of all sockets at once; they come back by themselves."""
        world = self.world
        await world.until(world.started + event.at)
        if world.closed.is_set():
            return
        lines = [person.line for person in self._people if person.line.is_open]
        for line in lines[: round(len(lines) * event.share)]:
            line.cut()

    # ------------------------------------------------------------ the end

    async def _settle(self) -> None:
        """Wait until the holds of those who vanished have ended by themselves, as long as the scenario allows."""
        ends = now() + self.world.scenario.settle
        while self.world.abandoned and now() < ends and not self._interrupted:
            showtimes = {one.showtime for one in self.world.abandoned}
            rooms = [line.map for line in self._lines() if line.showtime in showtimes and line.is_open]
            if not any(HELD in room.states for room in rooms if room is not None):
                break
            await asyncio.sleep(SETTLE_LOOK_S)

    async def _give_back_abandoned(self) -> int:
        """Give back what is held all the same, so that the showtimes are left in order; how many holds that were."""
        kept = 0
        world = self.world
        held = {line.showtime for line in self._lines() if line.map is not None and HELD in line.map.states}
        for one in world.abandoned:
            if one.showtime not in held:
                continue
            line = Line(world, one.person, one.showtime, random.Random(0))
            with suppress(Gone):
                await line.join(now(), now())
                assert line.welcome is not None
                if any(hold.hold_id == one.hold for hold in line.welcome.holds):
                    kept += 1
                    message = from_client.Release(ref=line.next_ref(), hold_id=one.hold)
                    await line.ask("release", message, now(), now())
            await line.leave()
        return kept

    async def _same_everywhere(self, http: httpx.AsyncClient) -> tuple[int, int]:
        """Wait until everybody is back and has the server's last version; how many have not got it, and are not back.

        A viewer that missed the last change of all learns so from the next beat. It is told to ask at once.
        """
        ends = now() + max(5.0, self.world.scenario.settle)
        asked = False
        while True:
            current = await self._versions(http)
            lines = [line for line in self._lines() if line.map is not None and line.is_wanted]
            away = sum(not line.is_open for line in lines)
            behind = [line for line in lines if line.is_open and not self._is_at(line, current)]
            if not (behind or away) or now() > ends:
                return len(behind), away
            if now() > ends - self.world.scenario.settle / 2 and not asked:
                asked = True
                for line in behind:
                    line.resync()
            await asyncio.sleep(SETTLE_LOOK_S)

    async def _versions(self, http: httpx.AsyncClient) -> list[tuple[str, int] | None]:
        """What the server says which version each showtime is at."""
        found: list[tuple[str, int] | None] = []
        for stage in self.world.stages:
            try:
                response = await http.get(f"{self.world.urls[0]}/api/v1/showtimes/{stage.id}/availability")
                said = response.raise_for_status().json()
                found.append((said["epoch"], said["version"]))
            except (httpx.HTTPError, KeyError, ValueError):
                found.append(None)
        return found

    def _is_at(self, line: Line, current: list[tuple[str, int] | None]) -> bool:
        at = current[line.showtime]
        return line.map is not None and (at is None or line.map.at == at)

    def _endings(self) -> list[Ending]:
        """Which maps the viewers have now, as long as they are still there."""
        viewers: Counter[tuple[int, Map]] = Counter(
            (line.showtime, line.map) for line in self._lines() if line.map is not None and line.is_open
        )
        return [
            Ending(
                showtime=showtime,
                epoch=room.epoch,
                version=room.version,
                states=room.states.decode(),
                areas=room.areas,
                viewers=count,
            )
            for (showtime, room), count in sorted(viewers.items(), key=lambda one: (one[0][0], one[0][1].at))
        ]

    async def _leave(self) -> None:
        lines = self._lines()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_S):
                await asyncio.gather(*(line.leave() for line in lines))

    # ------------------------------------------------------------ watching

    def _lines(self) -> list[Line]:
        lines = [person.line for person in self._people]
        return lines if self._observer is None else [*lines, self._observer]

    async def _film(self) -> None:
        """Somebody who only watches the first hall, from before the doors open."""
        self._observer = observer = Line(self.world, self._plans[0].number, 0, random.Random(0))
        try:
            await observer.join(now(), now())
        except Gone:
            return  # the others will say why
        assert observer.map is not None
        first = tuple((seat, state - 48) for seat, state in enumerate(observer.map.states))
        self._frames.append(Frame(at=0.0, changes=first))
        observer.on_change = self._note_frame

    def _note_frame(self, before: Map, after: Map) -> None:
        if len(self._frames) < MOST_FRAMES:
            pairs = zip(before.states, after.states, strict=True)
            changes = tuple((seat, new - 48) for seat, (old, new) in enumerate(pairs) if old != new)
            if changes:
                self._frames.append(Frame(at=round(self.world.elapsed, 3), changes=changes))

    async def _look_at_ourselves(self) -> None:
        while True:
            due = now() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.world.stopwatch.looped(now() - due)

    async def _count(self) -> None:
        """Once a window: the sockets, the share of a core that we use, and whoever watches."""
        world = self.world
        cpu_s, at = time.process_time(), now()
        while True:
            await asyncio.sleep(min(1.0, world.stopwatch.window_s))
            cpu_now_s, at_now = time.process_time(), now()
            second = world.second
            second.sockets = world.sockets
            second.generator_cpu = round((cpu_now_s - cpu_s) / (at_now - at), 3)
            cpu_s, at = cpu_now_s, at_now
            self._watch(world)
