"""Moments in every form: read, and written again as the field has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.knowledge import Moment
from leftopen.measure.moments import EPOCH, NEVER, Form, read, settled

AT = datetime(2026, 11, 22, 5, 30)  # noqa: DTZ001
LATER = AT + timedelta(hours=1, minutes=2)


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def form_of(values: Sequence[object] | pa.Array, *, key: bool = False) -> tuple[list[int], Form]:
    found = read(values if isinstance(values, pa.Array) else pa.array(values), key=key)
    assert found is not None
    return found[0].tolist(), settled(found[1])


# a value for AT, and the same form for LATER: None where its order is not that of time
GOLDEN: list[tuple[object, Moment | None]] = [
    ("2026-11-22T05:30:00Z", "2026-11-22T06:32:00Z"),
    ("2026-11-22T05:30:00.000Z", "2026-11-22T06:32:00.000Z"),
    ("2026-11-22T05:30:00.000000+00:00", "2026-11-22T06:32:00.000000+00:00"),
    ("2026-11-22 05:30:00", "2026-11-22 06:32:00"),
    ("2026-11-22 05:30:00,000", "2026-11-22 06:32:00,000"),
    ("2026-11-22 06:30:00+01", "2026-11-22 07:32:00+01"),
    ("2026-11-22T00:30:00-0500", "2026-11-22T01:32:00-0500"),
    ("2026-11-22 05:30:00 UTC", "2026-11-22 06:32:00 UTC"),
    ("2026/11/22 05:30", "2026/11/22 06:32"),
    ("2026.11.22 05:30:00", "2026.11.22 06:32:00"),
    ("2026年11月22日 05:30", "2026年11月22日 06:32"),
    ("2026年11月22日 05时30分00秒", "2026年11月22日 06时32分00秒"),
    ("20261122053000", "20261122063200"),
    ("20261122T053000Z", "20261122T063200Z"),
    ("202611220530", "202611220632"),
    (20261122053000, 20261122063200),
    (202611220530, 202611220632),
    (1795325400, 1795329120),
    (1795325400.0, 1795329120.0),
    (1795325400000, 1795329120000),
    (1795325400000.0, 1795329120000.0),
    (1795325400000000, 1795329120000000),
    (1795325400000000000, 1795329120000000000),
    ("1795325400", "1795329120"),
    ("1795325400000", "1795329120000"),
    (AT, LATER),
    ("2026-11-22 5:30", None),
    ("22.11.2026 05:30", None),
    ("22/11/2026 05:30:00", None),
    ("11/22/2026 5:30:00 AM", None),
    ("22 Nov 2026 05:30:00 GMT", None),
    ("Sun, 22 Nov 2026 05:30:00 +0000", None),
    ("22/Nov/2026:05:30:00 +0000", None),
    ("22-nov-2026 05:30", None),
    ("Sun Nov 22 05:30:00 2026", None),
    ("Sun Nov 22 05:30:00 +0000 2026", None),
]


@pytest.mark.parametrize(("value", "written"), GOLDEN, ids=[str(value) for value, _ in GOLDEN])
def test_a_form_is_read_and_written(value: object, written: Moment | None) -> None:
    at, form = form_of([value, None, value])
    assert at == [micros(AT), NEVER, micros(AT)]
    assert form.ordered is (written is not None)
    if written is not None:
        assert form.write(LATER) == written
        assert type(form.write(LATER)) is type(value)
        assert form.write(AT) == value


@pytest.mark.parametrize(
    "value", ["2026-11-22", "20261122", 20261122, date(2026, 11, 22), "22.11.2026", "Nov 22, 2026"]
)
def test_days_are_no_finer_than_days(value: object) -> None:
    at, form = form_of([value])
    assert at == [micros(AT.replace(hour=0, minute=0))]
    assert form.resolution == 86_400


@pytest.mark.parametrize(
    ("value", "made", "least"),
    [
        ("6b027dd8a1b2c3d4e5f60718", AT, "6b027dd8" + "0" * 16),
        ("01M80VQ4Y0TSV4RRFFQ69G5FAV", AT, "01M80VQ4Y0" + "0" * 16),
        ("01a201bb-93c0-7cc3-98c4-dc0c0c07398f", AT, "01a201bb-93c0-7000-8000-000000000000"),
        # RFC 9562, A.1 and A.6: 2022-02-22 19:22:22 UTC
        ("c232ab00-9414-11ec-b3c8-9f6bdeced846", datetime(2022, 2, 22, 19, 22, 22), None),  # noqa: DTZ001
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", datetime(2022, 2, 22, 19, 22, 22), None),  # noqa: DTZ001
    ],
)
def test_ids_tell_when_they_were_made(value: str, made: datetime, least: str | None) -> None:
    at, form = form_of([value], key=True)
    assert at == [micros(made)]
    assert read(pa.array([value])) is None  # only where the id is the record's own
    if least is not None:
        assert form.ordered
        assert form.write(AT) == least
        assert str(form.write(AT)) <= value


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["11/22/2026", "01/02/2026"], datetime(2026, 11, 22)),  # noqa: DTZ001
        (["22/11/2026", "01/02/2026"], datetime(2026, 11, 22)),  # noqa: DTZ001
        (["03/02/2026", "01/02/2026"], datetime(2026, 2, 3)),  # noqa: DTZ001
    ],
)
def test_the_column_tells_the_order_of_day_and_month(values: list[str], first: datetime) -> None:
    assert form_of(values)[0][0] == micros(first)


@pytest.mark.parametrize(
    "values",
    [
        ["hello", "2026"],
        ["2026-02-30", "2026-13-01", "2026-01-01T25:00:00Z"],
        [1, 2, 3],
        [41701234567, 41707654321],  # telephone numbers
        [2**62, -(2**62)],
        [float("nan"), float("inf"), -1e300],
        [True, False],
        [b"2026-11-22"],
        ["0000-00-00", "", None],
        [0, 0],
        [],
    ],
)
def test_what_is_no_moment(values: list[object]) -> None:
    assert read(pa.array(values)) is None


def test_what_stands_for_never_is_no_moment() -> None:
    at, _ = form_of(["0000-00-00 00:00:00", "", "2026-11-22 05:30:00", "1970-01-01 00:00:00"] * 9)
    assert {*at} == {NEVER, micros(AT)}
    assert form_of([0, 1795325400, 0])[0] == [NEVER, micros(AT), NEVER]
    assert form_of(pa.array([0, 1795325400, 2**60], pa.timestamp("s")))[0] == [
        NEVER,
        micros(AT),
        NEVER,
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_arrow_times(unit: str, zone: str | None) -> None:
    at, form = form_of(pa.array([AT], pa.timestamp(unit)).cast(pa.timestamp(unit, zone)))
    assert at == [micros(AT)]
    assert form.zoned is (zone is not None)


def test_text_in_several_zones_does_not_sort() -> None:
    _, form = form_of(["2026-11-22T05:30:00+01:00", "2026-11-22T05:30:00+02:00"])
    assert not form.ordered


def test_fractions_that_come_and_go_do_sort() -> None:
    _, form = form_of(["2026-11-22T05:30:00.5Z", "2026-11-22T05:30:00.25Z", "2026-11-22T05:30:00Z"])
    assert form.ordered


_WHEN = st.datetimes(datetime(1971, 1, 2), datetime(2199, 12, 30))  # noqa: DTZ001


@given(_WHEN, st.sampled_from(["T", " "]), st.sampled_from(["Z", "", "+01:00", "-0930"]))
def test_iso_text_round_trip(at: datetime, between: str, zone: str) -> None:
    text = at.isoformat(between, timespec="microseconds") + zone
    found, form = form_of([text])
    told = EPOCH + timedelta(microseconds=found[0])
    assert told == datetime.fromisoformat(text).replace(tzinfo=None) - timedelta(
        seconds=form.offset
    )
    assert form.write(told.replace(microsecond=0)) <= text  # type: ignore[operator]


# since September 2001 the seconds have ten digits
_TEN = st.datetimes(datetime(2002, 1, 1), datetime(2199, 1, 1))  # noqa: DTZ001


@given(st.lists(_TEN, min_size=2, max_size=20), st.sampled_from([g for g in GOLDEN if g[1]]))
def test_what_is_written_sorts_as_time_does(
    when: list[datetime], golden: tuple[object, Moment]
) -> None:
    _, form = form_of([golden[0]])
    whole = sorted(at.replace(second=0, microsecond=0) for at in when)
    written = [form.write(at) for at in whole]
    assert written == sorted(written)


_HOSTILE = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[0-9]{1,4}[-/.][0-9]{1,3}[-/.][0-9]{1,4}([T ][0-9:.+Z-]{0,20})?"),
    st.from_regex(r"[0-9]{8,24}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{24}|[0-9A-Z]{26}", fullmatch=True),
)


@given(st.lists(st.none() | _HOSTILE, max_size=30), st.booleans())
def test_hostile_text(values: list[str | None], key: bool) -> None:
    found = read(pa.array(values, pa.string()), key=key)
    if found is not None:
        assert len(found[0]) == len(values)
        assert settled(found[1]).write(AT) is not None


@given(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=30),
    st.sampled_from([pa.int64(), *(pa.timestamp(u) for u in ("s", "ms", "us", "ns")), pa.date64()]),
)
def test_hostile_numbers(values: list[int | None], kind: pa.DataType) -> None:
    try:
        column = pa.array(values, pa.int64()).view(kind)
    except pa.ArrowException:
        return
    found = read(column)
    if found is not None:
        at = found[0][found[0] != NEVER]
        years = at.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
        assert ((years >= 1900) & (years < 2200)).all()


@given(st.lists(st.none() | st.floats(), max_size=30))
def test_hostile_reals(values: list[float | None]) -> None:
    found = read(pa.array(values, pa.float64()))
    assert found is None or len(found[0]) == len(values)
