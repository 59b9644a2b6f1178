"""What a page gets wrong about `<seat-map>`: its maker is told what to mend, and its visitor in kinder words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

pytestmark = pytest.mark.long

Windows = Callable[..., Window]


@pytest.fixture
def page(site: Site, window: Windows) -> Callable[[str], Window]:
    """Opens a page with a seat map that has these attributes."""

    def open_page(attributes: str) -> Window:
        visitor = window(site)
        visitor.embed(f'<seat-map showtime="{SHOWTIME}" {attributes}></seat-map>')
        return visitor

    return open_page


def test_an_address_without_a_seat_server_is_named_with_what_is_expected(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.route("**/tickets/api/**", lambda route: route.fulfill(status=404, body="<p>Not found</p>"))
    ann.embed(f'<seat-map showtime="{SHOWTIME}" server="/tickets/"></seat-map>')
    expect(ann.map).to_contain_text("This showtime cannot be shown: there is no seat server at /tickets/.")
    [error] = ann.wait_until_told("error")
    assert error["code"] is None
    assert error["message"].startswith(f"{site.url}/tickets/api/v1/")
    assert error["message"].endswith(
        ' answered 404: expected the address of a seat server as "server", got "/tickets/"'
    )
    # The browser itself reports the 404.
    ann.complaints = [text for text in ann.complaints if "404" not in text]


def test_a_server_whose_answers_are_no_json_is_no_seat_server(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.route("**/tickets/api/**", lambda route: route.fulfill(content_type="text/html", body="<p>Welcome</p>"))
    ann.embed(f'<seat-map showtime="{SHOWTIME}" server="/tickets"></seat-map>')
    expect(ann.map).to_contain_text("there is no seat server at /tickets.")
    assert "answered what is no JSON" in ann.wait_until_told("error")[0]["message"]


def test_what_is_no_address_is_said_and_asked_nothing(page: Callable[[str], Window]) -> None:
    ann = page('server="http://"')
    expect(ann.map).to_contain_text("there is no seat server at http://.")
    [error] = ann.wait_until_told("error")
    assert error["message"] == 'no address: expected the address of a seat server as "server", got "http://"'


def test_a_server_that_this_page_may_not_read_is_named(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.forgives_network = True
    ann.page.route("**/api/v1/showtimes/*", lambda route: route.abort())
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>')
    expect(ann.map).to_contain_text("This showtime cannot be shown: the server does not answer.")
    assert f'no answer from "{site.url}/"' in ann.wait_until_told("error")[0]["message"]


def test_a_malformed_token_is_told_to_the_page_and_kindly_to_the_visitor(page: Callable[[str], Window]) -> None:
    ann = page('token="forged"')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text("the server does not know you. Please load the page again")
    expect(ann.map).not_to_contain_text("JWT")
    [error] = ann.wait_until_told("error")
    assert error == {"message": "this is not a token: expected a JWT of three parts", "code": "unauthorized"}


def test_a_token_that_is_no_text_is_told_and_not_tried_again(page: Callable[[str], Window]) -> None:
    ann = page("")
    ann.expect_status("live")
    ann.map.evaluate("map => { map.token = 7; }")
    expect(ann.map).to_contain_text("This showtime cannot be shown: the server does not know you.")
    [error] = ann.wait_until_told("error")
    assert error["message"] == "expected a token as a string, got number"


def test_a_value_that_an_attribute_does_not_have_is_warned_of(page: Callable[[str], Window]) -> None:
    ann = page('theme="drak" checkout="popup"')
    ann.expect_status("live")
    assert ann.complaints == [
        '<seat-map theme="drak">: expected "auto" or "light" or "dark" or "contrast" as theme;'
        " it counts as if it were not set.",
        '<seat-map checkout="popup">: expected "page" as checkout; it counts as if it were not set.',
    ]
    ann.complaints.clear()
    ann.map.evaluate("map => { map.theme = 'dark'; map.checkout = 'page'; map.removeAttribute('theme'); }")
    assert ann.complaints == []
