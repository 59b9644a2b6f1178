"""The server's CPU and memory during a run, as its own `/api/v1/metrics` tells them."""

from __future__ import annotations

import asyncio

import httpx
from prometheus_client.parser import text_string_to_metric_families

from loadtests.rush.latency import now
from loadtests.rush.world import World

CPU, MEMORY = "process_cpu_seconds_total", "process_resident_memory_bytes"
EVERY_S = 1.0
MIB = 1 << 20


async def follow(world: World, http: httpx.AsyncClient) -> None:
    """Ask every server once a second and note it, until cancelled. Servers that do not say are passed over."""
    before: dict[str, tuple[float, float]] = {}
    # Where a server has a public address, only operators may read its metrics.
    headers = {"Authorization": f"Bearer {world.operator}"} if world.operator else {}
    while True:
        cpu, memory = 0.0, 0.0
        has_cpu = has_memory = False
        for url in world.urls:
            figures = await _figures(http, url, headers)
            at = now()
            if CPU in figures:
                if url in before and figures[CPU] >= before[url][1]:
                    was_at, was = before[url]
                    cpu, has_cpu = cpu + (figures[CPU] - was) / (at - was_at), True
                before[url] = at, figures[CPU]
            if MEMORY in figures:
                memory, has_memory = memory + figures[MEMORY] / MIB, True
        second = world.second
        second.server_cpu = round(cpu, 3) if has_cpu else second.server_cpu
        second.server_mib = round(memory, 1) if has_memory else second.server_mib
        await asyncio.sleep(EVERY_S)


async def _figures(http: httpx.AsyncClient, url: str, headers: dict[str, str]) -> dict[str, float]:
    try:
        response = await http.get(f"{url}/api/v1/metrics", headers=headers)
        if response.is_error:
            return {}
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
            if sample.name in (CPU, MEMORY)
        }
    except (httpx.HTTPError, ValueError):
        return {}
