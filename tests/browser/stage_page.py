"""A window with nothing but the drawn hall, for tests of the drawing. The test decides what the seats look like."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Locator, Page, expect

from seatserver.seatmaps.model import Category, GeneralArea, Screen, Seat, SeatMap
from tests.browser.site import small_hall
from tests.support.lab import new_page, open_hall

PATIENCE_MS = 60_000
"""Longest wait for anything on a page: a slow machine is no failure."""
QUICK_S = 0.1
"""Between two of what a hand does quickly."""
RESTS_S = 5.0
"""How long a hand rests that flings nothing, by the time that its events say."""

# Knows which frames the page has asked for and not had; a test that asks itself uses the browser's own `ask`.
COUNT_FRAMES = """{
  const due = new Set();
  const [ask, cancel] = [window.requestAnimationFrame.bind(window), window.cancelAnimationFrame.bind(window)];
  window.requestAnimationFrame = (act) => {
    const id = ask((now) => {
      due.delete(id);
      act(now);
    });
    due.add(id);
    return id;
  };
  window.cancelAnimationFrame = (id) => {
    due.delete(id);
    cancel(id);
  };
  window.pace = { ask, due };
}"""

# Until nothing is drawn any more: for some frames nobody has asked for another one, and what is seen is the same.
AT_REST = """async () => {
  const canvas = document.getElementById("host").shadowRoot.querySelector("canvas");
  let before = null;
  for (let same = 0; same < 9; ) {
    await new Promise(window.pace.ask);
    const box = window.looks.length > 0 ? window.stage.boxOf(0) : { x: 0, y: 0 };
    const now = [box.x, box.y, window.stage.scale, canvas.width, canvas.height].join();
    same = now === before && window.pace.due.size === 0 ? same + 1 : 0;
    before = now;
  }
}"""

# The pixels of a rectangle of the drawing as one text.
PIXELS = """(box) => {
  const canvas = document.getElementById("host").shadowRoot.querySelector("canvas");
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const from = canvas.getBoundingClientRect();
  const ratio = canvas.width / from.width;
  const part = [box.x - from.x, box.y - from.y, box.width, box.height].map((at) => Math.floor(at * ratio));
  return [...context.getImageData(...part).data].join();
}"""

# A number for all of the drawing: another one for any other drawing.
DIGEST = """(canvas) => {
  const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(data.buffer).reduce((digest, pixel) => Math.imul(digest ^ pixel, 0x01000193), 0x811c9dc5);
}"""


def arena(rows: int = 80, across: int = 150) -> SeatMap:
    """A hall of 12,000 seats: straight rows in three blocks, three categories."""
    return SeatMap.build(
        name="Arena",
        categories=[
            Category(key=key, name=key, color=color)
            for key, color in (("front", "#3f6fa8"), ("middle", "#2f8f6b"), ("back", "#b4702c"))
        ],
        screen=Screen(x=across / 2, y=-6, width=across / 2),
        seats=[
            Seat(
                row=str(row + 1),
                number=str(number + 1),
                x=number + 2 * (number * 3 // across),
                y=row,
                category=("front", "middle", "back")[row * 3 // rows],
            )
            for row in range(rows)
            for number in range(across)
        ],
    )


def hall_with_lawn() -> SeatMap:
    """The small hall with an area without numbered seats."""
    hall = small_hall()
    lawn = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=10, x=4, y=5, width=4, height=1.5)
    return SeatMap.build(
        name=hall.name,
        categories=hall.categories,
        screen=hall.screen,
        seats=hall.seats,
        groups=hall.groups,
        general_areas=[lawn],
    )


class StagePage:
    """A window with a drawn hall. Remembers every complaint of the browser."""

    def __init__(
        self,
        browser: Browser,
        hall: SeatMap,
        looks: dict[int, str] | None = None,
        variables: dict[str, str] | None = None,
        **context: Any,
    ) -> None:
        self.hall = hall
        self.complaints: list[str] = []
        self.page: Page = new_page(browser, **context)
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(COUNT_FRAMES)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        open_hall(self.page, hall, looks, variables)
        self.rest()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def rest(self) -> None:
        """Wait until the view stands still."""
        self.page.evaluate(AT_REST)

    def index(self, label: str) -> int:
        """A seat's index by its label, such as ``A-3``."""
        return next(index for index, seat in enumerate(self.hall.seats) if seat.label == label)

    def cell(self, label: str) -> Locator:
        """A seat's element in the grid, if it is there."""
        return self.page.locator(f'[role="gridcell"][data-seat="{self.index(label)}"]')

    def button(self, name: str) -> Locator:
        """A button of the drawing."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def canvas(self) -> Locator:
        """The drawing."""
        return self.page.locator("canvas")

    def box(self, label: str) -> dict[str, float]:
        """Where a seat is on the page: x, y, width, height in CSS pixels."""
        found: dict[str, float] = self.page.evaluate(f"window.stage.boxOf({self.index(label)}).toJSON()")
        return found

    def middle(self, label: str) -> tuple[float, float]:
        """The middle of a seat."""
        box = self.box(label)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    @property
    def scale(self) -> float:
        """CSS pixels a seat."""
        found: float = self.page.evaluate("window.stage.scale")
        return found

    def pixels(self, label: str) -> str:
        """What is drawn where a seat is."""
        found: str = self.page.evaluate(PIXELS, self.box(label))
        return found

    @property
    def picture(self) -> int:
        """A number for all that is drawn."""
        found: int = self.canvas.evaluate(DIGEST)
        return found

    def change(self, **looks: str) -> None:
        """Seats look otherwise: ``change(A3="sold")``; returns when that is drawn."""
        changes = [[self.index(f"{name[0]}-{name[1:]}"), look] for name, look in looks.items()]
        self.page.evaluate("(changes) => window.change(changes)", changes)
        self.rest()

    def told(self, name: str) -> list[Any]:
        """The details of all events of one name, and forget them."""
        found: list[Any] = self.page.evaluate(
            """(name) => {
              const found = window.told.filter(([one]) => one === name).map(([, detail]) => detail);
              window.told = window.told.filter(([one]) => one !== name);
              return found;
            }""",
            name,
        )
        return found

    def picked(self) -> list[str]:
        """Labels of the seats that were picked since the last question."""
        return [self.hall.seats[detail["seat"]].label for detail in self.told("pick")]

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def focused(self) -> str:
        """The accessible name of what has the focus."""
        found: str = self.page.evaluate(
            "document.getElementById('host').shadowRoot.activeElement?.getAttribute('aria-label') ?? ''"
        )
        return found

    def expect_seen(self, label: str) -> None:
        """A seat lies within the drawing."""
        seat, view = self.box(label), self.canvas.bounding_box()
        assert view is not None
        assert view["x"] <= seat["x"] and seat["x"] + seat["width"] <= view["x"] + view["width"]
        assert view["y"] <= seat["y"] and seat["y"] + seat["height"] <= view["y"] + view["height"]

    def expect_no_complaints(self) -> None:
        """No error or warning on the console, no violated policy, nothing thrown."""
        assert not self.complaints, self.complaints

    @property
    def grid(self) -> Locator:
        """The grid for the keyboard and for screen readers."""
        return self.page.get_by_role("grid", name="Seats")

    def expect_state(self, label: str, state: str) -> None:
        """Wait until a seat's element shows a state."""
        expect(self.cell(label)).to_have_attribute("data-state", state)


