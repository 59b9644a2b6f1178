"""Ticket types, fees and house rules for showtimes; prices of tickets, fees and the channel for bookings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

# A showtime with a price per category gets one ticket type for everyone.
TARIFF_OF_PRICES = """
    UPDATE showtimes SET tariff = jsonb_build_object(
        'ticket_types', jsonb_build_array(jsonb_build_object('key', 'standard', 'name', 'Standard', 'prices', prices)),
        'fees', '{}'::jsonb
    )
"""
# The first ticket type sold in a category sets its price, as it does for a request that names no type.
PRICES_OF_TARIFF = """
    UPDATE showtimes SET prices = (
        SELECT jsonb_object_agg(price.key, price.value ORDER BY ticket_type.position DESC)
        FROM jsonb_array_elements(tariff -> 'ticket_types') WITH ORDINALITY AS ticket_type (document, position),
            jsonb_each(ticket_type.document -> 'prices') AS price
    )
"""


def upgrade() -> None:
    op.add_column(
        "showtimes",
        sa.Column("tariff", postgresql.JSONB(), nullable=True, comment="seatmaps.pricing.Tariff without its currency."),
    )
    op.execute(TARIFF_OF_PRICES)
    op.alter_column("showtimes", "tariff", nullable=False)
    op.drop_column("showtimes", "prices")
    op.add_column(
        "showtimes",
        sa.Column("rules", postgresql.JSONB(), server_default="{}", nullable=False, comment="seatmaps.rules.Rules."),
    )
    op.add_column(
        "bookings",
        sa.Column(
            "lines",
            postgresql.JSONB(),
            server_default="[]",
            nullable=False,
            comment="Of each ticket its place, type and price in minor units; empty where that was not recorded.",
        ),
    )
    op.add_column(
        "bookings",
        sa.Column("fees_minor", sa.BigInteger(), server_default="0", nullable=False, comment="Part of total_minor."),
    )
    op.add_column(
        "bookings",
        sa.Column(
            "channel", sa.Text(), server_default="", nullable=False, comment="The sales channel; empty: the public."
        ),
    )
    op.alter_column("seat_maps", "seat_count", comment="SeatMap.place_count.")


def downgrade() -> None:
    op.alter_column("seat_maps", "seat_count", comment=None)
    for column in ("channel", "fees_minor", "lines"):
        op.drop_column("bookings", column)
    op.drop_column("showtimes", "rules")
    op.add_column(
        "showtimes",
        sa.Column("prices", postgresql.JSONB(), nullable=True, comment="Category key to price in minor units."),
    )
    op.execute(PRICES_OF_TARIFF)
    op.alter_column("showtimes", "prices", nullable=False)
    op.drop_column("showtimes", "tariff")
