"""Health and metrics, for load balancers and Prometheus."""

from __future__ import annotations

from starlette.responses import Response

from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document
from seatserver.api.shared.problems import HEADERS
from seatserver.errors import Forbidden, Revoked, Unauthorized

METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Live(Document, frozen=True):
    """The process answers."""

    live: bool


class Ready(Document, frozen=True):
    """Whether this instance can serve. Each part is `ok`, or says what is wrong."""

    ready: bool
    checks: dict[str, str]


RESOURCE = Resource(
    __name__,
    tag="service",
    examples=(
        Live(live=True),
        Ready(ready=True, checks={"postgres": "ok", "redis": "ok", "feed": "ok"}),
    ),
)


@RESOURCE.get("/health/live")
async def get_live(call: Call) -> Live:
    """Confirm that the process answers."""
    # Nothing else is checked, so that an outage of Postgres or Redis restarts no instance.
    return Live(live=True)


@RESOURCE.get("/health/ready", answer=Ready, other_statuses={503: "Not ready. The body has the same form."})
async def get_ready(call: Call) -> Response:
    """Tell whether Postgres, Redis and the feed work and this instance is not shutting down."""
    problems = await call.services.ready()
    ready = not any(problems.values())
    checks = {part: found or "ok" for part, found in problems.items()}
    return answer_of(Ready(ready=ready, checks=checks), 200 if ready else 503)


# Where they are for operators (`SEATSERVER_METRICS`), the gate refuses others.
@RESOURCE.get("/metrics", answer=str, media_type="text/plain", refusals=(Unauthorized, Revoked, Forbidden))
async def get_metrics(call: Call) -> Response:
    """Get counters and histograms in Prometheus' text format."""
    return Response(call.services.metrics_text(), headers={**HEADERS, "Content-Type": METRICS_MEDIA_TYPE})
