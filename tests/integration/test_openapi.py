"""A generator that knows only /openapi.json asks a running server: every answer is one that the document describes.

Schemathesis makes the requests: each operation's own examples, the edges of each schema and a little beyond them, and
some by chance, which are the same in every run. It knows nothing of the code, so it finds what the document leaves out
and what the server does not expect.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seatserver.config import SCOPES
from tests.integration.conftest import MakeServer
from tests.integration.server import SHOWTIME, Instance, hold
from tests.integration.test_kiosk_payments import customer, enrolled
from tests.waiting import within

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ALL = "examples,coverage,fuzzing"
REVOCATIONS = "/api/v1/admin/revocations"
PATIENT = {"database_pool_wait_ms": 15_000, "answer_ms": 25_000}
"""A slow machine is no server that is busy: that would be a 503."""
LIMIT_S = 270.0

# Methods that a path does not have are tried with DELETE alone; seven are the default. `/health/ready` is asked
# whether the server is ready, and 503 is how it says no, so there, and only there, a 5xx is an answer.
CONFIGURATION = """
[phases.coverage]
unexpected-methods = ["DELETE"]

[[operations]]
include-path = "/api/v1/health/ready"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"""


async def things(server: Instance) -> tuple[dict[str, str], str]:
    """The ids of one thing of each kind, by the name of the parameter, and the key of a kiosk."""
    core = server.core
    key, kiosk = await enrolled(core)
    _, paying = await customer(core, kiosk, 0)
    booking = await hold(core, "boss", 1)
    return {"showtime_id": SHOWTIME, "kiosk_id": str(kiosk.id), "booking_id": str(booking), "hold_id": str(paying)}, key


async def generated(server: Instance, folder: Path, ids: dict[str, str], phases: str, *options: str) -> None:
    """Run the generator to its end. What it finds fails the test, with the requests that show it.

    Half of its requests name what there is (``ids``), so that they get beyond "not found".
    """
    lines = [CONFIGURATION]
    for name, value in ids.items():
        lines.append(f"[dictionaries.{name}]\nvalues = {json.dumps([value])}\n")
    lines.append("[parameters]")
    lines += [
        f'"{where}.{name}" = {{ dictionary = "{name}", probability = 0.5 }}'
        for name in ids
        for where in ("path", "body")
    ]
    (folder / "schemathesis.toml").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
        *("--checks", CHECKS, "--generation-deterministic", "--continue-on-failure", "--request-timeout", "60"),
        *("--no-color", "--warnings", "off", "--phases", phases, *options),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with within("the generator to end", LIMIT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = re.sub(r"\S{500,}", lambda found: f"{found.group()[:500]}…", said.decode())
    assert process.returncode == 0, text
    print(text[-1500:])


@pytest.mark.long
@pytest.mark.parametrize("who", ["an administrator", "nobody", "a kiosk"])
async def test_every_answer_to_a_generated_request_is_documented_and_none_is_a_5xx(
    make_server: MakeServer, tmp_path: Path, who: str
) -> None:
    server = await make_server(kiosk_reader="simulated", kiosk_printer="simulated", **PATIENT)
    ids, key = await things(server)
    match who:
        case "nobody":  # most answers are the same 401, so not every edge of what was asked is worth its time
            await generated(server, tmp_path, ids, "examples,fuzzing", "--max-examples", "3")
        case "a kiosk":
            theirs = ("--include-path-regex", "/kiosks/self", "--header", f"Authorization: Kiosk {key}")
            await generated(server, tmp_path, ids, ALL, "--max-examples", "3", *theirs)
        case _:
            token = server.token("boss", *SCOPES, lifetime_s=3600)
            allowed = ("--header", f"Authorization: Bearer {token}", "--max-examples", "3")
            await generated(server, tmp_path, ids, ALL, *allowed, "--exclude-path", REVOCATIONS)
            # By chance it revokes its own token, so it does that last.
            await generated(server, tmp_path, ids, ALL, *allowed, "--include-path", REVOCATIONS)
