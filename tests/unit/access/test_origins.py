"""Promises of the origin check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access.origins import allowed, is_own

LISTED = config.load({}, allowed_origins=("https://tickets.example", "http://kiosk.example:8080/"))
PUBLIC = config.load({}, public_url="https://seats.example/live")
EVERYONE = config.load({}, allowed_origins=("*",))
HOST = "127.0.0.1:8000"


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://127.0.0.1:8000", True),
        ("https://127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", False),
        ("http://127.0.0.1", False),
        ("https://tickets.example", True),
        ("https://TICKETS.example:443", True),
        ("http://tickets.example", False),
        ("https://tickets.example.evil.example", False),
        ("https://eviltickets.example", False),
        ("http://kiosk.example:8080", True),
        ("null", False),
        ("", False),
        ("*", False),
        ("https://[", False),
        ("https://tickets.example:99999", False),
    ],
)
def test_only_our_own_pages_and_listed_ones_pass(origin: str | None, passes: bool) -> None:
    assert allowed(origin, HOST, LISTED) is passes


def test_the_public_address_is_our_own() -> None:
    assert allowed("https://seats.example", "10.0.0.7:8000", PUBLIC)
    assert not allowed("http://seats.example", "10.0.0.7:8000", PUBLIC)


def test_a_default_port_may_be_written_or_not() -> None:
    assert allowed("https://seats.example", "seats.example:443", LISTED)
    assert allowed("http://seats.example", "seats.example", LISTED)


def test_a_star_allows_every_origin() -> None:
    assert allowed("null", None, EVERYONE)
    assert allowed("https://anyone.example", None, EVERYONE)


def test_a_request_without_a_host_matches_only_the_list() -> None:
    assert not allowed("http://127.0.0.1:8000", None, LISTED)
    assert allowed("https://tickets.example", None, LISTED)


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_headers_give_an_answer(origin: str, host: str) -> None:
    assert allowed(origin, host, LISTED) in (True, False)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        (f"http://{HOST}", True),
        (f"https://{HOST}", True),
        ("https://seats.example", True),
        ("https://SEATS.example:443", True),
        ("http://seats.example", False),
        ("http://127.0.0.1:8001", False),
        ("https://tickets.example", False),
        ("https://seats.example.evil.example", False),
        ("null", False),
        ("", False),
        (None, False),
    ],
)
def test_what_a_cookie_opens_is_for_our_own_pages_alone(origin: str | None, own: bool) -> None:
    lists = config.load({}, public_url="https://seats.example/live", allowed_origins=("*", "https://tickets.example"))
    assert is_own(origin, HOST, lists) is own
