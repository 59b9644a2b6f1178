"""Receipt printers, as the agent on a kiosk's machine speaks to them: ESC/POS, through python-escpos.

A printer is named as ``tcp://HOST:PORT``, ``usb:VENDOR:PRODUCT`` (hexadecimal, as `lsusb` shows them) or
``file:PATH``. It is opened for each job and each look, and closed again, so a printer that was switched off and on
simply works again. Its state is read with DLE EOT; one that does not answer counts as ok.

python-escpos comes with ``pip install seatserver[printer]``, which only the kiosk's machine needs.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal
from urllib.parse import urlsplit

from seatserver.errors import ConfigError
from seatserver.kiosks.receipts import Receipt, ReceiptLine

PrinterState = Literal["ok", "low", "out", "open", "away"]
USUAL_PORT = 9100
TIMEOUT_S = 5
PROFILE = "TM-T88V"
"""python-escpos' description of the printer that most others imitate."""
CODE_PAGE = "CP858"
"""Western European, with the euro."""
PLAIN = str.maketrans({"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "…": "...", "\u00a0": " "})
OFFLINE_CAUSE, PAPER = b"\x10\x04\x02", b"\x10\x04\x04"
FIXED_BITS, FIXED = 0x93, 0x12
"""Bits that every answer to DLE EOT has, so that anything else is not taken for one."""
COVER_OPEN, PAPER_STOP, JAMMED = 0x04, 0x20, 0x40
PAPER_LOW, PAPER_OUT = 0x0C, 0x60


class PrinterAway(Exception):
    """The printer cannot be reached. Nothing was printed."""


class Unprintable(Exception):
    """python-escpos cannot write this receipt for the printer. Nothing was printed."""


class PrinterBroke(Exception):
    """Something went wrong after the first byte was sent: nobody knows what is on the paper."""


class Printer:
    """One printer. Raises `ConfigError` for a name that it does not understand, and where python-escpos is missing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kind, self._where = _understood(name)
        try:
            from escpos import printer  # takes a second to import, and is not everywhere
        except ImportError:
            raise ConfigError("--printer", "needs python-escpos", "run `pip install seatserver[printer]`") from None
        self._escpos = printer

    def state(self) -> PrinterState:
        """How the printer is now."""
        try:
            with self._opened() as device:
                return self._asked(device)
        except PrinterAway:
            return "away"

    def print(self, receipt: Receipt) -> PrinterState:
        """Print it and cut. Returns how the printer was before; only if that is ok or low was anything printed.

        Raises `PrinterAway` and `Unprintable` if nothing was printed, and `PrinterBroke` if nobody knows.
        """
        try:
            _write(self._escpos.Dummy(profile=PROFILE), receipt)  # what cannot be printed is found out before
        except Exception as error:
            raise Unprintable(f"a ticket cannot be printed on {self.name}: {error}") from None
        with self._opened() as device:
            before = self._asked(device)
            if before not in ("ok", "low"):
                return before
            try:
                _write(device, receipt)
                after = self._asked(device)
            except Exception as error:
                raise PrinterBroke(f"{self.name} stopped while it printed: {error}") from None
            if after not in ("ok", "low"):
                raise PrinterBroke(f"{self.name} ran out of paper, jammed or was opened while it printed")
            return before

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            if self._kind == "tcp":
                host, port = self._where
                device = self._escpos.Network(host, port=port, timeout=TIMEOUT_S, profile=PROFILE)
            elif self._kind == "usb":
                device = self._escpos.Usb(*self._where, timeout=TIMEOUT_S * 1000, profile=PROFILE)
            else:
                _check_device(*self._where)
                device = self._escpos.File(*self._where, profile=PROFILE)
            device.open()
        except Exception as error:  # escpos raises its own, OSError, and usb's, which need not be installed
            why = [type(error).__name__, *str(error).splitlines()][-1]
            raise PrinterAway(f"{self.name} cannot be reached: {why}") from None
        try:
            yield device
        finally:
            with suppress(Exception):
                device.close()

    def _asked(self, device: Any) -> PrinterState:
        cause = self._answer(device, OFFLINE_CAUSE)
        if cause is None:
            return "ok"
        if cause & COVER_OPEN:
            return "open"
        paper = self._answer(device, PAPER) or 0
        if cause & PAPER_STOP or paper & PAPER_OUT:
            return "out"
        if cause & JAMMED:
            return "open"  # somebody has to open it and look
        return "low" if paper & PAPER_LOW else "ok"

    def _answer(self, device: Any, question: bytes) -> int | None:
        """The answer's byte; None where the printer does not answer."""
        if self._kind == "file":
            return None
        try:
            answer = device.query_status(question)
        except TimeoutError:
            return None
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ETIMEDOUT:  # as usb's says it
                return None
            raise PrinterAway(f"{self.name} does not answer: {error}") from None
        found = [byte for byte in answer if byte & FIXED_BITS == FIXED]
        return found[-1] if found else None


def _check_device(path: str) -> None:
    """Refuse what is no device. python-escpos would make a file where there is nothing, and print into that."""
    if not os.path.exists(path) or os.path.isfile(path):
        raise OSError("it is no device: is the printer on and connected?")


def _write(device: Any, receipt: Receipt) -> None:
    device.charcode(CODE_PAGE)
    _write_lines(device, receipt.lines)
    device.set(align="center", normal_textsize=True)
    device.qr(receipt.code, native=True, size=6)
    _write_lines(device, receipt.last)
    device.cut()


def _write_lines(device: Any, lines: tuple[ReceiptLine, ...]) -> None:
    for line in lines:
        device.set(align="center", normal_textsize=not line.large, double_width=line.large, double_height=line.large)
        device.text(f"{line.text.translate(PLAIN)}\n")


def _understood(name: str) -> tuple[str, tuple[Any, ...]]:
    if usb := re.fullmatch("usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", name):
        return "usb", (int(usb[1], 16), int(usb[2], 16))
    if name.startswith("file:") and len(name) > len("file:"):
        return "file", (name.removeprefix("file:"),)
    with suppress(ValueError):
        parts = urlsplit(name)
        if parts.scheme == "tcp" and parts.hostname and parts.path in ("", "/"):
            return "tcp", (parts.hostname, parts.port or USUAL_PORT)
    raise ConfigError("--printer", f"is {name[:80]!r}", "expected tcp://HOST:9100, usb:04b8:0e15 or file:/dev/usb/lp0")
