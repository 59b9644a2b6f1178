"""The concierge with a language model: the real client, a stand-in for Gemini that does as it is told, real servers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from seatserver.concierge.model import visitors_tools
from seatserver.concierge.model.breaker import Breaker
from seatserver.concierge.model.budgets import Budgets, Payer, Spent
from seatserver.concierge.model.gateway import NoAnswer
from seatserver.config import wall_clock
from seatserver.live.session.leave import Leave
from seatserver.pricing.tariff import Tariff, TicketType
from seatserver.seats.states import SeatState
from seatserver.wire.closing import Close
from tests.integration.conftest import MakeServer
from tests.integration.server import PRICES, SHOWTIME, Instance, eventually, hold, put_on_sale
from tests.integration.test_concierge import talking
from tests.support.gemini import KEY, MODEL, Blocked, Call, Cut, End, Error, GeminiStandIn, Raw, Refuse, Say, Wait, say

FIND = Call("find_seats", {"people": 2, "centre": True}, signature="c2lnbmVk")
TODAY_MS = wall_clock()
BY_RULES = "so I answer by fixed rules."


class Together:
    """A server with a key, and the stand-in that it asks."""

    def __init__(self, server: Instance, gemini: GeminiStandIn) -> None:
        self.server, self.gemini = server, gemini
        keep_the_day(server)

    def answers(self) -> list[Any]:
        """What the tools answered in the last request."""
        parts = [part for content in self.gemini.last["contents"] for part in content["parts"]]
        return [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]

    def total(self, name: str, **labels: str) -> float:
        found = self.server.core.metrics.registry.get_sample_value(f"seatserver_concierge_model_{name}_total", labels)
        return found or 0.0

    async def spent(self, **whose: str) -> Spent:
        """What Redis has counted for a payer today."""
        core = self.server.core
        keys = [bytes(key).decode() for key in await core.redis.keys("concierge:*")]  # type: ignore[arg-type]  # as set
        for name in (key for key in keys if ":charge:" not in key):
            if name.endswith(":".join(part for item in whose.items() for part in item)):
                found = await core.redis.hmget(name, ["tokens", "money"])
                return Spent(*(int(value or 0) for value in found))
        return Spent()

    async def is_settled(self) -> bool:
        return await self.server.core.redis.keys("concierge:*:charge:*") == []


def today() -> int:
    return TODAY_MS


def keep_the_day(server: Instance) -> None:
    """Let all that is spent be of one day, though midnight may come in the middle of a test."""
    model = server.core.model
    assert model is not None
    model.budgets = Budgets(server.core.settings, server.core.redis, today)


class Hands:
    """A clock that goes on when a test says so."""

    now_s = 1.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def gemini() -> AsyncIterator[GeminiStandIn]:
    async with GeminiStandIn().running() as stand_in:
        yield stand_in


@pytest.fixture
async def both(make_server: MakeServer, gemini: GeminiStandIn) -> Together:
    """With patience: only what a test means to be slow is slow."""
    return await with_model(make_server, gemini)


async def with_model(make_server: MakeServer, gemini: GeminiStandIn, **changes: Any) -> Together:
    patient = {"gemini_turn_ms": 100_000, "gemini_quiet_ms": 60_000, "concierge_answer_ms": 120_000}
    ours = {"gemini_api_key": KEY, "gemini_model": MODEL, "gemini_url": gemini.url}
    return Together(await make_server(**{**ours, **patient, **changes}), gemini)


# ---------------------------------------------------------------- answers and tools


async def test_a_wish_is_answered_by_the_model_with_the_seats_of_our_own_search(both: Together) -> None:
    both.gemini.script += [[FIND, End()], say("How about row C, seats 4 and 5 for €20.00?")]
    async with talking(both.server, begin=False) as talk:
        ready = await talk.begin()
        reply = await talk.ask("We two would like to sit right in the middle")
    assert ready["model"] is True
    assert reply.text == "How about row C, seats 4 and 5 for €20.00?"
    assert len([piece for piece in talk.log if piece["type"] == "words"]) > 3, "piece by piece"
    assert reply.offers[0]["seats"] == [19, 20]
    (answer,) = both.answers()
    best = answer["offers"][0]
    assert (best["offer"], best["seats"], best["total"]) == ("offer-a", "row C, seats 4 and 5", "€20.00")
    assert set(best["breakdown"]) == set(reply.offers[0]["breakdown"])
    contents = both.gemini.last["contents"]
    assert contents[-2]["parts"][0]["thoughtSignature"] == "c2lnbmVk", "what the model signed comes back"
    assert 'seats": [' not in json.dumps(both.gemini.requests), "no ids of seats"
    assert both.total("calls", tool="find_seats") == 1


async def test_a_hold_is_the_visitors_own_and_is_changed_and_released(both: Together) -> None:
    child = TicketType(key="child", name="Child", prices={"standard": 700})
    adult = TicketType(key="adult", name="Adult", prices=PRICES)
    await put_on_sale(both.server.core.catalog, tariff=Tariff(currency="EUR", ticket_types=(adult, child)))
    store = both.server.core.store
    async with both.server.watcher() as map_of_ann, talking(both.server) as talk:
        both.gemini.script += [
            [FIND, End()],
            say("Shall I hold them?"),
            [Call("hold", {"offer": "offer-b"}), End()],
            say("They are yours for a few minutes."),
            [Call("change_tickets", {"tickets": {"child": 1}}), End()],
            say("One child: €17.00 now."),
            [Call("release"), End()],
            say("They are free again."),
        ]
        offered = await talk.ask("two in the middle")
        held = await talk.ask("take the other ones")
        assert held.last["held"] is not None
        assert (await map_of_ann.until("elsewhere"))["hold_id"] == held.last["held"]
        (living,) = await store.holds_of(SHOWTIME, "ann")
        assert list(living.seats) == offered.offers[1]["seats"]
        changed = await talk.ask("one of us is a child")
        assert changed.text == "One child: €17.00 now."
        (living,) = await store.holds_of(SHOWTIME, "ann")
        assert (str(living.hold_id), list(living.seats)) == (changed.last["held"], offered.offers[1]["seats"])
        assert (await talk.ask("give them back")).text == "They are free again."
    assert await store.holds_of(SHOWTIME, "ann") == ()


async def test_programme_and_hall_are_told_as_they_are(both: Together) -> None:
    both.gemini.script += [
        [Call("search_programme", {"title": "long"}), Call("describe_hall"), End()],
        say("The Long Night is on tonight."),
    ]
    async with talking(both.server) as talk:
        await talk.ask("What is on?")
    programme, hall = both.answers()
    (entry,) = programme["showtimes"]
    assert (entry["title"], entry["is_this_one"], entry["lowest_price"]) == ("The Long Night", True, "€10.00")
    assert hall["rows"] == ["A", "B", "C", "D"]
    assert [(one["key"], one["free"]) for one in hall["categories"]] == [("standard", 23), ("sofa", 4)]


async def test_a_film_is_found_behind_very_many_others(both: Together, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors_tools, "MOST_READ", 1)
    in_an_hour = wall_clock() + 3_600_000
    for number, title in enumerate(["Once", "Twice", "Late"]):
        await put_on_sale(both.server.core.catalog, f"before-{number}", title=title, starts_at_ms=in_an_hour + number)
    search = [Call("search_programme", {"title": title}) for title in ("late", "nowhere")]
    async with talking(both.server) as talk:
        both.gemini.script += [[*search, End()], say("Yes.")]
        await talk.ask("Is Late on?")
        late, nowhere = both.answers()
        assert ([one["title"] for one in late["showtimes"]], late["more"]) == (["Late"], False)
        assert nowhere == {"showtimes": [], "more": False}
        monkeypatch.setattr(visitors_tools, "MOST_PAGES", 2)
        both.gemini.script += [[*search, End()], say("I do not know.")]
        await talk.ask("Is Late on?")
        assert [answer["more"] for answer in both.answers()] == [True, True], "not all of them were read"


async def test_what_is_said_before_a_call_is_a_sentence_of_its_own(both: Together) -> None:
    both.gemini.script += [[Say("One moment."), FIND, End()], say("Me too.")]
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert reply.text == "One moment. Me too."
    offered_at = [message["type"] for message in talk.log].index("suggestions")
    before = [message["text"] for message in talk.log[:offered_at] if message["type"] == "words"]
    assert "".join(before) == "One moment. "


MALFORMED = [
    (Call("find_seats", {"people": "many"}), "Expected `int | null`"),
    (Call("find_seats", {"seat_ids": [1, 2]}), "unknown field `seat_ids`"),
    (Call("find_seats", {"people": 2, "wheelchairs": 3}), "at most 2 wheelchairs"),
    (Call("find_seats", {"people": 2, "areas": ["Balcony"]}), "Balcony"),
    (Call("hold", {"offer": "19"}), "there is no such offer"),
    (Call("hold", {"seats": [19, 20]}), "unknown field `seats`"),
    (Call("hold"), "missing required field `offer`"),
    (Call("book", {"hold": "mine"}), "there is no such tool"),
    (Call("search_programme", {"day": "2026-13-40"}), "no date"),
    (Call("change_tickets", {"tickets": {"child": 1}}), "nothing is held"),
]


async def test_a_malformed_call_goes_back_to_the_model_as_an_error(both: Together) -> None:
    async with talking(both.server) as talk:
        for call, problem in MALFORMED:
            both.gemini.script += [[call, End()], say("Sorry, tell me how many you are.")]
            reply = await talk.ask("seats please")
            assert problem in both.answers()[0]["error"], call
            assert reply.text == "Sorry, tell me how many you are."
    assert set((await both.server.states())[:23]) == {SeatState.FREE}


async def test_calls_without_end_are_ended_and_the_parser_answers(both: Together) -> None:
    both.gemini.otherwise = lambda request: [Call("describe_hall"), End()]
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert len(both.gemini.requests) == 6
    assert reply.text.startswith(f"The assistant did not get there, {BY_RULES} For two, in the middle.")
    assert reply.offers[0]["seats"] == [19, 20]


async def test_a_question_that_has_used_up_its_own_tokens_is_not_said_to_be_one_too_many_today(both: Together) -> None:
    both.gemini.script.append([FIND, End(prompt=39_000, output=900)])
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert reply.text.startswith(f"The assistant did not get there, {BY_RULES}")
    assert len(both.gemini.requests) == 1


async def test_a_call_that_cannot_be_read_is_asked_for_again(both: Together) -> None:
    both.gemini.script += [[End("MALFORMED_FUNCTION_CALL")], [FIND, End()], say("Here they are.")]
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert (reply.text, len(reply.offers)) == ("Here they are.", 3)


async def test_seats_are_held_or_released_once_in_an_answer(both: Together) -> None:
    twice = [Call("hold", {"offer": "offer-a"}), Call("hold", {"offer": "offer-b"})]
    both.gemini.script += [[FIND, *twice, End()], say("Held.")]
    async with talking(both.server) as talk:
        await talk.ask("hold everything")
    assert "work once" in both.answers()[2]["error"]
    (living,) = await both.server.core.store.holds_of(SHOWTIME, "ann")
    assert list(living.seats) == [19, 20]


async def test_a_seat_lost_while_talking_is_replaced_by_other_offers(both: Together) -> None:
    both.gemini.script += [[FIND, End()], say("Good seats.")]
    async with talking(both.server) as talk:
        offered = await talk.ask("two in the middle")
        await hold(both.server.core, "bob", *offered.offers[0]["seats"])
        both.gemini.script += [[Call("hold", {"offer": "offer-a"}), End()], say("They have gone. How about these?")]
        reply = await talk.ask("take them")
    assert both.answers()[-1]["refused"] == "Those seats have just gone."
    assert set(reply.offers[0]["seats"]).isdisjoint(offered.offers[0]["seats"])
    assert reply.last["held"] is None


# ---------------------------------------------------------------- when the model gives up


AWAY, STOPPED = "cannot be reached", "does not answer that"
FAILURES: dict[str, tuple[list[Any], str]] = {
    "429": ([Refuse(429, "RESOURCE_EXHAUSTED")], AWAY),
    "500": ([Refuse(500, "INTERNAL")], AWAY),
    "400": ([Refuse(400, "INVALID_ARGUMENT")], AWAY),
    "cut": ([Cut()], AWAY),
    "no JSON": ([Raw(b"data: {nonsense\r\n\r\n")], AWAY),
    "another page": ([Raw(b"<html>A proxy</html>")], AWAY),
    "nothing": ([], AWAY),
    "503 inside": ([Error(503)], AWAY),
    "blocked": ([Blocked()], STOPPED),
    "safety": ([End("SAFETY")], STOPPED),
    "recitation": ([End("RECITATION")], STOPPED),
    "mute": ([End(output=0)], "did not get there"),
}


async def test_the_sentence_is_not_lost_whatever_happens_to_the_model(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    both = await with_model(make_server, gemini)
    async with talking(both.server) as talk:
        for name, (steps, why) in FAILURES.items():
            both.gemini.script.append(steps)
            reply = await talk.ask("two in the middle")
            assert why in reply.text, name
            assert f"{BY_RULES} For two, in the middle. The best: row C, seats 4 and 5" in reply.text, name
            assert reply.offers[0]["seats"] == [19, 20]
            both.server.core.model.breaker.worked()  # type: ignore[union-attr]  # so that the next one is asked, too
    assert len(both.gemini.requests) == len(FAILURES)


async def test_an_answer_that_breaks_off_goes_on_with_the_rules(both: Together) -> None:
    both.gemini.script.append([Say("Let me look for "), Say("you"), Cut()])
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert reply.text.startswith(f"Let me look for  The assistant cannot be reached, {BY_RULES} For two")
    # The other way round, too: what the rules offered, the model can hold.
    both.gemini.script += [[Call("find_seats", {"people": 2}), Call("hold", {"offer": "offer-a"}), End()], [Cut()]]
    async with talking(both.server) as talk:
        reply = await talk.ask("hold two seats")
    assert reply.last["held"] is not None
    assert reply.text.endswith("The assistant broke off here. What you hold is shown under the map.")
    assert len(await both.server.core.store.holds_of(SHOWTIME, "ann")) == 1, "held once"


async def test_what_the_rules_offered_the_model_can_hold_and_a_failed_search_leaves_nothing_to_hold(
    both: Together,
) -> None:
    nothing = Call("find_seats", {"people": 50, "together": True})
    both.gemini.script += [
        [Refuse(500, "INTERNAL")],
        [nothing, Call("hold", {"offer": "offer-a"}), End()],
        say("There is no such row."),
        [Refuse(500, "INTERNAL")],
        [Call("hold", {"offer": "offer-d"}), End()],
        say("Yours."),
    ]
    async with talking(both.server) as talk:
        await talk.ask("two in the middle")
        await talk.ask("fifty in one row, and hold them")
        assert "there is no such offer" in both.answers()[1]["error"]
        offered = await talk.ask("two in the middle")
        named = json.loads(both.gemini.last["contents"][-1]["parts"][0]["text"].partition(": ")[2])["offers"]
        assert named == [], "what was found before is gone"
        both.server.core.model.breaker.worked()  # type: ignore[union-attr]
        await talk.ask("hold the first one")
    (living,) = await both.server.core.store.holds_of(SHOWTIME, "ann")
    assert list(living.seats) == offered.offers[0]["seats"]


async def test_a_model_that_stalls_is_given_up_and_then_left_alone(
    make_server: MakeServer, gemini: GeminiStandIn
) -> None:
    patient = {"concierge_user_turns": 10_000, "concierge_turns": 10_000}
    both = await with_model(make_server, gemini, gemini_quiet_ms=1500, **patient)
    assert both.server.core.model is not None
    clock, never = Hands(), asyncio.Event()
    both.server.core.model.breaker = Breaker(600, clock)
    gemini.otherwise = lambda request: [Say("Well"), Wait(never)]
    async with talking(both.server) as talk:
        for _ in range(3):
            assert f"took too long, {BY_RULES}" in (await talk.ask("two in the middle")).text
        await eventually(lambda: (gemini.open, gemini.hung_up) == (0, 3))
        assert f"cannot be reached, {BY_RULES}" in (await talk.ask("two in the middle")).text
        assert len(gemini.requests) == 3, "nobody waits for a model that is dead"
        gemini.otherwise = lambda request: say("Back again.")

        async def is_back() -> bool:
            clock.now_s += 600
            return "Back again." in (await talk.ask("two in the middle")).text

        await eventually(is_back)


async def test_a_question_from_before_the_failures_frees_nobody_elses_trial(both: Together) -> None:
    model, payer = both.server.core.model, Payer("ann", "", SHOWTIME)
    assert model is not None
    clock = Hands()
    model.breaker = Breaker(600, clock)
    early = await model.begin(payer)
    model.breaker.failed(at_once=True)
    clock.now_s += 600
    trial = await model.begin(payer)
    model.end(early)
    with pytest.raises(NoAnswer, match="away"):
        await model.begin(payer)
    model.end(trial)
    model.end(await model.begin(payer))


async def test_beyond_so_many_answers_at_once_the_rules_answer(make_server: MakeServer, gemini: GeminiStandIn) -> None:
    both = await with_model(make_server, gemini, gemini_answers=1)
    gemini.otherwise = lambda request: [Say("Let me think "), Wait(asyncio.Event())]
    async with talking(both.server) as first, talking(both.server, "bob") as second:
        await first.send("ask", text="two in the middle")
        await eventually(lambda: gemini.open == 1)
        reply = await second.ask("two in the middle")
        assert reply.text.startswith(f"The assistant is talking to many others, {BY_RULES} For two")
        await first.send("stop")
        await eventually(lambda: gemini.open == 0)
        gemini.otherwise = lambda request: say("At your service.")

        async def is_free() -> bool:
            return (await second.ask("two in the middle")).text == "At your service."

        await eventually(is_free)


async def test_a_number_that_nobody_gave_is_not_passed_on(both: Together) -> None:
    both.gemini.script += [[FIND, End()], say("These cost only €7.50 together, act now")]
    async with talking(both.server) as talk:
        reply = await talk.ask("two in the middle")
    assert reply.text.startswith(
        "These cost only  … I leave out what I could not check. The best: row C, seats 4 and 5"
    )
    assert "7.50" not in repr(talk.log)
    assert both.total("gave_up", why="unfounded") == 1


async def test_an_answer_is_stopped_and_a_visitor_who_leaves_ends_it_at_the_model_too(both: Together) -> None:
    never = asyncio.Event()
    both.gemini.otherwise = lambda request: [Say("Let me think "), Wait(never)]
    async with talking(both.server) as talk:
        ref = await talk.send("ask", text="two in the middle")
        while (await talk.next())["type"] != "words":
            pass
        await talk.send("stop")
        assert (await talk.answer_to(ref)).last["stopped"] is True
        await eventually(lambda: (both.gemini.open, both.gemini.hung_up) == (0, 1))
        await talk.send("ask", text="two in the middle")
        await eventually(lambda: both.gemini.open == 1)
    await eventually(lambda: (both.gemini.open, both.gemini.hung_up) == (0, 2))
    await eventually(both.is_settled)
    async with talking(both.server) as talk:
        await talk.send("ask", text="two in the middle")
        await eventually(lambda: both.gemini.open == 1)
        both.server.core.conversations.dismiss_where(lambda user: True, Leave(Close.TOKEN_EXPIRED, "expired"))
        assert (await talk.last_words())[0] == Close.TOKEN_EXPIRED
    await eventually(lambda: both.gemini.open == 0)


async def test_who_may_only_watch_has_no_tools_to_hold(both: Together) -> None:
    both.gemini.script += [[FIND, Call("hold", {"offer": "offer-a"}), End()], say("You can only look.")]
    async with talking(both.server, begin=False) as talk:
        await talk.begin(token=both.server.token("eve", "watch"))
        await talk.ask("hold two seats")
    declared = [one["name"] for tool in both.gemini.last["tools"] for one in tool["functionDeclarations"]]
    assert declared == ["search_programme", "describe_hall", "find_seats", "more_offers"]
    assert "there is no such tool" in both.answers()[1]["error"]
    assert set((await both.server.states())[:23]) == {SeatState.FREE}


# ---------------------------------------------------------------- what it costs


async def test_what_a_question_did_cost_takes_the_place_of_what_it_could_cost(both: Together) -> None:
    settings = both.server.core.settings
    going_on = asyncio.Event()
    both.gemini.script += [
        [FIND, End(prompt=900, output=30, thoughts=70)],
        [Wait(going_on), *say("Here.", prompt=1000)],
    ]
    async with talking(both.server) as talk:
        ref = await talk.send("ask", text="two in the middle")
        await eventually(lambda: len(both.gemini.requests) == 2)
        assert (await both.spent(user="ann")).tokens == settings.gemini_turn_tokens
        going_on.set()
        await talk.answer_to(ref)
    await eventually(both.is_settled)
    money = 1900 * settings.gemini_input_cents + 120 * settings.gemini_output_cents
    for whose in ({"user": "ann"}, {"showtime": SHOWTIME}, {"": "all"}):
        assert await both.spent(**whose) == Spent(2020, money)
    assert (both.total("tokens", kind="input"), both.total("tokens", kind="output")) == (1900, 120)
    assert both.total("money") == money
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {both.server.token('op', 'admin')}"}) as client:
        house = (await client.get(f"{both.server.url}/api/v1/admin/house")).json()
    assert house["model"] == {"tokens": 2020, "cents": round(money / 1e6, 2)}


async def test_an_answer_whose_end_is_lost_costs_the_most_that_it_can(both: Together) -> None:
    both.gemini.script += [[Say("Well "), Cut()], [Refuse(500, "INTERNAL")]]
    async with talking(both.server) as talk:
        await talk.ask("two in the middle")
        await eventually(both.is_settled)
        cut = await both.spent(user="ann")
        await talk.ask("two in the middle")
        await eventually(both.is_settled)
        refused = await both.spent(user="ann")
    assert cut.tokens > 2000
    assert refused == cut, "a refusal costs nothing"


@pytest.mark.parametrize(
    "limits",
    [{"gemini_user_turns": 1}, {"gemini_user_tokens": 60_000}, {"gemini_showtime_cents": 12}, {"gemini_day_tokens": 1}],
    ids=lambda limits: next(iter(limits)),
)
async def test_whoever_has_spent_their_budget_is_answered_by_the_rules(
    make_server: MakeServer, gemini: GeminiStandIn, limits: dict[str, int]
) -> None:
    both = await with_model(make_server, gemini, **limits)
    other = await with_model(make_server, gemini, **limits)
    gemini.otherwise = lambda request: [Say("Well "), End(prompt=39_000, output=900)]
    is_first_free = "gemini_day_tokens" not in limits
    async with talking(both.server) as talk, talking(other.server) as elsewhere:
        if is_first_free:
            assert (await talk.ask("two in the middle")).text == "Well "
            await eventually(both.is_settled)
        for again in (talk, elsewhere):
            reply = await again.ask("two in the middle")
            assert reply.text.startswith(f"The assistant has been asked enough for today, {BY_RULES} For two")
    assert len(gemini.requests) == is_first_free


async def test_many_at_once_never_exceed_a_budget_and_no_step_counts_twice(both: Together) -> None:
    core = both.server.core
    settings = dataclasses.replace(core.settings, gemini_day_turns=5)
    all_of_them = [Budgets(settings, core.redis, today) for _ in range(3)]
    charges = await asyncio.gather(*(all_of_them[n % 3].charge(Payer(f"user{n}", "", SHOWTIME)) for n in range(20)))
    got = [charge for charge in charges if charge is not None]
    assert len(got) == 5
    for charge in got:
        await all_of_them[0].settle(charge, Spent(10, 100))
        await all_of_them[1].settle(charge, Spent(0, 0))  # a repeated command finds nothing to settle
    assert await all_of_them[2].spent_today() == Spent(50, 500)


async def test_without_redis_the_model_is_not_asked(both: Together) -> None:
    async def lost(*anything: Any) -> Any:
        raise ConnectionError("the reply is lost")

    both.server.core.redis.eval = lost  # type: ignore[method-assign, assignment]  # a Redis whose replies are lost
    async with talking(both.server) as talk:
        assert f"cannot be reached, {BY_RULES}" in (await talk.ask("two in the middle")).text
    assert both.gemini.requests == []
