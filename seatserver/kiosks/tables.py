"""The tables of kiosks: terminals in a theatre's lobby, devices that wait to become one, and their payments.

A device is known by the hash of its key, which only the device has. It waits (``theatre_id`` is NULL) until staff
approve the code on its screen. A revoked kiosk keeps its row, so that its key never works again.

An agent is a device too, with a key of its own: the process on a kiosk's machine that has its printer. It is enrolled
for one kiosk (``agent_of``), can do nothing but print, and ends with it.

A payment is written before its booking, so that a process that dies in between leaves something to be tidied up.
``simulated_payments`` are the simulated card reader's own books: nothing else touches them. Stripe keeps the books of
its readers; ``stripe_payments`` says how to find a payment there.
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
    sa.Column("card_reader", sa.Text, nullable=False, server_default="", comment="The id of its reader, at Stripe."),
    sa.Column("reader_seen_at", sa.DateTime(timezone=True), comment="When that was last found to be online."),
    sa.Column("help_at", sa.DateTime(timezone=True), comment="Since when somebody there asks for help."),
    sa.Column("visit", sa.Text, nullable=False, server_default="", comment="Who is there; another text each time."),
    sa.Column("showing", sa.Text, nullable=False, server_default="", comment="The film and time they have chosen."),
    sa.Column("seats", sa.Text, nullable=False, server_default="", comment="The labels of what they hold."),
    sa.Column("hold_ends_at", sa.DateTime(timezone=True), comment="Until when they hold it."),
    sa.Column("order_number", sa.Integer, nullable=False, server_default="0", comment="Grows with each order."),
    sa.Column("order_what", sa.Text, nullable=False, server_default="", comment="What staff last had it do."),
    sa.Column("order_visit", sa.Text, nullable=False, server_default="", comment="For whom; for nobody else."),
    sa.Column(
        "is_agent", sa.Boolean, nullable=False, server_default=sa.false(), comment="It prints for a kiosk, and is none."
    ),
    sa.Column("agent_of", sa.Uuid, sa.ForeignKey("kiosks.id"), comment="The kiosk that an agent prints for."),
    sa.Column("printer", sa.Text, nullable=False, server_default="", comment="Its state, as the agent last said it."),
    sa.Column("printer_at", sa.DateTime(timezone=True), comment="When the agent said that."),
    sa.Column(
        "ticket_reader", sa.Text, nullable=False, server_default="none", comment="What reads tickets shown to it."
    ),
    sa.Column("camera", sa.Text, nullable=False, server_default="", comment="How its camera is, as its page said."),
    sa.CheckConstraint("ticket_reader IN ('none', 'scanner', 'camera')", name="ticket_reader_known"),
    sa.CheckConstraint("(theatre_id IS NULL) = (enrolled_at IS NULL)", name="enrolled_in_a_theatre"),
    sa.CheckConstraint("agent_of IS NULL OR is_agent", name="only_agents_print_for_others"),
    sa.CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name="revoked_by_somebody"),
    sa.Index("uq_kiosks_key_hash", "key_hash", unique=True),
    sa.Index("uq_kiosks_code", "code", unique=True),
    sa.Index("ix_kiosks_revoked_at", "revoked_at", postgresql_where=sa.text("revoked_at IS NOT NULL")),
)

kiosk_payments = sa.Table(
    "kiosk_payments",
    metadata,
    sa.Column("booking_id", sa.Uuid, primary_key=True, comment="Of the booking to pay; written before it."),
    sa.Column("kiosk_id", sa.Uuid, sa.ForeignKey("kiosks.id"), nullable=False),
    sa.Column("showtime_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="1", comment="Cards tried so far."),
    sa.Column("amount_minor", sa.BigInteger, comment="NULL: nothing has been claimed yet."),
    sa.Column("currency", sa.String(3)),
    sa.Column(
        "reason", sa.Text, nullable=False, server_default="", comment="Why nothing was taken, or all given back."
    ),
    sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False, comment="Voided unless a card was taken."),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("done_at", sa.DateTime(timezone=True), comment="When its customer had seen the end."),
    sa.Column("user_id", sa.Text, comment="Who pays. NULL: begun by a release before 0011."),
    sa.CheckConstraint("status IN ('open', 'taking', 'voiding', 'paid', 'voided')", name="status_known"),
    sa.CheckConstraint("(status IN ('paid', 'voided')) = (ended_at IS NOT NULL)", name="ended_has_a_time"),
    sa.Index("ix_kiosk_payments_kiosk_id_created_at", "kiosk_id", "created_at"),
    sa.Index("ix_kiosk_payments_unsettled", "created_at", postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index("ix_kiosk_payments_paid", "ended_at", postgresql_where=sa.text("status = 'paid'")),
)

simulated_payments = sa.Table(
    "simulated_payments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("charges", sa.Integer, nullable=False, server_default="0", comment="How often money was taken."),
    sa.Column("voids", sa.Integer, nullable=False, server_default="0", comment="How often it was given back."),
    sa.Column("lost", sa.Integer, nullable=False, server_default="0", comment="Answers still to be lost."),
    sa.CheckConstraint("state IN ('waiting', 'approved', 'declined', 'voided')", name="state_known"),
)

stripe_payments = sa.Table(
    "stripe_payments",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("reader", sa.Text, nullable=False, comment="The one that was asked: the kiosk may get another later."),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("intent_id", sa.Text, comment="The PaymentIntent. NULL: no reader has seen any."),
    sa.Column("attempt", sa.Integer, nullable=False, comment="The last one that the reader accepted; 0: none."),
    sa.Column("tries", sa.Integer, nullable=False, comment="Errors so far: with each, the idempotency keys change."),
    sa.Column("ended", sa.Boolean, nullable=False, comment="It will be void: nothing is shown to the reader any more."),
    sa.Column("voided", sa.Boolean, nullable=False, comment="It is certain that no money is taken."),
    sa.CheckConstraint("ended OR NOT voided", name="ended_before_voided"),
)

kiosk_prints = sa.Table(
    "kiosk_prints",
    metadata,
    sa.Column("booking_id", sa.Uuid, nullable=False),
    sa.Column("copy", sa.Integer, nullable=False),
    sa.Column("kiosk_id", sa.Uuid, sa.ForeignKey("kiosks.id"), nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.PrimaryKeyConstraint("booking_id", "copy"),
    sa.CheckConstraint("status IN ('asked', 'sent', 'printed', 'failed', 'unsure')", name="status_known"),
    sa.Index(
        "ix_kiosk_prints_unprinted", "kiosk_id", "asked_at", postgresql_where=sa.text("status IN ('asked', 'sent')")
    ),
)
