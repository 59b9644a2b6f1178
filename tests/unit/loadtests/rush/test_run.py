"""How a run with several generators begins."""

from __future__ import annotations

import queue
import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from loadtests.rush.notes import Notes
from loadtests.rush.run import _wait_for


def test_ctrl_c_while_generators_start_ends_the_run_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        _wait_for(queue.Queue(), [Future()], [signal.SIGINT])


def test_a_generator_that_dies_of_the_same_ctrl_c_is_no_mistake() -> None:
    dead: Future[Notes] = Future()
    dead.set_exception(BrokenProcessPool())
    with pytest.raises(KeyboardInterrupt):
        _wait_for(queue.Queue(), [dead], [signal.SIGINT])
    with pytest.raises(BrokenProcessPool):
        _wait_for(queue.Queue(), [dead], [])
