"""The store against a model, in any order of steps: no seat has two holders or is lost, and viewers see the truth."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from seatserver.errors import HoldConflict, HoldGone, HoldPinned, SeatsRefused
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seats.model import Conditions, HeldSeats
from seatserver.seats.states import REFUSAL_OF_STATE, TRANSITIONS, SeatState
from tests.integration.bench import SEATS, SHOW, Bench, open_bench

CAP = 4
FREE, HELD, CLAIMED, SOLD = SeatState.FREE, SeatState.HELD, SeatState.CLAIMED, SeatState.SOLD
BLOCKED, ALLOCATED = SeatState.BLOCKED, SeatState.ALLOCATED
POSSIBLE = {(before, after) for (before, _), ways in TRANSITIONS.items() for after in ways}
# Few seats and users, so that they meet.
SEATS_IN_PLAY = 8

Result = TypeVar("Result")
CHANNEL_OF = {"ann": "", "bob": "club", "c|y": ""}
users = st.sampled_from(list(CHANNEL_OF))
some_seats = st.lists(st.integers(0, SEATS_IN_PLAY - 1), min_size=1, max_size=3, unique=True).map(sorted)


@dataclass
class ModelHold:
    """What the model knows of a hold; ``seats`` is empty once it has ended."""

    id: UUID
    user: str
    asked: tuple[int, ...]
    seats: set[int] = field(default_factory=set)
    ended: str = ""
    over: bool = False  # its time has passed, though viewers may not know yet
    pinned: bool = False
    old: bool = False  # its user has had its seats for as long as one may

    @property
    def alive(self) -> bool:
        return not self.ended and not self.over

    def end(self, how: str) -> None:
        self.seats.clear()
        self.ended = how


@dataclass
class ModelBooking:
    """A booking's row."""

    id: UUID
    user: str
    seats: tuple[int, ...]
    state: SeatState


