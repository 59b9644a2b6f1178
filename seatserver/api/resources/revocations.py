"""Revoking what has been given to somebody: one token, or everything that a user has."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

from seatserver.access.tokens import MAX_TOKEN_CHARS, MAX_TOKEN_ID_CHARS, MAX_USER_CHARS
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, Millis
from seatserver.errors import BadRequest, Conflict, Unauthorized

PLAIN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: no user has any, and Postgres stores no null characters."""


class Revoke(Document, frozen=True):
    """What to revoke: exactly one of the three."""

    token: Annotated[
        Annotated[str, Meta(max_length=MAX_TOKEN_CHARS)] | None,
        Meta(description="A token that has not expired and has an id (`jti`)."),
    ] = None
    token_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_ID_CHARS, pattern=PLAIN)] | None,
        Meta(description="The id (`jti`) of a token."),
    ] = None
    user_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=MAX_USER_CHARS, pattern=PLAIN)] | None,
        Meta(
            description="A user. All their tokens that were issued until now (`iat`) are refused, and those that do "
            "not say when. A token that is issued later in this same second may be refused too."
        ),
    ] = None


class RevocationView(Document, frozen=True):
    """What is refused from now on."""

    kind: Annotated[str, Meta(pattern="^(token|user)$")]
    subject: Annotated[str, Meta(description="The token's id, or the user.")]
    revoked_at_ms: Millis


RESOURCE = Resource(
    __name__,
    tag="admin",
    examples=(
        Revoke(user_id="mallory"),
        RevocationView(kind="user", subject="mallory", revoked_at_ms=story.NOW_MS),
    ),
)


@RESOURCE.post("/admin/revocations", scope="admin", refusals=(Conflict,))
async def revoke(call: Call, body: Revoke) -> RevocationView:
    """Revoke a token, or all tokens of a user. Within two seconds every instance refuses them and closes their sockets.

    That is final, but the user may get new tokens.
    """
    if sum(part is not None for part in (body.token, body.token_id, body.user_id)) != 1:
        raise BadRequest("expected exactly one of token, token_id and user_id")
    by, revocations = call.identity.user_id, call.services.revocations
    if body.user_id is not None:
        made = await revocations.revoke("user", body.user_id, by=by)
    elif body.token_id is not None:
        made = await revocations.revoke("token", body.token_id, by=by)
    else:
        token_id, expires_at_ms = await _id_of(call, body.token or "")
        made = await revocations.revoke("token", token_id, by=by, expires_at_ms=expires_at_ms)
    return RevocationView(kind=made.kind, subject=made.subject, revoked_at_ms=made.ends_at_ms)


async def _id_of(call: Call, token: str) -> tuple[str, int]:
    """The token's id and its end. Raises `BadRequest` where it has no id or is not valid.

    An invalid one is not `Unauthorized`: a client would throw away the token that it sends in the header.
    """
    try:
        identity = await call.services.credentials.identify(token)
    except Unauthorized as error:
        raise BadRequest(error.message, "token") from None
    if not identity.token_id or re.search(PLAIN, identity.token_id) is None:
        raise BadRequest("the token has no id (`jti`) that can be stored: revoke its user instead", "token")
    return identity.token_id, identity.expires_at_ms
