"""One connection to Postgres: how it is made, its time limits, and whether there is a pooler in between.

A pooler in transaction mode (PgBouncer, Supabase's Supavisor …) may run each transaction in another Postgres session.
What was prepared or set in one session is missing in the next, or belongs to another client. So a new connection first
checks whether the session that answers is the one it was given when it connected. If so, its limits are set once for
the session. If not, each transaction sets them (``SET LOCAL``, in the same round trip as its BEGIN), and no statement
is prepared by name. `seatserver.database` pools these connections.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from seatserver.errors import ConfigError
from seatserver.transports import is_closed_transport

CONNECT_S = 5.0
TRANSACTION_TIMEOUT_SINCE = 17
POOLED = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
"""SQLAlchemy's arguments for a pooled connection: statements without a name (``str()`` is empty), each used once."""

Limits = Mapping[str, int]
"""Postgres' names of timeouts, in milliseconds."""


class PostgresConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg comes without types
    """asyncpg's connection, which knows whether a pooler may run each of its transactions in another session."""

    pooled = False
    _first = ""

    def is_pooled(self, limits: Limits) -> None:
        """Set these limits in every transaction from now on, and rely on nothing in the session."""
        self.pooled = True
        self._first = "".join(f" SET LOCAL {name} = {value};" for name, value in limits.items())

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Like asyncpg's method, through which asyncpg also begins its transactions."""
        if not self._first or not query.startswith("BEGIN"):
            return str(await super().execute(query, *args, **options))
        try:
            return str(await super().execute(f"{query.rstrip(';')};{self._first}", **options))
        except BaseException:
            # asyncpg believes that it has not begun, so nobody else would roll it back.
            self.terminate()
            raise


class Connector:
    """Makes connections to ``database_url``.

    asyncpg reads the URL, so all of libpq's parameters work (``sslmode``, ``host=/socket/folder``, several hosts …).
    ``pooler`` is ``yes``, ``no`` or ``auto``, which checks each new connection; ``pgbouncer=true`` in the URL, a hint
    for other clients, counts as yes. ``command_s`` is the client's own time limit, in case the server freezes. Raises
    `ConfigError` when the URL cannot be read.
    """

    def __init__(
        self, database_url: str, *, application: str, limits: Limits, pooler: str, command_s: float | None = None
    ) -> None:
        self._url, hint = _without_hint(_plain_url(database_url))
        # No other parameters: a pooler refuses a connection that starts with one it does not know.
        self._begin_with = {"application_name": application, "timezone": "UTC"}
        self._limits = limits
        self._pooler = hint if hint and pooler == "auto" else pooler
        self._command_s = command_s
        self.pooled = self._pooler == "yes"
        """What the newest connection was."""

    def engine(self, **options: Any) -> AsyncEngine:
        """SQLAlchemy's engine on these connections; ``options`` are `create_async_engine`'s."""

        def wrapped() -> Any:
            driver: Any = engine.dialect.dbapi
            plain = driver.connect(async_creator_fn=self._connect)
            connection: PostgresConnection = plain.driver_connection
            names = map("statement_{}".format, itertools.count(1))
            options = POOLED if connection.pooled else {"prepared_statement_name_func": partial(next, names)}
            return driver.connect(async_creator_fn=partial(_made, connection), **options)

        engine: AsyncEngine = create_async_engine("postgresql+asyncpg://", creator=wrapped, **options)
        return engine

    async def _connect(self) -> PostgresConnection:
        try:
            connection: PostgresConnection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_S,
                command_timeout=self._command_s,
                server_settings=self._begin_with,
                connection_class=PostgresConnection,
                statement_cache_size=0,  # SQLAlchemy has its own, see `engine`
            )
        except ValueError as error:
            # A parameter that asyncpg does not know, or an impossible host name.
            raise ConfigError("DATABASE_URL", "cannot be used", str(error)) from None
        except RuntimeError as error:
            if not is_closed_transport(error):
                raise
            raise ConnectionResetError("the connection was closed while it was set up") from error
        try:
            await self._set_limits(connection)
        except BaseException as error:
            connection.terminate()
            if is_closed_transport(error):
                raise ConnectionResetError("the connection was closed while it was set up") from error
            raise
        self.pooled = connection.pooled
        return connection

    async def _set_limits(self, connection: PostgresConnection) -> None:
        limits = dict(self._limits)
        if connection.get_server_version().major < TRANSACTION_TIMEOUT_SINCE:
            limits.pop("transaction_timeout", None)
        if self._pooler != "yes" and await self._owns_its_session(connection, limits):
            return
        connection.is_pooled(limits)

    async def _owns_its_session(self, connection: PostgresConnection, limits: Limits) -> bool:
        """Set the limits if this session is ours alone; return whether it is. One round trip."""
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in limits.items())
        # A pooler invents a process id for each of its clients, since it has no process for each.
        ours = "true" if self._pooler == "no" else f"pg_backend_pid() = {connection.get_server_pid() or 0}"
        # Without arguments nothing is prepared. The answer is the number of rows.
        return await connection.execute(f"SELECT {settings} WHERE {ours}") == "SELECT 1"


async def _made(connection: PostgresConnection) -> PostgresConnection:
    return connection


def _without_hint(url: str) -> tuple[str, str]:
    """The URL without ``pgbouncer=…``, which asyncpg would pass on to a server that does not know it; and ``yes`` if
    that hint was true, else an empty string."""
    parts = urlsplit(url)
    pieces = [piece for piece in parts.query.split("&") if piece]
    hints = [piece for piece in pieces if piece.startswith("pgbouncer=")]
    if not hints:
        return url, ""
    query = "&".join(piece for piece in pieces if piece not in hints)
    return urlunsplit(parts._replace(query=query)), "yes" if "pgbouncer=true" in hints else ""


def _plain_url(database_url: str) -> str:
    if not database_url:
        raise ConfigError("DATABASE_URL", "is not set", "expected postgresql://user:password@host:port/database")
    url = database_url.replace("postgresql+asyncpg://", "postgresql://", 1)
    try:
        for host in urlsplit(url).netloc.rpartition("@")[2].split(","):
            urlsplit(f"//{host}").port  # noqa: B018 - the property raises for a bad port
    except ValueError:
        raise ConfigError(
            "DATABASE_URL", "cannot be read", "expected postgresql://user:password@host:port/db"
        ) from None
    return url
