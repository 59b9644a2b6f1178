"""Works out what a change of the house's own seats comes down to; the rules alone, without a database.

The house keeps a place by blocking it (for everybody) or by allocating it to a sales channel, and opens it again.
A request can name many places in several ways. `plan` compares it with the present state and gives the steps that
remain, or refuses it as a whole. `allocations` reads that state under the showtime's lock and writes the steps.
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
    """What to do with some places; ``channel`` goes with ``allocate``, ``release_at`` with all but ``open``.

    ``places`` are indexes. ``counts`` maps general areas (indexes of the map) to how many of their places to keep this
    way in total. Which ones does not matter, and repeating the request changes nothing.
    """

    action: Action
    reason: str
    channel: str | None = None
    places: tuple[int, ...] = ()
    counts: dict[int, int] = {}
    release_at: datetime | None = None

    @property
    def keeping(self) -> Keeping | None:
        """How the places are kept afterwards; None if they are open to all."""
        return None if self.action == "open" else Keeping(self.channel, self.reason, self.release_at)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. ``moved`` are the places whose state changes, not only the reason or the time."""

    action: Action
    keeping: Keeping | None
    reason: str
    places: tuple[int, ...]
    moved: tuple[int, ...]


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The present state: how places are kept, which are claimed or sold, and which somebody holds."""

    kept: Mapping[int, Keeping]
    booked: AbstractSet[int]
    held: AbstractSet[int]


def plan(seat_map: SeatMap, changes: Sequence[Change], now: Now, *, spare_holds: bool = False) -> list[Step]:
    """The steps that remain to be done; what is so already needs none.

    Raises `SeatsRefused`, which names every place with its reason: ``sold`` (somebody owns it, and the change would
    take it from the channel that sold it), ``held`` (only with ``spare_holds``), or ``full`` (the first place of a
    general area that has too few). Raises `BadRequest` if two changes name the same place or count the same places of
    an area.
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
    """The ``count`` places of a general area to keep this way (fewer if there are not enough), and those to open."""
    mine, free = [], []
    for place in places:
        known = now.kept.get(place)
        if known is not None and known.channel == change.channel:
            mine.append(place)
        elif known is None and place not in now.booked and not (spare_holds and place in now.held):
            free.append(place)
    # Open unsold places first, and take places that nobody holds first.
    mine.sort(key=lambda place: place not in now.booked)
    free.sort(key=lambda place: (place in now.held, -place))
    return (mine + free)[:count], mine[count:]


def _obstacle(place: int, change: Change, now: Now, *, spare_holds: bool) -> Refusal | None:
    if change.action == "open":
        return None
    known = now.kept.get(place)
    if known is not None and known.channel == change.channel:
        return None  # it may be sold already: nothing changes for its channel
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
    """Notes on what the house may not have meant: groups that are sold only whole but are not all kept alike."""
    notes = []
    touched = {seat_map.group_of.get(place, ()) for change in changes for place in change.places}
    for group in sorted(touched - {()}):
        ways = {keeping.channel for seat in group if (keeping := kept.get(seat)) is not None}
        if not ways or (len(ways) == 1 and all(seat in kept for seat in group)):
            continue
        labels = " and ".join(seat_map.seats[seat].label for seat in group)
        [way, *others] = ways
        buyers = "nobody" if way is None or others else f"only the channel {way!r}"
        notes.append(f"{labels} are sold only together but are not kept alike: now {buyers} can buy them")
    return tuple(notes)


def notes_on_time(changes: Sequence[Change], sale_ends_at_ms: int) -> tuple[str, ...]:
    """Notes on release times that are after the end of the sale."""
    return tuple(
        f"changes[{number}].release_at is after the end of the sale: nobody else will be able to buy these seats"
        for number, change in enumerate(changes)
        if change.release_at is not None and change.release_at.timestamp() * 1000 >= sale_ends_at_ms
    )
