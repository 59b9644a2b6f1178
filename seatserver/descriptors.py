"""Open files: each connection is one, and the system lets a process have only so many (``ulimit -n``).

A server that takes connections until none is left cannot reach Redis or Postgres any more and answers no health check.
So the limit is raised as far as the system allows, and what is left is divided before the first connection comes: what
the process needs for itself, a few for short requests, and the rest for sockets.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass

from seatserver.config import Settings
from seatserver.errors import StartError

OWN = 40
"""Listeners, the event loop's, the log, files that are read."""
REQUESTS = 32
"""Connections of health checks, pages and REST while every socket is taken."""
NO_LIMIT = 1 << 30
NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Share:
    """How many files a process may open, and what of them is for whom."""

    limit: int
    sockets: int
    """Most sockets at a time: what the settings say, or less."""
    connections: int
    """Most connections at a time, of whatever kind."""

    def is_much_less(self, settings: Settings) -> bool:
        """Whether an operator who counts on the settings' sockets will miss some."""
        return self.sockets < settings.sockets * NEARLY

    def shortage(self, settings: Settings) -> str:
        """What to tell an operator; empty when the settings' sockets fit."""
        if self.sockets >= settings.sockets:
            return ""
        return (
            f"this process may open {self.limit} files, which is enough for {self.sockets} sockets and not for "
            f"{settings.sockets} (SEATSERVER_SOCKETS): let it open {needed(settings)} "
            "(ulimit -n, LimitNOFILE= of systemd)"
        )


def needed(settings: Settings) -> int:
    """So many open files let in as many sockets as the settings say."""
    return settings.sockets + REQUESTS + _reserved(settings)


def raise_limit(settings: Settings) -> None:
    """Let this process open as many files as its settings need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed(settings) if hard == resource.RLIM_INFINITY else min(hard, needed(settings))
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            pass  # a system that allows less than it says; `share` goes by what there is


def share(settings: Settings) -> Share:
    """Divide what this process may open now. Raises `StartError` when that is too little to serve anybody."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limit = NO_LIMIT if soft == resource.RLIM_INFINITY else soft
    connections = limit - _reserved(settings)
    if connections <= REQUESTS:
        raise StartError(
            f"this process may open only {limit} files: it needs {needed(settings)} for all sockets that "
            f"SEATSERVER_SOCKETS allows, and {limit - connections + REQUESTS + 1} to serve at all (ulimit -n)"
        )
    sockets = min(settings.sockets, connections - REQUESTS)
    return Share(limit=limit, sockets=sockets, connections=connections)


def _reserved(settings: Settings) -> int:
    """For Postgres, Redis (its shared connection and the feed's besides the pool) and the process itself."""
    return settings.database_pool_size + settings.redis_connections + 2 + OWN
