"""The list of what was revoked: which identities an entry ends, and which of two entries counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatserver.access.deny_list import DenyList, Kind, Revocation, covers
from seatserver.access.tokens import LATEST_MS, Identity
from seatserver.errors import Revoked, Unauthorized

NOW_MS = 1_000_000


def entry(kind: Kind, subject: str, ends_at_ms: int = NOW_MS, expires_at_ms: int = 2 * NOW_MS) -> Revocation:
    return Revocation(kind=kind, subject=subject, ends_at_ms=ends_at_ms, expires_at_ms=expires_at_ms, revoked_by="boss")


def listing(*entries: Revocation, now_ms: int = NOW_MS) -> DenyList:
    made = DenyList(lambda: now_ms)
    for one in entries:
        made.add(one)
    return made


def ann(token_id: str = "t1", key_id: str = "", issued_at_ms: int = NOW_MS - 5000) -> Identity:
    return Identity("ann", frozenset({"hold"}), 2 * NOW_MS, token_id=token_id, key_id=key_id, issued_at_ms=issued_at_ms)


def is_revoked(deny_list: DenyList, identity: Identity) -> bool:
    try:
        deny_list.check(identity)
    except Revoked:
        return True
    return False


def test_a_token_is_revoked_by_its_id_alone() -> None:
    deny_list = listing(entry("token", "t1"))
    assert is_revoked(deny_list, ann("t1"))
    assert not is_revoked(deny_list, ann("t2"))
    assert not is_revoked(deny_list, ann("")), "a token without an id is none that was named"
    assert not is_revoked(deny_list, ann("t2", key_id="t1")), "a key may be called like a token"


def test_a_user_is_revoked_with_all_that_was_issued_until_then() -> None:
    deny_list = listing(entry("user", "ann", ends_at_ms=NOW_MS - 1000))
    assert is_revoked(deny_list, ann(issued_at_ms=NOW_MS - 1000))
    assert is_revoked(deny_list, ann(issued_at_ms=0)), "a token that does not say when it was issued is an old one"
    assert not is_revoked(deny_list, ann(issued_at_ms=NOW_MS - 999))


def test_a_key_is_revoked_with_the_tokens_that_were_made_for_it() -> None:
    deny_list = listing(entry("key", "k1"))
    assert is_revoked(deny_list, ann(key_id="k1"))
    assert not is_revoked(deny_list, ann(key_id="k2"))
    assert not is_revoked(deny_list, ann())


def test_a_key_that_ends_later_is_good_until_then() -> None:
    deny_list = listing(entry("key", "k1", ends_at_ms=NOW_MS + 1))
    assert not is_revoked(deny_list, ann(key_id="k1"))
    assert deny_list.ends_at_ms(ann(key_id="k1")) == NOW_MS + 1
    deny_list.add(entry("key", "k1", ends_at_ms=NOW_MS))
    assert is_revoked(deny_list, ann(key_id="k1")), "it can still be revoked at once"
    assert not deny_list.add(entry("key", "k1", ends_at_ms=NOW_MS + 1))
    assert is_revoked(deny_list, ann(key_id="k1")), "and stays so"


def test_what_is_not_on_the_list_ends_never() -> None:
    assert listing().ends_at_ms(ann()) == LATEST_MS
    assert listing(entry("user", "bob")).ends_at_ms(ann()) == LATEST_MS


def test_who_knows_nothing_of_revocations_sees_one_as_unauthorized() -> None:
    with pytest.raises(Unauthorized) as caught:
        listing(entry("user", "ann")).check(ann())
    assert (caught.value.code, caught.value.status, caught.value.retryable) == ("revoked", 401, False)


def test_entries_are_forgotten_when_all_that_they_end_has_expired() -> None:
    deny_list = listing(entry("token", "t1", expires_at_ms=NOW_MS), entry("token", "t2", expires_at_ms=NOW_MS + 1))
    deny_list.forget_expired()
    assert len(deny_list) == 1
    assert is_revoked(deny_list, ann("t2"))


@given(st.permutations(range(6)), st.sampled_from(("token", "user", "key")))
def test_the_order_in_which_entries_arrive_does_not_matter(order: list[int], kind: Kind) -> None:
    entries = [entry(kind, "x", ends_at_ms=NOW_MS + offset) for offset in order]
    deny_list = listing(*entries)
    assert len(deny_list) == 1
    identity = Identity("x", frozenset(), 2 * NOW_MS, token_id="x", key_id="x")
    assert deny_list.ends_at_ms(identity) == NOW_MS + (5 if kind == "user" else 0)
    assert all(not deny_list.add(one) for one in entries), "adding them again changes nothing"
    strongest = entry(kind, "x", ends_at_ms=deny_list.ends_at_ms(identity))
    assert all(covers(strongest, one) for one in entries)
