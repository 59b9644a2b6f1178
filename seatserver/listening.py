"""The socket that a server listens on, and its address for browsers."""

from __future__ import annotations

import socket

from seatserver.config import Settings
from seatserver.errors import StartError


def listen(settings: Settings, *, shares_port: bool = False) -> socket.socket:
    """A socket bound to the settings' address. It accepts connections after a call of its ``listen``.

    With ``shares_port``, several processes may each have such a socket on one port (SO_REUSEPORT, see socket(7)), and
    the kernel spreads connections over those that listen. Raises `StartError` when the address cannot be used.
    """
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shares_port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                # Connections inherit it. Else the system keeps megabytes for a viewer who reads nothing (see tcp(7),
                # tcp_wmem), and we would learn that late.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, settings.outbox_bytes)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                # Connections inherit this too. A peer that takes nothing, but stays there, would never be given up.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.idle_ms)
            listener.bind(address)
            listener.set_inheritable(False)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or error
        raise StartError(f"cannot listen on {host}:{port}: {reason}; choose with --host and --port") from None
    return listener


def url_of(settings: Settings, listener: socket.socket) -> str:
    """The URL at which browsers reach a server listening there."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # it listens everywhere, so on this machine too
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
