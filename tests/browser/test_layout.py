"""The layout of the seat map: the hall keeps its size on phones and desktops, whatever messages and panels are open."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from playwright.sync_api import FloatRect, Route, expect

from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from tests.browser.conftest import Window
from tests.browser.site import Site
from tests.integration.lounge import LOUNGE, TARIFF, lounge

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
WIDE_AS_THE_DEVICE = '<meta name="viewport" content="width=device-width, initial-scale=1">'
TITLE = "The Extraordinarily Long Night of the Lighthouse Keeper’s Son"
ROWS = "ABCDEFGHIJKLMN"
SHARES = {"adult": 1.0, "child": 0.6, "senior": 0.8, "student": 0.9}

# Which parts of the window are covered by what lies over the seat map, and which part is hall that is not.
COVERED = """(map) => {
  const inside = (selector) => [...map.shadowRoot.querySelectorAll(selector)];
  const areaOf = ({ left, top, right, bottom }) =>
    (Math.max(0, Math.min(right, innerWidth) - Math.max(left, 0)) *
      Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0))) / (innerWidth * innerHeight);
  const boxes = (selector) => inside(selector).map((node) => node.getBoundingClientRect());
  const [canvas] = boxes("canvas:not([aria-hidden] canvas, li canvas)");
  const over = [...boxes(".dock > .basket"), ...boxes(".notice")];
  const edge = Math.min(canvas.bottom, ...over.map(({ top }) => top));
  return {
    bar: boxes(".dock > .basket").reduce((sum, box) => sum + areaOf(box), 0),
    all: over.reduce((sum, box) => sum + areaOf(box), 0),
    hall: areaOf({ left: canvas.left, right: canvas.right, top: canvas.top, bottom: edge }),
  };
}"""


def cinema() -> SeatMap:
    """Fourteen rows of twenty seats with two aisles, three categories, two wheelchair places."""
    names = {"front": "Front", "middle": "Middle", "back": "Back"}
    colors = ("#3f6fa8", "#2f8f6b", "#b4702c")
    seats = [
        Seat(
            row=row,
            number=str(number),
            x=number + 1.5 * (number > 5) + 1.5 * (number > 15),
            y=at * 1.1,
            category=("front", "middle", "back")[min(2, at // 5)],
            kind=SeatKind.WHEELCHAIR if at == 0 and number in (1, 20) else SeatKind.STANDARD,
        )
        for at, row in enumerate(ROWS)
        for number in range(1, 21)
    ]
    return SeatMap.build(
        name="Cinema",
        categories=[
            Category(key=key, name=name, color=color) for (key, name), color in zip(names.items(), colors, strict=True)
        ],
        screen=Screen(x=12, y=-2, width=14),
        seats=seats,
    )


def open_cinema(site: Site, dearer: int = 1) -> None:
    """Put the cinema on sale as "cinema", with four types of tickets and a film whose title is long."""
    full = {"front": 900 * dearer, "middle": 1200 * dearer, "back": 1500 * dearer}
    types = [
        {"key": key, "name": key.title(), "prices": {category: int(price * share) for category, price in full.items()}}
        for key, share in SHARES.items()
    ]
    site.put_showtime("cinema", cinema(), title=TITLE, ticket_types=types)


def look(site: Site, window: Windows, text: int = 100, lang: str = "en", **context: Any) -> Window:
    """A visitor of the cinema whose browser writes so large, and in this language."""
    ann = window(site, **context)
    ann.open_map("cinema")
    ann.page.evaluate(
        "([text, lang]) => { document.documentElement.style.fontSize = `${text}%`;"
        " document.documentElement.lang = lang; }",
        [text, lang],
    )
    ann.wait_until_drawn()
    return ann


def box(visitor: Window, part: str) -> dict[str, float]:
    """Where a part is in the window."""
    found: dict[str, float] = visitor.part(part).evaluate("node => node.getBoundingClientRect().toJSON()")
    return found


@pytest.mark.parametrize(
    ("text", "lang", "scheme", "dearer", "bar", "all_of_it", "hall"),
    [
        (100, "en", "light", 1, 0.10, 0.20, 0.35),
        (100, "de", "dark", 1000, 0.10, 0.22, 0.35),
        (200, "en", "light", 1, 0.20, 0.45, 0.15),
        (200, "de", "dark", 1000, 0.20, 0.45, 0.15),
    ],
)
def test_on_a_phone_the_hall_keeps_its_size_after_a_search(
    site: Site,
    window: Windows,
    text: int,
    lang: str,
    scheme: str,
    dearer: int,
    bar: float,
    all_of_it: float,
    hall: float,
) -> None:
    open_cinema(site, dearer)
    ann = look(site, window, text, lang, color_scheme=scheme, **PHONE)
    ann.map.evaluate("map => map.hold('B-3')")
    ann.expect_seats(B3="mine")
    ann.part("best").click()
    expect(ann.notices).to_contain_text("B-3")
    ann.wait_until_drawn()
    covered = ann.map.evaluate(COVERED)
    print(f"{text} % {lang}: {covered}")
    assert covered["bar"] <= bar
    assert covered["all"] <= all_of_it
    assert covered["hall"] >= hall
    expect(ann.part("book")).to_be_in_viewport(ratio=1)
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("context", [PHONE, DESK], ids=["phone", "desk"])
def test_hall_prices_search_and_basket_are_visible_without_scrolling(
    site: Site, window: Windows, context: dict[str, Any]
) -> None:
    open_cinema(site)
    ann = look(site, window, **context)
    floor = box(ann, "basket")["top"] if context is PHONE else 800
    for label in ("A-1", "A-20", "N-1", "N-20"):
        seat = ann.map.evaluate("(map, label) => map.boxOf(label).toJSON()", label)
        assert 0 <= seat["left"] and seat["right"] <= context["viewport"]["width"]
        assert seat["bottom"] <= floor
    for part in ("best", "basket"):
        expect(ann.part(part)).to_be_in_viewport(ratio=1)
    assert box(ann, "prices")["bottom"] <= floor
    assert ann.page.evaluate("scrollY") == 0


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (844, 390), (667, 375)])
def test_an_amount_of_many_digits_has_room_beside_the_button_of_the_bar(
    site: Site, window: Windows, width: int, height: int
) -> None:
    open_cinema(site, 1000)
    ann = look(site, window, lang="de", **{**PHONE, "viewport": {"width": width, "height": height}})
    ann.part("best").click()
    expect(ann.basket.locator("li")).to_have_count(2)
    ann.wait_until_drawn()
    amount = ann.basket.locator(".sum strong").bounding_box()
    assert amount is not None
    assert amount["x"] + amount["width"] <= box(ann, "book")["left"]
    expect(ann.part("book")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(("width", "height"), [(844, 390), (667, 375)])
def test_on_a_phone_held_sideways_the_whole_hall_stands_beside_search_and_basket(
    site: Site, window: Windows, width: int, height: int
) -> None:
    open_cinema(site)
    ann = look(site, window, **{**PHONE, "viewport": {"width": width, "height": height}})
    for label in ("A-1", "A-20", "N-1", "N-20"):
        seat = ann.map.evaluate("(map, label) => map.boxOf(label).toJSON()", label)
        assert 0 <= seat["left"] and seat["right"] <= box(ann, "search")["left"]
        assert 0 <= seat["top"] and seat["bottom"] <= height
    assert ann.map.evaluate(COVERED)["hall"] >= 0.2
    ann.part("best").click()
    expect(ann.basket.locator("li")).to_have_count(2)
    for part in ("best", "book"):
        expect(ann.part(part)).to_be_in_viewport(ratio=1)
    assert box(ann, "book")["left"] > box(ann, "hall")["right"]
    assert ann.page.evaluate("scrollY") == 0
    assert ann.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), [(844, 390), (740, 360), (667, 375)])
def test_on_a_phone_held_sideways_wishes_and_offers_leave_the_button_in_the_window(
    site: Site, window: Windows, width: int, height: int
) -> None:
    open_cinema(site)
    ann = look(site, window, **{**PHONE, "viewport": {"width": width, "height": height}})
    ann.map.evaluate("map => map.hold('B-3')")
    ann.expect_seats(B3="mine")
    ann.part("finder").click()
    expect(ann.map.locator(".wish")).to_be_in_viewport(ratio=1)
    ann.part("compare").click()
    expect(ann.part("offers").get_by_role("listitem")).to_have_count(4)
    ann.wait_until_drawn()
    first = ann.part("offer").first.evaluate("node => node.getBoundingClientRect().height")
    assert first <= ann.part("offers").locator("ol").evaluate("list => list.clientHeight")
    expect(ann.part("book")).to_be_in_viewport(ratio=1)
    assert ann.page.evaluate("scrollY") == 0


def expect_no_button_over_the_drawing(visitor: Window) -> list[FloatRect]:
    """The hall has buttons, and all of them stand below what is drawn; where they are."""
    hall = visitor.part("hall")
    drawing, *buttons = [one.bounding_box() for one in (hall.locator("canvas"), *hall.get_by_role("button").all())]
    assert drawing is not None and buttons
    places = [button for button in buttons if button is not None]
    assert len(places) == len(buttons)
    for place in places:
        assert place["y"] >= drawing["y"] + drawing["height"]
    return places


def test_large_type_leaves_the_first_screen_to_the_hall_also_beside_a_lawn(site: Site, window: Windows) -> None:
    tariff: dict[str, Any] = msgspec.to_builtins(TARIFF)
    site.put_showtime(LOUNGE, lounge(), **{name: tariff[name] for name in ("ticket_types", "fees")})
    ann = window(site, locale="de-DE", **PHONE)
    ann.open_map(LOUNGE)
    ann.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
    ann.wait_until_drawn()
    assert box(ann, "search")["top"] < 0.3 * 844
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 390
    expect_no_button_over_the_drawing(ann)


def test_on_a_desktop_the_right_column_has_search_offers_and_basket(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann = look(site, window, **DESK)
    before = box(ann, "hall")
    ann.map.evaluate("map => map.hold('B-3', 'B-4')")
    ann.expect_seats(B3="mine", B4="mine")
    expect(ann.part("book")).to_be_in_viewport(ratio=1)
    book = box(ann, "book")
    ann.part("compare").click()
    expect(ann.part("offers").get_by_role("listitem")).to_have_count(4)
    for part in ("search", "offers", "basket"):
        assert box(ann, part)["left"] > before["right"]
    expect(ann.part("book")).to_be_in_viewport(ratio=1)
    assert box(ann, "book")["top"] == pytest.approx(book["top"], abs=2)
    assert box(ann, "hall") == before


@pytest.mark.parametrize("context", [PHONE, DESK], ids=["phone", "desk"])
def test_the_zoom_buttons_are_beside_the_seats_and_never_over_them(
    site: Site, window: Windows, context: dict[str, Any]
) -> None:
    open_cinema(site)
    ann = look(site, window, **context)
    for button in expect_no_button_over_the_drawing(ann):
        assert min(button["width"], button["height"]) >= 44


@pytest.mark.parametrize("context", [PHONE, DESK], ids=["phone", "desk"])
def test_while_loading_the_parts_are_where_they_will_be(site: Site, window: Windows, context: dict[str, Any]) -> None:
    open_cinema(site)
    ann = window(site, **context)
    kept: list[Route] = []
    ann.page.route("**/api/v1/layouts/*", lambda route: kept.append(route))
    ann.embed('<seat-map showtime="cinema"></seat-map>', head=WIDE_AS_THE_DEVICE)
    ann.wait_until(lambda: kept)
    expect(ann.map.get_by_role("status")).to_have_text(re.compile("Loading the hall"))
    places = """map => Object.fromEntries([".search", ".view", ".basket"].map((selector) => {
      const { left, top, width, bottom } = map.shadowRoot.querySelector(selector).getBoundingClientRect();
      return [selector, selector === ".search" ? { left, top, width } : { left, top, width, bottom }];
    }))"""
    ann.wait_until_drawn()
    before = ann.map.evaluate(places)
    kept[0].continue_()
    ann.expect_status("live")
    ann.wait_until_drawn()
    after = ann.map.evaluate(places)
    for part, sides in after.items():
        for side, at in sides.items():
            assert at == pytest.approx(before[part][side], abs=48 if context is DESK else 2), (part, side)


def test_the_first_ticket_type_takes_whoever_the_other_steppers_leave(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann = look(site, window, **DESK)
    people = ann.page.get_by_label("How many?", exact=True)
    more = ann.page.get_by_role("button", name="One more: How many?")
    less = ann.page.get_by_role("button", name="One fewer: How many?")
    more.click()
    expect(people).to_have_value("3")
    ann.part("finder").click()
    adult, child = (ann.page.get_by_label(name, exact=True) for name in ("Adult", "Child"))
    expect(adult).to_have_value("3")
    ann.page.get_by_role("button", name="One more: Child").click()
    expect(people).to_have_value("4")
    for _ in range(3):
        less.click()
    expect(adult).to_have_value("0")
    expect(child).to_have_value("1")
    less.click()
    expect(less).to_have_attribute("aria-disabled", "true")
    ann.part("best").click()
    expect(adult).to_have_js_property("validationMessage", "Choose the number of people.")
    expect(ann.basket).to_contain_text("Choose a free seat")
    people.fill("2")
    expect(adult).to_have_value("2")
    ann.part("best").click()
    expect(ann.basket.locator("li")).to_have_count(2)


def test_on_a_phone_the_basket_and_the_search_open_over_the_hall_and_close_with_escape(
    site: Site, window: Windows
) -> None:
    open_cinema(site)
    ann = look(site, window, **PHONE)
    hall = box(ann, "hall")
    finder, opener = ann.part("finder"), ann.part("opener")
    finder.click()
    expect(finder).to_have_attribute("aria-expanded", "true")
    ann.page.get_by_label("Child", exact=True).focus()
    ann.page.keyboard.press("Escape")
    expect(finder).to_be_focused()
    expect(ann.part("compare")).to_be_hidden()
    ann.map.evaluate("map => map.hold('B-3')")
    ann.expect_seats(B3="mine")
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    ann.basket.get_by_role("button", name="More time").focus()
    ann.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(ann.basket.get_by_role("button", name="More time")).to_be_hidden()
    assert box(ann, "hall")["height"] == hall["height"]


# ---------------------------------------------------------------- one message at a time


def test_seats_replaced_by_a_search_are_named_and_can_be_brought_back(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann = look(site, window, **DESK)
    ann.click("B-3")
    ann.expect_seats(B3="mine")
    ann.part("best").click()
    expect(ann.notices).to_contain_text("B-3 went back on sale.")
    ann.expect_seats(B3="free")
    ann.notices.get_by_role("button", name="Undo").click()
    ann.expect_seats(B3="mine")
    expect(ann.notices).to_have_text(re.compile("^You have B-3 again."))
    expect(ann.basket.locator("li strong")).to_have_text(["B-3"])


def test_an_undo_that_is_too_late_says_which_seats_are_gone(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann, ben = look(site, window, **DESK), look(site, window, **DESK)
    ann.click("B-3", "B-4")
    ann.expect_seats(B3="mine", B4="mine")
    ann.part("best").click()
    expect(ann.notices).to_contain_text("B-3 and B-4 went back on sale.")
    kept = ann.map.evaluate("map => map.basket.seats")
    ben.click("B-4")
    ann.expect_seats(B4="held")
    ann.notices.get_by_role("button", name="Undo").click()
    expect(ann.notices).to_contain_text("This cannot be undone: B-4 is being held by someone else.")
    expect(ann.notices).not_to_contain_text("B-3")
    assert ann.map.evaluate("map => map.basket.seats") == kept


def test_choosing_an_offer_and_giving_seats_back_can_be_undone_too(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann = look(site, window, **DESK)
    ann.click("B-3")
    ann.expect_seats(B3="mine")
    ann.part("compare").click()
    ann.part("offer").first.click()
    expect(ann.notices).to_contain_text("B-3 went back on sale.")
    ann.notices.get_by_role("button", name="Undo").click()
    ann.expect_seats(B3="mine")
    ann.basket.get_by_role("button", name="Clear basket").click()
    ann.expect_seats(B3="free")
    expect(ann.notices).to_contain_text("Given back: B-3.")
    ann.notices.get_by_role("button", name="Undo").click()
    ann.expect_seats(B3="mine")


def test_one_message_is_shown_at_a_time(site: Site, window: Windows) -> None:
    open_cinema(site)
    ann = look(site, window, **DESK)
    ann.part("best").click()
    expect(ann.notices).to_contain_text("are the best 2 free seats")
    ann.click("A-1")
    expect(ann.notices).to_contain_text("A-1 is a wheelchair place")
    expect(ann.part("notice")).to_have_count(1)
    ann.part("book").click()
    expect(ann.notices).to_contain_text("Booked:")
    expect(ann.part("notice")).to_have_count(1)
    expect(ann.notices).not_to_contain_text("best")


NOTICES = """async () => {
  const { Notices } = await import("/static/seat-map/notices.js");
  const node = document.createElement("div");
  document.body.append(node);
  const words = { say: (name) => name };
  Object.assign(window, { node, notices: new Notices(node, words, { say() {} }) });
}"""


def test_news_disappears_by_itself_unless_it_has_the_focus_and_problems_stay(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.clock.install()
    ann.open("/docs")
    ann.stop_the_clock()
    ann.page.evaluate(NOTICES)
    tell = "([kind, actions]) => void notices.tell(kind, 'text', { actions: actions.map((name) => [name, () => {}]) })"
    count = "node.childElementCount"
    ann.page.evaluate(tell, ["good", []])
    ann.page.clock.run_for(70_000)
    assert ann.page.evaluate(count) == 0
    ann.page.evaluate(tell, ["good", ["Undo"]])
    ann.page.evaluate("node.querySelector('button').focus()")
    ann.page.clock.run_for(300_000)
    assert ann.page.evaluate(count) == 1
    ann.page.evaluate("document.activeElement.blur()")
    ann.page.clock.run_for(3_000)
    assert ann.page.evaluate(count) == 0
    ann.page.evaluate(tell, ["bad", []])
    ann.page.clock.run_for(3_600_000)
    assert ann.page.evaluate(count) == 1
