"""The load lab's report in a browser: its film plays, and it fits a phone without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from loadtests.rush.html.page import page as drawn
from tests.unit.loadtests.rush.results import made


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    path.write_text(drawn(made()), encoding="utf-8")
    return path.as_uri()


def test_the_film_can_be_wound_and_played(browser: Browser, report: str) -> None:
    page = browser.new_page()
    try:
        page.goto(report)
        expect(page.locator(".seat.sold")).to_have_count(4)
        slider = page.get_by_role("slider", name="moment of the run")
        slider.evaluate("one => { one.value = 150; one.dispatchEvent(new Event('input')); }")
        expect(page.locator(".seat.held")).to_have_count(2)
        expect(page.locator("[data-count=held]")).to_have_text("2")
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        expect(page.locator(".seat.sold")).to_have_count(4)
    finally:
        page.close()


def test_the_report_fits_a_phone_and_asks_nobody(browser: Browser, report: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(report)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert asked == [report]
    finally:
        page.close()
