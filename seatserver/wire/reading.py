"""How a client reads what the server says, also when the server is newer than the client.

A newer server may send types of message, fields, and words for a status or a reason that this client does not know.
Such a message is passed over, such a field is left out, such a word is kept as it came. Everything else that does not
fit the contract is an error.
"""

from __future__ import annotations

import functools
import operator
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from seatserver.wire.from_server import ServerMessage


class _Head(msgspec.Struct):
    type: str


class Reader:
    """Reads the messages of one encoding, ``json`` or ``msgpack``."""

    def __init__(self, encoding: str) -> None:
        codec: Any = {"json": msgspec.json, "msgpack": msgspec.msgpack}[encoding]
        kinds = [_with_any_word(kind) for kind in get_args(ServerMessage)]
        self._known = {kind.__struct_config__.tag for kind in kinds}
        self._message = codec.Decoder(Union[tuple(kinds)])  # noqa: UP007 - made of a list
        self._head = codec.Decoder(_Head)

    def read(self, frame: str | bytes) -> ServerMessage | None:
        """The message in a frame, or None for a type of message that this client does not know.

        Words that are one of a few in the contract, such as a booking's status, may be others.
        Raises `msgspec.DecodeError`.
        """
        try:
            message: ServerMessage = self._message.decode(frame)
            return message
        except msgspec.ValidationError:
            if self._head.decode(frame).type in self._known:
                raise
            return None


@functools.cache
def _with_any_word(kind: Any) -> Any:
    """The same type, with any string in place of a literal one; of a Struct, a subclass of the same name."""
    if get_origin(kind) is Literal:
        return str
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_with_any_word(kind)
    if not (arguments := get_args(kind)):
        return kind
    if get_origin(kind) is Annotated:
        return Annotated[(_with_any_word(arguments[0]), *arguments[1:])]
    others = tuple(one if one is ... else _with_any_word(one) for one in arguments)
    if isinstance(kind, types.UnionType):
        return functools.reduce(operator.or_, others)
    return get_origin(kind)[others]


def _struct_with_any_word(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    hints = get_type_hints(kind, include_extras=True)
    changed: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(kind):
        wider = _with_any_word(hints[field.name])
        if wider != hints[field.name]:
            options: Any = {"default": field.default, "default_factory": field.default_factory}
            changed.append((field.name, wider, msgspec.field(name=field.encode_name, **options)))
    if not changed:
        return kind
    return msgspec.defstruct(kind.__name__, changed, bases=(kind,), frozen=True, kw_only=True, module=kind.__module__)
