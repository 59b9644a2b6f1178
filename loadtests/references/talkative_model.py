"""A language model that costs next to nothing and talks slowly, to measure what conversations do to a room.

It speaks as much of the Gemini API as a conversation needs: server-sent events with a chunk of JSON each. Every
question is answered alike: it first calls the tool that searches for two seats, then says forty words, a few at a time,
as a fast model does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from loadtests.references import serving

KEY = "a-key-of-the-load-lab"
MODEL = "a-model-of-the-load-lab"
THINKS_S, BETWEEN_WORDS_S = 0.2, 0.15
CHUNKS, WORDS = 10, "some words of advice "
USAGE = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}


async def answer(request: Request) -> Response:
    """Search, or talk about what was found."""
    said = await request.json()
    has_searched = any("functionResponse" in part for part in said["contents"][-1]["parts"])
    return StreamingResponse(_talk() if has_searched else _search(), media_type="text/event-stream")


async def _search() -> AsyncIterator[bytes]:
    await asyncio.sleep(THINKS_S)
    yield _event({"functionCall": {"name": "find_seats", "args": {"people": 2, "centre": True}}})
    yield _event({"text": ""}, finishReason="STOP")


async def _talk() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        await asyncio.sleep(BETWEEN_WORDS_S)
        yield _event({"text": WORDS})
    yield _event({"text": ""}, finishReason="STOP")


def _event(part: dict[str, Any], **more: str) -> bytes:
    candidate = {"content": {"parts": [part], "role": "model"}, "index": 0, **more}
    chunk = {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": MODEL, "responseId": "lab"}
    return b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"


if __name__ == "__main__":
    path = f"/v1beta/models/{MODEL}:streamGenerateContent"
    serving.run(Starlette(routes=[Route(path, answer, methods=["POST"])]))
