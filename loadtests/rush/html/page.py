"""The page itself: the verdict first, then what a board wants to see, then every figure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from loadtests import report
from loadtests.rush import latency, text
from loadtests.rush.html import plots
from loadtests.rush.html.film import film
from loadtests.rush.result import Result
from loadtests.rush.verdict import Word
from seatserver.seatmaps.model import SeatMap

FOLDER = Path(__file__).parent
HEADINGS: dict[Word, str] = {
    "passed": "Passed",
    "missed": "A threshold was missed",
    "saturated": "No verdict: the generator was the bottleneck",
    "wrong": "Wrong",
    "interrupted": "Interrupted",
    "part": "One part of a run: merge judges all of them",
}
METHOD = (
    "Corrected latencies count from the moment at which a request was due, raw ones from when it was sent. A server "
    "that stands still delays everything that is due meanwhile, which raw latencies do not show. The oracle compares "
    "the receipts of all buyers, every map at every version, the server’s own account and, where it could be reached, "
    "Postgres."
)


def page(result: Result) -> str:
    """The whole report. It loads nothing from anywhere."""
    title = escape(f"{result.scenario.title}: {HEADINGS[result.verdict.word]}")
    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("report.css", "film.js"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main>{_head(result)}{_verdict(result)}{_tiles(result)}"
        f"{_film(result)}{_plots(result)}{_tables(result)}"
        f'<p class="method">{METHOD}</p></main><script>{script}</script></body></html>\n'
    )


def _head(result: Result) -> str:
    facts = (
        f"{result.people:,} people · seed {result.seed} · {result.started} · {result.notes.lasted_s:.0f} s · "
        f"{result.server}"
    )
    return (
        f'<h1>{escape(result.scenario.title)}</h1><p class="question">{escape(result.scenario.question)}</p>'
        f'<p class="facts">{escape(facts)}</p>'
    )


def _verdict(result: Result) -> str:
    word = result.verdict.word
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in text.reasons(result))
    said = "" if word != "passed" else "<br>Nothing is wrong, and every threshold was reached."
    return (
        f'<section class="verdict {word}"><strong>{HEADINGS[word]}</strong>{said}'
        f"{f'<ul>{reasons}</ul>' if reasons else ''}</section>"
    )


def _tiles(result: Result) -> str:
    noted = result.notes
    wrong = {one.code: one.count for one in result.verdict.wrong}
    held = noted.times.corrected.get("hold") or noted.times.corrected.get("best")
    p99 = latency.summary(held)["p99_ms"] if held is not None else None
    disagreeing = wrong.get("maps", 0) + wrong.get("endings", 0) + wrong.get("behind", 0)
    figures = (
        ("People", f"{sum(noted.people.values()):,}"),
        ("Sockets open at once", f"{noted.sockets_most:,}"),
        ("Places sold", f"{noted.sold:,}"),
        ("Sold twice", f"{wrong.get('sold_twice', 0):,}"),
        ("Maps that disagree", f"{disagreeing:,}"),
        ("Hold, p99", "–" if p99 is None else f"{p99:,.0f} ms"),
    )
    return f'<dl class="tiles">{"".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures)}</dl>'


def _film(result: Result) -> str:
    played = film(result.hall, result.notes.frames, result.notes.lasted_s)
    if not played:
        return ""
    return _card(f"How {escape(result.hall.name)} filled up", _seen_by(result.hall), played)


def _seen_by(hall: SeatMap) -> str:
    places = hall.place_count - len(hall.seats)
    unseen = f" {places:,} places without a number are not drawn." if places else ""
    return f"The first showtime, as a viewer saw it.{unseen}"


def _plots(result: Result) -> str:
    noted = result.notes
    times = noted.times
    both = [
        (f"{verb}{name}", which[verb])
        for verb in ("hold", "best")
        if verb in times.corrected
        for name, which in (("", times.corrected), (", raw", times.raw))
    ]
    cards = [
        _card("Arrivals and answers", "What came in and what was answered, a second.", plots.arrivals(noted)),
        _card("Latency over time", "Corrected, of all requests.", plots.over_time(noted)),
    ]
    if both:
        caption = "Corrected beside raw. Where they part, people waited before they could even ask."
        cards.append(_card("Latency of the unlucky", caption, plots.tails(both)))
    if times.seen.decode().get_total_count():
        caption = "From the first screen that showed a change to each of the others."
        cards.append(_card("Changes on all screens", caption, plots.tails([("change seen", times.seen)])))
    if noted.refusals or noted.errors:
        counts = {**noted.refusals, **{f"error: {code}": count for code, count in noted.errors.items()}}
        cards.append(_card("Refused, by reason", "Refused seats, and searches that found nothing.", plots.bars(counts)))
    said = "" if plots.has_server_figures(noted) else " The server did not say what it used."
    cards.append(_card("Cores used", f"1 is one core, always busy.{said}", plots.machines(noted)))
    if drawn := plots.memory(noted):
        cards.append(_card("The server’s memory", "Resident, in MiB.", drawn))
    return f'<div class="grid">{"".join(cards)}</div>'


def _card(heading: str, caption: str, content: str) -> str:
    figure = f"<figure><h2>{heading}</h2><figcaption>{caption}</figcaption>{content}</figure>"
    return f'<section class="card">{figure}</section>'


def _tables(result: Result) -> str:
    heads = ["Milliseconds", "Count", "p50", "p50 raw", "p99", "p99 raw", "Max", "Max raw"]
    latencies = _table(heads, text.latencies(result))
    counts = _table(["Counted", ""], [list(row) for row in text.counts(result)])
    return (
        f'<section class="card"><h2>All latencies</h2><div class="scroll">{latencies}</div></section>'
        f'<section class="card counts"><h2>All counts</h2><div class="scroll">{counts}</div></section>'
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(report.cell(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
