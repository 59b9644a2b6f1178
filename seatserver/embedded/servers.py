"""Both embedded servers on one data folder, with one lock: what `seatserver demo` starts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from seatserver.embedded.folder import DataFolder
from seatserver.embedded.postgres import EmbeddedPostgres
from seatserver.embedded.redis import EmbeddedRedis

Say = Callable[[str], None]


class EmbeddedServers:
    """A context manager: inside it Postgres and Redis run, after it they are gone. ``say`` hears each step.

    The folder must be locked by the caller (`DataFolder.locked`), who knows what else happens in it.
    """

    def __init__(self, data: DataFolder, say: Say) -> None:
        self._say = say
        self._running = ExitStack()
        self.postgres = EmbeddedPostgres(data.path)
        self.redis = EmbeddedRedis(data.path)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            if self.postgres.is_new:
                self._say("Making a Postgres database (only the first time)")
            else:
                self._say("Starting Postgres")
            starting.callback(self.postgres.stop)
            self.postgres.start()
            self._say("Starting Redis")
            starting.callback(self.redis.stop)
            self.redis.start()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
