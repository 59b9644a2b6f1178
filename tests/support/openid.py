"""An OpenID provider that behaves like Google's: a real HTTP server on a free port of the loopback address.

It serves the discovery document, the page that people are sent to, the exchange of codes for tokens, and its keys,
which rotate. Whoever is sent to it is `person`, at once. It holds its client to the standard: the secret, the address
to come back to, PKCE, and each code once. What it does wrong on purpose, a test says: `instead` answers a path in
another way, `changes` are other claims, and `sign` signs in another way.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

CLIENT_ID = "1057-seats.apps.googleusercontent.example"
CLIENT_SECRET = "GOCSPX-of/the+tests&="  # pragma: allowlist secret
DISCOVERY, AUTHORIZE = "/.well-known/openid-configuration", "/o/oauth2/v2/auth"
TOKEN, KEYS = "/token", "/oauth2/v3/certs"
ANNA: dict[str, Any] = {
    "sub": "110169484474386276334",
    "email": "anna@rex.example",
    "email_verified": True,
    "name": "Anna Bauer",
}
PATIENCE_MS = 30_000
LEAVE_OUT = object()
"""A claim of this value is left out."""

Claims = dict[str, Any]
Answering = Callable[["Request"], None]


def new_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


first_key = functools.cache(new_key)


class Provider:
    """The provider; entering it starts it."""

    def __init__(self) -> None:
        self.person: Claims = dict(ANNA)
        self.changes: Claims = {}
        self.denies = False
        self.checks_pkce = True
        self.instead: dict[str, Answering] = {}
        self.asked: list[str] = []
        self.sent = 0
        """How many bytes of endless answers were taken."""
        self.keys = {"first": first_key()}
        self.published = dict(self.keys)
        self.sign: Callable[[Claims], str] = self.signed
        self.ended = threading.Event()
        """Set at the end, so that nobody who makes a client wait holds it up."""
        self._codes: dict[str, Claims] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Request,), {"provider": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def settings(self) -> dict[str, Any]:
        """The settings of a server that uses it."""
        return {
            "openid_issuer": self.url,
            "openid_name": "Google",
            "openid_client_id": CLIENT_ID,
            "openid_client_secret": CLIENT_SECRET,
            "openid_ms": PATIENCE_MS,
        }

    def rotate(self, name: str, *, overlap: bool = True) -> None:
        """Sign with a new key from now on. With ``overlap`` the old one is still published, as at Google."""
        old = self.keys if overlap else {}
        self.keys = {name: new_key()}
        self.published = {**old, **self.keys}

    def signed(self, claims: Claims) -> str:
        """The claims, signed as they should be."""
        [(name, key)] = self.keys.items()
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": name})

    def about(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + AUTHORIZE,
            "token_endpoint": self.url + TOKEN,
            "jwks_uri": self.url + KEYS,
            "userinfo_endpoint": self.url + "/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def key_set(self) -> dict[str, Any]:
        writer = jwt.algorithms.RSAAlgorithm
        named = {name: writer.to_jwk(key.public_key(), as_dict=True) for name, key in self.published.items()}
        return {"keys": [{**fields, "kid": name, "use": "sig", "alg": "RS256"} for name, fields in named.items()]}

    def sign_in(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert asked["client_id"] == CLIENT_ID and asked["response_type"] == "code", asked
        assert "openid" in asked["scope"].split() and asked["code_challenge_method"] == "S256", asked
        answer = {"state": asked["state"], "iss": self.url}
        if self.denies:
            return f"{asked['redirect_uri']}?{urlencode({**answer, 'error': 'access_denied'})}"
        code = "4/" + secrets.token_urlsafe(24)
        self._codes[code] = {**asked, "person": dict(self.person)}
        return f"{asked['redirect_uri']}?{urlencode({**answer, 'code': code})}"

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and answer for a code."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_same = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        if self.checks_pkce and not is_same:
            return 400, {"error": "invalid_grant"}
        now, access = int(time.time()), secrets.token_urlsafe(24)
        claims = {"iss": self.url, "aud": CLIENT_ID, "azp": CLIENT_ID, "iat": now, "exp": now + 3600}
        claims |= {**asked["person"], "nonce": asked["nonce"], "at_hash": half_hash(access), **self.changes}
        kept = {name: value for name, value in claims.items() if value is not LEAVE_OUT}
        return 200, {"id_token": self.sign(kept), "access_token": access, "token_type": "Bearer", "expires_in": 3599}


def half_hash(text: str) -> str:
    """The `at_hash` of an access token (OpenID Connect Core 1.0, section 3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")


class Request(BaseHTTPRequestHandler):
    """One request to the provider."""

    provider: Provider
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path, provider = urlsplit(self.path).path, self.provider
        provider.asked.append(path)
        self.form = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        with suppress(ConnectionError):
            if path in provider.instead:
                provider.instead[path](self)
            elif path == DISCOVERY:
                self.answer(provider.about())
            elif path == KEYS:
                self.answer(provider.key_set())
            elif path == AUTHORIZE:
                self.redirect(provider.sign_in(_once(urlsplit(self.path).query)))
            elif path == TOKEN:
                status, answer = provider.exchange(_once(self.form))
                self.answer(answer, status)
            else:
                self.answer({}, 404)

    def answer(self, content: object, status: int = 200) -> None:
        """JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def hang_up(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def say_nothing(self) -> None:
        """Let the client wait."""
        self.provider.ended.wait()
        self.close_connection = True

    def never_end(self, head: bytes, piece: bytes) -> None:
        """Send a piece of the answer again and again, until the client has enough."""
        self.close_connection = True
        self.wfile.write(head)
        while not self.provider.ended.is_set():
            self.wfile.write(piece)
            self.provider.sent += len(piece)

    def drip(self) -> None:
        """Send an answer so slowly that no single wait is long."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while not self.provider.ended.wait(0.02):
            self.wfile.write(b" ")


def _once(query: str) -> dict[str, str]:
    """The parameters of a query or a form; each may be there once."""
    found = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}
