"""Numbers and times are written for whoever looks, whatever the page and the browser say of the language."""

from __future__ import annotations

import json
import subprocess

import pytest

from seatserver.money import digits_of
from tests.javascript import NODE, WEB


def locale(lang: str, *languages: str) -> str:
    """The locale in which a page in ``lang`` is written for a browser whose user prefers ``languages``."""
    module = (WEB / "shared" / "format.js").as_uri()
    program = f"""
        Object.defineProperty(globalThis, "navigator", {{ value: {{ languages: {json.dumps(languages)} }} }});
        const {{ Format }} = await import({json.dumps(module)});
        const format = new Format({json.dumps(lang)});
        format.money(1400, {{ currency: "EUR", currency_digits: 2 }});
        console.log(format.locale);
    """
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("lang", "languages", "written"),
    [
        ("en", ("en-IE", "en-US"), "en-IE"),
        ("de", ("en-IE",), "de"),
        ("not a language", ("en-IE",), "en"),
        ("en", ("en-US@posix", "en-IE"), "en-IE"),
        ("en", ("en-US@posix",), "en"),
    ],
)
def test_what_is_no_language_tag_is_passed_over(lang: str, languages: tuple[str, ...], written: str) -> None:
    # Chromium names languages like the second last where the system's locale has a variant.
    assert locale(lang, *languages) == written


@pytest.mark.parametrize(
    ("lang", "languages", "written"),
    [
        ("en", ("de-DE", "de", "en-US", "en"), "en-DE"),  # as Chromium says it in Germany: English there has no "PM"
        ("en", ("de", "en-US", "en"), "en-DE"),  # as Firefox does
        ("fr", ("en-CA",), "fr-CA"),
        ("en", ("en", "en-IE"), "en-IE"),
        ("en-US", ("de-DE",), "en-US"),  # a page that means a place
        ("de", ("en-US", "de-AT"), "de-AT"),  # nobody knows how German is written there
        ("de", (), "de"),
    ],
)
def test_a_language_is_written_as_where_the_visitor_lives(lang: str, languages: tuple[str, ...], written: str) -> None:
    assert locale(lang, *languages) == written


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
    done = subprocess.run([NODE, "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shown: list[str] = json.loads(done.stdout)
    return [text.replace("\N{NO-BREAK SPACE}", " ") for text in shown]


CODES = ("HUF", "IDR", "PKR", "COP", "RSD", "ALL", "LAK", "MMK", "LBP", "IQD", "JPY", "KWD", "EUR")


def test_money_has_the_digits_that_the_server_tells_whatever_the_browser_knows() -> None:
    shown = amounts("en", *((290_000, code, digits_of(code)) for code in CODES))
    expected = {0: "290,000", 2: "2,900.00", 3: "290.000"}
    assert [text.removeprefix(code).lstrip("¥€₹$ ") for text, code in zip(shown, CODES, strict=True)] == [
        expected[digits_of(code)] for code in CODES
    ]


def test_money_of_no_two_three_and_four_digits_is_written_as_people_there_write_it() -> None:
    priced = ((1_234_567, "JPY", 0), (1_234_567, "HUF", 2), (1_234_567, "KWD", 3), (1_234_567, "CLF", 4))
    assert amounts("en", *priced) == ["¥1,234,567", "HUF 12,345.67", "KWD 1,234.567", "CLF 123.4567"]
    assert amounts("de", *priced) == ["1.234.567 ¥", "12.345,67 HUF", "1.234,567 KWD", "123,4567 CLF"]
    assert amounts("en", (0, "HUF", 2), (5, "KWD", 3), (-5, "EUR", 2)) == ["HUF 0.00", "KWD 0.005", "-€0.05"]


def test_the_largest_amounts_lose_no_cent() -> None:
    assert amounts("en", (1_000_000_000_001, "HUF", 2)) == ["HUF 10,000,000,000.01"]


def test_codes_that_are_no_money_are_shown_as_they_were_stored() -> None:
    assert amounts("en", (1400, "XXX", 2), (1400, "ZZZ", 2)) == ["¤14.00", "ZZZ 14.00"]


def test_an_older_server_that_tells_no_digits_is_read_as_before() -> None:
    assert amounts("en", (1400, "EUR", None), (1400, "JPY", None)) == ["€14.00", "¥1,400"]
