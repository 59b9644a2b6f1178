"""How sessions end before their time, in the transaction of whatever ends them.

A session's row says that it has ended, so it gives out no more tokens. The tokens that it gave out before, and their
open sockets, end through the list of revocations: call `Revocations.announce` after the COMMIT.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.deny_list import Revocation
from seatserver.access.revocations import KEPT_MS, MARGIN_MS, append
from seatserver.access.tokens import SESSION
from seatserver.accounts.tables import user_sessions
from seatserver.times import moment_of

LONGEST_TOKEN_MS = 3_600_000
"""No token of a session is valid for longer (`Settings.staff_token_s`)."""


async def end_sessions(
    connection: AsyncConnection, reasons: Mapping[UUID, str], *, by: str, now_ms: int, is_own: bool = True
) -> None:
    """End some sessions, each for its reason, with the tokens that were made in them. May be repeated.

    ``is_own``: a user ends their own, and no administrator (`append`).
    Call it once in a transaction: the rows are locked first, in their order, and then the list of revocations.
    """
    ids = sorted(reasons)
    for session_id in ids:
        ended = sa.update(user_sessions).where(user_sessions.c.id == session_id, user_sessions.c.ended_at.is_(None))
        await connection.execute(ended.values(ended_at=moment_of(now_ms), ended_because=reasons[session_id]))
    for session_id in ids:
        revocation = Revocation(
            kind="key",
            subject=f"{SESSION}{session_id.hex}",
            ends_at_ms=now_ms,
            expires_at_ms=now_ms + LONGEST_TOKEN_MS + MARGIN_MS,
            revoked_by=by,
        )
        await append(connection, revocation, is_own=is_own)


async def end_all(connection: AsyncConnection, user_id: str, *, because: str, by: str, now_ms: int) -> None:
    """End all sessions of a user, and all tokens that they were given until now. May be repeated."""
    mine = (user_sessions.c.user_id == user_id) & user_sessions.c.ended_at.is_(None)
    alive = mine & (user_sessions.c.expires_at > moment_of(now_ms))
    # Each by itself too: an instance whose clock is ahead has dated its tokens later than this.
    ids = (await connection.scalars(sa.select(user_sessions.c.id).where(alive))).all()
    await end_sessions(connection, dict.fromkeys(ids, because), by=by, now_ms=now_ms, is_own=by == user_id)
    await end_tokens(connection, user_id, by=by, now_ms=now_ms)


async def end_tokens(connection: AsyncConnection, user_id: str, *, by: str, now_ms: int) -> None:
    """End all tokens that a user was given until now; their sessions go on, and give others. May be repeated."""
    await append(
        connection,
        Revocation(kind="user", subject=user_id, ends_at_ms=now_ms, expires_at_ms=now_ms + KEPT_MS, revoked_by=by),
        is_own=by == user_id,
    )
