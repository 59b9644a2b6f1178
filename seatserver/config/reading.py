"""Reads the settings from the environment: each of its kind, and within its bounds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from seatserver.config.checks import check
from seatserver.config.table import Row, Settings, rows
from seatserver.errors import ConfigError

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}
WHOLE_NUMBER = re.compile(r"[+-]?[0-9][0-9_]{0,17}(?<!_)")


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings; ``overrides`` (field name → value) win over the environment, as a command line does.

    Raises `ConfigError` that names the variable, what is wrong and what is expected.
    """
    environ = os.environ if environ is None else environ
    table = rows()
    known = {row.env for row in table}
    for name in environ:
        if name.startswith("SEATSERVER_") and name not in known:
            raise ConfigError(name, "is not a setting of this server", _nearest(name, known))
    values: dict[str, Any] = {}
    for row in table:
        text = environ.get(row.env, "").strip()
        if text:
            values[row.name] = _parse(row, text)
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    for row in table:
        _check_bounds(row, getattr(settings, row.name))
    check(settings)
    return settings


def _nearest(name: str, known: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else "`seatserver settings` lists them all"


def _parse(row: Row, text: str) -> Any:
    if row.kind is bool:
        if text.lower() in TRUE_WORDS | FALSE_WORDS:
            return text.lower() in TRUE_WORDS
        raise ConfigError(row.env, f"is {text!r}", "expected 1 or 0")
    if row.kind is int:
        if WHOLE_NUMBER.fullmatch(text) is None:
            raise ConfigError(row.env, f"is {text[:80]!r}", "expected a whole number")
        return int(text.replace("_", ""))
    if row.kind is str:
        return text
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _check_bounds(row: Row, value: Any) -> None:
    if row.kind is not int:
        return
    if row.at_least is not None and value < row.at_least:
        raise ConfigError(row.env, f"is {value}", f"expected at least {row.at_least}")
    if row.at_most is not None and value > row.at_most:
        raise ConfigError(row.env, f"is {value}", f"expected at most {row.at_most}")
