"""API keys: what a server or a sales channel proves with who it is, for months instead of a token's hours.

A key acts as one user, with its scopes and its sales channel. It is shown once, when it is made; here is only the hash
of its secret (`key_format.py`). It can be revoked at once, and rotated: the new key is good from now on, the old one
for as long as its owner needs to replace it. Both ends are revocations, so every instance follows them within two
seconds, open sockets included (`revocations.py`).

What was read of a key is kept for `KNOWN_FOR_S`, so its requests cost no query each, and it goes on for that long while
Postgres is away. The list of revocations is asked each time.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access import key_format
from seatserver.access.deny_list import Revocation
from seatserver.access.key_format import GivenKey
from seatserver.access.revocations import MARGIN_MS, Revocations, append
from seatserver.access.tables import api_keys
from seatserver.access.tokens import CHANNEL_FORM, GUEST, PUBLIC, Identity, check_user, is_channel
from seatserver.config import SCOPES, Clock
from seatserver.database import Database
from seatserver.errors import BadRequest, Conflict, NotFound, Unauthorized, Unavailable
from seatserver.shared_reads import SharedReads
from seatserver.tasks import Tasks
from seatserver.times import millis_of, moment_of

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000
DAYS, MOST_DAYS = 365, 366
"""How long a key is valid unless its maker says otherwise, and at most. Revocations are kept for longer."""
MOST_OVERLAP_S = 30 * 86_400
MOST = 10_000
"""Most keys that are stored. Those that ended `FORGOTTEN` ago are deleted when another one is made."""
FORGOTTEN = timedelta(days=90)
LISTED = 100
MAX_NAME = 80
KNOWN = 1000
KNOWN_FOR_S = 60.0
AT_ONCE = 4
"""Most keys that are looked up at once: somebody who tries keys takes no more of Postgres' connections."""
UNKNOWN = "this server does not know this key"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as operators see it; times in ms since the epoch. ``successor`` is the key that replaces it, if any."""

    id: str
    name: str
    user_id: str
    scopes: tuple[str, ...]
    channel: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int
    last_used_at_ms: int | None
    successor: str | None
    revoked_by: str | None
    revoked_at_ms: int | None


class _Known:
    """What was read of a key, and whether that it is used was noted since."""

    __slots__ = ("identity", "is_noted", "secret_hash")

    def __init__(self, identity: Identity, secret_hash: bytes) -> None:
        self.identity, self.secret_hash, self.is_noted = identity, secret_hash, False


class ApiKeys:
    """All keys. Every method raises `Unavailable` if Postgres does not answer and is needed."""

    def __init__(self, database: Database, revocations: Revocations, clock: Clock) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._known: SharedReads[str, _Known] = SharedReads(size=KNOWN, ttl_s=KNOWN_FOR_S, clock=time.monotonic)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks()

    async def close(self) -> None:
        """Stop noting uses."""
        await self._tasks.close()

    async def verify(self, text: str) -> Identity:
        """Whom the key acts as. Raises `Unauthorized`. Whether it was revoked is checked by the caller."""
        given = key_format.read(text)
        known = await self._known.get(given.id, lambda: self._read(given.id))
        # Takes the same time however much of it is right. Which ids there are is no secret.
        if not hmac.compare_digest(known.secret_hash, given.secret_hash):
            raise Unauthorized(UNKNOWN)
        if known.identity.expires_at_ms <= self._clock():
            raise Unauthorized("the key has expired")
        if not known.is_noted:
            known.is_noted = True
            self._tasks.spawn(self._note_use(given.id), "note the use of a key")
        return known.identity

    async def create(
        self, *, name: str, user_id: str, scopes: tuple[str, ...], channel: str = PUBLIC, days: int = DAYS, by: str
    ) -> tuple[str, ApiKey]:
        """A new key: the text, which nobody can get again, and what is stored. Raises `BadRequest`, `Conflict`."""
        _check(name, user_id, scopes, channel, days)
        text, given = key_format.make()
        now_ms = self._clock()
        values = {
            "name": name.strip(),
            "user_id": user_id,
            "scopes": [scope for scope in SCOPES if scope in scopes],
            "channel": channel,
            "created_by": by,
            "created_at": moment_of(now_ms),
            "expires_at": moment_of(now_ms + days * DAY_MS),
        }

        async def write(connection: AsyncConnection) -> ApiKey:
            await _make_room(connection)
            return await _insert(connection, given, values)

        made = await self._database.write(write)
        log.info("key created", key=made.id, name=made.name, user=user_id, scopes=made.scopes, channel=channel, by=by)
        return text, made

    async def rotate(self, key_id: str, *, overlap_s: int, by: str) -> tuple[str, ApiKey]:
        """A new key like this one and for as long; the old one ends after ``overlap_s``.

        Raises `NotFound`, `BadRequest`, and `Conflict` if the key has ended or was rotated before.
        """
        if not 0 <= overlap_s <= MOST_OVERLAP_S:
            raise BadRequest(f"overlap_s is {overlap_s}: expected 0 to {MOST_OVERLAP_S}", "overlap_s")
        text, given = key_format.make()
        now_ms = self._clock()

        async def write(connection: AsyncConnection) -> ApiKey:
            old = await _locked(connection, key_id)
            if old.successor == given.id:  # an earlier try, whose answer was lost
                return await _locked(connection, given.id)
            if old.revoked_at_ms is not None or old.expires_at_ms <= now_ms:
                raise Conflict(f"the key {key_id} has ended: make a new one")
            if old.successor is not None:
                raise Conflict(f"the key {key_id} was rotated before: rotate {old.successor}, which replaces it")
            await _make_room(connection)
            values = {
                "name": old.name,
                "user_id": old.user_id,
                "scopes": list(old.scopes),
                "channel": old.channel,
                "created_by": by,
                "created_at": moment_of(now_ms),
                "expires_at": moment_of(now_ms + old.expires_at_ms - old.created_at_ms),
            }
            made = await _insert(connection, given, values)
            ends_ms = min(old.expires_at_ms, now_ms + overlap_s * 1000)
            change = {"successor": given.id, "expires_at": moment_of(ends_ms)}
            await connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(change))
            await append(connection, _end_of(old, ends_ms, by))
            return made

        made = await self._database.write(write)
        await self._revocations.announce()
        log.info("key rotated", key=key_id, successor=made.id, overlap_s=overlap_s, by=by)
        return text, made

    async def revoke(self, key_id: str, *, by: str) -> ApiKey:
        """End a key at once, with its open sockets. May be repeated. Raises `NotFound`, `Conflict`."""
        now_ms = self._clock()

        async def write(connection: AsyncConnection) -> ApiKey:
            key = await _locked(connection, key_id)
            if key.revoked_at_ms is not None:
                return key
            change = {"revoked_at": moment_of(now_ms), "revoked_by": by}
            revoked = sa.update(api_keys).where(api_keys.c.id == key_id).values(change).returning(*api_keys.c)
            row = (await connection.execute(revoked)).one()
            await append(connection, _end_of(key, now_ms, by))
            return _key_of(row)

        key = await self._database.write(write)
        await self._revocations.announce()
        log.info("key revoked", key=key_id, by=by)
        return key

    async def page(self, *, limit: int, after: str | None = None) -> tuple[list[ApiKey], str | None]:
        """Keys, the newest first, from the one behind ``after`` on; and ``after`` of the next page, if there is one."""
        order = sa.tuple_(api_keys.c.created_at, api_keys.c.id)
        query = sa.select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()).limit(limit + 1)
        if after is not None:
            last = sa.select(api_keys.c.created_at, api_keys.c.id).where(api_keys.c.id == after)
            query = query.where(order < last.scalar_subquery())
        async with self._database.reading() as connection:
            found = [_key_of(row) for row in (await connection.execute(query)).all()]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def _read(self, key_id: str) -> _Known:
        query = sa.select(api_keys).where(api_keys.c.id == key_id)
        async with self._turns, self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise Unauthorized(UNKNOWN)  # not kept: made-up keys would push out the known ones
        identity = Identity(
            row.user_id,
            frozenset(row.scopes),
            millis_of(row.expires_at),
            row.channel,
            key_id=row.id,
            issued_at_ms=millis_of(row.created_at),
        )
        return _Known(identity, row.secret_hash)

    async def _note_use(self, key_id: str) -> None:
        """Write that the key is used, unless any instance has done so within a minute."""
        last = api_keys.c.last_used_at
        is_old = last.is_(None) | (last < sa.func.now() - timedelta(seconds=KNOWN_FOR_S))
        with suppress(Unavailable):  # it shows an older time; the next minute writes again
            async with self._database.reading() as connection:
                used = sa.update(api_keys).where(api_keys.c.id == key_id, is_old)
                await connection.execute(used.values(last_used_at=sa.func.now()))


async def _insert(connection: AsyncConnection, given: GivenKey, values: dict[str, Any]) -> ApiKey:
    """Write a key. Repeating it meets its own row."""
    new = insert(api_keys).values(id=given.id, secret_hash=given.secret_hash, **values)
    same = new.on_conflict_do_update(index_elements=["id"], set_={"name": new.excluded.name})
    return _key_of((await connection.execute(same.returning(*api_keys.c))).one())


async def _locked(connection: AsyncConnection, key_id: str) -> ApiKey:
    row = (await connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id).with_for_update())).one_or_none()
    if row is None:
        raise NotFound("key", key_id)
    return _key_of(row)


async def _make_room(connection: AsyncConnection) -> None:
    """Delete keys that ended long ago. Raises `Conflict` if there are still too many."""
    ended = sa.func.coalesce(api_keys.c.revoked_at, api_keys.c.expires_at) < sa.func.now() - FORGOTTEN
    await connection.execute(sa.delete(api_keys).where(ended))
    if (await connection.execute(sa.select(sa.func.count()).select_from(api_keys))).scalar_one() >= MOST:
        raise Conflict(f"there are {MOST} keys: use one for several purposes, or wait until some ended 90 days ago")


def _end_of(key: ApiKey, ends_at_ms: int, by: str) -> Revocation:
    return Revocation(
        kind="key",
        subject=key.id,
        ends_at_ms=ends_at_ms,
        expires_at_ms=key.expires_at_ms + MARGIN_MS,
        revoked_by=by,
    )


def _check(name: str, user_id: str, scopes: tuple[str, ...], channel: str, days: int) -> None:
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        raise BadRequest(f"name is {name[:80]!r}: expected 1 to {MAX_NAME} printable characters", "name")
    try:
        check_user(user_id)
    except Unauthorized:
        raise BadRequest("user_id is not a printable name, or too long", "user_id") from None
    if user_id.startswith(GUEST):
        raise BadRequest(f"user_id begins with {GUEST!r}: a key acts for no guest", "user_id")
    if unknown := sorted(set(scopes).difference(SCOPES)):
        raise BadRequest(f"there is no scope {unknown[0][:80]!r}; expected one of {', '.join(SCOPES)}", "scopes")
    if not scopes:
        raise BadRequest(f"expected at least one scope of {', '.join(SCOPES)}", "scopes")
    if channel != PUBLIC and not is_channel(channel):
        raise BadRequest(f"channel is {channel[:80]!r}: {CHANNEL_FORM}", "channel")
    if not 1 <= days <= MOST_DAYS:
        raise BadRequest(f"days is {days}: expected 1 to {MOST_DAYS}", "days")


def _key_of(row: sa.Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        user_id=row.user_id,
        scopes=tuple(row.scopes),
        channel=row.channel,
        created_by=row.created_by,
        created_at_ms=millis_of(row.created_at),
        expires_at_ms=millis_of(row.expires_at),
        last_used_at_ms=None if row.last_used_at is None else millis_of(row.last_used_at),
        successor=row.successor,
        revoked_by=row.revoked_by,
        revoked_at_ms=None if row.revoked_at is None else millis_of(row.revoked_at),
    )
