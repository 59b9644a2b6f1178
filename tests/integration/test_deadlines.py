"""Deadlines are kept: at least one test for each row of the table in `seatserver.holding.deadlines`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from seatserver.bookings.keeping import Change
from seatserver.client import RemoteError
from seatserver.errors import SeatsRefused
from seatserver.seatmaps.rules.model import Rules
from seatserver.seats.model import AreaWish, Conditions
from seatserver.server import Server
from seatserver.wire.values import Places
from tests.integration.bench import SHOW, Bench, open_bench
from tests.integration.conftest import MakeServer
from tests.integration.lounge import ENFORCED, LAWN, ROW_B, ROW_C, open_lounge, visitor
from tests.integration.server import SHOWTIME, Instance, Wire, hold, now_ms, put_on_sale, rows

MINUTE_MS = 60_000


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    async with open_bench(redis_url) as made:
        yield made


async def end_the_sale(core: Server, **changes: Any) -> None:
    """The sale of the small hall has ended a moment ago."""
    await put_on_sale(core.catalog, **{"sale_ends_at_ms": now_ms() - 1000, "starts_at_ms": now_ms(), **changes})


async def ask_again(wire: Wire, held: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The same command of the same hold as before."""
    return await wire.ask(hold_id=held["hold_id"], **fields)


# ---------------------------------------------------------------- the end of the sale


@pytest.mark.parametrize("pay_later", [False, True])
async def test_a_hold_made_before_the_sale_ended_can_be_booked_afterwards(core: Server, pay_later: bool) -> None:
    hold_id = await hold(core, "ann", 1, 2)
    await end_the_sale(core)
    booking = await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=pay_later)
    assert (booking.id, booking.seats) == (hold_id, (1, 2))


async def test_no_deadline_is_later_than_that_of_a_last_moment_hold(server: Instance) -> None:
    ends_ms = now_ms() + MINUTE_MS
    await put_on_sale(server.core.catalog, sale_ends_at_ms=ends_ms)
    async with server.watcher() as wire:
        held = await wire.hold(1)
        assert held["latest_deadline_ms"] == ends_ms + server.core.settings.hold_ms
        for _ in range(3):
            longer = await ask_again(wire, held, type="extend")
            assert longer["deadline_ms"] <= longer["latest_deadline_ms"] == held["latest_deadline_ms"]
    async with server.socket() as wire:
        [found] = (await wire.hello())["holds"]
    assert (found["deadline_ms"], found["latest_deadline_ms"]) == (longer["deadline_ms"], held["latest_deadline_ms"])


async def test_an_extension_never_exceeds_the_sales_limit_and_never_shortens_a_hold(bench: Bench) -> None:
    held = await bench.hold("ann", [1])
    now = await bench.now_ms()
    await bench.age(held, created_ms=now, deadline_ms=now + 10_000)
    longer = await bench.store.extend(SHOW, held.hold_id, "ann", latest_ms=now + 20_000)
    assert longer.deadline_ms == now + 20_000
    kept = await bench.store.extend(SHOW, held.hold_id, "ann", latest_ms=now - 5000)
    assert kept.deadline_ms == now + 20_000
    pinned = await bench.store.pin(SHOW, held.hold_id, "ann", latest_ms=now - 5000)
    checkout_ms = bench.settings.checkout_ms
    assert now + checkout_ms <= pinned.deadline_ms <= await bench.now_ms() + checkout_ms, "a whole checkout, once"
    again = await bench.store.pin(SHOW, held.hold_id, "ann", latest_ms=now - 5000)
    assert again.deadline_ms == pinned.deadline_ms
    late = Conditions(latest_ms=now + 30_000)
    assert (await bench.store.hold(SHOW, uuid4(), "bob", [2], late)).deadline_ms == now + 30_000


async def test_an_extension_at_its_limit_says_that_no_time_is_left(server: Instance) -> None:
    async with server.watcher() as wire:
        held = await wire.hold(1)
        # Moved to before the hold: what it was promised is more than any extension gives now.
        await end_the_sale(server.core, sale_ends_at_ms=now_ms() - MINUTE_MS)
        longer = await ask_again(wire, held, type="extend")
    assert longer["deadline_ms"] == longer["latest_deadline_ms"] == held["deadline_ms"]


async def test_after_the_sale_a_basket_can_shrink_but_not_grow(server: Instance) -> None:
    await open_lounge(server, Rules())
    one, other, third = ROW_B[:3]
    async with visitor(server, "ann") as room:
        first = await room.hold(one, other, areas=(Places(area=LAWN, count=2),))
        await open_lounge(server, Rules(), sale_ends_at_ms=now_ms() - 1000, starts_at_ms=now_ms())
        lawn = (Places(area=LAWN, count=2),)
        for more in (
            room.hold(one, other, third, replaces=first.hold_id),
            room.hold(one, other, third, replaces=first.hold_id, or_nearest=True),
            room.hold(one, other, areas=(Places(area=LAWN, count=3),), replaces=first.hold_id),
            room.hold(third),
            room.best(2, replaces=first.hold_id),
        ):
            with pytest.raises(RemoteError) as caught:
                await more
            assert caught.value.code == "not_on_sale"
        second = await room.hold(one, other, tickets=("adult", "child"), areas=lawn, replaces=first.hold_id)
        assert (second.seats, second.areas) == ((one, other), ((LAWN, 2),))
        assert second.total_minor < first.total_minor
        lawn = (Places(area=LAWN, count=1),)
        fewer = await room.hold(one, other, tickets=("adult", "child"), areas=lawn, replaces=second.hold_id)
        assert (fewer.seats, fewer.areas) == ((one, other), ((LAWN, 1),))
        assert (await room.release(fewer.hold_id, other)).seats == (other,)
        booked = await room.book(fewer.hold_id)
        assert (booked.seats, booked.areas) == ((one,), ((LAWN, 1),))


