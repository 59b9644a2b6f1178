"""A message is complete: whoever adds one and forgets a place is told which, and in which file."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from seatserver.client import LiveRoom
from seatserver.config import SCOPES
from seatserver.live.session.commands import COMMANDS
from seatserver.wire import from_client, from_server, values
from seatserver.wire.declarations import Command, Message, Told, name_of
from seatserver.wire.from_client import ClientMessage
from seatserver.wire.from_server import ServerMessage
from tests.javascript import WEB

ROOT = Path(__file__).parents[3]
FROM_CLIENT, FROM_SERVER = "seatserver/wire/from_client.py", "seatserver/wire/from_server.py"
CARRIED_OUT = "seatserver/live/session/commands.py"
PYTHON, JAVASCRIPT = "seatserver/client/live_room.py", "seatserver/web/seatmap-client.js"
TYPES = "seatserver/web/seatmap-client.d.ts"
EVERY_COMMAND, EVERYTHING_TOLD = get_args(ClientMessage), get_args(ServerMessage)
OF_USERS = [kind for kind in EVERY_COMMAND if not kind.declared.by_itself]


def named(kind: Any) -> str:
    return str(kind.__name__)


def body_of_class(path: str, name: str) -> str:
    found = re.search(rf"^export class {name}\b.*?^}}", (ROOT / path).read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, f"{path} has no class {name}"
    return found[0]


def methods(path: str) -> set[str]:
    """The public methods of the JavaScript client, in its code or its types."""
    return set(re.findall(r"^  (?:async )?(\w+)\(", body_of_class(path, "SeatMapClient"), re.MULTILINE))


@pytest.mark.parametrize(
    ("module", "path", "union", "listed"),
    [
        (from_client, FROM_CLIENT, "ClientMessage", EVERY_COMMAND),
        (from_server, FROM_SERVER, "ServerMessage", EVERYTHING_TOLD),
    ],
)
def test_every_message_is_in_the_union_of_its_side(module: Any, path: str, union: str, listed: Any) -> None:
    own = [kind for kind in vars(module).values() if inspect.isclass(kind) and kind.__module__ == module.__name__]
    messages = {kind for kind in own if issubclass(kind, Message) and not kind.__name__.startswith("_")}
    missing = ", ".join(sorted(map(named, messages - {*listed})))
    assert not missing, f"add {missing} to {union} in {path}"


@pytest.mark.parametrize(
    ("kind", "declaration", "path"),
    [(kind, Command, FROM_CLIENT) for kind in EVERY_COMMAND] + [(kind, Told, FROM_SERVER) for kind in EVERYTHING_TOLD],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_message_declares_itself(kind: Any, declaration: type, path: str) -> None:
    assert isinstance(getattr(kind, "declared", None), declaration), f"give {kind.__name__} its `declared` in {path}"
    example = kind(**kind.declared.example)
    encoded = msgspec.json.encode(example)
    assert msgspec.json.decode(encoded, type=kind) == example, f"the example of {kind.__name__} in {path} does not fit"


@pytest.mark.parametrize("kind", EVERY_COMMAND, ids=named)
def test_what_a_command_declares_is_there(kind: Any) -> None:
    declared: Command = kind.declared
    unknown = {*declared.answers} - {*EVERYTHING_TOLD}
    assert not unknown, f"{kind.__name__} in {FROM_CLIENT} is answered by what {FROM_SERVER} does not list"
    scope = declared.scope_of(kind(**declared.example))
    assert scope == "" or scope in SCOPES, f"{kind.__name__} in {FROM_CLIENT} needs a scope that there is not: {scope}"
    assert bool(scope) == bool(declared.action), f"say in {FROM_CLIENT} what {kind.__name__} needs its scope for"
    for answer in declared.answers:
        assert "ref" in answer.__struct_fields__, f"{answer.__name__} in {FROM_SERVER} answers and has no `ref`"


def test_every_answer_answers_something_and_everything_else_is_told_unasked() -> None:
    answers = {answer for command in EVERY_COMMAND for answer in command.declared.answers}
    idle = {kind.__name__ for kind in EVERYTHING_TOLD if kind not in answers and not kind.declared.unasked}
    assert not idle, f"name {', '.join(idle)} in the `answers` of a command in {FROM_CLIENT}, or declare it unasked"


def test_every_command_is_carried_out() -> None:
    missing = ", ".join(sorted(map(named, {*EVERY_COMMAND} - {*COMMANDS} - {from_client.Hello})))
    assert not missing, f"say in CARRIED_OUT_BY of {CARRIED_OUT} what carries out {missing}"


@pytest.mark.parametrize("kind", OF_USERS, ids=named)
def test_every_command_of_a_user_is_a_method_of_both_clients(kind: Any) -> None:
    name = name_of(kind)
    assert hasattr(LiveRoom, name), f"{PYTHON}: LiveRoom has no method {name}"
    assert name in methods(JAVASCRIPT), f"{JAVASCRIPT}: SeatMapClient has no method {name}"
    assert name in methods(TYPES), f"{TYPES}: SeatMapClient has no method {name}"


def test_what_is_told_unasked_is_heard_by_the_javascript_client() -> None:
    heard = set(re.findall(r"^    (\w+): \(", body_of_class(JAVASCRIPT, "SeatMapClient"), re.MULTILINE))
    missing = {name_of(kind) for kind in EVERYTHING_TOLD if kind.declared.unasked} - heard
    assert not missing, f"{JAVASCRIPT}: SeatMapClient does nothing when it hears {', '.join(sorted(missing))}"


def interfaces() -> dict[str, set[str]]:
    """The interfaces of the client's types: their fields, with those that they extend."""
    text = re.sub(r"/\*\*.*?\*/", "", (WEB / "seatmap-client.d.ts").read_text(), flags=re.DOTALL)
    found: dict[str, set[str]] = {}
    for name, base, body in re.findall(
        r"^export interface (\w+)(?: extends (\w+))? {\n(.*?)^}", text, re.DOTALL | re.MULTILINE
    ):
        found[name] = {*re.findall(r"^  (\w+)\??:", body, re.MULTILINE), *found.get(base, ())}
    return found


OTHERWISE = {"Hold"}
"""A hold as a page has it, and not the command; `tests/unit/web/test_client_types.py` compares it."""
TYPED = {
    name: kind
    for module in (values, from_client, from_server)
    for name, kind in vars(module).items()
    if name in interfaces() and name not in OTHERWISE
}


@pytest.mark.parametrize("name", TYPED)
def test_an_interface_has_the_fields_of_the_struct_of_its_name(name: str) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(TYPED[name])}
    declared = interfaces()[name] - {"type"}
    assert declared == fields, f"{TYPES}: interface {name} differs in {', '.join(sorted(declared ^ fields))}"


@pytest.mark.parametrize("kind", OF_USERS, ids=named)
def test_every_answer_that_a_page_gets_has_a_type(kind: Any) -> None:
    name = name_of(kind)
    body = body_of_class(TYPES, "SeatMapClient")
    promised = re.search(rf"^  {name}\(.*?\): Promise<(\w+)", body, re.DOTALL | re.MULTILINE)
    assert promised is not None, f"{TYPES}: {name} promises nothing"
    assert promised[1] in interfaces(), f"{TYPES}: there is no interface {promised[1]}, which {name} promises"


def test_there_is_something_to_compare() -> None:
    assert len(OF_USERS) >= 6
    assert {"Held", "Booked", "Released", "Welcome", "TicketLine"} <= TYPED.keys()
