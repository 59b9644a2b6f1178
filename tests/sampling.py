"""Run only a sample of the variants of long tests, as CI does: the choice follows from a seed, so it can be run again.

``SAMPLE=N pytest …`` runs half of the variants of each parametrized long test, and at least one, so that every row of
faults, every page and every command is in every run. The end of the run says which were chosen. Without the variable,
or with an empty one, all run, as in `just suite` and once a week. Tests that are named one by one run always, and so
do all variants of a test marked ``whole``.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

FOLDER = "tests/faults/"
INJECTS = "report"
"""The fixture that every test there with real faults uses; what only computes is not sampled."""


def chosen(variants: list[str], seed: str) -> set[str]:
    """Half of the variants, at least one; the same for the same seed."""
    return set(random.Random(f"{seed} {variants[0].partition('[')[0]}").sample(variants, (len(variants) + 1) // 2))


class Sample:
    """A plugin of pytest."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._runs: dict[str, list[str]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Choose, in each process alike; after it has been said what is long."""
        if any("::" in argument for argument in config.args):
            return
        kinds = defaultdict(list)
        for item in items:
            if _is_sampled(item):
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
        self._runs = defaultdict(list)
        for name, _, variant in (nodeid.partition("[") for nodeid in nodeids):
            if variant:
                self._runs[name].append(variant.removesuffix("]"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which."""
        terminalreporter.section(f"a sample of the variants; SAMPLE={self.seed} runs the same again")
        for name, variants in self._runs.items():
            terminalreporter.write_line(f"{name}: {', '.join(variants)}")


def _is_sampled(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec") or item.get_closest_marker("whole"):
        return False
    return (
        INJECTS in item.fixturenames if item.nodeid.startswith(FOLDER) else item.get_closest_marker("long") is not None
    )
