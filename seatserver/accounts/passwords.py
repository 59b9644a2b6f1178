"""Passwords: which ones are accepted, and how they are hashed and compared.

The rules are NIST's (SP 800-63B, section 3.1.1): length counts, and nobody is told to add a digit. A password that is
common, or contains its owner's name or e-mail, is refused; `zxcvbn` estimates how many guesses it would withstand.

Hashing is slow on purpose, so it happens in a few threads of its own, off the event loop, and only so many passwords
wait for it.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from seatserver.errors import BadRequest, Busy

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARS, MAX_CHARS = 12, 128
ESTIMATED_CHARS = 72
"""The estimate takes time with the length; whatever follows only makes a password better."""
ENOUGH = 3
"""Of zxcvbn's scores 0 to 4: at least 100 million guesses."""
TELLING_CHARS = 4
"""A part of the owner's name or e-mail that is shorter than this may be in a password by chance."""
THREADS = 2
MOST_WAITING = 32
"""About two seconds of work."""
# At least what OWASP's "Password Storage Cheat Sheet" asks for; 19 MiB, so that a small machine bears all threads.
TIME_COST, MEMORY_KIB, LANES = 2, 19_456, 1
DECOY = "$argon2id$v=19$m=19456,t=2,p=1$bZLSxKVyQD9++UZswYmzow$D4prUttneXCgxNA7fUXULGtJhEQ+sucPX3kxsCse6+Q"
"""What a password is compared with when there is no such user, so that the answer takes as long."""

Answer = TypeVar("Answer")


class Passwords:
    """Checks, hashes and compares passwords. Every method raises `Busy` when too many wait."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    def close(self) -> None:
        """Let go of the threads. What they are doing ends within a fraction of a second."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str, owner: Iterable[str]) -> str:
        """A new password as it is stored. ``owner`` is what it may not say: name and e-mail.

        Raises `BadRequest` with what is wrong with it; the text never repeats the password.
        """
        words = tuple(owner)
        return await self._in_a_thread(lambda: self._hash(_acceptable(password, words)))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether this is the password. Without a stored one it takes as long, and is not."""
        return await self._in_a_thread(lambda: self._matches(password, stored))

    def is_outdated(self, stored: str) -> bool:
        """Whether it was hashed in another way than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    async def hash_again(self, password: str) -> str:
        """A password that was accepted before, as new ones are stored."""
        return await self._in_a_thread(lambda: self._hash(_normal(password)))

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=LANES)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def _matches(self, password: str, stored: str | None) -> bool:
        from argon2.exceptions import Argon2Error, InvalidHash

        given = _normal(password) if len(password) <= MAX_CHARS else ""
        try:
            is_right = self._hasher.verify(stored or DECOY, _bytes(given))
        except (Argon2Error, InvalidHash):
            return False
        return is_right and stored is not None and bool(given)

    async def _in_a_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= MOST_WAITING:
            raise Busy("the queue of passwords")
        self._waiting += 1
        loop = asyncio.get_running_loop()

        def done(_: Future[Answer]) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody counts any more
                loop.call_soon_threadsafe(self._finished)

        # If the caller goes away, what waits is dropped; what runs in the thread still counts until it is done.
        task = self._threads.submit(work)
        task.add_done_callback(done)
        return await asyncio.wrap_future(task)

    def _finished(self) -> None:
        self._waiting -= 1


def _normal(password: str) -> str:
    """The same text however a keyboard composes its accents."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    """As they are hashed. A terminal may give halves of characters, which UTF-8 has no bytes for."""
    return password.encode("utf-8", "surrogatepass")


def _acceptable(password: str, owner: Iterable[str]) -> str:
    """The password, normalised. Raises `BadRequest`."""
    normal = _normal(password[: MAX_CHARS + 1])
    if not MIN_CHARS <= len(normal) <= MAX_CHARS:
        raise BadRequest(f"a password has {MIN_CHARS} to {MAX_CHARS} characters", "password")
    parts = {part for text in owner for part in re.split(r"[\W_]+", text.casefold()) if len(part) >= TELLING_CHARS}
    if any(part in normal.casefold() for part in parts):
        raise BadRequest("the password contains the user's name or e-mail: choose another one", "password")
    from zxcvbn import zxcvbn

    estimate = zxcvbn(normal[:ESTIMATED_CHARS], user_inputs=sorted(parts), max_length=ESTIMATED_CHARS)
    if estimate["score"] < ENOUGH:
        raise BadRequest("the password is easy to guess: several words that have nothing to do with each other are not")
    return normal
