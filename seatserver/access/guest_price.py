"""What a new guest costs while very many come at once: some work for its browser.

Whoever makes guests by the thousand gets round every limit of a user. While few come, guests cost nothing. Above
`SEATSERVER_GUESTS_FREE_PER_MIN`, the server answers the wish for a guest with a *challenge*, and makes the guest when
that is solved. The price is asked for the guest and not for its first hold: each guest of a flood has to pay it, an
honest visitor pays it once, while the page is loading, and a guest that comes back renews its token for nothing.

The challenge is a puzzle (`puzzles.py`). The more guests come, the longer it takes; even the longest takes a cheap
phone no more than two seconds. Where the operator has chosen a provider of CAPTCHAs (`captcha.py`), the challenge is
one of these instead. While that provider is away, it is the puzzle: an opening must not depend on somebody else's
server, and a flood that could silence the provider would gain no more than the price that others ask all the time.

Nothing is kept of a challenge: it is signed together with its end, the network that it was made for, and its number.
What was answered is remembered until that end, in Redis, so that it makes one guest only; while Redis does not answer,
in each process. Of a CAPTCHA, the provider's answer is remembered too, and the challenge is used up even if that answer
is bad: so a network makes us ask the provider no more often than it may ask for guests.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import math
import random
import secrets
import time
from collections import OrderedDict
from typing import Literal

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from seatserver import logs
from seatserver.access import puzzles
from seatserver.access.captcha import Captcha
from seatserver.access.networks import NetworkNames
from seatserver.access.shares import MINUTE_S, Shares
from seatserver.config import Settings
from seatserver.errors import ProofRequired
from seatserver.metrics import Metrics

log = logs.from_outside(__name__)

PURPOSE = b"seatserver price of a guest"
NETWORK = "price of a guest"
WORK = "work"
Outcome = Literal["accepted", "refused", "away"]
"""What became of an answer; also in the metrics. ``away``: the provider of CAPTCHAs could not be asked."""
EASIEST, HARDEST = 20_000, 100_000
"""The highest number of a puzzle: where guests begin to cost, and at most. A cheap phone tries 60,000 a second."""
VALID_S = 120
CHALLENGE_CHARS = 200
CAPTCHA_MARK = "captcha-"
"""Before the text of a challenge that a CAPTCHA answers. It is signed with the text, so one kind never passes for the
other."""
CAPTCHA_TEXT_BYTES = 16
RESPONSE_VALID_S = 600
"""Longer than any provider accepts an answer."""
MEMORY_S = 20.0
"""A guest counts less with every second, and hardly any more after some times this."""
RETRY_S = (5.0, 15.0)
"""Programs that know no challenges are told to come back after that, each at another time."""
ANSWER_S = 0.5
AT_ONCE = 4
REMEMBERED = 10_000


class Demand:
    """How many guests a minute are wanted of this process."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at = 0.0

    def count(self, now: float) -> float:
        """Count one more. Returns how many a minute that makes."""
        self._level = self._level * math.exp((self._at - now) / MEMORY_S) + 1
        self._at = now
        return self._level * MINUTE_S / MEMORY_S


