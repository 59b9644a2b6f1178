"""EN 301 549 V3.2.1, chapter 5: what a kiosk owes to people who cannot bring their own assistive technology.

`CLAUSES` is the checklist: each clause, and the test that checks it; or why there is nothing to check; or what the
terminal around the page has to do, which no test here can see. A purchase by speech alone is driven by keys, and looks
at nothing but what is said.
"""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.kiosk import (
    LANDSCAPE,
    PORTRAIT,
    Windows,
    begin,
    choose,
    expect_screen,
    heard,
    open_kiosk,
    pay,
    said,
    with_ears,
)
from tests.browser.site import Site

pytestmark = pytest.mark.long


BY_EAR = "test_a_purchase_by_speech_alone"
BY_TOUCH = "test_a_purchase_by_touch_needs_one_finger_and_is_silent"
IN_GERMAN = "test_what_is_said_is_said_in_the_language_of_the_screen"
TOGGLES = "test_switches_say_and_show_whether_they_are_on"
AGAIN = "test_what_was_said_is_said_again_and_stops_with_the_next_key"
HELD_KEY = "test_a_key_that_is_held_down_counts_once"
LARGE = "test_a_capital_h_is_large_enough_for_the_screens_that_are_named"
SEATED = "test_a_purchase_from_a_wheelchair"
CLAUSES = {
    "5.1.2.1 works without assistive technology being attached": BY_EAR,
    "5.1.2.2 assistive technology": "none: nothing can be attached, so 5.1.3 to 5.1.6 apply",
    "5.1.3.1 everything that is shown is said": BY_EAR,
    "5.1.3.2 where speech is heard": "terminal: a headphone socket (3.5 mm) within reach, or a handset",
    "5.1.3.3 what is said belongs to what is shown": BY_EAR,
    "5.1.3.4 speech can be interrupted and repeated": AGAIN,
    "5.1.3.5 speech stops when the person acts": AGAIN,
    "5.1.3.6 pictures are said": BY_EAR,
    "5.1.3.7 videos": "none: there are none; the picture of a camera is a mirror, to aim by",
    "5.1.3.8 masked entry": "none: nothing secret is entered on the screen; a PIN is the card reader's matter",
    "5.1.3.9 personal data is heard by its owner only": "terminal: headphones turn the loudspeaker off",
    "5.1.3.10 nothing is heard that nobody asked for": BY_TOUCH,
    "5.1.3.11 volume in headphones": "terminal: a volume control, or software for the headphone socket",
    "5.1.3.12 volume of the loudspeaker": "terminal: up to 65 dBA, or 20 dBA above the room",
    "5.1.3.13 volume is reset": "terminal: when the headphones are unplugged",
    "5.1.3.14 the language of speech": IN_GERMAN,
    "5.1.3.15 errors are said": BY_EAR,
    "5.1.3.16 tickets are said": BY_EAR,
    "5.1.4 text is large enough, 600 mm before a screen of 32 inches or more": LARGE,
    "5.1.5 what is heard is shown": TOGGLES,
    "5.1.6.1 operable without a keyboard": BY_TOUCH,
    "5.1.6.2 the focus is shown": AGAIN,
    "5.1.7 operable without speaking": BY_TOUCH,
    "5.2 accessibility is switched on by those who need it": BY_EAR,
    "5.3 biometrics": "none: there are none",
    "5.4 information is kept in conversion": "none: nothing is converted",
    "5.5.1 no grasping, pinching or twisting": BY_TOUCH,
    "5.5.2 operable parts can be felt": "terminal: a keypad of four arrows and Enter, whose keys can be felt",
    "5.6.1 the state of switches is heard": TOGGLES,
    "5.6.2 the state of switches is seen": TOGGLES,
    "5.7 keys do not repeat": HELD_KEY,
    "5.8 a key struck twice by mistake": "terminal: the keypad or the system filters it (bounce keys, 0.5 s)",
    "5.9 nothing needs two actions at once": BY_TOUCH,
    "8.3 reach from a wheelchair": SEATED,
}
PX_PER_MM = 2.71
"""Of a screen of 32 inches with 1080 x 1920."""
CAPITAL_H = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const texts = [...document.querySelectorAll("h1, p, button, strong, small, output")];
  return Math.min(...texts.filter((one) => one.checkVisibility()).map((one) => {
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(one);
    canvas.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    return canvas.measureText("H").actualBoundingBoxAscent;
  }));
}"""
"""How high the smallest capital H of the screen is, in pixels."""


class Ears:
    """Somebody who hears the kiosk, does not see it, and has four arrows and Enter."""

    def __init__(self, kiosk: Window) -> None:
        self.kiosk, self.all = kiosk, ""

    def _listen(self) -> str:
        new = heard(self.kiosk)
        self.all += f" | {new}"
        return new

    def wait_for(self, text: str) -> None:
        """Wait until this is said."""
        found: list[str] = []

        def is_said() -> bool:
            found.append(self._listen())
            return text in " | ".join(found)

        self.kiosk.wait_until(is_said)

    def choose(self, name: str) -> None:
        """Go on with the arrow until the choice is heard, and press Enter."""
        for _ in range(40):
            self.kiosk.page.keyboard.press("ArrowDown")
            if self._listen().rpartition(" | ")[2].startswith(name):
                return self.kiosk.page.keyboard.press("Enter")
        raise AssertionError(f"{name!r} was never heard, but: {self.all}")


def test_every_clause_of_the_chapter_is_in_the_checklist_and_every_test_it_names_exists() -> None:
    numbers = [name.partition(" ")[0] for name in CLAUSES]
    assert len(numbers) == len(set(numbers))
    assert {number.split(".")[1] for number in numbers if number.startswith("5.")} == set("123456789")
    assert [number for number in numbers if number.startswith("5.1.3.")] == [f"5.1.3.{at}" for at in range(1, 17)]
    for name, how in CLAUSES.items():
        assert how in globals() or re.match(r"(none|terminal): .", how), name


def test_a_purchase_by_speech_alone(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    ears = Ears(kiosk)
    kiosk.page.keyboard.press("ArrowDown")  # speech needs no other switch than the first key
    ears.wait_for("Speech is on. Use the arrow keys, and Enter to choose. What’s on today")
    ears.choose("The Long Night")
    ears.wait_for("How many tickets? The Long Night")
    ears.choose("One fewer: People")
    ears.wait_for("People: 1")
    ears.choose("Continue")
    ears.wait_for("Where would you like to sit?")
    ears.choose("Best seats for us")
    ears.wait_for("Your seats The Long Night")
    assert re.search(r"Your seats The Long Night · [^|]*\. [A-D]-\d\. €11\.00", ears.all), ears.all
    ears.choose("Pay €11.00")
    ears.wait_for("Hold your card to the reader")
    ears.choose("Be declined")
    ears.wait_for("Your card was declined")
    ears.choose("Try another card")
    ears.wait_for("Hold your card to the reader")
    ears.choose("Tap")
    ears.wait_for("Enjoy the film Take your ticket, or photograph the code.")
    # The ticket itself: film, time, seat, that there is a QR code, the reference and what was paid.
    assert re.search(
        r"Take your ticket[^|]*The Long Night, \S+ · Screen One, [A-D]-\d, QR code of your ticket, "
        r"\w{4} \w{4} · €11\.00",
        ears.all,
    ), ears.all
    ears.choose("Done")
    kiosk.wait_until(lambda: kiosk.page.evaluate("document.body.dataset.screen") == "attract")
    kiosk.page.evaluate("heard.length = 0")
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    expect_screen(kiosk, "tickets")
    assert kiosk.page.evaluate("heard") == [], "the next person is not spoken to before they ask for it"


def test_what_was_said_is_said_again_and_stops_with_the_next_key(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    page = kiosk.page
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    found = page.evaluate("heard")
    assert [one["stops"] for one in found] == list(range(found[0]["stops"], found[0]["stops"] + len(found))), (
        "each key stops what is being said"
    )
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) not in ("none", ""), "the focus is shown"
    ears = Ears(kiosk)
    ears.choose("Say again")
    ears.wait_for("What’s on today. Touch a film to buy tickets.")


def test_what_is_said_is_said_in_the_language_of_the_screen(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    choose(kiosk.page, "Deutsch")
    choose(kiosk.page, "Sprache")
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    expect_screen(kiosk, "tickets")
    found = kiosk.page.evaluate("heard")
    assert {(one["lang"], one["isLocal"]) for one in found} == {("de-DE", True)}
    assert any(one["text"].startswith("Wie viele Karten?") for one in found)


def test_switches_say_and_show_whether_they_are_on(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    choose(kiosk.page, "Speech")
    expect(kiosk.page.get_by_role("button", name="Speech", exact=True)).to_have_attribute("aria-pressed", "true")
    for name in ("Contrast", "Large text", "Lower controls"):
        switch = kiosk.page.get_by_role("button", name=name, exact=True)
        off = switch.evaluate("one => getComputedStyle(one).outlineWidth")
        for state in ("true", "false"):
            kiosk.page.evaluate("heard.length = 0")
            choose(kiosk.page, name)
            expect(switch).to_have_attribute("aria-pressed", state)
            assert said(kiosk)[-1] == f"{name}, {'on' if state == 'true' else 'off'}"
            kiosk.page.locator("#title").focus()
            is_marked = switch.evaluate("one => getComputedStyle(one).outlineWidth") != off
            assert is_marked == (state == "true"), name
    choose(kiosk.page, "Help")
    kiosk.wait_until(lambda: "Somebody is on the way." in said(kiosk))
    expect(kiosk.page.get_by_role("status")).to_have_text("Somebody is on the way.")


def test_a_key_that_is_held_down_counts_once(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    page = kiosk.page
    page.keyboard.down("ArrowDown")
    first = page.evaluate("document.activeElement.textContent")
    for _ in range(5):
        page.keyboard.down("ArrowDown")  # as a key that repeats
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.up("ArrowDown")
    page.get_by_role("button", name="The Long Night").tap()
    expect_screen(kiosk, "tickets")
    page.get_by_role("button", name="One more: People").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator(".stepper output")).to_have_text("3")


def test_a_purchase_by_touch_needs_one_finger_and_is_silent(cinema: Site, window: Windows) -> None:
    kiosk = with_ears(cinema, window)
    begin(kiosk)
    pay(kiosk)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    assert kiosk.page.evaluate("heard") == []
    assert kiosk.page.locator("input, textarea, select").count() == 0, "nothing has to be typed"


def test_a_purchase_from_a_wheelchair(cinema: Site, window: Windows) -> None:
    for size in (PORTRAIT, LANDSCAPE):
        kiosk, _ = open_kiosk(cinema, window, **size)
        choose(kiosk.page, "Lower controls")
        page: Page = kiosk.page

        def expect_within_reach(page: Page = page) -> None:
            tops = page.evaluate(
                "[...document.querySelectorAll('button')].map((one) => one.getBoundingClientRect().top)"
            )
            assert min(tops) >= 0.28 * page.evaluate("innerHeight")

        for name, screen in (
            ("The Long Night", "tickets"),
            ("Continue", "seats"),
            ("Best seats for us", "review"),
            ("Continue on my phone", "phone"),
            ("Back", "review"),
            ("Pay €", "pay"),
            ("Tap", "ticket"),
            ("Done", "attract"),
        ):
            expect_within_reach()
            page.get_by_role("button", name=name).first.tap()
            expect_screen(kiosk, screen)


def test_a_capital_h_is_large_enough_for_the_screens_that_are_named(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    choose(kiosk.page, "Large text")
    begin(kiosk)
    least_mm = 600 * math.tan(math.radians(0.7))
    assert kiosk.page.evaluate(CAPITAL_H) / PX_PER_MM >= least_mm
    choose(kiosk.page, "Back")
    choose(kiosk.page, "Back")
    expect_screen(kiosk, "tickets")
    assert kiosk.page.evaluate(CAPITAL_H) / PX_PER_MM >= least_mm
