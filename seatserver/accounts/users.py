"""The operator's own staff: who they are, what they may do, and what else proves who they are.

A user has roles, and a role has scopes; `Users` keeps both in Postgres. What is changed here counts at once, on every
instance: whoever is disabled or gets another password loses all sessions and tokens, open sockets included, and
whoever gets other roles loses the tokens that still say the old ones (`endings.py`).

A user's id is random and never used again, so the log still says who did something after a change of name.
"""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.revocations import Revocations
from seatserver.access.tokens import CHANNEL_FORM, PUBLIC, is_channel
from seatserver.accounts.endings import end_all, end_tokens
from seatserver.accounts.tables import identities, roles, user_roles, users
from seatserver.config import SCOPES, Clock
from seatserver.database import Database
from seatserver.errors import AccountDisabled, BadRequest, Conflict, NotFound, SignInRefused
from seatserver.times import millis_of, moment_of

log = structlog.get_logger(__name__)

PREFIX = "staff:"
ID_PATTERN = "^staff:[a-z2-7]{16}$"
ID_BYTES = 10
MAX_NAME = 80
MAX_EMAIL = 254
"""The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3)."""
EMAIL = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]+\.[^\s@,;<>\".]+")
ROLE_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
MOST = 10_000
MOST_ROLES = 100
MOST_IDENTITIES = 20
LISTED = 100
UNIQUE_EMAIL = "uq_users_email"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as operators see them; times in ms since the epoch. ``scopes`` is what their roles allow."""

    id: str
    name: str
    email: str
    email_verified: bool
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    channel: str
    has_password: bool
    created_by: str
    created_at_ms: int
    signed_in_at_ms: int | None
    disabled_by: str | None
    disabled_at_ms: int | None

    def check_enabled(self) -> None:
        """Raise `AccountDisabled` if they are disabled. Ask only once they have proved who they are."""
        if self.disabled_at_ms is not None:
            raise AccountDisabled


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says about a user."""

    name: str
    email: str
    email_verified: bool = False
    roles: tuple[str, ...] = ()
    channel: str = PUBLIC


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """By what somebody has proved to be a user: the password with this hash, or this identity (issuer and subject)."""

    user_id: str
    password_hash: str | None = None
    identity: tuple[str, str] | None = None


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role, and what its users may do."""

    name: str
    scopes: tuple[str, ...]


class Users:
    """All users and roles. Every method raises `Unavailable` if Postgres does not answer."""

    def __init__(self, database: Database, revocations: Revocations, clock: Clock) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock

    async def any(self) -> bool:
        """Whether there is a user at all."""
        async with self._database.reading() as connection:
            return bool(await connection.scalar(sa.select(sa.exists(sa.select(users.c.id)))))

    async def create(self, about: About, *, by: str, password_hash: str | None = None) -> User:
        """A new user. Raises `BadRequest`, or `Conflict` where another one has this e-mail."""
        values = _checked(about)
        user_id = PREFIX + base64.b32encode(secrets.token_bytes(ID_BYTES)).decode().lower()
        values |= {"password_hash": password_hash, "created_by": by, "created_at": moment_of(self._clock())}

        async def write(connection: AsyncConnection) -> User:
            count = (await connection.execute(sa.select(sa.func.count()).select_from(users))).scalar_one()
            if count >= MOST:
                raise Conflict(f"there are {MOST} users, which is the limit")
            # Repeating it meets its own row.
            new = insert(users).values(id=user_id, **values)
            await connection.execute(new.on_conflict_do_update(index_elements=["id"], set_={"name": new.excluded.name}))
            await _give_roles(connection, user_id, about.roles)
            return await _find(connection, users.c.id == user_id, "user", user_id)

        user = await self._written(write, about.email)
        log.info("user created", user=user.id, roles=user.roles, by=by)
        return user

    async def change(self, user_id: str, about: About, *, by: str) -> User:
        """Set everything that is said about a user. Other roles, another channel: their tokens end, not their sessions.

        Raises `NotFound`, `BadRequest`, or `Conflict` where another user has this e-mail.
        """
        values = _checked(about)

        async def write(connection: AsyncConnection) -> User:
            before = await _locked(connection, user_id)
            await connection.execute(sa.update(users).where(users.c.id == user_id).values(**values))
            await _give_roles(connection, user_id, about.roles)
            after = await _find(connection, users.c.id == user_id, "user", user_id)
            if (before.roles, before.channel) != (after.roles, after.channel):
                await end_tokens(connection, user_id, by=by, now_ms=self._clock())
            return after

        user = await self._written(write, about.email)
        await self._revocations.announce()
        log.info("user changed", user=user_id, roles=user.roles, by=by)
        return user

    async def set_password(self, user_id: str, password_hash: str, *, by: str, proof: Proof | None = None) -> User:
        """Replace the password, and end all sessions and tokens. Raises `NotFound`.

        With a ``proof`` the user does it; raises `SignInRefused` if it proves nothing any more. Without one somebody
        else does, who may mean to throw a stranger out of the account: then its passkeys and links to OpenID providers
        are removed too.
        """
        values = {"password_hash": password_hash}

        async def check(connection: AsyncConnection) -> None:
            if proof is None:
                await connection.execute(sa.delete(identities).where(identities.c.user_id == user_id))
            elif (
                await connection.scalar(sa.select(users.c.password_hash).where(users.c.id == user_id)) != password_hash
            ):
                # Otherwise it is written already, and only the answer of COMMIT was lost.
                await check_proof(connection, proof)

        return await self._end_with(user_id, values, "password changed", by, check)

    async def disable(self, user_id: str, *, by: str) -> User:
        """Let a user sign in no more, and end all sessions and tokens. May be repeated. Raises `NotFound`."""
        values = {"disabled_at": moment_of(self._clock()), "disabled_by": by}
        return await self._end_with(user_id, values, "disabled", by)

    async def sign_out(self, user_id: str, *, by: str) -> User:
        """End all sessions and tokens of a user, who may sign in again. Raises `NotFound`."""
        return await self._end_with(user_id, {}, "signed out everywhere", by)

    async def enable(self, user_id: str, *, by: str) -> User:
        """Let a disabled user sign in again. May be repeated. Raises `NotFound`."""

        async def write(connection: AsyncConnection) -> User:
            await _locked(connection, user_id)
            enabled = sa.update(users).where(users.c.id == user_id).values(disabled_at=None, disabled_by=None)
            await connection.execute(enabled)
            return await _find(connection, users.c.id == user_id, "user", user_id)

        user = await self._database.write(write)
        log.info("user enabled", user=user_id, by=by)
        return user

    async def get(self, user_id: str) -> User:
        """A user. Raises `NotFound`."""
        async with self._database.reading() as connection:
            return await _find(connection, users.c.id == user_id, "user", user_id)

    async def by_email(self, email: str) -> User:
        """The user with this e-mail, however it is written. Raises `NotFound`."""
        normal = normal_email(email)
        if not normal.isprintable():
            raise NotFound("user", "with such an e-mail")
        async with self._database.reading() as connection:
            return await _find(connection, users.c.email == normal, "user", normal)

    async def password_of(self, email: str) -> tuple[str, str] | None:
        """The id and the password's hash of the user with this e-mail; None if there is no such user or password."""
        normal = normal_email(email)
        if not normal.isprintable():
            return None
        query = sa.select(users.c.id, users.c.password_hash).where(users.c.email == normal)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None or row.password_hash is None else (row.id, row.password_hash)

    async def replace_hash(self, user_id: str, old: str, new: str) -> bool:
        """Store the same password in another way, unless it was changed meanwhile; whether that was done."""
        same = (users.c.id == user_id) & (users.c.password_hash == old)
        async with self._database.reading() as connection:
            done = await connection.execute(sa.update(users).where(same).values(password_hash=new))
        return bool(done.rowcount)

    async def page(self, *, limit: int, after: str | None = None) -> tuple[list[User], str | None]:
        """Users, the newest first, from behind ``after`` on; and ``after`` of the next page, if there is one."""
        query = _query().order_by(users.c.created_at.desc(), users.c.id.desc()).limit(limit + 1)
        if after is not None:
            last = sa.select(users.c.created_at, users.c.id).where(users.c.id == after)
            query = query.where(sa.tuple_(users.c.created_at, users.c.id) < last.scalar_subquery())
        async with self._database.reading() as connection:
            found = [_user_of(row) for row in (await connection.execute(query)).all()]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def roles(self) -> list[Role]:
        """All roles, by name."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(sa.select(roles).order_by(roles.c.name))).all()
        return [Role(name=row.name, scopes=tuple(row.scopes)) for row in rows]

    async def set_role(self, role: Role, *, by: str) -> Role:
        """Make a role, or change what its users may do, which counts for their next tokens.

        Raises `BadRequest`, or `Conflict` where there are too many roles.
        """
        if re.fullmatch(ROLE_PATTERN, role.name) is None:
            raise BadRequest("the name of a role has 1 to 40 small letters, digits or '-', a letter first", "name")
        scopes = _known_scopes(role.scopes)

        async def write(connection: AsyncConnection) -> None:
            others = sa.select(sa.func.count()).select_from(roles).where(roles.c.name != role.name)
            if (await connection.execute(others)).scalar_one() >= MOST_ROLES:
                raise Conflict(f"there are {MOST_ROLES} roles, which is the limit")
            new = insert(roles).values(name=role.name, scopes=list(scopes))
            await connection.execute(new.on_conflict_do_update(index_elements=["name"], set_={"scopes": list(scopes)}))

        await self._database.write(write)
        log.info("role set", role=role.name, scopes=scopes, by=by)
        return Role(name=role.name, scopes=scopes)

    async def _end_with(
        self,
        user_id: str,
        values: dict[str, Any],
        because: str,
        by: str,
        check: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> User:
        """Change a user, and end all sessions and tokens. A user who is disabled already stays as they are."""

        async def write(connection: AsyncConnection) -> User:
            before = await _locked(connection, user_id)
            if check is not None:
                await check(connection)
            is_again = "disabled_at" in values and before.disabled_at_ms is not None
            if values and not is_again:
                await connection.execute(sa.update(users).where(users.c.id == user_id).values(**values))
            after = await _find(connection, users.c.id == user_id, "user", user_id)
            await end_all(connection, user_id, because=because, by=by, now_ms=self._clock())
            return after

        user = await self._database.write(write)
        await self._revocations.announce()
        log.info("user's sessions ended", user=user_id, because=because, by=by)
        return user

    async def _written(self, write: Any, email: str) -> User:
        try:
            user: User = await self._database.write(write)
        except sa.exc.IntegrityError as error:
            if UNIQUE_EMAIL not in str(error.orig):
                raise
            raise Conflict(f"another user has the e-mail {normal_email(email)}") from None
        return user


async def add_identity(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Write an identity of a user who is locked. Raises `Conflict`."""
    mine = identities.c.user_id == values["user_id"]
    same = (identities.c.issuer == values["issuer"]) & (identities.c.subject == values["subject"])
    row = (await connection.execute(sa.select(identities.c.user_id).where(same))).one_or_none()
    if row is not None and row.user_id == values["user_id"]:
        return
    count = (await connection.execute(sa.select(sa.func.count()).select_from(identities).where(mine))).scalar_one()
    if count >= MOST_IDENTITIES:
        raise Conflict(f"this user has {MOST_IDENTITIES} passkeys and links, which is the limit")
    written = await connection.execute(insert(identities).values(**values).on_conflict_do_nothing())
    if not written.rowcount:
        raise Conflict("this belongs to another user")


