"""JSON Schemas of Structs, for the OpenAPI and the AsyncAPI document."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

REFERENCE = "#/components/schemas/{name}"


def component_schemas(
    types: Iterable[Any], examples: dict[type, msgspec.Struct]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A schema (usually a reference) for each type, and the components that the references lead to.

    Examples are instances of the types, so they always match.
    """
    schemas, components = msgspec.json.schema_components(list(types), ref_template=REFERENCE, schema_hook=_hook)
    named = {kind.__name__: instance for kind, instance in examples.items()}
    for name, component in components.items():
        component.pop("title", None)
        if "description" in component:
            component["description"] = _prose(component["description"])
        if name in named:
            component["examples"] = [example_of(named[name])]
    return list(schemas), dict(sorted(components.items()))


def example_of(instance: msgspec.Struct) -> dict[str, Any]:
    """The instance as it is sent in JSON."""
    example: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(instance))
    return example


def _hook(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError(f"no JSON Schema for {kind}")


def _prose(docstring: str) -> str:
    return inspect.cleandoc(docstring).replace("``", "`")
