"""What the server and Postgres say after the run, for the oracle: asked afresh, by somebody who saw nothing before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import httpx
import msgspec
from websockets.asyncio.client import connect

from loadtests.rush.oracle import Account
from loadtests.rush.target import Target
from loadtests.rush.tls import explained
from loadtests.rush.world import Stage
from seatserver.errors import StartError
from seatserver.wire import from_client, from_server
from seatserver.wire.codec import SUBPROTOCOL_JSON
from seatserver.wire.reading import Reader

PATIENCE_S = 30.0
OWNERS = "SELECT seat, booking_id FROM booked_seats WHERE showtime_id = $1 AND released_at IS NULL ORDER BY seat"


async def ask(target: Target, stages: Sequence[Stage]) -> list[Account]:
    """One account for each showtime. Raises `StartError` if the server has nothing to say any more."""
    found = []
    owners = await _owners(target.database_url, stages) if target.database_url else None
    base = f"{target.urls[0]}/api/v1"
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_S, verify=target.tls, trust_env=False) as http:
        for number, stage in enumerate(stages):
            snapshot, counted = await _agreeing(target, http, stage)
            found.append(
                Account(
                    showtime=number,
                    epoch=snapshot.epoch,
                    version=snapshot.version,
                    states=snapshot.states,
                    areas=tuple(snapshot.areas),
                    counted=counted,
                    taken_before=stage.taken_before,
                    owners=owners[number] if owners is not None else None,
                )
            )
    return found


async def taken(target: Target, stages: Sequence[Stage]) -> list[Stage]:
    """The same stages, with what is not free in them now."""
    return [
        msgspec.structs.replace(
            stage, taken_before=tuple((seat, int(state)) for seat, state in enumerate(snapshot.states) if state != "0")
        )
        for stage in stages
        for snapshot in [await _snapshot(target, stage)]
    ]


async def _agreeing(
    target: Target, http: httpx.AsyncClient, stage: Stage
) -> tuple[from_server.Snapshot, dict[str, int]]:
    """A snapshot and the counts of one and the same version, if the room stands still; else the last ones."""
    for _ in range(20):
        snapshot = await _snapshot(target, stage)
        try:
            response = await http.get(f"/showtimes/{stage.id}/availability")
            said = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise StartError(f"the server does not count its seats any more: {error}") from None
        if (said["epoch"], said["version"]) == (snapshot.epoch, snapshot.version):
            break
        await asyncio.sleep(0.1)
    return snapshot, {name: int(count) for name, count in said["total"].items()}


async def _snapshot(target: Target, stage: Stage) -> from_server.Snapshot:
    url = f"ws{target.urls[0].removeprefix('http')}/ws/showtimes/{stage.id}"
    read = Reader("json").read
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            connect(
                url,
                subprotocols=[SUBPROTOCOL_JSON],  # type: ignore[list-item]
                compression=None,
                max_size=None,
                proxy=None,
                ssl=target.tls if url.startswith("wss:") else None,
            ) as socket,
        ):
            await socket.send(msgspec.json.encode(from_client.Hello(ref=1, token=target.keys.token_of(0))).decode())
            async for frame in socket:
                message = read(frame)
                if isinstance(message, from_server.Snapshot):
                    return message
                if isinstance(message, from_server.Error | from_server.Bye):
                    raise StartError(f"the server lets nobody look: {message}")
    except (OSError, TimeoutError) as error:
        raise StartError(f"the server does not answer on {url}: {explained(error)}") from None
    raise StartError(f"the server has closed {url} without a snapshot")


async def _owners(url: str, stages: Sequence[Stage]) -> list[tuple[tuple[int, str], ...]]:
    try:
        connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"), timeout=PATIENCE_S)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise StartError(f"Postgres cannot be asked who owns what: {error}") from None
    try:
        return [
            tuple((int(row["seat"]), str(row["booking_id"])) for row in await connection.fetch(OWNERS, stage.id))
            for stage in stages
        ]
    finally:
        await connection.close()
