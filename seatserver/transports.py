"""What a closed connection looks like where it is written to.

asyncio's own transports ignore a write after the connection has ended. Those of uvloop do so for a moment, then raise a
bare `RuntimeError`, which no library expects: neither redis-py nor asyncpg counts it as a lost connection, though it is
nothing else. Whoever writes to a server through them asks here.
"""

from __future__ import annotations

# uvloop/handles/handle.pyx, UVHandle._ensure_alive; a test compares it with a transport of the installed version.
UVLOOP_SAYS = "the handler is closed"


def is_closed_transport(error: BaseException) -> bool:
    """Whether the error says that the connection had ended before something was written to it."""
    return isinstance(error, RuntimeError) and UVLOOP_SAYS in str(error)
