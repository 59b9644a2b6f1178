"""Posters on the programme page and at kiosks, in a real browser: in their place if they come, and if they do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Window
from tests.browser.kiosk import SIZES, expect_nothing_scrolls, expect_screen, open_kiosk
from tests.browser.site import PRICES, SHOWTIME, Site, small_hall
from tests.browser.test_everyone import violations
from tests.support.pictures import picture

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
PICTURES = "**/api/v1/posters/*"
SHOWN = ".poster img[data-shown]"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
BOXES = """() => [...document.querySelectorAll(".film, .film > *, .poster, .showing, .showing > *")].map((one) => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [one.className, x, y, width, height];
})"""


@pytest.fixture(scope="module")
def cinema(kiosk_cinema: Site) -> Site:
    """The film has a poster, in all of its showtimes but one. Another film has none."""
    poster = kiosk_cinema.upload_poster(picture("PNG", color="#1050c0"))
    kiosk_cinema.put_showtime(SHOWTIME, small_hall(), prices=PRICES, poster_hash=poster)
    kiosk_cinema.put_showtime("again", small_hall(), prices=PRICES)
    kiosk_cinema.put_showtime("other", small_hall(), prices=PRICES, title="A Film Without a Picture")
    return kiosk_cinema


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_a_poster_comes_into_the_place_that_was_kept_for_it(
    cinema: Site, window: Windows, size: dict[str, Any]
) -> None:
    ann = window(cinema, **size)
    waiting: list[Route] = []
    ann.page.route(PICTURES, lambda route: waiting.append(route))
    ann.open("/")
    film = ann.page.locator("section", has=ann.page.get_by_role("heading", name="The Long Night"))
    expect(film.locator(".poster")).to_be_visible()
    expect(ann.page.locator(".show .left", has_text="Mostly free")).to_have_count(3)  # all that changes by itself
    ann.wait_until(lambda: len(waiting) == 1)
    before = ann.page.evaluate(BOXES)
    waiting[0].continue_()
    expect(film.locator(SHOWN)).to_have_css("opacity", "1")
    assert ann.page.evaluate(BOXES) == before
    assert film.locator("img").evaluate("({ naturalWidth, alt }) => [naturalWidth, alt]") == [400, ""]
    assert violations(ann) == []


@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_where_a_picture_does_not_come_a_card_with_the_title_stays(
    cinema: Site, window: Windows, size: dict[str, Any]
) -> None:
    ann = window(cinema, **size)
    ann.forgives_network = True
    waiting: list[Route] = []
    ann.page.route(PICTURES, lambda route: waiting.append(route))
    ann.open("/")
    expect(ann.page.locator(".show .left", has_text="Mostly free")).to_have_count(3)
    ann.wait_until(lambda: len(waiting) == 1)
    before = ann.page.evaluate(BOXES)
    waiting[0].abort()
    expect(ann.page.locator(".poster img")).to_have_count(0)
    card = ann.page.locator("section", has_text="The Long Night").locator(".poster")
    expect(card).to_be_visible()
    expect(card).to_have_text("The Long Night")
    assert ann.page.evaluate(BOXES) == before


@pytest.mark.parametrize("size", SIZES)
def test_a_kiosk_shows_posters_of_what_is_on_and_of_the_film_that_was_chosen(
    cinema: Site, window: Windows, size: str
) -> None:
    kiosk, _ = open_kiosk(cinema, window, **SIZES[size])
    page = kiosk.page
    showing = page.get_by_role("button", name=re.compile("^The Long Night [^a-z]*[0-9:]+")).filter(
        has=page.locator(SHOWN)
    )
    expect(showing).to_have_count(1)  # its name is its title once, and when and where
    expect(page.locator(".showing .poster")).to_have_count(3)
    expect_nothing_scrolls(page)
    assert violations(kiosk) == []
    said = showing.evaluate("async (one) => (await import('/static/shared/speech.js')).spoken(one)")
    assert said.count("The Long Night") == 1
    showing.click()
    expect_screen(kiosk, "tickets")
    expect(page.locator(f".chosen {SHOWN}")).to_have_css("opacity", "1")
    expect_nothing_scrolls(page)
    assert violations(kiosk) == []


def test_a_long_title_has_two_lines_where_the_text_is_large_and_the_controls_are_low(
    cinema: Site, window: Windows
) -> None:
    kiosk, _ = open_kiosk(cinema, window, **SIZES["portrait"])
    page = kiosk.page

    def show_many(route: Route) -> None:
        answer = route.fetch()
        [one, *_] = answer.json()["showtimes"]
        many = [{**one, "id": f"{place}", "title": "The Rather Long Title of a Film"} for place in range(8)]
        route.fulfill(response=answer, json={"showtimes": many, "next": None})

    page.route("**/api/v1/showtimes?*", show_many)
    page.reload()
    expect(page.locator(".showing")).to_have_count(8)
    for look in ("Large text", "Lower controls"):
        page.get_by_role("button", name=look).click()
    expect(page.locator("body")).to_have_attribute("data-reach", "true")
    lines = """(all) => all.map((one) => one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight))"""
    assert min(page.locator(".showing strong").evaluate_all(lines)) > 1.5
    expect_nothing_scrolls(page)


def test_a_kiosk_shows_cards_with_titles_while_pictures_do_not_come_and_tries_again(
    cinema: Site, window: Windows
) -> None:
    kiosk, _ = open_kiosk(cinema, window)
    page = kiosk.page
    kiosk.forgives_network = True
    expect(page.locator(SHOWN)).to_have_count(1)
    page.route(PICTURES, lambda route: route.abort())
    page.reload()
    expect_screen(kiosk, "attract")
    expect(page.locator(".showing .poster")).to_have_count(3)
    expect(page.locator(".poster img")).to_have_count(0)
    expect(page.locator(".showing .poster", has_text="The Long Night").first).to_be_visible()
    expect_nothing_scrolls(page)
    page.unroute(PICTURES)
    page.get_by_role("button", name="Large text").click()  # draws the screen again, as the programme's reading does
    expect(page.locator(SHOWN)).to_have_count(1)


def test_a_poster_that_was_shown_before_is_there_at_once_when_it_is_drawn_again(cinema: Site, window: Windows) -> None:
    ann = window(cinema)
    ann.open("/")
    expect(ann.page.locator(SHOWN)).to_have_count(1)
    is_shown_at_once = ann.page.evaluate(
        """async () => {
          const { poster } = await import("/static/pages/shared/poster.js");
          const hash = document.querySelector(".poster img").src.split("/").at(-1);
          return "shown" in poster("The Long Night", hash).querySelector("img").dataset;
        }"""
    )
    assert is_shown_at_once
