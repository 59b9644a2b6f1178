"""Divide the process's open files. Each connection is one, and the system limits them (``ulimit -n``).

A server that accepts connections until no file is left can no longer reach Redis or Postgres, nor answer a health
check. So the limit is raised as far as the system allows, and the files are divided before the first connection: what
the process itself needs, a few for short requests, and the rest for sockets.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass

from seatserver.config import Settings
from seatserver.errors import StartError

OWN = 40
"""For listeners, the event loop, the log and files being read."""
REQUESTS = 32
"""For health checks, pages and REST while every socket is taken."""
NO_LIMIT = 1 << 30
NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Share:
    """How many files the process may open, and what they are used for."""

    limit: int
    sockets: int
    """Most sockets at a time: as the settings say, or fewer."""
    connections: int
    """Most connections at a time, of whatever kind."""

    def is_much_less(self, settings: Settings) -> bool:
        """Whether an operator would notice that fewer sockets fit than the settings say."""
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
    """How many open files are needed for all the sockets that the settings allow."""
    return settings.sockets + REQUESTS + _reserved(settings)


def raise_limit(settings: Settings) -> None:
    """Let this process open as many files as its settings need, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed(settings) if hard == resource.RLIM_INFINITY else min(hard, needed(settings))
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            pass  # a system that allows less than it says; `share` uses what there is


def share(settings: Settings) -> Share:
    """Divide the files that this process may open now. Raises `StartError` when they are too few to serve anyone."""
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
