"""Wait at the start for Postgres and Redis, which may come up later than we do.

Containers of one deployment start in any order, and a booting machine starts everything at once. So a start waits a
while for a server that does not answer, and logs what it waits for. Errors that waiting cannot fix (a wrong password, a
missing database or migration) are raised at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from seatserver.errors import NotThereYet

log = structlog.get_logger(__name__)

PAUSE_S = 0.5

Answer = TypeVar("Answer")


async def once_there(ask: Callable[[], Awaitable[Answer]], wait_s: float) -> Answer:
    """Call ``ask`` until it raises `NotThereYet` no more; its result. After ``wait_s`` seconds, raises that."""
    clock = asyncio.get_running_loop().time
    deadline, told = clock() + wait_s, ""
    while True:
        try:
            answer = await ask()
        except NotThereYet as error:
            left_s = deadline - clock()
            if left_s <= 0:
                raise
            if error.message != told:
                told = error.message
                log.warning("waiting", problem=told, for_at_most_s=round(left_s))
        else:
            if told:
                log.info("waited long enough: everything answers")
            return answer
        await asyncio.sleep(min(PAUSE_S, left_s))
