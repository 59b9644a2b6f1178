"""The people of a rush: those who look, pick, want the best, come as families, stand at kiosks, hoard, read slowly.

Each is a coroutine that follows a `Plan`. Steps are due at moments of the plan: the arrival, then one time to think
after the other, whether or not the server has answered in time. A person asks for one thing at a time, so a slow answer
makes the next request late, and the latency counts from when it was due. Only somebody who waited for a seat to come
back begins anew from that moment.

| kind | what it does |
| --- | --- |
| ``look`` | joins, and watches the map until the end |
| ``slow`` | the same, on a phone that reads only now and then |
| ``pick`` | chooses free seats side by side on its own map; takes others when somebody was faster |
| ``best`` | lets the server find the best seats |
| ``family`` | the same for three to five people, one of whom uses a wheelchair |
| ``kiosk`` | serves one customer after the other on one socket, until the end |
| ``bot`` | holds as many seats as it is allowed to, books none, and takes more when they end |
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid4

from loadtests.rush.latency import now
from loadtests.rush.line import Answer, Gone, Line
from loadtests.rush.maps import Map
from loadtests.rush.notes import Doubt, Held, Receipt, Robbed
from loadtests.rush.schedule import Plan
from loadtests.rush.witness import Witness
from loadtests.rush.world import Abandoned, World
from seatserver.wire import from_client, from_server, values

FREE = ord("0")
FAMILY, FEWEST_OF_FAMILY = (3, 5), 2
NOT_ERRORS = ("no_seats_together",)
"""Codes that mean: there is nothing for you. They count as refusals."""
BUSY_PAUSE_S = 0.2
CLOCK_MARGIN_S = 0.25
"""A hold counts as its person's until so long before its deadline, because the server's clock is known roughly."""


class Person:
    """Somebody with a plan and a line. ``live`` is their whole evening."""

    def __init__(self, world: World, plan: Plan, witness: Witness) -> None:
        self.world, self.plan = world, plan
        self.chance = random.Random(plan.seed)
        self.line = Line(world, plan.number, plan.showtime, self.chance)
        self.stage = world.stages[plan.showtime]
        self.hold: Holding | None = None
        self._witness = witness
        self._due = self._ready = world.started + plan.arrives
        self._steps = 0
        self._wants = self.chance.randint(*FAMILY) if plan.kind == "family" else plan.party
        """How many seats; who finds no room for all comes with fewer."""

    async def live(self) -> None:
        """Come, do what this kind of person does, and stay until it is over. How it ended is noted."""
        world = self.world
        await world.until(self._due)
        if world.closed.is_set():
            return
        world.people[self.plan.kind] += 1
        world.second.arrived += 1
        try:
            await self.line.join(self._due, self._ready)
            self._ready = now()
            ended = await self._evening()
        except Gone:
            ended = "cut_off"
        world.ended[ended] += 1
        await world.closed.wait()
        await self._go_home()

    async def _go_home(self) -> None:
        """The doors have closed: give back what is still held. The map stays on the screen."""
        if self.hold is not None and not self.line.gone:
            self._due = self._ready = now()
            with suppress(Gone):
                await self._release()

    async def _evening(self) -> str:
        kind = self.plan.kind
        if kind == "slow":
            await self._read_slowly()
        elif kind == "look":
            await self.world.closed.wait()
        elif kind == "kiosk":
            return await self._serve_customers()
        elif kind == "bot":
            return await self._hoard()
        else:
            return await self._buy(self.plan.ends)
        return "watched"

    # ------------------------------------------------------------ evenings

    async def _buy(self, ends: str) -> str:
        """Get seats and do with them what was planned; what came of it."""
        outcome = await self._get_seats()
        if outcome != "held":
            return outcome
        if self.plan.changes_mind and await self._think():
            await self._change_mind()
        if ends == "vanish":
            self._vanish()
            await self.line.leave()
            return "vanished"
        if not await self._think():
            return "closed"
        if ends == "give_back":
            await self._release()
            return "gave_back"
        return await self._book()

    async def _serve_customers(self) -> str:
        served = 0
        while not self.world.closed.is_set():
            outcome = await self._buy(
                "give_back" if self.chance.random() < self.world.scenario.habits.give_back else "book"
            )
            served += outcome == "booked"
            if outcome in ("sold_out", "closed"):
                break
        return "served" if served else "served_nobody"

    async def _hoard(self) -> str:
        """Hold as much as allowed; when the hold has ended, take what is there then."""
        assert self.line.welcome is not None
        most = self.line.welcome.limits.seats_per_user
        while await self._think():
            if self.hold is not None and str(self.hold.id) in self.line.lost_holds:
                self._let_go()
            if self.hold is None:
                seats = self._choose(most)
                if seats:
                    await self._hold(seats)
        return "hoarded"

    async def _read_slowly(self) -> None:
        """Let the kernel's buffers fill up, and read what has come only now and then."""
        every = self.world.scenario.habits.read_every
        while not self.world.closed.is_set():
            transport = self.line.transport
            if transport is not None and not transport.is_closing():
                transport.pause_reading()
            await self.world.until(now() + every)
            transport = self.line.transport
            if transport is not None and not transport.is_closing():
                transport.resume_reading()
            await asyncio.sleep(0.05)

    # ------------------------------------------------------------ steps

    async def _think(self) -> bool:
        """Wait until the next step is due; False if the doors close before."""
        self._due += self.plan.thinks_before(self._steps)
        self._steps += 1
        await self.world.until(self._due)
        return not self.world.closed.is_set()

    async def _get_seats(self) -> str:
        """Try until something is held; ``held``, or why not."""
        for _ in range(self.world.scenario.habits.tries):
            if not await self._think():
                return "closed"
            if not self._is_any_free() and not await self._wait_for_seats():
                return "closed" if self.world.closed.is_set() else "sold_out"
            if self.plan.kind in ("best", "family"):
                got = await self._best()
            else:
                got = await self._hold(self._choose(self.plan.party))
            if got:
                return "held"
        return "gave_up"

    def _is_any_free(self) -> bool:
        room = self.line.map
        return room is not None and (FREE in room.states or any(room.areas))

    async def _wait_for_seats(self) -> bool:
        """Nothing is free: wait for something to come back, as long as somebody may still give something back."""
        ends = now() + self.world.scenario.habits.patience
        while now() < ends and not self.world.closed.is_set():
            if self._is_any_free():
                break
            room = self.line.map
            if room is not None and b"1" not in room.states and b"2" not in room.states:
                return False
            self.line.changed.clear()
            waiters = [asyncio.create_task(self.line.changed.wait()), asyncio.create_task(self.world.closed.wait())]
            try:
                await asyncio.wait(waiters, timeout=ends - now(), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiter in waiters:
                    waiter.cancel()
            if self.line.gone:
                raise Gone(self.line.gone)
        if not self._is_any_free():
            return False
        # What follows could not have been due before.
        self._due = self._ready = now()
        return await self._think()

    def _choose(self, count: int) -> Choice:
        """Free seats on this person's own map: a run of neighbours where there is one, whole groups, else an area."""
        room = self.line.map
        assert room is not None
        return choose(room, self.stage.hall.group_of, count, self.chance)

    async def _hold(self, choice: Choice) -> bool:
        seats, areas = choice
        if not seats and not areas:
            return False
        hold = Holding(uuid4())
        message = from_client.Hold(
            ref=self.line.next_ref(),
            hold_id=hold.id,
            seats=seats,
            areas=areas,
            replaces=self.hold.id if self.hold is not None else None,
        )
        return self._got(hold, await self._ask("hold", message))

    async def _best(self) -> bool:
        family = self.plan.kind == "family"
        hold = Holding(uuid4())
        message = from_client.Best(
            ref=self.line.next_ref(), hold_id=hold.id, count=self._wants, wheelchairs=1 if family else 0
        )
        answer = await self._ask("best", message)
        if isinstance(answer, from_server.Error) and answer.code in NOT_ERRORS:
            self._wants = max(FEWEST_OF_FAMILY if family else 1, self._wants - 1)
        return self._got(hold, answer)

    async def _change_mind(self) -> None:
        if self.plan.kind in ("best", "family"):
            return
        await self._hold(self._choose(self.plan.party))

    def _vanish(self) -> None:
        assert self.hold is not None
        abandoned = Abandoned(person=self.plan.number, showtime=self.plan.showtime, hold=self.hold.id)
        self.world.abandoned.append(abandoned)
        self._let_go()

    async def _release(self) -> None:
        assert self.hold is not None
        hold_id = self.hold.id
        self._let_go()
        await self._ask("release", from_client.Release(ref=self.line.next_ref(), hold_id=hold_id))

    async def _book(self) -> str:
        assert self.hold is not None
        hold, self.hold = self.hold, None
        self._note_held(hold)
        world, plan = self.world, self.plan
        message = from_client.Book(ref=self.line.next_ref(), hold_id=hold.id)
        for _ in range(world.scenario.habits.tries):
            try:
                answer = await self._ask("book", message)
            except Gone:
                self._doubt(hold)
                raise
            if isinstance(answer, from_server.Booked) and answer.status == "confirmed":
                world.second.booked += 1
                world.receipts.append(
                    Receipt(
                        person=plan.number,
                        showtime=plan.showtime,
                        booking=str(answer.booking_id),
                        seats=answer.seats,
                        areas=answer.areas,
                    )
                )
                self._witness.look(plan.number, str(answer.booking_id))
                return "booked"
            if not (isinstance(answer, from_server.Error) and answer.retryable):
                break
            self._doubt(hold)
            await asyncio.sleep(BUSY_PAUSE_S)
            self._due = self._ready = now()
        if isinstance(answer, from_server.Refused) or (
            isinstance(answer, from_server.Error) and answer.code in ("hold_gone", "seats_refused")
        ):
            self._note_robbed(hold, now(), f"the booking was refused as {getattr(answer, 'code', 'refused')}")
        self.hold = hold  # to be given back at the end
        return "not_booked"

    # ------------------------------------------------------------ answers

    async def _ask(self, verb: str, message: from_client.ClientMessage) -> Answer:
        try:
            answer = await self.line.ask(verb, message, self._due, self._ready)
        finally:
            self._ready = now()
        world = self.world
        if isinstance(answer, from_server.Refused):
            world.second.refused += 1
            for _, reason in answer.seats:
                world.refusals[reason] += 1
            for _, reason, _ in answer.areas:
                world.refusals[reason] += 1
        elif isinstance(answer, from_server.Error):
            if verb == "release" and answer.code == "hold_gone":
                pass  # it ended by itself a moment ago
            elif answer.code in NOT_ERRORS:
                world.second.refused += 1
                world.refusals[answer.code] += 1
            else:
                world.errors[answer.code] += 1
        return answer

    def _got(self, hold: Holding, answer: Answer) -> bool:
        """Keep what was held, in place of what was held before."""
        if not isinstance(answer, from_server.Held):
            return False
        self._let_go()
        hold.seats, hold.since = answer.seats, now()
        hold.lasts_s = (answer.deadline_ms - self.world.server_ms()) / 1000 - CLOCK_MARGIN_S
        self.hold = hold
        self.world.second.held += 1
        return True

    def _let_go(self) -> None:
        if self.hold is not None:
            self._note_held(self.hold)
            self.hold = None

    def _note_robbed(self, hold: Holding, at: float, how: str) -> None:
        """Note that these seats were lost, if that was before they should have been. Each hold is noted once."""
        if hold.is_robbed or at >= hold.since + hold.lasts_s:
            return
        hold.is_robbed = True
        plan = self.plan
        self.world.robbed.append(
            Robbed(person=plan.number, kind=plan.kind, showtime=plan.showtime, seats=hold.seats, how=how)
        )

    def _note_held(self, hold: Holding) -> None:
        """Note from when to when these seats were surely this person's, and whether they were taken from them."""
        if lost := self.line.lost_holds.get(str(hold.id)):
            at, reason = lost
            self._note_robbed(hold, at, f"it ended as {reason}")
        until = min(now(), hold.since + hold.lasts_s)
        if str(hold.id) not in self.line.lost_holds and until > hold.since:
            self.world.held.append(
                Held(
                    machine=self.world.machine,
                    person=self.plan.number,
                    showtime=self.plan.showtime,
                    seats=hold.seats,
                    since=hold.since,
                    until=until,
                )
            )

    def _doubt(self, hold: Holding) -> None:
        self.world.doubts.append(
            Doubt(person=self.plan.number, showtime=self.plan.showtime, booking=str(hold.id), seats=hold.seats)
        )


class Holding:
    """Seats that a person holds."""

    __slots__ = ("id", "is_robbed", "lasts_s", "seats", "since")

    def __init__(self, hold_id: UUID) -> None:
        self.id = hold_id
        self.seats: tuple[int, ...] = ()
        self.since = 0.0
        self.lasts_s = 0.0
        self.is_robbed = False


Choice = tuple[tuple[int, ...], tuple[values.Places, ...]]


def choose(room: Map, group_of: dict[int, tuple[int, ...]], count: int, chance: random.Random) -> Choice:
    """So many free seats, or fewer: neighbours from a place that chance chooses, whole groups, else places of an area.

    Groups, such as sofas, may make it one more.
    """
    states = room.states
    start = chance.randrange(len(states)) if states else 0
    at = states.find(FREE, start)
    if at < 0:
        at = states.find(FREE, 0, start)
    if at < 0:
        areas = [area for area, free in enumerate(room.areas) if free]
        if not areas:
            return (), ()
        area = chance.choice(areas)
        return (), (values.Places(area=area, count=min(count, room.areas[area])),)
    chosen: set[int] = set()
    while len(chosen) < count and at < len(states) and states[at] == FREE:
        group = group_of.get(at, (at,))
        if not _all_free(states, group):
            break
        chosen.update(group)
        at += 1
    return tuple(sorted(chosen)), ()


def _all_free(states: bytes, seats: Sequence[int]) -> bool:
    return all(states[seat] == FREE for seat in seats)
