"""Staff's questions over the live figures: real sockets and bookings, and a stand-in for the model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from seatserver.bookings.sales import SalesFigures
from seatserver.catalog.showtime import Auditorium, Theatre
from seatserver.wire.closing import Close
from tests.integration.conftest import MakeServer
from tests.integration.server import HOUR_MS, SEATS, SHOWTIME, Instance, hold, now_ms, put_on_sale
from tests.integration.test_concierge import Talk
from tests.integration.test_concierge_injections import CORPUS, EVERYTHING, strings_in
from tests.support.gemini import KEY, MODEL, Call, End, GeminiStandIn, Json, Say, Steps, Wait, say
from tests.waiting import PATIENCE_S

WEEK_MS = 7 * 24 * HOUR_MS


@asynccontextmanager
async def asking(server: Instance, user: str = "boss", *scopes: str, lang: str = "en") -> AsyncIterator[Talk]:
    """A conversation of staff."""
    address = f"ws{server.url.removeprefix('http')}/ws/operations"
    async with connect(address, proxy=None, compression=None, open_timeout=PATIENCE_S) as connection:
        talk = Talk(connection, server.token(user, *(scopes or ("admin",))))
        assert (await talk.begin(lang=lang))["type"] == "ready"
        yield talk
    assert "Traceback" not in repr(talk.log)


async def book(server: Instance, showtime: str, seats: list[int], at_ms: int, ended_at_ms: int | None = None) -> None:
    """A booking as it stands in the database; with an end, it was cancelled then."""
    async with server.core.database.transaction() as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO bookings (id, showtime_id, user_id, status, seats, total_minor, currency, created_at, "
                "ended_at) VALUES (:id, :showtime, 'ann-the-secret-customer', :status, :seats, 1000, 'EUR', :at, "
                ":ended)"
            ),
            {
                "id": uuid4(),
                "showtime": showtime,
                "status": "confirmed" if ended_at_ms is None else "cancelled",
                "seats": seats,
                "at": datetime.fromtimestamp(at_ms / 1000, UTC),
                "ended": None if ended_at_ms is None else datetime.fromtimestamp(ended_at_ms / 1000, UTC),
            },
        )


async def put_now(server: Instance) -> int:
    """Let the showtime start in three hours; when that is. Its weekday is the earlier ones' even around midnight."""
    starts = now_ms() + 3 * HOUR_MS
    await put_on_sale(server.core.catalog, starts_at_ms=starts, sale_ends_at_ms=starts)
    return starts


async def put_earlier(
    server: Instance, now_starts: int, weeks: int, sold: int, *, on_sale_h: int = 72, hall: str = "studio"
) -> None:
    """A showtime of the same hall and weekday so many weeks ago, of which so much was sold three hours before."""
    starts = now_starts - weeks * WEEK_MS
    name = f"earlier-{hall}-{weeks}"
    await put_on_sale(
        server.core.catalog, name, starts_at_ms=starts, on_sale_at_ms=starts - on_sale_h * HOUR_MS,
        sale_ends_at_ms=starts, auditorium_id=hall,
    )  # fmt: skip
    await book(server, name, list(range(sold)), starts - 4 * HOUR_MS)
    # Sold later, or given back before: neither counts three hours before the start. What was given back later does.
    await book(server, name, [sold, sold + 1, sold + 2], starts - 2 * HOUR_MS)
    await book(server, name, [sold, sold + 1], starts - 5 * HOUR_MS, ended_at_ms=starts - 4 * HOUR_MS)
    await book(server, name, [sold + 3], starts - 5 * HOUR_MS, ended_at_ms=starts - 2 * HOUR_MS)


async def keep_one_clock(server: Instance) -> None:
    """Let the theatre's weekday be that of UTC, whatever a change to summer time does to other places."""
    await server.core.catalog.put_theatre(Theatre(id="rex", name="Rex", timezone="UTC"))


async def test_slower_than_usual_compares_with_what_was_sold_as_long_before_earlier_showtimes(server: Instance) -> None:
    starts = await put_now(server)
    for weeks, sold in ((1, 9), (2, 13), (3, 27 - 4)):
        await put_earlier(server, starts, weeks, sold)
    await put_earlier(server, starts, 4, 3, on_sale_h=2)  # was not on sale yet, three hours before
    await server.core.catalog.put_auditorium(Auditorium(id="other", theatre_id="rex", name="Other"))
    await put_earlier(server, starts, 1, 1, hall="other")
    await put_earlier(server, starts, 30, 1)  # too long ago
    await put_on_sale(server.core.catalog, "new", auditorium_id="other", title="Brand New")
    await keep_one_clock(server)
    await book(server, SHOWTIME, [0, 1], now_ms() - HOUR_MS)
    async with asking(server) as talk:
        reply = await talk.ask("Which showtimes sell slower than usual?")
        german = await talk.ask("Verkauft sich Brand New langsamer als sonst?")
        faster = await talk.ask("Which ones sell faster than usual?")
    # 10, 14 and 24 of 28 at the time: half of the hall is usual.
    assert reply.text.splitlines()[0] == "Slower than usual: 1. Showtimes that can be compared: 1."
    assert "7 % sold; usually 50 % by then (showtimes compared: 3)." in reply.text
    assert "The Long Night (Studio, Rex, " in reply.text
    assert "Left out, because fewer than 3 earlier showtimes can be compared: 1." in reply.text
    assert german.text.startswith("I cannot say what is usual yet: that takes 3 earlier showtimes")
    assert faster.text.startswith("Faster than usual: none. Showtimes that can be compared: 1.")
    found = await SalesFigures(server.core.database).paces([SHOWTIME], datetime.now(UTC))
    assert (found[SHOWTIME].sold, found[SHOWTIME].places, found[SHOWTIME].judgement) == (2, SEATS, "slower")


