"""CPU time and memory of a process, read from outside; that of Redis, as it says; and a few statistics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from redis import Redis

__all__ = ["Spent", "cpu_s", "median", "median_ms", "percentile", "ratio", "redis_cpu_s", "rest", "rss_kib", "spending"]

CPU_CLOCK_OF_PROCESS = 2
REST_S = 0.1
REST_SHARE = 0.2


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, all its threads and its system calls included."""
    # The number that clock_getcpuclockid(3) makes; Python has no name for it.
    return time.clock_gettime((~pid << 3) | CPU_CLOCK_OF_PROCESS)


def redis_cpu_s(url: str) -> float:
    """CPU seconds that a Redis has used, all its threads included. It may be on another machine."""
    with Redis.from_url(url) as redis:
        said = redis.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


@dataclass
class Spent:
    """What a stretch of time cost: CPU seconds of a server, of Redis, and of this process, the load generator."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    redis_cpu_s: float = 0.0
    generator_s: float = 0.0


@contextmanager
def spending(pid: int, redis_url: str) -> Iterator[Spent]:
    """Measures the ``with`` block; what it cost is there at its end."""
    spent = Spent()
    redis_before_s, before_s = redis_cpu_s(redis_url), cpu_s(pid)
    generator_before_s, started_at = time.process_time(), time.perf_counter()
    yield spent
    spent.seconds = time.perf_counter() - started_at
    spent.generator_s = time.process_time() - generator_before_s
    spent.cpu_s = cpu_s(pid) - before_s
    spent.redis_cpu_s = redis_cpu_s(redis_url) - redis_before_s


def rss_kib(pid: int) -> int:
    """Resident memory of a process, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def rest(pid: int, at_most_s: float = 10.0) -> None:
    """Wait until a process has next to nothing to do."""
    ends_at = time.monotonic() + at_most_s
    while time.monotonic() < ends_at:
        before = cpu_s(pid)
        time.sleep(REST_S)
        if cpu_s(pid) - before < REST_S * REST_SHARE:
            return


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a ``share`` (0 to 1) of the values does not exceed: a measured one, without interpolation."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1))]


def median_ms(turns: Iterable[Sequence[float]], share: float, digits: int = 2) -> float:
    """The median, over the turns, of what a ``share`` of each turn's times does not exceed: seconds in, ms out."""
    return round(median([percentile(times_s, share) for times_s in turns]) * 1000, digits)


def ratio(ours: float, theirs: float) -> float:
    """Ours divided by theirs, rounded to what a noisy machine can tell."""
    return round(ours / theirs, 3) if theirs else float("nan")
