"""Accounts of staff: users, their roles, how they prove who they are, and where they are signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

ROLES = {"admin": ["admin"], "box-office": ["hold", "book", "settle"], "usher": ["admit"]}
"""What every installation begins with. Operators may change them and add others."""


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False, comment="The `sub` of their tokens."),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False, comment="Normalised, so that it is written in one way only."),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True, comment="Argon2id; NULL: no password."),
        sa.Column(
            "channel", sa.Text(), server_default="", nullable=False, comment="The sales channel; empty: the public."
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at", is_now=True),
        _moment("signed_in_at", comment="The latest time; NULL: never."),
        sa.Column("disabled_by", sa.Text(), nullable=True),
        _moment("disabled_at"),
        sa.CheckConstraint("(disabled_by IS NULL) = (disabled_at IS NULL)", name=op.f("ck_users_disabled_by_somebody")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index("ix_users_created_at_id", "users", ["created_at", "id"], unique=False)
    op.create_table(
        "roles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False, comment="What its users may do."),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )
    table = sa.table("roles", sa.column("name", sa.Text), sa.column("scopes", postgresql.ARRAY(sa.Text)))
    op.bulk_insert(table, [{"name": name, "scopes": scopes} for name, scopes in ROLES.items()])
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["role"], ["roles.name"], name=op.f("fk_user_roles_role_roles")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
    )
    op.create_index("ix_user_roles_role", "user_roles", ["role"], unique=False)
    _identities()
    _sessions()


def _identities() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text(), nullable=False, comment="Who vouches: an OpenID provider, or `passkey`."),
        sa.Column("subject", sa.Text(), nullable=False, comment="The user's id there, or the passkey's."),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="What its owner calls a passkey."),
        sa.Column("public_key", sa.LargeBinary(), nullable=True, comment="Of a passkey."),
        sa.Column(
            "sign_count",
            sa.BigInteger(),
            nullable=True,
            comment="Of a passkey: how often it has signed, as it says itself.",
        ),
        _moment("created_at", is_now=True),
        _moment("last_used_at"),
        sa.CheckConstraint(
            "(issuer = 'passkey') = (public_key IS NOT NULL AND sign_count IS NOT NULL)",
            name=op.f("ck_identities_passkeys_have_keys"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_identities_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"], unique=False)


def _sessions() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="page: a cookie continues it. program: refresh tokens do."
        ),
        sa.Column("method", sa.Text(), nullable=False, comment="How the user signed in: password, passkey, openid."),
        sa.Column(
            "scopes",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="All that it may do; NULL: all that its user may.",
        ),
        sa.Column("client", sa.Text(), nullable=False, comment="What the browser or program calls itself."),
        sa.Column(
            "generation", sa.Integer(), server_default="0", nullable=False, comment="Of its latest refresh token."
        ),
        _moment("rotated_at", is_now=True),
        _moment("created_at", is_now=True),
        _moment("used_at", is_now=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="However much it is used."),
        _moment("ended_at"),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('page', 'program')", name=op.f("ck_user_sessions_kind_known")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_because IS NULL)", name=op.f("ck_user_sessions_ended_for_a_reason")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
    )
    op.create_index("ix_user_sessions_user_id_created_at", "user_sessions", ["user_id", "created_at"], unique=False)
    op.create_index("ix_user_sessions_expires_at", "user_sessions", ["expires_at"], unique=False)


def _moment(name: str, *, is_now: bool = False, comment: str | None = None) -> sa.Column[object]:
    default = sa.text("now()") if is_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not is_now, comment=comment)


def downgrade() -> None:
    for table in ("user_sessions", "identities", "user_roles", "roles", "users"):
        op.drop_table(table)
