"""What an installation leaves open is told, and a closed one is told nothing."""

from __future__ import annotations

from typing import Any

import pytest

from seatserver import config
from seatserver.exposure import exposures

SECRET = "7Hq2vXbN9sKd4tRw8mZc3yLf6pGj5aEu"
CLOSED: dict[str, Any] = {"host": "0.0.0.0", "public_url": "https://seats.example"}


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"public_url": ""}, "SEATSERVER_PUBLIC_URL"),
        ({"allowed_origins": ("https://a.example", "*")}, "SEATSERVER_ALLOWED_ORIGINS"),
        ({"trusted_proxies": ("*",)}, "SEATSERVER_TRUSTED_PROXIES"),
        ({"trusted_proxies": ("10.0.0.1", "*")}, "SEATSERVER_TRUSTED_PROXIES"),
        ({"guest_scopes": ("watch", "claim"), "token_secret": SECRET}, "SEATSERVER_GUEST_SCOPES"),
    ],
)
def test_each_open_door_is_told_with_the_setting_that_closes_it(changes: dict[str, Any], setting: str) -> None:
    [found] = exposures(config.load({}, **{**CLOSED, **changes}))
    assert setting in found.mend


def test_a_closed_installation_and_one_for_this_machine_alone_are_told_nothing() -> None:
    assert exposures(config.load({}, **CLOSED)) == []
    for host in ("127.0.0.1", "::1", "localhost"):
        assert exposures(config.load({}, host=host)) == []
