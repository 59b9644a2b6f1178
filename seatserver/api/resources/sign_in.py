"""Signing in, for this server's own pages: with a password, and staying signed in by a cookie.

Passkeys are in `passkeys.py`, OpenID Connect in `openid.py`; programs use OAuth instead (`oauth.py`). Every request
here changes something for whoever sits before the browser, so it has to come from one of our own pages. A sign-in
always begins a new session: one that was put into the browser before ends, and its cookie is replaced.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from seatserver.access.networks import network_of
from seatserver.accounts.users import MAX_EMAIL
from seatserver.api.shared import story
from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document
from seatserver.api.shared.session_cookie import SignedIn, begin, delete_cookie, signed_in, text_in
from seatserver.errors import AccountDisabled, Conflict, SessionEnded, SignInRefused, TooMany


class WaysToSignIn(Document, frozen=True):
    """Whether anybody can sign in here, and how."""

    password: Annotated[bool, Meta(description="Whether there are users or newcomers, and tokens can be signed.")]
    passkeys: Annotated[bool, Meta(description="Whether the server has a public address, to which passkeys belong.")]
    openid: Annotated[str | None, Meta(description="What the OpenID provider is called; null: there is none.")]


class EmailAndPassword(Document, frozen=True):
    """Who signs in."""

    email: Annotated[str, Meta(max_length=MAX_EMAIL)]
    password: Annotated[str, Meta(max_length=1024)]


class SignedOut(Document, frozen=True):
    """Nobody is signed in in this browser."""


RESOURCE = Resource(
    __name__,
    tag="staff",
    examples=(
        WaysToSignIn(password=True, passkeys=True, openid="Google"),
        EmailAndPassword(email="anna@rex.example", password="vierzehn blaue Ziegel"),
        SignedIn(
            token="eyJhbGciOi…",
            expires_at_ms=story.NOW_MS + 300_000,
            lifetime_s=300,
            session_expires_at_ms=story.NOW_MS + 43_200_000,
            user_id="staff:k3v7pq2xnd5mzt4a",
            name="Anna Bauer",
            scopes=("admin",),
        ),
        SignedOut(),
    ),
)


@RESOURCE.get("/sign-in")
async def get_ways_to_sign_in(call: Call) -> WaysToSignIn:
    """Learn whether and how staff can sign in."""
    services = call.services
    openid = services.openid
    may_come = openid is not None and openid.takes_newcomers
    is_on = bool(services.settings.token_secret) and (may_come or await services.users.any())
    return WaysToSignIn(
        password=is_on,
        passkeys=is_on and services.passkeys.are_possible,
        openid=openid.name if is_on and openid is not None else None,
    )


@RESOURCE.post(
    "/sign-in/password",
    for_own_pages=True,
    answer=SignedIn,
    refusals=(SignInRefused, AccountDisabled, TooMany, Conflict),
)
async def sign_in_with_password(call: Call, body: EmailAndPassword) -> Response:
    """Sign in with e-mail and password. Wrong ones are refused in the same words, whichever of them is wrong."""
    network = network_of(call.request.scope)
    proof = await call.services.password_check.user_of(body.email, body.password, network)
    return await begin(call.services, call.request, proof, "password")


@RESOURCE.post("/sign-in/renew", for_own_pages=True, answer=SignedIn, refusals=(SessionEnded, AccountDisabled, TooMany))
async def renew_sign_in(call: Call) -> Response:
    """Get the next token, as long as the session in the cookie goes on."""
    if (text := text_in(call.request)) is None:
        raise SessionEnded
    now_ms = call.services.clock()
    return signed_in(await call.services.user_sessions.token_for_page(text), now_ms, is_new=False)


@RESOURCE.post("/sign-in/out", for_own_pages=True, answer=SignedOut, refusals=(TooMany, Conflict))
async def sign_out_here(call: Call) -> Response:
    """End the session in the cookie, with all its tokens and sockets. May be repeated."""
    if (text := text_in(call.request)) is not None:
        await call.services.user_sessions.sign_out("page", text)
    answer = answer_of(SignedOut())
    delete_cookie(answer)
    return answer
