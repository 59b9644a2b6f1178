"""Is there an order in which everything that users were told about one seat could have happened?

The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with the memory of Lowe (Testing
for Linearizability, 2017), over the history of a single seat: each request took effect at one moment between call and
answer, and each answer must be what a plain lock with a deadline would have said at that moment. What happens by itself
is not in the history: a hold may end from its deadline on, a claim from the end of its payment's time on.

`Action` is what a `Step` says about one seat. `explain` answers None, or the actions that no order explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.faults.history import Step

Kind = Literal["take", "give", "longer", "sell", "saw_free", "saw_taken", "saw_gone"]

ROUNDING_MS = 2.0
"""Redis' clock and ours are the same, but deadlines are whole milliseconds."""
MOST_STATES = 2_000_000
LOST_TO_OTHERS = ("held", "sold")
OWN_FAULT = ("cooling",)
"""Of a seat that is free, and that only whoever asks has to leave to others for a while."""


@dataclass(frozen=True, slots=True)
class Action:
    """What one request did to, or learned of, one seat between ``called_ms`` and ``answered_ms``.

    ``hold`` names the hold. ``until_ms`` is the deadline that the answer promised: with 0, ``lasts_ms`` from the moment
    of the action on. Where ``is_exact`` the hold is over then, else it may have got longer without anybody knowing.
    ``perhaps``: nobody knows whether it happened at all.
    """

    kind: Kind
    hold: str
    called_ms: float
    answered_ms: float
    until_ms: float = 0.0
    lasts_ms: float = 0.0
    perhaps: bool = False
    is_exact: bool = False


class Seat(NamedTuple):
    """The lock: free, held until ``until_ms`` at least and ``latest_ms`` at most, or owned."""

    hold: str = ""
    owned: bool = False
    until_ms: float = 0.0
    latest_ms: float = float("inf")


FREE = Seat()


def actions_of(steps: Iterable[Step], seat: int, hold_ms: float, replay_ms: float = float("inf")) -> list[Action]:
    """The history of one seat. ``hold_ms`` is how long a hold lasts, ``replay_ms`` how long it is remembered after."""
    steps = [step for step in steps if seat in step.seats]
    found: list[Action] = []
    # Whoever tried to book has pinned the hold, and an extension may have been made that nobody heard of: also one that
    # was asked for again when the hold was over.
    longer = {
        s.hold_id
        for s in steps
        if s.verb == "book" or (s.verb == "extend" and (s.may_have_happened or s.outcome == "gone"))
    }

    def add(step: Step, kind: Kind, *, perhaps: bool = False, lasting: bool = False) -> None:
        answered = float("inf") if perhaps else step.answered_ms
        until = 0.0 if perhaps else step.deadline_ms
        lasts = hold_ms if lasting else 0.0
        is_exact = not perhaps and step.hold_id not in longer
        found.append(Action(kind, str(step.hold_id), step.called_ms, answered, until, lasts, perhaps, is_exact))

    for step in steps:
        done, unknown = step.outcome == "ok", step.may_have_happened
        # Asked so long that what was done, and not heard of, may have been forgotten before the answer.
        forgotten = step.answered_ms - step.called_ms > replay_ms
        if step.verb == "hold" and step.outcome == "refused" and forgotten:
            add(step, "take", perhaps=True, lasting=True)
        if step.verb == "release" and step.outcome == "gone" and forgotten:
            add(step, "give", perhaps=True)
        match step.verb:
            case "hold" if done or unknown or step.outcome == "gone":
                # A repeated hold that is answered `gone` had been made, and ended, before.
                add(step, "take", perhaps=not done, lasting=True)
            case "hold" if step.reasons.get(seat) in LOST_TO_OTHERS:
                add(step, "saw_taken")
            case "hold" if step.reasons.get(seat) in OWN_FAULT:
                add(step, "saw_free")
            case "hold" if seat not in step.reasons and set(step.reasons.values()) <= {*LOST_TO_OTHERS, *OWN_FAULT}:
                add(step, "saw_free")
            case "release" if done or unknown:
                add(step, "give", perhaps=unknown)
            case "extend" if done or unknown:
                add(step, "longer", perhaps=unknown, lasting=True)
            case "book" if done or unknown:
                add(step, "sell", perhaps=unknown)
            case "release" | "extend" | "book" if step.outcome == "gone":
                add(step, "saw_gone")
            case _:
                pass
    return found


def ends_of(steps: Iterable[Step], claim_ms: float) -> dict[str, float]:
    """From when on a booking's seats may be free again: it was cancelled, or its payment's time ran out."""
    ends: dict[str, float] = {}
    confirmed = {step.hold_id for step in steps if step.verb == "confirm" and step.outcome == "ok"}
    for step in steps:
        hold = str(step.hold_id)
        if step.verb == "cancel":
            ends[hold] = min(ends.get(hold, float("inf")), step.called_ms)
        elif step.verb == "book" and step.hold_id not in confirmed and (step.pending or step.may_have_happened):
            # The payment's time is counted from a moment within the request.
            ends[hold] = min(ends.get(hold, float("inf")), step.called_ms + claim_ms)
    return ends


