"""Theatres, auditoriums and showtimes as values, and the checks that need no database.

`ShowtimeDraft` is what an administrator submits, `ShowtimeEntry` is a row of a listing, and `Showtime` is an entry with
its hall. Times are milliseconds since the epoch, money is in the currency's minor unit, seats are indexes of the
layout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from seatserver.errors import BadRequest, NotOnSale
from seatserver.misfits import misfit
from seatserver.pricing.tariff import Quote, Tariff, quote
from seatserver.seatmaps.model import SeatMap
from seatserver.seatmaps.rules.model import Rules

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
MAX_TITLE = 200
MAX_ADDRESS = 300
EARLIEST_MS = 946_684_800_000  # 2000-01-01
LATEST_MS = 7_258_118_400_000  # 2200-01-01


class Theatre(msgspec.Struct, frozen=True, kw_only=True):
    """A building; ``timezone`` is an IANA name, ``address`` is one line as on an envelope, or empty."""

    id: str
    name: str
    timezone: str
    address: str = ""


class Auditorium(msgspec.Struct, frozen=True, kw_only=True):
    """A hall of a theatre. Each showtime's layout says which seats it has."""

    id: str
    theatre_id: str
    name: str


class ShowtimeDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A showtime as an administrator submits it."""

    id: str
    auditorium_id: str
    layout_hash: str
    title: str
    starts_at_ms: int
    on_sale_at_ms: int
    sale_ends_at_ms: int
    tariff: Tariff
    rules: Rules = Rules()
    poster_hash: str | None = None

    def validate(self, seat_map: SeatMap, *, keeps_currency: bool = False) -> None:
        """Raise `BadRequest`, naming the first field that contradicts the layout or another field.

        ``keeps_currency`` says that the showtime is already stored with its currency; see `Tariff.validate`.
        """
        check_id("id", self.id)
        check_text("title", self.title)
        for name in ("starts_at", "on_sale_at", "sale_ends_at"):
            if not EARLIEST_MS <= getattr(self, f"{name}_ms") < LATEST_MS:
                raise BadRequest(f"{name} is outside the years 2000 to 2199", name)
        if self.on_sale_at_ms >= self.sale_ends_at_ms:
            raise BadRequest("sale_ends_at is not after on_sale_at", "sale_ends_at")
        if self.on_sale_at_ms > self.starts_at_ms:
            raise BadRequest("on_sale_at is after starts_at", "on_sale_at")
        self.tariff.validate(seat_map, keeps_currency=keeps_currency)
        _check_rules(self.rules)


class ShowtimeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A showtime without its hall: a row of a listing."""

    id: str
    title: str
    theatre_id: str
    theatre_name: str
    theatre_address: str = ""
    auditorium_id: str
    auditorium_name: str
    starts_at_ms: int
    on_sale_at_ms: int
    sale_ends_at_ms: int
    tariff: Tariff
    rules: Rules
    layout_hash: str
    poster_hash: str | None = None

    @property
    def currency(self) -> str:
        """ISO 4217 code of every amount here."""
        return self.tariff.currency


class Showtime(ShowtimeEntry, frozen=True, kw_only=True):
    """A showtime with its hall."""

    seat_map: SeatMap

    def quote(self, tickets: Sequence[tuple[int, str | None]]) -> Quote:
        """The price of these tickets. Raises what `pricing.tariff.quote` raises."""
        return quote(self.tariff, self.seat_map, tickets)

    def check_on_sale(self, now_ms: int) -> None:
        """Raise `NotOnSale` outside ``on_sale_at_ms <= now_ms < sale_ends_at_ms``."""
        problem = ""
        if now_ms < self.on_sale_at_ms:
            problem = "the sale has not begun yet"
        elif now_ms >= self.sale_ends_at_ms:
            problem = "the sale has ended"
        if problem:
            raise NotOnSale(problem, self.on_sale_at_ms, self.sale_ends_at_ms)


def is_id(identifier: str) -> bool:
    """Whether this is a valid identifier."""
    # fullmatch, because `$` alone would let a final line break pass.
    return re.fullmatch(ID_PATTERN, identifier) is not None


def check_id(where: str, identifier: str) -> None:
    """Raise `BadRequest` unless it is a valid identifier."""
    if not is_id(identifier):
        raise BadRequest(
            f"{where} is {identifier[:80]!r}: expected 1 to 64 letters, digits, '-' or '_', a letter or digit first",
            where,
        )


def check_text(where: str, text: str) -> None:
    """Raise `BadRequest` for a name or title that is empty, too long, or could mislead its readers."""
    # Line breaks, terminal codes and marks that change the writing direction are not printable.
    if not text.strip() or len(text) > MAX_TITLE or not text.isprintable():
        raise BadRequest(f"{where} must have 1 to {MAX_TITLE} printable characters", where)


def check_address(where: str, text: str) -> None:
    """Raise `BadRequest` for an address that is too long or could mislead its readers. It may be empty."""
    if len(text) > MAX_ADDRESS or not text.isprintable():
        raise BadRequest(f"{where} must be one line of at most {MAX_ADDRESS} printable characters", where)


def _check_rules(rules: Rules) -> None:
    # The bounds are in the fields' types, which only decoding checks.
    try:
        msgspec.convert(msgspec.to_builtins(rules), Rules)
    except msgspec.ValidationError as error:
        place, problem, _ = misfit(error)
        where = f"rules.{place}" if place else "rules"
        raise BadRequest(f"{where}: {problem}", "rules") from None
