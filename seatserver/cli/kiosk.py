"""``seatserver kiosk``: enrol the device that shows a code, list the kiosks, revoke one, print for one.

It asks the database itself. The same is in `/ops` and in REST. This is for an installation's first kiosk, and for
scripts. `seatserver kiosk agent` is different: it runs on a kiosk's machine, holds its printer, and knows no database.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from seatserver import config
from seatserver.cli.serve import required_database
from seatserver.cli.who import operator

if TYPE_CHECKING:
    from seatserver.kiosks.agent import Agent
    from seatserver.kiosks.kiosk import Kiosk
    from seatserver.kiosks.registry import Kiosks


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "kiosk",
        help="enrol, list and revoke terminals in the lobby",
        description="Enrol the device that shows a code at /kiosk, list all kiosks, revoke one, or print for one.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    enrol = actions.add_parser("enrol", help="approve the device that shows this code")
    enrol.add_argument("code", metavar="CODE", help="the code on its screen, such as K7F2-9QXM")
    enrol.add_argument("--theatre", required=True, metavar="T", help="the id of the theatre where it stands")
    enrol.add_argument("--name", default="", metavar="N", help="what staff call it (default: its code)")
    enrol.add_argument(
        "--channel", default="", metavar="C", help="the sales channel it sells for (default: the public)"
    )
    enrol.set_defaults(run=run, act=_enrol)
    printer = actions.add_parser("printer", help="approve the agent that shows this code, for one kiosk")
    printer.add_argument("kiosk", type=_uuid, metavar="ID", help="the kiosk's id, as `seatserver kiosk list` shows it")
    printer.add_argument("code", metavar="CODE", help="the code that `seatserver kiosk agent` shows")
    printer.set_defaults(run=run, act=_enrol_agent)
    agent = actions.add_parser(
        "agent",
        help="print for the kiosk on this machine",
        description="Print what the server sends on a kiosk's receipt printer. Runs until you stop it.",
    )
    agent.add_argument("--server", required=True, metavar="URL", help="the seat server, such as https://seats.example")
    agent.add_argument(
        "--printer", required=True, metavar="P", help="tcp://HOST:9100, usb:VENDOR:PRODUCT or file:/dev/usb/lp0"
    )
    agent.add_argument(
        "--folder",
        type=Path,
        default=Path.home() / ".seatserver-agent",
        metavar="F",
        help="where its key and its journal are (default: %(default)s)",
    )
    agent.set_defaults(run=run_agent)
    actions.add_parser("list", help="list all kiosks").set_defaults(run=run, act=_list)
    revoke = actions.add_parser("revoke", help="end a kiosk for good")
    revoke.add_argument("kiosk", type=_uuid, metavar="ID", help="the kiosk's id, as `seatserver kiosk list` shows it")
    revoke.set_defaults(run=run, act=_revoke)


def run(args: argparse.Namespace) -> int:
    """Do one of them. Raises `NotFound` for an unknown code or kiosk, and `BadRequest` for an unknown theatre."""
    asyncio.run(_with_kiosks(args))
    return 0


def run_agent(args: argparse.Namespace) -> int:
    """Print until SIGTERM or Ctrl-C; a job that has begun is finished first. Raises `ConfigError` and `StartError`."""
    from seatserver.kiosks.agent import Agent, Journal
    from seatserver.kiosks.printers import Printer

    printer = Printer(args.printer)
    agent = Agent(args.server, printer, journal := Journal(args.folder), lambda text: print(text, flush=True))
    try:
        asyncio.run(_until_signal(agent))
    finally:
        journal.close()
    return 0


async def _until_signal(agent: Agent) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("ended", flush=True)


async def _with_kiosks(args: argparse.Namespace) -> None:
    from seatserver import logs
    from seatserver.access.tokens import Tokens
    from seatserver.database import Database
    from seatserver.kiosks.registry import Kiosks

    settings = config.load()
    required_database(settings)
    logs.configure(settings)
    database = Database(settings)
    try:
        await args.act(Kiosks(database, Tokens(settings)), args)
    finally:
        await database.close()


async def _enrol(kiosks: Kiosks, args: argparse.Namespace) -> None:
    name = args.name or args.code
    kiosk = await kiosks.enrol(args.code, theatre_id=args.theatre, name=name, channel=args.channel, by=operator())
    print(f"enrolled: {_line(kiosk)}")


async def _enrol_agent(kiosks: Kiosks, args: argparse.Namespace) -> None:
    print(f"prints for: {_line(await kiosks.enrol_agent(args.kiosk, args.code, operator()))}")


async def _list(kiosks: Kiosks, args: argparse.Namespace) -> None:
    for kiosk in await kiosks.all():
        print(_line(kiosk))


async def _revoke(kiosks: Kiosks, args: argparse.Namespace) -> None:
    print(f"revoked: {_line(await kiosks.revoke(args.kiosk, operator()))}")


def _line(kiosk: Kiosk) -> str:
    channel = f", sells for {kiosk.channel}" if kiosk.channel else ""
    return f"{kiosk.id}  {kiosk.theatre_id}  {kiosk.name}{channel}{', locked' if kiosk.locked else ''}"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no kiosk's id") from None
