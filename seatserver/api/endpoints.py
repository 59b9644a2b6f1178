"""An endpoint as data, and how a request becomes a call of its handler.

Each `Endpoint` of the table in `seatserver.api.routes` says everything about itself: path, scope, body, answer,
errors. From it come the Starlette route (here) and the OpenAPI description (`seatserver.api.openapi`), which is why
they cannot drift apart. Handlers get a `Call` whose body and query are already checked, and return a Struct.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seatserver.access.tokens import Identity
from seatserver.api.needs import Needs
from seatserver.api.problems import bad_form, problem_of
from seatserver.errors import BadRequest, NotFound, SeatServerError, TooLarge, Unauthorized

ANY_TOKEN = "*"
BODY_S = 30


class AnyDocument:
    """Stands for a body that the handler reads itself."""


@dataclass(frozen=True)
class Call:
    """One request, checked: ``body`` and ``query`` are Structs of the endpoint's types, where it has them."""

    needs: Needs
    request: Request
    _identity: Identity | None = None
    body: Any = None
    query: Any = None

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
            raise NotFound(kind, self.text(name)) from None


Handler = Callable[[Call], Awaitable[msgspec.Struct | Response]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One row of the route table.

    ``scope`` is None for everybody, `ANY_TOKEN` for any valid token (the handler decides), or a scope. ``errors`` are
    those beyond what follows from scope, body and parameters.
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
    body: type[msgspec.Struct] | type[AnyDocument] | None = None
    query: type[msgspec.Struct] | None = None
    errors: tuple[type[SeatServerError], ...] = ()
    other_statuses: dict[int, str] = field(default_factory=dict)

    def route(self, needs: Needs) -> Route:
        """The Starlette route."""

        async def respond(request: Request) -> Response:
            try:
                answer = await self.handler(await self._call(needs, request))
            except Exception as error:
                return problem_of(error, f"{self.method} {request.url.path}")
            if isinstance(answer, Response):
                return answer
            return answer_of(answer, self.status)

        return Route(self.path, respond, methods=[self.method], name=self.name)

    async def _call(self, needs: Needs, request: Request) -> Call:
        identity = None
        if self.scope is not None:
            identity = await _authenticate(needs, request)
            if self.scope != ANY_TOKEN:
                identity.require(self.scope, self.name.replace("_", " "))
        query = _query(self.query, request) if self.query else None
        body: Any = None
        if self.body is not None:
            body = await _read(request, needs.settings.request_body_bytes)
            if issubclass(self.body, msgspec.Struct):
                body = _decode(body, self.body)
        return Call(needs, request, identity, body, query)


def answer_of(answer: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A Struct as a JSON response; not to be cached unless ``headers`` say otherwise."""
    sent = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(answer), status, headers=sent, media_type="application/json")


async def _authenticate(needs: Needs, request: Request) -> Identity:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("this needs a token: send it as `Authorization: Bearer …`")
    return await needs.tokens.verify(token.strip())


def _query(kind: type[msgspec.Struct], request: Request) -> msgspec.Struct:
    given = request.query_params.multi_items()
    repeated = [name for name, _ in given if len(request.query_params.getlist(name)) > 1]
    if repeated:
        raise BadRequest(f"{repeated[0]} stands more than once in the query", repeated[0])
    try:
        return msgspec.convert(dict(given), kind, strict=False)
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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_form(error) from None
