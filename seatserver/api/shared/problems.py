"""Turns errors into REST answers: problem details (RFC 9457) for everything that goes wrong.

A `SeatServerError` has its status, code and facts. An unknown path or method gets an answer of the same form. Any other
exception is a bug: it is logged with its traceback and answered as `internal` without its text. `app.py` installs
`exception_handlers`; endpoints answer through `problem_of`.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ExceptionHandler

from seatserver import logs
from seatserver.errors import BadRequest, SeatServerError
from seatserver.misfits import misfit, unreadable

log = logs.from_outside(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer that may not be cached."""
CODES_OF_STATUS = {404: "not_found", 405: "method_not_allowed"}


class Problem(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A problem (RFC 9457). Programs look at ``code`` and ``retryable``, people read ``detail``."""

    type: Annotated[str, Meta(description="The code as a URI.")]
    title: Annotated[str, Meta(description="The kind of problem. The same for every problem with this code.")]
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(description="What went wrong, and how to fix it.")]
    code: Annotated[str, Meta(description="For programs; it never changes.")]
    retryable: Annotated[bool, Meta(description="Whether the same request may succeed a little later.")]
    facts: Annotated[dict[str, object], Meta(description="Details for programs. Which ones depends on the code.")]


EXAMPLE = Problem(
    type="urn:problem-type:seatserver:seats_refused",
    title="Seats refused",
    status=409,
    detail="refused: B-1 sold, B-2 sold",
    code="seats_refused",
    retryable=False,
    facts={"seats": [[2, "sold"], [3, "sold"]]},
)


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    retryable: bool = False,
    facts: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The response for a problem."""
    body = Problem(
        type=f"urn:problem-type:seatserver:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        retryable=retryable,
        facts=facts or {},
    )
    sent = {**HEADERS, **(headers or {})}
    if retryable:
        wait_ms = facts.get("retry_after_ms") if facts else None
        sent["Retry-After"] = str(math.ceil(wait_ms / 1000) if isinstance(wait_ms, int) else RETRY_AFTER_S)
    if status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body, enc_hook=str), status, headers=sent, media_type=MEDIA_TYPE)


def problem_of(error: Exception, where: str) -> Response:
    """The response for an error. ``where`` is the request's method and path, for the log."""
    if isinstance(error, SeatServerError):
        if error.status >= 500:
            log.warning("request failed", request=where, code=error.code, problem=error.message)
        return problem(
            status=error.status, code=error.code, detail=error.message, retryable=error.retryable, facts=error.facts
        )
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)  # nobody is there to read it
    if isinstance(error, HTTPException):
        return problem(
            status=error.status_code,
            code=CODES_OF_STATUS.get(error.status_code, "http"),
            detail=_detail(error, where),
            headers=dict(error.headers or {}),
        )
    log.error("request failed on a bug", request=where, exc_info=error)
    return problem(status=500, code="internal", detail="this is a bug in the server; it was logged")


def bad_form(error: Exception) -> BadRequest:
    """What is wrong with a body or a query. Its ``where`` is the field, such as ``seats[0]``."""
    if not isinstance(error, msgspec.ValidationError):
        return BadRequest(f"the body is not valid JSON: {unreadable(error)}")
    place, problem, is_key = misfit(error)
    field = re.search(r"field `([^`]*)`", problem)
    text = problem
    if place:
        text += f" - at a key of `{place}`" if is_key else f" - at `{place}`"
    return BadRequest(text, ".".join([*([place] if place else []), *([field[1]] if field else [])]))


def exception_handlers() -> dict[type[Exception], ExceptionHandler]:
    """For Starlette: handlers of errors outside endpoints, above all 404 and 405."""
    return {SeatServerError: handle, HTTPException: handle, Exception: handle}


async def handle(connection: HTTPConnection, error: Exception) -> Response:
    """Answer an error that was raised outside an endpoint."""
    return problem_of(error, f"{connection.scope.get('method', '')} {connection.url.path}")


def _detail(error: HTTPException, where: str) -> str:
    method, _, path = where.partition(" ")
    if error.status_code == 404:
        return f"there is nothing at {path}"
    if error.status_code == 405:
        return f"{path} does not answer {method}; allowed: {(error.headers or {}).get('Allow', '')}"
    return str(error.detail)
