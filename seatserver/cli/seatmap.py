"""``seatserver seatmap VERB FILE``: look at a hall's file, check it, store it, or rewrite it in our own form.

Every verb but ``check`` reads and validates the whole file first; a bad one gives one line that names the place, and
nothing is written. ``check`` names all such places, and what else looks like a mistake. Heavy imports stay inside the
functions, so that other commands start fast.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seatserver.errors import BadSeatMap, StartError, Unavailable

if TYPE_CHECKING:
    from rich.console import Console

    from seatserver.seatmaps.formats.draft import Imported
    from seatserver.seatmaps.model import SeatMap

NO_DATABASE = (
    "DATABASE_URL is not set: expected the Postgres to store the hall in, such as "
    "`DATABASE_URL=postgresql://user:password@host/database`; `seatserver seatmap show` needs none"
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command and its verbs."""
    parser = commands.add_parser("seatmap", help="show, check, draw, import or convert a hall's seat map")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    show = verbs.add_parser("show", help="draw the hall in the terminal, with its counts")
    check = verbs.add_parser(
        "check",
        help="report all mistakes in the hall's data, and how to fix them",
        description="Names what the hall's data gets wrong: labels given twice, seats on one another or out of reach, "
        "half sofas, companions without a wheelchair place, odd numbers and places, and all that an import refuses. "
        "Errors: the file is refused, or a seat would be sold that is none. Warnings: most likely a mistake. "
        "Hints: worth a look.",
        epilog="Exit status: 0 when there is nothing worse than a hint, 1 when there are errors or warnings.",
    )
    draw = verbs.add_parser(
        "draw",
        help="make an SVG picture of the hall with its focal point and the score of every seat",
        description="Makes a picture (SVG) of the hall: screen, rows, categories, groups, places for wheelchairs and "
        "companions, areas without numbers, the focal point, and every seat's score as best available counts it.",
    )
    draw.add_argument(
        "-o", "--output", metavar="OUT.svg", default="-", help="where to write it, instead of to standard output"
    )
    draw.add_argument("--party", metavar="N", type=_party, help="mark the best seats of the empty hall for N people")
    store = verbs.add_parser("import", help="validate the hall and store it in Postgres")
    convert = verbs.add_parser("convert", help="write the hall to standard output in seatserver's own JSON form")
    for verb in (show, check, draw, store, convert):
        verb.add_argument(
            "file",
            metavar="FILE",
            help="Vista SeatLayoutData, pretix seating plan or our own JSON, a CSV list of seats or a map of "
            "characters, also as UTF-16 or packed with gzip; - reads standard input",
        )
        verb.add_argument("--name", default="", help="the hall's name, instead of the file's own")
    for verb in (check, store):
        verb.add_argument("--json", action="store_true", help="print the result as JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Run one verb; errors are raised as `SeatServerError`."""
    if args.verb == "check":
        return _check(args.file, args.name, as_json=args.json)
    imported = _imported(args.file, args.name)
    if args.verb == "show":
        return _show(imported)
    if args.verb == "draw":
        return _draw(imported, args.output, args.party)
    if args.verb == "convert":
        return _convert(imported)
    return _import(imported, as_json=args.json)


def _party(text: str) -> int:
    from seatserver.seatmaps.search.score import MAX_PARTY

    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= MAX_PARTY:
        raise argparse.ArgumentTypeError(f"is {text!r}; expected 1 to {MAX_PARTY} people")
    return number


def _read(file: str) -> bytes:
    from seatserver.seatmaps.parsing.encodings import MAX_DOCUMENT_BYTES

    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_DOCUMENT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise StartError(f"{file}: {_reason(error)}") from None


def _reason(error: OSError | ValueError) -> str:
    """Why a file could not be opened; a path with a null character is a `ValueError`."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _unnamed(file: str) -> str:
    """What a hall is called that has no name of its own."""
    return Path(file).stem if file != "-" else "Seat map"


def _imported(file: str, name: str) -> Imported:
    from seatserver.seatmaps.formats.reader import read_seat_map

    document = _read(file)
    try:
        return read_seat_map(document, name=name, unnamed=_unnamed(file))
    except BadSeatMap as error:
        raise BadSeatMap("", f"{file}: {error.message}") from None


def _check(file: str, name: str, *, as_json: bool) -> int:
    from rich.text import Text

    from seatserver.seatmaps.inspection.inspect import check_document
    from seatserver.seatmaps.inspection.report import report_document, report_lines

    report = check_document(_read(file), name=name, unnamed=_unnamed(file))
    if as_json:
        print(report_document(report).decode())
    elif report.seat_map is None:
        raise BadSeatMap("", f"{file}: {report.findings[0].text}")
    else:
        console = _console()
        for line in report_lines(report):
            console.print(Text.assemble(*line), soft_wrap=True)
    return 0 if report.is_clean else 1


def _show(imported: Imported) -> int:
    from rich.text import Text

    from seatserver.seatmaps.drawing.text import draw

    console = _console()
    for line in draw(imported.seat_map, console.width):
        console.print(Text.assemble(*line), no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)
    _say_notes(imported, console)
    return 0


def _draw(imported: Imported, output: str, party: int | None) -> int:
    from seatserver.seatmaps.drawing.svg import draw_svg

    picture = draw_svg(imported.seat_map, party=party).encode()
    if output == "-":
        sys.stdout.buffer.write(picture)
        sys.stdout.buffer.flush()
    else:
        try:
            Path(output).write_bytes(picture)
        except (OSError, ValueError) as error:
            raise StartError(f"{output}: {_reason(error)}") from None
        print(f"Drew {imported.seat_map.name} to {output}")
    for note in imported.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _convert(imported: Imported) -> int:
    sys.stdout.buffer.write(imported.seat_map.encode() + b"\n")
    sys.stdout.buffer.flush()
    for note in imported.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _import(imported: Imported, *, as_json: bool) -> int:
    import asyncio

    from rich.text import Text

    from seatserver.seatmaps.drawing.text import legend

    seat_map = imported.seat_map
    auditoriums = asyncio.run(_store(imported))
    if as_json:
        from collections import Counter

        import msgspec

        counted = Counter(map(seat_map.category_of, range(seat_map.place_count)))
        result = {
            "hash": seat_map.content_hash,
            "name": seat_map.name,
            "format": imported.format,
            "seats": len(seat_map.seats),
            "groups": len(seat_map.groups),
            "areas": {area.key: area.capacity for area in seat_map.general_areas},
            "categories": {category.key: counted[category.key] for category in seat_map.categories},
            "notes": list(imported.notes),
        }
        print(msgspec.json.encode(result).decode())
        return 0
    console = _console()
    for line in legend(seat_map):
        console.print(Text.assemble(*line), soft_wrap=True)
    _say_notes(imported, console)
    for text in (
        f"\nStored as layout {seat_map.content_hash}",
        "Next: a showtime in it, with times and prices (in minor units) of your own:",
        *_request(seat_map, auditoriums),
    ):
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    return 0


def _request(seat_map: SeatMap, auditoriums: list[str]) -> list[str]:
    """Shell lines that put a showtime in this hall on sale, tomorrow at eight in the evening."""
    from datetime import UTC, datetime, timedelta

    import msgspec

    from seatserver import config

    settings = config.load()
    url = settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.port}"
    now = datetime.now(UTC).replace(microsecond=0)
    start = (now + timedelta(days=1)).replace(hour=20, minute=0, second=0)
    body = {
        "auditorium_id": auditoriums[0] if auditoriums else "AUDITORIUM",
        "layout_hash": seat_map.content_hash,
        "title": seat_map.name,
        "starts_at": start,
        "on_sale_at": now,
        "sale_ends_at": start,
        "currency": "EUR",
        "prices": {category.key: 1200 for category in seat_map.categories},
    }
    return [
        "  TOKEN=$(seatserver token --user me --scope admin)",
        f'  curl -X PUT -H "Authorization: Bearer $TOKEN" {url}/api/v1/admin/showtimes/first \\',
        f"    -d {shlex.quote(msgspec.json.encode(body).decode())}",
    ]


async def _store(imported: Imported) -> list[str]:
    """Store the hall; the ids of all auditoriums that it can be used in."""
    from seatserver import config
    from seatserver.catalog.catalog import Catalog
    from seatserver.database import CommitUnknown, Database

    settings = config.load()
    if not settings.database_url:
        raise StartError(NO_DATABASE)
    database = Database(settings)
    try:
        await database.check_migrated()
        catalog = Catalog(database)
        await catalog.put_layout(imported.seat_map)
        return [auditorium.id for _, rooms in await catalog.theatres() for auditorium in rooms]
    except CommitUnknown:
        # The hash is the key: storing the same hall again is harmless.
        raise Unavailable("Postgres") from None
    finally:
        await database.close()


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _say_notes(imported: Imported, console: Console) -> None:
    for note in imported.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True, style="yellow")
