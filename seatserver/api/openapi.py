"""The OpenAPI 3.1 document, made from the table of endpoints and the Structs they name."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

import seatserver
from seatserver.api.examples import HALL, examples
from seatserver.api.schemas import Id, LayoutHash
from seatserver.api.shared.endpoint import ANY_TOKEN, BOOKING_SCHEME, AnyDocument, Endpoint
from seatserver.api.shared.json_schemas import component_schemas
from seatserver.api.shared.problems import MEDIA_TYPE, Problem
from seatserver.api.table import ENDPOINTS
from seatserver.errors import (
    BadRequest,
    Busy,
    Forbidden,
    OriginRefused,
    SeatServerError,
    TooLarge,
    Unauthorized,
    Unavailable,
)

PATH_PARAMETERS: dict[str, Any] = {
    "layout_hash": LayoutHash,
    "theatre_id": Id,
    "auditorium_id": Id,
    "showtime_id": Id,
    "booking_id": Annotated[UUID, Meta(description="The id of the hold that was booked.")],
}

ACCESS = """\
A token, sent as `Authorization: Bearer …`, says who you are. It is a JWT: `sub` is the user, `scope` what it allows
(words with spaces between them), `channel` the sales channel whose seats it may take besides the public's, and `iss`,
`aud` and `exp` are as the server's settings ask. Guests get theirs here; `seatserver token` mints one; partners sign
their own, with a key that the settings name.

Scopes: `watch` looks at rooms, `hold` holds seats (and watches), `claim` makes pending bookings that a payment
confirms, `book` books at once (and claims), `settle` confirms, cancels and reads anybody's bookings, as a payment
service does, `admit` lets people in at the door, and `admin` allows everything."""

BOOKINGS = """\
Bookings; seats are held over the socket, see /asyncapi.json.

Whoever booked is told `ticket_url`, a link to the ticket for any browser; so is a payment service when it confirms,
since it may mail the link. What stands behind its `#key=` is the booking's key: sent as `Authorization: Booking …`
instead of a token, it reads this one booking and its ticket, for as long as the server knows the secret that signed
it, and changes nothing. To a wrong key no booking exists."""

TAGS = {
    "offer": "What is offered. Open to everybody, unless an operation names a scope.",
    "access": ACCESS,
    "bookings": BOOKINGS,
    "admin": "Creating and changing the offer, the house's own seats, and what the house does now. Repeating a request "
    "changes nothing more.",
    "service": "Health and metrics.",
}

DESCRIPTION = """\
Theatres, showtimes, seat counts and bookings of a real-time seat-map server. Seats are watched and held over the
socket (`/ws/showtimes/{showtime_id}`, described by `/asyncapi.json`); this interface does the rest.

A sale in three steps: find seats (`best-available`, or the socket's `offers`), hold them over the socket (`best` does
both), and book the hold, there or here.

Every error is a problem document (RFC 9457) with a stable `code`. With `retryable` true the same request can succeed
after the time in `Retry-After`; repeating any request is safe. Pages of other web origins may ask where
`SEATSERVER_ALLOWED_ORIGINS` names them; others get `origin_refused`."""


def openapi() -> dict[str, Any]:
    """The document."""
    shapes = _Shapes()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        paths[endpoint.path][endpoint.method.lower()] = _operation(endpoint, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Seat server",
            "version": seatserver.__version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": dict(paths),
        "components": {
            "schemas": shapes.components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A JWT whose `scope` names watch, hold, claim, book, settle, admit or admin.",
                },
                "booking": {
                    "type": "http",
                    "scheme": BOOKING_SCHEME,
                    "description": "A booking's key, from its `ticket_url`. It reads this booking, and nothing else.",
                },
            },
        },
    }


class _Shapes:
    """The schema of every type that the table names, and the components they share."""

    def __init__(self) -> None:
        types: list[Any] = [Problem, *PATH_PARAMETERS.values()]
        for endpoint in ENDPOINTS:
            types += [kind for kind in (endpoint.answer, endpoint.body) if kind not in (None, AnyDocument)]
            types += [field.type for field in _fields(endpoint)]
        found, self.components = component_schemas(types, examples())
        self._found = list(zip(types, found, strict=True))

    def __getitem__(self, kind: Any) -> dict[str, Any]:
        return next(schema for known, schema in self._found if known is kind or known == kind)


def _fields(endpoint: Endpoint) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(endpoint.query) if endpoint.query else ()


def _operation(endpoint: Endpoint, shapes: _Shapes) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "security": _security(endpoint),
    }
    parameters = _parameters(endpoint, shapes)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        schema = _any_hall() if endpoint.body is AnyDocument else shapes[endpoint.body]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    operation["responses"] = _responses(endpoint, shapes)
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    ways: list[dict[str, list[str]]] = []
    if endpoint.scope is not None:
        ways.append({"bearer": [] if endpoint.scope == ANY_TOKEN else [endpoint.scope]})
    if endpoint.takes_key:
        ways.append({"booking": []})
    return ways


def _any_hall() -> dict[str, Any]:
    """Three formats are welcome; the example is of our own, `SeatMap`."""
    return {"type": "object", "examples": [msgspec.json.decode(HALL.encode())]}


def _parameters(endpoint: Endpoint, shapes: _Shapes) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": shapes[PATH_PARAMETERS[name]]}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    for field in _fields(endpoint):
        schema = dict(shapes[field.type])
        if field.default not in (None, msgspec.NODEFAULT):
            schema["default"] = field.default
        parameters.append({"name": field.encode_name, "in": "query", "required": field.required, "schema": schema})
    return parameters


def _responses(endpoint: Endpoint, shapes: _Shapes) -> dict[str, Any]:
    content = {endpoint.media_type: {"schema": shapes[endpoint.answer]}}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Done.", "content": content}}
    for status, text in endpoint.other_statuses.items():
        responses[str(status)] = {"description": text}
        if status == 503:
            responses[str(status)]["content"] = content
    codes: dict[int, list[str]] = defaultdict(list)
    for error in _errors(endpoint):
        codes[error.status].append(error.code)
    codes[500].append("internal")
    for status, names in codes.items():
        if str(status) in responses:
            continue
        description = "Problem: " + ", ".join(f"`{name}`" for name in dict.fromkeys(names)) + "."
        responses[str(status)] = {"description": description, "content": {MEDIA_TYPE: {"schema": shapes[Problem]}}}
        if status == 503:
            responses[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return dict(sorted(responses.items()))


def _errors(endpoint: Endpoint) -> tuple[type[SeatServerError], ...]:
    implied: list[type[SeatServerError]] = [Unavailable, Busy, OriginRefused]
    if endpoint.body is not None:
        implied += [BadRequest, TooLarge]
    if endpoint.query is not None:
        implied.append(BadRequest)
    if endpoint.scope is not None:
        implied += [Unauthorized, Forbidden]
    return (*implied, *endpoint.errors)
