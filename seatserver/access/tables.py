"""The tables of access: what was revoked before its time.

Tokens are stored nowhere, because their signature says all. So what ends early has to be written down.
"""

from __future__ import annotations

import sqlalchemy as sa

from seatserver.database import metadata

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True, comment="In the order of the commits."),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, comment="The token's jti, the user, or the key's id."),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="From when on it is refused."),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="Nothing that it ends is valid then."),
    sa.Column("revoked_by", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.CheckConstraint("kind IN ('token', 'user', 'key')", name="kind_known"),
    sa.Index("ix_revocations_kind_subject", "kind", "subject"),
    sa.Index("ix_revocations_expires_at", "expires_at"),
)
