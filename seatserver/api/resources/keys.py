"""API keys for servers and sales channels: made, listed, rotated, revoked."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from seatserver.access import api_keys
from seatserver.access.key_format import ID_PATTERN, PATTERN
from seatserver.access.tokens import MAX_USER_CHARS, PUBLIC
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, Millis, Next
from seatserver.config import SCOPES
from seatserver.errors import Conflict, NotFound, NotWithKey

Scope = Annotated[str, Meta(pattern=f"^({'|'.join(SCOPES)})$")]
KeyId = Annotated[str, Meta(pattern=ID_PATTERN)]


class NewKey(Document, frozen=True):
    """The key to make."""

    name: Annotated[str, Meta(min_length=1, max_length=api_keys.MAX_NAME, description="What it is for.")]
    user_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_USER_CHARS,
            description="The user that it acts as: its holds and bookings are this user's, also after a rotation.",
        ),
    ]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(SCOPES))]
    channel: Annotated[str, Meta(max_length=64, description="The sales channel. Empty: the public.")] = PUBLIC
    days: Annotated[int, Meta(ge=1, le=api_keys.MOST_DAYS, description="How long it is valid.")] = api_keys.DAYS


class RotateKey(Document, frozen=True):
    """How long the old key stays valid."""

    overlap_s: Annotated[int, Meta(ge=0, le=api_keys.MOST_OVERLAP_S)] = 86_400


class KeyView(Document, frozen=True):
    """A key, without its secret."""

    id: KeyId
    name: str
    user_id: str
    scopes: tuple[str, ...]
    channel: str
    created_by: str
    created_at_ms: Millis
    expires_at_ms: Millis
    last_used_at_ms: Annotated[int | None, Meta(description="Correct to a minute or two. Null: never.")]
    successor: Annotated[KeyId | None, Meta(description="The key that replaces it, if it was rotated.")]
    revoked_by: str | None
    revoked_at_ms: int | None


class CreatedKey(Document, frozen=True):
    """A new key. Its text is shown this one time; here is only its hash afterwards."""

    key: Annotated[str, Meta(description=f"`{PATTERN}`. Send it as `Authorization: Bearer …`, wherever a token goes.")]
    about: KeyView


class KeysQuery(Document, frozen=True):
    """Which page."""

    limit: Annotated[int, Meta(ge=1, le=api_keys.LISTED, description="Most keys on a page.")] = 20
    after: Annotated[KeyId | None, Meta(description="`next` of the previous page.")] = None


class Keys(Document, frozen=True):
    """A page of keys, the newest first."""

    keys: tuple[KeyView, ...]
    next: Next


KEY_ID = "k3v7pq2xnd5mzt4a"
EXAMPLE = KeyView(
    id=KEY_ID,
    name="Box office",
    user_id="box-office",
    scopes=("hold", "book"),
    channel="box-office",
    created_by="boss",
    created_at_ms=story.NOW_MS,
    expires_at_ms=story.NOW_MS + api_keys.DAYS * api_keys.DAY_MS,
    last_used_at_ms=None,
    successor=None,
    revoked_by=None,
    revoked_at_ms=None,
)
RESOURCE = Resource(
    __name__,
    tag="admin",
    examples=(
        NewKey(name="Box office", user_id="box-office", scopes=("hold", "book"), channel="box-office"),
        RotateKey(overlap_s=86_400),
        EXAMPLE,
        # No real key: the documents are public, and scanners would find it in them.
        CreatedKey(key=f"seatkey_{KEY_ID}_…", about=EXAMPLE),
        Keys(keys=(EXAMPLE,), next=None),
    ),
)


@RESOURCE.post("/keys", status=201, scope="admin", refusals=(Conflict,))
async def create_key(call: Call, body: NewKey) -> CreatedKey:
    """Make an API key. A key cannot make keys. If the answer is lost, revoke the key and make another one."""
    text, made = await call.services.api_keys.create(
        name=body.name,
        user_id=body.user_id,
        scopes=body.scopes,
        channel=body.channel,
        days=body.days,
        by=_by(call, "making a key"),
    )
    return CreatedKey(key=text, about=_view(made))


@RESOURCE.get("/keys", scope="admin")
async def get_keys(call: Call, query: KeysQuery) -> Keys:
    """List the keys, the newest first, a page at a time. Keys that ended 90 days ago may be missing."""
    found, following = await call.services.api_keys.page(limit=query.limit, after=query.after)
    return Keys(keys=tuple(_view(key) for key in found), next=following)


@RESOURCE.post("/keys/{key_id}/rotate", status=201, scope="admin", refusals=(NotFound, Conflict))
async def rotate_key(call: Call, body: RotateKey) -> CreatedKey:
    """Make a key that replaces this one. The old one stays valid for `overlap_s`. A key cannot rotate keys."""
    text, made = await call.services.api_keys.rotate(
        _key_id(call), overlap_s=body.overlap_s, by=_by(call, "rotating a key")
    )
    return CreatedKey(key=text, about=_view(made))


@RESOURCE.post("/keys/{key_id}/revoke", scope="admin", refusals=(NotFound, Conflict))
async def revoke_key(call: Call) -> KeyView:
    """Revoke a key. Within two seconds every instance refuses it and closes its sockets. That is final."""
    return _view(await call.services.api_keys.revoke(_key_id(call), by=call.identity.user_id))


def _key_id(call: Call) -> str:
    """The key's id. Raises `NotFound` without repeating the text, which may be a whole key."""
    try:
        return msgspec.convert(call.text("key_id"), KeyId)
    except msgspec.ValidationError:
        raise NotFound("key", "of this form") from None


def _by(call: Call, action: str) -> str:
    """Who acts. Raises `NotWithKey`: whoever stole a key could make others, and keep them when it is revoked."""
    if call.identity.is_program:
        raise NotWithKey(action)
    return call.identity.user_id


def _view(key: api_keys.ApiKey) -> KeyView:
    return KeyView(**msgspec.structs.asdict(key))
