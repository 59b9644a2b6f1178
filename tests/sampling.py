"""Run only a sample of the fault tests' variants, as CI does: the choice follows from a seed, so it can be run again.

``FAULT_SAMPLE=N pytest …`` runs half of the variants of each parametrized fault test, and at least one, so that every
row of faults is in every run. Payments at kiosks are among them: most of their tests kill a process at one of many
steps. The end of the run says which were chosen. Without the variable, or with an empty one,
all run, as in `just suite` and once a week, and tests that are named one by one run always.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

FOLDER = "tests/faults/"
INJECTS = "report"
"""The fixture that every test there with real faults uses; what only computes is not sampled."""
KILLING = ("tests/integration/test_kiosk_payments.py", "tests/integration/test_kiosk_stripe.py")


def chosen(variants: list[str], seed: str) -> set[str]:
    """Half of the variants, at least one; the same for the same seed."""
    return set(random.Random(f"{seed} {variants[0].partition('[')[0]}").sample(variants, (len(variants) + 1) // 2))


class Sample:
    """A plugin of pytest."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._runs: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Choose, in each process alike."""
        if any("::" in argument for argument in config.args):
            return
        kinds = defaultdict(list)
        for item in items:
            if isinstance(item, pytest.Function) and _is_sampled(item):
                kinds[item.nodeid.partition("[")[0]].append(item.nodeid)
        runs = {nodeid for variants in kinds.values() for nodeid in chosen(variants, self.seed)}
        left_out = [item for item in items if item.nodeid not in runs and item.nodeid.partition("[")[0] in kinds]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
        self._note([item.nodeid for item in items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        """What one of the processes has chosen; the others have chosen the same."""
        self._note(ids)

    def _note(self, nodeids: list[str]) -> None:
        self._runs = [nodeid for nodeid in nodeids if nodeid.startswith((FOLDER, *KILLING)) and "[" in nodeid]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which."""
        terminalreporter.section(f"fault tests: a sample; FAULT_SAMPLE={self.seed} runs the same again")
        for nodeid in self._runs:
            terminalreporter.write_line(nodeid)


def _is_sampled(item: pytest.Function) -> bool:
    if item.nodeid.startswith(FOLDER):
        return INJECTS in item.fixturenames
    return item.nodeid.startswith(KILLING)
