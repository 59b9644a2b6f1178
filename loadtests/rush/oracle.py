"""What must be true at the end, whatever the load: no seat twice, none lost, no map that disagrees, all holds ended.

Anybody who is shown seats as theirs, such as the customer of a kiosk, keeps them for as long as they were told.

The oracle compares four accounts of one run: the receipts of every buyer, the map of every viewer, what the server says
itself afterwards (a fresh snapshot and its counts), and Postgres, where it can be reached. Each contradiction is one
`Wrong`. It knows nothing of times: a wrong seat is wrong on a slow machine, too.

A booking whose answer never came may have been made or not. Its seats are in doubt: they may be sold or free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from loadtests.rush.notes import Held, Notes, Robbed
from seatserver.seats.states import SeatState

MOST_EXAMPLES = 5
FREE, HELD, CLAIMED, SOLD = (
    int(state) for state in (SeatState.FREE, SeatState.HELD, SeatState.CLAIMED, SeatState.SOLD)
)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of a showtime after the run, and Postgres, if it was asked.

    ``states`` are of a fresh snapshot, a digit for each seat; ``counted`` is its own count of sold places, areas
    included. ``owners`` are the seats of all live bookings in Postgres, with the booking's id.
    """

    showtime: int
    epoch: str
    version: int
    states: str
    areas: tuple[int, ...]
    counted: dict[str, int]
    taken_before: tuple[tuple[int, int], ...] = ()
    owners: tuple[tuple[int, str], ...] | None = None

    @property
    def free(self) -> int:
        """How many places are free, those of areas included."""
        return self.states.count(str(FREE)) + sum(self.areas)


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must never be: a stable ``code``, how often, a sentence, and examples."""

    code: str
    count: int
    sentence: str
    examples: tuple[str, ...]


def examine(notes: Notes, accounts: Sequence[Account]) -> list[Wrong]:
    """Everything that is wrong; an empty list for a run in which all accounts agree."""
    found = [
        _wrong("sold_twice", "seats were confirmed to two buyers", _sold_twice(notes)),
        _wrong("held_twice", "seats were held by two people at once", _held_twice(notes.held)),
        _wrong("robbed", "holds were lost before their time, though nobody gave them up", _robbed(notes.robbed)),
        _wrong("lost", "confirmed seats are not sold in the server's own map", _lost(notes, accounts)),
        _wrong("unexplained", "seats are sold that nobody was told of", _unexplained(notes, accounts)),
        _wrong("counts", "counts of the server contradict its own map", _counts(accounts)),
        _wrong("postgres", "seats have another owner in Postgres than the receipts say", _postgres(notes, accounts)),
        _wrong("holds", "seats are still held, though everybody has gone", _still_held(accounts)),
    ]
    if notes.premature:
        sentence = "bookings were confirmed before the server knew them: it answers before it commits"
        found.append(_wrong("premature", sentence, iter(notes.premature)))
    if notes.disagreements:
        examples = tuple(notes.disagreement_examples[:MOST_EXAMPLES])
        sentence = "maps of one version differed between viewers"
        found.append(Wrong(code="maps", count=notes.disagreements, sentence=sentence, examples=examples))
    found.append(_wrong("endings", "viewers ended with another map than the server's", _endings(notes, accounts)))
    if notes.unsettled:
        sentence = "viewers never got the last change of their room"
        found.append(Wrong(code="behind", count=notes.unsettled, sentence=sentence, examples=()))
    return [one for one in found if one.count]


def _wrong(code: str, sentence: str, every: Iterator[str]) -> Wrong:
    found = list(every)
    return Wrong(code=code, count=len(found), sentence=sentence, examples=tuple(found[:MOST_EXAMPLES]))


def _sold_twice(notes: Notes) -> Iterator[str]:
    owners: dict[tuple[int, int], str] = {}
    for receipt in notes.receipts:
        for seat in receipt.seats:
            first = owners.setdefault((receipt.showtime, seat), receipt.booking)
            if first != receipt.booking:
                yield f"{_place(receipt.showtime, seat)}: bookings {first} and {receipt.booking}"


def _held_twice(held: Sequence[Held]) -> Iterator[str]:
    """Holds of one seat that overlap, on one machine's clock, between different people."""
    of_seat: dict[tuple[str, int, int], list[Held]] = defaultdict(list)
    for one in held:
        for seat in one.seats:
            of_seat[one.machine, one.showtime, seat].append(one)
    for (_, showtime, seat), holds in of_seat.items():
        holds.sort(key=lambda one: one.since)
        longest = holds[0]
        for one in holds[1:]:
            if one.since < longest.until and one.person != longest.person:
                yield f"{_place(showtime, seat)}: persons {longest.person} and {one.person}"
            if one.until > longest.until:
                longest = one


