"""The two embedded servers on one data folder, which `seatserver demo` starts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from seatserver.embedded.folder import DataFolder
from seatserver.embedded.postgres import EmbeddedPostgres
from seatserver.embedded.redis import EmbeddedRedis

Say = Callable[[str], None]


class EmbeddedServers:
    """A context manager that runs Postgres and Redis until its end. ``say`` is called with each step.

    ``without`` names the variables (DATABASE_URL, REDIS_URL) of servers that are not wanted. The folder must be locked
    by the caller (`DataFolder.locked`), who knows what else happens in it.
    """

    def __init__(self, data: DataFolder, say: Say, *, without: Collection[str] = ()) -> None:
        self._say = say
        self._without = without
        self._running = ExitStack()
        self._data = data
        self.postgres = EmbeddedPostgres(data.path)
        self.redis = EmbeddedRedis(data.path)

    def environment(self) -> dict[str, str]:
        """The addresses of the running servers, by the names of their settings."""
        servers: dict[str, EmbeddedPostgres | EmbeddedRedis] = {"DATABASE_URL": self.postgres, "REDIS_URL": self.redis}
        return {name: server.url for name, server in servers.items() if name not in self._without}

    def empty(self) -> None:
        """Empty the data folder."""
        self.postgres.end_leftovers()
        self.redis.end_leftovers()
        self._data.empty()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            if "DATABASE_URL" not in self._without:
                first = self.postgres.is_new
                self._say("Making a Postgres database (only the first time)" if first else "Starting Postgres")
                starting.callback(self.postgres.stop)
                self.postgres.start()
            if "REDIS_URL" not in self._without:
                self._say("Starting Redis")
                starting.callback(self.redis.stop)
                self.redis.start()
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
