"""One example of every message, made from what it declares."""

from __future__ import annotations

from typing import get_args

import msgspec

from seatserver.wire.from_client import ClientMessage
from seatserver.wire.from_server import ServerMessage


def examples() -> dict[type[msgspec.Struct], msgspec.Struct]:
    """The example of each type of message."""
    return {kind: kind(**kind.declared.example) for kind in (*get_args(ClientMessage), *get_args(ServerMessage))}
