"""The room's promise: a snapshot and then the changes are the same as a fresh snapshot, wherever one joins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.rooms.room import Applied, Change, Room, merge

SEATS = 12
EPOCH = "epoch"

pairs = st.tuples(st.integers(0, SEATS - 1), st.integers(0, 4))
steps = st.lists(st.lists(pairs, max_size=5).map(tuple), max_size=30)
states = st.lists(st.integers(0, 4), min_size=SEATS, max_size=SEATS).map(bytes)


def chain(steps: list[tuple[tuple[int, int], ...]], first: int = 0) -> list[Change]:
    """The steps as the feed brings them: each one version after the other."""
    return [Change(EPOCH, first + at, first + at + 1, seats) for at, seats in enumerate(steps)]


def fresh(start: bytes, version: int = 0, history: int = 100) -> Room:
    room = Room(SEATS, history)
    room.reset(EPOCH, version, start)
    return room


def seen(room: Room) -> tuple[str, int, bytes]:
    return room.epoch, room.version, bytes(room.states)


def after(start: bytes, changes: list[Change], version: int) -> bytes:
    """What a snapshot of this version shows."""
    shown = bytearray(start)
    for change in changes:
        if change.version <= version:
            for seat, state in change.seats:
                shown[seat] = state
    return bytes(shown)


@given(start=states, steps=steps, data=st.data())
def test_snapshot_then_deltas_equals_a_fresh_snapshot(
    start: bytes, steps: list[tuple[tuple[int, int], ...]], data: st.DataObject
) -> None:
    changes = chain(steps)
    joined_at = data.draw(st.integers(0, len(changes)), label="version of the snapshot")
    subscribed_at = data.draw(st.integers(0, joined_at), label="version of the subscription")
    room = fresh(after(start, changes, joined_at), joined_at)
    for change in changes[subscribed_at:]:
        expected = Applied.KNOWN if change.version <= joined_at else Applied.YES
        assert room.apply(change) is expected
    assert seen(room) == (EPOCH, len(changes), after(start, changes, len(changes)))


@given(start=states, steps=steps, data=st.data())
def test_changes_that_arrive_twice_do_nothing(
    start: bytes, steps: list[tuple[tuple[int, int], ...]], data: st.DataObject
) -> None:
    changes = chain(steps)
    room = fresh(start)
    for at, change in enumerate(changes):
        room.apply(change)
        for old in data.draw(st.lists(st.sampled_from(changes[: at + 1]), max_size=3)):
            before = seen(room)
            assert room.apply(old) is Applied.KNOWN
            assert seen(room) == before
    assert bytes(room.states) == after(start, changes, len(changes))


@given(start=states, steps=steps, history=st.integers(0, 10), data=st.data())
def test_a_merged_change_equals_the_changes_one_by_one(
    start: bytes, steps: list[tuple[tuple[int, int], ...]], history: int, data: st.DataObject
) -> None:
    changes = chain(steps)
    room = fresh(start, history=history)
    for change in changes:
        room.apply(change)
    left_at = data.draw(st.integers(0, len(changes)))
    missed = room.since(EPOCH, left_at)
    if len(changes) - left_at > history:
        assert missed is None
        return
    assert missed is not None
    assert (missed.from_version, missed.version) == (left_at, len(changes))
    returning = fresh(after(start, changes, left_at), left_at)
    returning.apply(missed)
    assert seen(returning) == seen(room)


@given(start=states, steps=steps.filter(bool), data=st.data())
def test_a_merged_change_applies_to_any_version_inside_it(
    start: bytes, steps: list[tuple[tuple[int, int], ...]], data: st.DataObject
) -> None:
    """The wire's rule for an overlapping delta: apply it when ``from <= yours < version``."""
    changes = chain(steps)
    first = data.draw(st.integers(0, len(changes) - 1))
    last = data.draw(st.integers(first + 1, len(changes)))
    here = data.draw(st.integers(first, last - 1))
    room = fresh(after(start, changes, here), here)
    assert room.apply(merge(changes[first:last])) is Applied.YES
    assert seen(room) == (EPOCH, last, after(start, changes, last))


