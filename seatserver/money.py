"""Currencies, as ISO 4217 has them: which are money that somebody can pay with, and how many minor digits they have.

The table is the standard's own, as data of the package ``iso4217``. It is the only one: amounts travel in minor units
beside their currency's digits, and whoever shows them (pages, clients, terminal) divides by those. Browsers and other
libraries take their digits from CLDR instead, which leaves out digits that people do not use in cash, so that they
would show 290000 fillér as 290,000 forints.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import iso4217

USUAL_DIGITS = 2
UNITS_OF_ACCOUNT = {"XAD", "UYW"}
"""The Arab Accounting Dinar and Uruguay's pension unit. The standard does not mark them as what they are."""


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
"""What a showtime may be sold in: code → minor digits.

Left out are codes without a minor unit (XXX for none, XTS for tests, metals, bond market units) and funds such as CLF
or UYI: those are index units, worth something else every day, and no card or till takes them; prices are set in the
money that is paid (CLP, UYU).
"""


def digits_of(currency: str) -> int:
    """Minor digits of any code: also of one that was stored before it was withdrawn, or before it was refused."""
    return _DIGITS.get(currency, USUAL_DIGITS)
