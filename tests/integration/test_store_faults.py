"""The store when Redis loses, forgets, refuses or does not answer; and how its commands travel."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seatserver.embedded import EmbeddedRedis
from seatserver.errors import Busy, HoldGone, NotFound, SeatServerError, SeatsRefused, Unavailable
from seatserver.rooms.room import Applied, Change, Room
from seatserver.seats.states import SeatState
from tests.integration.bench import SEATS, SHOW, Bench, Truth, open_bench
from tests.integration.proxy import proxied

CLAIMED, SOLD, BLOCKED, FREE, HELD = (
    SeatState.CLAIMED,
    SeatState.SOLD,
    SeatState.BLOCKED,
    SeatState.FREE,
    SeatState.HELD,
)


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(redis_url) as bench:
        yield bench


# ---------------------------------------------------------------- loading


async def test_a_showtime_is_loaded_at_its_first_use(bench: Bench) -> None:
    bench.truth.seq, bench.truth.taken = 7, {1: int(SOLD), 2: int(CLAIMED), 3: int(BLOCKED)}
    view = await bench.view()
    assert (view.pgseq, view.next_due_ms) == (7, None)
    assert view.states == bytes([0, 3, 2, 4]) + bytes(SEATS - 4)
    await bench.view()
    assert bench.truth.reads == 1


async def test_a_rush_on_an_unknown_showtime_reads_postgres_once(bench: Bench) -> None:
    held = await asyncio.gather(*(bench.hold(f"user {seat}", [seat]) for seat in range(SEATS)))
    assert len(held) == SEATS
    assert bench.truth.reads == 1


async def test_a_caller_who_gives_up_does_not_take_the_load_from_the_others(bench: Bench) -> None:
    reading, go = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        reading.set()
        await go.wait()

    bench.truth.before_read = wait
    first = asyncio.create_task(bench.hold("ann", [1]))
    second = asyncio.create_task(bench.hold("bob", [2]))
    await reading.wait()
    first.cancel()
    await asyncio.wait([first])
    go.set()
    assert (await second).seats == (2,)
    assert bench.truth.reads == 1


async def test_what_postgres_cannot_tell_is_told_to_every_caller_and_tried_again(bench: Bench) -> None:
    async def fail() -> None:
        raise NotFound("showtime", SHOW)

    bench.truth.before_read = fail
    outcomes = await asyncio.gather(*(bench.hold("ann", [seat]) for seat in range(5)), return_exceptions=True)
    assert all(isinstance(outcome, NotFound) for outcome in outcomes)
    bench.truth.before_read = None
    assert (await bench.hold("ann", [1])).seats == (1,)


async def test_a_room_that_is_there_is_not_loaded_over(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    before = await bench.view()
    await bench.store.load(SHOW)
    assert (await bench.view()).version == before.version
    bench.truth.taken = {5: int(SOLD)}
    await bench.store.load(SHOW, "missing")
    assert await bench.states() == {1: HELD}, "the same change of Postgres: only a repair looks again"
    await bench.store.load(SHOW, "repair")
    assert await bench.states() == {1: HELD, 5: SOLD}
    assert (await bench.view()).epoch == before.epoch
    assert await bench.store.pin(SHOW, held.hold_id, "ann")


async def test_a_repair_puts_everything_right_in_one_message(bench: Bench) -> None:
    bench.truth.taken = {1: int(SOLD), 2: int(CLAIMED)}
    held = await bench.hold("ann", [5, 6])
    bench.truth.taken = {2: int(SOLD), 3: int(BLOCKED), 5: int(SOLD)}
    async with bench.listening() as heard:
        await bench.store.load(SHOW, "repair")
        [message] = await heard.messages()
        await bench.store.load(SHOW, "repair")
        assert await heard.messages() == [], "nothing is left to repair"
    assert dict(zip(message.changes[::2], message.changes[1::2], strict=True)) == {1: 0, 2: 3, 3: 4, 5: 3, 6: 0}
    assert [(notice.kind, notice.hold_id) for notice in message.notices] == [("sold", str(held.hold_id))]
    assert await bench.states() == {2: SOLD, 3: BLOCKED, 5: SOLD}


async def test_a_reader_that_was_slow_overwrites_nothing_newer(bench: Bench) -> None:
    """In every mode: the truth was read, then a booking arrived, then the load."""
    for mode, epochs in (("missing", 1), ("repair", 1), ("renew", 2)):
        show_epoch = (await bench.view()).epoch
        booking, seat = uuid.uuid4(), bench.truth.seq

        async def a_booking_meanwhile(booking: uuid.UUID = booking, seat: int = seat) -> None:
            bench.truth.before_read = None
            await bench.book("ann", booking, [seat])

        bench.truth.before_read = a_booking_meanwhile
        await bench.store.load(SHOW, mode)
        view = await bench.view()
        assert view.states[seat] == SOLD, mode
        assert view.pgseq == bench.truth.seq, mode
        assert len({show_epoch, view.epoch}) == epochs, mode


async def test_a_room_that_is_behind_is_brought_up_to_date(bench: Bench) -> None:
    await bench.hold("ann", [1])
    bench.truth.change(SOLD, [2])
    bench.truth.change(SOLD, [3])
    assert (await bench.store.apply(SHOW, 2, SOLD, uuid.uuid4(), "bob", [3])).gap
    await bench.store.load(SHOW)
    view = await bench.view()
    assert (view.pgseq, view.states[1:4]) == (2, bytes([HELD, SOLD, SOLD]))


async def test_a_new_epoch_keeps_holds_and_is_announced(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    before = await bench.view()
    async with bench.listening() as heard:
        await bench.store.load(SHOW, "renew")
        [message] = await heard.messages()
    view = await bench.view()
    assert view.epoch not in (before.epoch, "")
    assert (message.epoch, message.from_version, message.version) == (view.epoch, 0, 1)
    assert message.notices[0].kind == "epoch"
    assert await bench.states() == {1: HELD}
    assert await bench.store.pin(SHOW, held.hold_id, "ann")


async def test_instances_that_renew_at_once_renew_once(bench: Bench) -> None:
    stale = (await bench.view()).epoch
    await bench.store.load(SHOW, "renew", of_epoch=stale)
    renewed = (await bench.view()).epoch
    await bench.store.load(SHOW, "renew", of_epoch=stale)
    assert (await bench.view()).epoch == renewed != stale


# ---------------------------------------------------------------- losing


async def test_a_wiped_redis_is_loaded_again_under_a_new_epoch(bench: Bench) -> None:
    await bench.book("bob", uuid.uuid4(), [3])
    held = await bench.hold("ann", [1])
    before = await bench.view()
    await bench.redis.flushall()
    after = await bench.view()
    assert after.epoch != before.epoch
    assert await bench.states() == {3: SOLD}
    with pytest.raises(HoldGone, match="does not exist"):
        await bench.store.pin(SHOW, held.hold_id, "ann")
    await bench.hold("ann", [1], held.hold_id)


async def test_every_verb_works_after_redis_forgot_the_scripts(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    booking = uuid.uuid4()
    for call in (
        lambda: bench.store.extend(SHOW, held.hold_id, "ann"),
        lambda: bench.hold("bob", [7]),
        lambda: bench.store.release(SHOW, held.hold_id, "ann", [2]),
        lambda: bench.store.pin(SHOW, held.hold_id, "ann"),
        lambda: bench.store.holds_of(SHOW, "ann"),
        lambda: bench.store.sweep(SHOW),
        lambda: bench.store.load(SHOW, "repair"),
        lambda: bench.book("cy", booking, [9]),
        lambda: bench.view(),
    ):
        await bench.redis.script_flush()
        await call()
    assert await bench.states() == {1: HELD, 7: HELD, 9: SOLD}


async def test_a_rush_after_redis_forgot_the_scripts_sends_each_of_them_once(bench: Bench) -> None:
    await bench.view()
    await bench.redis.script_flush()
    before = await bench.redis.info("commandstats")
    await asyncio.gather(*(bench.hold(f"user {seat}", [seat]) for seat in range(SEATS)))
    after = await bench.redis.info("commandstats")
    whole = [stats.get("cmdstat_eval", {"calls": 0})["calls"] for stats in (before, after)]
    assert whole[1] - whole[0] == 1
    assert len(await bench.states()) == SEATS


async def test_an_epoch_does_not_outlive_the_redis_process_that_it_began_in(bench: Bench) -> None:
    """What was restarted or promoted may lack what viewers have seen: the same version could mean another room."""
    await bench.book("bob", uuid.uuid4(), [3])
    held, before, reads = await bench.hold("ann", [1]), await bench.view(), bench.truth.reads
    await bench.redis.hset(bench.key("meta"), "run", "another one")
    views = await asyncio.gather(*(bench.view() for _ in range(20)))
    assert len({(view.epoch, view.version) for view in views}) == 1
    assert views[0].epoch != before.epoch
    assert bench.truth.reads == reads + 1
    assert await bench.states() == {1: HELD, 3: SOLD}
    assert await bench.store.pin(SHOW, held.hold_id, "ann")


async def test_a_clock_that_goes_back_makes_no_hold_last_longer(bench: Bench) -> None:
    """As after a correction by hand, or a failover to a machine whose clock is behind."""
    held, over = await bench.hold("ann", [1, 2]), await bench.hold("bob", [3])
    await bench.store.pin(SHOW, held.hold_id, "ann")
    # The room has seen a later time than now: what ended 400 s from then on ends 100 s from now on.
    now = await bench.now_ms()
    for seat, hold, user in ((1, held, "ann"), (2, held, "ann"), (3, over, "bob")):
        ahead = 400_000 if hold is held else 299_000
        await bench.redis.zadd(bench.key("due"), {str(seat): now + ahead})
        await bench.redis.zadd(bench.key(f"user:{user}"), {str(seat): now + ahead})
        await bench.redis.pexpire(bench.key(f"seat:{seat}"), ahead)
        await bench.redis.hset(bench.key(f"hold:{hold.hold_id}"), "deadline", str(now + ahead))
    await bench.redis.hset(bench.key("meta"), "clock", str(now + 300_000))
    await bench.store.sweep(SHOW)
    assert await bench.states() == {1: HELD, 2: HELD}
    [left] = await bench.store.holds_of(SHOW, "ann")
    assert abs(left.deadline_ms - now - 100_000) < 5000
    assert 90_000 < await bench.redis.pttl(bench.key("seat:1")) <= 100_000
    view = await bench.view()
    assert view.next_due_ms is not None
    assert view.next_due_ms <= 100_000
    assert (await bench.store.release(SHOW, held.hold_id, "ann")) == (1, 2), "its pin is over too"
    await bench.hold("cy", [3])
    assert (await bench.view()).states[3] == HELD


@pytest.mark.parametrize("lost", [("taken",), ("meta",), ("meta", "taken")])
async def test_half_a_room_is_noticed_and_loaded_again(bench: Bench, lost: tuple[str, ...]) -> None:
    await bench.book("bob", uuid.uuid4(), [3])
    held = await bench.hold("ann", [1])
    epoch = (await bench.view()).epoch
    await bench.redis.delete(*map(bench.key, lost))
    with pytest.raises(SeatsRefused):
        await bench.hold("cy", [3])
    assert (await bench.view()).epoch != epoch
    assert await bench.states() == {1: HELD, 3: SOLD}
    assert await bench.store.pin(SHOW, held.hold_id, "ann")


async def test_a_seat_that_is_missing_among_the_taken_is_noticed(bench: Bench) -> None:
    await bench.book("bob", uuid.uuid4(), [3, 4])
    await bench.redis.hdel(bench.key("taken"), "3")
    assert await bench.states() == {3: SOLD, 4: SOLD}


async def test_a_lost_lock_ends_the_hold(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    await bench.redis.delete(bench.key("seat:1"))
    for verb in (bench.store.pin, bench.store.extend, bench.store.release):
        with pytest.raises(HoldGone):
            await verb(SHOW, held.hold_id, "ann")


# ---------------------------------------------------------------- refusing and not answering


@asynccontextmanager
async def memory_full(bench: Bench) -> AsyncIterator[None]:
    await bench.redis.config_set("maxmemory", "1")
    try:
        yield
    finally:
        await bench.redis.config_set("maxmemory", "0")


async def test_with_no_memory_left_every_verb_does_all_or_nothing_and_viewers_see_which(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    over = await bench.hold("bob", [3])
    sold = uuid.uuid4()
    await bench.book("cy", sold, [8, 9])
    await bench.end(over, "bob")
    room = Room(SEATS, 10)
    view = await bench.view()
    room.reset(view.epoch, view.version, view.states)
    refused = 0
    async with bench.listening() as heard:
        for call in (
            lambda: bench.store.load(SHOW, "repair"),
            lambda: bench.store.apply(SHOW, 2, SOLD, uuid.uuid4(), "eve", [1]),
            lambda: bench.store.apply(SHOW, 3, FREE, sold, "cy", [8, 9]),
            lambda: bench.hold("dan", [5, 6]),
            lambda: bench.store.release(SHOW, held.hold_id, "ann", [1]),
            lambda: bench.store.release(SHOW, held.hold_id, "ann"),
            lambda: bench.store.sweep(SHOW),
            lambda: bench.hold("eve", [3]),
            lambda: bench.store.load(SHOW, "renew"),
        ):
            async with memory_full(bench):
                try:
                    await call()
                except (Unavailable, HoldGone) as error:
                    refused += isinstance(error, Unavailable)
            for message in await heard.messages():
                pairs = tuple(zip(message.changes[::2], message.changes[1::2], strict=True))
                assert room.apply(Change(message.epoch, message.from_version, message.version, pairs)) is Applied.YES
            view = await bench.view()
            assert (room.epoch, room.version, bytes(room.states)) == (view.epoch, view.version, view.states)
    assert refused, "Redis refused something"
    await bench.store.sweep(SHOW)
    await bench.hold("ann", [20])


async def test_seats_are_released_although_no_memory_is_left(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    async with memory_full(bench):
        assert await bench.store.release(SHOW, held.hold_id, "ann") == (1, 2)
    assert await bench.states() == {}


async def test_a_full_queue_refuses_and_forgets_nothing(redis_url: str) -> None:
    async with open_bench(redis_url, redis_queue_commands=10) as bench:
        await bench.view()
        outcomes = await asyncio.gather(
            *(bench.hold(f"user {seat}", [seat]) for seat in range(SEATS)), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, Busy)]
        held = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert len(refused) + len(held) == SEATS
        assert len(held) == 10
        assert len(await bench.states()) == len(held)
        assert refused[0].retryable
        await bench.hold("later", [SEATS - 1])


async def test_a_cancelled_caller_breaks_nothing_for_others(bench: Bench) -> None:
    await bench.view()
    for rounds in range(30):
        tasks = [asyncio.create_task(bench.hold(f"user {seat}", [seat])) for seat in range(SEATS)]
        for _ in range(rounds % 10):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for seat, outcome in list(enumerate(outcomes))[1::2]:
            assert not isinstance(outcome, BaseException)
            assert outcome.seats == (seat,), "every caller gets its own answer"
        for outcome in outcomes[::2]:
            assert isinstance(outcome, asyncio.CancelledError) or not isinstance(outcome, BaseException)
        # What was cancelled may have run: its hold id is the way to ask.
        await bench.redis.flushall()


async def test_a_cancelled_hold_is_found_by_its_id(bench: Bench) -> None:
    await bench.view()
    hold_id = uuid.uuid4()
    task = asyncio.create_task(bench.hold("ann", [1], hold_id))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert (await bench.hold("ann", [1], hold_id)).seats == (1,)


async def test_a_killed_redis_is_unavailable_and_what_was_held_is_back_after_it(
    redis_server: EmbeddedRedis, redis_url: str
) -> None:
    async with open_bench(redis_url, redis_timeout_ms=2000) as bench:
        held = await bench.hold("ann", [1])
        try:
            os.kill(redis_server.pid, signal.SIGKILL)
            outcomes = await asyncio.gather(
                *(bench.hold("bob", [seat]) for seat in range(2, 8)), return_exceptions=True
            )
            assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
            assert len({id(outcome) for outcome in outcomes}) == len(outcomes), "each caller has an error of its own"
        finally:
            redis_server.start()
        assert redis_server.url == redis_url
        assert (await bench.hold("ann", [1], held.hold_id)).deadline_ms == held.deadline_ms
        await bench.hold("bob", [2])
        assert await bench.states() == {1: HELD, 2: HELD}


async def test_a_silent_redis_is_unavailable_within_the_timeout_and_answers_are_never_mixed_up(redis_url: str) -> None:
    async with proxied(redis_url) as (proxy, url), open_bench(url, redis_timeout_ms=300) as bench:
        await bench.view()
        proxy.freeze()
        outcomes = await asyncio.gather(*(bench.hold("ann", [seat]) for seat in range(5)), return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        with pytest.raises(Unavailable):
            await bench.store.positions([SHOW])
        proxy.thaw()
        for seat in range(10, 20):
            assert (await bench.hold("bob", [seat])).seats == (seat,)


async def test_a_lost_answer_is_asked_again_without_harm(redis_url: str) -> None:
    async with proxied(redis_url) as (proxy, url), open_bench(url) as bench:
        held = await bench.hold("ann", [1, 2])
        await bench.store.sweep(SHOW)
        for seat in range(3, 6):
            hold_id = uuid.uuid4()
            proxy.lose_answer_to = str(hold_id).encode()
            assert (await bench.hold("bob", [seat], hold_id)).seats == (seat,)
        proxy.lose_answer_to = str(held.hold_id).encode()
        assert await bench.store.release(SHOW, held.hold_id, "ann", [1]) == (1,)
        booking = uuid.uuid4()
        proxy.lose_answer_to = str(booking).encode()
        assert not (await bench.book("cy", booking, [7])).gap
        assert proxy.lost == 5
        assert await bench.states() == {2: HELD, 3: HELD, 4: HELD, 5: HELD, 7: SOLD}


async def test_a_closed_store_refuses_what_still_waits(redis_url: str) -> None:
    async with open_bench(redis_url) as bench:
        await bench.view()
        under_way = asyncio.create_task(bench.view())
        await asyncio.sleep(0)  # it asks
        await asyncio.sleep(0)  # it is sent
        tasks = [asyncio.create_task(bench.hold(f"user {seat}", [seat])) for seat in range(SEATS)]
        await asyncio.sleep(0)  # they ask
        await bench.store.close()
        assert len((await under_way).states) == SEATS
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(
            not isinstance(outcome, BaseException) or isinstance(outcome, SeatServerError) for outcome in outcomes
        )
        assert any(isinstance(outcome, Unavailable) for outcome in outcomes)


# ---------------------------------------------------------------- batches


async def test_commands_of_one_tick_share_one_pipeline(bench: Bench) -> None:
    await bench.store.holds_of(SHOW, "ann")
    others = {client["id"] for client in await bench.redis.client_list()}
    before = await bench.redis.info("stats")
    await asyncio.gather(*(bench.store.holds_of(SHOW, f"user {number}") for number in range(200)))
    after = await bench.redis.info("stats")
    assert after["total_commands_processed"] - before["total_commands_processed"] >= 200
    # 200 commands of about 130 bytes, in reads of at most 16 KB unless the network splits them.
    assert after["total_reads_processed"] - before["total_reads_processed"] < 50
    assert {client["id"] for client in await bench.redis.client_list()} == others, "one connection carried them all"


async def test_one_command_that_fails_fails_alone(bench: Bench) -> None:
    await bench.view()
    await bench.redis.set(bench.key("user:bad"), "not what the scripts expect")
    outcomes = await asyncio.gather(
        bench.hold("ann", [1]), bench.hold("bad", [2]), bench.hold("bob", [3]), return_exceptions=True
    )
    assert isinstance(outcomes[1], Exception)
    assert [outcome.seats for outcome in outcomes if not isinstance(outcome, BaseException)] == [(1,), (3,)]


async def test_a_verb_needs_few_commands_of_redis(bench: Bench) -> None:
    await bench.view()
    await bench.hold("ann", [1])

    async def commands() -> int:
        stats = await bench.redis.info("commandstats")
        return sum(row["calls"] for name, row in stats.items() if name not in ("cmdstat_info", "cmdstat_evalsha"))

    before = await commands()
    await bench.hold("bob", [2, 3, 4, 5])
    assert await commands() - before <= 30


async def test_truths_of_other_showtimes_stay_apart(redis_url: str) -> None:
    truth = Truth()
    async with open_bench(redis_url, truth) as bench:
        await bench.store.hold("one", uuid.uuid4(), "ann", [1])
        await bench.store.hold("two", uuid.uuid4(), "bob", [1])
        assert (await bench.store.snapshot("one", SEATS)).epoch != (await bench.store.snapshot("two", SEATS)).epoch
        assert truth.reads == 2
