"""Who has held a seat, and when they may take it again.

A hold ends, but whoever made it could make another one, or book to pay later and cancel, for ever. So how long a seat
has been held belongs to the seat and the people, not to one hold's id:

- Somebody may hold a seat for `SEATSERVER_HOLD_TOTAL_MS` in all, over however many holds; the time in which a booking
  of theirs waits for its payment counts too. A hold of a seat that has been held before lasts, extensions included, no
  longer than what is left of that, and one that would get less than a tenth of an ordinary hold is not made.
- Then the seat is refused to them as ``cooling`` until nobody has had it for `SEATSERVER_HOLD_PAUSE_MS`. The refusal
  says when that will be, if nobody else takes it meanwhile. Whoever waited for the seat gets it in that time.
- It has to be free for the pause, not only out of their own hands: two who take turns would else keep it for ever. Of
  somebody who has not had the seat for longer than one other person can keep it, nothing is remembered.
- Everybody pays for their own time only. All other seats are theirs to take at once.
- A guest makes a new name for nothing, so guests are known by where they come from too: guests of one network (an IPv4
  address, or 64 bits of an IPv6 address) are one person to a seat. Those of a family who choose other seats than each
  other never notice. Who has an account is known by that alone.
- Sales channels are exempt: whoever sells at a counter or runs a kiosk holds for one customer after the other.

A place in a general area is a seat like any other. Of places that are as good as each other those are taken that none
of this concerns, so an area is refused as ``cooling`` only where no other places are left.

The rules are kept by the scripts of ``lua/``, atomically with what they hold (`remember` in ``past.lua``); here is
what they are told of a hold's people. In Redis there are no addresses and, for this, no names: see
`seatserver.access.networks`. This module is pure.
"""

from __future__ import annotations

import base64
import hashlib

from seatserver.config import Settings

NAME_BYTES = 9
"""Of a digest: 72 bits, which base64 writes without padding. Two people of one showtime never share one by chance."""


def people_of(settings: Settings, user_id: str, network: str) -> str:
    """Who makes a hold, as the scripts read it: ``pause_ms|memory_ms|name,name``.

    ``network`` is that of a guest, as `seatserver.access.networks` names it, empty for everybody else.
    """
    user = hashlib.blake2b(user_id.encode(), digest_size=NAME_BYTES).digest()
    names = ["u" + base64.urlsafe_b64encode(user).decode()]
    if network:
        names.append("n" + network)
    return f"{settings.hold_pause_ms}|{memory_ms(settings)}|{','.join(names)}"


def memory_ms(settings: Settings) -> int:
    """How long somebody is remembered: what one other person can keep a seat for, and the pause."""
    return settings.hold_total_ms + settings.checkout_ms + settings.claim_ms + settings.hold_pause_ms
