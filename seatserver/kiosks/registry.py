"""Which devices are kiosks: enrolment, what staff set, what a device reports, and its end.

A device makes a random key of 256 bits and keeps it; here is only its SHA-256. Until somebody approves the code on its
screen, the key is worth nothing. Afterwards it stands for one kiosk of one theatre and one sales channel. For each
customer the kiosk gets a token of its own, so that nothing of one person is left for the next. The token's user begins
with the kiosk's id, which is how revoking a kiosk ends its customers' tokens too.

Every change is one statement that may run twice, so a lost answer never needs a second thought. The socket of the
devices (`sockets.py`), REST and the command line call this.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from seatserver.access.shares import MINUTE_S, Bucket
from seatserver.access.tokens import CHANNEL_FORM, KIOSK, PUBLIC, Identity, Tokens, is_channel
from seatserver.database import Database
from seatserver.errors import BadRequest, Busy, Conflict, NotFound, TooMany, Unauthorized
from seatserver.kiosks.kiosk import COLUMNS, Kiosk, Order, Scene, hash_of, kiosk_from, kiosk_of, one_line
from seatserver.kiosks.tables import kiosk_prints, kiosks
from seatserver.shared_reads import SharedReads

log = structlog.get_logger(__name__)

CUSTOMER_SCOPES = ("hold",)
"""They neither book nor claim: what they hold is claimed with the kiosk's key, when they pay."""
CUSTOMER_S = 1800
CUSTOMERS_PER_MIN = 60
"""Most customers of one kiosk a minute, at each process: its key, in wrong hands, makes no users without end."""
REMEMBERED = timedelta(seconds=2 * CUSTOMER_S)
"""How long a revoked kiosk has to be looked for: its last customer's token has ended by then."""
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0 and O, no 1, I, L, and no U: people read a code aloud and type it."""
CODE_S = 900
WAITING_AT_MOST = 200
"""Most devices that wait for approval, so that nobody can fill the table from outside."""
CHANGEABLE = ("theatre_id", "name", "channel", "locked", "message", "card_reader", "ticket_reader")
KNOWN_FOR_S = 0.5
"""How long one process believes that a kiosk is not revoked, without asking again."""
_WAITS = kiosks.c.theatre_id.is_(None) & (kiosks.c.code_ends_at > sa.func.now())


class Kiosks:
    """All kiosks. Every method raises `Unavailable` if Postgres does not answer."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._known: SharedReads[UUID, bool] = SharedReads(size=1000, ttl_s=KNOWN_FOR_S, clock=time.monotonic)
        self._customers: dict[UUID, Bucket] = {}

    # ------------------------------------------------------------ the device

    async def introduce(self, key: str, is_agent: bool = False) -> Kiosk:
        """The device with this key. An unknown one, or one whose code is too old, gets a new code to be approved with.

        Raises `BadRequest` for a text that is no key, and `Busy` while too many devices wait.
        """
        key_hash = hash_of(key)
        async with self._database.reading() as connection:
            found = (await connection.execute(sa.select(*COLUMNS).where(kiosks.c.key_hash == key_hash))).one_or_none()
            if found is not None and (found.theatre_id is not None or found.revoked_at is not None):
                return kiosk_from(found)
            is_over = kiosks.c.theatre_id.is_(None) & (kiosks.c.code_ends_at < sa.func.now())
            await connection.execute(sa.delete(kiosks).where(is_over, kiosks.c.revoked_at.is_(None)))
            waiting = sa.select(sa.func.count()).select_from(kiosks).where(kiosks.c.theatre_id.is_(None))
            if found is None and (await connection.scalar(waiting) or 0) >= WAITING_AT_MOST:
                raise Busy("the list of devices that wait for approval")
            made = insert(kiosks).values(
                id=uuid4(),
                key_hash=key_hash,
                code=_new_code(),
                is_agent=is_agent,
                code_ends_at=sa.func.now() + timedelta(seconds=CODE_S),
            )
            # Two windows of one device meet the same row.
            same = made.on_conflict_do_update(index_elements=["key_hash"], set_={"key_hash": key_hash})
            return kiosk_from((await connection.execute(same.returning(*COLUMNS))).one())

    async def authenticate(self, key: str) -> Kiosk:
        """The kiosk with this key. Raises `Unauthorized` unless it is enrolled and not revoked."""
        key_hash = _hash_or_refuse(key)
        kiosk = (await self.with_hashes([key_hash])).get(key_hash)
        if kiosk is None or kiosk.theatre_id is None or kiosk.is_agent:
            raise Unauthorized("this device is not enrolled: approve the code on its screen first")
        if kiosk.revoked_at_ms is not None:
            raise Unauthorized("this kiosk was revoked: enrol the device again")
        return kiosk

    async def report(self, kiosk_id: UUID, scene: Scene) -> None:
        """Note what a kiosk's page shows, and that it is alive."""
        told = sa.update(kiosks).where(kiosks.c.id == kiosk_id)
        left = None if scene.left_ms is None else sa.func.now() + timedelta(milliseconds=scene.left_ms)
        values = {
            "release": scene.release,
            "shows": scene.shows,
            "visit": scene.visit,
            "showing": one_line(scene.showing),
            "seats": one_line(scene.seats),
            "hold_ends_at": left,
            "camera": scene.camera,
            "help_at": sa.func.coalesce(kiosks.c.help_at, sa.func.now()) if scene.help else None,
            "seen_at": sa.func.now(),
        }
        async with self._database.reading() as connection:
            await connection.execute(told.values(**values))

    def customer(self, kiosk: Kiosk) -> tuple[str, str]:
        """A token for the next person at the kiosk, and its user.

        Raises `Conflict` while the kiosk is locked, and `TooMany` if it asks more often than people can come.
        """
        if kiosk.locked:
            raise Conflict(f"the kiosk {kiosk.name!r} is locked: unlock it in /ops")
        bucket = self._customers.setdefault(kiosk.id, Bucket(CUSTOMERS_PER_MIN / MINUTE_S, CUSTOMERS_PER_MIN))
        if wait_s := bucket.take(time.monotonic()):
            raise TooMany("customers", wait_s)
        user_id = f"{KIOSK}{kiosk.id.hex}:{secrets.token_urlsafe(9)}"
        return self._tokens.mint(user_id, CUSTOMER_SCOPES, CUSTOMER_S, kiosk.channel), user_id

    async def check_customer(self, identity: Identity) -> None:
        """Raise `Unauthorized` if this is a customer of a kiosk that was revoked; anybody else passes."""
        kiosk_id = kiosk_of(identity.user_id)
        if kiosk_id is not None and not await self.is_live(kiosk_id):
            raise Unauthorized("this kiosk was revoked")

    async def is_live(self, kiosk_id: UUID) -> bool:
        """Whether there is such a kiosk and it was not revoked, as of half a second ago at most."""
        return await self._known.get(kiosk_id, lambda: self._is_live(kiosk_id))

    async def _is_live(self, kiosk_id: UUID) -> bool:
        alive = sa.select(kiosks.c.id).where(kiosks.c.id == kiosk_id, kiosks.c.revoked_at.is_(None))
        async with self._database.reading() as connection:
            return await connection.scalar(alive) is not None

    async def with_hashes(self, key_hashes: Iterable[bytes]) -> dict[bytes, Kiosk]:
        """The devices with these hashes of keys, by hash."""
        found = sa.select(*COLUMNS).where(kiosks.c.key_hash.in_(list(key_hashes)))
        async with self._database.reading() as connection:
            return {row.key_hash: kiosk_from(row) for row in (await connection.execute(found)).all()}

    async def revoked_lately(self) -> set[UUID]:
        """The revoked kiosks that may still have customers with a token."""
        lately = sa.select(kiosks.c.id).where(kiosks.c.revoked_at > sa.func.now() - REMEMBERED)
        async with self._database.reading() as connection:
            return set((await connection.scalars(lately)).all())

    # ------------------------------------------------------------ staff

    async def all(self) -> list[Kiosk]:
        """All enrolled kiosks that are not revoked, by theatre and name."""
        listed = (
            sa.select(*COLUMNS)
            .where(kiosks.c.theatre_id.is_not(None), kiosks.c.revoked_at.is_(None), ~kiosks.c.is_agent)
            .order_by(kiosks.c.theatre_id, kiosks.c.name, kiosks.c.id)
        )
        async with self._database.reading() as connection:
            return [kiosk_from(row) for row in (await connection.execute(listed)).all()]

    async def enrol(self, code: str, *, theatre_id: str, name: str, channel: str, by: str) -> Kiosk:
        """Approve the device that shows ``code``. Repeating it gives the same answer.

        Raises `NotFound` for a code that no waiting device shows, and `BadRequest` for an unknown theatre or a text
        that names no channel.
        """
        code, name = tidied(code), one_line(name, "name")
        _check_channel(channel)
        given = {"theatre_id": theatre_id, "name": name, "channel": channel}
        waits = _WAITS
        is_repeated = sa.and_(*(kiosks.c[field] == value for field, value in given.items()))
        enrolled = (
            sa.update(kiosks)
            .where(kiosks.c.code == code, kiosks.c.revoked_at.is_(None), ~kiosks.c.is_agent, waits | is_repeated)
            .values(
                **given,
                enrolled_at=sa.func.coalesce(kiosks.c.enrolled_at, sa.func.now()),
                enrolled_by=sa.func.coalesce(kiosks.c.enrolled_by, by),
            )
        )
        kiosk = await self._changed(enrolled, theatre_id)
        if kiosk is None:
            raise NotFound("device waiting with the code", code)
        log.info("kiosk enrolled", kiosk=str(kiosk.id), name=name, theatre=theatre_id, channel=channel, by=by)
        return kiosk

    async def enrol_agent(self, kiosk_id: UUID, code: str, by: str) -> Kiosk:
        """Approve the agent that shows ``code``: it prints for this kiosk. The one before it is revoked.

        Repeating it gives the same answer: the kiosk. Raises `NotFound` for a code that no agent shows, and for a kiosk
        that there is not.
        """
        code = tidied(code)
        kiosk = next((one for one in await self.all() if one.id == kiosk_id), None)
        if kiosk is None:
            raise NotFound("kiosk", str(kiosk_id))
        is_meant = (kiosks.c.code == code) & kiosks.c.is_agent & kiosks.c.revoked_at.is_(None)
        enrolled = (
            sa.update(kiosks)
            .where(is_meant, _WAITS | (kiosks.c.agent_of == kiosk_id))
            .values(
                agent_of=kiosk_id,
                theatre_id=kiosk.theatre_id,
                name=kiosk.name,
                enrolled_at=sa.func.coalesce(kiosks.c.enrolled_at, sa.func.now()),
                enrolled_by=sa.func.coalesce(kiosks.c.enrolled_by, by),
            )
        )
        async with self._database.transaction() as connection:
            agent: UUID | None = await connection.scalar(enrolled.returning(kiosks.c.id))
            if agent is None:
                raise NotFound("agent waiting with the code", code)
            await _revoke_agents(connection, kiosk_id, by, but=agent)
        log.info("printer enrolled", kiosk=str(kiosk_id), agent=str(agent), by=by)
        return kiosk

    async def revoke_agent(self, kiosk_id: UUID, by: str) -> Kiosk:
        """End a kiosk's agent for good: its key is refused from now on. Raises `NotFound` for an unknown kiosk."""
        kiosk = next((one for one in await self.all() if one.id == kiosk_id), None)
        async with self._database.transaction() as connection:
            await _revoke_agents(connection, kiosk_id, by)
        return self._told(kiosk, kiosk_id, "printer revoked", by=by)

    async def note_printer(self, kiosk_id: UUID, agent_id: UUID, printer: str, release: str) -> None:
        """Note what an agent says of its kiosk's printer."""
        told = sa.update(kiosks).where(kiosks.c.id == kiosk_id)
        alive = sa.update(kiosks).where(kiosks.c.id == agent_id)
        async with self._database.reading() as connection:
            await connection.execute(told.values(printer=printer, printer_at=sa.func.now()))
            await connection.execute(alive.values(release=release, seen_at=sa.func.now()))

    async def change(self, kiosk_id: UUID, changes: Mapping[str, Any], by: str) -> Kiosk:
        """Name, move, lock or unlock a kiosk, or change the message on it. What is not in ``changes`` stays as it is.

        They are some of `CHANGEABLE`. Raises `NotFound`, and `BadRequest` also for the card reader of another kiosk.
        """
        given = {field: changes[field] for field in CHANGEABLE if field in changes}
        if "channel" in given:
            _check_channel(given["channel"])
        if "name" in given:
            given["name"] = one_line(given["name"], "name")
        if "message" in given:
            given["message"] = one_line(given["message"])
        if reader := given.get("card_reader"):
            await self._check_reader(kiosk_id, reader)
        # To set something to what it is already changes nothing, but tells whether there is such a kiosk.
        changed = _live(kiosk_id).values(**(given or {"id": kiosk_id}))
        kiosk = await self._changed(changed, given.get("theatre_id", ""))
        if names := {field: given[field] for field in ("name", "theatre_id") if field in given}:
            async with self._database.reading() as connection:  # what its agent says that it prints for
                await connection.execute(sa.update(kiosks).where(kiosks.c.agent_of == kiosk_id).values(**names))
        return self._told(kiosk, kiosk_id, "kiosk changed", by=by, **given)

    async def _check_reader(self, kiosk_id: UUID, reader: str) -> None:
        """Refuse a reader that another kiosk has: it would send its people to where other people pay."""
        other = next((one for one in await self.all() if one.card_reader == reader and one.id != kiosk_id), None)
        if other is not None:
            raise BadRequest(f"{reader} is the card reader of {other.name!r}: take it away there first", "card_reader")

    async def note_readers(self, online: Collection[UUID]) -> None:
        """Note that the card readers of these kiosks are online."""
        noted = sa.update(kiosks).where(kiosks.c.id.in_(online)).values(reader_seen_at=sa.func.now())
        async with self._database.reading() as connection:
            await connection.execute(noted)

    async def reload(self, kiosk_id: UUID, by: str) -> Kiosk:
        """Load the kiosk's page again, as soon as nobody uses it. Raises `NotFound`."""
        kiosk = await self._changed(_live(kiosk_id).values(reloads=kiosks.c.reloads + 1))
        return self._told(kiosk, kiosk_id, "kiosk reloaded", by=by)

    async def order(self, kiosk_id: UUID, what: Order, visit: str, by: str) -> Kiosk:
        """Have a kiosk's page do something for the person whom it names ``visit``, and for nobody after them.

        Raises `NotFound`, and `Conflict` if somebody else is there by now.
        """
        ordered = _live(kiosk_id).where(kiosks.c.visit == visit)
        kiosk = await self._changed(
            ordered.values(order_number=kiosks.c.order_number + 1, order_what=what, order_visit=visit)
        )
        if kiosk is None and await self.is_live(kiosk_id):
            raise Conflict("the person whom this was for has gone: look again at what the kiosk shows")
        return self._told(kiosk, kiosk_id, "kiosk was given an order", by=by, order=what)

    async def revoke(self, kiosk_id: UUID, by: str) -> Kiosk:
        """End a kiosk for good: its key and its customers' tokens are refused from now on. Raises `NotFound`."""
        ended = (
            sa.update(kiosks)
            .where(sa.or_(kiosks.c.id == kiosk_id, kiosks.c.agent_of == kiosk_id), kiosks.c.theatre_id.is_not(None))
            .values(
                revoked_at=sa.func.coalesce(kiosks.c.revoked_at, sa.func.now()),
                revoked_by=sa.func.coalesce(kiosks.c.revoked_by, by),
            )
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(ended.returning(*COLUMNS))).all()
        found = next((kiosk_from(row) for row in rows if row.id == kiosk_id), None)
        kiosk = self._told(found, kiosk_id, "kiosk revoked", by=by)
        self._known.forget(kiosk_id)
        return kiosk

    async def _changed(self, change: sa.Update, theatre_id: str = "") -> Kiosk | None:
        try:
            async with self._database.reading() as connection:
                row = (await connection.execute(change.returning(*COLUMNS))).one_or_none()
        except sa.exc.IntegrityError:
            raise BadRequest(f"there is no theatre {theatre_id!r}", "theatre_id") from None
        return None if row is None else kiosk_from(row)

    def _told(self, kiosk: Kiosk | None, kiosk_id: UUID, event: str, **facts: Any) -> Kiosk:
        if kiosk is None:
            raise NotFound("kiosk", str(kiosk_id))
        log.info(event, kiosk=str(kiosk_id), **facts)
        return kiosk


