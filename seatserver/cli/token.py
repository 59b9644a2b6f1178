"""``seatserver token``: make a token with the server's own secret, to try things out and for scripts.

Only the token goes to standard output, so that ``TOKEN=$(seatserver token …)`` works.
"""

from __future__ import annotations

import argparse
import sys

from seatserver.config import SCOPES

MAX_HOURS = 24 * 366


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "token",
        help="make a token",
        description="Make a token signed with SEATSERVER_TOKEN_SECRET, and print it.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("--user", required=True, metavar="U", help="the user that the token is for; its `sub`")
    parser.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help="what the token allows; repeat for several (default: watch, hold and book)",
    )
    parser.add_argument(
        "--channel", default="", metavar="C", help="the sales channel of the token (default: the public)"
    )
    parser.add_argument(
        "--hours", type=_hours, default=12.0, metavar="N", help="how long the token is valid (default: 12)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the token. Raises `ConfigError` if no secret is configured."""
    from seatserver import config
    from seatserver.access.tokens import Tokens

    scopes = args.scope or ["watch", "hold", "book"]
    token = Tokens(config.load()).mint(args.user, scopes, round(args.hours * 3600), args.channel)
    print(token)
    sells = f" for the sales channel {args.channel}" if args.channel else ""
    print(f"{args.user}: {', '.join(scopes)}{sells}; valid for {args.hours:g} hours", file=sys.stderr)
    return 0


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    # Written so that "nan" fails too.
    if not 1 / 3600 <= hours <= MAX_HOURS:
        raise argparse.ArgumentTypeError(f"{text} is not between one second and {MAX_HOURS} hours")
    return hours
