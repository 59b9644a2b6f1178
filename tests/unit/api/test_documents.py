"""The OpenAPI and AsyncAPI documents match the code and are valid, and their examples match them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from seatserver.api import documents
from seatserver.api.asyncapi import asyncapi
from seatserver.api.interface import EXAMPLES
from seatserver.api.openapi import openapi
from seatserver.api.shared.story import HALL
from seatserver.wire import story
from seatserver.wire.closing import Close
from seatserver.wire.examples import examples
from seatserver.wire.from_client import ClientMessage
from seatserver.wire.from_server import ServerMessage

DOCUMENTS = {"openapi": openapi(), "asyncapi": asyncapi()}


@pytest.mark.parametrize("file", documents.generated(), ids=lambda file: file.name)
def test_the_committed_document_matches_the_code(file: Path) -> None:
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
def test_every_reference_resolves(name: str) -> None:
    for reference in references(DOCUMENTS[name]):
        node: Any = DOCUMENTS[name]
        for step in reference.removeprefix("#/").split("/"):
            assert step in node, reference
            node = node[step]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_schema_is_valid_and_its_example_matches(name: str) -> None:
    document = DOCUMENTS[name]
    for schema_name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
        for example in schema.get("examples", ()):
            validator.validate(example), schema_name


ALL_EXAMPLES = {**EXAMPLES, **examples()}


@pytest.mark.parametrize("kind", ALL_EXAMPLES, ids=lambda kind: kind.__name__)
def test_every_example_survives_encoding_and_decoding(kind: type[msgspec.Struct]) -> None:
    example = ALL_EXAMPLES[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=kind) == example


@pytest.mark.parametrize("kind", get_args(ClientMessage), ids=lambda kind: kind.__name__)
def test_example_commands_are_valid_in_both_encodings(kind: type[msgspec.Struct]) -> None:
    example = examples()[kind]
    assert msgspec.json.decode(msgspec.json.encode(example), type=ClientMessage) == example
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(example), type=ClientMessage) == example


def test_every_close_code_is_documented_and_in_its_range() -> None:
    for code in Close:
        assert code.meaning.endswith("."), code.name
        assert code in (1009, 1011, 1012, 1013) or 4000 <= code < 4300, code.name


def test_every_message_is_part_of_an_operation() -> None:
    commands, told = get_args(ClientMessage), get_args(ServerMessage)
    answers = {answer for command in commands for answer in command.declared.answers}
    assert answers | {kind for kind in told if kind.declared.unasked} == set(told)


def test_the_examples_of_messages_show_the_hall_of_the_other_examples() -> None:
    assert story.LAYOUT == HALL.content_hash
