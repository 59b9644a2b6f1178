"""Guests' tokens, and the single-use tickets that open a socket."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.access.captcha import RESPONSE_CHARS
from seatserver.access.guest_price import CHALLENGE_CHARS
from seatserver.access.guests import MAX_RENEWAL_CHARS, GuestPass
from seatserver.access.networks import network_of
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import ANY_TOKEN, Call, Resource
from seatserver.api.shared.fields import Document, Millis
from seatserver.errors import Busy, ProofRequired, TooMany, Unauthorized


class RenewGuest(Document, frozen=True):
    """The renewal that came with a guest's token."""

    renewal: Annotated[str, Meta(max_length=MAX_RENEWAL_CHARS)]


class ProveGuest(Document, frozen=True):
    """The answer to the challenge of a refusal with the code `proof_required`.

    Its `facts.challenge` has the `kind` of challenge. For `work`, find the whole number from 0 to `most` for which
    `hash` is the SHA-256 hash, in hexadecimal digits, of `text` with the number behind it in decimal digits. For
    `captcha`, have the visitor pass the widget of its `provider` (`turnstile`, `hcaptcha` or `recaptcha`) with its
    `site_key`, and with its `action` where the provider takes one. A challenge is good for one guest, until
    `expires_at_ms`, and from the network that got it. A `captcha` is used up by a wrong answer too.
    """

    challenge: Annotated[
        str, Meta(max_length=CHALLENGE_CHARS, description="The field `challenge` of the challenge, as it came.")
    ]
    answer: Annotated[
        str,
        Meta(
            max_length=RESPONSE_CHARS,
            description="The number, in decimal digits; for `captcha`, what the provider's widget gives out, or an "
            "empty text where it cannot be shown: if the provider is away, the next challenge is `work`.",
        ),
    ]


class Guest(Document, frozen=True):
    """A guest's token, and what the browser exchanges for the same guest's next token."""

    token: str
    user_id: str
    scopes: tuple[str, ...]
    expires_at_ms: Millis
    renewal: Annotated[
        str | None,
        Meta(description="For `POST /api/v1/guests/renew`, as often as needed. Null: the guest ends with the token."),
    ]
    renewal_expires_at_ms: Annotated[
        int | None, Meta(description="When the renewal expires. Renewing does not postpone it.")
    ]


class Ticket(Document, frozen=True):
    """Opens one socket, once. Send it as `ticket` in the socket's first message."""

    ticket: str
    expires_at_ms: Millis


RESOURCE = Resource(
    __name__,
    tag="access",
    examples=(
        Guest(
            token="eyJhbGciOi…",
            user_id=story.GUEST,
            scopes=("book", "hold", "watch"),
            expires_at_ms=story.NOW_MS + 7_200_000,
            renewal="eyJhbGciOi…",
            renewal_expires_at_ms=story.NOW_MS + 15_552_000_000,
        ),
        RenewGuest(renewal="eyJhbGciOi…"),
        ProveGuest(challenge="1790773920.kJ0fYV3qk7Zr0cX1u9S4aw.pTn…", answer="31337"),
        Ticket(ticket="q7Zr0cX1u9S4", expires_at_ms=story.NOW_MS + 30_000),
    ),
)


@RESOURCE.post("/guests", status=201, refusals=(Unauthorized, TooMany, ProofRequired))
async def make_guest(call: Call) -> Guest:
    """Get a token for a guest, where the configuration allows guests. While very many come, it has a price."""
    guest = _guest(call.services.guests.make())
    network = network_of(call.request.scope)
    await call.services.guest_limits.admit(network)
    call.services.guest_price.ask(network)
    return guest


@RESOURCE.post("/guests/prove", status=201, refusals=(Unauthorized, TooMany, ProofRequired, Busy))
async def prove_guest(call: Call, body: ProveGuest) -> Guest:
    """Get a token for a guest with the answer to a challenge. A wrong or late one may bring another challenge."""
    guest = _guest(call.services.guests.make())
    network = network_of(call.request.scope)
    client = call.request.client
    address = client.host if client is not None else ""
    outcome = await call.services.guest_price.take(network, address, body.challenge, body.answer)
    if outcome != "accepted":
        await call.services.guest_limits.admit(network)
        call.services.guest_price.ask(network, wants_work=outcome == "away")
    return guest


@RESOURCE.post("/guests/renew", refusals=(Unauthorized,))
async def renew_guest(call: Call, body: RenewGuest) -> Guest:
    """Get a fresh token for the same guest, in exchange for the renewal of the first one. May be repeated."""
    return _guest(call.services.guests.renew(body.renewal))


@RESOURCE.post("/tickets", status=201, scope=ANY_TOKEN)
async def make_ticket(call: Call) -> Ticket:
    """Get a single-use ticket to open a socket with, instead of the token itself."""
    expires_at_ms = call.services.clock() + call.services.settings.ticket_s * 1000
    return Ticket(ticket=await call.services.socket_tickets.issue(call.identity), expires_at_ms=expires_at_ms)


def _guest(admitted: GuestPass) -> Guest:
    identity = admitted.identity
    return Guest(
        token=admitted.token,
        user_id=identity.user_id,
        scopes=tuple(sorted(identity.scopes)),
        expires_at_ms=identity.expires_at_ms,
        renewal=admitted.renewal,
        renewal_expires_at_ms=admitted.renewal_expires_at_ms,
    )
