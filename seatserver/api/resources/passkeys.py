"""Passkeys of staff: a signed-in user makes and removes them, and a page signs in with one.

What they are is in `accounts/passkeys.py`. A page hands the options to `navigator.credentials` and sends back what the
browser answers, with the names that are used here.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from seatserver.accounts.passkeys import MAX_NAME, Assertion, Attestation, Passkey
from seatserver.accounts.sessions import Session
from seatserver.accounts.users import User
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import ANY_TOKEN, Call, Resource
from seatserver.api.shared.fields import Document, Millis
from seatserver.api.shared.session_cookie import SignedIn, begin
from seatserver.errors import AccountDisabled, Conflict, NotFound, SessionEnded, SignInRefused, TooMany, Unauthorized

FRESH_MS = 300_000
Base64 = r"^[A-Za-z0-9_-]+$"


class PasskeyOptions(Document, frozen=True):
    """What a browser needs to use or to make a passkey."""

    public_key: Annotated[dict[str, Any], Meta(description="For `navigator.credentials`, with bytes as base64url.")]


class PasskeySignIn(Document, frozen=True):
    """What the browser answered; bytes as base64url."""

    id: Annotated[str, Meta(pattern=Base64, max_length=1400)]
    client_data: Annotated[str, Meta(pattern=Base64, max_length=4096)]
    authenticator_data: Annotated[str, Meta(pattern=Base64, max_length=4096)]
    signature: Annotated[str, Meta(pattern=Base64, max_length=2048)]
    user_handle: Annotated[str, Meta(pattern=Base64, max_length=128)] | None = None


class NewPasskey(Document, frozen=True):
    """What the browser answered when it made a passkey; bytes as base64url."""

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME, description="To tell it from others.")]
    id: Annotated[str, Meta(pattern=Base64, max_length=1400)]
    client_data: Annotated[str, Meta(pattern=Base64, max_length=4096)]
    attestation: Annotated[str, Meta(pattern=Base64, max_length=32_768)]


class PasskeyView(Document, frozen=True):
    """A passkey."""

    id: str
    name: str
    created_at_ms: Millis
    last_used_at_ms: Annotated[int | None, Meta(description="Null: never.")]


class PasskeyList(Document, frozen=True):
    """Your passkeys, the oldest first."""

    passkeys: tuple[PasskeyView, ...]


PASSKEY = PasskeyView(id="Zm9v", name="Phone", created_at_ms=story.NOW_MS, last_used_at_ms=None)
RESOURCE = Resource(
    __name__,
    tag="staff",
    examples=(
        PasskeyOptions(public_key={"challenge": "q7Zr0cX1u9S4", "rpId": "rex.example", "userVerification": "required"}),
        PasskeySignIn(id="Zm9v", client_data="eyJ0eXBlIjoi", authenticator_data="SZYN5YgO", signature="MEUCIQ"),
        NewPasskey(name="Phone", id="Zm9v", client_data="eyJ0eXBlIjoi", attestation="o2NmbXRk"),
        PASSKEY,
        PasskeyList(passkeys=(PASSKEY,)),
    ),
)


@RESOURCE.post("/sign-in/passkey/begin", for_own_pages=True, refusals=(TooMany, Conflict))
async def begin_sign_in_with_passkey(call: Call) -> PasskeyOptions:
    """Get what the browser needs to sign in with a passkey. It is good for one try, for five minutes."""
    return PasskeyOptions(public_key=await call.services.passkeys.begin_sign_in())


@RESOURCE.post(
    "/sign-in/passkey",
    for_own_pages=True,
    answer=SignedIn,
    refusals=(SignInRefused, AccountDisabled, TooMany, Conflict),
)
async def sign_in_with_passkey(call: Call, body: PasskeySignIn) -> Response:
    """Sign in with a passkey."""
    proof = await call.services.passkeys.user_of(
        Assertion(
            id=body.id,
            client_data=body.client_data,
            authenticator_data=body.authenticator_data,
            signature=body.signature,
            user_handle=body.user_handle,
        )
    )
    return await begin(call.services, call.request, proof, "passkey")


@RESOURCE.post("/users/self/passkeys/begin", scope=ANY_TOKEN, refusals=(NotFound, Conflict))
async def begin_passkey(call: Call) -> PasskeyOptions:
    """Get what the browser needs to make a passkey for you. It is good for one try, for five minutes.

    It takes a session that began in the last five minutes, because a passkey outlives whatever stole a token.
    """
    user, session = await _signed_in(call)
    if call.services.clock() - session.created_at_ms > FRESH_MS:
        raise Unauthorized("adding a passkey takes a sign-in of the last five minutes: sign in again")
    return PasskeyOptions(public_key=await call.services.passkeys.begin(user))


@RESOURCE.post("/users/self/passkeys", status=201, scope=ANY_TOKEN, refusals=(NotFound, Conflict, SessionEnded))
async def add_passkey(call: Call, body: NewPasskey) -> PasskeyView:
    """Keep the passkey that the browser has made. It signs you in from now on."""
    made = Attestation(id=body.id, client_data=body.client_data, attestation=body.attestation)
    user, session = await _signed_in(call)
    return _view(await call.services.passkeys.register(user, made, body.name, session.id))


@RESOURCE.get("/users/self/passkeys", scope=ANY_TOKEN, refusals=(NotFound,))
async def get_passkeys(call: Call) -> PasskeyList:
    """List your passkeys, the oldest first."""
    user, _ = await _signed_in(call)
    found = await call.services.passkeys.of_user(user.id)
    return PasskeyList(passkeys=tuple(_view(one) for one in found))


@RESOURCE.post("/users/self/passkeys/{passkey_id}/remove", scope=ANY_TOKEN, refusals=(NotFound,))
async def remove_passkey(call: Call) -> PasskeyList:
    """Remove one of your passkeys: it signs you in no more. Sessions that it began go on."""
    user, _ = await _signed_in(call)
    try:
        passkey_id = msgspec.convert(call.text("passkey_id"), Annotated[str, Meta(pattern=Base64, max_length=1400)])
    except msgspec.ValidationError:
        raise NotFound("passkey", call.text("passkey_id")[:80]) from None
    await call.services.passkeys.remove(user.id, passkey_id)
    return await get_passkeys(call)


async def _signed_in(call: Call) -> tuple[User, Session]:
    """Who is signed in to a page, and the session. Raises `Unauthorized`, `NotFound` for no user.

    A passkey begins sessions with all that its user may. So whoever has less cannot make one: a key, a token that was
    made by hand, or the session of a program, which may have begun with a part of it.
    """
    session = await call.services.user_sessions.behind(call.identity)
    if session is None or session.kind != "page" or session.scopes is not None:
        raise Unauthorized("sign in to a page of this server for this: no key and no program's token will do")
    return await call.services.users.get(call.identity.user_id), session


def _view(passkey: Passkey) -> PasskeyView:
    return PasskeyView(**msgspec.structs.asdict(passkey))
