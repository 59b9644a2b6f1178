"""A ticket that was bought elsewhere is shown to a kiosk, in real Chromium: printed there, with nothing left of it."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.conftest import Window
from tests.browser.kiosk import (
    LOOKS,
    PATIENT,
    SIZES,
    SPEECH,
    TRACES,
    Windows,
    ask,
    begin,
    choose,
    expect_nothing_scrolls,
    expect_screen,
    heard,
    open_kiosk,
    pay,
)
from tests.browser.site import Site
from tests.browser.test_everyone import violations

pytestmark = pytest.mark.long

KIOSKS = {"SEATSERVER_KIOSK_PRINTER": "simulated"}
SCAN = """code => {
  const press = (key) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true }));
  [...code].forEach(press);
  return !press("Enter");
}"""
"""A scanner's keys follow each other at once, however slow the machine is. Whether its Enter was swallowed."""


HAVE = "I have a ticket already: print it"
CAMERA = """
  window.seen = ""; // what the code before the camera says
  window.cameras = [];
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
    canvas.getContext("2d").fillRect(0, 0, 64, 48);
    const stream = canvas.captureStream(5);
    cameras.push(...stream.getTracks());
    return stream;
  };
  window.BarcodeDetector = class {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async () => seen ? [{ rawValue: seen }] : [];
  };
"""
"""Stands in for a camera, and for what finds codes in its picture, which browsers on Linux lack."""


def open_at(cinema: Site, window: Windows, **context: Any) -> tuple[Window, dict[str, Any], str]:
    """A kiosk that shows what is on, and the code of a ticket that nobody has on paper."""
    kiosk, made = open_kiosk(cinema, window, **context)
    kiosk.page.add_init_script(PATIENT)
    kiosk.page.add_init_script(SPEECH)
    kiosk.page.reload()
    expect(kiosk.page.get_by_role("button", name="The Long Night")).to_be_visible()
    kiosk.forgives_network = True
    kiosk.page.route("**/print", lambda route: route.abort())
    begin(kiosk)
    pay(kiosk)
    with kiosk.page.expect_response(lambda answer: answer.url.endswith("/card")) as paid:
        choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.page.unroute("**/print")
    return kiosk, made, str(paid.value.json()["code"])


def scan(kiosk: Window, code: str) -> None:
    """Hold a code to the scanner."""
    assert kiosk.page.evaluate(SCAN, code), "the scanner's Enter presses no button"


def is_said(kiosk: Window, words: str) -> bool:
    """Whether that was said since this was asked last."""
    return words in heard(kiosk)


def answer_with(page: Page, problem: dict[str, Any]) -> None:
    """The server refuses what is shown."""
    page.route("**/kiosks/self/tickets", lambda route: route.fulfill(status=problem["status"], json=problem))


