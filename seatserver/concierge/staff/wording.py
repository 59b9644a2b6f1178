"""Makes sentences of the figures, in one language. Lists are lines of plain text. A `Vocabulary` has the words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatserver.bookings.sales import LEAST_EARLIER, LOOKED_BACK, MOST_EARLIER
from seatserver.concierge.staff.figures import Health, KioskState, Paced, Paces, Refusals, SalesNow, Showing, Showings
from seatserver.concierge.staff.questions import Question
from seatserver.errors import SeatServerError

MOST_LINES = 10
MOST_PERIODS = 31
LINE = "\n– "


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of one language. A name in braces stands for a fact; every language names the same facts."""

    weekdays: Sequence[str]
    months: Sequence[str]
    day: str
    day_and_time: str
    minutes: str
    hours: str
    days: str
    where: str
    quoted: str
    not_understood: str
    nothing: str
    help: str
    examples: Sequence[str]
    more: str
    not_whole: str

    no_showtimes: str
    showtimes: str
    showing: str
    not_on_sale: str

    slower: str
    faster: str
    all_paces: str
    none_slower: str
    none_faster: str
    paced: str
    too_few: str
    nothing_to_compare: str
    usual_is: str

    sold_hours: str
    sold_days: str
    period: str

    refused: str
    none_refused: str
    reasons: Mapping[str, str]
    reason: str
    errors: str
    over_limits: str

    no_kiosks: str
    kiosks_are_well: str
    kiosk: str
    kiosk_states: Mapping[str, str]

    all_is_well: str
    something_is_wrong: str
    troubles: Mapping[str, str]
    visitors: str

    failures: Mapping[str, str]
    failed: str


