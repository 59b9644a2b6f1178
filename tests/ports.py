"""Ports for servers that keep theirs over a restart, so that a test has to choose it.

A free port from the system (a bind to port 0) may go to somebody else, also to another process that runs tests, between
the choice and the server's start, or while the server is down. These are from below the range that systems give out by
themselves, and each process of a run has numbers of its own.
"""

from __future__ import annotations

import itertools
import os
import random

from seatserver.embedded.process import port_is_free

FIRST = 10_000
EACH = 1_000
"""So many ports for each process of a run; there are at most 20 processes."""
UNSAFE = {10_080}
"""Browsers go to none of these (https://fetch.spec.whatwg.org/#port-blocking)."""
_OFFSET = random.randrange(EACH)  # another run at the same time begins elsewhere
_TURNS = itertools.count()


def fresh_port() -> int:
    """A port of 127.0.0.1 that is free, and that no other test of this run is given."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    for turn in itertools.islice(_TURNS, EACH):
        port = FIRST + worker * EACH + (_OFFSET + turn) % EACH
        if port not in UNSAFE and port_is_free(port):
            return port
    raise RuntimeError(f"none of {EACH} ports from {FIRST + worker * EACH} on is free")
