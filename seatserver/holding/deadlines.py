"""Where two rules set a deadline, which of them wins.

A deadline that a buyer was told is kept. Nothing makes it earlier afterwards, except that the house may take a seat back
(`blocked`), and then the buyer is told. Anything that could end a hold early is considered when the hold is made.

| a deadline | meets | what happens |
| --- | --- | --- |
| a hold's | the end of the sale | A hold made before the end lasts until its deadline and may be booked until then. No deadline is later than `SEATSERVER_HOLD_MS` after the end, which is what a hold made at the last moment gets. |
| an extension | the end of the sale | Extends up to that same moment, before the end of the sale and after it. `latest_deadline_ms` in the answer says how far extensions reach. |
| an extension | the hold's total age | Extends up to that age (`SEATSERVER_HOLD_TOTAL_MS`), then changes nothing. |
| a hold that replaces another | the end of the sale | After the end it may keep some or all of what the old one has, with other ticket types too. One more seat is refused (`not_on_sale`), and the old hold stays. |
| a repeated request | the end of the sale | Gets the first answer again while its hold lives, because that answer may have been lost. |
| a hold's | a change of the sale's times | As at the end of the sale: what is held stays held and may be booked. |
| a hold's | the start of the show | Nothing. Only the end of the sale counts, which may be before or after the start. |
| a hold's | a house rule whose time comes | Judged when the hold is made, not again when it is booked. |
| a hold's | the release of allocated seats | The channel's buyer keeps and books what was held before. |
| a hold's | the end of a guest's token | If guests cannot renew their token, no deadline is later than its end, because they could not come back to the hold. Everybody else gets a new token, so its end does not count. |
| a hold's | the checkout | A booking that begins before the deadline has a full `SEATSERVER_CHECKOUT_MS` to be written. No hold lives longer than that past its last deadline. |
| a payment's (`expires_at_ms`) | the end of the sale, the start of the show | Nothing. A buyer who began to pay in time has the full `SEATSERVER_CLAIM_MS`. |
| a payment's | the hold's | The hold is over once it is booked, so only the payment's deadline counts. |
"""  # noqa: E501  # a table: one row a line

from __future__ import annotations

from seatserver.catalog.showtime import Showtime
from seatserver.errors import NotOnSale
from seatserver.seats.model import HeldSeats


def latest_deadline_ms(showtime: Showtime, hold_ms: int, until_ms: int) -> int:
    """The latest deadline for a hold of the showtime, for a buyer who can come back to it until ``until_ms``."""
    return min(showtime.sale_ends_at_ms + hold_ms, until_ms)


def reach_ms(held: HeldSeats, latest_ms: int) -> int:
    """How far extensions can move the hold's deadline, if the buyer asks for each of them in time."""
    return max(held.deadline_ms, min(held.total_age_ends_ms, latest_ms))


def over_for_more(showtime: Showtime, now_ms: int, *, has_basket: bool) -> NotOnSale | None:
    """None while the sale is on. After its end, the error for taking more seats; a basket may still be changed.

    Raises `NotOnSale` if there is no basket, or if the sale has not begun.
    """
    try:
        showtime.check_on_sale(now_ms)
    except NotOnSale as over:
        if has_basket and now_ms >= showtime.sale_ends_at_ms:
            return over
        raise
    return None
