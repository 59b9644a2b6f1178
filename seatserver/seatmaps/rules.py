"""The house's own rules for a selection of seats: what goes only together, who comes first, what must not be left over.

`Rules` belong to a showtime; `judge` applies them to one selection, the same way for a click, for best available, for
a kiosk and for a partner. It decides from the states of the room as its caller sees them and says on what it relied,
so that the atomic hold can check that this still is so. It never looks at whether the chosen seats are to be had: the
atomic hold does. Groups, wheelchair places and companion seats are `kinds`, the gap rule is `gaps`, and whether a party
could sit otherwise is `alternatives`. This module is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from seatserver.errors import Refusal
from seatserver.seatmaps.alternatives import Party, sit_otherwise
from seatserver.seatmaps.gaps import FREE, stranded_by
from seatserver.seatmaps.kinds import refused_kinds
from seatserver.seatmaps.model import SeatMap

MOST_PARTS = 50
"""A selection in more parts, as of somebody who takes every second seat of a hall, is not moved about."""

Minutes = Annotated[int, Meta(ge=0, le=7 * 24 * 60)]


class GapRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a selection may strand seats: leave a free rest so narrow that nobody will want it.

    ``width``: a rest of at most so many seats is stranded. ``aisles`` and ``row_ends``: an aisle, or the end of a row,
    closes a rest as a taken seat does. ``exempt_last_rows``: so many rows farthest from the screen are exempt.
    """

    mode: Literal["off", "warn", "enforce"] = "off"
    width: Annotated[int, Meta(ge=1, le=3)] = 1
    aisles: bool = True
    row_ends: bool = True
    exempt_last_rows: Annotated[int, Meta(ge=0, le=100)] = 0


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one showtime.

    Companion seats go only with their wheelchair place, at most ``companions_per_wheelchair`` each (three, as
    28 CFR 36.302(f)(4) asks), and wheelchair places only to those who say that they need them, until so many minutes
    before the show; None: until it begins.
    """

    gap: GapRule = GapRule()
    companions_free_min: Minutes | None = 60
    wheelchairs_free_min: Minutes | None = None
    companions_per_wheelchair: Annotated[int, Meta(ge=1, le=10)] = 3


class Verdict(msgspec.Struct, frozen=True):
    """What the rules say of one selection.

    ``reasons``: every seat that is refused, and why; empty when the selection passes. ``stranded``: the seats that it
    would newly strand, also where the gap rule only warns, and where it allows that because the party could not sit
    otherwise. ``fix``: the nearest selection that passes, sorted, when there is one: as many seats of the same
    categories and kinds, or with the missing rest of its groups; none is looked for beyond `MOST_PARTS`. ``guards``:
    other seats and whether they were free; as long as they are as free as they were, the selection strands what it
    would have stranded, and what passes still passes. There are none where nothing depends on others: without the gap
    rule, and where it only warns. ``whole_room``: the selection passes because there was no other way; that rests on
    every seat of the room.
    """

    reasons: dict[int, Refusal]
    stranded: tuple[int, ...]
    fix: tuple[int, ...] | None
    guards: tuple[tuple[int, bool], ...]
    whole_room: bool


def judge(
    seat_map: SeatMap,
    states: bytes,
    seats: Sequence[int],
    rules: Rules,
    *,
    wheelchairs: int = 0,
    minutes_left: float | None = None,
) -> Verdict:
    """Whether a party may take ``seats`` together, as the rules of the house see it.

    ``states`` has one byte per place; seats that the party gives back in the same step are FREE in it, those of its
    other holds are not. ``wheelchairs``: how many wheelchair places the party says it needs. ``minutes_left``: until
    the show begins; None: it is far away. Places of general areas may be among the seats: no rule minds them. All
    seats must be places of the map. The gap rule is applied to selections that the other rules let pass.

    The answer comes in microseconds, but for a selection that strands seats under "enforce": for that one the room is
    looked through. `glance` leaves those out.
    """
    verdict = _judged(Party(seat_map, states, rules, wheelchairs, minutes_left), seats, look_through=True)
    assert verdict is not None, "every selection is judged when the room may be looked through"
    return verdict


def glance(
    seat_map: SeatMap,
    states: bytes,
    seats: Sequence[int],
    rules: Rules,
    *,
    wheelchairs: int = 0,
    minutes_left: float | None = None,
) -> Verdict | None:
    """What `judge` answers when it need not look through the room, else None."""
    return _judged(Party(seat_map, states, rules, wheelchairs, minutes_left), seats, look_through=False)


def _judged(party: Party, seats: Sequence[int], *, look_through: bool) -> Verdict | None:
    seat_map, states, rules, wheelchairs, minutes_left = party
    count = len(seat_map.seats)
    if len(states) < count:
        raise ValueError(f"expected at least {count} states, got {len(states)}")
    numbered = [seat for seat in seats if seat < count]
    reasons = refused_kinds(seat_map, numbered, rules, wheelchairs=wheelchairs, minutes_left=minutes_left)
    if reasons:
        fix = None
        if set(reasons.values()) == {"group"}:
            whole = tuple(sorted({mate for seat in seats for mate in seat_map.group_of.get(seat, (seat,))}))
            if all(states[seat] == FREE for seat in whole if seat < count):
                verdict = _judged(party, whole, look_through=look_through)
                if verdict is None:
                    return None
                fix = verdict.fix if verdict.reasons else whole
        return Verdict(reasons, (), fix, (), False)
    if rules.gap.mode == "off" or not numbered:
        return Verdict({}, (), None, (), False)
    found = stranded_by(seat_map, states, numbered, rules, minutes_left=minutes_left)
    if rules.gap.mode == "warn":
        # Nothing hangs on a warning: no reason to try the hold again.
        return Verdict({}, found.stranded, None, (), False)
    if not found.stranded:
        return Verdict({}, (), None, found.guards, False)
    if found.parts > MOST_PARTS:
        return Verdict(dict.fromkeys(found.beside, "gap"), found.stranded, None, found.guards, False)
    if not look_through:
        return None
    better = sit_otherwise(party, numbered, found.stranded)
    if better is None:
        return Verdict({}, found.stranded, None, (), True)
    places = tuple(sorted(seat for seat in seats if seat >= count))
    return Verdict(dict.fromkeys(found.beside, "gap"), found.stranded, better + places, found.guards, False)
