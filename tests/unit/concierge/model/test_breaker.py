"""A model that fails is left alone for a while, and one visitor finds out whether it is back."""

from __future__ import annotations

from seatserver.concierge.model.breaker import FAILURES, LONGEST_PAUSE_S, Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(30, clock)
    for _ in range(FAILURES):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_after_some_failures_in_a_row_nobody_waits_any_more() -> None:
    assert not broken(Clock()).admit()


def test_failures_with_successes_between_them_do_not_count() -> None:
    breaker = Breaker(30, Clock())
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.worked()
        assert breaker.admit()


def test_after_the_pause_one_visitor_tries_and_the_others_wait_for_the_result() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = 31
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.failed()
    assert not breaker.admit()
    clock.now = 62
    assert breaker.admit()
    breaker.worked()
    assert all(breaker.admit() for _ in range(3))


def test_a_visitor_who_leaves_while_trying_makes_room_for_the_next() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = 31
    assert breaker.admit()
    breaker.left()
    assert breaker.admit()


def test_the_model_itself_can_ask_for_a_longer_pause_within_reason() -> None:
    clock = Clock()
    breaker = Breaker(30, clock)
    breaker.failed(at_once=True, retry_after_s=1e9)
    clock.now = LONGEST_PAUSE_S - 1
    assert not breaker.admit()
    clock.now = LONGEST_PAUSE_S
    assert breaker.admit()
