"""Stripe Terminal's server-driven readers, spoken to over HTTPS. What a reader promises is in `readers.py`.

One payment is one PaymentIntent, whatever happens: trying another card processes the same one again, and Stripe takes
money for it at most once. Its row in ``stripe_payments`` is written before Stripe is asked, and its id is written down
before the reader may see it. So a process may die between any two requests, and the next one goes on:

- Every POST has an idempotency key made of the payment, the step and a counter. If an answer is lost, the same key asks
  for it again. Stripe repeats errors for the same key too, so the counter grows with each error.
- To void, ``ended`` is written first: from then on nothing is shown to the reader. Then the intent is cancelled at
  Stripe, which is final; if it had succeeded already, the money is given back. Both can be repeated.

Money is captured at once, not reserved and captured later. The booking is confirmed right after the card was taken, by
whichever process survives, so a reservation would only add a second step that can fail, and it would lapse after two
days. The price of this: a payment that comes too late is refunded, where a reservation would never have been charged.

The result is polled: whoever follows the payment asks every second. So Stripe needs no way in to this server.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from seatserver.config import Settings
from seatserver.database import Database
from seatserver.kiosks.readers import Charge, ReaderAway, Stage
from seatserver.kiosks.tables import stripe_payments as books

log = structlog.get_logger(__name__)

VERSION = "2024-06-20"
"""The version of Stripe's API that this was written for, whatever the account's is."""
CONNECTIONS = 20
INTENT = re.compile("pi_[A-Za-z0-9_]{1,250}")
HUNDREDFOLD = {"ISK", "UGX"}
"""Currencies without minor units, which Stripe counts in hundredths all the same."""
NOT_SAVED = {"idempotency_key_in_use", "lock_timeout", "rate_limit"}
"""Refusals that Stripe does not repeat for the same idempotency key: the next request may be answered otherwise."""
STARTED = "in_progress"


class _Refused(ReaderAway):
    """Stripe answered, with an error. ``reason`` is its code."""

    def __init__(self, status: int, reason: str, why: str) -> None:
        super().__init__(why)
        self.answered, self.reason = status, reason


class StripeReader:
    """The card readers of one Stripe account. Each kiosk has one of them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._longest_s = settings.stripe_ms / 1000
        self._http = httpx.AsyncClient(
            base_url=settings.stripe_url,
            headers={"Authorization": f"Bearer {settings.stripe_key}", "Stripe-Version": VERSION},
            timeout=self._longest_s,
            limits=httpx.Limits(max_connections=CONNECTIONS),
            trust_env=settings.stripe_url.startswith("https:"),  # a proxy is for what is outside
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def start(self, charge: Charge) -> None:
        """Have the kiosk's reader ask for a card, unless this attempt was accepted already or the payment is void."""
        row = await self._noted(charge)
        if row.ended or row.attempt >= charge.attempt:
            return
        intent = row.intent_id or await self._made(row)
        if intent is None:
            return
        path = f"/v1/terminal/readers/{row.reader}/process_payment_intent"
        try:
            await self._post(row, f"process:{charge.attempt}", path, payment_intent=intent)
        except _Refused as refused:
            is_over = refused.reason == "payment_intent_unexpected_state"  # paid or cancelled: looking says which
            if not is_over and not (refused.reason == "terminal_reader_busy" and await self._asks_for(row, intent)):
                raise
        await self._update(charge.id, books.c.attempt < charge.attempt, attempt=charge.attempt)

    async def look(self, payment_id: UUID) -> Stage:
        """How far it is. ``declined`` also means that the reader has stopped asking, for whatever reason."""
        row = await self._find(payment_id)
        if row is None or (row.intent_id is None and not row.ended):
            return "unknown"
        if row.voided or row.intent_id is None:
            return "voided"
        status = await self._status(row.intent_id)
        if status in ("succeeded", "requires_capture"):
            return "approved"
        if status == "canceled":
            return "voided"
        if row.attempt == 0:
            return "unknown"
        if status == "processing":
            return "waiting"
        action = await self._action(row.reader, row.intent_id)
        # It may have succeeded since we asked for the intent: then the next look finds that.
        return "waiting" if action in (STARTED, "succeeded") else "declined"

    async def void(self, payment_id: UUID) -> None:
        """Cancel the intent, or give the money back. Raises `ReaderAway` until it is certain that one of them is so."""
        noted = insert(books).values(
            id=payment_id, reader="", amount_minor=0, currency="", attempt=0, tries=0, ended=True, voided=True
        )
        ends = noted.on_conflict_do_update(index_elements=["id"], set_={"ended": True}).returning(books)
        async with self._database.reading() as connection:
            row = (await connection.execute(ends)).one()
        if row.voided:
            return
        if row.intent_id is not None:  # otherwise no reader has ever seen it, and none will
            await self._undo(row)
        await self._update(payment_id, sa.true(), voided=True)

    async def is_ready(self, reader: str) -> bool:
        """Whether this reader is switched on and reachable, as far as Stripe knows."""
        try:
            return (await self._ask("GET", f"/v1/terminal/readers/{reader}")).get("status") == "online"
        except ReaderAway as away:
            log.warning("card reader away", reader=reader, problem=away.message)
            return False

    # ------------------------------------------------------------ the steps

    async def _made(self, row: sa.Row[Any]) -> str | None:
        """The payment's intent, which is new; None if the payment was ended meanwhile. No reader has seen it yet."""
        factor = 100 if row.currency in HUNDREDFOLD else 1
        made = await self._post(
            row,
            "intent",
            "/v1/payment_intents",
            **{
                "amount": str(row.amount_minor * factor),
                "currency": row.currency.lower(),
                "payment_method_types[]": "card_present",
                "capture_method": "automatic",
                "metadata[booking]": str(row.id),
            },
        )
        if not INTENT.fullmatch(str(made.get("id"))):
            raise ReaderAway("Stripe named no PaymentIntent")
        await self._update(row.id, books.c.intent_id.is_(None) & ~books.c.ended, intent_id=made["id"])
        now = await self._find(row.id)
        return None if now is None or now.ended else now.intent_id

    async def _undo(self, row: sa.Row[Any]) -> None:
        await self._stop_asking(row)
        try:
            await self._post(row, "cancel", f"/v1/payment_intents/{row.intent_id}/cancel")
            return
        except _Refused as refused:
            if refused.reason != "payment_intent_unexpected_state":
                raise
        status = await self._status(row.intent_id)
        if status == "succeeded":
            await self._refund(row)
        elif status != "canceled":
            raise ReaderAway(f"the payment is {status}, and can be ended only later")

    async def _stop_asking(self, row: sa.Row[Any]) -> None:
        """Clear the reader's screen, if it can be reached. Whether money is taken is decided by the intent alone."""
        try:
            # Should the next customer's payment begin between these two, its reader stops, and asks again on request.
            if await self._asks_for(row, row.intent_id):
                await self._post(row, "stop", f"/v1/terminal/readers/{row.reader}/cancel_action")
        except ReaderAway as away:
            log.info("reader not stopped", payment=str(row.id), problem=away.message)

    async def _refund(self, row: sa.Row[Any]) -> None:
        try:
            refund = await self._post(row, "refund", "/v1/refunds", payment_intent=row.intent_id)
        except _Refused as refused:
            if refused.reason != "charge_already_refunded":
                raise
            return
        if refund.get("status") in ("failed", "canceled"):
            log.error("refund failed: give the money back by hand", payment=str(row.id), intent=row.intent_id)

    async def _asks_for(self, row: sa.Row[Any], intent: str) -> bool:
        return await self._action(row.reader, intent) == STARTED

    async def _action(self, reader: str, intent: str) -> str | None:
        """How far the reader is with this intent; None if it has something else to do, or nothing."""
        action = (await self._ask("GET", f"/v1/terminal/readers/{reader}")).get("action") or {}
        processed = (action.get("process_payment_intent") or {}).get("payment_intent")
        return action.get("status") if processed == intent else None

    async def _status(self, intent: str) -> str:
        return str((await self._ask("GET", f"/v1/payment_intents/{intent}")).get("status"))

    # ------------------------------------------------------------ our books

    async def _noted(self, charge: Charge) -> sa.Row[Any]:
        noted = insert(books).values(
            id=charge.id,
            reader=charge.reader,
            amount_minor=charge.amount_minor,
            currency=charge.currency,
            attempt=0,
            tries=0,
            ended=False,
            voided=False,
        )
        same = noted.on_conflict_do_update(index_elements=["id"], set_={"id": charge.id}).returning(books)
        async with self._database.reading() as connection:
            row: sa.Row[Any] = (await connection.execute(same)).one()
        return row

    async def _find(self, payment_id: UUID) -> sa.Row[Any] | None:
        async with self._database.reading() as connection:
            return (await connection.execute(sa.select(books).where(books.c.id == payment_id))).one_or_none()

    async def _update(self, payment_id: UUID, only_if: sa.ColumnElement[bool], **values: Any) -> None:
        async with self._database.reading() as connection:
            await connection.execute(sa.update(books).where(books.c.id == payment_id, only_if).values(**values))

    # ------------------------------------------------------------ HTTPS

    async def _post(self, row: sa.Row[Any], step: str, path: str, **form: str) -> dict[str, Any]:
        """Ask Stripe to do something, once, however often this is called."""
        try:
            return await self._ask("POST", path, f"seatserver:{row.id}:{step}:{row.tries}", form)
        except _Refused as refused:
            if refused.reason not in NOT_SAVED:
                await self._update(row.id, books.c.tries == row.tries, tries=row.tries + 1)
            raise

    async def _ask(
        self, method: str, path: str, key: str | None = None, form: dict[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            async with asyncio.timeout(self._longest_s):
                response = await self._http.request(method, path, headers=headers, data=form)
            answer = msgspec.json.decode(response.content, type=dict[str, Any])
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            raise ReaderAway(f"Stripe does not answer: {type(error).__name__}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _Refused(response.status_code, "", f"Stripe answered {response.status_code}, not in JSON") from None
        if response.is_success:
            return answer
        raise _refused(response.status_code, answer)


def _refused(status: int, answer: dict[str, Any]) -> _Refused:
    if status in (401, 403):  # the message would show a part of the key
        return _Refused(status, "key", "Stripe refuses SEATSERVER_STRIPE_KEY, or it may not do this")
    error = answer.get("error")
    found = error if isinstance(error, dict) else {}
    reason = str(found.get("code") or found.get("type") or "")
    if status == 429:
        reason = "rate_limit"
    return _Refused(status, reason, f"Stripe answered {status} {reason}: {str(found.get('message', ''))[:200]}")
