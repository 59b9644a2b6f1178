"""Revocations: tokens, users and keys that are refused before they expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "revocations",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment="In the order of the commits."),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="The token's jti, the user, or the key's id."),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="From when on it is refused."),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=False, comment="Nothing that it ends is valid then."
        ),
        sa.Column("revoked_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('token', 'user', 'key')", name=op.f("ck_revocations_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocations")),
    )
    op.create_index("ix_revocations_kind_subject", "revocations", ["kind", "subject"], unique=False)
    op.create_index("ix_revocations_expires_at", "revocations", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("revocations")