async def test_sales_are_counted_by_hour_and_day_without_what_was_cancelled(server: Instance) -> None:
    await keep_one_clock(server)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    before, long_before = hour - timedelta(minutes=30), hour - timedelta(hours=4)
    for at, seats, ended in ((now_ms(), [0], None), (_ms(before), [1, 2], None), (_ms(before), [3], now_ms())):
        await book(server, SHOWTIME, seats, at, ended)
    await book(server, SHOWTIME, [4], _ms(long_before))
    async with asking(server, lang="de") as talk:
        # Of three hours, so that the next one may begin in the middle of the test.
        reply = await talk.ask("Wie viele Karten wurden in den letzten 3 Stunden verkauft?")
    head, *lines = reply.text.splitlines()
    assert head.startswith("Stunden, die jetzige eingeschlossen: 3. Verkaufte Karten: 3, Buchungen: 2 (Zeitzone UTC")
    assert [line[-18:] for line in lines] == [": 2 (Buchungen: 1)", ": 1 (Buchungen: 1)"]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


async def test_places_kiosks_refusals_and_servers_are_told_as_they_are(server: Instance) -> None:
    await hold(server.core, "bob", 8, 9)
    async with asking(server) as talk:
        full = await talk.ask("How full is The Long Night?")
        kiosks = await talk.ask("Which kiosks need help?")
        quiet = await talk.ask("What was refused in the last minute?")
        health = await talk.ask("Is everything working?")
        odd = await talk.ask("Who booked seat C-4?")
        lost = await talk.ask("What is the meaning of life?")
    assert f"0 of {SEATS} sold (0 %), 2 held, 25 free." in full.text
    assert kiosks.text == "There are no kiosks."
    assert quiet.text == "Nothing was refused in the last 60 seconds."
    assert "Servers: 1." in health.text
    assert odd.text.startswith(
        "I did not understand “Who”, “C”, “4”, so the answer leaves it out.\nThe next showtimes:"
    )
    assert odd.last["leftover"] == ["Who", "C", "4"]
    assert lost.text.startswith("I did not find a question in that. You can ask, for example:\n– Which showtimes")


async def test_who_may_not_see_the_figures_may_not_ask_about_them(server: Instance) -> None:
    for scopes in (("watch", "hold", "book"), ("watch",)):
        address = f"ws{server.url.removeprefix('http')}/ws/operations"
        async with connect(address, proxy=None, compression=None, open_timeout=PATIENCE_S) as connection:
            talk = Talk(connection, server.token("ann", *scopes))
            refused = await talk.begin()
            assert (refused["type"], refused["code"]) == ("error", "forbidden")
            code, _ = await talk.last_words()
            assert code == Close.FORBIDDEN


async def test_nothing_can_be_asked_aloud_or_where_there_is_no_concierge(make_server: MakeServer) -> None:
    server = await make_server(concierge=False)
    headers = {"Authorization": f"Bearer {server.token('boss', 'admin')}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as client:
        assert (await client.get("/api/v1/admin/house")).json()["asking"] is None
    with pytest.raises(InvalidStatus):
        async with asking(server):
            pass
    server = await make_server()
    async with asking(server) as talk:
        assert talk.log[0]["voice_s"] == 0
        ref = await talk.send("speak")
        refused = await talk.next()
        assert (refused["ref"], refused["code"]) == (ref, "bad_request")


# ---------------------------------------------------------------- with a model


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandIn]:
    async with GeminiStandIn().running() as stand_in:
        yield stand_in


async def with_model(make_server: MakeServer, gemini: GeminiStandIn, **changes: Any) -> Instance:
    patient = {"gemini_turn_ms": 100_000, "gemini_quiet_ms": 60_000, "concierge_answer_ms": 120_000}
    ours = {"gemini_api_key": KEY, "gemini_model": MODEL, "gemini_url": gemini.url}
    return await make_server(**{**ours, **patient, **changes})