def explain(actions: Sequence[Action], ends: Mapping[str, float] | None = None) -> list[Action] | None:
    """None when some order explains every answer, else the shortest beginning of the history that has none.

    ``ends`` says from when on the seats of a hold's booking may be free again.
    """
    ordered = sorted(actions, key=lambda action: action.called_ms)
    if _is_linearizable(ordered, ends or {}):
        return None
    low, high = 0, len(ordered)
    by_answer = sorted(ordered, key=lambda action: action.answered_ms)
    while high - low > 1:
        middle = (low + high) // 2
        if _is_linearizable(_until(ordered, by_answer[middle - 1].answered_ms), ends or {}):
            low = middle
        else:
            high = middle
    return _until(ordered, by_answer[high - 1].answered_ms)


def _until(ordered: Sequence[Action], moment_ms: float) -> list[Action]:
    """The history as it was known at a moment: what had not been answered then may have happened or not."""
    known = []
    for action in ordered:
        if action.answered_ms <= moment_ms:
            known.append(action)
        elif action.called_ms < moment_ms and not action.kind.startswith("saw"):
            known.append(
                Action(action.kind, action.hold, action.called_ms, float("inf"), 0.0, action.lasts_ms, perhaps=True)
            )
    return known


def _is_linearizable(ordered: Sequence[Action], ends: Mapping[str, float]) -> bool:
    """Depth first over (what has happened, the lock, the time); the time is as early as it can be."""
    count = len(ordered)
    certain = sum(1 << at for at, action in enumerate(ordered) if not action.perhaps)
    earliest: dict[tuple[int, Seat], float] = {}
    waiting: list[tuple[int, Seat, float]] = [(0, FREE, float("-inf"))]
    while waiting:
        done, seat, time_ms = waiting.pop()
        done = _see_what_can_be_seen(ordered, done, seat, time_ms)
        if done & certain == certain:
            return True
        if earliest.get((done, seat), float("inf")) <= time_ms:
            continue
        earliest[done, seat] = time_ms
        if len(earliest) > MOST_STATES:
            raise RuntimeError(f"{count} actions on one seat are too many to look at every order of them")
        first = _first_open(done)
        due_ms = min(
            (a.answered_ms for at, a in enumerate(ordered[first:], first) if not done >> at & 1), default=float("inf")
        )
        for at in range(first, count):
            action = ordered[at]
            if action.called_ms > due_ms:
                break
            if done >> at & 1:
                continue
            for seat_then, then_ms in _after(action, seat, max(time_ms, action.called_ms), ends):
                if then_ms <= min(due_ms, action.answered_ms):
                    waiting.append((done | 1 << at, seat_then, then_ms))
    return False


def _first_open(done: int) -> int:
    """The first action that has not happened."""
    return (~done & (done + 1)).bit_length() - 1


def _see_what_can_be_seen(ordered: Sequence[Action], done: int, seat: Seat, time_ms: float) -> int:
    """Looks that are right now and were asked for already cost nothing: they change neither lock nor time."""
    for at in range(_first_open(done), len(ordered)):
        action = ordered[at]
        if action.called_ms > time_ms:
            break
        if not done >> at & 1 and action.kind.startswith("saw") and _sees(action, seat, time_ms):
            done |= 1 << at
    return done


def _sees(action: Action, seat: Seat, now: float) -> bool:
    if action.kind == "saw_free":
        return not seat.hold
    if action.kind == "saw_taken":
        return bool(seat.hold) and now <= seat.latest_ms + ROUNDING_MS
    return seat.owned or seat.hold != action.hold


def _after(action: Action, seat: Seat, now: float, ends: Mapping[str, float]) -> list[tuple[Seat, float]]:
    """The locks that the action can lead to, each with the earliest time; none when it cannot happen."""
    found = _act(action, seat, now)
    # What ends by itself ends no sooner than somebody notices: later would hide nothing that earlier shows.
    if seat.hold and not seat.owned:
        then = max(now, seat.until_ms - ROUNDING_MS)
        found += _act(action, FREE, then)
    elif seat.hold and seat.hold in ends:
        found += _act(action, FREE, max(now, ends[seat.hold]))
    return found


def _act(action: Action, seat: Seat, now: float) -> list[tuple[Seat, float]]:
    until = action.until_ms or now + action.lasts_ms
    latest = until if action.is_exact else float("inf")
    mine = seat.hold == action.hold and now <= seat.latest_ms + ROUNDING_MS
    match action.kind:
        case "take" if not seat.hold:
            return [(Seat(action.hold, False, until, latest), now)]
        case "give" if mine and not seat.owned:
            return [(FREE, now)]
        case "longer" if mine and not seat.owned:
            return [(Seat(seat.hold, False, max(until, seat.until_ms), max(latest, seat.latest_ms)), now)]
        case "sell" if mine:
            return [(Seat(seat.hold, True), now)]
        case "saw_free" | "saw_taken" | "saw_gone" if _sees(action, seat, now):
            return [(seat, now)]
    return []
