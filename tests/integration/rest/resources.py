"""Which test module tests which resource of REST: in it every operation of the resource succeeds once at least.

`tests/unit/api/test_endpoints.py` fails with the name of a resource that is missing here.
"""

from __future__ import annotations

from seatserver.api.interface import RESOURCES
from seatserver.api.shared.endpoint import Endpoint, Resource

TESTED_IN = {
    "test_offer": ("layouts", "theatres", "showtimes", "availability", "offers"),
    "test_posters": ("posters",),
    "test_access": ("tokens", "keys", "revocations"),
    "test_allocations": ("allocations",),
    "test_bookings": ("bookings",),
    "test_admissions": ("admissions",),
    "test_kiosks": ("kiosks", "kiosk_payments", "kiosk_tickets", "handoffs"),
    "test_staff": ("users", "sign_in", "openid", "passkeys", "oauth"),
    "test_service": ("operations", "health", "concierge_log"),
}


def name_of(resource: Resource) -> str:
    """A resource as it is named here: as its module or folder in `seatserver/api/resources/`."""
    return resource.module.removeprefix("seatserver.api.resources.").partition(".")[0]


def endpoints_of(module: str) -> list[Endpoint]:
    """What is tested in a module."""
    names = TESTED_IN[module]
    return [endpoint for resource in RESOURCES if name_of(resource) in names for endpoint in resource.endpoints]
