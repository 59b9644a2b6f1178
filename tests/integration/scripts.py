"""Where the tests of the JavaScript client run it: in Node and in Chromium, beside the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import async_playwright

from tests.integration.proxy import Proxy, proxied
from tests.integration.server import SHOWTIME, Instance
from tests.javascript import Node, Runtime, Tab

OpenRuntime = Callable[[str], Awaitable[Runtime]]
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
ANYWHERE = {"allowed_origins": ("*",)}
"""Settings of a server whose page may talk to other ports than its own."""
QUICK = {"backOffFirstMs": 20, "backOffMostMs": 200}
"""Times of a client that comes back at once."""


@pytest.fixture(params=["node", pytest.param("chromium", marks=pytest.mark.long)])
async def open_runtime(request: pytest.FixtureRequest) -> AsyncIterator[OpenRuntime]:
    """Opens a runtime, in a browser on a page of the server at the URL; afterwards no error may have been left over."""
    async with AsyncExitStack() as stack:

        async def opened(url: str) -> Runtime:
            if request.param == "node":
                node = Node()
                # It says goodbye to servers that run in this event loop.
                stack.push_async_callback(asyncio.to_thread, node.stop)
                runtime: Runtime = node
            else:
                runtime = await stack.enter_async_context(_tab(request.getfixturevalue("chromium"), url))
            stack.push_async_callback(_check, runtime)
            return runtime

        yield opened


async def _check(runtime: Runtime) -> None:
    assert await runtime.strays() == []


@asynccontextmanager
async def _tab(chromium: str, url: str) -> AsyncIterator[Tab]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        try:
            yield await Tab.opened(browser, url)
        finally:
            await browser.close()


async def open_client(
    runtime: Runtime, server: Instance, name: str = "ann", *, url: str | None = None, **options: Any
) -> None:
    """A live client of a user of that name."""
    address = server.address() if url is None else f"{url}/ws/showtimes/{SHOWTIME}"
    options = {"token": server.token(name.partition(" ")[0]), **options}
    await runtime.run("await live(open(name, address, options))", name=name, address=address, options=options)


@asynccontextmanager
async def behind_proxy(runtime: Runtime, server: Instance, **options: Any) -> AsyncIterator[Proxy]:
    """Ann's client by way of a proxy, which comes back quickly when that breaks."""
    times = {**QUICK, **options.pop("times", {})}
    async with proxied(server.url) as (proxy, url):
        await open_client(runtime, server, url=url, times=times, **options)
        yield proxy
        await runtime.run("clients.ann.close()")
