"""What every benchmark reports, in one form: where it was measured, with which options, and figures with their units.

A benchmark measures a nested ``result`` for its tables. From its names follow the flat ``figures``: ``p99_ms`` is in
milliseconds and better when it is less, ``holds_per_s`` is a rate and better when it is more. So any run of a benchmark
can be compared with an earlier one (`loadtests.baselines`). Figures of references are reported, and never judged.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from loadtests import interpreter
from seatserver.errors import StartError

FORMAT = "seatserver-benchmark-1"
MOST_BYTES = 1 << 30
REFERENCES = frozenset(
    {
        "bare_redis_holds_per_s",
        "broadcast",
        "peers",
        "plain server",
        "plain_server",
        "plain_server_slopes",
        "raw_send",
        "redis_notifications",
        "starlette",
    }
)
"""Parts of names that mark a figure as a reference's."""
NAMES = ("name", "activity", "viewers", "hall", "seats")
"""What tells the rows of a list apart."""

Better = Literal["less", "more", ""]
UNITS: Mapping[str, tuple[str, Better]] = {
    "ms": ("ms", "less"),
    "milliseconds": ("ms", "less"),
    "us": ("µs", "less"),
    "kib": ("KiB", "less"),
    "mib": ("MiB", "less"),
    "bytes": ("B", ""),
    "share": ("of 1", ""),
    "busy": ("of 1", ""),
    "ratio": ("×", ""),
}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number. ``better`` says in which direction; nothing if it is only reported."""

    name: str
    value: float
    unit: str
    better: Better = ""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured."""

    cores: int
    processor: str
    memory_mib: int
    system: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a benchmark: all that its report and its baseline contain."""

    name: str
    options: dict[str, Any]
    measured_at_ms: int
    interpreter: dict[str, Any]
    machine: Machine
    figures: tuple[Figure, ...]
    result: dict[str, Any]
    format: str = FORMAT


def measured(name: str, options: Mapping[str, Any], result: Mapping[str, Any]) -> Measured:
    """What a benchmark has measured, here and now."""
    return Measured(
        name=name,
        options={key: value if isinstance(value, int | float | list) else str(value) for key, value in options.items()},
        measured_at_ms=time.time_ns() // 1_000_000,
        interpreter=interpreter.ours().facts(),
        machine=machine(),
        figures=tuple(figures(result)),
        result=without_nan(dict(result)),
    )


def machine() -> Machine:
    """This machine."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        processor=_processor(),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        system=f"{platform.system()} {platform.release()}",
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.machine()


def figures(result: Any, path: tuple[str, ...] = ()) -> Iterator[Figure]:
    """All numbers of a nested result, by their dotted names. What could not be measured is left out."""
    if isinstance(result, Mapping):
        for key, value in result.items():
            yield from figures(value, (*path, str(key)))
    elif isinstance(result, list | tuple):
        for number, value in enumerate(result):
            yield from figures(value, (*path, _row_name(value, number)))
    elif isinstance(result, int | float) and not isinstance(result, bool) and math.isfinite(result):
        unit, better = _unit(path)
        yield Figure(name=".".join(path), value=result, unit=unit, better="" if _is_reference(path) else better)


def _row_name(row: Any, number: int) -> str:
    if isinstance(row, Mapping):
        for key in NAMES:
            if key in row:
                return str(row[key])
    return str(number)


def _unit(path: tuple[str, ...]) -> tuple[str, Better]:
    """The unit that a name has, or else what it is part of."""
    for part in reversed(path):
        words = part.split("_")
        if "ratio" in words or "slopes" in words or "to" in words:
            return UNITS["ratio"]
        if part.endswith("_per_s"):
            return "1/s", "more"
        for word in words:
            if word in UNITS:
                return UNITS[word]
        if words[-1] == "s":
            return "s", "less"
    return "", ""


def _is_reference(path: tuple[str, ...]) -> bool:
    return not REFERENCES.isdisjoint(path) or (path[0] in ("systems", "rush") and path[1] != "seatserver")


def encoded(found: Measured) -> bytes:
    """As JSON. Times, options and figures are there; nothing of it is secret."""
    return msgspec.json.encode(found)


def write(found: Measured, path: Path) -> None:
    """Write it to a file. Raises `StartError`."""
    write_file(encoded(found), path)


def read(path: Path) -> Measured:
    """Read such a file. Raises `StartError` if it is none."""
    return read_as(Measured, path, FORMAT, "a benchmark")


class _HasFormat(Protocol):
    @property
    def format(self) -> str: ...


Kind = TypeVar("Kind", bound=_HasFormat)


def read_as(kind: type[Kind], path: Path, form: str, of_what: str) -> Kind:
    """Read a result of this kind and form. Raises `StartError`, which says what it should be a result of."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise StartError(f"{path} is larger than {MOST_BYTES >> 20} MiB: this is no result of {of_what}")
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise StartError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeError):
        raise StartError(f"{path} is no result of {of_what}") from None
    if found.format != form:
        raise StartError(f"{path} is a result of another version ({found.format}); this one reads {form}")
    return found


def write_file(content: bytes, path: Path) -> None:
    """Write a result's JSON, in a folder that is made if it is not there. Raises `StartError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(content, indent=1))
    except OSError as error:
        raise StartError(f"{path} cannot be written: {error.strerror}") from None


def without_nan(value: Any) -> Any:
    """The same with null for what could not be measured, because JSON has no NaN."""
    if isinstance(value, dict):
        return {str(name): without_nan(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
