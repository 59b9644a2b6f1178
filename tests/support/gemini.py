"""A stand-in for the Gemini API: the real protocol on a free port of the loopback address, spoken by a script.

The real google-genai client talks to it through its base URL. `GeminiStandIn.script` says what the next requests get:
each takes one list of steps (`Say`, `Call`, `End` …) or, when the script is empty, what ``otherwise`` makes of the
request. Every request is kept in ``requests``, as it came. The shapes are those that the API sends: one JSON object for
each server-sent event, camelCase, the usage on every chunk, errors as google.rpc.Status.

Its key and model are `KEY` and `MODEL`. Routes that are added to ``routes`` before it starts are served beside it,
sockets too.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tests.waiting import within

KEY = "a-key-of-the-tests"
MODEL = "gemini-of-the-tests"
API = "/v1beta/models/"
PROMPT_TOKENS = 100
"""What every request is said to have taken, unless its `End` says otherwise."""

Json = dict[str, Any]


class Say(NamedTuple):
    """A chunk of text."""

    text: str


class Call(NamedTuple):
    """A call of a tool. Calls that stand next to each other come in one chunk, as parallel calls do."""

    name: str
    args: Any = None
    signature: str = ""
    """The ``thoughtSignature`` that must come back with the call."""


class End(NamedTuple):
    """The last chunk: why the model stopped, and what it took."""

    reason: str = "STOP"
    prompt: int = PROMPT_TOKENS
    output: int = 20
    thoughts: int = 0


class Blocked(NamedTuple):
    """The only chunk for a prompt that is not answered."""

    reason: str = "SAFETY"


class Refuse(NamedTuple):
    """No stream at all but an error, as google.rpc.Status."""

    code: int
    status: str
    retry_after_s: int | None = None


class Wait(NamedTuple):
    """Nothing more until the event is set, or the client is gone."""

    event: asyncio.Event


class Cut(NamedTuple):
    """The connection ends in the middle of the answer."""


class Raw(NamedTuple):
    """Bytes as they are, which need not be an event at all."""

    data: bytes


class Error(NamedTuple):
    """An error in the middle of a stream, as an event of its own."""

    code: int = 503
    status: str = "UNAVAILABLE"


class Flood(NamedTuple):
    """A line without end, until the client is gone."""


Step = Say | Call | End | Blocked | Refuse | Wait | Cut | Raw | Error | Flood
Steps = Sequence[Step]


def say(text: str, **end: Any) -> list[Step]:
    """A whole answer, a word a chunk."""
    first, *others = text.split(" ")
    return [Say(first), *(Say(f" {word}") for word in others), End(**end)]


class _Server(uvicorn.Server):
    """A uvicorn that says when it listens, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class GeminiStandIn:
    """The server. ``script`` is what the next requests get, one entry each."""

    def __init__(self, otherwise: Callable[[Json], Steps] | None = None) -> None:
        self.script: deque[Steps] = deque()
        self.otherwise = otherwise
        self.requests: list[Json] = []
        self.hung_up = 0
        """Answers that the client did not hear to their end."""
        self.open = 0
        """Answers that are being given."""
        self.url = ""
        self.routes: list[BaseRoute] = []

    def app(self) -> Starlette:
        """The routes as an application."""
        return Starlette(routes=[Route(API + "{name}", self._answer, methods=["POST"]), *self.routes])

    async def _answer(self, request: Request) -> _Stream:
        model, _, verb = request.path_params["name"].partition(":")
        body = await request.json()
        self.requests.append(body)
        if request.headers.get("x-goog-api-key") != KEY:
            return _Stream(self, [Refuse(400, "INVALID_ARGUMENT")])
        if verb != "streamGenerateContent" or request.query_params.get("alt") != "sse" or model != MODEL:
            return _Stream(self, [Refuse(404, "NOT_FOUND")])
        if self.script:
            return _Stream(self, self.script.popleft())
        if self.otherwise is not None:
            return _Stream(self, self.otherwise(body))
        return _Stream(self, [Refuse(500, "INTERNAL")])

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[GeminiStandIn]:
        """Serve in this event loop. ``options`` go to uvicorn, such as ``ssl_certfile``."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            scheme = "https" if "ssl_certfile" in options else "http"
            self.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
            config = uvicorn.Config(
                self.app(),
                log_config=None,
                log_level="critical",
                lifespan="off",
                timeout_graceful_shutdown=1,
                **options,
            )
            server = _Server(config)
            serving = asyncio.get_running_loop().create_task(server.serve([listener]))
            try:
                async with within("the stand-in for Gemini"):
                    await server.ready.wait()
                yield self
            finally:
                server.should_exit = True
                await serving

    # ------------------------------------------------------------ what a request asked

    @property
    def last(self) -> Json:
        """The last request."""
        return self.requests[-1]


class _Stream:
    """The answer to one request, as an ASGI application."""

    def __init__(self, stand_in: GeminiStandIn, steps: Steps) -> None:
        self._stand_in = stand_in
        self._steps = steps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = self._steps[0] if self._steps else None
        if isinstance(first, Refuse):
            return await _refuse(first, send)
        self._stand_in.open += 1
        gone = asyncio.get_running_loop().create_task(_gone(receive))
        telling = asyncio.get_running_loop().create_task(self._tell(send))
        try:
            await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                self._stand_in.hung_up += 1
                telling.cancel()
                await asyncio.wait({telling})
            elif (error := telling.exception()) is not None:
                raise error
        finally:
            self._stand_in.open -= 1
            gone.cancel()
            telling.cancel()

    async def _tell(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"x-gemini-service-tier", b"standard")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        calls: list[Json] = []
        for index, step in enumerate(self._steps):
            data = b""
            match step:
                case Wait():
                    await step.event.wait()
                case Cut():
                    raise ConnectionResetError("cut in the middle")
                case Raw():
                    data = step.data
                case Flood():
                    while True:
                        await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
                        await asyncio.sleep(0)  # whoever has gone is told nothing, without a pause
                case Error():
                    data = _event(_status(step.code, step.status))
                case Blocked():
                    data = _event(
                        {"promptFeedback": {"blockReason": step.reason}, "usageMetadata": _usage(End(output=0))}
                    )
                case Say():
                    data = _event(_chunk([{"text": step.text}]))
                case Call():
                    calls.append(_call(step))
                    if not isinstance(self._steps[index + 1] if index + 1 < len(self._steps) else None, Call):
                        data = _event(_chunk(calls))
                        calls = []
                case End():
                    data = _event(_chunk([{"text": ""}] if step.reason == "STOP" else [], step))
            if data:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(refusal: Refuse, send: Send) -> None:
    body = _status(refusal.code, refusal.status)
    if refusal.retry_after_s is not None:
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        body["error"]["details"] = [{"@type": kind, "retryDelay": f"{refusal.retry_after_s}s"}]
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(data)).encode())]
    await send({"type": "http.response.start", "status": refusal.code, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def _status(code: int, status: str) -> Json:
    return {"error": {"code": code, "message": f"the stand-in says {status}", "status": status}}


def _event(document: Json) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\r\n\r\n"


def _call(step: Call) -> Json:
    part: Json = {"functionCall": {"name": step.name, "args": {} if step.args is None else step.args}}
    if step.signature:
        part["thoughtSignature"] = step.signature
    return part


def _chunk(parts: list[Json], end: End | None = None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if end is not None:
        candidate["finishReason"] = end.reason
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(end or End(output=0)),
        "modelVersion": MODEL,
        "responseId": "c3RhbmQtaW4",
    }


def _usage(end: End) -> Json:
    usage: Json = {
        "promptTokenCount": end.prompt,
        "totalTokenCount": end.prompt + end.output + end.thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": end.prompt}],
    }
    if end.output:
        usage["candidatesTokenCount"] = end.output
    if end.thoughts:
        usage["thoughtsTokenCount"] = end.thoughts
    return usage
