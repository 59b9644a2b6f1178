"""Background duties: expiry, relay, reap, payments at kiosks, release, reconcile.

By default ``seatserver serve`` runs them too (with several processes, the first one does); ``seatserver worker`` runs
nothing else. Web processes without duties still end the holds in rooms that are being watched (`seatserver.rooms.hub`)
and relay what they have committed themselves (`Relay.notify`). Each duty is safe on any number of instances at once. A
duty that fails because a dependency cannot be reached logs that at most once a minute, and tries again at its next
turn.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from seatserver.bookings.allocations import Allocations
from seatserver.bookings.checkout import Checkout
from seatserver.bookings.reconcile import Reconciler
from seatserver.bookings.seat_changes import Relay
from seatserver.config import Settings
from seatserver.errors import SeatServerError
from seatserver.kiosks.payments import Payments
from seatserver.kiosks.reader_watch import LOOK_MS, ReaderWatch
from seatserver.metrics import Metrics
from seatserver.seats.store import SeatStore
from seatserver.tasks import raise_if_cancelled

log = structlog.get_logger(__name__)

COMPLAIN_EVERY_S = 60.0
JITTER = (0.8, 1.2)


class Worker:
    """All duties of one process."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: SeatStore,
        checkout: Checkout,
        allocations: Allocations,
        relay: Relay,
        reconciler: Reconciler,
        kiosk_payments: Payments,
        card_readers: ReaderWatch | None,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._store = store
        self._checkout = checkout
        self._allocations = allocations
        self._relay = relay
        self._reconciler = reconciler
        self._kiosk_payments = kiosk_payments
        self._card_readers = card_readers
        self._metrics = metrics

    async def run(self) -> None:
        """Run all duties until cancelled."""
        settings = self._settings
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(repeat("relay", settings.relay_ms, self._relay.poll, self._metrics))
            tasks.create_task(repeat("reap", settings.reap_ms, self._checkout.reap, self._metrics))
            tasks.create_task(repeat("release", settings.release_ms, self._allocations.release_due, self._metrics))
            tasks.create_task(repeat("payments", settings.reap_ms, self._kiosk_payments.settle, self._metrics))
            if self._card_readers is not None:
                tasks.create_task(repeat("readers", LOOK_MS, self._card_readers.look, self._metrics))
            tasks.create_task(repeat("reconcile", settings.reconcile_ms, self._reconcile, self._metrics))
            tasks.create_task(repeat("expiry", settings.sweep_ms, self._expire, self._metrics))

    async def _reconcile(self) -> int:
        return len(await self._reconciler.run())

    async def _expire(self) -> int:
        """Sweep the showtimes that nobody is watching. For watched ones, the hub's timers are faster."""
        showtimes = await self._reconciler.known_showtimes()
        for showtime_id in showtimes:
            await self._store.sweep(showtime_id, load=False)
        return 0


async def repeat(duty: str, every_ms: int, work: Callable[[], Awaitable[int]], metrics: Metrics) -> None:
    """Call ``work`` about every ``every_ms`` until cancelled. It returns how many things it found to do."""
    loop = asyncio.get_running_loop()
    silent_until = 0.0
    while True:
        # Jitter, so that instances started together do not stay in step forever.
        await asyncio.sleep(every_ms / 1000 * random.uniform(*JITTER))
        try:
            metrics.duty(duty, await work())
        except SeatServerError as error:
            if loop.time() >= silent_until:
                silent_until = loop.time() + COMPLAIN_EVERY_S
                log.warning("duty interrupted", duty=duty, error=str(error))
        except Exception:
            log.exception("duty failed", duty=duty)
        raise_if_cancelled()
