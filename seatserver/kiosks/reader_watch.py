"""Which kiosks' card readers are online. It is asked for all of them every `LOOK_MS` and written down for `/ops`."""

from __future__ import annotations

import asyncio
from uuid import UUID

from seatserver.kiosks.kiosk import Kiosk
from seatserver.kiosks.registry import Kiosks
from seatserver.kiosks.stripe import StripeReader

LOOK_MS = 20_000
ONLINE_MS = 3 * LOOK_MS
"""A reader that was not found online for so long counts as away."""
AT_ONCE = 8


class ReaderWatch:
    """Looks after the readers of all kiosks."""

    def __init__(self, kiosks: Kiosks, reader: StripeReader) -> None:
        self._kiosks = kiosks
        self._reader = reader

    async def look(self) -> int:
        """Note which readers are online. Returns how many. Raises `Unavailable`."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def online(kiosk: Kiosk) -> UUID | None:
            async with turns:
                return kiosk.id if await self._reader.is_ready(kiosk.card_reader) else None

        asked = [online(kiosk) for kiosk in await self._kiosks.all() if kiosk.card_reader]
        found = [one for one in await asyncio.gather(*asked) if one is not None]
        if found:
            await self._kiosks.note_readers(found)
        return len(found)
