"""A test that waits without end fails, and says what for; that of the tests' own tools."""

from __future__ import annotations

import asyncio

import pytest

from tests.waiting import bounded, within


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_test_that_never_ends_fails_with_the_place_where_it_waits() -> None:
    with pytest.raises(AssertionError, match=r"did not end within 0\.2 s; it waits at .*test_waiting\.py:\d+ in never"):
        await bounded(never, 0.2)()


async def test_a_failed_wait_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"waited 0\.05 s for rain"):
        async with within("rain", 0.05):
            await never()


async def test_a_tests_own_timeout_is_raised_unchanged() -> None:
    async def impatient() -> None:
        async with asyncio.timeout(0):
            await never()

    with pytest.raises(TimeoutError):
        await bounded(impatient)()
    with pytest.raises(TimeoutError):
        async with within("rain"):
            await impatient()


async def test_every_asynchronous_test_has_a_time_limit(request: pytest.FixtureRequest) -> None:
    assert request.node.obj.__wrapped__ is not None
