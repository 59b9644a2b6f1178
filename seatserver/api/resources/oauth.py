"""Tokens for programs by OAuth 2.0: what any OAuth library does by itself, once it knows the two addresses.

Three grants (RFC 6749): `password` for the operator's own staff, `client_credentials` for API keys, whose id is the
client's id, and `refresh_token`. There is no grant for other people's programs, so nobody is asked for consent, and the
password of a user goes only to programs that the operator runs.

Requests are forms and errors have OAuth's own form, as the standard wants it. What is wrong with the request as such,
before OAuth looks at it, is a problem document like everywhere else.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Annotated, Literal
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from seatserver.access.key_format import PREFIX
from seatserver.access.networks import network_of
from seatserver.access.tokens import Identity
from seatserver.accounts.sessions import Grant
from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document
from seatserver.api.shared.problems import HEADERS
from seatserver.config import SCOPES
from seatserver.errors import (
    AccountDisabled,
    Conflict,
    SessionEnded,
    SignInRefused,
    TooMany,
    Unauthorized,
)

MAX_FIELDS = 16
MAX_FORM_BYTES = 16_384
"""Far more than any good form has. Strangers send them, and taking one apart holds up everybody else."""
FORM = "application/x-www-form-urlencoded"
Code = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "unsupported_token_type",
]


class GrantedToken(Document, frozen=True, omit_defaults=True):
    """A token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Annotated[str, Meta(pattern="^Bearer$")]
    expires_in: Annotated[int, Meta(ge=1, description="Seconds.")]
    scope: str
    refresh_token: Annotated[
        str | None,
        Meta(description="For users only. It is good for one exchange; whoever keeps an old one loses the session."),
    ] = None


class OAuthError(Document, frozen=True):
    """What is wrong (RFC 6749, section 5.2)."""

    error: Code
    error_description: str


class Nothing(Document, frozen=True):
    """It is done."""


