"""Seat states and the transitions between them, as one table.

FREE → HELD (Redis, with a deadline) → CLAIMED (Postgres, payment pending) → SOLD (Postgres, confirmed) → FREE (the
booking was cancelled). BLOCKED seats are kept by the house for nobody, such as house seats and broken ones. ALLOCATED
seats are kept for the buyers of one sales channel, who may hold them. The numbers are those of the wire, where a
snapshot is one digit per seat.

The table describes what the Lua scripts do; no code of the server reads it. Tests keep it true: one compares the
numbers with those in ``lua/prelude.lua``, another lets the scripts run in any order and looks up every transition that
they publish (`tests/integration/test_store_machine.py`).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal

from seatserver.errors import Refusal


class SeatState(IntEnum):
    """What a viewer sees of a seat."""

    FREE = 0
    HELD = 1
    CLAIMED = 2
    SOLD = 3
    BLOCKED = 4
    ALLOCATED = 5


class Step(StrEnum):
    """What happens to a seat."""

    HOLD = "hold"
    RELEASE = "release"
    EXPIRE = "expire"
    CLAIM = "claim"
    SELL = "sell"
    CONFIRM = "confirm"
    CANCEL = "cancel"
    BLOCK = "block"
    ALLOCATE = "allocate"
    OPEN = "open"


AT_REST = (SeatState.FREE, SeatState.BLOCKED, SeatState.ALLOCATED)
"""What a seat can be that nobody holds and nobody booked, as the house keeps it (``lua/parts/at_rest.lua``)."""

TRANSITIONS: dict[tuple[SeatState, Step], tuple[SeatState, ...]] = {
    (SeatState.FREE, Step.HOLD): (SeatState.HELD,),
    (SeatState.HELD, Step.RELEASE): AT_REST,
    (SeatState.HELD, Step.EXPIRE): AT_REST,
    (SeatState.HELD, Step.CLAIM): (SeatState.CLAIMED,),
    (SeatState.HELD, Step.SELL): (SeatState.SOLD,),
    # Postgres decides: a hold that ran out between PIN and COMMIT is sold all the same, when the row is there.
    (SeatState.FREE, Step.CLAIM): (SeatState.CLAIMED,),
    (SeatState.FREE, Step.SELL): (SeatState.SOLD,),
    (SeatState.CLAIMED, Step.CONFIRM): (SeatState.SOLD,),
    # A payment that does not come in time cancels, too.
    (SeatState.CLAIMED, Step.CANCEL): AT_REST,
    (SeatState.SOLD, Step.CANCEL): AT_REST,
    (SeatState.FREE, Step.BLOCK): (SeatState.BLOCKED,),
    # The house may keep what somebody holds: the hold ends.
    (SeatState.HELD, Step.BLOCK): (SeatState.BLOCKED,),
    (SeatState.HELD, Step.ALLOCATE): (SeatState.ALLOCATED,),
    (SeatState.FREE, Step.ALLOCATE): (SeatState.ALLOCATED,),
    (SeatState.ALLOCATED, Step.BLOCK): (SeatState.BLOCKED,),
    (SeatState.BLOCKED, Step.ALLOCATE): (SeatState.ALLOCATED,),
    (SeatState.BLOCKED, Step.OPEN): (SeatState.FREE,),
    (SeatState.ALLOCATED, Step.OPEN): (SeatState.FREE,),
    # By a buyer of its channel.
    (SeatState.ALLOCATED, Step.HOLD): (SeatState.HELD,),
    (SeatState.ALLOCATED, Step.CLAIM): (SeatState.CLAIMED,),
    (SeatState.ALLOCATED, Step.SELL): (SeatState.SOLD,),
}

BookingStatus = Literal["pending", "confirmed", "cancelled", "expired"]
"""What a booking can be; the first two own their seats."""

REFUSAL_OF_STATE: dict[SeatState, Refusal] = {
    SeatState.HELD: "held",
    SeatState.CLAIMED: "sold",
    SeatState.SOLD: "sold",
    SeatState.BLOCKED: "blocked",
    SeatState.ALLOCATED: "allocated",
}
"""Why a seat in this state is refused to someone else; ``lua/parts/obstacle.lua`` says the same."""
