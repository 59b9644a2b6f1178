"""JSON and MessagePack for the wire, and errors that name what is wrong with a message.

A codec encodes a server's message as one frame (text for JSON, binary for MessagePack), which all sockets of that
encoding share, and decodes what a client sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from seatserver.errors import BadRequest, TooLarge
from seatserver.misfits import UNREADABLE, misfit, unreadable
from seatserver.wire.frames import Frame
from seatserver.wire.from_client import ClientMessage
from seatserver.wire.from_server import ServerMessage
from seatserver.wire.values import Ref

SUBPROTOCOL_JSON = "seatmap.v1+json"
SUBPROTOCOL_MSGPACK = "seatmap.v1+msgpack"

Received = str | bytes
"""What a client sent in one message: text or bytes."""
Asked = TypeVar("Asked")
Told = TypeVar("Told")


class _OnlyRef(msgspec.Struct):
    ref: Ref = 0


class TextCodec(Generic[Asked, Told]):
    """JSON in text frames, for the messages of one kind of socket: what clients ask, and what they are told."""

    def __init__(self, asked: Any, speaks: str) -> None:
        """``asked`` is the type of a client's messages; an error says that the socket ``speaks`` this."""
        self._speaks = speaks
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(asked)
        self._ref = msgspec.json.Decoder(_OnlyRef)

    def encode(self, message: Told) -> Frame:
        """The message as a text frame."""
        return Frame(self._encoder.encode(message), text=True)

    def decode(self, received: Received, limit_bytes: int) -> Asked:
        """The message that a client sent. Raises `TooLarge`, or `BadRequest` that names the field."""
        if isinstance(received, bytes):
            raise BadRequest(f"expected a text frame: this socket speaks {self._speaks}")
        # One character is at least one byte, so most frames need no encoding to be measured.
        if len(received) > limit_bytes or (
            len(received) * 4 > limit_bytes and len(received.encode("utf-8", "surrogatepass")) > limit_bytes
        ):
            raise TooLarge("the message", limit_bytes)
        try:
            return self._decoder.decode(received)
        except UNREADABLE as error:
            raise _explained(error, "JSON") from None

    def ref_of(self, received: Received) -> int:
        """The ``ref`` of a message that could not be decoded; 0 when that cannot be read either."""
        try:
            return self._ref.decode(received).ref
        except UNREADABLE:
            return 0


class JsonCodec(TextCodec[ClientMessage, ServerMessage]):
    """Text frames of a room's socket."""

    subprotocol = SUBPROTOCOL_JSON

    def __init__(self) -> None:
        super().__init__(ClientMessage, SUBPROTOCOL_JSON)


class MsgpackCodec:
    """Binary frames of a room's socket."""

    subprotocol = SUBPROTOCOL_MSGPACK

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ClientMessage)
        self._ref = msgspec.msgpack.Decoder(_OnlyRef)

    def encode(self, message: ServerMessage) -> Frame:
        """The message as a binary frame."""
        return Frame(self._encoder.encode(message), text=False)

    def decode(self, received: Received, limit_bytes: int) -> ClientMessage:
        """The message that a client sent. Raises `TooLarge`, or `BadRequest` that names the field."""
        if isinstance(received, str):
            raise BadRequest(f"expected a binary frame: this socket speaks {SUBPROTOCOL_MSGPACK}")
        if len(received) > limit_bytes:
            raise TooLarge("the message", limit_bytes)
        try:
            message: ClientMessage = self._decoder.decode(received)
            return message
        except UNREADABLE as error:
            raise _explained(error, "MessagePack") from None

    def ref_of(self, received: Received) -> int:
        """The ``ref`` of a message that could not be decoded; 0 when that cannot be read either."""
        try:
            return self._ref.decode(received).ref if isinstance(received, bytes) else 0
        except UNREADABLE:
            return 0


Codec = JsonCodec | MsgpackCodec


class Codecs:
    """The encodings that the server speaks."""

    def __init__(self) -> None:
        self.json = JsonCodec()
        self.msgpack = MsgpackCodec()

    def choose(self, asked: Sequence[str]) -> Codec | None:
        """The codec for the subprotocols that a client asks for: JSON if it asks for none, None if for others only."""
        if not asked:
            return self.json
        for subprotocol in asked:
            if subprotocol == SUBPROTOCOL_JSON:
                return self.json
            if subprotocol == SUBPROTOCOL_MSGPACK:
                return self.msgpack
        return None


def _explained(error: Exception, encoding: str) -> BadRequest:
    if not isinstance(error, msgspec.ValidationError):
        return BadRequest(f"not valid {encoding}: {unreadable(error)}")
    field, problem, _ = misfit(error)
    return BadRequest(f"{field}: {problem}" if field else problem, field)
