"""Fair shares: how much of a process one user and one network may take, so that a few cannot push everybody else aside.

Each has a `Share`: token buckets for what they do, and what they hold at the moment. A bucket is two numbers, so that
asking it costs a fraction of a microsecond and no round trip. That is why these shares are of one process; only the
guests that a network may make are counted across all of them (`guest_limits.py`).

A network is an address, or the first half of an IPv6 address. Behind one there may be a family, a school or half a
town, so a network's share is many times as large as a user's. Networks in `SEATSERVER_UNLIMITED` have no limits, and
neither have the users who come from there: a theatre's own desks, a partner's servers, load tests.

Whoever is refused is told when to try again, and counted, so that operators see who pushes. They see only part of the
address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from heapq import nlargest
from ipaddress import IPv6Network
from typing import Literal, NamedTuple
from uuid import UUID

from seatserver.access.addresses import Address, Networks, household, read
from seatserver.config import Settings
from seatserver.errors import TooMany

Limited = Literal[
    "connections", "requests", "writes", "handshakes", "sockets", "guests", "commands", "holds", "seats", "passwords"
]
"""What there is a share of; also the reason in the metrics."""
MINUTE_S = 60.0
BURST_S = 5.0
"""A bucket of so many things a second holds this many seconds' worth."""
MOST_SHARES = 10_000
"""So many are remembered before each newcomer makes room. They take about 13 MB."""
LOOKED_AT = 64
"""So many of them a newcomer looks at, to find idle ones. Looking at all takes 50 µs."""
FORGOTTEN = 2
"""So many it makes forget, so that they become fewer again after a rush."""
SHOWN = 5
PUSHING = 300
"""A network that was refused more often than this in about a minute does not heed what it is told. It has to wait."""
PUSHED_BACK_S = 1.0
"""So long its refused requests are left without an answer, and a socket of its without its next command."""
SOCKETS_RETRY_S = 10.0
CONNECTIONS_RETRY_S = 2.0
SEATS_RETRY_S = 5.0
SITE_IPV6_BITS = 48
PASSWORDS_AT_ONCE, PASSWORD_S = 5, 20.0
"""So many passwords for one e-mail from one network at once, then one in so many seconds."""
SITE_NETWORKS = 4
"""All IPv6 networks of a site together try as many passwords as this many of them. One customer may have a whole site,
which is 65,536 networks; on the other hand, a site may be many subscribers of one provider."""


class Bucket:
    """A token bucket as two numbers: ``rate`` a second on average, ``burst`` at once.

    It keeps the time at which it will be full again (the "generic cell rate algorithm").
    """

    __slots__ = ("_full_at", "_spacing_s", "_tolerance_s")

    def __init__(self, rate: float, burst: float) -> None:
        self._spacing_s = 1 / rate
        self._tolerance_s = burst / rate
        self._full_at = 0.0

    def take(self, now: float, amount: int = 1) -> float:
        """Take an amount. Returns 0.0, or after how many seconds there will be enough."""
        wait_s = self.wait_s(now, amount)
        if not wait_s:
            self._full_at = max(self._full_at, now) + amount * self._spacing_s
        return wait_s

    def wait_s(self, now: float, amount: int = 1) -> float:
        """After how many seconds there will be enough; 0.0 if there is. Takes nothing."""
        wait_s = max(self._full_at, now) + amount * self._spacing_s - now - self._tolerance_s
        return wait_s if wait_s > 1e-9 else 0.0

    def is_full(self, now: float) -> bool:
        """Whether it is as good as new."""
        return self._full_at <= now


class _Hold(NamedTuple):
    seats: frozenset[int]
    places: int
    until: float


