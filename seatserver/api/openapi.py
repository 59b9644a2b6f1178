"""The OpenAPI document: what it says about the interface as a whole. Its operations are made from the endpoints."""

from __future__ import annotations

from typing import Any

import seatserver
from seatserver.api.interface import ENDPOINTS, EXAMPLES
from seatserver.api.shared.endpoint import BOOKING_SCHEME, KIOSK_SCHEME
from seatserver.api.shared.operations import operations_of

ACCESS = """\
A token tells the server who you are; send it as `Authorization: Bearer …`. It is a JWT. `sub` is the user, `scope` what
the token allows (space-separated), and `channel` the sales channel whose seats it may take besides the public's. `iss`,
`aud` and `exp` must be as the server's settings require. Guests get their token here, `seatserver token` makes one, and
partners sign their own with a key that the settings name.

Servers and sales channels use an API key instead, which is valid for months: an administrator makes it with
`POST /api/v1/keys`. It goes wherever a token does. A token or a key that was revoked is answered with 401 and the code
`revoked`.

Scopes: `watch` views rooms. `hold` holds seats, and includes watch. `claim` makes pending bookings, which a payment
confirms. `book` books at once, and includes claim. `settle` confirms, cancels and reads anybody's bookings, for payment
services. `admit` admits visitors at the door. `admin` allows everything."""

BOOKINGS = """\
Bookings. Seats are held over the socket, see /asyncapi.json.

Whoever books gets `ticket_url`, a link to the ticket that works in any browser. A payment service gets it when it
confirms, because it may mail the link. The text after `#key=` is the booking's key. Send it as
`Authorization: Booking …` instead of a token to read this one booking and its ticket. It changes nothing, and it works
as long as the server knows the secret that signed it. With a wrong key every booking is `not_found`."""

KIOSKS = """\
Kiosks: terminals that sell in a theatre's lobby. A device makes a key of its own and says it on `/ws/kiosk`, see
/asyncapi.json. Staff approve the code that it shows. From then on the key, sent as `Authorization: Kiosk …`, stands for
one kiosk of one theatre and one sales channel, until staff revoke it. For each customer the kiosk gets a token of its
own, which holds seats and makes pending bookings."""

STAFF = """\
The accounts of the operator's own staff. An administrator makes a user and gives them roles; a role has scopes. Users
get tokens that are valid for minutes. Programs get them by OAuth 2.0 at `/api/v1/oauth/token`, and API keys may do the
same.

Whoever is disabled, signed out everywhere or given another password loses all sessions and tokens within two seconds,
open sockets included. A wrong e-mail and a wrong password are refused in the same words. Whoever tries many passwords
is told to wait (`too_many`)."""

TAGS = {
    "offer": "Theatres, showtimes, halls and prices. Open to everybody, unless an operation names a scope.",
    "access": ACCESS,
    "staff": STAFF,
    "bookings": BOOKINGS,
    "kiosks": KIOSKS,
    "admin": "Theatres, showtimes, halls, blocked and allocated seats, and the live view. Repeating a request changes "
    "nothing more.",
    "service": "Health and metrics.",
}

DESCRIPTION = """\
Theatres, showtimes, seat counts and bookings of a real-time seat-map server. Seats are watched and held over the
socket (`/ws/showtimes/{showtime_id}`, described by `/asyncapi.json`); this interface does the rest.

A sale takes three steps. Find seats with `best-available` here, or `offers` on the socket. Hold them over the socket
(its `best` finds and holds in one step). Book the hold, there or here.

Every error is a problem document (RFC 9457) with a stable `code`. If `retryable` is true, the same request can succeed
after the time in `Retry-After`. Repeating any request is safe. Pages of other origins may use the interface if
`SEATSERVER_ALLOWED_ORIGINS` names them; others get `origin_refused`."""


def openapi() -> dict[str, Any]:
    """The document."""
    paths, schemas = operations_of(ENDPOINTS, EXAMPLES)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Seat server",
            "version": seatserver.__version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An API key, or a JWT whose `scope` names watch, hold, claim, book, settle, admit "
                    "or admin.",
                },
                "booking": {
                    "type": "http",
                    "scheme": BOOKING_SCHEME,
                    "description": "A booking's key, from its `ticket_url`. It reads this one booking.",
                },
                "kiosk": {
                    "type": "http",
                    "scheme": KIOSK_SCHEME,
                    "description": "The key of a device that staff have enrolled as a kiosk.",
                },
            },
        },
    }
