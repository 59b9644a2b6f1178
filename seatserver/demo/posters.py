"""The posters of the demo's films, drawn when they are needed: a picture of a few shapes above the title.

They are drawn larger than they will be and made smaller, which smooths the edges. All sizes here are shares of the
width; the height is 1.5.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from seatserver.catalog.pictures import WIDTH, Poster, poster_of

WIDE = 3 * WIDTH // 2
HIGH = 1.5
MARGIN = 0.08
LETTERS = 10
Point = tuple[float, float]
Scene = Callable[["Canvas"], None]


class Canvas:
    """A sheet of 1 by `HIGH` to draw on. Colours are texts such as ``#fff8e0``."""

    def __init__(self, top: str, bottom: str) -> None:
        gradient = Image.linear_gradient("L").resize((WIDE, round(WIDE * HIGH)))
        self.image = ImageOps.colorize(gradient, top, bottom)
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def disc(self, x: float, y: float, radius: float, color: str) -> None:
        """A filled circle around a point."""
        self._draw.ellipse(_scaled((x - radius, y - radius), (x + radius, y + radius)), fill=color)

    def ring(self, x: float, y: float, wide: float, high: float, color: str, thickness: float) -> None:
        """An ellipse with these radii."""
        box = _scaled((x - wide, y - high), (x + wide, y + high))
        self._draw.ellipse(box, outline=color, width=round(thickness * WIDE))

    def shape(self, color: str, *points: Point) -> None:
        """A filled polygon."""
        self._draw.polygon(_scaled(*points), fill=color)

    def land(self, color: str, y: float, height: float, waves: float, shift: float = 0.0) -> None:
        """Everything below a line of soft hills, or of waves."""
        steps = 120
        line = [(i / steps, y + height * math.sin(math.tau * (waves * i / steps + shift))) for i in range(steps + 1)]
        self.shape(color, *line, (1, HIGH), (0, HIGH))

    def title(self, text: str) -> None:
        """The title at the lower edge, as large as its longest line allows."""
        lines = textwrap.wrap(text, LETTERS, break_long_words=False)
        size = 100.0
        font = _font(size)
        widest = max(font.getlength(line) for line in lines)
        size = min((1 - 2 * MARGIN) * WIDE / widest * size, 0.19 * WIDE)
        font = _font(size)
        for place, line in enumerate(reversed(lines)):
            baseline = (HIGH - MARGIN) * WIDE - place * size * 0.98
            self._draw.text((MARGIN * WIDE, baseline), line, fill="#fffaf0", font=font, anchor="ls", stroke_width=2)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _scaled(*points: Point) -> Sequence[tuple[float, float]]:
    return [(x * WIDE, y * WIDE) for x, y in points]


def _winter_of_foxes(on: Canvas) -> None:
    on.disc(0.7, 0.3, 0.13, "#fff6e0")
    for x, y in ((0.1, 0.2), (0.22, 0.42), (0.35, 0.12), (0.48, 0.33), (0.88, 0.12), (0.93, 0.5), (0.08, 0.6)):
        on.disc(x, y, 0.006, "#ffffff")
    on.land("#8fb2d6", 0.66, 0.05, 1.2, 0.1)
    for x, y, size in ((0.12, 0.66, 0.16), (0.24, 0.69, 0.12), (0.87, 0.7, 0.2), (0.75, 0.72, 0.12)):
        for place in range(3):
            half, top = size * (0.32 + 0.12 * place), y - size + place * size * 0.34
            on.shape("#24486e", (x, top - size * 0.4), (x - half, top + size * 0.3), (x + half, top + size * 0.3))
    on.land("#e9f1fb", 0.8, 0.04, 0.9, 0.55)
    # The fox sits with its back to us: tail, body, ears.
    on.disc(0.6, 0.87, 0.09, "#c9541e")
    on.disc(0.665, 0.885, 0.05, "#fff4e8")
    on.shape("#e2672a", (0.35, 0.94), (0.42, 0.7), (0.54, 0.7), (0.6, 0.94))
    on.disc(0.48, 0.69, 0.085, "#e2672a")
    on.shape("#e2672a", (0.4, 0.68), (0.41, 0.54), (0.48, 0.63))
    on.shape("#e2672a", (0.48, 0.63), (0.55, 0.54), (0.56, 0.68))
    on.land("#1c3553", 0.97, 0.02, 1.6, 0.2)


def _low_tide_radio(on: Canvas) -> None:
    on.disc(0.5, 0.62, 0.3, "#ffb347")
    on.disc(0.5, 0.62, 0.22, "#ffd27a")
    for place in range(4):
        radius = 0.12 + 0.1 * place
        on.ring(0.5, 0.3, radius, radius, f"#fff4d6{200 - 40 * place:02x}", 0.012)
    on.shape("#23203f", (0.485, 0.3), (0.515, 0.3), (0.58, 0.9), (0.42, 0.9))
    for y, half in ((0.45, 0.05), (0.6, 0.075), (0.75, 0.1)):
        on.shape("#23203f", (0.5 - half, y), (0.5 + half, y), (0.5 + half, y + 0.014), (0.5 - half, y + 0.014))
    on.disc(0.5, 0.3, 0.032, "#fff4d6")
    for place, color in enumerate(("#3e5c86", "#31487a", "#26376a", "#1c2855")):
        on.land(color, 0.84 + 0.09 * place, 0.012, 2 + place * 0.5, place * 0.3)


