"""What a new guest solves while very many come: the server's puzzles, by both clients' means."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest

from seatserver.access import guest_price, puzzles
from seatserver.access.guest_price import Demand
from tests.javascript import WEB, printed

SOLVED_BY_SCRIPT = f"""
    const {{ solve }} = await import({json.dumps((WEB / "shared" / "work.js").as_uri())});
    const solved = [];
    for (const puzzle of JSON.parse(process.argv[1])) solved.push(await solve({{ kind: "work", ...puzzle }}));
    console.log(JSON.stringify(solved));
"""


def test_both_clients_find_the_number_of_every_puzzle() -> None:
    made = [puzzles.make(most) for most in (2, 3, 99, 1000, 20_000)]
    numbers = [number for _, number in made]
    assert [puzzles.solve(puzzle) for puzzle, _ in made] == numbers
    shown = [msgspec.structs.asdict(puzzle) for puzzle, _ in made]
    assert printed(SOLVED_BY_SCRIPT, json.dumps(shown)) == numbers


def test_the_hash_is_sha_256_for_every_length_that_fits_a_block() -> None:
    texts = ["x" * size for size in range(54)]
    shown = [{"text": text, "hash": hashlib.sha256(f"{text}7".encode()).hexdigest(), "most": 9} for text in texts]
    assert printed(SOLVED_BY_SCRIPT, json.dumps(shown)) == [7] * len(texts)


def test_what_is_no_puzzle_is_given_up_at_once() -> None:
    good = {"text": "text", "hash": puzzles.hash_of("text", 0), "most": 10}
    wrong: list[dict[str, object]] = [
        {"text": "x" * 60},
        {"text": "ä"},
        {"text": None},
        {"hash": "no hash"},
        {"hash": "0" * 64},
        {"most": 1e12},
        {"most": None},
        {"kind": "riddle"},
    ]
    assert printed(SOLVED_BY_SCRIPT, json.dumps([{**good, **one} for one in wrong])) == [None] * len(wrong)


def test_no_number_is_higher_than_the_hardest_puzzle_says() -> None:
    for _ in range(200):
        puzzle, number = puzzles.make(guest_price.HARDEST)
        assert 0 <= number <= puzzle.most == guest_price.HARDEST
    assert len({puzzles.make(10)[0].text for _ in range(100)}) == 100


@pytest.mark.parametrize("per_min", [60, 600, 6000])
def test_demand_is_what_comes_in_a_minute_and_fades(per_min: int) -> None:
    demand = Demand()
    now = 1000.0
    for _ in range(3 * per_min):
        now += 60 / per_min
        found = demand.count(now)
    assert found == pytest.approx(per_min, rel=0.1)
    assert demand.count(now + 300) < 4
