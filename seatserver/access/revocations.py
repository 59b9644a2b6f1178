"""Follows and writes the list of what was revoked, on every instance.

Postgres has the list. Every instance keeps a copy in memory (`deny_list.py`): it reads what is new every `POLL_S`
seconds, and at once when another instance rings through Redis. So a revocation is in force everywhere within two
seconds, even while Redis is away, and a lost ring delays it by one poll at most. While Postgres cannot be read, the
copy stays in use, and the first read afterwards reads everything again. A process that starts reads the list first.

A revocation is final. It is forgotten when all that it ends has expired, and `MOST` may be in force at a time, so the
copy is bounded.

Whatever else has keys (a device, say) uses the same list: put the key's id into `Identity.key_id`, or into the tokens
that are made for it (`Tokens.mint`), call `append` in the transaction that revokes the key, and `Revocations.announce`
after its COMMIT.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.deny_list import DenyList, Kind, Revocation, covers
from seatserver.access.tables import revocations
from seatserver.access.tokens import MAX_TOKEN_ID_CHARS, MAX_USER_CHARS
from seatserver.config import Clock
from seatserver.database import Database
from seatserver.errors import BadRequest, Conflict, Unavailable
from seatserver.tasks import raise_if_cancelled
from seatserver.times import millis_of, moment_of

log = structlog.get_logger(__name__)

CHANNEL = b"access:revocations"
"""The channel of Redis that rings. Its messages are empty: what was revoked is read from Postgres."""
POLL_S = 1.0
READ_ALL_S = 600.0
"""How often everything is read, in case Postgres was set back to a replica that lacked the latest rows."""
PAGE = 1000
MOST = 100_000
"""About 40 MB in memory."""
RESERVED = 10_000
"""The last places of these are for administrators, so that nobody keeps them from revoking by giving back much."""
KEPT_MS = 400 * 86_400_000
"""How long a revocation counts unless its end is known. No token made here is valid for longer."""
MARGIN_MS = 600_000
"""Kept for so long after the end, because clocks differ (`Settings.token_leeway_s`)."""
SUBJECTS: dict[Kind, tuple[str, int]] = {
    "token": ("token_id", MAX_TOKEN_ID_CHARS),
    "user": ("user_id", MAX_USER_CHARS),
    "key": ("key_id", MAX_TOKEN_ID_CHARS),
}
"""What a subject is called in requests, and how long it may be."""
LOCK = 0x5EA75E13  # any number that no other program uses in the same database


async def append(connection: AsyncConnection, revocation: Revocation, *, is_own: bool = False) -> None:
    """Write a revocation in the caller's transaction. Repeating one changes nothing. Raises `Conflict` beyond `MOST`.

    ``is_own``: a user revokes what is theirs, and is refused `RESERVED` earlier.
    Call it late in the transaction: all revocations wait for each other, so that their ids follow their commits.
    """
    await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    await connection.execute(sa.delete(revocations).where(revocations.c.expires_at < sa.func.now()))
    same = (revocations.c.kind == revocation.kind) & (revocations.c.subject == revocation.subject)
    row = (await connection.execute(sa.select(revocations).where(same))).one_or_none()
    if row is not None and covers(_revocation_of(row), revocation):
        return
    await connection.execute(sa.delete(revocations).where(same))
    count = (await connection.execute(sa.select(sa.func.count()).select_from(revocations))).scalar_one()
    if count >= (MOST - RESERVED if is_own else MOST):
        raise Conflict(f"{count} revocations are in force: revoke users instead of single tokens, or change the secret")
    await connection.execute(
        sa.insert(revocations).values(
            kind=revocation.kind,
            subject=revocation.subject,
            ends_at=moment_of(revocation.ends_at_ms),
            expires_at=moment_of(revocation.expires_at_ms),
            revoked_by=revocation.revoked_by,
        )
    )


class Revocations:
    """Keeps ``deny_list`` up to date. `run` it in a task; `refresh` once before, so that the list is complete."""

    def __init__(self, database: Database, deny_list: DenyList, clock: Clock) -> None:
        self._database = database
        self._list = deny_list
        self._clock = clock
        self._last = 0
        self._read_all_at = -math.inf
        self._has_news = False
        self._reading = asyncio.Lock()
        self._rung = asyncio.Event()
        self._changed: Callable[[], object] | None = None
        self._ring: Callable[[], Awaitable[None]] | None = None

    def attach(self, *, changed: Callable[[], object], ring: Callable[[], Awaitable[None]]) -> None:
        """``changed`` is called when the list has grown. ``ring`` makes every instance look; it raises nothing."""
        self._changed, self._ring = changed, ring

    async def revoke(
        self, kind: Kind, subject: str, *, by: str, expires_at_ms: int | None = None, is_own: bool = False
    ) -> Revocation:
        """Revoke from now on; when this returns, this instance refuses it. May be repeated.

        ``expires_at_ms`` is when the subject expires by itself, if that is known. Raises `BadRequest` for a subject
        that no token can name, `Conflict` (see `append`) and `Unavailable`.
        """
        field, longest = SUBJECTS[kind]
        if not subject.strip() or not subject.isprintable() or len(subject) > longest:
            raise BadRequest(f"{field} is {subject[:80]!r}: expected 1 to {longest} printable characters", field)
        now_ms = self._clock()
        revocation = Revocation(
            kind=kind,
            subject=subject,
            ends_at_ms=now_ms,
            expires_at_ms=now_ms + KEPT_MS if expires_at_ms is None else expires_at_ms + MARGIN_MS,
            revoked_by=by,
        )
        await self._database.write(lambda connection: append(connection, revocation, is_own=is_own))
        log.info("revoked", kind=kind, subject=subject, by=by)
        await self.announce()
        return revocation

    async def announce(self) -> None:
        """After the COMMIT of a revocation: follow it here, and make the other instances look."""
        with suppress(Unavailable):  # the next poll reads it
            await self.refresh()
        if self._ring is not None:
            await self._ring()

    def look(self) -> None:
        """Read what is new soon, not at the next poll only."""
        self._rung.set()

    async def run(self) -> None:
        """Follow the list until cancelled."""
        is_away = False
        while True:
            self._rung.clear()
            try:
                await self.refresh()
                is_away = False
            except Unavailable as error:
                if not is_away:
                    log.warning("revocations cannot be read, those known stay in force", error=str(error))
                is_away = True
            except Exception:
                log.exception("revocations cannot be read, those known stay in force")
            raise_if_cancelled()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._rung.wait()

    async def refresh(self) -> None:
        """Read what is new. Raises `Unavailable`."""
        async with self._reading:
            if time.monotonic() - self._read_all_at > READ_ALL_S:
                self._last = 0
            try:
                await self._read()
            except BaseException:
                self._read_all_at = -math.inf
                raise
            finally:  # also if only a part was read, or the caller was cancelled
                if self._has_news and self._changed is not None:
                    self._has_news = False
                    self._changed()

    async def _read(self) -> None:
        reads_all = self._last == 0
        while True:
            query = sa.select(revocations).where(
                revocations.c.id > self._last, revocations.c.expires_at > sa.func.now()
            )
            async with self._database.reading() as connection:
                rows = (await connection.execute(query.order_by(revocations.c.id).limit(PAGE))).all()
            for row in rows:
                self._has_news |= self._list.add(_revocation_of(row))
            if rows:
                self._last = rows[-1].id
            if len(rows) < PAGE:
                break
        if reads_all:
            self._read_all_at = time.monotonic()
            self._list.forget_expired()


def _revocation_of(row: sa.Row[Any]) -> Revocation:
    return Revocation(
        kind=row.kind,
        subject=row.subject,
        ends_at_ms=millis_of(row.ends_at),
        expires_at_ms=millis_of(row.expires_at),
        revoked_by=row.revoked_by,
    )
