"""How many spoken questions this process takes at once, and how much speech of one visitor in an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from seatserver.concierge.gemini import Gemini
from seatserver.concierge.model.gateway import ModelGateway
from seatserver.concierge.voice.line import Line
from seatserver.config import Settings
from seatserver.errors import Busy
from seatserver.metrics import Metrics
from seatserver.tasks import Tasks

WINDOW_S = 3600.0
RATE = 16_000
SESSION_PARTS = 8
"""An earlier session may take this part of a question's tokens at most, whenever it is read."""
BYTES_A_SECOND = 2 * RATE
"""Of a visitor's voice: 16-bit samples, one channel."""


class VoiceService:
    """The lines of this process. ``now_s`` is a clock that never goes back."""

    def __init__(
        self,
        settings: Settings,
        gemini: Gemini | None,
        gateway: ModelGateway | None,
        metrics: Metrics,
        now_s: Callable[[], float],
    ) -> None:
        """``gateway`` keeps the budgets, which pay for spoken questions too."""
        self.metrics = metrics
        self._gateway = gateway
        self._settings = settings
        self._gemini = gemini
        self._now_s = now_s
        self._tasks = Tasks()
        self._speaking: set[str] = set()
        self._window = 0
        self._heard: Counter[str] = Counter()

    @property
    def seconds(self) -> int:
        """The longest question, in seconds; 0 if this server does not listen."""
        return self._settings.hears_s

    @property
    def chars(self) -> int:
        """The longest question in writing."""
        return self._settings.concierge_chars

    @property
    def answer_s(self) -> float:
        """The longest that the concierge may take for its answer."""
        return self._settings.concierge_answer_ms / 1000

    @property
    def most_session_tokens(self) -> int:
        """A session with the model that is longer is not taken up again.

        It is read again at every step of a question, and a question is to cost no more than was charged for it.
        """
        return self._settings.gemini_turn_tokens // SESSION_PARTS

    def admit(self, user: str) -> None:
        """Count a question until `leave`.

        Raises `Busy` if there are too many, this visitor is speaking elsewhere, or has said too much.
        """
        self._begin_window()
        if user in self._speaking:
            raise Busy("listening", "is done for you in another conversation already")
        if len(self._speaking) >= self._settings.voice_at_once:
            raise Busy("listening", "is done for as many visitors as possible")
        if self._heard[user] >= self._settings.voice_user_s * BYTES_A_SECOND:
            raise Busy("listening", "was used too much in this hour")
        self._speaking.add(user)

    def leave(self, user: str) -> None:
        """This visitor's question, which was admitted, has ended."""
        self._speaking.discard(user)

    @property
    def gateway(self) -> ModelGateway:
        """What pays for a question."""
        assert self._gateway is not None, "it listens"
        return self._gateway

    def count(self, user: str, sound_bytes: int) -> None:
        """Count what a visitor has said."""
        self._begin_window()
        self._heard[user] += sound_bytes

    def line(self, config: Any) -> Line:
        """A new connection to the model."""
        assert self._gemini is not None, "it listens"
        return Line(self._tasks, self._gemini, self._settings.gemini_live_model, config)

    async def close(self) -> None:
        """End all connections."""
        await self._tasks.close()
        if self._gemini is not None:
            await self._gemini.close()

    def _begin_window(self) -> None:
        window = int(self._now_s() // WINDOW_S)
        if window != self._window:
            self._window = window
            self._heard.clear()
