"""Whose payments at kiosks are, so that none has power over the booking of somebody else; and a way to today's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "kiosk_payments",
        sa.Column("user_id", sa.Text(), nullable=True, comment="Who pays. NULL: begun by a release before 0011."),
    )
    op.create_index(
        "ix_kiosk_payments_paid",
        "kiosk_payments",
        ["ended_at"],
        postgresql_where=sa.text("status = 'paid'"),
    )


def downgrade() -> None:
    op.drop_index("ix_kiosk_payments_paid", "kiosk_payments")
    op.drop_column("kiosk_payments", "user_id")
