"""The protocol for one seat, two users, crashes and lost replies, as a state machine small enough to explore whole.

A `State` is everything that matters: what Redis believes, what Postgres has, what is on its way between them, and how
far each user has got. `steps` lists every state that one action can lead to; actions are named after the functions in
`seatserver` that carry them out. There is no clock: whatever a deadline allows may happen at any moment, which covers
paused processes, slow replies and clocks that jump. A `Mutant` breaks one rule of the protocol; the tests make sure
that each is caught.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Literal, NamedTuple

USERS = (0, 1)
FREE, CLAIMED, SOLD = "free", "claimed", "sold"
LIVE = ("pending", "confirmed")
STATE_OF = {"pending": CLAIMED, "confirmed": SOLD, "cancelled": FREE, "expired": FREE}

Status = Literal["", "pending", "confirmed", "cancelled", "expired"]


class Mutant(StrEnum):
    """A broken build: one rule that the protocol rests on, left out."""

    NO_UNIQUE_INDEX = "two live rows of one seat may be written"
    TRUST_REDIS = "the lock in Redis is proof enough: Postgres is not asked who owns the seat"
    ACKNOWLEDGE_EARLY = "the buyer is told before the transaction is committed"
    RELEASE_BEFORE_VOID = "the reaper frees the seats before it ends the booking"
    NO_VERSION_CHECK = "changes of Postgres are applied to Redis in whatever order they come"
    BLIND_RETRY = "a repeated claim does not look for the row that the first one may have left"


class Buyer(NamedTuple):
    """One user. ``at``: what it is doing; ``told``: it was told that its booking is confirmed; ``paid``: its money."""

    at: Literal["away", "held", "pinned", "claimed", "unknown", "done"] = "away"
    told: bool = False
    paid: Literal["", "captured", "refunded"] = ""
    cancels: int = 0


class State(NamedTuple):
    """Everything. ``rows`` are the bookings of the users, ``seats`` their live rows of the seat.

    ``history[n]`` is the seat as Postgres had it after change n; ``outbox`` are the changes not known to have arrived.
    """

    known: bool = True
    lock: int | None = None
    taken: str = FREE
    pgseq: int = 0
    rows: tuple[Status, Status] = ("", "")
    seats: tuple[bool, bool] = (False, False)
    history: tuple[str, ...] = (FREE,)
    outbox: tuple[int, ...] = ()
    buyers: tuple[Buyer, Buyer] = (Buyer(), Buyer())
    reaping: int | None = None
    faults: int = 0


Step = tuple[str, State]


def steps(state: State, mutant: Mutant | None = None, *, faults: int = 2) -> Iterator[Step]:
    """Every action that can happen now, and what it leads to; at most ``faults`` of them are faults."""
    for user in USERS:
        yield from _buyer_steps(state, user, mutant)
    yield from _background(state, mutant)
    if state.faults < faults:
        yield from _fault_steps(state)


def healthy(state: State, mutant: Mutant | None = None) -> Iterator[Step]:
    """What happens of itself once nothing fails any more and nobody wants anything new: the duties, and repetitions."""
    for user in USERS:
        buyer = state.buyers[user]
        if buyer.at in ("claimed", "unknown"):
            yield from _buyer_steps(state, user, mutant)
        elif buyer.paid == "captured":
            yield from _settle(state, user)
    yield from _background(state, mutant)


# ---------------------------------------------------------------- what users do


def _buyer_steps(state: State, user: int, mutant: Mutant | None) -> Iterator[Step]:
    buyer = state.buyers[user]
    match buyer.at:
        case "away" if not state.rows[user]:
            yield from _hold(state, user)
        case "held":
            yield "SeatStore.release", _let_go(_is(state, user, at="away"), user)
            if state.lock == user:
                yield "SeatStore.pin", _is(state, user, at="pinned")
            elif state.rows[user]:
                yield "Checkout.book again", _is(state, user, at="claimed")
            else:
                yield "SeatStore.pin gone", _is(state, user, at="away")
        case "pinned":
            yield from _write_booking(state, user, mutant)
        case "unknown":
            # The reply to COMMIT, or the whole request, was lost: the same request is made again.
            yield from _write_booking(state, user, mutant)
        case "claimed":
            yield from _settle(state, user)


def _hold(state: State, user: int) -> Iterator[Step]:
    if not state.known:
        yield "SeatStore.load", _load(state)
    elif state.taken == FREE and state.lock is None:
        yield "SeatStore.hold", _is(state._replace(lock=user), user, at="held")
    elif state.lock == user:
        yield "SeatStore.hold again", _is(state, user, at="held")


def _write_booking(state: State, user: int, mutant: Mutant | None) -> Iterator[Step]:
    """`Checkout._write_booking`: one transaction, of which the buyer hears afterwards."""
    if mutant is Mutant.ACKNOWLEDGE_EARLY and not state.buyers[user].told:
        yield "acknowledge", _is(state, user, told=True)
    if state.rows[user] and mutant is not Mutant.BLIND_RETRY:
        yield "Checkout.book again", _is(state, user, at="claimed")
        return
    rival_owns = any(state.seats[other] for other in USERS if other != user)
    if mutant is Mutant.TRUST_REDIS:
        rival_owns = state.lock != user
    if state.rows[user] in LIVE:
        # Only a blind repetition gets here: it takes its own row for somebody else's.
        yield "Checkout._write_booking refused", _is(state, user, at="done", told=False)
    elif rival_owns and mutant is not Mutant.NO_UNIQUE_INDEX:
        yield "Checkout._write_booking refused", _is(_let_go(state, user), user, at="away")
    else:
        claimed = _write(_is(state, user, at="claimed"), user, "pending", seat=True)
        yield "Checkout._write_booking", claimed
        yield "Checkout._write_booking, reply lost", _is(claimed, user, at="unknown")


def _settle(state: State, user: int) -> Iterator[Step]:
    """The seller's payment system: it captures money for a pending booking, then confirms it, or gives it back."""
    buyer, status = state.buyers[user], state.rows[user]
    if status == "pending" and buyer.paid == "":
        yield "capture", _is(state, user, paid="captured")
    if status == "pending" and buyer.paid == "captured":
        yield "Checkout.confirm", _is(_write(state, user, "confirmed"), user, at="done", told=True)
        yield "Checkout.confirm, reply lost", _write(state, user, "confirmed")
    if status == "confirmed" and buyer.paid == "captured" and not buyer.told:
        yield "Checkout.confirm again", _is(state, user, at="done", told=True)
    if status in ("cancelled", "expired"):
        paid: Literal["", "refunded"] = "refunded" if buyer.paid else ""
        yield "Checkout.confirm too late", _is(state, user, at="done", paid=paid)
    if status == "pending" and buyer.cancels == 0 and buyer.paid == "":
        yield "Checkout.cancel", _is(_write(state, user, "cancelled", seat=False), user, at="done", cancels=1)


