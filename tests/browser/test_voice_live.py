"""A server that hears: Chromium's own microphone, our socket, and a stand-in for the Gemini Live API."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import Window
from tests.browser.kiosk import choose, open_kiosk
from tests.browser.site import Site
from tests.browser.test_concierge import answer, offers
from tests.browser.test_voice import DEAF, line, microphone
from tests.integration.test_rush_tls import Authority
from tests.support.gemini import KEY
from tests.support.gemini_live import LIVE_MODEL, Answered, HearOut, LiveStandIn, Stall, calls, hears, speaks, whole
from tests.support.lab import ARGUMENTS
from tests.waiting import PATIENCE_S

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""Chromium's own stand-in for a microphone, which beeps, and for the visitor who allows it."""
SPEAKERS = """
  window.played = window.stopped = 0;
  const { start, stop } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (...at) { played += this.buffer.length; start.apply(this, at); };
  AudioBufferSourceNode.prototype.stop = function () { stopped += 1; stop.apply(this); };
"""
"""Notes what is played: the test machine has no speakers."""
SHORT = bytes(4800)
LONG = [speaks(bytes(48_000))] * 20
"""So many seconds of speech."""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium with a microphone."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *MICROPHONE])
        yield launched
        launched.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def live(authority: Authority) -> Iterator[LiveStandIn]:
    """The stand-in, in a thread of its own."""
    stand_in, is_over, is_ready = LiveStandIn(), asyncio.Event(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with stand_in.running(**authority.options):
            is_ready.set()
            await is_over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert is_ready.wait(PATIENCE_S)
    yield stand_in
    loop.call_soon_threadsafe(is_over.set)
    thread.join(PATIENCE_S)
    loop.close()


@pytest.fixture
def hearing(make_site: Callable[..., Site], live: LiveStandIn, authority: Authority) -> Site:
    """A server that hears."""
    return make_site(
        SEATSERVER_VOICE="pages,kiosks",
        SEATSERVER_KIOSK_READER="simulated",
        SEATSERVER_GEMINI_API_KEY=KEY,
        SEATSERVER_GEMINI_URL=live.url,
        SEATSERVER_GEMINI_LIVE_MODEL=LIVE_MODEL,
        SSL_CERT_FILE=str(authority.file),
    )


def test_a_visitor_talks_with_the_server_and_interrupts_it_by_talking_again(
    hearing: Site, live: LiveStandIn, window: Callable[..., Window]
) -> None:
    ann = window(hearing)
    ann.page.add_init_script(DEAF + SPEAKERS)
    wish = "two in row B"
    live.script.append([HearOut(), hears("two in "), hears("row B"), calls(wish), Answered(), *LONG, Stall()])
    live.script.append(whole("three in row C", "three in row C", SHORT))
    ann.open_map()
    expect(ann.part("concierge")).to_contain_text("What you write or say here is sent to Google.")
    # By keyboard: a press of the mouse that takes long here would be one that is held.
    microphone(ann).press("Enter")
    expect(line(ann)).to_have_text("I am listening. Press the microphone again when you have finished.")
    ann.wait_until(lambda: live.connections and any(live.last.sound))
    microphone(ann).press("Enter")
    expect(ann.part("concierge")).to_contain_text("You said: “two in row B”")
    expect(answer(ann)).to_contain_text("For two, in row B. The best: row B")
    expect(offers(ann).first).to_be_visible()
    ann.wait_until(lambda: ann.page.evaluate("played") > 0)
    assert ann.page.evaluate("stopped") == 0
    microphone(ann).press("Enter")
    assert ann.page.evaluate("stopped") > 0, "at once, and whatever the server does"
    ann.wait_until(lambda: live.connections[0].is_gone)
    ann.wait_until(lambda: len(live.connections) == 2 and any(live.last.sound))
    heard_before = ann.page.evaluate("played")
    microphone(ann).press("Enter")
    expect(answer(ann)).to_contain_text("For three, in row C.")
    ann.wait_until(lambda: ann.page.evaluate("played") == heard_before + len(SHORT) // 2)
    # Escape cancels, and nothing is asked.
    live.script.append([Stall()])
    microphone(ann).press("Enter")
    expect(line(ann)).to_contain_text("I am listening.")
    ann.page.keyboard.press("Escape")
    expect(line(ann)).to_have_text("")
    expect(answer(ann)).to_be_hidden()
    # A kiosk whose browser recognises no speech offers it, too.
    kiosk, _ = open_kiosk(hearing, window)
    kiosk.page.add_init_script(DEAF)
    kiosk.page.reload()
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    choose(kiosk.page, "Continue")
    expect(kiosk.page.get_by_role("button", name="Say what you would like")).to_be_visible()
