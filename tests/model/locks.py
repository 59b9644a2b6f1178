"""Two baskets that share seats, written by two transactions: the order of the seats decides whether they can deadlock.

Each transaction locks the rows of its seats one after the other and releases all of them at its end, as in Postgres.
`deadlocks` explores every interleaving.
"""

from __future__ import annotations

from collections.abc import Sequence


def deadlocks(baskets: Sequence[Sequence[int]]) -> bool:
    """Whether some interleaving ends with transactions that wait for each other."""
    start = (0,) * len(baskets)
    seen, queue = {start}, [start]
    while queue:
        progress = queue.pop()
        following = [_after(progress, which) for which in range(len(baskets)) if _may_go_on(baskets, progress, which)]
        if not following and any(done <= len(basket) for done, basket in zip(progress, baskets, strict=True)):
            return True
        for state in following:
            if state not in seen:
                seen.add(state)
                queue.append(state)
    return False


def _after(progress: tuple[int, ...], which: int) -> tuple[int, ...]:
    return tuple(done + (at == which) for at, done in enumerate(progress))


def _may_go_on(baskets: Sequence[Sequence[int]], progress: tuple[int, ...], which: int) -> bool:
    """A transaction locks its next seat if nobody has it; with all of them it commits, one step further."""
    done, basket = progress[which], baskets[which]
    if done >= len(basket):
        return done == len(basket)
    held = {
        seat
        for other, (theirs, steps) in enumerate(zip(baskets, progress, strict=True))
        if other != which and steps <= len(theirs)
        for seat in theirs[:steps]
    }
    return basket[done] not in held
