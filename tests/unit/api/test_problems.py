"""Everything that goes wrong becomes a problem document, and no bug shows its text."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import msgspec
import pytest
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seatserver.api.shared.problems import bad_form, exception_handlers, problem_of
from seatserver.errors import BadRequest, NotFound, SeatsRefused, Unauthorized, Unavailable


def body(response: Response) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(bytes(response.body))
    return decoded


def test_an_error_becomes_a_problem_document() -> None:
    response = problem_of(SeatsRefused({3: "sold", 2: "held"}), "POST /bookings")
    assert (response.status_code, response.headers["content-type"]) == (409, "application/problem+json")
    assert body(response) == {
        "type": "urn:problem-type:seatserver:seats_refused",
        "title": "Seats refused",
        "status": 409,
        "detail": "refused: 2 held, 3 sold",
        "code": "seats_refused",
        "retryable": False,
        "facts": {"seats": [[2, "held"], [3, "sold"]]},
    }


def test_a_retryable_problem_says_when_to_retry() -> None:
    assert problem_of(Unavailable("Redis"), "GET /").headers["retry-after"] == "1"
    assert "retry-after" not in problem_of(NotFound("booking", "x"), "GET /").headers


def test_a_refused_token_names_the_authentication_scheme() -> None:
    assert problem_of(Unauthorized("expired"), "GET /").headers["www-authenticate"] == "Bearer"


def test_a_bug_is_logged_and_its_text_is_not_shown() -> None:
    with structlog.testing.capture_logs() as logged:
        response = problem_of(RuntimeError("password is hunter2"), "GET /x")
    assert (response.status_code, body(response)["code"]) == (500, "internal")
    assert b"hunter2" not in bytes(response.body)
    assert [(line["log_level"], line["request"]) for line in logged] == [("error", "GET /x")]


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    n: Annotated[int, msgspec.Meta(ge=1)]


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: tuple[Inner, ...] = ()
    prices: dict[str, int] = {}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ('{"name": 1}', "name"),
        ("{}", "name"),
        ('{"name": "a", "x": 1}', "x"),
        ('{"name": "a", "inner": [{"n": 1}, {"n": 0}]}', "inner[1].n"),
        ('{"name": "a", "inner": [{"n": 1, "y": 2}]}', "inner[0].y"),
        ('{"name": "a", "prices": {"k": "v"}}', "prices[...]"),
        ("[]", ""),
        ("{", ""),
    ],
)
def test_an_invalid_document_names_the_field(document: str, where: str) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(document, type=Outer)
    error = bad_form(caught.value)
    assert isinstance(error, BadRequest)
    assert error.facts == {"where": where}
    assert "$" not in error.message


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "it ends too early"),
        (b'{"name": "a"', "it ends too early"),
        (b"{'name': 1}", "(byte 1)"),
        (b'{"name": "\xff"}', "it is not UTF-8"),
    ],
)
def test_invalid_json_is_reported_with_the_position(document: bytes, why: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)) as caught:
        msgspec.json.decode(document, type=Outer)
    assert bad_form(caught.value).message.startswith("the body is not valid JSON: ")
    assert bad_form(caught.value).message.endswith(why)


async def test_starlettes_errors_become_problem_documents_too() -> None:
    async def fail(request: Request) -> Response:
        raise {"teapot": HTTPException(418, "short and stout"), "bug": RuntimeError("x"), "away": Unavailable("Redis")}[
            request.path_params["how"]
        ]

    app = Starlette(routes=[Route("/fail/{how}", fail)], exception_handlers=exception_handlers())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        for method, path, status, code in (
            ("GET", "/nowhere", 404, "not_found"),
            ("DELETE", "/fail/x", 405, "method_not_allowed"),
            ("GET", "/fail/teapot", 418, "http"),
            ("GET", "/fail/bug", 500, "internal"),
            ("GET", "/fail/away", 503, "unavailable"),
        ):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Expected `int`, got `str` - at `$.name`", "Expected `int`, got `str` - at `name`"),
        (
            "A future release says this otherwise - at `$.inner[1].n`",
            "Does not have the documented form - at `inner[1].n`",
        ),
        ("A later release says it differently", "Does not have the documented form"),
    ],
)
def test_unknown_sentences_of_msgspec_are_replaced_and_keep_the_place(said: str, told: str) -> None:
    assert bad_form(msgspec.ValidationError(said)).message == told


@pytest.mark.parametrize(
    "error",
    [
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        msgspec.DecodeError("Invalid UTF-8 encoded string"),
    ],
)
def test_invalid_utf_8_is_always_reported_in_the_same_words(error: Exception) -> None:
    assert bad_form(error).message == "the body is not valid JSON: it is not UTF-8"
