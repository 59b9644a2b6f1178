"""Signing in with OpenID Connect: a provider such as Google says who somebody is (`openid_provider.py`).

The browser is sent to the provider and comes back to the sign-in page with a code, which the page sends here. Between
the two, the browser keeps a secret in a cookie. The `nonce` and the verifier of PKCE are derived from it and from the
`state`, so nothing of them is stored, and only that browser can go on: a code that a stranger began with signs in
nobody else, and no stranger is signed in by a code that was stolen. The `state` counts once (`challenges.py`).

Who somebody is here is found by the provider's id for them (`issuer` and `subject`). The first time, there is none yet.
Then they are the user with the e-mail that the provider confirms, and the id is kept: their e-mail may change from then
on. Nobody gets an account by that, unless `SEATSERVER_OPENID_NEWCOMERS` says which role people of which domain get.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.shares import Shares
from seatserver.accounts.challenges import Challenges, text_of
from seatserver.accounts.openid_provider import OpenIdProvider
from seatserver.accounts.tables import identities
from seatserver.accounts.users import MAX_EMAIL, MAX_NAME, About, Proof, User, Users, add_identity, lock_of, read_user
from seatserver.config import Clock, Settings
from seatserver.database import Database
from seatserver.errors import BadRequest, Conflict, NotFound, OpenIdRefused, TooMany
from seatserver.metrics import Metrics

log = structlog.get_logger(__name__)

PURPOSE = "openid"
"""Of the challenge that is the `state`."""
LIFETIME_S = 600
"""How long somebody may take at the provider, with a second factor perhaps."""
SECRET_BYTES = 32
MAX_SUBJECT = 255
"""OpenID Connect Core 1.0, section 2."""
GOOGLE = "https://accounts.google.com"
GOOGLE_MAIL = "gmail.com"
CREATED_BY = "openid"


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes, and the secret that it keeps meanwhile."""

    address: str
    secret: str


class Returned(msgspec.Struct, frozen=True):
    """What the browser came back with; ``issuer`` is who sent it back, if that was said."""

    code: str
    state: str
    issuer: str | None


