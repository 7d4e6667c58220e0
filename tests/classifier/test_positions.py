"""Positions in every form: against oracle libraries, and against numbers and codes of others."""

from __future__ import annotations

import json
import random
import struct
from collections import Counter
from collections.abc import Callable
from itertools import permutations

import h3
import numpy as np
import pyarrow as pa
import pygeohash
import pytest
from numpy.typing import NDArray
from openlocationcode import openlocationcode

from leftopen.classifier import classify
from leftopen.classifier.geocodes import count as count_codes
from leftopen.classifier.positions import count, count_bytes, count_lists, count_reals
from leftopen.classifier.text import Text
from tests.classifier import make
from tests.classifier.make import Maker, column, digits, whole_in


def place(r: random.Random) -> tuple[float, float]:
    """Latitude and longitude somewhere around a lake."""
    return r.uniform(47.3, 47.9), r.uniform(8.7, 9.9)


def degrees(value: float, letters: str) -> str:
    size = abs(value)
    minutes = (size % 1) * 60
    half = letters[0] if value >= 0 else letters[1]
    return f"{int(size)}°{int(minutes):02}'{(minutes % 1) * 60:04.1f}\"{half}"


def written(shape: str) -> Maker:
    def make_one(r: random.Random) -> str:
        lat, lon = place(r)
        return shape.format(lat=lat, lon=lon, rest=r.randrange(1, 99))

    return make_one


def from_place(form: Callable[[float, float], object]) -> Maker:
    return lambda r: form(*place(r))


def hexed(before: str, size: int) -> Maker:
    return lambda r: f"{before}{make.hexadecimal(size)(r)}"


TELLING: dict[str, Maker] = {
    "pair": written("{lat:.5f},{lon:.5f}"),
    "pair with space": written("{lat:.6f} {lon:.6f}"),
    "longitude first": written("[{lon:.6f}, {lat:.6f}]"),
    "brackets": written("({lat:.4f}, {lon:.4f})"),
    "semicolon": written("{lat:.6f};{lon:.6f}"),
    "altitude": written("{lat:.6f},{lon:.6f},{rest}.5"),
    "southern": lambda r: f"{-r.uniform(33, 34):.6f},{r.uniform(150, 151):.6f}",
    "ISO 6709": written("+{lat:.4f}+00{lon:.4f}/"),
    "ISO 6709 with altitude": written("+{lat:.4f}+00{lon:.4f}+{rest}.2CRSWGS_84/"),
    "geo URI": written("geo:{lat:.5f},{lon:.5f};u={rest}"),
    "WKT": written("POINT ({lon:.5f} {lat:.5f})"),
    "WKT with Z": written("POINT Z({lon:.5f} {lat:.5f} {rest})"),
    "EWKT": written("SRID=4326;POINT({lon:.5f} {lat:.5f})"),
    "line": written("LINESTRING({lon:.5f} {lat:.5f}, {lon:.4f} {lat:.4f})"),
    "GeoJSON": from_place(
        lambda lat, lon: json.dumps({"type": "Point", "coordinates": [lon, lat]})
    ),
    "GeoJSON turned": from_place(
        lambda lat, lon: json.dumps({"coordinates": [lon, lat], "type": "Point"})
    ),
    "JSON": from_place(lambda lat, lon: json.dumps({"lat": lat, "lng": lon})),
    "JSON in full": from_place(lambda lat, lon: json.dumps({"latitude": lat, "longitude": lon})),
    "labelled": written("lat: {lat:.3f}, lon: {lon:.3f}"),
    "map link": written("https://www.google.com/maps/@{lat:.5f},{lon:.5f},15z"),
    "map query": written("https://maps.example.org/?q={lat:.5f},{lon:.5f}"),
    "street map": written("https://www.openstreetmap.org/#map=15/{lat:.5f}/{lon:.5f}"),
    "degrees": from_place(lambda lat, lon: f"{degrees(lat, 'NS')} {degrees(lon, 'EW')}"),
    "degrees with comma": from_place(
        lambda lat, lon: f"{degrees(-lat, 'NS')}, {degrees(-lon, 'EW')}"
    ),
    "letters first": written("N47°08.{rest:03} E008°34.{rest:03}"),
    "decimal with letters": written("{lat:.5f}° N, {lon:.5f}° E"),
    "NMEA": written("$GPRMC,1235{rest:02},A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"),
    "plus code": from_place(openlocationcode.encode),
    "short plus code": from_place(lambda a, b: f"{openlocationcode.encode(a, b)[4:]} Quellstadt"),
    "UTM": lambda r: f"32T {r.randint(300000, 700000)} {r.randint(5200000, 5300000)}",
    "MGRS": lambda r: f"32TNT{digits(10)(r)}",
    "three words": written("///lantern.quarry.pebble"),
    "EWKB": from_place(
        lambda lat, lon: struct.pack("<BIIdd", 1, 0x20000001, 4326, lon, lat).hex().upper()
    ),
    "WKB": from_place(lambda lat, lon: struct.pack("<BIdd", 1, 1, lon, lat).hex()),
    "WKB from the big end": from_place(lambda lat, lon: struct.pack(">BIdd", 0, 1, lon, lat).hex()),
    "H3": from_place(lambda lat, lon: h3.latlng_to_cell(lat, lon, 9)),
    "geohash": from_place(lambda lat, lon: pygeohash.encode(lat, lon, 8)),
}


