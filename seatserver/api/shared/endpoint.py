"""How a resource declares an endpoint, and how a request becomes a call of its handler.

An endpoint is declared once, at its handler:

    RESOURCE = Resource(__name__, tag="offer", examples=EXAMPLES)

    @RESOURCE.get("/showtimes/{showtime_id}", refusals=(NotFound,))
    async def get_showtime(call: Call) -> ShowtimeView:
        '''Get one showtime.'''

Everything else follows from that. The function's name is the operation's, its docstring the summary in the OpenAPI
document, its return type the answer. A parameter ``body`` or ``query`` receives the request's body or query, decoded
and checked against the parameter's type. Starlette's routes are made here, the document in `operations.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypedDict, TypeVar, Unpack, get_type_hints
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seatserver.access.origins import is_own
from seatserver.access.tokens import Identity
from seatserver.api.shared.answers import answer_of
from seatserver.api.shared.problems import problem_of
from seatserver.api.shared.requests import Body, RefusalWhileReceiving, read_query
from seatserver.api.shared.services import ApiServices
from seatserver.errors import NotFound, NotOurPage, SeatServerError, Unauthorized
from seatserver.kiosks.kiosk import Kiosk

PREFIX = "/api/v1"
ANY_TOKEN = "*"
BOOKING_SCHEME = "Booking"
"""In `Authorization`. Proxies keep that header out of logs and caches (RFC 9111, section 3.5), unlike addresses."""
KIOSK_SCHEME = "Kiosk"
"""In `Authorization`, before the key of a device."""


@dataclass(frozen=True)
class Call:
    """One request whose token was checked."""

    services: ApiServices
    request: Request
    _identity: Identity | None = None
    booking_key: str | None = None
    """The key that was sent instead of a token, unchecked. Only endpoints with ``takes_key`` see one."""
    _kiosk: Kiosk | None = None

    @property
    def kiosk(self) -> Kiosk:
        """The kiosk that calls. Raises `Unauthorized` where an endpoint is not ``for_kiosks``."""
        if self._kiosk is None:
            raise Unauthorized("this needs the key of a kiosk")
        return self._kiosk

    @property
    def identity(self) -> Identity:
        """Who calls. Raises `Unauthorized` where there is no token."""
        if self._identity is None:
            raise Unauthorized("this needs a token")
        return self._identity

    def text(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])

    def uuid(self, name: str, kind: str) -> UUID:
        """A parameter of the path as a UUID. Raises `NotFound` for a ``kind`` when it is none."""
        try:
            return UUID(self.text(name))
        except ValueError:
            raise NotFound(kind, self.text(name)[:80]) from None


Answer = msgspec.Struct | Response
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Answer]])


class Options(TypedDict, total=False):
    """What an endpoint declares beside its path and handler; all of it has a default."""

    tag: str
    """The group in the OpenAPI document; by default the resource's."""
    scope: str
    """The scope that the token needs, or `ANY_TOKEN` where the handler decides. By default no token is needed."""
    takes_key: bool
    """Whether the key of a booking serves instead of a token. The handler checks it."""
    for_own_pages: bool
    """Whether only this server's own pages may call: what they send may be a cookie, which is sent for others too."""
    for_kiosks: bool
    """Whether only kiosks may call, with their key instead of a token. It is checked before the handler is called."""
    answer: Any
    """The answer's type, for handlers that return a `Response` of their own."""
    media_type: str
    body_type: str
    """The body's media type; JSON by default. Another one needs a body of ``bytes``."""
    status: int
    refusals: tuple[type[SeatServerError], ...]
    """The errors of this endpoint. Those that follow from scope, body and query need not be named."""
    other_statuses: dict[int, str]
    """Further answers without a body, and what they mean; 503 has the same body as success."""
    own_errors: dict[int, Any]
    """Errors that another standard describes, by their status, with the type of their body."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One method of one path; `Options` describes the fields."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Answer]]
    name: str
    summary: str
    tag: str
    answer: Any
    body: Any = None
    """None, a Struct's type, or (annotated) ``bytes`` for a body that the handler decodes."""
    query: type[msgspec.Struct] | None = None
    status: int = 200
    media_type: str = "application/json"
    body_type: str = "application/json"
    scope: str | None = None
    takes_key: bool = False
    for_own_pages: bool = False
    for_kiosks: bool = False
    refusals: tuple[type[SeatServerError], ...] = ()
    other_statuses: dict[int, str] = field(default_factory=dict)
    own_errors: dict[int, Any] = field(default_factory=dict)

    async def respond(self, services: ApiServices, request: Request) -> Response:
        """Answer a request of this path and method."""
        body = Body(request, services.settings.request_body_bytes)
        try:
            answer = await self._handle(services, request, body)
        except Exception as error:
            refusal = problem_of(error, f"{self.method} {request.url.path}")
            return refusal if self.body is None or body.ended else RefusalWhileReceiving(refusal, body)
        return answer if isinstance(answer, Response) else answer_of(answer, self.status)

    async def _handle(self, services: ApiServices, request: Request, body: Body) -> Answer:
        if self.for_own_pages:
            origin = request.headers.get("origin")
            if not is_own(origin, request.headers.get("host"), services.settings):
                raise NotOurPage(origin)
        identity = None
        booking_key = _booking_key(request) if self.takes_key else None
        if self.scope is not None and booking_key is None:
            identity = await _authenticate(services, request)
            if self.scope != ANY_TOKEN:
                identity.require(self.scope, self.name.replace("_", " "))
        kiosk = await _authenticate_kiosk(services, request) if self.for_kiosks else None
        checked: dict[str, Any] = {}
        if self.query is not None:
            checked["query"] = read_query(request, self.query)
        if self.body is not None:
            checked["body"] = await body.decode(self.body)
        return await self.handler(Call(services, request, identity, booking_key, kiosk), **checked)


