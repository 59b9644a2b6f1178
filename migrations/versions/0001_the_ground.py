"""The first tables: theatres, auditoriums, seat maps and showtimes; bookings, their seats, and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "seat_maps",
        sa.Column("hash", sa.Text(), nullable=False, comment="SeatMap.content_hash."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="SeatMap.encode, byte for byte: jsonb would reorder it."
        ),
        sa.Column("seat_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_seat_maps")),
    )
    op.create_table(
        "theatres",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False, comment="An IANA name, such as Europe/Berlin."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_theatres")),
    )
    op.create_table(
        "auditoriums",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("theatre_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["theatre_id"], ["theatres.id"], name=op.f("fk_auditoriums_theatre_id_theatres")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditoriums")),
    )
    op.create_index("ix_auditoriums_theatre_id", "auditoriums", ["theatre_id"], unique=False)
    op.create_table(
        "showtimes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("auditorium_id", sa.Text(), nullable=False),
        sa.Column("layout_hash", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("on_sale_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sale_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "prices",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Category key to price in minor units.",
        ),
        sa.Column("blocked", postgresql.ARRAY(sa.Integer()), nullable=False, comment="Seat indexes the house keeps."),
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="Changes of bookings so far; 0 means that there never was a booking.",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("on_sale_at < sale_ends_at", name=op.f("ck_showtimes_sale_has_a_duration")),
        sa.ForeignKeyConstraint(
            ["auditorium_id"], ["auditoriums.id"], name=op.f("fk_showtimes_auditorium_id_auditoriums")
        ),
        sa.ForeignKeyConstraint(["layout_hash"], ["seat_maps.hash"], name=op.f("fk_showtimes_layout_hash_seat_maps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_showtimes")),
    )
    op.create_index("ix_showtimes_auditorium_id", "showtimes", ["auditorium_id"], unique=False)
    op.create_index("ix_showtimes_starts_at_id", "showtimes", ["starts_at", "id"], unique=False)
    op.create_table(
        "bookings",
        sa.Column("id", sa.Uuid(), nullable=False, comment="The hold's id: a repeated request meets the same row."),
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seats", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=True, comment="Deadline of a pending booking's payment."
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was confirmed, cancelled or expired.",
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (expires_at IS NOT NULL)", name=op.f("ck_bookings_pending_has_deadline")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'confirmed', 'cancelled', 'expired')", name=op.f("ck_bookings_status_known")
        ),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_bookings_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
    )
    op.create_index(
        "ix_bookings_pending_deadline",
        "bookings",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_bookings_showtime_id", "bookings", ["showtime_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="showtimes.seq after this change."),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False, comment="The seats' new SeatState."),
        sa.Column("seats", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_outbox_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("showtime_id", "seq", name=op.f("pk_outbox")),
    )
    op.create_table(
        "booked_seats",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column(
            "released_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Set when the booking is cancelled or expires.",
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_booked_seats_booking_id_bookings")),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_booked_seats_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("booking_id", "seat", name=op.f("pk_booked_seats")),
    )
    op.create_index(
        "uq_booked_seats_live",
        "booked_seats",
        ["showtime_id", "seat"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("booked_seats", "outbox", "bookings", "showtimes", "auditoriums", "theatres", "seat_maps"):
        op.drop_table(table)
