"""Bodies on their way in and answers on their way out: bounded, and in memory once."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterable
from typing import Annotated

import msgspec
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from seatserver.api.shared.answers import PIECE_BYTES, SharedAnswers, answer_of
from seatserver.api.shared.requests import DISCARDED_LIMITS, Body, RefusalWhileReceiving
from seatserver.errors import TooLarge

PIECE = 65_536


class Incoming:
    """A request whose body comes in these pieces; it counts those that were taken."""

    def __init__(self, pieces: Iterable[bytes], **headers: str) -> None:
        self._pieces = iter(pieces)
        self.taken = 0
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.request = Request({"type": "http", "method": "POST", "headers": raw}, self.receive)

    async def receive(self) -> Message:
        self.taken += 1
        piece = next(self._pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}


class Named(msgspec.Struct):
    name: str


async def test_a_body_is_decoded_from_the_pieces_that_arrive() -> None:
    body = Body(Incoming([b'{"na', b'me": ', b'"Odeon"}']).request, 100)
    assert await body.decode(Named) == Named("Odeon")
    assert body.ended


async def test_a_raw_body_is_handed_over_as_bytes() -> None:
    kind = Annotated[bytes, msgspec.Meta(description="A file.")]
    assert await Body(Incoming([b"\xff", b"\xfe"]).request, 100).decode(kind) == b"\xff\xfe"


async def test_a_large_body_is_in_memory_once() -> None:
    size = 128 * PIECE
    incoming = Incoming(bytes(PIECE) for _ in range(128))
    tracemalloc.start()
    try:
        body = await Body(incoming.request, size).decode(bytes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(body) == size
    assert peak < 1.25 * size, "one growing buffer and one piece"


async def test_a_body_announced_over_the_limit_is_refused_unread() -> None:
    incoming = Incoming([b"x"], content_length="101")
    with pytest.raises(TooLarge):
        await Body(incoming.request, 100).read()
    assert incoming.taken == 0


@pytest.mark.parametrize(("limit", "fits"), [(40, True), (39, False)])
async def test_a_body_without_a_length_is_refused_with_the_piece_that_exceeds_the_limit(limit: int, fits: bool) -> None:
    incoming = Incoming([b"x" * 10] * 4)
    body = Body(incoming.request, limit)
    if fits:
        assert len(await body.read()) == 40
        return
    with pytest.raises(TooLarge):
        await body.read()
    assert incoming.taken == 4


async def test_a_client_that_goes_while_it_sends_ends_the_reading() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "headers": []}, gone)
    with pytest.raises(ClientDisconnect):
        await Body(request, 100).read()


async def answered(response: Response, incoming: Incoming) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append({**message, "taken": incoming.taken})

    await response({"type": "http", "method": "POST"}, incoming.receive, send)
    return sent


async def refused(incoming: Incoming, limit: int) -> tuple[Body, list[Message]]:
    body = Body(incoming.request, limit)
    with pytest.raises(TooLarge):
        await body.read()
    return body, await answered(RefusalWhileReceiving(Response(b"too much", 413), body), incoming)


async def test_a_refusal_is_sent_whole_before_the_rest_of_the_body_is_taken() -> None:
    incoming = Incoming([b"x" * 10] * 20)
    body, [start, content, end] = await refused(incoming, 45)
    assert (start["status"], content["body"], end["body"]) == (413, b"too much", b"")
    assert (content["taken"], end["taken"]) == (5, 21)
    assert body.ended
    assert (b"connection", b"close") in start["headers"]


async def test_an_endless_body_is_given_up_after_a_multiple_of_its_limit() -> None:
    incoming = Incoming(iter(lambda: b"x" * 10, b""))
    body, sent = await refused(incoming, 100)
    assert not sent[-1].get("more_body", False), "the response is over, so the server closes the connection"
    assert not body.ended
    assert incoming.taken == 11 + DISCARDED_LIMITS * 10


@pytest.mark.parametrize(
    ("headers", "closes"),
    [({"content_length": "101"}, True), ({"transfer_encoding": "chunked"}, True), ({"content_length": "100"}, False)],
    ids=["announced over the limit", "of unknown length", "announced within the limit"],
)
async def test_any_refusal_of_what_may_be_endless_closes_the_connection(headers: dict[str, str], closes: bool) -> None:
    incoming = Incoming([b"x" * 10], **headers)
    refusal = RefusalWhileReceiving(Response(b"who are you?", 401), Body(incoming.request, 100))
    start, *_ = await answered(refusal, incoming)
    assert ((b"connection", b"close") in start["headers"]) is closes


async def test_a_client_that_waits_for_permission_to_send_is_not_waited_for() -> None:
    incoming = Incoming([b"x"], content_length="101", expect="100-continue")
    await refused(incoming, 100)
    assert incoming.taken == 0


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 1])
async def test_an_answer_is_sent_in_pieces_that_add_up_to_it(size: int) -> None:
    whole = bytes(index % 251 for index in range(size))
    start, *pieces = await answered(answer_of(whole), Incoming([]))
    assert dict(start["headers"])[b"content-length"] == str(size).encode()
    assert b"".join(piece["body"] for piece in pieces) == whole
    assert all(len(piece["body"]) <= PIECE_BYTES for piece in pieces)
    assert [piece["more_body"] for piece in pieces] == [True] * (len(pieces) - 1) + [False]


async def test_a_slow_reader_is_sent_no_piece_before_there_is_room() -> None:
    room, sent = asyncio.Event(), 0

    async def send(message: Message) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))
        if message["type"] == "http.response.body":
            await room.wait()

    response = answer_of(bytes(10 * PIECE_BYTES))
    sending = asyncio.create_task(response({"type": "http", "method": "GET"}, Incoming([]).receive, send))
    for _ in range(10):
        await asyncio.sleep(0)
    assert sent == PIECE_BYTES
    room.set()
    await sending
    assert sent == 10 * PIECE_BYTES


def test_readers_of_the_same_answer_share_its_bytes() -> None:
    answers = SharedAnswers()
    first = answers.get("a", lambda: Named("A"))
    assert answers.get("a", lambda: Named("another")) is first
    assert answer_of(first).body is first


def test_shared_answers_are_dropped_when_they_take_too_much_memory() -> None:
    answers = SharedAnswers(most_bytes=2 * len(msgspec.json.encode(Named("a"))))
    kept = {name: answers.get(name, lambda: Named("x")) for name in "ab"}
    assert answers.get("a", lambda: Named("y")) is kept["a"]
    answers.get("c", lambda: Named("z"))
    assert answers.get("a", lambda: Named("y")) is kept["a"]
    assert answers.get("b", lambda: Named("y")) != kept["b"], "the least recently used one"
    assert answers.get("d", lambda: Named("longer than all")) == b'{"name":"longer than all"}'
