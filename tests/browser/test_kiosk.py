"""A kiosk's page: how a device becomes one, what it shows, and what staff do with it in the live view."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.kiosk import (
    PORTRAIT,
    SIZES,
    Windows,
    ask,
    enrol,
    expect_nothing_scrolls,
    expect_screen,
    hurry,
    open_kiosk,
)
from tests.browser.site import Site
from tests.browser.test_everyone import violations
from tests.javascript import WEB

pytestmark = pytest.mark.long


def test_a_fresh_device_is_enrolled_in_the_live_view_by_the_code_on_its_screen(site: Site, window: Windows) -> None:
    device, boss = window(site, **PORTRAIT), window(site)
    device.open("/kiosk")
    expect_screen(device, "enrol")
    expect(device.page.get_by_alt_text("QR code that leads to /ops")).to_be_visible()
    code = device.page.locator(".code").inner_text()
    # As a phone that scanned the QR code does, once its owner has signed in.
    boss.open(f"/ops#kiosk={code}&token={site.admin_token}")
    page = boss.page
    expect(page.get_by_label("Code on the device’s screen")).to_have_value(code)
    page.get_by_label("Theatre").select_option("Rex")
    page.get_by_label("Name").fill("Lobby 1")
    page.get_by_role("button", name="Enrol kiosk").click()
    expect(page.locator("#kiosks-told")).to_have_text("Lobby 1 is enrolled.")
    expect_screen(device, "attract")
    expect(device.page.get_by_role("main")).to_contain_text("The Long Night")
    row = page.locator("#kiosks li", has_text="Lobby 1")
    expect(row).to_contain_text("shows attract")
    expect(row).to_contain_text("Rex · release")


def test_staff_lock_unlock_message_rename_and_revoke_a_kiosk_in_the_live_view(site: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(site, window)
    boss = window(site)
    boss.open(f"/ops#token={site.admin_token}")
    answers: list[str] = []
    boss.page.on("dialog", lambda dialog: dialog.accept(answers.pop(0) if answers else None))
    boss.page.get_by_role("button", name="Lock Lobby 1").click()
    expect_screen(kiosk, "locked")
    boss.page.get_by_role("button", name="Unlock Lobby 1").click()
    expect_screen(kiosk, "attract")
    answers.append("The bar is open.")
    boss.page.get_by_role("button", name="Message Lobby 1").click()
    expect(kiosk.page.get_by_text("The bar is open.")).to_be_visible()
    answers.append("Foyer")
    boss.page.get_by_role("button", name="Rename Lobby 1").click()
    expect(boss.page.locator("#kiosks li")).to_contain_text("Foyer")
    boss.page.get_by_role("button", name="Revoke Foyer").click()
    expect_screen(kiosk, "revoked")
    expect(boss.page.locator("#kiosks li")).to_have_count(0)
    kiosk.page.get_by_role("button", name="Set up again").click()
    expect_screen(kiosk, "enrol")


def test_the_focus_stays_on_a_kiosk_while_the_live_view_is_refreshed(site: Site, window: Windows) -> None:
    open_kiosk(site, window)
    boss = window(site)
    boss.open(f"/ops#token={site.admin_token}")
    lock = boss.page.get_by_role("button", name="Lock Lobby 1", exact=True)
    lock.focus()
    # When the second answer comes, the first one has been shown.
    for _ in range(2):
        with boss.page.expect_response("**/api/v1/kiosks"):
            pass
    expect(lock).to_be_focused()


def test_a_rename_in_a_view_that_is_out_of_date_undoes_nothing(site: Site, window: Windows) -> None:
    kiosk, made = open_kiosk(site, window)
    boss = window(site)
    boss.open(f"/ops#token={site.admin_token}")
    before = ask(site, "GET", "")
    boss.page.route("**/api/v1/kiosks", lambda route: route.fulfill(json=before))
    boss.page.on("dialog", lambda dialog: dialog.accept("Foyer"))
    expect(boss.page.get_by_role("button", name="Lock Lobby 1", exact=True)).to_be_visible()
    ask(site, "PUT", f"/{made['id']}", json={"locked": True})
    expect_screen(kiosk, "locked")
    boss.page.get_by_role("button", name="Rename Lobby 1").click()
    boss.wait_until(lambda: ask(site, "GET", "")["kiosks"][0]["name"] == "Foyer")
    assert ask(site, "GET", "")["kiosks"][0]["locked"]
    expect_screen(kiosk, "locked")


def test_a_kiosk_stays_enrolled_when_it_is_switched_off_and_on(site: Site, window: Windows) -> None:
    kiosk, _ = open_kiosk(site, window)
    kiosk.page.reload()
    expect_screen(kiosk, "attract")


def test_a_reload_from_the_live_view_loads_the_page_again(site: Site, window: Windows) -> None:
    kiosk, made = open_kiosk(site, window)
    with kiosk.page.expect_navigation():
        ask(site, "POST", f"/{made['id']}/reload")
    expect_screen(kiosk, "attract")


def test_a_kiosk_without_a_line_says_so_within_three_seconds_and_recovers(site: Site, window: Windows) -> None:
    times = re.findall(r"^const (\w+)_MS = (\d+);", (WEB / "pages/kiosk/device.js").read_text(), re.MULTILINE)
    given_ms = {name: int(ms) for name, ms in times}
    assert given_ms["SILENCE"] + given_ms["LOOK"] < 3000, "on a machine that is not too slow for anything"
    kiosk, _ = open_kiosk(site, window)
    kiosk.forgives_network = True
    hurry(kiosk, "device")
    site.kill()
    expect(kiosk.page.get_by_role("status")).to_contain_text("not connected")
    site.start()
    expect(kiosk.page.get_by_role("status")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_before_the_sale_is_whole_and_axe_finds_nothing(
    site: Site, window: Windows, size: str, scheme: str
) -> None:
    device = window(site, **SIZES[size], color_scheme=scheme)
    device.open("/kiosk")
    expect_screen(device, "enrol")
    for lang in ("Deutsch", "English"):
        device.page.get_by_role("button", name=lang).click()
        expect_nothing_scrolls(device.page)
        assert violations(device) == []
    made = enrol(site, device)
    expect_screen(device, "attract")
    expect_nothing_scrolls(device.page)
    assert violations(device) == []
    body = {"theatre_id": "rex", "name": "Lobby 1", "locked": True, "message": "The bar is open."}
    ask(site, "PUT", f"/{made['id']}", json=body)
    expect_screen(device, "locked")
    assert violations(device) == []
    ask(site, "POST", f"/{made['id']}/revoke")
    expect_screen(device, "revoked")
    expect_nothing_scrolls(device.page)
    assert violations(device) == []
