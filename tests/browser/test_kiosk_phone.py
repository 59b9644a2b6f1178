"""From a kiosk to a phone, in real Chromium: the seats move by QR code."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Window
from tests.browser.kiosk import (
    PATIENT,
    SIZES,
    TRACES,
    Windows,
    begin,
    choose,
    expect_free,
    expect_nothing_scrolls,
    expect_screen,
    free_seats,
    open_kiosk,
    pay,
    with_script,
)
from tests.browser.site import Site
from tests.browser.test_everyone import violations

pytestmark = pytest.mark.long

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def patient_kiosk(cinema: Site, window: Windows, **context: Any) -> Window:
    """A kiosk that shows what it tells for a moment for as long as a test may take."""
    return with_script(cinema, window, PATIENT, **context)


def show_code(kiosk: Window) -> str:
    """Have the kiosk show the code; where it leads."""
    with kiosk.page.expect_response("**/kiosks/self/handoffs") as answer:
        choose(kiosk.page, "Continue on my phone")
    expect_screen(kiosk, "phone")
    expect(kiosk.page.get_by_alt_text("QR code that moves your seats to your phone")).to_be_visible()
    return str(answer.value.json()["url"])


def test_the_seats_move_to_a_phone_that_scans_and_nothing_of_the_person_remains_at_the_kiosk(
    cinema: Site, window: Windows
) -> None:
    kiosk = patient_kiosk(cinema, window)
    before, free = kiosk.page.evaluate(TRACES), free_seats(kiosk)
    begin(kiosk)
    seats, total = (kiosk.page.locator(".big").nth(at).inner_text() for at in (0, 1))
    url = show_code(kiosk)
    phone = window(cinema, **PHONE)
    phone.page.goto(url)
    phone.page.wait_for_url("**/showtimes/tonight")
    phone.expect_status("live")
    expect(phone.page.locator("seat-map")).to_contain_text(total)
    assert phone.page.evaluate("localStorage.getItem('seatserver.guest') !== null"), "it is a guest of its own"
    expect_screen(kiosk, "moved")
    expect(kiosk.page.get_by_role("heading", name="Your seats are on your phone")).to_be_visible()
    assert seats not in kiosk.page.content()
    expect_nothing_scrolls(kiosk.page)
    expect_free(kiosk, free - 2)
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.wait_until(lambda: kiosk.page.evaluate(TRACES) == before)
    assert seats not in kiosk.page.content()
    expect_free(kiosk, free - 2)
    second = window(cinema, **PHONE)
    second.forgives_network = True
    second.page.goto(url)
    expect(second.page.get_by_text("Another phone has taken these seats.")).to_be_visible()
    assert second.page.url == f"{cinema.url}/handoff"
    second.complaints.clear()


def test_a_phone_that_lost_the_answer_has_the_seats_also_when_the_kiosk_went_back(
    cinema: Site, window: Windows
) -> None:
    kiosk = patient_kiosk(cinema, window)
    begin(kiosk)
    total = kiosk.page.locator(".total").inner_text()
    url = show_code(kiosk)
    choose(kiosk.page, "Back")
    expect_screen(kiosk, "review")
    phone = window(cinema, **PHONE)
    phone.forgives_network = True
    sent: list[str] = []

    def lose(route: Route) -> None:
        sent.append(route.request.url)
        route.fetch()  # it is carried out
        route.abort()

    phone.page.route("**/api/v1/handoffs", lose, times=2)
    phone.page.goto(url)
    phone.page.wait_for_url("**/showtimes/tonight")
    assert len(sent) == 2
    expect(phone.page.locator("seat-map")).to_contain_text(total)
    expect_screen(kiosk, "moved")


def test_a_server_that_is_killed_while_a_phone_scans_ends_with_the_seats_at_the_phone(
    cinema: Site, window: Windows
) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    kiosk.forgives_network = True
    begin(kiosk)
    total = kiosk.page.locator(".total").inner_text()
    url = show_code(kiosk)
    phone = window(cinema, **PHONE)
    phone.forgives_network = True
    killed: list[bool] = []

    def die(route: Route) -> None:
        route.fetch()
        cinema.kill()
        killed.append(True)
        route.abort()

    phone.page.route("**/api/v1/handoffs", die, times=1)
    phone.page.goto(url)
    kiosk.wait_until(lambda: killed)
    cinema.start()
    # On a slow machine the page may have given up asking by itself.
    done = phone.page.locator("seat-map").or_(phone.page.get_by_role("button", name="Try again"))
    expect(done).to_be_visible(timeout=60_000)
    if phone.page.get_by_role("button", name="Try again").is_visible():
        phone.page.get_by_role("button", name="Try again").tap()
    phone.page.wait_for_url("**/showtimes/tonight")
    expect(phone.page.locator("seat-map")).to_contain_text(total)
    expect(kiosk.page.locator("body")).to_have_attribute("data-screen", re.compile("moved|attract"))


def test_a_code_that_is_over_gives_way_to_a_new_one_and_the_seats_can_still_be_paid(
    cinema: Site, window: Windows
) -> None:
    kiosk, _ = open_kiosk(cinema, window)

    def soon(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "lasts_ms": 1000})

    kiosk.page.route("**/kiosks/self/handoffs", soon)
    begin(kiosk)
    choose(kiosk.page, "Continue on my phone")
    expect(kiosk.page.get_by_role("heading", name="The code has expired")).to_be_visible()
    expect(kiosk.page.locator(".qr")).to_have_count(0)
    kiosk.page.unroute("**/kiosks/self/handoffs")
    choose(kiosk.page, "Show a new code")
    expect(kiosk.page.locator(".qr")).to_be_visible()
    choose(kiosk.page, "Back")
    pay(kiosk)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")


@pytest.mark.parametrize(("size", "scheme"), [("portrait", "light"), ("landscape", "dark")])
def test_the_screens_of_a_hand_off_are_whole_and_axe_finds_nothing(
    cinema: Site, window: Windows, size: str, scheme: str
) -> None:
    kiosk = patient_kiosk(cinema, window, **SIZES[size], color_scheme=scheme)
    begin(kiosk)
    expect_nothing_scrolls(kiosk.page)
    for look in ("", "Large text", "Lower controls"):
        if look:
            choose(kiosk.page, look)
        url = show_code(kiosk)
        expect_nothing_scrolls(kiosk.page)
        assert violations(kiosk) == []
        choose(kiosk.page, "Back")
        expect_screen(kiosk, "review")
        expect_nothing_scrolls(kiosk.page)
        if look:
            choose(kiosk.page, look)
    phone = window(cinema, **PHONE, color_scheme=scheme)
    phone.forgives_network = True
    phone.page.goto(url[:-3])
    expect(phone.page.get_by_text("This code is too old.")).to_be_visible()
    assert violations(phone) == []
    phone.complaints.clear()
    url = show_code(kiosk)
    phone.page.goto("about:blank")
    phone.page.goto(url)
    phone.page.wait_for_url("**/showtimes/tonight")
    expect_screen(kiosk, "moved")
    expect_nothing_scrolls(kiosk.page)
    assert violations(kiosk) == []
