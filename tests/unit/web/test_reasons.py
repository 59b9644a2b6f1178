"""Whatever the server refuses, a visitor reads why in the language of the page, never in the server's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from seatserver import errors
from seatserver.api.shared.problems import CODES_OF_STATUS
from seatserver.wire.closing import Close
from tests.javascript import WEB, printed

LANGUAGES = ("en", "de")
NEVER_SENT = (errors.ConfigError, errors.StartError, errors.NotThereYet)
"""They end a start, before anybody can ask."""

PROGRAM = """
    Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-IE"] } });
    console.info = () => {};
    const [home, codes, closes, languages] = JSON.parse(process.argv[1]);
    const { CODES, CLOSES } = await import(`${home}/shared/reasons/codes.js`);
    const { Words } = await import(`${home}/seat-map/words.js`);
    const { Answers } = await import(`${home}/seat-map/basket/answers.js`);
    const said = {};
    for (const lang of languages) {
      const words = new Words(lang);
      const venue = { layout: { seats: [{}] }, names: () => "A-1", ticketName: (key) => key, when: String };
      const answers = new Answers(words, venue, () => 0);
      const { default: own } = await import(`${home}/pages/shared/words/${lang}.js`);
      const ofCode = (code) => (code in CODES ? words.whyFailed({ code, message: "server's" }) : null);
      const ofClose = (code) => (code in CLOSES ? words.whyStopped({ stoppedBy: "server", closeCode: code }) : null);
      const refusal = { retry_at_ms: [[0, 1]] };
      const limits = { seats_per_user: 6 };
      const refused = (reason) => answers.refusal({ ...refusal, seats: [[0, reason]] }, limits);
      const facts = { rule: "", only_with: ["adult"], ticket: "child", place: 0, at_most: 1, per_companion: 1 };
      said[lang] = {
        codes: Object.fromEntries(codes.map((code) => [code, ofCode(code)])),
        failures: Object.fromEntries(
          codes.map((code) => [code, answers.failure({ code, message: "server's", facts: { ...facts, count: 2 } })]),
        ),
        closes: Object.fromEntries(closes.map((code) => [code, ofClose(code)])),
        pages: Object.fromEntries(codes.map((code) => [code, own[CODES[code]] ?? null])),
        unknown: words.whyFailed({ code: "of_a_newer_server", message: "server's" }),
        silence: words.whyFailed({ message: "<html>", status: 502 }),
        refused: Object.fromEntries(%s.map((reason) => [reason, refused(reason)])),
      };
    }
    console.log(JSON.stringify(said));
"""


def known_errors(kind: type[errors.SeatServerError] = errors.SeatServerError) -> Iterator[type[errors.SeatServerError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from known_errors(one)


def codes() -> list[str]:
    """What REST and the socket may say, and what the client itself says of a command."""
    sent = {kind.code for kind in known_errors() if kind.__module__ == errors.__name__ and kind not in NEVER_SENT}
    client = "\n".join(path.read_text() for path in [*WEB.glob("seat-map/client/*.js"), WEB / "seatmap-client.js"])
    own = set(re.findall(r'CommandError\("(\w+)"', client)) | set(re.findall(r'#end\([^,]+, "(\w+)"', client))
    return sorted(sent | own | set(CODES_OF_STATUS.values()) | {"http"})


CLOSES = {code.name: int(code) for code in Close}
REFUSALS = get_args(errors.Refusal)


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, Any]]:
    """What visitors read, by language."""
    asked = json.dumps([WEB.as_uri(), codes(), list(CLOSES.values()), LANGUAGES])
    found: dict[str, dict[str, Any]] = printed(PROGRAM % json.dumps(REFUSALS), asked)
    return found


def test_the_error_codes_are_found() -> None:
    assert {"internal", "unavailable", "booking_state", "origin_refused", "late", "closed", "http"} <= set(codes())
    assert "config" not in codes()


@pytest.mark.parametrize("code", codes())
def test_every_error_code_has_a_text_in_every_language(said: dict[str, dict[str, Any]], code: str) -> None:
    for part in ("codes", "failures", "pages"):
        english, german = (said[language][part][code] for language in LANGUAGES)
        assert german not in (None, english), f"{code} has no German"
        assert "server's" not in english + german


@pytest.mark.parametrize("name", CLOSES)
def test_every_close_code_has_a_text_in_every_language(said: dict[str, dict[str, Any]], name: str) -> None:
    english, german = (said[language]["closes"][str(CLOSES[name])] for language in LANGUAGES)
    assert german not in (None, english), f"{name} has no German"


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_reason_for_refusing_a_seat_has_a_text_of_its_own(said: dict[str, dict[str, Any]], reason: str) -> None:
    english, german = (said[language]["refused"][reason] for language in LANGUAGES)
    assert german != english, f"{reason} has no German"
    # Of areas alone, which have a sentence of their own.
    general = {language: said[language]["refused"]["full"] for language in LANGUAGES}
    assert reason == "full" or german != general["de"], f"{reason} has no German"


def test_an_unknown_code_gets_a_general_text(said: dict[str, dict[str, Any]]) -> None:
    assert said["de"]["unknown"] == "Etwas ist schiefgegangen. Bitte versuchen Sie es gleich noch einmal"
    assert said["en"]["unknown"] == "something went wrong. Please try again in a moment"


def test_a_proxy_error_is_shown_as_a_server_that_does_not_answer(said: dict[str, dict[str, Any]]) -> None:
    assert said["de"]["silence"] == "Der Server antwortet nicht"
