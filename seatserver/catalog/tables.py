"""The tables of what is offered: theatres, auditoriums, seat maps, posters, showtimes.

Identifiers are short texts that the caller chooses (`ID_PATTERN`), so that creating is an idempotent PUT.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from seatserver.database import metadata

theatres = sa.Table(
    "theatres",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False, comment="An IANA name, such as Europe/Berlin."),
    sa.Column("address", sa.Text, nullable=False, server_default="", comment="One line; empty: not known."),
)

auditoriums = sa.Table(
    "auditoriums",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("theatre_id", sa.Text, sa.ForeignKey("theatres.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Index("ix_auditoriums_theatre_id", "theatre_id"),
)

seat_maps = sa.Table(
    "seat_maps",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True, comment="SeatMap.content_hash."),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False, comment="SeatMap.encode, byte for byte: jsonb would reorder it."),
    sa.Column("seat_count", sa.Integer, nullable=False, comment="SeatMap.place_count."),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)

posters = sa.Table(
    "posters",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True, comment="Poster.hash."),
    sa.Column("content", sa.LargeBinary, nullable=False, comment="WebP, as `pictures.py` makes it."),
    sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
)

showtimes = sa.Table(
    "showtimes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("auditorium_id", sa.Text, sa.ForeignKey("auditoriums.id"), nullable=False),
    sa.Column("layout_hash", sa.Text, sa.ForeignKey("seat_maps.hash"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("poster_hash", sa.Text, sa.ForeignKey("posters.hash"), comment="The film's poster, if it has one."),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("on_sale_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("sale_ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("tariff", postgresql.JSONB, nullable=False, comment="seatmaps.pricing.Tariff without its currency."),
    sa.Column("rules", postgresql.JSONB, nullable=False, server_default="{}", comment="seatmaps.rules.Rules."),
    sa.Column(
        "seq",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Changes so far of who owns a seat: by bookings and by the house.",
    ),
    sa.Column(
        "ever_booked",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether there ever was a booking: its amounts are in this currency.",
    ),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("on_sale_at < sale_ends_at", name="sale_has_a_duration"),
    sa.Index("ix_showtimes_starts_at_id", "starts_at", "id"),
    sa.Index("ix_showtimes_auditorium_id", "auditorium_id"),
    sa.Index("ix_showtimes_poster_hash", "poster_hash"),
)
