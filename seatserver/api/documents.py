"""Writes what is made from the code and committed: ``python -m seatserver.api.documents``.

That is `openapi.json`, `asyncapi.json`, and `contract.js`: what the JavaScript client knows of the socket's commands.
The files are committed, so that a review shows every change of an interface. A test compares them with the code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

OPENAPI_FILE = Path(__file__).with_name("openapi.json")
ASYNCAPI_FILE = Path(__file__).with_name("asyncapi.json")
CLIENT_FILE = Path(__file__).parents[1] / "web" / "seat-map" / "client" / "contract.js"


def generated() -> dict[Path, str]:
    """The content that each file should have."""
    from seatserver.api.asyncapi import asyncapi
    from seatserver.api.openapi import openapi
    from seatserver.wire.javascript import contract

    return {OPENAPI_FILE: _text(openapi()), ASYNCAPI_FILE: _text(asyncapi()), CLIENT_FILE: contract()}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all files."""
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
