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
from typing import Any
from uuid import UUID

import pytest

from seatserver.bookings.records import Booking
from seatserver.catalog.showtime import Theatre
from seatserver.config import Settings
from seatserver.errors import Conflict, HoldConflict, HoldGone, NotFound
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.payment_records import PaymentRecords
from seatserver.server import Server
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
    (("PaymentRecords", "write_down", "before"), TAPPED, PAID, ("none", None, 0, 0)),
    (("PaymentRecords", "write_down", "after"), TAPPED, PAID, NEVER_CLAIMED),
    (("Checkout", "book", "before"), TAPPED, PAID, NEVER_CLAIMED),
    (("Checkout", "book", "after"), TAPPED, PAID, VOID),
    (("SimulatedReader", "start", "before"), TAPPED, PAID, VOID),
    (("SimulatedReader", "start", "after"), TAPPED, PAID, VOID),
    (("SimulatedReader", "act", "before"), TAPPED, PAID, VOID),
    (("SimulatedReader", "act", "after"), TAPPED, PAID, PAID),
    (("PaymentRecords", "decide", "before"), TAPPED, PAID, PAID),
    (("PaymentRecords", "decide", "after"), TAPPED, PAID, PAID),
    (("Checkout", "confirm", "before"), TAPPED, PAID, PAID),
    (("Checkout", "confirm", "after"), TAPPED, PAID, PAID),
    (("PaymentRecords", "decide", "before"), CANCELLED, PAID, VOID),
    (("PaymentRecords", "decide", "after"), CANCELLED, VOID, VOID),
    (("SimulatedReader", "void", "before"), CANCELLED, VOID, VOID),
    (("SimulatedReader", "void", "after"), CANCELLED, VOID, VOID),
    (("Checkout", "cancel", "before"), CANCELLED, VOID, VOID),
    (("Checkout", "cancel", "after"), CANCELLED, VOID, VOID),
]
NAMES = [f"{' '.join(step)}-{asked[-1]}" for step, asked, _, _ in OUTCOMES]


@pytest.fixture
def selling(brisk: Settings) -> Settings:
    """The settings of a process that serves kiosks, and leaves what was broken off to others."""
    return dataclasses.replace(brisk, kiosk_reader="simulated", duties=False)


async def enrolled(core: Server) -> tuple[str, Kiosk]:
    """A kiosk of the theatre, and its key."""
    key = secrets.token_urlsafe(32)
    code = (await core.kiosks.introduce(key)).code
    await core.kiosks.enrol(code, theatre_id="rex", name="Lobby 1", channel="", by="test")
    return key, await core.kiosks.authenticate(key)


async def customer(core: Server, kiosk: Kiosk, *seats: int) -> tuple[str, UUID]:
    """A customer of the kiosk, and their hold."""
    _, user_id = core.kiosks.customer(kiosk)
    return user_id, await hold(core, user_id, *seats)


async def unsettled(core: Server) -> list[Any]:
    """The payments that have not ended."""
    return await rows(core, "SELECT booking_id, status FROM kiosk_payments WHERE ended_at IS NULL")


async def killed(settings: Settings, step: Step, asked: tuple[str, ...], **whose: str) -> None:
    """Serve a payment in a process that is killed at this step."""
    given = {**whose, "showtime_id": SHOWTIME, "requests": asked, "die_at": step}
    command = [sys.executable, "-m", "tests.integration.dying_kiosk", json.dumps(given)]
    environment = as_environment(settings, SEATSERVER_KIOSK_READER="simulated")
    ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, f"the step was never reached: {ended.stderr}"


async def let_time_run_out(core: Server) -> None:
    """Let the time to pay be over, however long the test took until now."""
    await _execute(core, "UPDATE kiosk_payments SET deadline_at = now() WHERE ended_at IS NULL")


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
    async with opened(patient) as core:
        key, kiosk = await enrolled(core)
        user_id, hold_id = await customer(core, kiosk, 1, 2)
        await killed(patient, step, asked, key=key, hold_id=str(hold_id), user_id=user_id)
        if page == "alive":
            await pay(core, kiosk, hold_id, user_id)
        else:
            await let_time_run_out(core)
    async with Server(settings) as survivor:

        async def is_over() -> bool:
            return await outcome(survivor, hold_id) == (alive if page == "alive" else dead)

        await eventually(is_over, f"{step} to end, page {page}")
        assert await unsettled(survivor) == [], "nothing is left to be done"
        await check_books(survivor)


async def test_a_card_that_was_charged_too_late_is_given_back(selling: Settings) -> None:
    async with opened(selling) as core:
        kiosk, hold_id = await charged_and_cancelled(core)
        await core.kiosk_payments.advance(kiosk, hold_id)
        assert await outcome(core, hold_id) == GIVEN_BACK


