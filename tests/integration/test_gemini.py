"""The real google-genai client on our settings, against a stand-in that speaks the real protocol."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from seatserver import config
from seatserver.concierge.gemini import Gemini, client_of
from seatserver.config import Settings
from seatserver.errors import ConfigError
from tests.integration.server import eventually
from tests.support.gemini import KEY, MODEL, Call, Cut, End, Error, GeminiStandIn, Refuse, Say, Wait, say

SETTINGS = config.load({}, database_url="postgresql://x/y", redis_url="redis://x")


def towards(url: str, **changes: Any) -> Settings:
    """Settings with a key, for the stand-in."""
    keys = {"gemini_api_key": KEY, "gemini_model": MODEL, "gemini_url": url}
    return dataclasses.replace(SETTINGS, **{**keys, **changes})


@asynccontextmanager
async def asking(**changes: Any) -> AsyncIterator[tuple[Gemini, GeminiStandIn]]:
    """A client and the stand-in that it asks."""
    async with GeminiStandIn().running() as stand_in:
        gemini = client_of(towards(stand_in.url, **changes))
        assert gemini is not None
        try:
            yield gemini, stand_in
        finally:
            await gemini.close()


async def chunks(gemini: Gemini) -> list[Any]:
    stream = await gemini.aio.models.generate_content_stream(model=gemini.model, contents="Hello")
    return [chunk async for chunk in stream]


async def test_text_and_parallel_calls_arrive_piece_by_piece_with_what_they_took() -> None:
    async with asking() as (gemini, stand_in):
        call = Call("find", {"people": 2}, signature="c2lnbmVk")
        stand_in.script.append([Say("Two "), Say("seats"), call, Call("help"), End(prompt=7, output=5, thoughts=3)])
        found = await chunks(gemini)
    assert [chunk.text for chunk in found[:2]] == ["Two ", "seats"]
    calls = [part.function_call for part in found[2].candidates[0].content.parts]
    assert [(one.name, one.args) for one in calls] == [("find", {"people": 2}), ("help", {})]
    assert found[2].candidates[0].content.parts[0].thought_signature == b"signed"
    usage = found[-1].usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count) == (7, 5, 3)
    assert stand_in.last["contents"] == [{"parts": [{"text": "Hello"}], "role": "user"}]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([Refuse(429, "RESOURCE_EXHAUSTED", retry_after_s=7)], "429"),
        ([Refuse(500, "INTERNAL")], "500"),
        ([Say("Two"), Error(503)], "503"),
        ([Say("Two"), Cut()], "peer closed connection"),
    ],
    ids=["limited", "failed", "failed in the middle", "cut in the middle"],
)
async def test_what_goes_wrong_is_raised_and_nothing_is_asked_twice(steps: list[Any], problem: str) -> None:
    async with asking() as (gemini, stand_in):
        stand_in.script.append(steps)
        with pytest.raises(Exception, match=problem):
            await chunks(gemini)
        assert len(stand_in.requests) == 1


async def test_whoever_stops_listening_ends_the_answer_at_the_other_end_too() -> None:
    async with asking() as (gemini, stand_in):
        never = asyncio.Event()
        stand_in.script.append([Say("Two"), Wait(never)])
        listening = asyncio.create_task(chunks(gemini))
        await eventually(lambda: stand_in.open == 1)
        listening.cancel()
        await eventually(lambda: (stand_in.hung_up, stand_in.open) == (1, 0))
        stand_in.script.append(say("And again"))
        assert "".join(chunk.text or "" for chunk in await chunks(gemini)) == "And again"


async def test_a_model_that_says_nothing_is_waited_for_no_longer_than_an_answer_may_take() -> None:
    async with asking(gemini_turn_ms=100) as (gemini, stand_in):
        stand_in.script.append([Say("Two"), Wait(asyncio.Event())])
        with pytest.raises(httpx.TimeoutException):
            await chunks(gemini)


async def test_the_environment_of_other_programs_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GOOGLE_API_KEY": "another",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_API_VERSION": "v9",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    async with asking() as (gemini, stand_in):
        stand_in.script.append(say("Here"))
        assert (await chunks(gemini))[0].text == "Here"


def test_without_a_key_there_is_no_client_and_google_genai_is_not_even_imported() -> None:
    assert client_of(SETTINGS) is None
    program = "import sys, seatserver.app; sys.exit('google.genai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_address_that_cannot_be_one_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="SEATSERVER_GEMINI_URL"):
        config.load({"SEATSERVER_GEMINI_URL": "gemini.example"})
