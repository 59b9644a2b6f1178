"""A frame is what RFC 6455 says, whatever its size: a parser that is not ours reads the message back."""

from __future__ import annotations

import pytest
from websockets.frames import Frame as Parsed
from websockets.frames import Opcode
from websockets.streams import StreamReader

from seatserver.wire.frames import Frame

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 200_000)


def parsed(wire: bytes) -> Parsed:
    reader = StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    parsing = Parsed.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    with pytest.raises(StopIteration) as rest:
        next(reader.at_eof())
    assert rest.value.value is True, "nothing follows the frame"
    frame = done.value.value
    assert isinstance(frame, Parsed)
    return frame


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size_is_one_frame(size: int) -> None:
    text, data = "é" * (size // 2) + "x" * (size % 2), bytes(size)
    as_text, as_data = Frame(text.encode(), text=True), Frame(data, text=False)
    for frame, opcode, payload in ((as_text, Opcode.TEXT, text.encode()), (as_data, Opcode.BINARY, data)):
        read = parsed(frame.wire)
        assert (read.opcode, read.fin, bytes(read.data)) == (opcode, True, payload)
    assert (as_text.payload, as_data.payload) == (text, data)


def test_other_asgi_servers_get_the_same_message_as_an_event() -> None:
    assert Frame(b"{}", text=True).event == {"type": "websocket.send", "text": "{}"}
    frame = Frame(b"\x80", text=False)
    assert frame.event == {"type": "websocket.send", "bytes": b"\x80"}
    assert frame.event is frame.event, "made once for all"
