"""Where the operator has chosen a provider of CAPTCHAs, a new guest passes one while very many come at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from seatserver import config
from seatserver.access import captcha as module
from seatserver.access import guest_price
from seatserver.access.captcha import ACTION, PROVIDERS, Captcha
from seatserver.access.guest_price import GuestPrice
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import Shares
from seatserver.client import SeatClient
from seatserver.client.errors import RemoteError
from seatserver.config import Settings
from seatserver.errors import Busy, ConfigError, ProofRequired
from seatserver.metrics import Metrics
from seatserver.redis_io import client as redis_client
from tests.integration.conftest import MakeServer
from tests.integration.test_guest_price import BOT, HOME, challenge_of, prove, solved
from tests.support.captcha_standin import SECRET, SITE_KEY, Provider, captcha_standin
from tests.waiting import PATIENCE_S

HOST = "seats.rex.example"
GOOD = {"hostname": HOST, "action": ACTION}
CHOSEN: dict[str, Any] = {
    "captcha": "turnstile",
    "captcha_site_key": SITE_KEY,
    "captcha_secret": SECRET,
    "captcha_ms": 30_000,
    "public_url": f"https://{HOST}",
    "guests_free_per_min": 1,
    "unlimited": (),
}
"""Every guest has a price with this: one makes three a minute."""

MakeCaptcha = Callable[..., Captcha]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with captcha_standin() as made:
        yield made


@pytest.fixture
async def make_captcha(settings: Settings, provider: Provider) -> AsyncIterator[MakeCaptcha]:
    """Makes what asks the stand-in; takes settings that differ."""
    async with AsyncExitStack() as made:

        def make(**changes: Any) -> Captcha:
            changed = {**CHOSEN, "captcha_verify_url": provider.url, **changes}
            captcha = Captcha(dataclasses.replace(settings, **changed))
            made.push_async_callback(captcha.close)
            return captcha

        yield make


class Door:
    """New guests as they come: what they are asked, and what becomes of their answers."""

    def __init__(self, price: GuestPrice, metrics: Metrics) -> None:
        self.price = price
        self._metrics = metrics

    def ask(self, *, wants_work: bool = False) -> dict[str, Any]:
        """What somebody from home has to answer."""
        with pytest.raises(ProofRequired) as caught:
            self.price.ask(HOME, wants_work=wants_work)
        challenge: Any = caught.value.facts["challenge"]
        return dict(challenge)

    async def answer(self, challenge: dict[str, Any] | str, answer: object, network: str = HOME) -> str:
        """What becomes of an answer."""
        text = challenge if isinstance(challenge, str) else challenge["challenge"]
        return await self.price.take(network, network, text, str(answer))

    def outcomes(self) -> dict[str, float]:
        """How often what became of answers."""
        return dict(self._metrics.guest_proofs.totals())


@pytest.fixture
async def door(settings: Settings, make_captcha: MakeCaptcha, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    # Who waits no longer for Redis trusts their own memory.
    monkeypatch.setattr(guest_price, "ANSWER_S", PATIENCE_S)
    settings, metrics = dataclasses.replace(settings, **CHOSEN), Metrics()
    redis = redis_client.connect(settings)
    names = NetworkNames(settings)
    yield Door(GuestPrice(settings, redis, Shares(settings), names, metrics, make_captcha()), metrics)
    await redis.aclose()


async def test_a_good_answer_is_good_for_one_guest_and_nothing_else_is(door: Door, provider: Provider) -> None:
    challenge = door.ask()
    known = {"kind": "captcha", "provider": "turnstile", "site_key": SITE_KEY, "action": ACTION}
    assert {name: challenge[name] for name in known} == known
    provider.answers["good"] = GOOD
    text = challenge["challenge"]
    ends, name, signature = text.split(".")
    for wrong, network in (
        (text, BOT),
        (f"{int(ends) + 60}.{name}.{signature}", HOME),
        (f"{ends}.{name.removeprefix('captcha-')}.{signature}", HOME),
        ("", HOME),
        ("..", HOME),
    ):
        assert await door.answer(wrong, "good", network) == "refused"
    work = door.ask(wants_work=True)
    ends, name, signature = work["challenge"].split(".")
    assert await door.answer(f"{ends}.captcha-{name}.{signature}", "good") == "refused"
    assert not provider.asked, "only what we have signed for this network is worth a question"

    assert await door.answer(text, "good") == "accepted"
    assert provider.asked == [{"secret": SECRET, "response": "good", "remoteip": HOME}]

    # Neither the challenge nor the answer is good again, whatever the provider says.
    for answer in ("good", "other"):
        provider.answers[answer] = GOOD
    assert await door.answer(text, "other") == "refused"
    assert await door.answer(door.ask(), "good") == "refused"
    assert len(provider.asked) == 1


async def test_an_answer_that_is_wrong_or_was_given_elsewhere_is_refused(
    make_captcha: MakeCaptcha, provider: Provider
) -> None:
    captcha = make_captcha()
    for said in (
        None,
        {**GOOD, "hostname": "phishing.example"},
        {"action": ACTION},
        {**GOOD, "action": "newsletter"},
        {"hostname": HOST},
        {**GOOD, "success": False, "error-codes": ["timeout-or-duplicate"]},
    ):
        provider.answers = {} if said is None else {"answer": said}
        assert await captcha.judge("answer", HOME) == "bad", said
    provider.answers["answer"] = GOOD
    assert await captcha.judge("answer", "") == "good"
    assert "remoteip" not in provider.asked[-1]
    assert not captcha.is_away


async def test_it_may_be_answered_on_every_page_that_may_show_a_seat_map(
    make_captcha: MakeCaptcha, provider: Provider
) -> None:
    captcha = make_captcha(captcha="hcaptcha", allowed_origins=("https://Portal.example:8443",), hosts=("seats.local",))
    for hostname, verdict in (
        (HOST, "good"),
        ("portal.example", "good"),
        ("seats.local", "good"),
        ("x.example", "bad"),
    ):
        provider.answers["answer"] = {"hostname": hostname}
        assert await captcha.judge("answer", HOME) == verdict, hostname
    provider.answers["answer"] = {"hostname": "x.example"}
    assert await make_captcha(captcha="recaptcha", allowed_origins=("*",)).judge("answer", HOME) == "good"


async def test_while_the_provider_is_away_its_visitors_do_the_work_instead(
    door: Door, make_captcha: MakeCaptcha, provider: Provider
) -> None:
    for fault in ("429", "text", "endless", "hung up", "wrong secret"):
        provider.fault, provider.secret = fault, "another" if fault == "wrong secret" else SECRET
        assert await make_captcha().judge("answer", HOME) == "away", fault
    provider.secret, provider.fault = SECRET, "slow"
    assert await make_captcha(captcha_ms=50).judge("answer", HOME) == "away"

    provider.fault = "500"
    provider.asked.clear()
    for failures in range(1, module.FAILURES + 1):
        challenge = door.ask()
        assert challenge["kind"] == "captcha"
        assert await door.answer(challenge, f"answer-{failures}") == "away"
        assert door.outcomes()["away"] == failures
    work = door.ask()
    assert work["kind"] == "work", "after some failures nobody is sent there"
    assert await door.answer(work, solved(work)) == "accepted"
    assert len(provider.asked) == module.FAILURES


async def test_a_provider_that_comes_back_is_asked_again(
    door: Door, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    provider.fault = "500"
    for failures in range(module.FAILURES):
        assert await door.answer(door.ask(), f"answer-{failures}") == "away"
    provider.fault, provider.answers["good"] = "", GOOD
    assert await door.answer(door.ask(), "good") == "accepted"


async def test_a_flood_of_answers_is_refused_as_busy_and_does_not_make_the_provider_look_away(
    make_captcha: MakeCaptcha, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    monkeypatch.setattr(module, "MOST_WAITING", 4)
    captcha = make_captcha()
    said = await asyncio.gather(*(captcha.judge(str(at), HOME) for at in range(20)), return_exceptions=True)
    assert [type(one) for one in said if one != "bad"] == [Busy] * 16
    assert not captcha.is_away


async def test_an_answer_that_no_provider_gives_out_never_makes_it_look_away(
    make_captcha: MakeCaptcha, provider: Provider
) -> None:
    captcha = make_captcha()
    provider.fault = "text"  # so a firewall before the provider would answer
    for odd in ("<script>", "' OR 1=1", "\udfff\x00 🎟" * 1000, "ａ", "good\n"):
        assert await captcha.judge(odd, HOME) == "bad", odd
    assert not provider.asked
    assert await captcha.judge("0.good_-1:~+/=", HOME) == "away"


async def test_a_visitor_gets_in_by_a_captcha_or_by_work_if_the_provider_is_away(
    make_server: MakeServer, provider: Provider
) -> None:
    chosen = {**CHOSEN, "captcha_verify_url": provider.url, "public_url": "", "hosts": (HOST,)}
    server = await make_server(**chosen)
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as http:

        async def come() -> dict[str, Any]:
            return challenge_of(await http.post("/api/v1/guests", headers={"X-Forwarded-For": HOME}))

        provider.answers["good"] = GOOD
        challenge = await come()
        assert (await prove(http, challenge["challenge"], "good")).status_code == 201
        assert provider.asked[-1]["remoteip"] == HOME

        # A browser that cannot show the widget says so, and is asked for work only if the provider is away for us too.
        challenge = await come()
        challenge = challenge_of(await prove(http, challenge["challenge"], ""))
        assert challenge["kind"] == "captcha"
        provider.fault = "500"
        work = challenge_of(await prove(http, challenge["challenge"], ""))
        assert work["kind"] == "work"
        assert (await prove(http, work["challenge"], solved(work))).status_code == 201

        async with SeatClient(server.url) as client:
            with pytest.raises(RemoteError) as caught:
                await client.access_token()
        assert caught.value.code == "proof_required", "a program cannot pass a CAPTCHA"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"captcha": "friendly"}, "SEATSERVER_CAPTCHA is"),
        ({"captcha_site_key": ""}, "SEATSERVER_CAPTCHA_SITE_KEY"),
        ({"captcha_site_key": "<b>"}, "SEATSERVER_CAPTCHA_SITE_KEY"),
        ({"captcha_secret": ""}, "SEATSERVER_CAPTCHA_SECRET"),
        ({"captcha_verify_url": "http://verify.example/"}, "SEATSERVER_CAPTCHA_VERIFY_URL"),
        ({"public_url": ""}, "SEATSERVER_PUBLIC_URL"),
        ({"guests_free_per_min": 0}, "SEATSERVER_GUESTS_FREE_PER_MIN"),
    ],
)
def test_a_provider_that_could_not_be_asked_or_never_would_be_is_refused_at_start(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        config.load({}, **{**CHOSEN, **changes})


def test_every_provider_that_is_known_can_be_chosen() -> None:
    for name in PROVIDERS:
        assert config.load({}, **{**CHOSEN, "captcha": name}).captcha == name
