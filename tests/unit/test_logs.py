"""Logs: one line per event, the same for us and for libraries, and none per request."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from seatserver import config, logs
from seatserver.log_limits import OTHERS, Limiter, kind_of


class Clock:
    """A clock that a test puts forward."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the limits go by."""
    made = Clock()
    monkeypatch.setattr(logs, "limiter", Limiter(clock=made))
    return made


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


def test_json_logs_have_one_line_per_event_even_from_libraries(configured: Callable[..., io.StringIO]) -> None:
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


def test_text_logs_are_readable(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="text")
    structlog.get_logger().warning("feed lost", since_ms=20)
    assert "feed lost" in stream.getvalue()
    assert "since_ms=20" in stream.getvalue()


def test_auto_means_json_when_the_output_is_not_a_terminal(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="auto")
    structlog.get_logger().info("hello")
    assert lines(stream)[0]["event"] == "hello"


def test_lines_below_the_level_and_lines_per_request_are_left_out(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_level="info", log_format="json")
    structlog.get_logger().debug("detail")
    for name in ("uvicorn.access", "uvicorn.error", "httpx", "alembic"):
        logging.getLogger(name).info("GET /")
    assert lines(stream) == []
    stream = configured(log_level="error", log_format="json")
    structlog.get_logger().warning("not so bad")
    assert lines(stream) == []


def test_malformed_input_logs_one_line_a_minute_without_a_traceback(
    configured: Callable[..., io.StringIO], clock: Clock
) -> None:
    stream = configured(log_level="debug", log_format="json")
    library = logging.getLogger("uvicorn.error")
    for _ in range(500):
        library.warning("Invalid HTTP request received.")
        library.warning("Unsupported upgrade request.")
        library.error("ASGI callable returned without completing handshake.")
        try:
            b"\xff".decode()
        except UnicodeDecodeError:
            library.exception("Invalid UTF-8 sequence received from client.")
    assert [line["event"] for line in lines(stream)] == [
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "Invalid UTF-8 sequence received from client.",
    ]
    assert "Traceback" not in stream.getvalue()
    clock.now += 60
    library.warning("Invalid HTTP request received.")
    assert lines(stream)[-1]["left_out"] == 499


def test_a_librarys_error_is_logged_with_its_traceback_and_repetitions_are_counted(
    configured: Callable[..., io.StringIO],
) -> None:
    stream = configured(log_format="json")
    for number in range(100):
        try:
            raise AssertionError(number)
        except AssertionError:
            logging.getLogger("asyncio").exception("Fatal error: <transport at 0x%x> %d", number, number)
    [line] = lines(stream)
    assert "AssertionError: 0" in str(line["exception"])


def test_lines_caused_from_outside_are_logged_once_a_minute_per_kind_with_a_count(
    configured: Callable[..., io.StringIO], clock: Clock
) -> None:
    stream = configured(log_format="json")
    log = logs.from_outside("door")
    for number in range(100):
        log.warning("request failed", code="unavailable", request=f"GET /{number}")
        log.warning("request failed", code="busy", request=f"GET /{number}")
    told = [(line["code"], line["request"]) for line in lines(stream)]
    assert told == [("unavailable", "GET /0"), ("busy", "GET /0")]
    clock.now += 59
    log.warning("request failed", code="busy", request="GET /")
    assert len(lines(stream)) == 2
    clock.now += 2
    log.warning("request failed", code="busy", request="GET /")
    assert lines(stream)[-1]["left_out"] == 100
    assert "from_outside" not in stream.getvalue()


def test_lines_caused_by_operators_are_never_left_out(configured: Callable[..., io.StringIO]) -> None:
    stream = configured(log_format="json")
    for number in range(100):
        structlog.get_logger().info("allocations changed", by="ann")
        logs.from_outside("door").warning("request failed", request=number)
    assert sum(line["event"] == "allocations changed" for line in lines(stream)) == 100


async def test_counts_are_logged_even_if_no_further_line_of_the_kind_comes(
    configured: Callable[..., io.StringIO],
) -> None:
    stream = configured(log_format="json")
    for _ in range(100):
        logs.from_outside("door").warning("request failed", code="busy")
    telling = asyncio.create_task(logs.tell_counts())
    await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert [(line["event"], line.get("like"), line.get("count")) for line in lines(stream)][1:] == [
        ("lines left out", "request failed busy", 99)
    ]


def test_the_number_of_kinds_is_bounded_and_the_rest_share_one() -> None:
    limiter = Limiter(most_kinds=3, clock=Clock())
    assert [limiter.admit(f"kind {letter}") for letter in "abcdefg"] == [0, 0, 0, 0, None, None, None]
    assert limiter.overdue(at_once=True) == {OTHERS: 3}


def test_finished_kinds_make_room_for_new_ones() -> None:
    clock = Clock()
    limiter = Limiter(most_kinds=3, clock=clock)
    for letter in "abc":
        limiter.admit(letter)
    clock.now += 60
    assert limiter.admit("d") == 0
    assert limiter.admit("e") == 0


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("socket <TCPTransport closed=True 0x55d0>", "socket <TCPTransport closed=False 0x1f>"),
        ("got 17 bytes", "got 4 bytes"),
        ("name 'a' refused", "name 'b; DROP' refused"),
        ("first\nsecond", "first\nthird"),
    ],
)
def test_lines_that_differ_only_in_addresses_numbers_or_quotes_are_one_kind(one: str, another: str) -> None:
    assert kind_of(one) == kind_of(another)


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
def test_an_unwritable_log_stops_nothing(
    configured: Callable[..., io.StringIO], capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    """The disk is full, or who read the log has gone: the background duties log, and must go on."""
    configured(log_format=log_format)
    logs.configure(config.load({}, log_format=log_format), FullDisk())
    structlog.get_logger().warning("duty interrupted", duty="reap")
    logging.getLogger("some.library").error("failed")
    assert capfd.readouterr() == ("", "")


def test_logging_to_a_closed_stream_raises_nothing(configured: Callable[..., io.StringIO]) -> None:
    configured().close()
    structlog.get_logger().info("sold")
    logging.getLogger("uvicorn").info("Started")
