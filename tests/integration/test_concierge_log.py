"""What is kept of visitors' conversations: nothing by default, and with their consent only until they delete it."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from seatserver.cli import parser
from seatserver.transcripts.log import ConciergeLog, LogFilter
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, eventually, rows
from tests.integration.test_concierge import talking
from tests.integration.test_staff_questions import asking

EVERYTHING = LogFilter()


async def kept(server: Instance) -> list[tuple[str, str]]:
    """Whose questions are kept, and which; the newest first."""
    return [(one.user_id, one.question) for one in await server.core.concierge_log.page(EVERYTHING)]


async def are_kept(server: Instance, count: int) -> bool:
    return len(await kept(server)) == count


async def write(server: Instance, user: str, days_ago: float = 0.0) -> None:
    async with server.core.database.transaction() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO concierge_log (at, user_id, showtime_id, language, question, answer) "
                "VALUES (now() - make_interval(secs => :age), :user, :showtime, 'en', 'two', 'Here.')"
            ),
            {"age": days_ago * 86_400, "user": user, "showtime": SHOWTIME},
        )


async def test_nothing_is_kept_where_the_setting_is_off_whatever_a_visitor_says(server: Instance) -> None:
    async with talking(server, begin=False) as talk:
        ready = await talk.begin(log=True)
        await talk.ask("Two in the middle")
    assert (ready["log_days"], ready["logged"]) == (0, False)
    assert (await server.core.concierge_log.forget("ann")) == 0, "waits for what is being written"
    assert await rows(server.core, "SELECT 1 FROM concierge_log") == []


async def test_nothing_is_kept_at_kiosks_whose_customers_could_not_delete_it_later(make_server: MakeServer) -> None:
    server = await make_server(concierge_log=True)
    async with talking(server, "kiosk:3f:visit", begin=False) as talk:
        ready = await talk.begin(log=True)
        assert (ready["log_days"], ready["logged"]) == (0, False)
    async with server.socket("kiosk:3f:visit") as wire:
        assert (await wire.hello())["limits"]["concierge_log_days"] == 0


async def test_only_with_consent_it_is_kept_redacted_until_the_visitor_deletes_it(make_server: MakeServer) -> None:
    server = await make_server(concierge_log=True)
    await write(server, "bob")
    async with talking(server, begin=False) as talk:
        ready = await talk.begin()
        assert (ready["log_days"], ready["logged"]) == (14, False)
        await talk.ask("Two, but keep nothing")
        assert (await talk.begin(token=None, log=True))["logged"] is True
        reply = await talk.ask("Two in the middle, I am ann@example.org, +49 151 23456789")
        await eventually(lambda: are_kept(server, 2))
        (mine, _) = await server.core.concierge_log.page(EVERYTHING)
        assert (mine.user_id, mine.showtime_id, mine.language) == ("ann", SHOWTIME, "en")
        assert mine.question == "Two in the middle, I am [e-mail], [number]"
        assert mine.answer.startswith("I did not understand")
        assert "ann@" not in mine.answer
        assert "row C, seats 4 and 5" in mine.answer
        assert "row C, seats 4 and 5" in reply.text
        assert (await talk.begin(token=None))["logged"] is False, "it has to be said each time"
        await talk.ask("Two, and this is not kept")
        await talk.begin(token=None, log=True)
        await talk.ask("Three")
        await talk.send("forget")
        assert (await talk.next())["deleted"] == 2, "also what was only just asked"
        await talk.ask("Four, and consent has ended")
        await talk.send("forget")
        assert (await talk.next())["deleted"] == 0
    assert await kept(server) == [("bob", "two")]
    async with talking(server) as unwilling:
        await unwilling.ask("Two")
    async with asking(server) as staff:
        assert staff.log[0]["log_days"] == 0
        await staff.begin(token=None, log=True)
        await staff.ask("Is everything working?")
        await staff.send("forget")
        assert (await staff.next())["code"] == "bad_request"
    assert await server.core.concierge_log.forget("boss") == 0
    assert await kept(server) == [("bob", "two")]


async def test_what_is_too_old_or_too_much_is_removed_also_where_nothing_more_is_kept(make_server: MakeServer) -> None:
    server = await make_server(concierge_log=False, concierge_log_days=7, concierge_log_rows=100)
    for number in range(3):
        await write(server, f"old-{number}", days_ago=7.1)
    for number in range(102):
        await write(server, f"new-{number}")
    log: ConciergeLog = server.core.concierge_log
    assert await log.tidy() == 5
    found = [user for user, _ in await kept_all(log)]
    assert (len(found), found[0], found[-1]) == (100, "new-101", "new-2")
    assert await log.tidy() == 0


async def kept_all(log: ConciergeLog) -> list[tuple[str, str]]:
    return [(one.user_id, one.question) for one in await log.page(LogFilter(limit=200))]


async def test_the_operator_lists_and_deletes_on_the_command_line(
    server: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    for user in ("ann", "bob"):
        await write(server, user)
    for line in (
        ["concierge", "list", "--showtime", SHOWTIME, "--user", "ann", "--since", "2020-01-01"],
        ["concierge", "list", "--until", "2020-01-01T12:00+01:00"],
        ["concierge", "delete", "ann"],
        ["concierge", "delete", "ann"],
    ):
        args: Any = parser().parse_args(line)
        await args.act(server.core, args)
    told = [line for line in capsys.readouterr().out.splitlines() if "[" not in line]
    assert told[0].endswith(f"UTC  {SHOWTIME}  ann")
    assert told[1:] == ["  asked: two", "  told:  Here.", "deleted: 1", "deleted: 0"]
    assert await kept(server) == [("bob", "two")]
