"""Sessions of signed-in users. Each gives out tokens that are valid for minutes, so a stolen one is soon worth nothing.

A cookie continues the session of a **page**, refresh tokens continue that of a **program**. A refresh token is
exchanged for a new one each time (RFC 9700, section 4.14). If an old one comes back, two have it, its owner and a
thief, and nobody can tell which is which. So the session ends, for both. One case is no theft: the answer was lost,
and the program asks again. So for `AGAIN_MS` the token that was exchanged last gets the same successor once more. A
thief gains nothing from that: both then have the successor, and as soon as one exchanges it, the other's is an old
one.

A session ends when its user signs out, after `Settings.staff_idle_s` without use, and after `Settings.staff_session_s`
at the latest. A user has at most `MOST` at a time; another sign-in ends the oldest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.revocations import Revocations
from seatserver.access.tokens import IMPLIED, SESSION, Identity, Tokens
from seatserver.accounts.endings import end_sessions
from seatserver.accounts.session_texts import Kind, SessionTexts
from seatserver.accounts.tables import user_sessions, users
from seatserver.accounts.users import Proof, User, check_proof, lock_of, read_user
from seatserver.config import SCOPES, Clock, Settings
from seatserver.database import Database
from seatserver.errors import AccountDisabled, Conflict, SessionEnded
from seatserver.times import millis_of, moment_of

log = structlog.get_logger(__name__)

Method = Literal["password", "passkey", "openid"]
AGAIN_MS = 10_000
MOST = 20
"""Most sessions of one user at a time. Ending them takes a few statements each."""
MAX_CLIENT = 120
SIGNED_OUT = "signed out"
FORGOTTEN = timedelta(days=30)
"""Operators see sessions for so long after they ended."""
FORGOTTEN_AT_ONCE = 100


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as operators see it; times in ms since the epoch."""

    id: UUID
    user_id: str
    kind: Kind
    method: Method
    client: str
    scopes: tuple[str, ...] | None
    created_at_ms: int
    used_at_ms: int
    expires_at_ms: int
    ended_at_ms: int | None
    ended_because: str | None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a session gives out: a token, and the text that continues the session."""

    user: User
    session: Session
    token: str
    scopes: tuple[str, ...]
    lifetime_s: int
    text: str


class Sessions:
    """All sessions. Every method raises `Unavailable` if Postgres does not answer."""

    def __init__(
        self, settings: Settings, database: Database, tokens: Tokens, revocations: Revocations, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock
        self._texts = SessionTexts(settings)

    async def begin(
        self,
        user_id: str,
        *,
        kind: Kind,
        method: Method,
        client: str = "",
        scopes: tuple[str, ...] | None = None,
        instead_of: str | None = None,
        proof: Proof | None = None,
    ) -> Grant:
        """A new session of a user who has just proved who they are; ``proof`` is by what.

        ``scopes`` is all that it may ever do; None: what its user may. ``instead_of`` is the text of a page's session
        that this one replaces. Raises `AccountDisabled`, `NotFound`, `SignInRefused` where the proof counts no
        more, and `Conflict` where no secret is set.
        """
        if not self._settings.token_secret:
            raise Conflict("nobody can sign in to this server: set SEATSERVER_TOKEN_SECRET")
        session_id, replaced = uuid4(), self._id_in("page", instead_of)
        values = {
            "user_id": user_id,
            "kind": kind,
            "method": method,
            "client": "".join(sign for sign in client if sign.isprintable())[:MAX_CLIENT],
            "scopes": None if scopes is None else list(scopes),
        }

        async def write(connection: AsyncConnection) -> tuple[User, Session, int, bool]:
            await connection.execute(lock_of(user_id))
            now_ms = self._clock()
            user = await read_user(connection, user_id)
            if proof is not None:
                await check_proof(connection, proof)
            user.check_enabled()
            await _forget(connection)
            times = dict.fromkeys(("created_at", "used_at", "rotated_at"), moment_of(now_ms))
            times["expires_at"] = moment_of(now_ms + self._settings.staff_session_s * 1000)
            new = insert(user_sessions).values(id=session_id, **values, **times)
            await connection.execute(new.on_conflict_do_nothing())
            await connection.execute(
                sa.update(users).where(users.c.id == user_id).values(signed_in_at=moment_of(now_ms))
            )
            row = (await connection.execute(sa.select(user_sessions).where(user_sessions.c.id == session_id))).one()
            has_ended = await self._end_others(connection, user_id, replaced, now_ms)
            return user, _session_of(row), now_ms, has_ended

        user, session, now_ms, has_ended = await self._database.write(write)
        if has_ended:
            await self._revocations.announce()
        log.info("signed in", user=user_id, method=method, session=session_id.hex)
        return self._grant(user, session, now_ms)

    async def refresh(self, text: str, scopes: tuple[str, ...] | None = None) -> Grant:
        """Exchange a refresh token for a token and the next refresh token. ``scopes`` asks for less than there is.

        Raises `SessionEnded`, also for a token that was exchanged before: then the session ends.
        """
        said = self._texts.read("program", text)

        async def write(connection: AsyncConnection) -> tuple[User, Session, int, int] | None:
            row, now_ms = await self._alive(connection, said.session_id)
            age_ms = now_ms - millis_of(row.rotated_at)
            generation: int = row.generation
            if said.generation == generation:
                generation += 1
                next_one = {"generation": generation, "rotated_at": moment_of(now_ms), "used_at": moment_of(now_ms)}
                same = user_sessions.c.id == said.session_id
                await connection.execute(sa.update(user_sessions).where(same).values(**next_one))
            elif said.generation != generation - 1 or age_ms > AGAIN_MS:
                reasons = {said.session_id: "a refresh token came twice"}
                await end_sessions(connection, reasons, by=row.user_id, now_ms=now_ms)
                return None
            user = await read_user(connection, row.user_id)
            user.check_enabled()
            return user, _session_of(row), now_ms, generation

        try:
            found = await self._database.write(write)
        except AccountDisabled:
            raise SessionEnded from None
        if found is None:
            await self._revocations.announce()
            log.warning("a refresh token came twice, its session was ended", session=said.session_id.hex)
            raise SessionEnded
        user, session, now_ms, generation = found
        return self._grant(user, session, now_ms, generation, scopes)

    async def token_for_page(self, text: str) -> Grant:
        """A token for the page whose cookie this is. Raises `SessionEnded`, or `AccountDisabled`."""
        said = self._texts.read("page", text)

        async def write(connection: AsyncConnection) -> tuple[User, Session, int]:
            row, now_ms = await self._alive(connection, said.session_id)
            same = user_sessions.c.id == said.session_id
            await connection.execute(sa.update(user_sessions).where(same).values(used_at=moment_of(now_ms)))
            user = await read_user(connection, row.user_id)
            user.check_enabled()
            return user, _session_of(row), now_ms

        user, session, now_ms = await self._database.write(write)
        return self._grant(user, session, now_ms)

    async def sign_out(self, kind: Kind, text: str) -> None:
        """End the session of this text, with all its tokens. Nothing happens if there is none. May be repeated."""
        if (session_id := self._id_in(kind, text)) is None:
            return
        now_ms = self._clock()

        async def write(connection: AsyncConnection) -> bool:
            query = sa.select(user_sessions).where(user_sessions.c.id == session_id).with_for_update()
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return False
            await end_sessions(connection, {session_id: SIGNED_OUT}, by=row.user_id, now_ms=now_ms)
            return True

        if await self._database.write(write):
            await self._revocations.announce()
            log.info("signed out", session=session_id.hex)

    async def of_user(self, user_id: str, *, limit: int = 50) -> list[Session]:
        """The latest sessions of a user, the newest first, also those that have ended. Raises `NotFound`."""
        query = sa.select(user_sessions).where(user_sessions.c.user_id == user_id)
        async with self._database.reading() as connection:
            await read_user(connection, user_id)
            newest = query.order_by(user_sessions.c.created_at.desc(), user_sessions.c.id).limit(limit)
            return [_session_of(row) for row in (await connection.execute(newest)).all()]

    async def behind(self, identity: Identity) -> Session | None:
        """The session that gave out this token; None if none did, or if it is over."""
        if not identity.key_id.startswith(SESSION):
            return None
        try:
            session_id = UUID(hex=identity.key_id.removeprefix(SESSION))
        except ValueError:
            return None
        alive = user_sessions.c.ended_at.is_(None) & (user_sessions.c.expires_at > moment_of(self._clock()))
        same = (user_sessions.c.id == session_id) & (user_sessions.c.user_id == identity.user_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(user_sessions).where(same & alive))).one_or_none()
        return None if row is None else _session_of(row)

    def _id_in(self, kind: Kind, text: str | None) -> UUID | None:
        """The session of a text of this kind; None if there is none."""
        try:
            return None if text is None else self._texts.read(kind, text).session_id
        except SessionEnded:
            return None

    async def _alive(self, connection: AsyncConnection, session_id: UUID) -> tuple[sa.Row[Any], int]:
        """A session that goes on, locked, and the time. Raises `SessionEnded`.

        Its user is locked first, as by everybody who ends sessions. So a token is either made before somebody is
        disabled, and dated so, or not at all. The clock is read once they are locked, so that a token that had to wait
        for new roles is not dated before them.
        """
        same = user_sessions.c.id == session_id
        owner = sa.select(users.c.id).join(user_sessions, user_sessions.c.user_id == users.c.id).where(same)
        await connection.execute(owner.with_for_update(read=True, of=users))
        row = (await connection.execute(sa.select(user_sessions).where(same).with_for_update())).one_or_none()
        now_ms = self._clock()
        if row is None or row.ended_at is not None or millis_of(row.expires_at) <= now_ms:
            raise SessionEnded
        if now_ms - millis_of(row.used_at) > self._settings.staff_idle_s * 1000:
            raise SessionEnded
        return row, now_ms

    async def _end_others(self, connection: AsyncConnection, user_id: str, replaced: UUID | None, now_ms: int) -> bool:
        """End the session that is replaced, and the oldest ones beyond `MOST`; whether there were any."""
        mine = (user_sessions.c.user_id == user_id) & user_sessions.c.ended_at.is_(None)
        alive = mine & (user_sessions.c.expires_at > moment_of(now_ms))
        newest_first = sa.select(user_sessions.c.id).where(alive).order_by(user_sessions.c.created_at.desc())
        reasons = dict.fromkeys((await connection.scalars(newest_first.offset(MOST))).all(), "too many sessions")
        same = (user_sessions.c.id == replaced) & user_sessions.c.ended_at.is_(None)
        if replaced is not None and await connection.scalar(sa.select(user_sessions.c.id).where(same)):
            reasons[replaced] = SIGNED_OUT
        await end_sessions(connection, reasons, by=user_id, now_ms=now_ms)
        return bool(reasons)

    def _grant(
        self, user: User, session: Session, now_ms: int, generation: int = 0, wanted: tuple[str, ...] | None = None
    ) -> Grant:
        scopes = _common(user.scopes, session.scopes, wanted)
        left_s = max(1, (session.expires_at_ms - now_ms) // 1000)
        lifetime_s = min(self._settings.staff_token_s, left_s)
        key_id = f"{SESSION}{session.id.hex}"
        return Grant(
            user=user,
            session=session,
            token=self._tokens.mint(user.id, scopes, lifetime_s, user.channel, key_id=key_id, issued_at_ms=now_ms),
            scopes=scopes,
            lifetime_s=lifetime_s,
            text=self._texts.write(session.kind, session.id, session.expires_at_ms, generation),
        )


def _common(own: tuple[str, ...], *limits: tuple[str, ...] | None) -> tuple[str, ...]:
    """The scopes that all allow, with what they imply, in their fixed order. A limit of None allows everything."""
    allowed = set(own)
    for limit in limits:
        if limit is not None:
            mine, theirs = _with_implied(allowed), _with_implied(limit)
            # What one of them names and the other allows; `admin` and `hold` have `hold` in common.
            allowed = {scope for scope in SCOPES if scope in mine & theirs and (scope in allowed or scope in limit)}
    return tuple(scope for scope in SCOPES if scope in allowed)


def _with_implied(scopes: Any) -> set[str]:
    return set(scopes).union(*(IMPLIED.get(scope, ()) for scope in scopes))


async def _forget(connection: AsyncConnection) -> None:
    """Delete some sessions that ended long ago."""
    ended = user_sessions.c.expires_at < sa.func.now() - FORGOTTEN
    some = sa.select(user_sessions.c.id).where(ended).limit(FORGOTTEN_AT_ONCE).with_for_update(skip_locked=True)
    await connection.execute(sa.delete(user_sessions).where(user_sessions.c.id.in_(some)))


def _session_of(row: sa.Row[Any]) -> Session:
    return Session(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        method=row.method,
        client=row.client,
        scopes=None if row.scopes is None else tuple(row.scopes),
        created_at_ms=millis_of(row.created_at),
        used_at_ms=millis_of(row.used_at),
        expires_at_ms=millis_of(row.expires_at),
        ended_at_ms=None if row.ended_at is None else millis_of(row.ended_at),
        ended_because=row.ended_because,
    )
