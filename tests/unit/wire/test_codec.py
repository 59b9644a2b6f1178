"""The wire's two encodings: what is said arrives, and nothing a client sends raises anything but one clear error."""

from __future__ import annotations

import json
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatserver.errors import BadRequest, Refusal, TooLarge
from seatserver.seatmaps.search.score import Weights
from seatserver.seats.states import BookingStatus
from seatserver.wire import from_client, from_server, values
from seatserver.wire.codec import Codec, Codecs, JsonCodec, MsgpackCodec, Received
from seatserver.wire.examples import examples

LIMIT = 4096
CODECS = Codecs()
BOTH = (CODECS.json, CODECS.msgpack)
HOLD_ID = UUID("00000000-0000-4000-8000-000000000001")

refs = st.integers(0, 2**53 - 1)
whole = st.integers(-(2**53), 2**53)
"""MessagePack has no larger numbers than 64 bits, and JavaScript reads none beyond these."""
texts = st.text(max_size=20)
plain = st.none() | st.booleans() | whole | texts
trees = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
seats = st.lists(st.integers(0, 2**20 - 1), min_size=1, max_size=5).map(tuple)


def every(kind: Any) -> st.SearchStrategy[Any]:
    """Messages of a kind, within the bounds of the wire."""
    return st.builds(
        kind,
        **{
            field.name: AREAS.get(kind, PAIRS)
            if field.name == "areas"
            else special.get(field.name, whole if field.type is int else st.from_type(field.type))
            for field in msgspec.structs.fields(kind)
        },
    )


special: dict[str, st.SearchStrategy[Any]] = {
    "ref": refs,
    "version": st.integers(0, 2**53),
    "from_": st.integers(0, 2**53),
    "server_ms": st.integers(0, 2**53),
    "deadline_ms": st.integers(0, 2**53),
    "latest_deadline_ms": st.integers(0, 2**53),
    "expires_at_ms": st.none() | st.integers(0, 2**53),
    "on_sale_at_ms": st.integers(0, 2**53),
    "sale_ends_at_ms": st.integers(0, 2**53),
    "reconnect_after_ms": st.integers(-1, 2**31),
    "total_minor": st.integers(0, 2**53),
    "currency_digits": st.integers(0, 4),
    "seats_per_user": st.integers(0, 500),
    "hold_ms": st.integers(0, 2**31),
    "hold_total_ms": st.integers(0, 2**31),
    "heartbeat_ms": st.integers(0, 2**31),
    "message_bytes": st.integers(0, 2**31),
    "concierge_chars": st.integers(0, 1000),
    "concierge_model": st.booleans(),
    "voice_s": st.integers(0, 600),
    "code": texts,
    "facts": st.dictionaries(texts, trees, max_size=3),
    "seats": seats,
    "states": st.text("012345", max_size=50),
    "changes": st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 5)), max_size=5).map(tuple),
    "lines": st.lists(st.builds(values.TicketLine, ticket=texts, price_minor=st.integers(0, 2**31)), max_size=2).map(
        tuple
    ),
    "lost": st.lists(st.tuples(st.integers(0, 2**20), st.sampled_from(get_args(Refusal))), max_size=2).map(tuple),
    "stranded": st.lists(st.integers(0, 2**20), max_size=3).map(tuple),
    "fees_minor": st.integers(0, 2**31),
    "cost": st.none() | st.floats(0, 1000),
    "breakdown": st.dictionaries(texts, st.floats(0, 1000), max_size=3),
    "scopes": st.lists(texts, max_size=3).map(tuple),
    "epoch": texts,
    "showtime": texts,
    "layout": texts,
    "user": texts,
    "message": texts,
    "reason": st.sampled_from(["expired", "sold"]),
    "status": st.sampled_from(get_args(BookingStatus)),
    "currency": texts,
    "token": st.none() | texts,
    "ticket": st.none() | texts,
    "reference": texts,
    "ticket_url": st.none() | texts,
    "count": st.integers(1, 50),
    "tickets": st.none(),
    "categories": st.lists(texts, max_size=2).map(tuple),
    "wheelchairs": st.integers(0, 50),
    "limit": st.integers(1, 20),
    "weights": st.builds(Weights, distance=st.floats(0, 10)),
}
AREAS: dict[type, st.SearchStrategy[Any]] = {
    from_client.Hold: st.lists(
        st.builds(values.Places, area=st.integers(0, 9), count=st.integers(1, 9)), max_size=2
    ).map(tuple),
    from_client.Best: st.lists(texts, max_size=2).map(tuple),
    from_client.Offers: st.lists(texts, max_size=2).map(tuple),
    from_server.Snapshot: st.lists(st.integers(0, 2**20), max_size=3).map(tuple),
}
PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**20)), max_size=2).map(tuple)
special["limits"] = every(values.Limits)
special["holds"] = st.lists(every(values.HoldView), max_size=2).map(tuple)
special["bookings"] = st.none() | st.lists(every(values.OwnBooking), max_size=2).map(tuple)
special["resume"] = st.none() | every(values.Resume)

