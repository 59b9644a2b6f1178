"""Logging: one line per event on stderr, as JSON for machines or as text for people.

Our code logs through structlog, ``log.warning("what happened", field=value)``. Libraries log through Python's
`logging`, which `configure` brings into the same form. There is no line per request or per socket message: at ten
thousand a second, logging them would be the main load. `seatserver.metrics` counts them instead.

Outsiders cannot fill the log. Lines of libraries, and of our own loggers made by `from_outside`, are written once a
minute for each kind, with a count (`seatserver.log_limits`). Lines that only an operator can cause are always written.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import Processor

from seatserver.config import Settings
from seatserver.log_limits import EVERY_S, Limiter, kind_of

# Anything below a library's warnings is noise to an operator; uvicorn's server log has two lines per socket.
QUIET = ("uvicorn.access", "uvicorn.error", "websockets", "httpx", "httpcore", "asyncio", "alembic", "sqlalchemy")

# Logged whenever a socket is refused; we log that ourselves, with the reason.
NO_NEWS = {"ASGI callable returned without completing handshake."}
# Caused by garbage that somebody sends: where the library noticed it helps nobody.
GARBAGE = {
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "Invalid UTF-8 sequence received from client.",
    "parser failed",
    "opening handshake failed",
}

limiter = Limiter()
"""Of this process."""


def from_outside(name: str) -> Any:
    """A logger for lines that outsiders can cause at will. The kind of a line is its event and code."""
    return structlog.get_logger(name, from_outside=True)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up logging for this process, by ``log_level`` and ``log_format``, on ``stream`` (stderr).

    Start uvicorn with ``log_config=None``, so that it does not change this. May be called again.
    """
    stream = cast(TextIO, _Unfailing(sys.stderr if stream is None else stream))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _leave_out_repetitions,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final = _text(stream.isatty()) if text else _json()
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    handler.addFilter(_is_news)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


async def tell_counts() -> None:
    """Log the counts of left-out lines whose kinds have no next line; until cancelled, and then once more."""
    try:
        while True:
            await asyncio.sleep(EVERY_S)
            _tell(limiter.overdue())
    finally:
        _tell(limiter.overdue(at_once=True))


def _tell(left_out: dict[str, int]) -> None:
    for kind, count in left_out.items():
        structlog.get_logger(__name__).warning("lines left out", like=kind, count=count)


def _leave_out_repetitions(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """For our own lines: raise `DropEvent` if a line of the same kind was written within the last minute."""
    record = event.get("_record")
    more = getattr(record, "left_out", 0)  # a library's line: `_is_news` has counted it
    if event.pop("from_outside", False):
        counted = limiter.admit(kind_of(event.get("event"), event.get("code", ""), error=_error(event.get("exc_info"))))
        if counted is None:
            raise structlog.DropEvent
        more = counted
    if more:
        event["left_out"] = more
    return event


def _is_news(record: logging.LogRecord) -> bool:
    """For libraries' lines: whether it is the first of its kind in a minute. Garbage is logged without a traceback."""
    if record.msg in NO_NEWS:
        return False
    error = _error(record.exc_info)
    if record.msg in GARBAGE:
        error = record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    left_out = limiter.admit(kind_of(record.name, record.msg, error=error))
    record.left_out = left_out
    return left_out is not None


def _error(exc_info: Any) -> BaseException | None:
    if exc_info is True:
        exc_info = sys.exc_info()
    return exc_info[1] if isinstance(exc_info, tuple) else exc_info or None


class _Unfailing:
    """A stream that drops what it cannot write. A full disk, a log reader that is gone or a closed stream (which raises
    `ValueError`) must not raise an error in the code that logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.isatty = stream.isatty

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]


def _text(colors: bool) -> list[Processor]:
    # Plain tracebacks: the pretty ones show local variables, which may hold tokens.
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]
