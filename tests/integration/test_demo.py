"""`seatserver demo` as a user runs it: the real command, its real servers, and nothing left when it ends."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from seatserver.client import SeatClient
from seatserver.config import Settings
from seatserver.demo import audience, programme
from seatserver.demo.halls import demo_halls
from seatserver.errors import TicketsRefused
from seatserver.pricing.tariff import quote
from seatserver.seatmaps.model import SeatMap
from seatserver.seats.states import SeatState
from seatserver.server import Server
from tests.faults.clock import as_if_at
from tests.integration.server import eventually, rows
from tests.integration.test_embedded import wait_until_gone
from tests.waiting import PATIENCE_S

README = Path(__file__).parents[2] / "README.md"
LONG = pytest.mark.long
UNCLEAN = re.compile(r"Traceback|Exception|Warning|\[(warning|error|critical)")
"""What nobody may see on a terminal."""
COMMAND = [sys.executable, "-m", "seatserver"]


def environment(**more: str) -> dict[str, str]:
    """Ours without what would steer the command."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEATSERVER_", "DATABASE_URL"))}
    for name in ("REDIS_URL", "PORT"):
        kept.pop(name, None)
    return kept | more


class Running:
    """A command that runs. ``output`` is all it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def output(self) -> str:
        return self._log.read_text()

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until the output has ``pattern``."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.output, re.DOTALL)):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return found

    def address(self) -> str:
        """The printed address, once the demo serves."""
        return self.until(r"(http://[\d.]+:\d+)/docs.*Ctrl-C stops").group(1)

    def showtime(self) -> str:
        """The printed showtime's id."""
        found = re.search(r"/showtimes/([\w-]+)", self.output)
        assert found
        return found.group(1)

    def family(self) -> list[int]:
        """The command's process and all its descendants."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family


@contextmanager
def running(
    *arguments: str | Path,
    log: Path,
    env: dict[str, str] | None = None,
    under: Sequence[str] = (),
    program: Sequence[str] = COMMAND,
) -> Iterator[Running]:
    """The command, in a session of its own as in a terminal; it is gone afterwards. ``under``: what starts it."""
    command = [*under, *program, *(str(argument) for argument in arguments)]
    # Under nohup SIGHUP is ignored, and the demo rightly leaves it so.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, env=env or environment()
        )
    signal.signal(signal.SIGHUP, before)
    try:
        yield Running(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def demo(tmp_path: Path) -> list[str | Path]:
    return ["demo", "--port", "0", "--data", tmp_path / "data"]


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=env or environment())


async def hold_and_book(address: str, showtime: str) -> tuple[int, ...]:
    """Two seats, wherever the audience has left some."""
    async with SeatClient(address) as client, client.room(showtime) as room:
        held = await room.best(2)
        booked = await room.book(held.hold_id)
        assert booked.status == "confirmed"
        return held.seats


@pytest.mark.clock
async def test_the_demo_sells_a_seat_and_remembers_it_after_kill_9(tmp_path: Path) -> None:
    with running(*demo(tmp_path), log=tmp_path / "first.log") as first:
        address, showtime = first.address(), first.showtime()
        assert "[info" not in first.output, "what loading the programme logs is for operators"
        async with httpx.AsyncClient(base_url=address) as browser:
            for page in (f"/showtimes/{showtime}", "/", "/docs"):
                assert (await browser.get(page)).status_code == 200, page
        seats = await hold_and_book(address, showtime)
        family = first.family()
        assert len(family) > 3, "the demo, Postgres with its helpers, Redis"
        first.process.kill()
    wait_until_gone(*family)

    with running(*demo(tmp_path), log=tmp_path / "second.log") as second:
        async with SeatClient(second.address()) as client, client.room(showtime) as room:
            # The booking was acknowledged from Postgres; the live room is told again if the crash came in between.
            await room.until(lambda seen: all(seen.state(seat) == SeatState.SOLD for seat in seats), PATIENCE_S)
            assert SeatState.FREE in {room.state(seat) for seat in range(50)}


@pytest.mark.clock
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=LONG),
        pytest.param(signal.SIGHUP, marks=LONG),
    ],
    ids=lambda number: number.name,
)
def test_the_demo_stops_cleanly_and_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        started.address()
        family = started.family()
        # As a terminal does it: to the whole foreground process group.
        os.killpg(started.process.pid, number)
        assert started.process.wait(PATIENCE_S) == 0, started.output
    wait_until_gone(*family)
    assert "Stopped; nothing is left running" in started.output
    assert not UNCLEAN.search(started.output), started.output
    postgres = (tmp_path / "data" / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in postgres


@pytest.mark.parametrize("delay_s", [0.5, *(pytest.param(delay_s, marks=LONG) for delay_s in (0.2, 0.8, 1.2, 1.6))])
def test_a_signal_during_the_start_leaves_nothing_running(tmp_path: Path, delay_s: float) -> None:
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        time.sleep(delay_s)
        family = started.family()
        os.killpg(started.process.pid, signal.SIGINT)
        started.process.wait(PATIENCE_S)
    wait_until_gone(*family)
    with running(*demo(tmp_path), log=tmp_path / "log") as again:
        again.address()


@pytest.mark.clock
def test_the_readmes_program_and_the_printed_lines_work_as_they_stand(tmp_path: Path) -> None:
    program = README.read_text().partition("```python\n")[2].partition("```")[0]
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        address = started.address()
        program = program.replace("http://127.0.0.1:8000", address)
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE_S)
        assert "status='confirmed'" in answer.stdout, answer.stderr

        lines = [line.strip() for line in started.output.splitlines()]
        [token] = [line.removeprefix("TOKEN=") for line in lines if line.startswith("TOKEN=")]
        [curl] = [line.replace("$TOKEN", token) for line in lines if line.startswith("curl ")]
        _, _, header, url = shlex.split(curl)
        counts = httpx.get(url, headers=dict([header.split(": ", 1)]))
        assert counts.status_code == 200

        [operator] = [line.partition("#token=")[2] for line in lines if "/ops#token=" in line]
        live = httpx.get(f"{address}/api/v1/admin/house", headers={"Authorization": f"Bearer {operator}"})
        assert live.json()["whole"] is True
        assert httpx.get(f"{address}/ops").status_code == 200

        [websockets] = [shlex.split(line) for line in lines if " -m websockets " in line]
        [hello] = [line for line in lines if line.startswith('{"type":"hello"')]
        with subprocess.Popen(websockets, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as talk:
            assert talk.stdin is not None
            assert talk.stdout is not None
            talk.stdin.write(hello + "\n")
            talk.stdin.flush()
            heard = ""
            while "snapshot" not in heard and (line := talk.stdout.readline()):
                heard += line
            talk.kill()
        assert '"welcome"' in heard
        assert '"snapshot"' in heard


def test_a_second_demo_on_the_same_data_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        started.address()
        second = run(*demo(tmp_path))
        assert second.returncode == 1
        assert re.fullmatch(r"seatserver: a seatserver already runs on .*--data\n", second.stderr)
        fresh = run(*demo(tmp_path), "--fresh")
        assert fresh.returncode == 1, "a running demo is not emptied under its feet"


async def test_a_second_instance_joins_by_the_printed_environment(tmp_path: Path) -> None:
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        address, showtime = started.address(), started.showtime()
        printed = run("demo", "--data", tmp_path / "data", "--env").stdout
        exports = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
        own = {f"SEATSERVER_{name}" for name in ("TOKEN_SECRET", "GUEST_SCOPES", "KIOSK_READER", "KIOSK_PRINTER")}
        assert set(exports) == {"DATABASE_URL", "REDIS_URL", "PORT", *own}
        settings = environment(**exports)
        with running("serve", "--port", "0", log=tmp_path / "second.log", env=settings) as second:
            joined = second.until(r"http://127\.0\.0\.1:\d+").group()
            async with SeatClient(joined) as other, other.room(showtime) as there:
                seats = await hold_and_book(address, showtime)
                await there.until(lambda room: all(room.state(seat) == SeatState.SOLD for seat in seats))
            second.process.terminate()
            # uvicorn ends in order and then lets the signal have its way.
            assert second.process.wait(PATIENCE_S) in (0, -signal.SIGTERM), second.output


def test_env_without_a_running_demo_is_refused_in_one_clear_line(tmp_path: Path) -> None:
    answer = run("demo", "--data", tmp_path / "data", "--env")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.fullmatch(r"seatserver: no demo is running on .*\n", answer.stderr)


@pytest.mark.long
def test_fresh_deletes_the_demos_data_and_touches_nothing_else(tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").touch()
    answer = run("demo", "--port", "0", "--data", strange, "--fresh")
    assert answer.returncode == 1
    assert "not seatserver's" in answer.stderr
    assert [path.name for path in strange.iterdir()] == ["thesis.txt"]

    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        started.address()
        before = (tmp_path / "data" / "settings.json").read_text()
    with running(*demo(tmp_path), "--fresh", log=tmp_path / "log") as started:
        started.address()
        assert "Emptying" in started.output
        assert (tmp_path / "data" / "settings.json").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "env", "code", "line"),
    [
        (["serve"], {}, 2, r"DATABASE_URL is not set: expected postgresql://.*"),
        (["worker"], {"DATABASE_URL": "postgresql://x"}, 2, r"REDIS_URL is not set: expected redis://.*"),
        (["migrate"], {}, 2, r"DATABASE_URL is not set.*"),
        (["demo"], {"SEATSERVER_HOLD_MS": "soon"}, 2, r"SEATSERVER_HOLD_MS is 'soon': expected a whole number"),
        (["demo", "--host", "256.0.0.1"], {}, 1, r"cannot listen on 256\.0\.0\.1:8000: .*--host and --port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_start_error_is_one_clear_line(arguments: list[str], env: dict[str, str], code: int, line: str) -> None:
    answer = run(*arguments, env=environment(**env))
    assert answer.returncode == code, answer.stderr
    assert re.fullmatch(rf"seatserver: {line}\n", answer.stderr)


def test_an_external_server_is_named_without_its_password(tmp_path: Path) -> None:
    mine = environment(DATABASE_URL="postgresql://me:secret@127.0.0.1:1/mine")
    answer = run(*demo(tmp_path), env=mine)
    assert answer.returncode == 1
    assert "Using the server at 127.0.0.1:1/mine, because DATABASE_URL is set" in answer.stdout
    assert "secret" not in answer.stdout + answer.stderr


def test_a_demo_open_to_other_machines_prints_their_address_too(tmp_path: Path) -> None:
    with running(*demo(tmp_path), "--host", "0.0.0.0", log=tmp_path / "log") as started:
        address = started.address()
        [other] = re.findall(r"  (http://\S+) from other machines\n", started.output)
        assert other.endswith(f":{address.rpartition(':')[2]}/showtimes/{started.showtime()}")
        assert "127.0.0.1" not in other


@pytest.mark.long
def test_the_printed_request_creates_a_showtime_in_an_imported_hall(tmp_path: Path) -> None:
    hall = Path(__file__).parents[1] / "fixtures" / "vista-small.json"
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        address = started.address()
        printed = run("demo", "--data", tmp_path / "data", "--env").stdout
        exports = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
        settings = environment(**exports)
        imported = run("seatmap", "import", hall, env=settings)
        commands = imported.stdout.partition("Next:")[2].partition("\n")[2]
        put = f'seatserver() {{ {shlex.join(COMMAND)} "$@"; }}\ncurl() {{ printf \'%s\\n\' "$@"; }}\n{commands}'
        told = subprocess.run(["bash", "-euc", put], env=settings, capture_output=True, text=True, timeout=PATIENCE_S)
        _, method, _, header, url, _, body = told.stdout.splitlines()
        assert url.startswith(f"{address}/"), "the demo's own port"
        answer = httpx.request(method, url, headers=dict([header.split(": ", 1)]), content=body)
        assert answer.status_code == 200, answer.text
        assert httpx.get(f"{address}/showtimes/{answer.json()['id']}").status_code == 200


def test_a_chosen_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with running(*demo(tmp_path), log=tmp_path / "log") as started:
        port = started.address().rpartition(":")[2]
        answer = run("demo", "--port", port, "--data", tmp_path / "other")
        assert answer.returncode == 1
        assert re.fullmatch(rf"seatserver: cannot listen on 127\.0\.0\.1:{port}: .* --port\n", answer.stderr)
        assert not (tmp_path / "other").exists(), "it stopped before it started anything"


def test_a_default_port_that_is_taken_is_replaced_by_the_next_free_one(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken by somebody else: just as good
            other.bind(("127.0.0.1", 8000))
            other.listen()
        with running("demo", "--data", tmp_path / "data", log=tmp_path / "log") as started:
            address = started.address()
            assert f"Port 8000 is taken; using port {address.rpartition(':')[2]} instead." in started.output


def test_migrate_says_what_it_did(postgres_server: object, database_url: str) -> None:
    answer = run("migrate", env=environment(DATABASE_URL=database_url))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "nothing to do: the database is at the newest migration\n"


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC", "2136-06-10T13:00"),
        ("UTC", "2136-06-10T23:59"),
        *(pytest.param("UTC", f"2136-06-10T{hour:02}:30", marks=LONG) for hour in range(24)),
        pytest.param(BERLIN, "2136-02-29T23:10", marks=LONG),  # a leap day
        pytest.param(BERLIN, "2136-03-25T01:30", marks=LONG),  # summer time begins half an hour later
        pytest.param(BERLIN, "2136-10-28T02:30", marks=LONG),  # it ends
        pytest.param("Pacific/Kiritimati", "2136-12-31T22:50", marks=LONG),
        pytest.param("America/St_Johns", "2136-06-10T21:15", marks=LONG),
    ],
)
async def test_at_any_hour_three_halls_are_on_sale_and_open_showtimes_have_visitors(
    settings: Settings, zone: str, start: str
) -> None:
    now = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))

    def clock() -> int:
        return round(now.timestamp() * 1000)

    loaded = await programme.load(settings, now)
    await audience.come(settings, programme.all_planned(now), clock)
    on_sale = [one for one in loaded if one.on_sale_at_ms <= clock() < one.sale_ends_at_ms]
    assert len({showtime.auditorium_id for showtime in on_sale}) == 3
    async with Server(dataclasses.replace(settings, duties=False), clock) as core:
        for showtime in loaded:
            _, _, states = await core.hub.states(showtime.id, showtime.seat_map.place_count)
            assert (SeatState.SOLD in states) is (showtime in on_sale), showtime.id
            assert SeatState.HELD not in states, showtime.id
    for showtime in loaded:
        starts_at = datetime.fromtimestamp(showtime.starts_at_ms / 1000, ZoneInfo(zone))
        assert showtime.id.endswith(f"{starts_at:%Y-%m-%d-%H%M}"), "by the clock on the theatre's wall"


@pytest.mark.long
@pytest.mark.parametrize(
    ("zone", "clock"),
    [
        ("Pacific/Kiritimati", "2036-02-29T23:40"),
        ("America/Los_Angeles", "2036-11-01T23:55"),
        (BERLIN, "2036-03-30T02:59"),
        ("UTC", ""),
    ],
    ids=lambda value: value or "fifteen hours ago",  # for a Redis by the machine's clock what is on sale would be over
)
def test_an_evening_demo_has_visitors_and_a_clean_terminal(tmp_path: Path, zone: str, clock: str) -> None:
    zoned = ZoneInfo(zone)
    at = datetime.fromisoformat(clock).replace(tzinfo=zoned) if clock else datetime.now(zoned) - timedelta(hours=15)
    env = environment(TZ=zone, LC_ALL="de_DE.UTF-8", **as_if_at(at))
    with running(*demo(tmp_path), log=tmp_path / "log", env=env) as started:
        address = started.address()
        [token] = re.findall(r"  TOKEN=(\S+)", started.output)
        with httpx.Client(base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}) as http:
            listed = http.get("/showtimes").raise_for_status()
            now = parsedate_to_datetime(listed.headers["date"])
            on_sale = [
                one["id"]
                for one in listed.json()["showtimes"]
                if datetime.fromisoformat(one["on_sale_at"]) <= now < datetime.fromisoformat(one["sale_ends_at"])
            ]
            assert len(on_sale) > 6
            deadline = time.monotonic() + PATIENCE_S
            while waiting := [
                one for one in on_sale if not http.get(f"/showtimes/{one}/availability").json()["total"]["sold"]
            ]:
                assert time.monotonic() < deadline, f"nobody has come to {waiting}: {started.output}"
                time.sleep(0.5)
        os.killpg(started.process.pid, signal.SIGINT)
        assert started.process.wait(PATIENCE_S) == 0, started.output
    assert not UNCLEAN.search(started.output), started.output


async def test_a_full_hall_does_not_keep_the_visitors_out_of_others(settings: Settings) -> None:
    now = datetime(2136, 6, 10, 12, tzinfo=UTC)
    loaded = await programme.load(settings, now)
    full, crowded = [one for one in loaded if one.auditorium_id == "grand-hall"][:2]
    places = full.seat_map.place_count
    kept = programme.house_seats(full.seat_map)
    free = [place for place in range(places) if place not in kept]

    def clock() -> int:
        return round(now.timestamp() * 1000)

    async with Server(dataclasses.replace(settings, duties=False, seats_per_user=500), clock) as core:
        bought, held = uuid4(), uuid4()
        await core.store.hold(full.id, bought, "rich", free)
        await core.checkout.book(full.id, bought, "rich", pay_later=False)
        await core.store.hold(crowded.id, held, "quick", free[:-40])
    assert [one.id for one in await programme.with_free_seats(settings, [full, crowded])] == [crowded.id]
    await audience.come(settings, programme.all_planned(now), clock)
    async with Server(dataclasses.replace(settings, duties=False), clock) as core:
        for showtime in loaded:
            if showtime.on_sale_at_ms <= clock():
                _, _, states = await core.hub.states(showtime.id, showtime.seat_map.place_count)
                assert SeatState.SOLD in states, showtime.id
                assert states.count(SeatState.HELD) == (len(free) - 40 if showtime == crowded else 0)
        assert {booking.user_id for booking in [await core.checkout.get(bought)]} == {"rich"}


@pytest.mark.parametrize("ended_after", [1, 4, 9])
async def test_an_interrupted_audience_returns_at_the_next_start_and_holds_nothing(
    settings: Settings, ended_after: int, capfd: pytest.CaptureFixture[str]
) -> None:
    now = datetime(2136, 6, 10, 12, tzinfo=UTC)

    def clock() -> int:
        return round(now.timestamp() * 1000)

    loaded = await programme.load(settings, now)
    coming = asyncio.create_task(audience.come(settings, programme.all_planned(now), clock))
    async with Server(dataclasses.replace(settings, duties=False), clock) as core:

        async def some_have_booked() -> bool:
            counted = await rows(core, "SELECT count(*) FROM bookings")
            return coming.done() or counted[0][0] >= ended_after

        await eventually(some_have_booked)
        coming.cancel()
        await asyncio.wait([coming])
        await audience.come(settings, programme.all_planned(now), clock)
        for showtime in loaded:
            _, _, states = await core.hub.states(showtime.id, showtime.seat_map.place_count)
            assert (SeatState.SOLD in states) is (showtime.on_sale_at_ms <= clock()), showtime.id
            assert SeatState.HELD not in states, showtime.id
    gc.collect()
    told = capfd.readouterr()
    assert "Exception" not in told.err + told.out
    assert "SAWarning" not in told.err + told.out


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Pacific/Kiritimati", "Pacific/Kiritimati"),
        (":Europe/Berlin", BERLIN),
        ("/usr/share/zoneinfo/Europe/Berlin", BERLIN),
        ("Etc/UTC", "UTC"),
        ("", "UTC"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC"),
        ("../../etc/passwd", "UTC"),
    ],
)
def test_the_demo_theatre_uses_the_machines_time_zone(monkeypatch: pytest.MonkeyPatch, told: str, name: str) -> None:
    monkeypatch.setenv("TZ", told)
    assert programme.machine_timezone() == name
    assert str(programme.local_now().tzinfo) == name


@pytest.mark.clock
async def test_loading_again_changes_nothing_and_a_new_day_adds_its_own(settings: Settings) -> None:
    today = datetime(2136, 3, 28, 12, tzinfo=UTC)
    first = await programme.load(settings, today)
    again = await programme.load(settings, today + timedelta(hours=3))
    tomorrow = await programme.load(settings, today + timedelta(days=1))
    assert [showtime.id for showtime in first] == [showtime.id for showtime in again]
    kept_on = {showtime.id for showtime in first} & {showtime.id for showtime in tomorrow}
    days = [
        {datetime.fromtimestamp(showtime.starts_at_ms / 1000, UTC).day for showtime in every}
        for every in (first, tomorrow)
    ]
    assert days == [{28, 29, 30}, {29, 30, 31}]
    assert {int(showtime_id.split("-")[-2]) for showtime_id in kept_on} == {29, 30}
    async with Server(dataclasses.replace(settings, duties=False)) as core:
        for showtime in {showtime.id for showtime in (*first, *tomorrow)}:
            [kept] = await core.allocations.kept(showtime)
            assert (kept.channel, len(kept.places), kept.reason) == (None, 2, "house seats")
            assert len((await core.allocations.log(showtime, 10))[0]) == 1


@pytest.mark.clock
async def test_the_audience_comes_once_and_leaves_free_seats(settings: Settings) -> None:
    now = datetime(2136, 6, 10, 9, tzinfo=UTC)

    def clock() -> int:
        return round(now.timestamp() * 1000)

    await programme.load(settings, now)
    for _ in range(2):
        await audience.come(settings, programme.all_planned(now), clock)
    async with Server(dataclasses.replace(settings, duties=False), clock) as core:
        shares = {}
        todays = [planned for planned in programme.all_planned(now) if not planned.is_earlier]
        for planned in todays:
            showtime = await core.catalog.showtime(planned.draft.id)
            _, _, states = await core.hub.states(showtime.id, showtime.seat_map.place_count)
            shares[showtime.id] = states.count(SeatState.SOLD) / len(states)
            is_planned = pytest.approx(planned.share, abs=0.09)
            assert shares[showtime.id] == is_planned, showtime.id
            assert (SeatState.FREE in states) is (planned.share < 1), showtime.id
        last = max(todays, key=lambda planned: planned.draft.starts_at_ms)
        assert shares[last.draft.id] < 0.2, "whoever takes the last one of the list finds seats"


def test_the_audience_always_sits_the_same_way_and_splits_no_sofa() -> None:
    for hall in demo_halls():
        seats = audience.taken(hall, 0.5, "tonight", programme.house_seats(hall))
        assert seats == audience.taken(hall, 0.5, "tonight", programme.house_seats(hall))
        assert len(set(seats)) == len(seats)
        assert not hall.torn_groups(seat for seat in seats if seat < len(hall.seats))
        assert not set(seats) & set(programme.house_seats(hall))


@pytest.mark.parametrize("hall", demo_halls(), ids=lambda hall: hall.name)
def test_the_demo_sells_child_tickets_only_with_an_adult(hall: SeatMap) -> None:
    tariff = programme.tariff(hall)
    tariff.validate(hall)
    alone = [(0, "child"), (1, "child")]
    with pytest.raises(TicketsRefused, match="Adult, Senior or Member"):
        quote(tariff, hall, alone)
    family = quote(tariff, hall, [*alone, (2, "senior")])
    grown_ups = quote(tariff, hall, [(seat, None) for seat in range(3)])
    assert family.total_minor == grown_ups.total_minor - 400 - 400 - 200