async def test_whether_a_hold_takes_new_seats_is_decided_atomically_with_it(bench: Bench) -> None:
    old = await bench.store.hold(SHOW, uuid4(), "ann", [1, 2], Conditions(areas=(AreaWish(range(10, 20), 10, 2),)))
    over = Conditions(replaces=old.hold_id, no_new_seats=True)
    with pytest.raises(SeatsRefused) as caught:
        await bench.store.hold(SHOW, uuid4(), "ann", [1, 3], over)
    assert caught.value.reasons == {3: "blocked"}
    for count, refused in ((3, True), (2, False)):
        wish = Conditions(replaces=old.hold_id, no_new_seats=True, areas=(AreaWish(range(10, 20), 14, count),))
        if refused:
            with pytest.raises(SeatsRefused) as caught:
                await bench.store.hold(SHOW, uuid4(), "ann", [1], wish)
            assert caught.value.reasons == {10: "full"}
        else:
            assert (await bench.store.hold(SHOW, uuid4(), "ann", [1], wish)).seats == (1, 10, 11)


async def test_a_request_repeated_after_the_sale_gets_its_first_answer(server: Instance) -> None:
    async with server.watcher() as wire:
        first = await wire.hold(1, 2)
        best = await wire.ask("best", hold_id=str(uuid4()), count=1)
        await end_the_sale(server.core)
        for told, again in (
            (first, await wire.hold(1, 2, hold_id=UUID(first["hold_id"]))),
            (best, await ask_again(wire, best, type="best", count=1)),
        ):
            assert (again["type"], again["seats"], again["deadline_ms"]) == (
                "held", told["seats"], told["deadline_ms"],
            )  # fmt: skip
        assert (await wire.hold(1, hold_id=UUID(first["hold_id"])))["code"] == "hold_conflict"
        assert (await wire.hold(5))["code"] == "not_on_sale"


# ---------------------------------------------------------------- other rules


async def test_the_start_of_the_show_ends_neither_holds_nor_the_sale(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    await put_on_sale(core.catalog, starts_at_ms=now_ms() - MINUTE_MS)
    assert (await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)).status == "confirmed"


async def test_a_postponed_sale_leaves_existing_holds_bookable(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    await put_on_sale(core.catalog, on_sale_at_ms=now_ms() + MINUTE_MS)
    assert (await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)).status == "confirmed"


async def test_a_payment_started_in_time_can_finish_until_its_deadline(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    booking = await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=True)
    await end_the_sale(core, starts_at_ms=now_ms() - MINUTE_MS)
    assert booking.expires_at_ms is not None
    assert booking.expires_at_ms - now_ms() <= core.settings.claim_ms
    assert (await core.checkout.confirm(hold_id)).status == "confirmed"


async def test_released_seats_can_still_be_booked_by_their_holder(core: Server) -> None:
    kept = Change(
        action="allocate", channel="club", reason="members", places=(1,),
        release_at=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    await core.allocations.change(SHOWTIME, [kept], "boss")
    hold_id = uuid4()
    await core.store.hold(SHOWTIME, hold_id, "ann", [1], Conditions(channel="club"))
    async with core.database.transaction() as connection:
        await connection.exec_driver_sql(
            "UPDATE kept_seats SET release_at = now() - interval '1 second' WHERE seat = 1"
        )
    assert await core.allocations.release_due() == 1
    assert (await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)).channel == "club"
    assert await rows(core, "SELECT seat FROM kept_seats WHERE seat = 1") == []


async def test_no_hold_outlasts_its_guests_token(make_server: MakeServer) -> None:
    server = await make_server(guest_scopes=("watch", "hold", "book"), guest_token_s=60, guest_renewal_s=0)
    token, guest = server.core.tokens.guest()
    async with server.socket() as wire:
        await wire.hello(token=token)
        held = await wire.hold(1)
        assert held["deadline_ms"] == held["latest_deadline_ms"] == guest.expires_at_ms
        assert (await ask_again(wire, held, type="extend"))["deadline_ms"] == guest.expires_at_ms
    async with server.watcher("somebody with an account") as wire:
        server_token = server.token("somebody with an account", lifetime_s=60)
        await wire.hello(token=server_token)
        held = await wire.hold(2)
        assert held["deadline_ms"] > now_ms() + MINUTE_MS, "they come back with a fresh one"


async def test_house_rules_are_checked_when_seats_are_held_and_not_again(server: Instance) -> None:
    await open_lounge(server, Rules())
    async with visitor(server, "ann") as ann:
        held = await ann.hold(ROW_B[0], ROW_B[2])
        await open_lounge(server, ENFORCED)
        with pytest.raises(SeatsRefused):
            await ann.hold(ROW_C[1])
        assert (await ann.book(held.hold_id)).seats == (ROW_B[0], ROW_B[2])