SERVER_MESSAGES = st.one_of(
    *map(
        every,
        (
            from_server.Welcome,
            from_server.Snapshot,
            from_server.Delta,
            from_server.Held,
            from_server.Released,
            from_server.Expired,
            from_server.Booked,
        ),
    ),
    *map(every, (from_server.Error, from_server.Beat)),
    st.builds(
        from_server.Refused,
        ref=refs,
        hold_id=st.uuids(),
        seats=st.lists(st.tuples(st.integers(0, 2**20), st.sampled_from(get_args(Refusal))), max_size=4).map(tuple),
    ),
    st.builds(from_server.Bye, code=st.integers(1000, 4999), reason=texts, reconnect_after_ms=st.integers(-1, 2**31)),
)
CLIENT_MESSAGES = st.one_of(
    *map(
        every,
        (
            from_client.Hello,
            from_client.Hold,
            from_client.Release,
            from_client.Extend,
            from_client.Best,
            from_client.Book,
            from_client.ClientBeat,
        ),
    )
)


def encoded(codec: Codec, value: object) -> Received:
    """A frame with this content, whether it is a message or not."""
    if isinstance(codec, JsonCodec):
        return msgspec.json.encode(value).decode()
    return msgspec.msgpack.encode(value)


def read_back(codec: Codec, frame: Received, kind: Any) -> Any:
    assert isinstance(frame, str if isinstance(codec, JsonCodec) else bytes)
    if isinstance(frame, str):
        return msgspec.json.decode(frame, type=kind)
    return msgspec.msgpack.decode(frame, type=kind)


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@given(message=SERVER_MESSAGES)
def test_every_message_of_the_server_is_decoded_as_it_was_encoded(
    codec: Codec, message: from_server.ServerMessage
) -> None:
    assert read_back(codec, codec.encode(message).payload, from_server.ServerMessage) == message


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@given(message=CLIENT_MESSAGES)
def test_every_message_of_a_client_is_understood(codec: Codec, message: from_client.ClientMessage) -> None:
    frame = encoded(codec, message)
    assert codec.decode(frame, 65_536) == message
    assert codec.ref_of(frame) == message.ref


OPEN_MAPS = {"facts", "breakdown"}
"""Fields that are maps of anything, where nothing is unknown."""


