"""The verbs on a real Redis: holding, giving back, more time, and what Postgres decided."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from functools import partial

import pytest

from seatserver.errors import HoldConflict, HoldGone, HoldPinned, SeatsRefused
from seatserver.rooms.feed import Notice
from seatserver.seats.model import Applied, Conditions, Judged
from seatserver.seats.states import SeatState
from tests.integration.bench import SHOW, Bench, open_bench, until

CLAIMED, SOLD, BLOCKED, FREE, HELD = (
    SeatState.CLAIMED,
    SeatState.SOLD,
    SeatState.BLOCKED,
    SeatState.FREE,
    SeatState.HELD,
)


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(redis_url, seats_per_user=4) as bench:
        yield bench


# ---------------------------------------------------------------- hold


async def test_all_seats_are_held_or_none_and_every_refused_seat_is_named(bench: Bench) -> None:
    bench.truth.taken = {1: int(SOLD), 2: int(CLAIMED)}
    bench.truth.kept = {3: ""}
    await bench.hold("bob", [4])
    before = await bench.view()
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(
            SHOW,
            uuid.uuid4(),
            "ann",
            [0, 1, 2, 3, 4, 5],
            Conditions(judged=Judged({5: "group", 4: "group", 1: "group"})),
        )
    assert caught.value.reasons == {
        0: "limit", 1: "sold", 2: "sold", 3: "blocked", 4: "held", 5: "group",
    }  # fmt: skip
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [0, 1, 5], Conditions(judged=Judged({5: "group"})))
    assert caught.value.reasons == {1: "sold", 5: "group"}
    after = await bench.view()
    assert (after.version, after.states) == (before.version, before.states)


async def test_a_hold_is_seen_by_all_and_has_a_deadline(bench: Bench) -> None:
    held = await bench.hold("ann", [7, 5, 5])
    assert held.seats == (5, 7)
    assert await bench.states() == {5: HELD, 7: HELD}
    seconds, micros = await bench.redis.time()
    assert held.deadline_ms <= seconds * 1000 + micros // 1000 + bench.settings.hold_ms
    next_due = (await bench.view()).next_due_ms
    assert next_due is not None
    assert 0 <= next_due <= bench.settings.hold_ms
    assert await bench.store.holds_of(SHOW, "ann") == (held,)
    assert await bench.store.holds_of(SHOW, "bob") == ()


async def test_the_fence_grows_with_every_hold(bench: Bench) -> None:
    fences = [(await bench.hold(user, [seat])).fence for seat, user in enumerate(("ann", "bob", "ann"))]
    assert fences == sorted(set(fences))


async def test_the_same_hold_again_is_answered_like_the_first_time(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    version = (await bench.view()).version
    assert await bench.hold("ann", [2, 1], held.hold_id) == held
    assert (await bench.view()).version == version


async def test_an_id_that_was_used_for_other_seats_or_by_someone_else_is_a_conflict(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    with pytest.raises(HoldConflict, match="another request"):
        await bench.hold("ann", [1, 2, 3], held.hold_id)
    with pytest.raises(HoldConflict, match="in use"):
        await bench.hold("bob", [1, 2], held.hold_id)
    assert await bench.states() == {1: HELD, 2: HELD}


async def test_a_hold_that_ended_is_not_held_anew_by_a_late_repetition(bench: Bench) -> None:
    released = await bench.hold("ann", [1])
    await bench.store.release(SHOW, released.hold_id, "ann")
    expired = await bench.hold("ann", [2])
    await bench.end(expired, "ann")
    booked = await bench.hold("ann", [3])
    await bench.book("ann", booked.hold_id, [3])
    beaten = await bench.hold("ann", [4])
    await bench.book("bob", uuid.uuid4(), [4])
    for held, why in (
        (released, "given back"),
        (expired, "time ran out"),
        (booked, "became a booking"),
        (beaten, "sold to someone else"),
    ):
        with pytest.raises(HoldGone, match=why):
            await bench.hold("ann", held.seats, held.hold_id)
        with pytest.raises(HoldGone, match=why):
            await bench.store.extend(SHOW, held.hold_id, "ann")
        with pytest.raises(HoldGone, match=why):
            await bench.store.pin(SHOW, held.hold_id, "ann")
    assert await bench.states() == {3: SOLD, 4: SOLD}


async def test_a_hold_of_someone_else_or_of_nobody_is_gone(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    for hold_id, user, why in ((held.hold_id, "bob", "someone else"), (uuid.uuid4(), "ann", "does not exist")):
        with pytest.raises(HoldGone, match=why):
            await bench.store.extend(SHOW, hold_id, user)
        with pytest.raises(HoldGone, match=why):
            await bench.store.pin(SHOW, hold_id, user)
        with pytest.raises(HoldGone, match=why):
            await bench.store.release(SHOW, hold_id, user)
    assert await bench.states() == {1: HELD}


async def test_a_hold_that_is_handed_over_is_anothers_with_the_same_seats_and_the_same_clock(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    assert await bench.store.hand_over(SHOW, held.hold_id, "ann", "bob") == held
    assert await bench.store.hand_over(SHOW, held.hold_id, "ann", "bob") == held, "the reply was lost"
    assert await bench.store.fate_of(SHOW, held.hold_id) == ("bob", "live")
    assert await bench.states() == {1: HELD, 2: HELD}
    assert await bench.store.holds_of(SHOW, "ann") == ()
    assert await bench.store.holds_of(SHOW, "bob") == (held,)
    for other in ("ann", "eve"):
        with pytest.raises(HoldGone, match="someone else"):
            await bench.store.hand_over(SHOW, held.hold_id, "ann", "eve")
        with pytest.raises(HoldGone, match="someone else"):
            await bench.store.pin(SHOW, held.hold_id, other)
    await bench.store.release(SHOW, held.hold_id, "bob")
    assert await bench.states() == {}
    for to in ("bob", "eve"):
        with pytest.raises(HoldGone):
            await bench.store.hand_over(SHOW, held.hold_id, "ann", to)


async def test_a_hold_that_is_being_booked_or_is_over_or_too_much_is_not_handed_over(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    await bench.store.pin(SHOW, held.hold_id, "ann")
    with pytest.raises(HoldPinned):
        await bench.store.hand_over(SHOW, held.hold_id, "ann", "bob")
    await bench.book("ann", held.hold_id, [1, 2])
    with pytest.raises(HoldGone, match="became a booking"):
        await bench.store.hand_over(SHOW, held.hold_id, "ann", "bob")
    late = await bench.hold("ann", [3])
    await bench.end(late, "ann")
    with pytest.raises(HoldGone, match="time ran out"):
        await bench.store.hand_over(SHOW, late.hold_id, "ann", "bob")
    with pytest.raises(HoldGone, match="does not exist"):
        await bench.store.hand_over(SHOW, uuid.uuid4(), "ann", "bob")
    await bench.hold("bob", [4, 5, 6])
    one_more, many = await bench.hold("ann", [7]), await bench.hold("ann", [8, 9])
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hand_over(SHOW, many.hold_id, "ann", "bob")
    assert caught.value.reasons == {8: "limit", 9: "limit"}
    assert await bench.store.holds_of(SHOW, "ann") == (one_more, many), "nothing has changed"
    await bench.store.hand_over(SHOW, one_more.hold_id, "ann", "bob")


async def test_of_two_who_take_a_hold_over_at_once_one_has_it_and_it_is_never_free(bench: Bench) -> None:
    async def take(hold_id: uuid.UUID, to: str) -> str | None:
        try:
            await bench.store.hand_over(SHOW, hold_id, "ann", to)
        except HoldGone:
            return None
        return to

    for _ in range(20):
        held = await bench.hold("ann", [1])
        rivals = asyncio.gather(*(take(held.hold_id, to) for to in ("bob", "eve")))
        with pytest.raises(SeatsRefused):
            await bench.hold("joe", [1])
        [owner] = filter(None, await rivals)
        assert await bench.store.fate_of(SHOW, held.hold_id) == (owner, "live")
        await bench.store.release(SHOW, held.hold_id, owner)


async def test_the_cap_counts_all_holds_of_a_user(bench: Bench) -> None:
    first = await bench.hold("ann", [1, 2])
    await bench.hold("ann", [3])
    with pytest.raises(SeatsRefused) as caught:
        await bench.hold("ann", [4, 5])
    assert caught.value.reasons == {4: "limit", 5: "limit"}
    await bench.hold("bob", [4, 5])
    await bench.store.release(SHOW, first.hold_id, "ann", [1])
    await bench.hold("ann", [6, 7])
    with pytest.raises(SeatsRefused):
        await bench.hold("ann", [8])


async def test_holds_that_expired_or_were_booked_do_not_count_for_the_cap(bench: Bench) -> None:
    expired = await bench.hold("ann", [1, 2])
    booked = await bench.hold("ann", [3, 4])
    with pytest.raises(SeatsRefused):
        await bench.hold("ann", [5])
    await bench.end(expired, "ann")
    await bench.hold("ann", [5, 6])
    await bench.book("ann", booked.hold_id, [3, 4], CLAIMED)
    await bench.hold("ann", [7, 8])


@pytest.mark.parametrize("user", ["a|b", "|", "anä 😀", "x" * 128, "😀" * 128, "{other}", "a:b:user:c", "%d+", " "])
async def test_a_user_may_have_any_name(bench: Bench, user: str) -> None:
    held = await bench.hold(user, [1, 2])
    assert (await bench.store.holds_of(SHOW, user))[0].hold_id == held.hold_id
    await bench.store.pin(SHOW, held.hold_id, user)
    ending = await bench.hold(user, [3])
    async with bench.listening() as heard:
        await bench.end(ending, user)
        await bench.store.sweep(SHOW)
        await bench.book(user, held.hold_id, [1, 2])
        notices = [notice for message in await heard.messages() for notice in message.notices]
    assert notices == [
        Notice("expired", user, str(ending.hold_id), (3,)),
        Notice("booking", user, str(held.hold_id), (1, 2)),
    ]
    await bench.hold(user, [4, 5, 6, 7])


async def test_of_many_users_who_want_one_seat_one_gets_it(bench: Bench) -> None:
    outcomes = await asyncio.gather(
        *(bench.hold(f"user {number}", [number % 3, 10]) for number in range(100)), return_exceptions=True
    )
    held = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(held) == 1
    assert all(isinstance(outcome, SeatsRefused) for outcome in outcomes if outcome is not held[0])


# ---------------------------------------------------------------- keys


async def test_every_held_seat_has_a_native_ttl_and_every_key_lives_under_one_hash_tag(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    await bench.book("bob", uuid.uuid4(), [9])
    for seat in held.seats:
        ttl_ms = await bench.redis.pttl(bench.key(f"seat:{seat}"))
        assert 0 < ttl_ms <= bench.settings.hold_ms
    keys = await bench.redis.keys("*")
    assert keys
    assert all(isinstance(key, bytes) and key.startswith(b"seats:{show-1}:") for key in keys)
    # What is left when nobody sweeps any more ends by itself.
    for name in ("meta", "taken", "user:ann", f"hold:{held.hold_id}"):
        assert await bench.redis.pttl(bench.key(name)) > 0, name


async def test_a_hold_that_ended_is_remembered_for_repetitions_and_not_for_its_whole_time(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    assert await bench.redis.pttl(bench.key(f"hold:{held.hold_id}")) > bench.settings.hold_replay_ms
    await bench.store.release(SHOW, held.hold_id, "ann")
    left_ms = await bench.redis.pttl(bench.key(f"hold:{held.hold_id}"))
    assert 0 < left_ms <= bench.settings.hold_replay_ms
    with pytest.raises(HoldGone, match="given back"):
        await bench.store.hold(SHOW, held.hold_id, "ann", [1])


async def test_a_seat_is_free_again_by_its_ttl_alone(redis_url: str) -> None:
    async with open_bench(redis_url, hold_ms=200) as bench:
        held = await bench.hold("ann", [1])
        await until(partial(bench.is_after, held.deadline_ms + 5), "the hold's time is over")
        assert await bench.redis.exists(bench.key("seat:1")) == 0
        with pytest.raises(HoldGone, match="time ran out"):
            await bench.store.pin(SHOW, held.hold_id, "ann")
        assert (await bench.hold("bob", [1])).seats == (1,)
        assert await bench.store.holds_of(SHOW, "ann") == ()


# ---------------------------------------------------------------- extend, pin, release


async def test_more_time_is_given_up_to_the_total_age(redis_url: str) -> None:
    async with open_bench(redis_url, hold_ms=100_000, hold_total_ms=150_000) as bench:
        held = await bench.hold("ann", [1, 2])
        version = (await bench.view()).version
        longer = await bench.store.extend(SHOW, held.hold_id, "ann")
        assert (longer.hold_id, longer.seats, longer.fence) == (held.hold_id, held.seats, held.fence)
        assert longer.deadline_ms >= held.deadline_ms
        created = await bench.now_ms() - 120_000
        await bench.age(held, created_ms=created, deadline_ms=await bench.now_ms() + 10_000)
        assert (await bench.store.extend(SHOW, held.hold_id, "ann")).deadline_ms == created + 150_000
        assert (await bench.store.extend(SHOW, held.hold_id, "ann")).deadline_ms == created + 150_000
        assert (await bench.view()).version == version, "nothing that viewers see has changed"
        for seat in (1, 2):
            assert await bench.redis.zscore(bench.key("due"), str(seat)) == created + 150_000
            assert 0 < await bench.redis.pttl(bench.key(f"seat:{seat}")) <= 30_000


async def test_an_extension_never_takes_time_away(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    created = await bench.now_ms() - 10 * bench.settings.hold_total_ms
    await bench.age(held, created_ms=created, deadline_ms=held.deadline_ms)
    assert (await bench.store.extend(SHOW, held.hold_id, "ann")).deadline_ms == held.deadline_ms


async def test_a_pinned_hold_outlives_its_deadline_over_the_checkout(redis_url: str) -> None:
    async with open_bench(redis_url, hold_ms=2000, database_statement_ms=3500, checkout_ms=60_000) as bench:
        held = await bench.hold("ann", [1, 2])
        pinned = await bench.store.pin(SHOW, held.hold_id, "ann")
        assert pinned.seats == held.seats
        assert pinned.deadline_ms > held.deadline_ms
        await until(partial(bench.is_after, held.deadline_ms), "the hold's own deadline is over")
        await bench.store.sweep(SHOW)
        assert await bench.states() == {1: HELD, 2: HELD}
        assert await bench.store.pin(SHOW, held.hold_id, "ann")


async def test_pinning_again_and_again_does_not_hold_seats_for_ever(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    oldest = bench.settings.hold_total_ms + bench.settings.checkout_ms
    created = await bench.now_ms() - oldest + 10_000
    await bench.age(held, created_ms=created, deadline_ms=await bench.now_ms() + 5000)
    for _ in range(3):
        assert (await bench.store.pin(SHOW, held.hold_id, "ann")).deadline_ms == created + oldest
    with pytest.raises(HoldPinned) as caught:
        await bench.store.release(SHOW, held.hold_id, "ann")
    assert caught.value.facts["until_ms"] <= created + oldest


async def test_a_pinned_hold_is_not_given_back_before_the_pin_runs_out(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    await bench.store.pin(SHOW, held.hold_id, "ann")
    for seats in (None, [1]):
        with pytest.raises(HoldPinned):
            await bench.store.release(SHOW, held.hold_id, "ann", seats)
    assert await bench.states() == {1: HELD, 2: HELD}
    await bench.redis.hset(bench.key(f"hold:{held.hold_id}"), "pinned", "1")
    assert await bench.store.release(SHOW, held.hold_id, "ann") == (1, 2)


async def test_giving_back_a_part_keeps_the_rest(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2, 3])
    assert await bench.store.release(SHOW, held.hold_id, "ann", [2, 1]) == (1, 2)
    assert await bench.states() == {3: HELD}
    await bench.hold("bob", [1, 2])
    # Again, as after a lost reply: answered the same, and Bob keeps his seats.
    assert await bench.store.release(SHOW, held.hold_id, "ann", [1, 2]) == (1, 2)
    assert await bench.states() == {1: HELD, 2: HELD, 3: HELD}
    assert (await bench.store.pin(SHOW, held.hold_id, "ann")).seats == (3,)
    await bench.redis.hset(bench.key(f"hold:{held.hold_id}"), "pinned", "1")
    assert await bench.store.release(SHOW, held.hold_id, "ann") == (3,)
    assert await bench.states() == {1: HELD, 2: HELD}


async def test_giving_back_is_repeatable(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    assert await bench.store.release(SHOW, held.hold_id, "ann") == (1, 2)
    version = (await bench.view()).version
    assert await bench.store.release(SHOW, held.hold_id, "ann") == (1, 2)
    assert await bench.store.release(SHOW, held.hold_id, "ann", [2]) == (2,)
    assert (await bench.view()).version == version


async def test_seats_that_were_never_in_the_hold_are_not_given_back(bench: Bench) -> None:
    await bench.hold("bob", [5])
    held = await bench.hold("ann", [1, 2])
    assert await bench.store.release(SHOW, held.hold_id, "ann", [2, 5, 9]) == (2,)
    assert await bench.states() == {1: HELD, 5: HELD}
    await bench.store.release(SHOW, held.hold_id, "ann")
    assert await bench.store.release(SHOW, held.hold_id, "ann", [1, 5]) == (1,)
    assert await bench.states() == {5: HELD}


# ---------------------------------------------------------------- sweep


async def test_a_sweep_ends_what_is_over_and_tells_its_owner(bench: Bench) -> None:
    over = await bench.hold("ann", [1, 2])
    lasting = await bench.hold("bob", [3])
    await bench.end(over, "ann")
    async with bench.listening() as heard:
        next_due = await bench.store.sweep(SHOW)
        [message] = await heard.messages()
    assert next_due is not None
    assert 0 < next_due <= bench.settings.hold_ms
    assert sorted(zip(message.changes[::2], message.changes[1::2], strict=True)) == [(1, FREE), (2, FREE)]
    assert [(notice.kind, notice.hold_id, sorted(notice.seats)) for notice in message.notices] == [
        ("expired", str(over.hold_id), [1, 2])
    ]
    assert await bench.states() == {3: HELD}
    await bench.store.release(SHOW, lasting.hold_id, "bob")
    assert await bench.store.sweep(SHOW) is None


async def test_a_hold_frees_first_what_is_over(bench: Bench) -> None:
    await bench.end(await bench.hold("ann", [1, 2]), "ann")
    async with bench.listening() as heard:
        await bench.hold("bob", [2])
        [message] = await heard.messages()
    assert message.notices[0].kind == "expired"
    assert await bench.states() == {2: HELD}


async def test_a_sweep_of_a_showtime_that_redis_does_not_know_loads_nothing_unless_asked(bench: Bench) -> None:
    assert await bench.store.sweep(SHOW, load=False) is None
    assert bench.truth.reads == 0
    assert await bench.store.sweep(SHOW) is None
    assert bench.truth.reads == 1


# ---------------------------------------------------------------- apply


async def test_a_booking_takes_its_holds_seats_and_ends_the_hold(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    async with bench.listening() as heard:
        assert await bench.book("ann", held.hold_id, [1, 2], CLAIMED) == Applied(pgseq=1, gap=False)
        [message] = await heard.messages()
    assert message.changes == (1, CLAIMED, 2, CLAIMED)
    assert message.notices == (Notice("booking", "ann", str(held.hold_id), (1, 2)),)
    assert await bench.states() == {1: CLAIMED, 2: CLAIMED}
    assert await bench.store.sweep(SHOW) is None
    await bench.book("ann", held.hold_id, [1, 2])
    assert await bench.states() == {1: SOLD, 2: SOLD}
    await bench.book("ann", held.hold_id, [1, 2], FREE)
    assert await bench.states() == {}
    await bench.hold("bob", [1, 2])


async def test_a_change_that_comes_again_does_nothing_and_one_too_early_is_a_gap(bench: Bench) -> None:
    booking = uuid.uuid4()
    first = await bench.book("ann", booking, [1])
    view = await bench.view()
    assert await bench.store.apply(SHOW, 1, SOLD, booking, "ann", [1]) == first
    early = await bench.store.apply(SHOW, 3, SOLD, uuid.uuid4(), "bob", [2])
    assert (early.gap, early.pgseq) == (True, 1)
    after = await bench.view()
    assert (after.version, after.pgseq, after.states) == (view.version, 1, view.states)


async def test_a_sale_ends_anothers_hold_as_a_whole_and_tells_them(bench: Bench) -> None:
    beaten = await bench.hold("bob", [1, 2, 3])
    other = await bench.hold("bob", [4])
    booking = uuid.uuid4()
    async with bench.listening() as heard:
        await bench.book("ann", booking, [2, 8])
        [message] = await heard.messages()
    assert dict(zip(message.changes[::2], message.changes[1::2], strict=True)) == {1: FREE, 2: SOLD, 3: FREE, 8: SOLD}
    by_kind = {notice.kind: notice for notice in message.notices}
    assert by_kind["booking"] == Notice("booking", "ann", str(booking), (2, 8))
    assert (by_kind["sold"].user_id, by_kind["sold"].hold_id) == ("bob", str(beaten.hold_id))
    assert sorted(by_kind["sold"].seats) == [1, 2, 3]
    assert await bench.states() == {2: SOLD, 4: HELD, 8: SOLD}
    assert [held.hold_id for held in await bench.store.holds_of(SHOW, "bob")] == [other.hold_id]
    await bench.hold("bob", [5, 6, 7])  # the lost seats count for the cap no more


async def test_a_sale_ends_every_hold_that_it_touches(bench: Bench) -> None:
    await bench.hold("bob", [1, 2])
    await bench.hold("cy", [3, 4])
    mine = await bench.hold("ann", [5])
    async with bench.listening() as heard:
        await bench.book("ann", mine.hold_id, [1, 3, 5])
        [message] = await heard.messages()
    assert sorted((notice.kind, notice.user_id) for notice in message.notices) == [
        ("booking", "ann"), ("sold", "bob"), ("sold", "cy"),
    ]  # fmt: skip
    assert await bench.states() == {1: SOLD, 3: SOLD, 5: SOLD}


async def test_a_hold_that_expired_before_its_booking_arrived_is_sold_all_the_same(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    await bench.end(held, "ann")
    thief = await bench.hold("bob", [2])
    await bench.book("ann", held.hold_id, [1, 2])
    assert await bench.states() == {1: SOLD, 2: SOLD}
    with pytest.raises(HoldGone, match="sold to someone else"):
        await bench.store.pin(SHOW, thief.hold_id, "bob")
    with pytest.raises(HoldGone, match="became a booking"):
        await bench.store.pin(SHOW, held.hold_id, "ann")


# ---------------------------------------------------------------- versions


async def test_every_change_is_one_version_and_one_message(bench: Bench) -> None:
    async with bench.listening() as heard:
        held = await bench.hold("ann", [1, 2])
        await bench.store.extend(SHOW, held.hold_id, "ann")
        with pytest.raises(SeatsRefused):
            await bench.hold("bob", [2])
        await bench.store.release(SHOW, held.hold_id, "ann", [1])
        ending = await bench.hold("bob", [5])
        await bench.end(ending, "bob")
        await bench.store.sweep(SHOW)
        await bench.store.sweep(SHOW)
        await bench.book("ann", held.hold_id, [2])
        await bench.hold("cy", [6])
        messages = await heard.messages()
    view = await bench.view()
    assert [message.from_version for message in messages] == list(range(len(messages)))
    assert [message.version for message in messages] == list(range(1, len(messages) + 1))
    assert {message.epoch for message in messages} == {view.epoch}
    assert view.version == messages[-1].version == 7


async def test_versions_and_deadlines_are_whole_numbers_however_large(bench: Bench) -> None:
    await bench.view()
    large = 2**52
    await bench.redis.hset(bench.key("meta"), mapping={"version": str(large), "fence": str(10**13)})
    async with bench.listening() as heard:
        held = await bench.hold("ann", [1])
        [message] = await heard.messages()
    assert (message.from_version, message.version) == (large, large + 1)
    assert held.fence == 10**13 + 1
    assert message.soonest_ms == held.deadline_ms
    assert abs(message.now_ms - time.time_ns() // 1_000_000) < 10 * 60_000
    assert (await bench.store.pin(SHOW, held.hold_id, "ann")).fence == held.fence
    assert (await bench.view()).version == large + 1


async def test_positions_are_those_of_the_snapshot_and_none_for_the_unknown(bench: Bench) -> None:
    await bench.hold("ann", [1])
    view = await bench.view()
    assert await bench.store.positions((SHOW, "unknown")) == [(view.epoch, view.version, view.pgseq), None]


async def test_a_seat_that_the_hall_does_not_have_keeps_nobody_out(bench: Bench) -> None:
    await bench.hold("ann", [1])
    await bench.redis.zadd(bench.key("due"), {"999": 1})
    assert await bench.states() == {1: HELD}
