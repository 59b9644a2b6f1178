"""What a change of the house's own seats amounts to: pure rules, no database.

The house keeps a place by blocking it (for everybody) or by allocating it to a sales channel, and opens it again. A
request names many places in many ways; `plan` turns it, with what is so now, into the steps that are left to do, or
refuses it as a whole. `allocations` reads what is so under the showtime's lock, and writes the steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Literal

import msgspec

from seatserver.errors import BadRequest, Refusal, SeatsRefused
from seatserver.seatmaps.model import SeatMap

Action = Literal["block", "allocate", "open"]


class Keeping(msgspec.Struct, frozen=True):
    """How a place is kept: for which channel (None: blocked for everybody), why, and until when (None: for good)."""

    channel: str | None
    reason: str
    release_at: datetime | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What shall become of some places; ``channel`` goes with ``allocate``, ``release_at`` with all but ``open``.

    ``places`` are indexes. ``counts`` maps general areas (indexes of the map) to how many of their places shall be
    kept this way in all: which ones is nobody's business, and the same request again changes nothing.
    """

    action: Action
    reason: str
    channel: str | None = None
    places: tuple[int, ...] = ()
    counts: dict[int, int] = {}
    release_at: datetime | None = None

    @property
    def keeping(self) -> Keeping | None:
        """How the places are kept afterwards, None when they are open to all."""
        return None if self.action == "open" else Keeping(self.channel, self.reason, self.release_at)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. ``moved`` are those places whose state changes too, not only the reason or the time."""

    action: Action
    keeping: Keeping | None
    reason: str
    places: tuple[int, ...]
    moved: tuple[int, ...]


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What is so: how places are kept, which are claimed or sold, and which somebody holds."""

    kept: Mapping[int, Keeping]
    booked: AbstractSet[int]
    held: AbstractSet[int]


def plan(seat_map: SeatMap, changes: Sequence[Change], now: Now, *, spare_holds: bool = False) -> list[Step]:
    """The steps that are left to do, none for what is so already.

    Raises `SeatsRefused` that names every place with ``sold`` (it was sold and would not be its buyer's channel's any
    more), with ``held`` when ``spare_holds`` asks for it, or with ``full`` (the first place of a general area without
    enough of them), and `BadRequest` when two changes name the same place, or count the same area in the same way.
    """
    spoken_for = _named_once(changes)
    steps: list[Step] = []
    refused: dict[int, Refusal] = {}
    for change in changes:
        keep, give_up = list(change.places), []
        for area, count in change.counts.items():
            places = [place for place in seat_map.places_of(area) if place not in spoken_for]
            more, fewer = _counted(places, count, change, now, spare_holds=spare_holds)
            if len(more) < count:
                refused[seat_map.places_of(area)[0]] = "full"
            keep += more
            give_up += fewer
            spoken_for.update(more, fewer)
        for place in keep:
            if reason := _obstacle(place, change, now, spare_holds=spare_holds):
                refused[place] = reason
        steps += _steps(change.action, change.keeping, change.reason, keep, now.kept)
        steps += _steps("open", None, change.reason, give_up, now.kept)
    if refused:
        raise SeatsRefused(refused)
    return steps


def _named_once(changes: Sequence[Change]) -> set[int]:
    named: dict[int, int] = {}
    counted: dict[tuple[int, str | None], int] = {}
    for number, change in enumerate(changes):
        for place in change.places:
            if (first := named.setdefault(place, number)) != number:
                raise BadRequest(f"changes[{first}] and changes[{number}] name the same seat", f"changes[{number}]")
        for area in change.counts:
            if (first := counted.setdefault((area, change.channel), number)) != number:
                raise BadRequest(f"changes[{first}] and changes[{number}] count the same places", f"changes[{number}]")
    return set(named)


def _counted(
    places: Iterable[int], count: int, change: Change, now: Now, *, spare_holds: bool
) -> tuple[list[int], list[int]]:
    """Of a general area's places ``count`` to keep this way, fewer where there are not enough, and those to open."""
    mine, free = [], []
    for place in places:
        known = now.kept.get(place)
        if known is not None and known.channel == change.channel:
            mine.append(place)
        elif known is None and place not in now.booked and not (spare_holds and place in now.held):
            free.append(place)
    # What is opened shall be of use to somebody, and what is taken shall be taken from nobody.
    mine.sort(key=lambda place: place not in now.booked)
    free.sort(key=lambda place: (place in now.held, -place))
    return (mine + free)[:count], mine[count:]


def _obstacle(place: int, change: Change, now: Now, *, spare_holds: bool) -> Refusal | None:
    if change.action == "open":
        return None
    known = now.kept.get(place)
    if known is not None and known.channel == change.channel:
        return None  # a seat that its channel has sold stays what it is
    if place in now.booked:
        return "sold"
    return "held" if spare_holds and place in now.held else None


def _steps(
    action: Action, keeping: Keeping | None, reason: str, places: Iterable[int], kept: Mapping[int, Keeping]
) -> list[Step]:
    changed = sorted(place for place in set(places) if kept.get(place) != keeping)
    if not changed:
        return []
    moved = [place for place in changed if not _is_alike(kept.get(place), keeping)]
    return [Step(action=action, keeping=keeping, reason=reason, places=tuple(changed), moved=tuple(moved))]


def _is_alike(one: Keeping | None, other: Keeping | None) -> bool:
    return one is not None and other is not None and one.channel == other.channel


def notes_on(seat_map: SeatMap, changes: Sequence[Change], kept: Mapping[int, Keeping]) -> tuple[str, ...]:
    """What the house may not have meant: groups that are only sold whole, and are not kept alike afterwards."""
    notes = []
    touched = {seat_map.group_of.get(place, ()) for change in changes for place in change.places}
    for group in sorted(touched - {()}):
        ways = {keeping.channel for seat in group if (keeping := kept.get(seat)) is not None}
        if not ways or (len(ways) == 1 and all(seat in kept for seat in group)):
            continue
        labels = " and ".join(seat_map.seats[seat].label for seat in group)
        [way, *others] = ways
        buyers = "nobody" if way is None or others else f"only the channel {way!r}"
        notes.append(f"{labels} are sold only together and are not kept alike: {buyers} can buy them now")
    return tuple(notes)


def notes_on_time(changes: Sequence[Change], sale_ends_at_ms: int) -> tuple[str, ...]:
    """The same of times: a release that comes when there is no sale any more."""
    return tuple(
        f"changes[{number}].release_at is after the sale has ended: its seats will not be sold to others"
        for number, change in enumerate(changes)
        if change.release_at is not None and change.release_at.timestamp() * 1000 >= sale_ends_at_ms
    )
