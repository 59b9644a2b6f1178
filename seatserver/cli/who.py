"""Who runs a command, for what the command writes down."""

from __future__ import annotations

import getpass


def operator() -> str:
    """The user of this machine, marked as somebody on the command line."""
    try:
        return f"command line, {getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "command line"