class Resource:
    """The endpoints of one resource, in the order of their declaration, and examples of its schemas."""

    def __init__(self, module: str, *, tag: str, examples: Iterable[msgspec.Struct]) -> None:
        self.module = module
        self.tag = tag
        self.examples = tuple(examples)
        self.endpoints: list[Endpoint] = []

    def get(self, path: str, **options: Unpack[Options]) -> Callable[[Handler], Handler]:
        """Declare the decorated function as what answers GET."""
        return self._declare("GET", path, options)

    def post(self, path: str, **options: Unpack[Options]) -> Callable[[Handler], Handler]:
        """Declare the decorated function as what answers POST."""
        return self._declare("POST", path, options)

    def put(self, path: str, **options: Unpack[Options]) -> Callable[[Handler], Handler]:
        """Declare the decorated function as what answers PUT."""
        return self._declare("PUT", path, options)

    def _declare(self, method: str, path: str, options: Options) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            hints = get_type_hints(handler, include_extras=True)
            answer = hints["return"]
            derived: dict[str, Any] = {
                "tag": self.tag,
                "name": handler.__name__,
                "summary": " ".join((inspect.getdoc(handler) or "").partition("\n\n")[0].split()),
                "answer": None if answer is Response else answer,
                "body": hints.get("body"),
                "query": hints.get("query"),
            }
            endpoint = Endpoint(method=method, path=PREFIX + path, handler=handler, **{**derived, **options})
            if endpoint.answer is None:
                raise TypeError(f"{endpoint.name} returns a Response: declare the type of its answer")
            self.endpoints.append(endpoint)
            return handler

        return declare


def routes_of(endpoints: Iterable[Endpoint], services: ApiServices) -> list[Route]:
    """The Starlette routes. There is one for each path, so that a 405 names all methods of the path."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [_route(path, by_method, services) for path, by_method in by_path.items()]


def _route(path: str, by_method: dict[str, Endpoint], services: ApiServices) -> Route:
    async def respond(request: Request) -> Response:
        # Starlette lets HEAD in wherever GET is.
        return await by_method["GET" if request.method == "HEAD" else request.method].respond(services, request)

    return Route(path, respond, methods=list(by_method), name=" ".join(one.name for one in by_method.values()))


async def _authenticate(services: ApiServices, request: Request) -> Identity:
    scheme, token = _authorization(request)
    if scheme != "bearer" or not token:
        raise Unauthorized("this needs a token: send it as `Authorization: Bearer …`")
    return await services.credentials.verify(token)


async def _authenticate_kiosk(services: ApiServices, request: Request) -> Kiosk:
    scheme, key = _authorization(request)
    if scheme != KIOSK_SCHEME.lower() or not key:
        raise Unauthorized("this needs the key of a kiosk: send it as `Authorization: Kiosk …`")
    return await services.kiosks.authenticate(key)


def _booking_key(request: Request) -> str | None:
    scheme, key = _authorization(request)
    return key if scheme == BOOKING_SCHEME.lower() else None


def _authorization(request: Request) -> tuple[str, str]:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()
