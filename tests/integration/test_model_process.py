"""The process that talks to the model, on its own and under a server: whatever becomes of one, the other copes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seatserver.concierge.gemini import Access
from seatserver.concierge.model import process
from seatserver.concierge.model.budgets import Payer, Spent
from seatserver.concierge.model.messages import Chunk, Setup
from seatserver.concierge.model.process import COMMAND, ModelFailed, ModelProcess
from tests.integration.conftest import MakeServer
from tests.integration.server import eventually
from tests.integration.test_concierge import talking
from tests.integration.test_concierge_model import BY_RULES, with_model
from tests.support.gemini import KEY, MODEL, Call, End, Flood, GeminiStandIn, Say, Wait, say
from tests.waiting import within

MEMORY_BYTES = 256 * 1024 * 1024
HELLO = [{"role": "user", "parts": [{"text": "Hello"}]}]


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandIn]:
    async with GeminiStandIn().running() as stand_in:
        yield stand_in


@asynccontextmanager
async def asking(url: str, command: Sequence[str] = COMMAND) -> AsyncIterator[ModelProcess]:
    """A process that may be asked; it has ended afterwards."""
    made = ModelProcess(Setup(Access(KEY, url, MODEL, 100_000), MEMORY_BYTES), command)
    try:
        yield made
    finally:
        pid = made.pid
        await made.close()
        assert pid is None or is_gone(pid)


async def chunks(asked: ModelProcess) -> list[Chunk]:
    """A question and its whole answer. Raises `ModelFailed`."""
    async with within("the process to start"):
        await asked.ready()
    async with aclosing(asked.ask(HELLO, "Be kind.", [], 1000)) as pieces:
        return [piece async for piece in pieces]


def text_of(answer: Sequence[Chunk]) -> str:
    return "".join(part.get("text", "") for chunk in answer for part in chunk.parts)


def is_gone(pid: int) -> bool:
    """Whether it runs no more; it may wait to be buried by whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def pid_of(server: Any) -> int:
    pid = server.core.model.process.pid
    assert pid is not None
    return int(pid)


# ---------------------------------------------------------------- under a server


