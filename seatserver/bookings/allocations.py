"""The house's own seats: blocked for everybody, or allocated to a sales channel, changed live and in bulk.

A request is one transaction under the showtime's row lock. Bookings take the same lock, so if a booking and a block
want the same seat, the later one is refused. A request is carried out as a whole or not at all. Each change is logged
with who made it and why, and the relay brings it to every viewer. Seats that are kept until a certain time are opened
by `Allocations.release_due`, a duty of the worker. `keeping` decides what a request comes down to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.tokens import CHANNEL_FORM, is_channel
from seatserver.bookings.keeping import Change, Keeping, Now, Step, notes_on, notes_on_time, plan
from seatserver.bookings.seat_changes import append_changes
from seatserver.bookings.tables import booked_seats, kept_seats, seat_log
from seatserver.catalog.catalog import Catalog, Showtime
from seatserver.catalog.showtime import LATEST_MS, check_text
from seatserver.catalog.tables import showtimes
from seatserver.config import Clock
from seatserver.database import CommitUnknown, Database
from seatserver.errors import BadRequest, NotFound, Refusal, SeatServerError, Unavailable
from seatserver.seats.states import SeatState

log = structlog.get_logger(__name__)

CHANGES_AT_ONCE = 100
LOG_PAGE = 100
SHOWTIMES_AT_ONCE = 100
SEATS_PER_ROW = 1000
"""Most seats in one row of the outbox, because Redis does nothing else while it applies a row."""
TIMER = "timer"
"""The name in the log for seats that were opened because their time was over."""


class KeptPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Places kept for one channel (None: blocked for everybody) and one reason, by one person."""

    channel: str | None
    places: tuple[int, ...]
    reason: str
    by: str
    since: datetime
    release_at: datetime | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log. ``channel`` is the allocation's; with ``release`` it is the one that lost the seats."""

    id: int
    at: datetime
    by: str
    action: Literal["block", "allocate", "open", "release"]
    channel: str | None
    places: tuple[int, ...]
    reason: str
    release_at: datetime | None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What a request changed: its lines in the log, without what was so already, and notes for the house."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


