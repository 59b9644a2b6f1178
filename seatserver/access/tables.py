"""The tables of access: API keys, and what was revoked before its time.

Tokens are stored nowhere, because their signature says all. So what ends early has to be written down.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

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

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="The part of the key that is no secret."),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the secret part, which is random."),
    sa.Column("name", sa.Text, nullable=False, comment="What it is for, as people say it."),
    sa.Column("user_id", sa.Text, nullable=False, comment="The user that it acts as."),
    sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
    sa.Column("channel", sa.Text, nullable=False, comment="The sales channel; empty: the public."),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_used_at", sa.DateTime(timezone=True), comment="Within a minute; NULL: never."),
    sa.Column("successor", sa.Text, comment="The id of the key that replaces it, if it was rotated."),
    sa.Column("revoked_by", sa.Text),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name="revoked_by_somebody"),
    sa.Index("ix_api_keys_created_at_id", "created_at", "id"),
)
