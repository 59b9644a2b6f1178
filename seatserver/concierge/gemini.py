"""The way to Gemini: the google-genai client with this server's settings.

It reads no key and no address from the environment, only the proxies and certificates that httpx and websockets read
there. google-genai is imported only if there is a key, because the import takes half a second. What people write is
asked in a process of its own (`model.asking`), which makes its client there. A server that hears visitors speaks to the
Live API itself, and makes its client before it serves anybody. Without a key there is no client, and nothing is sent to
Google.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import msgspec

from seatserver.config import Settings

if TYPE_CHECKING:
    from google.genai.client import AsyncClient

CONNECTIONS = 200
"""Most at the same time, in one process: as many as answers."""


class Access(msgspec.Struct, frozen=True):
    """How a model is reached. ``step_ms`` is the longest that each step of a request may take."""

    api_key: str
    url: str
    model: str
    step_ms: int


def access_of(settings: Settings) -> Access:
    """The settings' key, address and model."""
    return Access(settings.gemini_api_key, settings.gemini_url, settings.gemini_model, settings.gemini_turn_ms)


class Gemini:
    """A client that is open until `close`: ``aio`` is google-genai's, ``model`` the name of the model to ask."""

    def __init__(self, access: Access) -> None:
        from google.genai import Client, types

        # A client of our own: with another HTTP library installed, google-genai would pick that one, which waits up to
        # ten seconds before it repeats a request.
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )
        client = Client(
            vertexai=False,
            api_key=access.api_key,
            http_options=types.HttpOptions(
                base_url=access.url,
                api_version="v1beta",
                # It is set here because google-genai overrules that of the HTTP client.
                timeout=access.step_ms,
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http,
            ),
        )
        self.aio: AsyncClient = client.aio
        self.model = access.model

    async def close(self) -> None:
        """Close its connections. Answers that are still being given end."""
        await self.aio.aclose()
        await self._http.aclose()


def client_of(settings: Settings) -> Gemini | None:
    """A client for the settings' key and address; None without a key.

    It repeats nothing by itself: whoever asks knows how long the visitor has waited already.
    """
    return Gemini(access_of(settings)) if settings.gemini_api_key else None
