"""`seatserver demo`: a whole cinema on a bare machine, with one command.

It starts a real Postgres and a real Redis, unless DATABASE_URL or REDIS_URL name others, migrates the database, loads
the demo theatre, serves it, and prints what to try. Its data folder is kept across restarts. However it ends, nothing
is left running.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import secrets
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seatserver import config
from seatserver.cli import serve, signals
from seatserver.config import Settings
from seatserver.errors import SeatServerError, StartError

if TYPE_CHECKING:
    from rich.console import Console

    from seatserver.catalog.showtime import Showtime
    from seatserver.cli.steps import Steps
    from seatserver.embedded import DataFolder

GUEST_SCOPES = ("watch", "hold", "book")
TOKEN_LIFETIME_S = 24 * 3600
OPERATOR_LIFETIME_S = 3600
"""The operator's token may do everything, so it is valid only for a short time."""
PORTS_TRIED = 50
ADDRESSES = ("DATABASE_URL", "REDIS_URL")
OWN_VALUES = (
    "SEATSERVER_TOKEN_SECRET",
    "SEATSERVER_GUEST_SCOPES",
    "SEATSERVER_KIOSK_READER",
    "SEATSERVER_KIOSK_PRINTER",
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    demo = commands.add_parser(
        "demo",
        help="try it out, with its own Postgres, Redis and demo theatre",
        description="Start a Postgres and a Redis (or use those in DATABASE_URL and REDIS_URL), load a demo theatre, "
        "serve it, and print what to try. Ctrl-C stops everything.",
    )
    serve.add_address(demo)
    demo.add_argument("--data", type=Path, metavar="DIR", help="data folder (default ~/.local/share/seatserver/demo)")
    demo.add_argument("--fresh", action="store_true", help="empty the data folder first")
    demo.add_argument("--env", action="store_true", help="print the settings of the running demo for `eval`, then exit")
    demo.set_defaults(run=run)


def default_data() -> Path:
    """The demo's data folder, by the XDG Base Directory Specification. Raises `StartError` if there is no home."""
    base = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.local/share")
    if not os.path.isabs(base):
        raise StartError("there is no home folder for the data: choose a folder with --data")
    return Path(base, "seatserver", "demo")


def shown(path: Path) -> str:
    """A path as people write it."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def run(args: argparse.Namespace) -> int:
    """Run the demo until a signal."""
    from rich.console import Console

    from seatserver.embedded import DataFolder

    folder = DataFolder(args.data or default_data())
    if args.env:
        print(exports(folder))
        return 0
    console = Console()
    try:
        with signals.ending_in_order() as is_ending:
            _run(folder, args, console, is_ending)
    except signals.Stopped:
        pass
    with suppress(OSError):  # the terminal may be what has gone
        stopped = f"Stopped; nothing is left running. The data stays in {shown(folder.path)}"
        console.print(stopped, highlight=False, soft_wrap=True)
    return 0


def exports(folder: DataFolder) -> str:
    """Shell lines that let another process use the running demo. Raises `StartError` if none is running."""
    variables = folder.remembered().get("environment") if folder.is_locked() else None
    if not variables:
        raise StartError(f"no demo is running on {folder.path}: start `seatserver demo` first")
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _run(folder: DataFolder, args: argparse.Namespace, console: Console, is_ending: Callable[[], bool]) -> None:
    from seatserver.cli.steps import Steps
    from seatserver.demo import programme
    from seatserver.embedded import EmbeddedServers

    # A wrong setting or a taken port ends the command here, before anything is started or emptied.
    checked = config.load(_environment({}, secrets.token_urlsafe(32)), host=args.host, port=args.port)
    port = _free_port(checked, is_chosen=args.port is not None or bool(os.environ.get("PORT")))
    if port != checked.port:
        console.print(f"Port {checked.port} is taken; using port {port} instead.", highlight=False)
    with Steps(console) as steps, folder.locked():

        def say(step: str) -> None:
            if is_ending():
                raise signals.Stopped
            steps.say(step)

        given = {name: os.environ[name] for name in ADDRESSES if os.environ.get(name, "").strip()}
        servers = EmbeddedServers(folder, say, without=given)
        if args.fresh:
            say(f"Emptying {shown(folder.path)}")
            servers.empty()
        secret = folder.remembered().get("token_secret") or secrets.token_urlsafe(32)
        folder.remember(token_secret=secret, environment=None)
        for name, address in given.items():
            say(f"Using the server at {_place(address)}, because {name} is set")
        with servers:
            environment = _environment(servers.environment(), secret)
            settings = config.load(environment, host=args.host, port=port)
            say("Preparing the database and the theatres")
            now = programme.local_now()
            showtimes = prepare(settings, now)
            say("Opening the doors")

            def open_to_others(url: str) -> None:
                shared = {name: environment[name] for name in (*ADDRESSES, *OWN_VALUES)}
                folder.remember(environment={**shared, "PORT": str(_port(url))})

            crowd = _Audience(settings, now)
            _serve(settings, showtimes, crowd, console, _command(args), steps, is_ending, open_to_others)


def _place(address: str) -> str:
    """Where a server is, without user and password."""
    parts = urlsplit(address)
    return (parts.netloc.rpartition("@")[2] + parts.path).rstrip("/")


def _command(args: argparse.Namespace) -> tuple[str, str]:
    """The command that runs this program, and the arguments that name this demo, for the shell."""
    called = [sys.argv[0]] if os.sep in sys.argv[0] else ["seatserver"]
    if Path(sys.argv[0]).name == "__main__.py":
        called = [sys.executable, "-m", "seatserver"]
    data = ["--data", str(args.data.absolute())] if args.data else []
    return shlex.join(called), shlex.join(["demo", *data, "--env"])


def _environment(addresses: Mapping[str, str], secret: str) -> dict[str, str]:
    """The environment, with the demo's own values for what it does not set."""
    own = {
        "SEATSERVER_TOKEN_SECRET": secret,
        "SEATSERVER_GUEST_SCOPES": ",".join(GUEST_SCOPES),
        "SEATSERVER_LOG_LEVEL": "warning",
        "SEATSERVER_KIOSK_READER": "simulated",
        "SEATSERVER_KIOSK_PRINTER": "simulated",
        **addresses,
    }
    return {**own, **{name: value for name, value in os.environ.items() if value.strip()}}


def _free_port(settings: Settings, *, is_chosen: bool) -> int:
    """The port to serve on: the chosen one, or the next free one. Raises `StartError` if the chosen one is taken."""
    host, first = settings.host, settings.port
    last = first if is_chosen else min(first + PORTS_TRIED, 65_535)
    for port in range(first, last + 1):
        try:
            _try_to_listen(host, port)
            return port
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == last:
                reason = error.strerror or error
                raise StartError(f"cannot listen on {host}:{port}: {reason}; choose with --host and --port") from None
    return last


def _try_to_listen(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def prepare(settings: Settings, now: datetime) -> list[Showtime]:
    """Migrate and load the demo's theatres. Return the showtimes on sale ``now`` that have seats left, by start."""
    from seatserver import database, logs
    from seatserver.demo import programme
    from seatserver.times import millis_of

    logs.configure(settings)  # what loading has to say is for operators
    database.upgrade(settings.database_url)
    loaded = asyncio.run(programme.load(settings, now))
    now_ms = millis_of(now)
    on_sale = [showtime for showtime in loaded if showtime.on_sale_at_ms <= now_ms < showtime.sale_ends_at_ms]
    return asyncio.run(programme.with_free_seats(settings, on_sale)) or on_sale


class _Audience:
    """The audience. It books in a thread of its own while the demo runs, so the start does not wait for it."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings, self._now = settings, now
        self._thread = threading.Thread(target=self._run, name="audience")
        self._lock = threading.Lock()
        self._end: Callable[[], object] | None = None
        self._ended = False

    def start(self) -> None:
        """Start booking."""
        self._thread.start()

    def end(self) -> None:
        """Stop booking, and return when it has stopped. The rest is booked at the next start."""
        with self._lock:
            self._ended = True
            if self._end is not None:
                self._end()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        # If the demo's Postgres goes away, the audience stays smaller; the demo goes on.
        with suppress(SeatServerError, asyncio.CancelledError):
            asyncio.run(self._come())

    async def _come(self) -> None:
        from seatserver.demo import audience, programme

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._ended:
                return
            self._end = partial(loop.call_soon_threadsafe, task.cancel)
        try:
            await audience.come(self._settings, programme.all_planned(self._now))
        finally:
            with self._lock:
                self._end = None


def _serve(
    settings: Settings,
    showtimes: list[Showtime],
    crowd: _Audience,
    console: Console,
    command: tuple[str, str],
    steps: Steps,
    is_ending: Callable[[], bool],
    open_to_others: Callable[[str], None],
) -> None:
    from seatserver import serving
    from seatserver.access.tokens import Tokens

    token = Tokens(settings).mint("you", GUEST_SCOPES, TOKEN_LIFETIME_S)
    operator = Tokens(settings).mint("operator", ["admin"], OPERATOR_LIFETIME_S)

    def on_ready(url: str) -> None:
        steps.done()
        if is_ending():
            signal.raise_signal(signal.SIGTERM)  # uvicorn listens to it by now
        else:
            open_to_others(url)
            invite(console, [url, *_elsewhere(settings, url)], (token, operator), showtimes, command)
            crowd.start()

    try:
        serving.serve(settings, on_ready=on_ready)
    finally:
        crowd.end()  # before its Postgres and Redis are stopped


def _elsewhere(settings: Settings, url: str) -> list[str]:
    """The addresses for other machines, if they can reach this one and no public address is set."""
    if settings.public_url or settings.host not in ("0.0.0.0", "::"):
        return []
    name = socket.gethostname()
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # chooses our address; nothing is sent
        name = probe.getsockname()[0]
    return [f"http://{name}:{_port(url)}"]


def invite(
    console: Console, doors: list[str], tokens: tuple[str, str], showtimes: list[Showtime], command: tuple[str, str]
) -> None:
    """Print where to look and what to try. The first of ``doors`` is for this machine, the others for other machines.

    ``tokens`` are a visitor's and an operator's.
    """
    url, *others = doors
    token, operator = tokens
    # The next showtime in the largest hall that leaves enough time to try things.
    soon_ms = time.time_ns() // 1_000_000 + 3_600_000
    largest = max(one.seat_map.place_count for one in showtimes)
    large = [one for one in showtimes if one.seat_map.place_count == largest]
    chosen = next((one for one in large if one.sale_ends_at_ms > soon_ms), large[-1])
    program, env = command
    hello = f'{{"type":"hello","ref":1,"token":"{token}"}}'
    # No frame around the lines, so that an address of any length can be clicked and copied.
    console.rule("[bold green]seatserver is open[/]")
    for line in (
        f"[bold]{chosen.title}[/] in {chosen.auditorium_name}: open it in two windows",
        f"  {url}/showtimes/{chosen.id}",
        *(f"  {other}/showtimes/{chosen.id} from other machines" for other in others),
        "[bold]All showtimes[/], and the documentation of REST and socket:",
        f"  {url}/",
        f"  {url}/docs",
        "[bold]The house as its operator sees it[/], for an hour:",
        f"  {url}/ops#token={operator}",
        "",
        "[bold]A token to play with[/], for 24 hours:",
        f"  TOKEN={token}",
        "[bold]Over HTTP[/]:",
        f'  curl -H "Authorization: Bearer $TOKEN" {url}/api/v1/showtimes/{chosen.id}/availability',
        "[bold]Over a WebSocket[/]: run the first line, paste the second, watch:",
        f"  {shlex.quote(sys.executable)} -m websockets {_socket_url(url)}/ws/showtimes/{chosen.id}",
        f"  {hello}",
        "[bold]A second instance[/] on the same data, in another terminal:",
        f'  (eval "$({program} {env})" && {program} serve --port {_port(url) + 1})',
        "",
        "Ctrl-C stops everything.",
    ):
        console.print(line, highlight=False, soft_wrap=True)
    console.rule()


def _socket_url(url: str) -> str:
    return "ws" + url.removeprefix("http")


def _port(url: str) -> int:
    return urlsplit(url).port or 80