def normal_email(email: str) -> str:
    """An e-mail as it is stored and compared. Nobody means two people by capitals."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


def lock_of(user_id: str) -> sa.Select[Any]:
    """Whoever changes a user, or begins a session, waits for everybody else who does."""
    return sa.select(users.c.id).where(users.c.id == user_id).with_for_update()


async def check_proof(connection: AsyncConnection, proof: Proof) -> None:
    """Raise `SignInRefused` if a user who is locked has another password by now, or lacks the identity.

    Whoever proved it just before somebody else changed that is a stranger now.
    """
    same = users.c.password_hash == proof.password_hash
    if proof.identity is not None:
        issuer, subject = proof.identity
        mine = identities.c.user_id == proof.user_id
        same = sa.exists().where(mine, identities.c.issuer == issuer, identities.c.subject == subject)
    if not await connection.scalar(sa.select(users.c.id).where(users.c.id == proof.user_id, same)):
        raise SignInRefused("the password or the passkey was changed meanwhile: sign in again")


async def read_user(connection: AsyncConnection, user_id: str) -> User:
    """A user, in the caller's transaction. Raises `NotFound`."""
    return await _find(connection, users.c.id == user_id, "user", user_id)


async def _locked(connection: AsyncConnection, user_id: str) -> User:
    await connection.execute(lock_of(user_id))
    return await _find(connection, users.c.id == user_id, "user", user_id)


