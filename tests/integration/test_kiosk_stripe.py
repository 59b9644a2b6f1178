"""Stripe Terminal's readers at a kiosk: exactly one booking or one void, whatever is lost, refused or killed.

Stripe is `stripe_standin.py`, which speaks the documented API over HTTP. `KILLED` is the table of a server that is
killed (SIGKILL) while it speaks to Stripe, by the request, before or after Stripe has done it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import structlog

from seatserver.config import Settings
from seatserver.errors import BadRequest, Conflict
from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.payment_records import Payment
from seatserver.kiosks.reader_watch import ReaderWatch
from seatserver.kiosks.stripe import StripeReader
from seatserver.server import Server
from tests.integration.server import SHOWTIME, check_books, eventually, opened, rows
from tests.integration.stripe_standin import KEY, READER, Fault, StripeStandIn, stripe_standin
from tests.integration.test_kiosk_payments import Outcome, customer, enrolled, let_time_run_out, unsettled
from tests.integration.test_server import as_environment

pytestmark = pytest.mark.long

PAID: Outcome = ("paid", "confirmed", 1, 0)
VOID: Outcome = ("voided", "cancelled", 0, 0)
GIVEN_BACK: Outcome = ("voided", "cancelled", 1, 1)

# (the request, whether Stripe has done it, what was asked for) → (the page comes back, the page is dead too)
KILLED: list[tuple[str, Fault, tuple[str, ...], Outcome | None, Outcome | None]] = [
    ("create", "killed before", ("begin",), None, VOID),
    ("create", "killed after", ("begin",), PAID, VOID),
    ("process", "killed before", ("begin",), None, VOID),
    ("process", "killed after", ("begin",), PAID, PAID),
    ("intent", "killed after", ("begin", "follow"), None, PAID),
    ("stop", "killed after", ("begin", "cancel"), None, VOID),
    ("cancel", "killed before", ("begin", "cancel"), None, VOID),
    ("cancel", "killed after", ("begin", "cancel"), VOID, None),
    ("refund", "killed before", ("follow",), None, GIVEN_BACK),
    ("refund", "killed after", ("follow",), None, GIVEN_BACK),
]
CASES = [
    pytest.param(step, fault, asked, page, end, id=f"{step} {fault}, page {page}")
    for step, fault, asked, alive, dead in KILLED
    for page, end in (("alive", alive), ("dead", dead))
    if end is not None
]


@pytest.fixture
async def stripe() -> AsyncIterator[StripeStandIn]:
    """Stripe, with one reader that is online."""
    async with stripe_standin() as running:
        yield running


@pytest.fixture
def selling(brisk: Settings, stripe: StripeStandIn) -> Settings:
    """The settings of a process that serves kiosks, and leaves what was broken off to others."""
    return dataclasses.replace(
        brisk, kiosk_reader="stripe", stripe_key=KEY, stripe_url=stripe.url, stripe_ms=20_000, duties=False
    )


async def with_reader(core: Server, reader: str = READER) -> tuple[str, Kiosk]:
    """An enrolled kiosk with a card reader of its own, and its key."""
    key, kiosk = await enrolled(core)
    return key, await core.kiosks.change(kiosk.id, {"card_reader": reader}, "test")


async def outcome(core: Server, stripe: StripeStandIn, hold_id: UUID) -> Outcome:
    """How it stands now, here and at Stripe."""
    query = """
        SELECT coalesce((SELECT status FROM kiosk_payments WHERE booking_id = :id), 'none') AS payment,
               (SELECT status FROM bookings WHERE id = :id) AS booking
    """
    [row] = await rows(core, query, id=hold_id)
    return row.payment, row.booking, *stripe.money(hold_id)


async def begin(core: Server, kiosk: Kiosk, seat: int) -> tuple[UUID, Payment]:
    """A customer's payment, as far as it goes at once."""
    user_id, hold_id = await customer(core, kiosk, seat)
    return hold_id, await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)


async def until_stage(core: Server, kiosk: Kiosk, hold_id: UUID, stage: str) -> None:
    """Ask as the page does, until the reader is as far as that."""

    async def is_there() -> bool:
        return (await core.kiosk_payments.advance(kiosk, hold_id)).stage == stage

    await eventually(is_there, stage)


async def until_ended(core: Server, kiosk: Kiosk, hold_id: UUID) -> None:
    """Ask as the page does, until it has ended."""

    async def has_ended() -> bool:
        return (await core.kiosk_payments.advance(kiosk, hold_id)).status in ("paid", "voided")

    await eventually(has_ended, "the payment to end")


async def test_a_card_is_charged_once_and_the_booking_confirmed(selling: Settings, stripe: StripeStandIn) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        hold_id, payment = await begin(core, kiosk, 1)
        assert (payment.status, payment.stage) == ("open", "waiting")
        [intent] = stripe.intents.values()
        assert (intent["amount"], intent["currency"]) == (payment.amount_minor, "eur")
        stripe.tap()
        assert (await core.kiosk_payments.advance(kiosk, hold_id)).status == "paid"
        assert await outcome(core, stripe, hold_id) == PAID
        await check_books(core)