async def test_a_models_numbers_come_from_the_tools_and_it_sees_no_customer(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    server = await with_model(make_server, gemini, gemini_user_turns=2)
    starts = await put_now(server)
    for weeks in (1, 2, 3):
        await put_earlier(server, starts, weeks, 13)
    await keep_one_clock(server)
    await book(server, SHOWTIME, [0, 1], now_ms() - HOUR_MS)
    everything: Steps = [Call("sales_pace"), Call("showtimes"), Call("sales", {"unit": "day", "count": 7}), End()]
    rest: Steps = [Call("refusals"), Call("kiosks"), Call("health"), Call("sales", {"unit": "month"}), End()]
    gemini.script += [everything, rest, say("The Long Night: 7 % sold, usually 50 %, compared with 3.")]
    gemini.script += [[Call("sales_pace"), End()], say("About 83 % are sold.")]
    async with asking(server, "boss@cinema.example") as talk:
        assert talk.log[0]["model"] is True
        reply = await talk.ask("Which showtimes sell slower than usual?")
        wrong = await talk.ask("Which showtimes sell slower than usual?")
        spent = await talk.ask("Which showtimes sell slower than usual?")
    assert reply.text == "The Long Night: 7 % sold, usually 50 %, compared with 3."
    assert "83" not in wrong.text
    assert wrong.text.endswith("faster more than five quarters."), "the rules answered"
    assert spent.text.startswith("The assistant has been asked enough for today, so I answer by fixed rules.\nSlower")
    parts = [part for request in gemini.requests for content in request["contents"] for part in content["parts"]]
    answers = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
    assert len(answers) >= 7
    assert sum("error" in answer for answer in answers) >= 1, "there are no months"
    asked = set(strings_in(gemini.requests))
    for secret in ("ann-the-secret-customer", "boss@cinema.example", talk.token, KEY):
        assert not any(secret in text for text in asked), secret
    assert "user_id" not in asked
    names = {declared["name"] for tool in gemini.last["tools"] for declared in tool["functionDeclarations"]}
    assert names == {"showtimes", "sales_pace", "sales", "refusals", "kiosks", "health"}, "they only read"


async def test_an_answer_of_the_model_can_be_stopped(make_server: MakeServer, gemini: GeminiStandIn) -> None:
    server = await with_model(make_server, gemini)
    forever = asyncio.Event()
    gemini.script += [[Say("Let me see "), Wait(forever), End()], say("Fine.")]
    async with asking(server) as talk:
        ref = await talk.send("ask", text="Is everything working?")
        assert (await talk.next())["type"] == "words"
        await talk.send("stop")
        reply = await talk.answer_to(ref)
        assert reply.last["stopped"] is True
        assert (await talk.ask("And now?")).text == "Fine."
    forever.set()


class ObedientToAll:
    """A model that calls every tool it ever heard of, and then tells all that it knows."""

    def __call__(self, request: Json) -> Steps:
        answered = sum("functionResponse" in part for content in request["contents"] for part in content["parts"])
        known = [Call(name) for name in ("showtimes", "sales_pace", "kiosks")]
        calls = [*known, *EVERYTHING[:9]][answered : answered + 4]
        if calls:
            return [*calls, End()]
        instructions = "".join(part["text"] for part in request["systemInstruction"]["parts"])
        said = f"<script>alert(1)</script> All 777 are sold. {instructions} https://evil.example/?t={KEY}"
        return [*(Say(f"{piece} ") for piece in said.split(" ")), End()]


async def test_titles_halls_and_kiosks_that_give_orders_are_nothing_but_data(make_server: MakeServer) -> None:
    async with GeminiStandIn(ObedientToAll()).running() as gemini:
        server = await with_model(make_server, gemini, gemini_user_cents=100_000, gemini_user_tokens=100_000_000)
        core = server.core
        bobs = await hold(core, "bob", 8, 9)
        before = await server.states()
        await _enrol(server)
        async with asking(server) as talk:
            for injection in CORPUS:
                name = "".join(letter for letter in injection if letter.isprintable())
                await core.catalog.put_auditorium(Auditorium(id="studio", theatre_id="rex", name=name[:100]))
                await put_on_sale(core.catalog, title=name[:180])
                async with core.database.transaction() as connection:
                    await connection.execute(sa.text("UPDATE kiosks SET name = :name"), {"name": name[:80]})
                reply = await talk.ask(injection)
                assert reply.last["type"] == "done"
                for secret in ("777", f"?t={KEY}", KEY, str(bobs), talk.token, core.settings.token_secret):
                    assert secret not in reply.text, secret
                assert "All figures come from your tools, which only read" not in reply.text
        assert await server.states() == before
        assert [one.hold_id for one in await core.store.holds_of(SHOWTIME, "bob")] == [bobs]
        assert talk.token not in json.dumps(gemini.requests)


async def _enrol(server: Instance) -> None:
    kiosk = await server.core.kiosks.introduce("k" * 43)
    await server.core.kiosks.enrol(kiosk.code, theatre_id="rex", name="Lobby", channel="", by="boss")
