"""Posters of films: uploaded once, and shown wherever a showtime names them by their hash.

The server makes a small picture of whatever is uploaded, and serves it itself. So pages and kiosks load nothing from
other hosts, which might be away, learn who looks at a film, or show another picture tomorrow.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from seatserver.api.shared import story
from seatserver.api.shared.answers import InPieces, is_kept, kept_for_ever
from seatserver.api.shared.endpoint import Call, Resource
from seatserver.api.shared.fields import Document, PosterHash
from seatserver.catalog.pictures import HEIGHT, WIDTH
from seatserver.errors import NotFound

MEDIA_TYPE = "image/webp"

PictureFile = Annotated[bytes, Meta(extra_json_schema={"type": "string", "format": "binary"})]
"""A picture of any type that is allowed, whatever type the request says it has."""
Picture = Annotated[bytes, Meta(extra_json_schema={"type": "string", "format": "binary"})]


class UploadedPoster(Document, frozen=True):
    """The poster that was made of the picture. Showtimes name it in `poster_hash`."""

    hash: PosterHash
    width: Annotated[int, Meta(description=f"In pixels, at most {WIDTH}.")]
    height: Annotated[int, Meta(description=f"In pixels, at most {HEIGHT}.")]


RESOURCE = Resource(__name__, tag="offer", examples=(UploadedPoster(hash=story.POSTER, width=WIDTH, height=HEIGHT),))


@RESOURCE.get(
    "/posters/{poster_hash}",
    answer=Picture,
    media_type=MEDIA_TYPE,
    refusals=(NotFound,),
    other_statuses={304: "You have it already (`If-None-Match`)."},
)
async def get_poster(call: Call) -> Response:
    """Get a film's poster, as WebP. It never changes; its hash is the ETag."""
    poster_hash = call.text("poster_hash")
    picture = await call.services.catalog.posters.picture(poster_hash)
    # Pages of other sites that isolate themselves may show it, too.
    headers = {
        **kept_for_ever(poster_hash),
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if is_kept(call.request, poster_hash):
        return Response(status_code=304, headers=headers)
    return InPieces(picture, headers=headers, media_type=MEDIA_TYPE)


@RESOURCE.post("/admin/posters", tag="admin", scope="admin", body_type="image/*")
async def upload_poster(call: Call, body: PictureFile) -> UploadedPoster:
    """Upload a film's poster: an upright picture, as PNG, JPEG, WebP or AVIF. Showtimes name it by its hash.

    It is stored as a small WebP without anything else of the file. One that no showtime has is deleted after a day.
    """
    poster = await call.services.catalog.posters.add(body)
    return UploadedPoster(hash=poster.hash, width=poster.width, height=poster.height)
