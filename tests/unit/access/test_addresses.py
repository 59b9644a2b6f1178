"""Where a request comes from: nobody but a trusted proxy can say that it is somebody else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access.addresses import PAIR, Networks, Proxies, household, read

PROXY, INNER, CLIENT = "192.0.2.1", "10.0.0.7", "203.0.113.9"
TRUSTED = (PROXY, "10.0.0.0/8", "2001:db8:ffff::/48")


def come(peer: str, *headers: tuple[str, str], header: str = "x-forwarded-for", kind: str = "http") -> dict[str, Any]:
    """A request's scope after it was resolved."""
    settings = config.load({}, trusted_proxies=TRUSTED, forwarded_header=header)
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "client": (peer, 4711), "scheme": "http", "headers": sent}
    Proxies(settings).resolve(scope)
    return scope


def client_of(scope: dict[str, Any]) -> str:
    return str(scope["client"][0])


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded"])
def test_nobody_else_can_say_that_they_are_somebody_else(header: str) -> None:
    forged = (("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1"), ("x-forwarded-proto", "https"))
    scope = come(CLIENT, *forged, header=header)
    assert (client_of(scope), scope["scheme"]) == (CLIENT, "http")


def test_what_a_client_wrote_before_the_proxy_did_is_not_believed() -> None:
    assert client_of(come(PROXY, ("x-forwarded-for", f"198.51.100.1, {CLIENT}"))) == CLIENT
    assert client_of(come(PROXY, ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", CLIENT))) == CLIENT
    assert client_of(come(PROXY, ("x-forwarded-for", f"198.51.100.1, {CLIENT}, {INNER}"))) == CLIENT
    assert client_of(come(PROXY, ("forwarded", f"for=198.51.100.1, for={CLIENT}"), header="forwarded")) == CLIENT


def test_only_the_header_that_the_proxy_sets_is_read() -> None:
    both = (("forwarded", "for=198.51.100.1"), ("x-forwarded-for", CLIENT))
    assert client_of(come(PROXY, *both)) == CLIENT
    assert client_of(come(PROXY, *both, header="forwarded")) == "198.51.100.1"


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ("For=192.0.2.60;proto=https;by=203.0.113.43", "192.0.2.60"),
        ('for=192.0.2.43, for="[2001:db8:ffff::1]"', "192.0.2.43"),
        ('for="192.0.2.60:80";by="a;b,for=1.2.3.4"', "192.0.2.60"),
        ("for=unknown", PROXY),
        ("for=_hidden, for=_SEVKISEK", PROXY),
        ("garbage", PROXY),
        ("", PROXY),
    ],
)
def test_forwarded_is_read_in_every_form_of_its_rfc(value: str, client: str) -> None:
    assert client_of(come(PROXY, ("forwarded", value), header="forwarded")) == client


def test_the_scheme_is_the_one_that_the_last_proxy_saw() -> None:
    assert come(PROXY, ("x-forwarded-proto", "http, https"))["scheme"] == "https"
    assert come(PROXY, ("x-forwarded-proto", "https"), kind="websocket")["scheme"] == "wss"
    assert come(PROXY, ("forwarded", f"for={CLIENT};proto=https"), header="forwarded")["scheme"] == "https"
    assert come(PROXY, ("x-forwarded-proto", "gopher"))["scheme"] == "http"


def test_an_unreadable_client_counts_as_its_proxy_and_a_missing_one_as_none() -> None:
    assert client_of(come(PROXY, ("x-forwarded-for", "nonsense"))) == PROXY
    scope: dict[str, Any] = {"type": "http", "client": None, "headers": []}
    assert Proxies(config.load({}, trusted_proxies=("*",))).resolve(scope) is None


def test_a_header_that_is_too_long_hides_nobody_behind_the_proxy() -> None:
    for header, padding, own in (
        ("x-forwarded-for", "1.1.1.1, ", CLIENT),
        ("x-forwarded-for", "x" * 70, f", {CLIENT}"),
        ("forwarded", "for=1.1.1.1, ", f"for={CLIENT}"),
    ):
        assert client_of(come(PROXY, (header, padding * 1000 + own), header=header)) == CLIENT


def test_the_pattern_of_forwarded_never_goes_back() -> None:
    """Otherwise its steps grow with the square of a hostile header's length. A ``+`` behind a repetition forbids it."""
    bare = re.sub(r"\[[^]]*\]", "x", PAIR.pattern)  # without the sets of characters
    assert re.findall(r"[*+]\+?", bare) == ["*+", "++", "*+", "*+", "*+", "*+", "*+"]


def test_addresses_are_equal_however_they_are_written() -> None:
    for text in ("203.0.113.9", " 203.0.113.9 ", "203.0.113.9:80", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:80"):
        assert household(read(text)) == CLIENT
    for text in ("2001:db8:1:2::1", "[2001:db8:1:2:ffff::]:443", "2001:db8:1:2::9%eth0"):
        assert household(read(text)) == "2001:db8:1:2::"


def test_networks_hold_their_addresses_and_no_others() -> None:
    listed = Networks(("10.0.0.0/8", "2001:db8::/32", ""))
    assert read("10.1.2.3") in listed
    assert read("2001:db8::5") in listed
    assert read("11.0.0.1") not in listed
    assert None not in listed
    assert None in Networks(("*",))


@given(st.text(st.characters(max_codepoint=255), max_size=80), st.sampled_from(["x-forwarded-for", "forwarded"]))
def test_any_header_gives_an_address(value: str, header: str) -> None:
    assert read(client_of(come(PROXY, (header, value), header=header))) is not None
