"""``seatserver doctor``: examine a running installation, and say what is wrong and how to fix it.

The exit code is 0 when nothing is wrong (warnings may be there), 1 otherwise, so that a script or a timer can use it.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from seatserver import config, descriptors
from seatserver.cli.serve import required

if TYPE_CHECKING:
    from seatserver.doctor import Finding

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "wrong": "[red]✗[/]"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "doctor",
        help="check a running installation and say how to fix it",
        description="Check Postgres and Redis from the outside: set-up, feed, clocks, bookings, and every showtime.",
    )
    parser.add_argument(
        "--repair", action="store_true", help="then make the safe repairs: relay, reap, sweep, reconcile"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, with ``--repair`` repair and examine again. Return 1 if something is wrong at the end."""
    settings = required(config.load())
    descriptors.raise_limit(settings)
    findings, done = asyncio.run(_examined(settings, repair=args.repair))
    if args.json:
        import msgspec

        print(msgspec.json.encode({"findings": findings, "repaired": done}).decode())
    else:
        _show(findings, done, repaired=args.repair)
    return int(any(finding.verdict == "wrong" for finding in findings))


async def _examined(settings: config.Settings, *, repair: bool) -> tuple[list[Finding], list[str]]:
    from seatserver.doctor import Doctor
    from seatserver.server import Server

    server, done = Server(settings), []
    try:
        doctor = Doctor(server)
        findings = await doctor.examine()
        if repair and not any(
            finding.about in ("Postgres", "Redis") and finding.verdict == "wrong" for finding in findings
        ):
            done = await doctor.repair()
            findings = await doctor.examine()
        return findings, done
    finally:
        await server.close_connections()


def _show(findings: list[Finding], done: list[str], *, repaired: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    for step in done:
        console.print(f"repaired: {escape(step)}")
    if repaired and not done:
        console.print("nothing to repair")
    wide = max(len(finding.about) for finding in findings)
    for finding in findings:
        console.print(f"{MARKS[finding.verdict]} {escape(finding.about):<{wide}}  {escape(finding.says)}")
        if finding.mend:
            console.print(f"  {'':<{wide}}  → {escape(finding.mend)}")
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if wrong:
        console.print(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.")