def of_a_later_release(value: Any) -> Any:
    """The same, and in every object something new."""
    if isinstance(value, list):
        return [of_a_later_release(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    known = {name: inner if name in OPEN_MAPS else of_a_later_release(inner) for name, inner in value.items()}
    return {**known, "new": {"in": ["release", 2]}}


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize("kind", get_args(from_server.ServerMessage), ids=lambda kind: kind.__name__)
def test_a_client_ignores_fields_of_a_newer_server(codec: Codec, kind: type[msgspec.Struct]) -> None:
    more = of_a_later_release(json.loads(msgspec.json.encode(examples()[kind])))
    assert read_back(codec, encoded(codec, more), from_server.ServerMessage) == examples()[kind]


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize("kind", get_args(from_client.ClientMessage), ids=lambda kind: kind.__name__)
def test_the_server_refuses_a_field_that_it_does_not_know(codec: Codec, kind: type[msgspec.Struct]) -> None:
    known = json.loads(msgspec.json.encode(examples()[kind]))
    with pytest.raises(BadRequest, match="new"):
        codec.decode(encoded(codec, {**known, "new": 1}), LIMIT)


def deep_json(levels: int) -> str:
    return '{"a":' + "[" * levels + "]" * levels + ',"type":"hold"}'


def deep_msgpack(levels: int) -> bytes:
    return b"\x82\xa1a" + b"\x91" * levels + b"\x01\xa4type\xa4hold"


@given(
    frame=st.binary(max_size=200) | st.text(max_size=200) | trees.map(json.dumps) | trees.map(msgspec.msgpack.encode)
)
@example(frame=deep_json(2000))
@example(frame=deep_msgpack(4000))
@example(frame="\ud800" * 2000)
@example(frame='{"type":"hold","ref":1,"hold_id":"\\ud800","seats":[1]}')
@example(frame='{"type":"hold","ref":1e400}')
@example(frame=b"\x81\xa3ref\xcf\xff\xff\xff\xff\xff\xff\xff\xff")
@example(frame="9" * 4000)
def test_anything_a_client_sends_is_a_message_or_one_clear_error(frame: Received) -> None:
    for codec in BOTH:
        try:
            codec.decode(frame, LIMIT)
        except (BadRequest, TooLarge) as error:
            assert error.message
        assert 0 <= codec.ref_of(frame) < 2**53


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"type": "hold", "ref": 1, "hold_id": str(HOLD_ID), "seats": [1, "x"]}, "seats[1]"),
        ({"type": "hold", "ref": 1, "hold_id": "nothing", "seats": [1]}, "hold_id"),
        ({"type": "hold", "ref": -1, "hold_id": str(HOLD_ID), "seats": [1]}, "ref"),
        ({"type": "release", "ref": 1, "hold_id": str(HOLD_ID), "seats": []}, "seats"),
        ({"type": "hold", "ref": 1, "hold_id": str(HOLD_ID), "areas": [{"area": 0, "count": 0}]}, "areas[0].count"),
        ({"type": "hold", "ref": 1, "hold_id": str(HOLD_ID), "seats": [2**20]}, "seats[0]"),
        ({"type": "best", "ref": 1, "hold_id": str(HOLD_ID), "count": 51}, "count"),
        ({"type": "hello", "resume": {"epoch": "e", "version": -1}}, "resume.version"),
        ({"type": "dance"}, "type"),
    ],
)
def test_an_error_names_the_field(codec: Codec, wrong: dict[str, object], where: str) -> None:
    with pytest.raises(BadRequest) as caught:
        codec.decode(encoded(codec, wrong), LIMIT)
    assert caught.value.facts["where"] == where
    assert caught.value.message.startswith(f"{where}: ")


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"type": "extend", "ref": 1, "hold_id": str(HOLD_ID), "more": 1}, "more"),
        ({"type": "extend", "hold_id": str(HOLD_ID)}, "ref"),
        ({"ref": 1}, "type"),
        ([1, 2], "array"),
    ],
)
def test_an_error_names_a_missing_or_unknown_field(codec: Codec, wrong: object, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        codec.decode(encoded(codec, wrong), LIMIT)


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@given(wrong=st.dictionaries(st.sampled_from(["type", "seats", "hold_id", "x"]), trees, max_size=4), ref=refs)
def test_an_invalid_message_is_answered_with_its_ref(codec: Codec, wrong: dict[str, Any], ref: int) -> None:
    assert codec.ref_of(encoded(codec, {**wrong, "ref": ref})) == ref


@pytest.mark.parametrize("codec", BOTH, ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize("ref", [-1, 2**53, 2**63, 1.5, "1", None, [1]])
def test_an_invalid_ref_is_not_repeated(codec: Codec, ref: object) -> None:
    assert codec.ref_of(encoded(codec, {"type": "hold", "ref": ref})) == 0


@given(characters=st.integers(1, 40), character=st.sampled_from("aé€😀"))
def test_the_limit_counts_bytes(characters: int, character: str) -> None:
    frame = character * characters
    size = len(frame.encode())
    with pytest.raises(TooLarge, match=f"larger than {size - 1} bytes"):
        CODECS.json.decode(frame, size - 1)
    with pytest.raises(BadRequest):
        CODECS.json.decode(frame, size)
    with pytest.raises(TooLarge):
        CODECS.msgpack.decode(frame.encode(), size - 1)


@given(frame=st.binary(max_size=10))
def test_the_wrong_type_of_frame_is_named_in_the_error(frame: bytes) -> None:
    with pytest.raises(BadRequest, match=r"expected a text frame.*seatmap\.v1\+json"):
        CODECS.json.decode(frame, LIMIT)
    with pytest.raises(BadRequest, match=r"expected a binary frame.*seatmap\.v1\+msgpack"):
        CODECS.msgpack.decode("", LIMIT)


def test_the_first_known_subprotocol_is_chosen() -> None:
    assert CODECS.choose([]) is CODECS.json
    assert CODECS.choose(["other", MsgpackCodec.subprotocol, JsonCodec.subprotocol]) is CODECS.msgpack
    assert CODECS.choose(["other"]) is None
