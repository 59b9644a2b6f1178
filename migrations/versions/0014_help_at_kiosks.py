"""Help at kiosks: what the person there is doing, and what staff last had the kiosk do for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column(
        "kiosks",
        sa.Column(
            "help_at", sa.DateTime(timezone=True), nullable=True, comment="Since when somebody there asks for help."
        ),
    )
    op.add_column(
        "kiosks",
        sa.Column(
            "visit", sa.Text(), server_default="", nullable=False, comment="Who is there; another text each time."
        ),
    )
    op.add_column(
        "kiosks",
        sa.Column(
            "showing", sa.Text(), server_default="", nullable=False, comment="The film and time they have chosen."
        ),
    )
    op.add_column(
        "kiosks",
        sa.Column("seats", sa.Text(), server_default="", nullable=False, comment="The labels of what they hold."),
    )
    op.add_column(
        "kiosks",
        sa.Column("hold_ends_at", sa.DateTime(timezone=True), nullable=True, comment="Until when they hold it."),
    )
    op.add_column(
        "kiosks",
        sa.Column("order_number", sa.Integer(), server_default="0", nullable=False, comment="Grows with each order."),
    )
    op.add_column(
        "kiosks",
        sa.Column("order_what", sa.Text(), server_default="", nullable=False, comment="What staff last had it do."),
    )
    op.add_column(
        "kiosks",
        sa.Column("order_visit", sa.Text(), server_default="", nullable=False, comment="For whom; for nobody else."),
    )


def downgrade() -> None:
    for column in (
        "order_visit", "order_what", "order_number", "hold_ends_at", "seats", "showing", "visit", "help_at",
    ):  # fmt: skip
        op.drop_column("kiosks", column)
