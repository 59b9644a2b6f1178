"""Every deadline that two rules set, and which of them wins.

A deadline that somebody was told is kept: nothing that happens later makes it earlier, except that the house takes a
seat back (`blocked`), and its owner is told of that. What could make a promise empty is counted in when it is made.

| a deadline | meets | what happens |
| --- | --- | --- |
| a hold's | the end of the sale | A hold that was made before the end is good until its deadline, and may be booked until then. No deadline is later than the end and one `SEATSERVER_HOLD_MS`: what a hold of the last moment gets. |
| an extension | the end of the sale | Lengthens up to the same moment, before the end and after it. `latest_deadline_ms` in the answer says how far extensions reach. |
| an extension | the hold's total age | Lengthens up to the age (`SEATSERVER_HOLD_TOTAL_MS`), then changes nothing. |
| a hold that replaces another | the end of the sale | After the end it may keep what the old one has, all or less, with other tickets. A seat more is refused (`not_on_sale`), and the old hold stays. |
| a repeated request | the end of the sale | Answered as the first time while its hold lives: the first answer may have been lost. |
| a hold's | a change of the sale's times | As at the end of the sale: what is held stays, and is booked. |
| a hold's | the start of the show | Nothing: only the sale's own end counts, which may be before the show or after its start. |
| a hold's | a house rule whose time comes | Judged when the hold is made, not again when it is booked. |
| a hold's | the release of allocated seats | The channel's buyer keeps and books what was held before. |
| a hold's | the end of a guest's token | Where guests cannot renew it, no deadline is later: there is no way back to the hold. Everybody else comes back with a fresh token, so its end does not count. |
| a hold's | the checkout | A booking that begins before the deadline has a whole `SEATSERVER_CHECKOUT_MS` to be written, and no hold lives longer than that past its last deadline. |
| a payment's (`expires_at_ms`) | the end of the sale, the start of the show | Nothing: who began to pay in time has the whole `SEATSERVER_CLAIM_MS`. |
| a payment's | the hold's | The booking has left the hold behind: only the payment's counts. |

This module is pure.
"""  # noqa: E501  # a table: one row a line

from __future__ import annotations

from seatserver.catalog.showtime import Showtime
from seatserver.errors import NotOnSale
from seatserver.seats.store import HeldSeats


def latest_deadline_ms(showtime: Showtime, hold_ms: int, until_ms: int) -> int:
    """Past this no hold of the showtime is promised to somebody whose right to it ends at ``until_ms``."""
    return min(showtime.sale_ends_at_ms + hold_ms, until_ms)


def reach_ms(held: HeldSeats, latest_ms: int) -> int:
    """How far extensions can bring the hold's deadline, which is no promise yet: they have to be asked for in time."""
    return max(held.deadline_ms, min(held.oldest_ms, latest_ms))


def over_for_more(showtime: Showtime, now_ms: int, *, has_basket: bool) -> NotOnSale | None:
    """None while the sale is on; after its end why a basket takes nothing more, though it may be changed otherwise.

    Raises `NotOnSale` where there is no basket, or no sale yet.
    """
    try:
        showtime.check_on_sale(now_ms)
    except NotOnSale as over:
        if has_basket and now_ms >= showtime.sale_ends_at_ms:
            return over
        raise
    return None
