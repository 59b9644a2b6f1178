"""A Redis whose clock can be set: libfaketime between redis-server and the system's clock.

Only the wall clock is set, as by an operator or a bad time server; what counts upwards from the start goes on as it
was. The package is `libfaketime` on Debian and Ubuntu, `faketime` elsewhere.
"""

from __future__ import annotations

import glob
import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from seatserver.embedded import binaries

PLACES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib*/faketime/libfaketime.so.1")

WRAPPER = """\
#!/bin/sh
export LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={setting} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1
exec {program} "$@"
"""


def libfaketime() -> str:
    """The library's path. Without it the test is skipped; where CI is set, it fails."""
    found = [path for place in PLACES for path in glob.glob(place)]
    if not found:
        reason = "no libfaketime on this machine: install the package `libfaketime`"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI requires it")
        pytest.skip(reason)
    return found[0]


def as_if_at(moment: datetime) -> dict[str, str]:
    """The environment in which a process takes ``moment`` for now; its clock goes on from there."""
    # This run may have been given another date itself: then our own clock is that much before the machine's.
    ours_s = int(os.environ.get("FAKETIME", "+0s").strip("s"))
    ahead_s = round(moment.timestamp() - time.time()) + ours_s
    return {"LD_PRELOAD": libfaketime(), "FAKETIME": f"{ahead_s:+d}s", "FAKETIME_DONT_RESET": "1"}


class Clock:
    """``redis`` is the program to start; `jump` sets its clock from then on."""

    def __init__(self, folder: Path) -> None:
        library = libfaketime()
        self._setting = folder / "clock"
        self.redis = folder / "redis-server"
        self.jump(0)
        program = os.environ.get("TEST_REDIS_SERVER") or binaries.redis_program()
        self.redis.write_text(WRAPPER.format(library=library, setting=self._setting, program=program))
        self.redis.chmod(0o755)

    def jump(self, seconds: int) -> None:
        """From now on the clock is so much before (or, below zero, behind) the machine's."""
        draft = self._setting.with_suffix(".new")
        draft.write_text(f"{seconds:+d}s\n")
        draft.chmod(0o644)
        draft.replace(self._setting)
