"""Traces: a key of a person or device, a time and a place together; and what lacks one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from leftopen.classifier import TableProfile, classify
from leftopen.classifier.profile import Profiler
from tests.classifier import make
from tests.classifier.make import any_of, column, digits, valid, whole_in

START = datetime(2024, 5, 1)  # noqa: DTZ001 - stores give naive times
MOMENTS = [START + timedelta(minutes=7 * i) for i in range(make.ROWS)]
KEY = {"user_id": column(whole_in(1, 900))}
LAT = np.random.default_rng(1).uniform(47, 48, make.ROWS).round(6).tolist()
LON = np.random.default_rng(2).uniform(8, 9, make.ROWS).round(6).tolist()
PLACE = {"lat": LAT, "lng": LON}


def families(columns: dict[str, Sequence[object]], name: str = "pings") -> dict[str, str]:
    return of(classify(pa.table(columns), name))


def of(profile: TableProfile) -> dict[str, str]:
    return {path: field.family for path, field in profile.fields.items()}


@pytest.mark.parametrize(
    "name",
    ["ts", "timestamp", "recorded_at", "eventTime", "gps_time", "seen_at", "datum", "zeitpunkt",
     "uhrzeit", "fecha", "hora", "momento", "horodatage", "heure", "tijdstip", "ora", "время",
     "дата", "vremya", "zaman", "tarih", "waktu", "tanggal", "czas", "时间", "采集时间",
     "sj", "cjsj",
     "日時", "取得時刻", "시각", "측정일시", "الوقت", "तारीख", "समय", "tstamp",
     "fix_time", "ping_time",
     "checked_in_at", "swipe_time"],
)  # fmt: skip
def test_times_in_many_languages(name: str) -> None:
    found = families({**KEY, name: MOMENTS, **PLACE})
    assert (found["lat"], found["lng"]) == ("location_trace", "location_trace")


@pytest.mark.parametrize(
    "name",
    ["created_at", "updated_at", "birth_date", "expires_at", "创建时间", "更新时间",
     "registered_at", "angelegt_am", "登録日時"],
)  # fmt: skip
def test_times_of_records_make_no_trace(name: str) -> None:
    found = families({**KEY, name: MOMENTS, **PLACE})
    assert (found["lat"], found["lng"]) == ("gps", "gps")


@pytest.mark.parametrize(
    "times",
    [
        MOMENTS,
        [t.isoformat() for t in MOMENTS],
        [f"{t:%Y-%m-%d %H:%M:%S}" for t in MOMENTS],
        [int(t.timestamp()) for t in MOMENTS],
        [int(t.timestamp() * 1000) for t in MOMENTS],
        [t.timestamp() for t in MOMENTS],
        [t.date() for t in MOMENTS],
    ],
    ids=["type", "iso", "sql", "seconds", "milliseconds", "fractions", "days"],
)
def test_times_of_every_type(times: list[object]) -> None:
    assert families({**KEY, "ts": times, **PLACE})["lat"] == "location_trace"
    assert families({**KEY, "duration": times, **PLACE})["lat"] == "gps"
    assert families({**KEY, "ts": column(whole_in(1, 500)), **PLACE})["lat"] == "gps"


@pytest.mark.parametrize(
    "key",
    [
        {"device_id": column(make.hexadecimal(16))},
        {"license_plate": column(make.plate_de)},
        {"msisdn": column(make.phone_de)},
        {"full_name": column(make.full_name)},
        {"email": column(make.email)},
        {"wifi_mac": column(make.mac)},
    ],
    ids=["device", "plate", "phone", "name", "mail", "mac"],
)
def test_keys(key: dict[str, list[object]]) -> None:
    assert families({**key, "ts": MOMENTS, **PLACE})["lng"] == "location_trace"
    assert families({**key, **PLACE})["lng"] == "gps"


def test_without_a_key_or_with_a_sensors_there_is_no_trace() -> None:
    assert families({"ts": MOMENTS, **PLACE})["lat"] == "gps"
    sensor = {"sensor": column(whole_in(1, 9)), "ts": MOMENTS, **PLACE}
    assert set(families(sensor, "station_readings").values()) == {"none"}


PLACES: dict[str, list[object]] = {
    "point": column(lambda r: [r.uniform(8, 9), r.uniform(47, 48)]),
    "location": column(lambda r: f"POINT({r.uniform(8, 9):.5f} {r.uniform(47, 48):.5f})"),
    "pos": column(lambda r: f"{r.uniform(47, 48):.5f},{r.uniform(8, 9):.5f}"),
    "latE7": column(whole_in(470_000_000, 480_000_000)),
    "geohash": column(lambda r: "u0q" + r.choice("bcdefghjkm") + r.choice("npqrstuvwxyz") + "7"),
}


@pytest.mark.parametrize("name", PLACES)
def test_positions_of_every_form_become_traces(name: str) -> None:
    found = families({**KEY, "ts": MOMENTS, name: PLACES[name]})
    assert found[name if name in found else f"{name}[]"] == "location_trace"


IDS = [
    ("cell_id", column(whole_in(1, 60_000))),
    ("lac", column(whole_in(1, 60_000))),
    ("enodeb_id", column(whole_in(1, 60_000))),
    ("基站编号", column(digits(8))),
    ("funkzelle", column(digits(8))),
    ("camera_id", column(lambda r: f"CAM-{r.randint(1, 99)}")),
    ("卡口编号", column(digits(12))),
    ("gantry_id", column(any_of("North 3", "South 1"))),
    ("card_reader", column(any_of("B2-main", "C1-lab"))),
    ("entry_station", column(any_of("Central", "Harbour"))),
    ("geofence", column(any_of("warehouse east", "school yard"))),
    ("haltestelle", column(any_of("Rathaus", "Am Markt"))),
]


@pytest.mark.parametrize(("name", "values"), IDS, ids=[name for name, _ in IDS])
def test_ids_of_places_are_traces_only_with_key_and_time(name: str, values: list[object]) -> None:
    plate = {"plate_number": column(make.plate_cn)}
    assert families({**plate, "ts": MOMENTS, name: values}, "passages")[name] == "location_trace"
    assert families({**plate, name: values}, "passages")[name] != "location_trace"
    assert families({"ts": MOMENTS, name: values}, "inventory")[name] != "location_trace"


@pytest.mark.parametrize("name", ["camera_model", "cell_count", "gate_status", "tower_height"])
def test_words_about_those_places_are_none(name: str) -> None:
    plate = {"plate_number": column(make.plate_cn)}
    values = column(any_of("one", "two", "three"))
    assert families({**plate, "ts": MOMENTS, name: values}, "passages")[name] == "none"


def test_nested_tracks() -> None:
    imeis = column(valid("imei", "359999999999999"))
    rows = [
        {
            "imei": imei,
            "track": [
                {"lat": lat, "lon": lon, "time": moment},
                {"lat": lat + 0.001, "lon": lon, "time": moment},
            ],
            "path": {"points": [[lon, lat], [lon + 0.002, lat]]},
            "last": {"geo": {"y": lat, "x": lon}},
        }
        for imei, lat, lon, moment in zip(imeis, LAT, LON, MOMENTS, strict=True)
    ]
    found = of(classify(pa.Table.from_pylist(rows), "app.rides"))
    assert found["imei"] == "device_id"
    for path in ("track[].lat", "track[].lon", "path.points[][]", "last.geo.y", "last.geo.x"):
        assert found[path] == "location_trace", path
    assert found["track[].time"] == "none"


def test_a_trace_none_of_whose_columns_has_a_name() -> None:
    columns: dict[str, Sequence[object]] = {"c1": column(make.email), "c2": MOMENTS}
    columns |= {"c3": LAT, "c4": LON}
    found = families(columns, "")
    assert (found["c3"], found["c4"]) == ("location_trace", "location_trace")
    born = columns | {"c2": column(make.born)}
    assert families(born, "")["c3"] == "gps"


def test_the_order_of_rows_and_parts_changes_nothing() -> None:
    whole = pa.table({**KEY, "ts": MOMENTS, "x": LAT, "y": LON, "cell_id": column(digits(6))})
    order = np.random.default_rng(3).permutation(make.ROWS)
    first, second = Profiler("pings"), Profiler("pings")
    first.update(whole.slice(0, 70).combine_chunks().to_batches()[0])
    second.update(whole.slice(70).combine_chunks().to_batches()[0])
    first.merge(second)
    expected = classify(whole, "pings")
    assert of(expected)["x"] == "location_trace"
    assert classify(whole.take(order), "pings") == expected
    assert first.finish() == expected


def test_ambiguous_words_for_places_want_a_device_or_vehicle() -> None:
    seen: dict[str, Sequence[object]] = {"ts": MOMENTS}
    seen |= {"camera": column(lambda r: f"c{r.randint(1, 40)}")}
    assert families({**KEY, **seen}, "passages")["camera"] == "none"
    plate = {"plate_number": column(make.plate_cn)}
    assert families({**plate, **seen}, "passages")["camera"] == "location_trace"
