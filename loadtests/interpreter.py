"""Which Python a load test ran on, and how that Python was built.

A Python built without optimisations makes every server here slower, and by different shares, so its figures do not even
serve as ratios. What is known is what the build noted about itself: the flags of the compiler, and whether
``--enable-optimizations`` was given (a profile-guided build). Debian makes such a build in another way and notes no
``--enable-optimizations``.
"""

from __future__ import annotations

import platform
import re
import sys
import sysconfig
from dataclasses import asdict, dataclass
from typing import Any

PROFILED = "--enable-optimizations"
FAST_LEVELS = ("-O2", "-O3")
OF_NOTE = (PROFILED, "--with-lto", "--with-pydebug", "--with-assertions", "--disable-gil")
"""Options of ``configure`` that matter to speed."""


@dataclass(frozen=True)
class Build:
    """A Python as its build describes it."""

    version: str
    options: tuple[str, ...]
    """Those options of ``configure`` that matter."""
    level: str
    """The compiler's last ``-O…``; empty without one."""
    debug: bool

    @property
    def warning(self) -> str:
        """What is wrong with figures from this Python; nothing if it was built with optimisations."""
        if self.debug:
            why = "is a debug build (Py_DEBUG)"
        elif PROFILED not in self.options and self.level not in FAST_LEVELS:
            why = f"was built without optimisations (no {PROFILED}, and {self.level or 'no -O'} instead of -O2 or -O3)"
        else:
            return ""
        return f"this Python {why}: do not compare these figures with others. Use a release build of CPython."

    def __str__(self) -> str:
        said = [self.level or "no -O", *self.options]
        return f"{self.version}, built with {' '.join(said)}" + ("" if PROFILED in self.options else f", no {PROFILED}")

    def facts(self) -> dict[str, Any]:
        """For a JSON object."""
        return {**asdict(self), "options": list(self.options), "warning": self.warning}


def build(version: str, config_args: str, flags: str, debug: bool) -> Build:
    """Read what a build noted: its ``CONFIG_ARGS``, and the flags of its compiler."""
    given = re.findall(r"--[a-z-]+", config_args)
    # As for the compiler: of several levels the last one counts.
    levels = re.findall(r"(?<!\S)-O\w*", flags)
    return Build(version, tuple(option for option in OF_NOTE if option in given), levels[-1] if levels else "", debug)


def ours() -> Build:
    """The Python that runs the load test, its servers and the references in Python."""
    known = sysconfig.get_config_var
    return build(
        f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})",
        known("CONFIG_ARGS") or "",
        known("PY_CFLAGS") or known("OPT") or "",
        bool(known("Py_DEBUG")),
    )
