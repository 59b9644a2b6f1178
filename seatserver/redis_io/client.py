"""How Redis is reached: the client that every part of the server shares.

It speaks RESP 2, so that Redis 6.2 to 8 and Valkey behave the same. A command is retried once, because a pooled
connection may have died since its last use. A retry after a lost reply is harmless: each of our scripts may run twice
(see ``lua/``). Replies stay bytes.
"""

from __future__ import annotations

import re
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from seatserver.config import Settings
from seatserver.errors import ConfigError, NotThereYet, StartError
from seatserver.transports import is_closed_transport

UNAVAILABLE = (
    RedisConnectionError,
    RedisTimeoutError,
    TimeoutError,
    OSError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    MasterDownError,
    TryAgainError,
)
"""What Redis or the way to it raises when it cannot serve at the moment."""

# Redis 6.2 only quotes the reason in a script error; newer versions report some reasons without an error class.
_REASONS = re.compile(r"(?:^|-)(?:OOM|MISCONF|READONLY|NOREPLICAS|BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) ")


def cannot_serve(error: BaseException) -> bool:
    """Whether the error means that Redis cannot serve at the moment, rather than that the command was wrong."""
    return isinstance(error, UNAVAILABLE) or (
        isinstance(error, ResponseError) and _REASONS.search(str(error)) is not None
    )


def connect(settings: Settings) -> Redis:
    """A client for ``settings.redis_url``; connects at its first command. The caller closes it with ``aclose``.

    Raises `ConfigError` for an address with options that Redis connections do not have.
    """
    seconds = settings.redis_timeout_ms / 1000
    # Setting keepalive on a Unix socket is an error.
    keepalive = {} if settings.redis_url.startswith("unix://") else {"socket_keepalive": True}
    try:
        pool = BlockingConnectionPool.from_url(
            settings.redis_url,
            protocol=2,
            max_connections=settings.redis_connections,
            timeout=seconds,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1),
            client_name="seatserver",
            **keepalive,
        )
        pool.connection_class = _noticing(pool.connection_class)
        pool.connection_class(**pool.connection_kwargs)  # checks the options that from_url passes on unchecked
    except (TypeError, ValueError):
        # Without the value and without redis-py's text: either may quote the password.
        raise ConfigError(
            "REDIS_URL", "cannot be read", "expected redis://:password@host:port/0 or unix:///path"
        ) from None
    return Redis.from_pool(pool)


def _noticing(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """The same kind of connection, with a write to a closed transport treated as a lost connection."""

    class Noticing(kind):  # type: ignore[valid-type, misc]  # which of redis-py's kinds the address decides
        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            try:
                await super().send_packed_command(command, check_health)
            except RuntimeError as error:
                if not is_closed_transport(error):
                    raise
                raise RedisConnectionError("the connection was closed") from error

    return Noticing


async def check(redis: Redis) -> None:
    """Make one round trip. Raises `NotThereYet`, or `StartError` with one line that says what an operator can do."""
    try:
        await redis.ping()
    except (AuthenticationError, NoPermissionError):
        raise StartError("Redis refuses the user or password in REDIS_URL") from None
    except UNAVAILABLE:
        raise NotThereYet("Redis does not answer at REDIS_URL: is it running, and is the address right?") from None
    except ResponseError as error:
        raise StartError(f"Redis refuses: {error}. Check REDIS_URL") from None
