"""Wishes by voice in a real browser, with speech recognition and voices that the test holds in its hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from seatserver import config
from seatserver.embedded import EmbeddedPostgres, EmbeddedRedis
from tests.browser.conftest import PATIENT_KIOSKS, Window
from tests.browser.kiosk import SPEECH, choose, expect_screen, open_kiosk
from tests.browser.site import SHOWTIME, Site
from tests.browser.test_concierge import PHONE, answer, ask, field, offers
from tests.conftest import TOKEN_SECRET, drop, execute, url_of

OpenWindow = Callable[..., Window]
EARS = """
  window.ears = [];
  class Recogniser extends EventTarget {
    asked = [];
    constructor() { super(); ears.push(this); }
    start() { this.asked.push("start"); }
    stop() { this.asked.push("stop"); }
    abort() { this.asked.push("abort"); }
  }
  window.SpeechRecognition = window.webkitSpeechRecognition = Recogniser;
  window.happens = (name, more) => ears.at(-1).dispatchEvent(Object.assign(new Event(name), more));
  window.hears = (...pieces) => happens("result", { results: pieces.map((transcript) => [{ transcript }]) });
"""
"""Stands in for the browser's own recognition, which asks a service of its maker."""
DEAF = "delete window.SpeechRecognition; delete window.webkitSpeechRecognition;"


