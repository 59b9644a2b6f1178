"""Passkeys: signing in with a key that a device or a password manager keeps (WebAuthn, by `webauthn`).

A signed-in user makes one; from then on it signs them in without a password. The device has to check who is holding it,
for example by a fingerprint. A passkey works for one host only, that of `SEATSERVER_PUBLIC_URL`, so no
other site can ask for it. Without that setting there are none.

A challenge is accepted once (`challenges.py`). If a passkey counts its uses, the count has to grow: one whose count
does not was copied, and is refused.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.addresses import read
from seatserver.access.origins import DEFAULT_PORTS
from seatserver.accounts.challenges import Challenges, text_of
from seatserver.accounts.tables import PASSKEY, identities, user_sessions
from seatserver.accounts.users import Proof, User, add_identity, lock_of
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import BadRequest, Conflict, NotFound, SessionEnded, SignInRefused
from seatserver.times import millis_of

log = structlog.get_logger(__name__)

REGISTER, SIGN_IN = "passkey", "passkey-sign-in"
"""The purposes of challenges."""
MAX_NAME = 60
UNKNOWN = "this passkey is not known here, or was not used as it should be: sign in in another way"
UNUSABLE = "this passkey could not be made: try again"


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey as its owner sees it; times in ms since the epoch."""

    id: str
    name: str
    created_at_ms: int
    last_used_at_ms: int | None


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser answers when a passkey was made; everything as base64url."""

    id: str
    client_data: str
    attestation: str


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser answers when a passkey signed; everything as base64url."""

    id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None


