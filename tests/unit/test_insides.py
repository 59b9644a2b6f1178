"""Where we use more of a package than its public interface, and that an upgrade which changes it is noticed here.

A failure after an upgrade means: read what the package changed, see whether the file named here still does the right
thing, and only then write down the new state of things.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from redis.asyncio.connection import Connection
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from seatserver.live.transport.uvicorn_connection import is_between_messages

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "seatserver"
BOUNDED = ("prometheus-client", "redis", "uvicorn", "websockets")

PRIVATE = {
    # Documented all the same: by Python for named tuples, frames and enums, by its stubs for argparse.
    "_SubParsersAction": "argparse",
    "_current_frames": "sys",
    "_replace": "named tuples",
    "_value_": "enum",
}
OF_OTHERS = {
    # redis-py has no public name for the transport of a connection.
    "seatserver/redis_io/link.py": {"_reader", "_writer"},
    # prometheus_client has no public way to add several observations at once.
    "seatserver/metrics.py": {"_buckets", "_sum"},
}


def foreign_privates(tree: ast.AST) -> Iterator[str]:
    """Names with an underscore that are taken from something else than ``self``, ``cls`` and ``super()``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()"):
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (name for name in names if name.startswith("_") and not name.startswith("__"))


def modules() -> dict[str, ast.AST]:
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def test_private_names_of_packages_are_used_in_one_file_each() -> None:
    found = {name: set(foreign_privates(tree)) - PRIVATE.keys() for name, tree in modules().items()}
    assert {name: used for name, used in found.items() if used} == OF_OTHERS


def test_uvicorns_protocols_are_known_to_two_files() -> None:
    known = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uvicorn.protocols")
    }
    assert known == {f"seatserver/live/transport/{name}.py" for name in ("uvicorn_connection", "uvicorn_http")}


@pytest.mark.parametrize("package", BOUNDED)
def test_a_package_whose_insides_are_used_has_an_upper_bound(package: str) -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    [requirement] = [one for one in map(Requirement, listed) if one.name == package]
    assert any(part.operator == "<" for part in requirement.specifier), f"{requirement} has no upper bound"


@pytest.mark.parametrize(
    ("part", "fingerprint"),
    [
        (WebSocketsSansIOProtocol, "a3e549179eb5f95b"),
        (HttpToolsProtocol.handle_websocket_upgrade, "ecdf04e7e953d190"),
        (HttpToolsProtocol.connection_made, "c8b2230c91b4eee2"),
        (HttpToolsProtocol.data_received, "e74b210e3c04f336"),
        (HttpToolsProtocol.send_400_response, "769895267c15a11f"),
        (HttpToolsProtocol.on_message_begin, "453ed691ca9d01e0"),
        (HttpToolsProtocol.on_header, "b89cbbc6db2adf3a"),
        (HttpToolsProtocol.on_headers_complete, "f48ec6bbe75dd1e4"),
        (HttpToolsProtocol.on_body, "a02fa52bdf33060a"),
        (HttpToolsProtocol.on_message_complete, "87e5be1faf503bb8"),
        (HttpToolsProtocol.on_response_complete, "4dfe4f257f506afd"),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_uvicorns_protocols_are_as_when_ours_were_written(part: Any, fingerprint: str) -> None:
    code = "".join(inspect.getsource(part).split())
    now = hashlib.sha256(code.encode()).hexdigest()[:16]
    assert now == fingerprint, f"uvicorn's {part.__qualname__} has changed: compare it with live/transport/uvicorn_*.py"


def masked(*frames: Frame) -> bytes:
    return b"".join(frame.serialize(mask=True) for frame in frames)


def opened(max_size: int | None = 1024) -> ServerProtocol:
    """websockets' protocol after its handshake."""
    protocol = ServerProtocol(max_size=max_size)
    protocol.receive_data(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    [request] = protocol.events_received()
    assert isinstance(request, Request)
    assert not is_between_messages(protocol)
    protocol.send_response(protocol.accept(request))
    return protocol


def test_the_parser_of_websockets_shows_when_it_waits_for_a_message() -> None:
    hello = Frame(Opcode.TEXT, b"hello")
    protocol = opened()
    assert is_between_messages(protocol)
    whole = masked(hello)
    for cut in range(1, len(whole)):
        protocol.receive_data(whole[:cut])
        assert not is_between_messages(protocol), f"in the middle of a frame, after {cut} bytes"
        protocol.receive_data(whole[cut:])
        assert is_between_messages(protocol)
    protocol.receive_data(masked(Frame(Opcode.TEXT, b"hel", fin=False)))
    assert not is_between_messages(protocol), "in the middle of a message"
    protocol.receive_data(masked(Frame(Opcode.PING, b"")))
    assert not is_between_messages(protocol), "a ping does not end it"
    protocol.receive_data(masked(Frame(Opcode.CONT, b"lo")))
    assert is_between_messages(protocol)
    protocol.receive_data(masked(Frame(Opcode.CLOSE, b"\x03\xe8")))
    assert not is_between_messages(protocol), "it is over"


async def test_a_connection_of_redis_py_has_the_streams_that_the_link_takes_over() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while command := await reader.readline():
            if command.startswith(b"*"):
                writer.write(b"+OK\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        connection = Connection(host="127.0.0.1", port=server.sockets[0].getsockname()[1], protocol=2)
        await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated
        assert isinstance(connection._writer, asyncio.StreamWriter)
        assert isinstance(connection._reader, asyncio.StreamReader)
        transport = connection._writer.transport
        writer, connection._writer, connection._reader = connection._writer, None, None
        assert not connection.is_connected, "redis-py counts it as one that was never made"
        await connection.disconnect(nowait=True)
        assert not transport.is_closing(), "and leaves alone what was taken over"
        writer.close()
        await writer.wait_closed()
