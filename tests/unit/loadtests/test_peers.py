"""The packets of Socket.IO that the load generator speaks, and how long a rush at peers may be."""

from __future__ import annotations

import pytest

from loadtests import peers
from loadtests.__main__ import main
from seatserver.errors import StartError


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b'0{"sid":"a","upgrades":[],"pingInterval":25000}', {"type": "open"}),
        (b'40{"sid":"b"}', {"type": "connected"}),
        (b"2", {"type": "ping"}),
        (b'42["held",{"ref":2,"type":"other"}]', {"type": "held", "ref": 2}),
    ],
)
def test_a_packet_becomes_the_message_of_a_plain_server(packet: bytes, message: dict[str, object]) -> None:
    assert peers.message_of(packet) == message


@pytest.mark.parametrize("packet", [b'44{"message":"no such namespace"}', b"41", b"6"])
def test_a_refused_connection_or_an_unknown_packet_ends_the_load_test(packet: bytes) -> None:
    with pytest.raises(StartError, match=r"^Socket\.IO "):
        peers.message_of(packet)


def test_an_event_is_written_as_it_is_read() -> None:
    assert peers.message_of(peers.event("hold", {"seats": [1, 2]})) == {"type": "hold", "seats": [1, 2]}
    assert peers.connect("tonight", "ann") == b'40{"room":"tonight","user":"ann"}'


def test_a_rush_at_peers_is_over_before_holds_end(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["peers", "--rush-seconds", "301"])
    assert ended.value.code == 2
    assert "'301': expected at most 240: soon after that, holds end" in capsys.readouterr().err
