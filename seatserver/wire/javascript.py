"""What the JavaScript client knows of the commands, as the text of its module ``contract.js``."""

from __future__ import annotations

import json
from typing import get_args

from seatserver.wire.declarations import name_of
from seatserver.wire.from_client import ClientMessage

HEAD = """\
/**
 * What the contract says of each command: the types of message that may answer it, the success first, and what to do
 * when no answer comes. `python -m seatserver.api.documents` makes this from `seatserver/wire/from_client.py`.
 */
export const COMMANDS = {
"""


def contract() -> str:
    """The module's text."""
    lines = []
    for kind in get_args(ClientMessage):
        answers = json.dumps([name_of(answer) for answer in kind.declared.answers])
        lines.append(f'  {name_of(kind)}: {{ answers: {answers}, whenLate: "{kind.declared.when_late}" }},\n')
    return HEAD + "".join(lines) + "};\n"
