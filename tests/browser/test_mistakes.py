"""Mistakes of a page that uses `<seat-map>`: its developer is told what to fix, its visitor gets a friendly message."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Window
from tests.browser.site import SHOWTIME, Site

pytestmark = pytest.mark.long

Windows = Callable[..., Window]
SOCKETS = re.compile("/ws/showtimes/")


@pytest.fixture
def page(site: Site, window: Windows) -> Callable[[str], Window]:
    """Opens a page with a seat map that has these attributes."""

    def open_page(attributes: str) -> Window:
        visitor = window(site)
        visitor.embed(f'<seat-map showtime="{SHOWTIME}" {attributes}></seat-map>')
        return visitor

    return open_page


def test_an_address_without_a_seat_server_is_named_in_the_error(site: Site, window: Windows) -> None:
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


def test_a_server_that_does_not_answer_in_json_is_reported_as_no_seat_server(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.route("**/tickets/api/**", lambda route: route.fulfill(content_type="text/html", body="<p>Welcome</p>"))
    ann.embed(f'<seat-map showtime="{SHOWTIME}" server="/tickets"></seat-map>')
    expect(ann.map).to_contain_text("there is no seat server at /tickets.")
    assert "did not answer with JSON" in ann.wait_until_told("error")[0]["message"]


def test_an_invalid_address_is_reported_and_nothing_is_requested(page: Callable[[str], Window]) -> None:
    ann = page('server="http://"')
    expect(ann.map).to_contain_text("there is no seat server at http://.")
    [error] = ann.wait_until_told("error")
    assert error["message"] == 'no address: expected the address of a seat server as "server", got "http://"'


def test_a_server_that_refuses_this_origin_is_named(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.forgives_network = True
    ann.page.route("**/api/v1/showtimes/*", lambda route: route.abort())
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>')
    expect(ann.map).to_contain_text("This showtime cannot be shown: the server does not answer.")
    assert f'no answer from "{site.url}/"' in ann.wait_until_told("error")[0]["message"]


def test_a_malformed_token_is_reported_to_the_page_and_explained_to_the_visitor(page: Callable[[str], Window]) -> None:
    ann = page('token="forged"')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text("the server does not know you. Please load the page again")
    expect(ann.map).not_to_contain_text("JWT")
    [error] = ann.wait_until_told("error")
    assert error == {"message": "this is not a token: expected a JWT of three parts", "code": "unauthorized"}


def test_a_token_that_is_not_a_string_is_reported_and_not_retried(page: Callable[[str], Window]) -> None:
    ann = page("")
    ann.expect_status("live")
    ann.map.evaluate("map => { map.token = 7; }")
    expect(ann.map).to_contain_text("This showtime cannot be shown: the server does not know you.")
    [error] = ann.wait_until_told("error")
    assert error["message"] == "expected a token as a string, got number"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("", {"message": "this server does not allow guests: send a token", "code": "unauthorized"}),
        ("throw Object.assign(new Error('no seat is booked for you'), { permanent: true })", None),
    ],
    ids=["no guests", "the page's own no"],
)
def test_a_missing_token_is_not_reported_as_a_connection_problem(
    make_site: Callable[..., Site], window: Windows, how: str, told: dict[str, str] | None
) -> None:
    ann = window(make_site(SEATSERVER_GUEST_SCOPES=""))
    given = f"<script>document.querySelector('seat-map').token = async () => {{ {how} }};</script>" if how else ""
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>{given}')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text("This map is not live: the server does not know you.")
    [error] = ann.wait_until_told("error")
    assert error == (told or {"message": "no seat is booked for you", "code": "unauthorized"})
    # The browser itself reports the 401.
    ann.complaints = [text for text in ann.complaints if "401" not in text]


def test_an_expired_token_is_reported_as_expired(site: Site, window: Windows) -> None:
    def expire(route: WebSocketRoute) -> None:
        route.on_message(lambda _: route.close(code=4200, reason="the token expired"))

    ann = window(site)
    ann.page.route_web_socket(SOCKETS, expire)
    ann.embed(f'<seat-map showtime="{SHOWTIME}" token="of yesterday"></seat-map>')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text("This map is not live: the server does not know you.")
    assert ann.wait_until_told("error") == [{"message": "the token is no longer valid", "code": "unauthorized"}]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4003, "Sie dürfen diese Vorstellung hier nicht sehen"),
        (4004, "Diese Vorstellung gibt es nicht oder nicht mehr"),
        (4010, "Der Server hat diese Seite nicht verstanden. Bitte laden Sie sie neu"),
        (4099, "Etwas ist schiefgegangen. Bitte versuchen Sie es gleich noch einmal"),  # of a newer server
    ],
)
def test_a_refusal_is_quoted_to_the_page_and_explained_to_the_visitor(
    site: Site, window: Windows, code: int, words: str
) -> None:
    def turn_away(route: WebSocketRoute) -> None:
        route.on_message(lambda _: route.close(code=code, reason="the server's own words"))

    ann = window(site, locale="de-DE")
    ann.page.route_web_socket(SOCKETS, turn_away)
    ann.embed(f'<seat-map showtime="{SHOWTIME}" lang="de"></seat-map>')
    ann.expect_status("stopped")
    expect(ann.part("frozen")).to_contain_text(f"Dieser Plan ist nicht live: {words}.")
    [error] = ann.wait_until_told("error")
    assert error["message"] == "the server's own words"


def test_a_page_whose_sockets_are_blocked_says_it_cannot_connect(site: Site, window: Windows) -> None:
    ann = window(site)
    ann.page.add_init_script("WebSocket = class { constructor() { throw new Error('the policy forbids it'); } };")
    ann.embed(f'<seat-map showtime="{SHOWTIME}"></seat-map>')
    expect(ann.part("frozen")).to_contain_text("This map is not live: we can’t connect.")
    [error] = ann.wait_until_told("error")
    assert error["message"].endswith("cannot be connected to: the policy forbids it")
    assert error["code"] is None


def test_a_connection_ended_by_the_page_is_reported_as_such(page: Callable[[str], Window]) -> None:
    ann = page("")
    ann.expect_status("live")
    ann.map.evaluate("map => map.client.close()")
    expect(ann.part("frozen")).to_contain_text("This map is not live: this page has ended the connection.")
    ann.part("frozen").get_by_role("button", name="Try again").click()
    ann.expect_status("live")


def test_an_invalid_attribute_value_gets_a_warning(page: Callable[[str], Window]) -> None:
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
