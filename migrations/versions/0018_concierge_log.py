"""What visitors agreed to have kept of their conversations with the concierge."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "concierge_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False, comment="The visitor, who may delete it."),
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False, comment="Of the answer."),
        sa.Column("question", sa.Text(), nullable=False, comment="Redacted, as the answer is."),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_concierge_log_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concierge_log")),
    )
    op.create_index("ix_concierge_log_at", "concierge_log", ["at"])
    op.create_index("ix_concierge_log_user_id", "concierge_log", ["user_id"])
    op.create_index("ix_concierge_log_showtime_id_id", "concierge_log", ["showtime_id", "id"])


def downgrade() -> None:
    op.drop_table("concierge_log")
