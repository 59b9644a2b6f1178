"""Somebody at a kiosk asks for help, and staff see it in the live view and have things done from there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.kiosk import (
    SIZES,
    SPEECH,
    Windows,
    ask,
    begin,
    choose,
    expect_free,
    expect_nothing_scrolls,
    expect_screen,
    free_seats,
    hurry,
    open_kiosk,
    pay,
    said,
)
from tests.browser.site import Site
from tests.browser.test_everyone import violations
from tests.conftest import execute

pytestmark = pytest.mark.long


def test_help_is_asked_for_spoken_seen_by_staff_and_given_from_the_live_view(cinema: Site, window: Windows) -> None:
    kiosk, made = open_kiosk(cinema, window)
    ask(cinema, "PUT", f"/{made['id']}", json={"name": "Foyer"})
    kiosk.page.add_init_script(SPEECH)
    kiosk.page.reload()
    free = free_seats(kiosk)
    begin(kiosk)
    choose(kiosk.page, "Speech")
    choose(kiosk.page, "Help")
    expect(kiosk.page.get_by_role("status")).to_have_text("Somebody is on the way.")
    kiosk.wait_until(lambda: "Somebody is on the way." in said(kiosk))
    boss = window(cinema)
    boss.open(f"/ops#token={cinema.admin_token}")
    row = boss.page.locator("#kiosks li", has_text="Foyer")
    expect(row).to_contain_text("Asks for help since")
    expect(row).to_contain_text("shows review")
    expect(row).to_contain_text("The Long Night")
    expect(row).to_contain_text(kiosk.page.locator(".big").first.inner_text())
    expect(row).to_contain_text("held until")
    boss.page.get_by_role("button", name="More time Foyer").click()
    expect(kiosk.page.get_by_role("status")).to_contain_text("You have more time.")
    expect_screen(kiosk, "review")
    boss.page.get_by_role("button", name="Release seats Foyer").click()
    expect_screen(kiosk, "seats")
    expect(kiosk.page.get_by_role("status")).to_contain_text("Our staff have given these seats back.")
    expect_free(kiosk, free)
    boss.page.get_by_role("button", name="Helped Foyer").click()
    expect(kiosk.page.get_by_role("status")).not_to_contain_text("Somebody is on the way.")
    expect(row).not_to_contain_text("Asks for help")
    choose(kiosk.page, "Best seats for us")
    expect_screen(kiosk, "review")
    pay(kiosk)
    expect(row).to_contain_text("shows pay")
    boss.page.get_by_role("button", name="Finish Foyer").click()
    expect(boss.page.locator("#kiosks-told")).to_contain_text("a payment goes on at this kiosk")
    expect_screen(kiosk, "pay")
    boss.complaints.clear()  # the browser tells of the refusal
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    boss.page.get_by_role("button", name="Finish Foyer").click()
    expect_screen(kiosk, "attract")
    expect(boss.page.get_by_role("button", name="Finish Foyer")).to_have_count(0)
    expect_free(kiosk, free - 2)


def test_an_order_for_somebody_who_has_gone_happens_to_nobody_else(cinema: Site, window: Windows) -> None:
    kiosk, made = open_kiosk(cinema, window)
    begin(kiosk)

    def visit() -> str:
        [found] = [one["visit"] for one in ask(cinema, "GET", "")["kiosks"] if one["id"] == made["id"]]
        return str(found)

    kiosk.wait_until(visit)
    first = visit()
    # The order is on its way while the next person begins: the line comes back with it.
    with kiosk.page.expect_websocket(lambda socket: socket.url.endswith("/ws/kiosk")):
        hurry(kiosk, "device")
        kiosk.page.context.set_offline(True)
        kiosk.forgives_network = True
        expect(kiosk.page.get_by_role("status")).to_contain_text("not connected")
        ask(cinema, "POST", f"/{made['id']}/order", json={"what": "finish", "visit": first})
        choose(kiosk.page, "Start over")
        kiosk.page.context.set_offline(False)
    expect(kiosk.page.get_by_role("status")).to_have_count(0)
    begin(kiosk)
    kiosk.wait_until(lambda: visit() not in ("", first))
    expect_screen(kiosk, "review")
    choose(kiosk.page, "Start over")


def test_a_sale_that_the_kiosk_may_no_longer_make_is_not_told_as_a_ticket_for_another_cinema(
    cinema: Site, window: Windows
) -> None:
    kiosk, made = open_kiosk(cinema, window)
    begin(kiosk)
    execute(cinema.database_url, "INSERT INTO theatres VALUES ('ritz', 'Ritz', 'UTC')")
    ask(cinema, "PUT", f"/{made['id']}", json={"theatre_id": "ritz"})
    kiosk.forgives_network = True
    kiosk.page.get_by_role("button", name="Pay €").tap()
    expect(kiosk.page.get_by_role("status")).to_have_text("That did not work. Please try again.")
    expect_screen(kiosk, "review")
    choose(kiosk.page, "Start over")
    kiosk.complaints.clear()  # the browser tells of the refusal


@pytest.mark.parametrize(("size", "scheme"), [("portrait", "dark"), ("landscape", "light")])
def test_help_can_be_asked_for_on_every_screen_and_fits_it(
    cinema: Site, window: Windows, size: str, scheme: str
) -> None:
    kiosk, made = open_kiosk(cinema, window, **SIZES[size], color_scheme=scheme)
    for name in ("Help", "Deutsch"):
        choose(kiosk.page, name)
    expect(kiosk.page.get_by_role("status")).to_have_text("Es kommt gleich jemand.")
    expect_nothing_scrolls(kiosk.page)
    assert violations(kiosk) == []
    choose(kiosk.page, "Hilfe")
    expect(kiosk.page.get_by_role("status")).to_have_count(0)
    choose(kiosk.page, "English")
    begin(kiosk)
    choose(kiosk.page, "Help")
    expect(kiosk.page.get_by_role("status")).to_have_text("Somebody is on the way.")
    expect_nothing_scrolls(kiosk.page)
    pay(kiosk)
    expect(kiosk.page.get_by_role("status")).to_have_text("Somebody is on the way.")
    expect_nothing_scrolls(kiosk.page)
    assert violations(kiosk) == []
    choose(kiosk.page, "Tap")
    expect_screen(kiosk, "ticket")
    choose(kiosk.page, "Done")
    expect_screen(kiosk, "attract")
    expect(kiosk.page.get_by_role("status")).to_have_count(0)
    ask(cinema, "PUT", f"/{made['id']}", json={"locked": True})
    expect_screen(kiosk, "locked")
    expect(kiosk.page.get_by_role("button", name="Help", exact=True)).to_be_visible()
