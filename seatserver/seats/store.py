"""Seat state in Redis: one atomic script per verb.

Every change of a seat goes through a script of ``lua/`` that checks, writes, increases the room's version and
publishes. Nothing else writes seat state. A lock here is never proof of a sale, because Postgres decides
(`seatserver.bookings`). If a script answers ``absent``, Redis has lost the showtime or never knew it. The store then
reads it from Postgres with ``load_ownership``, loads it under a new epoch, and calls the script again.

All verbs raise `Unavailable` or `Busy` if Redis does not answer. The command may have run all the same; repeating it is
safe.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from redis.asyncio import Redis

from seatserver.config import Settings
from seatserver.errors import HoldConflict, HoldGone, HoldPinned, SeatsRefused, Unavailable
from seatserver.redis_io.client import UNAVAILABLE
from seatserver.seats.holders import people_of
from seatserver.seats.model import (
    NO_END_MS,
    NOTHING_JUDGED,
    UNCONDITIONAL,
    Applied,
    Conditions,
    HeldSeats,
    Judged,
    Ownership,
    RoomMoved,
    View,
)
from seatserver.seats.scripts import Scripts
from seatserver.seats.states import SeatState
from seatserver.tasks import Tasks

LOAD_TRIES = 3
"""After so many losses of a room during its load, something keeps emptying Redis."""


class SeatStore:
    """The verbs. ``load_ownership`` reads a showtime's `Ownership` from Postgres."""

    def __init__(self, redis: Redis, settings: Settings, load_ownership: Callable[[str], Awaitable[Ownership]]) -> None:
        self._redis = redis
        self._settings = settings
        self._load_ownership = load_ownership
        self._scripts = Scripts(redis, settings)
        self._tasks = Tasks()
        self._loading: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Wait for what is under way, then close."""
        await self._tasks.close()
        await self._scripts.close()

    async def hold(
        self,
        showtime_id: str,
        hold_id: UUID,
        user_id: str,
        seats: Sequence[int],
        conditions: Conditions = UNCONDITIONAL,
    ) -> HeldSeats:
        """Hold all ``seats``, and the places of the conditions' areas, or nothing.

        Raises `SeatsRefused`, which names every seat; `RoomMoved` if the rules must be judged again; `HoldConflict` if
        the id was used for another request; `HoldGone` if this hold, or the one to replace, is over; and `HoldPinned`.
        """
        settings, wanted, judged = self._settings, _csv(sorted(set(seats))), conditions.judged
        # A sales channel holds for one customer after the other, so holding times are not counted there.
        people = "" if conditions.channel else people_of(settings, user_id, conditions.network)
        reply = await self._on_room(
            "hold", showtime_id, str(hold_id), user_id, conditions.channel,
            settings.hold_ms, settings.hold_total_ms, settings.hold_replay_ms, settings.seats_per_user,
            wanted if conditions.asked is None else conditions.asked, wanted,
            ",".join(f"{area.places[0]}-{area.places[-1]}@{area.start}={area.count}" for area in conditions.areas),
            _pairs(judged.refused), _guards(judged), judged.room,
            "" if conditions.replaces is None else str(conditions.replaces), conditions.terms,
            conditions.latest_ms, int(not conditions.no_new_seats), people,
        )  # fmt: skip
        return self._held(hold_id, reply)

    async def extend(self, showtime_id: str, hold_id: UUID, user_id: str, *, latest_ms: int = NO_END_MS) -> HeldSeats:
        """Extend a hold, up to its total age and not past ``latest_ms``. Its deadline never gets earlier.

        Raises `HoldGone`.
        """
        settings = self._settings
        reply = await self._on_room(
            "extend", showtime_id, str(hold_id), user_id, settings.hold_ms, settings.hold_total_ms, latest_ms
        )
        return self._held(hold_id, reply)

    async def pin(self, showtime_id: str, hold_id: UUID, user_id: str, *, latest_ms: int = NO_END_MS) -> HeldSeats:
        """Make sure that the user holds every seat, and keep it so during the checkout. Raises `HoldGone`.

        A pin ends at most one checkout after the hold's total age or ``latest_ms``, so pinning again and again does not
        keep seats for ever.
        """
        settings = self._settings
        reply = await self._on_room(
            "pin", showtime_id, str(hold_id), user_id, settings.checkout_ms, settings.hold_total_ms, latest_ms
        )
        return self._held(hold_id, reply)

    async def hand_over(
        self, showtime_id: str, hold_id: UUID, user_id: str, to: str, *, network: str = ""
    ) -> HeldSeats:
        """Make a hold that of the user ``to``, whose ``network`` is as in `Conditions`. Its deadline stays as it is.

        Repeating it gives the same answer. Raises `HoldGone` if ``user_id`` has no such hold, `HoldPinned` while it is
        being booked, and `SeatsRefused` if ``to`` would hold too many seats.
        """
        settings = self._settings
        reply = await self._on_room(
            "handover", showtime_id, str(hold_id), user_id, to,
            people_of(settings, to, network), settings.seats_per_user, settings.hold_total_ms,
        )  # fmt: skip
        return self._held(hold_id, reply)

    async def fate_of(self, showtime_id: str, hold_id: UUID) -> tuple[str | None, str]:
        """Whose a hold is or was last, and its status; None and an empty text if it is not remembered.

        A hold whose deadline has passed may still be ``live`` here.
        """
        try:
            key = f"{_base(showtime_id)}:hold:{hold_id}"
            found: list[Any] = await self._redis.hmget(key, ["user", "status"])
        except UNAVAILABLE:
            raise Unavailable("Redis") from None
        user, status = found
        return (None, "") if user is None else (user.decode(), (status or b"").decode())

    async def release(
        self,
        showtime_id: str,
        hold_id: UUID,
        user_id: str,
        seats: Sequence[int] | None = None,
        *,
        of: HeldSeats | None = None,
        judged: Judged = NOTHING_JUDGED,
        terms: str = "",
    ) -> tuple[int, ...]:
        """Release a hold, or only ``seats`` of it; return the released seats.

        ``of`` is the hold as it was when the caller read it. An ``of`` without seats means that the caller found no
        such hold. ``terms`` are for the seats that stay. Raises `HoldGone`, `HoldPinned`, and `RoomMoved` if the hold
        has changed.
        """
        wanted = "" if seats is None else _csv(sorted(set(seats)))
        expected = "" if of is None else _csv(of.seats) or "none"
        reply = await self._on_room(
            "release", showtime_id, str(hold_id), user_id, wanted, expected, terms, _guards(judged), judged.room
        )
        if reply[0] == "released":
            return tuple(reply[1])
        self._fail(hold_id, reply)

    async def holds_of(self, showtime_id: str, user_id: str) -> tuple[HeldSeats, ...]:
        """The user's living holds, the newest last."""
        _, flat = await self._on_room("holds", showtime_id, user_id, self._settings.hold_total_ms)
        fields = len(HeldSeats.__struct_fields__)
        each = (flat[at : at + fields] for at in range(0, len(flat), fields))
        found = [HeldSeats(UUID(hold_id), tuple(seats), *others) for hold_id, seats, *others in each]
        return tuple(sorted(found, key=lambda held: held.fence))

    async def cooling(
        self, showtime_id: str, user_id: str, seats: Collection[int], *, network: str = ""
    ) -> frozenset[int]:
        """Those of some free ``seats`` that a hold of this user would be refused as ``cooling`` now."""
        settings = self._settings
        people = people_of(settings, user_id, network)
        _, found = await self._on_room(
            "cooling", showtime_id, settings.hold_ms, settings.hold_total_ms, _csv(sorted(seats)), people
        )
        return frozenset(found)

    async def apply(
        self, showtime_id: str, seq: int, state: SeatState, booking_id: UUID, user_id: str, seats: Sequence[int]
    ) -> Applied:
        """Apply one committed change of Postgres. A change that is known already does nothing."""
        kind, pgseq = await self._on_room("apply", showtime_id, seq, int(state), str(booking_id), user_id, _csv(seats))
        return Applied(pgseq=pgseq, gap=kind == "gap")

    async def keep(self, showtime_id: str, seq: int, seats: Sequence[int], channel: str | None) -> Applied:
        """Apply one committed change of what the house keeps.

        The seats are kept for ``channel``, for nobody (empty), or not any more (None).
        """
        kind, pgseq = await self._on_room(
            "keep", showtime_id, seq, int(channel is not None), channel or "", _csv(seats)
        )
        return Applied(pgseq=pgseq, gap=kind == "gap")

    async def sweep(self, showtime_id: str, *, load: bool = True) -> int | None:
        """End the holds whose time is over; return the ms until the next deadline, None if nothing is held."""
        if load:
            reply = await self._on_room("sweep", showtime_id)
        else:
            reply = await self._scripts.call("sweep", _base(showtime_id))
        return None if reply[0] == "absent" or reply[2] < 0 else int(reply[2])

    async def snapshot(self, showtime_id: str, place_count: int) -> View:
        """Read the whole room."""
        _, epoch, version, pgseq, next_due, taken, held, flat = await self._on_room("snapshot", showtime_id)
        kept = dict(zip(flat[::2], flat[1::2], strict=True))
        shown: dict[int, int] = {
            seat: SeatState.ALLOCATED if channel else SeatState.BLOCKED for seat, channel in kept.items()
        }
        shown |= dict.fromkeys(held, SeatState.HELD)
        shown |= zip(taken[::2], taken[1::2], strict=True)
        states = bytearray(place_count)
        for seat, state in shown.items():
            if seat < place_count:  # a number written to Redis by hand must not break the room
                states[seat] = state
        return View(epoch, version, pgseq, bytes(states), next_due if next_due >= 0 else None, kept)

    async def positions(self, showtime_ids: Sequence[str]) -> list[tuple[str, int, int] | None]:
        """(epoch, version, pgseq) of each showtime, None if Redis does not know it. Takes one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for showtime_id in showtime_ids:
            pipeline.hmget(_base(showtime_id) + ":meta", ["epoch", "version", "pgseq"])
        try:
            rows: list[list[bytes | None]] = await pipeline.execute()
        except UNAVAILABLE:
            raise Unavailable("Redis") from None
        return [
            (epoch.decode(), int(version), int(pgseq)) if epoch and version and pgseq else None
            for epoch, version, pgseq in rows
        ]

    async def load(
        self, showtime_id: str, mode: str = "missing", *, of_epoch: str = "", absent_since: str = ""
    ) -> None:
        """Load the showtime from Postgres.

        ``missing`` loads it only if Redis lacks it or is behind, ``repair`` also when it is there. ``renew`` begins a
        new epoch (after Redis went back in time) if the room still has the epoch ``of_epoch``; ``restore`` does so
        after Postgres was restored from a backup. Only this mode accepts older data than Redis has.

        ``absent_since`` is what a script answered that missed the room. Without it, or when the room was loaded and
        lost again meanwhile, the reading may be older than what the room knew: then Postgres is read once more. Raises
        `Unavailable` when the room is lost during every reading.
        """
        for _ in range(LOAD_TRIES):
            owned = await self._load_ownership(showtime_id)
            taken, kept, epoch = _pairs(owned.taken), _pairs(owned.kept), secrets.token_hex(8)
            reply = await self._scripts.call(
                "load", _base(showtime_id), epoch, owned.seq, owned.ends_ms, mode, taken, kept, of_epoch, absent_since
            )
            if reply[0] == "loaded":
                return
            absent_since = reply[1]
        raise Unavailable("Redis")

    async def _on_room(self, verb: str, showtime_id: str, *arguments: str | int) -> list[Any]:
        for _ in range(LOAD_TRIES):
            reply = await self._scripts.call(verb, _base(showtime_id), *arguments)
            if reply[0] == "absent":
                await self._load_for_all(showtime_id, "missing", absent_since=reply[1])
            elif reply[0] == "moved":
                await self._load_for_all(showtime_id, "renew", reply[1])
            else:
                return reply
        raise Unavailable("Redis")

    async def _load_for_all(self, showtime_id: str, mode: str, of_epoch: str = "", *, absent_since: str = "") -> None:
        """Load a room that a script has missed. All callers that miss it meanwhile share one reading of Postgres."""
        key = showtime_id, of_epoch
        loading = self._loading.get(key)
        if loading is None:
            work = self.load(showtime_id, mode, of_epoch=of_epoch, absent_since=absent_since)
            loading = self._loading[key] = self._tasks.spawn(work, f"load {showtime_id}")
            loading.add_done_callback(lambda _: self._loading.pop(key))
        try:
            # Shielded, so that one caller who gives up does not cancel the load for the others.
            await asyncio.shield(loading)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if not loading.cancelled() or (caller is not None and caller.cancelling()):
                raise
            raise Unavailable("Redis") from None  # the store is closing

    def _held(self, hold_id: UUID, reply: list[Any]) -> HeldSeats:
        if reply[0] == "held":
            _, seats, *others = reply
            return HeldSeats(hold_id, tuple(seats), *others)
        self._fail(hold_id, reply)

    def _fail(self, hold_id: UUID, reply: list[Any]) -> NoReturn:
        match reply:
            case ["refused", flat, again]:
                raise SeatsRefused(_by_seat(flat), retry_at_ms=_by_seat(again))
            case ["stale", flat]:
                raise RoomMoved(_by_seat(flat))
            case ["conflict", why]:
                raise HoldConflict(str(hold_id), why)
            case ["pinned", until_ms, *of]:
                raise HoldPinned(of[0] if of else str(hold_id), until_ms)
            case ["gone", why, *of]:
                raise HoldGone(of[0] if of else str(hold_id), _WHY_GONE.get(why, why))
        raise RuntimeError(f"expected a known reply of the script, got {reply!r}")


_WHY_GONE = {
    "unknown": "it does not exist, or it ended long ago",
    "not yours": "it belongs to someone else",
    "expired": "its time ran out",
    "released": "it was given back",
    "booked": "it became a booking",
    "replaced": "another hold took its place",
    "blocked": "the house took its seats back",
    "sold": "its seats were sold to someone else first",
}


def _base(showtime_id: str) -> str:
    return f"seats:{{{showtime_id}}}"


def feed_channel(showtime_id: str) -> str:
    """The channel on which the scripts publish the changes of a showtime."""
    return _base(showtime_id) + ":feed"


def _by_seat(flat: Sequence[Any]) -> dict[int, Any]:
    """A flat list of seats and values as a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _csv(seats: Iterable[int]) -> str:
    return ",".join(map(str, seats))


def _pairs(values: Mapping[int, object]) -> str:
    return ",".join(f"{seat}={value}" for seat, value in sorted(values.items())) if values else ""


def _guards(judged: Judged) -> str:
    return ",".join(f"{seat}={int(free)}" for seat, free in judged.guards) if judged.guards else ""
