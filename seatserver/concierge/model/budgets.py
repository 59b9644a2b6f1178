"""What the model may cost: questions, tokens and money, of each visitor and showtime and of all together, in a day.

The sums are in Redis, so all instances share them. Before a question, one script charges the most that it can cost to
everybody who pays for it (the visitor, the showtime, the day), or to nobody if one of them would exceed a limit.
Afterwards the real cost replaces that. A charge has an id, so repeating either step changes nothing. If a charge is
never settled, because a process died or Redis did not answer, it stays: a lost reply makes no question free. Days are
in UTC.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from seatserver.config import Clock, Settings
from seatserver.errors import Unavailable

DAY_MS = 86_400_000
KEPT_S = 2 * 86_400
ANSWER_S = 1.0
"""Redis is asked for so long at most: nobody is kept waiting for a sum."""
AT_ONCE = 4
"""Most questions to Redis under way at once, so that connections are left for everything else."""
SPOKEN_TOKENS = 5000
"""Of an answer that is read aloud: more than the ninety seconds of it that are passed on."""
HOUSEHOLD = 4
"""So many visitors' budgets the guests of one network have together."""

# KEYS: the sums of each payer, then the charge. ARGV: tokens, money, seconds to keep, then each payer's three limits.
# Answers 0, or the number of the payer who has too little left.
CHARGE = """
local charge = KEYS[#KEYS]
if redis.call('EXISTS', charge) == 1 then return 0 end
local tokens, money = tonumber(ARGV[1]), tonumber(ARGV[2])
for i = 1, #KEYS - 1 do
  local had = redis.call('HMGET', KEYS[i], 'turns', 'tokens', 'money')
  local at = 3 + (i - 1) * 3
  if (tonumber(had[1]) or 0) + 1 > tonumber(ARGV[at + 1])
    or (tonumber(had[2]) or 0) + tokens > tonumber(ARGV[at + 2])
    or (tonumber(had[3]) or 0) + money > tonumber(ARGV[at + 3]) then return i end
end
for i = 1, #KEYS - 1 do
  redis.call('HINCRBY', KEYS[i], 'turns', 1)
  redis.call('HINCRBY', KEYS[i], 'tokens', ARGV[1])
  redis.call('HINCRBY', KEYS[i], 'money', ARGV[2])
  redis.call('EXPIRE', KEYS[i], ARGV[3])
end
redis.call('HSET', charge, 'tokens', ARGV[1], 'money', ARGV[2])
redis.call('EXPIRE', charge, ARGV[3])
return 0
"""

# KEYS as above. ARGV: the tokens and the money that it did cost.
SETTLE = """
local charge = KEYS[#KEYS]
local held = redis.call('HMGET', charge, 'tokens', 'money')
if not held[1] then return 0 end
redis.call('DEL', charge)
for i = 1, #KEYS - 1 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('HINCRBY', KEYS[i], 'tokens', tonumber(ARGV[1]) - tonumber(held[1]))
    redis.call('HINCRBY', KEYS[i], 'money', tonumber(ARGV[2]) - tonumber(held[2]))
  end
end
return 1
"""


class Payer(NamedTuple):
    """Who pays: a user, the network of a guest by a name that is no address, and a showtime; the last two may be empty.

    Staff's questions are about no single showtime.
    """

    user: str
    household: str
    showtime: str


class Spent(NamedTuple):
    """Tokens and money, in millionths of a cent."""

    tokens: int = 0
    money: int = 0


class Prices(NamedTuple):
    """What a million tokens cost, in cents."""

    input: int
    output: int

    def of(self, input: int, output: int) -> int:
        """What so many tokens cost, in millionths of a cent."""
        return input * self.input + output * self.output


class Charge(NamedTuple):
    """What was charged, to be settled: the keys of the payers' sums, then its own."""

    keys: tuple[str, ...]


def written_prices(settings: Settings) -> Prices:
    """Those of the model that is asked in writing."""
    return Prices(settings.gemini_input_cents, settings.gemini_output_cents)


def spoken_prices(settings: Settings) -> Prices:
    """Those of the model that hears and speaks."""
    return Prices(settings.gemini_live_input_cents, settings.gemini_live_output_cents)


class Budgets:
    """The sums of all instances."""

    def __init__(self, settings: Settings, redis: Redis, clock: Clock) -> None:
        self._settings = settings
        self._redis = redis
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)

    def most(self) -> Spent:
        """The most that one question can cost."""
        tokens = self._settings.gemini_turn_tokens
        return Spent(tokens, tokens * max(written_prices(self._settings)))

    def most_spoken(self) -> Spent:
        """The most that hearing a question and reading its answer aloud can cost."""
        tokens, prices = self._settings.gemini_turn_tokens, spoken_prices(self._settings)
        said = min(SPOKEN_TOKENS, tokens)
        return Spent(tokens, max(prices.of(tokens - said, said), prices.of(tokens, 0)))

    async def charge(self, payer: Payer, most: Spent | None = None) -> Charge | None:
        """Charge ``most``, otherwise the most that a question can cost.

        None if the payer, the showtime or the day has too little left.

        Raises `Unavailable`: whether it is charged is not known then, so nothing may be asked.
        """
        settings, most = self._settings, most or self.most()
        day = f"concierge:{{{self._clock() // DAY_MS}}}"
        user = (settings.gemini_user_turns, settings.gemini_user_tokens, settings.gemini_user_cents)
        showtime = (settings.gemini_showtime_turns, settings.gemini_showtime_tokens, settings.gemini_showtime_cents)
        everything = (settings.gemini_day_turns, settings.gemini_day_tokens, settings.gemini_day_cents)
        limits: dict[str, tuple[int, ...]] = {
            f"{day}:all": everything,
            f"{day}:user:{payer.user}": user,
        }
        if payer.showtime:
            limits[f"{day}:showtime:{payer.showtime}"] = showtime
        if payer.household:
            limits[f"{day}:network:{payer.household}"] = tuple(HOUSEHOLD * limit for limit in user)
        charge = Charge((*limits, f"{day}:charge:{uuid4()}"))
        bounds = [bound for turns, tokens, cents in limits.values() for bound in (turns, tokens, cents * 1_000_000)]
        refused = await self._run(CHARGE, charge.keys, most.tokens, most.money, KEPT_S, *bounds)
        return None if refused else charge

    async def settle(self, charge: Charge, spent: Spent) -> None:
        """Let what the question did cost take the place of what was charged. Raises `Unavailable`."""
        await self._run(SETTLE, charge.keys, spent.tokens, spent.money)

    async def spent_today(self) -> Spent:
        """What all instances have spent today, with what is charged at the moment. Raises `Unavailable`."""
        key = f"concierge:{{{self._clock() // DAY_MS}}}:all"
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await self._redis.hmget(key, ["tokens", "money"])
        except (RedisError, OSError, TimeoutError):
            raise Unavailable("Redis") from None
        return Spent(*(int(value or 0) for value in found))

    async def _run(self, script: str, keys: tuple[str, ...], *arguments: int) -> int:
        try:
            async with asyncio.timeout(ANSWER_S), self._turns:
                answer: int = await self._redis.eval(script, len(keys), *keys, *map(str, arguments))
                return answer
        except (RedisError, OSError, TimeoutError):
            raise Unavailable("Redis") from None
