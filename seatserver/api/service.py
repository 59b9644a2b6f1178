"""Handlers around the offer: a guest's token, a socket's ticket, health and metrics."""

from __future__ import annotations

from starlette.responses import Response

from seatserver.access.guests import GuestPass
from seatserver.api import schemas
from seatserver.api.shared.endpoint import Call, answer_of
from seatserver.api.shared.problems import HEADERS

METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def make_guest(call: Call) -> schemas.Guest:
    """A token for somebody without an account, where the configuration allows it."""
    return _guest(call.needs.guests.make())


async def renew_guest(call: Call) -> schemas.Guest:
    """A fresh token for the same guest."""
    body: schemas.RenewGuest = call.body
    return _guest(call.needs.guests.renew(body.renewal))


def _guest(admitted: GuestPass) -> schemas.Guest:
    identity = admitted.identity
    return schemas.Guest(
        token=admitted.token,
        user_id=identity.user_id,
        scopes=tuple(sorted(identity.scopes)),
        expires_at_ms=identity.expires_at_ms,
        renewal=admitted.renewal,
        renewal_expires_at_ms=admitted.renewal_expires_at_ms,
    )


async def make_ticket(call: Call) -> schemas.Ticket:
    """A ticket stands for the caller's token where a token must not be handed on."""
    expires_at_ms = call.needs.clock() + call.needs.settings.ticket_s * 1000
    return schemas.Ticket(ticket=await call.needs.tickets.issue(call.identity), expires_at_ms=expires_at_ms)


async def get_live(call: Call) -> schemas.Live:
    """The event loop answers; nothing else is asked, so that an outage elsewhere restarts nobody."""
    return schemas.Live(live=True)


async def get_ready(call: Call) -> Response:
    """Whether a load balancer should send people here."""
    problems = await call.needs.ready()
    ready = not any(problems.values())
    checks = {part: found or "ok" for part, found in problems.items()}
    return answer_of(schemas.Ready(ready=ready, checks=checks), 200 if ready else 503)


async def get_metrics(call: Call) -> Response:
    """Counters and histograms for Prometheus."""
    return Response(call.needs.metrics_text(), headers={**HEADERS, "Content-Type": METRICS_MEDIA_TYPE})