class Allocations:
    """Reads and changes what the house keeps. ``changed`` is called with each showtime that changed: `Relay.notify`."""

    def __init__(self, database: Database, catalog: Catalog, clock: Clock, changed: Callable[[str], None]) -> None:
        self._database = database
        self._catalog = catalog
        self._clock = clock
        self._changed = changed

    async def change(
        self,
        showtime_id: str,
        changes: Sequence[Change],
        by: str,
        *,
        held: AbstractSet[int] = frozenset(),
        spare_holds: bool = False,
    ) -> Changed:
        """Make all of ``changes``, or none of them. Repeating them changes nothing more.

        ``held`` are the places that somebody holds, as far as the caller knows. Counted places are taken from those
        last. With ``spare_holds`` a change that would end one of these holds is refused; a hold made since then ends.

        Raises `SeatsRefused`, which names every place (see `keeping.plan`), `BadRequest`, which names the wrong field,
        `NotFound`, and `Unavailable`, after which the same request may be repeated.
        """
        showtime = await self._catalog.showtime(showtime_id)
        self._check(changes, showtime)
        try:
            async with self._database.transaction() as connection:
                await _lock(connection, showtime_id)
                now = await _read(connection, showtime, changes, held)
                steps = plan(showtime.seat_map, changes, now, spare_holds=spare_holds)
                entries = await _write(connection, showtime_id, steps, by)
        except CommitUnknown as error:
            self._changed(showtime_id)
            raise Unavailable("Postgres") from error
        if entries:
            self._changed(showtime_id)
            log.info("allocations changed", showtime=showtime_id, by=by, entries=[entry.id for entry in entries])
        notes = notes_on(showtime.seat_map, changes, _after(now.kept, steps))
        return Changed(entries=entries, notes=notes + notes_on_time(changes, showtime.sale_ends_at_ms))

    async def kept(self, showtime_id: str) -> list[KeptPlaces]:
        """What is kept now, the oldest first. Raises `NotFound`."""
        await self._catalog.showtime(showtime_id)
        mine = kept_seats.c.showtime_id == showtime_id
        query = sa.select(kept_seats).where(mine).order_by(kept_seats.c.kept_at, kept_seats.c.seat)
        alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        async with self._database.reading() as connection:
            for row in await connection.execute(query):
                alike[row.channel, row.reason, row.kept_by, row.kept_at, row.release_at].append(row.seat)
        return [
            KeptPlaces(channel=channel, places=tuple(places), reason=reason, by=by, since=since, release_at=release_at)
            for (channel, reason, by, since, release_at), places in alike.items()
        ]

    async def log(self, showtime_id: str, limit: int, after: int | None = None) -> tuple[list[Entry], int | None]:
        """A page of the log, newest first, and ``after`` for the next page (None at the end). Raises `NotFound`."""
        await self._catalog.showtime(showtime_id)
        query = sa.select(seat_log).where(seat_log.c.showtime_id == showtime_id)
        if after is not None:
            query = query.where(seat_log.c.id < after)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.order_by(seat_log.c.id.desc()).limit(limit + 1))).all()
        entries = [_entry(row) for row in rows[:limit]]
        return entries, entries[-1].id if len(rows) > limit else None

    async def release_due(self) -> int:
        """Open the places whose time is over, and return how many. Several instances may do so at once.

        Raises `Unavailable`.
        """
        due = kept_seats.c.release_at <= sa.func.now()
        query = sa.select(kept_seats.c.showtime_id).distinct().where(due).limit(SHOWTIMES_AT_ONCE)
        async with self._database.reading() as connection:
            waiting = (await connection.scalars(query)).all()
        released = 0
        for showtime_id in waiting:
            try:
                async with self._database.transaction() as connection:
                    # Wait for the lock rather than skip the showtime: during a rush it is always locked. The first
                    # instance opens the seats; the others then find nothing left.
                    await _lock(connection, showtime_id)
                    opened = await _release(connection, showtime_id)
                if opened:
                    released += opened
                    log.info("allocations released", showtime=showtime_id, places=opened)
            except (CommitUnknown, SeatServerError) as error:
                log.warning("allocations not released yet", showtime=showtime_id, error=str(error))
            self._changed(showtime_id)
        return released

    def _check(self, changes: Sequence[Change], showtime: Showtime) -> None:
        if not 1 <= len(changes) <= CHANGES_AT_ONCE:
            raise BadRequest(f"{len(changes)} changes: expected 1 to {CHANGES_AT_ONCE}", "changes")
        for number, change in enumerate(changes):
            where = f"changes[{number}]"
            check_text(f"{where}.reason", change.reason)
            if (change.channel is not None) != (change.action == "allocate"):
                raise BadRequest(
                    f"{where}.channel is needed with the action allocate, and only with it", f"{where}.channel"
                )
            if change.channel is not None and not is_channel(change.channel):
                raise BadRequest(f"{where}.channel is {change.channel[:80]!r}: {CHANNEL_FORM}", f"{where}.channel")
            if not change.places and not change.counts:
                raise BadRequest(f"{where} names no seats", where)
            places = showtime.seat_map.place_count
            if unknown := [place for place in change.places if not 0 <= place < places]:
                raise BadRequest(f"{where} names places that the layout does not have: {unknown[:10]}", where)
            self._check_counts(where, change, showtime)
            self._check_release(f"{where}.release_at", change)

    def _check_counts(self, where: str, change: Change, showtime: Showtime) -> None:
        if change.counts and change.action == "open":
            raise BadRequest(
                f"{where}.places cannot be a count with open: block or allocate a smaller number instead",
                f"{where}.places",
            )
        areas = showtime.seat_map.general_areas
        for area, count in change.counts.items():
            if not 0 <= area < len(areas):
                raise BadRequest(f"{where}.places: the layout has no general area {area}", f"{where}.places")
            if not 0 <= count <= (capacity := areas[area].capacity):
                problem = f"keeps {count} of {areas[area].key!r}: expected 0 to {capacity}, as many as there are"
                raise BadRequest(f"{where}.places {problem}", f"{where}.places")

    def _check_release(self, where: str, change: Change) -> None:
        if change.release_at is None:
            return
        if change.action == "open":
            raise BadRequest(f"{where} is allowed only with block and allocate", where)
        if not self._clock() < change.release_at.timestamp() * 1000 < LATEST_MS:
            raise BadRequest(f"{where} is not in the future, or it is after the year 2199", where)


async def kept_against(
    connection: AsyncConnection, showtime_id: str, seats: Iterable[int], channel: str
) -> dict[int, Refusal]:
    """Those of ``seats`` that a buyer of ``channel`` (empty: the public) may not have, each with its reason.

    The answer is reliable only under the showtime's row lock, in a statement after the one that took it.
    """
    query = sa.select(kept_seats.c.seat, kept_seats.c.channel).where(
        kept_seats.c.showtime_id == showtime_id,
        kept_seats.c.seat == sa.any_(_array(seats)),
        kept_seats.c.channel.is_distinct_from(channel),
    )
    rows = (await connection.execute(query)).all()
    return {row.seat: "blocked" if row.channel is None else "allocated" for row in rows}


async def _lock(connection: AsyncConnection, showtime_id: str) -> None:
    # The same lock as a booking's UPDATE of ``seq`` takes, and no stronger, so foreign key checks do not wait for it.
    query = sa.select(showtimes.c.seq).where(showtimes.c.id == showtime_id).with_for_update(key_share=True)
    if (await connection.execute(query)).one_or_none() is None:
        raise NotFound("showtime", showtime_id)


