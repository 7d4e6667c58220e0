"""Positions in the forms that stores keep them in, read back to the same place."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pygeohash
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from openlocationcode import openlocationcode

from leftopen.classifier import classify
from leftopen.measure.coordinates import Positions, positions
from leftopen.model import FieldProfile
from leftopen.sample import documents

LAT, LON = 52.52, 13.405  # Berlin
POINT = shapely.Point(LON, LAT)


def field(path: str, kind: str) -> FieldProfile:
    family = "location_trace" if kind.startswith("trace") else kind.split(".")[0]
    return FieldProfile(path, kind, family, False, 0.9, 1.0, 100)


def read(kinds: Mapping[str, str], *batches: pa.RecordBatch) -> Positions:
    return positions({path: field(path, kind) for path, kind in kinds.items()}, batches)


def places(found: Positions) -> list[tuple[int, float, float]]:
    return [
        (row, round(lat, 3), round(lon, 3))
        for row, lat, lon in zip(
            found.rows.tolist(), found.latitudes.tolist(), found.longitudes.tolist(), strict=True
        )
    ]


def hexed(shape: shapely.Geometry, srid: int = 0) -> str:
    marked = shapely.set_srid(shape, srid)
    written: str = shapely.to_wkb(marked, hex=True, include_srid=bool(srid))
    return written


@pytest.mark.parametrize(
    "text",
    [
        "52.5200,13.4050",
        "(13.4050 52.5200)",
        "[52.5200, 13.4050, 34]",
        "52,5200; 13,4050",
        "52,5200 13,4050",
        "+52.5200+013.4050/",
        "+5231.200+01324.300/",
        "+523112.0+0132418.0+034.5/",
        "geo:52.52,13.405;u=35",
        "POINT (13.405 52.52)",
        "POINT Z (13.405 52.52 34)",
        "SRID=4326;POINT(13.405 52.52)",
        "SRID=3857;POINT(1492237.77 6894701.26)",
        "SRID=32633;POINT(391779 5820072)",
        "SRID=25833;POINT(391779 5820072)",
        "MULTIPOINT((13.405 52.52))",
        "LINESTRING(13.405 52.52, 14.1 53.3)",
        "POLYGON((13.405 52.52, 13.406 52.52, 13.405 52.53, 13.405 52.52))",
        '{"type": "Point", "coordinates": [13.405, 52.52]',
        "lat: 52.52, lng: 13.405",
        '{"longitude": "13.405", "latitude": "52.52"',
        "https://www.google.com/maps/@52.52,13.405,15z",
        "https://maps.google.com/?q=52.5200,13.4050",
        "https://www.openstreetmap.org/?mlat=52.52&mlon=13.405#map=15/1/2",
        "$GPRMC,123519,A,5231.200,N,01324.300,E,022.4,084.4,230394,003.1,W*6A",
        "$GPGGA,123519,5231.200,N,01324.300,E,1,08,0.9,545.4,M,46.9,M,,*47",
        "5231.200N 01324.300E",
        "52°31'12\"N 13°24'18\"E",
        "52° 31′ 12″ N, 13° 24′ 18″ E",
        "13°24'18\"E 52°31'12\"N",
        "N 52° 31.2' E 13° 24.3'",
        "52°31'12\"с 13°24'18\"в",
        "北52°31′12″ 东13°24′18″",
        "33U 391779 5820072",
        "UTM 33U 391779mE 5820072mN",
        "33U UU 91779 20072",
        "33UUU9177920072",
        openlocationcode.encode(LAT, LON, 11),
        hexed(POINT),
        hexed(POINT, 4326),
        hexed(shapely.LineString([(LON, LAT), (14, 53)])),
        hexed(shapely.Point(1492237.77, 6894701.26), 3857),
        h3.latlng_to_cell(LAT, LON, 11),
    ],
)
@pytest.mark.parametrize("kind", ["gps.text", "trace.text"])
def test_a_position_in_one_text(text: str, kind: str) -> None:
    for values in ([None, text, ""], [text] * 3):
        found = read({"x": kind}, pa.RecordBatch.from_pydict({"x": values}))
        assert found.rows.tolist() == [n for n, value in enumerate(values) if value]
        assert found.latitudes == pytest.approx([LAT] * len(found.rows), abs=0.001)
        assert found.longitudes == pytest.approx([LON] * len(found.rows), abs=0.001)


def _s2() -> str:
    return "47a851e2"  # of level 13, by s2sphere


@pytest.mark.parametrize(
    ("value", "kind", "near"),
    [
        (pygeohash.encode(LAT, LON, precision=8), "gps.geohash", 0.001),
        (pygeohash.encode(LAT, LON, precision=6).upper(), "gps.geocode", 0.02),
        (pygeohash.encode(LAT, LON, precision=9), "trace.text", 0.001),
        (h3.latlng_to_cell(LAT, LON, 9), "gps.h3", 0.005),
        (h3.str_to_int(h3.latlng_to_cell(LAT, LON, 9)), "gps.h3.number", 0.005),
        (openlocationcode.encode(LAT, LON), "gps.pluscode", 0.001),
        (shapely.to_wkb(POINT), "gps.wkb", 1e-6),
        (shapely.to_wkb(POINT, byte_order=0), "gps.wkb", 1e-6),
        (shapely.to_wkb(shapely.set_srid(POINT, 4326), include_srid=True), "gps.wkb", 1e-6),
        (shapely.to_wkb(shapely.Point(LON, LAT, 34.0)), "gps.wkb", 1e-6),
        (bytes(4) + shapely.to_wkb(POINT), "gps.wkb", 1e-6),
        (struct.pack("<I", 4326) + shapely.to_wkb(POINT), "gps.wkb", 1e-6),
        (shapely.to_wkb(shapely.MultiPoint([POINT, (1, 2)])), "trace.text", 1e-6),
        (shapely.to_wkb(POINT.buffer(0.0001)), "gps.wkb", 0.001),
    ],
)
def test_a_position_in_a_code(value: object, kind: str, near: float) -> None:
    found = read({"x": kind}, pa.RecordBatch.from_pydict({"x": [None, value]}))
    assert found.rows.tolist() == [1]
    assert found.latitudes[0] == pytest.approx(LAT, abs=near)
    assert found.longitudes[0] == pytest.approx(LON, abs=near)


@pytest.mark.parametrize("value", ["6b12ae64", 0x6B12AE64 << 32, str(0x6B12AE64 << 32)])
def test_cells_of_s2(value: object) -> None:
    batch = pa.RecordBatch.from_pydict({"s2_cell": [value]})
    assert places(read({"s2_cell": "gps.s2"}, batch)) == [(0, -33.855, 151.216)]


@pytest.mark.parametrize(
    ("lat", "lon", "kind"),
    [
        (LAT, LON, ""),
        (str(LAT), str(LON), ".fine"),
        ("52,5200", "13,4050", ".fine"),
        (525200000, 134050000, ".scaled"),
        (52520000, 13405000, ".scaled"),
        ("5252000", "1340500", ".scaled"),
        (5231.2, 1324.3, ".nmea"),
        ("5231.2", "01324.3", ".nmea"),
        ("5231.200,N", "01324.300,E", ".angle"),
        ("52.52N", "13.405 E", ".angle"),
        ("52°31'12\"N", "E 13°24'18\"", ".angle"),
        ("52°31'12\"", "13°24'18\"", ".degrees"),
        (pa.scalar("52.52").cast(pa.decimal128(8, 4)).as_py(), LON, ""),
    ],
)
def test_two_columns(lat: object, lon: object, kind: str) -> None:
    batch = pa.RecordBatch.from_pydict({"lat": [lat, None], "lon": [lon, lon]})
    found = read({"lat": f"gps.lat{kind}", "lon": f"gps.lon{kind}"}, batch)
    assert places(found) == [(0, 52.52, 13.405)]
    traced = read({"lat": "trace.lat", "lon": "trace.lon"}, batch)
    assert places(traced) == [(0, 52.52, 13.405)]


def test_columns_under_each_others_names() -> None:
    batch = pa.RecordBatch.from_pydict({"lat": [116.4, 117.1], "lon": [39.9, 40.1]})
    found = read({"lat": "gps.lat", "lon": "gps.lon"}, batch)
    assert places(found) == [(0, 39.9, 116.4), (1, 40.1, 117.1)]


def test_what_is_nowhere_is_left_out() -> None:
    nan, inf = float("nan"), float("inf")
    pairs = [(0.0, 0.0), (nan, 1.0), (1.0, inf), (91.0, 2.0), (3.0, 181.0), (None, 1.0), (LAT, LON)]
    batch = pa.RecordBatch.from_pydict({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    assert places(read({"a": "gps.lat", "b": "gps.lon"}, batch)) == [(6, LAT, LON)]


def test_halves_of_the_globe_in_columns_of_their_own() -> None:
    batch = documents(
        [
            {"lat": "3354.000", "ns": "S", "lon": "15113.000", "ew": "E"},
            {"lat": "5231.200", "ns": "N", "lon": "00730.000", "ew": "W"},
        ]
    )
    found = read({"lat": "gps.lat.nmea", "lon": "gps.lon.nmea"}, batch)
    assert places(found) == [(0, -33.9, 151.217), (1, 52.52, -7.5)]


def test_degrees_minutes_and_seconds_in_columns_of_their_own() -> None:
    record = {"lat_deg": 52, "lat_min": 31, "lat_sec": 12, "lon_deg": -13, "lon_min": 24}
    kinds = {path: f"gps.{path[:3]}.part" for path in record}
    batch = documents([{**record, "lon_sec": 18}])
    found = read({**kinds, "lon_sec": "gps.lon.part"}, batch)
    assert places(found) == [(0, 52.52, -13.405)]


def test_each_latitude_with_its_own_longitude() -> None:
    record = {
        "pickup_lat": 52.5, "dropoff_lat": 48.1, "dropoff_lon": 11.5, "pickup_lon": 13.4,
        "home": {"lat": 40.7, "lng": -74.0}, "work": {"lng": 2.35, "lat": 48.85},
    }  # fmt: skip
    batch = documents([record])
    kinds = {path: "gps.lat" if path.endswith("lat") else "gps.lon" for path in batch.schema.names}
    assert sorted(places(read(kinds, batch))) == [
        (0, 40.7, -74.0), (0, 48.1, 11.5), (0, 48.85, 2.35), (0, 52.5, 13.4),
    ]  # fmt: skip


def test_lists_of_records_in_records() -> None:
    docs: list[dict[str, Any]] = [
        {"stops": [{"lat": 52.5, "lon": 13.4}, {"lat": 48.1, "lon": 11.5}]},
        {"stops": []},
        {"stops": [{"lat": 1.0}, {"lat": 2.0, "lon": 3.0}]},  # not told which goes with which
        {"stops": [{"lat": 1.3, "lon": 103.8}]},
    ]
    kinds = {"stops[].lat": "trace.lat", "stops[].lon": "trace.lon"}
    expected = [(0, 52.5, 13.4), (0, 48.1, 11.5), (3, 1.3, 103.8)]
    assert places(read(kinds, documents(docs))) == expected
    native = pa.RecordBatch.from_pylist(docs[:2] + docs[3:])
    assert places(read(kinds, native)) == [*expected[:2], (2, 1.3, 103.8)]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("loc.coordinates[]", {"loc": {"type": "Point", "coordinates": [LON, LAT]}}, [(LAT, LON)]),
        ("loc[]", {"loc": [LON, LAT]}, [(LAT, LON)]),
        ("latlng[]", {"latlng": [10.5, 7.5]}, [(10.5, 7.5)]),
        ("lonlat[]", {"lonlat": [10.5, 7.5]}, [(7.5, 10.5)]),
        ("p[]", {"p": [LAT, LON]}, [(LAT, LON)]),  # the other order lies in the sea
        ("p[]", {"p": [39.9, 116.4, 50.0]}, [(39.9, 116.4)]),
        (
            "way.coordinates[][]",
            {"way": {"coordinates": [[LON, LAT], [11.5, 48.1], [2.3, 48.8]]}},
            [(LAT, LON), (48.1, 11.5), (48.8, 2.3)],
        ),
    ],
)
def test_lists_of_numbers(
    path: str, value: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    for batch in (documents([value, {}]), pa.RecordBatch.from_pylist([value])):
        if path not in batch.schema.names and "." not in path and "[]" not in path:
            continue
        found = read({path: "gps.point"}, batch)
        assert places(found) == [(0, lat, lon) for lat, lon in expected]


def test_rows_are_numbered_through_batches_of_any_columns() -> None:
    batches = [
        pa.RecordBatch.from_pydict({"lat": [52.5], "lon": [13.4]}),
        pa.RecordBatch.from_pydict({"other": [1, 2]}),
        pa.RecordBatch.from_pydict({"lon": ["11.5", None], "lat": ["48.1", "x"]}),
    ]
    found = read({"lat": "gps.lat", "lon": "gps.lon"}, *batches)
    assert places(found) == [(0, 52.5, 13.4), (3, 48.1, 11.5)]


def test_maps_that_china_shifted_are_told_by_name() -> None:
    batch = pa.RecordBatch.from_pydict({"bd09_lat": [39.915], "bd09_lng": [116.404]})
    found = read({"bd09_lat": "gps.lat", "bd09_lng": "gps.lon"}, batch)
    assert places(found) == [(0, 39.907, 116.391)]


def test_as_the_classifier_names_fields() -> None:
    chance = np.random.default_rng(5)
    many = 60
    lat, lon = chance.normal(43.8, 0.2, many).round(6), chance.normal(87.6, 0.2, many).round(6)
    table = pa.table(
        {
            "person_id": [f"p{n}" for n in range(many)],
            "email": [f"p{n}@example.org" for n in range(many)],
            "latitude": lat,
            "longitude": lon,
            "position": [f"POINT({b} {a})" for a, b in zip(lat, lon, strict=True)],
            "geohash": [pygeohash.encode(a, b, precision=7) for a, b in zip(lat, lon, strict=True)],
        }
    )
    found = positions(classify(table, "people").fields, table.to_batches())
    assert len(found.rows) == 3 * many
    assert found.latitudes == pytest.approx(np.tile(lat, 3), abs=0.002)
    assert found.longitudes == pytest.approx(np.tile(lon, 3), abs=0.002)


# ----------------------------------------------------------------------------------- hostile data

_ODD: Sequence[pa.Array] = [
    pa.nulls(3),
    pa.array([True, None, False]),
    pa.array([b"", b"\x01\x01", b"\x00" * 40]),
    pa.array(
        [
            b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * 9,
            b"\x01\x02\x00\x00\x00\xff\xff\xff\xff" * 5,
            None,
        ]
    ),
    pa.array(["", " ", "°"]),
    pa.array(["9" * 5_000, "POINT(1e999 -1e999)", "\x00,\x00"]),
    pa.array(["nan,nan", "inf inf", "-,+"]),
    pa.array([[], None, [float("nan")] * 2_000]),
    pa.array([[1.0], [float("inf"), float("-inf")], [None, None]]),
    pa.array([[[1.0, 2.0]], [[], None], None]),
    pa.array([{"a": 1}, None, {"a": 2}]),
    pa.array([{"lat": {"lat": "x"}}, None, {}]),
    pa.array(["a", "b", "a"]).dictionary_encode(),
    pa.array([2**63 - 1, -(2**63), None]),
    pa.array([2**64 - 1, 0, None], pa.uint64()),
    pa.array([0, 1, None]).cast(pa.timestamp("us")),
    pa.array([[("k", 1.0)], [], None], pa.map_(pa.string(), pa.float64())),
    pa.array(["52.5", "1e", "13"], pa.string_view()),
    pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float64(), 2)),
    pa.array([1.0, 2.0, 3.0]).cast(pa.float16()),
]
_KINDS = [
    "gps.lat", "gps.lon", "gps.lat.scaled", "gps.lon.nmea", "gps.point", "gps.text", "gps.loose",
    "gps.geohash", "gps.h3", "gps.h3.number", "gps.s2", "gps.wkb", "gps.metres", "gps.half",
    "trace.text", "trace.point", "trace.lat", "trace.lon",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(range(len(_ODD))), min_size=1, max_size=4),
    st.lists(st.sampled_from(_KINDS), min_size=4, max_size=4),
    st.lists(
        st.sampled_from(["lat", "lon", "x.lat", "x[]", "y[][]", "y[].lat"]), min_size=4, max_size=4
    ),
)
def test_no_values_break_it(columns: list[int], kinds: list[str], names: list[str]) -> None:
    batches = [
        pa.RecordBatch.from_arrays([_ODD[n] for n in columns], names=names[: len(columns)]),
        pa.RecordBatch.from_arrays(
            [_ODD[n].slice(1, 1) for n in reversed(columns)], names=names[: len(columns)]
        ),
    ]
    paths = [*names, *(name + "[]" for name in names), *(name + ".a" for name in names)]
    found = read(dict(zip(paths, kinds * 3, strict=True)), *batches)
    assert (np.abs(found.latitudes) <= 90).all()
    assert (np.abs(found.longitudes) <= 180).all()
    assert ((found.rows >= 0) & (found.rows < 4)).all()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from(_KINDS[4:]))
def test_no_text_breaks_it(values: list[str], kind: str) -> None:
    texts = [value.encode("utf-8", "replace").decode() for value in values]
    found = read({"x": kind}, pa.RecordBatch.from_pydict({"x": pa.array(texts, pa.string())}))
    assert (np.abs(found.latitudes) <= 90).all()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_no_bytes_break_it(value: bytes) -> None:
    batch = pa.RecordBatch.from_pydict({"x": [value, b"\x01\x01\x00\x00\x00" + value]})
    assert (np.abs(read({"x": "gps.wkb"}, batch).longitudes) <= 180).all()