async def test_a_process_that_dies_in_mid_answer_costs_the_answer_and_the_next_question_starts_another(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    both = await with_model(make_server, gemini)
    gemini.otherwise = lambda request: [Say("Let me "), Wait(asyncio.Event())]
    async with talking(both.server) as talk:
        ref = await talk.send("ask", text="two in the middle")
        while (await talk.next())["type"] != "words":
            pass
        first = pid_of(both.server)
        os.kill(first, signal.SIGKILL)
        reply = await talk.answer_to(ref)
        assert f"cannot be reached, {BY_RULES} For two, in the middle. The best: row C, seats 4 and 5" in reply.text
        assert reply.offers[0]["seats"] == [19, 20]
        await eventually(lambda: (gemini.open, gemini.hung_up) == (0, 1), "its connections to end with it")
        gemini.otherwise = lambda request: say("Back again.")
        assert (await talk.ask("two in the middle")).text == "Back again."
        assert pid_of(both.server) != first
        await eventually(both.is_settled)


async def test_a_process_that_stands_still_is_replaced(make_server: MakeServer, gemini: GeminiStandIn) -> None:
    both = await with_model(make_server, gemini)
    gemini.otherwise = lambda request: say("At your service.")
    async with talking(both.server) as talk:
        assert (await talk.ask("two in the middle")).text == "At your service."
        first = pid_of(both.server)
        os.kill(first, signal.SIGSTOP)
        reply = await talk.ask("two in the middle")
        assert f"cannot be reached, {BY_RULES}" in reply.text
        await eventually(lambda: is_gone(first))
        assert (await talk.ask("two in the middle")).text == "At your service."


async def test_a_question_that_is_stopped_before_it_can_be_asked_costs_nothing(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    both = await with_model(make_server, gemini)
    model = both.server.core.model
    assert model is not None
    never = (sys.executable, "-c", "import time; time.sleep(600)")
    model.process = ModelProcess(Setup(Access(KEY, gemini.url, MODEL, 100_000), MEMORY_BYTES), never)
    question = await model.begin(Payer("ann", household="", showtime=""))
    assert (await both.spent(user="ann")).tokens > 0
    asked = asyncio.ensure_future(anext(model.ask(question, HELLO, "Be kind.", [])))
    await asyncio.sleep(0)  # it waits for the process now
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    model.end(question)
    await eventually(both.is_settled)
    assert await both.spent(user="ann") == Spent()


async def test_sigterm_for_all_of_a_servers_processes_ends_no_answer(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    both = await with_model(make_server, gemini)
    go_on = asyncio.Event()
    gemini.otherwise = lambda request: [Say("Let me "), Wait(go_on), *say("see.")]
    async with talking(both.server) as talk:
        ref = await talk.send("ask", text="two in the middle")
        while (await talk.next())["type"] != "words":
            pass
        os.kill(pid_of(both.server), signal.SIGTERM)
        go_on.set()
        assert (await talk.answer_to(ref)).text == "see.", "the rest of it"


async def test_a_server_that_shuts_down_leaves_no_process_behind(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    both = await with_model(make_server, gemini)
    gemini.otherwise = lambda request: [Say("Let me "), Wait(asyncio.Event())]
    async with talking(both.server) as talk:
        await talk.send("ask", text="two in the middle")
        await eventually(lambda: gemini.open == 1)
        pid = pid_of(both.server)
        await both.server.core.model.close(grace_s=0)  # type: ignore[union-attr]  # as at the end of a server
        assert is_gone(pid)
        await eventually(lambda: gemini.open == 0)


# ---------------------------------------------------------------- on its own


SERVER = f"""
import asyncio, json, sys
from seatserver.concierge.gemini import Access
from seatserver.concierge.model.messages import Setup
from seatserver.concierge.model.process import ModelProcess

async def main():
    process = ModelProcess(Setup(Access("key", "http://127.0.0.1:1", "model", 1000), {MEMORY_BYTES}))
    await process.ready()
    print(process.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["that runs", "that is stopped"])
async def test_kill_9_of_the_server_leaves_no_process_behind(state: str) -> None:
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    async with within("the process to start"):
        pid = int(await server.stdout.readline())
    try:
        if state == "that is stopped":
            os.kill(pid, signal.SIGSTOP)
        assert not is_gone(pid)
    finally:
        server.kill()
        await server.wait()
    await eventually(lambda: is_gone(pid))


async def test_one_that_is_closed_as_it_starts_is_gone_too() -> None:
    async with asking("http://127.0.0.1:1") as made:
        made.start()
        assert made.pid is not None
    made.start()
    with pytest.raises(ModelFailed, match="unreachable"):
        await made.ready()


async def test_it_has_the_key_from_the_socket_and_no_setting_of_the_server_at_all(
    gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "SEATSERVER_GEMINI_API_KEY": KEY,
        "DATABASE_URL": "postgresql://a-password@x/y",
        "REDIS_URL": "redis://z",
    }
    for name, value in {**secrets, "GOOGLE_API_KEY": "another"}.items():
        monkeypatch.setenv(name, value)
    gemini.script.append(say("Here"))
    async with asking(gemini.url) as made:
        assert text_of(await chunks(made)) == "Here"
        about = Path(f"/proc/{made.pid}")
        told = (about / "environ").read_text() + (about / "cmdline").read_text()
    assert not any(secret in told for secret in secrets.values())
    assert "SEATSERVER_" not in told


@pytest.mark.parametrize(
    "command",
    [("/nowhere/at/all",), (sys.executable, "-c", ""), (sys.executable, "-c", "import os; os.write(0, bytes(200))")],
    ids=["cannot start", "ends at once", "talks nonsense"],
)
async def test_one_that_is_of_no_use_fails_what_is_asked(command: Sequence[str]) -> None:
    async with asking("http://127.0.0.1:1", command) as made:
        for _ in range(2):
            with pytest.raises(ModelFailed, match="unreachable"):
                await chunks(made)


async def test_a_piece_that_cannot_be_passed_on_is_told_as_one_that_cannot_be_read(gemini: GeminiStandIn) -> None:
    gemini.script += [[Call("find_seats", {"people": 10**30}), End()], [Say("a \ud83d word"), End()]]
    async with asking(gemini.url) as made:
        assert [chunk.stopped for chunk in await chunks(made)] == ["MALFORMED_RESPONSE", "STOP"]
        assert text_of(await chunks(made)) == "a  word"


async def test_an_answer_without_end_is_given_up_and_takes_no_memory_of_the_server(gemini: GeminiStandIn) -> None:
    gemini.script.append([Flood()])
    gemini.otherwise = lambda request: say("Here")
    async with asking(gemini.url) as made:
        with pytest.raises(ModelFailed, match=r"broken|lost"):
            await chunks(made)
        await eventually(lambda: gemini.open == 0)

        async def is_there_again() -> bool:
            try:
                return text_of(await chunks(made)) == "Here"
            except ModelFailed:  # what was left of its memory may not have been enough to live on
                return False

        await eventually(is_there_again)


async def test_an_answer_that_nobody_reads_is_stopped(gemini: GeminiStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_UNREAD_BYTES", 2000)
    gemini.script.append([*[Say("word ")] * 200, Wait(asyncio.Event())])
    async with asking(gemini.url) as made:
        await made.ready()
        async with aclosing(made.ask(HELLO, "", [], 1000)) as pieces:
            assert (await anext(pieces)).parts == [{"text": "word "}]
            await eventually(lambda: (gemini.open, gemini.hung_up) == (0, 1), "the answer to be stopped")
            with pytest.raises(ModelFailed, match="not read in time"):
                while True:
                    await anext(pieces)


AT_ONCE = """
import os
from seatserver.concierge.model import messages

def tell(*replies):
    data = b"".join(messages.frame_of(reply, messages.MOST_TOLD_BYTES) for reply in replies)
    while data:
        data = data[os.write(0, data):]

tell(messages.Beat())
while b"Hello" not in os.read(0, 100_000):
    pass
tell(*[messages.Chunk(1, [{"text": "word "}]) for _ in range(200)], messages.Ended(1))
while os.read(0, 100_000):
    pass
"""


async def test_pieces_that_come_at_once_leave_the_event_loop_its_turns() -> None:
    loop = asyncio.get_running_loop()
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        loop.call_soon(turn)

    turn()
    async with asking("http://127.0.0.1:1", (sys.executable, "-c", AT_ONCE)) as made:
        await made.ready()
        taken: list[int] = []
        async with aclosing(made.ask(HELLO, "", [], 1000)) as pieces:
            async for _ in pieces:
                taken.append(turns)
    assert len(taken) == 200
    assert max(map(taken.count, taken)) <= 2 * process.AT_ONCE
