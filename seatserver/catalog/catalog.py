"""Theatres, auditoriums, seat maps and showtimes, in Postgres; posters are next door, in `posters.py`.

Showtimes are read very often (for every socket and every booking), so reads are shared and kept for `SHOWTIME_TTL_S`.
Seat maps never change and are kept by hash. This instance sees its own changes at once, the others within that time.
The catalog does not know what is sold; only ``showtimes.ever_booked`` tells whether anything ever was.
"""

from __future__ import annotations

import asyncio
import re
import time
import zoneinfo
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.catalog.posters import Posters, delete_unused, require_poster
from seatserver.catalog.showtime import (
    EARLIEST_MS,
    LATEST_MS,
    Auditorium,
    Showtime,
    ShowtimeDraft,
    ShowtimeEntry,
    Theatre,
    check_address,
    check_id,
    check_text,
    is_id,
)
from seatserver.catalog.tables import auditoriums, seat_maps, showtimes, theatres
from seatserver.database import CommitUnknown, Database
from seatserver.errors import BadRequest, BadSeatMap, Conflict, NotFound, Unavailable
from seatserver.money import CURRENCIES
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.judge import judge
from seatserver.seatmaps.rules.model import GapRule, Rules
from seatserver.seatmaps.search.best import Wish, best_offers
from seatserver.shared_reads import SharedReads

__all__ = ["Auditorium", "Catalog", "Showtime", "ShowtimeDraft", "ShowtimeEntry", "ShowtimeFilter", "Theatre"]

