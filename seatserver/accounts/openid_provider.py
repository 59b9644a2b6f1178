"""The OpenID provider, such as Google: what it says about itself, and what it says about a person.

A provider describes itself in its *discovery document*: where people sign in, where a code is exchanged for a token,
and where its keys are. That is read when it is needed first, and again after an hour. If it cannot be read again, the
last one stays in use, and half a minute passes before the next attempt. The keys are kept by `access/keys.py`, which
also reads them again when a token names a new one.

Authlib makes the requests and judges the claims of the token. It does not send the requests: its clients read an answer
whole, however long it is, and follow no deadline for all of it. Here every answer is bounded in size and time, and no
redirect is followed. Authlib is imported only where there is a provider, because that takes a moment.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import jwt
import msgspec

from seatserver import logs
from seatserver.access.keys import UNREADABLE, KeySet, is_safe, is_this_machine
from seatserver.config import Clock, Settings
from seatserver.errors import OpenIdRefused, ProviderAway, Unauthorized, Unavailable
from seatserver.shared_reads import SharedReads

log = logs.from_outside(__name__)

WELL_KNOWN = "/.well-known/openid-configuration"
KEPT_S = 3600.0
AGAIN_S = 30.0
"""After a discovery document could not be read, nobody waits for it again for so long; the last one is used."""
MAX_BYTES = 256 * 1024
CONNECTIONS = 20
FORM = "application/x-www-form-urlencoded"


class _Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The discovery document (OpenID Connect Discovery 1.0, section 3), as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    """What a code is exchanged for. The access token is used for nothing but a check of the other one."""

    id_token: str
    access_token: str | None = None


class _TokenError(msgspec.Struct, frozen=True):
    error: str


class OpenIdProvider:
    """The provider of these settings. Every method raises `ProviderAway` if it does not answer as it should."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.client import OAuth2Client
        from authlib.oauth2.rfc6749.parameters import prepare_token_request
        from authlib.oidc.core.claims import CodeIDToken

        self._id_token, self._client_auth, self._token_request = CodeIDToken, ClientAuth, prepare_token_request
        self._settings = settings
        self._clock = clock
        self.issuer = settings.openid_issuer
        self._return_to = settings.public_url.rstrip("/") + "/sign-in"
        self._client = OAuth2Client(
            session=None,
            client_id=settings.openid_client_id,
            redirect_uri=self._return_to,
            # Names are for newcomers only.
            scope="openid email profile" if settings.openid_newcomers else "openid email",
            code_challenge_method="S256",
        )
        self._longest_s = settings.openid_ms / 1000
        self._http = httpx.AsyncClient(
            timeout=self._longest_s,
            limits=httpx.Limits(max_connections=CONNECTIONS),
            # A proxy named in the environment is for other machines, never for this one.
            trust_env=not is_this_machine(self.issuer),
        )
        self._documents: SharedReads[str, _Metadata] = SharedReads(size=1, ttl_s=KEPT_S, clock=time.monotonic)
        self._last: _Metadata | None = None
        self._last_until = 0.0
        self._keys: tuple[str, KeySet] | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def address_for(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes, to come back to the sign-in page with a code."""
        about = await self._about()
        address, _ = self._client.create_authorization_url(
            about.authorization_endpoint,
            state=state,
            nonce=nonce,
            code_verifier=verifier,
            # At a till, the colleague before may still be signed in there.
            prompt="select_account",
        )
        return str(address)

    async def check_sender(self, issuer: str | None) -> None:
        """Raise `OpenIdRefused` if another provider sent the browser back (RFC 9207): it would get our code."""
        about = await self._about()
        must_say = about.authorization_response_iss_parameter_supported
        if issuer != self.issuer and (issuer is not None or must_say):
            log.warning("an OpenID answer came from another provider", said=(issuer or "")[:200])
            raise OpenIdRefused("again")

    async def claims(self, code: str, *, nonce: str, verifier: str) -> dict[str, Any]:
        """What the provider says about the person who got this code. Raises `OpenIdRefused`."""
        about = await self._about()
        tokens = await self._exchange(about, code, verifier)
        try:
            header = jwt.get_unverified_header(tokens.id_token)
            key = await self._key_set(about.jwks_uri).find(str(header.get("kid")))
            # The algorithm is the key's, whatever the token says.
            payload = jwt.PyJWS().decode(tokens.id_token, key.material, algorithms=[key.algorithm])
            claims = self._id_token(
                msgspec.json.decode(payload, type=dict[str, Any]),
                header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._settings.openid_client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self._settings.openid_client_id,
                    "access_token": tokens.access_token,
                },
            )
            claims.validate(now=self._clock() // 1000, leeway=self._settings.token_leeway_s)
        except Unavailable:
            raise self._away("keys", OSError("there is no key set that can be read")) from None
        except Unauthorized as error:
            log.warning("an OpenID token is signed with an unknown key", problem=error.message)
            raise OpenIdRefused("again") from None
        except Exception as error:  # several parsers take apart what a stranger sent, each with errors of its own
            log.warning("an OpenID token was refused", problem=f"{type(error).__name__}: {error}"[:200])
            raise OpenIdRefused("again") from None
        return dict(claims)

    async def _exchange(self, about: _Metadata, code: str, verifier: str) -> _Tokens:
        """Exchange a code for the token. Raises `OpenIdRefused` if it is not, or not any more, one of ours."""
        names = about.token_endpoint_auth_methods_supported
        method = "client_secret_post" if "client_secret_post" in names else "client_secret_basic"
        form = self._token_request(
            "authorization_code", code=code, redirect_uri=self._return_to, code_verifier=verifier
        )
        auth = self._client_auth(self._settings.openid_client_id, self._settings.openid_client_secret, method)
        url, headers, body = auth.prepare("POST", about.token_endpoint, {"content-type": FORM}, form)
        try:
            status, answer = await self._fetch("POST", url, headers=headers, content=body)
            if status == 200:
                return msgspec.json.decode(answer, type=_Tokens)
            refusal = msgspec.json.decode(answer, type=_TokenError).error
        except UNREADABLE as error:
            raise self._away("token", error) from None
        if refusal != "invalid_grant":
            # The secret is wrong, say. Whoever signs in cannot mend that.
            raise self._away("token", OSError(f"{status} {refusal[:80]}"))
        log.info("an OpenID code was refused")
        raise OpenIdRefused("again")

    async def _about(self) -> _Metadata:
        if self._last is not None and time.monotonic() < self._last_until:
            return self._last
        try:
            self._last = await self._documents.get("", self._discover)
        except ProviderAway:
            if self._last is None:
                raise
            self._last_until = time.monotonic() + AGAIN_S
        return self._last

    async def _discover(self) -> _Metadata:
        try:
            document = await self._read(self.issuer.rstrip("/") + WELL_KNOWN)
            about = msgspec.json.decode(document, type=_Metadata)
        except UNREADABLE as error:
            raise self._away("discovery", error) from None
        # Where it says that it is somebody else, its tokens are not what was asked for (section 4.3).
        if about.issuer != self.issuer:
            raise self._away("discovery", OSError(f"its issuer is {about.issuer[:200]!r}"))
        for address in (about.authorization_endpoint, about.token_endpoint, about.jwks_uri):
            if not is_safe(address) or (self.issuer.startswith("https:") and not address.startswith("https:")):
                raise self._away("discovery", OSError(f"{address[:200]!r} is no https address"))
        return about

    def _key_set(self, address: str) -> KeySet:
        if self._keys is None or self._keys[0] != address:
            self._keys = address, KeySet(address, lambda: self._read(address))
        return self._keys[1]

    async def _read(self, url: str) -> bytes:
        status, document = await self._fetch("GET", url)
        if status != 200:
            raise OSError(f"the status is {status}")
        return document

    async def _fetch(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, content: str | None = None
    ) -> tuple[int, bytes]:
        """Status and body of an answer. Raises what is in `UNREADABLE`."""
        # What is not compressed cannot grow while it is read.
        plain = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
        received = bytearray()
        async with (
            asyncio.timeout(self._longest_s),
            self._http.stream(method, url, headers=plain, content=content) as response,
        ):
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) > MAX_BYTES:
                    raise OSError("the answer is too long")
        return response.status_code, bytes(received)

    def _away(self, what: str, problem: Exception) -> ProviderAway:
        log.warning("the OpenID provider does not answer as it should", what=what, problem=repr(problem)[:300])
        return ProviderAway()
