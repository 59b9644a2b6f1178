"""Reads a request's query and body, and checks both against the types that an endpoint declares.

A body streams into one buffer and is decoded from there, so a large seat map is in memory once. Reading stops as soon
as the body is known to be over the limit: by its announced length, or by what has arrived. The refusal is sent at once,
and what the client still sends is thrown away (`RefusalWhileReceiving`).
"""

from __future__ import annotations

import asyncio
import io
import re
from collections import Counter
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from seatserver.api.shared.problems import bad_form
from seatserver.errors import BadRequest, TooLarge
from seatserver.misfits import UNREADABLE

BODY_S = 30
MAX_QUERY_PARAMETERS = 32
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
DISCARD_S = 10
DISCARDED_LIMITS = 8
"""After a refusal, at most this many times the body's limit is read and thrown away."""


def read_query(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The query as a Struct. Raises `BadRequest` that names the parameter."""
    try:
        query = request.scope["query_string"].decode("latin-1")
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS)
    except ValueError:
        raise BadRequest(f"the query has more than {MAX_QUERY_PARAMETERS} parameters") from None
    name, times = max(Counter(name for name, _ in given).items(), key=lambda item: item[1], default=("", 0))
    if times > 1:
        raise BadRequest(f"{name[:80]} appears more than once in the query", name[:80])
    # Only numbers are converted from text here; msgspec's own leniency would also take `null`, and 1e9 for a date.
    numbers = _whole_numbers_of(kind)
    values = {name: int(text) if name in numbers and WHOLE_NUMBER.fullmatch(text) else text for name, text in given}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise bad_form(error) from None


@cache
def _whole_numbers_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(name for name, kind_of_field in get_type_hints(kind).items() if kind_of_field is int)


def is_raw(kind: Any) -> bool:
    """Whether a body of this declared type is left for the handler to decode."""
    return (get_args(kind)[0] if get_origin(kind) is Annotated else kind) is bytes


class Body:
    """The body of a request, on its way."""

    def __init__(self, request: Request, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.ended = False
        self.over_limit = False
        self._receive = request.receive
        announced = request.headers.get("content-length", "")
        self._announced = int(announced[:20]) if announced.isdecimal() else 0
        self._is_chunked = "transfer-encoding" in request.headers
        self._is_waiting = request.headers.get("expect", "").lower() == "100-continue"

    @property
    def may_be_endless(self) -> bool:
        """Whether its rest may be larger than any good body."""
        return self.over_limit or self._announced > self.limit_bytes or self._is_chunked

    async def decode(self, kind: Any) -> Any:
        """Read it as the declared type. Raises `TooLarge`, or `BadRequest` that names the field."""
        try:
            async with asyncio.timeout(BODY_S):
                body = await self.read()
        except TimeoutError:
            raise BadRequest(f"the body did not arrive within {BODY_S} s") from None
        if is_raw(kind):
            return body
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE as error:
            raise bad_form(error) from None

    async def read(self) -> bytes:
        """Read all of it. Raises `TooLarge` as soon as it is over the limit, `ClientDisconnect`."""
        if self._announced > self.limit_bytes:
            self.over_limit = True
            raise TooLarge("the body", self.limit_bytes)
        # BytesIO hands out its own buffer, so that the body is not copied once more at the end.
        read = io.BytesIO()
        while not self.ended:
            self._is_waiting = False
            piece = await self._next(self._receive)
            if read.tell() + len(piece) > self.limit_bytes:
                self.over_limit = True
                raise TooLarge("the body", self.limit_bytes)
            read.write(piece)
        return read.getvalue()

    async def discard(self, receive: Receive) -> None:
        """Throw away what the client still sends, for a bounded time and up to a bounded size."""
        if self._is_waiting:
            return  # a client that waits for `100 Continue` sends nothing after a refusal
        left = DISCARDED_LIMITS * self.limit_bytes
        try:
            async with asyncio.timeout(DISCARD_S):
                while not self.ended and left > 0:
                    left -= len(await self._next(receive))
        except (TimeoutError, ClientDisconnect):
            pass

    async def _next(self, receive: Receive) -> bytes:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        self.ended = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece


class RefusalWhileReceiving(Response):
    """A refusal that is sent before the request's body has ended.

    A server that closes a connection while data comes in resets it, and the client may lose the answer. So all of the
    answer is sent first, then the rest of the body is thrown away, and only then is the response over. If the rest
    may be larger than any valid body, the connection is closed afterwards, whatever the refusal was.
    """

    def __init__(self, refusal: Response, body: Body) -> None:
        super().__init__(refusal.body, refusal.status_code)
        self.raw_headers = refusal.raw_headers
        if body.may_be_endless:
            self.headers["Connection"] = "close"
        self._request_body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the refusal, and keep receiving for a while."""

        async def send_and_receive(message: Message) -> None:
            if message["type"] != "http.response.body":
                return await send(message)
            await send({**message, "more_body": True})
            await self._request_body.discard(receive)
            await send({"type": "http.response.body", "body": b""})

        await super().__call__(scope, receive, send_and_receive)