class GuestPrice:
    """Asks for the price, and takes it."""

    def __init__(
        self,
        settings: Settings,
        redis: redis.asyncio.Redis,
        shares: Shares,
        names: NetworkNames,
        metrics: Metrics,
        captcha: Captcha | None = None,
    ) -> None:
        self._free_per_min = settings.guests_free_per_min
        self._key = hmac.digest(settings.token_secret.encode(), PURPOSE, hashlib.sha256)
        self._redis = redis
        self._shares = shares
        self._names = names
        self._captcha = captcha
        self._proofs = metrics.guest_proofs
        self._demand = Demand()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._solved: OrderedDict[str, float] = OrderedDict()

    def ask(self, network: str, *, wants_work: bool = False) -> None:
        """Somebody of a network wants to be a guest. Raises `ProofRequired` with a challenge while that has a price.

        With ``wants_work`` the challenge is a puzzle even where others get a CAPTCHA.
        """
        if not self._free_per_min or self._shares.of_network(network) is None:
            return
        wanted = self._demand.count(time.monotonic())
        if wanted > self._free_per_min:
            self._proofs.labels("asked").inc()
            if self._captcha is None or self._captcha.is_away or wants_work:
                raise self._work(network, wanted / self._free_per_min)
            raise self._check(network, self._captcha)

    async def take(self, network: str, address: str, challenge: str, answer: str) -> Outcome:
        """Take the answer to a challenge that was made for this network, in time and for the first time.

        ``address`` is the visitor's own, which a provider of CAPTCHAs is told. Raises `Busy`.
        """
        outcome = await self._outcome(network, address, challenge, answer)
        self._proofs.labels(outcome).inc()
        return outcome

    async def _outcome(self, network: str, address: str, challenge: str, answer: str) -> Outcome:
        ends, _, rest = challenge.partition(".")
        text, _, _ = rest.partition(".")
        is_captcha = text.startswith(CAPTCHA_MARK)
        signed = self._signed(ends, text, network, "" if is_captcha else answer)
        # Only what we have signed ourselves is looked at any further.
        is_ours = hmac.compare_digest(challenge.encode(errors="replace"), signed.encode(errors="replace"))
        left_s = float(ends) - time.time() if is_ours else 0.0
        if left_s <= 0 or not await self._is_first(text, left_s):
            return "refused"
        if not is_captcha:
            return "accepted"
        if self._captcha is None:
            return "away"  # an instance that still has one made the challenge
        if answer and not await self._is_first(_name_of(answer), RESPONSE_VALID_S):
            return "refused"
        verdict = await self._captcha.judge(answer, address)
        return "accepted" if verdict == "good" else "refused" if verdict == "bad" else "away"

    async def _is_first(self, name: str, left_s: float) -> bool:
        """Note for some time that a challenge or an answer was used; False if it was before."""
        left_s = max(1, math.ceil(left_s))
        try:
            async with asyncio.timeout(ANSWER_S), self._turns:
                return bool(await self._redis.set(f"proof:{name}", 1, nx=True, ex=left_s))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("solved challenges are remembered in this process only", problem=type(error).__name__)
        if name in self._solved:
            return False
        now = time.monotonic()
        while self._solved and (len(self._solved) >= REMEMBERED or next(iter(self._solved.values())) <= now):
            self._solved.popitem(last=False)
        self._solved[name] = now + left_s
        return True

    def _check(self, network: str, captcha: Captcha) -> ProofRequired:
        ends_s = int(time.time()) + VALID_S
        text = f"{CAPTCHA_MARK}{secrets.token_urlsafe(CAPTCHA_TEXT_BYTES)}"
        challenge = {
            **captcha.challenge,
            "challenge": self._signed(str(ends_s), text, network, ""),
            "expires_at_ms": ends_s * 1000,
        }
        return ProofRequired(challenge, random.uniform(*RETRY_S))

    def _work(self, network: str, pressure: float) -> ProofRequired:
        ends_s = int(time.time()) + VALID_S
        puzzle, number = puzzles.make(min(HARDEST, int(EASIEST * pressure)))
        challenge = {
            "kind": WORK,
            **msgspec.structs.asdict(puzzle),
            "challenge": self._signed(str(ends_s), puzzle.text, network, str(number)),
            "expires_at_ms": ends_s * 1000,
        }
        return ProofRequired(challenge, random.uniform(*RETRY_S))

    def _signed(self, ends: str, text: str, network: str, answer: str) -> str:
        """The challenge as its client sends it back. Without the right answer it comes out another one."""
        content = "\n".join((ends, text, self._names.write(NETWORK, network), answer))
        mac = hmac.digest(self._key, content.encode(errors="replace"), hashlib.sha256)
        return f"{ends}.{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _name_of(answer: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(answer.encode(errors="replace")).digest()).decode()
