"""Alembic's entry point: runs the migrations, on a given connection or on one of its own.

`seatserver migrate` calls this through `seatserver.database.upgrade`, which passes a connection. A developer's
`alembic revision --autogenerate -m …` passes none; DATABASE_URL then names the database. Revisions are numbered
automatically.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext, MigrationInfo

import seatserver.access.tables
import seatserver.accounts.tables
import seatserver.bookings.tables
import seatserver.catalog.tables
import seatserver.kiosks.tables
import seatserver.transcripts.tables  # noqa: F401 - they register their tables in the metadata
from seatserver.database import connect_once, metadata


def run(connection: sa.Connection) -> None:
    """Migrate on this connection, one transaction for each migration."""
    applied: list[str] = context.config.attributes.get("applied", [])

    def note(ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]) -> None:
        applied.extend(step.up_revision_ids)

    def number(_: MigrationContext, __: Any, directives: list[MigrationScript]) -> None:
        # 0001, 0002 …: files sort in order.
        if directives:
            directives[0].rev_id = f"{int(context.script.get_current_head() or 0) + 1:04}"

    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        on_version_apply=note,
        process_revision_directives=number,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    """Migrate on a connection of our own."""
    async with connect_once(os.environ.get("DATABASE_URL", "")) as connection:
        await connection.run_sync(run)


if context.is_offline_mode():
    raise SystemExit("this project migrates with a connection: run it without --sql")
handed_in: sa.Connection | None = context.config.attributes.get("connection")
if handed_in is not None:
    run(handed_in)
else:
    asyncio.run(run_alone())
