"""Show the progress of a test run in one line instead of hundreds of dots, with an estimate of the time left.

On a terminal the line is written over; elsewhere there is a new one now and then. What fails is named at once. Tests
differ: one that walks through a browser weighs as much as dozens that only compute, so the estimate goes by weights.
"""

from __future__ import annotations

import time

import pytest

WEIGHTS = {"browser": 30.0, "faults": 60.0, "integration": 5.0}
"""Of a test in these folders; of any other 1."""
DEMO_WEIGHT = 30.0
EVERY_S = 10.0
EVERY_ON_A_TERMINAL_S = 0.5
BEFORE_ESTIMATING_S = 15.0


def weight_of(nodeid: str) -> float:
    """How long a test takes, in those that only compute."""
    parts = nodeid.split("/")
    if "test_demo.py" in nodeid:
        return DEMO_WEIGHT
    return WEIGHTS.get(parts[1], 1.0) if len(parts) > 2 else 1.0


def in_words(seconds: float) -> str:
    """``40 s`` or ``2 min 10 s``, in steps of ten seconds."""
    tens = max(10, round(seconds / 10) * 10)
    minutes, rest = divmod(tens, 60)
    if not minutes:
        return f"{tens} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


class Progress:
    """A plugin of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = self._told = time.monotonic()
        self._count = self._done = 0
        self.failed = 0
        """How many tests have failed."""
        self._weight = self._weight_done = 0.0

    def pytest_sessionstart(self) -> None:
        """Ours is the only percentage; pytest has no option for it once it has begun."""
        vars(self._terminal)["_show_progress_info"] = False

    @property
    def _terminal(self) -> pytest.TerminalReporter:
        found = self._config.pluginmanager.get_plugin("terminalreporter")
        assert isinstance(found, pytest.TerminalReporter)
        return found

    def expect(self, nodeids: list[str]) -> None:
        """These tests are going to run."""
        self._count = len(nodeids)
        self._weight = sum(map(weight_of, nodeids))

    def count(self, nodeid: str) -> None:
        """This test is over."""
        self._done += 1
        self._weight_done += weight_of(nodeid)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without other processes."""
        if session.items:
            self.expect([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        """Each process has found the same tests."""
        self.expect(ids)
        self._began = self._told = time.monotonic()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """What passed leaves no dot, and what failed is named by `pytest_runtest_logreport`."""
        if report.failed:
            return ("failed" if report.when == "call" else "error", "", "")
        return (
            ("passed", "", "") if report.when == "call" and report.passed and not hasattr(report, "wasxfail") else None
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name what fails."""
        if report.failed:
            self.failed += 1
            self._terminal.write_line(f"\nFAILED {report.nodeid} ({report.when})")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Count, and tell now and then."""
        self.count(nodeid)
        now, terminal = time.monotonic(), self._terminal
        every_s = EVERY_ON_A_TERMINAL_S if terminal.isatty else EVERY_S
        if now - self._told < every_s and self._done < self._count:
            return
        self._told = now
        line = self.line(now - self._began)
        if terminal.isatty and self._done < self._count:
            terminal.rewrite(line, erase=True)
        elif terminal.isatty:
            terminal.rewrite(f"{line}\n", erase=True)
        else:
            terminal.write_line(line)

    def line(self, elapsed_s: float) -> str:
        """Such as `` 42 %    803 of 1,912 tests, about 1 min 40 s left``."""
        share = self._weight_done / self._weight if self._weight else 1.0
        line = f"{share:4.0%}  {self._done:,} of {self._count:,} tests"
        if self.failed:
            line += f", {self.failed} failed"
        if self._done < self._count and elapsed_s >= BEFORE_ESTIMATING_S:
            line += f", about {in_words(elapsed_s * (1 - share) / share)} left"
        return line
