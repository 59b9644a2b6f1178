"""Writes `openapi.json` and `asyncapi.json` from the code: ``python -m seatserver.api.documents``.

The files are committed, so that a review shows every change of an interface. A test compares them with the code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OPENAPI_FILE = Path(__file__).with_name("openapi.json")
ASYNCAPI_FILE = Path(__file__).with_name("asyncapi.json")


def generated() -> dict[Path, str]:
    """The content that each file should have."""
    from seatserver.api.asyncapi import asyncapi
    from seatserver.api.openapi import openapi

    return {OPENAPI_FILE: _text(openapi()), ASYNCAPI_FILE: _text(asyncapi())}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write both files."""
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