async def test_another_card_is_tried_for_the_same_intent(selling: Settings, stripe: StripeStandIn) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        hold_id, _ = await begin(core, kiosk, 1)
        for _ in range(2):
            stripe.tap("bad card")
            assert (await core.kiosk_payments.advance(kiosk, hold_id)).stage == "declined"
            assert (await core.kiosk_payments.retry(kiosk, hold_id)).stage == "waiting"
        stripe.tap()
        await until_ended(core, kiosk, hold_id)
        assert await outcome(core, stripe, hold_id) == PAID
        assert len(stripe.intents) == 1


async def test_who_cancels_pays_nothing_and_the_reader_is_free_for_the_next(
    selling: Settings, stripe: StripeStandIn
) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        hold_id, _ = await begin(core, kiosk, 1)
        assert (await core.kiosk_payments.cancel(kiosk, hold_id)).status == "voided"
        assert stripe.readers[READER]["action"] is None
        assert [one["status"] for one in stripe.intents.values()] == ["canceled"]
        assert await outcome(core, stripe, hold_id) == VOID
        following, payment = await begin(core, kiosk, 2)
        assert payment.stage == "waiting"
        stripe.tap()
        await until_ended(core, kiosk, following)
        assert await outcome(core, stripe, following) == PAID


async def test_a_card_that_comes_too_late_is_refunded_once(selling: Settings, stripe: StripeStandIn) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        hold_id, _ = await begin(core, kiosk, 1)
        await core.checkout.cancel(hold_id)
        stripe.tap()
        stripe.faults["refund"] = "lost"
        await until_ended(core, kiosk, hold_id)
        assert "refund lost" in stripe.happened
        assert await outcome(core, stripe, hold_id) == GIVEN_BACK


@pytest.mark.parametrize("fault", ["lost", "500", "429", "409", "html"])
async def test_a_request_that_goes_wrong_is_made_again(selling: Settings, stripe: StripeStandIn, fault: Fault) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        for seat, step in enumerate(("create", "process", "intent", "reader")):
            stripe.faults[step] = fault
            hold_id, _ = await begin(core, kiosk, seat)
            await until_stage(core, kiosk, hold_id, "waiting")
            if step in stripe.faults:  # a healthy reader is looked at only now
                await core.kiosk_payments.advance(kiosk, hold_id)
            assert f"{step} {fault}" in stripe.happened
            stripe.tap()
            await until_ended(core, kiosk, hold_id)
            assert await outcome(core, stripe, hold_id) == PAID, step
        for seat, step in enumerate(("reader", "stop", "cancel", "refund"), start=8):
            hold_id, _ = await begin(core, kiosk, seat)
            await until_stage(core, kiosk, hold_id, "waiting")
            if step == "refund":
                await core.checkout.cancel(hold_id)
                stripe.tap()
            stripe.happened.clear()
            stripe.faults[step] = fault
            await core.kiosk_payments.cancel(kiosk, hold_id)
            await until_ended(core, kiosk, hold_id)
            assert f"{step} {fault}" in stripe.happened
            assert await outcome(core, stripe, hold_id) == (GIVEN_BACK if step == "refund" else VOID), step
            stripe.readers[READER]["action"] = None  # one that was not told to stop asks until its own time is over
        assert await unsettled(core) == []
        await check_books(core)


async def test_a_reader_that_is_off_or_busy_charges_nobody_and_sells_when_it_is_back(
    selling: Settings, stripe: StripeStandIn
) -> None:
    async with opened(selling) as core:
        _, kiosk = await with_reader(core)
        reader = stripe.readers[READER]
        for seat, (status, action) in enumerate(
            [("offline", None), ("online", {"status": "in_progress", "process_payment_intent": {}})]
        ):
            reader.update(status=status, action=action)
            hold_id, payment = await begin(core, kiosk, seat)
            assert (payment.status, payment.stage) == ("open", None)
            reader.update(status="online", action=None)
            await until_stage(core, kiosk, hold_id, "waiting")
            stripe.tap()
            await until_ended(core, kiosk, hold_id)
            assert await outcome(core, stripe, hold_id) == PAID
        reader["status"] = "offline"
        hold_id, _ = await begin(core, kiosk, 9)
        assert (await core.kiosk_payments.cancel(kiosk, hold_id)).status == "voided", "it is not needed for that"
        assert await outcome(core, stripe, hold_id) == VOID