async def _find(connection: AsyncConnection, which: sa.ColumnElement[bool], kind: str, name: str) -> User:
    row = (await connection.execute(_query().where(which))).one_or_none()
    if row is None:
        raise NotFound(kind, name[:80])
    return _user_of(row)


def _query() -> sa.Select[Any]:
    mine = user_roles.join(roles, roles.c.name == user_roles.c.role)
    of_user = user_roles.c.user_id == users.c.id
    names = sa.select(sa.func.array_agg(roles.c.name)).select_from(mine).where(of_user)
    each = sa.func.array_to_string(roles.c.scopes, " ")
    scopes = sa.select(sa.func.string_agg(each, " ")).select_from(mine).where(of_user)
    return sa.select(users, names.scalar_subquery().label("role_names"), scopes.scalar_subquery().label("scopes"))


async def _give_roles(connection: AsyncConnection, user_id: str, names: Iterable[str]) -> None:
    """Give a user exactly these roles. Raises `BadRequest` where there is no such role."""
    wanted = sorted(set(names))
    there = set((await connection.scalars(sa.select(roles.c.name).where(roles.c.name.in_(wanted)))).all())
    if missing := [name for name in wanted if name not in there]:
        raise BadRequest(f"there is no role {missing[0][:80]!r}: list them, or make it first", "roles")
    await connection.execute(sa.delete(user_roles).where(user_roles.c.user_id == user_id))
    if wanted:
        await connection.execute(sa.insert(user_roles), [{"user_id": user_id, "role": name} for name in wanted])


