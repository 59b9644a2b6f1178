"""The house's own seats on a real Postgres and a real Redis: changed as a whole, seen by all, never sold."""

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

from seatserver.app import Server
from seatserver.bookings.allocations import Changed
from seatserver.bookings.keeping import Change
from seatserver.bookings.records import Booking
from seatserver.config import Settings
from seatserver.errors import BadRequest, NotFound, SeatsRefused, Unavailable
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seats.states import SeatState
from seatserver.seats.store import Conditions
from tests.integration.conftest import MakeServer
from tests.integration.house import (
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
from tests.integration.proxy import proxied

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


async def change(house: Server, *changes: Change, by: str = "boss", **more: Any) -> Changed:
    return await house.allocations.change(SHOWTIME, changes, by, **more)


async def hold_for(house: Server, channel: str, *seats: int, user: str = "ann") -> UUID:
    hold_id = uuid4()
    await house.store.hold(SHOWTIME, hold_id, user, seats, Conditions(channel=channel))
    return hold_id


async def book(house: Server, hold_id: UUID, user: str = "ann") -> Booking:
    return await house.checkout.book(SHOWTIME, hold_id, user, pay_later=False)


async def counted(house: Server) -> tuple[int, int, int]:
    """How many changes there were, lines of the log, and kept seats, without the one that always is."""
    [(seq,)] = await rows(house, "SELECT seq FROM showtimes")
    [(lines,)] = await rows(house, "SELECT count(*) FROM seat_log")
    [(kept,)] = await rows(house, "SELECT count(*) FROM kept_seats WHERE seat <> :seat", seat=BLOCKED)
    return seq, lines, kept


async def test_a_request_changes_all_its_seats_and_everybody_sees_it(house: Server) -> None:
    done = await change(house, block(1, 2), allocate("kiosk", 3, *SOFA), open_up(BLOCKED, 4))
    assert [(entry.action, entry.channel, entry.places) for entry in done.entries] == [
        ("block", None, (1, 2)),
        ("allocate", "kiosk", (3, *SOFA)),
        ("open", None, (BLOCKED,)),
    ]
    states = await settled(house)
    assert [states[seat] for seat in (0, 1, 2, 3, 4, *SOFA)] == [
        FREE, IS_BLOCKED, IS_BLOCKED, ALLOCATED, FREE, ALLOCATED, ALLOCATED,
    ]  # fmt: skip
    assert states[BLOCKED] == FREE
    with pytest.raises(SeatsRefused) as caught:
        await hold(house, "ann", 1, 3, *SOFA)
    assert caught.value.reasons == {1: "blocked", 3: "allocated", 24: "allocated", 25: "allocated"}


async def test_one_sold_seat_refuses_all_and_leaves_everything_as_it_was(house: Server) -> None:
    await book(house, await hold(house, "ann", 1))
    states, before = await settled(house), await counted(house)
    with pytest.raises(SeatsRefused) as caught:
        await change(house, block(0, 1, 2), open_up(BLOCKED))
    assert caught.value.reasons == {1: "sold"}
    assert await counted(house) == before
    assert await settled(house) == states


async def test_repeating_a_request_changes_nothing_more(house: Server) -> None:
    tonight = datetime.now(UTC) + timedelta(hours=1)
    request = [block(1, 2), allocate("kiosk", 3, release_at=tonight), open_up(4)]
    await change(house, *request)
    once = await counted(house)
    assert once == (2, 2, 3), "a seat that was open all along is no change"
    assert (await change(house, *request, by="another boss")).entries == ()
    assert await counted(house) == once
    [entry] = (await change(house, allocate("kiosk", 3, reason="for the club"))).entries
    assert (entry.reason, entry.release_at) == ("for the club", None)
    assert await counted(house) == (2, 3, 3), "another reason is told in the log, and to no room"


async def test_the_log_tells_who_did_what_and_why(house: Server) -> None:
    await change(house, block(1, 2, reason="broken armrest"), by="ann")
    await change(house, open_up(1, reason="mended"), allocate("kiosk", 2, reason="for the door"), by="bob")
    entries, following = await house.allocations.log(SHOWTIME, 2)
    assert [(entry.by, entry.action, entry.channel, entry.places, entry.reason) for entry in entries] == [
        ("bob", "allocate", "kiosk", (2,), "for the door"),
        ("bob", "open", None, (1,), "mended"),
    ]
    rest, end = await house.allocations.log(SHOWTIME, 2, following)
    assert [(entry.by, entry.places, entry.reason) for entry in rest] == [("ann", (1, 2), "broken armrest")]
    assert end is None
    assert rest[0].at < entries[0].at
    [house_seat, kiosk] = await house.allocations.kept(SHOWTIME)
    assert (house_seat.places, house_seat.by) == ((BLOCKED,), "test")
    assert (kiosk.channel, kiosk.places, kiosk.reason, kiosk.by) == ("kiosk", (2,), "for the door", "bob")


async def test_of_changes_and_bookings_of_the_same_seats_each_is_whole_or_refused(house: Server) -> None:
    """The seats are held when the house takes them: who comes second is refused, whichever that is."""
    dice, ends = random.Random(5), set()

    async def take(*places: int) -> Changed:
        await asyncio.sleep(dice.uniform(0, 0.01))
        return await change(house, block(*places))

    for round_number in range(30):
        first = round_number % 20
        mine = await hold(house, "ann", first, first + 1)
        await house.store.pin(SHOWTIME, mine, "ann")
        answers = await asyncio.gather(book(house, mine), take(first + 1, first + 2), return_exceptions=True)
        booked = [answer for answer in answers if isinstance(answer, Booking)]
        changed = [answer for answer in answers if isinstance(answer, Changed)]
        [refused] = [answer for answer in answers if isinstance(answer, SeatsRefused)]
        assert len(booked) + len(changed) == 1, answers
        assert refused.reasons == {first + 1: "sold" if booked else "blocked"}
        ends.add("booked" if booked else "changed")
        states = await settled(house)
        here = [states[seat] for seat in (first, first + 1, first + 2)]
        assert here == ([SOLD, SOLD, FREE] if booked else [FREE, IS_BLOCKED, IS_BLOCKED])
        for one in booked:
            await house.checkout.cancel(one.id)
        await change(house, open_up(first + 1, first + 2))
        await settled(house)
    assert ends == {"booked", "changed"}, "both were first at times"
    await check_books(house)


async def test_of_many_changes_at_once_each_is_whole_and_the_numbers_have_no_gaps(
    house: Server, brisk: Settings
) -> None:
    async with opened(dataclasses.replace(brisk, duties=False)) as other:
        sides = [house, other] * 5
        answers = await asyncio.gather(
            *(change(side, allocate(f"channel-{at}", 5, 6, 7, 8)) for at, side in enumerate(sides))
        )
        assert all(len(answer.entries) == 1 for answer in answers)
        states = await settled(house)
        assert [states[seat] for seat in (5, 6, 7, 8)] == [ALLOCATED] * 4
        [_, kept] = await house.allocations.kept(SHOWTIME)
        assert kept.places == (5, 6, 7, 8), "the last one has them all"
        [last], _ = await house.allocations.log(SHOWTIME, 1)
        assert kept.channel == last.channel
        assert await counted(house) == (10, 10, 4)
        assert await rows(house, "SELECT DISTINCT seq FROM seat_log ORDER BY seq") == [(seq,) for seq in range(1, 11)]


async def test_the_house_ends_the_holds_of_what_it_takes_and_tells_their_owners(make_server: MakeServer) -> None:
    server = await make_server()
    async with server.watcher("ann") as ann, server.watcher("bob"):
        hold_id = await hold(server.house, "ann", 1, 2)
        spared = await hold(server.house, "bob", 4)
        await change(server.house, block(2, 3))
        lost = await ann.until("expired")
        assert (lost["hold_id"], sorted(lost["seats"]), lost["reason"]) == (str(hold_id), [1, 2], "blocked")
        seen = bytes((FREE, IS_BLOCKED, IS_BLOCKED, HELD))
        await eventually(lambda: server.house.hub.rooms[SHOWTIME].room.states[1:5] == seen)
    [held] = await server.house.store.holds_of(SHOWTIME, "bob")
    assert held.hold_id == spared


async def test_holds_are_spared_where_the_house_asks_for_it(house: Server) -> None:
    await hold(house, "ann", 1)
    with pytest.raises(SeatsRefused) as caught:
        await change(house, block(1, 2), held={1}, spare_holds=True)
    assert caught.value.reasons == {1: "held"}
    assert len((await change(house, block(2), held={1}, spare_holds=True)).entries) == 1
    assert (await settled(house))[1] == HELD


async def test_a_channel_sells_its_seats_and_the_public_does_not(house: Server) -> None:
    await change(house, allocate("kiosk", 1, 2), allocate("club", 3))
    await settled(house)
    for channel, seats in (("", [1]), ("club", [2]), ("kiosk", [3])):
        with pytest.raises(SeatsRefused) as caught:
            await hold_for(house, channel, *seats)
        assert set(caught.value.reasons.values()) == {"allocated"}
    booking = await book(house, await hold_for(house, "kiosk", 1, 4))
    assert (booking.status, booking.channel) == ("confirmed", "kiosk")
    states = await settled(house)
    assert [states[seat] for seat in (1, 2, 3, 4)] == [SOLD, ALLOCATED, ALLOCATED, SOLD]
    await house.checkout.cancel(booking.id)
    states = await settled(house)
    assert [states[seat] for seat in (1, 4)] == [ALLOCATED, FREE], "what it gives back is still its own"


@pytest.mark.parametrize(
    ("buyer", "now_kept_for", "reason"),
    [("kiosk", "club", "allocated"), ("", "club", "allocated"), ("kiosk", None, "blocked")],
)
async def test_a_seat_that_was_kept_otherwise_after_it_was_held_is_not_sold(
    house: Server, buyer: str, now_kept_for: str | None, reason: str
) -> None:
    hold_id = await hold_for(house, buyer, 1, 2)
    async with house.database.transaction() as connection:
        # Without telling anybody: Redis does not know of it, and nobody's hold ends.
        keep = "INSERT INTO kept_seats (showtime_id, seat, channel, reason, kept_by) VALUES (:id, 2, :for, 'x', 'x')"
        await connection.execute(sa.text(keep), {"id": SHOWTIME, "for": now_kept_for})
    with pytest.raises(SeatsRefused) as caught:
        await book(house, hold_id)
    assert caught.value.reasons == {2: reason}
    states = await settled(house)
    assert [states[seat] for seat in (1, 2)] == [FREE, IS_BLOCKED if now_kept_for is None else ALLOCATED]
    await check_books(house)


async def test_what_was_allocated_until_a_time_is_everybodys_then(house: Server) -> None:
    soon, later = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(hours=2)
    await change(house, allocate("kiosk", 1, 2, release_at=soon), block(3, release_at=later), block(4))
    await book(house, await hold_for(house, "kiosk", 2))
    assert await house.allocations.release_due() == 0
    async with house.database.transaction() as connection:
        await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat IN (1, 2)"))
    assert await house.allocations.release_due() == 2
    assert await house.allocations.release_due() == 0
    states = await settled(house)
    assert [states[seat] for seat in (1, 2, 3, 4)] == [FREE, SOLD, IS_BLOCKED, IS_BLOCKED]
    [entry], _ = await house.allocations.log(SHOWTIME, 1)
    assert (entry.by, entry.action, entry.channel, entry.places) == ("timer", "release", "kiosk", (1, 2))
    assert entry.reason == "for the door"


async def test_many_timers_open_each_seat_once(house: Server, brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False)) as other:
        await put_on_sale(house.catalog, "tomorrow")
        for showtime in (SHOWTIME, "tomorrow"):
            soon = datetime.now(UTC) + timedelta(hours=1)
            await house.allocations.change(showtime, [allocate("kiosk", 1, 2, 3, release_at=soon)], "boss")
        async with house.database.transaction() as connection:
            await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat < 4"))
        released = await asyncio.gather(*(side.allocations.release_due() for side in [house, other] * 3))
        assert sum(released) == 6
        assert await rows(house, "SELECT count(*) FROM seat_log WHERE action = 'release'") == [(2,)]
        for showtime in (SHOWTIME, "tomorrow"):
            assert (await settled(house, showtime))[1] == FREE


