"""The cookies of signing in, and the answers that set, use and delete them.

They are sent to the paths of signing in only. The one of a signed-in page does one thing there: a page gets a token for
it, which is valid for minutes and goes where tokens go. The other one holds a secret of the browser while somebody
signs in with OpenID Connect (`accounts/openid.py`). Nothing but a page's language is read from any other cookie, so no
other request is worth forging. Those paths answer our own pages alone (`for_own_pages` of an endpoint), and scripts
cannot read the cookies.

`__Secure-` makes browsers refuse them from a connection without TLS, this machine's excepted. The stronger `__Host-`
forbids the narrow path.
"""

from __future__ import annotations

import math
from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from seatserver.accounts.openid import LIFETIME_S
from seatserver.accounts.sessions import Grant, Method
from seatserver.accounts.users import Proof
from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.fields import Document
from seatserver.api.shared.services import ApiServices

COOKIE = "__Secure-seatserver-session"
PATH = "/api/v1/sign-in"
OPENID_COOKIE = "__Secure-seatserver-openid"
OPENID_PATH = f"{PATH}/openid"


class SignedIn(Document, frozen=True):
    """A token for a page, and whose it is. The session is in a cookie that scripts cannot read."""

    token: str
    expires_at_ms: Annotated[int, Meta(description="When the token expires. Get the next one before.")]
    lifetime_s: Annotated[int, Meta(description="How long that is, for clocks that are wrong.")]
    session_expires_at_ms: Annotated[int, Meta(description="When the user has to sign in again at the latest.")]
    user_id: str
    name: str
    scopes: tuple[str, ...]


def text_in(request: Request) -> str | None:
    """The text that continues the page's session (`accounts/session_texts.py`), if the browser sent one."""
    return request.cookies.get(COOKIE)


def signed_in(grant: Grant, now_ms: int, *, is_new: bool = True) -> Response:
    """The answer to a page that has signed in, or got its next token."""
    session = grant.session
    answer = answer_of(
        SignedIn(
            token=grant.token,
            expires_at_ms=now_ms + grant.lifetime_s * 1000,
            lifetime_s=grant.lifetime_s,
            session_expires_at_ms=session.expires_at_ms,
            user_id=grant.user.id,
            name=grant.user.name,
            scopes=grant.scopes,
        )
    )
    if is_new:
        set_cookie(answer, grant, now_ms)
    return answer


async def begin(services: ApiServices, request: Request, proof: Proof, method: Method) -> Response:
    """Sign in a user who has just proved who they are. The session that the browser had before ends.

    Raises `AccountDisabled`, `SignInRefused` where the proof counts no more, or `Conflict` where no secret is set.
    """
    grant = await services.user_sessions.begin(
        proof.user_id,
        kind="page",
        method=method,
        client=request.headers.get("user-agent", ""),
        instead_of=text_in(request),
        proof=proof,
    )
    return signed_in(grant, services.clock())


def set_cookie(answer: Response, grant: Grant, now_ms: int) -> None:
    """Let the browser keep the session until it expires."""
    left_s = max(1, math.ceil((grant.session.expires_at_ms - now_ms) / 1000))
    answer.set_cookie(COOKIE, grant.text, max_age=left_s, path=PATH, secure=True, httponly=True, samesite="strict")


def delete_cookie(answer: Response) -> None:
    """Let the browser forget the session."""
    answer.delete_cookie(COOKIE, path=PATH, secure=True, httponly=True, samesite="strict")


def openid_secret_in(request: Request) -> str | None:
    """The secret of this browser, if it has begun to sign in with OpenID Connect."""
    return request.cookies.get(OPENID_COOKIE)


def set_openid_cookie(answer: Response, secret: str) -> None:
    """Let the browser keep a secret until somebody has signed in."""
    answer.set_cookie(
        OPENID_COOKIE, secret, max_age=LIFETIME_S, path=OPENID_PATH, secure=True, httponly=True, samesite="strict"
    )


def delete_openid_cookie(answer: Response) -> None:
    """Let the browser forget that secret."""
    answer.delete_cookie(OPENID_COOKIE, path=OPENID_PATH, secure=True, httponly=True, samesite="strict")
