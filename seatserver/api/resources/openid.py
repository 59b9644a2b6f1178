"""Signing in with OpenID Connect, for this server's own pages: what it is, is in `accounts/openid.py`.

The provider sends the browser back to the page `/sign-in`, not to an endpoint, so no request of another site changes
anything here. The page sends on what it finds in its address.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from seatserver.access.networks import network_of
from seatserver.accounts.openid import OpenId, Returned
from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document
from seatserver.api.shared.session_cookie import (
    SignedIn,
    begin,
    delete_openid_cookie,
    openid_secret_in,
    set_openid_cookie,
)
from seatserver.errors import AccountDisabled, Conflict, OpenIdRefused, ProviderAway, SignInRefused, TooMany


class OpenIdBegun(Document, frozen=True):
    """Where the browser goes to sign in. It comes back to the page `/sign-in`."""

    address: str


class OpenIdReturn(Document, frozen=True):
    """The parameters with which the provider sent the browser back to `/sign-in`."""

    code: Annotated[str, Meta(min_length=1, max_length=4096)]
    state: Annotated[str, Meta(min_length=1, max_length=64)]
    iss: Annotated[str, Meta(max_length=1024)] | None = None


ADDRESS = "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=…&state=…"
RESOURCE = Resource(
    __name__,
    tag="staff",
    examples=(
        OpenIdBegun(address=ADDRESS),
        OpenIdReturn(code="4/0AfJohX…", state="q7Zr0cX1u9S4", iss="https://accounts.google.com"),
    ),
)


@RESOURCE.post(
    "/sign-in/openid/begin", for_own_pages=True, answer=OpenIdBegun, refusals=(TooMany, Conflict, ProviderAway)
)
async def begin_sign_in_with_openid(call: Call) -> Response:
    """Get the provider's address to sign in. It is good for one try, for ten minutes, in this browser."""
    begun = await _openid(call).begin()
    answer = answer_of(OpenIdBegun(address=begun.address))
    set_openid_cookie(answer, begun.secret)
    return answer


@RESOURCE.post(
    "/sign-in/openid",
    for_own_pages=True,
    answer=SignedIn,
    refusals=(OpenIdRefused, SignInRefused, AccountDisabled, TooMany, Conflict, ProviderAway),
)
async def sign_in_with_openid(call: Call, body: OpenIdReturn) -> Response:
    """Sign in with what the provider sent the browser back with."""
    returned = Returned(code=body.code, state=body.state, issuer=body.iss)
    network = network_of(call.request.scope)
    proof = await _openid(call).user_of(returned, openid_secret_in(call.request), network)
    answer = await begin(call.services, call.request, proof, "openid")
    delete_openid_cookie(answer)
    return answer


def _openid(call: Call) -> OpenId:
    """Raises `Conflict` where there is no provider."""
    if call.services.openid is None:
        raise Conflict("there is no OpenID provider here: set SEATSERVER_OPENID_ISSUER")
    return call.services.openid
