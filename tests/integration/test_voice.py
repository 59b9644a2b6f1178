"""Spoken questions: the real google-genai client between our socket and a stand-in for the Gemini Live API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seatserver.concierge.model.breaker import Breaker
from seatserver.concierge.model.budgets import spoken_prices
from seatserver.concierge.voice import turn
from seatserver.errors import Busy
from tests.integration.conftest import MakeServer
from tests.integration.server import Instance, Message, eventually
from tests.integration.test_concierge import Talk, talking
from tests.integration.test_concierge_model import Hands, keep_the_day
from tests.integration.test_rush_tls import Authority
from tests.support.gemini import KEY
from tests.support.gemini_live import (
    GO_AWAY,
    INTERRUPTED,
    LIVE_MODEL,
    TURN_COMPLETE,
    Answered,
    Close,
    Cut,
    HearOut,
    LiveStandIn,
    Stall,
    calls,
    hears,
    may_resume,
    speaks,
    whole,
)
from tests.waiting import PATIENCE_S

WISH = "Two seats in row B"
TENTH_S = bytes(range(256)) * 12 + bytes(128)
"""3200 bytes: a tenth of a second of the visitor's voice."""
SPEECH = bytes(range(200)) * 100
"""Less than half a second of the answer."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who certifies the stand-in: google-genai speaks to the Live API over TLS only."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def live(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveStandIn]:
    """The stand-in, and where it is reached."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with LiveStandIn().running(**authority.options) as stand_in:
        yield stand_in


@asynccontextmanager
async def voice(make_server: MakeServer, live: LiveStandIn, **changes: Any) -> AsyncIterator[tuple[Instance, Talk]]:
    """A conversation with a server that hears. The stand-in answers no question in writing, so the rules do."""
    keys = {"gemini_api_key": KEY, "gemini_url": live.url, "gemini_live_model": LIVE_MODEL}
    server = await make_server(**{**keys, **changes})
    async with talking(server) as talk:
        yield server, talk


class Spoken:
    """What came back to a spoken question."""

    def __init__(self, messages: list[Message], sound: bytes) -> None:
        self.kinds = [message["type"] for message in messages]
        self.last = messages[-1]
        self.text = "".join(message["text"] for message in messages if message["type"] == "words")
        self.heard = [message["text"] for message in messages if message["type"] == "heard"]
        self.offers = [offer for message in messages for offer in message.get("offers", [])]
        self.sound = sound


async def speak(talk: Talk, *pieces: bytes, finish: bool = True, **fields: Any) -> int:
    """Say something; the ref of the question."""
    ref = await talk.send("speak", **fields)
    for piece in pieces:
        await talk.connection.send(piece)
    if finish:
        await talk.send("spoken")
    return ref


async def reply(talk: Talk, ref: int) -> Spoken:
    """Read the answer to its end."""
    messages: list[Message] = []
    sound = b""
    async with asyncio.timeout(PATIENCE_S):
        while not messages or messages[-1]["type"] not in ("done", "error"):
            received = await talk.connection.recv()
            if isinstance(received, bytes):
                sound += received
                continue
            messages.append(json.loads(received))
            assert messages[-1]["ref"] == ref
    return Spoken(messages, sound)


