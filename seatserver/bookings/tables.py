"""The tables of bookings: who owns a seat is decided here.

``booked_seats`` has a partial unique index over (showtime, seat) where the row is live: whatever Redis, a paused
process or a bug believes, the second owner of a seat cannot be written. ``outbox`` carries each change of a showtime,
numbered by ``showtimes.seq`` without gaps, until Redis has applied it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from seatserver.database import metadata

bookings = sa.Table(
    "bookings",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True, comment="The hold's id: a repeated request meets the same row."),
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("seats", postgresql.ARRAY(sa.Integer), nullable=False),
    sa.Column(
        "lines",
        postgresql.JSONB,
        nullable=False,
        server_default="[]",
        comment="Of each ticket its place, type and price in minor units; empty where that was not recorded.",
    ),
    sa.Column("fees_minor", sa.BigInteger, nullable=False, server_default="0", comment="Part of total_minor."),
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("channel", sa.Text, nullable=False, server_default="", comment="The sales channel; empty: the public."),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", sa.DateTime(timezone=True), comment="Deadline of a pending booking's payment."),
    sa.Column("ended_at", sa.DateTime(timezone=True), comment="When it was confirmed, cancelled or expired."),
    sa.CheckConstraint("status IN ('pending', 'confirmed', 'cancelled', 'expired')", name="status_known"),
    sa.CheckConstraint("(status = 'pending') = (expires_at IS NOT NULL)", name="pending_has_deadline"),
    sa.Index("ix_bookings_showtime_id", "showtime_id"),
    sa.Index("ix_bookings_pending_deadline", "expires_at", postgresql_where=sa.text("status = 'pending'")),
)

booked_seats = sa.Table(
    "booked_seats",
    metadata,
    sa.Column("booking_id", sa.Uuid, sa.ForeignKey("bookings.id"), primary_key=True),
    sa.Column("seat", sa.Integer, primary_key=True),
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), nullable=False),
    sa.Column("released_at", sa.DateTime(timezone=True), comment="Set when the booking is cancelled or expires."),
    sa.Index(
        "uq_booked_seats_live",
        "showtime_id",
        "seat",
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    ),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, comment="showtimes.seq after this change."),
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False, comment="The seats' new SeatState."),
    sa.Column("seats", postgresql.ARRAY(sa.Integer), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)
