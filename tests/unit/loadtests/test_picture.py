"""The picture of the scaling benchmark."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from loadtests.picture import Row, Scale, Series, draw, fit

ONE = Series("one", "#0072b2")


@pytest.mark.parametrize("slope", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_the_slope_of_a_power_law_is_its_exponent(slope: float) -> None:
    line = fit([(x, 3 * x**slope) for x in (1.0, 10.0, 50.0, 1000.0)])
    assert line is not None
    assert line.slope == pytest.approx(slope)
    assert line.at(20.0) == pytest.approx(3 * 20.0**slope)


def test_a_single_size_has_no_slope() -> None:
    assert fit([(5.0, 1.0), (5.0, 2.0)]) is None
    assert fit([]) is None


def test_a_scale_contains_its_values_and_ticks() -> None:
    scale = Scale([0.5, 700.0], 100.0, 300.0)
    assert 100.0 < scale(0.5) < scale(700.0) < 300.0
    assert scale.ticks() == [1.0, 10.0, 100.0, 1000.0]
    assert all(100.0 <= scale(mark) <= 300.0 for mark in scale.ticks())
    assert Scale([3.0, 40.0], 0.0, 1.0).ticks() == [5.0, 10.0, 20.0], "one decade alone says too little"


def test_a_picture_is_well_formed_and_draws_every_dot() -> None:
    row = Row("A hold", "ms until <its> answer", [{ONE: [(1.0, 2.0), (10.0, 20.0)]}, {ONE: [(1.0, 0.0)]}])
    picture = ElementTree.fromstring(draw("Cost & growth", ["A note"], ["viewers", "rooms"], [row], [ONE]))
    dots = [circle for circle in picture.iter("{http://www.w3.org/2000/svg}circle") if circle.get("r") == "3.5"]
    assert len(dots) == 3
    said = " ".join(picture.itertext())
    assert "ms until <its> answer" in said
    assert "slope 1.00" in said
