"""Logs: one line per event, the same for us and for libraries, and none per request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from seatserver import config, logs


@pytest.fixture
def configured() -> Iterator[Callable[..., io.StringIO]]:
    """Configure logging onto a stream; put everything back afterwards."""
    root = logging.getLogger()
    names = ("uvicorn", "uvicorn.error", *logs.QUIET)
    kept = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in names}

    def configure(**settings: str) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(config.load({}, **settings), stream)
        return stream

    yield configure
    structlog.reset_defaults()
    root.handlers[:], root.level = kept[0], kept[1]
    for name, level in kept[2].items():
        logging.getLogger(name).setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_has_one_line_for_each_event_of_ours_and_of_libraries(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="json")
    structlog.get_logger().info("sold", seats=[1, 2])
    logging.getLogger("uvicorn").info("Started %s", "it")
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        logging.getLogger("some.library").exception("failed")
        structlog.get_logger().exception("failed too")
    ours, library, failed, failed_too = lines(stream)
    assert (ours["event"], ours["level"], ours["seats"]) == ("sold", "info", [1, 2])
    assert (library["event"], library["logger"]) == ("Started it", "uvicorn")
    for line in (failed, failed_too):
        assert "RuntimeError: two\nlines" in str(line["exception"])


def test_text_is_for_people(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="text")
    structlog.get_logger().warning("feed lost", since_ms=20)
    assert "feed lost" in stream.getvalue()
    assert "since_ms=20" in stream.getvalue()


def test_auto_is_json_where_nobody_reads_along(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="auto")
    structlog.get_logger().info("hello")
    assert lines(stream)[0]["event"] == "hello"


def test_what_is_below_the_level_and_what_is_per_request_stays_out(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_level="info", log_format="json")
    structlog.get_logger().debug("detail")
    for name in ("uvicorn.access", "uvicorn.error", "httpx", "alembic"):
        logging.getLogger(name).info("GET /")
    assert lines(stream) == []
    stream = configured(log_level="error", log_format="json")
    structlog.get_logger().warning("not so bad")
    assert lines(stream) == []


def test_what_strangers_send_writes_no_lines(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_level="debug", log_format="json")
    library = logging.getLogger("uvicorn.error")
    library.warning("Invalid HTTP request received.")
    library.error("ASGI callable returned without completing handshake.")
    assert lines(stream) == []
    library.error("Exception in ASGI application")
    assert len(lines(stream)) == 1


def test_text_tracebacks_show_no_variables(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="text")
    token = "hunter2"
    try:
        raise RuntimeError(len(token))
    except RuntimeError:
        structlog.get_logger().exception("failed")
    assert "RuntimeError: 7" in stream.getvalue()
    assert token not in stream.getvalue().replace('token = "hunter2"', "")


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_log_that_cannot_be_written_stops_nobody(
    configured: Callable[..., io.StringIO], capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    """The disk is full, or who read the log has gone: the background duties log, and must go on."""
    configured(log_format=log_format)
    logs.configure(config.load({}, log_format=log_format), FullDisk())
    structlog.get_logger().warning("duty interrupted", duty="reap")
    logging.getLogger("some.library").error("failed")
    assert capfd.readouterr() == ("", "")


def test_a_closed_stream_is_no_error_of_who_has_something_to_say(configured: Callable[..., io.StringIO]) -> None:
    configured().close()
    structlog.get_logger().info("sold")
    logging.getLogger("uvicorn").info("Started")
