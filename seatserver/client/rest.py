"""The REST interface as a program calls it, and the token that all of a client's rooms share."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import httpx
import msgspec

from seatserver.access import puzzles
from seatserver.client.errors import RemoteError
from seatserver.seatmaps.model import SeatMap

TIMEOUT_S = 10.0
HARDEST = 10_000_000
"""A puzzle that takes much longer than our servers' is not worth the wait."""
MOST_CHALLENGES = 3
"""A challenge can end while it is being solved; the next one is better not solved for ever."""


class RestClient:
    """Calls the REST interface. Without a ``token`` it asks for a guest's when it first needs one."""

    def __init__(self, base_url: str, *, token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._is_guest = token is None
        self._renewal: str | None = None
        self._asking = asyncio.Lock()
        self._http = httpx.AsyncClient(base_url=self.base_url, timeout=timeout_s)
        self._layouts: dict[str, SeatMap] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, body: object = None, *, anonymous: bool = False) -> Any:
        """One REST call under ``/api/v1``; the decoded JSON answer. Raises `RemoteError`."""
        headers = {} if anonymous or self.token is None else {"Authorization": f"Bearer {self.token}"}
        response = await self._http.request(method, f"/api/v1{path}", json=body, headers=headers)
        if response.is_error:
            try:
                problem = response.json()
                raise RemoteError(
                    problem["code"], problem["detail"], retryable=problem["retryable"], facts=problem["facts"]
                )
            except (ValueError, KeyError, TypeError):
                raise RemoteError("http", f"{method} {path} answered {response.status_code}") from None
        return response.json()

    async def access_token(self) -> str:
        """The token in use. A guest's is fetched once for all rooms. Raises `RemoteError`."""
        async with self._asking:
            if self.token is None:
                guest = await self._guest()
                self.token, self._renewal = cast(str, guest["token"]), guest.get("renewal")
            return self.token

    async def _guest(self) -> dict[str, Any]:
        """The same guest as before, if that is still possible, else a new one."""
        if self._renewal is not None:
            try:
                renewal = {"renewal": self._renewal}
                return cast(dict[str, Any], await self.call("POST", "/guests/renew", renewal, anonymous=True))
            except RemoteError as error:
                if error.code != "unauthorized":
                    raise
        return await self._new_guest()

    async def _new_guest(self) -> dict[str, Any]:
        """A new guest. While very many come, the server wants a puzzle solved first."""
        path, body = "/guests", cast("dict[str, str] | None", None)
        for _ in range(MOST_CHALLENGES):
            try:
                return cast(dict[str, Any], await self.call("POST", path, body, anonymous=True))
            except RemoteError as error:
                if error.code != "proof_required":
                    raise
                proof = await _proof(error)
                if proof is None:
                    raise
                path, body = "/guests/prove", proof
        return cast(dict[str, Any], await self.call("POST", path, body, anonymous=True))

    async def bookings(self, **query: str | int) -> dict[str, Any]:
        """A page of one's own bookings, newest first; ``query`` may have showtime, status, limit, after.

        Raises `RemoteError`.
        """
        await self.access_token()
        return cast(dict[str, Any], await self.call("GET", f"/bookings?{httpx.QueryParams(query)}"))

    async def cancel_booking(self, booking_id: UUID) -> dict[str, Any]:
        """Give a booking's seats back; the booking as it is then. Raises `RemoteError`."""
        await self.access_token()
        return cast(dict[str, Any], await self.call("POST", f"/bookings/{booking_id}/cancel"))

    def forget_guest(self, token: str) -> bool:
        """A guest's ``token`` is no longer valid: the next connection asks for another, as the same guest if possible.

        Returns whether it was a guest's. A token that the caller gave us cannot be replaced.
        """
        if self._is_guest and self.token == token:
            self.token = None
        return self._is_guest

    async def layout(self, layout_hash: str) -> SeatMap:
        """A hall, fetched once: layouts never change."""
        if layout_hash not in self._layouts:
            response = await self._http.get(f"/api/v1/layouts/{layout_hash}")
            response.raise_for_status()
            document = msgspec.json.decode(response.content, type=dict[str, msgspec.Raw])
            self._layouts[layout_hash] = SeatMap.decode(bytes(document.get("map", response.content)))
        return self._layouts[layout_hash]


async def _proof(error: RemoteError) -> dict[str, str] | None:
    """What answers a server's challenge; None for a challenge that this client does not know."""
    try:
        challenge = msgspec.convert(error.facts.get("challenge"), dict[str, Any])
        puzzle = msgspec.convert(challenge, puzzles.Puzzle)
    except msgspec.ValidationError:
        return None
    if challenge.get("kind") != "work" or puzzle.most > HARDEST:
        return None
    number = await asyncio.to_thread(puzzles.solve, puzzle)
    return None if number is None else {"challenge": str(challenge.get("challenge")), "answer": str(number)}
