"""What the rush is aimed at: an existing installation, or one that the lab starts itself.

An existing one is named by ``--target``, or by the environment that ``eval "$(seatserver demo --env)"`` sets.
The lab then needs tokens (`Keys`): the secret they are signed with, or a file of ready ones. It puts showtimes of its
own on sale, in a theatre of its own, unless it is told which to use. Without a target, the lab starts Postgres, Redis
and servers itself, and may also kill a server or cut its feed.

The guard rail is here, too: only loopback addresses, unless the host is named twice.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from redis import Redis

from loadtests.children import Running
from loadtests.installation import HOUR_MS, Installation, hall, installation
from loadtests.rush.scenario import FOLDER, Scenario, ScenarioError, Showtimes
from loadtests.rush.tls import explained, trust
from loadtests.rush.world import Stage
from seatserver import config
from seatserver.access.tokens import Tokens
from seatserver.demo.halls import demo_halls
from seatserver.demo.programme import auditorium_of
from seatserver.errors import BadSeatMap, ConfigError, StartError
from seatserver.seatmaps.formats.reader import read_seat_map
from seatserver.seatmaps.model import SeatMap

THEATRE = "load-lab"
CURRENCY, PRICE_MINOR = "EUR", 1000
TOKEN_S = 4 * 3600
OPERATOR_S = 3600
TIMEOUT_S = 30.0
BUYER_SCOPES = ("watch", "hold", "book")
TOKEN_SETTINGS = ("SEATSERVER_TOKEN_ISSUER", "SEATSERVER_TOKEN_AUDIENCE")


class Keys:
    """Tokens for any number of people. ``operator`` may put showtimes on sale; None if nobody here may."""

    def __init__(self, token_of: Callable[[int], str], operator: str | None, most: int | None = None) -> None:
        self.token_of, self.operator, self.most = token_of, operator, most

    @classmethod
    def of_secret(cls, secret: str, environ: Mapping[str, str]) -> Keys:
        """Sign them ourselves. Raises `ConfigError` for a secret that is too short."""
        told = {name: environ[name] for name in TOKEN_SETTINGS if environ.get(name)}
        tokens = Tokens(config.load({"SEATSERVER_TOKEN_SECRET": secret, **told}))
        run = secrets.token_hex(3)
        return cls(
            lambda person: tokens.mint(f"lab-{run}-{person}", BUYER_SCOPES, TOKEN_S),
            tokens.mint(f"lab-{run}", ["admin"], OPERATOR_S),
        )

    @classmethod
    def of_file(cls, path: Path, operator: Path | None) -> Keys:
        """One ready token a line, each of another user; and, if there is one, the file with an operator's."""
        try:
            found = [line.strip() for line in path.read_text().splitlines() if line.strip()]
            office = operator.read_text().strip() if operator is not None else None
        except (OSError, UnicodeError) as error:
            raise StartError(f"the tokens cannot be read: {error}") from None
        return cls(lambda person: found[person], office, len(found))


class Target:
    """Where to rush: servers, showtimes and keys. ``database_url`` is there if Postgres can be asked."""

    def __init__(self, urls: Sequence[str], keys: Keys, database_url: str = "", ca_file: str = "") -> None:
        self.urls = tuple(url.rstrip("/") for url in urls)
        self.keys = keys
        self.database_url = database_url
        self.ca_file = ca_file
        self.tls = trust(ca_file)
        self.is_ours = False

    def stages(self, scenario: Scenario, base: Path) -> list[Stage]:
        """Put the scenario's showtimes on sale. Raises `StartError` when the server refuses."""
        if self.keys.operator is None:
            raise StartError("nobody may put showtimes on sale: give --operator FILE, or --showtime ID of those to use")
        headers = {"Authorization": f"Bearer {self.keys.operator}"}
        run = secrets.token_hex(3)
        found: list[Stage] = []
        with self._client(headers) as http:
            asked(http, "PUT", f"/admin/theatres/{THEATRE}", {"name": "Load lab", "timezone": "UTC"})
            asked(http, "PUT", f"/admin/auditoriums/{THEATRE}", {"theatre_id": THEATRE, "name": "Load lab"})
            for showtimes in scenario.showtimes:
                seat_map = hall_of(showtimes, base)
                imported = asked(http, "POST", "/admin/layouts", seat_map.encode())
                for _ in range(showtimes.count):
                    showtime_id = f"lab-{run}-{len(found)}"
                    body = _showtime(scenario.title, imported["hash"], seat_map, showtimes)
                    asked(http, "PUT", f"/admin/showtimes/{showtime_id}", body)
                    found.append(Stage(id=showtime_id, hall=seat_map))
        return found

    def existing_stages(self, ids: Sequence[str]) -> list[Stage]:
        """Showtimes that are there already. Nobody else may buy there during the run."""
        found = []
        with self._client({}) as http:
            for showtime_id in ids:
                showtime = asked(http, "GET", f"/showtimes/{showtime_id}", None)
                layout = asked(http, "GET", f"/layouts/{showtime['layout_hash']}", None)
                seat_map = SeatMap.decode(msgspec.json.encode(layout["map"]))
                found.append(Stage(id=showtime_id, hall=seat_map))
        return found

    def _client(self, headers: dict[str, str]) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.urls[0]}/api/v1", headers=headers, timeout=TIMEOUT_S, verify=self.tls, trust_env=False
        )

    def restart(self) -> None:
        """Kill a server and start it again."""
        raise StartError("only a server that the lab has started can be restarted: leave out --target")

    def cut_feed(self) -> None:
        """Cut the connections through which the servers hear of changes."""
        raise StartError("only the lab's own Redis can be cut off: leave out --target")


