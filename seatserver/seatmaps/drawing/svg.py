"""Draws a hall as an SVG picture: what it looks like, where one sees best, and what every seat is worth.

A seat's cushion has the colour of its score, which is what it costs one person as best available counts
(`search.score`); its back has the colour of its category. The picture stands alone: no fonts, images or scripts from
elsewhere, colours for light and dark rooms, and for every seat a text that a screen reader or the pointer finds. All
names are untrusted; the element tree escapes them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from seatserver.seatmaps.drawing.text import KIND_NAMES, SHAPE_OF_KIND, count_places
from seatserver.seatmaps.model import GeneralArea, SeatKind, SeatMap
from seatserver.seatmaps.search.best import Offer, Wish, best_offers, cost_of
from seatserver.seatmaps.search.score import focal_point
from seatserver.seatmaps.wording import count, listed, pitches

PITCH = 32
"""Units of the picture per seat pitch."""
SEAT = 0.74
"""A seat's width, in pitches."""
LINE = 22
"""Units from one line of the legend to the next."""
MARGIN = 24
LEAST_WIDTH = 640
MOST_PIXELS = 1600
LONGEST = 48
"""Longer names are cut in the picture; the texts of the seats have them whole."""
SCALE = ("#ffd54a", "#a5cc5b", "#4fae82", "#33809b", "#4a5596", "#4b2f73")
"""From the best score to the worst. Lightness falls all the way, so the scale reads without colour vision."""
EVEN_LUMINANCE = 0.2
"""Dark text reads better on brighter colours, white text on darker ones."""
STYLE = """
svg { color-scheme: light dark; --paper: #ffffff; --ink: #1d2433; --soft: #667085; --mark: #d6246e;
  font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #12161f; --ink: #e9edf5; --soft: #9aa5b8; --mark: #ff6aa8; }
}
text { fill: var(--ink); }
.paper { fill: var(--paper); }
.soft { fill: var(--soft); }
.name { font-size: 20px; font-weight: 600; }
.row { fill: var(--soft); dominant-baseline: central; }
.number { font-size: 10px; font-weight: 600; text-anchor: middle; dominant-baseline: central; }
.on-light { fill: #1d2433; }
.on-dark { fill: #ffffff; }
.kind { font-size: 12px; font-weight: 700; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.back { fill: none; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
.joint { stroke-width: 5; }
.screen { fill: none; stroke: var(--ink); stroke-width: 5; stroke-linecap: round; }
.area { stroke-width: 2; stroke-dasharray: 6 4; fill-opacity: 0.14; }
.focal { fill: none; stroke: var(--ink); stroke-width: 2; }
.focal-halo { fill: none; stroke: var(--paper); stroke-width: 5; }
.offer { fill: none; stroke: var(--mark); stroke-width: 3; }
"""


class Box(NamedTuple):
    """The part of the hall in the picture, in pitches."""

    left: float
    top: float
    right: float
    bottom: float


def draw_svg(seat_map: SeatMap, *, party: int | None = None) -> str:
    """The picture of a validated hall. With ``party``, the best offer for so many people is marked."""
    box = _box(seat_map)
    width = max((box.right - box.left) * PITCH + 2 * MARGIN, LEAST_WIDTH)
    top = 84.0
    hall_height = (box.bottom - box.top) * PITCH
    offer = _offer(seat_map, party) if party is not None else None
    svg = Element("svg", xmlns="http://www.w3.org/2000/svg", role="graphics-document")
    _text(svg, "title", seat_map.name)
    _text(svg, "desc", _description(seat_map, party, offer))
    _text(svg, "style", STYLE)
    paper = SubElement(svg, "rect", {"class": "paper"})
    _label(svg, MARGIN, 36, _cut(seat_map.name), "name")
    _label(svg, MARGIN, 58, count_places(seat_map), "soft")
    place = (
        f"translate({_n((width - (box.right - box.left) * PITCH) / 2 - box.left * PITCH)} {_n(top - box.top * PITCH)})"
    )
    hall = SubElement(svg, "g", transform=place)
    scores = [_score(seat_map, seat) for seat in range(len(seat_map.seats))]
    _draw_screen(hall, seat_map)
    for area in seat_map.general_areas:
        _draw_area(hall, seat_map, area)
    _draw_groups(hall, seat_map)
    _draw_rows(hall, seat_map, scores)
    if seat_map.seats:
        _draw_focal_point(hall, seat_map)
    for part in offer.parts if offer is not None else ():
        _draw_offer(hall, seat_map, part)
    height = top + hall_height + _draw_legend(svg, seat_map, scores, (party, offer), top + hall_height + 20) + MARGIN
    paper.attrib.update(width="100%", height="100%")
    shrink = min(1.0, MOST_PIXELS / max(width, height))
    svg.attrib.update(viewBox=f"0 0 {_n(width)} {_n(height)}", width=_n(width * shrink), height=_n(height * shrink))
    ElementTree.indent(svg, "")
    return ElementTree.tostring(svg, encoding="unicode") + "\n"