async def test_a_release_before_everybodys_eyes_needs_nobody(make_server: MakeServer) -> None:
    server = await make_server(release_ms=50)
    async with server.watcher("bob") as bob:
        soon = datetime.now(UTC) + timedelta(milliseconds=300)
        await change(server.house, allocate("kiosk", 1, 2, release_at=soon))
        await bob.until("delta", changes=[[1, 5], [2, 5]])
        await bob.until("delta", changes=[[1, 0], [2, 0]])
        assert (await bob.hold(1, 2))["type"] == "held"


async def test_while_one_showtime_is_locked_the_seats_of_others_are_released(brisk: Settings) -> None:
    async with opened(dataclasses.replace(brisk, duties=False, database_lock_ms=100)) as house:
        await put_on_sale(house.catalog, "tomorrow")
        soon = datetime.now(UTC) + timedelta(hours=1)
        for showtime in (SHOWTIME, "tomorrow"):
            await house.allocations.change(showtime, [block(1, release_at=soon)], "boss")
        async with house.database.transaction() as connection:
            await connection.execute(sa.text("UPDATE kept_seats SET release_at = now() WHERE seat = 1"))
        async with house.database.transaction() as connection:
            await connection.execute(sa.text("SELECT 1 FROM showtimes WHERE id = :id FOR UPDATE"), {"id": SHOWTIME})
            with structlog.testing.capture_logs() as logs:
                assert await house.allocations.release_due() == 1
        assert [line["showtime"] for line in logs if line["event"] == "allocations not released yet"] == [SHOWTIME]
        assert await house.allocations.release_due() == 1


