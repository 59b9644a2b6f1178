"""How conversations slow down the room beside them: holds and deliveries, with and without them, on one server.

Buyers hold two seats and give them back without a pause, and viewers look on. In every second turn, visitors of the
same showtime talk to the concierge meanwhile, each asking again as soon as it is answered. The model that answers is
`loadtests.references.talkative_model`, in a process of its own, which takes two seconds for an answer and begins with a
search for seats. So the server does all its work for a conversation; only the network is missing. If the concierge's
rules answer instead of this model, the benchmark fails.

Delivery is measured from the request of a hold until each viewer has the seats on its map, by the kernel's clock for
both. The turns alternate, and what counts is the ratio of their medians.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loadtests import limits, report
from loadtests.asking import keep_asking
from loadtests.children import running
from loadtests.crowd import Crowd, Member
from loadtests.holds import Client, Turn
from loadtests.installation import Installation
from loadtests.meters import median, percentile, ratio
from loadtests.references.talkative_model import KEY, MODEL, WORDS
from loadtests.systems import Ours, Viewer
from seatserver.errors import StartError
from seatserver.wire.concierge import Ask, Begin, ConciergeMessage, Done, Ready, Words
from seatserver.wire.from_server import Bye, Error, ServerMessage

HELD = 1
MOST_ANSWERS = 200
"""The most answers that a server's model gives at once (`SEATSERVER_GEMINI_ANSWERS`)."""
MOST_TALKING = MOST_ANSWERS // 2
"""Those of the turn before may still be ending."""
WISH = "Two seats in the middle, please"
COLUMNS = {
    "name": "",
    "holds_per_s": "holds/s",
    "hold_p50_ms": "hold p50 ms",
    "hold_p99_ms": "hold p99 ms",
    "delivery_p50_ms": "delivery p50 ms",
    "delivery_p99_ms": "delivery p99 ms",
    "answers_per_s": "answers/s",
}
"""What the table shows, and the heads of its columns."""


