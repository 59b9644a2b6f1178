"""The tables of accounts: users, their roles, how they prove who they are, and where they are signed in.

They contain no secret: passwords are hashed (Argon2), the key of a passkey is a public one, and the texts that continue
a session are signed, not stored (`session_texts.py`).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from seatserver.database import metadata

PASSKEY = "passkey"
"""The issuer of an identity that is a passkey. Its subject is the credential's id."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="The `sub` of their tokens."),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, comment="Normalised, so that it is written in one way only."),
    sa.Column("email_verified", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("password_hash", sa.Text, comment="Argon2id; NULL: no password."),
    sa.Column("channel", sa.Text, nullable=False, server_default="", comment="The sales channel; empty: the public."),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("signed_in_at", sa.DateTime(timezone=True), comment="The latest time; NULL: never."),
    sa.Column("disabled_by", sa.Text),
    sa.Column("disabled_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("email"),
    sa.CheckConstraint("(disabled_by IS NULL) = (disabled_at IS NULL)", name="disabled_by_somebody"),
    sa.Index("ix_users_created_at_id", "created_at", "id"),
)

roles = sa.Table(
    "roles",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False, comment="What its users may do."),
)

user_roles = sa.Table(
    "user_roles",
    metadata,
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.ForeignKey("roles.name"), primary_key=True),
    sa.Index("ix_user_roles_role", "role"),
)

identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True, comment="Who vouches: an OpenID provider, or `passkey`."),
    sa.Column("subject", sa.Text, primary_key=True, comment="The user's id there, or the passkey's."),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False, server_default="", comment="What its owner calls a passkey."),
    sa.Column("public_key", sa.LargeBinary, comment="Of a passkey."),
    sa.Column("sign_count", sa.BigInteger, comment="Of a passkey: how often it has signed, as it says itself."),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint(
        "(issuer = 'passkey') = (public_key IS NOT NULL AND sign_count IS NOT NULL)", name="passkeys_have_keys"
    ),
    sa.Index("ix_identities_user_id", "user_id"),
)

user_sessions = sa.Table(
    "user_sessions",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="page: a cookie continues it. program: refresh tokens do."),
    sa.Column("method", sa.Text, nullable=False, comment="How the user signed in: password, passkey, openid."),
    sa.Column("scopes", postgresql.ARRAY(sa.Text), comment="All that it may do; NULL: all that its user may."),
    sa.Column("client", sa.Text, nullable=False, comment="What the browser or program calls itself."),
    sa.Column("generation", sa.Integer, nullable=False, server_default="0", comment="Of its latest refresh token."),
    sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="However much it is used."),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("ended_because", sa.Text),
    sa.CheckConstraint("kind IN ('page', 'program')", name="kind_known"),
    sa.CheckConstraint("(ended_at IS NULL) = (ended_because IS NULL)", name="ended_for_a_reason"),
    sa.Index("ix_user_sessions_user_id_created_at", "user_id", "created_at"),
    sa.Index("ix_user_sessions_expires_at", "expires_at"),
)