def test_a_ticket_that_is_shown_is_printed_and_only_a_touch_prints_a_copy(cinema: Site, window: Windows) -> None:
    kiosk, _, code = open_at(cinema, window)
    page = kiosk.page
    before = page.evaluate(TRACES)
    page.get_by_role("button", name="The Long Night").focus()
    scan(kiosk, code)
    expect_screen(kiosk, "shown")
    expect(page.get_by_text("Take your ticket below.")).to_be_visible()
    paper = page.get_by_alt_text("Your ticket, with its QR code")
    assert "Copy" not in str(paper.get_attribute("src"))
    assert heard(kiosk) == "", "a scanner is no keypad, after which the kiosk would speak"
    choose(page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.wait_until(lambda: page.evaluate(TRACES) == before)
    choose(page, "Speech")
    for copy in (2, 3):
        scan(kiosk, code)
        expect_screen(kiosk, "shown")
        expect(page.get_by_text("This ticket was printed before.")).to_be_visible()
        expect(paper).to_have_count(0)
        assert code not in page.content()
        heard(kiosk)
        choose(page, "Print a copy")
        expect(page.get_by_text("Take your ticket below.")).to_be_visible()
        assert f"Copy%20{copy}" in str(paper.get_attribute("src"))
        kiosk.wait_until(lambda: "Take your ticket below." in heard(kiosk))
        scan(kiosk, "4006381333931")
        expect(page.get_by_role("status")).to_contain_text("This code is not one of our tickets.")
        expect_screen(kiosk, "shown")
        choose(page, "Done")
        expect_screen(kiosk, "attract")
        choose(page, "Speech")
    kiosk.complaints.clear()


def test_a_ticket_that_is_refused_is_told_and_said_and_not_to_the_next_person(cinema: Site, window: Windows) -> None:
    kiosk, made, code = open_at(cinema, window)
    page = kiosk.page
    choose(page, "Speech")
    for refused, words in (
        ({"code": "bad_ticket", "status": 422}, "This code is not one of our tickets."),
        ({"code": "too_many", "status": 429, "retryable": True}, "There were too many codes that are not tickets"),
        ({"code": "booking_state", "facts": {"booking_status": "cancelled"}}, "This ticket was cancelled."),
        ({"code": "booking_state", "facts": {"booking_status": "pending"}}, "it was not paid for."),
        ({"code": "ticket_refused", "facts": {"reason": "elsewhere"}}, "This ticket is for another cinema."),
        ({"code": "ticket_refused", "facts": {"reason": "over"}}, "This ticket’s film is over."),
    ):
        problem: dict[str, Any] = {"status": 409, "facts": {}, "retryable": False, "detail": "", **refused}
        answer_with(page, problem)
        scan(kiosk, code)
        expect(page.get_by_role("status")).to_contain_text(words)
        kiosk.wait_until(partial(is_said, kiosk, words))
        expect_screen(kiosk, "attract")
        page.unroute("**/kiosks/self/tickets")
    read: list[tuple[Route, APIResponse]] = []
    page.route("**/kiosks/self/tickets", lambda route: read.append((route, route.fetch())), times=1)
    scan(kiosk, code)
    kiosk.wait_until(lambda: read)
    for locked, screen in ((True, "locked"), (False, "attract")):
        ask(cinema, "PUT", f"/{made['id']}", json={"locked": locked})
        expect_screen(kiosk, screen)
        if locked:
            [(route, response)] = read
            route.fulfill(response=response)
            expect(page.locator("body")).not_to_have_attribute("aria-busy", "true")
    kiosk.complaints.clear()


@pytest.mark.parametrize(("size", "scheme"), [("portrait", "light"), ("landscape", "dark")])
def test_a_ticket_that_is_shown_fits_its_screen_and_axe_finds_nothing(
    cinema: Site, window: Windows, size: str, scheme: str
) -> None:
    kiosk, made, code = open_at(cinema, window, **SIZES[size], color_scheme=scheme)
    kiosk.page.add_init_script(CAMERA)
    kiosk.page.reload()
    read_by(cinema, kiosk, made, "camera")
    for language, look in (("English", ""), ("Deutsch", "large"), ("English", "reach")):
        if language == "Deutsch":
            choose(kiosk.page, language)
        if look:
            choose(kiosk.page, {"large": "Große Schrift"}.get(look, LOOKS[look]))
        expect_nothing_scrolls(kiosk.page)
        kiosk.page.get_by_role("button", name=re.compile("I have a ticket|Ich habe schon")).tap()
        expect(kiosk.page.locator("video")).to_be_visible()
        expect_nothing_scrolls(kiosk.page)
        assert violations(kiosk) == []
        scan(kiosk, code)
        expect_screen(kiosk, "shown")
        if look:
            expect_nothing_scrolls(kiosk.page)
            assert violations(kiosk) == []
            choose(kiosk.page, "Kopie drucken" if language == "Deutsch" else "Print a copy")
        expect(kiosk.page.locator(".paper")).to_be_visible()
        expect_nothing_scrolls(kiosk.page)
        assert violations(kiosk) == []
        choose(kiosk.page, "Fertig" if language == "Deutsch" else "Done")
        expect_screen(kiosk, "attract")


def read_by(cinema: Site, kiosk: Window, made: dict[str, Any], reader: str) -> None:
    """Staff name what reads tickets, and the first screen offers it."""
    ask(cinema, "PUT", f"/{made['id']}", json={"ticket_reader": reader})
    expect(kiosk.page.get_by_role("button", name=HAVE)).to_be_visible()


def test_the_first_screen_says_that_tickets_are_printed_and_a_keypad_leads_there(cinema: Site, window: Windows) -> None:
    kiosk, made, code = open_at(cinema, window)
    page = kiosk.page
    expect(page.get_by_role("button", name=HAVE)).to_have_count(0)
    read_by(cinema, kiosk, made, "scanner")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
        if page.evaluate("document.activeElement.textContent") == HAVE:
            break
    page.keyboard.press("Enter")
    expect_screen(kiosk, "code")
    kiosk.wait_until(partial(is_said, kiosk, "Show your ticket’s code Hold the QR code"))
    scan(kiosk, "4006381333931")
    expect(page.get_by_role("status")).to_contain_text("This code is not one of our tickets.")
    expect_screen(kiosk, "code")
    scan(kiosk, code)
    expect_screen(kiosk, "shown")
    kiosk.wait_until(partial(is_said, kiosk, "Take your ticket below."))
    choose(page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.complaints.clear()


def test_a_late_answer_to_a_code_ends_nothing_of_the_next_person(cinema: Site, window: Windows) -> None:
    kiosk, made, code = open_at(cinema, window)
    page = kiosk.page
    read_by(cinema, kiosk, made, "scanner")
    waiting: list[Route] = []
    for path in ("tickets", "customers"):
        page.route(f"**/kiosks/self/{path}", lambda route: waiting.append(route))
    choose(page, HAVE)
    scan(kiosk, code)
    kiosk.wait_until(lambda: len(waiting) == 1)
    choose(page, "Back")
    expect_screen(kiosk, "attract")
    page.get_by_role("button", name="The Long Night").click()
    kiosk.wait_until(lambda: len(waiting) == 2)
    with page.expect_response("**/kiosks/self/tickets") as late:
        waiting[0].continue_()
    late.value.finished()
    page.evaluate("new Promise((resolve) => setTimeout(resolve))")  # the page has heard of it
    expect(page.locator("body")).to_have_attribute("aria-busy", "true")
    expect_screen(kiosk, "attract")
    waiting[1].continue_()
    expect_screen(kiosk, "tickets")
    choose(page, "Back")
    expect_screen(kiosk, "attract")


def test_the_camera_is_on_only_while_a_code_is_asked_for_and_what_it_reads_is_printed(
    cinema: Site, window: Windows
) -> None:
    kiosk, made, code = open_at(cinema, window)
    page = kiosk.page
    page.add_init_script(CAMERA)
    page.reload()
    read_by(cinema, kiosk, made, "camera")
    assert page.evaluate("cameras.length") == 0
    choose(page, HAVE)
    expect(page.locator("video")).to_be_visible()
    choose(page, "Back")
    expect_screen(kiosk, "attract")
    assert page.evaluate("cameras.map((one) => one.readyState)") == ["ended"]
    choose(page, HAVE)
    expect(page.locator("video")).to_be_visible()
    page.evaluate("seen = 'x'.repeat(300)")  # as certificates are
    expect(page.get_by_role("status")).to_have_text("This code is not one of our tickets.")
    kiosk.complaints.clear()  # the browser's own, of the refusal
    page.evaluate("code => (seen = code)", code)
    expect_screen(kiosk, "shown")
    expect(page.get_by_text("Take your ticket below.")).to_be_visible()
    assert page.evaluate("cameras.map((one) => one.readyState)") == ["ended", "ended"]
    choose(page, "Done")
    expect_screen(kiosk, "attract")
    page.evaluate("seen = ''")
    choose(page, HAVE)
    expect(page.locator("video")).to_be_visible()
    page.evaluate("cameras.at(-1).dispatchEvent(new Event('ended'))")  # as when it is unplugged
    expect(page.get_by_text("The camera does not work at the moment.")).to_be_visible()
    [found] = [one for one in ask(cinema, "GET", "")["kiosks"] if one["id"] == made["id"]]
    assert found["ticket_reader"] == "camera"
    boss = window(cinema)
    boss.open(f"/ops#token={cinema.admin_token}")
    expect(boss.page.locator("#kiosks")).to_contain_text("tickets by camera · camera away")


def test_a_browser_that_reads_no_codes_offers_no_camera_and_staff_are_told(cinema: Site, window: Windows) -> None:
    kiosk, made, _ = open_at(cinema, window)
    kiosk.page.add_init_script("delete window.BarcodeDetector")
    kiosk.page.reload()
    expect(kiosk.page.get_by_role("button", name="The Long Night")).to_be_visible()
    ask(cinema, "PUT", f"/{made['id']}", json={"ticket_reader": "camera"})
    boss = window(cinema)
    boss.open(f"/ops#token={cinema.admin_token}")
    expect(boss.page.locator("#kiosks")).to_contain_text("tickets by camera · its browser reads no codes")
    expect(kiosk.page.get_by_role("button", name=HAVE)).to_have_count(0)
