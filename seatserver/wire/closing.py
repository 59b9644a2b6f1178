"""The codes with which the server closes a socket, each with what it means."""

from __future__ import annotations

from enum import IntEnum


class Close(IntEnum):
    """Close codes. 4000 to 4099: do not reconnect. 4100 to 4199: back off. 4200 to 4299: reconnect now."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Close:
        one = int.__new__(cls, code)
        one._value_ = code
        one.meaning = meaning
        return one

    INTERNAL = 1011, "An error on the server's side, which it has logged; come back."
    GOING_AWAY = 1012, "The server restarts; come back after `reconnect_after_ms` of `bye`."
    TRY_AGAIN_LATER = 1013, "Too many come at once; come back after `reconnect_after_ms` of `bye`."
    TOO_BIG = 1009, "A message was larger than `limits.message_bytes`."
    BAD_TOKEN = 4001, "The token or ticket is not valid; get a new one first."
    FORBIDDEN = 4003, "The token does not allow watching."
    NO_SHOWTIME = 4004, "There is no such showtime."
    REVOKED = 4005, "The token or key was revoked; it is not accepted again."
    NO_HELLO = 4008, "The first message was not a valid `hello`."
    BAD_MESSAGES = 4010, "Too many messages did not follow this contract, or brought tokens or keys that are not valid."
    TOO_MANY_SOCKETS = 4100, "This user has too many sockets open."
    SLOW = 4101, "The client read too slowly for too long."
    UNAVAILABLE = 4102, "A database behind the server does not answer."
    LATE_HELLO = 4103, "No `hello` came in time."
    TOKEN_EXPIRED = 4200, "The token expired; come back at once with a new one."
