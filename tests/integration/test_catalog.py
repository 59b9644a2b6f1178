"""Theatres, halls and showtimes in a real Postgres: repeatable writes, shared reads, and what may not change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.catalog.catalog import Auditorium, Catalog, ShowtimeDraft, ShowtimeFilter, Theatre
from seatserver.catalog.pictures import poster_from
from seatserver.catalog.posters import KEPT_UNUSED, require_poster
from seatserver.catalog.tables import posters, showtimes
from seatserver.config import Settings
from seatserver.database import Database
from seatserver.errors import BadRequest, BadSeatMap, Conflict, NotFound
from seatserver.pricing.tariff import Tariff
from seatserver.seatmaps.model import Category, Screen, Seat, SeatMap
from seatserver.seatmaps.rules.model import GapRule, Rules
from tests.support.pictures import picture
from tests.waiting import within

pytestmark = pytest.mark.clock

ODEON = Theatre(id="odeon", name="Odeon", timezone="Europe/Berlin")
STUDIO = Auditorium(id="studio", theatre_id="odeon", name="Studio")
EUROS = Tariff.flat("EUR", {"standard": 1150})
HOUR_MS = 3_600_000
STARTS_MS = 2_000_000_000_123


def hall(name: str = "Studio") -> SeatMap:
    return SeatMap.build(
        name=name,
        categories=[Category(key="standard", name="Standard", color="#0072b2")],
        screen=Screen(x=1, y=-3, width=4),
        seats=[Seat(row="A", number=str(number), x=number, y=0, category="standard") for number in range(4)],
    )


def draft(**changes: Any) -> ShowtimeDraft:
    whole = ShowtimeDraft(
        id="tonight",
        auditorium_id="studio",
        layout_hash=hall().content_hash,
        title="The Long Take",
        starts_at_ms=STARTS_MS,
        on_sale_at_ms=STARTS_MS - HOUR_MS,
        sale_ends_at_ms=STARTS_MS + 1,
        tariff=EUROS,
    )
    return msgspec.structs.replace(whole, **changes)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    made = Database(settings)
    yield made
    await made.close()


@pytest.fixture
async def catalog(database: Database) -> Catalog:
    made = Catalog(database)
    await made.put_theatre(ODEON)
    await made.put_auditorium(STUDIO)
    await made.put_layout(hall())
    return made


async def test_a_showtime_is_read_as_it_was_written(catalog: Catalog, database: Database) -> None:
    await catalog.put_showtime(draft())
    for source in (catalog, Catalog(database)):
        found = await source.showtime("tonight")
        assert (found.title, found.theatre_name, found.auditorium_name) == ("The Long Take", "Odeon", "Studio")
        assert (found.starts_at_ms, found.tariff, found.rules) == (STARTS_MS, EUROS, Rules())
        assert found.seat_map == hall()


async def test_every_put_can_be_repeated_and_updates(catalog: Catalog) -> None:
    for title in ("The Long Take", "The Long Take", "The Short Take"):
        await catalog.put_theatre(ODEON)
        await catalog.put_auditorium(STUDIO)
        assert await catalog.put_layout(hall()) == hall().content_hash
        assert (await catalog.put_showtime(draft(title=title))).title == title
    assert (await catalog.showtime("tonight")).title == "The Short Take"
    assert [theatre for theatre, _ in await catalog.theatres()] == [ODEON]


async def test_a_missing_object_is_reported_by_name(catalog: Catalog) -> None:
    for missing in ("nope", "\x00", "a/b", "x" * 500):
        with pytest.raises(NotFound):
            await catalog.showtime(missing)
        with pytest.raises(NotFound):
            await catalog.layout(missing)
    with pytest.raises(BadRequest, match="no theatre 'nope'"):
        await catalog.put_auditorium(msgspec.structs.replace(STUDIO, theatre_id="nope"))
    with pytest.raises(BadRequest, match="no auditorium 'nope'"):
        await catalog.put_showtime(draft(auditorium_id="nope"))
    with pytest.raises(BadRequest, match="no layout 'nope'"):
        await catalog.put_showtime(draft(layout_hash="nope"))


async def test_invalid_data_is_refused_with_an_explanation(catalog: Catalog) -> None:
    with pytest.raises(BadRequest, match="Europe/Berlin"):
        await catalog.put_theatre(msgspec.structs.replace(ODEON, timezone="Mars/Olympus"))
    for known_to_this_machine_only in ("localtime", "Factory", "posixrules", "posix/Europe/Berlin", "right/UTC"):
        with pytest.raises(BadRequest, match="Europe/Berlin"):
            await catalog.put_theatre(msgspec.structs.replace(ODEON, timezone=known_to_this_machine_only))
    with pytest.raises(BadRequest, match="1 to 200 printable"):
        await catalog.put_theatre(msgspec.structs.replace(ODEON, name="a\x00b"))
    with pytest.raises(BadSeatMap, match="NUL"):
        await catalog.put_layout(msgspec.structs.replace(hall(), name="a\x00b"))


async def test_a_showtime_keeps_its_layout(catalog: Catalog) -> None:
    await catalog.put_layout(hall("Other"))
    await catalog.put_showtime(draft())
    with pytest.raises(Conflict, match="cannot change its layout"):
        await catalog.put_showtime(draft(layout_hash=hall("Other").content_hash))


async def test_a_poster_that_somebody_is_about_to_use_is_not_deleted_and_nobody_waits(
    catalog: Catalog, database: Database
) -> None:
    one, other = [poster_from(picture("PNG", color=color)) for color in ("red", "blue")]
    await catalog.posters.put(one)
    async with database.transaction() as connection:
        await connection.execute(sa.update(posters).values(uploaded_at=sa.func.now() - KEPT_UNUSED * 2))
    async with database.transaction() as connection:
        await require_poster(connection, one.hash)
        async with within("an upload, which deletes what is unused"):
            await catalog.posters.put(other)
    await catalog.put_showtime(draft(poster_hash=one.hash))
    assert (await catalog.showtime("tonight")).poster_hash == one.hash
    assert await catalog.posters.picture(one.hash) == one.content


async def test_bookings_fix_the_currency_and_allocations_do_not(catalog: Catalog, database: Database) -> None:
    francs = draft(tariff=Tariff.flat("CHF", {"standard": 1150}))
    await catalog.put_showtime(draft())
    async with database.transaction() as connection:
        await connection.execute(sa.update(showtimes).values(seq=1))
    await catalog.put_showtime(francs)  # nothing is booked yet
    await catalog.put_showtime(draft())
    async with database.transaction() as connection:
        await connection.execute(sa.update(showtimes).values(ever_booked=True))
    with pytest.raises(Conflict, match="its currency cannot change"):
        await catalog.put_showtime(francs)
    cheaper, strict = Tariff.flat("EUR", {"standard": 1}), Rules(gap=GapRule(mode="enforce"))
    changed = await catalog.put_showtime(draft(title="Renamed", tariff=cheaper, rules=strict))
    assert (changed.title, changed.tariff, changed.rules) == ("Renamed", cheaper, strict)


async def test_unusable_currencies_are_refused_but_existing_showtimes_keep_theirs(
    catalog: Catalog, database: Database
) -> None:
    nothing = draft(tariff=Tariff.flat("XXX", {"standard": 1150}))
    with pytest.raises(BadRequest, match="currency is 'XXX'"):
        await catalog.put_showtime(nothing)
    await catalog.put_showtime(draft())
    with pytest.raises(BadRequest, match="currency is 'XXX'"):
        await catalog.put_showtime(nothing)
    async with database.transaction() as connection:
        await connection.execute(sa.update(showtimes).values(currency="XXX", ever_booked=True))
    found = await Catalog(database).showtime(draft().id)
    assert found.currency == "XXX"
    renamed = await catalog.put_showtime(msgspec.structs.replace(nothing, title="Renamed"))
    assert (renamed.title, renamed.currency) == ("Renamed", "XXX")


async def test_a_rush_on_one_showtime_makes_one_query(catalog: Catalog, database: Database) -> None:
    await catalog.put_showtime(draft())
    fresh = Catalog(database)
    found = await asyncio.gather(*(fresh.showtime("tonight") for _ in range(500)))
    # Every answer of Postgres becomes an object of its own; here all have the same one.
    assert all(showtime is found[0] for showtime in found)


async def test_another_instance_sees_a_change_when_its_cached_copy_expires(
    catalog: Catalog, database: Database
) -> None:
    now = [0.0]
    other = Catalog(database, clock=lambda: now[0])
    await catalog.put_showtime(draft())
    await other.showtime("tonight")
    await catalog.put_showtime(draft(title="Renamed"))
    assert (await other.showtime("tonight")).title == "The Long Take"
    now[0] = 2.0
    assert (await other.showtime("tonight")).title == "Renamed"


async def test_all_unknown_ids_together_cost_one_query(
    catalog: Catalog, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for showtime_id in ("tonight", "late"):
        await catalog.put_showtime(draft(id=showtime_id))
    asked = 0
    reading = database.reading

    def counted() -> AbstractAsyncContextManager[AsyncConnection]:
        nonlocal asked
        asked += 1
        return reading()

    monkeypatch.setattr(database, "reading", counted)
    other = Catalog(database)
    names = ["late", "no id!", *(f"made-up-{number}" for number in range(98)), "tonight"]
    assert await other.existing(names) == ["late", "tonight"]
    assert asked == 1
    for showtime_id in ("late", "tonight"):
        await other.showtime(showtime_id)
    asked = 0
    assert await other.existing(["tonight", "late"]) == ["tonight", "late"]
    assert asked == 0, "those are known"


async def test_showtimes_in_use_are_read_in_the_same_query(catalog: Catalog, database: Database) -> None:
    now = [0.0]
    other = Catalog(database, clock=lambda: now[0])
    for showtime_id in ("tonight", "late"):
        await catalog.put_showtime(draft(id=showtime_id))
        await other.showtime(showtime_id)
    now[0] = 1.0
    await other.showtime("late")
    await catalog.put_showtime(draft(id="late", title="Renamed"))
    now[0] = 2.0
    await other.showtime("tonight")
    await catalog.put_showtime(draft(id="late", title="Renamed again"))
    now[0] = 3.9
    late = await other.showtime("late")
    assert (late.title, late.seat_map) == ("Renamed", hall())
    now[0] = 4.0
    assert (await other.showtime("late")).title == "Renamed again"


async def test_pages_list_every_showtime_once_and_in_order(catalog: Catalog) -> None:
    await catalog.put_theatre(Theatre(id="rex", name="Rex", timezone="UTC"))
    await catalog.put_auditorium(Auditorium(id="rex-1", theatre_id="rex", name="One"))
    for number in range(7):
        # Two at a time start together: then the id decides.
        await catalog.put_showtime(draft(id=f"s{number}", starts_at_ms=STARTS_MS + number // 2 * HOUR_MS))
    await catalog.put_showtime(draft(id="other", auditorium_id="rex-1"))

    seen, after = [], None
    while True:
        page, after = await catalog.showtimes(ShowtimeFilter(theatre_id="odeon", limit=2, after=after))
        assert len(page) <= 2
        seen += [entry.id for entry in page]
        if after is None:
            break
    assert seen == [f"s{number}" for number in range(7)]


async def test_a_listing_can_be_filtered_by_start_time(catalog: Catalog) -> None:
    for number in range(4):
        await catalog.put_showtime(draft(id=f"s{number}", starts_at_ms=STARTS_MS + number * HOUR_MS))
    wanted = ShowtimeFilter(from_ms=STARTS_MS + HOUR_MS, to_ms=STARTS_MS + 3 * HOUR_MS)
    page, _ = await catalog.showtimes(wanted)
    assert [entry.id for entry in page] == ["s1", "s2"]
    extremes, _ = await catalog.showtimes(ShowtimeFilter(from_ms=-(10**17), to_ms=10**17))
    assert len(extremes) == 4


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 201}, {"after": "x"}, {"after": "9" * 30 + ".a"}])
async def test_an_invalid_page_cursor_is_refused(catalog: Catalog, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        await catalog.showtimes(ShowtimeFilter(**wrong))
