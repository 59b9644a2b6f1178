"""A device with a passkey, made of software: what a browser answers for it, and answers that are wrong in one thing."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from seatserver.accounts.challenges import text_of
from seatserver.accounts.passkeys import Assertion, Attestation

PRESENT, VERIFIED, WITH_KEY = 0x01, 0x04, 0x40
"""Flags: somebody is there, the device knows who, and a key follows (WebAuthn, section 6.1)."""


class Device:
    """A device with one passkey. What it says can be changed, to see that it is refused then."""

    def __init__(self, origin: str = "https://rex.example") -> None:
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(20)
        self.count = 0

    def make(self, options: dict[str, Any], **wrong: Any) -> Attestation:
        public = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        credential = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        data = self._data(WITH_KEY, **wrong) + credential
        return Attestation(
            id=text_of(self.id),
            client_data=self._said("webauthn.create", options, **wrong),
            attestation=text_of(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        )

    def sign(self, options: dict[str, Any], user: str | None = None, **wrong: Any) -> Assertion:
        self.count += 1
        data = self._data(0, **wrong)
        client_data = self._said(wrong.pop("type", "webauthn.get"), options, **wrong)
        key = ec.generate_private_key(ec.SECP256R1()) if wrong.get("other_key") else self.key
        hashed = hashlib.sha256(_bytes(client_data)).digest()
        return Assertion(
            id=text_of(self.id),
            client_data=client_data,
            authenticator_data=text_of(data),
            signature=text_of(key.sign(data + hashed, ec.ECDSA(SHA256()))),
            user_handle=user and text_of(user.encode()),
        )

    def _data(self, more: int, **wrong: Any) -> bytes:
        flags = wrong.get("flags", PRESENT | VERIFIED) | more
        host = hashlib.sha256(wrong.get("host", urlsplit(self.origin).netloc).encode()).digest()
        return host + bytes([flags]) + struct.pack(">I", wrong.get("count", self.count))

    def _said(self, type: str, options: dict[str, Any], **wrong: Any) -> str:
        challenge = wrong.get("challenge", options["challenge"])
        said = {"type": type, "challenge": challenge, "origin": wrong.get("origin", self.origin), "crossOrigin": False}
        return text_of(json.dumps(said).encode())


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