@pytest.mark.parametrize("form", TELLING)
def test_forms_that_tell_by_themselves(form: str) -> None:
    mails = column(make.email)
    found = classify(pa.table({"mail": mails, "c17": column(TELLING[form])})).fields["c17"]
    assert found.family == "gps", found
    assert found.share > 0.9


ORDINARY: dict[str, Maker] = {
    "ratios": lambda r: f"{r.random():.5f},{r.random():.5f}",
    "beyond": lambda r: f"{r.uniform(200, 900):.5f},{r.uniform(200, 900):.5f}",
    "prices": lambda r: f"{r.uniform(5, 90):.2f} {r.uniform(5, 90):.2f}",
    "versions": lambda r: f"{r.randint(1, 20)}.{r.randint(0, 30)}.{r.randint(0, 9)}",
    "time range": lambda r: f"{r.randint(10, 23)}:{r.randint(10, 59)}-{r.randint(10, 23)}:00",
    "hex of 15": hexed("8", 14),
    "hex of 42": hexed("01", 40),
    "hex of 50": hexed("0101000020", 40),
    "codes": lambda r: "".join(r.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(8)),
    "hex of 8": make.hexadecimal(8),
    "codes without look-alikes": lambda r: "".join(
        r.choice("23456789bcdfghjkmnpqrstvwxyz") for _ in range(8)
    ),
    "codes in the alphabet": lambda r: "".join(
        r.choice("0123456789bcdefghjkmnpqrstuvwxyz") for _ in range(8)
    ),
    "accounts": lambda r: f"u{r.randint(1000000, 9999999)}",
    "host names": lambda r: f"{r.choice(('web', 'mail'))}.{r.choice(('north', 'east'))}.example",
    "part numbers": lambda r: f"{r.randint(10, 60)}{r.choice('CDEF')}{digits(6)(r)}",
    "sizes": lambda r: f"{r.randint(10, 90)}'{r.randint(1, 11)}\"",
    "angles of things": lambda r: f"{r.randint(10, 80)}°",
    "temperatures": lambda r: f"{r.uniform(-20, 40):.1f}°C",
    "page": lambda r: f"https://www.example.org/map/{r.randint(1, 99)}?page={r.random():.4f}",
    "points of a drawing": lambda r: f"{r.randint(1, 999)},{r.randint(1, 999)}",
    "document": lambda r: json.dumps({"type": "Order", "total": r.uniform(1, 99)}),
    "sentence": lambda r: f"Point taken at {r.randint(1, 12)}, see line {r.randint(1, 99)}.",
}


@pytest.mark.parametrize("form", ORDINARY)
def test_forms_that_look_like_positions(form: str) -> None:
    mails = column(make.email)
    found = classify(pa.table({"mail": mails, "c17": column(ORDINARY[form])})).fields["c17"]
    assert found.family not in ("gps", "location_trace"), found


def test_every_h3_cell_is_known_and_changed_ones_are_not() -> None:
    chance = random.Random(3)
    cells = [
        h3.latlng_to_cell(chance.uniform(-90, 90), chance.uniform(-180, 180), size)
        for size in range(16)
        for _ in range(200)
    ]
    tried = cells + [str(hexed("", 15)(chance)) for _ in range(2_000)]
    tried += [str(hexed("8", 14)(chance)) for _ in range(2_000)]
    tried += [cell[:5] + chance.choice("0123456789abcdef") + cell[6:] for cell in cells]
    # the library also refuses a pentagon's missing seventh, which no counted cell need be
    hits: Counter[str] = Counter()
    count_codes(Text.of(pa.array(tried)), frozenset(), hits)
    assert hits["pos.h3"] == pytest.approx(sum(map(h3.is_valid_cell, tried)), abs=3)
    assert hits["pos.h3"] >= len(cells)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("srid", [None, 4326])
