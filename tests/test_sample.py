"""Documents and rows to Arrow batches: paths, types, and every bound a hostile server meets."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen import sample


def columns(*docs: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = sample.documents(docs).to_pydict()
    return made


def test_nested_documents_and_arrays_become_paths() -> None:
    made = columns(
        {"name": "Ann", "home": {"city": "Ulm"}, "addresses": [{"city": "Ulm"}, {"city": "Bonn"}]},
        {"name": "Bo", "addresses": []},
    )
    assert made == {
        "name": ["Ann", "Bo"],
        "home.city": ["Ulm", None],
        "addresses[].city": [["Ulm", "Bonn"], None],
    }


def test_lists_of_numbers_stay_lists_of_numbers() -> None:
    batch = sample.documents([{"point": {"coordinates": [9.98, 48.4]}}, {"point": None}])
    column = batch.column("point.coordinates[]")
    assert column.type == pa.list_(pa.float64())
    assert column.to_pylist() == [[9.98, 48.4], None]


def test_json_inside_a_string_is_opened_under_the_same_path() -> None:
    made = columns({"value": json.dumps({"user": {"email": "a@example.org"}, "n": [1, 2]})})
    assert made == {"value.user.email": ["a@example.org"], "value.n[]": [[1, 2]]}
    assert columns({"value": "{not json}"}) == {"value": ["{not json}"]}


@pytest.mark.parametrize(
    "key",
    ["ann@example.org", "87654321X", "3f2504e04f8911d39a0c0305e82c3301", "12", "+49 170 1234567"],
)
def test_a_key_that_is_itself_data_becomes_a_star(key: str) -> None:
    made = columns({"seen": {key: {"at": 1}}}, {"seen": {key: {"at": 2}, f"{key}1": {"at": 3}}})
    assert made == {"seen.*.at": [[1], [2, 3]]}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], pa.bool_()),
        ([1, -(2**63)], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([1, 2**70], pa.string()),
        ([1, "a"], pa.string()),
        ([True, 1], pa.string()),
        ([b"\x00", b"\xff"], pa.binary()),
        ([b"a", "a"], pa.string()),
        ([date(1980, 1, 2)], pa.date32()),
        ([datetime(1980, 1, 2, tzinfo=UTC)], pa.timestamp("us")),
        ([Decimal("1.5"), 2], pa.float64()),
        ([Decimal("NaN"), Decimal(10) ** 30], pa.string()),
        ([time(3, 4), timedelta(1)], pa.string()),
        ([uuid.UUID(int=5)], pa.string()),
        ([None, None], pa.null()),
    ],
)
def test_column_types_are_those_of_the_values(values: list[Any], kind: pa.DataType) -> None:
    batch = sample.documents([{"x": value} for value in values])
    assert batch.column("x").type == kind
    assert batch.num_rows == len(values)


def test_moments_lose_their_zone_but_not_their_time() -> None:
    east = timezone(timedelta(hours=14))
    moments = [
        datetime(2024, 1, 1, 12, tzinfo=east),
        datetime(1, 1, 1, tzinfo=east),  # in UTC before the first year there is
    ]
    made = columns(*({"at": moment} for moment in moments))["at"]
    assert made[0] == datetime(2023, 12, 31, 22, tzinfo=UTC).replace(tzinfo=None)
    assert made[1].year == 1


def test_rows_keep_their_columns_and_open_what_is_nested() -> None:
    made = sample.rows(["id", "doc", "empty"], [(1, '{"who": "Ann"}', None), (2, None, None)])
    assert made.to_pydict() == {"id": [1, 2], "doc.who": ["Ann", None], "empty": [None, None]}
    assert sample.rows(["a"], []).num_rows == 0


def test_documents_without_a_value_still_count() -> None:
    assert sample.documents([{}, {}, {}]).num_rows == 3


def nested(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {"end": 1}
    for _ in range(levels):
        made = {"a": made}
    return made


def test_what_nests_without_end_is_cut() -> None:
    assert columns(nested(sample.MAX_DEPTH + 5), {"b": 1}) == {"b": [None, 1]}
    assert list(columns(nested(10))) == ["a." * 10 + "end"]
    text = '{"a":' * 100_000 + "1" + "}" * 100_000  # past what Python's parser takes
    assert columns({"x": text[: sample.MAX_JSON]})["x"][0].startswith('{"a":')
    lists: Any = 1
    for _ in range(200):
        lists = [lists]
    assert columns({"x": lists, "y": 1}) == {"y": [1]}


def test_columns_elements_and_cells_are_bounded() -> None:
    wide = sample.documents([{f"k{chr(97 + i % 26)}{'x' * (i // 26)}": i for i in range(3_000)}])
    assert 1_000 < wide.num_columns <= sample.MAX_COLUMNS
    many = columns({"x": list(range(5_000))})["x[]"][0]
    assert len(many) == sample.MAX_ELEMENTS
    made = columns({"text": "a" * 10_000_000, "raw": b"b" * 10_000_000, "n": 10**5_000})
    assert len(made["text"][0]) == sample.MAX_CELL
    assert len(made["raw"][0]) == sample.MAX_BINARY
    assert len(made["n"][0]) <= sample.MAX_CELL


def test_lone_surrogates_and_control_characters_do_no_harm() -> None:
    made = sample.documents([{"a\ud800": "x\udfff\x00", "b": "\u202e"}])
    assert made.to_pydict() == {"a?": ["x?\x00"], "b": ["\u202e"]}
    alike = sample.rows(["a\ud800", "a\ud801"], [(1, 2)])
    assert alike.schema.names == ["a?"]


_LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | st.datetimes() | st.decimals() | st.dates()
)  # fmt: skip
_VALUE = st.recursive(
    _LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(st.lists(st.dictionaries(st.text(), _VALUE), max_size=8))
def test_whatever_comes_becomes_a_batch_with_a_row_each(docs: list[dict[str, Any]]) -> None:
    batch = sample.documents(docs)
    batch.validate(full=True)
    assert batch.num_rows == len(docs)
    assert len(set(batch.schema.names)) == batch.num_columns
