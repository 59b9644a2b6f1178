"""The concierge in a real browser: by mouse, keyboard and finger, in both languages, and left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
OpenWindow = Callable[..., Window]


def field(window: Window) -> Locator:
    return window.part("concierge").get_by_role("textbox")


def ask(window: Window, text: str) -> None:
    field(window).fill(text)
    field(window).press("Enter")


def offers(window: Window) -> Locator:
    return window.part("concierge").locator("ol button")


def answer(window: Window) -> Locator:
    return window.part("concierge").locator(".answer")


def test_a_wish_shows_seats_on_the_map_and_a_click_holds_them(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.open_map()
    ask(ann, "Two seats by the aisle, under 25 euros")
    expect(answer(ann)).to_contain_text("For two, by the aisle, up to €25.00 in all. The best: row C, seats")
    expect(offers(ann)).to_have_count(3)
    seats = [label.replace("-", "") for label in offers(ann).first.locator("strong").inner_text().split(" and ")]
    ann.expect_seats(**dict.fromkeys(seats, "free"))
    offers(ann).first.click()
    ann.expect_seats(**dict.fromkeys(seats, "mine"))
    expect(offers(ann)).to_have_count(0)
    expect(ann.basket).to_contain_text("€22.00")


def test_its_offers_and_those_of_the_search_take_turns(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.open_map()
    ask(ann, "three in row B")
    expect(offers(ann).first).to_be_visible()
    ann.part("compare").click()
    expect(ann.part("offers")).to_be_visible()
    expect(answer(ann)).to_be_hidden()
    expect(offers(ann)).to_have_count(0)
    ask(ann, "three in row C")
    expect(offers(ann).first).to_be_visible()
    expect(ann.part("offers")).to_be_hidden()


def test_it_can_be_used_without_a_mouse_and_is_told_to_screen_readers(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.open_map()
    field(ann).focus()
    ann.page.keyboard.type("three in row B")
    ann.page.keyboard.press("Enter")
    expect(ann.spoken).to_contain_text("The best: row B")
    expect(field(ann)).to_be_focused()
    ann.page.keyboard.type("hold them")
    ann.page.keyboard.press("Enter")
    expect(ann.spoken).to_contain_text("Held for you: row B")
    expect(ann.basket).to_contain_text("B-")
    ann.page.keyboard.type("give them back")
    ann.page.keyboard.press("Enter")
    expect(answer(ann)).to_have_text("Done: the seats are free again.")
    expect(ann.basket).not_to_contain_text("B-")


def test_seats_held_by_its_words_come_to_the_other_windows_of_the_visitor(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.open_map()
    ask(ann, "reserve two in the last row")
    ann.expect_seats(D1="mine|free", D3="mine|free")
    expect(answer(ann)).to_contain_text("Held for you: row D")
    expect(ann.basket).to_contain_text("D-")


def test_an_offer_that_somebody_else_takes_goes_away(site: Site, window: OpenWindow) -> None:
    ann, bob = window(site), window(site)
    ann.open_map()
    bob.open_map()
    ask(ann, "a sofa for two")
    expect(offers(ann)).to_have_count(2)
    bob.click("D-1", "D-3")
    expect(offers(ann)).to_have_count(0)
    expect(answer(ann)).to_contain_text("The seats of these offers have been taken.")


def test_what_it_did_not_understand_is_said_as_text_and_never_as_markup(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.open_map()
    ask(ann, "two <img src=x onerror=alert()> seats")
    expect(answer(ann)).to_contain_text("I did not understand “img”")
    expect(ann.part("concierge").locator("img")).to_have_count(0)


def test_it_speaks_german_where_the_page_does(site: Site, window: OpenWindow) -> None:
    ann = window(site, locale="de-DE")
    ann.open_map()
    expect(field(ann)).to_have_attribute("placeholder", "Was möchten Sie?")
    ask(ann, "Zwei Plätze in Reihe B")
    expect(answer(ann)).to_contain_text("Für zwei Personen, in Reihe B. Am besten: Reihe B")


def test_on_a_phone_a_button_beside_the_search_unfolds_it_and_the_seats_stay_in_sight(
    site: Site, window: OpenWindow
) -> None:
    ann = window(site, **PHONE)
    ann.open_map()
    expect(ann.part("concierge")).to_be_hidden()
    ann.part("talker").tap()
    expect(field(ann)).to_be_focused()
    ask(ann, "two in row C")
    expect(offers(ann).first).to_be_visible()
    expect(answer(ann)).to_contain_text("row C")

    def is_in_sight() -> bool:
        at = ann.map.evaluate("map => { const { top, bottom } = map.boxOf('C-3'); return { top, bottom }; }")
        dock = ann.basket.bounding_box()
        return dock is not None and 0 <= at["top"] and at["bottom"] <= dock["y"]

    ann.wait_until(is_in_sight)
    field(ann).press("Escape")
    expect(ann.part("concierge")).to_be_hidden()
    expect(ann.part("talker")).to_be_focused()


@pytest.mark.parametrize("how", ["attribute", "setting"])
def test_it_can_be_left_out_by_the_page_and_by_the_server(
    make_site: Callable[..., Site], window: OpenWindow, how: str
) -> None:
    site = make_site(**({"SEATSERVER_CONCIERGE": "0"} if how == "setting" else {}))
    ann = window(site)
    attribute = 'concierge="off"' if how == "attribute" else ""
    ann.embed(f'<seat-map showtime="{SHOWTIME}" {attribute}></seat-map>')
    ann.expect_status("live")
    expect(ann.part("search")).to_be_visible()
    expect(ann.part("concierge")).to_be_hidden()
    if how == "attribute":
        ann.map.evaluate("map => { map.concierge = ''; }")
        expect(ann.part("concierge")).to_be_visible()


def test_a_server_that_goes_away_in_the_middle_is_an_answer_too(site: Site, window: OpenWindow) -> None:
    ann = window(site)
    ann.forgives_network = True
    ann.open_map()
    ask(ann, "two in row B")
    expect(offers(ann).first).to_be_visible()
    site.kill()
    ask(ann, "three in row B")
    expect(answer(ann)).to_contain_text("The connection was lost. Please ask again.")
    site.start()
    ann.expect_status("live")
    ask(ann, "three in row B")
    expect(answer(ann)).to_contain_text("For three, in row B.")


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_it_has_no_faults_that_a_checker_of_accessibility_finds(
    site: Site, window: OpenWindow, context: dict[str, Any]
) -> None:
    ann = window(site, **context)
    ann.page.context.set_default_timeout(60_000)
    ann.open_map()
    if context is PHONE:
        ann.part("talker").tap()
    ask(ann, "two in the middle")
    expect(offers(ann)).to_have_count(3)
    found = Axe().run(ann.page)
    assert found.violations_count == 0, found.generate_report()


def test_nothing_is_kept_before_a_visitor_ticks_the_box_and_they_delete_it_themselves(
    make_site: Callable[..., Site], window: OpenWindow
) -> None:
    site = make_site(SEATSERVER_CONCIERGE_LOG="1")
    ann = window(site, locale="de-DE", **PHONE, is_mobile=True)
    ann.open_map()
    if field(ann).is_hidden():
        ann.part("search").get_by_role("button", name="Was möchten Sie?").click()
    box = ann.part("concierge").get_by_role("checkbox")
    expect(box).not_to_be_checked()
    delete = ann.part("concierge").get_by_role("button", name="Von mir Gespeichertes löschen")
    ask(ann, "Zwei in Reihe B")
    expect(answer(ann)).to_contain_text("Am besten: Reihe B")
    delete.click()
    expect(answer(ann)).to_have_text("Gelöscht. Gespeicherte Fragen waren es: 0.")
    box.check()
    ask(ann, "Zwei in Reihe C")
    expect(answer(ann)).to_contain_text("Am besten: Reihe C")
    delete.click()
    expect(answer(ann)).to_have_text("Gelöscht. Gespeicherte Fragen waren es: 1.")
    expect(box).not_to_be_checked()
