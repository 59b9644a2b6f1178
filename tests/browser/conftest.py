"""Fixtures of the browser tests: a real Chromium and a real server.

The browser lives as long as one test module: Playwright's loop must not run in this thread when the asynchronous tests
of other modules start theirs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright
from redis import Redis

from seatserver.config import Settings
from seatserver.embedded.postgres import EmbeddedPostgres
from seatserver.embedded.redis import EmbeddedRedis
from seatserver.seatmaps.model import SeatMap
from tests.browser.site import SHOWTIME, Site, small_hall
from tests.browser.stage_page import PATIENCE_MS, StagePage
from tests.conftest import drop, execute, settings_for, url_of
from tests.support.lab import ARGUMENTS

FINGER_PX = 44
"""A seat that is smaller than this in the window is not taken by a tap, but shown larger."""
SECOND_TAP_S = 0.5
"""A tap that follows sooner is the second of a double tap."""

expect.set_options(timeout=PATIENCE_MS)


FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
BOX = f"""async (label) => {{
  const map = document.querySelector("seat-map");
  map.reveal(label);
  await {FRAMES};
  const {{ x, y, width, height }} = map.boxOf(label);
  return {{ x: x + width / 2, y: y + height / 2, width }};
}}"""
"""The middle of a seat in the window, after it was brought into view."""


PATIENT_TOASTS = """{
  const { setTimeout } = window;
  // Only theirs: the client's own patience is as long as some of them.
  const isToast = (ms) => [4000, 10000].includes(ms) && new Error().stack.includes("/seat-map/notices.js");
  window.setTimeout = (act, ms, ...more) => setTimeout(act, isToast(ms) ? 600_000 : ms, ...more);
}"""
"""What goes by itself after a moment (see seat-map/notices.js) stays for as long as a test may take to read it."""

TELL = """<link rel="icon" href="data:,"><script type="module" src="/static/seat-map.js"></script><script>
window.told = {};
for (const name of ["ready", "status", "hold", "release", "expired", "refused", "checkout", "booked", "error"]) {
  const event = `seat-map-${name}`;
  addEventListener(event, ({ detail }) => (window.told[event] ??= []).push(JSON.parse(JSON.stringify(detail))));
}
</script>"""
"""The line that brings the element, and a listener at the very top of the page."""
PATIENT_KIOSKS = {
    "SEATSERVER_KIOSK_READER": "simulated",
    "SEATSERVER_KIOSK_HANDOFF_MS": "600000",
    "SEATSERVER_KIOSK_QUIET_MS": "600000",
}
"""Settings of kiosks. No machine is so slow that a code is over, or that people are asked whether they are there."""


def says(message: str | bytes, kind: str) -> bool:
    """Whether a message of the socket, JSON or MessagePack, is of this type (or names it)."""
    return (kind.encode() if isinstance(message, bytes) else kind) in message  # type: ignore[operator]  # alike


class Window:
    """One visitor: a browser context of its own, so a guest of its own. Remembers every complaint of the browser."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.forgives_network = False
        self.has_touch = bool(context.get("has_touch"))
        # The time zone differs from the theatre's on purpose. A camera that glides would be where nobody expects it.
        usual = {"locale": "en-IE", "timezone_id": "America/New_York", "reduced_motion": "reduce"}
        self.page: Page = browser.new_context(**{**usual, **context}).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(PATIENT_TOASTS)
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

    def embed(self, html: str, head: str = "") -> None:
        """Go to a page of somebody else's making, with ``html`` in it, and gather what the element tells it."""
        page = (
            f'<!doctype html><html lang="en"><head><title>Cinema</title>{head}{TELL}</head><body>{html}</body></html>'
        )
        # A page out of nowhere, as it is one for the browser, may not ask machines nearby without leave.
        self.page.context.grant_permissions(["local-network-access"])
        self.page.route("**/embedding", lambda route: route.fulfill(content_type="text/html", body=page))
        self.open("/embedding")

    def told(self, event: str) -> list[Any]:
        """The details of all events of this name (without ``seat-map-``) so far."""
        found: list[Any] = self.page.evaluate("event => window.told[`seat-map-${event}`] ?? []", event)
        return found

    def wait_until_told(self, event: str, count: int = 1) -> list[Any]:
        """Wait for the ``count``-th event of this name."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while len(found := self.told(event)) < count:
            assert time.monotonic() < deadline, f"{event} was told {len(found)} times, not {count}"
            time.sleep(0.03)
        return found

    @property
    def map(self) -> Locator:
        """The element."""
        return self.page.locator("seat-map")

    def part(self, name: str) -> Locator:
        """One of the element's parts, as pages that style it know them."""
        return self.map.locator(f"[part~={name}]")

    def expect_status(self, status: str) -> None:
        """Wait for the connection to be live, waiting …"""
        expect(self.part("status")).to_have_attribute("data-status", status)

    def state(self, label: str) -> str | None:
        """What a seat shows, by its label, such as ``A-3``."""
        found: str | None = self.map.evaluate("(map, label) => map.seatState(label) ?? null", label)
        return found

    def expect_seats(self, **states: str) -> None:
        """Wait until seats show these states, or one of them: ``expect_seats(A3="mine", A4="mine|held")``."""
        for name, state in states.items():
            label = f"{name[0]}-{name[1:]}"
            deadline = time.monotonic() + PATIENCE_MS / 1000
            while (found := self.state(label)) not in state.split("|"):
                assert time.monotonic() < deadline, f"{label} is {found}, not {state}"
                time.sleep(0.03)

    def wait_until(self, is_so: Callable[[], object]) -> None:
        """Wait for something that a route or a listener of the test notes."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not is_so():
            assert time.monotonic() < deadline
            self.page.wait_for_timeout(30)

    def wait_until_drawn(self) -> None:
        """Wait until the page has had the frames in which it measures and draws itself."""
        self.page.evaluate(f"() => {FRAMES}")

    def stop_the_clock(self) -> None:
        """The clock of the page, which was installed, goes only by `run_for` now, however slow the machine is."""
        self.page.clock.pause_at(self.page.evaluate("Date.now()") / 1000 + 10)

    def place(self, label: str) -> dict[str, float]:
        """Where a seat is in the window, after it was brought into view: its middle, and its width."""
        found: dict[str, float] = self.page.evaluate(BOX, label)
        return found

    def click(self, *labels: str) -> None:
        """Click seats, or tap them."""
        for label in labels:
            at = self.place(label)
            if not self.has_touch:
                self.page.mouse.click(at["x"], at["y"])
                continue
            if at["width"] < FINGER_PX:
                self.page.touchscreen.tap(at["x"], at["y"])  # comes nearer
                while (at := self.place(label))["width"] < FINGER_PX:
                    time.sleep(0.03)
                time.sleep(SECOND_TAP_S)
            self.page.touchscreen.tap(at["x"], at["y"])

    def cell(self, label: str) -> Locator:
        """What a screen reader knows of a seat that is near the keyboard's place in the hall."""
        row, number = label.split("-")
        return self.map.get_by_role("gridcell", name=re.compile(rf"\bRow {row}, seat {number},"))

    @property
    def basket(self) -> Locator:
        """The basket."""
        return self.part("basket")

    @property
    def notices(self) -> Locator:
        """What the seat map has told the visitor."""
        return self.part("notices")

    @property
    def spoken(self) -> Locator:
        """What was last announced to screen readers."""
        return self.map.locator("[aria-live]")

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