async def test_many_who_take_on_the_same_payment_confirm_or_void_it_once(brisk: Settings) -> None:
    settings = dataclasses.replace(brisk, kiosk_reader="simulated", duties=False, database_pool_wait_ms=15_000)
    settings = dataclasses.replace(settings, answer_ms=25_000)
    async with opened(settings) as core:
        _, kiosk = await enrolled(core)
        for seat in range(4):
            user_id, hold_id = await customer(core, kiosk, seat)
            payments = core.kiosk_payments
            await payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            assert payments.simulated is not None
            tapped, *others = await asyncio.gather(
                payments.simulated.act(hold_id, "tap"),
                *(payments.cancel(kiosk, hold_id) for _ in range(3)),
                *(payments.advance(kiosk, hold_id) for _ in range(3)),
                return_exceptions=True,
            )
            assert tapped is None or isinstance(tapped, NotFound), "the reader may have stopped waiting for a card"
            assert [one for one in others if isinstance(one, BaseException)] == []
            await payments.advance(kiosk, hold_id)
            assert await unsettled(core) == []
            assert await outcome(core, hold_id) in (PAID, VOID, GIVEN_BACK)
        await check_books(core)


async def test_a_kiosk_has_no_power_over_anybody_elses_booking(brisk: Settings) -> None:
    settings = dataclasses.replace(brisk, kiosk_reader="simulated", duties=False)
    async with opened(settings) as core:
        _, kiosk = await enrolled(core)
        _, user_id = core.kiosks.customer(kiosk)
        hold_id = await hold(core, "ann", 1, 2)
        for pending in (False, True):
            if pending:
                await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=True)
            with pytest.raises((HoldGone, HoldConflict)):
                await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            assert await rows(core, "SELECT 1 FROM kiosk_payments") == [], "nothing is left of the attempt"
        # The process died before it could be tidied up.
        await write_down(core, kiosk, hold_id, user_id)
        payment = await core.kiosk_payments.advance(kiosk, hold_id)
        assert (payment.status, payment.amount_minor) == ("open", None)
        assert await core.kiosk_payments.booking(payment) is None, "what is hers is not shown"
        await let_time_run_out(core)
        await eventually(lambda: _has_ended(core, kiosk, hold_id))
        assert await outcome(core, hold_id) == ("voided", "pending", 0, 0)


async def test_two_customers_do_not_share_a_payment(selling: Settings) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        (_, ann), (_, ben) = core.kiosks.customer(kiosk), core.kiosks.customer(kiosk)
        hold_id = await hold(core, ann, 1)
        await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, ann)
        with pytest.raises(HoldConflict):
            await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, ben)
        assert await outcome(core, hold_id) == ("open", "pending", 0, 0)


async def test_a_process_without_a_reader_ends_no_payment(selling: Settings) -> None:
    async with opened(selling) as core, Server(dataclasses.replace(selling, kiosk_reader="none")) as without:
        assert await without.kiosk_payments.settle() == 0, "without payments it has nothing to complain of"
        _, hold_id = await charged_and_cancelled(core)
        with pytest.raises(Conflict):
            await without.kiosk_payments.settle()
        assert await outcome(core, hold_id) == ("open", "cancelled", 1, 0)
        await _execute(core, "UPDATE kiosk_payments SET status = 'voiding', reason = 'late'")
        with pytest.raises(Conflict):
            await without.kiosk_payments.advance(None, hold_id)
        assert await outcome(core, hold_id) == ("voiding", "cancelled", 1, 0)
        assert await core.kiosk_payments.settle() == 1
        assert await outcome(core, hold_id) == GIVEN_BACK


async def test_a_revoked_kiosk_sells_nothing_that_has_no_card_yet(selling: Settings) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        holds = []
        for seat in (1, 2):
            user_id, hold_id = await customer(core, kiosk, seat)
            await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            holds.append(hold_id)
        waits, charged = holds
        assert core.kiosk_payments.simulated is not None
        await core.kiosk_payments.simulated.act(charged, "tap")
        await core.kiosks.revoke(kiosk.id, "test")
        assert await core.kiosk_payments.settle() == 2
        assert (await outcome(core, waits), await outcome(core, charged)) == (VOID, PAID)


async def test_what_waits_for_no_card_any_more_is_settled_before_what_does(selling: Settings) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        holds = []
        for seat in (1, 2, 3):
            user_id, hold_id = await customer(core, kiosk, seat)
            await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            holds.append(hold_id)
        waits, voiding, overdue = holds
        for changed, hold_id in (("status = 'voiding', reason = 'late'", voiding), ("deadline_at = now()", overdue)):
            await _execute(core, f"UPDATE kiosk_payments SET {changed} WHERE booking_id = '{hold_id}'")
        assert await PaymentRecords(core.database).unsettled(3) == [voiding, overdue, waits]


