"""The AsyncAPI 3.0 document of the socket, made from the Structs of `seatserver.wire.messages`."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import msgspec

import seatserver
from seatserver import errors
from seatserver.api.examples import examples
from seatserver.api.shared.json_schemas import component_schemas, example_of
from seatserver.wire import messages
from seatserver.wire.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Close

CHANNEL = "showtime"
CHANNEL_REF = f"#/channels/{CHANNEL}"

# What answers each command; every answer repeats the command's ref.
REPLIES: dict[type[msgspec.Struct], tuple[type[msgspec.Struct], ...]] = {
    messages.Hello: (messages.Welcome, messages.Error),
    messages.Hold: (messages.Held, messages.Refused, messages.Error),
    messages.Release: (messages.Released, messages.Refused, messages.Error),
    messages.Extend: (messages.Held, messages.Error),
    messages.Best: (messages.Held, messages.Refused, messages.Error),
    messages.Offers: (messages.Offered, messages.Error),
    messages.Book: (messages.Booked, messages.Refused, messages.Error),
    messages.ClientBeat: (messages.Beat,),
}

# What the server says of its own accord.
EVENTS: tuple[type[msgspec.Struct], ...] = (
    messages.Snapshot,
    messages.Delta,
    messages.Expired,
    messages.Elsewhere,
    messages.Booked,
    messages.Beat,
    messages.Error,
    messages.Bye,
)

CLOSE_CODES: dict[str, str] = {
    "INTERNAL": "A mistake of the server's, which it has logged; come back.",
    "GOING_AWAY": "The server restarts; come back after `reconnect_after_ms` of `bye`.",
    "TOO_BIG": "A message was larger than `limits.message_bytes`.",
    "BAD_TOKEN": "The token or ticket does not hold; get a new one first.",
    "FORBIDDEN": "The token does not allow watching.",
    "NO_SHOWTIME": "There is no such showtime.",
    "NO_HELLO": "The first message was not a proper `hello`.",
    "BAD_MESSAGES": "Too many messages that are not of this contract.",
    "TOO_MANY_SOCKETS": "This user has too many sockets open.",
    "SLOW": "The client took nothing for too long.",
    "UNAVAILABLE": "A database behind the server does not answer.",
    "LATE_HELLO": "No `hello` came in time.",
    "TOKEN_EXPIRED": "The token ended; come back at once with a fresh one.",
}

# What `error` may carry in its code, besides `internal` for a mistake of ours.
ERRORS: tuple[type[errors.SeatServerError], ...] = (
    errors.BadRequest,
    errors.TooLarge,
    errors.UnknownSeat,
    errors.Unauthorized,
    errors.Forbidden,
    errors.NotFound,
    errors.NotOnSale,
    errors.NoSeatsTogether,
    errors.TicketsRefused,
    errors.HoldGone,
    errors.HoldConflict,
    errors.HoldPinned,
    errors.Unavailable,
    errors.Busy,
    errors.OutcomeUnknown,
)

DESCRIPTION = """\
One socket shows one showtime's seats and takes commands. The first message is `hello`; the server answers `welcome`,
then a `snapshot` or the `delta`s that a returning client missed. Seats are indexes into the layout that `welcome` names
(`/api/v1/layouts/{hash}`); states are 0 free, 1 held, 2 claimed, 3 sold, 4 blocked, 5 kept
for another sales channel.

Every command carries a `ref` that its reply repeats. What concerns a hold carries its `hold_id`, made by the client, so
that repeating it is safe.
A `delta` that does not follow on what you have (`from` is ahead of your version, or another epoch) means that you
missed something: say `hello` again with `resume`, on the same socket.
The server refuses a message with a field that it does not know. Its own messages, and the objects in them, may gain
fields: pass over those that you do not know.
Close codes: 4000 to 4099 do not reconnect, 4100 to 4199 back off, 4200 to 4299 reconnect now."""


def asyncapi() -> dict[str, Any]:
    """The document."""
    known = examples()
    kinds = tuple(dict.fromkeys((*get_args(messages.ClientMessage), *get_args(messages.ServerMessage))))
    references, schemas = component_schemas(kinds, known)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Seat server, the socket",
            "version": seatserver.__version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "this": {
                "host": "{host}",
                "protocol": "ws",
                "description": "`wss` where the server stands behind TLS.",
                "variables": {"host": {"default": "localhost:8000", "description": "Where this server is reached."}},
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "channels": {CHANNEL: _channel(kinds)},
        "operations": _operations(),
        "components": {
            "messages": {
                _name(kind): {
                    "name": _tag(kind),
                    "summary": str(schemas[kind.__name__].get("description", "")).partition("\n")[0],
                    "contentType": "application/json",
                    "payload": reference,
                    "examples": [{"name": _tag(kind), "payload": example_of(known[kind])}],
                }
                for kind, reference in zip(kinds, references, strict=True)
            },
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Where a client can set headers; else `token` or `ticket` of the first message. "
                    "Tokens never travel in the address.",
                }
            },
        },
    }


def _channel(kinds: tuple[Any, ...]) -> dict[str, Any]:
    subprotocols = [SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK]
    return {
        "address": "/ws/showtimes/{showtime_id}",
        "description": f"Subprotocol `{SUBPROTOCOL_JSON}` sends each message as one JSON text, `{SUBPROTOCOL_MSGPACK}` "
        "as one MessagePack map; without one it is JSON.",
        "parameters": {"showtime_id": {"description": "The showtime to watch.", "examples": ["tonight"]}},
        "messages": {_name(kind): {"$ref": f"#/components/messages/{_name(kind)}"} for kind in kinds},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {
                        "Sec-WebSocket-Protocol": {"type": "string", "enum": subprotocols},
                        "Authorization": {"type": "string", "description": "`Bearer` and a token."},
                    },
                },
                "bindingVersion": "0.1.0",
            }
        },
        "x-subprotocols": subprotocols,
        "x-close-codes": {
            str(code): {"name": name.lower(), "description": CLOSE_CODES[name]} for name, code in close_codes().items()
        },
        "x-error-codes": {
            error.code: {"retryable": error.retryable, "description": inspect.getdoc(error)} for error in ERRORS
        },
    }


def close_codes() -> dict[str, int]:
    """Name and number of every close code."""
    return {name: code for name, code in vars(Close).items() if name.isupper()}


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    # The document describes the server: what a client sends, the server receives.
    for command, answers in REPLIES.items():
        operations[f"receive_{_tag(command)}"] = {
            "action": "receive",
            "channel": {"$ref": CHANNEL_REF},
            "messages": [_message(command)],
            "reply": {"channel": {"$ref": CHANNEL_REF}, "messages": [_message(answer) for answer in answers]},
        }
    for event in EVENTS:
        operations[f"send_{_tag(event)}"] = {
            "action": "send",
            "channel": {"$ref": CHANNEL_REF},
            "messages": [_message(event)],
        }
    return operations


def _message(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"{CHANNEL_REF}/messages/{_name(kind)}"}


def _name(kind: type[msgspec.Struct]) -> str:
    return kind.__name__


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)
