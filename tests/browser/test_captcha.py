"""A visitor who comes while very many do passes the CAPTCHA of the operator's provider, and then chooses seats."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Window
from tests.browser.site import Site
from tests.support.captcha_standin import FRAME, SCRIPT, SECRET, SITE_KEY, Provider, captcha_standin

Windows = Callable[..., Window]
PROVIDERS_OWN = "https://challenges.cloudflare.com/"
ANSWER = f"{SITE_KEY}.guest"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with captcha_standin() as made:
        yield made


@pytest.fixture
def busy(make_site: Callable[..., Site], provider: Provider) -> Site:
    """A server at which every new guest has a price."""
    return make_site(
        SEATSERVER_CAPTCHA="turnstile",
        SEATSERVER_CAPTCHA_SITE_KEY=SITE_KEY,
        SEATSERVER_CAPTCHA_SECRET=SECRET,
        SEATSERVER_CAPTCHA_VERIFY_URL=provider.url,
        SEATSERVER_GUESTS_FREE_PER_MIN="1",
        SEATSERVER_UNLIMITED="",
        SEATSERVER_PUBLIC_URL="http://127.0.0.1:{port}",
    )


def come(window: Windows, site: Site, *, is_blocked: bool = False, **context: object) -> Window:
    """A visitor, whose browser gets the provider's script and frame from here."""
    visitor = window(site, **context)

    def answer(route: Route) -> None:
        if is_blocked:
            return route.abort()
        kind, body = ("text/html", FRAME) if "/frame" in route.request.url else ("text/javascript", SCRIPT)
        return route.fulfill(content_type=kind, body=body)

    visitor.page.route(f"{PROVIDERS_OWN}**", answer)
    visitor.open("/showtimes/tonight")
    return visitor


def forget_that_a_price_was_asked(visitor: Window) -> None:
    """The browser itself reports the server's answer."""
    visitor.complaints = [text for text in visitor.complaints if "status of 428" not in text]


def test_visitors_pass_the_check_once_by_keyboard_too_and_in_their_language(
    busy: Site, window: Windows, provider: Provider
) -> None:
    anna = come(window, busy)
    provider.answers[ANSWER] = {"hostname": "127.0.0.1", "action": "guest"}
    panel = anna.page.get_by_role("dialog", name="A short check")
    expect(panel).to_be_focused()
    expect(panel).to_contain_text("a person")
    anna.page.keyboard.press("Tab")  # into the provider's frame, and to its button
    widget = anna.page.frame_locator("iframe[title=Widget]").get_by_role("button")
    expect(widget).to_be_focused()
    anna.page.keyboard.press("Enter")
    anna.expect_status("live")
    expect(panel).to_have_count(0)
    anna.click("B-2")
    anna.expect_seats(B2="mine")
    assert provider.asked[-1]["remoteip"] == "127.0.0.1"

    asked = len([url for url in anna.requests if url.startswith(PROVIDERS_OWN)])
    anna.page.reload()
    anna.expect_status("live")
    assert len([url for url in anna.requests if url.startswith(PROVIDERS_OWN)]) == asked, "only for a new guest"

    ben = come(window, busy, locale="de-DE", viewport={"width": 390, "height": 844}, color_scheme="dark")
    panel = ben.page.get_by_role("dialog", name="Eine kurze Prüfung")
    expect(panel).to_be_visible()
    box = panel.bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert any(url.endswith("/frame?de") for url in ben.requests)
    panel.get_by_role("button", name="Jetzt nicht").click()
    ben.expect_status("stopped")
    expect(panel).to_have_count(0)
    for visitor in (anna, ben):
        forget_that_a_price_was_asked(visitor)


def test_a_visitor_gets_in_by_work_when_neither_we_nor_the_browser_reach_the_provider(
    busy: Site, window: Windows, provider: Provider
) -> None:
    provider.fault = "500"
    visitor = come(window, busy, is_blocked=True)
    visitor.expect_status("live")
    provider.fault = ""
    assert any("this page could not load https://challenges" in text for text in visitor.complaints), "for developers"
    visitor.complaints = [text for text in visitor.complaints if "this page could not load" not in text]
    visitor.forgives_network = True
    forget_that_a_price_was_asked(visitor)
