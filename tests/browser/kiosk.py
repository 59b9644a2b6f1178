"""A kiosk in a test's browser: opened and enrolled, followed from screen to screen, and heard when it speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

Windows = Callable[..., Window]
PORTRAIT: dict[str, Any] = {"viewport": {"width": 1080, "height": 1920}, "has_touch": True}
LANDSCAPE: dict[str, Any] = {"viewport": {"width": 1280, "height": 1024}, "has_touch": True}
SIZES = {"portrait": PORTRAIT, "landscape": LANDSCAPE}
PATIENT_PAGE = r"""{
  const { setTimeout, setInterval } = window;
  window.hurried = []; // modules that go by the clock all the same: see `hurry`
  const by = () => /\/kiosk\/(\w+)\.js/.exec(new Error().stack)?.[1];
  window.setTimeout = (act, ms, ...more) => setTimeout(act, ms === 10_000 && by() === "visit" ? 600_000 : ms, ...more);
  window.setInterval = (act, ms, ...more) => {
    const module = by();
    const isLook = ms === 250 && ["device", "quiet"].includes(module);
    return setInterval(isLook ? () => hurried.includes(module) && act() : act, ms, ...more);
  };
}"""
"""The page of a kiosk never gives up a line, a room or a person because the machine is slow."""
PATIENT = """{
  const { setTimeout } = window;
  window.setTimeout = (act, ms, ...more) => setTimeout(act, ms === 10_000 ? 600_000 : ms, ...more);
}"""
SPEECH = """
  window.heard = [];
  window.stops = 0;
  const voice = (lang, localService) => ({ lang, localService, name: lang, default: false, voiceURI: lang });
  const voices = [voice("en-GB", false), voice("en-IE", true), voice("de-DE", true)];
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  const speech = {
    speaking: false, getVoices: () => voices, cancel() { stops++; },
    speak: ({ text, voice }) => heard.push({ text, lang: voice.lang, isLocal: voice.localService, stops }),
  };
  Object.defineProperty(window, "speechSynthesis", { value: speech });
"""
"""Stands in for the browser's speech: notes what is said, and how often it was stopped before that."""
TRACES = """async () => {
  const databases = await indexedDB.databases();
  const caches = await window.caches.keys();
  return {
    local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookie: document.cookie, databases, caches,
    history: history.length, state: history.state, url: location.href, html: document.documentElement.outerHTML,
    maps: document.querySelectorAll("seat-map").length, title: document.title,
  };
}"""
LOOKS = {"contrast": "Contrast", "large": "Large text", "reach": "Lower controls"}


def ask(site: Site, method: str, path: str, **more: Any) -> Any:
    """Ask REST as a manager."""
    headers = {"Authorization": f"Bearer {site.admin_token}"}
    answer = httpx.request(method, f"{site.url}/api/v1/kiosks{path}", headers=headers, trust_env=False, **more)
    assert answer.is_success, answer.text
    return answer.json()


def expect_screen(window: Window, name: str) -> None:
    """Wait for a screen of the kiosk."""
    expect(window.page.locator("body")).to_have_attribute("data-screen", name)


def expect_nothing_scrolls(page: Page) -> None:
    """Everything is on the screen at once."""
    outside = page.evaluate(
        """() => [...document.body.querySelectorAll("button, h1, p, li, img")].filter((one) => {
          const { left, right, top, bottom } = one.getBoundingClientRect();
          return right > left && (left < 0 || top < 0 || right > innerWidth + 1 || bottom > innerHeight + 1);
        }).map((one) => one.outerHTML)"""
    )
    assert outside == []
    screen = page.locator("#screen")
    assert screen.evaluate("({ scrollHeight, clientHeight }) => scrollHeight - clientHeight") <= 1


def enrol(site: Site, kiosk: Window, **changes: str) -> dict[str, Any]:
    """Approve the code that a window shows."""
    expect_screen(kiosk, "enrol")
    code = kiosk.page.locator(".code").inner_text()
    found: dict[str, Any] = ask(
        site, "POST", "/enrol", json={"code": code, "theatre_id": "rex", "name": "Lobby 1", **changes}
    )
    return found


def open_kiosk(site: Site, window: Windows, **context: Any) -> tuple[Window, dict[str, Any]]:
    """A kiosk that shows what is on, and is patient: see `hurry`."""
    one = window(site, **{**PORTRAIT, **context})
    one.page.add_init_script(PATIENT_PAGE)
    one.open("/kiosk")
    kiosk = enrol(site, one)
    expect_screen(one, "attract")
    return one, kiosk


def hurry(kiosk: Window, module: str) -> None:
    """A kiosk minds silence until it is loaded again: of its line (``device``), or of its person (``quiet``)."""
    kiosk.page.evaluate("module => hurried.push(module)", module)


def with_ears(cinema: Site, window: Windows, **context: Any) -> Window:
    """A kiosk whose speech is noted."""
    return with_script(cinema, window, SPEECH, **context)


def with_script(cinema: Site, window: Windows, script: str, **context: Any) -> Window:
    """A kiosk in whose page a script ran before all others."""
    kiosk, _ = open_kiosk(cinema, window, **context)
    kiosk.page.add_init_script(script)
    kiosk.page.reload()
    expect(kiosk.page.get_by_role("button", name="The Long Night")).to_be_visible()
    return kiosk


def said(kiosk: Window) -> list[str]:
    """All that was said."""
    return [one["text"] for one in kiosk.page.evaluate("heard")]


def heard(kiosk: Window) -> str:
    """What was said since this was asked last."""
    return " | ".join(one["text"] for one in kiosk.page.evaluate("heard.splice(0)"))


def choose(page: Page, name: str) -> None:
    """Touch a button."""
    page.get_by_role("button", name=name, exact=True).tap()


def begin(kiosk: Window) -> None:
    """Touch the film, and go on until the seats are chosen by the kiosk."""
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    expect_screen(kiosk, "tickets")
    choose(kiosk.page, "Continue")
    expect_screen(kiosk, "seats")
    choose(kiosk.page, "Best seats for us")
    expect_screen(kiosk, "review")


def pay(kiosk: Window) -> None:
    """Go on to the card."""
    kiosk.page.get_by_role("button", name="Pay €").tap()
    expect(kiosk.page.get_by_role("heading", name="Hold your card to the reader")).to_be_visible()


def free_seats(kiosk: Window) -> int:
    """How many seats are free, by the layout's own states over a fresh room."""
    return int(
        kiosk.page.evaluate(
            """async (showtime) => {
              const found = await (await fetch(`/api/v1/showtimes/${showtime}/availability`)).json();
              return found.total.free;
            }""",
            SHOWTIME,
        )
    )


def expect_free(kiosk: Window, count: int) -> None:
    """Wait until so many seats are free."""
    kiosk.wait_until(lambda: free_seats(kiosk) == count)
