"""What reads the tickets that are shown to a kiosk, and how its camera is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

READER = "What reads tickets shown to it."
CAMERA = "How its camera is, as its page said."


def upgrade() -> None:
    op.add_column(
        "kiosks", sa.Column("ticket_reader", sa.Text(), server_default="none", nullable=False, comment=READER)
    )
    op.add_column("kiosks", sa.Column("camera", sa.Text(), server_default="", nullable=False, comment=CAMERA))
    op.create_check_constraint(
        op.f("ck_kiosks_ticket_reader_known"), "kiosks", "ticket_reader IN ('none', 'scanner', 'camera')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_kiosks_ticket_reader_known"), "kiosks")
    for column in ("camera", "ticket_reader"):
        op.drop_column("kiosks", column)