@pytest.fixture(scope="module")
def spoken(
    postgres_server: EmbeddedPostgres,
    redis_server: EmbeddedRedis,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A server where pages and kiosks may listen, for all tests of this file."""
    execute(postgres_server.url, f"CREATE DATABASE voice TEMPLATE {migrated_template}")
    settings = config.load(
        {}, database_url=url_of(postgres_server, "voice"), redis_url=redis_server.url, token_secret=TOKEN_SECRET
    )
    log = tmp_path_factory.mktemp("voice") / "server.log"
    site = Site(settings, log, SEATSERVER_VOICE="pages,kiosks", **PATIENT_KIOSKS)
    site.start()
    site.set_up()
    yield site
    site.close()
    drop(postgres_server, "voice")


def open_ear(site: Site, window: OpenWindow, **context: Any) -> Window:
    """A seat map whose visitor can speak."""
    one = window(site, **context)
    one.page.add_init_script(EARS + SPEECH)
    one.open_map()
    return one


def microphone(window: Window) -> Locator:
    return window.part("microphone")


def line(window: Window) -> Locator:
    """What the visitor is told about the microphone."""
    return window.part("concierge").get_by_role("status")


def happens(window: Window, event: str, **more: Any) -> None:
    window.page.evaluate("([event, more]) => happens(event, more)", [event, more])


def hears(window: Window, *pieces: str) -> None:
    window.page.evaluate("(pieces) => hears(...pieces)", list(pieces))


def asked(window: Window) -> list[list[str]]:
    """What each recognition was asked to do."""
    found: list[list[str]] = window.page.evaluate("ears.map(({ asked }) => asked)")
    return found


def said(window: Window) -> list[dict[str, Any]]:
    """What was said aloud, and how."""
    found: list[dict[str, Any]] = window.page.evaluate("heard")
    return found


def is_silent(window: Window) -> bool:
    """Whether what was said last was interrupted."""
    found: bool = window.page.evaluate("hushed === heard.length")
    return found


def test_a_spoken_wish_is_shown_as_it_is_heard_asked_at_the_end_and_answered_aloud(
    spoken: Site, window: OpenWindow
) -> None:
    ann = open_ear(spoken, window)
    ann.page.evaluate("window.hushed = 0; speechSynthesis.cancel = () => { hushed = heard.length; }")
    kept = ann.page.evaluate("JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage)])")
    microphone(ann).click()
    expect(microphone(ann)).to_have_attribute("aria-pressed", "true")
    happens(ann, "start")
    expect(line(ann)).to_have_text("I am listening. Press the microphone again when you have finished.")
    hears(ann, "two seats")
    expect(field(ann)).to_have_value("two seats")
    hears(ann, "two seats", "in row B")
    expect(field(ann)).to_have_value("two seats in row B")
    expect(answer(ann)).to_be_hidden()
    assert asked(ann) == [["start"]]
    microphone(ann).click()
    assert asked(ann) == [["start", "stop"]]
    happens(ann, "end")
    expect(microphone(ann)).to_have_attribute("aria-pressed", "false")
    expect(ann.part("concierge")).to_contain_text("You said: “two seats in row B”")
    expect(answer(ann)).to_contain_text("For two, in row B. The best: row B")
    expect(offers(ann).first).to_be_visible()
    ann.wait_until(lambda: said(ann))
    [aloud] = said(ann)
    assert aloud["text"] == answer(ann).inner_text()
    assert (aloud["lang"], aloud["isLocal"]) == ("en-IE", True)
    assert not is_silent(ann)
    ann.part("map").dispatch_event("pointerdown")
    assert is_silent(ann), "who touches something interrupts it"
    assert ann.page.evaluate("JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage)])") == kept
    ask(ann, "three in row C")
    expect(answer(ann)).to_contain_text("For three, in row C.")
    expect(ann.spoken).to_contain_text("For three, in row C.")
    assert len(said(ann)) == 1, "a typed question has a written answer"
    expect(ann.part("concierge")).not_to_contain_text("You said")


def test_by_keyboard_escape_cancels_and_what_was_typed_stays(spoken: Site, window: OpenWindow) -> None:
    ann = open_ear(spoken, window)
    field(ann).fill("three")
    field(ann).press("Tab")
    expect(microphone(ann)).to_be_focused()
    ann.page.keyboard.press("Space")
    happens(ann, "start")
    hears(ann, "in row A")
    expect(field(ann)).to_have_value("three in row A")
    ann.page.keyboard.press("Escape")
    expect(field(ann)).to_have_value("three")
    expect(line(ann)).to_have_text("")
    assert asked(ann) == [["start", "abort"]]
    ann.page.keyboard.press("Enter")
    happens(ann, "start")
    hears(ann, "in row B")
    ann.page.keyboard.press("Enter")
    happens(ann, "end")
    expect(answer(ann)).to_contain_text("For three, in row B.")


def test_a_press_that_is_held_ends_when_it_is_let_go(spoken: Site, window: OpenWindow) -> None:
    ann = open_ear(spoken, window)
    microphone(ann).hover()
    ann.page.mouse.down()
    happens(ann, "start")
    hears(ann, "a sofa for two")
    ann.page.wait_for_timeout(500)
    assert asked(ann) == [["start"]]
    ann.page.mouse.up()
    ann.wait_until(lambda: asked(ann)[0] == ["start", "stop"])
    happens(ann, "end")
    expect(answer(ann)).to_contain_text("row D")
    # The finger that lets go to answer the browser's question about the microphone has not said anything yet.
    ann.page.mouse.down()
    ann.page.wait_for_timeout(500)
    ann.page.mouse.up()
    happens(ann, "start")
    assert asked(ann)[1] == ["start"]
    microphone(ann).click()
    assert asked(ann)[1] == ["start", "stop"]


@pytest.mark.parametrize(("locale", "lang"), [("en-IE", "en-IE"), ("de-DE", "de-DE")], ids=["english", "german"])
def test_what_goes_wrong_is_one_sentence_and_nothing_that_was_heard_is_lost(
    spoken: Site, window: OpenWindow, locale: str, lang: str
) -> None:
    ann = open_ear(spoken, window, locale=locale)
    sentences = {
        "not-allowed": ("The microphone is not allowed here.", "Das Mikrofon ist hier nicht erlaubt."),
        "audio-capture": ("No microphone was found.", "Es wurde kein Mikrofon gefunden."),
        "network": ("I could not listen just now.", "Ich konnte gerade nicht zuhören."),
        "aborted": ("I could not listen just now.", "Ich konnte gerade nicht zuhören."),
    }
    for error, texts in sentences.items():
        field(ann).fill("")
        microphone(ann).click()
        happens(ann, "start")
        hears(ann, "zwei in Reihe B")
        happens(ann, "error", error=error)
        happens(ann, "end")
        expect(line(ann)).to_contain_text(texts[locale == "de-DE"])
        expect(field(ann)).to_have_value("zwei in Reihe B")
        expect(field(ann)).to_be_editable()
    field(ann).fill("")
    microphone(ann).click()
    happens(ann, "start")
    happens(ann, "error", error="no-speech")
    happens(ann, "end")
    nothing = ("I did not hear anything.", "Ich habe nichts gehört.")
    expect(line(ann)).to_contain_text(nothing[locale == "de-DE"])
    expect(answer(ann)).to_be_hidden()
    assert ann.page.evaluate("ears[0].lang") == lang


def test_there_is_no_microphone_unless_the_page_wants_it_and_the_browser_can(spoken: Site, window: OpenWindow) -> None:
    ann, deaf = window(spoken), window(spoken)
    ann.page.add_init_script(EARS)
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>')
    ann.expect_status("live")
    expect(field(ann)).to_be_visible()
    expect(microphone(ann)).to_be_hidden()
    ann.map.evaluate("map => { map.voice = 'on'; }")
    microphone(ann).click()
    happens(ann, "start")
    ann.map.evaluate("map => { map.voice = ''; }")
    expect(microphone(ann)).to_be_hidden()
    assert asked(ann) == [["start", "abort"]]
    deaf.page.add_init_script(DEAF)
    deaf.open_map()
    expect(field(deaf)).to_be_visible()
    expect(microphone(deaf)).to_be_hidden()


def test_listening_has_no_faults_that_a_checker_of_accessibility_finds(spoken: Site, window: OpenWindow) -> None:
    for context in ({}, {"color_scheme": "dark"}, PHONE):
        ann = open_ear(spoken, window, **context)
        ann.page.context.set_default_timeout(60_000)
        if context is PHONE:
            ann.part("talker").tap()
            microphone(ann).tap()
        else:
            microphone(ann).click()
        happens(ann, "start")
        hears(ann, "two in the middle")
        found = Axe().run(ann.page)
        assert found.violations_count == 0, found.generate_report()


def test_a_kiosk_takes_a_spoken_wish_and_shows_its_seats(spoken: Site, window: OpenWindow) -> None:
    kiosk, _ = open_kiosk(spoken, window)
    kiosk.page.add_init_script(EARS + SPEECH)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    choose(kiosk.page, "Continue")
    choose(kiosk.page, "Say what you would like")
    expect_screen(kiosk, "map")
    kiosk.wait_until(lambda: asked(kiosk))
    happens(kiosk, "start")
    expect(line(kiosk)).to_contain_text("I am listening.")
    hears(kiosk, "hold a sofa for two")
    microphone(kiosk).tap()
    happens(kiosk, "end")
    expect(answer(kiosk)).to_contain_text("Held for you: row D")
    kiosk.wait_until(lambda: "Held for you: row D" in said(kiosk)[-1]["text"])
    kiosk.map.get_by_role("button", name="Take these seats").tap()
    expect_screen(kiosk, "review")
    expect(kiosk.page.locator("#screen")).to_contain_text("D-")