async def test_a_tap_and_a_cancel_at_the_same_time_end_in_one_of_the_two(
    selling: Settings, stripe: StripeStandIn
) -> None:
    settings = dataclasses.replace(selling, database_pool_wait_ms=15_000, answer_ms=25_000)
    async with opened(settings) as core:
        _, kiosk = await with_reader(core)
        for seat in range(4):
            hold_id, _ = await begin(core, kiosk, seat)

            async def tap() -> None:
                await asyncio.sleep(0)
                stripe.tap()

            payments = core.kiosk_payments
            await asyncio.gather(
                *(payments.advance(kiosk, hold_id) for _ in range(2)),
                tap(),
                *(payments.cancel(kiosk, hold_id) for _ in range(3)),
            )
            await until_ended(core, kiosk, hold_id)
            assert await outcome(core, stripe, hold_id) in (PAID, VOID, GIVEN_BACK)
        await check_books(core)


@pytest.mark.parametrize(("step", "fault", "asked", "page", "end"), CASES)
async def test_it_ends_in_one_booking_or_one_void_when_the_server_is_killed(
    selling: Settings,
    stripe: StripeStandIn,
    step: str,
    fault: Fault,
    asked: tuple[str, ...],
    page: str,
    end: Outcome,
) -> None:
    stripe.taps = "nothing" if "cancel" in asked else "card"
    async with opened(selling) as core:
        key, kiosk = await with_reader(core)
        user_id, hold_id = await customer(core, kiosk, 1)
        if step == "refund":  # staff cancel the booking between the card and its confirmation
            await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            await core.checkout.cancel(hold_id)
        stripe.faults[step] = fault
        await killed(selling, stripe, asked, key=key, hold_id=str(hold_id), user_id=user_id)
        if page == "alive":
            await core.kiosk_payments.begin(kiosk, SHOWTIME, hold_id, user_id)
            await until_ended(core, kiosk, hold_id)
        else:
            stripe.taps = "nothing"  # the customer has gone, too
            await let_time_run_out(core)
            await eventually(lambda: _is_settled(core), "the duty to end it")
        assert await outcome(core, stripe, hold_id) == end
        await check_books(core)


async def _is_settled(core: Server) -> bool:
    await core.kiosk_payments.settle()
    return await unsettled(core) == []


async def killed(settings: Settings, stripe: StripeStandIn, asked: tuple[str, ...], **whose: str) -> None:
    """Serve a payment in a process that Stripe's stand-in kills."""
    command = [sys.executable, "-m", "tests.integration.dying_kiosk", "-"]
    environment = as_environment(
        settings,
        SEATSERVER_KIOSK_READER="stripe",
        SEATSERVER_STRIPE_KEY=settings.stripe_key,
        SEATSERVER_STRIPE_URL=settings.stripe_url,
    )
    process = subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, stderr=-1, text=True)  # noqa: ASYNC220
    stripe.victim = process.pid
    given = json.dumps({**whose, "showtime_id": SHOWTIME, "requests": asked})
    _, errors = await asyncio.to_thread(process.communicate, given)
    assert process.returncode == -9, f"the step was never reached: {errors}"


async def test_a_kiosk_without_a_reader_of_its_own_sells_nothing(selling: Settings, stripe: StripeStandIn) -> None:
    async with opened(selling) as core:
        _, kiosk = await enrolled(core)
        with pytest.raises(Conflict, match="has no card reader"):
            await begin(core, kiosk, 1)
        assert stripe.happened == []
        assert await unsettled(core) == []


async def test_a_wrong_key_is_told_to_the_operator_without_any_part_of_it(
    selling: Settings, stripe: StripeStandIn
) -> None:
    wrong = "sk_test_wrong_0123456789cret"
    with structlog.testing.capture_logs() as logged:
        async with opened(dataclasses.replace(selling, stripe_key=wrong)) as core:
            _, kiosk = await with_reader(core)
            _, payment = await begin(core, kiosk, 1)
            assert payment.stage is None
    told = str(logged)
    assert "Stripe refuses SEATSERVER_STRIPE_KEY" in told
    assert wrong not in told and "cret" not in told


async def test_two_kiosks_do_not_share_a_card_reader(selling: Settings) -> None:
    async with opened(selling) as core:
        _, first = await with_reader(core)
        _, second = await enrolled(core)
        with pytest.raises(BadRequest, match="is the card reader of"):
            await core.kiosks.change(second.id, {"card_reader": READER}, "test")
        assert (await core.kiosks.change(first.id, {"card_reader": READER}, "test")).card_reader == READER, "again"
        await core.kiosks.revoke(first.id, "test")
        assert (await core.kiosks.change(second.id, {"card_reader": READER}, "test")).card_reader == READER


async def test_operators_see_which_readers_are_online(selling: Settings, stripe: StripeStandIn) -> None:
    async with opened(selling) as core:
        _, here = await with_reader(core)
        reader = core.kiosk_payments.reader
        assert isinstance(reader, StripeReader)
        watch = ReaderWatch(core.kiosks, reader)
        assert await watch.look() == 1
        [seen] = await core.kiosks.all()
        assert seen.reader_seen_at_ms is not None
        stripe.readers[READER]["status"] = "offline"
        assert await watch.look() == 0
        await core.kiosks.change(here.id, {"card_reader": "tmr_unknown"}, "test")
        assert await watch.look() == 0
