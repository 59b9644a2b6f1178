"""Pictures to upload as posters."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def picture(kind: str, width: int = 400, height: int = 600, *, color: str = "red", **more: Any) -> bytes:
    """A file with one colour. ``mode`` is Pillow's; ``moving`` adds a second frame; the rest goes into the file."""
    mode, moving = more.pop("mode", "RGB"), more.pop("moving", False)
    image = Image.new("RGB", (width, height), color).convert(mode)
    if moving:
        more |= {"save_all": True, "append_images": [Image.new("RGB", (width, height), "white")], "duration": 100}
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()
