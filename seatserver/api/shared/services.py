"""What the handlers of REST need from the rest of the server; `app.py` hands it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatserver.access.admission import AdmissionCodes, BookingKeys
from seatserver.access.api_keys import ApiKeys
from seatserver.access.credentials import Credentials
from seatserver.access.guest_limits import GuestLimits
from seatserver.access.guest_price import GuestPrice
from seatserver.access.guests import Guests
from seatserver.access.networks import NetworkNames
from seatserver.access.revocations import Revocations
from seatserver.access.socket_tickets import SocketTickets
from seatserver.access.tokens import Tokens
from seatserver.accounts.openid import OpenId
from seatserver.accounts.passkeys import Passkeys
from seatserver.accounts.passwords import Passwords
from seatserver.accounts.sessions import Sessions
from seatserver.accounts.sign_in import PasswordCheck
from seatserver.accounts.users import Users
from seatserver.api.shared.answers import SharedAnswers
from seatserver.bookings.admissions import Admissions
from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.own import OwnBookings
from seatserver.catalog.catalog import Catalog
from seatserver.config import Clock, Settings
from seatserver.holding.holding import Holding
from seatserver.kiosks.handoffs import HandOffs
from seatserver.kiosks.payments import Payments
from seatserver.kiosks.printing import Printing
from seatserver.kiosks.registry import Kiosks
from seatserver.kiosks.shown_tickets import ShownTickets
from seatserver.operations.instance_reports import InstanceReports
from seatserver.rooms.counts import Counts
from seatserver.rooms.hub import Hub
from seatserver.transcripts.log import ConciergeLog


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Handed to every handler. ``ready`` maps each part to None or to what is wrong with it."""

    settings: Settings
    catalog: Catalog
    hub: Hub
    counts: Counts
    holding: Holding
    checkout: Checkout
    own_bookings: OwnBookings
    allocations: Allocations
    tokens: Tokens
    credentials: Credentials
    revocations: Revocations
    api_keys: ApiKeys
    users: Users
    passwords: Passwords
    password_check: PasswordCheck
    user_sessions: Sessions
    passkeys: Passkeys
    openid: OpenId | None
    guests: Guests
    networks: NetworkNames
    guest_limits: GuestLimits
    guest_price: GuestPrice
    socket_tickets: SocketTickets
    admissions: Admissions
    admission_codes: AdmissionCodes
    booking_keys: BookingKeys
    reports: InstanceReports
    concierge_log: ConciergeLog
    model_spent: Callable[[], Awaitable[tuple[int, int] | None]]
    kiosks: Kiosks
    kiosk_payments: Payments
    handoffs: HandOffs
    printing: Printing
    shown_tickets: ShownTickets
    shared_answers: SharedAnswers
    ready: Callable[[], Awaitable[dict[str, str | None]]]
    metrics_text: Callable[[], bytes]
    clock: Clock