class Mouse:
    """A mouse whose events say themselves when they were, in seconds, however busy the machine is."""

    def __init__(self, page: Page) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)

    def _send(self, kind: str, x: float, y: float, at: float, **more: Any) -> None:
        self._devtools.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "timestamp": at, **more})

    def click_twice(self, x: float, y: float) -> None:
        """Two quick clicks."""
        now = time.time()
        self._send("mouseMoved", x, y, now)
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                self._send(kind, x, y, now + QUICK_S * count, button="left", clickCount=count)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 4) -> None:
        """Press the button and move; `let_go` ends it."""
        now = time.time()
        self._send("mouseMoved", *start, now)
        self._send("mousePressed", *start, now, button="left", buttons=1, clickCount=1)
        for step in range(1, steps + 1):
            self._send("mouseMoved", *_between(start, end, step / steps), now, button="left", buttons=1)

    def let_go(self, x: float, y: float) -> None:
        """Release the button after the hand has rested."""
        self._send("mouseReleased", x, y, time.time() + RESTS_S, button="left", clickCount=1)

    def turn(self, x: float, y: float, by: float, at: float) -> None:
        """Turn the wheel."""
        self._send("mouseWheel", x, y, at, deltaX=0, deltaY=by)


class Fingers:
    """Real touches on a window, as many fingers as are wanted."""

    def __init__(self, page: Page) -> None:
        self._devtools: CDPSession = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float], **more: float) -> None:
        touches = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        self._devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches, **more})

    def tap(self, x: float, y: float) -> None:
        """One finger, down and up."""
        self._send("touchStart", (x, y))
        self._send("touchEnd")

    def tap_twice(self, x: float, y: float) -> None:
        """Two quick taps: a tenth of a second apart by their own time, however long they take here."""
        now = time.time()
        for at in (now, now + QUICK_S):
            self._send("touchStart", (x, y), timestamp=at)
            self._send("touchEnd", timestamp=at)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        """One finger that moves."""
        self._send("touchStart", start)
        for step in range(1, steps + 1):
            self._send("touchMove", _between(start, end, step / steps))
        self._send("touchEnd")

    def pinch(self, middle: tuple[float, float], before: float, after: float, steps: int = 10) -> None:
        """Two fingers side by side, so many pixels apart before and after."""
        x, y = middle

        def fingers(apart: float) -> tuple[tuple[float, float], tuple[float, float]]:
            return (x - apart / 2, y), (x + apart / 2, y)

        self._send("touchStart", *fingers(before))
        for step in range(1, steps + 1):
            self._send("touchMove", *fingers(before + (after - before) * step / steps))
        self._send("touchEnd")


def _between(start: tuple[float, float], end: tuple[float, float], part: float) -> tuple[float, float]:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


Stages = Callable[..., StagePage]
"""Opens halls: the small one, or that which is given, with the options of a `StagePage`."""
