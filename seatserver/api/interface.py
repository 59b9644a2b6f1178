"""The whole REST interface: every resource, in the order of the OpenAPI document."""

from __future__ import annotations

import msgspec

from seatserver.api.resources import (
    admissions,
    availability,
    concierge_log,
    handoffs,
    health,
    keys,
    kiosk_payments,
    kiosk_tickets,
    kiosks,
    layouts,
    oauth,
    offers,
    openid,
    passkeys,
    posters,
    revocations,
    showtimes,
    sign_in,
    theatres,
    tokens,
    users,
)
from seatserver.api.resources.allocations import endpoints as allocations
from seatserver.api.resources.bookings import endpoints as bookings
from seatserver.api.resources.operations import endpoints as operations
from seatserver.api.shared.endpoint import Endpoint, Resource
from seatserver.api.shared.problems import EXAMPLE as PROBLEM

RESOURCES: tuple[Resource, ...] = (
    layouts.RESOURCE,
    posters.RESOURCE,
    theatres.RESOURCE,
    showtimes.RESOURCE,
    availability.RESOURCE,
    offers.RESOURCE,
    tokens.RESOURCE,
    sign_in.RESOURCE,
    oauth.RESOURCE,
    bookings.RESOURCE,
    admissions.RESOURCE,
    allocations.RESOURCE,
    kiosks.RESOURCE,
    keys.RESOURCE,
    passkeys.RESOURCE,
    openid.RESOURCE,
    users.RESOURCE,
    revocations.RESOURCE,
    kiosk_payments.RESOURCE,
    handoffs.RESOURCE,
    kiosk_tickets.RESOURCE,
    operations.RESOURCE,
    concierge_log.RESOURCE,
    health.RESOURCE,
)
ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for resource in RESOURCES for endpoint in resource.endpoints)
EXAMPLES: dict[type[msgspec.Struct], msgspec.Struct] = {
    type(example): example for example in (PROBLEM, *(one for resource in RESOURCES for one in resource.examples))
}
"""The example of each type that requests and answers consist of."""
