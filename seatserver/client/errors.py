"""What a client raises."""

from __future__ import annotations

from typing import Any

LONGEST_WISH_S = 600.0


def retry_after_s(header: str) -> float:
    """The seconds of a `Retry-After` header; 0.0 for none, and for a date, which only proxies send."""
    return min(LONGEST_WISH_S, float(header)) if header.isdecimal() and len(header) < 10 else 0.0


class RemoteError(Exception):
    """The server's answer to a command or request that failed: its stable ``code``, text, and facts."""

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, facts: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.retry_after_s = min(LONGEST_WISH_S, max(0.0, float((facts or {}).get("retry_after_ms", 0)) / 1000))
        """When to try again, counted from now; 0.0 where the server does not say."""
        self.code, self.message, self.retryable, self.facts = code, message, retryable, facts or {}


class Disconnected(Exception):
    """The server closed the room and asked not to come back, or the client was closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code, self.reason = code, reason
