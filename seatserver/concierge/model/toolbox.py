"""Tools for a model: each is a Struct of its arguments, with a docstring that says what it does.

The schema that the model gets is made from the Struct, and its calls are checked by it. A call that does not fit, or
that is refused, goes back to the model as an error in words; it is never raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from seatserver.errors import SeatServerError
from seatserver.metrics import Metrics

MOST_RESULT_BYTES = 20_000
MOST_PROBLEM_CHARS = 300
KEYWORDS = frozenset(
    {"type", "title", "description", "enum", "items", "additionalProperties", "required"}
    | {"minimum", "maximum", "minItems", "maxItems"}
)
"""What Gemini knows of JSON Schema, of what msgspec writes."""

Json = dict[str, Any]


class Result(NamedTuple):
    """What goes back to the model, and what is shown to the visitor at once, if anything."""

    answer: Json
    shown: Any = None


Handler = Callable[[Any], Awaitable[Result]]


class ToolRefused(Exception):
    """A tool cannot do this; the text is for the model."""


class Toolbox:
    """Some tools by name. Others do not exist, whatever the model has heard."""

    def __init__(
        self,
        handlers: Mapping[type[msgspec.Struct], Handler],
        metrics: Metrics,
        explain: Callable[[SeatServerError], str],
    ) -> None:
        """``explain`` says in plain words why something was refused."""
        self._handlers = {_name_of(kind): (kind, handler) for kind, handler in handlers.items()}
        self._metrics = metrics
        self._explain = explain
        self.declarations = [declaration_of(kind) for kind in handlers]

    async def call(self, name: Any, arguments: Any) -> Result:
        """Carry out a call. What goes wrong is in the answer: ``error`` is for the model, ``refused`` may be said."""
        known = self._handlers.get(name) if isinstance(name, str) else None
        if known is None:
            self._metrics.model_calls.labels("unknown").inc()
            return Result({"error": f"there is no such tool; there are {', '.join(self._handlers)}"})
        self._metrics.model_calls.labels(name).inc()
        kind, handler = known
        try:
            result = await handler(msgspec.convert(arguments or {}, kind))
        except (msgspec.ValidationError, ToolRefused) as error:
            return Result({"error": str(error)[:MOST_PROBLEM_CHARS]})
        except SeatServerError as error:
            self._metrics.errors.labels(error.code).inc()
            return Result({"refused": self._explain(error), "error": error.message[:MOST_PROBLEM_CHARS]})
        if len(msgspec.json.encode(result.answer)) > MOST_RESULT_BYTES:
            return Result({"error": "the result is too long: ask for less"}, result.shown)
        return result


@cache
def declaration_of(kind: type[msgspec.Struct]) -> Json:
    """A tool as Gemini wants it: name, description, and its arguments as a JSON schema without references.

    It is made once for all answers, which takes milliseconds; nobody may change it.
    """
    schema = msgspec.json.schema(kind)
    definitions = schema.get("$defs", {})
    whole = _plain(definitions[kind.__name__], definitions)
    del whole["title"]
    description = " ".join(whole.pop("description").split())
    return {"name": _name_of(kind), "description": description, "parameters_json_schema": whole}


def _name_of(kind: type[msgspec.Struct]) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


def _plain(schema: Json, definitions: Json) -> Json:
    """A schema in Gemini's part of JSON Schema. What it leaves out is checked all the same when a call comes."""
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    plain: Json = {}
    for name, value in schema.items():
        if name == "properties":
            plain[name] = {key: _plain(one, definitions) for key, one in value.items()}
        elif name == "anyOf":
            plain[name] = [_plain(one, definitions) for one in value]
        elif name in ("items", "additionalProperties") and isinstance(value, dict):
            plain[name] = _plain(value, definitions)
        elif name in KEYWORDS:
            plain[name] = value
    if "enum" in plain:
        plain["type"] = "string"
    return plain
