"""Bookings on a real Postgres and a real Redis: written once, answered the same, whatever happens in between."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.bookings.keeping import Change
from seatserver.bookings.records import Booking
from seatserver.config import Settings
from seatserver.errors import (
    BookingState,
    HoldConflict,
    HoldGone,
    NotFound,
    OutcomeUnknown,
    SeatsRefused,
    Unavailable,
)
from seatserver.seats.states import SeatState
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.server import (
    OTHER_SOFA,
    SHOWTIME,
    SOFA,
    check_books,
    eventually,
    hold,
    now_ms,
    opened,
    put_on_sale,
    rows,
    settled,
)

pytestmark = pytest.mark.clock

FREE, CLAIMED, SOLD = SeatState.FREE, SeatState.CLAIMED, SeatState.SOLD
COMMIT = b"COMMIT;"  # with the semicolon: a transaction begins with READ COMMITTED
LOCK = sa.text("SELECT 1 FROM showtimes FOR UPDATE")
WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def somebody_waits(connection: AsyncConnection) -> bool:
    """Whether a transaction waits for a lock of another one."""
    return bool(await connection.scalar(WAITING))


async def book(core: Server, hold_id: UUID, user: str = "ann", *, pay_later: bool = False) -> Booking:
    return await core.checkout.book(SHOWTIME, hold_id, user, pay_later=pay_later)


@pytest.fixture
async def other_redis(brisk: Settings) -> AsyncIterator[Server]:
    """A server on the same Postgres whose Redis does not know the first one's holds, as after a split brain."""
    url = brisk.redis_url.removesuffix("/0") + "/1"
    async with opened(dataclasses.replace(brisk, duties=False, redis_url=url)) as made:
        yield made


async def test_a_hold_becomes_a_confirmed_booking_in_one_step(core: Server) -> None:
    hold_id = await hold(core, "ann", 1, *SOFA)
    booking = await book(core, hold_id)
    assert (booking.id, booking.status, booking.user_id) == (hold_id, "confirmed", "ann")
    assert (booking.seats, booking.total_minor, booking.currency) == ((1, *SOFA), 4200, "EUR")
    assert booking.expires_at_ms is None
    assert await core.checkout.get(hold_id) == booking
    states = await settled(core)
    assert [states[seat] for seat in (0, 1, *SOFA)] == [FREE, SOLD, SOLD, SOLD]
    assert await core.store.holds_of(SHOWTIME, "ann") == ()
    await check_books(core)


async def test_a_pending_booking_is_confirmed_or_cancelled_and_its_seats_follow(core: Server) -> None:
    paid, given_up = await hold(core, "ann", 1), await hold(core, "ann", 2)
    for hold_id in (paid, given_up):
        booking = await book(core, hold_id, pay_later=True)
        assert booking.status == "pending"
        assert booking.expires_at_ms is not None
        assert booking.expires_at_ms > now_ms()
    states = await settled(core)
    assert (states[1], states[2]) == (CLAIMED, CLAIMED)
    assert (await core.checkout.confirm(paid)).status == "confirmed"
    assert (await core.checkout.cancel(given_up)).status == "cancelled"
    states = await settled(core)
    assert (states[1], states[2]) == (SOLD, FREE)
    assert (await core.checkout.cancel(paid)).status == "cancelled", "a refund frees the seats"
    assert (await settled(core))[1] == FREE
    again = await hold(core, "bob", 1, 2)
    assert (await book(core, again, "bob")).status == "confirmed"
    await check_books(core)


async def test_every_repeated_step_answers_the_same(core: Server) -> None:
    hold_id = await hold(core, "ann", 1, 2)
    first = await book(core, hold_id, pay_later=True)
    assert await book(core, hold_id, pay_later=True) == first
    await settled(core)
    assert await book(core, hold_id, pay_later=True) == first, "the hold is over by now"
    with pytest.raises(BookingState, match="is pending"):
        await book(core, hold_id)  # another request, whose answer would be a confirmed booking
    confirmed = await core.checkout.confirm(hold_id)
    assert await core.checkout.confirm(hold_id) == confirmed
    assert await book(core, hold_id) == confirmed, "a late repetition meets the booking as it is now"
    cancelled = await core.checkout.cancel(hold_id)
    assert await core.checkout.cancel(hold_id) == cancelled
    with pytest.raises(BookingState) as caught:
        await core.checkout.confirm(hold_id)
    assert caught.value.facts["booking_status"] == "cancelled"
    [(seq,)] = await rows(core, "SELECT seq FROM showtimes")
    assert seq == 3, "three changes, however often they were asked for"