def _box(seat_map: SeatMap) -> Box:
    screen = seat_map.screen
    names = 0.8 + 0.24 * max((len(seat.row) for seat in seat_map.seats), default=0)
    xs = [screen.x - screen.width / 2, screen.x + screen.width / 2]
    ys = [screen.y - 1.0]
    for seat in seat_map.seats:
        xs += seat.x - 0.5 - names, seat.x + 0.5 + names
        ys += seat.y - 0.5, seat.y + 0.6
    for area in seat_map.general_areas:
        xs += area.x - area.width / 2, area.x + area.width / 2
        ys += area.y - area.height / 2, area.y + area.height / 2
    return Box(min(xs), min(ys), max(xs), max(ys))


def _offer(seat_map: SeatMap, party: int) -> Offer | None:
    """The best seats of the empty hall."""
    return next(iter(best_offers(seat_map, bytes(seat_map.place_count), Wish(count=party))), None)


def _score(seat_map: SeatMap, seat: int) -> Offer:
    """What a seat costs one person it is meant for."""
    special = seat_map.seats[seat].kind in (SeatKind.WHEELCHAIR, SeatKind.COMPANION)
    return cost_of(seat_map, [seat], Wish(count=1, wheelchairs=int(special)))


def _description(seat_map: SeatMap, party: int | None, offer: Offer | None) -> str:
    said = f"The hall from above, its screen at the top: {count_places(seat_map)}."
    if seat_map.seats:
        said += " The brighter a seat, the better its score."
    if party is not None:
        said += f" {_offer_text(seat_map, party, offer)}."
    return said


def _offer_text(seat_map: SeatMap, party: int, offer: Offer | None) -> str:
    """``Best for 9 people: E-3 to E-6, F-2 to F-6``."""
    who = "1 person" if party == 1 else f"{party} people"
    if offer is None:
        return f"No seats for {who} near each other"
    ends = [[seat_map.seats[seat].label for seat in dict.fromkeys((part[0], part[-1]))] for part in offer.parts]
    return f"Best for {who}: {listed([' to '.join(labels) for labels in ends], 6)}"


def _cost_text(offer: Offer) -> str:
    """``cost 3.2: distance 2.9, centre 0.3``."""
    reasons = [f"{name} {value:.1f}" for name, value in offer.breakdown.items() if value >= 0.05]
    return f"cost {offer.cost:.1f}" + (f": {', '.join(reasons)}" if reasons else "")


def _draw_screen(hall: Element, seat_map: SeatMap) -> None:
    screen = seat_map.screen
    left, right, y = (screen.x - screen.width / 2) * PITCH, (screen.x + screen.width / 2) * PITCH, screen.y * PITCH
    bulge = min(screen.width * PITCH / 30, 12)
    path = f"M{_n(left)} {_n(y)}Q{_n(screen.x * PITCH)} {_n(y - 2 * bulge)} {_n(right)} {_n(y)}"
    SubElement(hall, "path", {"class": "screen", "d": path})
    _label(hall, screen.x * PITCH, y - bulge - 9, "screen", "soft middle")


def _draw_area(hall: Element, seat_map: SeatMap, area: GeneralArea) -> None:
    category = next(category for category in seat_map.categories if category.key == area.category)
    drawn = SubElement(hall, "g", role="img")
    _text(drawn, "title", f"{area.name}: {area.capacity} places without numbers, {category.name}")
    SubElement(
        drawn,
        "rect",
        {
            "class": "area",
            "x": _n((area.x - area.width / 2) * PITCH),
            "y": _n((area.y - area.height / 2) * PITCH),
            "width": _n(area.width * PITCH),
            "height": _n(area.height * PITCH),
            "rx": "8",
            "fill": category.color,
            "stroke": category.color,
        },
    )
    _label(drawn, area.x * PITCH, area.y * PITCH + 4, f"{_cut(area.name)} · {area.capacity}", "middle")


def _draw_groups(hall: Element, seat_map: SeatMap) -> None:
    """A line behind the seats of a group, from each to the next."""
    colors = {category.key: category.color for category in seat_map.categories}
    for group in seat_map.groups:
        seats = sorted((seat_map.seats[index] for index in group), key=lambda seat: (seat.x, seat.y))
        path = "M" + "L".join(f"{_n(seat.x * PITCH)} {_n((seat.y + 0.34) * PITCH)}" for seat in seats)
        SubElement(hall, "path", {"class": "back joint", "d": path, "stroke": colors[seats[0].category]})


