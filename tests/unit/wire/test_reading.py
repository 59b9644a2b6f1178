"""What a client makes of messages of its own release, of a newer one, and of none."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from seatserver.wire import from_server
from seatserver.wire.examples import examples
from seatserver.wire.reading import Reader

CODECS: dict[str, Any] = {"json": msgspec.json, "msgpack": msgspec.msgpack}
pytestmark = pytest.mark.parametrize("encoding", CODECS)


@pytest.mark.parametrize("kind", get_args(from_server.ServerMessage), ids=lambda kind: kind.__name__)
def test_every_message_is_read_as_it_was_sent(encoding: str, kind: type[msgspec.Struct]) -> None:
    sent = examples()[kind]
    read = Reader(encoding).read(CODECS[encoding].encode(sent))
    assert isinstance(read, kind)
    assert msgspec.to_builtins(read) == msgspec.to_builtins(sent)
    with_more = {**msgspec.to_builtins(sent), "more": {"of": ["it"]}}
    assert Reader(encoding).read(CODECS[encoding].encode(with_more)) == read


@pytest.mark.parametrize("message", [{"type": "news"}, {"type": "news", "ref": "x"}, {"type": "hold", "ref": 1}])
def test_an_unknown_type_of_message_is_passed_over(encoding: str, message: dict[str, Any]) -> None:
    assert Reader(encoding).read(CODECS[encoding].encode(message)) is None


@pytest.mark.parametrize(
    ("kind", "field", "word"),
    [
        (from_server.Booked, "status", "refunded"),
        (from_server.Expired, "reason", "moved"),
        (from_server.Refused, "seats", [[2, "wet"]]),
        (from_server.Refused, "areas", [[0, "wet", 3]]),
        (from_server.Held, "lost", [[2, "wet"]]),
        (from_server.Error, "code", "overslept"),
    ],
)
def test_an_unknown_status_reason_or_code_is_kept_as_it_came(encoding: str, kind: Any, field: str, word: Any) -> None:
    message = {**msgspec.to_builtins(examples()[kind]), field: word}
    read = Reader(encoding).read(CODECS[encoding].encode(message))
    assert isinstance(read, kind)
    assert msgspec.json.encode(getattr(read, field)) == msgspec.json.encode(word)


@pytest.mark.parametrize(
    "message",
    [
        7,
        None,
        [],
        {},
        {"type": 3},
        {"type": "bye"},
        {"type": "booked", "status": 3},
        {"type": "snapshot", "states": []},
    ],
)
def test_anything_else_is_an_error(encoding: str, message: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        Reader(encoding).read(CODECS[encoding].encode(message))
