"""Which web pages may talk to this server.

A browser sends the page's origin with every WebSocket handshake and cross-site request, and a page cannot forge it. So
no other site's page can use a visitor's browser against this server. Other programs send no origin; their token alone
says who they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from seatserver.config import Settings

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def allowed(origin: str | None, host: str | None, settings: Settings) -> bool:
    """Whether a request with these ``Origin`` and ``Host`` headers may pass.

    A request passes without an origin, with our own host or ``public_url``, or with one of the allowed origins. ``*``
    among those allows all.
    """
    if origin is None or "*" in settings.allowed_origins:
        return True
    asked = _parts(origin)
    if asked is None:
        return False  # also the opaque origin "null" of sandboxed pages and files
    # Behind a proxy that ends TLS the scheme is unknown here, so our own host counts with either one.
    scheme = asked[0]
    if host is not None and asked == _parts(f"{scheme}://{host}"):
        return True
    listed = (settings.public_url, *settings.allowed_origins)
    return any(asked == _parts(entry) for entry in listed if entry)


def is_own(origin: str | None, host: str | None, settings: Settings) -> bool:
    """Whether a page of this server sent a request: one of our own host or ``public_url``, and no other, listed or not.

    For what a browser's cookie opens. Other sites' pages could have the browser send it along.
    """
    asked = _parts(origin) if origin is not None else None
    if asked is None:
        return False
    own = {_parts(f"{asked[0]}://{host}") if host is not None else None, _parts(settings.public_url)}
    return asked in own


def own_address(settings: Settings, headers: Mapping[str, str]) -> str:
    """Where this server's pages are for whoever sent these headers, without a slash at the end: for QR codes."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    # Behind a proxy that ends TLS the scheme is unknown here; the page's own origin says it.
    return headers.get("origin") or f"http://{headers.get('host', 'localhost')}"


def _parts(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port as browsers compare them, or None if this is not an origin."""
    try:
        parts = urlsplit(origin.strip().lower())
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
        return None
    return parts.scheme, parts.hostname, port
