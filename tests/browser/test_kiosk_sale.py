"""A sale at a kiosk in a real Chromium, with the real server and the simulated reader: by touch, by keys, by ear."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import APIResponse, Route, expect

from tests.browser.conftest import PATIENT_KIOSKS
from tests.browser.kiosk import (
    LANDSCAPE,
    LOOKS,
    PORTRAIT,
    SIZES,
    SPEECH,
    TRACES,
    Windows,
    ask,
    begin,
    choose,
    expect_free,
    expect_nothing_scrolls,
    expect_screen,
    free_seats,
    heard,
    hurry,
    open_kiosk,
    pay,
    said,
)
from tests.browser.site import Site
from tests.browser.test_everyone import violations
from tests.conftest import execute

pytestmark = pytest.mark.long

Sites = Callable[..., Site]


@pytest.fixture
def cinema(make_site: Sites) -> Site:
    """A server whose kiosks have the simulated reader."""
    return make_site(**PATIENT_KIOSKS)


def test_a_visitor_buys_two_tickets_by_touch(cinema: Site, window: Windows) -> None:
    kiosk, made = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    begin(kiosk)
    expect(kiosk.page.locator(".total")).to_have_text("€32.00")  # a sofa is the best for two
    pay(kiosk)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    expect(kiosk.page.get_by_alt_text("QR code of your ticket")).to_be_visible()
    expect_free(kiosk, before - 2)
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    [listed] = ask(cinema, "GET", "")["kiosks"]
    assert (listed["id"], listed["sales_today"][0]["bookings"]) == (made["id"], 1)


def test_every_step_can_be_undone(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    begin(kiosk)
    pay(kiosk)
    choose(kiosk.page, "Back")  # the payment is void, and the seats are free
    expect_screen(kiosk, "voided")
    expect_free(kiosk, before)
    choose(kiosk.page, "Done")
    begin(kiosk)
    pay(kiosk)
    kiosk.forgives_network = True
    kiosk.page.route("**/kiosks/self/payments/*", lambda route: route.abort())
    expect(kiosk.page.get_by_role("heading", name="Checking the payment …")).to_be_visible()
    choose(kiosk.page, "Back")  # also while nobody knows what the card does
    expect_screen(kiosk, "voided")
    kiosk.page.unroute("**/kiosks/self/payments/*")
    expect_free(kiosk, before)
    choose(kiosk.page, "Done")
    begin(kiosk)
    choose(kiosk.page, "Other seats")
    choose(kiosk.page, "Back")
    expect_screen(kiosk, "seats")
    expect_free(kiosk, before)
    choose(kiosk.page, "Back")
    expect_screen(kiosk, "tickets")
    choose(kiosk.page, "Back")
    expect_screen(kiosk, "attract")


def test_a_declined_card_can_be_replaced_by_another_one(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    begin(kiosk)
    pay(kiosk)
    choose(kiosk.page, "Be declined")
    expect(kiosk.page.get_by_role("heading", name="Your card was declined")).to_be_visible()
    choose(kiosk.page, "Try another card")
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")


def test_a_lost_answer_of_the_reader_ends_in_one_booking(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    kiosk.forgives_network = True
    begin(kiosk)
    pay(kiosk)
    choose(kiosk.page, "Tap, answer lost")
    expect_screen(kiosk, "ticket")
    expect_free(kiosk, before - 2)


def test_a_card_that_never_comes_voids_the_payment(make_site: Sites, window: Windows) -> None:
    site = make_site(**PATIENT_KIOSKS, SEATSERVER_KIOSK_PAY_MS="1500")
    kiosk, _ = open_kiosk(site, window)
    before = free_seats(kiosk)
    begin(kiosk)
    pay(kiosk)
    expect_screen(kiosk, "voided")
    expect(kiosk.page.get_by_text("No card came in time.")).to_be_visible()
    expect_free(kiosk, before)


def test_the_seats_can_be_chosen_on_the_map(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    choose(kiosk.page, "Continue")
    choose(kiosk.page, "Choose on the map")
    kiosk.expect_status("live")
    kiosk.click("B-3", "B-4")
    kiosk.expect_seats(B3="mine", B4="mine")
    kiosk.page.get_by_role("button", name="Take these seats").tap()
    expect_screen(kiosk, "review")
    expect(kiosk.page.get_by_text("B-3, B-4")).to_be_visible()


@pytest.mark.parametrize("end", ["done", "start over", "gone"])
def test_nothing_of_the_last_person_remains(make_site: Sites, window: Windows, end: str) -> None:
    quick = {"SEATSERVER_KIOSK_QUIET_MS": "1000", "SEATSERVER_KIOSK_ANSWER_MS": "1000"} if end == "gone" else {}
    site = make_site(SEATSERVER_KIOSK_READER="simulated", **quick)
    kiosk, _ = open_kiosk(site, window)
    expect(kiosk.page.get_by_role("button", name="The Long Night")).to_be_visible()  # the programme has come
    before = kiosk.page.evaluate(TRACES)
    free = free_seats(kiosk)
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    choose(kiosk.page, "Deutsch")
    choose(kiosk.page, "Kontrast")
    choose(kiosk.page, "Weiter")
    choose(kiosk.page, "Im Saalplan wählen")
    kiosk.expect_status("live")
    kiosk.click("B-3")
    kiosk.expect_seats(B3="mine")
    if end == "done":
        kiosk.page.get_by_role("button", name="Diese Plätze nehmen").tap()
        kiosk.page.get_by_role("button", name="bezahlen").tap()
        choose(kiosk.page, "Bezahlen")
        expect_screen(kiosk, "ticket")
        reference = kiosk.page.locator(".receipt").inner_text()
        choose(kiosk.page, "Fertig")
    elif end == "start over":
        choose(kiosk.page, "Von vorn")
        reference = "B-3"
    else:
        hurry(kiosk, "quiet")
        reference = "B-3"
    expect_screen(kiosk, "attract")
    kiosk.wait_until(lambda: kiosk.page.evaluate(TRACES) == before)
    assert before["local"] == ["seatserver.kiosk"]
    assert (before["session"], before["cookie"], before["databases"], before["maps"]) == ([], "", [], 0)
    assert reference not in kiosk.page.content()
    assert before["url"] == f"{site.url}/kiosk"
    expect_free(kiosk, free - (1 if end == "done" else 0))


def test_still_there_may_be_answered_ten_times_and_is_spoken(make_site: Sites, window: Windows) -> None:
    quick = {"SEATSERVER_KIOSK_QUIET_MS": "1000", "SEATSERVER_KIOSK_ANSWER_MS": "600000"}
    site = make_site(SEATSERVER_KIOSK_READER="simulated", **quick)
    kiosk, _ = open_kiosk(site, window)
    kiosk.page.add_init_script(SPEECH)
    kiosk.page.reload()
    expect_screen(kiosk, "attract")
    kiosk.page.get_by_role("button", name="The Long Night").tap()
    choose(kiosk.page, "Speech")
    hurry(kiosk, "quiet")

    def wait_until_asked(times: int) -> None:
        asked = 'heard.filter(({ text }) => text.startsWith("Are you still there?")).length'
        kiosk.wait_until(lambda: kiosk.page.evaluate(asked) == times)

    for times in range(1, 11):
        wait_until_asked(times)
        kiosk.page.get_by_role("button", name="Yes, I need more time").tap()
    wait_until_asked(11)
    expect_screen(kiosk, "tickets")


def test_nobody_is_asked_whether_they_are_there_while_they_pay_but_a_ticket_is_left_to_nobody(
    make_site: Sites, window: Windows
) -> None:
    quick = {"SEATSERVER_KIOSK_QUIET_MS": "1000", "SEATSERVER_KIOSK_ANSWER_MS": "1000"}
    kiosk, _ = open_kiosk(make_site(SEATSERVER_KIOSK_READER="simulated", **quick), window)
    begin(kiosk)
    pay(kiosk)
    hurry(kiosk, "quiet")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        expect(kiosk.page.get_by_role("dialog")).to_have_count(0)
        kiosk.page.wait_for_timeout(100)
    expect_screen(kiosk, "pay")
    kiosk.page.evaluate("hurried.length = 0")
    choose(kiosk.page, "Help")
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    expect(kiosk.page.get_by_role("status")).to_have_text("Somebody is on the way.")
    hurry(kiosk, "quiet")
    expect_screen(kiosk, "attract")  # whoever called has gone
    expect(kiosk.page.get_by_role("status")).to_have_count(0)


def test_more_time_than_seats_can_be_held_is_not_promised(make_site: Sites, window: Windows) -> None:
    longest = {"SEATSERVER_HOLD_MS": "600000", "SEATSERVER_HOLD_TOTAL_MS": "600000"}
    site = make_site(**PATIENT_KIOSKS, **longest)
    kiosk, made = open_kiosk(site, window)
    begin(kiosk)
    kiosk.wait_until(lambda: ask(site, "GET", "")["kiosks"][0]["visit"])
    visit = ask(site, "GET", "")["kiosks"][0]["visit"]
    ask(site, "POST", f"/{made['id']}/order", json={"what": "extend", "visit": visit})
    expect(kiosk.page.get_by_role("status")).to_have_text("Your seats cannot be kept any longer.")
    expect_screen(kiosk, "review")


def test_a_page_that_is_killed_while_paying_shows_how_it_ended(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    begin(kiosk)
    pay(kiosk)
    kiosk.page.reload()  # nothing of the page is left
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    kiosk.page.reload()
    expect_screen(kiosk, "ticket")
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.page.reload()
    expect_screen(kiosk, "attract")
    kiosk.page.wait_for_timeout(500)
    expect_screen(kiosk, "attract")


def test_a_begin_whose_answer_is_lost_is_found_and_paid_once(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    kiosk.forgives_network = True
    methods: list[str] = []

    def lose(route: Route) -> None:
        methods.append(route.request.method)
        if route.request.method == "POST":
            route.fetch()  # it is carried out
        if methods.count("GET") < 2:
            route.abort()
        else:
            route.continue_()

    begin(kiosk)
    kiosk.page.route("**/kiosks/self/payments", lose)
    kiosk.page.get_by_role("button", name="Pay €").tap()
    expect(kiosk.page.get_by_role("heading", name="Checking the payment …")).to_be_visible()
    expect(kiosk.page.get_by_role("button", name="Start over")).to_have_count(0)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    assert methods == ["POST", "GET", "GET"]
    expect_free(kiosk, before - 2)


def test_a_begin_that_never_arrived_is_repeated(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    kiosk.forgives_network = True
    begin(kiosk)
    kiosk.page.route("**/kiosks/self/payments", lambda route: route.abort(), times=1)
    pay(kiosk)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")


def test_whoever_has_gone_while_a_payment_was_begun_pays_nothing_and_the_next_one_sees_nothing(
    cinema: Site, window: Windows
) -> None:
    kiosk, made = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    begun: list[tuple[Route, APIResponse]] = []
    begin(kiosk)
    kiosk.page.route("**/kiosks/self/payments", lambda route: begun.append((route, route.fetch())), times=1)
    kiosk.page.get_by_role("button", name="Pay €").tap()
    kiosk.wait_until(lambda: begun)
    lock = {"theatre_id": "rex", "name": "Lobby 1", "locked": True}
    ask(cinema, "PUT", f"/{made['id']}", json=lock)
    expect_screen(kiosk, "locked")
    ask(cinema, "PUT", f"/{made['id']}", json={**lock, "locked": False})
    expect_screen(kiosk, "attract")
    [(route, response)] = begun
    route.fulfill(response=response)
    expect_free(kiosk, before)
    expect_screen(kiosk, "attract")
    begin(kiosk)
    pay(kiosk)


def test_a_ticket_that_was_taken_is_shown_to_nobody_else_though_the_word_of_it_was_lost(
    cinema: Site, window: Windows
) -> None:
    kiosk, made = open_kiosk(cinema, window)
    kiosk.forgives_network = True
    begin(kiosk)
    pay(kiosk)
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    kiosk.page.route("**/done", lambda route: route.abort(), times=2)
    ask(cinema, "POST", f"/{made['id']}/reload")
    with kiosk.page.expect_navigation(), kiosk.page.expect_response("**/done"):
        choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.page.wait_for_timeout(500)
    expect_screen(kiosk, "attract")


def test_a_payment_that_the_server_does_not_know_is_not_checked_for_ever(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    kiosk.forgives_network = True
    begin(kiosk)
    pay(kiosk)
    execute(cinema.database_url, "DELETE FROM kiosk_payments")
    expect_screen(kiosk, "voided")
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    kiosk.wait_until(lambda: len(kiosk.complaints) == 2)
    assert all("404" in complaint for complaint in kiosk.complaints), "it asked for it, and said that it was seen"
    kiosk.complaints.clear()


def test_a_server_that_is_killed_while_paying_ends_in_one_booking(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    before = free_seats(kiosk)
    kiosk.forgives_network = True
    begin(kiosk)
    pay(kiosk)
    hurry(kiosk, "device")
    cinema.kill()
    expect(kiosk.page.get_by_role("heading", name="Checking the payment …")).to_be_visible()
    expect(kiosk.page.get_by_role("status")).to_contain_text("not connected")
    cinema.start()
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    expect_free(kiosk, before - 2)


def test_without_a_line_touches_are_refused_aloud_and_nothing_is_sold(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    kiosk.forgives_network = True
    kiosk.page.add_init_script(SPEECH)
    kiosk.page.reload()
    begin(kiosk)
    choose(kiosk.page, "Speech")
    hurry(kiosk, "device")
    cinema.kill()
    expect(kiosk.page.get_by_role("status")).to_contain_text("not connected")
    kiosk.page.evaluate("heard.length = 0")
    kiosk.page.get_by_role("button", name="Pay €").tap()
    expect_screen(kiosk, "review")
    assert said(kiosk)[-1].startswith("This kiosk is not connected")
    cinema.start()
    expect(kiosk.page.get_by_role("status")).to_have_count(0)


def test_a_purchase_by_arrow_keys_and_one_button_is_spoken_at_every_step(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    page = kiosk.page
    page.add_init_script(SPEECH)
    page.reload()
    expect_screen(kiosk, "attract")

    def go_to(name: str) -> None:
        """Press the arrow until the choice is heard, then the button."""
        for _ in range(30):
            page.keyboard.press("ArrowDown")
            if name in heard(kiosk):
                page.keyboard.press("Enter")
                return
        raise AssertionError(f"{name} was never heard")

    page.keyboard.press("ArrowDown")
    first = heard(kiosk)
    assert "Speech is on" in first
    assert "What’s on today" in first
    go_to("The Long Night") if "The Long Night" not in first.split("|")[-1] else page.keyboard.press("Enter")
    expect_screen(kiosk, "tickets")
    assert "How many tickets?" in heard(kiosk)
    go_to("One fewer")
    assert "People: 1" in heard(kiosk)
    go_to("Continue")
    expect_screen(kiosk, "seats")
    assert "Where would you like to sit?" in heard(kiosk)
    go_to("Best seats for us")
    expect_screen(kiosk, "review")
    assert "Your seats" in heard(kiosk)
    go_to("Pay €11.00")
    expect(page.get_by_role("heading", name="Hold your card to the reader")).to_be_visible()
    assert "Hold your card to the reader" in heard(kiosk)
    go_to("Tap")
    expect_screen(kiosk, "ticket")
    assert "Enjoy the film" in heard(kiosk)
    assert {one["isLocal"] for one in page.evaluate("heard")} <= {True}
    go_to("Done")
    expect_screen(kiosk, "attract")


def test_a_wheelchair_users_reach_mode_has_every_control_in_the_lower_part(cinema: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    choose(kiosk.page, "Lower controls")
    lowest = """() => Math.min(...[...document.querySelectorAll("button")].map((one) =>
      one.getBoundingClientRect().top)) / innerHeight"""
    assert kiosk.page.evaluate(lowest) > 0.38
    begin(kiosk)
    assert kiosk.page.evaluate(lowest) > 0.38
    pay(kiosk)
    assert kiosk.page.evaluate(lowest) > 0.38
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")


@pytest.mark.parametrize("look", ["light", "dark", "contrast", "large", "reach"])
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_of_a_sale_is_whole_and_axe_finds_nothing(
    cinema: Site, window: Windows, size: str, look: str
) -> None:
    kiosk, _ = open_kiosk(cinema, window, **SIZES[size], color_scheme="dark" if look == "dark" else "light")

    def check() -> None:
        expect_nothing_scrolls(kiosk.page)
        assert violations(kiosk) == []

    kiosk.page.get_by_role("button", name="The Long Night").tap()
    expect_screen(kiosk, "tickets")
    if look in LOOKS:
        choose(kiosk.page, LOOKS[look])
    check()
    choose(kiosk.page, "Continue")
    expect_screen(kiosk, "seats")
    check()
    choose(kiosk.page, "Best seats for us")
    expect_screen(kiosk, "review")
    check()
    pay(kiosk)
    check()
    choose(kiosk.page, "Be declined")
    expect(kiosk.page.get_by_role("heading", name="Your card was declined")).to_be_visible()
    check()
    choose(kiosk.page, "Try another card")
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    check()


def test_buttons_are_as_large_as_a_finger_needs(cinema: Site, window: Windows) -> None:
    for size in (PORTRAIT, LANDSCAPE):
        kiosk, _ = open_kiosk(cinema, window, **size)
        begin(kiosk)
        sizes = kiosk.page.evaluate(
            """() => [...document.querySelectorAll("button")].map((one) => {
              const { width, height } = one.getBoundingClientRect();
              return Math.min(width, height);
            })"""
        )
        assert min(sizes) >= 64
