"""A real server as a child process, with one small hall on sale, for the browser tests.

The process can be killed and started again on the same port. Everything is set up through the public REST interface.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from seatserver.access.tokens import Tokens
from seatserver.config import Settings
from seatserver.seatmaps.model import Category, Screen, Seat, SeatKind, SeatMap
from tests.ports import fresh_port

START_S = 90.0
LOOK_S = 0.1
SHOWTIME = "tonight"
PRICES = {"standard": 1100, "sofa": 1600}


def small_hall() -> SeatMap:
    """Rows A to C of six seats with an aisle in the middle, two wheelchair places, and a row D of two sofas."""
    seats = [
        Seat(
            row=row,
            number=str(number),
            x=number + (number > 3),
            y=y,
            category="standard",
            kind=SeatKind.WHEELCHAIR if row == "A" and number in (1, 6) else SeatKind.STANDARD,
        )
        for y, row in enumerate("ABC")
        for number in range(1, 7)
    ]
    sofas = [
        Seat(
            row="D",
            number=str(number),
            x=number + 1.5,
            y=3.2,
            category="sofa",
            kind=SeatKind.SOFA_LEFT if number % 2 else SeatKind.SOFA_RIGHT,
        )
        for number in range(1, 5)
    ]
    return SeatMap.build(
        name="Small hall",
        categories=[
            Category(key="standard", name="Standard", color="#3f6fa8"),
            Category(key="sofa", name="Sofa", color="#a8456f"),
        ],
        screen=Screen(x=4, y=-2, width=6),
        seats=[*seats, *sofas],
        groups=[(18, 19), (20, 21)],
    )


class Site:
    """The server. ``changes`` are environment variables that differ from the tests' settings.

    ``{port}`` in them becomes its port.
    """

    def __init__(self, settings: Settings, log: Path, **changes: str) -> None:
        self.port = fresh_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = settings.database_url
        self._log = log
        self.admin_token = Tokens(settings).mint("manager", ["admin"], 3600)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEATSERVER_")},
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "SEATSERVER_TOKEN_SECRET": settings.token_secret,
            "SEATSERVER_GUEST_SCOPES": "watch,hold,book",
            "SEATSERVER_UNLIMITED": "127.0.0.0/8",
            **{name: value.replace("{port}", str(self.port)) for name, value in changes.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        # One client, and without TLS: to make one that could speak it takes longer than many of its requests. Each has
        # a new connection: one that was kept open may be closed by the server just as the next request goes out.
        self._http = httpx.Client(
            base_url=self.url, trust_env=False, verify=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def start(self) -> None:
        """Start, and return when the server says that it is ready."""
        command = [sys.executable, "-m", "seatserver", "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self._is_ready():
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start (exit {ended}):\n{self._log.read_text()}")
            time.sleep(LOOK_S)

    def _is_ready(self) -> bool:
        try:
            return self._http.get("/api/v1/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End it without a goodbye, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._http.close()

    def set_up(self) -> None:
        """Put the small hall's showtime on sale."""
        self._admin_call("PUT", "theatres/rex", json={"name": "Rex", "timezone": "Europe/Dublin"})
        self._admin_call("PUT", "auditoriums/one", json={"theatre_id": "rex", "name": "Screen One"})
        self.put_showtime(SHOWTIME, small_hall(), prices=PRICES)
        self.change_allocations(SHOWTIME, action="block", seats=["C-6"], reason="house seat")

    def put_showtime(self, showtime_id: str, hall: SeatMap, **fields: Any) -> None:
        """Put a showtime on sale; ``fields`` are more of the request's."""
        now = datetime.now(UTC)
        layout = self._admin_call("POST", "layouts", content=hall.encode())
        showtime = {
            "auditorium_id": "one",
            "layout_hash": layout["hash"],
            "title": "The Long Night",
            "starts_at": (now + timedelta(hours=3)).isoformat(),
            "on_sale_at": (now - timedelta(days=1)).isoformat(),
            "sale_ends_at": (now + timedelta(hours=3)).isoformat(),
            "currency": "EUR",
            **fields,
        }
        self._admin_call("PUT", f"showtimes/{showtime_id}", json=showtime)

    def upload_poster(self, file: bytes) -> str:
        """The hash of the poster that is made of this picture."""
        return str(self._admin_call("POST", "posters", content=file)["hash"])

    def change_allocations(self, showtime_id: str, **change: Any) -> None:
        """Block, allocate or open seats."""
        self._admin_call("POST", f"showtimes/{showtime_id}/allocations/change", json={"changes": [change]})

    def _admin_call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        answer = self._http.request(method, f"/api/v1/admin/{path}", headers=headers, **body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found
