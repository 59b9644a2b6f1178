"""``GET /ws/kiosk``: the socket of the devices, and the watch that keeps them up to date.

A device sends its key in the first message. From then on it is sent its state whenever that changes, and a sign of
life every second, and it reports what it shows. It does not matter which instance changed something: twice a second,
`look` asks Postgres about all devices that are connected here. `look` also cuts off revoked kiosks and their
customers' sockets. `app.py` mounts `KioskSockets.serve`, repeats `look`, and says how customers' sockets are closed.

The agent with a kiosk's printer uses the same socket, with a key of its own. It is sent print jobs, and reports the
state of its printer and how each job ended.

Anybody may connect, because a new device cannot prove anything yet. So only a few devices that nobody has approved are
let in, even fewer from one network, and their reports are not stored. Enrolled kiosks are served whatever strangers do.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NoReturn, cast
from uuid import UUID

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

import seatserver
from seatserver import logs, qr
from seatserver.access.networks import network_of
from seatserver.access.origins import allowed, own_address
from seatserver.access.shares import Share, Shares
from seatserver.config import Settings
from seatserver.errors import Busy, SeatServerError
from seatserver.kiosks.kiosk import Kiosk, Order, Scene, hash_of
from seatserver.kiosks.messages import (
    AgentState,
    FromKiosk,
    KioskBeat,
    KioskHello,
    KioskOrder,
    KioskPrint,
    KioskReport,
    KioskRevoked,
    KioskState,
    KioskWaiting,
    PrintEnded,
    PrinterReport,
    ToKiosk,
)
from seatserver.kiosks.print_jobs import Job, PrintJobs
from seatserver.kiosks.readiness import printer_of, reader_of
from seatserver.kiosks.receipts import Receipt
from seatserver.kiosks.registry import Kiosks
from seatserver.wire.closing import Close

log = logs.from_outside(__name__)

PATH = "/ws/kiosk"
DEVICES_AT_MOST = 500
"""Most devices of one process, with those that have not said hello yet. A theatre has a handful."""
STRANGERS_AT_MOST = 50
STRANGERS_OF_A_NETWORK = 10
"""Most devices of one process that nobody has approved, of all and of one network."""
CUT_FOR_S = 5.0
"""How long the sockets of a revoked kiosk's customers are looked for. Later ones are refused: see `check_customer`."""
BEAT_S = 1.0
SEND_S = 5.0
"""A device that takes nothing for so long is cut off; it comes back."""
REPORT_PAUSE_S = 0.25
"""Shortest time between two reports of a device that are written."""

DECODER: msgspec.json.Decoder[FromKiosk] = msgspec.json.Decoder(FromKiosk)
ReadReceipt = Callable[[Job], Awaitable[Receipt]]
"""What is printed for a job."""
Cut = Callable[[set[UUID]], object]
"""Closes the sockets of these kiosks' customers."""


class _Ended(Exception):
    """The device's socket ends: with this close code, or None if it is closed already."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Device:
    """One connected device. ``kiosk`` is what was last read of it; `known` says that there is something newer."""

    def __init__(self, key: str, kiosk: Kiosk, told: ToKiosk, approval: str, share: Share | None) -> None:
        self.key, self.approval, self.share = key, approval, share
        self.key_hash = hash_of(key)
        self.kiosk, self.told = kiosk, told
        self.changed = asyncio.Event()
        self.since = time.monotonic()
        self.jobs: deque[tuple[Job, float]] = deque()  # to be sent, and until when that makes sense
        self._given: set[tuple[UUID, int]] = set()  # the jobs that it got and whose end is not known

    def known(self, kiosk: Kiosk, told: ToKiosk) -> bool:
        """Take what was read. Returns whether the device has to be told."""
        before, self.kiosk, self.told = self.told, kiosk, told
        if before == told:
            return False
        self.changed.set()
        return True

    def give(self, jobs: Collection[Job], taken: Collection[Job]) -> None:
        """Have it sent those of its kiosk's ``jobs`` that this connection has not got yet, or were just ``taken``."""
        mine = {(job.booking_id, job.copy): job for job in jobs if job.kiosk_id == self.kiosk.agent_of}
        asked_again = {(job.booking_id, job.copy) for job in taken}
        for name, job in mine.items():
            if name not in self._given or name in asked_again:
                self.jobs.append((job, time.monotonic() + job.left_s))
                self.changed.set()
        self._given = set(mine)


