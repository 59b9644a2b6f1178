"""Frames of the load generator."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from loadtests import frames
from seatserver.errors import StartError

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_server_understands_the_clients_frames(size: int) -> None:
    server = ServerProtocol(max_size=None)
    server.receive_data(frames.upgrade_request("localhost", "/ws?user=ann", "seatmap.v1+json"))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    response = server.accept(request)
    assert response.status_code == 101
    server.send_response(response)
    server.receive_data(frames.client_frame(b"x" * size))
    (frame,) = server.events_received()
    assert frame == Frame(Opcode.TEXT, b"x" * size)


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(min_value=0))
def test_frames_are_read_however_the_bytes_are_split(payloads: list[bytes], cut: int) -> None:
    sent = b"".join(map(frames.server_frame, payloads))
    cut = cut % (len(sent) + 1)
    first, rest = frames.split(sent[:cut])
    second, rest = frames.split(rest + sent[cut:])
    assert [payload for _, payload in first + second] == payloads
    assert rest == b""


@pytest.mark.parametrize("size", SIZES)
def test_frames_of_any_length_are_read(size: int) -> None:
    whole = frames.server_frame(b"y" * size, frames.BINARY)
    assert frames.split(whole) == ([(frames.BINARY, b"y" * size)], b"")
    assert frames.split(whole[:-1])[0] == [] or size == 0


def test_a_fragmented_frame_is_an_error_and_not_a_lost_message() -> None:
    with pytest.raises(StartError, match="fragment"):
        frames.split(bytes((frames.TEXT, 1)) + b"a")
