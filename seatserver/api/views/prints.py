"""The printing of a ticket at a kiosk: of one that was paid there, and of one that is shown to it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.api.shared.fields import Document
from seatserver.kiosks.print_jobs import MOST_COPIES
from seatserver.kiosks.printing import Printed

Copy = Annotated[int, Meta(ge=1, le=MOST_COPIES, description="1 at first. Every other says that it is a copy.")]
PaperLanguage = Annotated[str, Meta(pattern="^(en|de)$")]
Again = Annotated[bool, Meta(description="Print this copy again if that has failed.")]


class TicketPrint(Document, frozen=True):
    """How far the printing of a ticket is."""

    copy: int
    status: Annotated[
        str,
        Meta(
            pattern="^(asked|sent|printed|failed|unsure)$",
            description="`printed`, `failed` and `unsure` are final. `failed`: nothing was printed, and the same copy "
            "may be asked for `again`. `unsure`: nobody knows; ask for the next one.",
        ),
    ]
    picture: Annotated[str | None, Meta(description="The paper as an SVG picture. Only of a simulated printer.")]


EXAMPLE = TicketPrint(copy=1, status="sent", picture=None)


def print_view(printed: Printed) -> TicketPrint:
    """What is shown of a job."""
    return TicketPrint(copy=printed.job.copy, status=printed.job.status, picture=printed.picture)
