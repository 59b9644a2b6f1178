"""Guests: one browser stays one guest for as long as its renewal lasts, and a renewal is good for nothing else."""

from __future__ import annotations

import dataclasses
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver import config
from seatserver.access.deny_list import DenyList, Revocation
from seatserver.access.guests import Guests
from seatserver.access.tokens import Tokens
from seatserver.config import Settings, wall_clock
from seatserver.errors import Unauthorized

SETTINGS = config.load(
    {}, token_secret="a secret of these tests, long enough for HS256", guest_scopes=("watch", "hold")
)


def guests(settings: Settings = SETTINGS, deny_list: DenyList | None = None) -> Guests:
    return Guests(settings, Tokens(settings), DenyList(wall_clock) if deny_list is None else deny_list)


async def test_each_guest_is_a_new_user_and_a_renewal_keeps_the_same_one() -> None:
    one, other = guests().make(), guests().make()
    assert one.identity.user_id != other.identity.user_id
    assert one.identity.user_id.startswith("guest:")
    assert one.renewal is not None
    renewed = guests().renew(one.renewal)
    assert await Tokens(SETTINGS).verify(renewed.token) == renewed.identity
    assert renewed.identity.user_id == one.identity.user_id
    assert (renewed.renewal, renewed.renewal_expires_at_ms) == (one.renewal, one.renewal_expires_at_ms)


def test_a_renewed_token_has_the_scopes_that_guests_have_now() -> None:
    renewal = guests().make().renewal
    assert renewal is not None
    assert guests(dataclasses.replace(SETTINGS, guest_scopes=("watch",))).renew(renewal).identity.scopes == {"watch"}
    for changes in ({"guest_scopes": ()}, {"guest_renewal_s": 0}, {"token_secret": "t" * 32}):
        with pytest.raises(Unauthorized):
            guests(dataclasses.replace(SETTINGS, **changes)).renew(renewal)


def test_guests_may_end_with_their_token() -> None:
    made = guests(dataclasses.replace(SETTINGS, guest_renewal_s=0)).make()
    assert (made.renewal, made.renewal_expires_at_ms) == (None, None)


def test_a_revoked_guest_s_renewal_is_over_and_another_guest_s_is_not() -> None:
    made, other = guests().make(), guests().make()
    assert made.renewal is not None and other.renewal is not None
    deny_list = DenyList(wall_clock)
    now_ms = wall_clock()
    deny_list.add(
        Revocation(
            kind="user",
            subject=made.identity.user_id,
            ends_at_ms=now_ms,
            expires_at_ms=now_ms + 60_000,
            revoked_by="boss",
        )
    )
    with pytest.raises(Unauthorized, match="this guest has ended"):
        guests(deny_list=deny_list).renew(made.renewal)
    assert guests(deny_list=deny_list).renew(other.renewal).identity.user_id == other.identity.user_id


def test_using_a_renewal_does_not_move_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    made = guests().make()
    assert made.renewal is not None
    claims = jwt.decode(made.renewal, options={"verify_signature": False})
    assert claims["exp"] * 1000 == made.renewal_expires_at_ms
    assert abs(claims["exp"] - time.time() - SETTINGS.guest_renewal_s) < 60
    assert guests().renew(made.renewal).renewal == made.renewal
    now = time.time()
    with monkeypatch.context() as back_then:
        back_then.setattr(time, "time", lambda: now - 120)
        made = guests(dataclasses.replace(SETTINGS, guest_renewal_s=60)).make()
    assert made.renewal is not None
    with pytest.raises(Unauthorized, match="this guest has ended"):
        guests().renew(made.renewal)


async def test_no_token_is_a_renewal_and_no_renewal_a_token() -> None:
    made = guests().make()
    assert made.renewal is not None
    with pytest.raises(Unauthorized):
        guests().renew(made.token)
    with pytest.raises(Unauthorized):
        guests().renew(Tokens(SETTINGS).mint("boss", ["admin"], 600))
    with pytest.raises(Unauthorized):
        await Tokens(SETTINGS).verify(made.renewal)


@given(st.text(max_size=2000))
def test_any_other_text_is_refused_without_an_unexpected_error(text: str) -> None:
    with pytest.raises(Unauthorized):
        guests().renew(text)
