"""The vendored outlines, the map, the lookup of countries, and codes of the earth."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import tomllib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pygeohash
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from openlocationcode import openlocationcode

from leftopen import atlas
from leftopen.atlas import grids, places
from leftopen.atlas.topology import HERE
from leftopen.classifier.catalogue import BY_ID


def test_vendored_files_are_as_they_were_published() -> None:
    vendored = tomllib.loads((HERE / "atlas.toml").read_text(encoding="utf-8"))["vendored"]
    assert vendored
    for one in vendored:
        for name, told in one["sha256"].items():
            assert hashlib.sha256((HERE / name).read_bytes()).hexdigest() == told, name


def test_countries_have_a_code_each_and_whole_shapes() -> None:
    found = {country.code: country for country in atlas.countries()}
    assert len(found) == len(atlas.countries()) > 230
    assert all(re.fullmatch("[A-Z]{2}", code) for code in found)
    assert {"XK", "CN", "FJ", "GI", "TV"} <= found.keys()
    for country in found.values():
        west, south, east, north = shapely.bounds(country.shape)
        assert country.shape.is_valid
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
    assert found["AU"].name == "Australia"


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [
        (43.825, 87.617, "CN"),  # Ürümqi
        (52.52, 13.405, "DE"),
        (42.66, 21.17, "XK"),
        (35.34, 33.32, "CY"),  # Kyrenia
        (9.56, 44.06, "SO"),  # Hargeisa
        (22.28, 114.16, "HK"),
        (22.2, 113.55, "MO"),
        (1.29, 103.85, "SG"),
        (-17.75, 177.45, "FJ"),
        (-16.5, -179.99, "FJ"),  # by the 180th meridian
        (-21.34, 55.48, "FR"),  # Réunion
        (19.64, -155.99, "US"),  # Hawaii
        (35.9, 14.51, "MT"),
        (36.14, -5.353, "GI"),
        (36.17, -5.35, "ES"),  # the other side of the fence
        (-8.52, 179.2, "TV"),
        (64.15, -21.94, "IS"),
        (66.0, -172.0, "RU"),  # Chukotka, east of the meridian
        (43.94, 12.46, "SM"),
        (-33.86, 18.3, "ZA"),  # off the coast of Cape Town
        (51.96, 3.9, "NL"),  # outside the harbour of Rotterdam
        (31.2, 121.98, "CN"),
        (25.76, -80.10, "US"),
        (-77.85, 166.67, "AQ"),
        (45.2, -7.5, None),  # open sea
        (30.0, -40.0, None),
        (-16.5, -30.0, None),
        (float("nan"), 1.0, None),
        (91.0, 0.0, None),
        (0.0, 181.0, None),
        (float("inf"), float("-inf"), None),
    ],
)
def test_country_of_a_point(lat: float, lon: float, code: str | None) -> None:
    assert atlas.country_codes(np.array([lon]), np.array([lat])) == [code]


def test_shapely_waits_until_it_is_needed() -> None:
    run = "import sys, leftopen.atlas as a; a.Map(None); sys.exit('shapely' in sys.modules)"
    subprocess.run([sys.executable, "-c", run], check=True)


# -------------------------------------------------------------------------------------------- maps

_PATH = re.compile(r"(?:M-?[\d.]+[ ,-][\d.]+(?:l|h)[-\d. hv]+z)*")


def _points(path: str) -> list[list[tuple[float, float]]]:
    """The rings of path data as this module writes it."""
    rings = []
    for part in path.split("z")[:-1]:
        start, _, steps = part[1:].partition("l")
        if not steps:  # a dot
            continue
        numbers = [float(n) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", f"{start} {steps}")]
        assert len(numbers) % 2 == 0
        x = np.cumsum(numbers[::2])
        y = np.cumsum(numbers[1::2])
        rings.append(list(zip(x.tolist(), y.tolist(), strict=True)))
    return rings


def test_the_world_is_small_whole_and_inside_the_picture() -> None:
    world = atlas.Map(None, 960.0)
    assert 0.4 * 960 < world.height < 0.5 * 960
    assert sum(len(path) for _, path in world.countries) < 120_000
    codes = [code for code, _ in world.countries]
    assert len(set(codes)) == len(codes)
    assert {"CN", "US", "FR", "MT", "SG", "FJ", "VA"} <= set(codes)
    assert "AQ" not in codes
    for _, path in world.countries:
        for ring in _points(path):
            xs, ys = [x for x, _ in ring], [y for _, y in ring]
            assert min(xs) >= -1
            assert max(xs) <= 961
            assert min(ys) >= -1
            assert max(ys) <= world.height + 1


def test_nothing_is_drawn_across_the_180th_meridian() -> None:
    world = dict(atlas.Map(None, 960.0).countries)
    for code in ("RU", "FJ", "US"):
        for ring in _points(world[code]):
            steps = [abs(b[0] - a[0]) for a, b in pairwise(ring)]
            assert max(steps, default=0) < 100, code
    for ring in _points(world["FJ"]):
        assert max(x for x, _ in ring) - min(x for x, _ in ring) < 20


def test_a_map_around_the_180th_meridian_is_one_piece() -> None:
    fiji = atlas.Map((177.0, -19.0, -178.0, -16.0), 800.0)
    assert [code for code, _ in fiji.countries] == ["FJ"]
    left, _ = fiji.point(177.0, -17.0)
    right, _ = fiji.point(-178.0, -17.0)
    assert 0 < left < right < 800
    cell = [(179.8, -17.0), (-179.8, -17.0), (-179.8, -17.4), (179.8, -17.4)]
    (ring,) = _points(fiji.path(cell))
    assert max(x for x, _ in ring) - min(x for x, _ in ring) < 60


def test_a_map_shows_its_bounds_with_a_margin_and_true_to_scale() -> None:
    bounds = (73.5, 34.5, 96.4, 49.2)
    cut = atlas.Map(bounds, 900.0)
    for lon, lat in ((73.5, 34.5), (96.4, 49.2), (73.5, 49.2), (96.4, 34.5)):
        x, y = cut.point(lon, lat)
        assert 20 < x < 880
        assert 20 < y < cut.height - 20
    middle = (cut.bounds[1] + cut.bounds[3]) / 2
    x0, y0 = cut.point(85.0, middle)
    east, _ = cut.point(86.0, middle)
    _, north = cut.point(85.0, middle + 1)
    assert (east - x0) / (y0 - north) == pytest.approx(np.cos(np.radians(middle)), rel=0.01)
    assert {"CN", "KZ", "KG", "MN"} <= {code for code, _ in cut.countries}
    assert "BR" not in {code for code, _ in cut.countries}


@pytest.mark.parametrize(
    "bounds",
    [
        (0.0, 0.0, 0.0, 0.0),
        (-180.0, -90.0, 180.0, 90.0),
        (0.0, 89.0, 1.0, 90.0),
        (10.0, -90.0, 20.0, -80.0),
        (170.0, -45.0, -170.0, 60.0),
        (179.0, 51.0, 183.0, 53.0),
        (-5.0, 36.0, 30.0, 71.0),
    ],
)
def test_any_box_makes_a_map_of_good_shape(bounds: atlas.Bounds) -> None:
    cut = atlas.Map(bounds, 640.0)
    assert 0.35 * 640 <= cut.height <= 0.66 * 640
    for code, path in cut.countries:
        assert _PATH.fullmatch(path), (code, path[:80])
    west, south, _, _ = bounds
    x, y = cut.point(west, south)
    assert -1 <= x <= 641
    assert -1 <= y <= cut.height + 1


@pytest.mark.parametrize(
    "bounds", [(0.0, 10.0, 1.0, 5.0), (float("nan"), 0.0, 1.0, 1.0), (0.0, -91.0, 1.0, 1.0)]
)
def test_bounds_that_are_none_are_refused(bounds: atlas.Bounds) -> None:
    with pytest.raises(ValueError, match="west, south, east, north"):
        atlas.Map(bounds)


def test_a_cell_around_the_pole_is_drawn_along_the_edge() -> None:
    world = atlas.Map((-180.0, -90.0, 180.0, 90.0), 960.0)
    ring = [(float(lon), -75.0) for lon in range(-180, 180, 60)]
    drawn = _points(world.path(ring))
    area = sum(shapely.Polygon(one).area for one in drawn if len(one) > 2)
    assert area > 0.03 * world.width * world.height
    assert world.path([(0.0, 0.0), (1.0, 1.0)]) == ""


@pytest.mark.parametrize(
    ("lat", "length", "distance"),
    [(0, 1.0, 0.0), (30, 0.957, 0.372), (60, 0.8196, 0.7346), (80, 0.6754, 0.9394)],
)
def test_projection_is_natural_earth(lat: float, length: float, distance: float) -> None:
    """Against the table by which Patterson defined it, which the polynomial comes near."""
    (edge, _), (_, high), (_, top) = (
        atlas.project(180.0, lat),
        atlas.project(0.0, lat),
        atlas.project(0.0, 90.0),
    )
    assert edge / atlas.project(180.0, 0.0)[0] == pytest.approx(length, abs=0.012)
    assert high / top == pytest.approx(distance, abs=0.005)


# ------------------------------------------------------------------------------------------- codes

_LAT = st.floats(-89.9, 89.9)
_LON = st.floats(-180, 179.999)


@given(_LAT, _LON, st.integers(1, 12))
def test_geohashes_as_pygeohash_reads_them(lat: float, lon: float, length: int) -> None:
    code = pygeohash.encode(lat, lon, precision=length)
    expected = pygeohash.decode_exactly(code)
    (up,), (along,) = grids.geohash([code.upper()])
    assert up == pytest.approx(expected.latitude, abs=1e-9)
    assert along == pytest.approx(expected.longitude, abs=1e-9)


@given(_LAT, _LON, st.sampled_from([2, 4, 6, 8, 10, 11, 13, 15]))
def test_plus_codes_as_google_reads_them(lat: float, lon: float, length: int) -> None:
    code = openlocationcode.encode(lat, lon, length)
    expected = openlocationcode.decode(code)
    (up,), (along,) = grids.plus_code([code.lower()])
    assert up == pytest.approx(expected.latitudeCenter, abs=1e-9)
    assert along == pytest.approx(expected.longitudeCenter, abs=1e-9)


@pytest.mark.parametrize("code", ["", "8FVC9G8F", "8FVC9G8F+X", "8FVC0G00+", "aiol", "+", "é"])
def test_what_is_no_code_is_nowhere(code: str) -> None:
    for decode in (grids.plus_code, grids.mgrs):
        assert np.isnan(np.concatenate(decode([code]))).all()
    assert np.isnan(np.concatenate(grids.geohash(["aiol", "", "u" * 13]))).all()


@pytest.mark.parametrize(
    ("cell", "lat", "lon"),
    [  # made and read back by s2sphere 0.2.5
        (5180951437578483365, 48.85839998894012, 2.294499996612796),
        (0x6B12AE64 << 32, -33.85516224280567, 151.2160726060031),
        (0x380601371 << 28, 43.820330475669024, 87.61061536956795),
        (0x7C006D0D1F5 << 20, 21.299985532069638, -157.8000199523884),
        (0, float("nan"), float("nan")),
        (0xFFFFFFFFFFFFFFFF, float("nan"), float("nan")),
    ],
)
def test_s2_cells(cell: int, lat: float, lon: float) -> None:
    (up,), (along,) = grids.s2(np.array([cell], dtype=np.uint64))
    assert up == pytest.approx(lat, abs=1e-9, nan_ok=True)
    assert along == pytest.approx(lon, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("code", "lat", "lon"),
    [
        ("31U DQ 48251 11932", 48.8582, 2.2945),  # Eiffel tower
        ("18TWL8562811322", 40.7484, -73.9857),  # Empire State Building
        ("56HLH3487352311", -33.8568, 151.2153),  # Sydney Opera House: south, an even zone
        ("4QFJ12345678", 21.3095, -157.9168),
    ],
)
def test_mgrs(code: str, lat: float, lon: float) -> None:
    (up,), (along,) = grids.mgrs([code])
    assert up == pytest.approx(lat, abs=0.002)
    assert along == pytest.approx(lon, abs=0.002)


def test_utm_of_the_cn_tower() -> None:
    one = np.array
    (lat,), (lon,) = grids.utm(one([17.0]), one([True]), one([630084.0]), one([4833438.0]))
    assert (lat, lon) == (
        pytest.approx(43.64257, abs=2e-5),
        pytest.approx(-79.38714, abs=2e-5),
    )


def test_maps_that_china_shifted() -> None:
    """Tiananmen, as it is on the maps of Gaode and of Baidu; the pairs are widely published."""
    lat, lon = np.array([39.915]), np.array([116.404])
    assert np.concatenate(grids.from_gcj02(lat, lon)) == pytest.approx(
        [39.91360, 116.39776], abs=2e-5
    )
    assert np.concatenate(grids.from_bd09(lat, lon)) == pytest.approx(
        [39.90725, 116.39138], abs=2e-5
    )
    away = grids.from_gcj02(np.array([48.85]), np.array([2.35]))
    assert np.concatenate(away).tolist() == [48.85, 2.35]


# ------------------------------------------------------------------------------------------ places


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Jamia Masjid", {"worship"}),
        ("St Mary's Church", {"worship"}),
        ("churches", set()),  # only an s may follow
        ("MOSQUES", {"worship"}),
        ("乌鲁木齐市第一医院", {"clinic"}),
        ("清真寺", {"worship"}),
        ("寺", {"worship"}),
        ("Frauenhaus Nord", {"shelter"}),
        ("Grundschule", set()),
        ("Schule am Park", {"school"}),
        ("Hotel am Gefängnis", {"hotel", "prison"}),
        ("Churchill Road", set()),
        ("حديقة", set()),
        ("مسجد", {"worship"}),
        ("", set()),
    ],
)
def test_kinds_of_places_by_their_words(text: str, kinds: set[str]) -> None:
    found = places.named(pa.array([text, None, "elsewhere"]))
    assert {kind for kind, there in found.items() if there[0]} == kinds
    assert not any(there[1] or there[2] for there in found.values())


def test_sensitive_places_of_the_classifier_have_a_kind() -> None:
    words = sorted(BY_ID["place.sensitive"].vocabulary)
    found = places.named(pa.array(words))
    met = np.zeros(len(words), dtype=bool)
    for there in found.values():
        met |= there
    without = {word for word, one in zip(words, met, strict=True) if not one}
    assert without <= {"airport", "pharmacy", "网吧", "车站"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("hotel", "hotel"),
        ("stay.hotelName", "hotel"),
        ("school_id", "school"),
        ("visits[].mosque", "worship"),
        ("医院", "clinic"),
        ("hotel_price", None),
        ("name", None),
        ("", None),
    ],
)
def test_fields_called_by_a_place(path: str, kind: str | None) -> None:
    assert places.called(path) == kind


def test_many_points_are_fast_enough() -> None:
    chance = random.Random(1)
    lons = np.array([chance.uniform(-180, 180) for _ in range(5_000)])
    lats = np.array([chance.uniform(-60, 75) for _ in range(5_000)])
    assert len(set(atlas.country_codes(lons, lats))) > 100
