"""The load lab's verdict: an honest server passes, and each server that cheats is caught at what it does."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.__main__ import main
from loadtests.rush import latency, result, run, target
from loadtests.rush.latency import now
from loadtests.rush.line import Line
from loadtests.rush.result import Result
from loadtests.rush.scenario import parse, shipped
from loadtests.rush.verdict import BUSY
from loadtests.rush.world import World
from seatserver.errors import StartError
from tests.conftest import TOKEN_SECRET
from tests.integration.cheating_server import LET_IN, STALL_S, Cheat, cheating
from tests.integration.proxy import proxied
from tests.unit.loadtests.rush.results import SCENARIO, account, made, noted
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.long

SMALL: dict[str, Any] = {
    "title": "Small",
    "question": "Does the lab see it?",
    "seconds": 6.0,
    "settle": 4.0,
    "showtimes": [{"hall": "plain:24"}],
    "arrivals": {"kind": "at_once", "seconds": 0.5},
    "people": {"pick": 20, "look": 3},
    "habits": {"think": [0.02, 0.1], "party": [1, 3], "tries": 40, "patience": 5.0, "change_mind": 0.0},
    "thresholds": {"errors_at_most": 0},
}

HAPPENS = {"storm": "connections that the lab cut", "restart": "lost: closed without a word", "bots": "people: hoarded"}
"""What must have happened in a run of some scenarios, or they have shown nothing."""
LONGER_EACH_TIME = ("6", "18", "54")
"""Seconds of a run. The more time people have, the slower a machine may be."""
OF_SLOWNESS = {"sold_out", "errors_at_most"}
"""Thresholds that a machine misses which is so slow that the doors close, or holds end, before people have booked."""


def rushed(cheat: Cheat, *, times_count: bool = False, **changes: Any) -> Result:
    """The result of a small rush against a server that cheats."""
    scenario = parse({**SMALL, **changes}, "small")
    with cheating(cheat) as url:
        aim = target.Target([url], target.Keys.of_secret(TOKEN_SECRET, {}))
        order = run.Order(name="small", scenario=scenario, seed=1, times_count=times_count)
        return run.rush(aim, aim.stages(scenario, Path()), order)


def only_too_slow(found: Result) -> bool:
    """Whether a rush missed nothing but what a slow machine misses. Of errors that is a hold that has ended."""
    missed = {one.name for one in found.verdict.missed}
    others = found.notes.errors.keys() - {"hold_gone", BUSY}
    return found.verdict.code == 99 and missed <= OF_SLOWNESS and not ("errors_at_most" in missed and others)


def result_in(folder: Path) -> Result:
    """The result that a rush has written into its folder."""
    (path,) = folder.glob("*.json")
    return result.read(path)


def passed(out: Path, capsys: pytest.CaptureFixture[str], *what: str, happens: str = "") -> tuple[str, Path]:
    """What a rush said that was judged by its counts and passed, and the folder in ``out`` with its files.

    Where nothing happened to anybody, or people had too little time on this machine, it is run again with more of it.
    """
    said = ""
    for seconds in LONGER_EACH_TIME:
        folder = out / seconds
        code = main(["rush", *what, "--seconds", seconds, "--counts-only", "--out", str(folder)])
        told = capsys.readouterr()
        said = told.out + told.err
        if code == 0 and happens in told.out:
            return told.out, folder
        assert code == 0 or (code == 99 and only_too_slow(result_in(folder))), said
    raise AssertionError(f"it never came to that: {happens or 'a sale'}\n{said}")


def codes(found: Result) -> set[str]:
    return {wrong.code for wrong in found.verdict.wrong}


@pytest.mark.parametrize(
    ("notes", "free", "slow"),
    [
        ({}, 1, True),
        ({"errors": {"hold_gone": 2}}, 0, True),
        ({"errors": {"hold_gone": 2, BUSY: 1}}, 1, True),
        ({"errors": {"hold_gone": 2, "bad_request": 1}}, 0, False),
        ({"losses": {"closed with 1011": 1}}, 1, False),
        ({"sockets_open": 2}, 0, False),
        ({}, 0, False),
    ],
)
def test_only_what_a_slow_machine_misses_is_tried_again(notes: dict[str, Any], free: int, slow: bool) -> None:
    thresholds = msgspec.structs.replace(SCENARIO.thresholds, errors_at_most=0)
    scenario = msgspec.structs.replace(SCENARIO, thresholds=thresholds)
    receipts = noted().receipts[: 2 - free]
    said = account("3300" if free else "3333")
    assert only_too_slow(made(noted(receipts=receipts, **notes), said, scenario=scenario)) == slow


def test_an_honest_server_passes() -> None:
    found = rushed("", seconds=120.0, thresholds={"errors_at_most": 0, "sold_out": True})  # it ends once all is sold
    assert found.verdict.code == 0, found.verdict
    assert found.notes.sockets_open == found.notes.sockets_asked == 24
    assert sum(len(receipt.seats) for receipt in found.notes.receipts) == 24
    assert found.notes.looked_up > 0 and found.notes.held, "the oracle had something to compare"
    assert sum(ending.viewers for ending in found.notes.endings) == 24, "everybody's last map was compared"


def test_a_server_that_sells_a_seat_twice_is_wrong() -> None:
    found = rushed("sells_twice")
    assert found.verdict.code == 4
    assert "sold_twice" in codes(found)


def test_a_server_that_takes_a_hold_away_before_its_time_is_wrong() -> None:
    found = rushed("robs", seconds=60.0, people={"kiosk": 2, "pick": 10})  # it ends once all is sold
    assert found.verdict.code == 4
    assert "robbed" in codes(found)
    assert found.notes.robbed[0].how == "the booking was refused as hold_gone"


def test_a_server_that_loses_an_update_is_wrong() -> None:
    found = rushed("loses_an_update")
    assert found.verdict.code == 4
    assert "maps" in codes(found)


def test_a_server_that_answers_before_it_commits_is_wrong() -> None:
    found = rushed("answers_before_it_commits")
    assert found.verdict.code == 4
    assert codes(found) == {"premature"}


def test_a_server_that_forgets_a_confirmed_booking_is_wrong() -> None:
    found = rushed("forgets")
    assert found.verdict.code == 4
    assert "lost" in codes(found)


def test_a_server_that_never_ends_a_hold_is_wrong() -> None:
    found = rushed("keeps_holds", habits={**SMALL["habits"], "vanish": 0.5})
    assert found.verdict.code == 4
    assert "holds" in codes(found)


def test_a_stall_shows_in_the_corrected_latencies_and_hides_in_the_raw_ones() -> None:
    habits = {**SMALL["habits"], "think": [0.02, 0.04]}
    # It ends as soon as everybody has bought something.
    found = rushed("stalls", seconds=60.0, habits=habits, people={"pick": 20}, showtimes=[{"hall": "plain:400"}])
    times = found.notes.times

    def long_ones(which: dict[str, latency.Encoded]) -> int:
        """Requests of all kinds that took at least a tenth of the stall."""
        return sum(
            item.count_at_value_iterated_to
            for encoded in which.values()
            for item in encoded.decode().get_recorded_iterator()
            if item.value_iterated_to > STALL_S * 100_000
        )

    assert max(one.decode().get_max_value() for one in times.corrected.values()) >= STALL_S * 990_000
    assert long_ones(times.corrected) > long_ones(times.raw)


def test_a_stall_misses_a_threshold() -> None:
    found = rushed("stalls", seconds=60.0, times_count=True, thresholds={"hold_p99_ms": STALL_S * 500})
    assert "hold_p99_ms" in {missed.name for missed in found.verdict.missed}


def test_a_socket_that_the_server_closes_is_a_failure() -> None:
    found = rushed("closes_a_socket")
    assert found.verdict.code == 99
    assert "connections" in {missed.name for missed in found.verdict.missed}


def test_two_processes_are_judged_as_one_and_a_result_file_has_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], database_url: str, redis_url: str
) -> None:
    stores = ("--database-url", database_url, "--redis-url", redis_url)
    pair = ("opening", "--buyers", "60", "--hall", "plain:30", "--processes", "2")
    said, folder = passed(tmp_path, capsys, *pair, *stores)
    assert "PASSED" in said
    found = result_in(folder)
    assert found.notes.sockets_open == 61, "everybody and the observer"
    assert found.notes.ended["booked"] == len(found.notes.receipts) > 0
    assert all(account.owners is not None for account in found.accounts), "Postgres was asked"
    (path,) = folder.glob("*.json")
    assert "eyJ" not in path.read_text(), "no token"
    (log,) = folder.glob("*.hlog")
    assert log.read_text().startswith("#[Histogram log format version 1.2]")


def test_fewer_sockets_than_asked_for_are_a_failure_and_no_footnote() -> None:
    found = rushed("turns_people_away", seconds=2.0, settle=2.0)
    assert found.verdict.code == 99
    assert "sockets" in {missed.name for missed in found.verdict.missed}
    assert found.notes.sockets_open <= LET_IN < found.notes.sockets_asked


async def test_a_line_whose_handshake_was_cut_off_comes_back() -> None:
    with cheating("") as url:
        aim = target.Target([url], target.Keys.of_secret(TOKEN_SECRET, {}))
        scenario = parse({**SMALL, "seconds": 60.0}, "small")
        stages = await asyncio.to_thread(aim.stages, scenario, Path())
        async with proxied(url) as (proxy, through):
            proxy.lose_answer_to, proxy.lose_times = b"GET /ws/", 2
            world = World(scenario, [through], stages, aim.keys.token_of, started=now())
            line = Line(world, 0, 0, random.Random(1))
            await line.join(now(), now())
            assert proxy.lost == 2 and line.is_open and line.map is not None
            assert world.losses == {"connection reset by peer": 2}
            await line.leave()


@pytest.mark.whole
@pytest.mark.parametrize("name", shipped())
def test_every_scenario_passes_at_a_small_size(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], database_url: str, redis_url: str
) -> None:
    stores = ("--database-url", database_url, "--redis-url", redis_url)
    passed(tmp_path, capsys, name, "--buyers", "40", "--hall", "plain:24", *stores, happens=HAPPENS.get(name, ""))


def test_the_same_seed_can_be_run_again_on_the_same_installation(database_url: str, redis_url: str) -> None:
    scenario = parse(SMALL, "small")
    order = run.Order(name="small", scenario=scenario, seed=1, times_count=False)
    with target.own(scenario, database_url=database_url, redis_url=redis_url) as aim:
        for _ in range(2):
            found = run.rush(aim, aim.stages(scenario, Path()), order)
            assert found.verdict.code == 0, found.verdict


def test_machines_share_a_run_with_ready_tokens_and_are_judged_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], database_url: str, redis_url: str
) -> None:
    scenario = parse(SMALL, "small")
    tokens = tmp_path / "tokens"
    with target.own(scenario, database_url=database_url, redis_url=redis_url) as aim:
        (stage,) = aim.stages(scenario, Path())
        tokens.write_text("\n".join(aim.keys.token_of(person) for person in range(30)))
        sale = ("--target", aim.urls[0], "--tokens", str(tokens), "--showtime", stage.id, "--counts-only")
        size = ("--buyers", "30", "--seconds", "4", "--out", str(tmp_path))
        for part in ("1/2", "2/2"):
            assert main(["rush", "opening", *sale, *size, "--part", part]) == 0
    parts = [str(path) for path in tmp_path.glob("*-of-2.json")]
    code = main(["merge", *parts, "--json"])
    said = capsys.readouterr()
    assert code in (0, 99), said.err
    whole = msgspec.json.decode(said.out.splitlines()[-1], type=Result)
    assert whole.verdict.wrong == ()
    assert whole.notes.sockets_open == 32, "everybody, and an observer for each part"
    assert {missed.name for missed in whole.verdict.missed} <= {"sold_out"}


def test_too_few_tokens_are_said_before_the_doors_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tokens").write_text("one\ntwo\n")
    with cheating("") as url:
        aim = target.Target([url], target.Keys.of_file(tmp_path / "tokens", None))
        scenario = parse(SMALL, "small")
        with pytest.raises(StartError, match="23 people need 23 tokens"):
            run.rush(aim, [], run.Order(name="small", scenario=scenario, seed=1))


@pytest.mark.parametrize(
    ("number", "processes"), [(signal.SIGINT, "1"), (signal.SIGTERM, "1"), (signal.SIGINT, "2"), (signal.SIGTERM, "2")]
)
def test_ctrl_c_and_sigterm_close_the_doors_and_still_report(
    number: signal.Signals, processes: str, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    size = ["--buyers", "30", "--seconds", "600", "--processes", processes]
    command = [sys.executable, "-m", "loadtests", "rush", "opening", *size]
    stores = ["--database-url", database_url, "--redis-url", redis_url, "--out", str(tmp_path)]
    with subprocess.Popen([*command, *stores], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lab:
        assert lab.stderr is not None and lab.stdout is not None
        assert "The doors are open" in lab.stderr.readline()
        lab.send_signal(number)
        said, complaints = lab.communicate(timeout=PATIENCE_S)
    assert lab.returncode == 130, said + complaints
    assert "INTERRUPTED" in said
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".hlog", ".html", ".json"]


@pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1:8000", "http://127.0.0.1:8000/?token=secret", "8000"])
def test_a_target_is_a_plain_address_and_no_secret_is_repeated(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rush", "opening", "--target", url]) == 1
    said = capsys.readouterr().err
    assert "--target is not the address of a server: expected http://host:port" in said
    assert "secret" not in said


def test_another_machine_is_rushed_only_if_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rush", "opening", "--target", "http://cinema.example:8000"]) == 1
    said = capsys.readouterr().err
    assert "--yes-rush cinema.example" in said
    assert said.count("\n") == 1
