"""Paying at a kiosk while the process is killed: exactly one booking or one void, at every step.

`OUTCOMES` is the table. Each row says at which step the process that serves the kiosk is killed (SIGKILL), what the
customer has asked for until then, and how it ends: when the page asks again, and when the page has died as well.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import secrets
import signal
import subprocess
import sys
from uuid import UUID

import pytest

from seatserver.app import Server
from seatserver.config import Settings
from seatserver.kiosks.registry import Kiosk
from tests.integration.server import SHOWTIME, check_books, eventually, hold, opened, rows
from tests.integration.test_server import as_environment

pytestmark = pytest.mark.long

PAID = ("paid", "confirmed", 1, 0)
"""The payment's status, the booking's, how often the card was charged, and how often that was given back."""
VOID = ("voided", "cancelled", 0, 0)
NEVER_CLAIMED = ("voided", None, 0, 0)
GIVEN_BACK = ("voided", "cancelled", 1, 1)

Step = tuple[str, str, str]
Outcome = tuple[str, str | None, int, int]
TAPPED = ("begin", "tap", "follow")
CANCELLED = ("begin", "cancel")

# (where it dies, what was asked for) → (the page comes back and the customer pays, the page is dead too)
OUTCOMES: list[tuple[Step, tuple[str, ...], Outcome, Outcome]] = [
    (("Payments", "_write_down", "before"), TAPPED, PAID, ("none", None, 0, 0)),
    (("Payments", "_write_down", "after"), TAPPED, PAID, NEVER_CLAIMED),
    (("Checkout", "book", "before"), TAPPED, PAID, NEVER_CLAIMED),
    (("Checkout", "book", "after"), TAPPED, PAID, VOID),
    (("SimulatedReader", "start", "before"), TAPPED, PAID, VOID),
    (("SimulatedReader", "start", "after"), TAPPED, PAID, VOID),
    (("SimulatedReader", "act", "before"), TAPPED, PAID, VOID),
    (("SimulatedReader", "act", "after"), TAPPED, PAID, PAID),
    (("Payments", "_decide", "before"), TAPPED, PAID, PAID),
    (("Payments", "_decide", "after"), TAPPED, PAID, PAID),
    (("Checkout", "confirm", "before"), TAPPED, PAID, PAID),
    (("Checkout", "confirm", "after"), TAPPED, PAID, PAID),
    (("Payments", "_decide", "before"), CANCELLED, PAID, VOID),
    (("Payments", "_decide", "after"), CANCELLED, VOID, VOID),
    (("SimulatedReader", "void", "before"), CANCELLED, VOID, VOID),
    (("SimulatedReader", "void", "after"), CANCELLED, VOID, VOID),
    (("Checkout", "cancel", "before"), CANCELLED, VOID, VOID),
    (("Checkout", "cancel", "after"), CANCELLED, VOID, VOID),
]
NAMES = [f"{' '.join(step)}-{asked[-1]}" for step, asked, _, _ in OUTCOMES]


async def enrolled(core: Server) -> tuple[str, Kiosk]:
    """A kiosk of the theatre, and its key."""
    key = secrets.token_urlsafe(32)
    code = (await core.kiosks.introduce(key)).code
    await core.kiosks.enrol(code, theatre_id="rex", name="Lobby 1", channel="", by="test")
    return key, await core.kiosks.authenticate(key)


async def killed(settings: Settings, step: Step, asked: tuple[str, ...], **whose: str) -> None:
    """Serve a payment in a process that is killed at this step."""
    given = {**whose, "showtime_id": SHOWTIME, "requests": asked, "die_at": step}
    command = [sys.executable, "-m", "tests.integration.dying_kiosk", json.dumps(given)]
    environment = as_environment(
        settings, SEATSERVER_KIOSK_READER="simulated", SEATSERVER_KIOSK_PAY_MS=str(settings.kiosk_pay_ms)
    )
    ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, f"the step was never reached: {ended.stderr}"


async def outcome(core: Server, hold_id: UUID) -> Outcome:
    """How it stands now."""
    query = """
        SELECT coalesce((SELECT status FROM kiosk_payments WHERE booking_id = :id), 'none') AS payment,
               (SELECT status FROM bookings WHERE id = :id) AS booking,
               coalesce((SELECT charges FROM simulated_payments WHERE id = :id), 0) AS charges,
               coalesce((SELECT voids FROM simulated_payments WHERE id = :id), 0) AS voids
    """
    [row] = await rows(core, query, id=hold_id)
    return row.payment, row.booking, row.charges, row.voids


async def pay(core: Server, kiosk: Kiosk, hold_id: UUID, user_id: str) -> None:
    """The page asks again, on another instance. The customer taps as soon as the reader waits."""
    payment = await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
    assert core.kiosk_payments.simulated is not None
    if payment.stage == "waiting":
        await core.kiosk_payments.simulated.act(hold_id, "tap")
    await eventually(lambda: _has_ended(core, kiosk, hold_id))


async def _has_ended(core: Server, kiosk: Kiosk, hold_id: UUID) -> bool:
    return (await core.kiosk_payments.advance(kiosk, hold_id)).status in ("paid", "voided")


@pytest.mark.parametrize("page", ["alive", "dead"])
@pytest.mark.parametrize(("step", "asked", "alive", "dead"), OUTCOMES, ids=NAMES)
async def test_it_ends_in_exactly_one_booking_or_one_void(
    brisk: Settings, step: Step, asked: tuple[str, ...], alive: Outcome, dead: Outcome, page: str
) -> None:
    settings = dataclasses.replace(brisk, kiosk_reader="simulated")
    patient = dataclasses.replace(settings, duties=False)
    hasty = dataclasses.replace(settings, kiosk_pay_ms=1000)
    async with opened(patient) as core:
        key, kiosk = await enrolled(core)
        _, user_id = core.kiosks.customer(kiosk)
        hold_id = await hold(core, user_id, 1, 2)
        # The time to pay is that of the process which began it.
        serving = patient if page == "alive" else dataclasses.replace(hasty, duties=False)
        await killed(serving, step, asked, key=key, hold_id=str(hold_id), user_id=user_id)
        if page == "alive":
            await pay(core, kiosk, hold_id, user_id)
    async with Server(hasty) as survivor:

        async def is_over() -> bool:
            return await outcome(survivor, hold_id) == (alive if page == "alive" else dead)

        await eventually(is_over, f"{step} to end, page {page}")
        assert await survivor.kiosk_payments.settle() == 0, "nothing is left to be done"
        await check_books(survivor)


async def test_a_card_that_was_charged_too_late_is_given_back(brisk: Settings) -> None:
    settings = dataclasses.replace(brisk, kiosk_reader="simulated", duties=False)
    async with opened(settings) as core:
        _, kiosk = await enrolled(core)
        _, user_id = core.kiosks.customer(kiosk)
        hold_id = await hold(core, user_id, 1, 2)
        await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
        await core.checkout.cancel(hold_id)  # staff, say
        assert core.kiosk_payments.simulated is not None
        await core.kiosk_payments.simulated.act(hold_id, "tap")
        await core.kiosk_payments.advance(kiosk, hold_id)
        assert await outcome(core, hold_id) == GIVEN_BACK


async def test_many_who_take_on_the_same_payment_confirm_or_void_it_once(brisk: Settings) -> None:
    settings = dataclasses.replace(brisk, kiosk_reader="simulated", duties=False, database_pool_wait_ms=15_000)
    settings = dataclasses.replace(settings, answer_ms=25_000)
    async with opened(settings) as core:
        _, kiosk = await enrolled(core)
        for seat in range(4):
            _, user_id = core.kiosks.customer(kiosk)
            hold_id = await hold(core, user_id, seat)
            payments = core.kiosk_payments
            await payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            assert payments.simulated is not None
            await asyncio.gather(
                payments.simulated.act(hold_id, "tap"),
                *(payments.cancel(kiosk, hold_id) for _ in range(3)),
                *(payments.advance(kiosk, hold_id) for _ in range(3)),
                return_exceptions=True,
            )
            await payments.advance(kiosk, hold_id)
            assert await outcome(core, hold_id) in (PAID, VOID, GIVEN_BACK)
        await check_books(core)
