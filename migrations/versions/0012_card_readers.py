"""Stripe's card readers: which one a kiosk has, and how its payments are found at Stripe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "kiosks",
        sa.Column(
            "card_reader", sa.Text(), server_default="", nullable=False, comment="The id of its reader, at Stripe."
        ),
    )
    op.add_column(
        "kiosks",
        sa.Column(
            "reader_seen_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When that was last found to be online.",
        ),
    )
    op.create_table(
        "stripe_payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "reader",
            sa.Text(),
            nullable=False,
            comment="The one that was asked: the kiosk may get another later.",
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=True, comment="The PaymentIntent. NULL: no reader has seen any."),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="The last one that the reader accepted; 0: none."),
        sa.Column(
            "tries",
            sa.Integer(),
            nullable=False,
            comment="Errors so far: with each, the idempotency keys change.",
        ),
        sa.Column(
            "ended",
            sa.Boolean(),
            nullable=False,
            comment="It will be void: nothing is shown to the reader any more.",
        ),
        sa.Column("voided", sa.Boolean(), nullable=False, comment="It is certain that no money is taken."),
        sa.CheckConstraint("ended OR NOT voided", name=op.f("ck_stripe_payments_ended_before_voided")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_payments")),
    )


GOES_ON = """
SELECT count(*) FROM stripe_payments JOIN kiosk_payments ON booking_id = id WHERE ended_at IS NULL AND NOT voided
"""


def downgrade() -> None:
    if open_ones := op.get_bind().scalar(sa.text(GOES_ON)):
        # Without their rows nobody could find them at Stripe, to cancel them or give the money back.
        raise RuntimeError(f"{open_ones} payments at Stripe's card readers go on: let this release end them first")
    op.drop_table("stripe_payments")
    op.drop_column("kiosks", "reader_seen_at")
    op.drop_column("kiosks", "card_reader")
