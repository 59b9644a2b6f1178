"""The AsyncAPI 3.0 document of the sockets, made from the messages as `seatserver.wire` declares them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

import seatserver
from seatserver import errors
from seatserver.api.shared.json_schemas import component_schemas, example_of
from seatserver.kiosks import messages as kiosks
from seatserver.kiosks.sockets import PATH as KIOSK_PATH
from seatserver.wire import concierge, from_client, from_server
from seatserver.wire.closing import Close
from seatserver.wire.codec import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from seatserver.wire.declarations import name_of
from seatserver.wire.examples import examples
from seatserver.wire.from_server import Bye, Error

KIOSK_CHANNEL = "kiosk"
KIOSK_REF = f"#/channels/{KIOSK_CHANNEL}"
KIOSKS_SAY, KIOSKS_ARE_TOLD = get_args(kiosks.FromKiosk), get_args(kiosks.ToKiosk)

# What `error` may carry in its code, besides `internal` for a mistake of ours.
ERRORS: tuple[type[errors.SeatServerError], ...] = (
    errors.BadRequest,
    errors.TooLarge,
    errors.UnknownSeat,
    errors.Unauthorized,
    errors.Revoked,
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

CONCIERGE_ERRORS: tuple[type[errors.SeatServerError], ...] = (
    errors.BadRequest,
    errors.TooLarge,
    errors.Unauthorized,
    errors.Forbidden,
    errors.NotFound,
    errors.Unavailable,
    errors.Busy,
)
"""What else goes wrong while an answer is given is said in its words."""

DESCRIPTION = """\
One socket shows one showtime's seats and takes commands. The first message is `hello`; the server answers `welcome`,
then a `snapshot` or the `delta`s that a returning client missed. Seats are indexes into the layout that `welcome` names
(`/api/v1/layouts/{hash}`); states are 0 free, 1 held, 2 claimed, 3 sold, 4 blocked, 5 kept
for another sales channel.

Every command has a `ref` that its reply repeats. A command about a hold has its `hold_id`, made by the client, so that
repeating it is safe.
A `delta` that does not follow on what you have (`from` is ahead of your version, or the epoch is another) means that
you missed something: say `hello` again with `resume`, on the same socket.
A socket ends with its token (close code 4200) or its API key. To go on, say `hello` with a fresh `token` or `ticket` of
the same user at any time before; it is judged by the latest one. What was revoked ends at once (4005).
The server refuses a message with a field that it does not know. A newer server may send types of message, fields,
states, statuses, reasons and error codes that you do not know: pass over them.
The terminals in lobbies have a socket of their own, the channel `kiosk`.
Close codes: 4000 to 4099 do not reconnect, 4100 to 4199 back off, 4200 to 4299 reconnect now."""


CONCIERGE = """\
A conversation about one showtime, in a visitor's own words. The first message is `begin`; the server answers `ready`.
Every `ask` is answered by pieces of text (`words`) and offers (`suggestions`) with the same `ref`, and then `done`.
What is held here is told to the visitor's other sockets as `elsewhere`. Nothing can be booked here. Messages are
JSON in text frames. Where the server hears (`voice_s` of `ready`), a question may be spoken: `speak`, the sound in
binary frames, `spoken`; what is said aloud comes back in binary frames too. Where `SEATSERVER_CONCIERGE` is 0, there is
no such path."""


OPERATIONS = """\
Questions of staff over the live figures, as `/ops` has them: what sells slowly, what is refused, how kiosks and servers
are. The messages are those of the channel `concierge`, and the token needs the scope `admin`. All answers are text.
Nothing can be changed here, and nothing is told of customers. No sound is heard. Where `SEATSERVER_CONCIERGE` is 0,
there is no such path."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One socket: who says what on it. ``prefix`` begins the names of its operations."""

    name: str
    address: str
    description: str
    commands: tuple[Any, ...]
    told: tuple[Any, ...]
    errors: tuple[type[errors.SeatServerError], ...]
    parameter: str = ""
    subprotocols: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def kinds(self) -> tuple[Any, ...]:
        """All its messages."""
        return (*self.commands, *self.told)