async def _read(
    connection: AsyncConnection, showtime: Showtime, changes: Sequence[Change], held: AbstractSet[int]
) -> Now:
    """The present state of all places that the changes could affect, including the rest of their groups."""
    concerned = {place for change in changes for place in change.places}
    concerned.update(*(showtime.seat_map.group_of.get(place, ()) for place in tuple(concerned)))
    concerned.update(*(showtime.seat_map.places_of(area) for change in changes for area in change.counts))
    of_kept = sa.select(kept_seats).where(
        kept_seats.c.showtime_id == showtime.id, kept_seats.c.seat == sa.any_(_array(concerned))
    )
    of_booked = sa.select(booked_seats.c.seat).where(
        booked_seats.c.showtime_id == showtime.id,
        booked_seats.c.seat == sa.any_(_array(concerned)),
        booked_seats.c.released_at.is_(None),
    )
    kept = {row.seat: Keeping(row.channel, row.reason, row.release_at) for row in await connection.execute(of_kept)}
    return Now(kept=kept, booked=set((await connection.scalars(of_booked)).all()), held=held)


async def _write(connection: AsyncConnection, showtime_id: str, steps: Sequence[Step], by: str) -> tuple[Entry, ...]:
    moved: dict[tuple[SeatState, str | None], list[int]] = defaultdict(list)
    for step in steps:
        if step.keeping is None:
            await connection.execute(
                sa.delete(kept_seats).where(
                    kept_seats.c.showtime_id == showtime_id, kept_seats.c.seat == sa.any_(_array(step.places))
                )
            )
            moved[SeatState.FREE, None] += step.moved
        else:
            await connection.execute(_keep(showtime_id, step.places, step.keeping, by))
            state = SeatState.BLOCKED if step.keeping.channel is None else SeatState.ALLOCATED
            moved[state, step.keeping.channel] += step.moved
    return await _note(
        connection,
        showtime_id,
        by,
        moved,
        [
            {
                "action": step.action,
                "channel": step.keeping.channel if step.keeping else None,
                "seats": list(step.places),
                "reason": step.reason,
                "release_at": step.keeping.release_at if step.keeping else None,
            }
            for step in steps
        ],
    )


def _keep(showtime_id: str, places: Sequence[int], keeping: Keeping, by: str) -> sa.Insert:
    fields = {"channel": keeping.channel, "reason": keeping.reason, "kept_by": by, "release_at": keeping.release_at}
    each = sa.func.unnest(_array(places)).column_valued("seat")
    values = [sa.literal(value, kept_seats.c[name].type) for name, value in fields.items()]
    adding = insert(kept_seats).from_select(
        ["showtime_id", "seat", *fields], sa.select(sa.literal(showtime_id, sa.Text), each, *values)
    )
    return adding.on_conflict_do_update(
        index_elements=["showtime_id", "seat"],
        set_={**{name: adding.excluded[name] for name in fields}, "kept_at": sa.func.now()},
    )


async def _release(connection: AsyncConnection, showtime_id: str) -> int:
    due = sa.and_(kept_seats.c.showtime_id == showtime_id, kept_seats.c.release_at <= sa.func.now())
    rows = (await connection.execute(sa.delete(kept_seats).where(due).returning(kept_seats))).all()
    alike: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        alike[row.channel, row.reason, row.release_at].append(row.seat)
    lines = [
        {"action": "release", "channel": channel, "seats": sorted(seats), "reason": reason, "release_at": release_at}
        for (channel, reason, release_at), seats in alike.items()
    ]
    await _note(connection, showtime_id, TIMER, {(SeatState.FREE, None): [row.seat for row in rows]}, lines)
    return len(rows)


async def _note(
    connection: AsyncConnection,
    showtime_id: str,
    by: str,
    moved: Mapping[tuple[SeatState, str | None], Sequence[int]],
    lines: Sequence[dict[str, Any]],
) -> tuple[Entry, ...]:
    """Write the changes to the outbox and to the log."""
    if not lines:
        return ()
    news = [
        {"user_id": by, "state": int(state), "channel": channel, "seats": list(seats[at : at + SEATS_PER_ROW])}
        for (state, channel), seats in moved.items()
        for at in range(0, len(seats), SEATS_PER_ROW)
    ]
    seq = await append_changes(connection, showtime_id, news)
    values = [{"showtime_id": showtime_id, "seq": seq, "by_user": by, **line} for line in lines]
    adding = sa.insert(seat_log).values(values).returning(seat_log)
    return tuple(sorted((_entry(row) for row in await connection.execute(adding)), key=lambda entry: entry.id))


def _after(kept: Mapping[int, Keeping], steps: Sequence[Step]) -> dict[int, Keeping]:
    after: dict[int, Keeping | None] = dict(kept)
    for step in steps:
        after.update(dict.fromkeys(step.places, step.keeping))
    return {place: keeping for place, keeping in after.items() if keeping is not None}


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        by=row.by_user,
        action=row.action,
        channel=row.channel,
        places=tuple(row.seats),
        reason=row.reason,
        release_at=row.release_at,
    )


def _array(places: Iterable[int]) -> Any:
    """The places as a single query parameter."""
    return sa.literal(list(places), postgresql.ARRAY(sa.Integer))