async def test_a_lost_answer_to_commit_is_unavailable_and_the_same_request_finds_it_done(brisk: Settings) -> None:
    async with proxied(brisk.database_url) as (proxy, url):
        async with opened(dataclasses.replace(brisk, duties=False, database_url=url)) as house:
            await house.catalog.showtime(SHOWTIME)
            proxy.lose_answer_to = COMMIT
            with pytest.raises(Unavailable):
                await change(house, block(1, 2))
            assert proxy.lost == 1, "the fault hit"
            await change(house, block(1, 2))
            assert await counted(house) == (1, 1, 2)
            states = await settled(house)
            assert [states[seat] for seat in (1, 2)] == [IS_BLOCKED] * 2


@pytest.mark.parametrize("loss", ["everything", "what is kept", "a few changes"])
async def test_whatever_redis_loses_the_house_keeps_its_seats(house: Server, loss: str) -> None:
    await change(house, block(1), allocate("kiosk", 2))
    truth = await settled(house)
    redis = house.redis
    match loss:
        case "everything":
            await redis.flushall()
        case "what is kept":
            await redis.delete(f"seats:{{{SHOWTIME}}}:kept")
        case "a few changes":
            base = f"seats:{{{SHOWTIME}}}"
            await redis.hdel(f"{base}:kept", "1", "2")
            await redis.hset(f"{base}:meta", mapping={"pgseq": 0, "kept": 1})
            await house.reconciler.run()
            await house.reconciler.run()
    assert await settled(house) == truth
    with pytest.raises(SeatsRefused):
        await hold(house, "ann", 1)


