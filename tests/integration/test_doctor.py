"""`seatserver doctor` against real servers: healthy, broken in every way we could think of, and repaired."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import uuid

import sqlalchemy as sa

from seatserver.config import Settings
from seatserver.doctor import Doctor, Finding
from seatserver.server import Server
from tests.integration.server import SHOWTIME, hold, settled

BASE = f"seats:{{{SHOWTIME}}}"


async def wrong(core: Server) -> list[Finding]:
    return [finding for finding in await Doctor(core).examine() if finding.verdict == "wrong"]


async def run(core: Server, *statements: str) -> None:
    """Write around the server."""
    async with core.database.transaction() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))


def doctor(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    command = [sys.executable, "-m", "seatserver", "doctor", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_a_healthy_installation_in_use_has_no_findings(core: Server) -> None:
    hold_id = await hold(core, "ann", 1, 2)
    await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)
    await hold(core, "bob", 3)
    await settled(core)
    findings = await Doctor(core).examine()
    assert [finding for finding in findings if finding.verdict == "wrong"] == []
    assert {finding.about for finding in findings} == {
        "Open files", "Access", "Postgres", "Redis", "Feed", "Clocks", "Bookings", "Outbox", "Showtimes",
    }  # fmt: skip


async def test_wrong_data_in_redis_is_named_and_repaired(core: Server) -> None:
    hold_id = await hold(core, "ann", 1, 2)
    await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=False)
    await settled(core)
    await core.redis.hdel(f"{BASE}:taken", "1")
    await core.redis.hincrby(f"{BASE}:meta", "taken", -1)
    [finding] = await wrong(core)
    assert (finding.about, "seats that differ from Postgres: 1" in finding.says) == (SHOWTIME, True)
    assert await Doctor(core).repair() == [f"{SHOWTIME}: loaded from Postgres into Redis"]
    assert await wrong(core) == []


async def test_an_inconsistent_room_is_described(core: Server) -> None:
    await hold(core, "ann", 1, 2)
    await core.redis.hdel(f"{BASE}:owner", "1")
    await core.redis.zadd(f"{BASE}:due", {"999": 1, "1": 4102444800000, "2": 4102444800000})
    says = {finding.says for finding in await wrong(core)}
    assert says == {
        "the seats 999 do not exist in this hall",
        "the seats 1, 999 are held without an owner",
        "the seats 999 should have been freed more than 5 s ago",
    }


async def test_changes_missing_in_redis_are_found_and_applied(core: Server) -> None:
    await core.store.load(SHOWTIME)
    await run(
        core,
        f"UPDATE showtimes SET seq = seq + 1 WHERE id = '{SHOWTIME}'",
        "INSERT INTO outbox (showtime_id, seq, booking_id, user_id, state, seats, created_at) "
        f"VALUES ('{SHOWTIME}', 1, '{uuid.uuid4()}', 'ann', 0, '{{3}}', now() - interval '1 hour')",
    )
    about = {finding.about: finding.says for finding in await wrong(core)}
    assert about["Outbox"].startswith("1 changes wait for Redis, the oldest for 36")
    assert about[SHOWTIME] == "Redis is at change 0, Postgres at 1"
    assert "brought 1 of 1 changes to Redis" in await Doctor(core).repair()
    assert await wrong(core) == []


async def test_an_overdue_claim_is_found_and_ended(core: Server) -> None:
    hold_id = await hold(core, "ann", 1)
    await core.checkout.book(SHOWTIME, hold_id, "ann", pay_later=True)
    await settled(core)
    await run(core, "UPDATE bookings SET expires_at = now() - interval '1 hour'")
    [finding] = await wrong(core)
    assert finding.says == "1 pending bookings are more than 60 s past their deadline"
    assert "ended 1 pending bookings past their deadline" in await Doctor(core).repair()
    await settled(core)
    assert await wrong(core) == []


async def test_an_open_door_is_a_warning_and_nothing_wrong(core: Server) -> None:
    opened = dataclasses.replace(core.settings, allowed_origins=("*",))
    core.settings = opened
    [finding] = [one for one in await Doctor(core).examine() if one.about == "Access"]
    assert (finding.verdict, finding.mend) == ("warning", "list the origins in SEATSERVER_ALLOWED_ORIGINS")


async def test_overdue_releases_are_found_and_made(core: Server) -> None:
    await core.store.load(SHOWTIME)
    await run(core, "UPDATE kept_seats SET release_at = now() - interval '1 hour'")
    [finding] = await wrong(core)
    assert finding.says == "1 kept seats should have been opened more than 60 s ago"
    assert "opened 1 kept seats whose time was over" in await Doctor(core).repair()
    await settled(core)
    assert await wrong(core) == []


async def test_a_seat_with_two_owners_is_always_found(core: Server) -> None:
    for user, seats in (("ann", (1, 2)), ("bob", (3,))):
        await core.checkout.book(SHOWTIME, await hold(core, user, *seats), user, pay_later=False)
    await settled(core)
    await run(core, "DROP INDEX uq_booked_seats_live", "UPDATE booked_seats SET seat = 2 WHERE seat = 3")
    says = [finding.says for finding in await wrong(core)]
    assert f"seat 2 of {SHOWTIME} has two owners" in says


async def test_findings_are_reported_as_text_or_json_and_by_the_exit_code(core: Server, settings: Settings) -> None:
    well = doctor(settings)
    assert (well.returncode, well.stderr) == (0, "")
    assert "✓ Postgres" in well.stdout
    await core.redis.zadd(f"{BASE}:due", {"999": 1})
    await core.store.load(SHOWTIME)
    ill = doctor(settings, "--json")
    assert ill.returncode == 1
    assert any(SHOWTIME == finding["about"] for finding in json.loads(ill.stdout)["findings"])
    mended = doctor(settings, "--repair")
    assert (mended.returncode, "Traceback" in mended.stdout + mended.stderr) == (0, False), mended.stdout


def test_an_unreachable_server_is_a_finding() -> None:
    away = {**os.environ, "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/no", "REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-m", "seatserver", "doctor"]
    found = subprocess.run(command, env=away, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 1
    assert "✗ Postgres" in found.stdout
    assert "✗ Redis" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr
