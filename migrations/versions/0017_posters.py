"""Posters of films."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "posters",
        sa.Column("hash", sa.Text(), nullable=False, comment="Poster.hash."),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="WebP, as `pictures.py` makes it."),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_posters")),
    )
    op.add_column(
        "showtimes", sa.Column("poster_hash", sa.Text(), nullable=True, comment="The film's poster, if it has one.")
    )
    op.create_foreign_key(op.f("fk_showtimes_poster_hash_posters"), "showtimes", "posters", ["poster_hash"], ["hash"])
    op.create_index("ix_showtimes_poster_hash", "showtimes", ["poster_hash"])


def downgrade() -> None:
    op.drop_column("showtimes", "poster_hash")
    op.drop_table("posters")
