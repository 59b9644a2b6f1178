"""Numbers and times are written for whoever looks, whatever the page and the browser say of the language."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.javascript import NODE, STATIC


def locale(lang: str, *languages: str) -> str:
    """The locale in which a page in ``lang`` is written for a browser whose user prefers ``languages``."""
    module = (STATIC / "picker" / "format.js").as_uri()
    program = f"""
        Object.defineProperty(globalThis, "navigator", {{ value: {{ languages: {json.dumps(languages)} }} }});
        const {{ Format }} = await import({json.dumps(module)});
        const format = new Format({json.dumps(lang)});
        format.money(1400, "EUR");
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
