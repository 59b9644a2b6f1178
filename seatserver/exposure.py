"""What an installation leaves open that its operator may not know of: told at the start, and by `seatserver doctor`.

Nothing here is wrong in itself, so nothing is refused: a shop may want everybody's pages to show its halls. What is
always wrong stops the start in `config/checks.py`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from seatserver.config import Settings


@dataclass(frozen=True, slots=True)
class Exposure:
    """One open door. ``mend`` says how to close it."""

    says: str
    mend: str


def exposures(settings: Settings) -> list[Exposure]:
    """What is open."""
    found = []
    if not settings.public_url and not is_loopback(settings.host):
        found.append(
            Exposure(
                "any name in `Host` counts as this server's own, so a page that points its own name here may use it; "
                "metrics and documents are open to everybody",
                "set SEATSERVER_PUBLIC_URL to the address that browsers use",
            )
        )
    if "*" in settings.allowed_origins:
        found.append(
            Exposure(
                "pages of every web origin may use this server in their visitors' name",
                "list the origins in SEATSERVER_ALLOWED_ORIGINS",
            )
        )
    if "*" in settings.trusted_proxies:
        found.append(
            Exposure(
                "everybody may say where they come from, so no limit by address holds",
                "list the proxies in SEATSERVER_TRUSTED_PROXIES",
            )
        )
    if "claim" in settings.guest_scopes:
        found.append(
            Exposure(
                "guests may keep seats without paying, for SEATSERVER_CLAIM_MS each time",
                "leave `claim` out of SEATSERVER_GUEST_SCOPES unless your own pages let guests pay later",
            )
        )
    return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
