"""Whether a text in the settings is an address: of a server, a web page, or a network.

Each function knows one form. What a setting expects, and what its operator is told otherwise, is in `config/checks.py`.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit


def is_host(text: str) -> bool:
    """Whether it is a name or an address to listen on. Not empty: that would mean every address."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return re.fullmatch(r"\S+", text) is not None


def is_network(text: str) -> bool:
    """Whether it is an address or a network, such as ``10.0.0.0/8``."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_redis_address(url: str) -> bool:
    """Whether it can be read. The path of a Unix socket must be there."""
    parts = _split(url)
    return parts is not None and (parts.scheme != "unix" or bool(parts.path))


def is_web_address(url: str) -> bool:
    """Whether it is an address of HTTP or HTTPS."""
    parts = _split(url)
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def is_origin(text: str) -> bool:
    """Whether it is a web origin as browsers send it."""
    # A path, a name before an @, a wildcard or letters that browsers write as xn--… would silently never match.
    is_plain = text.isascii() and not set(text) & set("*@?#; ")
    return is_plain and is_web_address(text) and urlsplit(text).path in ("", "/")


def _split(url: str) -> SplitResult | None:
    """The URL's parts, or None when it or its port cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a bad one
    except ValueError:
        return None
    return parts
