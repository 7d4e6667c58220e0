"""The map: the right part of the world, every cell in it, and not too many words for it."""

from __future__ import annotations

import re

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.model import Cell, Place
from leftopen.report.drawing import WIDTH
from leftopen.report.mapping import STEPS, Picture, picture, world
from tests.report.samples import MEASURED_FACES, cells

FACES = MEASURED_FACES.place or Place()


def drawn(place: Place) -> Picture:
    found = picture(place)
    assert found is not None
    return found


def at(*places: tuple[float, float], band: str = "10-99", resolution: int = 4) -> Place:
    return Place(tuple(Cell(h3.latlng_to_cell(*place, resolution), band) for place in places))


def starts(path: str) -> list[tuple[float, float]]:
    """Where each ring or dot of a path begins."""
    found = re.findall(r"M(-?[\d.]+)[ ,](-?[\d.]+)", path)
    return [(float(x), float(y)) for x, y in found]


def test_a_region_is_drawn_close_with_its_place_on_earth() -> None:
    told = drawn(FACES)
    assert sum(len(starts(layer.areas)) for layer in told.layers) == len(FACES.cells)
    assert all(layer.dots == "" for layer in told.layers)
    assert [layer.step for layer in told.layers] == [2, 3, 4, 5]
    assert [band.label for band in told.legend] == [
        "100 to 1,000", "1,000 to 10,000", "10,000 to 100,000", "100,000 to 1,000,000",
    ]  # fmt: skip
    assert told.held  # China
    assert told.land
    assert told.window is not None
    middle = told.window.x + told.window.width / 2
    assert world().width * 0.65 < middle < world().width * 0.8  # east of the middle
    assert 0 < told.window.y < world().height / 2  # north of it


def test_what_is_far_apart_is_shown_on_the_whole_world_as_dots() -> None:
    told = drawn(at((43.8, 87.6), (-34.6, -58.4), (40.4, -3.7)))
    assert (told.window, told.inset) == (None, None)
    [layer] = told.layers
    assert layer.areas == ""
    assert len(starts(layer.dots)) == 3


def test_both_sides_of_the_date_line_are_near_each_other() -> None:
    told = drawn(at((-16.5, 179.0), (-16.5, -179.0), (-17.8, 177.0)))
    assert told.window is not None  # not the whole world
    xs = [x for layer in told.layers for x, _ in starts(layer.areas)]
    assert len(xs) == 3
    assert 0 <= min(xs) <= max(xs) <= WIDTH
    assert 0 < max(xs) - min(xs) < WIDTH * 0.7


def test_countries_without_cells_are_marked_on_the_world() -> None:
    told = drawn(Place(countries=("ES", "FR")))
    assert told.held
    assert (told.layers, told.legend, told.window) == ((), (), None)


@pytest.mark.parametrize(
    "place", [Place(), Place(hidden=True), Place((Cell("not a cell", "10-99"),))]
)
def test_nothing_known_is_not_drawn(place: Place) -> None:
    assert picture(place) is None


def test_the_little_world_hides_no_cell_where_a_corner_is_free() -> None:
    told = drawn(at((43.8, 87.6), (39.4, 80.0), (39.4, 95.0), (47.0, 95.0)))
    assert told.inset is not None
    left, top = told.inset
    for layer in told.layers:
        for x, y in starts(layer.areas):
            assert not (left <= x <= left + world().width and top <= y <= top + world().height)


def test_thousands_of_cells_are_drawn_as_outlines() -> None:
    middle = h3.latlng_to_cell(50.0, 15.0, 4)
    many = Place(tuple(Cell(cell, "10-99") for cell in h3.grid_disk(middle, 20)))
    wide = Place(tuple(Cell(cell, "10-99") for cell in h3.grid_disk(middle, 40)))
    assert len(many.cells) > 1_200
    for place in (many, wide):
        [layer] = drawn(place).layers
        assert len(layer.areas) + len(layer.dots) < 40_000


def test_a_page_of_the_size_of_a_country_is_small() -> None:
    told = drawn(FACES)
    paths = [told.land, told.held, *(layer.areas for layer in told.layers)]
    assert sum(map(len, paths)) < 40_000
    assert len(world().path) < 30_000


@pytest.mark.parametrize(
    ("band", "step", "label"),
    [
        ("10-99", 1, "10 to 99"),
        ("5-49", 1, "5 to 49"),
        ("5–100", 1, "5 to 100"),
        ("10,000–100,000", 4, "10,000 to 100,000"),
        ("1000-9999", 3, "1,000 to 9,999"),
        ("1,000-9,999", 3, "1,000 to 9,999"),
        ("1000000+", STEPS, "1,000,000 or more"),
        ("many", 1, "many"),
    ],
)
def test_bands(band: str, step: int, label: str) -> None:
    [line] = drawn(at((43.8, 87.6), band=band)).legend
    assert (line.step, line.label) == (step, label)


def test_the_legend_rises() -> None:
    told = drawn(Place(cells(((43.82, 87.61, 3),))))
    steps = [band.step for band in told.legend]
    assert steps == sorted(steps)


def test_the_poles_are_no_obstacle() -> None:
    for latitude in (90.0, 88.0, -90.0):
        assert picture(at((latitude, 0.0), resolution=2)) is not None


_PLACE = st.tuples(st.floats(-78, 78), st.floats(-180, 180))


@settings(max_examples=15, deadline=None)
@given(st.lists(_PLACE, min_size=1, max_size=5), st.integers(0, 5))
def test_cells_anywhere_are_drawn_in_the_picture(
    places: list[tuple[float, float]], resolution: int
) -> None:
    told = drawn(at(*places, resolution=resolution))
    [layer] = told.layers
    assert layer.areas or layer.dots
    for x, y in starts(layer.areas) + starts(layer.dots):
        assert -WIDTH * 0.2 <= x <= WIDTH * 1.2
        assert -WIDTH * 0.2 <= y <= told.height + WIDTH * 0.2
