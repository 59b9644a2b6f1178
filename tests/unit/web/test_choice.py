"""The basket keeps or says what it loses, and no "Undo" outlives the basket that it was offered for.

In Node, with a server and a place for messages that answer as they are told to: what is tried here hangs on the order
of answers.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.javascript import NODE, WEB

WORLD = """
const { Choice } = await import(`${root}/seat-map/basket/choice.js`);
const { Answers } = await import(`${root}/seat-map/basket/answers.js`);
const { Venue } = await import(`${root}/seat-map/venue.js`);
const { Words } = await import(`${root}/seat-map/words.js`);
const { CommandError } = await import(`${root}/seat-map/client/errors.js`);

const words = new Words("en");
const seats = Array.from({ length: 20 }, (_, at) => ({ row: "A", number: String(at + 1), category: "all", x: at }));
const categories = [{ key: "all", name: "All" }];
const layout = { seats, categories, groups: [], general_areas: [{ name: "Lawn", category: "all" }] };
const money = { prices: { all: 100 }, currency: "EUR", currency_digits: 2 };
const venue = new Venue({ ...money, ticket_types: [{ key: "t", name: "Adult", prices: { all: 100 } }] }, layout, words);
const lines = (count, ...seats) => [
  ...seats.map((seat) => ({ seat, ticket: "t" })), ...Array.from({ length: count }, () => ({ area: 0, ticket: "t" })),
];

const client = {
  status: "live", holds: new Map(), mine: new Map(), welcome: { limits: { seats_per_user: 8 } }, made: 0,
  refusal: null, // of the next hold
  arrived: Promise.resolve(), // when answers to searches come
  put(lines, replaces) {
    this.holds.delete(replaces);
    const hold_id = `hold ${++this.made}`;
    this.holds.set(hold_id, { lines });
    this.mine = new Map(lines.filter(({ seat }) => seat !== undefined).map(({ seat }) => [seat, hold_id]));
    const seats = [...this.mine.keys()];
    return { hold_id, lines, seats, lost: [], breakdown: { parts: 0, distance: 0 } };
  },
  async hold(seats, { areas, replaces }) {
    if (this.refusal) throw this.refusal;
    return this.put(lines(areas.reduce((sum, { count }) => sum + count, 0), ...seats), replaces);
  },
  async best({ count, tickets, replaces }) {
    await this.arrived;
    return this.put(lines(0, ...Array.from({ length: count ?? tickets.t }, (_, at) => 10 + at)), replaces);
  },
  async release(id) {
    this.holds.delete(id);
    this.mine.clear();
  },
};
let shown = null;
const notices = {
  tell: (kind, text, { more = "", actions = [], holds = () => true } = {}) => {
    shown = { kind, text, more, actions, holds };
    return shown;
  },
  retire: (notice) => { if (notice && notice === shown) shown.actions = []; },
};
const sale = { isClosed: false, reason: "The sale has ended." };
const choice = new Choice({ client, venue, words, answers: new Answers(words, venue), notices, sale });
const report = () => ({
  basket: choice.lines.map(({ seat }) => (seat === undefined ? "Lawn" : venue.name({ seat }))),
  text: [shown?.text, shown?.more].filter(Boolean).join(" "),
  buttons: (shown?.actions ?? []).map(([label]) => label),
  holds: shown?.holds(),
});
"""


def told(code: str) -> Any:
    """What ``code`` prints as JSON: with ``report()``, the basket and the message that stands there at the end."""
    program = f"const root = {json.dumps(WEB.as_uri())}; {WORLD} {code}"
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_search_for_more_than_there_is_room_for_beside_the_places_in_areas_changes_nothing() -> None:
    for wish in ("{ count: 8 }", "{ tickets: { t: 7 } }"):
        seen = told(f"client.put(lines(2, 1)); await choice.best({wish}); console.log(JSON.stringify(report()));")
        assert seen["basket"] == ["A-2", "Lawn", "Lawn"]
        assert seen["text"] == "Sorry: You may hold at most 8 seats."


def test_a_search_takes_the_places_in_areas_along_and_offers_the_seats_back() -> None:
    search = "client.put(lines(2, 1)); await choice.best({ count: 2 });"
    seen = told(f"{search} console.log(JSON.stringify(report()));")
    assert seen["basket"] == ["A-11", "A-12", "Lawn", "Lawn"]
    assert "A-2 went back on sale." in seen["text"]
    assert (seen["buttons"], seen["holds"]) == (["Undo"], True)
    seen = told(f"{search} await shown.actions[0][1](); console.log(JSON.stringify(report()));")
    assert seen["basket"] == ["A-2", "Lawn", "Lawn"]


def test_places_in_areas_that_a_search_could_not_take_along_are_said_and_offered_back() -> None:
    search = """
        client.put(lines(2, 1));
        client.refusal = new CommandError("refused", "no", { areas: [[0, "full", 0]] });
        await choice.best({ count: 2 });
    """
    seen = told(f"{search} console.log(JSON.stringify(report()));")
    assert seen["basket"] == ["A-11", "A-12"]
    assert seen["text"] == "Sorry: Lawn is full. A-2 and 2 × Lawn went back on sale."
    assert (seen["buttons"], seen["holds"]) == (["Undo"], True)
    undo = "client.refusal = null; await shown.actions[0][1](); console.log(JSON.stringify(report()));"
    assert told(f"{search} {undo}")["basket"] == ["A-2", "Lawn", "Lawn"]


def test_an_undo_gives_back_nothing_that_was_chosen_while_the_search_was_on_its_way() -> None:
    seen = told("""
        client.put(lines(0, 1));
        let arrive;
        client.arrived = new Promise((resolve) => { arrive = resolve; });
        const answers = [choice.best({ count: 2 }), choice.add([7])];
        arrive();
        await Promise.all(answers);
        console.log(JSON.stringify(report()));
    """)
    assert seen["basket"] == ["A-11", "A-12", "A-8"]
    assert seen["buttons"] == []


def test_an_undo_goes_when_another_window_changes_the_basket_and_changes_nothing_then() -> None:
    seen = told("""
        client.put(lines(0, 1));
        await choice.best({ count: 2 });
        const [[, undo]] = shown.actions;
        client.put(lines(0, 10, 11, 3), choice.basketId);
        const { holds } = report();
        await undo();
        console.log(JSON.stringify({ ...report(), holds }));
    """)
    assert not seen["holds"]
    assert seen["basket"] == ["A-11", "A-12", "A-4"]
    assert seen["text"].startswith("Your seats have changed meanwhile")


def test_an_undo_is_offered_only_while_seats_are_sold() -> None:
    give_back = "client.put(lines(0, 1)); await choice.dropAll({ undoable: true });"
    open_ = told(f"{give_back} console.log(JSON.stringify(report()));")
    assert (open_["buttons"], open_["holds"]) == (["Undo"], True)
    ended = told(f"{give_back} sale.isClosed = true; console.log(JSON.stringify(report()));")
    assert not ended["holds"]
    closed = told(f"sale.isClosed = true; {give_back} console.log(JSON.stringify(report()));")
    assert (closed["text"], closed["buttons"]) == ("Given back: A-2.", [])
