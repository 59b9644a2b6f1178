"""Asks for bookings at the very moment at which they were confirmed.

A server that answers before it commits is fast and loses bookings when it dies. So as soon as somebody was told that
they are booked, a witness asks for that booking over REST, on another connection. If the server does not know it, it
has promised too early. Only so many are asked for at the same time; the others are left out.
"""

from __future__ import annotations

import asyncio

import httpx

from loadtests.rush.world import World

AT_ONCE = 8
NOTED = 20
TIMEOUT_S = 30.0


class Witness:
    """A context manager; at its end all questions have been answered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, verify=world.tls, trust_env=False)
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Witness:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._http.aclose()

    def look(self, person: int, booking: str) -> None:
        """Ask for a booking now, unless many questions are open."""
        if len(self._asking) < AT_ONCE:
            task = asyncio.create_task(self._ask(person, booking))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, person: int, booking: str) -> None:
        headers = {"Authorization": f"Bearer {self._world.token_of(person)}"}
        try:
            response = await self._http.get(f"{self._world.url_of(person)}/api/v1/bookings/{booking}", headers=headers)
        except httpx.HTTPError:
            return  # it says nothing about the booking
        self._world.looked_up += 1
        if response.status_code == httpx.codes.NOT_FOUND and len(self._world.premature) < NOTED:
            self._world.premature.append(booking)
