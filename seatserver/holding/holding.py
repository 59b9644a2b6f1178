"""Turns a request into a hold: applies the showtime's rules, sets the price, and finds other seats for lost ones.

Clicks, "best available", kiosks and partners all come through here, and the same functions of `seatserver.seatmaps`
judge their choices. These look at the room as this instance knows it. The script that makes the hold then checks that
what they relied on is still true. If not, the script says what differs, and the choice is judged again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

import msgspec

from seatserver.catalog.showtime import Showtime
from seatserver.config import Clock, Settings
from seatserver.errors import (
    Busy,
    HoldConflict,
    NoSeatsTogether,
    NotOnSale,
    Refusal,
    SeatsRefused,
    TicketsRefused,
    Unavailable,
)
from seatserver.holding.deadlines import latest_deadline_ms, over_for_more
from seatserver.holding.requests import Buyer, PartyWish, Selection, nothing_together
from seatserver.holding.room_view import RoomView
from seatserver.holding.search_thread import Searches
from seatserver.holding.terms import Terms, lines_of, terms_of
from seatserver.pricing.tariff import Quote, without
from seatserver.seatmaps.rules.judge import Verdict, judge, judge_if_cheap
from seatserver.seatmaps.search.best import best_offers, nearest_equal
from seatserver.seatmaps.search.score import MAX_PARTY, Offer, Wish
from seatserver.seats.model import NOTHING_JUDGED, Conditions, HeldSeats, Judged, RoomMoved
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore

TRIES = 40
PATIENT_TRIES = 3
"""After this many tries a request reads the room from Redis and pauses, so that others can proceed."""
OFFER_TRIES = 5
"""After this many searches that found seats which are cooling for the buyer, the offers without them must do."""
LONGEST_PAUSE_S = 0.02
LOST_TO_OTHERS: frozenset[Refusal] = frozenset({"held", "sold", "blocked", "allocated"})
MENDABLE: frozenset[Refusal] = LOST_TO_OTHERS | {"gap", "cooling"}
"""Refusals for which `Selection.or_nearest` looks for other seats; not for too many seats or half a sofa."""
LOST_NOW: frozenset[Refusal] = LOST_TO_OTHERS | {"cooling"}
NOT_IN_BASKET: frozenset[Refusal] = LOST_NOW | {"full"}
"""Refusals that, after the end of the sale, mean that the request wants a place the basket does not have."""
NO_VERDICT = Verdict({}, (), None, (), False)
USED_OTHERWISE = "this hold id was used for another request"
"""The same words as in ``lua/hold.lua``."""


class Holding:
    """Makes holds and releases them. All methods also raise what `SeatStore` raises."""

    def __init__(self, store: SeatStore, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self.searches = Searches(settings.searches, settings.searches_per_user)

    def close(self) -> None:
        """Start no more searches."""
        self.searches.close()

    async def hold(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, selection: Selection, view: RoomView
    ) -> HeldSeats:
        """Hold what was chosen; with ``or_nearest``, replace lost seats with the nearest equal ones.

        Raises `SeatsRefused`, which names every seat, and for a gap also the seats left over and a choice that would
        do; `TicketsRefused`; `NotOnSale`; and `Busy` if the room changes faster than it can be judged.
        """
        selection.check(showtime.seat_map)
        asked = _fingerprint("hold", selection, view.replaces)
        work = self._hold(showtime, buyer, hold_id, selection, view, asked)
        return await self._unless_repeated(showtime, buyer, hold_id, asked, work)

    async def best(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, party: PartyWish, view: RoomView
    ) -> HeldSeats:
        """Find the best seats and hold them; if a rival is faster, search again without the lost seats.

        Raises `NoSeatsTogether` if there are none (any more), `SeatsRefused` if the buyer has to wait for those that
        there are or would hold too many, `TicketsRefused`, `NotOnSale`, and `Busy`.
        """
        asked = _fingerprint("best", party, view.replaces)
        work = self._best(showtime, buyer, hold_id, party, view, asked)
        return await self._unless_repeated(showtime, buyer, hold_id, asked, work)

    async def _unless_repeated(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, asked: str, work: Awaitable[HeldSeats]
    ) -> HeldSeats:
        """Do the work. If it finds nothing to hold, see whether the request is a repeated one that has a hold already.

        The first run may hold the very seats that this one misses, at prices that have changed since, or in a sale that
        is over by now.
        """
        try:
            return await work
        except (NoSeatsTogether, TicketsRefused, NotOnSale, Busy):
            for known in await self._store.holds_of(showtime.id, buyer.user_id):
                if known.hold_id == hold_id:
                    if known.asked != asked:
                        raise HoldConflict(str(hold_id), USED_OTHERWISE) from None
                    return known
            raise

    async def _hold(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, selection: Selection, view: RoomView, asked: str
    ) -> HeldSeats:
        over = over_for_more(showtime, self._clock(), has_basket=view.replaces is not None)
        # Judging many scattered seats takes long, so skip it if nobody may hold that many anyway.
        too_many = selection.places > self._settings.seats_per_user
        quote = selection.priced(showtime, selection.seats)
        lost: dict[int, Refusal] = {}
        nearest: Offer | None = None
        await self._look(showtime, buyer, view)
        for tries in range(TRIES):
            seats = selection.seats if nearest is None else nearest.seats
            verdict = NO_VERDICT if too_many else await self._judge(showtime, buyer, view, seats, selection.wheelchairs)
            terms = Terms(
                quote=quote if nearest is None else selection.priced(showtime, seats),
                wheelchairs=selection.wheelchairs,
                lost=_still_lost(lost, seats),
                stranded=verdict.stranded,
                cost=None if nearest is None else nearest.cost,
                breakdown={} if nearest is None else nearest.breakdown,
            )
            conditions = Conditions(
                areas=view.area_wishes(showtime.seat_map, selection.areas),
                channel=buyer.channel, asked=asked, judged=view.judged(verdict),
                replaces=view.replaces, terms=terms.text(),
                latest_ms=self._latest_ms(showtime, buyer), no_new_seats=over is not None, network=buyer.network,
            )  # fmt: skip
            try:
                return await self._store.hold(showtime.id, hold_id, buyer.user_id, seats, conditions)
            except RoomMoved as stale:
                await self._look_again(showtime, buyer, view, stale.states, tries)
            except SeatsRefused as error:
                if over is not None and not NOT_IN_BASKET.isdisjoint(error.reasons.values()):
                    raise over from None
                refused = _explained(error, verdict)
                if not selection.or_nearest:
                    raise refused from None
                if len(seats) > MAX_PARTY or not MENDABLE.issuperset(error.reasons.values()):
                    raise refused from None
                lost.update({seat: why for seat, why in error.reasons.items() if seat in selection.seats})
                if nearest is not None and view.cooling and LOST_NOW.isdisjoint(error.reasons.values()):
                    # A choice around seats that cool off may be refused because those count as a gap.
                    raise refused from None
                view.note_cooling(error)
                taken = {seat: SeatState.HELD for seat, why in error.reasons.items() if why in LOST_TO_OTHERS}
                view.refused.update(taken)
                await self._look_again(showtime, buyer, view, taken, tries)
                nearest = await self._nearest(showtime, buyer, view, selection)
                if nearest is None:
                    raise refused from None
        raise _too_fast()

    async def _best(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, party: PartyWish, view: RoomView, asked: str
    ) -> HeldSeats:
        showtime.check_on_sale(self._clock())
        wish = party.wish_in(showtime)
        lost: dict[int, Refusal] = {}
        await self._look(showtime, buyer, view)
        for tries in range(TRIES):
            offers = await self._search(showtime, buyer, wish, view, limit=1)
            if not offers:
                raise nothing_together(wish, showtime.seat_map)
            [offer] = offers
            # Before the first await: the next search begins as soon as this one has its answer.
            view.in_flight.update(offer.seats)
            try:
                verdict = await self._judge(showtime, buyer, view, offer.seats, wish.wheelchairs)
                terms = Terms(
                    quote=party.priced(showtime, offer.seats),
                    wheelchairs=wish.wheelchairs, lost=_still_lost(lost, offer.seats),
                    stranded=verdict.stranded, cost=offer.cost, breakdown=offer.breakdown,
                )  # fmt: skip
                conditions = Conditions(
                    channel=buyer.channel, asked=asked, judged=view.judged(verdict),
                    replaces=view.replaces, terms=terms.text(),
                    latest_ms=self._latest_ms(showtime, buyer), network=buyer.network,
                )  # fmt: skip
                return await self._store.hold(showtime.id, hold_id, buyer.user_id, offer.seats, conditions)
            except RoomMoved as stale:
                await self._look_again(showtime, buyer, view, stale.states, tries)
            except SeatsRefused as error:
                if "limit" in error.reasons.values() or not view.cooling.isdisjoint(offer.seats):
                    raise  # the search avoids seats that cool off, so there are no others
                view.note_cooling(error)
                lost.update({seat: why for seat, why in error.reasons.items() if why == "cooling"})
                taken = {seat: why for seat, why in error.reasons.items() if why in LOST_TO_OTHERS}
                lost.update(taken)
                view.refused.update(taken)
                await self._look_again(showtime, buyer, view, dict.fromkeys(taken, SeatState.HELD), tries)
            finally:
                view.in_flight.difference_update(offer.seats)
        raise _too_fast()

    async def offers(
        self,
        showtime: Showtime,
        buyer: Buyer,
        party: PartyWish,
        view: RoomView,
        limit: int,
        *,
        without: frozenset[int] = frozenset(),
    ) -> list[tuple[Offer, Quote]]:
        """The best offers and their prices, the best first. Holds nothing, and offers no seat of ``without``.

        No offer has a seat that this buyer would be refused as ``cooling`` in a new basket; in place of an old basket
        some may still be refused. Only Redis knows these seats. It is asked about those that a search found, so a
        search is repeated only if some of them are cooling.
        """
        await self._look(showtime, buyer, view)
        wish = party.wish_in(showtime)
        for _ in range(OFFER_TRIES):
            found = await self._search(showtime, buyer, wish, view, limit, without=without.union(view.cooling))
            seats = {seat for offer in found for seat in offer.seats}
            if not seats or buyer.channel:  # sales channels are exempt
                break
            try:
                cooling = await self._store.cooling(showtime.id, buyer.user_id, seats, network=buyer.network)
            except (Unavailable, Busy):
                break  # what was found is worth more than nothing, and holding it asks again
            if not cooling:
                break
            view.cooling |= cooling
            found = [offer for offer in found if cooling.isdisjoint(offer.seats)]
        return [(offer, party.priced(showtime, offer.seats)) for offer in found]

    async def release(
        self, showtime: Showtime, buyer: Buyer, hold_id: UUID, seats: Sequence[int], view: RoomView
    ) -> tuple[int, ...]:
        """Release some seats of a hold if the rules allow the rest; return the released seats.

        A whole hold may always be released: `SeatStore.release`.
        """
        if torn := showtime.seat_map.torn_groups(seats):
            raise SeatsRefused(dict.fromkeys(torn, "group"))
        for tries in range(TRIES):
            living = await self._store.holds_of(showtime.id, buyer.user_id)
            held = next((hold for hold in living if hold.hold_id == hold_id), HeldSeats(hold_id, (), 0))
            rest = [seat for seat in held.seats if seat not in seats]
            judged, terms = NOTHING_JUDGED, held.terms
            if 0 < len(rest) < len(held.seats):
                judged, terms = await self._judge_rest(showtime, buyer, held, rest, view)
            try:
                return await self._store.release(
                    showtime.id, hold_id, buyer.user_id, seats, of=held, judged=judged, terms=terms
                )
            except RoomMoved:
                view.forget()
            await _pause(tries)
        raise _too_fast()

    # ------------------------------------------------------------ looking and judging

    async def _judge_rest(
        self, showtime: Showtime, buyer: Buyer, held: HeldSeats, rest: Sequence[int], view: RoomView
    ) -> tuple[Judged, str]:
        """Judge the ``rest`` of a hold and compute its terms. Raises `SeatsRefused`, `TicketsRefused`."""
        before, seat_map = terms_of(held, showtime), showtime.seat_map
        view.replaces = held.hold_id
        # The script judges by the channel of the hold, whatever channel the user comes through now.
        await self._look(showtime, Buyer(buyer.user_id, held.channel), view)
        numbered = [seat for seat in rest if seat < len(seat_map.seats)]
        verdict = await self._judge(showtime, buyer, view, numbered, before.wheelchairs)
        if verdict.reasons:
            raise _explained(SeatsRefused(verdict.reasons), verdict)
        gone = lines_of(before.quote, seat_map, set(held.seats).difference(rest))
        left = without(showtime.tariff, before.quote, [line.place for line in gone])
        terms = msgspec.structs.replace(before, quote=left, stranded=verdict.stranded)
        return view.judged(verdict), terms.text()

    async def _judge(
        self, showtime: Showtime, buyer: Buyer, view: RoomView, seats: Sequence[int], wheelchairs: int
    ) -> Verdict:
        room = showtime.seat_map, bytes(view.states), seats, showtime.rules
        minutes_left = self._minutes_left(showtime)
        verdict = judge_if_cheap(*room, wheelchairs=wheelchairs, minutes_left=minutes_left)
        if verdict is None:
            look = partial(judge, *room, wheelchairs=wheelchairs, minutes_left=minutes_left)
            verdict = await self.searches.run(look, user=buyer.user_id, room=showtime.id, network=buyer.network)
        return verdict

    def _latest_ms(self, showtime: Showtime, buyer: Buyer) -> int:
        return latest_deadline_ms(showtime, self._settings.hold_ms, buyer.until_ms)

    def _minutes_left(self, showtime: Showtime) -> float:
        return (showtime.starts_at_ms - self._clock()) / 60_000

    async def _search(
        self,
        showtime: Showtime,
        buyer: Buyer,
        wish: Wish,
        view: RoomView,
        limit: int,
        *,
        without: frozenset[int] = frozenset(),
    ) -> list[Offer]:
        def search() -> list[Offer]:
            # Read when the search begins, like the room: what others are about to hold then.
            avoid = view.in_flight | view.cooling
            return best_offers(
                showtime.seat_map, bytes(view.states), wish, showtime.rules,
                minutes_left=minutes_left, limit=limit, avoid=avoid, without=without.union(view.refused),
            )  # fmt: skip

        minutes_left = self._minutes_left(showtime)
        return await self.searches.run(
            search, prepare=view.renew, user=buyer.user_id, room=showtime.id, network=buyer.network
        )

    async def _nearest(self, showtime: Showtime, buyer: Buyer, view: RoomView, selection: Selection) -> Offer | None:
        def search() -> Offer | None:
            states = bytearray(view.states)
            for seat in view.cooling | view.refused:
                states[seat] = SeatState.HELD
            return nearest_equal(
                showtime.seat_map, bytes(states), selection.seats, showtime.rules,
                wheelchairs=selection.wheelchairs, minutes_left=minutes_left,
            )  # fmt: skip

        minutes_left = self._minutes_left(showtime)
        return await self.searches.run(
            search, prepare=view.renew, user=buyer.user_id, room=showtime.id, network=buyer.network
        )

    async def _look(self, showtime: Showtime, buyer: Buyer, view: RoomView) -> None:
        """Set ``view`` to what the buyer may take: seats of their channel or of the replaced hold count as free."""
        seen = view.seen
        if seen is None or buyer.channel:
            seen = await self._store.snapshot(showtime.id, showtime.seat_map.place_count)
        view.show(seen, alike=not buyer.channel and view.replaces is None)
        for seat, channel in seen.kept.items():
            if channel and channel == buyer.channel and view.states[seat] == SeatState.ALLOCATED:
                view.states[seat] = SeatState.FREE
        if view.replaces is not None:
            for held in await self._store.holds_of(showtime.id, buyer.user_id):
                if held.hold_id == view.replaces:
                    for seat in held.seats:
                        view.states[seat] = SeatState.FREE

    async def _look_again(
        self, showtime: Showtime, buyer: Buyer, view: RoomView, known: Mapping[int, int], tries: int
    ) -> None:
        """Note what Redis said of some seats. If it said nothing, or that did not help, read the whole room again."""
        if known and tries < PATIENT_TRIES:
            for seat, state in known.items():
                view.states[seat] = state
            return
        await _pause(tries)
        view.forget()
        await self._look(showtime, buyer, view)


async def _pause(tries: int) -> None:
    if tries >= PATIENT_TRIES:
        await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))


def _too_fast() -> Busy:
    return Busy("the room", "changes faster than seats can be chosen")


def _still_lost(lost: Mapping[int, Refusal], seats: Collection[int]) -> tuple[tuple[int, Refusal], ...]:
    """The lost seats that are not among ``seats``."""
    return tuple(sorted((seat, why) for seat, why in lost.items() if seat not in seats)) if lost else ()


def _explained(error: SeatsRefused, verdict: Verdict) -> SeatsRefused:
    if "gap" not in error.reasons.values() and "group" not in error.reasons.values():
        return error
    fix = verdict.fix or ()
    return SeatsRefused(error.reasons, stranded=verdict.stranded, fix=fix, retry_at_ms=error.retry_at_ms)


def _fingerprint(verb: str, request: object, replaces: UUID | None) -> str:
    """A digest of the request, by which a repeated request is recognised."""
    document = msgspec.json.encode([verb, request, replaces])
    return hashlib.blake2b(document, digest_size=16).hexdigest()
