"""Blocked and allocated seats with who, why and until when; their log; an outbox that carries their changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

KEEP_BLOCKED = """
    INSERT INTO kept_seats (showtime_id, seat, reason, kept_by)
    SELECT id, unnest(blocked), 'house seats', 'migration' FROM showtimes
"""
LOG_BLOCKED = """
    INSERT INTO seat_log (showtime_id, seq, by_user, action, seats, reason)
    SELECT id, seq, 'migration', 'block', blocked, 'house seats' FROM showtimes WHERE cardinality(blocked) > 0
"""
# The old schema knows only blocks, so seats allocated to a channel become blocked for everyone.
BLOCK_KEPT = """
    UPDATE showtimes SET blocked = ARRAY(
        SELECT seat FROM kept_seats WHERE kept_seats.showtime_id = showtimes.id ORDER BY seat
    )
"""


def upgrade() -> None:
    op.create_table(
        "kept_seats",
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column(
            "channel",
            sa.Text(),
            nullable=True,
            comment="The sales channel that it is kept for; NULL: blocked for everybody.",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kept_by", sa.Text(), nullable=False, comment="The user who said so."),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "release_at", sa.DateTime(timezone=True), nullable=True, comment="When it is opened to all by itself."
        ),
        sa.CheckConstraint("channel <> ''", name=op.f("ck_kept_seats_channel_has_a_name")),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_kept_seats_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("showtime_id", "seat", name=op.f("pk_kept_seats")),
    )
    op.create_index(
        "ix_kept_seats_release_at",
        "kept_seats",
        ["release_at"],
        unique=False,
        postgresql_where=sa.text("release_at IS NOT NULL"),
    )
    op.create_table(
        "seat_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("showtime_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="showtimes.seq after this change."),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by_user", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column(
            "channel", sa.Text(), nullable=True, comment="Whom the seats are kept for, or were until their release."
        ),
        sa.Column("seats", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("action IN ('block', 'allocate', 'open', 'release')", name=op.f("ck_seat_log_action_known")),
        sa.ForeignKeyConstraint(["showtime_id"], ["showtimes.id"], name=op.f("fk_seat_log_showtime_id_showtimes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_log")),
    )
    op.create_index("ix_seat_log_showtime_id_id", "seat_log", ["showtime_id", "id"], unique=False)
    op.execute(KEEP_BLOCKED)
    op.execute(LOG_BLOCKED)
    op.drop_column("showtimes", "blocked")
    op.add_column(
        "showtimes",
        sa.Column(
            "ever_booked",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="Whether there ever was a booking: its amounts are in this currency.",
        ),
    )
    op.execute("UPDATE showtimes SET ever_booked = true WHERE seq > 0")
    op.alter_column("showtimes", "seq", comment="Changes so far of who owns a seat: by bookings and by the house.")
    op.alter_column("outbox", "booking_id", nullable=True, comment="NULL: a change of what the house keeps.")
    op.add_column(
        "outbox", sa.Column("channel", sa.Text(), nullable=True, comment="Whom ALLOCATED seats are kept for.")
    )


def downgrade() -> None:
    # The older version cannot relay these changes, but a gap in the numbers makes it reload the whole showtime.
    op.execute("DELETE FROM outbox WHERE booking_id IS NULL")
    op.drop_column("outbox", "channel")
    op.alter_column("outbox", "booking_id", nullable=False, comment=None)
    op.alter_column("showtimes", "seq", comment="Changes of bookings so far; 0 means that there never was a booking.")
    op.drop_column("showtimes", "ever_booked")
    op.add_column(
        "showtimes",
        sa.Column(
            "blocked",
            postgresql.ARRAY(sa.Integer()),
            server_default="{}",
            nullable=False,
            comment="Seat indexes the house keeps.",
        ),
    )
    op.execute(BLOCK_KEPT)
    op.alter_column("showtimes", "blocked", server_default=None)
    op.drop_table("seat_log")
    op.drop_table("kept_seats")
