"""Moments as milliseconds since the epoch, as the wire and Redis have them, and as datetimes, as Postgres has them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(millis: int) -> datetime:
    """Milliseconds since the epoch as a datetime in UTC."""
    return datetime.fromtimestamp(millis / 1000, UTC)


def millis_of(moment: datetime) -> int:
    """A datetime as milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)