def _checked(about: About) -> dict[str, Any]:
    name, email = about.name.strip(), normal_email(about.email)
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        raise BadRequest(f"name is {name[:80]!r}: expected 1 to {MAX_NAME} printable characters", "name")
    if len(email) > MAX_EMAIL or not email.isprintable() or EMAIL.fullmatch(email) is None:
        raise BadRequest(f"email is {email[:80]!r}: expected an address such as anna@cinema.example", "email")
    if len(about.roles) > MOST_ROLES:
        raise BadRequest(f"expected at most {MOST_ROLES} roles", "roles")
    if about.channel != PUBLIC and not is_channel(about.channel):
        raise BadRequest(f"channel is {about.channel[:80]!r}: {CHANNEL_FORM}", "channel")
    return {"name": name, "email": email, "email_verified": about.email_verified, "channel": about.channel}


def _known_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := sorted(set(scopes).difference(SCOPES)):
        raise BadRequest(f"there is no scope {unknown[0][:80]!r}; expected one of {', '.join(SCOPES)}", "scopes")
    if not scopes:
        raise BadRequest(f"expected at least one scope of {', '.join(SCOPES)}", "scopes")
    return tuple(scope for scope in SCOPES if scope in scopes)


def _user_of(row: sa.Row[Any]) -> User:
    allowed = set((row.scopes or "").split())
    return User(
        id=row.id,
        name=row.name,
        email=row.email,
        email_verified=row.email_verified,
        roles=tuple(sorted(row.role_names or ())),
        scopes=tuple(scope for scope in SCOPES if scope in allowed),
        channel=row.channel,
        has_password=row.password_hash is not None,
        created_by=row.created_by,
        created_at_ms=millis_of(row.created_at),
        signed_in_at_ms=None if row.signed_in_at is None else millis_of(row.signed_in_at),
        disabled_by=row.disabled_by,
        disabled_at_ms=None if row.disabled_at is None else millis_of(row.disabled_at),
    )
