"""Admissions: who was let in with which ticket, by which scan and at which door, and who undid it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "admissions",
        sa.Column("scan_id", sa.Uuid(), nullable=False, comment="Made by the scanner: a repeated scan meets its row."),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False, comment="Where that was, as the scanner says; may be empty."),
        sa.Column("admitted_by", sa.Text(), nullable=False, comment="The user whose scanner it was."),
        sa.Column("admitted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name=op.f("ck_admissions_undone_by_somebody")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_admissions_booking_id_bookings")),
        sa.PrimaryKeyConstraint("scan_id", name=op.f("pk_admissions")),
    )
    op.create_index(
        "uq_admissions_standing",
        "admissions",
        ["booking_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index("ix_admissions_booking_id", "admissions", ["booking_id"], unique=False)


def downgrade() -> None:
    op.drop_table("admissions")
