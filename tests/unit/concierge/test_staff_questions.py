"""What the rules understand of staff's questions, and what they say that they did not."""

from __future__ import annotations

from dataclasses import asdict
from string import Formatter
from typing import Any

import pytest

from seatserver.concierge.staff.english import ENGLISH
from seatserver.concierge.staff.figures import Health, KioskState, Paced, Paces, Where
from seatserver.concierge.staff.german import GERMAN
from seatserver.concierge.staff.questions import Question, understand
from seatserver.concierge.staff.wording import Wording

NAMES = ["The Long Night", "Studio", "Rex", "Screen 2", "A"]
OWN = {"weekdays", "months", "examples", "day", "day_and_time"}
"""What has its own form in each language."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Which showtimes sell slower than usual?", Question(kind="pace", meant="slower")),
        ("Welche Vorstellungen verkaufen sich langsamer als sonst?", Question(kind="pace", meant="slower")),
        (
            "Welche Filme laufen heute besser als üblich?",
            Question(kind="pace", meant="faster", where=Where("", 0), count=1),
        ),
        ("Which films sell badly in Screen 2?", Question(kind="pace", meant="slower", where=Where("Screen 2"))),
        (
            "How full are the showtimes tonight?",
            Question(kind="showtimes", order="fullest", where=Where("", 0), count=1),
        ),
        ("Welcher Saal ist morgen am leersten?", Question(kind="showtimes", order="emptiest", where=Where("", 1))),
        ("How is The Long Night selling?", Question(kind="showtimes", where=Where("The Long Night"))),
        ("How many tickets are left for the long night?", Question(kind="showtimes", where=Where("The Long Night"))),
        ("How many tickets were sold today?", Question(kind="sales", count=1)),
        ("How many tickets were sold per day last week?", Question(kind="sales", count=7)),
        ("Wie viele Karten wurden in den letzten 3 Stunden verkauft?", Question(kind="sales", unit="hour", count=3)),
        ("Verkäufe pro Stunde", Question(kind="sales", unit="hour", count=24)),
        ("What was refused in the last minute?", Question(kind="refusals")),
        ("Was wurde in der letzten Minute abgelehnt?", Question(kind="refusals")),
        ("Which kiosks need help?", Question(kind="kiosks")),
        ("Welche Kioske brauchen Hilfe?", Question(kind="kiosks")),
        ("Is everything working?", Question(kind="health")),
        ("Läuft alles?", Question(kind="health")),
        ("Was kann ich fragen?", Question(kind="help")),
    ],
)
def test_a_question_is_understood_in_both_languages(text: str, expected: Question) -> None:
    assert understand(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "kind", "leftover"),
    [
        ("Which films sell slower than usual by ticket type?", "pace", ("type",)),
        ("Who booked seat C-4?", "showtimes", ("Who", "C", "4")),
        ("Welche Kioske im Studio brauchen Hilfe?", "kiosks", ("Studio",)),
        ("How many tickets did we sell yesterday at the Rex?", "sales", ("Rex",)),
        ("Which kiosks sell slower than usual?", "kiosks", ("slower", "usual")),
        ("What is our revenue?", "nothing", ("What", "is", "our", "revenue")),
    ],
)
def test_what_is_not_understood_is_named(text: str, kind: str, leftover: tuple[str, ...]) -> None:
    asked = understand(text, NAMES)
    assert (asked.kind, asked.leftover) == (kind, leftover)


@pytest.mark.parametrize("wording", [ENGLISH, GERMAN], ids=["English", "German"])
def test_every_example_is_understood_without_a_rest(wording: Any) -> None:
    for example in wording.examples:
        asked = understand(example, NAMES)
        assert asked.kind not in ("nothing", "help"), example
        assert asked.leftover == (), example


def facts(words: Any) -> Any:
    """The names in braces of every text, in the same places as the texts."""
    if isinstance(words, dict):
        return {name: facts(text) for name, text in words.items()}
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def test_both_languages_have_the_same_sentences_and_say_the_same_facts_in_each() -> None:
    english, german = (
        {name: facts(text) for name, text in asdict(words).items() if name not in OWN} for words in (ENGLISH, GERMAN)
    )
    assert german == english
    assert [len(words.examples) for words in (ENGLISH, GERMAN)] == [6, 6]
    assert [(len(words.weekdays), len(words.months)) for words in (ENGLISH, GERMAN)] == [(7, 12), (7, 12)]


def paced(title: str, percent: int, usual: int | None, earlier: int, judgement: Any) -> Paced:
    return Paced(
        title=title, theatre="Rex", hall="Studio", starts="2026-12-04 20:00", minutes_left=3000, percent_sold=percent,
        usual_percent=usual, earlier=earlier, judgement=judgement,
    )  # fmt: skip


def test_a_comparison_says_with_how_many_it_compares_what_usual_means_and_what_it_leaves_out() -> None:
    found = Paces(
        showtimes=(
            paced("Dune", 10, 40, 7, "slower"),
            paced("Up", 41, 40, 9, "usual"),
            paced("It", 5, None, 2, "too_few"),
        ),
        more=True,
    )
    text = Wording(ENGLISH).paces(Question(kind="pace", meant="slower"), found)
    assert text.splitlines() == [
        "Slower than usual: 1. Showtimes that can be compared: 2.",
        "– Dune (Studio, Rex, Fri 4 Dec, 20:00), in 2 days: 10 % sold; usually 40 % by then (showtimes compared: 7).",
        "Left out, because fewer than 3 earlier showtimes can be compared: 1.",
        "There are more, which are not shown here.",
        "Usual is the median of up to 12 earlier showtimes of the same hall and weekday in the last 26 weeks, as long "
        "before their start. Slower is less than three quarters of that, faster more than five quarters.",
    ]
    only_new = Paces(showtimes=(paced("It", 5, None, 2, "too_few"),), more=False)
    assert Wording(GERMAN).paces(Question(kind="pace", meant="slower"), only_new) == (
        "Was üblich ist, kann ich noch nicht sagen: Dazu braucht es 3 frühere Vorstellungen desselben Saals und "
        "Wochentags, die so lange vor ihrem Beginn im Verkauf waren."
    )


def test_only_kiosks_that_need_somebody_are_listed_with_what_is_wrong() -> None:
    well = KioskState(
        name="Lobby 1", theatre="Rex", locked=False, away=False, asks_for_help=False, card_reader="ok", printer="ok"
    )
    ill = KioskState(
        name="Lobby 2", theatre="Rex", locked=False, away=False, asks_for_help=True, card_reader="away", printer="out"
    )
    assert Wording(ENGLISH).kiosks([ill, well]) == (
        "Kiosks that are well: 1 of 2.\n– Lobby 2 (Rex): somebody asks for help, card reader away, out of paper"
    )


def test_trouble_with_servers_is_told_and_so_is_that_figures_are_not_whole() -> None:
    health = Health(
        servers=2, silent=0, shutting_down=0, database_away=1, redis_away=2, feed_lost=0, rooms_behind=0, visitors=7,
        rooms=1, whole=False,
    )  # fmt: skip
    assert Wording(ENGLISH).health(health).splitlines() == [
        "Not everything is working. Servers: 2.",
        "– The database does not answer: 1.",
        "– Redis does not answer: 2.",
        "Visitors: 7. Halls with visitors: 1.",
        "Redis does not answer, so this is one server’s figures only.",
    ]