@pytest.mark.parametrize("high", [0, 1, 2])
@pytest.mark.parametrize("before", [b"", b"\xe6\x10\x00\x00"])
def test_well_known_binary(order: str, srid: int | None, high: int, before: bytes) -> None:
    chance = random.Random(9)
    kind = 1 | (0x20000000 if srid else 0) | (0x80000000 if high else 0)
    kind |= 0x40000000 if high == 2 else 0
    head = struct.pack(order + "BI", order == "<", kind)
    head += struct.pack(order + "I", srid) if srid else b""
    points = []
    for _ in range(50):
        lat, lon = place(chance)
        points.append(before + head + struct.pack(f"{order}{2 + high}d", lon, lat, *[7.5] * high))
    hits: Counter[str] = Counter()
    count_bytes(pa.array(points, pa.binary()), hits)
    assert hits["pos.wkb"] == 50
    hits.clear()
    count_bytes(pa.array([chance.randbytes(len(points[0])) for _ in range(500)]), hits)
    assert hits["pos.wkb"] == 0


def test_lines_in_well_known_binary_and_other_bytes() -> None:
    line = struct.pack("<BII6d", 1, 2, 3, 8.5, 47.1, 8.6, 47.2, 8.7, 47.3)
    found = classify(pa.table({"mail": column(make.email), "c17": [line] * make.ROWS}))
    assert found.fields["c17"].kind == "gps.wkb"
    other = [random.Random(i).randbytes(93) for i in range(make.ROWS)]
    found = classify(pa.table({"mail": column(make.email), "c17": other}))
    assert found.fields["c17"].family == "none"


