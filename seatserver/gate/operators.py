"""What is for operators only: metrics, and where the settings say so, the documents.

Metrics tell how a sale goes, and documents what there is to attack. Neither is secret, but in production nobody else
needs them. An operator has a token with the scope ``admin``, or comes from an address in `SEATSERVER_OPERATORS`.
"""

from __future__ import annotations

from collections.abc import Iterable

from seatserver.access.addresses import Address, Networks
from seatserver.access.credentials import Credentials, bearer_of
from seatserver.config import Settings
from seatserver.errors import Unauthorized

METRICS = ("/api/v1/metrics",)
DOCUMENTS = ("/docs", "/openapi.json", "/asyncapi.json")
SCOPE = "admin"


class Operators:
    """Who they are, and which paths are theirs."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._credentials = credentials
        self._networks = Networks(settings.operators)
        self._paths = frozenset(
            path
            for paths, choice in ((METRICS, settings.metrics), (DOCUMENTS, settings.documents))
            for path in paths
            if settings.is_for_operators(choice)
        )

    async def check(self, path: str, headers: Iterable[tuple[bytes, bytes]], address: Address | None) -> None:
        """Raise `Unauthorized` or `Forbidden` if the path is for operators and this request is not one's."""
        if path not in self._paths or address in self._networks:
            return
        authorization = next((value.decode("latin-1") for name, value in headers if name == b"authorization"), "")
        token = bearer_of(authorization)
        if not token:
            raise Unauthorized("this is for operators: send a token with the scope admin as `Authorization: Bearer …`")
        (await self._credentials.verify(token)).require(SCOPE, f"reading {path}")
