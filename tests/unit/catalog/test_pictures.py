"""Whatever a cinema has of a film's poster becomes a small picture that every browser shows alike."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from PIL import ExifTags, Image, ImageCms

from seatserver.catalog.pictures import HEIGHT, WIDTH, Poster, poster_from
from seatserver.errors import BadRequest
from tests.support.pictures import picture

MAKE = """
import re, sys
from pathlib import Path
from seatserver.catalog.pictures import poster_from
poster_from(sys.stdin.buffer.read())
# Not `ru_maxrss`: that remembers the process which started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def shown(poster: Poster) -> Image.Image:
    return Image.open(io.BytesIO(poster.content))


def colour(poster: Poster, x: int = 5, y: int = 5) -> tuple[int, ...]:
    found = shown(poster).convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def is_near(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_every_allowed_type_becomes_a_webp_of_the_same_colours(kind: str) -> None:
    poster = poster_from(picture(kind, color="#20a060"))
    assert shown(poster).format == "WEBP"
    assert (poster.width, poster.height) == shown(poster).size == (400, 600)
    assert is_near(colour(poster), (0x20, 0xA0, 0x60))


@pytest.mark.parametrize("size", [(4000, 6000), (2500, 2500), (1500, 3000)])
def test_a_large_picture_is_made_as_small_as_pages_show_it_and_keeps_its_shape(size: tuple[int, int]) -> None:
    poster = poster_from(picture("JPEG", *size))
    assert poster.width <= WIDTH and poster.height <= HEIGHT
    assert poster.width == WIDTH or poster.height == HEIGHT
    assert abs(poster.width / poster.height - size[0] / size[1]) < 0.01


def test_a_picture_that_is_as_large_as_may_be_is_in_memory_twice_at_most() -> None:
    # Its pixels are 96 MB, and as much again while those that one sees through are made smaller. Pillow itself has 40.
    large = picture("PNG", 4000, 6000, mode="RGBA")
    made = subprocess.run([sys.executable, "-c", MAKE], input=large, capture_output=True, check=True)
    assert int(made.stdout) < 380


@pytest.mark.parametrize("mode", ["1", "P"])
def test_what_is_made_smaller_has_the_shades_between_its_colours(mode: str) -> None:
    file = io.BytesIO()
    checked = Image.new("L", (1440, 2160))
    checked.paste(255, (0, 0, 719, 2160))
    checked.convert(mode).save(file, "PNG")
    assert 100 < colour(poster_from(file.getvalue()), 359)[0] < 160


def test_the_colours_of_print_become_those_of_screens() -> None:
    assert is_near(colour(poster_from(picture("JPEG", mode="CMYK", color="white"))), (255, 255, 255))


@pytest.mark.parametrize("profile", [b"no profile at all", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))])
def test_a_colour_profile_that_makes_no_sense_is_passed_over(profile: bytes | ImageCms.ImageCmsProfile) -> None:
    content = profile if isinstance(profile, bytes) else profile.tobytes()
    assert is_near(colour(poster_from(picture("JPEG", icc_profile=content))), (254, 0, 0))


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA"])
def test_pictures_of_few_colours_and_transparent_ones_are_posters_too(mode: str) -> None:
    assert is_near(colour(poster_from(picture("PNG", mode=mode, color="white"))), (255, 255, 255))


def test_what_shines_through_is_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (400, 600), (0, 0, 0, 0)).save(file, "PNG")
    assert is_near(colour(poster_from(file.getvalue())), (255, 255, 255))


def test_a_photograph_is_turned_as_its_camera_says_and_nothing_else_of_the_file_is_kept() -> None:
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = 6
    notes[ExifTags.Base.Artist] = "A secret name"
    poster = poster_from(picture("JPEG", 600, 400, exif=notes, comment=b"A secret note"))
    assert (poster.width, poster.height) == (400, 600)
    assert b"secret" not in poster.content
    assert not shown(poster).getexif()


def test_the_same_picture_gets_the_same_hash() -> None:
    assert poster_from(picture("PNG")).hash == poster_from(picture("PNG")).hash
    assert poster_from(picture("PNG")).hash != poster_from(picture("PNG", color="blue")).hash


def test_more_shades_than_a_screen_has_are_refused_instead_of_shown_as_white() -> None:
    file = io.BytesIO()
    Image.new("I;16", (400, 600), 40_000).save(file, "PNG")
    with pytest.raises(BadRequest, match="8 bits"):
        poster_from(file.getvalue())


@pytest.mark.parametrize(
    ("file", "says"),
    [
        pytest.param(b"", "not a picture", id="nothing"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg' width='400' height='600'/>", "not a picture", id="svg"),
        pytest.param(picture("GIF"), "not a picture", id="gif"),
        pytest.param(picture("PNG")[:-60], "only a part", id="cut off"),
        pytest.param(picture("WEBP", moving=True), "stands still", id="moving"),
        pytest.param(picture("PNG", 600, 400), "600 × 400", id="landscape"),
        pytest.param(picture("PNG", 300, 1000), "300 × 1000", id="narrow"),
        pytest.param(picture("PNG", 100, 150), "at least 200", id="tiny"),
        pytest.param(picture("PNG", 4200, 6300, mode="1"), "25,000,000 pixels", id="too many pixels"),
    ],
)
def test_what_is_no_poster_is_refused_with_the_reason(file: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        poster_from(file)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_file_that_was_cut_off_or_garbled_never_raises_anything_but_a_bad_request(kind: str) -> None:
    whole = picture(kind)
    for length in range(0, len(whole) * 9 // 10, max(1, len(whole) // 20)):
        with pytest.raises(BadRequest):
            poster_from(whole[:length])
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        garbled = bytearray(whole)
        garbled[place] ^= 0xFF
        try:
            poster_from(bytes(garbled))
        except BadRequest:
            pass
