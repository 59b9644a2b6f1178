"""The address of a theatre, for tickets and calendars."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "theatres",
        sa.Column("address", sa.Text(), server_default="", nullable=False, comment="One line; empty: not known."),
    )


def downgrade() -> None:
    op.drop_column("theatres", "address")
