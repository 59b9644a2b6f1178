"""Makes a film's poster from whatever picture a cinema has of it.

Distributors send posters as JPEG with 24 million pixels, in the colours of print, with notes about who made them.
Browsers and kiosks want something small that they all show alike. So a picture is decoded, turned upright, brought to
the colours of screens, made as small as `WIDTH` and `HEIGHT`, and encoded anew as WebP. Nothing else of the file is
kept, so no poster has a script, a place where it was taken, or a second file behind the first. Pillow does the work.
It takes up to a second, and 100 MB for a JPEG, up to 450 MB for other types: do it in a thread, one at a time.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import msgspec

from seatserver.errors import BadRequest

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")
"""SVG is not among them: it may have scripts, and it looks different with other fonts."""
NAMES = "a PNG, JPEG, WebP or AVIF"
WIDTH, HEIGHT = 720, 1080
LEAST_WIDTH = 200
MOST_PIXELS = 25_000_000
NARROWEST, WIDEST = 1 / 2, 1
"""Width / height. Posters are 2:3, and pages cut off what is more."""
QUALITY = 82


class Poster(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is ready to be shown: WebP, named by the hash of its content."""

    hash: str
    content: bytes
    width: int
    height: int


def poster_from(file: bytes) -> Poster:
    """The poster that is made of this file. Raises `BadRequest` for what is no picture, or none for a poster."""
    from PIL import Image  # slow to import, and rarely needed

    try:
        with Image.open(io.BytesIO(file), formats=FORMATS) as picture:
            _check(picture)
            return poster_of(_upright(_small(picture)))
    except BadRequest:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    # Pillow's readers raise nearly anything for files that were tampered with.
    except Exception as error:
        raise BadRequest(f"the body is not a picture, or only a part of one: send {NAMES}") from error


def poster_of(picture: Image) -> Poster:
    """An upright RGB picture as a poster."""
    from PIL import Image

    small = picture.copy()
    small.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    # `icc_profile` and `exif` would be taken over from the picture.
    small.save(written, "WEBP", quality=QUALITY, method=4, icc_profile=None, exif=b"")
    content = written.getvalue()
    return Poster(
        hash=hashlib.sha256(content).hexdigest()[:32], content=content, width=small.width, height=small.height
    )


def _check(picture: Image) -> None:
    """Refuse what is no poster: what has too many pixels before any of them is decoded."""
    if getattr(picture, "is_animated", False):
        raise BadRequest("the picture moves, or the file has several: a poster is one picture that stands still")
    if picture.mode.startswith(("I", "F")):
        raise BadRequest("the picture has more shades of grey than screens have: send one with 8 bits a colour")
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise _too_many_pixels()
    if _is_on_its_side(picture):
        width, height = height, width
    if not NARROWEST <= width / height <= WIDEST:
        raise BadRequest(f"the picture is {width} × {height}: a poster is upright, best two wide to three high")
    if width < LEAST_WIDTH:
        raise BadRequest(f"the picture is {width} × {height}: a poster is at least {LEAST_WIDTH} pixels wide")


def _too_many_pixels() -> BadRequest:
    return BadRequest(f"the picture has more than {MOST_PIXELS:,} pixels: {WIDTH} × {HEIGHT} are enough")


def _is_on_its_side(picture: Image) -> bool:
    from PIL import ExifTags

    return picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)


def _small(picture: Image) -> Image:
    """The picture no larger than a poster is, before it is changed otherwise: each copy of a large one takes 100 MB."""
    from PIL import Image

    side = (HEIGHT, WIDTH) if _is_on_its_side(picture) else (WIDTH, HEIGHT)
    # These have no colour that is between two others.
    if picture.mode == "PA" or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    elif picture.mode in ("1", "P"):
        picture = picture.convert("RGB")
    # A JPEG is decoded at half or a quarter of its size where that is enough.
    picture.thumbnail(side, Image.Resampling.LANCZOS)
    return picture


def _upright(picture: Image) -> Image:
    """The picture as it is meant to be seen, in sRGB and without transparency."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        paper.alpha_composite(layer)
        return paper.convert("RGB")
    return _in_srgb(upright)


def _in_srgb(picture: Image) -> Image:
    from PIL import ImageCms

    if profile := picture.info.get("icc_profile"):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            turned = None  # a profile of another kind of picture, or a broken one
        if turned is not None:
            return turned
    return picture.convert("RGB")