@pytest.fixture(scope="module")
def kiosk_cinema(
    request: pytest.FixtureRequest,
    postgres_server: EmbeddedPostgres,
    redis_server: EmbeddedRedis,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """One server for all tests of a module, whose kiosks have the simulated reader. Each test has a kiosk of its own.

    What a module calls `KIOSKS` are more of its settings. A module that uses it may use nothing that empties Redis
    before each test: `site`, `make_site`, `settings`.
    """
    name = f"cinema_{uuid4().hex[:12]}"
    execute(postgres_server.url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    with Redis.from_url(redis_server.url) as connection:
        connection.flushall()
    settings = settings_for(url_of(postgres_server, name), redis_server.url)
    log = tmp_path_factory.mktemp("cinema") / "server.log"
    site = Site(settings, log, **{**PATIENT_KIOSKS, **getattr(request.module, "KIOSKS", {})})
    site.start()
    site.set_up()
    yield site
    site.close()
    drop(postgres_server, name)


@pytest.fixture
def cinema(kiosk_cinema: Site) -> Site:
    """The module's server."""
    return kiosk_cinema


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
        site.close()


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


@pytest.fixture
def stage(browser: Browser) -> Iterator[Callable[..., StagePage]]:
    """Opens drawn halls without a server; afterwards none of the windows may have complained."""
    stages: list[StagePage] = []

    def make(hall: SeatMap | None = None, **options: Any) -> StagePage:
        stages.append(StagePage(browser, hall or small_hall(), **options))
        return stages[-1]

    yield make
    for one in stages:
        one.page.context.close()
    for one in stages:
        one.expect_no_complaints()
