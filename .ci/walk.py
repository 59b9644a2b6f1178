"""A walk through a running demo: wait for its address, hold two seats, book them, see both on a second screen.

    walk.py LOG        LOG is what `seatserver demo` prints

It uses only the installed package, as a user's script would.
"""

import asyncio
import re
import sys
import time
from pathlib import Path

from seatserver.client import SeatClient
from seatserver.seats.states import SeatState

PATIENCE_S = 300


def address(log: Path) -> tuple[str, str]:
    """The address and the showtime that the demo printed."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        text = log.read_text()
        if "Ctrl-C stops" in text and (found := re.search(r"(http://[\d.]+:\d+)/showtimes/([\w-]+)", text)):
            return found.group(1), found.group(2)
        time.sleep(0.1)
    sys.exit(f"the demo did not open within {PATIENCE_S} s:\n{log.read_text()}")


async def walk(url: str, showtime: str) -> None:
    async with SeatClient(url) as buyer, SeatClient(url) as viewer:
        async with buyer.room(showtime) as room, viewer.room(showtime) as screen:
            held = await room.best(2)
            await screen.until(lambda seen: all(seen.state(seat) == SeatState.HELD for seat in held.seats))
            print(f"held {held.seats} until {held.deadline_ms}; the other screen shows it")
            booked = await room.book(held.hold_id)
            await screen.until(lambda seen: all(seen.state(seat) == SeatState.SOLD for seat in held.seats))
            print(f"booking {booked.booking_id} is {booked.status}; the other screen shows it")


asyncio.run(walk(*address(Path(sys.argv[1]))))
