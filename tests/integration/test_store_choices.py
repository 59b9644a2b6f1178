"""What may go with the seats of a hold: areas, another hold's place, a channel's seats, rules that still hold."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from seatserver.errors import HoldConflict, HoldGone, HoldPinned, SeatsRefused
from seatserver.seats.model import AreaWish, Conditions, HeldSeats, Judged, RoomMoved
from seatserver.seats.states import SeatState
from tests.integration.bench import SEATS, SHOW, Bench, open_bench

HELD, SOLD, BLOCKED, ALLOCATED, CLAIMED = (
    SeatState.HELD, SeatState.SOLD, SeatState.BLOCKED, SeatState.ALLOCATED, SeatState.CLAIMED,
)  # fmt: skip
AREA = range(SEATS - 6, SEATS)


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(redis_url) as bench:
        yield bench


async def replace(bench: Bench, old: HeldSeats, seats: list[int], user: str = "ann") -> HeldSeats:
    return await bench.store.hold(SHOW, uuid.uuid4(), user, seats, Conditions(replaces=old.hold_id))


async def refused(bench: Bench, seats: list[int], channel: str = "") -> dict[int, str]:
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", seats, Conditions(channel=channel))
    return dict(caught.value.reasons)


# ---------------------------------------------------------------- blocked and allocated seats


async def test_kept_seats_are_shown_and_only_their_channel_may_hold_them(bench: Bench) -> None:
    bench.truth.kept = {1: "", 2: "club"}
    assert await bench.states() == {1: BLOCKED, 2: ALLOCATED}
    assert await refused(bench, [1, 2]) == {1: "blocked", 2: "allocated"}
    assert await refused(bench, [1, 2], "club") == {1: "blocked"}
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [2, 3], Conditions(channel="club"))
    assert held.channel == "club"
    assert await bench.states() == {1: BLOCKED, 2: HELD, 3: HELD}


async def test_a_kept_seat_that_is_given_back_is_kept_again(bench: Bench) -> None:
    bench.truth.kept = {2: "club"}
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [2, 3], Conditions(channel="club"))
    async with bench.listening() as heard:
        await bench.store.release(SHOW, held.hold_id, "ann")
        assert await bench.states() == {2: ALLOCATED}
        assert {tuple(pair) for message in await heard.messages() for pair in _pairs(message.changes)} == {
            (2, 5),
            (3, 0),
        }


async def test_a_cancelled_booking_of_a_kept_seat_leaves_it_kept(bench: Bench) -> None:
    bench.truth.kept = {2: "club"}
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [2], Conditions(channel="club"))
    for state in (SOLD, SeatState.FREE):
        seq = bench.truth.change(state, [2])
        await bench.store.apply(SHOW, seq, state, held.hold_id, "ann", [2])
    assert await bench.states() == {2: ALLOCATED}


async def test_keeping_seats_ends_the_holds_of_others_as_a_whole_and_tells_them(bench: Bench) -> None:
    held = await bench.hold("ann", [1, 2])
    other = await bench.store.hold(SHOW, uuid.uuid4(), "bob", [5], Conditions(channel="club"))
    async with bench.listening() as heard:
        await bench.store.keep(SHOW, bench.truth.keep("club", [2, 5, 6]), [2, 5, 6], "club")
        assert await bench.states() == {2: ALLOCATED, 5: HELD, 6: ALLOCATED}
        [notice] = [notice for message in await heard.messages() for notice in message.notices]
    assert (notice.kind, notice.user_id, UUID(notice.hold_id)) == ("blocked", "ann", held.hold_id)
    assert set(notice.seats) == {1, 2}
    with pytest.raises(HoldGone, match="took its seats back"):
        await bench.store.extend(SHOW, held.hold_id, "ann")
    assert (await bench.store.extend(SHOW, other.hold_id, "bob")).seats == (5,)


async def test_allocations_are_applied_once_in_the_order_of_their_numbers(bench: Bench) -> None:
    await bench.view()
    assert (await bench.store.keep(SHOW, 2, [1], "")).gap
    assert await bench.store.keep(SHOW, bench.truth.keep("", [1]), [1], "") == await bench.store.keep(SHOW, 1, [9], "")
    await bench.store.keep(SHOW, bench.truth.keep(None, [1]), [1], None)
    assert await bench.states() == {}


async def test_a_room_that_lost_what_is_kept_is_loaded_anew(bench: Bench) -> None:
    bench.truth.kept = {2: "club"}
    epoch = (await bench.view()).epoch
    await bench.redis.delete(bench.key("kept"))
    view = await bench.view()
    assert view.epoch != epoch
    assert view.kept == {2: "club"}


# ---------------------------------------------------------------- in another hold's place


async def test_a_hold_takes_another_ones_place_in_one_step(bench: Bench) -> None:
    old = await bench.hold("ann", [1, 2])
    async with bench.listening() as heard:
        new = await replace(bench, old, [2, 3])
        [message] = await heard.messages()
    assert new.seats == (2, 3)
    assert {tuple(pair) for pair in _pairs(message.changes)} == {(1, 0), (3, 1)}
    assert [hold.hold_id for hold in await bench.store.holds_of(SHOW, "ann")] == [new.hold_id]
    with pytest.raises(HoldGone, match="took its place"):
        await bench.store.extend(SHOW, old.hold_id, "ann")


async def test_a_refused_change_leaves_the_old_hold_as_it_was(bench: Bench) -> None:
    old = await bench.hold("ann", [1, 2])
    await bench.hold("bob", [3])
    with pytest.raises(SeatsRefused) as caught:
        await replace(bench, old, [2, 3])
    assert caught.value.reasons == {3: "held"}
    assert (await bench.store.extend(SHOW, old.hold_id, "ann")).seats == (1, 2)


async def test_changing_ones_mind_again_and_again_keeps_nothing_for_ever(bench: Bench) -> None:
    hold = await bench.hold("ann", [1])
    await bench.redis.hincrby(bench.key(f"hold:{hold.hold_id}"), "created", -bench.settings.hold_total_ms)
    new = await replace(bench, hold, [1, 2])
    assert new.deadline_ms == hold.deadline_ms


async def test_a_change_may_be_repeated(bench: Bench) -> None:
    old, hold_id = await bench.hold("ann", [1]), uuid.uuid4()
    for _ in range(2):
        held = await bench.store.hold(SHOW, hold_id, "ann", [2], Conditions(replaces=old.hold_id))
        assert held.seats == (2,)


async def test_only_an_own_living_hold_that_is_not_being_booked_is_replaced(bench: Bench) -> None:
    theirs = await bench.hold("bob", [1])
    with pytest.raises(HoldGone, match=f"{theirs.hold_id}: it belongs to someone else"):
        await replace(bench, theirs, [2])
    mine = await bench.hold("ann", [3])
    await bench.store.pin(SHOW, mine.hold_id, "ann")
    with pytest.raises(HoldPinned):
        await replace(bench, mine, [4])
    assert await bench.states() == {1: HELD, 3: HELD}


async def test_the_cap_counts_a_replaced_hold_no_more(bench: Bench) -> None:
    cap = bench.settings.seats_per_user
    old = await bench.hold("ann", list(range(cap)))
    assert len((await replace(bench, old, list(range(1, cap + 1)))).seats) == cap


# ---------------------------------------------------------------- general-admission areas


async def test_places_of_an_area_are_counted_out_and_never_twice(bench: Bench) -> None:
    wish = AreaWish(AREA, AREA.start + 4, 3)
    first = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1], Conditions(areas=(wish,)))
    second = await bench.store.hold(SHOW, uuid.uuid4(), "bob", [], Conditions(areas=(wish,)))
    assert {*first.seats, *second.seats} == {1, *AREA}
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "cat", [], Conditions(areas=(AreaWish(AREA, AREA.start, 1),)))
    assert caught.value.reasons == {AREA.start: "full"}


async def test_an_area_that_has_too_few_places_gives_none(bench: Bench) -> None:
    bench.truth.taken = {AREA[0]: int(SOLD), AREA[1]: int(CLAIMED)}
    bench.truth.kept = {AREA[2]: ""}
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [0], Conditions(areas=(AreaWish(AREA, AREA.start, 4),)))
    assert caught.value.reasons == {AREA.start: "full"}
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [0], Conditions(areas=(AreaWish(AREA, AREA.start, 3),)))
    assert held.seats == (0, *AREA[3:])


# ---------------------------------------------------------------- rules judged by what is still so


async def test_a_hold_is_judged_anew_when_a_seat_it_relied_on_has_changed(bench: Bench) -> None:
    await bench.hold("bob", [4])
    with pytest.raises(RoomMoved) as caught:
        judged = Judged(guards=((3, True), (4, True), (5, False)))
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1], Conditions(judged=judged))
    assert caught.value.states == {4: HELD, 5: SeatState.FREE}
    assert await bench.states() == {4: HELD}
    await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1], Conditions(judged=Judged(guards=((3, True), (4, False)))))


async def test_a_hold_may_rely_on_more_seats_than_fit_one_command(bench: Bench) -> None:
    await bench.hold("bob", [4])
    bench.truth.keep("", [7])
    await bench.store.load(SHOW, "repair")
    many = tuple((seat, seat not in (4, 7)) for seat in range(1, 20_000))
    with pytest.raises(RoomMoved) as caught:
        wrong = (*many[:-1], (many[-1][0], False))
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [0], Conditions(judged=Judged(guards=wrong)))
    assert caught.value.states == {many[-1][0]: SeatState.FREE}
    await bench.store.hold(SHOW, uuid.uuid4(), "ann", [0], Conditions(judged=Judged(guards=many)))


async def test_the_seats_that_a_hold_gives_back_in_the_same_step_count_as_free(bench: Bench) -> None:
    old = await bench.hold("ann", [4])
    judged = Judged(guards=((4, True),))
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [5], Conditions(judged=judged, replaces=old.hold_id))
    assert held.seats == (5,)


async def test_a_verdict_on_the_whole_room_holds_for_its_version_only(bench: Bench) -> None:
    view = await bench.view()
    judged = Judged(room=f"{view.epoch}:{view.version}")
    await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1], Conditions(judged=judged))
    with pytest.raises(RoomMoved):
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [2], Conditions(judged=judged))


async def test_a_rule_is_named_together_with_what_else_is_wrong(bench: Bench) -> None:
    await bench.hold("bob", [2])
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1, 2], Conditions(judged=Judged({1: "gap", 2: "gap"})))
    assert caught.value.reasons == {1: "gap", 2: "held"}


# ---------------------------------------------------------------- what was agreed


async def test_the_terms_of_a_hold_come_back_with_every_answer(bench: Bench) -> None:
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1, 2], Conditions(terms="two for 20"))
    assert held.terms == "two for 20"
    for again in (
        await bench.store.hold(SHOW, held.hold_id, "ann", [1, 2], Conditions(terms="two for 99")),
        await bench.store.extend(SHOW, held.hold_id, "ann"),
        await bench.store.pin(SHOW, held.hold_id, "ann"),
        *await bench.store.holds_of(SHOW, "ann"),
    ):
        assert again.terms == "two for 20"


async def test_the_rest_of_a_hold_has_its_own_terms_and_only_if_it_is_as_it_was(bench: Bench) -> None:
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1, 2, 3], Conditions(terms="three"))
    await bench.store.release(SHOW, held.hold_id, "ann", [3], of=held, terms="two")
    with pytest.raises(RoomMoved):
        await bench.store.release(SHOW, held.hold_id, "ann", [2], of=held, terms="one")
    [left] = await bench.store.holds_of(SHOW, "ann")
    assert (left.seats, left.terms) == ((1, 2), "two")


async def test_an_id_stands_for_its_request(bench: Bench) -> None:
    held = await bench.store.hold(SHOW, uuid.uuid4(), "ann", [1], Conditions(asked="the best one"))
    assert (await bench.store.hold(SHOW, held.hold_id, "ann", [7], Conditions(asked="the best one"))).seats == (1,)
    with pytest.raises(HoldConflict):
        await bench.store.hold(SHOW, held.hold_id, "ann", [1], Conditions(asked="the best two"))


def _pairs(changes: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(changes[::2], changes[1::2], strict=True))
