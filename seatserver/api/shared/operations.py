"""Makes the paths and schemas of an OpenAPI 3.1 document from declared endpoints."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import msgspec

from seatserver.api.shared.endpoint import ANY_TOKEN, Endpoint
from seatserver.api.shared.fields import PATH_PARAMETERS
from seatserver.api.shared.json_schemas import component_schemas
from seatserver.api.shared.problems import MEDIA_TYPE, Problem
from seatserver.api.shared.requests import is_raw
from seatserver.errors import (
    BadRequest,
    Busy,
    Forbidden,
    HeadTooLarge,
    OriginRefused,
    Revoked,
    SeatServerError,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
    WrongHost,
)


def operations_of(
    endpoints: Sequence[Endpoint], examples: Mapping[type[msgspec.Struct], msgspec.Struct]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document's ``paths``, and its ``components/schemas`` with these examples."""
    schemas = _Schemas(endpoints, examples)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in endpoints:
        paths[endpoint.path][endpoint.method.lower()] = _operation(endpoint, schemas)
    return dict(paths), schemas.components


class _Schemas:
    """The schema of every type that the endpoints name, and the components that the schemas share."""

    def __init__(self, endpoints: Iterable[Endpoint], examples: Mapping[type[msgspec.Struct], msgspec.Struct]) -> None:
        types: list[Any] = [Problem, *PATH_PARAMETERS.values()]
        for endpoint in endpoints:
            named = (endpoint.answer, endpoint.body, *endpoint.own_errors.values())
            types += [kind for kind in named if kind is not None and not is_raw(kind)]
            types += [field.type for field in _fields(endpoint)]
        found, self.components = component_schemas(types, dict(examples))
        self._found = list(zip(types, found, strict=True))

    def __getitem__(self, kind: Any) -> dict[str, Any]:
        if is_raw(kind):
            raw: dict[str, Any] = get_args(kind)[1].extra_json_schema
            return raw
        return next(schema for known, schema in self._found if known is kind or known == kind)


def _fields(endpoint: Endpoint) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(endpoint.query) if endpoint.query else ()


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "security": _security(endpoint),
    }
    parameters = _parameters(endpoint, schemas)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        content = {endpoint.body_type: {"schema": schemas[endpoint.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = _responses(endpoint, schemas)
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    ways: list[dict[str, list[str]]] = []
    if endpoint.scope is not None:
        ways.append({"bearer": [] if endpoint.scope == ANY_TOKEN else [endpoint.scope]})
    if endpoint.takes_key:
        ways.append({"booking": []})
    if endpoint.for_kiosks:
        ways.append({"kiosk": []})
    return ways


def _parameters(endpoint: Endpoint, schemas: _Schemas) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": schemas[PATH_PARAMETERS[name]]}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    for field in _fields(endpoint):
        schema = dict(schemas[field.type])
        if field.default not in (None, msgspec.NODEFAULT):
            schema["default"] = field.default
        parameters.append({"name": field.encode_name, "in": "query", "required": field.required, "schema": schema})
    return parameters


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    content = {endpoint.media_type: {"schema": schemas[endpoint.answer]}}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Done.", "content": content}}
    for status, text in endpoint.other_statuses.items():
        responses[str(status)] = {"description": text}
        if status == 503:
            responses[str(status)]["content"] = content
    codes: dict[int, list[str]] = defaultdict(list)
    for error in _errors(endpoint):
        codes[error.status].append(error.code)
    codes[500].append("internal")
    waits = {error.status for error in _errors(endpoint) if error.retryable}
    for status, names in codes.items():
        if str(status) in responses:
            continue
        description = "Problem: " + ", ".join(f"`{name}`" for name in dict.fromkeys(names)) + "."
        responses[str(status)] = {"description": description, "content": {MEDIA_TYPE: {"schema": schemas[Problem]}}}
        if status in waits:
            responses[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    for own, kind in endpoint.own_errors.items():
        response = responses.setdefault(str(own), {"description": "Error.", "content": {}})
        response["content"] = {**response["content"], "application/json": {"schema": schemas[kind]}}
    return dict(sorted(responses.items()))


def _errors(endpoint: Endpoint) -> tuple[type[SeatServerError], ...]:
    implied: list[type[SeatServerError]] = [Unavailable, Busy, OriginRefused]
    # Of the gate, which knows nothing of endpoints and refuses before one is looked for.
    implied += [WrongHost, TooMany, HeadTooLarge]
    if endpoint.body is not None:
        implied += [BadRequest, TooLarge]
    if endpoint.query is not None:
        implied.append(BadRequest)
    if endpoint.scope is not None:
        implied += [Unauthorized, Revoked, Forbidden]
    if endpoint.for_kiosks:
        implied.append(Unauthorized)
    return (*implied, *endpoint.refusals)
