"""Whether a party may take a selection of seats by the house rules: what is sold only together, and who comes first.

`judge` gives one verdict for clicks, best available, kiosks and partners alike. It decides from the states of the room
as its caller sees them and reports which seats it relied on, so that the atomic hold can check that they have not
changed. It does not ask whether the chosen seats are free: the atomic hold does.

What a selection may not tear apart is in `accessibility`, the gap rule in `gaps`, and where a party could sit instead
in `alternatives`. A rule that needs only the selection belongs with those of `refused_kinds`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seatserver.errors import Refusal
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.accessibility import refused_kinds
from seatserver.seatmaps.rules.alternatives import sit_otherwise
from seatserver.seatmaps.rules.gaps import stranded_by
from seatserver.seatmaps.rules.model import FREE, Party, Rules

MAX_PARTS = 50
"""No alternative is sought for a selection in more parts than this, such as every second seat of a hall."""


class Verdict(msgspec.Struct, frozen=True):
    """What the rules say about one selection.

    ``reasons``: every refused seat and why; empty if the selection passes.

    ``stranded``: the seats it would newly strand, also where the gap rule only warns, and where it lets the selection
    pass because there is no other way.

    ``fix``: the nearest selection that passes, sorted, if there is one: as many seats of the same categories and kinds,
    or with the missing rest of its groups. Beyond `MAX_PARTS` none is sought.

    ``guards``: other seats and whether they were free. While they stay so, the selection strands what it would have
    stranded, and what passes still passes. There are none if nothing depends on other seats: without the gap rule, and
    where it only warns.

    ``whole_room``: the selection passes because there is no other way, which rests on every seat of the room.
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
    """Whether a party may take ``seats`` together.

    ``states`` has one byte per place. Seats that the party gives back in the same step are FREE in it; seats of its
    other holds are not. ``wheelchairs``: how many wheelchair places the party says it needs. ``minutes_left``: until
    the show begins; None: it is far away. ``seats`` may include places of general areas, which no rule concerns; all
    must be places of the map. The gap rule is applied only to selections that pass the other rules.

    Takes microseconds, except for a selection that strands seats under "enforce": then the whole room is searched.
    `judge_if_cheap` leaves those out. Raises `ValueError` if there are fewer states than seats.
    """
    verdict = _judged(Party(seat_map, states, rules, wheelchairs, minutes_left), seats, may_search=True)
    assert verdict is not None, "every selection is judged if the room may be searched"
    return verdict


def judge_if_cheap(
    seat_map: SeatMap,
    states: bytes,
    seats: Sequence[int],
    rules: Rules,
    *,
    wheelchairs: int = 0,
    minutes_left: float | None = None,
) -> Verdict | None:
    """What `judge` answers if it need not search the whole room, else None."""
    return _judged(Party(seat_map, states, rules, wheelchairs, minutes_left), seats, may_search=False)


def _judged(party: Party, seats: Sequence[int], *, may_search: bool) -> Verdict | None:
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
                verdict = _judged(party, whole, may_search=may_search)
                if verdict is None:
                    return None
                fix = verdict.fix if verdict.reasons else whole
        return Verdict(reasons, (), fix, (), False)
    if rules.gap.mode == "off" or not numbered:
        return Verdict({}, (), None, (), False)
    found = stranded_by(seat_map, states, numbered, rules, minutes_left=minutes_left)
    if rules.gap.mode == "warn":
        # A warning decides nothing, so a change of other seats is no reason to repeat the hold.
        return Verdict({}, found.stranded, None, (), False)
    if not found.stranded:
        return Verdict({}, (), None, found.guards, False)
    if found.parts > MAX_PARTS:
        return Verdict(dict.fromkeys(found.beside, "gap"), found.stranded, None, found.guards, False)
    if not may_search:
        return None
    better = sit_otherwise(party, numbered, found.stranded)
    if better is None:
        return Verdict({}, found.stranded, None, (), True)
    places = tuple(sorted(seat for seat in seats if seat >= count))
    return Verdict(dict.fromkeys(found.beside, "gap"), found.stranded, better + places, found.guards, False)
