"""The operator's live view in a browser: who may see it, what it shows, and that old figures never look new."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from seatserver.access.tokens import Tokens
from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.errors import SeatsRefused
from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site, small_hall

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


class Crowd:
    """Visitors of one room, on a loop of their own: they hold seats, and lose them to each other."""

    def __init__(self, site: Site, settings: Settings, showtime: str) -> None:
        self._url, self._showtime = site.url, showtime
        self._tokens = [
            Tokens(settings).mint(f"visitor {number}", ["watch", "hold", "book"], 3600) for number in (1, 2)
        ]
        self._over = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self.problem: BaseException | None = None
        self.ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        assert self.ready.wait(30), "the visitors came in"

    def leave(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()
        assert self.problem is None, self.problem

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._come())
        except BaseException as error:
            self.problem = error
        self.ready.set()

    async def _come(self) -> None:
        async with (
            SeatClient(self._url, token=self._tokens[0]) as ann,
            SeatClient(self._url, token=self._tokens[1]) as bob,
            ann.room(self._showtime) as here,
            bob.room(self._showtime) as there,
        ):
            await here.hold(7)
            for _ in range(3):
                with pytest.raises(SeatsRefused):
                    await there.hold(7)
            booked = await there.hold(8)
            await there.book(booked.hold_id)
            self.ready.set()
            await self._over.wait()


@contextmanager
def crowd(site: Site, settings: Settings, showtime: str = SHOWTIME) -> Iterator[None]:
    """Two visitors: one holds B-2, the other was refused it three times and has booked B-3."""
    visitors = Crowd(site, settings, showtime)
    visitors.start()
    try:
        yield
    finally:
        visitors.leave()


def open_as_operator(window: Window, site: Site) -> None:
    window.open(f"/ops#token={site.admin_token}")
    expect(window.page.locator("#status")).to_contain_text("Live.")


def figure(window: Window, name: str) -> Locator:
    """The value of a figure."""
    return window.page.locator("#figures > div", has_text=name).locator(".value")


def test_an_operator_sees_what_happens_now(site: Site, window: Windows, settings: Settings) -> None:
    boss = window(site)
    open_as_operator(boss, site)
    page = boss.page
    expect(page.locator("#showtimes-title")).to_have_text("Nobody is viewing a showtime")
    expect(page.locator("#alerts")).to_have_text("Everything is working.")
    expect(page.locator("#servers li")).to_have_count(1)
    order = page.get_by_text("Held and refused: in the last minute.")
    expect(order).to_be_hidden()
    with crowd(site, settings):
        expect(figure(boss, "Visitors")).to_have_text("2")
        expect(figure(boss, "Seats refused")).to_have_text("3")
        expect(figure(boss, "Bookings")).to_have_text("1")
        expect(figure(boss, "Update latency")).to_have_text(re.compile(r"\d ms"))
        row = page.get_by_role("row", name="The Long Night")
        expect(row).to_contain_text("Screen One, Rex")
        expect(order).to_be_visible()
        expect(row.get_by_role("cell")).to_have_text(["2", "2", "3", "9 %"])
        expect(page.locator("#reasons li").first).to_have_text("someone else held the seat3")
        expect(page.locator("#hottest li").first).to_have_text("B-2 held 1 ×, refused 3 ×")
        hall = page.get_by_role("img", name="The hall of The Long Night, Screen One. Most wanted: B-2, B-3.")
        expect(hall).to_be_visible()
    expect(figure(boss, "Visitors")).to_have_text("0")


def test_seats_in_demand_are_drawn_hotter_than_others(site: Site, window: Windows, settings: Settings) -> None:
    boss = window(site)
    open_as_operator(boss, site)
    with crowd(site, settings):
        # What comes first may be from the middle of what they do.
        expect(boss.page.get_by_role("img", name="Most wanted: B-2, B-3.")).to_be_visible()
        colours = boss.page.locator("#hall canvas").evaluate(
            """async (canvas) => {
              const { Plan } = await import("/static/seat-map/hall/plan.js");
              const { layout_hash: hash } = await (await fetch("/api/v1/showtimes/tonight")).json();
              const layout = (await (await fetch(`/api/v1/layouts/${hash}`)).json()).map;
              const { bounds, spots } = new Plan(layout);
              const pixels = canvas.width / (bounds.right - bounds.left);
              const copy = new OffscreenCanvas(canvas.width, canvas.height);
              const pen = copy.getContext("2d", { willReadFrequently: true });
              pen.drawImage(canvas, 0, 0);
              return ["B-2", "B-3", "A-2"].map((label) => {
                const { x, y } = spots[layout.seats.findIndex(({ row, number }) => `${row}-${number}` === label)];
                const at = [(x - bounds.left + 0.32) * pixels, (y - bounds.top) * pixels].map(Math.round);
                return [...pen.getImageData(...at, 1, 1).data.slice(0, 3)].reduce((sum, one) => sum + one, 0);
              });
            }"""
        )
    most, some, none = colours
    assert most < some < none, "on a light ground the darker the hotter"


def test_the_chosen_hall_is_shown_and_stays(site: Site, window: Windows, settings: Settings) -> None:
    site.put_showtime("matinee", small_hall(), prices={"standard": 900, "sofa": 1200}, title="The Short Day")
    boss = window(site)
    open_as_operator(boss, site)
    with crowd(site, settings), crowd(site, settings, "matinee"):
        page = boss.page
        expect(page.locator("#showtimes tbody tr")).to_have_count(2)
        for title in ("The Short Day", "The Long Night"):
            page.get_by_role("button", name=title).click()
            expect(page.locator("#hall-name")).to_contain_text(title)
            expect(page.get_by_role("button", name=title)).to_have_attribute("aria-pressed", "true")
            expect(page.locator("tr.picked")).to_have_count(1)


def test_the_token_is_removed_from_the_address_and_kept_until_the_window_closes(site: Site, window: Windows) -> None:
    boss = window(site)
    open_as_operator(boss, site)
    assert boss.page.url == f"{site.url}/ops"
    assert site.admin_token not in boss.page.content()
    boss.page.reload()
    expect(boss.page.locator("#status")).to_contain_text("Live.")
    boss.page.get_by_role("button", name="Sign out").click()
    expect(boss.page.get_by_label("Operator’s token")).to_be_focused()
    boss.page.reload()
    expect(boss.page.get_by_label("Operator’s token")).to_be_visible()
    expect(boss.page.locator("#live")).to_be_hidden()


@pytest.mark.parametrize(
    ("scopes", "said"), [(None, "not valid here"), (["watch", "hold", "book"], "lacks the scope admin")]
)
def test_an_unusable_token_is_refused_with_an_explanation(
    site: Site, window: Windows, settings: Settings, scopes: list[str] | None, said: str
) -> None:
    boss = window(site)
    boss.open("/ops")
    page = boss.page
    page.get_by_label("Operator’s token").fill(Tokens(settings).mint("ann", scopes, 600) if scopes else "not a token")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.locator("#live")).to_be_hidden()
    # The browser itself reports that the request was refused.
    assert [text for text in boss.complaints if not re.search(r"status of 40[13]", text)] == []
    boss.complaints.clear()
    page.get_by_label("Operator’s token").fill(site.admin_token)
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("Live.")


def test_when_the_server_dies_the_page_says_since_when_and_recovers(site: Site, window: Windows) -> None:
    boss = window(site)
    boss.forgives_network = True
    open_as_operator(boss, site)
    well = boss.page.get_by_text("Everything is working.")
    expect(well).to_be_visible()
    site.kill()
    status = boss.page.locator("#status")
    expect(status).to_contain_text(re.compile(r"does not answer\. What you see is from \d+:\d\d:\d\d"))
    expect(boss.page.locator("body")).to_have_attribute("data-state", "lost")
    expect(well).to_be_hidden()
    site.start()
    expect(status).to_contain_text("Live.", timeout=60_000)
    expect(boss.page.locator("body")).to_have_attribute("data-state", "live")
    # Where the new one was slow to start, the killed one has stopped reporting by now.
    expect(boss.page.get_by_text(re.compile(r"Everything is working\.|No report from"))).to_be_visible()


def test_a_hidden_page_makes_no_requests(site: Site, window: Windows) -> None:
    boss = window(site)
    open_as_operator(boss, site)
    show = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    boss.page.evaluate(show, True)
    boss.page.wait_for_timeout(300)  # what was under way
    asked = len(boss.requests)
    boss.page.wait_for_timeout(5000)
    assert len(boss.requests) == asked
    with boss.page.expect_request("**/admin/house"):
        boss.page.evaluate(show, False)


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_the_live_view_is_accessible(site: Site, window: Windows, settings: Settings, look: dict[str, Any]) -> None:
    boss = window(site, **look)
    boss.open("/ops")
    expect(boss.page.get_by_label("Operator’s token")).to_be_visible()
    problems = [Axe().run(boss.page)]
    open_as_operator(boss, site)
    with crowd(site, settings):
        expect(boss.page.locator("#hottest li").first).to_be_visible()
        problems.append(Axe().run(boss.page))
        assert boss.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for found in problems:
        assert found.violations_count == 0, found.generate_report()


def test_staff_ask_in_words_and_get_an_answer_in_the_language_they_choose(site: Site, window: Windows) -> None:
    boss = window(site)
    open_as_operator(boss, site)
    page = boss.page
    section = page.get_by_role("region", name="Ask about these figures")
    field = section.get_by_role("textbox", name="Ask about these figures")
    field.fill("How full is The Long Night?")
    field.press("Enter")
    answer = page.locator("#asking-answer")
    expect(answer).to_contain_text("The next showtimes:\n– The Long Night (Screen One, Rex, ")
    expect(answer).to_contain_text("0 of 22 sold (0 %), 0 held, 21 free.")
    expect(page.locator("#asking-told")).to_contain_text("21 free.")
    section.get_by_role("button", name="Which showtimes sell slower than usual?").click()
    expect(answer).to_contain_text("I cannot say what is usual yet")
    section.get_by_role("combobox", name="Language of the answers").select_option("de")
    german = page.get_by_role("region", name="Fragen zu diesen Zahlen")
    expect(german).to_have_attribute("lang", "de")
    german.get_by_role("textbox").fill("<img src=x onerror=alert(1)> Läuft alles?")
    german.get_by_role("button", name="Fragen", exact=True).click()
    expect(answer).to_contain_text("Server: 1.")
    expect(answer.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(german).to_be_hidden()
    expect(answer).to_have_text("")
