"""uvicorn's HTTP protocol class, with limits on connections, on the heads of requests, and on silence.

- Where proxies announce their clients, a connection begins with that (`arrivals.py`). One that begins otherwise is
  closed without an answer.
- Each connection is an open file. When as many are open as the process can spare, or as one network may have, a new
  one is answered 503 and closed at once, whether it asks for a page or a socket (a handshake begins as a request).
- The parser collects a header until it ends, and copies all of it with each piece that arrives. So one endless header
  would stop every other request. A head may have so many bytes and fields; then the answer is 431 and the connection
  closes. The same goes for what stands between the pieces of a body and after it (RFC 9112, section 7.1).
- A request's head is due some time after the connection opened, or after its own first byte. A connection that has
  said nothing by then is closed, and one that has begun is told 408 first; uvicorn itself waits for ever. How long it
  waits after an answer is uvicorn's own setting.

The body of a request is bounded where it is read (`api/shared/requests.py`), and a peer that takes nothing of an answer
is the system's concern (`listening.py`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import ClassVar

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seatserver import logs
from seatserver.errors import HeadTooLarge, SeatServerError, TooMany
from seatserver.live.transport import proxy_protocol
from seatserver.live.transport.arrivals import Arrival, Arrivals, Client
from seatserver.live.transport.uvicorn_connection import UvicornConnection

log = logs.from_outside(__name__)

HEAD_PIECE, BODY_PIECE = 4096, 1 << 16
"""How much is parsed before the limits are looked at again: in a head, and in a body."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """``refused`` is told the reason of each refusal: `too_many`, `connections`, `unannounced`, `head_too_large`
    or `head_late`."""

    arrivals: Arrivals
    connections: int
    """How many may be open in this process."""
    head_bytes: int
    head_fields: int
    head_s: float
    refused: Callable[[str], None]
    problem_of: Callable[[SeatServerError], Response]
    """Makes the answer to an error that a request would get from an endpoint too."""


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    limits: ClassVar[HttpLimits]
    # From the first byte of a request until its last one.
    _in_message = False
    _in_body = False
    # Bytes since the last progress: the start of a request, the end of its head, a piece of its body.
    _idle_bytes = 0
    _made_progress = False
    _has_too_many_fields = False
    _is_over = False
    # What has arrived of the head with which a proxy announces its client; None when there is none to come.
    _announcement: bytes | None = None
    _arrival: Arrival | None = None
    _deadline: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ what uvicorn calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """The connection is open; close it if it is one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            log.warning(
                "connection refused",
                code="too_many_open_files",
                open=len(self.connections),
                most=self.limits.connections,
            )
            reason = "this server takes no more connections at the moment"
            self._refuse_in_words("too_many", HTTPStatus.SERVICE_UNAVAILABLE, reason, b"Retry-After: 2\r\n")
        else:
            self._expect_head()
            if self.limits.arrivals.are_announced:
                self._await_announcement()
            else:
                self._admit(self.client)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._unset_deadline()
        if self._arrival is not None:
            self._arrival.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, in pieces, as long as it is within the limits."""
        if self._announcement is not None:
            data = self._read_announcement(data)
        at = 0
        while at < len(data) and not self._is_over and not self.transport.is_closing():
            piece = data[at : at + (BODY_PIECE if self._in_body else HEAD_PIECE)]
            at += len(piece)
            self._made_progress = False
            super().data_received(piece)
            self._idle_bytes = 0 if self._made_progress else self._idle_bytes + len(piece)
            if self._in_message and self._idle_bytes > self.limits.head_bytes:
                self._refuse_head()
        if self._deadline is None and not (self._in_message or self._is_over or self._is_answering()):
            self._expect_head()  # what came was no beginning of a request, but has ended uvicorn's wait for one

    def handle_websocket_upgrade(self) -> None:
        """The connection becomes a socket, which another object serves from here on."""
        self._is_over = True
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """The parser has given up, perhaps because a callback below raised `HeadTooLarge`."""
        if self._has_too_many_fields:
            self._refuse_head()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    # ------------------------------------------------------------ what the parser calls

    def on_message_begin(self) -> None:
        """The first byte of a request has arrived."""
        self._in_message, self._in_body, self._made_progress = True, False, True
        super().on_message_begin()
        self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head is complete, or of the trailers, which the parser hands over as more of the same."""
        if len(self.headers) >= self.limits.head_fields:
            self._has_too_many_fields = True
            raise self._head_too_large()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._unset_deadline()
        self._in_body = self._made_progress = True
        super().on_headers_complete()
        # The request has the list by now. Trailers are counted with the head, but are no part of it: whoever sends the
        # body would write in them what only a proxy may, such as the client's address.
        self.headers = list(self.headers)

    def on_body(self, body: bytes) -> None:
        """A piece of the body has arrived."""
        self._made_progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has arrived as a whole."""
        self._in_message = self._in_body = False
        super().on_message_complete()

    # ------------------------------------------------------------ where the connection comes from

    def _admit(self, client: Client) -> None:
        """The connection comes from this client: requests say so, and the socket that it may become."""
        self.client = client
        try:
            self._arrival = self.limits.arrivals.admit(client)
        except TooMany as error:
            retry_after = f"Retry-After: {math.ceil(error.facts['retry_after_ms'] / 1000)}\r\n"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            self._refuse_in_words("connections", status, error.message, retry_after.encode())
            return
        if self.ws_protocol_class is UvicornConnection:
            arrival = self._arrival
            self.ws_protocol_class = partial(UvicornConnection, arrival=arrival)  # type: ignore[assignment]  # calls it

    def _await_announcement(self) -> None:
        if self.limits.arrivals.is_proxy(self.client):
            self._announcement = b""
        else:
            self._refuse_unannounced("this peer is none of SEATSERVER_TRUSTED_PROXIES")

    def _read_announcement(self, data: bytes) -> bytes:
        """Take the announcement off what has arrived; the rest is the client's. Empty while some of it is missing."""
        arrived = (self._announcement or b"") + data
        try:
            found = proxy_protocol.read(arrived)
        except proxy_protocol.NotAnnounced:
            self._refuse_unannounced(
                "no head of the PROXY protocol with a client's address (SEATSERVER_PROXY_PROTOCOL)"
            )
            return b""
        if found is None:
            self._announcement = arrived
            return b""
        self._announcement = None
        self._admit(found.client or self.client)
        return arrived[found.size :]

    def _refuse_unannounced(self, problem: str) -> None:
        log.warning("connection refused", code="unannounced", problem=problem)
        self._announcement, self._is_over = None, True
        self._unset_deadline()
        self.limits.refused("unannounced")
        self.transport.close()

    # ------------------------------------------------------------ refusals

    def _expect_head(self) -> None:
        """From now on, a head is due."""
        self._unset_deadline()
        self._deadline = self.loop.call_later(self.limits.head_s, self._head_is_late)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _head_is_late(self) -> None:
        if self._is_answering():
            self._expect_head()  # a second request has begun before the first one is answered
        elif self._in_message:
            reason = "the head of the request did not arrive in time"
            self._refuse_in_words("head_late", HTTPStatus.REQUEST_TIMEOUT, reason)
        else:
            # Browsers open connections in advance; to these an answer would belong to their next request.
            self._is_over = True
            self.limits.refused("head_late")
            self.transport.close()

    def _refuse_head(self) -> None:
        error = self._head_too_large()
        log.warning("request refused", code=error.code)
        answer = self.limits.problem_of(error)
        headers = b"".join(b"%b: %b\r\n" % field for field in answer.raw_headers)
        self._refuse(error.code, HTTPStatus(error.status), headers, bytes(answer.body))

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(self.limits.head_bytes, self.limits.head_fields)

    def _refuse_in_words(self, kind: str, status: HTTPStatus, reason: str, headers: bytes = b"") -> None:
        """Refuse a connection that may have asked for nothing yet."""
        body = f"{reason}\n".encode()
        described = f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        self._refuse(kind, status, described.encode() + headers, body)

    def _refuse(self, kind: str, status: HTTPStatus, headers: bytes, body: bytes) -> None:
        """Answer and close. While another answer is being sent, only close."""
        self._is_over = True
        self._unset_deadline()
        self.limits.refused(kind)
        if not self._is_answering() and not self.transport.is_closing():
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
            self.transport.write(head.encode() + headers + b"\r\n" + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def bounded(limits: HttpLimits) -> type[BoundedHttp]:
    """The protocol class with these limits."""
    return type("BoundedHttp", (BoundedHttp,), {"limits": limits})
