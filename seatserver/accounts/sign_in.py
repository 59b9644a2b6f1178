"""Signing in with e-mail and password, for pages and for programs.

Tries are limited for each pair of network and e-mail (`access/shares.py`): whoever makes many is told to wait, and
people elsewhere notice nothing. A wrong e-mail and a wrong password get the same answer after the same time. Only
somebody who knows the password of a disabled account is told that it is disabled.
"""

from __future__ import annotations

from seatserver.access.shares import Shares
from seatserver.accounts.passwords import Passwords
from seatserver.accounts.users import MAX_EMAIL, Proof, Users, normal_email
from seatserver.errors import SignInRefused, TooMany
from seatserver.metrics import Metrics


class PasswordCheck:
    """Finds out whose e-mail and password these are."""

    def __init__(self, users: Users, passwords: Passwords, shares: Shares, metrics: Metrics) -> None:
        self._users = users
        self._passwords = passwords
        self._shares = shares
        self._turned_away = metrics.turned_away

    async def user_of(self, email: str, password: str, network: str) -> Proof:
        """Who the user is. Raises `SignInRefused`, `TooMany`, `Busy` or `Unavailable`. A disabled user is not refused.

        The password may be changed right afterwards: whoever goes on has to ask `check_proof`.
        """
        # Nobody has a longer one. It would be kept as the name of a share, and a few letters become many.
        normal = normal_email(email[: MAX_EMAIL + 1])
        if len(email) > MAX_EMAIL or len(normal) > MAX_EMAIL:
            raise SignInRefused
        self._take(network, normal)
        proof = await self._proof_of(normal, password)
        if proof is None:
            self._shares.note_refusal(network)
            raise SignInRefused
        self._shares.forget_sign_in(network, normal)
        if proof.password_hash is not None and self._passwords.is_outdated(proof.password_hash):
            fresh = await self._passwords.hash_again(password)
            if await self._users.replace_hash(proof.user_id, proof.password_hash, fresh):
                return Proof(user_id=proof.user_id, password_hash=fresh)
            # Another sign-in has done so, or the password was changed.
            proof = await self._proof_of(normal, password)
            if proof is None:
                raise SignInRefused
        return proof

    async def _proof_of(self, email: str, password: str) -> Proof | None:
        found = await self._users.password_of(email)
        user_id, stored = found or (None, None)
        is_right = await self._passwords.matches(password, stored)
        return Proof(user_id=user_id, password_hash=stored) if is_right and user_id is not None else None

    def _take(self, network: str, email: str) -> None:
        """Count a try before it is made, so that many at once count too. Raises `TooMany`."""
        try:
            self._shares.take_password(network, email)
        except TooMany:
            self._shares.note_refusal(network)
            self._turned_away.labels("passwords").inc()
            raise