def _draw_rows(hall: Element, seat_map: SeatMap, scores: Sequence[Offer]) -> None:
    rows: dict[str, list[int]] = {}
    for index, seat in enumerate(seat_map.seats):
        rows.setdefault(seat.row, []).append(index)
    taken = {(math.floor(seat.x), round(seat.y)) for seat in seat_map.seats}
    best, worst = _range(scores)
    for name, row in rows.items():
        row.sort(key=lambda index: (seat_map.seats[index].x, seat_map.seats[index].y))
        drawn = SubElement(hall, "g", {"role": "group", "aria-label": f"row {name}"})
        for index, step, style in ((row[0], -1, "row end"), (row[-1], 1, "row")):
            seat = seat_map.seats[index]
            # If another row continues right beside, there is no room for a name.
            if not {(math.floor(seat.x) + step * far, round(seat.y)) for far in (1, 2)} & taken:
                _label(drawn, (seat.x + step * 0.75) * PITCH, seat.y * PITCH, name, style)
        for index in row:
            share = (scores[index].cost - best) / (worst - best) if worst > best else 0.0
            _draw_seat(drawn, seat_map, index, scores[index], share)


def _draw_seat(row: Element, seat_map: SeatMap, index: int, score: Offer, share: float) -> None:
    seat = seat_map.seats[index]
    category = next(category for category in seat_map.categories if category.key == seat.category)
    x, y, half = seat.x * PITCH, seat.y * PITCH, SEAT * PITCH / 2
    drawn = SubElement(row, "g", role="img")
    _text(drawn, "title", f"{seat.label}, {category.name}" + _kind_text(seat_map, index))
    _text(drawn, "desc", _cost_text(score))
    color = _color(share)
    SubElement(
        drawn,
        "rect",
        {
            "x": _n(x - half),
            "y": _n(y - half),
            "width": _n(2 * half),
            "height": _n(2 * half),
            "rx": "12" if seat.kind is SeatKind.WHEELCHAIR else "5",
            "fill": color,
        },
    )
    back = f"M{_n(x - half)} {_n(y)}V{_n(y + half - 5)}Q{_n(x - half)} {_n(y + half)} {_n(x - half + 5)} {_n(y + half)}"
    back += f"H{_n(x + half - 5)}Q{_n(x + half)} {_n(y + half)} {_n(x + half)} {_n(y + half - 5)}V{_n(y)}"
    SubElement(drawn, "path", {"class": "back", "d": back, "stroke": category.color})
    letter = SHAPE_OF_KIND.get(seat.kind)
    on = "on-light" if _luminance(color) > EVEN_LUMINANCE else "on-dark"
    _label(drawn, x, y - 1.5, letter or seat.number[:5], f"number {on}" + (" kind" if letter else ""))


def _kind_text(seat_map: SeatMap, index: int) -> str:
    seat = seat_map.seats[index]
    kind = "" if seat.kind is SeatKind.STANDARD else f", {KIND_NAMES[seat.kind]}"
    mates = [seat_map.seats[mate].label for mate in seat_map.group_of.get(index, ()) if mate != index]
    return kind + (f", only together with {listed(mates)}" if mates else "")


def _draw_focal_point(hall: Element, seat_map: SeatMap) -> None:
    x, y = (part * PITCH for part in focal_point(seat_map))
    drawn = SubElement(hall, "g", role="img")
    _text(drawn, "title", "The focal point, where one sees best")
    cross = f"M{_n(x - 15)} {_n(y)}H{_n(x - 4)}M{_n(x + 4)} {_n(y)}H{_n(x + 15)}"
    cross += f"M{_n(x)} {_n(y - 15)}V{_n(y - 4)}M{_n(x)} {_n(y + 4)}V{_n(y + 15)}"
    for style in ("focal-halo", "focal"):
        SubElement(drawn, "circle", {"class": style, "cx": _n(x), "cy": _n(y), "r": "9"})
        SubElement(drawn, "path", {"class": style, "d": cross})


def _draw_offer(hall: Element, seat_map: SeatMap, part: Iterable[int]) -> None:
    half = 0.5 * PITCH
    for index in part:
        seat = seat_map.seats[index]
        corner = {"x": _n(seat.x * PITCH - half), "y": _n(seat.y * PITCH - half)}
        size = {"width": _n(2 * half), "height": _n(2 * half), "rx": "9"}
        SubElement(hall, "rect", {"class": "offer", **corner, **size})