async def test_a_payment_after_the_deadline_finds_the_booking_expired(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    await book(core, hold_id, pay_later=True)
    async with core.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE bookings SET expires_at = now() - interval '1 second'"))
    for _ in range(2):
        with pytest.raises(BookingState, match="is expired"):
            await core.checkout.confirm(hold_id)
    assert (await settled(core))[1] == FREE


async def test_a_seat_that_was_blocked_after_it_was_held_is_not_sold(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    await core.store.pin(SHOWTIME, hold_id, "ann")
    await core.allocations.change(SHOWTIME, [Change(action="block", reason="wet paint", places=(1,))], "boss")
    with pytest.raises(SeatsRefused) as caught:
        await book(core, hold_id)
    assert caught.value.reasons == {1: "blocked"}
    assert (await settled(core))[1] == SeatState.BLOCKED


async def test_the_same_step_many_times_at_once_is_one_booking(core: Server) -> None:
    hold_id = await hold(core, "ann", 1, 2)
    answers = await asyncio.gather(*(book(core, hold_id, pay_later=True) for _ in range(20)))
    assert len(set(answers)) == 1
    answers = await asyncio.gather(*(core.checkout.confirm(hold_id) for _ in range(20)))
    assert len(set(answers)) == 1
    assert await rows(core, "SELECT seq FROM showtimes") == [(2,)]
    await check_books(core)


async def test_what_is_not_ones_own_cannot_be_booked(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    for stranger, wanted in (("bob", hold_id), ("ann", uuid4())):
        with pytest.raises(HoldGone):
            await book(core, wanted, stranger)
    await book(core, hold_id)
    await settled(core)
    with pytest.raises(HoldConflict):
        await book(core, hold_id, "bob")
    await put_on_sale(core.catalog, "tomorrow")
    with pytest.raises(HoldConflict):
        await core.checkout.book("tomorrow", hold_id, "ann", pay_later=False)
    for step in (core.checkout.get, core.checkout.confirm, core.checkout.cancel):
        with pytest.raises(NotFound):
            await step(uuid4())
    with pytest.raises(NotFound):
        await core.checkout.book("never", hold_id, "ann", pay_later=False)


async def test_after_the_sale_a_booking_is_still_answered(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    booked = await book(core, hold_id)
    await settled(core)
    await put_on_sale(core.catalog, sale_ends_at_ms=now_ms() - 1000, starts_at_ms=now_ms())
    assert await book(core, hold_id) == booked


async def test_a_repetition_after_the_sale_s_end_is_answered_though_redis_has_not_heard_of_the_booking(
    core: Server, other_redis: Server
) -> None:
    hold_id = await hold(core, "ann", 1)
    await other_redis.store.hold(SHOWTIME, hold_id, "ann", [1])
    booked = await book(core, hold_id)
    await put_on_sale(core.catalog, sale_ends_at_ms=now_ms() - 1000, starts_at_ms=now_ms())
    assert await book(other_redis, hold_id) == booked


async def test_bookings_are_counted_once_however_often_they_are_repeated(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    for _ in range(3):
        await book(core, hold_id)
        await core.checkout.get(hold_id)
    for _ in range(2):
        await core.checkout.cancel(hold_id)
    text = core.metrics.text().decode()
    assert 'seatserver_bookings_total{status="confirmed"} 1.0' in text
    assert 'seatserver_bookings_total{status="cancelled"} 1.0' in text


async def test_postgres_wins_over_a_redis_that_says_held_and_redis_learns_it(core: Server, other_redis: Server) -> None:
    mine = await hold(core, "ann", 0, 1)
    await book(other_redis, await hold(other_redis, "bob", 1, 2), "bob")
    with pytest.raises(SeatsRefused) as caught:
        await book(core, mine)
    assert caught.value.reasons == {1: "sold"}
    states = (await core.store.snapshot(SHOWTIME, 28)).states
    assert [states[seat] for seat in (0, 1, 2)] == [FREE, SOLD, SOLD], "the rest of the basket is free again"
    with pytest.raises(HoldGone):
        await book(core, mine)
    with pytest.raises(SeatsRefused):
        await hold(core, "ann", 1)
    await check_books(core)


async def test_of_overlapping_baskets_exactly_one_is_sold_and_nobody_waits_for_ever(
    core: Server, other_redis: Server
) -> None:
    rng = random.Random(7)
    for _ in range(12):
        baskets = [rng.sample(range(12), 4) for _ in range(2)]
        baskets[1][0] = baskets[0][-1]  # they overlap
        sides = list(zip((core, other_redis), ("ann", "bob"), map(set, baskets), strict=True))
        holds = [await hold(side, user, *seats) for side, user, seats in sides]
        answers = await asyncio.gather(
            *(book(side, hold_id, user) for (side, user, _), hold_id in zip(sides, holds, strict=True)),
            return_exceptions=True,
        )
        won = [answer for answer in answers if isinstance(answer, Booking)]
        lost = [answer for answer in answers if isinstance(answer, SeatsRefused)]
        assert (len(won), len(lost)) == (1, 1), answers
        await check_books(core)
        await core.checkout.cancel(won[0].id)
        await eventually(lambda: core.relay.is_idle and other_redis.relay.is_idle)
        for side in (core, other_redis):
            # One of the two relays took the changes, so the other Redis may still hold what was booked.
            await side.redis.flushdb()
            await side.store.load(SHOWTIME)


async def test_callers_who_go_away_in_the_middle_leave_nothing_half_done(core: Server) -> None:
    rng = random.Random(23)

    async def patience() -> None:
        for _ in range(rng.randrange(6)):
            await asyncio.sleep(0)
        await asyncio.sleep(rng.choice((0, 0.001, 0.002, 0.004, 0.008)))

    async def lane(seats: tuple[int, ...]) -> int:
        cancelled = 0
        for _ in range(12):
            hold_id = await hold(core, "ann", *seats)
            for step in ("book", "confirm"):
                work = book(core, hold_id, pay_later=True) if step == "book" else core.checkout.confirm(hold_id)
                task = asyncio.ensure_future(work)
                await patience()
                cancelled += task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                if step == "book":
                    pending = await book(core, hold_id, pay_later=True)
                    assert pending.status == "pending"
                else:
                    assert (await core.checkout.get(hold_id)).status in ("pending", "confirmed")
                    assert (await core.checkout.confirm(hold_id)).status == "confirmed"
            await core.checkout.cancel(hold_id)
            # Free again for the next round only when the relay has said so.
            await eventually(lambda: not core.checkout.is_writing and core.relay.is_idle)
        return cancelled

    lanes = [(1,), (2, 3), (4, 5, 6), SOFA, OTHER_SOFA]
    cancelled = sum(await asyncio.gather(*(lane(seats) for seats in lanes)))
    assert cancelled > 30, "most callers went away in the middle"
    await check_books(core)
    assert await rows(core, "SELECT seq FROM showtimes") == [(3 * 12 * len(lanes),)]
    assert set(await settled(core)) == {FREE, SeatState.BLOCKED}


@pytest.mark.parametrize("step", ["book", "confirm", "cancel"])
async def test_a_lost_answer_to_commit_is_found_out_and_answered(brisk: Settings, step: str) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        async with opened(dataclasses.replace(brisk, duties=False, database_url=url)) as core:
            hold_id = await hold(core, "ann", 1, 2)
            if step != "book":
                await book(core, hold_id, pay_later=True)
            proxy.lose_answer_to = COMMIT
            if step == "book":
                booking = await book(core, hold_id)
            else:
                booking = await getattr(core.checkout, step)(hold_id)
            assert proxy.lost == 1, "the fault hit"
            assert booking.status == {"book": "confirmed", "confirm": "confirmed", "cancel": "cancelled"}[step]
            assert await rows(core, "SELECT seq FROM showtimes") == [(1 if step == "book" else 2,)]
            await check_books(core)
            await settled(core)


async def test_when_it_cannot_be_found_out_the_answer_says_so_and_a_repetition_finds_it(brisk: Settings) -> None:
    quick = dataclasses.replace(brisk, duties=False, database_pool_wait_ms=100)
    async with proxied(brisk.database_url) as (proxy, url):
        async with opened(dataclasses.replace(quick, database_url=url)) as core:
            hold_id = await hold(core, "ann", 1, 2)
            async with opened(quick) as beside:
                async with beside.database.transaction() as connection:
                    await connection.execute(LOCK)
                    booking = asyncio.create_task(book(core, hold_id))
                    await eventually(lambda: somebody_waits(connection))
                    proxy.lose_answer_to = COMMIT
                while not booking.done():
                    if proxy.lost:
                        proxy.cut_all()
                    await asyncio.sleep(0)
                with pytest.raises(OutcomeUnknown):
                    await booking
                again = await book(core, hold_id)
                assert again.status == "confirmed"
                assert await beside.checkout.get(hold_id) == again
                await check_books(beside)


async def test_while_postgres_is_away_nothing_is_acknowledged_and_the_hold_stays(brisk: Settings) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        quick = dataclasses.replace(
            brisk, duties=False, database_url=url, database_statement_ms=300, database_lock_ms=100
        )
        async with opened(quick) as core:
            hold_id = await hold(core, "ann", 1)
            await core.catalog.showtime(SHOWTIME)
            proxy.freeze()
            with pytest.raises(Unavailable):
                await book(core, hold_id)
            proxy.thaw()
            [held] = await core.store.holds_of(SHOWTIME, "ann")
            assert held.hold_id == hold_id
            assert (await book(core, hold_id)).status == "confirmed"


async def test_who_books_is_answered_in_the_stated_time_and_a_repetition_finds_the_booking(brisk: Settings) -> None:
    impatient = dataclasses.replace(brisk, duties=False, answer_ms=300)
    async with opened(impatient) as core, opened(brisk) as beside:
        hold_id = await hold(core, "ann", 1, 2)
        async with beside.database.transaction() as connection:
            await connection.execute(LOCK)
            with pytest.raises(OutcomeUnknown) as told:
                await book(core, hold_id)
            assert told.value.retryable
            assert core.checkout.is_writing, "the writing goes on"
        await eventually(lambda: not core.checkout.is_writing)
        assert (await core.checkout.get(hold_id)).status == "confirmed"
        assert (await book(beside, hold_id)).id == hold_id
        await check_books(core)


async def test_confirm_cancel_and_the_reaper_race_and_exactly_one_end_remains(brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False, claim_ms=1)) as core:
        ends = set()
        for round_number in range(20):
            hold_id = await hold(core, "ann", 1, 2)
            assert (await book(core, hold_id, pay_later=True)).status == "pending"
            await asyncio.sleep(0.002)
            steps = [core.checkout.confirm(hold_id), core.checkout.cancel(hold_id), core.checkout.reap()]
            random.Random(round_number).shuffle(steps)
            answers = await asyncio.gather(*steps, return_exceptions=True)
            assert all(isinstance(answer, (Booking, int, BookingState)) for answer in answers), answers
            end = await core.checkout.get(hold_id)
            ends.add(end.status)
            assert end.status in ("cancelled", "expired", "confirmed")
            assert await core.checkout.reap() == 0
            await check_books(core)
            if end.status == "confirmed":
                await core.checkout.cancel(hold_id)
            states = await settled(core)
            assert (states[1], states[2]) == (FREE, FREE)
        assert "cancelled" in ends or "expired" in ends


async def test_many_reapers_end_each_overdue_booking_once(brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False, claim_ms=1)) as core:
        for seat in range(10):
            await book(core, await hold(core, "ann", seat), pay_later=True)
        await asyncio.sleep(0.01)
        reaped = await asyncio.gather(*(core.checkout.reap() for _ in range(4)))
        assert sum(reaped) == 10
        assert await rows(core, "SELECT DISTINCT status FROM bookings") == [("expired",)]
        assert await rows(core, "SELECT seq FROM showtimes") == [(20,)]
        assert set(await settled(core)) == {FREE, SeatState.BLOCKED}


async def test_a_reaper_whose_commit_is_not_answered_goes_on_at_its_next_turn(brisk: Settings) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        async with opened(dataclasses.replace(brisk, duties=False, claim_ms=1, database_url=url)) as core:
            for seat in range(3):
                await book(core, await hold(core, "ann", seat), pay_later=True)
            await settled(core)
            proxy.lose_answer_to = COMMIT
            assert await core.checkout.reap() == 0, "not known, so not counted"
            assert proxy.lost == 1
            await core.checkout.reap()
            await core.relay.poll()
            assert set(await settled(core)) == {FREE, SeatState.BLOCKED}


async def test_a_booking_that_nobody_pays_comes_back_before_everybodys_eyes(make_server: MakeServer) -> None:
    server = await make_server(claim_ms=300)
    async with server.watcher("ann") as ann, server.watcher("bob") as bob:
        held = await ann.hold(1, 2)
        await ann.ask("book", hold_id=held["hold_id"], pay_later=True)
        await bob.until("delta", changes=[[1, 2], [2, 2]])
        await bob.until("delta", changes=[[1, 0], [2, 0]])
        told = await ann.until("booked", ref=0)
        assert (told["status"], told["booking_id"]) == ("expired", held["hold_id"])
        assert (await bob.hold(1, 2))["type"] == "held"
