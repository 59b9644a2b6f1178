"""Payments at kiosks, and what the simulated card reader did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "kiosk_payments",
        sa.Column("booking_id", sa.Uuid(), nullable=False, comment="Of the booking to pay; written before it."),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="1", nullable=False, comment="Cards tried so far."),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True, comment="NULL: nothing has been claimed yet."),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column(
            "reason", sa.Text(), server_default="", nullable=False, comment="Why nothing was taken, or all given back."
        ),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False, comment="Voided unless a card was taken."),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True, comment="When its customer had seen the end."),
        sa.CheckConstraint(
            "status IN ('open', 'taking', 'voiding', 'paid', 'voided')", name=op.f("ck_kiosk_payments_status_known")
        ),
        sa.CheckConstraint(
            "(status IN ('paid', 'voided')) = (ended_at IS NOT NULL)", name=op.f("ck_kiosk_payments_ended_has_a_time")
        ),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.id"], name=op.f("fk_kiosk_payments_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_kiosk_payments")),
    )
    op.create_index("ix_kiosk_payments_kiosk_id_created_at", "kiosk_payments", ["kiosk_id", "created_at"])
    op.create_index(
        "ix_kiosk_payments_unsettled",
        "kiosk_payments",
        ["created_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "simulated_payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("charges", sa.Integer(), server_default="0", nullable=False, comment="How often money was taken."),
        sa.Column("voids", sa.Integer(), server_default="0", nullable=False, comment="How often it was given back."),
        sa.Column("lost", sa.Integer(), server_default="0", nullable=False, comment="Answers still to be lost."),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'declined', 'voided')", name=op.f("ck_simulated_payments_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulated_payments")),
    )


def downgrade() -> None:
    op.drop_table("simulated_payments")
    op.drop_table("kiosk_payments")