# ---------------------------------------------------------------- what happens of itself


def _background(state: State, mutant: Mutant | None) -> Iterator[Step]:
    if state.lock is not None:
        yield "SeatStore.sweep", state._replace(lock=None)
    for user in USERS:
        if mutant is Mutant.RELEASE_BEFORE_VOID:
            if state.rows[user] == "pending" and state.reaping is None:
                yield (
                    "Checkout.reap frees",
                    _write(state, user, "pending", seat=False, shown=FREE)._replace(reaping=user),
                )
            elif state.reaping == user:
                ended = state._replace(reaping=None)
                if state.rows[user] == "pending":
                    ended = _write(ended, user, "expired", seat=False)
                yield "Checkout.reap ends", ended
        elif state.rows[user] == "pending":
            yield "Checkout.reap", _write(state, user, "expired", seat=False)
    if state.known:
        yield from _apply(state, mutant)
        behind = state.pgseq < len(state.history) - 1 and not state.outbox
        if behind or (state.pgseq == len(state.history) - 1 and state.taken != state.history[-1]):
            yield "Reconciler.repair", _load(state)
    else:
        yield "SeatStore.load", _load(state)


def _apply(state: State, mutant: Mutant | None) -> Iterator[Step]:
    """`Relay._relay_some`: a change in the outbox reaches Redis, perhaps twice, perhaps out of order."""
    for seq in state.outbox:
        if mutant is Mutant.NO_VERSION_CHECK:
            pgseq = max(state.pgseq, seq)
            lock = state.lock if state.history[seq] == FREE else None
            yield "SeatStore.apply", state._replace(taken=state.history[seq], pgseq=pgseq, lock=lock)
        elif seq == state.pgseq + 1:
            lock = state.lock if state.history[seq] == FREE else None
            yield "SeatStore.apply", state._replace(taken=state.history[seq], pgseq=seq, lock=lock)
        elif seq > state.pgseq + 1 and min(state.outbox) == seq:
            yield "SeatStore.apply gap, load", _load(state)
        elif seq <= state.pgseq:
            left = tuple(one for one in state.outbox if one > state.pgseq)
            yield "Relay._relay_some deletes", state._replace(outbox=left)


# ---------------------------------------------------------------- faults


