"""``seatserver concierge``: what visitors agreed to have kept of their conversations, listed and deleted.

It works on the database itself, so it needs no token.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatserver.cli.database_work import run, shown
from seatserver.times import millis_of

if TYPE_CHECKING:
    from seatserver.server import Server


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    text = "list and delete what visitors agreed to have kept of the concierge"
    parser = commands.add_parser("concierge", help=text, description=f"{text.capitalize()}.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list it, the newest first")
    listed.add_argument("--showtime", metavar="ID", help="only of this showtime")
    listed.add_argument("--user", metavar="U", help="only of this visitor")
    listed.add_argument("--since", type=_moment, metavar="TIME", help="only from then on, such as 2026-12-24T18:00")
    listed.add_argument("--until", type=_moment, metavar="TIME", help="only before then; times without a zone are UTC")
    listed.set_defaults(run=run, act=_list)
    deleted = actions.add_parser("delete", help="delete all that is kept of a visitor")
    deleted.add_argument("user", metavar="USER", help="the visitor's user, as the list shows it")
    deleted.set_defaults(run=run, act=_delete)


async def _list(server: Server, args: argparse.Namespace) -> None:
    from seatserver.transcripts.log import LISTED, LogFilter

    before = None
    while True:
        wanted = LogFilter(
            showtime_id=args.showtime, user_id=args.user, from_ms=args.since, to_ms=args.until, limit=LISTED,
            before=before,
        )  # fmt: skip
        page = await server.concierge_log.page(wanted)
        for one in page:
            print(f"{shown(one.at_ms)}  {one.showtime_id}  {one.user_id}")
            print(f"  asked: {' '.join(one.question.split())}")
            print(f"  told:  {' '.join(one.answer.split())}")
        if len(page) < LISTED:
            return
        before = page[-1].id


async def _delete(server: Server, args: argparse.Namespace) -> None:
    print(f"deleted: {await server.concierge_log.forget(args.user)}")


def _moment(text: str) -> int:
    """A time as ms since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: expected one as 2026-12-24T18:00") from None
    return millis_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
