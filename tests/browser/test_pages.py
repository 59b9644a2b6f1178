"""The API page, and the rules that hold for all pages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site, small_hall

Windows = Callable[..., Window]


def test_the_map_shows_fees_next_to_its_prices(site: Site, window: Windows) -> None:
    kinds = [{"key": "adult", "name": "Adult", "prices": {"standard": 1000, "sofa": 1500}}]
    fees = {"per_ticket_minor": 50, "per_booking_minor": 100}
    site.put_showtime("family", small_hall(), ticket_types=kinds, fees=fees)
    ann = window(site)
    ann.open_map("family")
    expect(ann.part("prices")).to_contain_text("Fees: €0.50 per ticket and €1.00 per booking")


def test_the_api_page_shows_every_operation_and_message_and_loads_nothing_from_elsewhere(
    site: Site, window: Windows
) -> None:
    rest = httpx.get(f"{site.url}/openapi.json", trust_env=False).json()
    socket = httpx.get(f"{site.url}/asyncapi.json", trust_env=False).json()
    ann = window(site)
    ann.open("/docs")
    page = ann.page
    expect(page.get_by_role("heading", level=1)).to_contain_text(rest["info"]["title"])
    for item in rest["paths"].values():
        for operation in item.values():
            expect(page.locator(f"details#{operation['operationId']}")).to_have_count(1)
    names = {message["name"] for message in socket["components"]["messages"].values()}
    shown = page.locator("details[id^=send-], details[id^=say-]").evaluate_all("all => all.map(one => one.id)")
    assert {name.split("-", 1)[1] for name in shown} == names
    page.locator("details#make_booking summary").click()
    expect(page.locator("details#make_booking")).to_contain_text("hold_gone")
    page.locator("details#make_booking").get_by_role("link", name="NewBooking").click()
    expect(page.locator("details#schema-NewBooking")).to_contain_text("hold_id")
    assert {urlsplit(url).netloc for url in ann.requests} == {urlsplit(site.url).netloc}


def test_the_api_pages_examples_put_a_showtime_on_sale_as_they_stand(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open("/docs")
    given = {"TOKEN": site.admin_token, "THEATRE_ID": "odeon", "AUDITORIUM_ID": "studio", "SHOWTIME_ID": "premiere"}
    story = ["put_theatre", "put_auditorium", "import_layout", "put_showtime", "quote_tickets", "best_available"]
    for name in (*story, "change_allocations", "get_allocation_log"):
        shown = ann.page.locator(f"details#{name} pre").first.text_content()
        command = ["bash", "-euc", f"curl() {{ printf '%s\\0' \"$@\"; }}\n{shown}"]
        *options, url = subprocess.run(command, env=given, capture_output=True, text=True).stdout.split("\0")[:-1]
        flags = list(zip(options[::2], options[1::2], strict=True))
        method = dict(flags).get("-X", "GET")
        headers = dict(value.split(": ", 1) for flag, value in flags if flag == "-H")
        answer = httpx.request(method, url, headers=headers, content=dict(flags).get("-d"), trust_env=False)
        assert answer.is_success, (name, answer.text)


def test_the_api_pages_example_of_a_form_has_its_fields(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open("/docs")
    shown = ann.page.locator("details#exchange_token pre").first.text_content()
    assert shown is not None
    assert "--data-urlencode 'grant_type=password'" in shown
    assert "--data-urlencode 'username=anna@rex.example'" in shown


def test_an_undecodable_address_still_gets_a_readable_page(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.open("/docs#%")
    expect(ann.page.get_by_role("heading", level=1)).to_contain_text("Seat server")
    ann.open("/showtimes/%E0%A4%A")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("There is no such showtime")
    expect(ann.map).to_have_count(0)
    # The browser itself reports the 404 of the showtime; nothing else may have gone wrong.
    assert [text for text in ann.complaints if "404" not in text] == []
    ann.complaints.clear()


def test_an_undecodable_address_is_readable_too_when_the_showtime_could_not_be_looked_up(
    site: Site, window: Windows
) -> None:
    ann = window(site)
    # What the server answers while its database does not: the page itself, which then asks.
    shown = httpx.get(f"{site.url}/showtimes/{SHOWTIME}", trust_env=False)
    ann.page.route(
        f"{site.url}/showtimes/%E0%A4%A", lambda route: route.fulfill(body=shown.text, content_type="text/html")
    )
    ann.open("/showtimes/%E0%A4%A")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("There is no such showtime")
    expect(ann.map).to_have_count(0)
    assert [text for text in ann.complaints if "404" not in text] == []
    ann.complaints.clear()


@pytest.mark.parametrize("path", ["/", "/docs", f"/showtimes/{SHOWTIME}"])
def test_no_page_scrolls_sideways_on_a_narrow_phone(site: Site, window: Windows, path: str) -> None:
    ann = window(site, viewport={"width": 320, "height": 640})
    ann.open(path)
    expect(ann.page.locator("main")).not_to_contain_text(re.compile("Loading"))
    assert ann.page.evaluate("document.documentElement.scrollWidth") == 320
