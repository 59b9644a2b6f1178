"""Promises of the picture: every seat is on it with its text and its score, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatserver.demo.halls import demo_halls, grand_hall, studio
from seatserver.seatmaps.drawing.svg import PITCH, SCALE, _luminance, draw_svg
from seatserver.seatmaps.model import GeneralArea, SeatMap
from seatserver.seatmaps.search.best import Wish, best_offers, cost_of
from seatserver.seatmaps.search.score import focal_point
from tests.unit.seatmaps.halls import grid_halls, with_areas

SVG = "{http://www.w3.org/2000/svg}"
LAWN = GeneralArea(key="lawn", name="Lawn", category="standard", capacity=20, x=6, y=24, width=8, height=3)


def drawn(seat_map: SeatMap, party: int | None = None) -> Element:
    return ElementTree.fromstring(draw_svg(seat_map, party=party))


def titles(svg: Element) -> list[str]:
    """The texts of everything in the hall that has one of its own."""
    return [found.text or "" for found in svg.findall(f".//{SVG}g[@role='img']/{SVG}title")]


def seats_of(svg: Element) -> dict[str, Element]:
    """Every seat's label and its element."""
    rows = svg.findall(f".//{SVG}g[@role='group']")
    seats = [seat for row in rows for seat in row.findall(f"{SVG}g[@role='img']")]
    return {(seat.findtext(f"{SVG}title") or "").split(",")[0]: seat for seat in seats}


def cushion(seat: Element) -> Element:
    found = seat.find(f"{SVG}rect")
    assert found is not None
    return found


@given(grid_halls())
def test_every_seat_is_drawn_where_it_stands_with_its_label(hall: SeatMap) -> None:
    seats = seats_of(drawn(hall))
    assert set(seats) == set(hall.index_by_label)
    first, *others = hall.seats
    origin = cushion(seats[first.label])
    for seat in others:
        at = cushion(seats[seat.label])
        for part in ("x", "y"):
            moved = float(at.attrib[part]) - float(origin.attrib[part])
            assert moved == pytest.approx((getattr(seat, part) - getattr(first, part)) * PITCH, abs=0.11)


@given(grid_halls(), st.integers(1, 6))
def test_everything_is_inside_the_picture(hall: SeatMap, party: int) -> None:
    svg = drawn(hall, party)
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    hall_group = next(
        group for group in svg.findall(f"{SVG}g") if group.find(f"{SVG}path[@class='screen']") is not None
    )
    found = re.fullmatch(r"translate\((\S+) (\S+)\)", hall_group.attrib["transform"])
    assert found is not None
    left, top = map(float, found.groups())
    for rect in hall_group.iter(f"{SVG}rect"):
        x, y, wide, high = (float(rect.attrib[part]) for part in ("x", "y", "width", "height"))
        assert 0 <= left + x <= left + x + wide <= width
        assert 0 <= top + y <= top + y + high <= height


@pytest.mark.parametrize("hall", demo_halls(), ids=lambda hall: hall.name)
def test_the_colour_of_a_seat_is_its_score_as_best_available_counts_it(hall: SeatMap) -> None:
    seats = seats_of(drawn(hall))
    costs = {}
    for index, seat in enumerate(hall.seats):
        special = seat.kind in ("wheelchair", "companion")
        offer = cost_of(hall, [index], Wish(count=1, wheelchairs=int(special)))
        costs[seat.label] = offer.cost
        assert (seats[seat.label].findtext(f"{SVG}desc") or "").startswith(f"cost {offer.cost:.1f}: distance")
    ranked = sorted(costs, key=costs.__getitem__)
    colors = [cushion(seats[label]).attrib["fill"] for label in ranked]
    assert (colors[0], colors[-1]) == (SCALE[0], SCALE[-1])
    lightness = [_luminance(color) for color in colors]
    assert all(one >= other - 1e-3 for one, other in pairwise(lightness))


def test_the_best_seats_for_a_party_are_marked() -> None:
    hall = grand_hall()
    [offer] = best_offers(hall, bytes(hall.place_count), Wish(count=4))
    svg = drawn(hall, 4)
    marks = svg.findall(f"{SVG}g[@transform]/{SVG}rect[@class='offer']")
    spots = {(hall.seats[seat].x * PITCH, hall.seats[seat].y * PITCH) for seat in offer.seats}
    middles = {tuple(float(mark.attrib[part]) + PITCH / 2 for part in ("x", "y")) for mark in marks[:4]}
    assert {tuple(map(round, middle)) for middle in middles} == {tuple(map(round, spot)) for spot in spots}
    ends = f"{hall.seats[offer.seats[0]].label} to {hall.seats[offer.seats[-1]].label}"
    assert f"Best for 4 people: {ends}" in [text.text for text in svg.iter(f"{SVG}text")]


def test_the_picture_says_when_a_party_finds_no_seats() -> None:
    texts = [text.text for text in drawn(with_areas(studio(), []), 50).iter(f"{SVG}text")]
    assert any((text or "").startswith(("Best for 50 people", "No seats for 50 people")) for text in texts)


def test_the_focal_point_the_areas_and_the_kinds_have_texts() -> None:
    hall = with_areas(grand_hall(), [LAWN])
    found = titles(drawn(hall))
    assert "The focal point, where one sees best" in found
    assert "Lawn: 20 places without numbers, Standard" in found
    assert "F-2, Standard, wheelchair place" in found
    assert "N-9, Sofa for two, sofa, left, only together with N-10" in found
    circle = drawn(hall).find(f".//{SVG}circle[@class='focal']")
    assert circle is not None
    x, y = focal_point(hall)
    assert (float(circle.attrib["cx"]), float(circle.attrib["cy"])) == pytest.approx((x * PITCH, y * PITCH), abs=0.1)


def test_a_hall_of_areas_alone_is_drawn() -> None:
    parts = {field: getattr(studio(), field) for field in ("name", "categories", "screen")}
    hall = SeatMap.build(**parts, seats=(), general_areas=[LAWN])
    assert titles(drawn(hall, 2)) == ["Lawn: 20 places without numbers, Standard"]


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12))
def test_names_are_text_whatever_they_say(name: str) -> None:
    hall = studio()
    category = msgspec.structs.replace(hall.categories[0], name=f"{name}<script>&'\"")
    renamed = msgspec.structs.replace(
        hall,
        name=f"</title><script>{name}",
        categories=(category, *hall.categories[1:]),
        seats=(msgspec.structs.replace(hall.seats[0], row=f"<{name[:8]}"), *hall.seats[1:]),
    )
    renamed.validate()
    svg = drawn(renamed)
    assert svg.findtext(f"{SVG}title") == f"</title><script>{name}"
    assert titles(svg)[0].startswith(f"<{name[:8]}-1, {name}<script>&'\"")
    plain = drawn(hall)
    assert {element.tag for element in svg.iter()} == {element.tag for element in plain.iter()}


def test_the_picture_loads_nothing_from_elsewhere() -> None:
    svg = draw_svg(with_areas(grand_hall(), [LAWN]), party=4)
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert set(re.findall(r"url\([^)]*\)", svg)) == {"url(#scale)"}
    assert not re.search(r"href|@import|<script|<image|<foreignObject", svg)
    assert "prefers-color-scheme: dark" in svg
