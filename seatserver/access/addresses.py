"""The address that a request comes from. This is the only place that reads it, from the connection or from a proxy.

A proxy names its client in a header, and everybody else can send the same header. So it counts only if the connection
comes from one of `SEATSERVER_TRUSTED_PROXIES`, and only the header that `SEATSERVER_FORWARDED_HEADER` names: a proxy
that sets one of them hands on the other as the client sent it. Each proxy appends what it saw, so the list is read from
its end, up to the first address that is no proxy's (RFC 7239, section 5.2).

Addresses are used to share the server fairly and to recognise a network (`networks.py`). None is stored or logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from seatserver.config import Settings

Address = IPv4Address | IPv6Address
IPV6_BITS = 64
"""Of an IPv6 address only the first bits count, because a household chooses the others (RFC 4291, section 2.5.1) and
they change often (RFC 8981)."""
ALL = "*"
# A pair of RFC 7239, section 4; a comma or a semicolon in quotes belongs to the value. It begins only where a pair may,
# and gives back nothing (`*+`, `++`), so that hostile headers take no longer than others.
PAIR = re.compile(r'(?:^|[;,])\s*+([^=;,\s]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;,\s]*+)\s*+(?=[;,]|$)')
LONGEST = 4096
"""Of a header that is longer only the end is read, where our proxies write. No honest chain is that long."""
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def read(text: str) -> Address | None:
    """An address in any usual form: with a port, in brackets, with a zone; None if it is none."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def household(address: Address | None) -> str:
    """The network of an address, as text; empty if there is none. An IPv4 address is a network by itself."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_BITS), strict=False).network_address)
    return "" if address is None else str(address)


class Networks:
    """A list of addresses and networks in the settings; ``*`` means all."""

    def __init__(self, listed: Iterable[str]) -> None:
        names = {name for name in listed if name}
        self._all = ALL in names
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names - {ALL}]
        self._has = lru_cache(maxsize=4096)(self._look_up)

    def __contains__(self, address: Address | None) -> bool:
        return self._all or (address is not None and self._has(address))

    def _look_up(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


class Proxies:
    """The proxies that the settings trust, and the header that they set."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = Networks(settings.trusted_proxies)
        self._header = settings.forwarded_header.encode()

    def resolve(self, scope: MutableMapping[str, Any]) -> Address | None:
        """The client's address. If a trusted proxy sent the request, ``client`` and ``scheme`` become the client's own.

        None if there is no address, as on a Unix socket.
        """
        client = scope.get("client")
        address = read(str(client[0])) if client else None
        if address not in self._trusted:
            return address
        hops, scheme = self._forwarded(scope["headers"])
        if scheme is not None:
            scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
        for hop in reversed(hops):
            named = read(hop)
            if named is None:
                break  # a name or "unknown": the proxy that was read last stands for all its clients
            address = named
            if address not in self._trusted:
                break
        if hops:
            scope["client"] = (str(address), 0) if address is not None else None
        return address

    def _forwarded(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[str], str | None]:
        """The chain of addresses, the first client's first, and the scheme that this client used if that is known."""
        found: dict[bytes, list[str]] = {self._header: [], b"x-forwarded-proto": []}
        for name, value in headers:
            if name in found:
                found[name].append(value.decode("latin-1"))
        chain = ",".join(found[self._header])
        if len(chain) > LONGEST:
            chain = chain[-LONGEST:].partition(",")[2]
        if self._header != b"forwarded":
            protocol = ",".join(found[b"x-forwarded-proto"]).rpartition(",")[2].strip().lower()
            return [hop.strip() for hop in chain.split(",") if hop.strip()], SCHEMES.get(protocol)
        hops: list[str] = []
        scheme = None
        for name, value in PAIR.findall(chain):
            text = value[1:-1] if value.startswith('"') else value
            if name.lower() == "for":
                hops.append(text)
            elif name.lower() == "proto":
                scheme = SCHEMES.get(text.lower())
        return hops, scheme