def _robbed(robbed: Sequence[Robbed]) -> Iterator[str]:
    for one in robbed:
        places = ", ".join(map(str, one.seats)) or "places of an area"
        yield f"showtime {one.showtime}: {places} of person {one.person} ({one.kind}): {one.how}"


def _lost(notes: Notes, accounts: Sequence[Account]) -> Iterator[str]:
    states = {account.showtime: account.states for account in accounts}
    for receipt in notes.receipts:
        for seat in receipt.seats:
            if receipt.showtime in states and int(states[receipt.showtime][seat]) != SOLD:
                state = SeatState(int(states[receipt.showtime][seat])).name
                yield f"{_place(receipt.showtime, seat)} of booking {receipt.booking} is {state}"


def _unexplained(notes: Notes, accounts: Sequence[Account]) -> Iterator[str]:
    told = {(one.showtime, seat) for one in notes.receipts for seat in one.seats}
    told |= {(one.showtime, seat) for one in notes.doubts for seat in one.seats}
    for account in accounts:
        before = dict(account.taken_before)
        for seat, digit in enumerate(account.states):
            if (
                int(digit) in (SOLD, CLAIMED)
                and before.get(seat) != int(digit)
                and (account.showtime, seat) not in told
            ):
                yield _place(account.showtime, seat)


def _counts(accounts: Sequence[Account]) -> Iterator[str]:
    for account in accounts:
        for state in (HELD, CLAIMED, SOLD):
            name = SeatState(state).name.lower()
            seats = account.states.count(str(state))
            counted = account.counted.get(name, 0)
            # The count has the places of areas, too, of which a map only shows the free ones.
            if counted < seats or (not account.areas and counted != seats):
                yield f"showtime {account.showtime}: {counted} {name} by its count, {seats} on its map"


def _postgres(notes: Notes, accounts: Sequence[Account]) -> Iterator[str]:
    receipts = {(one.showtime, seat): one.booking for one in notes.receipts for seat in one.seats}
    doubts = {(one.showtime, seat): one.booking for one in notes.doubts for seat in one.seats}
    for account in accounts:
        if account.owners is None:
            continue
        owners: dict[int, str] = {}
        for seat, booking in account.owners:
            if owners.setdefault(seat, booking) != booking:
                yield f"{_place(account.showtime, seat)} has two owners: {owners[seat]} and {booking}"
        before = dict(account.taken_before)
        of_showtime = {seat for showtime, seat in receipts if showtime == account.showtime}
        for seat in sorted(of_showtime | owners.keys()):
            told, stored = receipts.get((account.showtime, seat)), owners.get(seat)
            if told == stored or (told is None and seat in before) or seat >= len(account.states):
                continue
            if told is None and stored == doubts.get((account.showtime, seat)):
                continue
            yield f"{_place(account.showtime, seat)}: {stored or 'nobody'} in Postgres, {told or 'nobody'} by receipt"


def _still_held(accounts: Sequence[Account]) -> Iterator[str]:
    for account in accounts:
        before = dict(account.taken_before)
        for seat, digit in enumerate(account.states):
            if int(digit) == HELD and before.get(seat) != HELD:
                yield _place(account.showtime, seat)


def _endings(notes: Notes, accounts: Sequence[Account]) -> Iterator[str]:
    truth: Mapping[int, Account] = {account.showtime: account for account in accounts}
    for ending in notes.endings:
        account = truth.get(ending.showtime)
        if account is None or (ending.epoch, ending.version) != (account.epoch, account.version):
            continue  # `unsettled` counts those; or somebody else has changed the room since
        if ending.states != account.states or ending.areas != account.areas:
            for _ in range(ending.viewers):
                yield f"showtime {ending.showtime}, version {ending.version}"


def _place(showtime: int, seat: int) -> str:
    return f"showtime {showtime}, seat {seat}"