async def test_a_whole_hall_is_changed_in_one_request(house: Server) -> None:
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
    await put_on_sale(house.catalog, "big", layout_hash=await house.catalog.put_layout(hall))
    done = await house.allocations.change("big", [block(*range(3000))], "boss")
    assert len(done.entries[0].places) == 3000
    await eventually(lambda: not house.relay._draining)
    view = await house.store.snapshot("big", 3000)
    assert view.states == bytes((IS_BLOCKED,)) * 3000
    await house.allocations.change("big", [open_up(*range(3000))], "boss")
    await eventually(lambda: not house.relay._draining)
    assert (await house.store.snapshot("big", 3000)).states == bytes(3000)


async def test_what_cannot_be_asked_for_is_refused_in_words(house: Server) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for wrong, says in (
        ([], "1 to 100"),
        ([block()], "names no seats"),
        ([block(28)], r"does not have: \[28\]"),
        ([block(-1)], r"does not have: \[-1\]"),
        ([block(1, reason="a\x00b")], "can be printed"),
        ([block(1, release_at=yesterday)], "not in the future"),
        ([Change(action="allocate", reason="x", places=(1,))], "goes with the action allocate"),
        ([allocate("", 1)], "expected 1 to 64"),
        ([block(counts={0: 1})], "no general area 0"),
    ):
        with pytest.raises(BadRequest, match=says):
            await change(house, *wrong)
    for step in (house.allocations.kept("never"), house.allocations.log("never", 1)):
        with pytest.raises(NotFound):
            await step
    with pytest.raises(NotFound):
        await house.allocations.change("never", [block(1)], "boss")
    assert await counted(house) == (0, 0, 0)
