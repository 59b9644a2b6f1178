"""What the JavaScript client writes and reads is what the server does; the rest of its parts is in client.test.mjs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seatserver.wire import from_client, values
from seatserver.wire.codec import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, MsgpackCodec
from tests.javascript import Node

SAFE = 2**53 - 1
HOLD_ID = UUID("00000000-0000-4000-8000-000000000001")

# JSON's own values, as far as JavaScript can tell them apart: there, 1.0 is 1.
texts = st.text(max_size=40)
numbers = st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != int(x))
leaves = st.none() | st.booleans() | numbers | texts
# JavaScript puts keys that are numbers before the others.
names = texts.filter(lambda text: not text.isdecimal())
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=20) | st.dictionaries(names, inner, max_size=20), max_leaves=60
)
thrifty = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

EDGES = [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, SAFE]
DOWN = [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -SAFE]
LONG = ["x" * size for size in (31, 32, 255, 256, 65535, 65536)]
MANY: list[Any] = [[0] * size for size in (15, 16, 65535, 65536)]
KEYS: list[Any] = [{str(key): key for key in range(size)} for size in (15, 16, 65536)]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


def read(node: Node, packed: bytes) -> Any:
    """What JavaScript makes of these bytes."""
    code = "return JSON.stringify(decode(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))))"
    return json.loads(node.tell(code, packed=base64.b64encode(packed).decode()))


def written(node: Node, value: Any) -> bytes:
    """The bytes that JavaScript makes of it."""
    code = "let text = ''; for (const byte of encode(value)) text += String.fromCharCode(byte); return btoa(text)"
    return base64.b64decode(node.tell(code, value=value))


@thrifty
@given(trees)
@example([*EDGES, *DOWN])
@example(LONG)
@example(MANY)
@example(KEYS)
@example({"__proto__": {"x": 1}, "constructor": 2, "": 3, "zoë 🎬": "\x00\u2028"})
def test_python_and_javascript_write_the_same_bytes_and_read_each_other(node: Node, value: Any) -> None:
    packed = msgspec.msgpack.encode(value)
    assert read(node, packed) == value
    # Both write everything in its shortest form.
    assert written(node, value) == packed


def test_numeric_keys_come_first_and_mean_the_same(node: Node) -> None:
    value = {"b": 1, "10": 2, "9": 3, "a": 4}
    packed = written(node, value)
    assert list(msgspec.msgpack.decode(packed)) == ["9", "10", "b", "a"]
    assert msgspec.msgpack.decode(packed) == read(node, packed) == value


@pytest.mark.parametrize("packed", [b"\xca\x3f\xc0\x00\x00", b"\xcf" + b"\x00" * 7 + b"\x07", b"\xd3" + b"\xff" * 8])
def test_longer_encodings_than_ours_are_read_too(node: Node, packed: bytes) -> None:
    assert read(node, packed) == msgspec.msgpack.decode(packed)


CLIENT_MESSAGES: list[from_client.ClientMessage] = [
    from_client.Hello(ref=1, token="t", resume=values.Resume(epoch="e", version=SAFE)),
    from_client.Hold(
        ref=2,
        hold_id=HOLD_ID,
        seats=(1, 2**20 - 1),
        areas=(values.Places(area=3, count=500, ticket="adult"),),
        tickets=("adult", "child"),
        wheelchairs=1,
        replaces=HOLD_ID,
        or_nearest=True,
    ),
    from_client.Best(ref=3, hold_id=HOLD_ID, tickets={"adult": 2}, categories=("sofa",), split=False),
    from_client.Offers(ref=4, count=3, limit=20),
    from_client.Release(ref=5, hold_id=HOLD_ID, seats=(7,)),
    from_client.Extend(ref=6, hold_id=HOLD_ID),
    from_client.Book(ref=7, hold_id=HOLD_ID, pay_later=True),
    from_client.ClientBeat(ref=8, epoch="e", version=70_000),
]


@pytest.mark.parametrize("message", CLIENT_MESSAGES, ids=lambda message: type(message).__name__)
def test_the_server_reads_every_command_written_in_javascript(node: Node, message: from_client.ClientMessage) -> None:
    assert MsgpackCodec().decode(written(node, msgspec.to_builtins(message)), 4096) == message


@thrifty
@given(st.binary(max_size=60))
@example(b"")
@example(b"\xc1")
@example(b"\x81\x01\x02")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xdb\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
@example(b"\xd9\x02\xc3\x28")
def test_any_bytes_decode_to_a_value_or_a_syntax_error(node: Node, packed: bytes) -> None:
    code = """
        try {
            return JSON.stringify(decode(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0)))) ?? null;
        } catch (error) {
            return error.name;
        }
    """
    found = node.tell(code, packed=base64.b64encode(packed).decode())
    try:
        msgspec.msgpack.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        assert found == "SyntaxError"


def test_a_truncated_message_is_never_read_as_a_complete_one(node: Node) -> None:
    packed = msgspec.msgpack.encode(msgspec.to_builtins(CLIENT_MESSAGES[1]))
    code = """
        const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
        const found = [];
        for (let size = 0; size <= bytes.length; size += 1) {
            try {
                decode(bytes.subarray(0, size));
                found.push(size);
            } catch (error) {
                if (!(error instanceof SyntaxError)) throw error;
            }
        }
        return found;
    """
    assert node.tell(code, packed=base64.b64encode(packed).decode()) == [len(packed)]


def test_a_given_websocket_class_is_used_with_the_servers_subprotocol(node: Node) -> None:
    code = """
        const asked = [];
        class Given {
            constructor(url, protocols) {
                asked.push([url, ...protocols]);
            }
            close() {}
        }
        const known = globalThis.WebSocket;
        delete globalThis.WebSocket;
        const without = (() => {
            try {
                return new SeatMapClient("ws://x");
            } catch (error) {
                return error.message;
            }
        })();
        const urls = ["https://x/1", new URL("http://x/2"), "wss://x/3"];
        const given = [...urls.map((url) => [url, "msgpack"]), ["ws://x/4", "json"]];
        for (const [url, encoding] of given) {
            const before = asked.length;
            open("one", url, { token: "t", encoding, WebSocket: Given });
            await until(() => asked.length > before);
        }
        globalThis.WebSocket = known;
        return [without, asked];
    """
    without, asked = node.tell(code)
    assert without.startswith("this runtime has no WebSocket: expected Node 22 or newer, or a class of your own")
    packed, text = SUBPROTOCOL_MSGPACK, SUBPROTOCOL_JSON
    assert asked == [["wss://x/1", packed], ["ws://x/2", packed], ["wss://x/3", packed], ["ws://x/4", text]]


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"encoding": "xml"}, "the encoding msgpack or json, got xml"), ({"token": 7}, "a token as a string, got number")],
)
def test_the_clients_options_are_checked_at_once(node: Node, options: dict[str, Any], problem: str) -> None:
    code = "try { new SeatMapClient('ws://x', options); } catch (error) { return [error.name, error.message]; }"
    assert node.tell(code, options=options) == ["TypeError", f"expected {problem}"]