def _paper_lighthouse(on: Canvas) -> None:
    on.shape("#ffe9a860", (0.52, 0.36), (-0.1, 0.1), (-0.1, 0.52))
    on.shape("#ffe9a860", (0.52, 0.36), (1.1, 0.16), (1.1, 0.6))
    on.shape("#f7efe2", (0.44, 0.42), (0.6, 0.42), (0.68, 1.02), (0.36, 1.02))
    on.shape("#ddd0bc", (0.53, 0.42), (0.6, 0.42), (0.68, 1.02), (0.56, 1.02))
    for y in (0.5, 0.68, 0.86):
        inset = (y - 0.42) * 0.133
        left, right = 0.44 - inset, 0.6 + inset
        on.shape("#d3493b", (left, y), (right, y), (right + 0.012, y + 0.09), (left - 0.012, y + 0.09))
    on.shape("#2c2a4a", (0.42, 0.4), (0.62, 0.4), (0.62, 0.43), (0.42, 0.43))
    on.shape("#ffe08a", (0.46, 0.31), (0.58, 0.31), (0.58, 0.4), (0.46, 0.4))
    on.shape("#d3493b", (0.43, 0.31), (0.52, 0.2), (0.61, 0.31))
    on.land("#3a6f8f", 0.98, 0.018, 2.5)
    # A paper boat.
    on.shape("#f7efe2", (0.1, 0.98), (0.32, 0.98), (0.27, 1.05), (0.15, 1.05))
    on.shape("#fffaf0", (0.21, 0.86), (0.28, 0.98), (0.14, 0.98))
    on.land("#1f4a66", 1.04, 0.016, 3, 0.4)


def _orbit_nine(on: Canvas) -> None:
    for place in range(60):
        x, y = (place * 0.6180339) % 1, (place * 0.7548776) % 1 * 1.1
        on.disc(x, y, 0.002 + 0.003 * (place % 3) / 2, "#ffffff")
    for place in range(9):
        radius = 0.3 + 0.05 * place
        on.ring(0.5, 0.52, radius, radius * 0.42, f"#9fb4ff{150 - 12 * place:02x}", 0.004)
    on.disc(0.5, 0.52, 0.24, "#ff7a59")
    on.disc(0.46, 0.48, 0.19, "#ff9a6c")
    on.disc(0.43, 0.45, 0.12, "#ffc08a")
    for place, angle, color in ((1, 2.6, "#ffe8a3"), (4, 5.6, "#7fe0d4"), (8, 1.2, "#f6f3ff")):
        radius = 0.3 + 0.05 * place
        x, y = 0.5 + radius * math.cos(angle), 0.52 + radius * 0.42 * math.sin(angle)
        on.disc(x, y, 0.022 + 0.004 * place, color)


def _saltwater_waltz(on: Canvas) -> None:
    on.disc(0.5, 0.5, 0.34, "#ffe3c2")
    # Two dancers, leaning towards each other.
    on.shape("#2a2350", (0.42, 0.4), (0.49, 0.4), (0.47, 0.95), (0.36, 0.95))
    on.disc(0.455, 0.345, 0.045, "#2a2350")
    on.shape("#c23b64", (0.51, 0.43), (0.57, 0.43), (0.72, 0.97), (0.46, 0.97))
    on.disc(0.54, 0.38, 0.04, "#c23b64")
    on.shape("#2a2350", (0.46, 0.45), (0.7, 0.36), (0.705, 0.38), (0.47, 0.49))
    for place, color in enumerate(("#58b6b4", "#38949c", "#236f82", "#174e66")):
        on.land(color, 0.86 + 0.085 * place, 0.03, 1.5 + 0.4 * place, 0.22 * place)


SCENES: dict[str, tuple[str, str, Scene]] = {
    "A Winter of Foxes": ("#1c355e", "#9fc3e6", _winter_of_foxes),
    "Low Tide Radio": ("#5b2a5e", "#ff8f5a", _low_tide_radio),
    "The Paper Lighthouse": ("#232a5c", "#c96f86", _paper_lighthouse),
    "Orbit Nine": ("#0a0a23", "#34205c", _orbit_nine),
    "Saltwater Waltz": ("#f2a57b", "#f7d6a8", _saltwater_waltz),
}
"""The colours at the top and at the bottom, and what is drawn between them, for the title of each film."""


def poster_for(title: str) -> Poster:
    """The poster of this film, which is one of `SCENES`."""
    top, bottom, draw = SCENES[title]
    canvas = Canvas(top, bottom)
    draw(canvas)
    canvas.title(title)
    return poster_of(canvas.image)
