"""The counters of small document stores and vector stores, at scripted peers."""

from __future__ import annotations

from typing import Any

import pytest

from leftopen.engine import Collection
from leftopen.engines import arangodb, chroma, couchdb, meilisearch, typesense
from leftopen.knowledge import Mark, Marks
from leftopen.testing import connection
from tests.scripted_http import Answer, Asked, dialer

COUNTED: dict[str, tuple[Any, Collection, dict[str, str], Any]] = {
    # engine, collection, answers by path with N for the number, the number it should give
    "arangodb": (
        arangodb.ENGINE,
        Collection("town.people", handle=("town", "people")),
        {"/_db/town/_api/collection/people/count": '{"count": N}'},
        None,
    ),
    "chroma": (
        chroma.ENGINE,
        Collection("people", handle="/api/v2/tenants/default_tenant/databases/d/collections/c"),
        {"/api/v2/tenants/default_tenant/databases/d/collections/c/count": "N"},
        None,
    ),
    "couchdb": (
        couchdb.ENGINE,
        Collection("people"),
        {"/people/_all_docs": '{"total_rows": N, "rows": [], "update_seq": "7-g1AAA"}'},
        7,
    ),
    "meilisearch": (
        meilisearch.ENGINE,
        Collection("people"),
        {
            "/indexes": '{"results": [{"uid": "people", "primaryKey": "id"}], "total": 1,'
            ' "offset": 0, "limit": 20}',
            "/stats": '{"indexes": {"people": {"numberOfDocuments": N}}}',
        },
        None,
    ),
}


@pytest.mark.parametrize(
    ("number", "records"),
    [("5", 5), ("0", 0), ("-1", None), ("1e400", None), ('"5"', None), ("true", None)],
)
@pytest.mark.parametrize("name", COUNTED)
async def test_what_a_server_says(name: str, number: str, records: int | None) -> None:
    engine, collection, answers, changes = COUNTED[name]

    def site(asked: Asked) -> Answer:
        told = answers.get(asked.path)
        return Answer({}, 404) if told is None else Answer(told.replace("N", number).encode())

    can: object = engine
    assert isinstance(can, Marks)
    async with connection(engine, dialer(site)) as link:
        told = await can.marks(link, [collection])
    assert told == {collection.name: Mark(records, changes)}


async def test_typesense() -> None:
    fields = [{"name": "email", "type": "string"}]
    listed = [{"name": "people", "num_documents": 5, "fields": fields}]
    async with connection(typesense.ENGINE, dialer(lambda _: Answer(listed))) as link:
        told = await typesense.ENGINE.marks(link, [Collection("people"), Collection("gone")])
    assert told == {"people": Mark(5)}


@pytest.mark.parametrize("name", ["arangodb", "chroma", "couchdb"])
async def test_one_that_is_refused_is_left_out(name: str) -> None:
    engine, collection, _, _ = COUNTED[name]
    async with connection(engine, dialer(lambda _: Answer({}, 403))) as link:
        assert await engine.marks(link, [collection]) == {}


@pytest.mark.parametrize(
    ("told", "changes"),
    [(12, 12), ("12-g1AAAB", 12), ("12", 12), ("-5", None), ("x-5", None), ("9" * 40, None),
     (-5, None), (True, None), (None, None), ([12, "x"], None), ("²", None)],
)  # fmt: skip
async def test_a_sequence_of_couchdb(told: object, changes: int | None) -> None:
    page = {"total_rows": 3, "rows": [], "update_seq": told}
    async with connection(couchdb.ENGINE, dialer(lambda _: Answer(page))) as link:
        marks = await couchdb.ENGINE.marks(link, [Collection("people")])
    assert marks == {"people": Mark(3, changes)}
