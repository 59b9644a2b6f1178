"""Theatres and their auditoriums."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from seatserver.api.shared import story
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Address, Document, Id, Name
from seatserver.catalog.catalog import Auditorium, Theatre


class PutTheatre(Document, frozen=True):
    """A theatre."""

    name: Name
    timezone: Annotated[str, Meta(max_length=64, description="IANA name, such as Europe/Berlin.")]
    address: Address = ""


class PutAuditorium(Document, frozen=True):
    """An auditorium of a theatre."""

    theatre_id: Id
    name: Name


class AuditoriumView(Document, frozen=True):
    """An auditorium."""

    id: Id
    name: Name


class TheatreView(Document, frozen=True):
    """A theatre and its auditoriums."""

    id: Id
    name: Name
    timezone: str
    address: Address
    auditoriums: tuple[AuditoriumView, ...]


class Theatres(Document, frozen=True):
    """All theatres."""

    theatres: tuple[TheatreView, ...]


STUDIO = AuditoriumView(id="studio", name="Studio")
ODEON = TheatreView(id="odeon", name="Odeon", timezone="Europe/Berlin", address=story.ADDRESS, auditoriums=(STUDIO,))
RESOURCE = Resource(
    __name__,
    tag="offer",
    examples=(
        PutTheatre(name="Odeon", timezone="Europe/Berlin", address=story.ADDRESS),
        PutAuditorium(theatre_id="odeon", name="Studio"),
        STUDIO,
        ODEON,
        Theatres(theatres=(ODEON,)),
    ),
)


@RESOURCE.get("/theatres")
async def get_theatres(call: Call) -> Theatres:
    """List all theatres with their auditoriums."""
    found = await call.services.catalog.theatres()
    return Theatres(theatres=tuple(_view(theatre, halls) for theatre, halls in found))


@RESOURCE.put("/admin/theatres/{theatre_id}", tag="admin", scope="admin")
async def put_theatre(call: Call, body: PutTheatre) -> TheatreView:
    """Create or change a theatre."""
    theatre = Theatre(id=call.text("theatre_id"), name=body.name, timezone=body.timezone, address=body.address)
    await call.services.catalog.put_theatre(theatre)
    halls = next((halls for known, halls in await call.services.catalog.theatres() if known.id == theatre.id), [])
    return _view(theatre, halls)


@RESOURCE.put("/admin/auditoriums/{auditorium_id}", tag="admin", scope="admin")
async def put_auditorium(call: Call, body: PutAuditorium) -> AuditoriumView:
    """Create or change an auditorium."""
    auditorium = Auditorium(id=call.text("auditorium_id"), theatre_id=body.theatre_id, name=body.name)
    await call.services.catalog.put_auditorium(auditorium)
    return AuditoriumView(id=auditorium.id, name=auditorium.name)


def _view(theatre: Theatre, halls: list[Auditorium]) -> TheatreView:
    return TheatreView(
        id=theatre.id,
        name=theatre.name,
        timezone=theatre.timezone,
        address=theatre.address,
        auditoriums=tuple(AuditoriumView(id=hall.id, name=hall.name) for hall in halls),
    )