def _fault_steps(state: State) -> Iterator[Step]:
    worse = state._replace(faults=state.faults + 1)
    if state.known:
        yield "Redis wiped", worse._replace(known=False, lock=None, taken=FREE, pgseq=0)
        if state.pgseq > 0:
            before = state.pgseq - 1
            yield "stale replica promoted", worse._replace(taken=state.history[before], pgseq=before, lock=None)
        if state.lock is not None:
            yield "lock lost", worse._replace(lock=None)
    for user in USERS:
        if state.buyers[user].at in ("pinned", "claimed"):
            yield "process killed", _is(worse, user, at="unknown")
    if state.outbox:
        yield "outbox row relayed, then Redis set back", worse._replace(outbox=state.outbox[1:])


# ---------------------------------------------------------------- pieces


def _is(state: State, user: int, **changes: object) -> State:
    buyers = list(state.buyers)
    buyers[user] = buyers[user]._replace(**changes)  # type: ignore[arg-type]  # the names are those of Buyer
    return state._replace(buyers=(buyers[0], buyers[1]))


def _let_go(state: State, user: int) -> State:
    return state._replace(lock=None) if state.lock == user else state


def _write(state: State, user: int, status: Status, *, seat: bool | None = None, shown: str | None = None) -> State:
    """One committed transaction: the booking's row, its seat's row, and the numbered change in the outbox."""
    rows, seats = list(state.rows), list(state.seats)
    rows[user] = status
    if seat is not None:
        seats[user] = seat
    history = (*state.history, shown or STATE_OF[status])
    return state._replace(
        rows=(rows[0], rows[1]),
        seats=(seats[0], seats[1]),
        history=history,
        outbox=(*state.outbox, len(history) - 1),
    )


def _load(state: State) -> State:
    """Redis takes over all that Postgres knows, under a new epoch where it knew nothing."""
    now = state.history[-1]
    return state._replace(known=True, taken=now, pgseq=len(state.history) - 1, lock=state.lock if now == FREE else None)


# ---------------------------------------------------------------- what must hold


def broken(state: State) -> str:
    """Which promise a state breaks, empty when it breaks none."""
    if sum(state.seats) > 1:
        return "I1: the seat has two owners"
    for user in USERS:
        if state.buyers[user].told and state.rows[user] != "confirmed":
            return "I2: what was acknowledged is not in Postgres"
        if state.rows[user] == "confirmed" and not state.seats[user]:
            return "I1: a confirmed booking has lost its seat"
        if state.rows[user] in LIVE and state.buyers[user].at == "done" and state.rows[user] == "pending":
            return "I2: the buyer was told no, and Postgres has the booking"
    if state.known and state.pgseq < len(state.history) and state.lock is None:
        return "" if state.faults or state.taken == state.history[state.pgseq] else "I5: Redis shows what never was"
    return ""


def settled(state: State) -> bool:
    """Nothing is under way any more: viewers see the truth, money and bookings agree, nobody holds the seat."""
    money = all((state.buyers[user].paid == "captured") == (state.rows[user] == "confirmed") for user in USERS)
    return state.known and state.lock is None and state.taken == state.history[-1] and money and not state.outbox


class Trace(NamedTuple):
    """How a broken promise comes about."""

    promise: str
    actions: tuple[str, ...]


def explore(mutant: Mutant | None = None, *, faults: int = 2) -> tuple[int, Trace | None]:
    """Look at every reachable state; how many there are, and the shortest way to the first broken promise."""
    start = State()
    came_from: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if promise := broken(state):
            return len(came_from), Trace(promise, _way(came_from, state))
        for action, following in steps(state, mutant, faults=faults):
            if following not in came_from:
                came_from[following] = (state, action)
                queue.append(following)
    if stuck := _stuck(set(came_from), mutant):
        return len(came_from), Trace("I4: this never settles", _way(came_from, stuck))
    return len(came_from), None


def _stuck(states: set[State], mutant: Mutant | None) -> State | None:
    """A state from which the duties alone never lead to a settled one, None when there is none."""
    before: dict[State, set[State]] = {}
    seen, queue = set(states), deque(states)
    while queue:
        state = queue.popleft()
        for _, following in healthy(state, mutant):
            before.setdefault(following, set()).add(state)
            if following not in seen:
                seen.add(following)
                queue.append(following)
    good = {state for state in seen if settled(state)}
    queue = deque(good)
    while queue:
        for earlier in before.get(queue.popleft(), ()):
            if earlier not in good:
                good.add(earlier)
                queue.append(earlier)
    return min(states - good, key=lambda state: (state.faults, len(state.history)), default=None)


def _way(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    actions: list[str] = []
    step = came_from[state]
    while step is not None:
        actions.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(actions))
