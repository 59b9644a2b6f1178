"""Blocked and allocated seats on a real Postgres and Redis: changed all or none, visible to everyone, never sold."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import structlog

from seatserver.bookings.allocations import Changed
from seatserver.bookings.keeping import Change
from seatserver.bookings.records import Booking
from seatserver.config import Settings
from seatserver.errors import BadRequest, NotFound, SeatsRefused, Unavailable
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seats.model import Conditions
from seatserver.seats.states import SeatState
from seatserver.server import Server
from tests.integration.conftest import MakeServer
from tests.integration.proxy import proxied
from tests.integration.server import (
    BLOCKED,
    PRICES,
    SHOWTIME,
    SOFA,
    check_books,
    eventually,
    hold,
    opened,
    put_on_sale,
    rows,
    settled,
)

pytestmark = pytest.mark.clock

FREE, HELD, SOLD, IS_BLOCKED, ALLOCATED = (
    SeatState.FREE,
    SeatState.HELD,
    SeatState.SOLD,
    SeatState.BLOCKED,
    SeatState.ALLOCATED,
)
COMMIT = b"COMMIT;"  # with the semicolon: a transaction begins with READ COMMITTED


def block(*places: int, reason: str = "wet paint", **more: Any) -> Change:
    return Change(action="block", reason=reason, places=places, **more)


def allocate(channel: str, *places: int, reason: str = "for the door", **more: Any) -> Change:
    return Change(action="allocate", channel=channel, reason=reason, places=places, **more)


def open_up(*places: int, reason: str = "all is well") -> Change:
    return Change(action="open", reason=reason, places=places)


async def change(core: Server, *changes: Change, by: str = "boss", **more: Any) -> Changed:
    return await core.allocations.change(SHOWTIME, changes, by, **more)


async def hold_for(core: Server, channel: str, *seats: int, user: str = "ann") -> UUID:
    hold_id = uuid4()
    await core.store.hold(SHOWTIME, hold_id, user, seats, Conditions(channel=channel))
    return hold_id


async def book(core: Server, hold_id: UUID, user: str = "ann") -> Booking:
    return await core.checkout.book(SHOWTIME, hold_id, user, pay_later=False)


async def counted(core: Server) -> tuple[int, int, int]:
    """How many changes there were, lines of the log, and kept seats, without the one that always is."""
    [(seq,)] = await rows(core, "SELECT seq FROM showtimes")
    [(lines,)] = await rows(core, "SELECT count(*) FROM seat_log")
    [(kept,)] = await rows(core, "SELECT count(*) FROM kept_seats WHERE seat <> :seat", seat=BLOCKED)
    return seq, lines, kept


async def test_a_request_changes_all_its_seats_for_every_viewer(core: Server) -> None:
    done = await change(core, block(1, 2), allocate("kiosk", 3, *SOFA), open_up(BLOCKED, 4))
    assert [(entry.action, entry.channel, entry.places) for entry in done.entries] == [
        ("block", None, (1, 2)),
        ("allocate", "kiosk", (3, *SOFA)),
        ("open", None, (BLOCKED,)),
    ]
    states = await settled(core)
    assert [states[seat] for seat in (0, 1, 2, 3, 4, *SOFA)] == [
        FREE, IS_BLOCKED, IS_BLOCKED, ALLOCATED, FREE, ALLOCATED, ALLOCATED,
    ]  # fmt: skip
    assert states[BLOCKED] == FREE
    with pytest.raises(SeatsRefused) as caught:
        await hold(core, "ann", 1, 3, *SOFA)
    assert caught.value.reasons == {1: "blocked", 3: "allocated", 24: "allocated", 25: "allocated"}


async def test_one_sold_seat_refuses_the_whole_request_and_changes_nothing(core: Server) -> None:
    await book(core, await hold(core, "ann", 1))
    states, before = await settled(core), await counted(core)
    with pytest.raises(SeatsRefused) as caught:
        await change(core, block(0, 1, 2), open_up(BLOCKED))
    assert caught.value.reasons == {1: "sold"}
    assert await counted(core) == before
    assert await settled(core) == states


async def test_repeating_a_request_changes_nothing_more(core: Server) -> None:
    tonight = datetime.now(UTC) + timedelta(hours=1)
    request = [block(1, 2), allocate("kiosk", 3, release_at=tonight), open_up(4)]
    await change(core, *request)
    once = await counted(core)
    assert once == (2, 2, 3), "a seat that was open all along is no change"
    assert (await change(core, *request, by="another boss")).entries == ()
    assert await counted(core) == once
    [entry] = (await change(core, allocate("kiosk", 3, reason="for the club"))).entries
    assert (entry.reason, entry.release_at) == ("for the club", None)
    assert await counted(core) == (2, 3, 3), "another reason is told in the log, and to no room"


async def test_the_log_says_who_did_what_and_why(core: Server) -> None:
    await change(core, block(1, 2, reason="broken armrest"), by="ann")
    await change(core, open_up(1, reason="mended"), allocate("kiosk", 2, reason="for the door"), by="bob")
    entries, following = await core.allocations.log(SHOWTIME, 2)
    assert [(entry.by, entry.action, entry.channel, entry.places, entry.reason) for entry in entries] == [
        ("bob", "allocate", "kiosk", (2,), "for the door"),
        ("bob", "open", None, (1,), "mended"),
    ]
    rest, end = await core.allocations.log(SHOWTIME, 2, following)
    assert [(entry.by, entry.places, entry.reason) for entry in rest] == [("ann", (1, 2), "broken armrest")]
    assert end is None
    assert rest[0].at < entries[0].at
    [house_seat, kiosk] = await core.allocations.kept(SHOWTIME)
    assert (house_seat.places, house_seat.by) == ((BLOCKED,), "test")
    assert (kiosk.channel, kiosk.places, kiosk.reason, kiosk.by) == ("kiosk", (2,), "for the door", "bob")


async def test_racing_changes_and_bookings_succeed_completely_or_are_refused(core: Server) -> None:
    """A hold and an allocation want the same seats at once. Whichever comes second is refused."""
    dice, ends = random.Random(5), set()

    async def take(*places: int) -> Changed:
        await asyncio.sleep(dice.uniform(0, 0.01))
        return await change(core, block(*places))

    for round_number in range(30):
        first = round_number % 20
        mine = await hold(core, "ann", first, first + 1)
        await core.store.pin(SHOWTIME, mine, "ann")
        answers = await asyncio.gather(book(core, mine), take(first + 1, first + 2), return_exceptions=True)
        booked = [answer for answer in answers if isinstance(answer, Booking)]
        changed = [answer for answer in answers if isinstance(answer, Changed)]
        [refused] = [answer for answer in answers if isinstance(answer, SeatsRefused)]
        assert len(booked) + len(changed) == 1, answers
        assert refused.reasons == {first + 1: "sold" if booked else "blocked"}
        ends.add("booked" if booked else "changed")
        states = await settled(core)
        here = [states[seat] for seat in (first, first + 1, first + 2)]
        assert here == ([SOLD, SOLD, FREE] if booked else [FREE, IS_BLOCKED, IS_BLOCKED])
        for one in booked:
            await core.checkout.cancel(one.id)
        await change(core, open_up(first + 1, first + 2))
        await settled(core)
    assert ends == {"booked", "changed"}, "both were first at times"
    await check_books(core)


async def test_concurrent_changes_are_complete_and_their_numbers_have_no_gaps(core: Server, brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False)) as other:
        sides = [core, other] * 5
        answers = await asyncio.gather(
            *(change(side, allocate(f"channel-{at}", 5, 6, 7, 8)) for at, side in enumerate(sides))
        )
        assert all(len(answer.entries) == 1 for answer in answers)
        states = await settled(core)
        assert [states[seat] for seat in (5, 6, 7, 8)] == [ALLOCATED] * 4
        [_, kept] = await core.allocations.kept(SHOWTIME)
        assert kept.places == (5, 6, 7, 8), "the last one has them all"
        [last], _ = await core.allocations.log(SHOWTIME, 1)
        assert kept.channel == last.channel
        assert await counted(core) == (10, 10, 4)
        assert await rows(core, "SELECT DISTINCT seq FROM seat_log ORDER BY seq") == [(seq,) for seq in range(1, 11)]


async def test_blocking_ends_holds_and_tells_their_owners(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.watcher("ann") as ann, server.watcher("bob"):
        hold_id = await hold(server.core, "ann", 1, 2)
        spared = await hold(server.core, "bob", 4)
        await change(server.core, block(2, 3))
        lost = await ann.until("expired")
        assert (lost["hold_id"], sorted(lost["seats"]), lost["reason"]) == (str(hold_id), [1, 2], "blocked")
        seen = bytes((FREE, IS_BLOCKED, IS_BLOCKED, HELD))
        await eventually(lambda: server.core.hub.rooms[SHOWTIME].room.states[1:5] == seen)
    [held] = await server.core.store.holds_of(SHOWTIME, "bob")
    assert held.hold_id == spared


async def test_a_block_spares_holds_on_request(core: Server) -> None:
    await hold(core, "ann", 1)
    with pytest.raises(SeatsRefused) as caught:
        await change(core, block(1, 2), held={1}, spare_holds=True)
    assert caught.value.reasons == {1: "held"}
    assert len((await change(core, block(2), held={1}, spare_holds=True)).entries) == 1
    assert (await settled(core))[1] == HELD


async def test_only_its_channel_can_buy_allocated_seats(core: Server) -> None:
    await change(core, allocate("kiosk", 1, 2), allocate("club", 3))
    await settled(core)
    for channel, seats in (("", [1]), ("club", [2]), ("kiosk", [3])):
        with pytest.raises(SeatsRefused) as caught:
            await hold_for(core, channel, *seats)
        assert set(caught.value.reasons.values()) == {"allocated"}
    booking = await book(core, await hold_for(core, "kiosk", 1, 4))
    assert (booking.status, booking.channel) == ("confirmed", "kiosk")
    states = await settled(core)
    assert [states[seat] for seat in (1, 2, 3, 4)] == [SOLD, ALLOCATED, ALLOCATED, SOLD]
    await core.checkout.cancel(booking.id)
    states = await settled(core)
    assert [states[seat] for seat in (1, 4)] == [ALLOCATED, FREE], "what it gives back is still its own"


@pytest.mark.parametrize(
    ("buyer", "now_kept_for", "reason"),
    [("kiosk", "club", "allocated"), ("", "club", "allocated"), ("kiosk", None, "blocked")],
)
async def test_a_seat_allocated_after_it_was_held_is_not_sold(
    core: Server, buyer: str, now_kept_for: str | None, reason: str
) -> None:
    hold_id = await hold_for(core, buyer, 1, 2)
    async with core.database.transaction() as connection:
        # Without telling anybody: Redis does not know of it, and nobody's hold ends.
        keep = "INSERT INTO kept_seats (showtime_id, seat, channel, reason, kept_by) VALUES (:id, 2, :for, 'x', 'x')"
        await connection.execute(sa.text(keep), {"id": SHOWTIME, "for": now_kept_for})
    with pytest.raises(SeatsRefused) as caught:
        await book(core, hold_id)
    assert caught.value.reasons == {2: reason}
    states = await settled(core)
    assert [states[seat] for seat in (1, 2)] == [FREE, IS_BLOCKED if now_kept_for is None else ALLOCATED]
    await check_books(core)


async def test_an_allocation_with_an_end_goes_on_general_sale_then(core: Server) -> None:
    soon, later = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    await change(core, allocate("kiosk", 1, 2, release_at=soon), block(3, release_at=later), block(4))
    await book(core, await hold_for(core, "kiosk", 2))
    assert await core.allocations.release_due() == 0
    async with core.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat IN (1, 2)"))
    assert await core.allocations.release_due() == 2
    assert await core.allocations.release_due() == 0
    states = await settled(core)
    assert [states[seat] for seat in (1, 2, 3, 4)] == [FREE, SOLD, IS_BLOCKED, IS_BLOCKED]
    [entry], _ = await core.allocations.log(SHOWTIME, 1)
    assert (entry.by, entry.action, entry.channel, entry.places) == ("timer", "release", "kiosk", (1, 2))
    assert entry.reason == "for the door"


async def test_many_instances_release_each_seat_once(core: Server, brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False)) as other:
        await put_on_sale(core.catalog, "tomorrow")
        for showtime in (SHOWTIME, "tomorrow"):
            soon = datetime.now(UTC) + timedelta(hours=1)
            await core.allocations.change(showtime, [allocate("kiosk", 1, 2, 3, release_at=soon)], "boss")
        async with core.database.transaction() as connection:
            await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat < 4"))
        released = await asyncio.gather(*(side.allocations.release_due() for side in [core, other] * 3))
        assert sum(released) == 6
        assert await rows(core, "SELECT count(*) FROM seat_log WHERE action = 'release'") == [(2,)]
        for showtime in (SHOWTIME, "tomorrow"):
            assert (await settled(core, showtime))[1] == FREE


async def test_a_scheduled_release_happens_without_a_request(make_server: MakeServer) -> None:
    server = await make_server(release_ms=50)
    async with server.watcher("bob") as bob:
        soon = datetime.now(UTC) + timedelta(milliseconds=300)
        await change(server.core, allocate("kiosk", 1, 2, release_at=soon))
        await bob.until("delta", changes=[[1, 5], [2, 5]])
        await bob.until("delta", changes=[[1, 0], [2, 0]])
        assert (await bob.hold(1, 2))["type"] == "held"


async def test_a_locked_showtime_does_not_delay_the_releases_of_others(brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False, database_lock_ms=100)) as core:
        await put_on_sale(core.catalog, "tomorrow")
        soon = datetime.now(UTC) + timedelta(hours=1)
        for showtime in (SHOWTIME, "tomorrow"):
            await core.allocations.change(showtime, [block(1, release_at=soon)], "boss")
        async with core.database.transaction() as connection:
            await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat = 1"))
        async with core.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes WHERE id = :id FOR UPDATE"), {"id": SHOWTIME})
            with structlog.testing.capture_logs() as logs:
                assert await core.allocations.release_due() == 1
        assert [line["showtime"] for line in logs if line["event"] == "allocations not released yet"] == [SHOWTIME]
        assert await core.allocations.release_due() == 1


async def test_a_lost_commit_answer_is_unavailable_and_a_repeated_request_succeeds(brisk: Settings) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        async with opened(dataclasses.replace(brisk, duties=False, database_url=url)) as core:
            await core.catalog.showtime(SHOWTIME)
            proxy.lose_answer_to = COMMIT
            with pytest.raises(Unavailable):
                await change(core, block(1, 2))
            assert proxy.lost == 1, "the fault hit"
            await change(core, block(1, 2))
            assert await counted(core) == (1, 1, 2)
            states = await settled(core)
            assert [states[seat] for seat in (1, 2)] == [IS_BLOCKED] * 2


@pytest.mark.parametrize("loss", ["everything", "what is kept", "a few changes"])
async def test_allocations_survive_whatever_redis_loses(core: Server, loss: str) -> None:
    await change(core, block(1), allocate("kiosk", 2))
    truth = await settled(core)
    redis = core.redis
    match loss:
        case "everything":
            await redis.flushall()
        case "what is kept":
            await redis.delete(f"seats:{{{SHOWTIME}}}:kept")
        case "a few changes":
            base = f"seats:{{{SHOWTIME}}}"
            await redis.hdel(f"{base}:kept", "1", "2")
            await redis.hset(f"{base}:meta", mapping={"pgseq": 0, "kept": 1})
            await core.reconciler.run()
            await core.reconciler.run()
    assert await settled(core) == truth
    with pytest.raises(SeatsRefused):
        await hold(core, "ann", 1)


async def test_one_request_can_change_a_whole_hall(core: Server) -> None:
    seats = [
        Seat(row=f"R{row}", number=str(number), x=number, y=row, category="standard")
        for row in range(60)
        for number in range(50)
    ]
    hall = SeatMap.build(
        name="Arena",
        categories=[Category(key=key, name=key, color="#0072b2") for key in PRICES],
        screen=Screen(x=25, y=-2, width=40),
        seats=seats,
    )
    await put_on_sale(core.catalog, "big", layout_hash=await core.catalog.put_layout(hall))
    done = await core.allocations.change("big", [block(*range(3000))], "boss")
    assert len(done.entries[0].places) == 3000
    await eventually(lambda: core.relay.is_idle)
    view = await core.store.snapshot("big", 3000)
    assert view.states == bytes((IS_BLOCKED,)) * 3000
    await core.allocations.change("big", [open_up(*range(3000))], "boss")
    await eventually(lambda: core.relay.is_idle)
    assert (await core.store.snapshot("big", 3000)).states == bytes(3000)


async def test_an_invalid_change_is_refused_with_an_explanation(core: Server) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for wrong, says in (
        ([], "1 to 100"),
        ([block()], "names no seats"),
        ([block(28)], r"does not have: \[28\]"),
        ([block(-1)], r"does not have: \[-1\]"),
        ([block(1, reason="a\x00b")], "printable characters"),
        ([block(1, release_at=yesterday)], "not in the future"),
        ([Change(action="allocate", reason="x", places=(1,))], "is needed with the action allocate"),
        ([allocate("", 1)], "expected 1 to 64"),
        ([block(counts={0: 1})], "no general area 0"),
    ):
        with pytest.raises(BadRequest, match=says):
            await change(core, *wrong)
    for step in (core.allocations.kept("never"), core.allocations.log("never", 1)):
        with pytest.raises(NotFound):
            await step
    with pytest.raises(NotFound):
        await core.allocations.change("never", [block(1)], "boss")
    assert await counted(core) == (0, 0, 0)
