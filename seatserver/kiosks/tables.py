"""The table of kiosks: terminals that sell in a theatre's lobby, and devices that wait to become one.

A device is known by the hash of its key, which only the device has. It waits (``theatre_id`` is NULL) until staff
approve the code on its screen. A revoked kiosk keeps its row, so that its key never works again.
"""

from __future__ import annotations

import sqlalchemy as sa

from seatserver.database import metadata

kiosks = sa.Table(
    "kiosks",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("key_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the device's key, which is random."),
    sa.Column("code", sa.Text, nullable=False, comment="What its screen shows until somebody approves it."),
    sa.Column("code_ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("theatre_id", sa.Text, sa.ForeignKey("theatres.id"), comment="NULL: nobody has approved it yet."),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("channel", sa.Text, nullable=False, server_default="", comment="The sales channel; empty: the public."),
    sa.Column("locked", sa.Boolean, nullable=False, server_default=sa.false(), comment="It shows that it is closed."),
    sa.Column("message", sa.Text, nullable=False, server_default="", comment="What staff want its visitors to read."),
    sa.Column("reloads", sa.Integer, nullable=False, server_default="0", comment="How often staff reloaded its page."),
    sa.Column("enrolled_by", sa.Text),
    sa.Column("enrolled_at", sa.DateTime(timezone=True)),
    sa.Column("revoked_by", sa.Text),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Column("seen_at", sa.DateTime(timezone=True), comment="When its page last reported."),
    sa.Column("release", sa.Text, nullable=False, server_default="", comment="The release its page came from."),
    sa.Column("shows", sa.Text, nullable=False, server_default="", comment="The name of the screen it shows."),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("(theatre_id IS NULL) = (enrolled_at IS NULL)", name="enrolled_in_a_theatre"),
    sa.CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name="revoked_by_somebody"),
    sa.Index("uq_kiosks_key_hash", "key_hash", unique=True),
    sa.Index("uq_kiosks_code", "code", unique=True),
    sa.Index("ix_kiosks_revoked_at", "revoked_at", postgresql_where=sa.text("revoked_at IS NOT NULL")),
)
