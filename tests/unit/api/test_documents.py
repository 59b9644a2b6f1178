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
from seatserver.api.interface import EXAMPLES
from seatserver.api.openapi import openapi
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


def test_every_message_has_an_example() -> None:
    assert examples().keys() == {*get_args(messages.ClientMessage), *get_args(messages.ServerMessage)}


ALL_EXAMPLES = {**EXAMPLES, **examples()}


@pytest.mark.parametrize("kind", ALL_EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_example_is_read_back_as_it_was_written(kind: type[msgspec.Struct]) -> None:
    example = ALL_EXAMPLES[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=kind) == example


@pytest.mark.parametrize("kind", get_args(messages.ClientMessage), ids=lambda kind: kind.__name__)
def test_example_commands_are_understood_in_both_encodings(kind: type[msgspec.Struct]) -> None:
    example = examples()[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=messages.ClientMessage) == example
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(example), type=messages.ClientMessage) == example


def test_every_close_code_is_explained_and_lies_in_its_range() -> None:
    assert close_codes().keys() == CLOSE_CODES.keys()
    for name, code in close_codes().items():
        assert code in (1009, 1011, 1012) or 4000 <= code < 4300, name


def test_every_message_has_its_place_in_an_operation() -> None:
    assert set(REPLIES) == set(get_args(messages.ClientMessage))
    said = {answer for answers in REPLIES.values() for answer in answers} | set(EVENTS)
    assert said == set(get_args(messages.ServerMessage))
