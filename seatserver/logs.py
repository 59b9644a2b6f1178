"""Logging: one line per event on stderr, as JSON for machines or as text for people.

The house logs through structlog, ``log.warning("what happened", field=value)``; libraries log through Python's
`logging`, which `configure` brings into the same form. There is no line per request or per socket message: those are
counted by `seatserver.metrics`, because at ten thousand a second the log would be the load.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

from seatserver.config import Settings

# Everything below a library's warnings is noise to an operator; uvicorn's server log has two lines per socket.
QUIET = ("uvicorn.access", "uvicorn.error", "websockets", "httpx", "httpcore", "asyncio", "alembic", "sqlalchemy")

# Said for everyone who sends garbage or is refused a socket: with these lines any stranger could fill the disk.
STRANGERS = {"Invalid HTTP request received.", "ASGI callable returned without completing handshake."}


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Set up logging for this process, by ``log_level`` and ``log_format``, on ``stream`` (stderr).

    Start uvicorn with ``log_config=None``, so that it leaves this alone. May be called again.
    """
    stream = cast(TextIO, _Unfailing(sys.stderr if stream is None else stream))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
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
    handler.addFilter(lambda record: record.msg not in STRANGERS)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Unfailing:
    """A stream that loses what it cannot write: a full disk under the log, a reader of it that has gone, or a stream
    that somebody has closed (a `ValueError`), must not raise an error in whoever had something to say."""

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
    # Plain tracebacks: the pretty ones show local variables, and those hold tokens.
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]
