"""Currencies by ISO 4217: which of them people can pay with, and how many minor digits they have.

The table is the standard's own, taken from the package ``iso4217``, and the only one in the system. Amounts are sent in
minor units together with their currency's digits; pages, clients and the terminal divide by these. Browsers and other
libraries use CLDR's digits instead, which omit digits not used in cash: they would show 290000 fillér as 290,000
forints.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import iso4217

USUAL_DIGITS = 2
UNITS_OF_ACCOUNT = {"XAD", "UYW"}
"""The Arab Accounting Dinar and Uruguay's pension unit, which the standard does not mark as units of account."""


def _read() -> tuple[dict[str, int], set[str]]:
    digits, not_paid = {}, set(UNITS_OF_ACCOUNT)
    for entry in iso4217.raw_xml.iterfind("CcyTbl/CcyNtry"):
        code, units, name = entry.findtext("Ccy"), entry.findtext("CcyMnrUnts", ""), entry.find("CcyNm")
        if code is None or not units.strip().isdigit():
            continue  # no currency at all; or gold, bond units, test codes: "N.A."
        digits[code.strip()] = int(units)
        if name is not None and name.get("IsFund") == "true":
            not_paid.add(code.strip())
    return digits, not_paid


_DIGITS, _NOT_PAID = _read()

CURRENCIES: Mapping[str, int] = MappingProxyType(
    {code: digits for code, digits in sorted(_DIGITS.items()) if code not in _NOT_PAID}
)
"""The currencies a showtime may be sold in: code → minor digits.

Codes without a minor unit are left out (XXX for none, XTS for tests, metals, bond market units), and so are funds such
as CLF or UYI: these are index units whose value changes daily, and no card or till accepts them. Prices are set in the
currency that is paid (CLP, UYU).
"""


def digits_of(currency: str) -> int:
    """The minor digits of any code, even one stored before it was withdrawn or refused."""
    return _DIGITS.get(currency, USUAL_DIGITS)
