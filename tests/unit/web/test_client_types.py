"""The client's declared types say what its code and the wire say: `seatmap-client.d.ts` against both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_type_hints

import msgspec
import pytest

from seatserver.errors import Refusal
from seatserver.seats.states import BookingStatus
from seatserver.wire import from_client, from_server, values
from tests.javascript import WEB, Node

TYPES = (WEB / "seatmap-client.d.ts").read_text()
CODE = (WEB / "seatmap-client.js").read_text()


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


def block(head: str) -> str:
    """The body of a declaration, without comments."""
    found = re.search(rf"^export {head}\b[^{{]*{{\n(.*?)^}}", TYPES, re.DOTALL | re.MULTILINE)
    assert found is not None, head
    return re.sub(r"/\*\*.*?\*/", "", found[1], flags=re.DOTALL)


def fields(interface: str) -> set[str]:
    """The names of an interface's own fields, as far as they are on a line of their own; `?` is left out."""
    return set(re.findall(r"^  (?:readonly )?(\w+)\??:", block(f"interface {interface}"), re.MULTILINE))


def union(name: str) -> set[str]:
    """The texts that a type may be."""
    found = re.search(rf"^export type {name} =(.*?);", TYPES, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return set(re.findall(r'"(\w+)"', found[1]))


def named(struct: Any, *without: str) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)} - {*without}


def test_the_type_declarations_can_be_parsed(node: Node) -> None:
    code = "return (await import('node:module')).stripTypeScriptTypes(text).trim().length >= 0"
    # Declarations alone cannot stand as code, but as `declare` they can.
    text = TYPES.replace("export class", "export declare class").replace("export function", "export declare function")
    assert node.tell(code, text=text.replace("export const", "export declare const"))


def test_every_export_is_declared(node: Node) -> None:
    exported = node.tell("return Object.keys(await import(path))", path=str(WEB / "seatmap-client.js"))
    assert set(exported) == set(re.findall(r"^export (?:class|function|const) (\w+)", TYPES, re.MULTILINE))


@pytest.mark.parametrize("name", ["SeatMapClient", "CommandError"])
def test_classes_have_exactly_the_declared_members(node: Node, name: str) -> None:
    code = """
        const made = name === "CommandError" ? new CommandError("x", "y") : new SeatMapClient("ws://x", {});
        const names = new Set(Object.keys(made));
        for (const key of Object.getOwnPropertyNames(Object.getPrototypeOf(made))) names.add(key);
        return [...names];
    """
    declared = set(re.findall(r"^  (?:readonly )?(\w+)[?(:<]", block(f"class {name}"), re.MULTILINE))
    inherited = {"addEventListener", "removeEventListener", "name", "constructor"}
    assert declared - inherited == set(node.tell(code, name=name)) - inherited


def test_the_declared_events_are_those_that_are_dispatched() -> None:
    told = set(re.findall(r'#tell\("(\w+)"', CODE))
    assert fields("ClientEvents") == told
    documented = CODE.partition(" * Events: ")[2].partition("*/")[0]
    assert set(re.findall(r'"(\w+)"', documented)) == told


def test_the_declared_times_are_those_that_can_be_set(node: Node) -> None:
    assert fields("Times") == set(node.tell("return Object.keys(TIMES)"))


@pytest.mark.parametrize(
    ("interface", "names"),
    [
        ("TicketLine", named(values.TicketLine)),
        ("Basket", named(values.Basket)),
        ("Held", named(from_server.Held) - named(values.Basket) | {"type"}),
        ("OwnBooking", named(values.OwnBooking) - named(values.Basket)),
        ("Booked", named(from_server.Booked) - named(values.OwnBooking) | {"type"}),
        ("Released", named(from_server.Released)),
        ("Offer", named(values.SeatOffer)),
        ("Places", named(values.Places)),
        ("HoldOptions", named(from_client.Hold, "ref", "hold_id", "seats")),
        ("Wish", named(from_client.Best, "ref", "hold_id", "replaces")),
        ("Welcome", named(from_server.Welcome) | {"type"}),
        (
            "Hold",
            named(values.HoldView, "hold_id", "deadline_ms", "latest_deadline_ms") - named(values.Basket)
            | {"deadlineMs", "latestDeadlineMs"},
        ),
    ],
)
def test_declared_messages_have_the_fields_of_the_wire(interface: str, names: set[str]) -> None:
    assert fields(interface) == names


def test_the_declared_limits_are_those_of_the_wire() -> None:
    inner = re.search(r"limits: {(.*?)}", block("interface Welcome"), re.DOTALL)
    assert inner is not None
    assert set(re.findall(r"(\w+):", inner[1])) == named(values.Limits)


def test_the_declared_words_are_those_of_the_wire() -> None:
    assert union("Refusal") == set(get_args(Refusal))
    status = re.search(r"status: (.*);", block("interface OwnBooking"))
    assert status is not None
    assert set(re.findall(r'"(\w+)"', status[1])) == set(get_args(BookingStatus))
    reasons = re.search(r"reason: (.*);", block("interface ClientEvents"))
    assert reasons is not None
    hint = get_type_hints(from_server.Expired)["reason"]
    assert set(re.findall(r'"(\w+)"', reasons[1])) == {*get_args(hint), "away"}
    assert hint == Literal["expired", "sold", "blocked"]
