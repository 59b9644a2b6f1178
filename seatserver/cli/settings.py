"""`seatserver settings`: every setting with its present value, where that comes from, its default and meaning.

Secrets are never shown, only whether they are set. A wrong value is shown as it stands; the line that says what is
wrong with it follows the table, and is the one that would stop a start.
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from seatserver import config
from seatserver.config import Row

HIDDEN = "•••"
NOTHING = "–"
NARROW, WIDE = 110, 160
"""The narrowest terminal that gets a table, and the width for a file or a pipe."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    settings = commands.add_parser(
        "settings",
        help="list every setting: its value, where that comes from, and what it means",
        description="List every setting of the server in this environment. Secrets are not shown.",
    )
    form = settings.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print the README's table: names, defaults, meanings")
    form.add_argument("--json", action="store_true", help="print one JSON object per setting, for scripts")
    form.add_argument("--set", action="store_true", help="list only settings that the environment sets")
    settings.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table. Then raises `ConfigError` if a server would not start with these settings."""
    if args.markdown:
        print(config.markdown())
        return 0
    if args.json:
        print(json.dumps([_as_object(row) for row in config.rows()], ensure_ascii=False, indent=2))
    else:
        _draw([row for row in config.rows() if _told(row) or not args.set])
    config.load()
    return 0


def _told(row: Row) -> str:
    """The value in the environment; empty if it is not set."""
    return os.environ.get(row.env, "").strip()


def _value(row: Row) -> str:
    """The value, as one would write it in the environment."""
    told = _told(row)
    if told and row.secret:
        return HIDDEN
    return told or row.shown_default()


def _source(row: Row) -> str:
    return "environment" if _told(row) else "default"


def _as_object(row: Row) -> dict[str, Any]:
    return {
        "name": row.env,
        "value": _value(row),
        "source": _source(row),
        "default": row.shown_default(),
        "meaning": row.text,
    }


def _draw(rows: list[Row]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = WIDE
    if console.width < NARROW:
        for row in rows:
            style = "bold green" if _told(row) else "bold"
            told = f" = {_value(row) or NOTHING}  ({_source(row)}; default {row.shown_default() or NOTHING})"
            console.print(Text(row.env, style=style) + Text(told, style="not bold"), soft_wrap=True)
            console.print(Padding(Text(row.text.replace("`", "")), (0, 0, 0, 4)))
        return
    table = Table("setting", "value", "from", "default", "what it is", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[:4]:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    for row in rows:
        style = "green" if _told(row) else "dim"
        table.add_row(
            Text(row.env, style="bold green" if _told(row) else ""),
            Text(_value(row) or NOTHING, style=style),
            Text(_source(row), style=style),
            Text(row.shown_default() or NOTHING, style="dim"),
            Text(row.text.replace("`", "")),
        )
    console.print(table)