@given(start=states, steps=steps, jump=st.integers(1, 5), data=st.data())
def test_a_viewer_whose_version_is_inside_a_closed_gap_gets_a_snapshot(
    start: bytes, steps: list[tuple[tuple[int, int], ...]], jump: int, data: st.DataObject
) -> None:
    """A gap that was closed by comparing snapshots tells nothing about the versions in between: a seat that was held
    and freed again within the gap is not in it, yet a viewer who comes from another instance may have seen it held."""
    changes = chain(steps)
    room = fresh(start)
    while room.version < len(changes):
        if data.draw(st.booleans(), label="a gap"):
            to = min(room.version + jump, len(changes))
            there = after(start, changes, to)
            differing = tuple((seat, new) for seat, new in enumerate(there) if new != room.states[seat])
            room.apply(Change(EPOCH, room.version, to, differing))
        else:
            room.apply(changes[room.version])
    for left_at in range(len(changes) + 1):
        missed = room.since(EPOCH, left_at)
        if missed is not None:
            returning = fresh(after(start, changes, left_at), left_at)
            returning.apply(missed)
            assert seen(returning) == seen(room)


@given(start=states, version=st.integers(0, 5), ahead=st.integers(1, 5), seats=st.lists(pairs).map(tuple))
def test_a_gap_is_refused_and_changes_nothing(
    start: bytes, version: int, ahead: int, seats: tuple[tuple[int, int], ...]
) -> None:
    room = fresh(start, version)
    before = seen(room)
    assert room.apply(Change(EPOCH, version + ahead, version + ahead + 1, seats)) is Applied.GAP
    assert room.apply(Change("another", version, version + 1, seats)) is Applied.GAP
    assert seen(room) == before
    assert room.since(EPOCH, version) == Change(EPOCH, version, version, ())


@pytest.mark.parametrize("pair", [(SEATS, 1), (-1, 1), (0, 10), (0, -1), (0, 256)])
def test_a_change_with_an_unknown_seat_or_state_is_refused_and_changes_nothing(pair: tuple[int, int]) -> None:
    room = fresh(bytes(SEATS))
    assert room.apply(Change(EPOCH, 0, 1, ((3, 1), pair))) is Applied.GAP
    assert seen(room) == (EPOCH, 0, bytes(SEATS))


def test_the_last_write_of_a_seat_wins() -> None:
    merged = merge(
        [Change(EPOCH, 4, 5, ((1, 1), (2, 1))), Change(EPOCH, 5, 6, ((1, 0),)), Change(EPOCH, 6, 7, ((1, 3),))]
    )
    assert merged == Change(EPOCH, 4, 7, ((1, 3), (2, 1)))
    room = fresh(bytes(SEATS), 6)
    room.apply(Change(EPOCH, 6, 7, ((1, 1), (1, 2))))
    assert room.states[1] == 2


def test_a_viewer_of_another_epoch_or_a_future_version_gets_a_snapshot() -> None:
    room = fresh(bytes(SEATS), 3)
    assert room.since("another", 3) is None
    assert room.since(EPOCH, 4) is None


def test_a_new_epoch_clears_the_history() -> None:
    room = fresh(bytes(SEATS))
    room.apply(Change(EPOCH, 0, 1, ((0, 1),)))
    room.reset("another", 1, bytes(SEATS))
    assert room.since("another", 0) is None
    assert room.since(EPOCH, 0) is None


def test_the_same_snapshot_again_keeps_the_history() -> None:
    room = fresh(bytes(SEATS))
    room.apply(Change(EPOCH, 0, 1, ((0, 1),)))
    room.reset(EPOCH, 1, bytes(room.states))
    assert room.since(EPOCH, 0) == Change(EPOCH, 0, 1, ((0, 1),))


def test_a_snapshot_of_another_hall_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 12 states, got 11"):
        Room(SEATS, 10).reset(EPOCH, 1, bytes(11))


@given(start=states)
def test_a_snapshot_shows_one_digit_per_seat(start: bytes) -> None:
    room = fresh(start)
    assert room.snapshot() == "".join(map(str, start))
