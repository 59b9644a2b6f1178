"""Amounts of money as people write them."""

from __future__ import annotations

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF"}


def money(minor: int, currency: str, digits: int, *, comma: bool) -> str:
    """An amount with its currency: ``€48.90``, or ``48,90 €`` where the decimal sign is a ``comma``."""
    whole, rest = divmod(minor, 10**digits)
    sign = SYMBOLS.get(currency, currency)
    if comma:
        number = f"{whole:,}".replace(",", ".") + (f",{rest:0{digits}}" if digits else "")
        return f"{number} {sign}"
    number = f"{whole:,}" + (f".{rest:0{digits}}" if digits else "")
    return f"{sign}{number}" if len(sign) == 1 else f"{sign} {number}"
