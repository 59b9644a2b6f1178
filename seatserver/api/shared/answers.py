"""JSON answers, and how large ones are sent.

Lists that grow with the sale are a page long, and a layout has at most `MAX_SEATS` places (3.5 MB, encoded in about 10
ms). Theatres come all at once, because only administrators create them. An answer is encoded in one go and sent in
pieces, each when the connection has room for it, so that a slow reader costs no second copy. Layouts are the largest
answers and open to everybody, so all their readers share one encoding: see `SharedAnswers`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from seatserver.api.shared.problems import HEADERS

FOR_EVER = "public, max-age=31536000, immutable"
PIECE_BYTES = 65_536
SHARED_BYTES = 64 * 1024 * 1024


def answer_of(answer: msgspec.Struct | bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A Struct, or one encoded already, as a JSON response; not to be cached unless ``headers`` say otherwise."""
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return InPieces(body, status, headers={**HEADERS, **(headers or {})}, media_type="application/json")


def kept_for_ever(tag: str) -> dict[str, str]:
    """The headers of an answer that never changes, and is named by the hash of its content."""
    return {"ETag": f'"{tag}"', "Cache-Control": FOR_EVER}


def is_kept(request: Request, tag: str) -> bool:
    """Whether the client has this answer already."""
    # RFC 9110, section 13.1.2: a list of entity tags, weak ones included, or an asterisk.
    listed = ",".join(request.headers.getlist("if-none-match")).split(",")
    return bool({one.strip().removeprefix("W/").strip('"') for one in listed} & {tag, "*"})


class InPieces(Response):
    """A response that waits for the connection after each piece."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        size = len(self.body)
        for start in range(0, max(size, 1), PIECE_BYTES):
            end = start + PIECE_BYTES
            await send({"type": "http.response.body", "body": self.body[start:end], "more_body": end < size})


class SharedAnswers:
    """Encoded answers that never change, by name. The least recently used ones are dropped over `SHARED_BYTES`."""

    def __init__(self, most_bytes: int = SHARED_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str, make: Callable[[], msgspec.Struct]) -> bytes:
        """The answer of this name, made and encoded if it is not there."""
        known = self._answers.get(name)
        if known is not None:
            self._answers.move_to_end(name)
            return known
        made = self._answers[name] = msgspec.json.encode(make())
        self._bytes += len(made)
        while self._bytes > self._most_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped)
        return made
