"""Card readers: what a kiosk's payments need of one, and a simulated one for the demo and the tests.

A reader keeps books of its own, by the payment's id, which survive our process. Every request to it may be repeated,
for example because an answer was lost. `void` is final: whatever happens, no money is taken after it.

`stripe.py` has the real ones. The simulated reader keeps its books in a table that nothing else touches. The buttons on
the kiosk's screen say what the customer does with the card: tap it, have it declined, or tap it while the reader's
answers are lost.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from seatserver.database import Database
from seatserver.errors import NotFound, SeatServerError
from seatserver.kiosks.tables import simulated_payments as books

LOST_ANSWERS = 3

Stage = Literal["unknown", "waiting", "approved", "declined", "voided"]
"""``unknown``: it was never asked for this payment. ``waiting``: for a card. ``voided``: no money is, or will be,
taken."""
Act = Literal["tap", "decline", "lose"]


class ReaderAway(SeatServerError):
    """The card reader did not answer, so nobody knows whether it did what it was asked. Ask again."""

    code, retryable, status = "reader_away", True, 503

    def __init__(self, why: str = "") -> None:
        super().__init__(f"the card reader does not answer; ask again{f' ({why})' if why else ''}")


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What to take: an amount in minor units. ``attempt`` grows when another card is tried for the same payment.

    ``reader`` is the kiosk's own, where each has one.
    """

    id: UUID
    reader: str
    attempt: int
    amount_minor: int
    currency: str


class CardReader(Protocol):
    """A card reader. Every method raises `ReaderAway` when no answer came, and may be called again."""

    async def start(self, charge: Charge) -> None:
        """Ask for a card, unless this attempt was asked for already."""
        ...

    async def look(self, payment_id: UUID) -> Stage:
        """How far the payment is."""
        ...

    async def void(self, payment_id: UUID) -> None:
        """Take no money for this payment: stop asking for a card, or give back what was taken."""
        ...

    async def close(self) -> None:
        """Let go of what it holds open."""
        ...


class SimulatedReader:
    """A card reader that exists only in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, charge: Charge) -> None:
        """Wait for a card, unless this attempt does already."""
        asked = insert(books).values(
            id=charge.id,
            attempt=charge.attempt,
            amount_minor=charge.amount_minor,
            currency=charge.currency,
            state="waiting",
        )
        again = (books.c.state == "declined") & (books.c.attempt < charge.attempt)
        async with self._database.reading() as connection:
            await connection.execute(
                asked.on_conflict_do_update(
                    index_elements=["id"], set_={"attempt": charge.attempt, "state": "waiting"}, where=again
                )
            )

    async def look(self, payment_id: UUID) -> Stage:
        """How far it is. Raises `ReaderAway` while answers are lost."""
        loses = sa.update(books).where(books.c.id == payment_id, books.c.lost > 0).values(lost=books.c.lost - 1)
        async with self._database.reading() as connection:
            if (await connection.execute(loses)).rowcount:
                raise ReaderAway
            found: Stage | None = await connection.scalar(sa.select(books.c.state).where(books.c.id == payment_id))
        return found or "unknown"

    async def void(self, payment_id: UUID) -> None:
        """Stop waiting, or give the money back, once."""
        # A payment that was never asked for is noted too: a request that is still on its way comes too late then.
        noted = insert(books).values(id=payment_id, attempt=0, amount_minor=0, currency="", state="voided")
        taken = sa.cast(books.c.state == "approved", sa.Integer)
        async with self._database.reading() as connection:
            await connection.execute(
                noted.on_conflict_do_update(
                    index_elements=["id"],
                    set_={"state": "voided", "voids": books.c.voids + taken},
                    where=books.c.state != "voided",
                )
            )

    async def close(self) -> None:
        """It holds nothing open."""

    async def act(self, payment_id: UUID, act: Act) -> None:
        """What the customer does with the card. Raises `NotFound` if the reader does not wait for one."""
        taken = {"state": "approved", "charges": books.c.charges + 1}
        acts: dict[Act, dict[str, Any]] = {
            "tap": taken,
            "decline": {"state": "declined"},
            "lose": {**taken, "lost": LOST_ANSWERS},
        }
        done = sa.update(books).where(books.c.id == payment_id, books.c.state == "waiting").values(**acts[act])
        async with self._database.reading() as connection:
            if not (await connection.execute(done)).rowcount:
                raise NotFound("payment that waits for a card", str(payment_id))
