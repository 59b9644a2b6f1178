"""The tables of bookings and of the seats that the house keeps. Who owns a seat is decided here.

A partial unique index of ``booked_seats`` covers the live row of each (showtime, seat), so a second owner cannot be
written, whatever Redis, a paused process or a bug believes. ``kept_seats`` lists the seats that the house keeps for one
sales channel or for nobody; ``seat_log`` records who decided that and why. ``outbox`` has each change of a showtime,
numbered by ``showtimes.seq`` without gaps, until Redis has applied it. A partial unique index of ``admissions`` lets a
booking in only once.
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
    sa.Index("ix_bookings_user_id_created_at_id", "user_id", "created_at", "id"),
    sa.Index(
        "ix_bookings_live_of_user",
        "showtime_id",
        "user_id",
        postgresql_where=sa.text("status IN ('pending', 'confirmed')"),
    ),
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

kept_seats = sa.Table(
    "kept_seats",
    metadata,
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), primary_key=True),
    sa.Column("seat", sa.Integer, primary_key=True),
    sa.Column("channel", sa.Text, comment="The sales channel that it is kept for; NULL: blocked for everybody."),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("kept_by", sa.Text, nullable=False, comment="The user who said so."),
    sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("release_at", sa.DateTime(timezone=True), comment="When it is opened to all by itself."),
    sa.CheckConstraint("channel <> ''", name="channel_has_a_name"),
    sa.Index("ix_kept_seats_release_at", "release_at", postgresql_where=sa.text("release_at IS NOT NULL")),
)

seat_log = sa.Table(
    "seat_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="showtimes.seq after this change."),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("by_user", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, comment="Whom the seats are kept for, or were until their release."),
    sa.Column("seats", postgresql.ARRAY(sa.Integer), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("release_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("action IN ('block', 'allocate', 'open', 'release')", name="action_known"),
    sa.Index("ix_seat_log_showtime_id_id", "showtime_id", "id"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("showtime_id", sa.Text, sa.ForeignKey("showtimes.id"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, comment="showtimes.seq after this change."),
    sa.Column("booking_id", sa.Uuid, comment="NULL: a change of what the house keeps."),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False, comment="The seats' new SeatState."),
    sa.Column("channel", sa.Text, comment="Whom ALLOCATED seats are kept for."),
    sa.Column("seats", postgresql.ARRAY(sa.Integer), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)

admissions = sa.Table(
    "admissions",
    metadata,
    sa.Column("scan_id", sa.Uuid, primary_key=True, comment="Made by the scanner: a repeated scan meets its row."),
    sa.Column("booking_id", sa.Uuid, sa.ForeignKey("bookings.id"), nullable=False),
    sa.Column("door", sa.Text, nullable=False, comment="Where that was, as the scanner says; may be empty."),
    sa.Column("admitted_by", sa.Text, nullable=False, comment="The user whose scanner it was."),
    sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("undone_by", sa.Text),
    sa.Column("undone_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("(undone_by IS NULL) = (undone_at IS NULL)", name="undone_by_somebody"),
    sa.Index("uq_admissions_standing", "booking_id", unique=True, postgresql_where=sa.text("undone_at IS NULL")),
    sa.Index("ix_admissions_booking_id", "booking_id"),
)
