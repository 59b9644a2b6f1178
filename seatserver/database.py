"""Postgres: the connection pool, transactions, migrations, and what a database error means for the caller.

`Database` owns the connection pool of one process: `Database.transaction` is for BEGIN … COMMIT, `Database.write` for a
transaction that may be repeated, `Database.reading` for single statements without BEGIN. All use SQLAlchemy Core.
Tables are defined in the folders that own them (`seatserver.catalog.tables`, `seatserver.bookings.tables`) and share
`metadata`. When Postgres cannot be reached, callers get `errors.Unavailable` instead of a driver's error. COMMIT is the
exception: if its answer is lost, nobody knows whether the transaction happened, so `CommitUnknown` is raised.

`seatserver.postgres` makes the connections, sets their time limits and deals with poolers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import NullPool

from seatserver import logs
from seatserver.config import Settings
from seatserver.errors import NotThereYet, StartError, Unavailable
from seatserver.postgres import Connector
from seatserver.starting import once_there
from seatserver.tasks import to_the_end
from seatserver.transports import is_closed_transport

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger(__name__)
outside = logs.from_outside(__name__)  # what any outsider's request may cause again

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Answer = TypeVar("Answer")
POSTGRES = "Postgres"
COMMIT_TRIES = 3
RECYCLE_S = 1800
COMMAND_GRACE_S = 1.0
MIGRATION_LOCK = 0x5EA75E12  # any number that no other program uses in the same database
MIGRATION_WAIT_S = 300
MIGRATION_TABLE_LOCK_S = 10

# SQLSTATE classes and codes (PostgreSQL manual, appendix A) that mean "not now" rather than "never".
AWAY_CLASSES = ("08", "40", "53", "57", "58")  # connection, rolled back by rivals, resources, operator, system
# A lock is not available, the server became a standby, or a transaction was idle or open for too long.
AWAY_CODES = {"55P03", "25006", "25P03", "25P04"}
ROLLED_BACK_CLASSES = ("23", "40")  # an answer to COMMIT that means for certain that nothing was written
# What asyncpg raises when a connection ends during its set-up; later, the same errors can mean other things.
BROKEN_OFF = (asyncpg.InterfaceError, asyncpg.InternalClientError)
WAITED_FOR = (
    "08",
    "53",
    "57",
)  # unreachable, out of connections, starting up or shutting down: it may answer a moment later
# PgBouncer uses one code of class 08 (08P01) for nearly everything; waiting does not help here (its src/client.c).
NEVER_ANSWERS = "unsupported startup parameter"
REFUSED_CLASSES = ("28", "3D")  # wrong password or role, no such database: only an operator can fix these
# A prepared statement is missing or exists already: an undetected pooler switches sessions.
FOREIGN_SESSION = {"26000", "42P05"}
POOLER_UNSEEN = "a pooler stands before Postgres and was not recognised: set SEATSERVER_DATABASE_POOLER=yes"


class CommitUnknown(Exception):
    """COMMIT was sent and its answer was lost: the transaction may or may not have happened. Read again to find out."""


class Database:
    """The connection pool of one process.

    Connections are not pinged before use, because that would cost three round trips each time. asyncpg knows when its
    socket was closed, so a restart of Postgres is noticed anyway; a connection that dies in use makes the whole pool
    reconnect. Raises `ConfigError` when ``settings.database_url`` cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._connector = Connector(
            settings.database_url,
            application="seatserver",
            limits=_limits(settings),
            pooler=settings.database_pooler,
            command_s=settings.database_statement_ms / 1000 + COMMAND_GRACE_S,
        )
        self._engine = self._connector.engine(
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=settings.database_pool_wait_ms / 1000,
            pool_recycle=RECYCLE_S,
            pool_use_lifo=True,
            # Errors end up in the log, and the values of statements are personal data.
            hide_parameters=True,
        )
        sa.event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._frozen = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def behind_pooler(self) -> bool:
        """Whether the newest connection goes through a pooler that keeps no session settings."""
        return self._connector.pooled

    async def close(self) -> None:
        """Close every pooled connection, to the last one even if the caller is cancelled meanwhile."""
        await to_the_end(self._engine.dispose())

    async def ping(self) -> None:
        """One round trip. Raises `Unavailable`, or `StartError` when Postgres refuses the login or the database."""
        try:
            async with self.reading() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except Unavailable as error:
            raise _refused(error) from error.__cause__

    async def check_migrated(self) -> None:
        """Raise `StartError` unless the database is at the newest migration."""
        known = revisions()
        try:
            async with self.reading() as connection:
                found = await connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        except sa.exc.ProgrammingError:
            found = None
        except Unavailable as error:
            raise _refused(error) from error.__cause__
        if found not in (None, *known):
            raise _too_new(found)
        if found != known[0]:
            at = found or "none"
            raise StartError(
                f"the database is at migration {at}, this server needs {known[0]}: run `seatserver migrate`"
            )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """BEGIN … COMMIT around the block; any exception or cancellation inside it rolls back.

        Raises `Unavailable` when nothing was written because Postgres cannot be reached, and `CommitUnknown` when
        COMMIT's answer was lost. After a cancellation during COMMIT the outcome is unknown too: shield the block if you
        have to know. Do not swallow a database error inside the block, or Postgres silently rolls back at COMMIT. Use
        ``connection.begin_nested()`` around a statement that may fail.
        """
        async with _connected(self._engine) as connection:
            yield connection
            await _commit(connection)

    async def write(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """Do ``work`` in a transaction, and again if COMMIT's answer was lost: it must be harmless to repeat.

        Raises `Unavailable`, also if nobody knows after several tries whether it was done.
        """
        for _ in range(COMMIT_TRIES):
            with suppress(CommitUnknown):
                async with self.transaction() as connection:
                    return await work(connection)
        raise Unavailable(POSTGRES)

    @asynccontextmanager
    async def reading(self, *, snapshot: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection for single statements, one round trip each. Only write what is harmless to write twice.

        With ``snapshot`` all statements of the block see the same moment (REPEATABLE READ, read only), at the cost of
        two more round trips. Behind a pooler every block is one transaction, because time limits are set for each
        transaction there. Raises `Unavailable`.
        """
        if snapshot:
            async with _connected(self._frozen) as connection:
                yield connection
            return
        in_transaction = self.behind_pooler
        async with _connected(self._engine if in_transaction else self._autocommit) as connection:
            if not in_transaction and _is_pooled(connection):  # the first one that is
                in_transaction = True
                await connection.execution_options(isolation_level="READ COMMITTED")
            yield connection
            if in_transaction:
                await connection.commit()


def _is_pooled(connection: AsyncConnection) -> bool:
    # This needs no switch to another greenlet, because nothing is sent.
    driver = connection.sync_connection and connection.sync_connection.connection.driver_connection
    return bool(driver and driver.pooled)


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    # Leaving the inner block rolls back an open transaction and returns the connection; SQLAlchemy shields that from
    # cancellation, and discards a connection that was cancelled in the middle of a statement.
    is_connected = False
    try:
        async with engine.connect() as connection:
            is_connected = True
            try:
                yield connection
            except (OSError, RuntimeError) as error:
                # After a timeout (TimeoutError is an OSError) the connection may still be busy with the old statement,
                # and a rollback would wait behind it.
                if isinstance(error, OSError) or is_closed_transport(error):
                    await connection.invalidate()
                raise
    except (OSError, sa.exc.TimeoutError) as error:
        raise Unavailable(POSTGRES) from error
    except RuntimeError as error:
        if is_closed_transport(error):
            raise Unavailable(POSTGRES) from error
        raise
    except BROKEN_OFF as error:
        if not is_connected:
            raise Unavailable(POSTGRES) from error
        raise
    except sa.exc.DBAPIError as error:
        broke_off = not is_connected and isinstance(_driver_error(error), BROKEN_OFF)
        is_foreign = _sqlstate(_driver_error(error)) in FOREIGN_SESSION
        if is_foreign:
            outside.error(POOLER_UNSEEN)
        # Refused logins count as unavailable here: the database may just be being restored from a backup.
        if broke_off or is_foreign or _is_away(error) or _is_refused(error):
            raise Unavailable(POSTGRES) from error
        raise


async def _commit(connection: AsyncConnection) -> None:
    try:
        await connection.commit()
    except sa.exc.DBAPIError as error:
        if _sqlstate(_driver_error(error))[:2] in ROLLED_BACK_CLASSES:
            raise
        await _give_up(connection, error)
    except OSError as error:
        await _give_up(connection, error)
    except RuntimeError as error:
        if not is_closed_transport(error):
            raise
        await _give_up(connection, error)


async def _give_up(connection: AsyncConnection, error: Exception) -> NoReturn:
    # The connection may still be inside the transaction, so it must not go back to the pool.
    await connection.invalidate()
    raise CommitUnknown("the answer to COMMIT was lost") from error


def _driver_error(error: sa.exc.DBAPIError) -> BaseException | None:
    # Not `DBAPIError.driver_exception`: that raises for asyncpg's InvalidCachedStatementError.
    return error.orig.__cause__ if error.orig is not None and error.orig.__cause__ is not None else error.orig


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""


def _is_away(error: sa.exc.DBAPIError) -> bool:
    driver = _driver_error(error)
    state = _sqlstate(driver)
    return (
        error.connection_invalidated
        or state[:2] in AWAY_CLASSES
        or state in AWAY_CODES
        # A migration changed a table under a prepared statement; SQLAlchemy has already dropped the statement.
        or isinstance(driver, asyncpg.InvalidCachedStatementError)
    )


def _is_refused(error: sa.exc.DBAPIError) -> bool:
    return _sqlstate(_driver_error(error))[:2] in REFUSED_CLASSES


def _refused(error: Unavailable) -> StartError | Unavailable:
    """The error for an operator: `StartError` if Postgres refused, otherwise ``error`` itself."""
    cause = error.__cause__
    return StartError(why_away(error)) if isinstance(cause, sa.exc.DBAPIError) and _is_refused(cause) else error


def why_away(error: BaseException) -> str:
    """The cause of an `Unavailable` of Postgres in one line, with a remedy, for an operator."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    driver = _driver_error(cause) if isinstance(cause, sa.exc.DBAPIError) else cause
    says = " ".join(str(driver or "").split())
    if isinstance(driver, asyncpg.PostgresError):  # said by Postgres itself, or by a pooler before it
        if _sqlstate(driver) in FOREIGN_SESSION:
            return f"{POOLER_UNSEEN} (Postgres says: {says})"
        return f"Postgres refuses: {says}. Check DATABASE_URL"
    reason = f" ({says})" if says else ""
    return f"Postgres does not answer at DATABASE_URL{reason}: is it running, and is the address right?"


def away_at_start(error: BaseException) -> StartError:
    """The same as an error of the start: `NotThereYet` if waiting may help."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    driver = _driver_error(cause) if isinstance(cause, sa.exc.DBAPIError) else cause
    told_by_postgres = isinstance(driver, asyncpg.PostgresError)
    waits = not told_by_postgres or (_sqlstate(driver)[:2] in WAITED_FOR and NEVER_ANSWERS not in str(driver))
    return (NotThereYet if waits else StartError)(why_away(error))


def _refuse_closed(connection: Any, record: Any, proxy: Any) -> None:
    if connection.driver_connection.is_closed():
        raise sa.exc.DisconnectionError("closed by the server")  # the pool opens another one


def _limits(settings: Settings) -> dict[str, int]:
    return {
        "statement_timeout": settings.database_statement_ms,
        "lock_timeout": settings.database_lock_ms,
        # A process paused in the middle of a transaction must not keep its locks. Between PREPARE and EXECUTE a session
        # does not count as idle, so only `transaction_timeout` ends it when its client is paused there.
        "idle_in_transaction_session_timeout": settings.transaction_ms,
        "transaction_timeout": settings.transaction_ms,
    }


# ---------------------------------------------------------------- migrations


def migrations_path() -> Path:
    """The folder of migrations: inside the package in a wheel, next to it in a checkout. Raises `StartError`."""
    package = Path(__file__).resolve().parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise StartError("the migrations are missing from this installation: install seatserver again")


def upgrade(database_url: str, pooler: str = "auto", wait_s: float = 0.0) -> list[str]:
    """Bring the database to the newest migration and return the applied revisions, oldest first.

    Waits up to ``wait_s`` seconds for a Postgres that does not answer yet. ``pooler`` is the setting of that name.
    Several processes may run this at once: one migrates and the others wait for it. It blocks, with an event loop of
    its own, so call it from a coroutine through ``asyncio.to_thread``. Raises `StartError` and `ConfigError`.
    """
    return asyncio.run(once_there(lambda: _upgrade(database_url, pooler), wait_s))


async def _upgrade(database_url: str, pooler: str) -> list[str]:
    try:
        async with connect_once(database_url, pooler) as connection:
            # Usually a session lock, and each migration commits by itself. Behind a pooler, one transaction for all of
            # them: a second one might run in another session, which does not have the lock.
            is_pooled = _is_pooled(connection)
            lock, local = ("pg_advisory_xact_lock", "LOCAL ") if is_pooled else ("pg_advisory_lock", "")
            await connection.execute(sa.text(f"SELECT {lock}(:key)"), {"key": MIGRATION_LOCK})
            # From here on, a migration that waits for a table blocks all who queue behind it, so it gives up soon.
            await connection.execute(sa.text(f"SET {local}lock_timeout = '{MIGRATION_TABLE_LOCK_S}s'"))
            if not is_pooled:
                await connection.commit()
            applied = await connection.run_sync(_apply)
            await connection.commit()
            return applied
    except OSError as error:
        raise away_at_start(error) from error
    except sa.exc.DBAPIError as error:
        if error.statement is None:
            raise away_at_start(error) from error  # there was no connection yet
        raise StartError(f"the database cannot be migrated: {_driver_error(error) or error}") from error


@asynccontextmanager
async def connect_once(database_url: str, pooler: str = "auto") -> AsyncIterator[AsyncConnection]:
    """A connection outside any pool and without the limits of serving, for migrations."""
    limits = {"lock_timeout": MIGRATION_WAIT_S * 1000}
    connector = Connector(database_url, application="seatserver migrate", limits=limits, pooler=pooler)
    engine = connector.engine(poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


def _apply(connection: sa.Connection) -> list[str]:
    from alembic import command
    from alembic.runtime.migration import MigrationContext

    is_outer = connection.in_transaction()
    found = MigrationContext.configure(connection).get_current_revision()
    if not is_outer:
        connection.rollback()  # alembic commits only the transactions it began itself
    if found not in (None, *revisions()):
        raise _too_new(found)
    config = _alembic()
    applied: list[str] = []
    config.attributes.update(connection=connection, applied=applied)
    command.upgrade(config, "head")
    return applied


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic's configuration interpolates percent signs.
    config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
    return config


def revisions() -> list[str]:
    """Every migration that this version knows, the newest first."""
    from alembic.script import ScriptDirectory

    return [step.revision for step in ScriptDirectory.from_config(_alembic()).walk_revisions()]


def _too_new(found: str | None) -> StartError:
    return StartError(f"the database is at migration {found}, which this version does not know: use a newer one")
