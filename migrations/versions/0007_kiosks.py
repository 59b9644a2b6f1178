"""Kiosks: terminals in the lobby, known by the hash of their key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "kiosks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "key_hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the device's key, which is random."
        ),
        sa.Column("code", sa.Text(), nullable=False, comment="What its screen shows until somebody approves it."),
        sa.Column("code_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("theatre_id", sa.Text(), nullable=True, comment="NULL: nobody has approved it yet."),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "channel", sa.Text(), server_default="", nullable=False, comment="The sales channel; empty: the public."
        ),
        sa.Column(
            "locked", sa.Boolean(), server_default=sa.false(), nullable=False, comment="It shows that it is closed."
        ),
        sa.Column(
            "message", sa.Text(), server_default="", nullable=False, comment="What staff want its visitors to read."
        ),
        sa.Column(
            "reloads", sa.Integer(), server_default="0", nullable=False, comment="How often staff reloaded its page."
        ),
        sa.Column("enrolled_by", sa.Text(), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True, comment="When its page last reported."),
        sa.Column("release", sa.Text(), server_default="", nullable=False, comment="The release its page came from."),
        sa.Column("shows", sa.Text(), server_default="", nullable=False, comment="The name of the screen it shows."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(theatre_id IS NULL) = (enrolled_at IS NULL)", name=op.f("ck_kiosks_enrolled_in_a_theatre")
        ),
        sa.CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name=op.f("ck_kiosks_revoked_by_somebody")),
        sa.ForeignKeyConstraint(["theatre_id"], ["theatres.id"], name=op.f("fk_kiosks_theatre_id_theatres")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kiosks")),
    )
    op.create_index("uq_kiosks_key_hash", "kiosks", ["key_hash"], unique=True)
    op.create_index("uq_kiosks_code", "kiosks", ["code"], unique=True)
    op.create_index(
        "ix_kiosks_revoked_at",
        "kiosks",
        ["revoked_at"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("kiosks")