CHANNELS = (
    Channel(
        name="showtime",
        address="/ws/showtimes/{showtime_id}",
        description=f"Subprotocol `{SUBPROTOCOL_JSON}` sends each message as one JSON text, `{SUBPROTOCOL_MSGPACK}` "
        "as one MessagePack map; without one it is JSON.",
        parameter="The showtime to watch.",
        commands=get_args(from_client.ClientMessage),
        told=get_args(from_server.ServerMessage),
        errors=ERRORS,
        subprotocols=(SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK),
    ),
    Channel(
        name="concierge",
        address="/ws/concierge/{showtime_id}",
        description=CONCIERGE,
        parameter="The showtime to talk about.",
        commands=get_args(concierge.ConciergeCommand),
        told=get_args(concierge.ConciergeMessage),
        errors=CONCIERGE_ERRORS,
        prefix="concierge_",
    ),
    Channel(
        name="operations",
        address="/ws/operations",
        description=OPERATIONS,
        commands=(concierge.Begin, concierge.Ask, concierge.Stop),
        told=(concierge.Ready, concierge.Words, concierge.Done, Bye, Error),
        errors=CONCIERGE_ERRORS,
        prefix="operations_",
    ),
)


def asyncapi() -> dict[str, Any]:
    """The document."""
    known: dict[type, msgspec.Struct] = {**examples(), **concierge.examples()}
    known.update({type(example): example for example in kiosks.EXAMPLES})
    kinds = tuple(
        dict.fromkeys((*(kind for channel in CHANNELS for kind in channel.kinds), *KIOSKS_SAY, *KIOSKS_ARE_TOLD))
    )
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
        "channels": {**{channel.name: _channel(channel) for channel in CHANNELS}, KIOSK_CHANNEL: _kiosk_channel()},
        "operations": {
            **{name: one for channel in CHANNELS for name, one in _operations(channel).items()},
            **_kiosk_operations(),
        },
        "components": {
            "messages": {
                kind.__name__: {
                    "name": _name(kind),
                    "summary": str(schemas[kind.__name__].get("description", "")).partition("\n")[0],
                    "contentType": "application/json",
                    "payload": reference,
                    "examples": [{"name": _name(kind), "payload": example_of(known[kind])}],
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


def _channel(channel: Channel) -> dict[str, Any]:
    subprotocols = list(channel.subprotocols)
    parameter = {"description": channel.parameter, "examples": ["tonight"]}
    headers: dict[str, Any] = {
        "Authorization": {"type": "string", "description": "`Bearer` and a token or an API key."}
    }
    if subprotocols:
        headers = {"Sec-WebSocket-Protocol": {"type": "string", "enum": subprotocols}, **headers}
    return {
        "address": channel.address,
        "description": channel.description,
        **({"parameters": {"showtime_id": parameter}} if channel.parameter else {}),
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in channel.kinds},
        "bindings": {
            "ws": {
                "method": "GET",
                "headers": {"type": "object", "properties": headers},
                "bindingVersion": "0.1.0",
            }
        },
        "x-subprotocols": subprotocols,
        "x-close-codes": {str(code): {"name": code.name.lower(), "description": code.meaning} for code in Close},
        "x-error-codes": {
            error.code: {"retryable": error.retryable, "description": inspect.getdoc(error)} for error in channel.errors
        },
    }


def _operations(channel: Channel) -> dict[str, Any]:
    reference = {"$ref": f"#/channels/{channel.name}"}

    def message(kind: type[msgspec.Struct]) -> dict[str, str]:
        return {"$ref": f"#/channels/{channel.name}/messages/{kind.__name__}"}

    operations: dict[str, Any] = {}
    # The document describes the server: what a client sends, the server receives.
    for command in channel.commands:
        operations[f"{channel.prefix}receive_{name_of(command)}"] = {
            "action": "receive",
            "channel": reference,
            "messages": [message(command)],
            "reply": {
                "channel": reference,
                "messages": [message(answer) for answer in command.declared.answers if answer in channel.told],
            },
        }
    for told in channel.told:
        if told.declared.unasked:
            operations[f"{channel.prefix}send_{name_of(told)}"] = {
                "action": "send",
                "channel": reference,
                "messages": [message(told)],
            }
    return operations


def _kiosk_channel() -> dict[str, Any]:
    kinds = (*KIOSKS_SAY, *KIOSKS_ARE_TOLD)
    return {
        "address": KIOSK_PATH,
        "description": "The socket of a terminal in the lobby, and of the agent that has its printer. Each message is "
        "one JSON text. The first one is `hello` with the device's key, and the answer says whether it is enrolled.",
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _kiosk_operations() -> dict[str, Any]:
    ways = (("receive", KIOSKS_SAY), ("send", KIOSKS_ARE_TOLD))
    return {
        f"{way}_kiosk_{_name(kind)}": {
            "action": way,
            "channel": {"$ref": KIOSK_REF},
            "messages": [{"$ref": f"{KIOSK_REF}/messages/{kind.__name__}"}],
        }
        for way, kinds in ways
        for kind in kinds
    }


def _name(kind: type[msgspec.Struct]) -> str:
    """The ``type`` of a message, as it is sent."""
    return str(kind.__struct_config__.tag)
