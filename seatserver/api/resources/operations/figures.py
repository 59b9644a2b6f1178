"""The reports of all instances as one, and the demand in one hall as digits. No I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import nlargest

import msgspec

from seatserver.api.resources.operations.schemas import (
    HOTTEST,
    Asking,
    HouseNow,
    Instance,
    Lag,
    ModelSpent,
    RoomNow,
    WantedPlaces,
)
from seatserver.api.views.counts import counts_of
from seatserver.api.views.seats import label_of
from seatserver.operations.instance_reports import ReceivedReport, RoomDemand, RoomReport, marks_of
from seatserver.seatmaps.model import SeatMap
from seatserver.times import moment_of

LEVELS = 9
HOT = 12.0
"""The demand that counts as the hottest even where no seat is hotter, so that one click does not heat up a hall."""


def house_now(
    heard: Sequence[ReceivedReport],
    *,
    at_ms: int,
    whole: bool,
    rooms: int,
    spent: tuple[int, int] | None = None,
    asking: Asking | None = None,
) -> HouseNow:
    """The reports as one. Silent processes are listed but not counted.

    ``spent`` are the tokens that the language model has taken today, and what they cost in millionths of a cent;
    ``asking`` is how staff may ask about the figures, if they may.
    """
    reports = [one.report for one in heard if not one.silent]
    return HouseNow(
        at_ms=at_ms,
        whole=whole,
        viewers=sum(report.viewers for report in reports),
        rooms=len(set().union(*(marks_of(report.rooms) for report in reports))),
        holds_per_s=round(sum(report.holds_per_s for report in reports), 2),
        bookings=_sum(report.bookings for report in reports),
        refusals=_sum(report.refusals for report in reports),
        errors=_sum(report.errors for report in reports),
        turned_away=_sum(report.turned_away for report in reports),
        pushing=_sum(report.pushing for report in reports),
        propagation=lag(report.propagation for report in reports),
        expiry=lag(report.expiry for report in reports),
        instances=tuple(map(_instance, heard)),
        showtimes=tuple(_rooms([room for report in reports for room in report.showtimes], rooms)),
        model=None if spent is None else ModelSpent(tokens=spent[0], cents=round(spent[1] / 1e6, 2)),
        asking=asking,
    )


def lag(histograms: Iterable[Sequence[tuple[float, int]]]) -> Lag:
    """The delays of several processes as one. Each gives a histogram of (upper bound in seconds, count)."""
    counts: Counter[float] = Counter()
    for histogram in histograms:
        counts.update(dict(histogram))
    bounds = sorted(counts)
    count = counts.total()
    if not count:
        return Lag(count=0, half_ms=None, most_ms=None)

    def bound(share: float) -> float:
        seen, longest = 0, 0.0
        for one in bounds:
            seen += counts[one]
            longest = one if math.isfinite(one) else longest
            if seen >= share * count:
                break
        return round(longest * 1000, 3)

    return Lag(count=count, half_ms=bound(0.5), most_ms=bound(0.95))


def levels(demand: RoomDemand, seats: int) -> str:
    """One digit for each numbered seat: how much it is in demand."""
    hottest_of_all = max((wanted for wanted, _, _ in demand.values()), default=0.0)
    scale = LEVELS / math.log1p(max(hottest_of_all, HOT))
    digits = ["0"] * seats
    for place, (wanted, _, _) in demand.items():
        if place < seats:
            digits[place] = str(min(LEVELS, math.ceil(scale * math.log1p(wanted))))
    return "".join(digits)


def hottest(demand: RoomDemand, seat_map: SeatMap) -> tuple[WantedPlaces, ...]:
    """The seats and general areas most in demand."""
    by_label: dict[str, tuple[float, int, int]] = {}
    for place, (wanted, held, refused) in demand.items():
        if place >= seat_map.place_count:
            continue  # of an earlier layout of this showtime
        label = label_of(seat_map, place)
        before = by_label.get(label, (0.0, 0, 0))
        by_label[label] = (before[0] + wanted, before[1] + held, before[2] + refused)
    first = nlargest(HOTTEST, by_label.items(), key=lambda item: (item[1][0], item[0]))
    return tuple(WantedPlaces(label=label, held=held, refused=refused) for label, (_, held, refused) in first)


def _instance(heard: ReceivedReport) -> Instance:
    report = heard.report
    return Instance(
        id=report.id,
        name=report.name,
        release=report.release,
        started_at_ms=report.started_ms,
        heard_ms_ago=heard.age_ms,
        silent=heard.silent,
        draining=report.draining,
        viewers=report.viewers,
        rooms=len(marks_of(report.rooms)),
        catching_up=report.catching_up,
        loop=lag([report.loop]),
        postgres_ms=_rounded(report.postgres_ms),
        redis_ms=_rounded(report.redis_ms),
        feed=report.feed,
    )


def _rooms(reports: Sequence[RoomReport], most: int) -> list[RoomNow]:
    """Each room once, as several processes report it; the busiest first."""
    found: dict[str, RoomReport] = {}
    for room in reports:
        known = found.get(room.showtime_id)
        if known is not None:
            # The report with the newest version knows the places best.
            newer, older = sorted((known, room), key=lambda one: (one.catching_up, -one.version))
            room = msgspec.structs.replace(
                newer,
                viewers=newer.viewers + older.viewers,
                holds=newer.holds + older.holds,
                refused=newer.refused + older.refused,
                catching_up=newer.catching_up or older.catching_up,
            )
        found[room.showtime_id] = room
    busiest = nlargest(most, found.values(), key=lambda one: (one.holds + one.refused, one.viewers, -one.starts_at_ms))
    return [
        RoomNow(
            showtime_id=room.showtime_id,
            title=room.title,
            theatre_name=room.theatre_name,
            auditorium_name=room.auditorium_name,
            starts_at=moment_of(room.starts_at_ms),
            viewers=room.viewers,
            holds=room.holds,
            refused=room.refused,
            places=counts_of(Counter(dict(enumerate(room.states)))),
            catching_up=room.catching_up,
        )
        for room in busiest
    ]


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total.most_common())


def _rounded(took_ms: float | None) -> float | None:
    return None if took_ms is None else round(took_ms, 1)
