"""The log of conversations with the concierge: staff read it and delete what is a visitor's."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

from seatserver.access.tokens import MAX_USER_CHARS
from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import After, Document, Id, Millis, Moment, Next
from seatserver.errors import BadRequest
from seatserver.times import millis_of
from seatserver.transcripts.log import LISTED, LogEntry, LogFilter

PLAIN = r"^[^\x00-\x1f\x7f]*$"
Visitor = Annotated[
    str, Meta(min_length=1, max_length=MAX_USER_CHARS, pattern=PLAIN, description="The visitor's user.")
]
EntryId = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class LogQuery(Document, frozen=True):
    """Which entries."""

    showtime_id: Id | None = None
    user_id: Visitor | None = None
    since: Annotated[Moment | None, Meta(description="Only those from this moment on.")] = None
    until: Annotated[Moment | None, Meta(description="Only those before this moment.")] = None
    limit: Annotated[int, Meta(ge=1, le=LISTED, description="Most entries on a page.")] = 50
    after: After = None


class LogEntryView(Document, frozen=True):
    """What a visitor wrote and what was answered.

    Addresses, numbers and names were taken out as far as patterns find them; the rest may still be personal.
    """

    id: EntryId
    at_ms: Millis
    user_id: str
    showtime_id: Id
    language: Annotated[str, Meta(description="Of the answer: `en` or `de`.")]
    question: str
    answer: str


class LogPage(Document, frozen=True):
    """A page of entries, the newest first."""

    entries: tuple[LogEntryView, ...]
    next: Next


class DeleteFromLog(Document, frozen=True):
    """Whose entries to delete."""

    user_id: Visitor


class DeletedFromLog(Document, frozen=True):
    """How many entries are deleted."""

    deleted: int


ENTRY = LogEntryView(
    id=17,
    at_ms=story.NOW_MS,
    user_id=story.GUEST,
    showtime_id="tonight",
    language="en",
    question="Two in the middle, my e-mail is [e-mail]",
    answer="For two, in the middle. The best: row B, seats 1 and 2 – side by side.",
)
RESOURCE = Resource(
    __name__,
    tag="admin",
    examples=(
        ENTRY,
        LogPage(entries=(ENTRY,), next=None),
        DeleteFromLog(user_id=story.GUEST),
        DeletedFromLog(deleted=3),
    ),
)


@RESOURCE.get("/admin/concierge-log", scope="admin")
async def get_concierge_log(call: Call, query: LogQuery) -> LogPage:
    """List what visitors agreed to have kept of their conversations with the concierge, the newest first."""
    found = await call.services.concierge_log.page(
        LogFilter(
            showtime_id=query.showtime_id,
            user_id=query.user_id,
            from_ms=None if query.since is None else millis_of(query.since),
            to_ms=None if query.until is None else millis_of(query.until),
            limit=query.limit,
            before=_entry_of(query.after),
        )
    )
    return LogPage(entries=tuple(map(_view, found)), next=str(found[-1].id) if len(found) == query.limit else None)


@RESOURCE.post("/admin/concierge-log/delete", scope="admin")
async def delete_from_concierge_log(call: Call, body: DeleteFromLog) -> DeletedFromLog:
    """Delete all that is kept of a visitor's conversations. Repeating it deletes nothing more."""
    return DeletedFromLog(deleted=await call.services.concierge_log.forget(body.user_id))


def _entry_of(cursor: str | None) -> int | None:
    """The entry after which a page begins. Raises `BadRequest` for a cursor that this server did not make."""
    if cursor is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise BadRequest("this is not the `next` of a page", "after")
    return int(cursor)


def _view(entry: LogEntry) -> LogEntryView:
    return LogEntryView(
        id=entry.id,
        at_ms=entry.at_ms,
        user_id=entry.user_id,
        showtime_id=entry.showtime_id,
        language=entry.language,
        question=entry.question,
        answer=entry.answer,
    )
