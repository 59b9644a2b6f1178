"""Printers of kiosks: the agents that have them, and what was printed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

AGENT = "It prints for a kiosk, and is none."
OF = "The kiosk that an agent prints for."
STATE = "Its state, as the agent last said it."


def upgrade() -> None:
    op.add_column(
        "kiosks", sa.Column("is_agent", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=AGENT)
    )
    op.add_column("kiosks", sa.Column("agent_of", sa.Uuid(), nullable=True, comment=OF))
    op.add_column("kiosks", sa.Column("printer", sa.Text(), server_default="", nullable=False, comment=STATE))
    op.add_column(
        "kiosks",
        sa.Column("printer_at", sa.DateTime(timezone=True), nullable=True, comment="When the agent said that."),
    )
    op.create_foreign_key(op.f("fk_kiosks_agent_of_kiosks"), "kiosks", "kiosks", ["agent_of"], ["id"])
    op.create_check_constraint(op.f("ck_kiosks_only_agents_print_for_others"), "kiosks", "agent_of IS NULL OR is_agent")
    op.create_table(
        "kiosk_prints",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('asked', 'sent', 'printed', 'failed', 'unsure')", name=op.f("ck_kiosk_prints_status_known")
        ),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.id"], name=op.f("fk_kiosk_prints_kiosk_id_kiosks")),
        sa.PrimaryKeyConstraint("booking_id", "copy", name=op.f("pk_kiosk_prints")),
    )
    op.create_index(
        "ix_kiosk_prints_unprinted",
        "kiosk_prints",
        ["kiosk_id", "asked_at"],
        postgresql_where=sa.text("status IN ('asked', 'sent')"),
    )


def downgrade() -> None:
    op.drop_table("kiosk_prints")
    # An older release would take the agents for kiosks.
    op.execute("DELETE FROM kiosks WHERE is_agent")
    op.drop_constraint(op.f("ck_kiosks_only_agents_print_for_others"), "kiosks")
    op.drop_constraint(op.f("fk_kiosks_agent_of_kiosks"), "kiosks")
    for column in ("printer_at", "printer", "agent_of", "is_agent"):
        op.drop_column("kiosks", column)
