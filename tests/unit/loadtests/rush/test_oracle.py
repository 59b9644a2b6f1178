"""The oracle: honest accounts pass, and each lie in them has a name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loadtests.rush.notes import Doubt, Ending, Held, Notes, Receipt, Robbed
from loadtests.rush.oracle import Account, examine
from tests.unit.loadtests.rush.results import account, noted

OWNERS = ((0, "one"), (1, "one"), (2, "two"), (3, "two"))


def codes(notes: Notes, said: Account) -> set[str]:
    return {wrong.code for wrong in examine(notes, [said])}


def held(person: int, since: float, until: float, machine: str = "here") -> Held:
    return Held(machine=machine, person=person, showtime=0, seats=(1,), since=since, until=until)


def test_accounts_that_agree_are_right() -> None:
    ending = Ending(showtime=0, epoch="e", version=9, states="3333", areas=(), viewers=3)
    assert codes(noted(endings=[ending]), account(owners=OWNERS)) == set()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"states": "3330", "counted": {"free": 1, "sold": 3}}, "lost"),
        ({"states": "3333", "counted": {"sold": 3}}, "counts"),
        ({"states": "3333", "counted": {"sold": 4}, "owners": OWNERS[:3]}, "postgres"),
        ({"states": "3333", "counted": {"sold": 4}, "owners": (*OWNERS[:3], (3, "one"))}, "postgres"),
        ({"states": "3333", "counted": {"sold": 4}, "owners": (*OWNERS, (3, "three"))}, "postgres"),
    ],
)
def test_a_server_that_contradicts_the_receipts_is_wrong(said: dict[str, Any], code: str) -> None:
    assert code in codes(noted(), msgspec.structs.replace(account(), **said))


def test_a_seat_on_two_receipts_is_sold_twice() -> None:
    receipts = [*noted().receipts, Receipt(person=5, showtime=0, booking="three", seats=(3,))]
    assert codes(noted(receipts=receipts), account()) == {"sold_twice"}


def test_seats_that_somebody_was_shown_as_theirs_and_lost_before_their_time_are_wrong() -> None:
    robbed = Robbed(person=7, kind="kiosk", showtime=0, seats=(1, 2), how="the booking was refused as hold_gone")
    [wrong] = examine(noted(robbed=[robbed]), [account()])
    assert (wrong.code, wrong.count) == ("robbed", 1)
    assert wrong.examples == ("showtime 0: 1, 2 of person 7 (kiosk): the booking was refused as hold_gone",)


def test_the_same_booking_confirmed_twice_is_one_sale() -> None:
    receipts = [*noted().receipts, noted().receipts[0]]
    assert codes(noted(receipts=receipts), account()) == set()


def test_a_seat_sold_to_nobody_is_unexplained_unless_its_answer_was_lost_or_it_was_sold_before() -> None:
    receipts = noted().receipts[:1]
    assert codes(noted(receipts=receipts), account()) == {"unexplained"}
    doubt = Doubt(person=1, showtime=0, booking="two", seats=(2, 3))
    assert codes(noted(receipts=receipts, doubts=[doubt]), account(owners=OWNERS)) == set()
    assert codes(noted(receipts=receipts), account(taken_before=((2, 3), (3, 3)), owners=OWNERS)) == set()


def test_a_booking_in_doubt_may_also_have_failed() -> None:
    doubt = Doubt(person=1, showtime=0, booking="two", seats=(2, 3))
    said = account("3300", owners=OWNERS[:2])
    assert codes(noted(receipts=noted().receipts[:1], doubts=[doubt]), said) == set()


def test_a_hold_that_did_not_end_is_wrong_unless_it_was_there_before() -> None:
    receipts = noted().receipts[:1]
    assert codes(noted(receipts=receipts), account("3310")) == {"holds"}
    assert codes(noted(receipts=receipts), account("3310", taken_before=((2, 1),))) == set()


def test_holds_of_two_people_that_overlap_are_wrong() -> None:
    assert codes(noted(held=[held(1, 0, 2), held(2, 1, 3)]), account()) == {"held_twice"}
    assert codes(noted(held=[held(1, 0, 9), held(1, 1, 2), held(2, 3, 4)]), account()) == {"held_twice"}


def test_holds_after_each_other_of_one_person_or_by_two_clocks_are_right() -> None:
    assert codes(noted(held=[held(1, 0, 2), held(2, 2, 3)]), account()) == set()
    assert codes(noted(held=[held(1, 0, 2), held(1, 1, 3)]), account()) == set()
    assert codes(noted(held=[held(1, 0, 2), held(2, 1, 3, machine="there")]), account()) == set()


def test_a_viewer_with_another_map_of_the_same_version_is_wrong() -> None:
    ending = Ending(showtime=0, epoch="e", version=9, states="3332", areas=(), viewers=4)
    (wrong,) = examine(noted(endings=[ending]), [account()])
    assert (wrong.code, wrong.count) == ("endings", 4)


def test_what_viewers_noticed_during_the_run_is_wrong() -> None:
    notes = noted(disagreements=2, disagreement_examples=["version 3"], unsettled=1, premature=["one"])
    assert codes(notes, account()) == {"maps", "behind", "premature"}
