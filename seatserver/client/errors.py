"""What a client raises."""

from __future__ import annotations

from typing import Any


class RemoteError(Exception):
    """The server's answer to a command or request that failed: its stable ``code``, text, and facts."""

    def __init__(
        self, code: str, message: str, *, retryable: bool = False, facts: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.retryable, self.facts = code, message, retryable, facts or {}


class Disconnected(Exception):
    """The server closed the room and asked not to come back, or the client was closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}: {reason}")
        self.code, self.reason = code, reason
