"""Cells, countries and kinds of places: what is shown of them, and what never is."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leftopen.measure.interval import Interval
from leftopen.measure.place import Placing, of_store
from leftopen.model import FieldProfile, Place
from leftopen.sample import documents

BERLIN, PARIS, SYDNEY, URUMQI = (52.52, 13.4), (48.86, 2.35), (-33.87, 151.21), (43.82, 87.61)
MIDDLE_OF_NOWHERE = (-75.1, 123.3)  # Dome C


def fields(*rows: tuple[str, str, str], values: int = 1_000) -> dict[str, FieldProfile]:
    return {
        path: FieldProfile(path, kind, family, False, 0.9, 1.0, values)
        for path, kind, family in rows
    }


SEEN = fields(
    ("id", "person_id", "person_id"), ("lat", "gps.lat", "gps"), ("lon", "gps.lon", "gps")
)
Point = tuple[float, float]


def batch(seen: Sequence[tuple[object, Point]]) -> pa.RecordBatch:
    return documents([{"id": who, "lat": lat, "lon": lon} for who, (lat, lon) in seen])


def placing(
    seen: Sequence[tuple[object, Point]],
    name: str = "c",
    resolution: int = 4,
    records: int | None = None,
    told: Mapping[str, FieldProfile] = SEEN,
) -> Placing:
    return Placing(name, records, told, [batch(seen)], resolution)


def exactly(people: float) -> Interval:
    return Interval(people, people, people)


def around(place: Point, many: int, first: int = 0) -> list[tuple[object, Point]]:
    """That many people by one place."""
    return [(f"p{first + n}", (place[0] + n * 1e-6, place[1])) for n in range(many)]


def bands(place: Place) -> dict[str, str]:
    return {cell.h3: cell.people_band for cell in place.cells}


@pytest.mark.parametrize(
    ("people", "band"),
    [
        (10, "10–100"),
        (99, "10–100"),
        (100, "100–1,000"),
        (999, "100–1,000"),
        (1_000, "1,000–10,000"),
        (2_565_724, "1,000,000–10,000,000"),
    ],
)
def test_a_cell_has_the_magnitude_of_its_people(people: int, band: str) -> None:
    placed = placing(around(BERLIN, 10))
    shown = of_store([placed], {"c": exactly(people)}, 10)
    assert bands(shown) == {h3.latlng_to_cell(*BERLIN, 4): band}
    assert not shown.hidden


def test_the_people_of_a_cell_are_its_share_of_all() -> None:
    placed = placing([*around(BERLIN, 30), *around(PARIS, 10, 100)])
    shown = of_store([placed], {"c": Interval(40_000, 30_000, 50_000)}, 10)
    assert bands(shown) == {
        h3.latlng_to_cell(*BERLIN, 4): "10,000–100,000",
        h3.latlng_to_cell(*PARIS, 4): "10,000–100,000",
    }


@pytest.mark.parametrize("threshold", [5, 10, 20])
def test_a_person_is_one_however_often_and_however_written(threshold: int) -> None:
    seen = around(BERLIN, threshold - 1) * 30
    seen += [(f" P{threshold - 2} ", BERLIN), (f"p-{threshold - 2}", BERLIN)]
    shown = of_store([placing(seen)], {"c": exactly(1_000_000)}, threshold)
    assert shown.cells == ()
    assert shown.hidden
    assert shown.countries == ()
    shown = of_store([placing(around(BERLIN, threshold))], {}, threshold)
    assert bands(shown) == {h3.latlng_to_cell(*BERLIN, 4): f"{threshold}–100"}


def test_too_few_are_told_as_a_coarser_cell() -> None:
    cell = h3.latlng_to_cell(*URUMQI, 4)
    parent = h3.cell_to_parent(cell, 3)
    children = sorted(h3.cell_to_children(parent, 4))
    seen = [
        (f"p{n}-{k}", h3.cell_to_latlng(child))
        for n, child in enumerate(children)
        for k in range(4)
    ]
    shown = of_store([placing(seen)], {"c": exactly(500)}, 10)
    assert bands(shown) == {parent: "100–1,000"}
    assert not shown.hidden


def test_a_coarser_cell_counts_only_whom_no_finer_one_shows() -> None:
    parent = h3.latlng_to_cell(*URUMQI, 3)
    one, two, three, *_ = sorted(h3.cell_to_children(parent, 4))
    seen = around(h3.cell_to_latlng(one), 50)
    seen += around(h3.cell_to_latlng(two), 6, 100) + around(h3.cell_to_latlng(three), 6, 200)
    shown = of_store([placing(seen)], {}, 10)
    assert bands(shown) == {one: "10–100", parent: "10–100"}


def test_where_nobody_can_be_told_apart_no_cell_is_shown() -> None:
    told = {path: field for path, field in SEEN.items() if path != "id"}
    shown = of_store([placing(around(BERLIN, 500), told=told)], {"c": exactly(500)}, 10)
    assert shown.cells == ()
    assert shown.hidden
    assert shown.countries == ("DE",)  # of records


def test_several_keys_in_a_record_are_the_best_one() -> None:
    told = fields(
        ("device", "device.id", "device_id"), ("mail", "email", "email"),
        ("lat", "gps.lat", "gps"), ("lon", "gps.lon", "gps"),
    )  # fmt: skip
    docs = [
        {"device": f"d{n}", "mail": f"m{n % 9}@example.org", "lat": BERLIN[0], "lon": BERLIN[1]}
        for n in range(90)
    ]
    placed = Placing("c", None, told, [documents(docs)], 4)
    assert of_store([placed], {}, 10).cells == ()
    docs = [{**doc, "mail": None if n > 9 else doc["mail"]} for n, doc in enumerate(docs)]
    placed = Placing("c", None, told, [documents(docs)], 4)  # hardly any has an address
    assert len(of_store([placed], {}, 10).cells) == 1


def test_keys_in_lists_are_nobodys() -> None:
    told = fields(
        ("ids[]", "person_id", "person_id"), ("lat", "gps.lat", "gps"), ("lon", "gps.lon", "gps")
    )
    docs = [{"ids": [f"a{n}", f"b{n}"], "lat": 1.3, "lon": 103.8} for n in range(50)]
    assert of_store([Placing("c", None, told, [documents(docs)], 4)], {}, 10).cells == ()


def test_the_same_people_in_two_collections_are_not_added_up() -> None:
    half = [placing(around(BERLIN, 6), name) for name in ("a", "b")]
    shown = of_store(half, {"a": exactly(6), "b": exactly(6)}, 10)
    assert shown.cells == ()
    assert shown.hidden
    both = [placing(around(BERLIN, 12), "a"), placing(around(BERLIN, 300), "b")]
    shown = of_store(both, {"a": exactly(12), "b": exactly(300)}, 10)
    assert bands(shown) == {h3.latlng_to_cell(*BERLIN, 4): "100–1,000"}


@pytest.mark.parametrize("resolution", range(8))
def test_a_person_far_away_is_never_shown(resolution: int) -> None:
    seen = [*around(BERLIN, 40), *around(PARIS, 40, 100), *around(SYDNEY, 40, 200)]
    canary = [("canary", MIDDLE_OF_NOWHERE)] * 50
    alone = h3.latlng_to_cell(*MIDDLE_OF_NOWHERE, resolution)
    shown = of_store([placing([*seen, *canary], resolution=resolution)], {"c": exactly(121)}, 10)
    assert shown.hidden
    assert "AQ" not in shown.countries
    for cell in shown.cells:
        least = min(h3.get_resolution(cell.h3), resolution)
        assert h3.cell_to_parent(alone, least) != cell.h3
    assert shown.cells


def test_a_hidden_cell_is_never_the_only_one() -> None:
    seen = [*around(BERLIN, 40), *around(PARIS, 20, 100), *around(SYDNEY, 3, 200)]
    shown = of_store([placing(seen)], {"c": exactly(63)}, 10)
    assert bands(shown) == {h3.latlng_to_cell(*BERLIN, 4): "10–100"}
    assert shown.hidden
    assert of_store([placing(seen[:60])], {"c": exactly(60)}, 10).hidden is False


# ------------------------------------------------------------------------------- R4, R5 by chance


@st.composite
def _towns(draw: st.DrawFn) -> dict[str, int]:
    """How many people live in which cells of resolution 2; nobody in two."""
    chance = random.Random(draw(st.integers(0, 10**6)))
    base = draw(st.lists(st.sampled_from(sorted(h3.get_res0_cells())), min_size=1, max_size=3))
    cells = [cell for one in base for cell in h3.cell_to_children(one, 2)]
    counts = draw(st.lists(st.integers(1, 60), min_size=1, max_size=12))
    return dict(zip(chance.sample(cells, len(counts)), counts, strict=True))


def _people_of(towns: Mapping[str, int]) -> list[tuple[object, Point]]:
    return [
        (f"{cell}-{n}", h3.cell_to_latlng(cell))
        for cell, many in towns.items()
        for n in range(many)
    ]


def _bounds(band: str) -> tuple[int, int]:
    low, high = re.fullmatch(r"([\d,]+)–([\d,]+)", band).groups()  # type: ignore[union-attr]
    return int(low.replace(",", "")), int(high.replace(",", ""))


@settings(max_examples=200, deadline=None)
@given(_towns(), st.integers(5, 20), st.sampled_from([1, 10, 1_000]))
def test_what_is_shown_and_what_can_be_told_from_it(
    towns: dict[str, int], threshold: int, scale: int
) -> None:
    total = sum(towns.values()) * scale
    shown = of_store([placing(_people_of(towns), resolution=2)], {"c": exactly(total)}, threshold)
    cells = {cell.h3: _bounds(cell.people_band) for cell in shown.cells}
    # R4: whoever is in a shown cell is so with enough others that no finer one shows
    left = dict(towns)
    for cell in sorted(cells, key=h3.get_resolution, reverse=True):
        inside = [c for c in left if h3.cell_to_parent(c, h3.get_resolution(cell)) == cell]
        seen = sum(left.pop(c) for c in inside)
        assert seen >= threshold
        low, high = cells[cell]
        assert low <= seen * scale <= high
        assert threshold <= low
    assert shown.hidden == bool(left)
    # R5: the interval that a solver has for a hidden cell, from the total and what is shown
    if left:
        low, high = (sum(band[side] for band in cells.values()) for side in (0, 1))
        most = total - low
        least = max(0, total - high) if len(left) == 1 else 0
        assert len(left) > 1 or not cells
        assert most - least >= 10 or not cells


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=200),
    st.integers(0, 400),
)
def test_people_in_many_cells_are_shown_only_with_enough_others(
    visits: list[tuple[int, int]], spare: int
) -> None:
    spots = [
        h3.cell_to_latlng(c) for c in sorted(h3.cell_to_children(h3.latlng_to_cell(*BERLIN, 3), 4))
    ]
    seen: list[tuple[object, Point]] = [(f"p{who}", spots[where]) for who, where in visits]
    people = len({who for who, _ in visits}) + spare
    shown = of_store([placing(seen)], {"c": exactly(people)}, 10)
    for cell in shown.cells:
        here = {
            who
            for who, where in seen
            if h3.latlng_to_cell(*where, h3.get_resolution(cell.h3)) == cell.h3
        }
        assert len(here) >= 10


# -------------------------------------------------------------------------------------- countries


def test_countries_of_enough_people_the_most_first() -> None:
    seen = [*around(PARIS, 11), *around(BERLIN, 30, 100), *around(SYDNEY, 9, 200)]
    seen += [("p0", (1.3, 103.8))] * 90
    shown = of_store([placing(seen)], {"c": exactly(10_000)}, 10)
    assert shown.countries == ("DE", "FR")


def test_national_numbers_tell_countries() -> None:
    told = fields(
        ("nino", "gov_id.uk.nino", "gov_id"), ("ric", "gov_id.cn.ric", "gov_id"),
        ("tel", "phone.de.mobile", "phone"), ("plate", "vehicle.plate.cn", "vehicle"),
        ("cpf", "gov_id.br.cpf", "gov_id"), ("ir", "gov_id.tax", "gov_id"),
    )  # fmt: skip
    docs = [
        {"nino": f"n{n}", "ric": f"{n}", "tel": n % 3, "plate": f"x{n}", "ir": f"t{n}",
         "cpf": f"c{n}" if n < 9 else None}
        for n in range(50)
    ]  # fmt: skip
    shown = of_store([Placing("c", None, told, [documents(docs)], 4)], {}, 10)
    assert shown.countries == ("CN", "GB")
    few = {
        path: FieldProfile(path, f.kind, f.family, False, 0.9, 0.1, 50) for path, f in told.items()
    }
    shown = of_store([Placing("c", None, few, [documents(docs)], 4)], {}, 10)
    assert shown.countries == ()  # one value in ten is a national number


def test_traces_are_what_the_classifier_says() -> None:
    told = fields(("lat", "trace.lat", "location_trace"), ("lon", "trace.lon", "location_trace"))
    assert of_store([placing(around(BERLIN, 3), told=told)], {}, 10).traces
    assert not of_store([placing(around(BERLIN, 3))], {}, 10).traces


# ---------------------------------------------------------------------------------- kinds of place

LABELLED = fields(("id", "person_id", "person_id"), ("place", "place.label", "place_label"))


def labelled(values: Sequence[str | None], records: int | None, people: int = 1_000) -> Placing:
    docs = [{"id": f"p{n % people}", "place": value} for n, value in enumerate(values)]
    return Placing("c", records, LABELLED, [documents(docs)], 4)


def test_kinds_of_places_with_their_interval() -> None:
    values = ["Mosque no. 3"] * 50 + ["清真寺"] * 30 + ["City hospital"] * 9 + ["Main street"] * 311
    shown = of_store([labelled(values, 6_680_348)], {}, 10)
    (one,) = shown.kinds
    # 80 of 400; Wilson's interval, computed apart, is 0.16374 to 0.24194
    assert (one.kind, one.estimate) == ("worship", 1_340_000)
    assert one.low == pytest.approx(0.16374 * 6_680_348, rel=0.01)
    assert one.high == pytest.approx(0.24194 * 6_680_348, rel=0.01)
    assert one.low % 1_000 == one.high % 1_000 == 0


def test_all_records_looked_at_leave_no_doubt() -> None:
    (one,) = of_store([labelled(["hotel"] * 12 + ["x"] * 88, 100)], {}, 10).kinds
    assert (one.estimate, one.low, one.high) == (10, 10, 15)


def test_kinds_that_few_people_name_are_not_told() -> None:
    assert of_store([labelled(["clinic"] * 200, 1_000_000, people=9)], {}, 10).kinds == ()
    assert of_store([labelled(["clinic"] * 9, 1_000_000)], {}, 10).kinds == ()
    assert of_store([labelled(["clinic"] * 10, 1_000_000)], {}, 10).kinds


def test_a_field_called_by_a_place_counts_where_people_are() -> None:
    docs = [{"id": f"p{n}", "hotel_name": "Adler" if n % 2 else None} for n in range(100)]
    told = fields(("id", "person_id", "person_id"), ("hotel_name", "none", "none"))
    (one,) = of_store([Placing("c", 1_000, told, [documents(docs)], 4)], {}, 10).kinds
    assert (one.kind, one.estimate) == ("hotel", 500)
    nobody = fields(("hotel_name", "none", "none"))
    assert of_store([Placing("c", 1_000, nobody, [documents(docs)], 4)], {}, 10).kinds == ()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 10_000), st.integers(5, 20))
def test_no_number_of_kinds_is_small_or_exact(
    hits: int, others: int, more: int, threshold: int
) -> None:
    placed = labelled(["casino"] * hits + ["x"] * others, hits + others + more)
    for one in of_store([placed], {}, threshold).kinds:
        for number in (one.estimate, one.low, one.high):
            assert number == 0 or number >= threshold
            assert number % 5 == 0 or number == threshold
            assert number <= 1_000 or number % 10 == 0
        assert one.low <= one.estimate <= one.high


# ----------------------------------------------------------------------------------------- the rest


def test_method_is_a_plain_clause_without_names() -> None:
    placed = placing(around(BERLIN, 200), "secret_table", records=6_680_348)
    shown = of_store([placed], {}, 10)
    assert shown.method == "positions in 200 of 6,680,000 records looked at"
    few = of_store([placing(around(BERLIN, 3), records=3)], {}, 10)
    assert few.method == "positions in fewer than 10 records"
    assert of_store([labelled(["x"] * 30, None)], {}, 10).method == ""


def test_nothing_in_nothing_out() -> None:
    assert of_store([], {}, 10) == Place()
    empty = Placing("c", None, {}, [], 4)
    assert of_store([empty], {}, 10) == Place()
    assert of_store([Placing("c", 5, SEEN, [documents([{}, {}])], 4)], {}, 10) == Place()


def test_a_placing_holds_no_key_and_no_coordinate() -> None:
    placed = placing([("canary-7f3a", (12.3456789, 98.7654321)), *around(BERLIN, 3)])
    held = repr({name: getattr(placed, name) for name in vars(placed)})
    assert "7f3a" not in held
    assert "12.34" not in held
    assert "98.76" not in held


_VALUES: Sequence[Any] = [
    None, 1, -1, 0.0, 1.5, math.nan, math.inf, 2**70, True, "", "x", "52.5", "mosque", b"\x00\xff",
    [1, [2, [3]]], [None] * 50, {"a": {"b": None}}, [{"lat": 1}], "\ud800", list(range(3_000)),
]  # fmt: skip
_FIELDS = fields(
    ("lat", "gps.lat", "gps"), ("lon", "gps.lon", "gps"), ("id", "gov_id.cn.ric", "gov_id"),
    ("id[]", "person_id", "person_id"), ("lat[]", "gps.point", "gps"),
    ("lon[].lat", "trace.lat", "location_trace"), ("place", "place.label", "place_label"),
    ("place.a.b", "place.label", "place_label"), ("hotel", "trace.gate", "location_trace"),
    ("lat.a.b", "trace.text", "location_trace"), ("missing", "email", "email"),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["lat", "lon", "id", "place", "hotel"]), st.sampled_from(_VALUES)
        ),
        max_size=30,
    ),
    st.integers(0, 8),
    st.one_of(st.none(), st.integers(-5, 10**9)),
)
def test_no_records_break_it(
    docs: list[dict[str, Any]], resolution: int, records: int | None
) -> None:
    batches = [documents(docs), documents(docs[::-1])]
    placed = Placing("c", records, _FIELDS, batches, resolution)
    shown = of_store([placed, placed], {"c": Interval(3, 0, 9)}, 10)
    assert all(h3.is_valid_cell(cell.h3) for cell in shown.cells)


def test_many_positions_take_little_time() -> None:
    chance = np.random.default_rng(3)
    many = 20_000
    table = pa.RecordBatch.from_pydict(
        {
            "id": [f"p{n}" for n in chance.integers(0, 5_000, many)],
            "lat": chance.normal(43.8, 1.0, many),
            "lon": chance.normal(87.6, 1.0, many),
        }
    )
    shown = of_store([Placing("c", None, SEEN, [table], 4)], {}, 10)
    assert len(shown.cells) > 30
    assert shown.countries[0] == "CN"