class _Refused(Exception):
    """An answer of OAuth's own form."""

    def __init__(self, code: Code, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


GRANT = GrantedToken(
    access_token="eyJhbGciOi…",
    token_type="Bearer",
    expires_in=300,
    scope="hold book settle",
    refresh_token="eyJhbGciOi…",
)
RESOURCE = Resource(
    __name__,
    tag="staff",
    examples=(
        GRANT,
        OAuthError(error="invalid_grant", error_description="e-mail and password do not match"),
        Nothing(),
    ),
)
TokenForm = Annotated[
    bytes,
    Meta(
        extra_json_schema={
            "type": "object",
            "examples": [
                {"grant_type": "password", "username": "anna@rex.example", "password": "vierzehn blaue Ziegel"}
            ],
            "required": ["grant_type"],
            "properties": {
                "grant_type": {"enum": ["password", "client_credentials", "refresh_token"]},
                "username": {"type": "string", "description": "password: the user's e-mail."},
                "password": {"type": "string"},
                "refresh_token": {"type": "string"},
                "client_id": {"type": "string", "description": "client_credentials: the key's id."},
                "client_secret": {
                    "type": "string",
                    "description": "The key. Or send both as `Authorization: Basic …`.",
                },
                "scope": {
                    "type": "string",
                    "description": "Fewer scopes than you have, separated by spaces; by default all of them.",
                },
            },
        }
    ),
]
RevokeForm = Annotated[
    bytes,
    Meta(
        extra_json_schema={
            "type": "object",
            "examples": [{"token": "eyJhbGciOi…"}],
            "required": ["token"],
            "properties": {"token": {"type": "string"}, "token_type_hint": {"type": "string"}},
        }
    ),
]


@RESOURCE.post(
    "/oauth/token",
    body_type=FORM,
    answer=GrantedToken,
    own_errors={400: OAuthError, 401: OAuthError},
    refusals=(TooMany, Conflict),
)
async def exchange_token(call: Call, body: TokenForm) -> Response:
    """Get a token by OAuth 2.0: for a user's password, for an API key, or for a refresh token.

    A refresh token is exchanged for a new one each time. If it comes a second time, the session ends for whoever has
    it. Only within 10 s after the exchange the same answer is given again, because it may have been lost.
    """
    try:
        form = _form(call.request, body)
        grant_type = form.get("grant_type", "")
        if grant_type == "password":
            return _granted(await _for_password(call, form))
        if grant_type == "refresh_token":
            return _granted(await _for_refresh(call, form))
        if grant_type == "client_credentials":
            return await _for_key(call, form)
        if not grant_type:
            raise _Refused("invalid_request", "grant_type is missing")
        raise _Refused("unsupported_grant_type", "expected password, client_credentials or refresh_token")
    except _Refused as refused:
        return _refusal(call.request, refused)


@RESOURCE.post(
    "/oauth/revoke", body_type=FORM, answer=Nothing, own_errors={400: OAuthError}, refusals=(TooMany, Conflict)
)
async def revoke_own_token(call: Call, body: RevokeForm) -> Response:
    """Give back a refresh token, which ends its session, or a token of a session (RFC 7009). Unknown ones are ignored.

    The tokens of a key are not taken: an administrator revokes the key.
    """
    try:
        token = _form(call.request, body).get("token", "")
        if not token:
            raise _Refused("invalid_request", "token is missing")
        if token.startswith(PREFIX):
            raise _Refused("unsupported_token_type", "an API key is revoked by an administrator")
    except _Refused as refused:
        return _refusal(call.request, refused)
    await call.services.user_sessions.sign_out("program", token)
    try:
        identity = await call.services.credentials.verify(token)
    except Unauthorized:
        return answer_of(Nothing())
    if not identity.key_id or identity.is_program:
        # Guests and whoever has a key get as many as they like: listed here, they could fill the list of revocations.
        return _refusal(call.request, _Refused("unsupported_token_type", "this token was not got by signing in"))
    if identity.token_id:
        await call.services.revocations.revoke(
            "token", identity.token_id, by=identity.user_id, expires_at_ms=identity.expires_at_ms, is_own=True
        )
    return answer_of(Nothing())


async def _for_password(call: Call, form: dict[str, str]) -> Grant:
    email, password = form.get("username", ""), form.get("password", "")
    if not email or not password:
        raise _Refused("invalid_request", "username and password are needed")
    wanted = _scopes(form)
    try:
        proof = await call.services.password_check.user_of(email, password, network_of(call.request.scope))
        user = await call.services.users.get(proof.user_id)
        user.check_enabled()
        if wanted is not None:
            _check_scopes(wanted, Identity(user.id, frozenset(user.scopes), 0))
        client = call.request.headers.get("user-agent", "")
        return await call.services.user_sessions.begin(
            user.id, kind="program", method="password", client=client, scopes=wanted, proof=proof
        )
    except (SignInRefused, AccountDisabled) as error:
        raise _Refused("invalid_grant", error.message) from None


async def _for_refresh(call: Call, form: dict[str, str]) -> Grant:
    if not (text := form.get("refresh_token", "")):
        raise _Refused("invalid_request", "refresh_token is missing")
    try:
        return await call.services.user_sessions.refresh(text, _scopes(form))
    except SessionEnded as error:
        raise _Refused("invalid_grant", error.message) from None


async def _for_key(call: Call, form: dict[str, str]) -> Response:
    key_id, key = _client(call.request, form)
    try:
        identity = await call.services.credentials.verify(key)
    except Unauthorized as error:
        raise _Refused("invalid_client", error.message, 401) from None
    if identity.key_id != key_id or not key.startswith(PREFIX):
        raise _Refused("invalid_client", "client_id is not the id of this key", 401)
    wanted = _scopes(form)
    if wanted is not None:
        _check_scopes(wanted, identity)
        identity = replace(identity, scopes=frozenset(wanted))
    now_ms = call.services.clock()
    lifetime_s = max(1, min(call.services.settings.staff_token_s, (identity.expires_at_ms - now_ms) // 1000))
    # Dated like the key: a revocation of its user, which this process may not have heard of yet, ends both.
    issued_at_ms = identity.issued_at_ms
    counted_s = now_ms // 1000 - issued_at_ms // 1000 + lifetime_s
    token = call.services.tokens.mint(
        identity.user_id, identity.scopes, counted_s, identity.channel, key_id=key_id, issued_at_ms=issued_at_ms
    )
    scope = " ".join(name for name in SCOPES if name in identity.scopes)
    return answer_of(GrantedToken(access_token=token, token_type="Bearer", expires_in=lifetime_s, scope=scope))


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """The id and the secret of a client, from the header or the form (RFC 6749, section 2.3.1)."""
    scheme, _, content = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(content.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _Refused("invalid_client", "the header Authorization cannot be read", 401) from None
        key_id, _, key = decoded.partition(":")
        return unquote_plus(key_id), unquote_plus(key)
    if not form.get("client_id") or not form.get("client_secret"):
        raise _Refused("invalid_client", "client_id and client_secret are needed: the key's id, and the key", 401)
    return form["client_id"], form["client_secret"]


def _form(request: Request, body: bytes) -> dict[str, str]:
    """The fields of a form; empty ones are left out (RFC 6749, section 3.1)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise _Refused("invalid_request", f"expected a body of the type {FORM}")
    if len(body) > MAX_FORM_BYTES:
        raise _Refused("invalid_request", f"expected a form of at most {MAX_FORM_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise _Refused("invalid_request", f"expected a form in UTF-8 with at most {MAX_FIELDS} fields") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _Refused("invalid_request", "a field appears more than once")
    return form


def _scopes(form: dict[str, str]) -> tuple[str, ...] | None:
    """The scopes that are asked for; None: all that there are."""
    wanted = form.get("scope", "").split()
    if unknown := [name for name in wanted if name not in SCOPES]:
        raise _Refused("invalid_scope", f"there is no scope {unknown[0][:80]!r}")
    return tuple(name for name in SCOPES if name in wanted) if wanted else None


def _check_scopes(wanted: tuple[str, ...], identity: Identity) -> None:
    if beyond := [name for name in wanted if not identity.may(name)]:
        raise _Refused("invalid_scope", f"the scope {beyond[0]!r} is not allowed here")


def _granted(grant: Grant) -> Response:
    return answer_of(
        GrantedToken(
            access_token=grant.token,
            token_type="Bearer",
            expires_in=grant.lifetime_s,
            scope=" ".join(grant.scopes),
            refresh_token=grant.text,
        )
    )


def _refusal(request: Request, refused: _Refused) -> Response:
    headers = dict(HEADERS)
    if refused.status == 401 and request.headers.get("authorization", "").lower().startswith("basic"):
        headers["WWW-Authenticate"] = "Basic"
    # Only printable ASCII belongs there (RFC 6749, section 5.2).
    text = refused.text.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "/")
    body = OAuthError(error=refused.code, error_description=text)
    return Response(msgspec.json.encode(body), refused.status, headers=headers, media_type="application/json")
