"""A kiosk's page: how a device becomes one, what it shows, and what staff do with it in the live view."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Window
from tests.browser.site import Site
from tests.browser.test_everyone import violations
from tests.javascript import WEB

pytestmark = pytest.mark.long

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