SHOWTIME_TTL_S = 2.0
READ_ALONG = 256
SHOWTIMES_KEPT = 4096
LAYOUTS_KEPT = 64
PAGE_LIMIT = 200
LOCAL_TIMEZONES = {"Factory", "localtime"}
"""Names on some machines that are not IANA names; a browser given one of these shows no times at all."""
TIMEZONE_FORM = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ShowtimeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which showtimes to list: at most ``limit`` with ``from_ms <= start < to_ms``, starting after a cursor."""

    theatre_id: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    limit: int = 50
    after: str | None = None


class Catalog:
    """Reads and writes the catalog. ``clock`` counts seconds; it only decides when to read again."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._showtimes: SharedReads[str, Showtime] = SharedReads(
            size=SHOWTIMES_KEPT, ttl_s=SHOWTIME_TTL_S, clock=clock
        )
        self.posters = Posters(database, clock)
        self._layouts: SharedReads[str, SeatMap] = SharedReads(size=LAYOUTS_KEPT, ttl_s=None, clock=clock)

    # ------------------------------------------------------------ reads

    async def showtime(self, showtime_id: str) -> Showtime:
        """The showtime with its hall, at most `SHOWTIME_TTL_S` old. Raises `NotFound`, `Unavailable`."""
        try:
            return await self._showtimes.get_among(showtime_id, partial(self._read_showtimes, showtime_id), READ_ALONG)
        except KeyError:
            raise NotFound("showtime", showtime_id[:80]) from None

    async def existing(self, showtime_ids: Sequence[str]) -> list[str]:
        """Those ids that showtimes have, in the same order. At most one query. Raises `Unavailable`."""
        unknown = {one for one in showtime_ids if one not in self._showtimes}
        if asked := [one for one in unknown if is_id(one)]:
            among = showtimes.c.id == sa.any_(sa.literal(asked, ARRAY(sa.Text)))
            async with self._database.reading() as connection:
                unknown.difference_update(await connection.scalars(sa.select(showtimes.c.id).where(among)))
        return [one for one in showtime_ids if one not in unknown]

    async def layout(self, layout_hash: str) -> SeatMap:
        """The seat map with this content hash. Raises `NotFound`, `Unavailable`."""
        if not is_id(layout_hash):
            raise NotFound("layout", layout_hash[:80])
        return await self._layouts.get(layout_hash, lambda: self._read_layout(layout_hash))

    async def theatres(self) -> list[tuple[Theatre, list[Auditorium]]]:
        """Every theatre with its auditoriums, by id."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(theatres).order_by(theatres.c.id))).all()
            halls = (await connection.execute(sa.select(auditoriums).order_by(auditoriums.c.id))).all()
        found = [Auditorium(id=hall.id, theatre_id=hall.theatre_id, name=hall.name) for hall in halls]
        return [
            (
                Theatre(id=row.id, name=row.name, timezone=row.timezone, address=row.address),
                [hall for hall in found if hall.theatre_id == row.id],
            )
            for row in rows
        ]

    async def showtimes(self, wanted: ShowtimeFilter) -> tuple[list[ShowtimeEntry], str | None]:
        """A page of showtimes by start and id, and the cursor for the next page (None at the end).

        Raises `BadRequest` for a limit outside 1 to `PAGE_LIMIT` or a cursor that this server did not make.
        """
        if not 1 <= wanted.limit <= PAGE_LIMIT:
            raise BadRequest(f"limit is {wanted.limit}: expected 1 to {PAGE_LIMIT}", "limit")
        if wanted.theatre_id is not None and not is_id(wanted.theatre_id):
            return [], None
        query = _entries().order_by(showtimes.c.starts_at, showtimes.c.id).limit(wanted.limit + 1)
        if wanted.theatre_id is not None:
            query = query.where(auditoriums.c.theatre_id == wanted.theatre_id)
        if wanted.from_ms is not None:
            query = query.where(showtimes.c.starts_at >= _moment(wanted.from_ms))
        if wanted.to_ms is not None:
            query = query.where(showtimes.c.starts_at < _moment(wanted.to_ms))
        if wanted.after is not None:
            starts_at_ms, showtime_id = _cursor_parts(wanted.after)
            query = query.where(
                sa.tuple_(showtimes.c.starts_at, showtimes.c.id)
                > sa.tuple_(sa.literal(_moment(starts_at_ms)), sa.literal(showtime_id))
            )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        entries = [ShowtimeEntry(**_fields(row)) for row in rows[: wanted.limit]]
        more = len(rows) > wanted.limit
        return entries, f"{entries[-1].starts_at_ms}.{entries[-1].id}" if more else None

    # ------------------------------------------------------------ writes

    async def put_theatre(self, theatre: Theatre) -> None:
        """Create or change a theatre. Raises `BadRequest`."""
        check_id("id", theatre.id)
        check_text("name", theatre.name)
        check_address("address", theatre.address)
        _check_timezone(theatre.timezone)
        async with self._writing() as connection:
            await _upsert(connection, theatres, msgspec.structs.asdict(theatre))
        self._showtimes.forget_all()  # they contain its name and address

    async def put_auditorium(self, auditorium: Auditorium) -> None:
        """Create or change an auditorium. Raises `BadRequest`, also for a theatre that does not exist."""
        check_id("id", auditorium.id)
        check_text("name", auditorium.name)
        async with self._writing() as connection:
            await _require(connection, theatres, "theatre", auditorium.theatre_id)
            await _upsert(connection, auditoriums, msgspec.structs.asdict(auditorium))
        self._showtimes.forget_all()

    async def put_layout(self, seat_map: SeatMap) -> str:
        """Store a validated map and return its content hash. Raises `BadSeatMap` if Postgres cannot store it."""
        document = seat_map.encode().decode()
        if "\\u0000" in document:
            raise BadSeatMap("", "a text contains the character NUL")
        statement = insert(seat_maps).on_conflict_do_nothing()
        async with self._writing() as connection:
            await connection.execute(
                statement,
                {
                    "hash": seat_map.content_hash,
                    "name": seat_map.name,
                    "document": document,
                    "seat_count": seat_map.place_count,
                },
            )
        return seat_map.content_hash

    async def put_showtime(self, draft: ShowtimeDraft) -> Showtime:
        """Create or change a showtime.

        Raises `BadRequest` for a draft that contradicts itself or its layout, and `Conflict` if it would change the
        layout of a showtime, or the currency of one that has or had bookings.
        """
        try:
            seat_map = await self.layout(draft.layout_hash)
        except NotFound:
            raise BadRequest(f"there is no layout {draft.layout_hash!r}: import it first", "layout_hash") from None
        draft.validate(seat_map, keeps_currency=await self._has_currency(draft.id, draft.tariff.currency))
        values: dict[str, Any] = {
            "id": draft.id,
            "auditorium_id": draft.auditorium_id,
            "layout_hash": draft.layout_hash,
            "title": draft.title,
            "poster_hash": draft.poster_hash,
            "starts_at": _moment(draft.starts_at_ms),
            "on_sale_at": _moment(draft.on_sale_at_ms),
            "sale_ends_at": _moment(draft.sale_ends_at_ms),
            **_stored_tariff(draft.tariff),
            "rules": msgspec.to_builtins(draft.rules),
        }
        async with self._writing() as connection:
            await _require(connection, auditoriums, "auditorium", draft.auditorium_id)
            if draft.poster_hash is not None:
                await require_poster(connection, draft.poster_hash)
            # The lock makes this wait for bookings under way, which change the same row.
            query = sa.select(showtimes).where(showtimes.c.id == draft.id).with_for_update()
            stored = (await connection.execute(query)).one_or_none()
            if stored is not None:
                _check_unchanged(stored, values)
            await _upsert(connection, showtimes, values)
            if stored is not None and stored.poster_hash != draft.poster_hash:
                await delete_unused(connection)
        self._showtimes.forget(draft.id)
        return await self.showtime(draft.id)

    # ------------------------------------------------------------ inside

    async def _has_currency(self, showtime_id: str, currency: str) -> bool:
        """Whether this showtime is stored with this currency, although new showtimes may not use it."""
        if currency in CURRENCIES or not is_id(showtime_id):
            return False
        query = sa.select(showtimes.c.currency).where(showtimes.c.id == showtime_id)
        async with self._database.reading() as connection:
            return bool(await connection.scalar(query) == currency)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        # Every write here is idempotent, so a lost answer only means: do it again.
        try:
            async with self._database.transaction() as connection:
                yield connection
        except CommitUnknown as error:
            raise Unavailable("Postgres") from error

    async def _read_showtimes(self, showtime_id: str, others: Mapping[str, Showtime]) -> dict[str, Showtime]:
        """The showtime, and others that somebody uses: a question costs more than a row."""
        if not is_id(showtime_id):
            return {}
        ids = sa.literal([showtime_id, *others], ARRAY(sa.Text))
        async with self._database.reading() as connection:
            rows = (await connection.execute(_entries().where(showtimes.c.id == sa.any_(ids)))).all()
        found: dict[str, Showtime] = {}
        for row in rows:
            if row.id == showtime_id:
                found[row.id] = Showtime(seat_map=await self.layout(row.layout_hash), **_fields(row))
                continue
            # What is wrong with one of the others is said when somebody asks for it.
            with suppress(msgspec.ValidationError):
                if row.layout_hash == others[row.id].layout_hash:
                    found[row.id] = Showtime(seat_map=others[row.id].seat_map, **_fields(row))
        return found

    async def _read_layout(self, layout_hash: str) -> SeatMap:
        async with self._database.reading() as connection:
            document = await connection.scalar(sa.select(seat_maps.c.document).where(seat_maps.c.hash == layout_hash))
        if document is None:
            raise NotFound("layout", layout_hash)
        # Validating a big hall takes a tenth of a second, which no other room shall wait for.
        return await asyncio.to_thread(_ready_made, document.encode())


def _ready_made(document: bytes) -> SeatMap:
    """The map with the tables that its first choice of seats would otherwise have to wait for."""
    seat_map = SeatMap.decode(document)
    free = bytes(seat_map.place_count)
    best_offers(seat_map, free, Wish(count=1), Rules(gap=GapRule(mode="enforce")))
    if seat_map.seats:
        judge(seat_map, free, (0,), Rules(gap=GapRule(mode="enforce")))
    return seat_map


def _entries() -> sa.Select[Any]:
    return (
        sa.select(
            showtimes,
            auditoriums.c.name.label("auditorium_name"),
            auditoriums.c.theatre_id,
            theatres.c.name.label("theatre_name"),
            theatres.c.address.label("theatre_address"),
        )
        .join(auditoriums, auditoriums.c.id == showtimes.c.auditorium_id)
        .join(theatres, theatres.c.id == auditoriums.c.theatre_id)
    )


def _fields(row: sa.Row[Any]) -> dict[str, Any]:
    """A row of `_entries` as the fields of `ShowtimeEntry`."""
    return {
        "id": row.id,
        "title": row.title,
        "theatre_id": row.theatre_id,
        "theatre_name": row.theatre_name,
        "theatre_address": row.theatre_address,
        "auditorium_id": row.auditorium_id,
        "auditorium_name": row.auditorium_name,
        "starts_at_ms": _millis(row.starts_at),
        "on_sale_at_ms": _millis(row.on_sale_at),
        "sale_ends_at_ms": _millis(row.sale_ends_at),
        "tariff": msgspec.convert({**row.tariff, "currency": row.currency}, Tariff),
        "rules": msgspec.convert(row.rules, Rules),
        "layout_hash": row.layout_hash,
        "poster_hash": row.poster_hash,
    }


def _stored_tariff(tariff: Tariff) -> dict[str, Any]:
    """The tariff as two columns: the currency, for queries and reports, and the rest."""
    document = msgspec.to_builtins(tariff)
    return {"currency": document.pop("currency"), "tariff": document}


async def _upsert(connection: AsyncConnection, table: sa.Table, values: dict[str, Any]) -> None:
    changes = {name: value for name, value in values.items() if name != "id"}
    await connection.execute(insert(table).values(values).on_conflict_do_update(index_elements=["id"], set_=changes))


async def _require(connection: AsyncConnection, table: sa.Table, kind: str, identifier: str) -> None:
    if await connection.scalar(sa.select(table.c.id).where(table.c.id == identifier)) is None:
        raise BadRequest(f"there is no {kind} {identifier!r}: create it first", f"{kind}_id")


def _check_unchanged(stored: sa.Row[Any], values: dict[str, Any]) -> None:
    if stored.layout_hash != values["layout_hash"]:
        # Rooms, holds and bookings know seats by their index in this layout.
        raise Conflict(
            f"showtime {stored.id!r} cannot change its layout: create another showtime for another hall",
            where="layout_hash",
        )
    if stored.ever_booked and stored.currency != values["currency"]:
        raise Conflict(
            f"showtime {stored.id!r} has had bookings, so its currency cannot change: create another showtime",
            where="currency",
        )


@cache
def _known_timezones() -> set[str]:
    """The names of all time zones. Listing them blocks the loop for 10 ms, so it is done once."""
    return zoneinfo.available_timezones() - LOCAL_TIMEZONES


def _check_timezone(name: str) -> None:
    known = _known_timezones()
    # Without a time zone database no name is known, so only the form can be checked.
    if name not in known and (known or not TIMEZONE_FORM.fullmatch(name)):
        raise BadRequest(f"timezone is {name[:80]!r}: expected a name such as Europe/Berlin", "timezone")


def _moment(millis: int) -> datetime:
    """The point in time, limited to the years in which showtimes may be."""
    return EPOCH + timedelta(milliseconds=min(max(millis, EARLIEST_MS), LATEST_MS))


def _millis(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _cursor_parts(cursor: str) -> tuple[int, str]:
    millis, _, showtime_id = cursor.partition(".")
    if not (millis.isascii() and millis.isdigit() and len(millis) < 16 and showtime_id.isprintable()):
        raise BadRequest("after is not a cursor from an earlier page: use the page's own, unchanged", "after")
    return int(millis), showtime_id
