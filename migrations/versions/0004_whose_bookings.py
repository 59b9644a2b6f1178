"""Indexes for a user's own bookings: all of them by time, and those of a showtime that have not ended.

Nobody can book while they are built. With millions of bookings, build them by hand beforehand, under these names and
``CONCURRENTLY``; existing indexes are left as they are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index(
        "ix_bookings_user_id_created_at_id",
        "bookings",
        ["user_id", "created_at", "id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        "ix_bookings_live_of_user",
        "bookings",
        ["showtime_id", "user_id"],
        unique=False,
        if_not_exists=True,
        postgresql_where=sa.text("status IN ('pending', 'confirmed')"),
    )


def downgrade() -> None:
    op.drop_index("ix_bookings_live_of_user", table_name="bookings")
    op.drop_index("ix_bookings_user_id_created_at_id", table_name="bookings")
