"""Debian's Firefox, driven over WebDriver BiDi by puppeteer-core: Playwright drives only a Firefox of its own making.

`Firefox` is the browser; a `FirefoxWindow` is one visitor in it, with the few actions and checks that tests need. Tests
ask the element itself what it shows, as a page would.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.browser.site import SHOWTIME
from tests.javascript import NODE, PACKAGES

HERE = Path(__file__).parent
PATIENCE_S = 60.0
BROWSERS = ("firefox-esr", "firefox")

PART = """([part, what]) => {
  const node = document.querySelector("seat-map")?.shadowRoot.querySelector(`[part~="${part}"]`);
  return node ? node[what] ?? node.getAttribute(what) : null;
}"""
PRESS = """([part, text]) => {
  const root = document.querySelector("seat-map").shadowRoot.querySelector(`[part~="${part}"]`);
  const buttons = [root, ...root.querySelectorAll("button")].filter((one) => one.localName === "button");
  const found = buttons.find((one) => one.textContent.includes(text) && one.ariaDisabled !== "true" && !one.disabled);
  found?.click();
  return found !== undefined;
}"""
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
BOX = f"""async (label) => {{
  const map = document.querySelector("seat-map");
  map.reveal(label);
  await {FRAMES};
  return map.boxOf(label).toJSON();
}}"""


def binary() -> str:
    """The path of a Firefox that can be driven. Without one the test is skipped; where CI is set, it fails."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    is_there = (PACKAGES / "puppeteer-core").is_dir()
    if found and is_there:
        return found
    reason = "puppeteer-core is not installed: npm install in seatserver/web" if found else "no Firefox on this machine"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI requires it")
    pytest.skip(reason)


class Firefox:
    """A Firefox, and the Node process that drives it; a context manager."""

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [NODE, HERE / "firefox.mjs", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            try:
                self._process.communicate(timeout=PATIENCE_S)  # at the end of its input it closes the browser
            finally:
                self._process.kill()

    def ask(self, act: str, window: int, **values: Any) -> Any:
        """What an act of firefox.mjs brings. Raises `AssertionError` with what it threw."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, "window": window, "values": values}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "Node has ended"}')
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def open(self) -> FirefoxWindow:
        """A window of a visitor who was never here before."""
        return FirefoxWindow(self, next(self._numbers))


class FirefoxWindow:
    """One visitor, in a window of 1000 by 800 CSS pixels."""

    def __init__(self, firefox: Firefox, number: int) -> None:
        self._firefox, self._number = firefox, number
        self._ask("open")

    def _ask(self, act: str, **values: Any) -> Any:
        return self._firefox.ask(act, self._number, **values)

    def go(self, address: str) -> None:
        """Go to a page, and wait until it is loaded."""
        self._ask("go", address=address)

    def open_map(self, url: str, showtime: str = SHOWTIME) -> None:
        """Go to a seat map and wait until it is live."""
        self.go(f"{url}/showtimes/{showtime}")
        self.expect_live()

    in_frame = False
    """Whether the element is looked for in the first frame of the page, not in the page itself."""

    def run(self, code: str, given: Any = None) -> Any:
        """What a JavaScript function returns that gets ``given``."""
        return self._ask("run", code=code, given=given, frame=self.in_frame)

    def wait_until(self, code: str, given: Any = None) -> Any:
        """Wait until that function returns what counts as true; gives it."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.run(code, given)):
            assert time.monotonic() < deadline, f"never came true: {code} of {given}"
            time.sleep(0.05)
        return found

    def close(self) -> list[str]:
        """Close it; gives what the browser complained of."""
        found: list[str] = self._ask("complaints")
        self._ask("close")
        return found

    # ------------------------------------------------------------------ hands

    def move(self, x: float, y: float, steps: int = 1) -> None:
        """Move the mouse there."""
        self._ask("move", x=x, y=y, steps=steps)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place and let it go at another."""
        self.move(*start)
        self._ask("press")
        self.move(*end, steps=6)
        self.wait_for_frames()
        self._ask("release")

    def turn_wheel(self, by: float) -> None:
        """Turn the wheel where the mouse is."""
        self._ask("wheel", by=by)

    def click_at(self, x: float, y: float) -> None:
        """Click there."""
        self._ask("click", x=x, y=y)

    def tap_at(self, x: float, y: float) -> None:
        """Tap there, with a finger."""
        self._ask("tap", x=x, y=y)

    def come_to_front(self) -> None:
        """Be the window that has the keyboard's focus."""
        self._ask("front")

    def key(self, *names: str) -> None:
        """Press keys one after another."""
        for name in names:
            self._ask("key", name=name)

    def click(self, *labels: str) -> None:
        """Click seats in their middle."""
        for label in labels:
            self.click_at(*middle_of(self.box(label)))

    def press(self, part: str, text: str = "") -> None:
        """Press a button of one of the element's parts as soon as it can be pressed."""
        self.wait_until(PRESS, [part, text])

    # ------------------------------------------------------------------ eyes

    def picture(self, file: Path) -> None:
        """Take a screenshot."""
        self._ask("picture", file=str(file))

    def wait_for_frames(self) -> None:
        """Wait until the page has had the frames in which it measures and draws itself."""
        self.run(f"() => {FRAMES}.then(() => true)")

    def box(self, label: str) -> dict[str, float]:
        """Where a seat is in the window, after it was brought into view."""
        found: dict[str, float] = self.run(BOX, label)
        return found

    def expect_live(self) -> None:
        """Wait until the map is live."""
        self.wait_until("() => document.querySelector('seat-map')?.status === 'live'")

    def expect_seats(self, **states: str) -> None:
        """Wait until seats show these states: ``expect_seats(A3="mine")``."""
        for name, state in states.items():
            is_so = "([label, state]) => document.querySelector('seat-map').seatState(label) === state"
            self.wait_until(is_so, [f"{name[0]}-{name[1:]}", state])

    def expect_part(self, part: str, *texts: str) -> None:
        """Wait until a part of the element says all these texts; spaces count alike."""
        find = (
            f"([part, text]) => (({PART})([part, 'textContent']) ?? '').replace(/\\s/g, ' ')"
            ".includes(text.replace(/\\s/g, ' '))"
        )
        for text in texts:
            self.wait_until(find, [part, text])

    def attribute(self, part: str, name: str) -> Any:
        """A property or attribute of a part of the element."""
        return self.run(PART, [part, name])


def middle_of(box: dict[str, float]) -> tuple[float, float]:
    """The middle of a box of the window."""
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
