"""Choosing seats over the wire, against a real server: house rules, prices, areas, and replacements for lost seats."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import msgspec
import pytest

from seatserver.client import LiveRoom, RemoteError
from seatserver.errors import SeatsRefused
from seatserver.pricing.tariff import Tariff
from seatserver.rooms.feed import FeedMessage
from seatserver.seatmaps.rules.judge import judge
from seatserver.seats.states import SeatState
from seatserver.wire.from_server import Held
from seatserver.wire.values import Places
from tests.integration.conftest import MakeServer
from tests.integration.lounge import (
    BEANBAGS,
    COMPANIONS,
    ENFORCED,
    LAWN,
    LOUNGE,
    ROW_B,
    ROW_C,
    SEATS,
    TARIFF,
    WARNED,
    WHEELCHAIR,
    lounge,
    open_lounge,
    visitor,
)
from tests.integration.server import HOUR_MS, Instance, check_books, eventually, hold, now_ms
from tests.waiting import within

B, C = ROW_B.start, ROW_C.start


async def refused(room: LiveRoom, *seats: int, **options: Any) -> SeatsRefused:
    with pytest.raises(SeatsRefused) as caught:
        await room.hold(*seats, **options)
    return caught.value


# ---------------------------------------------------------------- the house rules


async def test_a_choice_that_strands_a_seat_is_refused_with_one_that_does_not(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        no = await refused(ann, B + 1, B + 2)
        assert set(no.reasons.values()) == {"gap"}
        assert no.stranded == (B,)
        held = await ann.hold(*no.fix)
        assert held.seats == no.fix
        assert held.stranded == ()


async def test_rules_that_only_warn_say_what_is_left_over(server: Instance) -> None:
    await open_lounge(server, WARNED)
    async with visitor(server, "ann") as ann:
        assert (await ann.hold(B + 1, B + 2)).stranded == (B,)


async def test_the_rules_see_changes_made_a_moment_ago(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        first, second = await asyncio.gather(ann.hold(B, B + 1), bob.hold(B + 3, B + 4), return_exceptions=True)
        outcome = [isinstance(answer, Held) for answer in (first, second)]
        assert any(outcome)
        assert not all(outcome), "both together would strand the seat between them"


async def test_a_replacing_hold_is_judged_as_a_whole(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        first = await ann.hold(B, B + 1)
        both = await ann.hold(B + 1, B + 2, B + 3, replaces=first.hold_id, or_nearest=True)
        assert len(both.seats) == 3
        assert [hold.hold_id for hold in await server.core.store.holds_of(LOUNGE, "ann")] == [both.hold_id]


async def test_releasing_part_of_a_hold_may_not_strand_a_seat(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B, B + 1, B + 2)
        with pytest.raises(SeatsRefused) as caught:
            await ann.release(held.hold_id, B)
        assert set(caught.value.reasons.values()) == {"gap"}
        assert (await ann.release(held.hold_id, B + 2)).seats == (B + 2,)


async def test_wheelchair_places_and_companion_seats_need_a_wheelchair(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        assert (await refused(ann, WHEELCHAIR)).reasons == {WHEELCHAIR: "wheelchair"}
        assert (await refused(ann, COMPANIONS[1])).reasons == {COMPANIONS[1]: "companion"}
        held = await ann.hold(WHEELCHAIR, *COMPANIONS, wheelchairs=1)
        assert held.seats == (WHEELCHAIR, *COMPANIONS)
        with pytest.raises(SeatsRefused) as caught:
            await ann.release(held.hold_id, WHEELCHAIR)
        assert caught.value.reasons == dict.fromkeys(COMPANIONS, "companion")


async def test_companion_seats_go_on_general_sale_shortly_before_the_show(server: Instance) -> None:
    await open_lounge(server, starts_at_ms=now_ms() + HOUR_MS // 2)
    async with visitor(server, "ann") as ann:
        assert (await ann.hold(*COMPANIONS)).seats == COMPANIONS


# ---------------------------------------------------------------- the next best thing


async def test_lost_seats_are_replaced_by_the_nearest_in_the_same_reply(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        await bob.hold(C + 2, C + 3)
        hold_id = uuid.uuid4()
        held = await ann.hold(C + 3, C + 4, or_nearest=True, hold_id=hold_id)
        assert held.lost == ((C + 3, "held"),)
        assert set(held.seats) == {C + 4, C + 5}
        again = await ann.hold(C + 3, C + 4, or_nearest=True, hold_id=hold_id)
        assert msgspec.structs.replace(again, ref=held.ref) == held


async def test_without_equivalent_seats_every_lost_seat_is_named(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        await bob.hold(24, 25, 26, 27)
        assert (await refused(ann, 24, 25, or_nearest=True)).reasons == {24: "held", 25: "held"}


async def test_the_python_client_names_refused_seats_and_the_suggested_choice(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        assert str(await refused(ann, B + 1, B + 2)) == "refused: B-2 gap; possible instead: B-1, B-2"
        await ann.hold(areas=(Places(area=LAWN, count=BEANBAGS - 1),))
        full = await refused(ann, areas=(Places(area=LAWN, count=2),))
        assert (str(full), full.areas) == ("refused: lawn full (1 left)", {"lawn": ("full", 1)})
        with pytest.raises(KeyError, match="the hall has no seat Z-9; its labels look like A-1"):
            await ann.hold("A-1", "Z-9")


async def test_the_best_seats_are_held_and_explained(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        [first, *_] = await ann.offers(3, limit=4)
        held = await bob.best(3)
        assert (held.seats, held.cost, held.breakdown) == (first.seats, first.cost, first.breakdown)
        assert held.cost == pytest.approx(sum(held.breakdown.values()))
        assert held.total_minor == first.total_minor == 3 * 1050


async def test_the_best_for_a_wheelchair_is_its_place_with_the_companion_seat(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        assert (await ann.best(3, wheelchairs=1)).seats == (WHEELCHAIR, *COMPANIONS)


async def test_a_search_in_a_hall_without_numbered_seats_says_what_to_do(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        with pytest.raises(RemoteError, match="the places of Lawn have no numbers: use areas with a count instead"):
            await ann.best(2, categories=("lawn",))
        with pytest.raises(RemoteError, match="no 3 free seats together: seats there are sold only in groups of 2"):
            await ann.best(3, categories=("sofa",))
        assert not await ann.offers(3, categories=("sofa",))


async def test_many_simultaneous_searches_all_get_seats(server: Instance) -> None:
    await open_lounge(server)

    async def ask(number: int) -> Held:
        async with visitor(server, f"user {number}") as room:
            await ready.wait()
            return await room.best(2, categories=("standard",))

    ready = asyncio.Barrier(10)
    helds = await asyncio.gather(*(ask(number) for number in range(10)))
    seats = [seat for held in helds for seat in held.seats]
    assert len(set(seats)) == 20


@pytest.mark.parametrize("seed", range(3))
async def test_every_hold_of_a_rush_kept_the_rules_when_it_was_made(make_server: MakeServer, seed: int) -> None:
    server, other = await make_server(), await make_server()
    await open_lounge(server)
    chance = random.Random(seed)
    heard: list[FeedMessage] = []
    pubsub = server.core.redis.pubsub()
    await pubsub.subscribe(f"seats:{{{LOUNGE}}}:feed")

    async def click(room: LiveRoom) -> None:
        for _ in range(12):
            first = chance.choice([*ROW_B, *ROW_C][:-1])
            try:
                held = await room.hold(*range(first, first + chance.randint(1, 2)), or_nearest=chance.random() < 0.3)
                if chance.random() < 0.6:
                    await room.release(held.hold_id)
            except SeatsRefused:
                pass

    async with visitor(server, "ann") as ann, visitor(other, "bob") as bob, visitor(server, "cat") as cat:
        await asyncio.gather(click(ann), click(bob), click(cat))
        version = (await ann.beat()).version
        async with within("the feed to tell of all of it"):
            while not heard or heard[-1].version < version:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=10)
                if message is not None:
                    heard.append(msgspec.msgpack.decode(message["data"], type=FeedMessage))
    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py has no types here

    hall, states, holds = lounge(), bytearray(SEATS + BEANBAGS), 0
    for message in heard:
        pairs = list(zip(message.changes[::2], message.changes[1::2], strict=True))
        taken = [seat for seat, state in pairs if state == SeatState.HELD]
        for seat, state in pairs:
            states[seat] = state if seat not in taken else SeatState.FREE
        if taken:
            holds += 1
            verdict = judge(hall, bytes(states), taken, ENFORCED)
            assert not verdict.reasons, f"{taken} in {bytes(states)!r}"
        for seat in taken:
            states[seat] = SeatState.HELD
    assert holds > 5


# ---------------------------------------------------------------- prices


async def test_a_booking_costs_what_its_hold_cost(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B, B + 1, tickets=("adult", "child"))
        assert (held.total_minor, held.fees_minor) == (1000 + 600 + 100, 100)
        dearer = tuple(
            msgspec.structs.replace(kind, prices={key: price * 2 for key, price in kind.prices.items()})
            for kind in TARIFF.ticket_types
        )
        await open_lounge(server, tariff=Tariff(currency="EUR", ticket_types=dearer))
        booked = await ann.book(held.hold_id)
        assert (booked.total_minor, booked.fees_minor, booked.lines) == (1700, 100, held.lines)
        assert (await ann.hold(C, C + 1)).total_minor == 4000
    await check_books(server.core)


async def test_tickets_that_cannot_be_combined_are_refused_with_a_remedy(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        with pytest.raises(RemoteError, match="Child tickets go only together with Adult tickets: add one") as caught:
            await ann.hold(B, B + 1, tickets=("child", "child"))
        assert (caught.value.code, caught.value.facts["rule"]) == ("tickets_refused", "only_with")
        with pytest.raises(RemoteError, match="1 entries for 2 seats"):
            await ann.hold(B, B + 1, tickets=("adult",))
        with pytest.raises(RemoteError, match="there is no ticket 'king'"):
            await ann.best(tickets={"king": 1})
        family = await ann.best(tickets={"adult": 1, "child": 2})
        assert family.total_minor == 1000 + 2 * 600 + 3 * 50
        assert {line.ticket for line in family.lines} == {"adult", "child"}


async def test_a_reduced_hold_keeps_its_prices_and_ticket_rules(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        held = await ann.hold(B, B + 1, B + 2, tickets=("adult", "adult", "child"))
        await ann.release(held.hold_id, B + 2)
        assert (await ann.extend(held.hold_id)).total_minor == 2100
        held = await ann.hold(C, C + 1, tickets=("child", "adult"))
        with pytest.raises(RemoteError, match="Child tickets go only together"):
            await ann.release(held.hold_id, C + 1)


# ---------------------------------------------------------------- areas


async def test_an_areas_free_places_are_counted_live_for_everyone(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, visitor(server, "bob") as bob:
        assert bob.remaining == {LAWN: BEANBAGS}
        held = await ann.hold(B, areas=(Places(area=LAWN, count=3), Places(area=LAWN, count=1, ticket="child")))
        assert (held.seats, held.areas, held.total_minor) == ((B,), ((LAWN, 4),), 1000 + 3 * 700 + 400 + 5 * 50)
        await bob.until(lambda room: room.remaining == {LAWN: BEANBAGS - 4})
        booked = await ann.book(held.hold_id)
        assert (booked.seats, booked.areas, booked.total_minor) == ((B,), ((LAWN, 4),), held.total_minor)
        await server.core.checkout.cancel(held.hold_id)
        await bob.until(lambda room: room.remaining == {LAWN: BEANBAGS})
    await check_books(server.core)


async def test_the_last_places_of_an_area_can_have_several_ticket_types(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann:
        families = (Places(area=LAWN, count=4), Places(area=LAWN, count=BEANBAGS - 4, ticket="child"))
        assert (await ann.hold(areas=families)).areas == ((LAWN, BEANBAGS),)


async def test_an_area_is_never_oversold_and_says_how_many_places_are_left(server: Instance) -> None:
    await open_lounge(server)

    async def ask(number: int) -> int:
        async with visitor(server, f"user {number}") as room:
            await ready.wait()
            try:
                return (await room.hold(areas=(Places(area=LAWN, count=3),))).areas[0][1]
            except SeatsRefused:
                return 0

    ready = asyncio.Barrier(6)
    assert sorted(await asyncio.gather(*(ask(number) for number in range(6)))) == [0, 0, 0, 3, 3, 3]
    async with server.watcher("late", showtime=LOUNGE) as wire:
        full = await wire.ask("hold", hold_id=str(uuid.uuid4()), areas=[{"area": LAWN, "count": 2}])
        assert (full["type"], full["seats"], full["areas"]) == ("refused", [], [[LAWN, "full", 1]])
        wrong = await wire.ask("hold", hold_id=str(uuid.uuid4()), areas=[{"area": 7, "count": 2}])
        assert (wrong["code"], wrong["message"]) == (
            "bad_request", "there is no general area 7: this layout has areas 0 to 0",
        )  # fmt: skip
        nothing = await wire.ask("hold", hold_id=str(uuid.uuid4()))
        assert "ask for 0 places" in nothing["message"]


async def test_a_returning_user_finds_current_areas_and_the_own_hold(server: Instance) -> None:
    await open_lounge(server)
    async with visitor(server, "ann") as ann, server.watcher("ann", showtime=LOUNGE) as wire:
        welcome = wire.log[0]
        held = await ann.hold(areas=(Places(area=LAWN, count=2),))
        await eventually(lambda: ann.remaining == {LAWN: BEANBAGS - 2})
        resume = {"epoch": welcome["epoch"], "version": welcome["version"]}
        async with server.socket("ann", showtime=LOUNGE) as again:
            [hold] = (await again.hello(resume=resume))["holds"]
            assert (hold["hold_id"], hold["areas"], hold["total_minor"]) == (str(held.hold_id), [[LAWN, 2]], 1500)
            assert (await again.until("delta"))["areas"] == [[LAWN, BEANBAGS - 2]]


async def test_a_users_other_sockets_are_told_when_its_holds_change(server: Instance) -> None:
    await open_lounge(server)
    async with (
        server.watcher("ann", showtime=LOUNGE) as here,
        server.watcher("ann", showtime=LOUNGE) as there,
        server.watcher("bob", showtime=LOUNGE) as bob,
    ):
        held = await here.hold(B, B + 1)
        assert (await there.until("elsewhere"))["hold_id"] == held["hold_id"]
        assert [hold["hold_id"] for hold in (await there.hello())["holds"]] == [held["hold_id"]]
        await bob.ask("beat")
        await here.ask("beat")
        assert not [message for message in (*here.log, *bob.log) if message["type"] == "elsewhere"]
        await there.ask("release", hold_id=held["hold_id"])
        assert (await here.until("elsewhere"))["hold_id"] == held["hold_id"], "though it made that hold itself"


async def test_a_refused_command_swallows_no_news_of_the_hold_that_it_named(server: Instance) -> None:
    await open_lounge(server)
    async with server.watcher("ann", showtime=LOUNGE) as here, server.watcher("ann", showtime=LOUNGE) as there:
        hold_id = uuid.uuid4()
        assert (await here.ask("release", hold_id=str(hold_id)))["code"] == "hold_gone"
        refused = await here.ask("hold", hold_id=str(hold_id), seats=[B + 1])
        assert refused["type"] == "refused", "it would leave a single seat"
        await there.hold(B, hold_id=hold_id)
        assert (await here.until("elsewhere"))["hold_id"] == str(hold_id)


async def test_a_users_only_socket_here_is_told_of_a_change_made_through_another_process(server: Instance) -> None:
    await open_lounge(server)
    async with server.watcher("ann", showtime=LOUNGE) as here:
        hold_id = await hold(server.core, "ann", B, showtime=LOUNGE)
        assert (await here.until("elsewhere"))["hold_id"] == str(hold_id)


async def test_area_places_over_the_limit_are_refused_as_such(make_server: MakeServer) -> None:
    server = await make_server(seats_per_user=2)
    await open_lounge(server)
    async with server.watcher("ann", showtime=LOUNGE) as ann:
        no = await ann.ask("hold", hold_id=str(uuid.uuid4()), areas=[{"area": LAWN, "count": 3}])
        assert (no["type"], no["areas"]) == ("refused", [[LAWN, "limit", BEANBAGS]])
