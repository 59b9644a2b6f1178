"""The two documents: equal to the code, sound in themselves, with examples that a program could send."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from seatserver.api import documents
from seatserver.api.asyncapi import CLOSE_CODES, EVENTS, REPLIES, asyncapi, close_codes
from seatserver.api.examples import examples
from seatserver.api.openapi import openapi
from seatserver.api.shared.endpoint import AnyDocument
from seatserver.api.table import ENDPOINTS
from seatserver.wire import messages

DOCUMENTS = {"openapi": openapi(), "asyncapi": asyncapi()}


@pytest.mark.parametrize("file", [documents.OPENAPI_FILE, documents.ASYNCAPI_FILE], ids=lambda file: file.name)
def test_the_committed_document_is_what_the_code_says(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == documents.generated()[file], (
        f"{file.name} has drifted: run `python -m seatserver.api.documents` and look at the difference"
    )


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_reference_leads_somewhere(name: str) -> None:
    for reference in references(DOCUMENTS[name]):
        node: Any = DOCUMENTS[name]
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_schema_is_a_schema_and_its_example_fits(name: str) -> None:
    document = DOCUMENTS[name]
    for schema_name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
        for example in schema.get("examples", ()):
            validator.validate(example), schema_name


def test_every_body_answer_and_message_has_an_example() -> None:
    wanted: set[Any] = {endpoint.answer for endpoint in ENDPOINTS} | {endpoint.body for endpoint in ENDPOINTS}
    wanted -= {None, str, AnyDocument}
    wanted |= {*get_args(messages.ClientMessage), *get_args(messages.ServerMessage)}
    assert wanted <= examples().keys()


@pytest.mark.parametrize("kind", examples(), ids=lambda kind: kind.__name__)
def test_every_example_is_read_back_as_it_was_written(kind: type[msgspec.Struct]) -> None:
    example = examples()[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=kind) == example


@pytest.mark.parametrize("kind", get_args(messages.ClientMessage), ids=lambda kind: kind.__name__)
def test_example_commands_are_understood_in_both_encodings(kind: type[msgspec.Struct]) -> None:
    example = examples()[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=messages.ClientMessage) == example
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(example), type=messages.ClientMessage) == example


def test_operations_have_names_of_their_own() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)


def test_no_two_endpoints_answer_the_same() -> None:
    answered = [(endpoint.method, endpoint.path) for endpoint in ENDPOINTS]
    assert len(set(answered)) == len(answered)


def test_writes_need_a_token() -> None:
    only_answer = {"quote_tickets"}
    open_writes = [one.name for one in ENDPOINTS if one.method != "GET" and one.scope is None]
    assert set(open_writes) - only_answer == {"make_guest", "renew_guest"}


def test_the_key_of_a_booking_only_reads() -> None:
    by_key = [one for one in ENDPOINTS if one.takes_key]
    assert {one.name for one in by_key} == {"get_booking", "get_admission", "draw_admission", "get_calendar"}
    for one in by_key:
        operation = DOCUMENTS["openapi"]["paths"][one.path][one.method.lower()]
        assert (one.method, operation["security"]) == ("GET", [{"bearer": []}, {"booking": []}])


def test_every_close_code_is_explained_and_lies_in_its_range() -> None:
    assert close_codes().keys() == CLOSE_CODES.keys()
    for name, code in close_codes().items():
        assert code in (1009, 1011, 1012) or 4000 <= code < 4300, name


def test_every_message_has_its_place_in_an_operation() -> None:
    assert set(REPLIES) == set(get_args(messages.ClientMessage))
    said = {answer for answers in REPLIES.values() for answer in answers} | set(EVENTS)
    assert said == set(get_args(messages.ServerMessage))