class Share:
    """What one user or one network does, and what it may do."""

    __slots__ = (
        "_asked",
        "_buckets",
        "_held",
        "_refusals",
        "_refusals_since",
        "connections",
        "handshakes",
        "label",
        "sockets",
    )

    def __init__(self, label: str, buckets: dict[Limited, Bucket]) -> None:
        self.label = label
        """What operators see: part of an address. Empty for a user."""
        self.connections = 0
        """Open connections of whatever kind, those of sockets too."""
        self.handshakes = 0
        """Handshakes that wait for their turn."""
        self.sockets = 0
        self._buckets = buckets
        self._held: dict[tuple[str, UUID], _Hold] = {}
        self._asked: list[tuple[tuple[str, UUID], int]] = []
        self._refusals = 0
        self._refusals_since = 0.0

    def take(self, what: Limited, amount: int = 1) -> None:
        """Take some of a share. Raises `TooMany`."""
        bucket = self._buckets.get(what)
        if bucket is not None and (wait_s := bucket.take(time.monotonic(), amount)):
            raise TooMany(what, wait_s)

    def note_refusal(self) -> None:
        """Count for operators that somebody was refused something."""
        now = time.monotonic()
        if now - self._refusals_since > MINUTE_S:
            self._refusals, self._refusals_since = 0, now
        self._refusals += 1

    def refused_lately(self, now: float) -> int:
        """How often it was refused something in about the last minute."""
        return self._refusals if now - self._refusals_since <= MINUTE_S else 0

    @property
    def is_pushing(self) -> bool:
        """Whether it goes on although it is refused again and again."""
        return self.refused_lately(time.monotonic()) > PUSHING

    def seats_held(self, showtime_id: str, besides: tuple[UUID | None, ...]) -> int:
        """How many seats of a showtime are held or being asked for, not counting some holds."""
        now = time.monotonic()
        for key in [key for key, hold in self._held.items() if hold.until <= now]:
            del self._held[key]
        counts = {key: len(hold.seats) + hold.places for key, hold in self._held.items()}
        for key, seats in self._asked:
            counts[key] = max(seats, counts.get(key, 0))
        return sum(n for (showtime, hold_id), n in counts.items() if showtime == showtime_id and hold_id not in besides)

    @contextmanager
    def asking(self, showtime_id: str, hold_id: UUID, seats: int) -> Iterator[None]:
        """Count seats that are asked for. What several sockets ask for under one hold's id counts once."""
        ask = (showtime_id, hold_id), seats
        self._asked.append(ask)
        try:
            yield
        finally:
            self._asked.remove(ask)

    def hold(self, showtime_id: str, hold_id: UUID, seats: Iterable[int], places: int, left_s: float) -> None:
        """Note a hold: its seats, its places of general areas, and for how many seconds more it is held."""
        self._held[showtime_id, hold_id] = _Hold(frozenset(seats), places, time.monotonic() + left_s)

    def give_back(self, showtime_id: str, hold_id: UUID, seats: Iterable[int]) -> None:
        """Note that a hold has these seats no more. Seats that it has not got are ignored."""
        if (hold := self._held.get((showtime_id, hold_id))) is not None:
            self._held[showtime_id, hold_id] = hold._replace(seats=hold.seats.difference(seats))

    def end(self, showtime_id: str, hold_id: UUID) -> None:
        """Note that a hold has ended."""
        self._held.pop((showtime_id, hold_id), None)

    def is_idle(self, now: float) -> bool:
        """Whether forgetting it makes no difference."""
        return (
            not (self.connections or self.handshakes or self.sockets)
            and all(bucket.is_full(now) for bucket in self._buckets.values())
            and all(hold.until <= now for hold in self._held.values())
            and not self.refused_lately(now)
        )