class OwnTarget(Target):
    """An installation of our own, with its servers."""

    def __init__(self, place: Installation, stack: ExitStack, variables: Mapping[str, str], servers: int) -> None:
        self._place, self._stack, self._variables = place, stack, dict(variables)
        self._servers: list[Running] = [stack.enter_context(place.serve(**variables)) for _ in range(servers)]
        self.secret = place.environ["SEATSERVER_TOKEN_SECRET"]
        keys = Keys.of_secret(self.secret, {})
        super().__init__([server.url for server in self._servers], keys, place.environ["DATABASE_URL"])
        self.is_ours = True

    def restart(self) -> None:
        server = self._servers.pop()
        server.kill()
        again = self._place.serve(**{**self._variables, "PORT": str(urlsplit(server.url).port)})
        self._servers.append(self._stack.enter_context(again))

    def cut_feed(self) -> None:
        with Redis.from_url(self._place.settings.redis_url) as redis:
            redis.client_kill_filter(_type="pubsub")


@contextmanager
def own(scenario: Scenario, *, database_url: str = "", redis_url: str = "") -> Iterator[OwnTarget]:
    """Start an installation for a scenario."""
    with ExitStack() as stack:
        place = stack.enter_context(installation(database_url=database_url, redis_url=redis_url))
        yield OwnTarget(place, stack, scenario.settings, scenario.servers)


def from_environment(environ: Mapping[str, str] = os.environ) -> str:
    """The demo's address, where `eval "$(seatserver demo --env)"` has told it; else nothing."""
    port = environ.get("PORT", "")
    if environ.get("SEATSERVER_TOKEN_SECRET") and port.isascii() and port.isdigit():
        return f"http://127.0.0.1:{port}"
    return ""


def check_address(url: str, told_again: str) -> None:
    """Raise `ConfigError` unless the address is one of this machine, or its host was named a second time."""
    parts = urlsplit(url)
    plain = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or url.rstrip("/") != plain:
        # Not repeated: it may hold a password.
        raise ConfigError("--target", "is not the address of a server", "expected http://host:port or https://host")
    if is_loopback(parts.hostname) or told_again == parts.hostname:
        return
    raise ConfigError(
        "--target",
        f"names {parts.hostname}, which is another machine",
        f"a rush can bring down whoever it is aimed at; if that is yours, say so with --yes-rush {parts.hostname}",
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hall_of(showtimes: Showtimes, base: Path) -> SeatMap:
    """The hall that a scenario names. Raises `ScenarioError`."""
    name = showtimes.hall
    kind, _, seats = name.partition(":")
    if kind == "plain":
        return hall(int(seats))
    demo = {auditorium_of(one.name): one for one in demo_halls()}
    if name in demo:
        return demo[name]
    try:
        return read_seat_map((base / name).read_bytes()).seat_map
    except OSError:
        known = ", ".join(demo)
        raise ScenarioError(name, "hall", f"there is no such hall; expected {known}, plain:SEATS or a file") from None
    except BadSeatMap as error:
        raise ScenarioError(name, "hall", error.message) from None


def asked(http: httpx.Client, method: str, path: str, body: Any) -> Any:
    """A request that has to work; its answer. Raises `StartError` with what the server says."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    try:
        response = http.request(method, path, **content)
    except httpx.HTTPError as error:
        raise StartError(f"{http.base_url.host}:{http.base_url.port} does not answer: {explained(error)}") from None
    if response.is_error:
        try:
            said = response.json()["detail"]
        except (ValueError, KeyError, TypeError):
            said = f"HTTP {response.status_code}"
        raise StartError(f"{method} {path}: {said}")
    return response.json()


def _showtime(title: str, layout_hash: str, seat_map: SeatMap, showtimes: Showtimes) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "auditorium_id": THEATRE,
        "layout_hash": layout_hash,
        "title": f"Load lab: {title}",
        "starts_at": (now + timedelta(milliseconds=6 * HOUR_MS)).isoformat(),
        "on_sale_at": (now - timedelta(milliseconds=HOUR_MS)).isoformat(),
        "sale_ends_at": (now + timedelta(milliseconds=6 * HOUR_MS)).isoformat(),
        "currency": CURRENCY,
        "prices": {category.key: PRICE_MINOR for category in seat_map.categories},
        "rules": msgspec.to_builtins(showtimes.rules),
    }


def base_of(name: str) -> Path:
    """The folder that a scenario's paths are relative to."""
    path = Path(name)
    return path.parent if path.suffix == ".toml" else FOLDER
