"""A stand-in for the Gemini Live API: the WebSocket protocol BidiGenerateContent, spoken by a script.

Each connection takes the next entry of `LiveStandIn.script`: JSON objects are sent as they stand, in the shapes of the
API, and the other steps wait for something or end the connection. What a client sent is kept in ``connections``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.support.gemini import KEY, Json

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
LIVE_MODEL = "gemini-live-of-the-tests"


class HearOut(NamedTuple):
    """Wait until the visitor has finished, or has said so many bytes."""

    sound_bytes: int | None = None


class Answered(NamedTuple):
    """Wait until the last call of a tool is answered."""


class Stall(NamedTuple):
    """Nothing more until the client is gone."""


class Close(NamedTuple):
    """Close the connection, as the API does when it fails or when its time is over."""

    code: int
    reason: str = ""


class Cut(NamedTuple):
    """End the connection without a goodbye."""


Step = Json | HearOut | Answered | Stall | Close | Cut


def hears(text: str) -> Json:
    """The transcript of what the visitor said, or a piece of it."""
    return {"serverContent": {"inputTranscription": {"text": text}}}


def calls(request: Any, name: str = "concierge", call_id: str = "call-1") -> Json:
    """A call of a tool."""
    args = {"request": request}
    return {"toolCall": {"functionCalls": [{"id": call_id, "name": name, "args": args}]}}


def speaks(sound: bytes, text: str = "") -> Json:
    """A piece of speech; with ``text`` its transcript comes in the same message."""
    data = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(sound).decode()}
    content: Json = {"modelTurn": {"role": "model", "parts": [{"inlineData": data}]}}
    if text:
        content["outputTranscription"] = {"text": text}
    return {"serverContent": content}


INTERRUPTED: Json = {"serverContent": {"interrupted": True}}
GO_AWAY: Json = {"goAway": {"timeLeft": "5s"}}
TURN_COMPLETE: Json = {
    "serverContent": {"turnComplete": True},
    "usageMetadata": {"promptTokenCount": 300, "responseTokenCount": 90, "totalTokenCount": 390},
}


def may_resume(handle: str) -> Json:
    """The session can be taken up again on another connection."""
    return {"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}}


def whole(heard: str, request: str, sound: bytes) -> list[Step]:
    """A conversation without faults: heard, asked, read aloud."""
    return [HearOut(), hears(heard), calls(request), Answered(), speaks(sound, "…"), TURN_COMPLETE]


class LiveConnection:
    """What a client has sent on one connection."""

    def __init__(self, setup: Json) -> None:
        self.setup = setup
        self.sound = b""
        self.pieces: list[int] = []
        """How many bytes of sound came in each message."""
        self.activity: list[str] = []
        self.answers: list[Json] = []
        self.changed = asyncio.Condition()
        self.is_gone = False

    async def take(self, message: Json) -> None:
        """Keep a message. Anything that is none of the protocol ends the connection, with 1011."""
        async with self.changed:
            # google-genai writes some names so, and others in camelCase; the API reads both.
            if (said := message.get("realtime_input")) is not None:
                assert len(said) == 1, said
                if audio := said.get("audio"):
                    assert audio["mime_type"] == "audio/pcm;rate=16000"
                    piece = base64.urlsafe_b64decode(audio["data"])
                    self.sound += piece
                    self.pieces.append(len(piece))
                else:
                    self.activity += list(said)
            else:
                self.answers += message["tool_response"]["functionResponses"]
            self.changed.notify_all()


class LiveStandIn:
    """The socket. ``script`` is what the next connections get, one entry each."""

    def __init__(self) -> None:
        self.script: deque[Sequence[Step]] = deque()
        self.connections: list[LiveConnection] = []
        self.url = ""

    @asynccontextmanager
    async def running(self, ssl_certfile: str, ssl_keyfile: str) -> AsyncIterator[LiveStandIn]:
        """Serve in this event loop; google-genai asks for TLS."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(ssl_certfile, ssl_keyfile)
        async with serve(self._serve, "127.0.0.1", 0, ssl=tls, close_timeout=1) as server:
            self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self

    @property
    def last(self) -> LiveConnection:
        """The last connection."""
        return self.connections[-1]

    async def _serve(self, socket: ServerConnection) -> None:
        request = socket.request
        assert request is not None
        if request.path != PATH or request.headers.get("x-goog-api-key") != KEY or not self.script:
            return await socket.close(1008)
        connection = LiveConnection(json.loads(await socket.recv())["setup"])
        self.connections.append(connection)
        playing = asyncio.get_running_loop().create_task(_play(socket, connection, self.script.popleft()))
        try:
            async for message in socket:
                await connection.take(json.loads(message))
        except ConnectionClosed:
            pass
        finally:
            connection.is_gone = True
            playing.cancel()
            await asyncio.wait({playing})


async def _play(socket: ServerConnection, connection: LiveConnection, steps: Sequence[Step]) -> None:
    await _send(socket, {"setupComplete": {"sessionId": "stand-in"}})
    due = 0
    for step in steps:
        match step:
            case HearOut(None):
                await _until(connection, lambda: "activityEnd" in connection.activity)
            case HearOut():
                await _until(connection, lambda least=step.sound_bytes: len(connection.sound) >= least)
            case Answered():
                due += 1
                await _until(connection, lambda count=due: len(connection.answers) >= count)
            case Stall():
                await asyncio.Event().wait()
            case Close():
                return await socket.close(step.code, step.reason)
            case Cut():
                return socket.transport.abort()
            case dict():
                await _send(socket, step)


async def _send(socket: ServerConnection, message: Json) -> None:
    # The API sends its JSON in binary frames.
    await socket.send(json.dumps(message).encode())


async def _until(connection: LiveConnection, is_so: Any) -> None:
    async with connection.changed:
        await connection.changed.wait_for(is_so)