async def test_a_spoken_wish_is_heard_answered_by_the_concierge_and_read_aloud(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(whole("two seats in row B", WISH, SPEECH))
    async with voice(make_server, live) as (server, talk):
        found = await reply(talk, await speak(talk, TENTH_S, TENTH_S))
        assert found.kinds[:3] == ["listening", "heard", "words"]
        assert found.heard == ["two seats in row B"]
        assert "For two, in row B. The best: row B" in found.text
        assert {seat // 8 for seat in found.offers[0]["seats"]} == {1}
        assert found.sound == SPEECH
        assert found.last["turns"] == 49
        assert not found.last["stopped"]
        assert live.last.sound == TENTH_S * 2, "every sound, in order"
        assert live.last.activity == ["activityStart", "activityEnd"]
        assert live.last.answers[0]["id"] == "call-1"
        assert live.last.answers[0]["response"] == {"text": found.text}
        setup = live.last.setup
        assert setup["model"] == f"models/{LIVE_MODEL}"
        assert setup["generationConfig"]["responseModalities"] == ["AUDIO"]
        assert setup["realtimeInputConfig"] == {"automatic_activity_detection": {"disabled": True}}
        await eventually(lambda: live.last.is_gone, "the line to be hung up")
        assert [await metric(server, how) for how in ("aloud", "lost")] == [1, 0]


async def metric(server: Instance, how: str) -> int:
    """How many spoken questions were answered so."""
    found = server.core.metrics.registry.get_sample_value("seatserver_concierge_spoken_total", {"how": how})
    return int(found or 0)


async def test_what_the_model_says_without_asking_the_concierge_is_heard_by_nobody(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(
        [HearOut(), hears("two in "), hears("row B"), speaks(SPEECH, "A seat is 3 euros"), TURN_COMPLETE]
    )
    async with voice(make_server, live) as (_, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
    assert found.sound == b""
    assert found.heard == ["two in ", "two in row B"]
    assert "For two, in row B." in found.text
    assert "3 euros" not in found.text


async def test_calls_that_are_none_are_answered_with_an_error_and_the_question_is_asked_once(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(
        [
            HearOut(),
            calls(WISH, name="book_everything"),
            Answered(),
            calls(17, call_id="call-2"),
            Answered(),
            calls(WISH, call_id="call-3"),
            Answered(),
            calls("hold them", call_id="call-4"),
            Answered(),
            speaks(SPEECH),
            TURN_COMPLETE,
        ]
    )
    async with voice(make_server, live) as (_, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
        answers = [answer["response"] for answer in live.last.answers]
    assert ["error" in answer for answer in answers] == [True, True, False, True]
    assert found.last["held"] is None
    assert found.last["turns"] == 49


async def test_a_model_that_says_nothing_more_is_given_up(
    make_server: MakeServer, live: LiveStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.script.append([HearOut(len(TENTH_S)), hears(WISH), Stall()])
    async with voice(make_server, live) as (_, talk):
        ref = await speak(talk, TENTH_S, finish=False)
        while (await talk.next())["type"] != "heard":
            pass
        monkeypatch.setattr(turn, "QUIET_S", 0.05)
        await talk.send("spoken")
        found = await reply(talk, ref)
        assert found.text.startswith("I cannot speak just now, so here is my answer in writing.")
        assert "For two, in row B." in found.text


@pytest.mark.parametrize("fault", [Close(1011, "Internal error"), Cut()], ids=["1011", "cut"])
async def test_a_line_that_fails_ends_in_writing(make_server: MakeServer, live: LiveStandIn, fault: Any) -> None:
    live.script.append([HearOut(), hears(WISH), fault])
    live.script.append([HearOut(), fault])
    live.script.append([HearOut(), hears(WISH), calls(WISH), Answered(), speaks(SPEECH), fault])
    async with voice(make_server, live) as (server, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
        assert found.text.startswith("I cannot speak just now, so here is my answer in writing.")
        assert "For two, in row B." in found.text
        assert found.offers
        deaf = await reply(talk, await speak(talk, TENTH_S))
        assert (deaf.text, deaf.offers) == ("I cannot listen just now. Please type your wish.", [])
        aloud = await reply(talk, await speak(talk, TENTH_S))
        assert "For two, in row B." in aloud.text
        assert aloud.sound == SPEECH
        assert await metric(server, "lost") == 3
        written = await talk.ask(WISH)
        assert written.offers, "the conversation goes on"


async def test_a_server_that_cannot_be_reached_says_so_in_one_sentence(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    async with voice(make_server, live) as (_, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
    assert found.text == "I cannot listen just now. Please type your wish."


async def test_a_connection_that_must_go_is_taken_up_by_another_and_nobody_notices(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append([may_resume("handle-1"), GO_AWAY, HearOut(2 * len(TENTH_S)), hears("two"), Close(1001)])
    live.script.append([may_resume("handle-2"), *whole("two seats in row B", WISH, SPEECH)])
    live.script.append(whole("hold them", "hold them", SPEECH))
    async with voice(make_server, live) as (_, talk):
        ref = await speak(talk, TENTH_S, TENTH_S, finish=False)
        await eventually(lambda: len(live.connections) == 2, "another connection")
        await talk.connection.send(TENTH_S)
        await talk.send("spoken")
        found = await reply(talk, ref)
        assert (found.heard[-1], found.sound) == ("two seats in row B", SPEECH)
        assert "I cannot" not in found.text
        assert live.last.sound == TENTH_S * 3, "from its beginning"
        held = await reply(talk, await speak(talk, TENTH_S))
        assert held.last["held"] is not None
        handles = [connection.setup["sessionResumption"].get("handle") for connection in live.connections]
    assert handles == [None, "handle-1", "handle-2"]


async def test_a_long_session_with_the_model_is_not_paid_for_again_and_again(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    long = {"serverContent": {"turnComplete": True}, "usageMetadata": {"promptTokenCount": 6000}}
    live.script.append([may_resume("handle-1"), *whole(WISH, WISH, SPEECH)])
    live.script.append([*whole(WISH, WISH, SPEECH)[:-1], may_resume("handle-2"), long])
    live.script.append(whole(WISH, WISH, SPEECH))
    async with voice(make_server, live) as (_, talk):
        for _ in range(3):
            assert (await reply(talk, await speak(talk, TENTH_S))).sound == SPEECH
    handles = [connection.setup["sessionResumption"].get("handle") for connection in live.connections]
    assert handles == [None, "handle-1", None]


async def test_a_spoken_question_waits_no_longer_for_its_answer_than_a_typed_one(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(whole(WISH, WISH, SPEECH))
    async with voice(make_server, live, concierge_answer_ms=0) as (_, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
    assert live.last.answers[0]["response"] == {"text": found.text}
    assert "took too long" in found.text
    assert (found.last["stopped"], found.sound) == (True, SPEECH)


async def test_a_visitor_who_talks_again_interrupts_the_answer(make_server: MakeServer, live: LiveStandIn) -> None:
    live.script.append([HearOut(), hears(WISH), calls(WISH), Answered(), speaks(SPEECH), Stall()])
    live.script.append(whole("three in row C", "three in row C", SPEECH))
    async with voice(make_server, live) as (_, talk):
        ref = await speak(talk, TENTH_S)
        while not isinstance(await talk.connection.recv(), bytes):
            pass
        second = await speak(talk, TENTH_S)
        while isinstance(received := await talk.connection.recv(), bytes):
            pass
        assert json.loads(received) | {"ref": ref, "type": "done", "stopped": True} == (json.loads(received))
        found = await reply(talk, second)
        assert "For three, in row C." in found.text
        await eventually(lambda: live.connections[0].is_gone, "the first line to be hung up")


async def test_speech_that_the_model_breaks_off_is_silenced(make_server: MakeServer, live: LiveStandIn) -> None:
    live.script.append(
        [HearOut(), hears(WISH), calls(WISH), Answered(), speaks(SPEECH), INTERRUPTED, speaks(SPEECH), TURN_COMPLETE]
    )
    async with voice(make_server, live) as (_, talk):
        found = await reply(talk, await speak(talk, TENTH_S))
    assert "quiet" in found.kinds
    assert found.sound == SPEECH


async def test_a_question_has_an_end_and_so_has_what_a_visitor_may_say(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.extend(whole(WISH, WISH, SPEECH) for _ in range(2))
    async with voice(make_server, live, voice_s=1, voice_user_s=1) as (_, talk):
        ref = await speak(talk, *[TENTH_S] * 12, finish=False)
        found = await reply(talk, ref)
        assert "For two, in row B." in found.text
        assert live.last.sound == TENTH_S * 10, "one second, and no more"
        refused = await reply(talk, await speak(talk))
        assert (refused.last["type"], refused.last["code"]) == ("error", Busy.code)
        assert "was used too much in this hour" in refused.last["message"]


async def test_a_question_without_sound_has_an_end_too(
    make_server: MakeServer, live: LiveStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LATE_S", 0.0)
    live.script.append(whole(WISH, WISH, SPEECH))
    async with voice(make_server, live, voice_s=1) as (_, talk):
        found = await reply(talk, await speak(talk, finish=False))
        assert (found.last["stopped"], found.sound) == (False, SPEECH)
        assert live.last.activity == ["activityStart", "activityEnd"]


async def test_a_visitor_speaks_in_one_conversation_at_a_time(make_server: MakeServer, live: LiveStandIn) -> None:
    live.script.extend([[Stall()], [Stall()], whole(WISH, WISH, SPEECH)])
    async with voice(make_server, live) as (server, talk), talking(server) as again:
        for number in (1, 2):  # in the same one it takes the place of the question before
            await speak(talk, TENTH_S, finish=False)
            await eventually(lambda number=number: len(live.connections) == number, "it to be heard")  # type: ignore[misc]
        refused = await reply(again, await speak(again))
        assert "for you in another conversation already" in refused.last["message"]
        await talk.send("stop")
        await eventually(lambda: live.last.is_gone, "its line to be hung up")

        async def is_heard() -> bool:
            return (await reply(again, await speak(again, TENTH_S))).sound == SPEECH

        await eventually(is_heard)


async def test_only_so_many_are_heard_at_a_time_and_a_place_becomes_free(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.extend([[Stall()], whole(WISH, WISH, SPEECH)])
    async with voice(make_server, live, voice_at_once=1) as (server, talk), talking(server, "bob") as other:
        await speak(talk, TENTH_S, finish=False)
        await eventually(lambda: bool(live.connections), "the first one to be heard")
        refused = await reply(other, await speak(other))
        assert "as many visitors as possible" in refused.last["message"]
        await talk.send("stop")
        while "done" not in [message["type"] for message in talk.log]:
            await talk.next()
        assert (await reply(other, await speak(other, TENTH_S))).sound == SPEECH


async def test_sound_that_is_none_is_refused_and_what_comes_late_is_passed_over(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(whole(WISH, WISH, SPEECH))
    async with voice(make_server, live) as (_, talk):
        await talk.connection.send(TENTH_S)
        ref = await talk.send("speak")
        assert (await talk.next())["type"] == "listening"
        for piece, code in ((b"odd", "bad_request"), (b"", "bad_request"), (bytes(5000), "too_large")):
            await talk.connection.send(piece)
            assert (await talk.next())["code"] == code
        await talk.send("spoken")
        assert (await reply(talk, ref)).sound == SPEECH
        assert live.last.sound == b""


@pytest.mark.parametrize("piece", [TENTH_S, bytes(2)], ids=["of no question", "very short"])
async def test_sound_that_is_not_bounded_as_speech_counts_as_messages(
    make_server: MakeServer, live: LiveStandIn, piece: bytes
) -> None:
    live.script.append([Stall()])
    async with voice(make_server, live, unlimited=(), user_commands_per_s=2) as (_, talk):
        if len(piece) == 2:
            await talk.send("speak")
        for _ in range(200):
            await talk.connection.send(piece)
        while (told := await talk.next())["type"] != "error":
            pass
        assert (told["code"], told["facts"]["what"]) == ("too_many", "commands")


async def test_the_model_gets_the_sound_by_the_tenth_of_a_second_whatever_pieces_it_came_in(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(whole(WISH, WISH, SPEECH))
    sound = TENTH_S * 2 + TENTH_S[:320]
    async with voice(make_server, live, unlimited=(), user_commands_per_s=2) as (_, talk):
        pieces = [sound[at : at + 320] for at in range(0, len(sound), 320)]
        found = await reply(talk, await speak(talk, *pieces))
    assert (found.last["type"], found.sound) == ("done", SPEECH), "such pieces count as speech, not as messages"
    assert (live.last.sound, live.last.pieces) == (sound, [3200, 3200, 320])


async def test_a_server_without_a_voice_takes_no_sound(server: Instance) -> None:
    async with talking(server, begin=False) as talk:
        assert (await talk.begin())["voice_s"] == 0
        assert "expected a text frame" in (await _error_to(talk, TENTH_S))["message"]
        ref = await talk.send("speak")
        assert (await talk.next()) == {
            **talk.log[-1],
            "ref": ref,
            "type": "error",
            "message": "this server hears nothing: send ask",
        }


async def _error_to(talk: Talk, sound: bytes) -> Message:
    await talk.connection.send(sound)
    return await talk.next()


async def test_who_reads_more_slowly_than_speech_comes_loses_the_rest_of_the_speech_only(
    make_server: MakeServer, live: LiveStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LEAD_S", 1000.0)
    much = bytes(500_000)
    live.script.append([HearOut(), hears(WISH), calls(WISH), Answered(), *[speaks(much)] * 8, TURN_COMPLETE])
    async with voice(make_server, live, send_buffer=4096) as (server, talk):
        talk.connection.transport.pause_reading()
        ref = await speak(talk, TENTH_S)

        async def is_told() -> bool:
            return await metric(server, "aloud") == 1

        await eventually(is_told, "the answer to end")
        talk.connection.transport.resume_reading()
        found = await reply(talk, ref)
        assert found.kinds[-2:] == ["quiet", "done"]
        assert len(found.sound) < 8 * len(much)
        assert "For two, in row B. The best: row B" in found.text
        assert "row B" in (await talk.ask(WISH)).text, "the conversation goes on"


async def test_who_interrupts_speech_that_still_waits_for_a_slow_link_is_answered(
    make_server: MakeServer, live: LiveStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "LEAD_S", 1000.0)
    much = bytes(500_000)
    live.script.append([HearOut(), hears(WISH), calls(WISH), Answered(), *[speaks(much)] * 8, TURN_COMPLETE])
    async with voice(make_server, live, send_buffer=4096, outbox_bytes=1 << 26) as (server, talk):
        talk.connection.transport.pause_reading()
        aloud = await speak(talk, TENTH_S)

        async def is_told() -> bool:
            return await metric(server, "aloud") == 1

        await eventually(is_told, "all of the answer to wait for the link")
        session: Any
        (session,) = server.core.conversations._open  # noqa: SLF001
        connection, transport = session._connection, session._connection._plain  # noqa: SLF001
        asked = [aloud]

        async def has_too_much() -> bool:
            """The text is more than what may wait, unless the link takes as much at this moment."""
            turns = session._conversation.turns  # noqa: SLF001
            transport.set_write_buffer_limits(transport.get_write_buffer_size() + 10)
            asked.append(await talk.send("ask", text=WISH))

            def is_answered() -> bool:
                return bool(session._conversation.turns < turns and session._answering.done())  # noqa: SLF001

            await eventually(lambda: connection.behind or is_answered())
            return bool(connection.behind)

        await eventually(has_too_much)
        talk.connection.transport.resume_reading()
        answers = [await reply(talk, ref) for ref in asked]
        assert answers[0].sound == 8 * much
        assert "row B" in answers[-1].text


async def test_spoken_questions_are_paid_from_the_budgets_and_not_heard_without_one(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.append(whole(WISH, WISH, SPEECH))
    written_is_free = {"gemini_input_cents": 0, "gemini_output_cents": 0}
    async with voice(make_server, live, gemini_user_turns=2, **written_is_free) as (server, talk):
        keep_the_day(server)
        assert (await reply(talk, await speak(talk, TENTH_S))).sound == SPEECH
        assert server.core.model is not None
        budgets = server.core.model.budgets

        async def is_settled() -> bool:
            return 390 <= (await budgets.spent_today()).tokens < budgets.most().tokens

        await eventually(is_settled, "what the model says that it took")
        prices = spoken_prices(server.core.settings)
        assert (await budgets.spent_today()).money == prices.of(300, 90), (
            "what was heard and said has prices of its own"
        )
        refused = await reply(talk, await speak(talk, TENTH_S))
        assert refused.text == "I cannot listen just now. Please type your wish."
        assert len(live.connections) == 1
        assert [await metric(server, how) for how in ("refused", "lost")] == [1, 0], "the line has no fault"


async def test_a_spoken_question_takes_no_answers_place_and_no_trial_of_the_other_model(
    make_server: MakeServer, live: LiveStandIn
) -> None:
    live.script.extend(whole(WISH, WISH, SPEECH) for _ in range(3))
    async with voice(make_server, live, gemini_answers=1) as (server, talk):
        assert server.core.model is not None
        clock = Hands()
        server.core.model.breaker = breaker = Breaker(600, clock)
        found = await reply(talk, await speak(talk, TENTH_S))
        assert found.text.startswith("The assistant cannot be reached"), "it was asked: there was a place"
        breaker.failed(at_once=True)
        found = await reply(talk, await speak(talk, TENTH_S))
        assert ("For two, in row B." in found.text, found.sound) == (True, SPEECH), "heard while that one is left alone"
        clock.now_s += 600
        assert (await reply(talk, await speak(talk, TENTH_S))).sound == SPEECH
        assert breaker.is_open
        assert not breaker.admit(), "it was tried, and failed again"
