"""A party that cannot sit in one run: the kindest way to seat it in several parts near each other.

The search is an exact branch and bound over **sets of parts** that are chained (`neighbours`) and seat the whole party:

* Every set has a **main part** (`score`). Once that is fixed, the rest of the cost is a sum over seats: what the seat
  costs by itself, and how far it is from the middle of the main part. So the search begins at the main part and adds
  part after part, each near one that is there already. A part that was tried is not tried again in that branch, so
  every chained set is found once.
* A branch is dropped if its **bound** is no better than the best set so far. The bound is the cost of what it has, plus
  the price of every further part, plus, for every person without a seat, the least that any seat can cost near this
  main part or in the hall, plus `LONELY` for everybody who must sit alone because the rest of the party cannot be made
  of pairs. `LONELY` is more than all other costs together: fewest alone comes first, then the cost.
* Main parts are tried by their bound, smallest first: sizes, then windows. Most are never looked at.
* Stretches that lead to fewer seats than the party needs are left out at once.

After `WORK` steps (some milliseconds) the best set so far is good enough. Only parties of more than six need that many,
in large halls with nothing left but single seats and pairs. If nothing has been found by then, the search tries once
more where the rarest stretches are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from heapq import heapify, heappop
from itertools import accumulate, compress
from typing import NamedTuple

from seatserver.seatmaps.search.neighbours import CELL, Span, neighbours_of
from seatserver.seatmaps.search.score import PART, Field, Weights
from seatserver.seatmaps.search.windows import FreeMask

WORK = 3_000
LISTED = 50
"""How many windows are listed in one step."""
RAREST = 32
"""Around how many windows of the rarest size the second attempt searches."""
LONELY = 1e8
"""What a person alone costs inside the search."""


class Plan(NamedTuple):
    """What is searched for.

    ``allows`` says whether a set that may still grow has the right kinds of seats so far. ``accept`` is asked about a
    set that would be the best so far: it returns what the set costs in addition, in pitches for the whole party, or
    None if the rules refuse it. ``wheels`` is the mask of the wheelchair places, for a party that needs ``wheelchairs``
    of them. ``begins`` and ``ends`` say what a window costs for beginning and for ending at a spot, as multiples of
    ``edge_price``.
    """

    size: int
    weights: Weights
    accept: Callable[[list[Span]], float | None]
    allows: Callable[[list[Span]], bool] | None = None
    wheels: bytes = b""
    wheelchairs: int = 0
    begins: bytes = b""
    ends: bytes = b""
    edge_price: float = 0.0
    work: int = WORK


Window = tuple[float, float, Span]
"""A window that could be the next part: its cost per person, which is the order they are tried in, its cost, itself."""


def best_split(mask: FreeMask, field: Field, plan: Plan, *, below: float = math.inf) -> tuple[float, list[Span]] | None:
    """The best set of two or more chained parts with its total (all costs for the whole party, `LONELY` included).

    None if there is no such set with a total ``below`` that.
    """
    search = _Search(mask, field, plan, below)
    search.run()
    return (search.best, search.found) if search.found else None


class _Search:
    """One search. All costs are for the whole party, not per person."""

    def __init__(self, mask: FreeMask, field: Field, plan: Plan, below: float) -> None:
        self.mask, self.field, self.plan = mask, field, plan
        self.around = neighbours_of(mask.seat_map)
        self.part_price = plan.size * plan.weights.together * PART
        # Large parts are tried first, even for a party that does not mind being split: it would end up in single seats.
        self.try_price = plan.size * max(1.0, plan.weights.together) * PART
        self.work = plan.work
        self.best, self.found = below, list[Span]()
        self.sizes = [size for size in range(1, plan.size) if 1 in mask.starts(size)]
        self.fewest_alone = _fewest_alone(self.sizes, plan.size)
        self.cheapest = min(compress(field.costs, mask.free), default=math.inf)
        self.near_by: dict[int, list[Span]] = {}
        self.alone_from: dict[tuple[int, bool], float] = {}
        self.wheels = [spot for spot in compress(range(len(plan.wheels)), plan.wheels) if mask.free[spot]]
        # The main part that is being tried: itself; its rank; what each free seat around it costs beside it, cheapest
        # first; the sums of these; the least that any farther seat costs; the fewest people alone; by stretch, the sums
        # of what its seats cost.
        self.main: Span = (0, 0)
        self.rank = (0, 0)
        self.about: list[tuple[float, int]] = []
        self.least: list[float] = []
        self.farther = 0.0
        self.alone: float = 0
        self.sums: dict[int, list[float]] = {}

    def run(self) -> None:
        if sum(self.mask.free) < self.plan.size or len(self.wheels) < self.plan.wheelchairs:
            return
        self._sweep(None)
        if self.work <= 0 and not self.found:
            # Perhaps every way needs a part of a rare size: search where such parts are.
            self.work = self.plan.work // 2
            self._sweep(self._about_the_rarest())

    def _sweep(self, places: Collection[int] | None) -> None:
        """Try all main parts, or those that begin at one of ``places``."""
        for bound, size in sorted((self._bound(size), -size) for size in self.sizes):
            if bound >= self.best:
                break
            self._try_main_parts(-size, places)

    def _about_the_rarest(self) -> set[int]:
        """The spots around the best windows of the size that the hall has the fewest of."""
        windows = {size: self.mask.windows(size, self.field.sums) for size in self.sizes}
        size = min(self.sizes, key=lambda size: len(windows[size]))
        middles = [self.around.middle((first, first + size)) for _, first in sorted(windows[size])[:RAREST]]
        return {spot for x, y in middles for spot in self.around.about(x, y)}

    def _bound(self, size: int) -> float:
        """The least that a set with a main part of ``size`` can cost."""
        rest, alone = self.plan.size - size, LONELY * (size == 1)
        return alone + self._price(rest, self._largest(size)) + self.plan.size * self.cheapest

    def _largest(self, size: int) -> int:
        """The largest part beside a main part of ``size``."""
        return self.plan.size - 1 if self.plan.wheelchairs else size

    def _price(self, rest: int, largest: int, alone: float = 0) -> float:
        """The least that ``rest`` more people cost for their parts of at most ``largest`` and for being alone.

        ``alone``: how many of them are known to be alone, at least.
        """
        fewest = self.fewest_alone[largest][rest]
        return self.part_price * -(-rest // largest) + LONELY * (alone if alone > fewest else fewest)

    def _try_main_parts(self, size: int, places: Collection[int] | None) -> None:
        plan = self.plan
        others = self._bound(size) - size * self.cheapest
        mains = self.mask.windows(size, self.field.sums, below=self.best - others, holding=plan.wheels)
        self.work -= len(self.mask.free) // LISTED
        if places is not None:
            mains = [main for main in mains if main[1] in places]
        if plan.edge_price:
            mains = [(cost + self._edges(first, size), first) for cost, first in mains]
        heapify(mains)
        while mains and self.work > 0:
            cost, first = heappop(mains)
            if others + cost >= self.best:
                return
            self.work -= 1
            main = first, first + size
            if plan.allows is None or plan.allows([main]):
                self._try(main, cost)

    def _edges(self, first: int, size: int) -> float:
        return self.plan.edge_price * (self.plan.begins[first] + self.plan.ends[first + size - 1])

    def _try(self, main: Span, cost: float) -> None:
        """All sets with this main part, which costs so much by itself."""
        size = main[1] - main[0]
        rest, together, field = self.plan.size - size, self.plan.weights.together, self.field
        x, y = self.around.middle(main)
        # For each pitch away from the main part a seat costs at most `slope` less, and its spread `together` more.
        steep = together >= field.slope
        least = max(self.cheapest, field.floor(x, y)) if steep else self.cheapest
        base = cost + LONELY * (size == 1)
        price = base + self._price(rest, self._largest(size))
        if price + rest * least >= self.best or not self._has_near(main, rest):
            return
        self.alone = self._alone_around(main)
        price += LONELY * max(0, self.alone - (size == 1) - self.fewest_alone[self._largest(size)][rest])
        if price + rest * least >= self.best:
            return
        farther = self.cheapest + together * CELL
        self.farther = max(farther, field.floor(x, y) + (together - field.slope) * CELL) if steep else farther
        self._look_about(main, x, y)
        if price + self._least_of(rest, ()) < self.best:
            self.main, self.rank, self.sums = main, self._rank(main), {}
            self._grow([main], rest, base, [], set())

    def _has_near(self, main: Span, rest: int) -> bool:
        """Whether there may be a next part near a main part: a quick test."""
        masks = [(size, self.mask.starts(size)) for size in self.sizes if size <= rest]
        return any(
            starts.find(1, max(0, low - size + 1), high) >= 0
            for low, high, _ in self._places_near(main)
            for size, starts in masks
        )

    def _look_about(self, main: Span, x: float, y: float) -> None:
        free, xs, ys, costs = self.mask.free, self.around.xs, self.around.ys, self.field.costs
        self.work -= 20
        first, end = main
        together, hypot = self.plan.weights.together, math.hypot
        self.about = sorted(
            [
                (costs[spot] + together * hypot(xs[spot] - x, ys[spot] - y), spot)
                for spot in self.around.about(x, y)
                if free[spot] and not first <= spot < end
            ]
        )
        nearest = [min(cost, self.farther) for cost, _ in self.about[: self.plan.size]]
        nearest += [self.farther] * (self.plan.size - len(nearest))
        self.least = list(accumulate(nearest, initial=0.0))

    def _least_of(self, rest: int, parts: Collection[Span]) -> float:
        """The least that seats for ``rest`` more people can cost, given the main part and other ``parts``."""
        total, missing = 0.0, rest
        taken = {spot for part in parts for spot in range(*part)}
        for cost, spot in self.about:
            if not missing or cost >= self.farther:
                break
            if spot not in taken:
                total += cost
                missing -= 1
        return total + missing * self.farther

    def _rank(self, part: Span) -> tuple[int, int]:
        """What makes a part the main part: no other part has a higher rank."""
        first, end = part
        return sum(self.plan.wheels[first:end]), end - first

    def _grow(self, parts: list[Span], rest: int, base: float, frontier: list[Window], seen: set[Span]) -> None:
        """Complete ``parts``, which cost ``base``, for ``rest`` more people in every way that may be the best.

        ``frontier``: windows near an earlier part that may still be tried; ``seen``: all windows that were ever in it.
        """
        largest = min(rest, self._largest(self.main[1] - self.main[0]))
        least = base + self._least_of(rest, parts)
        alone = self.alone - base // LONELY
        if least + self._price(rest, largest, alone) >= self.best:
            return
        # If two more parts cost too much, only a part that completes the party may be next; else any size may.
        sizes = [rest] if rest == largest else []
        if least + 2 * self.part_price + LONELY * max(alone, self.fewest_alone[largest][rest]) < self.best:
            sizes = [size for size in self.sizes if size <= largest]
        new = [window for window in self._near(parts[-1], sizes) if window[2] not in seen]
        frontier = sorted(frontier + new)
        seen = seen.union([part for _, _, part in new])
        too_dear: set[int] = set()
        for number, (_, cost, part) in enumerate(frontier):
            first, end = part
            size = end - first
            left = rest - size
            if left < 0 or size in too_dear:
                continue
            self.work -= 1
            if self.work <= 0:
                return
            total = base + cost + self.part_price + LONELY * (size == 1)
            if total + self._price(left, largest, alone - (size == 1)) + self.least[left] >= self.best:
                # So do those behind it, which cost more.
                too_dear.add(size)
                continue
            # Parts that touch would be one part.
            if any([first <= other_end and other_first <= end for other_first, other_end in parts]):
                continue
            more = [*parts, part]
            if self.plan.allows is not None and not self.plan.allows(more):
                continue
            if left:
                self._grow(more, left, total, frontier[number + 1 :], seen)
            else:
                extra = self.plan.accept(more)
                if extra is not None and total + extra < self.best:
                    self.best, self.found = total + extra, more

    def _near(self, part: Span, sizes: list[int]) -> list[Window]:
        """The windows of these sizes near a part, except those that rank above the main part."""
        found: list[Window] = []
        masks = [(size, self.mask.starts(size)) for size in sizes]
        for low, high, deep in self._places_near(part) if sizes else ():
            for size, starts in masks:
                first = starts.find(1, max(0, low - size + 1), high)
                while first >= 0:
                    window = first, first + size
                    if not (self.plan.wheelchairs and self._rank(window) > self.rank) and not (
                        deep and not self.around.are_near(part, window)
                    ):
                        cost = self._cost(first, size)
                        if self.plan.edge_price:
                            cost += self._edges(first, size)
                        found.append(((cost + self.try_price + LONELY * (size == 1)) / size, cost, window))
                    first = starts.find(1, first + 1, high)
        self.work -= len(found)
        return found

    def _places_near(self, part: Span) -> Iterator[tuple[int, int, bool]]:
        yield from self.around.around(part)
        if self.plan.wheelchairs > 1 and 1 in self.plan.wheels[part[0] : part[1]]:
            yield from ((spot, spot + 1, False) for spot in self.wheels)

    def _cost(self, first: int, size: int) -> float:
        """What a window costs beside the main part."""
        start, stop = self.mask.stretch(first)
        if start not in self.sums:
            (x, y), together = self.around.middle(self.main), self.plan.weights.together
            xs, ys = self.around.xs[start:stop], self.around.ys[start:stop]
            costs = [
                cost + together * math.hypot(seat_x - x, seat_y - y)
                for cost, seat_x, seat_y in zip(self.field.costs[start:stop], xs, ys, strict=True)
            ]
            self.sums[start] = list(accumulate(costs, initial=0.0))
        sums = self.sums[start]
        return sums[first - start + size] - sums[first - start]

    def _alone_around(self, main: Span) -> float:
        """The fewest people who sit alone if this is the main part; inf: it reaches too few seats."""
        if self.plan.wheelchairs > 1:
            return 0
        stretch = self.mask.stretch(main[0])
        # If the main part is one person, everybody is alone: it is enough to know that there are seats.
        key = stretch[0], main[1] - main[0] == 1
        if key not in self.alone_from:
            self.alone_from[key] = self._count_alone(stretch, all_alone=key[1])
        return self.alone_from[key]

    def _count_alone(self, first: Span, *, all_alone: bool) -> float:
        # Parts fit in stretches of two or more. Single seats lead from one such stretch to the next, each with somebody
        # alone. So with `alone` of them, everybody else sits in stretches that as many single seats lead to.
        size, seats, singles, alone = self.plan.size, 0, 0, 0
        known, now, later = {first[0]}, [first], list[Span]()
        while now or later:
            if not now:
                alone, now, later = alone + 1, later, []
            stretch = now.pop()
            if stretch[1] - stretch[0] > 1:
                seats += stretch[1] - stretch[0]
            else:
                singles += 1
            if seats + (singles if all_alone else alone) >= size or LONELY * alone >= self.best:
                return alone
            for other in self._stretches_near(stretch):
                if other[0] not in known:
                    known.add(other[0])
                    (now if other[1] - other[0] > 1 else later).append(other)
        return size - seats if seats + singles >= size else math.inf

    def _stretches_near(self, stretch: Span) -> list[Span]:
        if stretch[0] not in self.near_by:
            self.work -= 8
            self.near_by[stretch[0]] = [
                other for low, high, _ in self.around.around(stretch) for other in self.mask.stretches(low, high)
            ]
        return self.near_by[stretch[0]]


def _fewest_alone(sizes: list[int], count: int) -> list[list[float]]:
    """How many people must sit alone, as ``[largest][people]``, in parts of these sizes up to ``largest``.

    inf: there is no way.
    """
    fewest = [0.0] + [math.inf] * count
    table = [fewest]
    for largest in range(1, count + 1):
        if largest in sizes:
            fewest = fewest[:]
            for people in range(largest, count + 1):
                fewest[people] = min(fewest[people], fewest[people - largest] + (largest == 1))
        table.append(fewest)
    return table
