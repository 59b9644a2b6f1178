"""A process that serves one customer's payment at a kiosk, and is killed by its own hand at a named step.

Run it with one argument in JSON: whose payment it is, what is asked for (``begin``, ``tap``, ``follow``, ``cancel``),
and the step at which it dies, such as ``["Checkout", "confirm", "after"]``. If that is not reached, it ends with 0.
With ``-`` it reads that from its standard input. Without a step, somebody else kills it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any
from uuid import UUID

from seatserver import config
from seatserver.bookings.checkout import Checkout
from seatserver.kiosks.payment_records import PaymentRecords
from seatserver.kiosks.readers import SimulatedReader
from seatserver.server import Server

CLASSES: dict[str, type] = {one.__name__: one for one in (Checkout, PaymentRecords, SimulatedReader)}


def die_at(name: str, method: str, when: str) -> None:
    """End the process without a goodbye, before or after the method."""
    owner = CLASSES[name]
    whole = getattr(owner, method)

    async def dying(*args: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await whole(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, dying)


async def serve(given: dict[str, Any]) -> None:
    """Do what the page asks for, one after the other."""
    hold_id = UUID(given["hold_id"])
    async with Server(config.load(duties=False)) as core:
        payments = core.kiosk_payments
        kiosk = await core.kiosks.authenticate(given["key"])
        for request in given["requests"]:
            if request == "begin":
                await payments.begin(kiosk, given["showtime_id"], hold_id, given["user_id"])
            elif request == "follow":
                await payments.advance(kiosk, hold_id)
            elif request == "cancel":
                await payments.cancel(kiosk, hold_id)
            else:
                assert payments.simulated is not None
                await payments.simulated.act(hold_id, request)


if __name__ == "__main__":
    asked = json.loads(sys.stdin.read() if sys.argv[1] == "-" else sys.argv[1])
    if "die_at" in asked:
        die_at(*asked["die_at"])
    asyncio.run(serve(asked))
