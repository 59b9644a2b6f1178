"""Tools are declared from their Structs, in the words that Gemini knows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from seatserver.concierge.model import visitors_tools
from seatserver.concierge.model.toolbox import KEYWORDS, declaration_of

KINDS = [
    visitors_tools.SearchProgramme, visitors_tools.DescribeHall, visitors_tools.FindSeats, visitors_tools.MoreOffers,
    visitors_tools.Hold, visitors_tools.ChangeTickets, visitors_tools.Release,
]  # fmt: skip


def keywords(schema: dict[str, Any]) -> set[str]:
    """Every keyword of a schema, at any depth."""
    found = set(schema)
    for one in schema.get("properties", {}).values():
        found |= keywords(one)
    for one in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(one, dict):
            found |= keywords(one)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_declaration_has_only_what_gemini_knows(kind: type) -> None:
    declaration = declaration_of(kind)
    schema = declaration["parameters_json_schema"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert keywords(schema) <= KEYWORDS | {"properties", "anyOf"}
    assert "$" not in json.dumps(schema)
    assert declaration["description"].endswith(".")


def test_a_wish_can_say_all_that_the_search_knows_but_no_seats() -> None:
    schema = declaration_of(visitors_tools.FindSeats)["parameters_json_schema"]["properties"]
    assert set(schema) == {
        "people", "tickets", "wheelchairs", "categories", "areas", "rows", "depth", "avoid", "side", "centre", "aisle",
        "together", "limit", "cheap", "importance",
    }  # fmt: skip
    weights = schema["importance"]["anyOf"][0]["properties"]
    assert set(weights) == {"distance", "centre", "row", "aisle", "together", "gaps"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_tool_takes_a_seat_or_a_hold_by_its_id(kind: type) -> None:
    names = set(declaration_of(kind)["parameters_json_schema"].get("properties", {}))
    assert not {name for name in names if "seat" in name or "hold" in name or "user" in name or "token" in name}


def test_offers_have_names_of_their_own_however_long_a_conversation_is() -> None:
    names = [visitors_tools.offer_name(number) for number in range(20_000)]
    assert (names[0], names[25], names[26], names[27]) == ("offer-a", "offer-z", "offer-aa", "offer-ab")
    assert len(set(names)) == len(names)
    for name in names:
        assert msgspec.convert({"offer": name}, visitors_tools.Hold).offer == name
