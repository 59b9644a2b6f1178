"""An endpoint as data, and how a request becomes a call of its handler.

Each `Endpoint` of the table in `seatserver.api.table` says everything about itself: path, scope, body, answer,
errors. From it come the Starlette route (here) and the OpenAPI description (`seatserver.api.openapi`), which is why
they cannot drift apart. Handlers get a `Call` whose body and query are already checked, and return a Struct.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_type_hints
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seatserver.access.tokens import Identity
from seatserver.api.shared.problems import HEADERS, bad_form, problem_of
from seatserver.api.shared.services import ApiServices
from seatserver.errors import BadRequest, NotFound, SeatServerError, TooLarge, Unauthorized
from seatserver.misfits import UNREADABLE

ANY_TOKEN = "*"
BOOKING_SCHEME = "Booking"
"""In `Authorization`, which proxies keep out of their logs and caches (RFC 9111, section 3.5), unlike an address."""
BODY_S = 30
MAX_QUERY_PARAMETERS = 32
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


class AnyDocument:
    """Stands for a body that the handler reads itself."""


@dataclass(frozen=True)
class Call:
    """One request, checked: ``body`` and ``query`` are Structs of the endpoint's types, where it has them."""

    needs: ApiServices
    request: Request
    _identity: Identity | None = None
    body: Any = None
    query: Any = None
    booking_key: str | None = None
    """What came instead of a token, and is not checked yet; only for endpoints that take one."""

    @property
    def identity(self) -> Identity:
        """Who calls; only for endpoints with a scope."""
        if self._identity is None:
            raise Unauthorized("this needs a token")
        return self._identity

    def text(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])

    def uuid(self, name: str, kind: str) -> UUID:
        """A parameter of the path that is a UUID; anything else is a ``kind`` that does not exist."""
        try:
            return UUID(self.text(name))
        except ValueError:
            raise NotFound(kind, self.text(name)[:80]) from None


Handler = Callable[[Call], Awaitable[msgspec.Struct | Response]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One row of the route table.

    ``scope`` is None for everybody, `ANY_TOKEN` for any valid token (the handler decides), or a scope. With
    ``takes_key`` the key of a booking serves instead of the token (the handler tries it). ``errors`` are those beyond
    what follows from scope, body and parameters.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    answer: Any
    status: int = 200
    media_type: str = "application/json"
    scope: str | None = None
    takes_key: bool = False
    body: type[msgspec.Struct] | type[AnyDocument] | None = None
    query: type[msgspec.Struct] | None = None
    errors: tuple[type[SeatServerError], ...] = ()
    other_statuses: dict[int, str] = field(default_factory=dict)

    async def respond(self, needs: ApiServices, request: Request) -> Response:
        """The answer to a request of this path and method."""
        try:
            answer = await self.handler(await self._call(needs, request))
        except Exception as error:
            return problem_of(error, f"{self.method} {request.url.path}")
        if isinstance(answer, Response):
            return answer
        return answer_of(answer, self.status)

    async def _call(self, needs: ApiServices, request: Request) -> Call:
        identity = None
        booking_key = _booking_key(request) if self.takes_key else None
        if self.scope is not None and booking_key is None:
            identity = await _authenticate(needs, request)
            if self.scope != ANY_TOKEN:
                identity.require(self.scope, self.name.replace("_", " "))
        query = _query(self.query, request) if self.query else None
        body: Any = None
        if self.body is not None:
            body = await _read(request, needs.settings.request_body_bytes)
            if issubclass(self.body, msgspec.Struct):
                body = _decode(body, self.body)
        return Call(needs, request, identity, body, query, booking_key)


def routes_of(endpoints: Iterable[Endpoint], needs: ApiServices) -> list[Route]:
    """The Starlette routes, one for each path: what answers 405 names all methods of its route, and of no other."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [_route(path, by_method, needs) for path, by_method in by_path.items()]


def _route(path: str, by_method: dict[str, Endpoint], needs: ApiServices) -> Route:
    async def respond(request: Request) -> Response:
        # Starlette lets HEAD in wherever GET is.
        return await by_method["GET" if request.method == "HEAD" else request.method].respond(needs, request)

    return Route(path, respond, methods=list(by_method), name=" ".join(one.name for one in by_method.values()))


def answer_of(answer: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A Struct as a JSON response; not to be cached unless ``headers`` say otherwise."""
    sent = {**HEADERS, **(headers or {})}
    return Response(msgspec.json.encode(answer), status, headers=sent, media_type="application/json")


async def _authenticate(needs: ApiServices, request: Request) -> Identity:
    scheme, token = _authorization(request)
    if scheme != "bearer" or not token:
        raise Unauthorized("this needs a token: send it as `Authorization: Bearer …`")
    return await needs.tokens.verify(token)


def _booking_key(request: Request) -> str | None:
    scheme, key = _authorization(request)
    return key if scheme == BOOKING_SCHEME.lower() else None


def _authorization(request: Request) -> tuple[str, str]:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()


def _query(kind: type[msgspec.Struct], request: Request) -> msgspec.Struct:
    try:
        query = request.scope["query_string"].decode("latin-1")
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS)
    except ValueError:
        raise BadRequest(f"the query has more than {MAX_QUERY_PARAMETERS} parameters") from None
    name, times = max(Counter(name for name, _ in given).items(), key=lambda item: item[1], default=("", 0))
    if times > 1:
        raise BadRequest(f"{name[:80]} stands more than once in the query", name[:80])
    # Only numbers need help on their way from text; msgspec's own leniency would also take `null`, and 1e9 for a date.
    numbers = {name for name, kind_of_field in get_type_hints(kind).items() if kind_of_field is int}
    values = {name: int(text) if name in numbers and WHOLE_NUMBER.fullmatch(text) else text for name, text in given}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise bad_form(error) from None


async def _read(request: Request, limit_bytes: int) -> bytes:
    """The body, refused as soon as it is known to be over the limit."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit_bytes:
        raise TooLarge("the body", limit_bytes)
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                read += piece
                if len(read) > limit_bytes:
                    raise TooLarge("the body", limit_bytes)
    except TimeoutError:
        raise BadRequest(f"the body did not arrive within {BODY_S} s") from None
    return bytes(read)


def _decode(body: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise bad_form(error) from None
