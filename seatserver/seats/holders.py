"""Who has held a seat, and when they may take it again.

A hold ends, but its owner could make another one, or book to pay later and cancel, again and again. So the time that a
seat has been held is counted for the seat and the people, not for one hold's id:

- A person may hold a seat for `SEATSERVER_HOLD_TOTAL_MS` in total, over any number of holds. Time during which a
  booking waits for its payment counts too. A new hold of the same seat lasts, with extensions, no longer than what is
  left of that. A hold that would get less than a tenth of an ordinary one is not made.
- After that the seat is refused to this person as ``cooling`` until it has been free for `SEATSERVER_HOLD_PAUSE_MS`.
  The refusal says when that will be, unless somebody else takes the seat first. So others get their chance.
- The seat must really be free during the pause. Otherwise two people who take turns could keep it for ever. A person's
  time is forgotten after the longest time that one other person can have the seat, and the pause.
- Only one's own time counts, and only for this seat. All other seats may be taken at once.
- Guests get new names for free, so they are also known by their network: for a seat, all guests of one network (an IPv4
  address, or 64 bits of an IPv6 address) count as one person. A family that chooses different seats never notices.
  Users with an account are known by that alone.
- Sales channels are exempt, because a counter or a kiosk holds for one customer after the other.

A place in a general area is a seat like any other. The script takes places to which none of this applies first, so an
area is refused as ``cooling`` only if no other places are left.

The scripts of ``lua/`` apply the rules in the same atomic step as the hold (``had_it.lua``, ``ended.lua`` and
``remember.lua`` in ``parts/``). This module says how they are told who makes a hold. Redis gets no addresses and no
names for this: see `seatserver.access.networks`.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from seatserver.config import Settings

NAME_BYTES = 9
"""72 bits of a digest, which base64 writes without padding: too many for two people of a showtime to share."""


def people_of(settings: Settings, user_id: str, network: str) -> str:
    """The people of a hold, in the form that the scripts read: ``pause_ms|memory_ms|name,name``.

    ``network`` is a guest's, as named by `seatserver.access.networks`, and empty for everybody else.
    """
    name = _name_of(user_id)
    names = f"{name},n{network}" if network else name
    return f"{settings.hold_pause_ms}|{memory_ms(settings)}|{names}"


@lru_cache(maxsize=4096)
def _name_of(user_id: str) -> str:
    user = hashlib.blake2b(user_id.encode(), digest_size=NAME_BYTES).digest()
    return "u" + base64.urlsafe_b64encode(user).decode()


def memory_ms(settings: Settings) -> int:
    """How long a person is remembered: as long as another person can keep the seat, plus the pause."""
    return settings.hold_total_ms + settings.checkout_ms + settings.claim_ms + settings.hold_pause_ms
