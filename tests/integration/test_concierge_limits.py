"""Conversations that are stopped, left, refused or ended, and how much may be asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from seatserver.concierge import turns
from seatserver.errors import Busy
from seatserver.live.session.leave import Leave
from seatserver.wire.closing import Close
from tests.integration.conftest import MakeServer
from tests.integration.server import LIVES_S, SHOWTIME, Instance, eventually, put_on_sale
from tests.integration.test_concierge import talking


async def test_an_answer_can_be_stopped_and_the_next_question_stops_it_too(server: Instance) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    run = server.core.holding.searches.run

    async def slow(search: Any, **who: Any) -> Any:
        began.set()
        await go_on.wait()
        return await run(search, **who)

    server.core.holding.searches.run = slow  # type: ignore[method-assign]  # a search that waits for the test
    async with talking(server) as talk:
        ref = await talk.send("ask", text="two")
        await began.wait()
        await talk.send("stop")
        assert (await talk.answer_to(ref)).last["stopped"] is True
        began.clear()
        ref = await talk.send("ask", text="three")
        await began.wait()
        other = await talk.send("ask", text="four")
        assert (await talk.answer_to(ref)).last["stopped"] is True
        go_on.set()
        assert len((await talk.answer_to(other)).offers[0]["seats"]) == 4


async def test_questions_sent_in_one_breath_are_all_answered(server: Instance) -> None:
    async with talking(server) as talk:
        await talk.send_at_once({"type": "ask", "ref": ref, "text": "two"} for ref in (10, 11, 12))
        for ref in (10, 11):
            assert (await talk.answer_to(ref)).last["stopped"] is True
        assert (await talk.answer_to(12)).offers
        assert talk.log[-1]["turns"] >= 47, "what was not begun may not count"


async def test_a_hold_under_way_is_finished_and_told_when_the_server_says_goodbye(make_server: MakeServer) -> None:
    server = await make_server()
    asked, go_on = asyncio.Event(), asyncio.Event()
    holds_of = server.core.store.holds_of

    async def slow(*which: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await holds_of(*which)

    async with talking(server) as talk:
        await talk.ask("two")
        server.core.store.holds_of = slow  # type: ignore[assignment, method-assign]  # a Redis that waits for the test
        ref = await talk.send("ask", text="take the first one")
        await asked.wait()
        await talk.send("stop")
        await eventually(lambda: any(one.get_name() == "answer" and one.cancelling() for one in asyncio.all_tasks()))
        server.core.conversations.dismiss_where(lambda user: user == "ann", Leave(Close.GOING_AWAY, "this is a test"))
        await asyncio.sleep(0)
        go_on.set()
        code, words = await talk.last_words()
    assert (code, [word["type"] for word in words]) == (1012, ["done", "bye"])
    assert (words[0]["ref"], words[0]["stopped"]) == (ref, True)
    assert words[0]["held"] is not None


async def test_a_visitor_who_leaves_in_the_middle_of_an_answer_leaves_nothing_behind(server: Instance) -> None:
    began = asyncio.Event()

    async def never(search: Any, **who: Any) -> Any:
        began.set()
        await asyncio.Event().wait()

    server.core.holding.searches.run = never  # type: ignore[method-assign]  # a search that never ends
    async with talking(server) as talk:
        await talk.send("ask", text="two")
        await began.wait()
    await eventually(lambda: server.gauge("concierge_conversations") == 0)
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("answer", "concierge")]


async def test_an_answer_that_takes_too_long_ends_and_says_so(make_server: MakeServer) -> None:
    server = await make_server(concierge_answer_ms=100)

    async def never(search: Any, **who: Any) -> Any:
        await asyncio.Event().wait()

    server.core.holding.searches.run = never  # type: ignore[method-assign]  # a search that never ends
    async with talking(server) as talk:
        reply = await talk.ask("two")
    assert (reply.text, reply.last["stopped"]) == ("That took too long. Please try again.", True)


async def test_a_full_queue_of_searches_is_an_answer_too(server: Instance) -> None:
    async def full(search: Any, **who: Any) -> Any:
        raise Busy("the queue of searches")

    server.core.holding.searches.run = full  # type: ignore[method-assign]  # a queue that is full
    async with talking(server) as talk:
        assert "Please try again in a moment." in (await talk.ask("two")).text


async def test_a_question_that_is_too_long_is_refused(make_server: MakeServer) -> None:
    server = await make_server(concierge_chars=40)
    async with talking(server) as talk:
        too_long = await talk.ask("x" * 41)
        assert (too_long.last["code"], too_long.last["facts"]) == ("bad_request", {"where": "text"})
        assert (await talk.ask("x" * 40)).last["type"] == "done"


@pytest.fixture
def endless_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """No minute ends during the test."""
    monkeypatch.setattr(turns, "WINDOW_S", 1e12)


@pytest.mark.usefixtures("endless_minute")
async def test_a_user_may_ask_only_so_much_in_a_minute_over_all_conversations(make_server: MakeServer) -> None:
    server = await make_server(unlimited=(), concierge_user_turns=2)
    async with talking(server) as one, talking(server) as other, talking(server, "bob") as bob:
        assert [(await talk.ask("two")).last["type"] for talk in (one, other)] == ["done", "done"]
        for talk in (one, other):
            busy = await talk.ask("two")
            assert (busy.last["code"], busy.last["retryable"]) == ("busy", True)
        assert (await bob.ask("two")).last["type"] == "done"


@pytest.mark.usefixtures("endless_minute")
async def test_so_many_questions_may_be_asked_about_one_showtime_in_a_minute(make_server: MakeServer) -> None:
    server = await make_server(unlimited=(), concierge_showtime_turns=2)
    await put_on_sale(server.core.catalog, "other")
    async with talking(server) as ann, talking(server, "bob") as bob, talking(server, showtime="other") as other:
        assert [(await talk.ask("two")).last["type"] for talk in (ann, bob)] == ["done", "done"]
        assert (await bob.ask("two")).last["code"] == "busy"
        assert (await other.ask("two")).last["type"] == "done"


@pytest.mark.usefixtures("endless_minute")
async def test_the_guests_of_one_network_share_its_questions_and_other_users_do_not(make_server: MakeServer) -> None:
    server = await make_server(unlimited=(), concierge_user_turns=1)
    answers: dict[bool, list[str]] = {False: [], True: []}
    for is_guest in (False, True):
        for number in range(5):
            token = server.core.tokens.guest()[0] if is_guest else server.token(f"user-{number}")
            async with talking(server, begin=False) as talk:
                assert (await talk.begin(token=token))["type"] == "ready"
                answers[is_guest].append((await talk.ask("two")).last["type"])
    assert answers == {False: ["done"] * 5, True: ["done"] * 4 + ["error"]}


async def test_a_network_without_limits_has_none_here_either(make_server: MakeServer) -> None:
    server = await make_server(concierge_user_turns=1, concierge_showtime_turns=1)
    async with talking(server) as talk:
        assert [(await talk.ask("two")).last["type"] for _ in range(3)] == ["done"] * 3


async def test_a_conversation_ends_after_its_last_answer_and_another_can_be_begun(make_server: MakeServer) -> None:
    server = await make_server(concierge_turns=2)
    async with talking(server) as talk:
        assert [(await talk.ask("two")).last["turns"] for _ in range(2)] == [1, 0]
        code, words = await talk.last_words()
        assert (code, [word["reason"] for word in words]) == (1012, ["this conversation has come to its end"])
    async with talking(server) as talk:
        assert (await talk.ask("two")).last["turns"] == 1


async def test_a_server_takes_only_so_many_conversations(make_server: MakeServer) -> None:
    server = await make_server(concierge_conversations=2)
    async with talking(server), talking(server, "bob"):
        with pytest.raises(InvalidStatus) as refused:
            async with talking(server, "eve"):
                raise AssertionError("there is no room for a third")
    assert refused.value.response.status_code == 503


async def test_a_flood_of_messages_is_refused_and_keeps_nobody_waiting(make_server: MakeServer) -> None:
    server = await make_server(unlimited=(), user_commands_per_s=2)
    loop, refused = asyncio.get_running_loop(), server.core.metrics.turned_away
    at_once = [0]  # how many messages were served between two turns of the loop

    def look(before: int) -> None:
        now = int(refused.totals().get("commands", 0))
        at_once.append(now - before)
        if now < 400:
            loop.call_soon(look, now)

    async with talking(server) as talk:
        look(0)
        await talk.send_at_once({"type": "stop", "ref": ref} for ref in range(100, 600))
        while (error := await talk.next())["ref"] < 599:
            pass
    assert (error["code"], error["facts"]["what"]) == ("too_many", "commands")
    assert max(at_once) <= 2


async def test_a_user_has_only_so_many_conversations_at_once(make_server: MakeServer) -> None:
    server = await make_server(concierge_user_conversations=1)
    async with talking(server), talking(server, begin=False) as other:
        assert (await other.begin())["type"] == "bye"
        assert (await other.last_words())[0] == 4100


async def test_a_conversation_ends_with_its_token_and_goes_on_with_a_fresh_one(make_server: MakeServer) -> None:
    server = await make_server(token_leeway_s=0)
    for lifetime_s in LIVES_S:
        async with talking(server, begin=False) as talk, talking(server, begin=False) as other:
            try:
                began = [await one.begin(token=server.token("ann", lifetime_s=lifetime_s)) for one in (talk, other)]
                began.append(await other.begin())  # with a fresh token
            except ConnectionClosed:
                continue  # the machine is slower than that
            if any(answer["type"] != "ready" for answer in began):
                continue
            code, words = await talk.last_words()
            assert (code, [word["type"] for word in words]) == (4200, ["bye"])
            assert (await other.ask("two")).offers
            assert (await other.begin(token=server.token("bob")))["code"] == "unauthorized", "of another user"
            return
    raise AssertionError("no conversation began")


async def test_who_asks_nothing_for_long_is_sent_away(make_server: MakeServer) -> None:
    server = await make_server(concierge_idle_ms=1000)
    async with talking(server) as talk:
        code, words = await talk.last_words()
    assert (code, words[0]["reason"]) == (1012, "nothing was asked for long")


async def test_a_begin_that_is_not_let_in_says_why(server: Instance) -> None:
    for showtime, fields, code, close in (
        (SHOWTIME, {"token": "nonsense"}, "unauthorized", 4001),
        (SHOWTIME, {"token": None}, "unauthorized", 4001),
        (SHOWTIME, {"token": server.token("ann", "settle")}, "forbidden", 4003),
        (SHOWTIME, {"lang": "fr"}, "bad_request", 4008),
        ("never", {}, "not_found", 4004),
    ):
        async with talking(server, showtime=showtime, begin=False) as talk:
            error = await talk.begin(**fields)
            assert (error["type"], error["code"]) == ("error", code), fields
            assert (await talk.last_words())[0] == close


async def test_messages_that_are_none_are_refused_and_end_the_conversation_after_twenty(server: Instance) -> None:
    async with talking(server) as talk:
        for number in range(20):
            await talk.connection.send('{"type":"book","ref":7}' if number % 2 else "[" * 3000)
        code, words = await talk.last_words()
    assert code == 4010
    assert {word["code"] for word in words if word["type"] == "error"} == {"bad_request"}


async def test_another_begin_counts_as_a_command_and_one_that_fails_as_a_bad_message(make_server: MakeServer) -> None:
    server = await make_server(unlimited=(), user_commands_per_s=4)
    async with talking(server) as talk:
        answers = [await talk.begin() for _ in range(30)]
        assert [answer["type"] for answer in answers[:20]] == ["ready"] * 20
        assert answers[-1]["code"] == "too_many"
    async with talking(server, "bob") as talk:
        for _ in range(20):
            await talk.send("begin", token="nonsense")
        code, words = await talk.last_words()
    assert code == 4010
    assert {word["code"] for word in words if word["type"] == "error"} == {"unauthorized"}


async def test_pages_of_other_origins_are_refused(server: Instance) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talking(server, origin="https://evil.example"):
            raise AssertionError("it was let in")
    assert refused.value.response.status_code == 403


async def test_where_it_is_turned_off_there_is_no_such_path(make_server: MakeServer) -> None:
    server = await make_server(concierge=False)
    with pytest.raises(InvalidStatus):
        async with talking(server):
            raise AssertionError("it was let in")


async def test_a_server_that_stops_says_goodbye(make_server: MakeServer) -> None:
    server = await make_server()
    async with talking(server) as talk:
        server.uvicorn.should_exit = True
        code, words = await talk.last_words()
    assert (code, words[-1]["reason"]) == (1012, "this server restarts")


async def test_what_is_asked_is_counted(server: Instance) -> None:
    async with talking(server) as talk:
        await talk.ask("two romantic seats")
        await talk.ask("book")
    asked = server.core.metrics.turns.totals()
    assert (asked, server.core.metrics.not_understood.total()) == ({"find": 1, "book": 1}, 1)
