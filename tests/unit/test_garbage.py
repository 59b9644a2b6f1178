"""The collector never looks at much in one go, and yet finds what became garbage."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from seatserver import garbage
from seatserver.garbage import BATCH, Collector


class Node:
    """An object that can be part of a cycle."""

    def __init__(self) -> None:
        self.other: Node | None = None


class Counted(Collector):
    """Counts how often it has looked at everything."""

    looks = 0

    def look_at_everything(self) -> None:
        self.looks += 1
        super().look_at_everything()


@pytest.fixture(autouse=True)
def nothing_left_changed() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


async def grow(count: int) -> list[Node]:
    """So many new objects that stay, a few at a time as a server gets them."""
    grown: list[Node] = []
    while len(grown) < count:
        grown += [Node() for _ in range(1000)]
        await asyncio.sleep(0)
    return grown


async def test_a_collection_never_examines_more_than_a_batch() -> None:
    with Collector():
        alive, most = [], 0
        for _ in range(20):
            alive += await grow(BATCH)
            most = max(most, len(gc.get_objects()))
    assert len(alive) == 20 * BATCH
    assert most < 3 * BATCH


async def test_new_garbage_in_cycles_is_found() -> None:
    with Collector():
        node = Node()
        node.other = node
        gone = weakref.ref(node)
        del node
        alive = await grow(2 * BATCH)
        assert gone() is None
        del alive


async def test_frozen_objects_that_became_garbage_are_collected_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "GROWTH", -1_000_000_000)
    monkeypatch.setattr(garbage, "CALM_S", 0.01)
    monkeypatch.setattr(garbage, "CALM_LOAD", 2.0)
    with Collector():
        nodes = await grow(2 * BATCH)
        for node in nodes[::2]:
            node.other = node
        gone = weakref.ref(nodes[0])
        del nodes, node
        async with asyncio.timeout(60):
            while gone() is not None:  # noqa: ASYNC110 - a garbage collector sets no event
                await asyncio.sleep(0.01)


async def test_growth_alone_does_not_start_a_full_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "GROWTH", -1_000_000_000)
    monkeypatch.setattr(garbage, "CALM_S", 0.01)
    monkeypatch.setattr(garbage, "CALM_LOAD", 2.0)
    with Counted() as collector:
        alive = await grow(10 * BATCH)
        frozen = gc.get_freeze_count()
        assert frozen > 8 * BATCH
        looks = collector.looks
        await asyncio.sleep(0.1)
        assert collector.looks == looks
        del alive