class KioskSockets:
    """The devices that are connected to this process."""

    def __init__(
        self,
        settings: Settings,
        kiosks: Kiosks,
        prints: PrintJobs,
        read_receipt: ReadReceipt,
        shares: Shares,
        cut: Cut,
    ) -> None:
        self._settings = settings
        self._kiosks = kiosks
        self._prints = prints
        self._read_receipt = read_receipt
        self._shares = shares
        self._cut = cut
        self._cut_until: dict[UUID, float] = {}
        self._devices: set[_Device] = set()
        self._open = 0
        self._introduced: list[Share | None] = []  # the networks of strangers that will be devices in a moment

    async def look(self) -> int:
        """Tell every device what has changed, and cut off whom staff revoked. Returns how many had to be told."""
        await self._cut_revoked()
        devices = list(self._devices)
        if not devices:
            return 0
        found = await self._kiosks.with_hashes({device.key_hash for device in devices})
        told, strangers = 0, []
        for device in devices:
            kiosk = found.get(device.key_hash)
            if kiosk is None or (kiosk.theatre_id is None and kiosk.code_ends_at_ms < _now_ms()):
                strangers.append(device)  # its code is too old
            else:
                told += device.known(kiosk, self._told(kiosk))
        for device in strangers:
            try:
                kiosk = await self._kiosks.introduce(device.key, device.kiosk.is_agent)
                told += device.known(kiosk, self._told(kiosk))
            except SeatServerError as error:
                log.warning("device got no new code", problem=error.message)
        await self._hand_out_jobs()
        return told

    async def _hand_out_jobs(self) -> None:
        """Give each agent what has to be printed, and what was sent to other connections and has no end yet.

        One of those may be dead and nobody has noticed. The agent's journal knows what it has printed.
        """
        connected = sorted((one for one in self._devices if _is_agent(one.kiosk)), key=lambda one: one.since)
        newest = {one.kiosk.agent_of: one for one in connected if one.kiosk.agent_of is not None}
        if not newest:
            return
        taken = await self._prints.take(newest)
        sent = await self._prints.sent(newest)
        for agent in newest.values():
            agent.give(sent, taken)

    async def _cut_revoked(self) -> None:
        revoked, now = await self._kiosks.revoked_lately(), time.monotonic()
        self._cut_until = {one: self._cut_until.get(one, now + CUT_FOR_S) for one in revoked}
        if meant := {one for one, until in self._cut_until.items() if now < until}:
            self._cut(meant)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one device until either side ends it."""
        headers = socket.headers
        if not allowed(headers.get("origin"), headers.get("host"), self._settings):
            return await socket.close(Close.FORBIDDEN)
        share = self._shares.of_network(network_of(socket.scope))
        if self._open >= DEVICES_AT_MOST:
            log.warning("kiosk refused", code="full", open=self._open)
            return await socket.close(Close.UNAVAILABLE)
        most = self._settings.network_sockets
        if share is not None and most and share.sockets >= most:
            share.note_refusal()
            return await socket.close(Close.UNAVAILABLE)
        with self._counted(share):
            try:
                await socket.accept()
                await self._serve(socket, share)
            except _Ended as end:
                if end.code is not None:
                    await _quietly_close(socket, end.code, end.reason)
            except WebSocketDisconnect:
                pass

    @contextmanager
    def _counted(self, share: Share | None) -> Iterator[None]:
        """Count a socket, and in its network's share, for as long as it is open."""
        self._open += 1
        if share is not None:
            share.sockets += 1
        try:
            yield
        finally:
            self._open -= 1
            if share is not None:
                share.sockets -= 1

    async def _introduce(self, hello: KioskHello, approval: str, share: Share | None) -> _Device:
        """The device with this key, from now on among ours. A stranger is refused while there are too many."""
        key = hello.key
        try:
            known = (await self._kiosks.with_hashes([hash_of(key)])).get(hash_of(key))
            if known is not None and not _is_stranger(known):
                device = _Device(key, known, self._told(known), approval, share)
                self._devices.add(device)
                return device
            strangers = [one.share for one in self._devices if _is_stranger(one.kiosk)] + self._introduced
            of_network = strangers.count(share) if share is not None else 0
            if len(strangers) >= STRANGERS_AT_MOST or of_network >= STRANGERS_OF_A_NETWORK:
                raise Busy("the list of devices that wait for approval")
            self._introduced.append(share)
            try:
                kiosk = await self._kiosks.introduce(key, hello.agent)
                device = _Device(key, kiosk, self._told(kiosk), approval, share)
                self._devices.add(device)
                return device
            finally:
                self._introduced.remove(share)
        except SeatServerError as error:
            raise _Ended(Close.UNAVAILABLE if error.retryable else Close.NO_HELLO, error.message) from None

    async def _serve(self, socket: WebSocket, share: Share | None) -> NoReturn:
        hello = await self._hello(socket)
        approval = f"{own_address(self._settings, socket.headers)}/ops#kiosk="
        device = await self._introduce(hello, approval, share)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._tell(socket, device))
                both.create_task(self._listen(socket, device))
        except* _Ended as ends:
            raise ends.exceptions[0] from None
        except* WebSocketDisconnect:
            raise _Ended(None) from None
        finally:
            self._devices.discard(device)
        raise _Ended(None)

    async def _hello(self, socket: WebSocket) -> KioskHello:
        try:
            async with asyncio.timeout(self._settings.hello_ms / 1000):
                message = await self._read(socket)
        except TimeoutError:
            raise _Ended(Close.LATE_HELLO, "expected hello") from None
        if not isinstance(message, KioskHello):
            raise _Ended(Close.NO_HELLO, "expected hello as the first message")
        return message

    async def _read(self, socket: WebSocket) -> FromKiosk:
        try:
            text = await socket.receive_text()
        except (KeyError, RuntimeError):  # bytes; or the socket has gone in the meantime
            raise _Ended(Close.BAD_MESSAGES, "expected JSON in a text message") from None
        if len(text) > self._settings.message_bytes:
            raise _Ended(Close.TOO_BIG, "the message is too large")
        try:
            return DECODER.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Ended(Close.BAD_MESSAGES, str(error)) from None

    async def _listen(self, socket: WebSocket, device: _Device) -> NoReturn:
        while True:
            message = await self._read(socket)
            if isinstance(message, KioskHello) or isinstance(message, KioskReport) == device.kiosk.is_agent:
                raise _Ended(Close.BAD_MESSAGES, "expected a report")
            if _is_stranger(device.kiosk):
                await asyncio.sleep(REPORT_PAUSE_S)
                continue
            try:
                await self._note(device.kiosk, message)
            except SeatServerError as error:
                log.warning("report of a kiosk lost", kiosk=str(device.kiosk.id), problem=error.message)
            await asyncio.sleep(REPORT_PAUSE_S)

    async def _note(self, kiosk: Kiosk, message: KioskReport | PrinterReport | PrintEnded) -> None:
        if isinstance(message, KioskReport):
            await self._kiosks.report(kiosk.id, msgspec.convert(message, Scene, from_attributes=True))
        elif kiosk.agent_of is not None and isinstance(message, PrinterReport):
            await self._kiosks.note_printer(kiosk.agent_of, kiosk.id, message.state, message.release)
        elif kiosk.agent_of is not None and isinstance(message, PrintEnded):
            await self._prints.end(kiosk.agent_of, message.booking_id, message.copy, message.outcome)

    async def _tell(self, socket: WebSocket, device: _Device) -> NoReturn:
        await self._send(socket, self._message(device))
        while True:
            if device.kiosk.revoked_at_ms is not None:
                raise _Ended(Close.BAD_TOKEN, "this kiosk was revoked")
            await self._send_jobs(socket, device)
            try:
                async with asyncio.timeout(BEAT_S):
                    await device.changed.wait()
                device.changed.clear()
                await self._send(socket, self._message(device))
            except TimeoutError:
                await self._send(socket, KioskBeat(server_ms=_now_ms()))

    async def _send_jobs(self, socket: WebSocket, device: _Device) -> None:
        while device.jobs:
            job, until = device.jobs[0]
            receipt = None
            try:
                receipt = await self._read_receipt(job)
            except SeatServerError as error:
                log.warning("ticket not printed yet", booking=str(job.booking_id), problem=error.message)
                if not error.retryable:  # its booking was cancelled meanwhile
                    await self._note_unprinted(job)
                elif time.monotonic() < until:
                    return
            device.jobs.popleft()
            # Once it is late its customer has gone, and a valid ticket would be there for whoever comes by.
            if receipt is not None and time.monotonic() < until:
                await self._send(socket, KioskPrint(booking_id=job.booking_id, copy=job.copy, receipt=receipt))

    async def _note_unprinted(self, job: Job) -> None:
        try:
            await self._prints.end(job.kiosk_id, job.booking_id, job.copy, "failed")
        except SeatServerError as error:
            log.warning("end of a print job lost", booking=str(job.booking_id), problem=error.message)

    def _message(self, device: _Device) -> ToKiosk:
        told = device.told
        if isinstance(told, KioskWaiting):
            return msgspec.structs.replace(told, qr=qr.drawn(device.approval + told.code).decode())
        return told

    def _told(self, kiosk: Kiosk) -> ToKiosk:
        """What a device is told of itself, without the picture."""
        settings = self._settings
        if kiosk.revoked_at_ms is not None:
            return KioskRevoked()
        if kiosk.theatre_id is None:
            return KioskWaiting(code=kiosk.code, expires_at_ms=kiosk.code_ends_at_ms, qr="")
        if kiosk.agent_of is not None:
            return AgentState(kiosk_id=kiosk.agent_of, name=kiosk.name, theatre_id=kiosk.theatre_id)
        return KioskState(
            id=kiosk.id,
            name=kiosk.name,
            theatre_id=kiosk.theatre_id,
            channel=kiosk.channel,
            locked=kiosk.locked,
            message=kiosk.message,
            reloads=kiosk.reloads,
            reader=reader_of(kiosk, settings),
            printer=printer_of(kiosk, settings),
            needs_paper=settings.kiosk_needs_paper,
            ticket_reader=kiosk.ticket_reader,
            quiet_ms=settings.kiosk_quiet_ms,
            answer_ms=settings.kiosk_answer_ms,
            voice=settings.voice_at("kiosks"),
            hears=settings.hears_s > 0,
            release=seatserver.__version__,
            help=kiosk.help_at_ms is not None,
            order=_order(kiosk),
        )

    async def _send(self, socket: WebSocket, message: ToKiosk) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await socket.send_text(msgspec.json.encode(message).decode())
        except TimeoutError:
            raise _Ended(Close.SLOW, "the kiosk reads too slowly") from None
        except (OSError, RuntimeError):
            raise _Ended(None) from None


def _is_agent(kiosk: Kiosk) -> bool:
    return kiosk.agent_of is not None and kiosk.revoked_at_ms is None


def _is_stranger(kiosk: Kiosk) -> bool:
    return kiosk.theatre_id is None and kiosk.revoked_at_ms is None


def _order(kiosk: Kiosk) -> KioskOrder | None:
    if kiosk.order_number == 0:
        return None
    return KioskOrder(number=kiosk.order_number, what=cast(Order, kiosk.order_what), visit=kiosk.order_visit)


async def _quietly_close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(SEND_S):
            await socket.close(code, reason.encode()[:123].decode(errors="ignore"))
    except (TimeoutError, OSError, RuntimeError):
        pass  # it was gone before


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
