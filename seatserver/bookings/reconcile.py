"""Compare Redis with Postgres, and repair Redis.

Redis may have been set back, emptied in part, or written to by hand. For each current showtime in Redis, the seats that
are owned or kept in Postgres must be the same in Redis. If they differ although both are at the same change, Postgres
is right and Redis is repaired.
"""

from __future__ import annotations

import structlog

from seatserver.bookings.records import Records
from seatserver.bookings.seat_changes import Relay
from seatserver.errors import SeatServerError
from seatserver.seats.states import SeatState
from seatserver.seats.store import SeatStore

log = structlog.get_logger(__name__)

SHOWTIMES_AT_ONCE = 2000
OWNED = (SeatState.CLAIMED, SeatState.SOLD)


class Reconciler:
    """Finds and repairs differences in Redis."""

    def __init__(self, records: Records, store: SeatStore, relay: Relay) -> None:
        self._records = records
        self._store = store
        self._relay = relay
        self._behind: dict[str, int] = {}  # showtime → the change that Redis was at in the last run

    async def known_showtimes(self) -> list[str]:
        """Current showtimes that are in Redis."""
        current = await self._records.current_showtimes(SHOWTIMES_AT_ONCE)
        positions = await self._store.positions(current) if current else []
        return [showtime for showtime, position in zip(current, positions, strict=True) if position is not None]

    async def run(self) -> list[str]:
        """Check every known showtime once, and return those that were repaired."""
        repaired = []
        for showtime_id in await self.known_showtimes():
            try:
                if await self.repair(showtime_id):
                    repaired.append(showtime_id)
            except SeatServerError as error:
                log.warning("showtime not reconciled", showtime=showtime_id, error=str(error))
        return repaired

    async def repair(self, showtime_id: str) -> bool:
        """Check one showtime and repair it; return whether that was needed."""
        [before] = await self._store.positions([showtime_id])
        ownership = await self._records.load_ownership(showtime_id)
        if before is not None and before[2] > ownership.seq:
            # Redis knows changes that Postgres does not: Postgres was restored from a backup, or a standby that
            # lacked them took over.
            log.warning("Postgres was set back", showtime=showtime_id, pgseq=before[2], seq=ownership.seq)
            await self._store.load(showtime_id, "restore", of_epoch=before[0])
            return True
        view = await self._store.snapshot(showtime_id, ownership.seat_count)
        if view.pgseq > ownership.seq:
            return False  # Redis is newer than what we read
        behind_before = self._behind.pop(showtime_id, None)
        if view.pgseq < ownership.seq and behind_before != view.pgseq:
            # The change is most likely on its way. If not, the next run loads the showtime anew.
            self._behind[showtime_id] = view.pgseq
            self._relay.notify(showtime_id)
            return False
        taken = {seat: state for seat, state in enumerate(view.states) if state in OWNED}
        if view.pgseq == ownership.seq and taken == ownership.taken and view.kept == ownership.kept:
            return False
        log.warning("Redis repaired from Postgres", showtime=showtime_id, pgseq=view.pgseq, seq=ownership.seq)
        await self._store.load(showtime_id, "repair")
        return True