class Wording:
    """The sentences of one language."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words

    def help(self) -> str:
        """What can be asked."""
        return self._words.help + _lines(self._words.examples)

    def nothing(self) -> str:
        """No question was understood."""
        return self._words.nothing + _lines(self._words.examples)

    def not_understood(self, leftover: Sequence[str]) -> str:
        """These words were not understood; empty if there are none."""
        quoted = ", ".join(self._words.quoted.format(word=word) for word in leftover)
        return self._words.not_understood.format(quoted=quoted) if leftover else ""

    def failure(self, error: SeatServerError) -> str:
        """Why something could not be told."""
        return self._words.failures.get(error.code, self._words.failed)

    # ------------------------------------------------------------ figures

    def showtimes(self, found: Showings) -> str:
        """How many places are sold, held and free."""
        words = self._words
        if not found.showtimes:
            return words.no_showtimes
        listed = _lines(map(self._showing, found.showtimes))
        return words.showtimes + listed + (f"\n{words.more}" if found.more else "")

    def _showing(self, one: Showing) -> str:
        words = self._words
        text = words.showing.format(
            what=self._what(one), left=self._left(one.minutes_left), sold=one.sold, places=one.places,
            percent=one.percent_sold, held=one.held, free=one.free,
        )  # fmt: skip
        return text if one.on_sale else f"{text} {words.not_on_sale}"

    def paces(self, asked: Question, found: Paces) -> str:
        """Which showtimes sell slower or faster than usual, compared with how many, and of which nobody can tell."""
        words = self._words
        told = [one for one in found.showtimes if one.usual_percent is not None]
        unknown = [one for one in found.showtimes if one.usual_percent is None]
        if not found.showtimes:
            return words.no_showtimes
        meant = [one for one in told if asked.meant in ("all", one.judgement)]
        if asked.meant == "faster":
            meant.reverse()
        heads = {"slower": words.slower, "faster": words.faster, "all": words.all_paces}
        none = {"slower": words.none_slower, "faster": words.none_faster, "all": ""}
        parts = []
        if not told:
            parts.append(words.nothing_to_compare.format(least=LEAST_EARLIER))
        elif meant:
            head = heads[asked.meant].format(count=len(meant), all=len(told))
            parts.append(head + _lines(map(self._paced, meant[:MOST_LINES])))
        else:
            parts.append(none[asked.meant].format(all=len(told)))
        if told and unknown:
            parts.append(words.too_few.format(count=len(unknown), least=LEAST_EARLIER))
        if found.more or len(meant) > MOST_LINES:
            parts.append(words.more)
        if told:
            parts.append(words.usual_is.format(most=MOST_EARLIER, weeks=LOOKED_BACK.days // 7))
        return "\n".join(parts)

    def _paced(self, one: Paced) -> str:
        return self._words.paced.format(
            what=self._what(one), left=self._left(one.minutes_left), percent=one.percent_sold,
            usual=one.usual_percent, earlier=one.earlier,
        )  # fmt: skip

    def sold(self, found: SalesNow) -> str:
        """What was booked, in all and by hour or day."""
        words = self._words
        head = (words.sold_hours if found.unit == "hour" else words.sold_days).format(
            count=found.count, tickets=found.tickets, bookings=found.bookings, zone=found.timezone
        )
        if found.count == 1:
            return head
        shown = found.periods[-MOST_PERIODS:]
        listed = _lines(
            words.period.format(
                when=self._moment(datetime.fromisoformat(one.begins), has_time=found.unit == "hour"),
                tickets=one.tickets,
                bookings=one.bookings,
            )
            for one in shown
        )
        return head + listed + (f"\n{words.more}" if len(shown) < len(found.periods) else "")

    def refusals(self, found: Refusals) -> str:
        """What was refused in the last minute."""
        words = self._words
        places, errors, over = (sum(some.values()) for some in (found.places, found.errors, found.over_limits))
        if not (places or errors or over):
            return self._with_whole(words.none_refused.format(seconds=found.seconds), whole=found.whole)
        reasons = (
            words.reason.format(reason=words.reasons.get(reason, reason.replace("_", " ")), count=count)
            for reason, count in list(found.places.items())[:MOST_LINES]
        )
        text = words.refused.format(seconds=found.seconds, count=places) + _lines(reasons)
        text += f"\n{words.errors.format(count=errors)}" if errors else ""
        text += f"\n{words.over_limits.format(count=over, networks=found.pushing_networks)}" if over else ""
        return self._with_whole(text, whole=found.whole)

    def kiosks(self, found: Sequence[KioskState]) -> str:
        """Which kiosks somebody should look after."""
        words = self._words
        if not found:
            return words.no_kiosks
        ill = [one for one in found if not one.is_well]
        head = words.kiosks_are_well.format(well=len(found) - len(ill), all=len(found))
        listed = (
            words.kiosk.format(name=one.name, theatre=one.theatre, state=", ".join(self._troubles(one)))
            for one in ill[:MOST_LINES]
        )
        return head + _lines(listed) + (f"\n{words.more}" if len(ill) > MOST_LINES else "")

    def _troubles(self, kiosk: KioskState) -> list[str]:
        states = self._words.kiosk_states
        found = {"help": kiosk.asks_for_help, "away": kiosk.away, "locked": kiosk.locked}
        named = [name for name, is_so in found.items() if is_so]
        named += [f"reader_{kiosk.card_reader}", f"printer_{kiosk.printer}"]
        return [states[name] for name in named if name in states]

    def health(self, found: Health) -> str:
        """What is wrong with the servers, if anything."""
        words = self._words
        counts = {name: getattr(found, name) for name in words.troubles}
        wrong = [words.troubles[name].format(count=count) for name, count in counts.items() if count]
        head = words.something_is_wrong if wrong else words.all_is_well
        text = head.format(servers=found.servers) + _lines(wrong)
        return self._with_whole(
            f"{text}\n{words.visitors.format(visitors=found.visitors, rooms=found.rooms)}", whole=found.whole
        )

    # ------------------------------------------------------------ parts of sentences

    def _with_whole(self, text: str, *, whole: bool) -> str:
        return text if whole else f"{text}\n{self._words.not_whole}"

    def _what(self, one: Showing | Paced) -> str:
        starts = self._moment(datetime.fromisoformat(one.starts), has_time=True)
        return self._words.where.format(title=one.title, hall=one.hall, theatre=one.theatre, starts=starts)

    def _moment(self, moment: datetime, *, has_time: bool) -> str:
        words = self._words
        form = words.day_and_time if has_time else words.day
        return form.format(
            weekday=words.weekdays[moment.weekday()],
            day=moment.day,
            month=words.months[moment.month - 1],
            time=f"{moment:%H:%M}",
        )

    def _left(self, minutes: int) -> str:
        words = self._words
        if minutes < 60:
            return words.minutes.format(minutes=minutes)
        hours, rest = divmod(minutes, 60)
        return words.hours.format(hours=hours, minutes=rest) if hours < 48 else words.days.format(days=hours // 24)


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{LINE}{text}" for text in texts)
