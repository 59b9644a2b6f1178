"""What one generator can take is said only if it was measured with all of its sockets, to the end."""

from __future__ import annotations

import pytest

from loadtests.generator_limit import Turn
from seatserver.errors import StartError

SAMPLES = [(0.0, 0, 0.0), (1.0, 400, 0.5)]


def test_a_turn_that_was_measured_to_its_end_counts() -> None:
    Turn(samples=SAMPLES, open=40, late_p99_ms=0.0).check(40)


def test_sockets_that_were_never_open_give_no_figures() -> None:
    with pytest.raises(StartError, match="only 39 of 40 sockets were open"):
        Turn(open=39).check(40)


def test_sockets_that_were_lost_for_good_give_no_figures() -> None:
    with pytest.raises(StartError, match="the 40 sockets were not open together for long enough: 1 were lost"):
        Turn(samples=SAMPLES, open=40, lost=1).check(40)