NAMED: list[tuple[str, Maker]] = [
    *((name, lambda r: r.uniform(47, 48)) for name in (
        "lat", "gps_latitude", "latitud", "breitengrad", "geo_breite", "широта", "纬度", "weidu",
        "posLat", "geo.lat", "gps_y", "gcj02_lat", "enlem", "lintang", "緯度", "위도", "अक्षांश",
        "location.y", "breedtegraad", "latitudine", "szerokosc_geogr", "خط العرض", "lastLatitude",
    )),
    *((name, lambda r: r.uniform(-120, -110)) for name in (
        "lng", "lon", "f_longitude", "longitud", "laengengrad", "долгота", "经度", "jingdu",
        "bd09_lng", "gps_x", "boylam", "bujur", "経度", "경도", "देशांतर", "lengtegraad", "posLon",
        "last.lng", "dlugosc_geogr", "خط الطول", "wgs84_lng", "jd", "long",
    )),
    ("latitudeE7", lambda r: r.randint(470_000_000, 480_000_000)),
    ("lon_e6", lambda r: r.randint(8_000_000, 9_000_000)),
    ("lat", lambda r: r.randint(4_700_000, 4_800_000)),
    ("lat", lambda r: f"{r.uniform(47, 48):.5f}"),
    ("latitude", lambda r: round(4700 + r.uniform(0, 59), 4)),
    ("longitude", lambda r: f"{r.uniform(8, 9):.4f} E"),
    ("latitude", lambda r: f"4807.{r.randint(100, 999)},N"),
    ("lat_degrees", whole_in(40, 50)),
    ("longitude_minutes", whole_in(0, 59)),
    ("location", lambda r: [r.uniform(8, 9), r.uniform(47, 48), 400.0]),
    ("standort", lambda r: f"{r.uniform(47, 48):.2f}, {r.uniform(8, 9):.2f}"),
    ("координаты", lambda r: f"{r.uniform(47, 48):.1f};{r.uniform(8, 9):.1f}"),
    ("coords", lambda r: f"{r.uniform(47, 48):.4f}; {r.uniform(8, 9):.4f}".replace(".", ",")),
    ("coordinates", lambda r: [f"{r.uniform(8, 9):.5f}", f"{r.uniform(47, 48):.5f}"]),
    ("geohash", from_place(lambda lat, lon: pygeohash.encode(lat, lon, 5))),
    ("h3_index", lambda r: int(h3.latlng_to_cell(*place(r), 8), 16)),
    ("s2_token", hexed("479", 5)),
    ("what3words", lambda r: f"lantern.quarry.{r.choice(('pebble', 'meadow'))}"),
    ("mgrs", lambda r: f"32T NT {digits(4)(r)}"),
    ("easting", lambda r: r.uniform(300_000, 700_000)),
    ("rechtswert", lambda r: r.randint(3_400_000, 3_500_000)),
    ("utm_northing", lambda r: r.uniform(5_200_000, 5_300_000)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"), NAMED, ids=[f"{i}-{n}" for i, (n, _) in enumerate(NAMED)]
)
def test_names_in_many_languages_with_values(name: str, values: Maker) -> None:
    table = pa.table({"row": range(make.ROWS), name: column(values)})
    path = f"{name}[]" if pa.types.is_list(table.schema.field(name).type) else name
    assert classify(table, "people").fields[path].family == "gps"
    assert classify(table, "weather_stations").fields[path].family == "none"
    wrong = pa.table({name: column(lambda r: r.choice(("open", "closed")))})
    assert classify(wrong, "people").fields[name].family not in ("gps", "location_trace")


@pytest.mark.parametrize(
    "name",
    ["latency_ms", "late_fee", "longest_run", "y_total", "wd_count", "lat_accuracy", "lonely",
     "position_id", "points", "position",
     "geo_enabled", "location_count", "flat", "belong", "coordinator"],
)  # fmt: skip
def test_names_that_only_sound_like_it(name: str) -> None:
    table = pa.table({name: column(lambda r: round(r.uniform(1, 80), 4))})
    assert classify(table, "people").fields[name].family != "gps"


# --------------------------------------------------------------- two columns without telling names

ROWS = 500
Column = tuple[NDArray[np.float64], int]


def measured(seed: int) -> dict[str, Column]:
    """Real numbers that are no position, with the decimals that they are written with."""
    r = np.random.default_rng(seed)
    return {
        "temperature": (r.normal(14, 8, ROWS), 1), "room": (r.normal(21.5, 1.2, ROWS), 2),
        "body": (r.normal(36.7, 0.4, ROWS), 1), "price": (r.lognormal(3, 1, ROWS), 2),
        "ratio": (r.random(ROWS), 4), "probability": (r.beta(2, 5, ROWS), 6),
        "score": (r.uniform(0, 10, ROWS), 3), "humidity": (r.uniform(20, 95, ROWS), 1),
        "ph": (r.normal(7.2, 0.5, ROWS), 2), "voltage": (r.normal(3.3, 0.05, ROWS), 3),
        "percent": (r.uniform(0, 100, ROWS), 2), "z-score": (r.normal(0, 1, ROWS), 15),
        "weight": (r.normal(75, 14, ROWS), 1), "distance": (r.exponential(12, ROWS), 3),
        "duration": (r.exponential(40, ROWS), 3), "rate": (r.normal(1.08, 0.02, ROWS), 4),
        "yen": (r.normal(150, 3, ROWS), 3), "heading": (r.uniform(0, 360, ROWS), 2),
        "roll": (r.uniform(-180, 180, ROWS), 4), "sideways": (r.normal(0, 0.8, ROWS), 6),
        "returns": (r.normal(0, 0.02, ROWS), 6), "embedding": (r.normal(0, 0.3, ROWS), 8),
        "latency": (r.lognormal(2, 1, ROWS), 6), "loss": (r.exponential(1, ROWS), 15),
    }  # fmt: skip


def nameless(
    one: NDArray[np.float64], two: NDArray[np.float64], person: bool, names: str = "c17 c18"
) -> list[str]:
    first, second = names.split()
    columns: dict[str, object] = {first: one, second: two}
    if person:
        columns = {"c1": [f"user{i}@example.org" for i in range(len(one))], **columns}
    found = classify(pa.table(columns)).fields
    return [found[first].kind, found[second].kind]


@pytest.mark.parametrize("person", [True, False])
def test_measured_columns_side_by_side_are_no_position(person: bool) -> None:
    columns = {name: values.round(places) for name, (values, places) in measured(11).items()}
    wrong = [
        (one, two)
        for one, two in permutations(columns, 2)
        if any(k != "none" for k in nameless(columns[one], columns[two], person))
    ]
    assert wrong == []  # of 552 pairs


REGIONS = {
    "Germany": (47.5, 54.8, 6, 15), "a city": (52.4, 52.6, 13.2, 13.6), "US": (25, 49, -124, -67),
    "India": (8, 33, 69, 96), "China": (20, 48, 75, 132), "Kenya": (-4, 4, 34, 41),
    "Australia": (-38, -12, 114, 153), "France": (42, 51, -4.5, 8),
    "Lagos": (6.3, 6.7, 3.1, 3.6),
    "London": (51.3, 51.7, -0.5, 0.3), "Singapore": (1.2, 1.45, 103.6, 104),
    "globe": (-90, 90, -180, 180),
}  # fmt: skip


@pytest.mark.parametrize("decimals", [5, 6, 7])
@pytest.mark.parametrize("region", REGIONS)
def test_two_columns_of_coordinates_are_a_position(region: str, decimals: int) -> None:
    south, north, west, east = REGIONS[region]
    r = np.random.default_rng(decimals)
    lat, lon = r.uniform(south, north, ROWS), r.uniform(west, east, ROWS)
    lat, lon = lat.round(decimals), lon.round(decimals)
    found = nameless(lat, lon, person=True)
    assert [kind[:4] for kind in found] == ["gps.", "gps."]
    if np.abs(lon).max() > 90:
        assert nameless(lon, lat, person=True) == ["gps.lon", "gps.lat"]
    for names in ("x y", "col_a col_b", "字段1 字段2"):
        assert "none" not in nameless(lat, lon, True, names)
    for names in ("temp hum", "c17 score", "a z", "feature_1 target"):
        assert nameless(lat, lon, True, names) == ["none", "none"]


def test_people_of_many_cities_without_names() -> None:
    r = np.random.default_rng(4)
    cities = np.array([[52.5, 13.4], [40.7, -74.0], [35.7, 139.7], [-33.9, 151.2], [19.4, -99.1]])
    at = cities[r.integers(0, 5, 2_000)] + r.normal(0, 0.1, (2_000, 2))
    assert nameless(at[:, 0].round(6), at[:, 1].round(6), person=True) == ["gps.lat", "gps.lon"]


def test_one_column_or_columns_apart_are_no_position() -> None:
    r = np.random.default_rng(5)
    lat, lon = r.uniform(47, 48, ROWS).round(6), r.uniform(8, 9, ROWS).round(6)
    mails = [f"user{i}@example.org" for i in range(ROWS)]
    for columns in (
        {"c1": lat},
        {"c1": lat, "c2": mails, "c3": lon},
        {"c1": lat, "c2": [1] * ROWS},
    ):
        found = classify(pa.table({"c0": mails, **columns})).fields
        assert all(found[name].family in ("none", "email") for name in columns)
    things = pa.table({"c1": lat, "c2": lon})
    assert classify(things, "sensor_readings").fields["c1"].family == "none"


def test_lists_without_names() -> None:
    mails = column(make.email)
    good = column(lambda r: [round(r.uniform(8, 9), 6), round(r.uniform(47, 48), 6)])
    assert classify(pa.table({"m": mails, "c": good})).fields["c[]"].family == "gps"
    for wrong in (
        lambda r: [r.random(), r.random()],
        lambda r: [round(r.uniform(1, 99), 2), round(r.uniform(1, 99), 2)],
        lambda r: [r.randint(1, 99), r.randint(1, 99)],
        lambda r: [round(r.uniform(1, 99), 6)] * 4,
        lambda r: [r.gauss(0, 1), r.gauss(0, 1), r.gauss(0, 1)],
    ):
        table = pa.table({"m": mails, "c": column(wrong)})
        assert classify(table).fields["c[]"].family == "none"


def test_counts_are_sums() -> None:
    r = np.random.default_rng(6)
    numbers = np.concatenate([r.uniform(47, 48, 400).round(6), r.normal(500, 900, 400)])
    r.shuffle(numbers)
    whole: Counter[str] = Counter()
    count_reals(numbers, whole)
    parts: Counter[str] = Counter()
    for part in np.array_split(np.sort(numbers), 7):
        count_reals(part, parts)
    assert +whole == +parts
    starts, lengths = np.arange(0, 800, 2), np.full(400, 2)
    lists: Counter[str] = Counter()
    count_lists(numbers, starts, lengths, lists)
    halves: Counter[str] = Counter()
    count_lists(numbers, starts[:150], lengths[:150], halves)
    count_lists(numbers, starts[150:], lengths[150:], halves)
    assert lists == halves
    texts = pa.array([str(make(random.Random(i))) for i, make in enumerate(TELLING.values())])
    once: Counter[str] = Counter()
    weighted: Counter[str] = Counter()
    for measure in (count, count_codes):
        measure(Text.of(texts), frozenset(), once)
        thrice = Text.of(texts)
        measure(Text(thrice.values, np.full(len(thrice), 3)), frozenset(), weighted)
    assert weighted == Counter({key: 3 * total for key, total in once.items()})