class Shares:
    """The shares of all users and networks that this process has to do with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._unlimited = Networks(settings.unlimited)
        self._networks: OrderedDict[str, Share] = OrderedDict()
        self._users: OrderedDict[str, Share] = OrderedDict()
        self._sign_ins: OrderedDict[str, Share] = OrderedDict()

    def __len__(self) -> int:
        """How many shares are remembered."""
        return len(self._networks) + len(self._users) + len(self._sign_ins)

    def of_network(self, network: str) -> Share | None:
        """The share of a network, or None if it has no limits or is not known, as on a Unix socket."""
        found = self._networks.get(network)
        if found is None:
            address = read(network)
            if address is None or address in self._unlimited:
                return None
            found = self._remember(self._networks, network, lambda: Share(_shown(address), self._for_network()))
        return found

    def note_refusal(self, network: str) -> None:
        """Count for operators that somebody of a network was refused something."""
        if (share := self.of_network(network)) is not None:
            share.note_refusal()

    def of_user(self, user_id: str) -> Share:
        """The share of a user."""
        return self._users.get(user_id) or self._remember(self._users, user_id, lambda: Share("", self._for_user()))

    def take_password(self, network: str, email: str) -> None:
        """Take a try of a password, from the network's share and from that of this e-mail there. Raises `TooMany`.

        An e-mail has a share for each network from which it is tried, however unlimited that is. So nobody can lock
        out a user whose e-mail they know. The networks of an IPv6 site have a share together too (`SITE_NETWORKS`),
        small enough that one site cannot keep all threads for passwords busy. Whoever repeats one e-mail takes nothing
        of the network's share once they are refused, and whoever makes up e-mails leaves no share for those that the
        network is refused.
        """
        tries = _tries(network, email)
        known = [share for key in tries if (share := self._sign_ins.get(key)) is not None]
        for share in known:
            share.take("passwords")
        self.take_sign_in(network)
        for key, networks in tries.items():
            if key not in self._sign_ins:
                self._remember(self._sign_ins, key, partial(_for_one_email, networks)).take("passwords")

    def take_sign_in(self, network: str) -> None:
        """Take a try of signing in, of whomever, from the shares of a network and of its site. Raises `TooMany`."""
        for limited in (self.of_network(network), self._of_site(network)):
            if limited is not None:
                limited.take("passwords")

    def forget_sign_in(self, network: str, email: str) -> None:
        """Somebody knew the password: their share is as good as new."""
        for key in _tries(network, email):
            self._sign_ins.pop(key, None)

    def pushing(self) -> dict[str, int]:
        """The networks that were refused most in the last minute, by part of their address, with how often."""
        now = time.monotonic()
        counts: dict[str, int] = {}
        for share in self._networks.values():
            if count := share.refused_lately(now):
                counts[share.label] = counts.get(share.label, 0) + count
        return dict(nlargest(SHOWN, counts.items(), key=lambda item: item[1]))

    def is_unlimited(self, network: str) -> bool:
        """Whether a network is on the operator's list."""
        return read(network) in self._unlimited

    def _of_site(self, network: str) -> Share | None:
        """What all networks of the same IPv6 site may try together; None if there is no such limit."""
        site, a_minute = _site(network), self._settings.network_passwords_per_min
        if not site or not a_minute or self.is_unlimited(network):
            return None
        bucket = Bucket(SITE_NETWORKS * a_minute / MINUTE_S, a_minute)
        return self._networks.get(site) or self._remember(
            self._networks, site, lambda: Share(site, {"passwords": bucket})
        )

    def _for_network(self) -> dict[Limited, Bucket]:
        settings = self._settings
        return _buckets(
            requests=settings.network_requests_per_min / MINUTE_S,
            writes=settings.network_writes_per_min / MINUTE_S,
            handshakes=settings.network_handshakes_per_min / MINUTE_S,
            passwords=settings.network_passwords_per_min / MINUTE_S,
            commands=settings.network_commands_per_s,
            holds=settings.network_holds_per_min / MINUTE_S,
        )

    def _for_user(self) -> dict[Limited, Bucket]:
        settings = self._settings
        return _buckets(commands=settings.user_commands_per_s, holds=settings.user_holds_per_min / MINUTE_S)

    def _remember(self, shares: OrderedDict[str, Share], key: str, make: Callable[[], Share]) -> Share:
        if len(shares) >= MOST_SHARES:
            _make_room(shares)
        return shares.setdefault(key, make())


def _make_room(shares: OrderedDict[str, Share]) -> None:
    """Forget a few that are idle. Those that are not go to the end, so that the next newcomer looks at others."""
    now, forgotten = time.monotonic(), 0
    for _ in range(min(LOOKED_AT, len(shares))):
        key, share = next(iter(shares.items()))
        if share.is_idle(now):
            del shares[key]
            forgotten += 1
            if forgotten == FORGOTTEN:
                return
        else:
            shares.move_to_end(key)


def _buckets(**rates: float) -> dict[Limited, Bucket]:
    """A bucket for each rate a second. What is counted by the minute may come all at once."""
    return {
        what: Bucket(rate, rate * (BURST_S if what == "commands" else MINUTE_S))  # type: ignore[misc]  # names
        for what, rate in rates.items()
        if rate
    }


def _for_one_email(networks: int) -> Share:
    return Share("", {"passwords": Bucket(networks / PASSWORD_S, networks * PASSWORDS_AT_ONCE)})


def _tries(network: str, email: str) -> dict[str, int]:
    """The names of the shares that an e-mail has where it is tried, and for how many networks each is."""
    site = _site(network)
    return {f"{network}\n{email}": 1, **({f"{site}\n{email}": SITE_NETWORKS} if site else {})}


def _site(network: str) -> str:
    """The IPv6 site that a network belongs to; empty for others."""
    address = read(network)
    return _shown(address) if address is not None and address.version == 6 else ""


def _shown(address: Address) -> str:
    """As much of an address as operators need to see whose it is: not one subscriber's, but a provider's."""
    if address.version == 6:
        return str(IPv6Network((household(address), SITE_IPV6_BITS), strict=False))
    return f"{str(address).rpartition('.')[0]}.0/24"
