"""What a change of blocked and allocated seats does, for any hall, any state and any request."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.bookings.keeping import Action, Change, Keeping, Now, Step, notes_on, notes_on_time, plan
from seatserver.errors import BadRequest, SeatsRefused
from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatMap

pytestmark = pytest.mark.clock

HALL = SeatMap.build(
    name="Studio",
    categories=[Category(key="standard", name="Standard", color="#0072b2")],
    screen=Screen(x=3, y=-2, width=6),
    seats=[Seat(row="A", number=str(number), x=number, y=0, category="standard") for number in range(6)],
    groups=[(4, 5)],
    general_areas=[
        GeneralArea(key="lawn", name="Lawn", category="standard", capacity=5, x=3, y=6, width=6, height=3),
        GeneralArea(key="bar", name="Bar", category="standard", capacity=2, x=3, y=12, width=6, height=3),
    ],
)
LAWN = range(6, 11)
SOON, LATER = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)
CHANNELS, REASONS, TIMES = (None, "kiosk", "club"), ("paint", "guests"), (None, SOON)
KEEPINGS = st.builds(Keeping, st.sampled_from(CHANNELS), st.sampled_from(REASONS), st.sampled_from(TIMES))


@st.composite
def situations(draw: st.DrawFn) -> Now:
    """What can be so: of the blocked seats none is sold."""
    places = st.sets(st.integers(0, HALL.place_count - 1))
    kept = draw(st.dictionaries(st.integers(0, HALL.place_count - 1), KEEPINGS))
    booked = {place for place in draw(places) if place not in kept or kept[place].channel is not None}
    return Now(kept=kept, booked=booked, held=draw(places) - booked)


@st.composite
def requests(draw: st.DrawFn) -> list[Change]:
    """Changes that name each place once, and count each area once for each channel."""
    names = draw(st.permutations(range(HALL.place_count)))
    ways = [(area, channel) for area in (0, 1) for channel in CHANNELS]
    changes = []
    for _ in range(draw(st.integers(1, 3))):
        action: Action = draw(st.sampled_from(["block", "allocate", "open"]))
        channel = draw(st.sampled_from(["kiosk", "club"])) if action == "allocate" else None
        cut = draw(st.integers(0, 4))
        counted = {area for area, way in ways if way == channel and action != "open" and draw(st.booleans())}
        ways = [(area, way) for area, way in ways if way != channel or area not in counted]
        changes.append(
            Change(
                action=action,
                channel=channel,
                reason=draw(st.sampled_from(REASONS)),
                places=tuple(names[:cut]),
                counts={area: draw(st.integers(0, 3)) for area in counted},
                release_at=draw(st.sampled_from(TIMES)) if action != "open" else None,
            )
        )
        names = names[cut:]
    return changes


def done(now: Now, steps: list[Step]) -> Now:
    """What is so after these steps; the holds of seats that it took have ended."""
    kept = dict(now.kept)
    for step in steps:
        for place in step.places:
            if step.keeping is None:
                del kept[place]
            else:
                kept[place] = step.keeping
    moved = {place for step in steps for place in step.moved}
    return Now(kept=kept, booked=now.booked, held=now.held - moved)


def planned(now: Now, *changes: Change, spare_holds: bool = False) -> list[Step]:
    return plan(HALL, changes, now, spare_holds=spare_holds)


def situation(
    kept: dict[int, Keeping] | None = None, booked: set[int] | None = None, held: set[int] | None = None
) -> Now:
    return Now(kept=kept or {}, booked=booked or set(), held=held or set())


@given(situations(), requests(), st.booleans())
def test_a_request_is_carried_out_as_a_whole_and_repeating_it_changes_nothing(
    now: Now, changes: list[Change], spare_holds: bool
) -> None:
    named = {place for change in changes for place in change.places}
    areas = {HALL.places_of(area)[0] for change in changes for area in change.counts}
    try:
        steps = plan(HALL, changes, now, spare_holds=spare_holds)
    except SeatsRefused as refused:
        of_reason = {"sold": named & now.booked, "held": named & now.held if spare_holds else set(), "full": areas}
        assert all(place in of_reason[reason] for place, reason in refused.reasons.items())
        return
    after = done(now, steps)
    changed = [place for step in steps for place in step.places]
    assert len(changed) == len(set(changed)), "each place changes once"
    for change in changes:
        assert all(after.kept.get(place) == change.keeping for place in change.places)
        for area, count in change.counts.items():
            same = [after.kept.get(place) for place in set(HALL.places_of(area)) - named]
            assert len([one for one in same if one is not None and one.channel == change.channel]) == count
    for place in now.booked:
        was, found = now.kept.get(place), after.kept.get(place)
        assert found is None or (was is not None and was.channel == found.channel), "sold is sold"
    if spare_holds:
        assert not {place for step in steps if step.keeping for place in step.moved} & now.held
    assert plan(HALL, changes, after, spare_holds=spare_holds) == []


def test_a_new_reason_or_time_is_logged_and_moves_nothing() -> None:
    now = situation({1: Keeping(None, "paint", SOON)}, booked={2})
    [step] = planned(now, Change(action="block", reason="paint", places=(1,), release_at=LATER))
    assert (step.places, step.moved) == ((1,), ())
    assert planned(now, Change(action="block", reason="paint", places=(1,), release_at=SOON)) == []


def test_every_sold_seat_that_prevents_a_change_is_named() -> None:
    now = situation({3: Keeping("kiosk", "guests")}, booked={1, 2, 3})
    block, club = (
        Change(action="block", reason="paint", places=(0, 1, 3)),
        Change(action="allocate", channel="club", reason="guests", places=(2,)),
    )
    with pytest.raises(SeatsRefused) as caught:
        planned(now, block, club)
    assert caught.value.reasons == {1: "sold", 2: "sold", 3: "sold"}


def test_a_seat_that_its_channel_sold_stays_the_channels_and_can_be_opened() -> None:
    now = situation({3: Keeping("kiosk", "guests")}, booked={3})
    kiosk = Change(action="allocate", channel="kiosk", reason="more guests", places=(2, 3))
    [step] = planned(now, kiosk)
    assert (step.places, step.moved) == ((2, 3), (2,))
    [step] = planned(now, Change(action="open", reason="over", places=(2, 3)))
    assert (step.action, step.places) == ("open", (3,))


def test_counted_places_come_from_free_ones_first_and_unsold_ones_are_opened_first() -> None:
    first, *_, last = LAWN
    kiosk = {place: Keeping("kiosk", "guests") for place in (first, first + 1)}
    now = situation(kiosk, booked={first}, held={last})
    [step] = planned(now, Change(action="allocate", channel="kiosk", reason="guests", counts={0: 4}))
    assert set(step.places) == {first + 2, first + 3}, "what is held comes last"
    [step] = planned(now, Change(action="allocate", channel="kiosk", reason="guests", counts={0: 1}))
    assert (step.action, step.places) == ("open", (first + 1,)), "what is sold stays"
    with pytest.raises(SeatsRefused) as caught:
        planned(now, Change(action="block", reason="mud", counts={0: 3}), spare_holds=True)
    assert caught.value.reasons == {first: "full"}
    [step] = planned(now, Change(action="block", reason="mud", counts={0: 3}))
    assert set(step.places) == {first + 2, first + 3, last}


def test_two_counts_of_an_area_share_its_places() -> None:
    steps = planned(
        situation(),
        Change(action="block", reason="mud", counts={0: 2}),
        Change(action="allocate", channel="kiosk", reason="guests", counts={0: 3}),
    )
    assert sorted(place for step in steps for place in step.places) == list(LAWN)


def test_a_place_is_named_by_one_change_only() -> None:
    with pytest.raises(BadRequest, match=r"changes\[0\] and changes\[2\] name the same seat"):
        planned(
            situation(),
            Change(action="block", reason="paint", places=(1,)),
            Change(action="block", reason="paint", places=(2,)),
            Change(action="open", reason="dry", places=(3, 1)),
        )
    mud = Change(action="block", reason="mud", counts={0: 2})
    with pytest.raises(BadRequest, match=r"changes\[0\] and changes\[1\] count the same places"):
        planned(situation(), mud, mud)


@pytest.mark.parametrize(
    ("kept", "buyers"),
    [
        ({}, None),
        ({4: None, 5: None}, None),
        ({4: "kiosk", 5: "kiosk"}, None),
        ({4: None}, "nobody"),
        ({5: "kiosk"}, "only the channel 'kiosk'"),
        ({4: None, 5: "kiosk"}, "nobody"),
        ({4: "club", 5: "kiosk"}, "nobody"),
    ],
)
def test_a_group_that_is_not_kept_as_a_whole_gets_a_note(kept: dict[int, str | None], buyers: str | None) -> None:
    notes = notes_on(
        HALL,
        [Change(action="block", reason="paint", places=(0, 4))],
        {seat: Keeping(channel, "paint") for seat, channel in kept.items()},
    )
    expected = f"A-4 and A-5 are sold only together but are not kept alike: now {buyers} can buy them"
    assert notes == (() if buyers is None else (expected,))
    assert notes_on(HALL, [Change(action="open", reason="dry", places=(0,))], {}) == ()


def test_a_release_after_the_end_of_the_sale_gets_a_note() -> None:
    changes = [Change(action="block", reason="paint", places=(0,), release_at=at) for at in (None, SOON, LATER)]
    [note] = notes_on_time(changes, int(LATER.timestamp() * 1000))
    assert note.startswith("changes[2].release_at is after the end of the sale")