def add(tests: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the benchmark."""
    parser = tests.add_parser("concierge", help="a room with and without a hundred conversations beside it")
    parser.add_argument("--conversations", type=_talking, default=100, help="who talk (default 100, and at most)")
    parser.add_argument("--buyers", type=report.at_least(1), default=8, help="who hold and give back (default 8)")
    parser.add_argument("--viewers", type=report.at_least(1), default=50, help="who look on (default 50)")
    parser.add_argument("--seconds", type=report.seconds, default=5.0, help="length of a turn (default 5)")
    report.options(parser, repeats=5)
    parser.set_defaults(run=lambda args: report.run(args, measure, show))


def _talking(text: str) -> int:
    number = report.at_least(1)(text)
    if number > MOST_TALKING:
        raise argparse.ArgumentTypeError(f"expected at most {MOST_TALKING}: the model answers no more at once")
    return number


@dataclass
class Heard:
    """One turn: the holds, how late the viewers heard of them, and the answers of the concierge."""

    holds: Turn = field(default_factory=Turn)
    deliveries_s: list[float] = field(default_factory=list)
    answers: int = 0
    seconds: float = 0.0


class Talker(Member):
    """Asks again and again."""

    def __init__(self, room: str, token: str, answered: Callable[[], None]) -> None:
        super().__init__()
        self.path = f"/ws/concierge/{room}"
        self.going = True
        self._token = token
        self._answered = answered
        self._ref = 1
        self._said = ""

    def greet(self) -> None:
        self.send(msgspec.json.encode(Begin(ref=1, token=self._token)))

    def take(self, message: Any, at: float) -> None:
        match message:
            case Ready():
                self.arrive()
                self._ask()
            case Words():
                self._said += message.text
            case Done():
                if WORDS not in self._said:
                    raise StartError(f"the model did not answer, the concierge's rules did: {self._said[:200]}")
                self._said = ""
                self._answered()
                if self.going:
                    self._ask()
            case Error() | Bye():
                raise StartError(f"the concierge says: {message}")

    def _ask(self) -> None:
        self._ref += 1
        self.send(msgspec.json.encode(Ask(ref=self._ref, text=WISH)))


def measure(place: Installation, args: argparse.Namespace) -> report.Result:
    """Turns with and without conversations, ``args.repeats`` of each."""
    limits.open_files(args.conversations + args.buyers + args.viewers)
    seats = 16 * args.buyers
    (room,) = place.rooms(1, seats)
    with running("model", "loadtests.references.talkative_model", folder=place.folder, environ={}) as model:
        variables = {
            "SEATSERVER_GEMINI_API_KEY": KEY,
            "SEATSERVER_GEMINI_MODEL": MODEL,
            "SEATSERVER_GEMINI_URL": model.url,
            "SEATSERVER_GEMINI_ANSWERS": str(MOST_ANSWERS),
            # Late words of a busy machine are no failure here: what is measured is the room.
            "SEATSERVER_GEMINI_TURN_MS": "100000",
            "SEATSERVER_GEMINI_QUIET_MS": "60000",
            "SEATSERVER_CONCIERGE_ANSWER_MS": "110000",
            "SEATSERVER_CONCIERGE_TURNS": "10000",
            **{f"SEATSERVER_GEMINI_{who}_TURNS": "1000000" for who in ("USER", "SHOWTIME", "DAY")},
            **{f"SEATSERVER_GEMINI_{who}_TOKENS": "1000000000" for who in ("USER", "SHOWTIME", "DAY")},
            **{f"SEATSERVER_GEMINI_{who}_CENTS": "1000000" for who in ("USER", "SHOWTIME", "DAY")},
        }
        with place.serve(**variables) as server:
            alone: list[Heard] = []
            beside: list[Heard] = []
            _turn(place, server.url, room, seats, args, args.conversations)  # imports and compiles whatever there is
            for repeat in range(args.repeats):
                order = [(alone, 0), (beside, args.conversations)]
                for heard, talkers in order if repeat % 2 == 0 else reversed(order):
                    heard.append(_turn(place, server.url, room, seats, args, talkers))
    without, with_them = _figures("without", alone), _figures("with", beside)
    names = ("hold_p50_ms", "hold_p99_ms", "delivery_p50_ms", "delivery_p99_ms")
    return {
        "conversations": args.conversations,
        "repeats": args.repeats,
        "turns": [without, with_them],
        "ratios": {name: ratio(with_them[name], without[name]) for name in names},
    }


def _turn(place: Installation, url: str, room: str, seats: int, args: argparse.Namespace, talkers: int) -> Heard:
    heard, system = Heard(), Ours()
    held_at: dict[int, float] = {}

    def saw(viewer: Viewer, seat: int, state: int, at: float) -> None:
        if state == HELD and (held := held_at.get(seat)) is not None:
            heard.deliveries_s.append(max(0.0, at - held))

    def answered() -> None:
        heard.answers += 1

    decode = msgspec.json.Decoder(ServerMessage).decode
    said = msgspec.json.Decoder(ConciergeMessage).decode

    def either(payload: bytes) -> Any:
        try:
            return decode(payload)
        except msgspec.ValidationError:
            return said(payload)

    with Crowd(url, either, stamped=True) as crowd:
        viewers = [system.viewer(place, room, f"viewer-{number}", seats, saw) for number in range(args.viewers)]
        crowd.join(viewers)
        holders = [system.holder(place, room, f"buyer-{number}") for number in range(args.buyers)]
        crowd.join(holders)
        talking = [Talker(room, place.token(f"talker-{number}"), answered) for number in range(talkers)]
        crowd.join(talking)
        clients = [_Timed(holder, number, heard.holds, held_at) for number, holder in enumerate(holders)]
        began = time.perf_counter()
        keep_asking(crowd, clients, args.seconds, system.name)
        heard.seconds = time.perf_counter() - began
        for talker in talking:
            talker.going = False
    return heard


class _Timed(Client):
    """Notes when each of its holds was asked for: no viewer can hear of it earlier."""

    def __init__(self, holder: Any, number: int, turn: Turn, held_at: dict[int, float]) -> None:
        super().__init__(holder, number, turn)
        self._held_at = held_at

    def begin(self) -> None:
        super().begin()
        for seat in self._pairs[self._rounds % len(self._pairs)]:
            self._held_at[seat] = self.asked_at


def _figures(name: str, turns: list[Heard]) -> dict[str, Any]:
    """The medians of some turns."""

    def of(figure: Callable[[Heard], float]) -> float:
        return round(median([figure(turn) for turn in turns]), 3)

    return {
        "name": name,
        "holds_per_s": of(lambda turn: len(turn.holds.latencies_s) / turn.seconds),
        "hold_p50_ms": of(lambda turn: 1000 * percentile(turn.holds.latencies_s, 0.5)),
        "hold_p99_ms": of(lambda turn: 1000 * percentile(turn.holds.latencies_s, 0.99)),
        "delivery_p50_ms": of(lambda turn: 1000 * percentile(turn.deliveries_s, 0.5)),
        "delivery_p99_ms": of(lambda turn: 1000 * percentile(turn.deliveries_s, 0.99)),
        "answers_per_s": of(lambda turn: turn.answers / turn.seconds),
    }


def show(result: report.Result) -> None:
    """The table."""
    talking, repeats = result["conversations"], result["repeats"]
    print(f"A room alone and beside {talking:,} conversations; medians of {repeats} turns each\n")
    report.columns(COLUMNS, result["turns"])
    ratios = ", ".join(f"{name.removesuffix('_ms').replace('_', ' ')} × {x:g}" for name, x in result["ratios"].items())
    print(f"\nWith them: {ratios}.")
