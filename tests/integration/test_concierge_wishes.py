"""The fifty wishes of the unit tests once more, as a model says them: a call of its tool instead of a sentence.

Parser and model make the same `Wish`, so the same seats must come out, with the same price and the same reasons. The
model is a stand-in that understands as well as the parser does; how well a real one does no test here can say.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seatserver.concierge.wishes.parser import understand
from seatserver.demo.halls import grand_hall
from seatserver.demo.programme import RULES, tariff
from tests.integration.conftest import MakeServer
from tests.integration.server import HOUR_MS, hold, now_ms, put_on_sale
from tests.integration.test_concierge import talking
from tests.support.gemini import KEY, MODEL, Call, End, GeminiStandIn, Json, Steps, say
from tests.unit.concierge.evening import NAMES, TAKEN
from tests.unit.concierge.test_wishes import WISHES, spelled_out

EVENING = "evening"


def as_the_parser_does(request: Json) -> Steps:
    """Understand the visitor's sentence, call the tool with that, and then say something."""
    last = request["contents"][-1]["parts"][-1]
    if "functionResponse" in last:
        return say("Here you are.")
    wish: dict[str, Any] = msgspec.to_builtins(understand(last["text"], NAMES).wish)
    return [Call("find_seats", wish), End()]


@pytest.fixture
async def gemini() -> Any:
    async with GeminiStandIn(as_the_parser_does).running() as stand_in:
        yield stand_in


async def test_fifty_wishes_find_the_same_seats_through_the_models_tool(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    server = await make_server(
        gemini_api_key=KEY, gemini_model=MODEL, gemini_url=gemini.url, gemini_user_turns=1000,
        gemini_turn_ms=100_000, gemini_quiet_ms=60_000, concierge_answer_ms=120_000, concierge_user_turns=1000,
        concierge_turns=1000,
    )  # fmt: skip
    hall = grand_hall()
    catalog = server.core.catalog
    starts = now_ms() + 240 * HOUR_MS
    await put_on_sale(
        catalog, EVENING, layout_hash=await catalog.put_layout(hall), tariff=tariff(hall), rules=RULES,
        starts_at_ms=starts, sale_ends_at_ms=starts,
    )  # fmt: skip
    taken = [hall.index_by_label[label] for label in TAKEN]
    for number, at in enumerate(range(0, len(taken), 5)):
        await hold(server.core, f"somebody {number}", *taken[at : at + 5], showtime=EVENING)
    index = hall.index_by_label
    wrong = []
    async with talking(server, showtime=EVENING) as talk:
        for text, places, total_minor, _ in WISHES:
            reply = await talk.ask(text)
            best: dict[str, Any] = reply.offers[0] if reply.offers else {"seats": [], "total_minor": 0}
            expected = [index[label] for label in spelled_out(places)]
            if (best["seats"], best["total_minor"]) != (expected, total_minor):
                wrong.append((text, [hall.seats[seat].label for seat in best["seats"]], places))
    assert wrong == []
    assert len(gemini.requests) == 2 * len(WISHES)
