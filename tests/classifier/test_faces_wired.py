"""Pictures that show faces make a column one of faces, and those that show none do not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from leftopen.classifier import Profiler, classify
from tests.classifier.make import column, full_name, unit_vector
from tests.classifier.test_faces import drawing, variant


def persons(rows: int = 24) -> list[bytes]:
    return [variant(("astronaut", "admiral")[i % 2], i) for i in range(rows)]


@pytest.mark.parametrize("field", ["c17", "photo", "attachment", "img"])
def test_faces_are_found_by_looking(field: str) -> None:
    found = classify(pa.table({field: persons()})).fields[field]
    assert (found.kind, found.family, found.special) == ("face.image.seen", "face_image", True)
    assert "images looked at" in found.evidence[0]


def test_pictures_without_faces_are_none_whatever_their_name() -> None:
    rows = 24
    table = {"name": column(full_name, rows=rows), "photo": [drawing(i) for i in range(rows)]}
    fields = classify(pa.table(table), "people").fields
    assert fields["name"].family == "name"
    assert fields["photo"].family == "none"


def test_halves_of_a_column_of_pictures_add_up() -> None:
    cells = persons(30) + [drawing(i) for i in range(30)]
    whole, one, two = Profiler(), Profiler(), Profiler()
    for part, values in ((whole, cells), (one, cells[:17]), (two, cells[17:][::-1])):
        part.update(pa.RecordBatch.from_pydict({"c": pa.array(values, pa.binary())}))
    one.merge(two)
    assert one.finish() == whole.finish()


@pytest.mark.parametrize(
    ("collection", "beside", "family"),
    [
        ("faces", "person_id", "face_embedding"), ("人脸库", "n", "face_embedding"),
        ("t", "portrait_path", "face_embedding"), ("t", "face_id", "face_embedding"),
        ("speakers", "n", "voice"), ("users", "n", "none"), ("products", "n", "none"),
        ("typefaces", "n", "none"),
    ],
)  # fmt: skip
def test_an_embedding_is_what_stands_beside_it(collection: str, beside: str, family: str) -> None:
    table = pa.table({"embedding": column(unit_vector(512), rows=20), beside: list(range(20))})
    assert classify(table, collection).fields["embedding[]"].family == family
