"""Recognise a write to a closed connection.

asyncio's own transports ignore a write after the connection has ended. uvloop's ignore it for a moment and then raise a
bare `RuntimeError`. Neither redis-py nor asyncpg recognises that as a lost connection, so code that writes to a server
through them calls this.
"""

from __future__ import annotations

# uvloop/handles/handle.pyx, UVHandle._ensure_alive; a test compares it with a transport of the installed version.
UVLOOP_SAYS = "the handler is closed"


def is_closed_transport(error: BaseException) -> bool:
    """Whether the error means that the connection had ended before the write."""
    return isinstance(error, RuntimeError) and UVLOOP_SAYS in str(error)
