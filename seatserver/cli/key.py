"""``seatserver key``: make, list, rotate and revoke API keys. ``seatserver revoke``: end a token, or all of a user's.

They work on the database themselves, so an installation's first key needs no token. Running instances follow within two
seconds. A new key is the only thing on standard output, so that ``KEY=$(seatserver key create …)`` works.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from seatserver.cli.database_work import run, shown
from seatserver.cli.who import operator
from seatserver.config import SCOPES
from seatserver.errors import BadRequest

if TYPE_CHECKING:
    from seatserver.access.api_keys import ApiKey
    from seatserver.server import Server

DAYS = 365
OVERLAP_HOURS = 24.0


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register both commands."""
    parser = commands.add_parser(
        "key",
        help="make, list, rotate and revoke API keys",
        description="Make, list, rotate and revoke the API keys of servers and sales channels.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a key and print it, this one time")
    create.add_argument("--name", required=True, metavar="N", help="what it is for")
    create.add_argument("--user", required=True, metavar="U", help="the user that it acts as")
    create.add_argument(
        "--scope", required=True, action="append", choices=SCOPES, help="what it allows; may be repeated"
    )
    create.add_argument("--channel", default="", metavar="C", help="its sales channel (default: the public)")
    create.add_argument(
        "--days", type=int, default=DAYS, metavar="N", help=f"how long it is valid (default: {DAYS}, at most 366)"
    )
    create.set_defaults(run=run, act=_create)
    actions.add_parser("list", help="list the keys, the newest first").set_defaults(run=run, act=_list)
    rotate = actions.add_parser("rotate", help="make a key that replaces another, and print it")
    rotate.add_argument("key", metavar="ID", help="the key's id, as `seatserver key list` shows it")
    rotate.add_argument(
        "--overlap-hours",
        type=float,
        default=OVERLAP_HOURS,
        metavar="N",
        help=f"how long the old key stays valid (default: {OVERLAP_HOURS:g}, at most 720)",
    )
    rotate.set_defaults(run=run, act=_rotate)
    revoke = actions.add_parser("revoke", help="end a key at once, with its open sockets")
    revoke.add_argument("key", metavar="ID", help="the key's id, as `seatserver key list` shows it")
    revoke.set_defaults(run=run, act=_revoke_key)
    _add_revoke(commands)


def _add_revoke(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "revoke",
        help="revoke a token, or all tokens of a user",
        description="End a token, or all that a user was given until now, on every instance within two seconds. "
        "Open sockets are closed. The user may get new tokens.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--user", metavar="U", help="end all that this user has; the `sub` of their tokens")
    what.add_argument("--token-id", metavar="J", help="end the token with this `jti`")
    parser.set_defaults(run=run, act=_revoke)


async def _create(server: Server, args: argparse.Namespace) -> None:
    text, key = await server.api_keys.create(
        name=args.name,
        user_id=args.user,
        scopes=tuple(args.scope),
        channel=args.channel,
        days=args.days,
        by=operator(),
    )
    _show_new(text, key)


async def _rotate(server: Server, args: argparse.Namespace) -> None:
    hours: float = args.overlap_hours
    if not 0 <= hours <= 720:  # written so that "nan" fails too
        raise BadRequest(f"--overlap-hours is {hours:g}: expected 0 to 720", "overlap_hours")
    text, key = await server.api_keys.rotate(_id(args.key), overlap_s=round(hours * 3600), by=operator())
    _show_new(text, key)
    print(f"the old key {args.key} ends in {hours:g} hours", file=sys.stderr)


async def _list(server: Server, args: argparse.Namespace) -> None:
    from seatserver.access.api_keys import LISTED

    after = None
    while True:
        keys, after = await server.api_keys.page(limit=LISTED, after=after)
        for key in keys:
            print(_line(key))
        if after is None:
            return


async def _revoke_key(server: Server, args: argparse.Namespace) -> None:
    print(f"revoked: {_line(await server.api_keys.revoke(_id(args.key), by=operator()))}")


async def _revoke(server: Server, args: argparse.Namespace) -> None:
    if args.user is not None:
        await server.revocations.revoke("user", args.user, by=operator())
        print(f"revoked: all that {args.user} was given until now")
    else:
        await server.revocations.revoke("token", args.token_id, by=operator())
        print(f"revoked: the token {args.token_id}")


def _id(text: str) -> str:
    """A key's id. Raises `BadRequest` without repeating the text, which may be a whole key."""
    from seatserver.access.key_format import ID_PATTERN

    if re.fullmatch(ID_PATTERN, text) is None:
        raise BadRequest("this is no id of a key: expected 16 letters and digits, as `seatserver key list` shows them")
    return text


def _show_new(text: str, key: ApiKey) -> None:
    print(text)
    print(f"{_line(key)}\nThis is the only time that the key is shown.", file=sys.stderr)


def _line(key: ApiKey) -> str:
    parts = [key.id, key.name, f"acts as {key.user_id}", ",".join(key.scopes)]
    if key.channel:
        parts.append(f"channel {key.channel}")
    parts.append("never used" if key.last_used_at_ms is None else f"last used {shown(key.last_used_at_ms)}")
    parts.append(f"expires {shown(key.expires_at_ms)}")
    if key.successor is not None:
        parts.append(f"replaced by {key.successor}")
    if key.revoked_at_ms is not None:
        parts.append(f"revoked {shown(key.revoked_at_ms)} by {key.revoked_by}")
    return " · ".join(parts)
