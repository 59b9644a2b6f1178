"""What a report says of the Python it ran on."""

from __future__ import annotations

import argparse
import platform

import pytest

from loadtests import interpreter, report

PYENV = ("'--prefix=/opt/python' '--enable-shared'", "-Wsign-compare -DNDEBUG -g -fwrapv -O3 -Wall")
DEBIAN = ("'--with-computed-gotos' 'CFLAGS=-g -Werror=format-security'", "-DNDEBUG -g -fwrapv -O2 -Wall -g -fwrapv -O2")
RELEASE = ("'--enable-optimizations' '--with-lto=thin'", "-DNDEBUG -g -O3 -Wall")


@pytest.mark.parametrize(("config_args", "flags"), [PYENV, DEBIAN, RELEASE])
def test_a_build_with_optimisations_is_not_warned_about(config_args: str, flags: str) -> None:
    assert interpreter.build("CPython 3.14.0", config_args, flags, debug=False).warning == ""


@pytest.mark.parametrize(
    ("config_args", "flags", "debug", "why"),
    [
        ("", "-g -O0 -Wall", False, "-O0"),
        ("", "-g -Wall", False, "no -O instead"),
        ("", "-O3 -Wall -O0", False, "-O0"),
        ("", "", False, "no -O instead"),
        ("'--enable-optimizations'", "-O3", True, "debug build"),
    ],
)
def test_a_build_without_optimisations_is_warned_about(config_args: str, flags: str, debug: bool, why: str) -> None:
    warning = interpreter.build("CPython 3.14.0", config_args, flags, debug).warning
    assert why in warning
    assert "Use a release build" in warning


def test_a_build_names_its_version_and_the_flags_that_matter() -> None:
    assert str(interpreter.build("CPython 3.14.0", *RELEASE, debug=False)) == (
        "CPython 3.14.0, built with -O3 --enable-optimizations --with-lto"
    )
    assert str(interpreter.build("CPython 3.11.7", *PYENV, debug=False)) == (
        "CPython 3.11.7, built with -O3, no --enable-optimizations"
    )


def test_every_report_begins_with_the_python_it_ran_on(capsys: pytest.CaptureFixture[str]) -> None:
    args = argparse.Namespace(test="holds", json=False, baseline=None, save_baseline=None)
    report.tell(args, {"holds": 3}, lambda result: print(f"holds: {result['holds']}"))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{platform.python_implementation()} {platform.python_version()} ")
    assert said[-1] == "holds: 3"
