"""The currencies are those of ISO 4217 in which somebody can pay, with the standard's own minor digits."""

from __future__ import annotations

import pytest

from seatserver.money import CURRENCIES, digits_of

# ISO 4217, list one. Browsers know other digits for all but the first four, and not the same ones.
DIGITS = {
    "EUR": 2, "JPY": 0, "KWD": 3, "ISK": 0,
    "HUF": 2, "IDR": 2, "PKR": 2, "COP": 2, "RSD": 2, "ALL": 2, "LAK": 2, "MMK": 2, "LBP": 2, "IQD": 3,
    "IRR": 2, "SYP": 2, "YER": 2, "SOS": 2, "KPW": 2, "MGA": 2, "AFN": 2, "UZS": 2, "TZS": 2, "CRC": 2,
    "UGX": 0, "CLP": 0, "PYG": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0, "TND": 3, "BHD": 3, "OMR": 3,
}  # fmt: skip


@pytest.mark.parametrize(("currency", "digits"), DIGITS.items())
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert (CURRENCIES[currency], digits_of(currency)) == (digits, digits)


@pytest.mark.parametrize(
    "code", ["XXX", "XTS", "ZZZ", "XAU", "XBA", "XBD", "XDR", "XSU", "XUA", "XAD", "CLF", "UYI", "UYW", "USN", "CHE"]
)
def test_codes_that_nobody_pays_with_are_refused(code: str) -> None:
    assert code not in CURRENCIES


def test_codes_stored_earlier_still_have_their_decimals() -> None:
    assert [digits_of(code) for code in ("CLF", "UYI", "XXX", "ZZZ", "HRK")] == [4, 0, 2, 2, 2]