def _draw_legend(
    svg: Element, seat_map: SeatMap, scores: Sequence[Offer], best: tuple[int | None, Offer | None], top: float
) -> float:
    """The legend of colours and signs. Returns its height."""
    legend = SubElement(svg, "g", transform=f"translate({MARGIN} {_n(top)})")
    y = 0.0
    if scores:
        y += _draw_scale(legend, seat_map, scores)
    party, offer = best
    if party is not None:
        if offer is not None:
            SubElement(
                legend, "rect", {"class": "offer", "x": "2", "y": _n(y), "width": "16", "height": "16", "rx": "5"}
            )
        _label(legend, 28, y + 13, _offer_text(seat_map, party, offer))
        y += LINE
        if offer is not None:
            _label(legend, 28, y + 9, _cost_text(offer), "soft")
            y += LINE
    counts = Counter(seat_map.category_of(place) for place in range(seat_map.place_count))
    for category in seat_map.categories:
        swatch = f"M2 {_n(y + 4)}V{_n(y + 14)}H18V{_n(y + 4)}"
        SubElement(legend, "path", {"class": "back", "d": swatch, "stroke": category.color})
        _label(legend, 28, y + 13, f"{_cut(category.name)} · {counts[category.key]}")
        y += LINE
    kinds = Counter(seat.kind for seat in seat_map.seats)
    for kind, letter in SHAPE_OF_KIND.items():
        if kinds[kind]:
            _label(legend, 10, y + 13, letter, "middle kind")
            _label(legend, 28, y + 13, f"{KIND_NAMES[kind]} · {kinds[kind]}")
            y += LINE
    if seat_map.groups:
        SubElement(legend, "path", {"class": "focal", "d": f"M2 {_n(y + 9)}H18"})
        _label(legend, 28, y + 13, f"joined seats go only together · {count(len(seat_map.groups), 'group')}")
        y += LINE
    return y


def _draw_scale(legend: Element, seat_map: SeatMap, scores: Sequence[Offer]) -> float:
    width = 240
    gradient = SubElement(SubElement(legend, "defs"), "linearGradient", id="scale")
    for place, color in enumerate(SCALE):
        offset = f"{_n(100 * place / (len(SCALE) - 1))}%"
        SubElement(gradient, "stop", {"offset": offset, "stop-color": color})
    best, worst = _range(scores)
    _label(legend, 0, 8, "Score: what a seat costs one person, in seat pitches; less is better", "soft")
    SubElement(legend, "rect", {"y": "18", "width": str(width), "height": "12", "rx": "4", "fill": "url(#scale)"})
    _label(legend, 0, 46, f"best {best:.1f}")
    _label(legend, width, 46, f"{worst:.1f} worst", "end")
    circle = {"class": "focal", "cx": str(width + 40), "cy": "24", "r": "7"}
    SubElement(legend, "circle", circle)
    cross = f"M{width + 29} 24H{width + 37}M{width + 43} 24H{width + 51}M{width + 40} 13V21M{width + 40} 27V35"
    SubElement(legend, "path", {"class": "focal", "d": cross})
    from_screen = abs(focal_point(seat_map)[1] - seat_map.screen.y)
    _label(legend, width + 60, 28, f"focal point, {pitches(from_screen)} from the screen")
    return 46.0 + LINE


def _range(scores: Sequence[Offer]) -> tuple[float, float]:
    costs = [score.cost for score in scores]
    return (min(costs), max(costs)) if costs else (0.0, 0.0)


def _color(share: float) -> str:
    """The colour at a place between 0, the best, and 1."""
    place = min(max(share, 0.0), 1.0) * (len(SCALE) - 1)
    index = min(int(place), len(SCALE) - 2)
    one, other = (bytes.fromhex(color[1:]) for color in SCALE[index : index + 2])
    mixed = (round(a + (b - a) * (place - index)) for a, b in zip(one, other, strict=True))
    return "#" + bytes(mixed).hex()


def _luminance(color: str) -> float:
    """How bright a colour is to the eye, 0 to 1 (WCAG 2.2, relative luminance)."""
    parts = (part / 255 for part in bytes.fromhex(color[1:]))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _label(parent: Element, x: float, y: float, text: str, style: str = "") -> None:
    made = SubElement(parent, "text", {"x": _n(x), "y": _n(y), **({"class": style} if style else {})})
    made.text = text


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _n(number: float) -> str:
    """A number without digits that make no visible difference."""
    return f"{number:.1f}".rstrip("0").rstrip(".")