def tidied(code: str) -> str:
    """A code as it is stored, however it was typed: capitals, in two groups of four."""
    letters = re.sub(r"[^0-9A-Za-z]", "", code).upper()
    return f"{letters[:4]}-{letters[4:20]}"


def _hash_or_refuse(key: str) -> bytes:
    try:
        return hash_of(key)
    except BadRequest as error:
        raise Unauthorized(error.message) from None


async def _revoke_agents(connection: AsyncConnection, kiosk_id: UUID, by: str, but: UUID | None = None) -> None:
    """Revoke the agents of a kiosk, but for one."""
    others = sa.update(kiosks).where(kiosks.c.agent_of == kiosk_id, kiosks.c.revoked_at.is_(None))
    if but is not None:
        others = others.where(kiosks.c.id != but)
    revoked = await connection.execute(others.values(revoked_at=sa.func.now(), revoked_by=by))
    if revoked.rowcount:  # what they have printed is in their journals, which another one has not
        sent = sa.update(kiosk_prints).where(kiosk_prints.c.kiosk_id == kiosk_id, kiosk_prints.c.status == "sent")
        await connection.execute(sent.values(status="unsure"))


def _live(kiosk_id: UUID) -> sa.Update:
    return sa.update(kiosks).where(
        kiosks.c.id == kiosk_id, kiosks.c.theatre_id.is_not(None), kiosks.c.revoked_at.is_(None)
    )


def _new_code() -> str:
    return tidied("".join(secrets.choice(CODE_LETTERS) for _ in range(8)))


def _check_channel(channel: str) -> None:
    if channel != PUBLIC and not is_channel(channel):
        raise BadRequest(f"channel is {channel[:80]!r}: {CHANNEL_FORM}", "channel")
