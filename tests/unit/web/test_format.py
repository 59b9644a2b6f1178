"""Amounts have the digits that the server knows of a currency; how else they are written is in texts.test.mjs."""

from __future__ import annotations

import json

from seatserver.money import digits_of
from tests.javascript import WEB, printed


def amounts(lang: str, *priced: tuple[int, str, int | None]) -> list[str]:
    """What a page in ``lang`` shows for each amount, with the spaces that do not break as plain ones."""
    module = (WEB / "shared" / "format.js").as_uri()
    told = [{"minor": minor, "currency": code, "currency_digits": digits} for minor, code, digits in priced]
    program = f"""
        Object.defineProperty(globalThis, "navigator", {{ value: {{ languages: [] }} }});
        const {{ Format }} = await import({json.dumps(module)});
        const format = new Format({json.dumps(lang)});
        const told = JSON.parse({json.dumps(json.dumps(told))});
        const text = told.map(({{ minor, currency, currency_digits: digits }}) =>
          format.money(minor, {{ currency, currency_digits: digits ?? undefined }}));
        console.log(JSON.stringify(text));
    """
    shown: list[str] = printed(program)
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown]


CODES = ("HUF", "IDR", "PKR", "COP", "RSD", "ALL", "LAK", "MMK", "LBP", "IQD", "JPY", "KWD", "EUR")


def test_money_has_the_servers_decimals_whatever_the_browser_knows() -> None:
    shown = amounts("en", *((290_000, code, digits_of(code)) for code in CODES))
    expected = {0: "290,000", 2: "2,900.00", 3: "290.000"}
    assert [text.removeprefix(code).lstrip("¥€₹$ ") for text, code in zip(shown, CODES, strict=True)] == [
        expected[digits_of(code)] for code in CODES
    ]
