"""The table of what visitors wrote to the concierge and what it answered, where they agreed to have that kept."""

from __future__ import annotations

import sqlalchemy as sa

from seatserver.database import metadata

concierge_log = sa.Table(
    "concierge_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("user_id", sa.Text, nullable=False, comment="The visitor, who may delete it."),
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), nullable=False),
    sa.Column("language", sa.Text, nullable=False, comment="Of the answer."),
    sa.Column("question", sa.Text, nullable=False, comment="Redacted, as the answer is."),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Index("ix_concierge_log_at", "at"),
    sa.Index("ix_concierge_log_user_id", "user_id"),
    sa.Index("ix_concierge_log_showtime_id_id", "showtime_id", "id"),
)
