"""Bodies over the limit, sent through a real connection: the answer arrives, and the connection is not reset."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seatserver.config import Settings
from tests.integration.server import Instance, serving
from tests.waiting import PATIENCE_S

LIMIT = 20_000


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[Instance]:
    async with serving(dataclasses.replace(settings, request_body_bytes=LIMIT)) as instance:
        yield instance


class Upload:
    """A connection that uploads a layout by hand."""

    def __init__(self, instance: Instance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.instance, self.reader, self.writer = instance, reader, writer

    @classmethod
    async def begin(cls, instance: Instance, *headers: str, scope: str = "admin") -> Upload:
        host, _, port = instance.url.removeprefix("http://").partition(":")
        upload = cls(instance, *await asyncio.open_connection(host, int(port)))
        token = instance.token("boss", scope)
        lines = ["POST /api/v1/admin/layouts HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}", *headers]
        upload.writer.write("\r\n".join([*lines, "", ""]).encode())
        return upload

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, Any]]:
        """The whole answer; the connection may go on."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length:")[2].split()[0])
            return int(head.split()[1]), json.loads(await self.reader.readexactly(length))

    async def rest(self) -> bytes:
        """What comes until the server has closed. Raises `ConnectionResetError`."""
        async with asyncio.timeout(PATIENCE_S):
            rest = await self.reader.read()
        self.writer.close()
        return rest


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(server: Instance) -> None:
    upload = await Upload.begin(server, f"Content-Length: {5 * LIMIT}", "Connection: close")
    status, problem = await upload.answer()
    assert (status, problem["code"], problem["facts"]) == (413, "too_large", {"limit_bytes": LIMIT})
    await upload.send(bytes(5 * LIMIT))
    assert await upload.rest() == b""


async def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit(server: Instance) -> None:
    upload = await Upload.begin(server, "Transfer-Encoding: chunked", "Connection: close")
    await upload.send(chunk(bytes(LIMIT + 1)))
    status, problem = await upload.answer()
    assert (status, problem["code"]) == (413, "too_large")
    await upload.send(chunk(bytes(LIMIT)) + b"0\r\n\r\n")
    assert await upload.rest() == b""


async def test_a_client_that_asks_before_it_sends_hears_the_refusal_at_once(server: Instance) -> None:
    upload = await Upload.begin(server, f"Content-Length: {5 * LIMIT}", "Expect: 100-continue")
    status, problem = await upload.answer()
    assert (status, problem["code"]) == (413, "too_large")
    assert await upload.rest() == b""


async def test_an_endless_body_is_cut_off(server: Instance) -> None:
    upload = await Upload.begin(server, "Transfer-Encoding: chunked")
    await upload.send(chunk(bytes(LIMIT + 1)))
    assert (await upload.answer())[0] == 413
    with pytest.raises(ConnectionError):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await upload.send(chunk(bytes(LIMIT)))
    upload.writer.close()


async def test_a_refusal_for_another_reason_also_arrives_while_the_body_is_sent(server: Instance) -> None:
    upload = await Upload.begin(server, f"Content-Length: {LIMIT}", "Connection: close", scope="watch")
    status, problem = await upload.answer()
    assert (status, problem["code"]) == (403, "forbidden")
    await upload.send(bytes(LIMIT))
    assert await upload.rest() == b""
