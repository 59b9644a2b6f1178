"""Reads a request's query and body, and checks both against the types that an endpoint declares.

A body is read piece by piece into one buffer and decoded from there, so a large seat map is in memory once. Reading
stops as soon as the body is known to be over the limit, by its announced length or by what has arrived.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from seatserver.api.shared.problems import bad_form
from seatserver.errors import BadRequest, TooLarge
from seatserver.misfits import UNREADABLE

BODY_S = 30
MAX_QUERY_PARAMETERS = 32
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def read_query(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The query as a Struct. Raises `BadRequest` that names the parameter."""
    try:
        query = request.scope["query_string"].decode("latin-1")
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS)
    except ValueError:
        raise BadRequest(f"the query has more than {MAX_QUERY_PARAMETERS} parameters") from None
    name, times = max(Counter(name for name, _ in given).items(), key=lambda item: item[1], default=("", 0))
    if times > 1:
        raise BadRequest(f"{name[:80]} appears more than once in the query", name[:80])
    # Only numbers are converted from text here; msgspec's own leniency would also take `null`, and 1e9 for a date.
    numbers = {name for name, kind_of_field in get_type_hints(kind).items() if kind_of_field is int}
    values = {name: int(text) if name in numbers and WHOLE_NUMBER.fullmatch(text) else text for name, text in given}
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise bad_form(error) from None


def is_raw(kind: Any) -> bool:
    """Whether a body of this declared type is left for the handler to decode."""
    return (get_args(kind)[0] if get_origin(kind) is Annotated else kind) is bytes


async def read_body(request: Request, kind: Any, limit_bytes: int) -> Any:
    """The body as the declared type. Raises `TooLarge` over the limit, `BadRequest` that names the field."""
    body = await _read(request, limit_bytes)
    if is_raw(kind):
        return body
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise bad_form(error) from None


async def _read(request: Request, limit_bytes: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit_bytes:
        raise TooLarge("the body", limit_bytes)
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                read += piece
                if len(read) > limit_bytes:
                    raise TooLarge("the body", limit_bytes)
    except TimeoutError:
        raise BadRequest(f"the body did not arrive within {BODY_S} s") from None
    return bytes(read)