class Passkeys:
    """All passkeys. Every method raises `Unavailable` if Postgres or Redis is needed and does not answer."""

    def __init__(self, settings: Settings, database: Database, challenges: Challenges) -> None:
        public = urlsplit(settings.public_url.lower())
        self._host = public.hostname or ""
        # As browsers write it.
        port = "" if public.port in (None, DEFAULT_PORTS.get(public.scheme)) else f":{public.port}"
        self._origin = f"{public.scheme}://{self._host}{port}"
        self._database = database
        self._challenges = challenges

    @property
    def are_possible(self) -> bool:
        """Whether there can be passkeys here. Browsers make none for an address."""
        return bool(self._host) and read(self._host) is None

    async def begin(self, user: User) -> dict[str, Any]:
        """What the browser needs to make a passkey. Raises `Conflict` where there can be none."""
        self._check_possible()
        await _load()
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers import structs

        options = generate_registration_options(
            rp_id=self._host,
            rp_name=self._host,
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=user.name,
            challenge=await self._challenges.issue(REGISTER, user.id),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=_bytes(one.id)) for one in await self.of_user(user.id)
            ],
        )
        return dict(json.loads(options_to_json(options)))

    async def register(self, user: User, made: Attestation, name: str, session_id: UUID | None = None) -> Passkey:
        """Remember a passkey that the user has just made. Raises `BadRequest`, or `Conflict` if there are too many.

        ``session_id`` is the session in which they made it. Raises `SessionEnded` if that was ended meanwhile: whoever
        was thrown out of the account leaves no passkey behind.
        """
        self._check_possible()
        if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
            raise BadRequest(f"name: expected 1 to {MAX_NAME} printable characters", "name")
        challenge = _challenge_of(made.client_data)
        if await self._challenges.redeem(REGISTER, challenge) != user.id:
            raise BadRequest(UNUSABLE)
        await _load()
        from webauthn import verify_registration_response

        response = {"clientDataJSON": made.client_data, "attestationObject": made.attestation}
        try:
            verified = verify_registration_response(
                credential={"id": made.id, "rawId": made.id, "type": "public-key", "response": response},
                expected_challenge=_bytes(challenge),
                expected_rp_id=self._host,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except Exception as error:  # several parsers take apart what a stranger sent, each with errors of its own
            log.info("a passkey was refused", user=user.id, problem=type(error).__name__)
            raise BadRequest(UNUSABLE) from None
        subject = text_of(verified.credential_id)
        values = {
            "issuer": PASSKEY,
            "subject": subject,
            "user_id": user.id,
            "name": name.strip(),
            "public_key": verified.credential_public_key,
            "sign_count": verified.sign_count,
        }

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(lock_of(user.id))
            goes_on = (user_sessions.c.id == session_id) & user_sessions.c.ended_at.is_(None)
            if session_id is not None and not await connection.scalar(sa.select(user_sessions.c.id).where(goes_on)):
                raise SessionEnded
            await add_identity(connection, values)

        await self._database.write(write)
        log.info("passkey registered", user=user.id)
        for one in await self.of_user(user.id):
            if one.id == subject:
                return one
        raise NotFound("passkey", subject[:80])  # it was removed at once

    async def begin_sign_in(self) -> dict[str, Any]:
        """What the browser needs to sign in with any of its passkeys. Raises `Conflict` where there can be none."""
        self._check_possible()
        await _load()
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        options = generate_authentication_options(
            rp_id=self._host,
            challenge=await self._challenges.issue(SIGN_IN),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return dict(json.loads(options_to_json(options)))

    async def user_of(self, given: Assertion) -> Proof:
        """The user whose passkey signed. Raises `SignInRefused`, for whatever reason in the same words."""
        self._check_possible()
        challenge = _challenge_of(given.client_data)
        if await self._challenges.redeem(SIGN_IN, challenge) is None:
            raise SignInRefused(UNKNOWN)
        same = (identities.c.issuer == PASSKEY) & (identities.c.subject == given.id)
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(identities).where(same))).one_or_none()
        if row is None or (given.user_handle and given.user_handle != text_of(row.user_id.encode())):
            raise SignInRefused(UNKNOWN)
        count = await self._verified_count(given, challenge, row)
        # Of two answers with the same count, one is a copy's.
        unchanged = same & (identities.c.sign_count == row.sign_count)
        async with self._database.reading() as connection:
            used = sa.update(identities).where(unchanged).values(sign_count=count, last_used_at=sa.func.now())
            if not (await connection.execute(used)).rowcount:
                raise SignInRefused(UNKNOWN)
        return Proof(user_id=row.user_id, identity=(PASSKEY, row.subject))

    async def of_user(self, user_id: str) -> list[Passkey]:
        """A user's passkeys, the oldest first."""
        mine = (identities.c.user_id == user_id) & (identities.c.issuer == PASSKEY)
        async with self._database.reading() as connection:
            query = sa.select(identities).where(mine).order_by(identities.c.created_at, identities.c.subject)
            rows = (await connection.execute(query)).all()
        return [
            Passkey(
                id=row.subject,
                name=row.name,
                created_at_ms=millis_of(row.created_at),
                last_used_at_ms=None if row.last_used_at is None else millis_of(row.last_used_at),
            )
            for row in rows
        ]

    async def remove(self, user_id: str, passkey_id: str) -> None:
        """Forget one of a user's passkeys. Raises `NotFound`."""
        mine = (identities.c.user_id == user_id) & (identities.c.issuer == PASSKEY)
        async with self._database.reading() as connection:
            removed = await connection.execute(sa.delete(identities).where(mine, identities.c.subject == passkey_id))
        if not removed.rowcount:
            raise NotFound("passkey", passkey_id[:80])
        log.info("passkey removed", user=user_id)

    async def _verified_count(self, given: Assertion, challenge: str, row: sa.Row[Any]) -> int:
        """How often the passkey has signed. Raises `SignInRefused` if it has not signed this."""
        await _load()
        from webauthn import verify_authentication_response

        response = {
            "clientDataJSON": given.client_data,
            "authenticatorData": given.authenticator_data,
            "signature": given.signature,
        }
        try:
            verified = verify_authentication_response(
                credential={"id": given.id, "rawId": given.id, "type": "public-key", "response": response},
                expected_challenge=_bytes(challenge),
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
        except Exception as error:  # several parsers take apart what a stranger sent, each with errors of its own
            log.info("a passkey was refused", user=row.user_id, problem=type(error).__name__)
            raise SignInRefused(UNKNOWN) from None
        return verified.new_sign_count

    def _check_possible(self) -> None:
        if not self.are_possible:
            raise Conflict("passkeys belong to one host: set SEATSERVER_PUBLIC_URL to a name, not an address")


async def _load() -> None:
    """Import the library, which takes a while the first time, without holding up everybody else."""
    await asyncio.to_thread(__import__, "webauthn")


def _challenge_of(client_data: str) -> str:
    """The challenge that a browser says it has answered; empty if it says none that can be read."""
    try:
        said = json.loads(_bytes(client_data))
        challenge = said["challenge"]
        return challenge if isinstance(challenge, str) else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _bytes(text: str) -> bytes:
    """What `text_of` wrote. Raises `ValueError`."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("this is no base64url") from error