class OpenId:
    """Signing in with one provider. Raises `ProviderAway`, and `Unavailable` if Postgres or Redis does not answer."""

    def __init__(
        self,
        settings: Settings,
        users: Users,
        database: Database,
        challenges: Challenges,
        shares: Shares,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.name = settings.openid_name or urlsplit(settings.openid_issuer).hostname or settings.openid_issuer
        self._domains = frozenset(settings.openid_domains)
        self._newcomers = dict(one.split("=", 1) for one in settings.openid_newcomers)
        self._provider = OpenIdProvider(settings, clock)
        self._users = users
        self._database = database
        self._challenges = challenges
        self._shares = shares
        self._turned_away = metrics.turned_away

    @property
    def takes_newcomers(self) -> bool:
        """Whether people who have no account get one."""
        return bool(self._newcomers)

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._provider.close()

    async def begin(self) -> Begun:
        """Send a browser to the provider."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        state = text_of(await self._challenges.issue(PURPOSE, _name_of(secret), lifetime_ms=LIFETIME_S * 1000))
        address = await self._provider.address_for(
            state=state, nonce=_derived(secret, "nonce", state), verifier=_derived(secret, "verifier", state)
        )
        return Begun(address, secret)

    async def user_of(self, returned: Returned, secret: str | None, network: str) -> Proof:
        """The user whom the provider names. ``secret`` is what this browser keeps.

        Raises `OpenIdRefused`, `TooMany`, or `AccountDisabled`, which is not certain: whoever goes on asks again.
        """
        if secret is None:
            raise OpenIdRefused("again")
        self._take(network)
        owner = await self._challenges.redeem(PURPOSE, returned.state)
        if owner is None or not hmac.compare_digest(owner.encode(), _name_of(secret).encode()):
            raise OpenIdRefused("again")
        await self._provider.check_sender(returned.issuer)
        claims = await self._provider.claims(
            returned.code,
            nonce=_derived(secret, "nonce", returned.state),
            verifier=_derived(secret, "verifier", returned.state),
        )
        issuer, subject = self._provider.issuer, _subject(claims)
        user_id = await self._known(issuer, subject)
        if user_id is None:
            email = self._confirmed_email(claims)
            user = await self._user_with(email, claims)
            await self._link(user.id, email, issuer, subject)
            user_id = user.id
        return Proof(user_id=user_id, identity=(issuer, subject))

    def _take(self, network: str) -> None:
        """Count a try, as one of a password: each may have the provider be asked. Raises `TooMany`."""
        try:
            self._shares.take_sign_in(network)
        except TooMany:
            self._shares.note_refusal(network)
            self._turned_away.labels("passwords").inc()
            raise

    async def _known(self, issuer: str, subject: str) -> str | None:
        """The user with this id of the provider. Whatever their e-mail is there by now does not matter."""
        same = (identities.c.issuer == issuer) & (identities.c.subject == subject)
        used = sa.update(identities).where(same).values(last_used_at=sa.func.now()).returning(identities.c.user_id)
        async with self._database.reading() as connection:
            user_id: str | None = await connection.scalar(used)
        return user_id

    def _confirmed_email(self, claims: dict[str, Any]) -> str:
        """The person's e-mail, in small letters. Raises `OpenIdRefused` unless the provider is sure of it."""
        email = claims.get("email")
        # Only the boolean counts: the text "false" would be true. Letters beyond ASCII look like others, and some
        # become others when an e-mail is normalised, so such an e-mail finds nobody.
        if not isinstance(email, str) or claims.get("email_verified") is not True or not email.isascii():
            raise OpenIdRefused("email")
        email = email.lower()
        _, _, domain = email.rpartition("@")
        # Google checked other addresses once, when the account was made. They may have another owner by now, unless the
        # account belongs to the domain's own organisation.
        if self._provider.issuer == GOOGLE and domain != GOOGLE_MAIL and not claims.get("hd"):
            raise OpenIdRefused("email")
        if (self._domains and domain not in self._domains) or len(email) > MAX_EMAIL:
            raise OpenIdRefused("unknown")
        return email

    async def _user_with(self, email: str, claims: dict[str, Any]) -> User:
        """The user with this e-mail, or a new one where the settings say so. Raises `OpenIdRefused`."""
        try:
            return await self._users.by_email(email)
        except NotFound:
            local, _, domain = email.rpartition("@")
            role = self._newcomers.get(domain)
            if role is None:
                raise OpenIdRefused("unknown") from None
        said = claims.get("name")
        name = "".join(sign for sign in said if sign.isprintable()) if isinstance(said, str) else ""
        about = About(name=name.strip()[:MAX_NAME] or local, email=email, email_verified=True, roles=(role,))
        try:
            return await self._users.create(about, by=CREATED_BY)
        except Conflict:
            pass  # two windows at once, or there are too many users
        except BadRequest as error:
            log.error("no account could be made for a newcomer", problem=error.message)
            raise OpenIdRefused("unknown") from None
        try:
            return await self._users.by_email(email)
        except NotFound:
            raise OpenIdRefused("unknown") from None

    async def _link(self, user_id: str, email: str, issuer: str, subject: str) -> None:
        """Keep the provider's id of a user. Raises `OpenIdRefused`, or `AccountDisabled`.

        A user has one id of a provider. A second one with the same e-mail is a newcomer to whom the provider has given
        the address of somebody who has left. An administrator who sets a password removes the first.
        """
        mine = (identities.c.user_id == user_id) & (identities.c.issuer == issuer)

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(lock_of(user_id))
            user = await read_user(connection, user_id)
            user.check_enabled()
            other = sa.select(identities.c.subject).where(mine, identities.c.subject != subject)
            if user.email != email or await connection.scalar(other) is not None:
                log.warning("not linked to OpenID: the user has another account there", user=user_id)
                raise OpenIdRefused("unknown")
            await add_identity(connection, {"issuer": issuer, "subject": subject, "user_id": user_id})

        await self._database.write(write)
        log.info("linked to the OpenID provider", user=user_id)


def openid_of(
    settings: Settings,
    users: Users,
    database: Database,
    challenges: Challenges,
    shares: Shares,
    metrics: Metrics,
    clock: Clock,
) -> OpenId | None:
    """Signing in with the provider of the settings; None if they name none."""
    if not settings.openid_issuer:
        return None
    return OpenId(settings, users, database, challenges, shares, metrics, clock)


def _subject(claims: dict[str, Any]) -> str:
    """The provider's id of a person. Raises `OpenIdRefused` for one that it may not give."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise OpenIdRefused("again")
    return subject


def _name_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _derived(secret: str, purpose: str, state: str) -> str:
    """A text that only somebody with the secret knows, another one for each purpose and state."""
    return text_of(hmac.digest(secret.encode(), f"{purpose} {state}".encode(), hashlib.sha256))