class Machine(RuleBasedStateMachine):
    """`redis_url` is set by the test."""

    redis_url = ""
    holds = Bundle("holds")
    bookings = Bundle("bookings")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.made: list[ModelHold] = []
        self.cooling: set[tuple[str, int]] = set()
        self.room = Room(SEATS, 50)
        self.snapshots = 0
        self.run(self.open())

    async def open(self) -> None:
        self.bench: Bench = await self.stack.enter_async_context(open_bench(self.redis_url, seats_per_user=CAP))
        await self.bench.redis.flushall()
        self.heard = await self.stack.enter_async_context(self.bench.listening())
        await self.look_afresh()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()

    # ------------------------------------------------------------ the model

    @property
    def taken(self) -> dict[int, int]:
        return self.bench.truth.taken

    def holder(self, seat: int) -> ModelHold | None:
        holders = [hold for hold in self.made if seat in hold.seats]
        assert len(holders) <= 1, "no seat ever has two holders"
        return holders[0] if holders else None

    @property
    def kept(self) -> dict[int, str]:
        return self.bench.truth.kept

    def is_open_to(self, user: str, seat: int) -> bool:
        """Whether the seat is kept from nobody, or allocated to this user's channel."""
        channel = self.kept.get(seat)
        return channel is None or (channel != "" and channel == CHANNEL_OF[user])

    def expected(self) -> bytes:
        held = {seat: int(HELD) for hold in self.made for seat in hold.seats}
        assert not held.keys() & self.taken.keys()
        assert all(self.is_open_to(hold.user, seat) for hold in self.made for seat in hold.seats)
        kept = {seat: int(ALLOCATED if channel else BLOCKED) for seat, channel in self.kept.items()}
        return bytes({**kept, **held, **self.taken}.get(seat, 0) for seat in range(SEATS))

    def part(self, hold: ModelHold, seats: set[int]) -> None:
        """A hold loses seats, which its user may have had for too long by then."""
        if hold.old and not hold.over and not CHANNEL_OF[hold.user]:
            self.cooling.update((hold.user, seat) for seat in seats)

    def expire(self) -> None:
        for hold in self.made:
            if hold.over and not hold.ended:
                hold.end("expired")

    def take(self, booking: ModelBooking) -> None:
        """What a committed booking does to holds."""
        for seat in booking.seats:
            holder = self.holder(seat)
            if holder is None:
                continue
            if holder.id == booking.id:
                self.part(holder, {seat})
                holder.seats.discard(seat)
            else:
                self.part(holder, holder.seats)
                holder.end("sold")
        for hold in self.made:
            if hold.id == booking.id and not hold.seats:
                hold.end("booked")

    # ------------------------------------------------------------ holds

    @initialize(blocked=st.sets(st.integers(0, SEATS_IN_PLAY), max_size=2))
    def some_seats_are_blocked(self, blocked: set[int]) -> None:
        self.kept.update(dict.fromkeys(blocked, ""))
        self.run(self.bench.store.load(SHOW, "repair"))

    @rule(target=holds, user=users, seats=some_seats)
    def hold(self, user: str, seats: list[int]) -> ModelHold | MultipleResults[ModelHold]:
        model = ModelHold(uuid.uuid4(), user, tuple(seats))
        self.expire()
        reasons = {}
        for seat in seats:
            state = SeatState(self.expected()[seat])
            if state is not FREE and not (state is ALLOCATED and self.is_open_to(user, seat)):
                reasons[seat] = REFUSAL_OF_STATE[state]
            elif (user, seat) in self.cooling:
                reasons[seat] = "cooling"
        mine = sum(len(hold.seats) for hold in self.made if hold.user == user)
        if mine + len(seats) > CAP:
            reasons = {seat: reasons.get(seat, "limit") for seat in seats}
        try:
            conditions = Conditions(channel=CHANNEL_OF[user])
            held = self.run(self.bench.store.hold(SHOW, model.id, user, seats, conditions))
        except SeatsRefused as error:
            assert error.reasons == reasons
            assert error.retry_at_ms.keys() == {seat for seat, why in reasons.items() if why == "cooling"}
            return multiple()
        assert reasons == {}
        assert held.seats == tuple(seats)
        model.seats = set(seats)
        self.made.append(model)
        return model

    @rule(hold=holds, user=users)
    def repeat(self, hold: ModelHold, user: str) -> None:
        self.expire()
        try:
            held = self.run(self.bench.hold(user, hold.asked, hold.id))
        except HoldConflict:
            assert user != hold.user
        except HoldGone:
            assert hold.ended
        else:
            assert user == hold.user
            assert not hold.ended
            assert set(held.seats) == hold.seats

    @rule(hold=holds, part=some_seats | st.none())
    def release(self, hold: ModelHold, part: list[int] | None) -> None:
        try:
            freed = self.run(self.bench.store.release(SHOW, hold.id, hold.user, part))
        except HoldGone:
            assert hold.ended not in ("", "released") or hold.over
        except HoldPinned:
            assert hold.alive
            assert hold.pinned
        else:
            assert hold.ended == "released" or (hold.alive and not hold.pinned)
            assert set(freed) <= set(hold.asked)
            self.part(hold, hold.seats & set(freed))
            hold.seats -= set(freed)
            if not hold.seats:
                hold.end("released")

    @rule(hold=holds, verb=st.sampled_from(["extend", "pin"]))
    def more_time(self, hold: ModelHold, verb: str) -> None:
        try:
            held: HeldSeats = self.run(getattr(self.bench.store, verb)(SHOW, hold.id, hold.user))
        except HoldGone:
            assert not hold.alive
        else:
            assert hold.alive
            assert set(held.seats) == hold.seats
            hold.pinned |= verb == "pin"

    @rule(hold=holds)
    def it_gets_as_old_as_one_may(self, hold: ModelHold) -> None:
        if hold.alive and not hold.old:
            hold.old = True
            self.run(self.bench.have_for_the_total(hold.id, hold.seats))

    @rule(user=users, seats=some_seats)
    def somebody_has_seats_for_as_long_as_one_may(self, user: str, seats: list[int]) -> None:
        hold = self.hold(user, seats)
        if isinstance(hold, ModelHold):
            self.it_gets_as_old_as_one_may(hold)
            self.release(hold, None)
            assert CHANNEL_OF[user] or self.cooling.issuperset((user, seat) for seat in seats)

    @rule()
    def the_seats_that_nobody_has_rest(self) -> None:
        """The pause passes. A seat that is booked meanwhile was not free in it."""
        self.run(self.bench.rest())
        self.cooling = {(user, seat) for user, seat in self.cooling if seat in self.taken}

    @rule(hold=holds)
    def its_time_passes(self, hold: ModelHold) -> None:
        if hold.alive:
            hold.over = True
            self.run(self.bench.end(HeldSeats(hold.id, tuple(hold.seats), self.run(self.bench.now_ms())), hold.user))

    @rule()
    def sweep(self) -> None:
        self.expire()
        self.run(self.bench.store.sweep(SHOW))

    # ------------------------------------------------------------ bookings

    @rule(target=bookings, hold=holds, state=st.sampled_from([CLAIMED, SOLD]))
    def book(self, hold: ModelHold, state: SeatState) -> ModelBooking | None:
        """As checkout does, though the hold may be over by then: Postgres decides."""
        seats = tuple(sorted(hold.seats or hold.asked))
        if hold.ended in ("booked", "released") or any(seat in self.taken for seat in seats):
            return None
        if not all(self.is_open_to(hold.user, seat) for seat in seats):
            return None
        booking = ModelBooking(hold.id, hold.user, seats, state)
        self.commit(booking)
        return booking

    @rule(target=bookings, user=users, seats=some_seats)
    def sell_elsewhere(self, user: str, seats: list[int]) -> ModelBooking | None:
        free = tuple(seat for seat in seats if seat not in self.taken and self.is_open_to(user, seat))
        if not free:
            return None
        booking = ModelBooking(uuid.uuid4(), user, free, SOLD)
        self.commit(booking)
        return booking

    @rule(booking=bookings)
    def confirm(self, booking: ModelBooking | None) -> None:
        if booking is not None and booking.state is CLAIMED:
            booking.state = SOLD
            self.commit(booking)

    @rule(booking=consumes(bookings))
    def cancel(self, booking: ModelBooking | None) -> None:
        if booking is not None:
            booking.state = FREE
            self.commit(booking)

    def commit(self, booking: ModelBooking) -> None:
        applied = self.run(self.bench.book(booking.user, booking.id, booking.seats, booking.state))
        assert (applied.gap, applied.pgseq) == (False, self.bench.truth.seq)
        if booking.state is not FREE:
            self.take(booking)

    # ------------------------------------------------------------ blocked and allocated seats

    @rule(seats=some_seats, channel=st.sampled_from([None, "", "club"]))
    def keep(self, seats: list[int], channel: str | None) -> None:
        """Block, allocate or open seats that are not booked; the holds that this takes seats from end as a whole."""
        seats = [seat for seat in seats if seat not in self.taken]
        if not seats:
            return
        applied = self.run(self.bench.store.keep(SHOW, self.bench.truth.keep(channel, seats), seats, channel))
        assert (applied.gap, applied.pgseq) == (False, self.bench.truth.seq)
        for seat in seats:
            holder = self.holder(seat)
            if holder is not None and not self.is_open_to(holder.user, seat):
                self.part(holder, holder.seats)
                holder.end("blocked")

    @rule(booking=bookings)
    def an_old_change_comes_again(self, booking: ModelBooking | None) -> None:
        if booking is not None:
            seq, version = self.bench.truth.seq, self.room.version
            self.run(self.bench.store.apply(SHOW, seq, SOLD, booking.id, booking.user, booking.seats))
            assert self.run(self.bench.view()).version in (version, 1), "nothing, or a new epoch for half a room"

    # ------------------------------------------------------------ loads

    @rule(mode=st.sampled_from(["missing", "repair", "renew"]))
    def load(self, mode: str) -> None:
        self.run(self.bench.store.load(SHOW, mode))

    @rule(name=st.sampled_from(["meta", "taken", "kept"]))
    def redis_loses_half_a_room(self, name: str) -> None:
        async def lose() -> None:
            await self.bench.redis.delete(self.bench.key(name))

        self.run(lose())

    # ------------------------------------------------------------ what must hold after every step

    @invariant()
    def a_viewer_sees_what_a_fresh_snapshot_shows(self) -> None:
        self.run(self.follow())

    async def follow(self) -> None:
        fresh = await self.bench.view()
        for message in await self.heard.messages():
            pairs = tuple(zip(message.changes[::2], message.changes[1::2], strict=True))
            change = Change(message.epoch, message.from_version, message.version, pairs)
            before, states = self.room.version, bytearray(self.room.states)
            outcome = self.room.apply(change)
            if outcome is Applied.YES:
                self.seats_take_only_steps_of_the_table(states, pairs)
            if outcome is Applied.GAP:
                assert change.epoch != self.room.epoch, "within an epoch there is no gap"
                await self.look_afresh()
            else:
                assert self.room.version >= before
        assert (self.room.epoch, self.room.version) == (fresh.epoch, fresh.version)
        assert bytes(self.room.states) == fresh.states == self.expected()

    def seats_take_only_steps_of_the_table(self, states: bytearray, changes: Sequence[tuple[int, int]]) -> None:
        for seat, after in changes:
            before, states[seat] = states[seat], after
            assert before == after or (before, after) in POSSIBLE, (seat, SeatState(before), SeatState(after))

    async def look_afresh(self) -> None:
        view = await self.bench.view()
        self.room.reset(view.epoch, view.version, view.states)

    @invariant()
    def users_hold_no_more_than_the_cap_and_what_redis_says_they_hold(self) -> None:
        for user in ("ann", "bob", "c|y"):
            theirs = {hold.id: hold.seats for hold in self.made if hold.user == user and hold.alive and hold.seats}
            assert sum(map(len, theirs.values())) <= CAP
            found = self.run(self.bench.store.holds_of(SHOW, user))
            assert {held.hold_id: set(held.seats) for held in found} == theirs


def test_any_order_of_steps_keeps_the_promises(redis_url: str) -> None:
    class OnRedis(Machine):
        pass

    OnRedis.redis_url = redis_url
    run_state_machine_as_test(
        OnRedis, settings=hypothesis_settings(max_examples=80, stateful_step_count=40, deadline=None)
    )
