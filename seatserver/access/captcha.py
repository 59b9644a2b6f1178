"""CAPTCHAs as the price of a guest, from a provider that the operator chose (`SEATSERVER_CAPTCHA`).

A provider's script in the visitor's browser gives out an answer, and the provider tells us whether that is good. All
three that we know are asked in the same way: secret and answer, and the visitor's address, in a form; in return a JSON
document with `success`, the `hostname` of the page where it was answered, and `error-codes`. What this module decides
is what that means. When a CAPTCHA is wanted, and of whom, is in `guest_price.py`.

A provider that does not answer, or that does not know our secret, is *away*. That says nothing about the visitor, who
is asked for something else then. After some failures in a row the provider is left alone for a while.

Its answers are bounded in time and size, and so is how many are waited for: beyond that, visitors are refused as the
server is busy. A flood of made-up answers so never makes a provider look as if it were away.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import httpx
import msgspec

from seatserver import logs
from seatserver.config import Settings
from seatserver.errors import Busy

log = logs.from_outside(__name__)

Verdict = Literal["good", "bad", "away"]

KIND = "captcha"
ACTION = "guest"
"""What the answer is for. Providers that sign it refuse one that was got on another form of the same site."""
RESPONSE_CHARS = 8192
"""An answer is 2 KB at Cloudflare, and up to 5 at the others."""
RESPONSE = re.compile(r"[\w.~+/=:-]*", re.ASCII)
"""What an answer is written in. Anything else might be stopped before the provider, which would then look away."""
MOST_BYTES = 16_384
"""Of what a provider says. It is a few hundred bytes."""
AT_ONCE, MOST_WAITING = 50, 100
FAILURES = 3
PAUSE_S = 15.0
ANY = "*"
OURS = {"missing-input-secret", "invalid-input-secret", "internal-error"}
"""Errors that say nothing about the answer."""
AWAY = (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError)
"""msgspec's errors are ValueErrors too."""


class Provider(NamedTuple):
    """Where a provider is asked, and what its script needs of a page."""

    verify_url: str
    policy: Mapping[str, str]
    """By directive of a content security policy: the sources that the provider's documentation names."""
    signs_action: bool = False


_HCAPTCHA = "https://hcaptcha.com https://*.hcaptcha.com"

PROVIDERS = {
    "turnstile": Provider(
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        {"script-src": "https://challenges.cloudflare.com", "frame-src": "https://challenges.cloudflare.com"},
        signs_action=True,
    ),
    "hcaptcha": Provider(
        "https://api.hcaptcha.com/siteverify",
        dict.fromkeys(("script-src", "frame-src", "style-src", "connect-src"), _HCAPTCHA),
    ),
    "recaptcha": Provider(
        "https://www.google.com/recaptcha/api/siteverify",
        {
            "script-src": "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/",
            "frame-src": "https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/",
        },
    ),
}
"""By their names in the settings. The browser's side of each is in `web/shared/captcha.js`."""


class Said(msgspec.Struct, frozen=True):
    """What a provider says of an answer."""

    success: bool
    hostname: str | None = None
    action: str | None = None
    errors: list[str] = msgspec.field(default_factory=list, name="error-codes")


class Captcha:
    """The operator's provider."""

    def __init__(self, settings: Settings) -> None:
        """``settings`` name a provider."""
        self._provider = PROVIDERS[settings.captcha]
        self._url = settings.captcha_verify_url or self._provider.verify_url
        self._secret = settings.captcha_secret
        self._longest_s = settings.captcha_ms / 1000
        self._hostnames = _hostnames(settings)
        self._http = httpx.AsyncClient(
            timeout=self._longest_s,
            limits=httpx.Limits(max_connections=AT_ONCE),
            trust_env=self._url.startswith("https:"),  # a proxy is for what is outside
        )
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._failures = 0
        self._away_until = 0.0
        self.challenge = {
            "kind": KIND,
            "provider": settings.captcha,
            "site_key": settings.captcha_site_key,
            "action": ACTION,
        }
        """What the visitor's browser needs to know."""

    @property
    def is_away(self) -> bool:
        """Whether it has just failed several times, so that nobody should be sent to it."""
        return time.monotonic() < self._away_until

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def judge(self, response: str, address: str) -> Verdict:
        """Whether an answer is good, which came from this address (empty: unknown). Raises `Busy`."""
        if RESPONSE.fullmatch(response) is None:
            log.warning("a CAPTCHA's answer has signs in it that no provider uses")
            return "bad"
        if self._waiting >= MOST_WAITING:
            raise Busy("the check of CAPTCHAs")
        self._waiting += 1
        try:
            async with self._turns:
                if self.is_away:
                    return "away"
                said = await self._ask(response, address)
        except AWAY as error:
            self._note_failure(type(error).__name__)
            return "away"
        finally:
            self._waiting -= 1
        if ours := sorted(OURS.intersection(said.errors)):
            self._note_failure(ours[0])
            return "away"
        self._failures = 0
        return "good" if self._is_ours(said) else "bad"

    async def _ask(self, response: str, address: str) -> Said:
        """Ask the provider. Raises one of `AWAY`."""
        form = {"secret": self._secret, "response": response, **({"remoteip": address} if address else {})}
        body = bytearray()
        async with (
            asyncio.timeout(self._longest_s),
            # Compressed, a small answer could become a large one.
            self._http.stream("POST", self._url, data=form, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ValueError("the provider's answer is too long")
        # Some refuse an answer with 400, and say the same in the body.
        if answer.status_code != 200 and answer.status_code not in range(400, 429):
            raise ValueError(f"the provider answered {answer.status_code}")
        return msgspec.json.decode(body, type=Said)

    def _is_ours(self, said: Said) -> bool:
        """Whether it was answered, on one of our pages and for this purpose."""
        if not said.success:
            return False
        if self._provider.signs_action and said.action != ACTION:
            log.warning("a CAPTCHA was answered for something else", action=(said.action or "")[:80])
            return False
        if self._hostnames is not None and (said.hostname or "").lower() not in self._hostnames:
            log.warning("a CAPTCHA was answered on another page", hostname=(said.hostname or "")[:80])
            return False
        return True

    def _note_failure(self, problem: str) -> None:
        self._failures += 1
        log.warning("the CAPTCHA provider is away: new guests do the work instead", problem=problem)
        if self._failures >= FAILURES:
            self._away_until = time.monotonic() + PAUSE_S


def _hostnames(settings: Settings) -> frozenset[str] | None:
    """The hosts whose pages may show a seat map; None if all may."""
    if ANY in settings.allowed_origins:
        return None
    pages = (settings.public_url, *settings.allowed_origins)
    names = {urlsplit(page).hostname or "" for page in pages} | {name.lower() for name in settings.hosts}
    return frozenset(names - {""})