async def test_a_kiosk_sells_for_its_own_theatre_only_and_what_it_began_goes_on(selling: Settings) -> None:
    async with opened(selling) as core:
        await core.catalog.put_theatre(Theatre(id="odeon", name="Odeon", timezone="Europe/Dublin"))
        key, kiosk = await enrolled(core)
        _, user_id = core.kiosks.customer(kiosk)
        first, second = await hold(core, user_id, 1), await hold(core, user_id, 2)
        await core.kiosk_payments.begin(kiosk, SHOWTIME, first, user_id)
        await _execute(core, "UPDATE kiosks SET theatre_id = 'odeon'")
        kiosk = await core.kiosks.authenticate(key)
        with pytest.raises(Conflict):
            await core.kiosk_payments.begin(kiosk, SHOWTIME, second, user_id)
        assert await outcome(core, second) == ("none", None, 0, 0)
        assert (await core.kiosk_payments.begin(kiosk, SHOWTIME, first, user_id)).status == "open"


async def test_another_card_has_no_longer_than_the_booking_lasts(selling: Settings) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        user_id, hold_id = await customer(core, kiosk, 1)
        payments = core.kiosk_payments
        await payments.begin(kiosk, SHOWTIME, hold_id, user_id)
        assert payments.simulated is not None
        for left, status in (("60 seconds", "open"), ("1 second", "voided")):
            await payments.simulated.act(hold_id, "decline")
            await _execute(core, f"UPDATE bookings SET expires_at = now() + interval '{left}'")
            payment = await payments.retry(kiosk, hold_id)
            [booking] = await rows(core, "SELECT expires_at FROM bookings")
            if status == "open":
                assert payment.stage == "waiting"
                assert payment.deadline_ms < booking.expires_at.timestamp() * 1000, "there is time to confirm it"
            assert payment.status == status
        assert await outcome(core, hold_id) == VOID


async def test_what_was_sold_today_is_without_what_was_cancelled(selling: Settings) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        sold = []
        for seat in (1, 2):
            user_id, hold_id = await customer(core, kiosk, seat)
            await pay(core, kiosk, hold_id, user_id)
            sold.append(hold_id)
        assert [one.count for one in (await core.kiosk_payments.sales_today())[kiosk.id]] == [2]
        await core.checkout.cancel(sold[0])  # at the counter
        assert [one.count for one in (await core.kiosk_payments.sales_today())[kiosk.id]] == [1]


async def test_what_somebody_else_decides_meanwhile_is_seen_before_a_card_is_asked_for(
    selling: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        user_id, hold_id = await customer(core, kiosk, 1)
        await write_down(core, kiosk, hold_id, user_id)
        await core.checkout.book(SHOWTIME, hold_id, user_id, pay_later=True)
        find = core.records.find

        async def find_when_it_is_cancelled(booking_id: UUID) -> Booking | None:
            monkeypatch.undo()
            await _execute(core, "UPDATE kiosk_payments SET status = 'voiding', reason = 'cancelled'")
            return await find(booking_id)

        monkeypatch.setattr(core.records, "find", find_when_it_is_cancelled)
        assert await core.kiosk_payments.settle() == 1
        assert await outcome(core, hold_id) == VOID


async def write_down(core: Server, kiosk: Kiosk, hold_id: UUID, user_id: str) -> None:
    """What is left of a payment whose process died before anything was booked."""
    begun = f"'{hold_id}', '{kiosk.id}', '{user_id}', '{SHOWTIME}', 'open', now() + interval '1 second'"
    columns = "booking_id, kiosk_id, user_id, showtime_id, status, deadline_at"
    await _execute(core, f"INSERT INTO kiosk_payments ({columns}) VALUES ({begun})")


async def charged_and_cancelled(core: Server) -> tuple[Kiosk, UUID]:
    """A kiosk, and a payment at it whose card was charged, and whose booking staff have cancelled meanwhile."""
    _, kiosk = await enrolled(core)
    user_id, hold_id = await customer(core, kiosk, 1, 2)
    await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
    await core.checkout.cancel(hold_id)
    assert core.kiosk_payments.simulated is not None
    await core.kiosk_payments.simulated.act(hold_id, "tap")
    return kiosk, hold_id


async def _execute(core: Server, statement: str) -> None:
    async with core.database.transaction() as connection:
        await connection.exec_driver_sql(statement)
