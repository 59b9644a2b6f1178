"""A seat that somebody has held for long is for others first: whatever they do to keep it, alone or in turns."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import msgspec
import pytest

from seatserver.errors import SeatsRefused
from seatserver.seats.holders import memory_ms
from seatserver.seats.model import AreaWish, Conditions, HeldSeats
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore
from tests.integration.bench import SHOW, Bench, open_bench

HOLD_MS, TOTAL_MS, PAUSE_MS = 300_000, 900_000, 300_000
SECOND_MS, MINUTE_MS = 1000, 60_000
FREE, CLAIMED, SOLD = SeatState.FREE, SeatState.CLAIMED, SeatState.SOLD


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(
        redis_url, hold_ms=HOLD_MS, hold_total_ms=TOTAL_MS, hold_pause_ms=PAUSE_MS, hold_replay_ms=3_600_000
    ) as made:
        yield made


async def cooling(bench: Bench, user: str, seats: list[int], conditions: Conditions | None = None) -> dict[int, int]:
    """Seats that are refused as cooling, and when each may be tried again."""
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), user, seats, conditions or Conditions())
    assert set(caught.value.reasons.values()) == {"cooling"}
    assert caught.value.retry_at_ms.keys() == caught.value.reasons.keys()
    return caught.value.retry_at_ms


async def let_it_run_out(bench: Bench, held: HeldSeats) -> None:
    await bench.pass_time(held.deadline_ms - await bench.now_ms() + 1)
    await bench.store.sweep(SHOW)


async def use_up(bench: Bench, user: str, seats: list[int], conditions: Conditions | None = None) -> None:
    """Hold seats for as long as one may, extensions and all."""
    held = await bench.store.hold(SHOW, uuid.uuid4(), user, seats, conditions or Conditions())
    for _ in range(TOTAL_MS // HOLD_MS):
        await bench.pass_time(HOLD_MS - MINUTE_MS)
        held = await bench.store.extend(SHOW, held.hold_id, user)
    await let_it_run_out(bench, held)


# ---------------------------------------------------------------- every way to let go, and to take it again


async def give_back(bench: Bench, held: HeldSeats) -> None:
    await bench.store.release(SHOW, held.hold_id, "ann")


async def give_back_twice(bench: Bench, held: HeldSeats) -> None:
    for _ in range(2):
        await bench.store.release(SHOW, held.hold_id, "ann")


async def give_back_some(bench: Bench, held: HeldSeats) -> None:
    await bench.store.release(SHOW, held.hold_id, "ann", [1])
    await bench.store.release(SHOW, held.hold_id, "ann", [2])


async def take_others_instead(bench: Bench, held: HeldSeats) -> None:
    other = Conditions(replaces=held.hold_id)
    kept = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1, 2, 3], other)
    last = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [4], Conditions(replaces=kept.hold_id))
    await bench.store.release(SHOW, last.hold_id, "ann")


async def book_and_cancel(bench: Bench, held: HeldSeats) -> None:
    await bench.book("ann", held.hold_id, [1, 2], SOLD)
    await bench.book("ann", held.hold_id, [1, 2], FREE)


async def begin_to_pay_and_cancel(bench: Bench, held: HeldSeats) -> None:
    await bench.book("ann", held.hold_id, [1, 2], CLAIMED)
    await bench.book("ann", held.hold_id, [1, 2], FREE)


async def begin_to_pay_and_be_loaded_anew(bench: Bench, held: HeldSeats) -> None:
    await bench.book("ann", held.hold_id, [1, 2], CLAIMED)
    bench.truth.change(FREE, [1, 2])
    await bench.store.load(SHOW)


async def be_pushed_out(bench: Bench, held: HeldSeats) -> None:
    for channel in ("", None):
        await bench.store.keep(SHOW, bench.truth.keep(channel, [1, 2]), [1, 2], channel)


@pytest.mark.parametrize(
    "let_go",
    [
        give_back, give_back_twice, give_back_some, take_others_instead, book_and_cancel, begin_to_pay_and_cancel,
        begin_to_pay_and_be_loaded_anew, be_pushed_out, let_it_run_out,
    ],
)  # fmt: skip
async def test_however_a_hold_ends_its_seats_cannot_be_had_again_and_again(
    bench: Bench, let_go: Callable[[Bench, HeldSeats], Awaitable[None]]
) -> None:
    times = 0
    with pytest.raises(SeatsRefused) as caught:
        while times < 20:
            held = await bench.hold("ann", [1, 2])
            assert held.deadline_ms <= held.total_age_ends_ms
            times += 1
            now = await bench.now_ms()
            await bench.pass_time(min(2 * MINUTE_MS, held.deadline_ms - now - SECOND_MS))
            await let_go(bench, held)
    assert 3 <= times <= 9
    assert caught.value.reasons == {1: "cooling", 2: "cooling"}
    now = await bench.now_ms()
    for again in caught.value.retry_at_ms.values():
        assert now < again <= now + PAUSE_MS
    assert (await bench.hold("ann", [5])).seats == (5,), "other seats are theirs at once"
    assert (await bench.hold("bob", [1, 2])).seats == (1, 2), "and these are others' to take"


async def test_after_the_pause_the_seat_is_theirs_again_for_the_whole_time(bench: Bench) -> None:
    await use_up(bench, "ann", [1])
    again = (await cooling(bench, "ann", [1]))[1]
    assert await cooling(bench, "ann", [1]) == {1: again}, "asking changes nothing"
    await bench.pass_time(again - await bench.now_ms() - MINUTE_MS)
    await cooling(bench, "ann", [1])
    await bench.pass_time(MINUTE_MS)
    held = await bench.hold("ann", [1])
    assert held.total_age_ends_ms - await bench.now_ms() > TOTAL_MS - MINUTE_MS


async def test_a_seat_that_was_held_before_is_promised_for_what_is_left(bench: Bench) -> None:
    for _ in range(2):
        held = await bench.hold("ann", [1])
        await bench.pass_time(HOLD_MS - MINUTE_MS)
        await bench.store.extend(SHOW, held.hold_id, "ann")
        await bench.pass_time(2 * MINUTE_MS)
        await bench.store.release(SHOW, held.hold_id, "ann")
    held = await bench.hold("ann", [1, 2])
    left = held.deadline_ms - await bench.now_ms()
    assert 2 * MINUTE_MS < left <= 3 * MINUTE_MS
    longer = await bench.store.extend(SHOW, held.hold_id, "ann")
    assert longer.deadline_ms == held.deadline_ms == held.total_age_ends_ms
    await bench.store.release(SHOW, held.hold_id, "ann")
    assert (await bench.hold("ann", [2])).total_age_ends_ms - await bench.now_ms() > TOTAL_MS - MINUTE_MS


async def test_a_hold_that_would_last_less_than_a_tenth_of_an_ordinary_one_is_not_made(bench: Bench) -> None:
    tenth = HOLD_MS // 10
    for _ in range(3):
        held = await bench.hold("ann", [1])
        await bench.pass_time(TOTAL_MS // 3 - tenth)
        await bench.store.release(SHOW, held.hold_id, "ann")
    held = await bench.hold("ann", [1])
    await bench.pass_time(2 * tenth + 5 * SECOND_MS)
    await bench.store.release(SHOW, held.hold_id, "ann")
    await cooling(bench, "ann", [1])


async def test_a_basket_takes_no_seat_that_it_could_not_keep_as_long_as_it_is_promised(bench: Bench) -> None:
    for _ in range(3):
        held = await bench.hold("ann", [1])
        await bench.pass_time(4 * MINUTE_MS)
        await bench.store.release(SHOW, held.hold_id, "ann")
    basket = await bench.hold("ann", [2])
    await cooling(bench, "ann", [1, 2], Conditions(replaces=basket.hold_id))
    assert (await bench.store.extend(SHOW, basket.hold_id, "ann")).seats == (2,)


# ---------------------------------------------------------------- two people, and many


async def test_two_who_take_turns_do_not_keep_a_seat(bench: Bench) -> None:
    await use_up(bench, "ann", [1])
    await use_up(bench, "bob", [1])
    await cooling(bench, "ann", [1])
    await cooling(bench, "bob", [1])
    assert (await bench.hold("zoe", [1])).seats == (1,)


async def test_two_who_take_turns_by_beginning_to_pay_do_not_keep_a_seat(bench: Bench) -> None:
    for user in ("ann", "bob"):
        held = await bench.hold(user, [1])
        await bench.pass_time(HOLD_MS - MINUTE_MS)
        await bench.book(user, held.hold_id, [1], CLAIMED)
        await bench.pass_time(bench.settings.claim_ms)
        await bench.book(user, held.hold_id, [1], FREE)
    await cooling(bench, "ann", [1])
    await cooling(bench, "bob", [1])


async def test_everybody_pays_for_their_own_time_only(bench: Bench) -> None:
    for user in ("ann", "bob", "ann", "bob"):
        held = await bench.hold(user, [1])
        assert held.deadline_ms - await bench.now_ms() > HOLD_MS - MINUTE_MS
        await let_it_run_out(bench, held)
    assert (await bench.hold("ann", [1])).seats == (1,)


async def test_a_person_is_forgotten_after_long_without_the_seat(bench: Bench) -> None:
    await use_up(bench, "ann", [1])
    passed = 0
    for number in range(100):
        if passed > memory_ms(bench.settings):
            break
        held = await bench.hold(f"user {number}", [1])
        await let_it_run_out(bench, held)
        passed += HOLD_MS
    assert (await bench.hold("ann", [1])).seats == (1,), "although it was never free for the pause"


async def test_guests_of_one_network_are_one_person_to_a_seat(bench: Bench) -> None:
    home, cafe = Conditions(network="home"), Conditions(network="cafe")
    await use_up(bench, "guest:1", [1], home)
    await cooling(bench, "guest:2", [1], home)
    await cooling(bench, "guest:1", [1], cafe)
    for user, conditions in (("guest:3", cafe), ("ann", Conditions())):
        held = await bench.store.hold(SHOW, uuid.uuid4(), user, [1], conditions)
        await bench.store.release(SHOW, held.hold_id, user)


async def test_a_family_that_chooses_different_seats_never_notices(bench: Bench) -> None:
    home = Conditions(network="home")
    for number in range(12):
        await use_up(bench, f"guest:{number}", [number], home)
    held = await bench.store.hold(SHOW, uuid.uuid4(), "guest:20", [20], home)
    assert held.total_age_ends_ms - await bench.now_ms() > TOTAL_MS - MINUTE_MS


async def test_what_is_remembered_is_bounded_and_goes_by_itself(bench: Bench) -> None:
    for number in range(40):
        held = await bench.store.hold(SHOW, uuid.uuid4(), f"guest:{number}", [1], Conditions(network=f"{number}"))
        await bench.pass_time(SECOND_MS)
        await bench.store.release(SHOW, held.hold_id, f"guest:{number}")
    packed = await bench.redis.hget(bench.key("past"), "1")
    assert isinstance(packed, bytes)
    assert len(msgspec.msgpack.decode(packed)[3]) == 3 * 16
    assert len(packed) < 1000
    assert (
        memory_ms(bench.settings) <= await bench.redis.pttl(bench.key("past")) <= memory_ms(bench.settings) + MINUTE_MS
    )


# ---------------------------------------------------------------- general areas


def places(count: int) -> Conditions:
    """So many of five places, numbers 10 to 14."""
    return Conditions(areas=(AreaWish(range(10, 15), 10, count),))


async def test_an_area_gives_places_this_person_has_not_had_first(bench: Bench) -> None:
    await use_up(bench, "ann", [], places(2))
    assert (await bench.store.hold(SHOW, uuid.uuid4(), "ann", [], places(3))).seats == (12, 13, 14)


async def test_the_last_places_of_an_area_cannot_be_had_again_and_again(bench: Bench) -> None:
    await use_up(bench, "ann", [], places(4))
    await bench.store.hold(SHOW, uuid.uuid4(), "bob", [14])
    again = await cooling(bench, "ann", [], places(1))
    assert again.keys() == {10}, "the area is named by its first place"
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [], places(5))
    assert caught.value.reasons == {10: "full"}
    assert (await bench.store.hold(SHOW, uuid.uuid4(), "zoe", [], places(4))).seats == (10, 11, 12, 13)


# ---------------------------------------------------------------- instances, releases, clocks


async def test_every_instance_keeps_the_rule(bench: Bench) -> None:
    other = SeatStore(bench.redis, bench.settings, bench.truth.load_ownership)
    await use_up(bench, "ann", [1])
    with pytest.raises(SeatsRefused) as caught:
        await other.hold(SHOW, uuid.uuid4(), "ann", [1])
    assert caught.value.reasons == {1: "cooling"}
    await other.close()


async def test_holds_of_an_earlier_release_go_on_and_end_as_ever(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2, 3])
    await bench.redis.hdel(bench.key(f"hold:{held.hold_id}"), "people", "since", "carried")
    assert (await bench.store.extend(SHOW, held.hold_id, "ann")).seats == (1, 2, 3)
    assert await bench.store.release(SHOW, held.hold_id, "ann", [1]) == (1,)
    other = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [2, 4], Conditions(replaces=held.hold_id))
    await bench.book("ann", other.hold_id, [2, 4], CLAIMED)
    await bench.book("ann", other.hold_id, [2, 4], FREE)
    assert await bench.states() == {}
    assert (await bench.hold("ann", [1, 2, 3])).seats == (1, 2, 3)


async def test_a_clock_that_is_set_back_makes_nobody_wait_for_hours(bench: Bench) -> None:
    await use_up(bench, "ann", [1])
    await bench.hold("bob", [2])
    await bench.redis.hset(bench.key("meta"), "clock", str(await bench.now_ms() + 10 * 3_600_000))
    assert (await bench.hold("ann", [1])).seats == (1,)


async def test_a_repeated_request_is_answered_although_its_seats_cool_off(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    for _ in range(3):
        await bench.pass_time(HOLD_MS - MINUTE_MS)
        await bench.store.extend(SHOW, held.hold_id, "ann")
    again = await bench.hold("ann", [1], UUID(str(held.hold_id)))
    assert (again.hold_id, again.seats) == (held.hold_id, (1,))


async def test_an_ordinary_hold_costs_one_question_more(bench: Bench) -> None:
    await bench.hold("ann", [1, 2, 3])
    await bench.redis.config_resetstat()
    await bench.hold("bob", [4, 5, 6])
    stats = await bench.redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in stats.items()}
    assert calls["hmget"] == 2, "the room, and who has had the seats"
    assert "pttl" not in calls, "the list of a user without seats is new"
    assert sum(calls.values()) - calls.get("info", 0) - calls.get("config|resetstat", 0) < 22


async def test_a_counter_that_sells_to_one_customer_after_the_other_may_hold_a_seat_again(bench: Bench) -> None:
    counter = Conditions(channel="box-office")
    await use_up(bench, "counter", [1], counter)
    assert (await bench.store.hold(SHOW, uuid.uuid4(), "counter", [1], counter)).seats == (1,)
