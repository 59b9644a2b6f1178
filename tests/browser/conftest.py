"""Fixtures of the browser tests: a real Chromium looking at a real server.

The browser lives as long as one test module: Playwright's loop must not run in this thread when the asynchronous tests
of other modules start theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from seatserver.config import Settings
from tests.browser.site import SHOWTIME, Site

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 15_000

expect.set_options(timeout=PATIENCE_MS)


class Window:
    """One visitor: a browser context of its own, so a guest of its own. Remembers every complaint of the browser."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.forgives_network = False
        # The time zone differs from the theatre's on purpose.
        self.page: Page = browser.new_context(locale="en-IE", timezone_id="America/New_York", **context).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Go to a page of the server."""
        self.page.goto(f"{self.url}{path}")

    def open_map(self, showtime: str = SHOWTIME) -> None:
        """Go to a seat map and wait until it is live."""
        self.open(f"/showtimes/{showtime}")
        self.expect_status("live")

    def expect_status(self, status: str) -> None:
        """Wait for the connection to be live, waiting …"""
        expect(self.page.locator("#connection")).to_have_attribute("data-status", status)

    def seat(self, label: str) -> Locator:
        """A seat by its label, such as ``A-3``."""
        return self.page.locator(f'.seat[aria-label^="{label} "]')

    def expect_seats(self, **states: str) -> None:
        """Wait until seats show these states: ``expect_seats(A3="mine")``."""
        for name, state in states.items():
            expect(self.seat(f"{name[0]}-{name[1:]}")).to_have_attribute("data-state", state)

    def click(self, *labels: str) -> None:
        """Click seats."""
        for label in labels:
            self.seat(label).click()

    @property
    def basket(self) -> Locator:
        """The basket."""
        return self.page.locator("#basket")

    @property
    def notices(self) -> Locator:
        """What the page has told the visitor."""
        return self.page.locator("#notices")

    def expect_no_complaints(self) -> None:
        """No error or warning on the console, no violated policy, nothing thrown."""
        # A refused connection is the browser's to report, and no script can keep it from doing so.
        network = ("net::ERR_", "WebSocket connection to")
        found = [text for text in self.complaints if not (self.forgives_network and any(it in text for it in network))]
        assert found == []


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def make_site(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Starts a server with one showtime; takes environment variables."""
    sites: list[Site] = []

    def make(**changes: str) -> Site:
        site = Site(settings, tmp_path / "server.log", **changes)
        sites.append(site)
        site.start()
        site.set_up()
        return site

    yield make
    for site in sites:
        site.kill()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A server with the usual settings."""
    return make_site()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """Opens windows on a site; afterwards none of them may have complained."""
    windows: list[Window] = []

    def make(site: Site, **context: Any) -> Window:
        windows.append(Window(browser, site.url, **context))
        return windows[-1]

    yield make
    for one in windows:
        one.page.context.close()
    for one in windows:
        one.expect_no_complaints()
