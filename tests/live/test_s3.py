"""The s3 engine against a real server: moto's."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from leftopen.classifier import classify
from leftopen.engine import Collection
from leftopen.engines.s3 import ENGINE
from leftopen.model import OptIn, Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.s3 import fill, s3
from leftopen.testing import connection, start
from tests.live import knowing
from tests.rows.s3 import PEOPLE, TOWN, store


async def probe(server: Server, *buckets: str) -> tuple[Proof, int, list[str]]:
    async with connection(ENGINE, server, opt_in=OptIn(buckets=buckets)) as link:
        proof = await ENGINE.probe(link)
        return proof, link.bytes_read, link.requests


Read = dict[str, tuple[Collection, list[pa.RecordBatch]]]


async def read(server: Server, *buckets: str) -> Read:
    found: Read = {}
    async with connection(ENGINE, server, opt_in=OptIn(buckets=buckets)) as link:
        for collection in await ENGINE.collections(link):
            batches = [b async for b in ENGINE.sample(link, collection, link.limits)]
            found[collection.name] = (collection, batches)
    return found


def values(batches: list[pa.RecordBatch]) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    for batch in batches:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            made.setdefault(name, []).extend(column.to_pylist())
    return made


@pytest.fixture
def fresh() -> Iterator[Server]:
    with start(s3) as server:
        yield server


async def test_open_by_few_bytes() -> None:
    proof, size, _ = await probe(store(), "town")
    assert proof.verdict is Verdict.OPEN
    assert proof.reason == "a bucket is listed and an object read without credentials"
    assert size < 8_192


async def test_locked_objects() -> None:
    proof, size, requests = await probe(store(), "closed")
    assert proof.verdict is Verdict.OPEN_PARTIAL
    assert "GET /{bucket}/{key*}" in requests
    assert size < 8_192


async def test_a_bucket_that_is_not_there_is_no_open_one() -> None:
    proof, _, _ = await probe(store(), "gone")
    assert proof.verdict is Verdict.OPEN_PARTIAL  # `/` lists the others
    assert "not there" in proof.reason
    both, _, _ = await probe(store(), "gone", "town")
    assert both.verdict is Verdict.OPEN


async def test_what_the_acl_says_of_writing() -> None:
    assert (await probe(store(), "drop-box"))[0].can_write == "yes"
    assert (await probe(store(), "drop-box", "town"))[0].can_write == "yes"
    assert (await probe(store(), "town"))[0].can_write == "unknown"  # anyone is taken for an owner


async def test_what_is_in_it() -> None:
    found = await read(store(), "town")
    told = {name: (one.records, one.bytes) for name, (one, _) in found.items()}
    assert told == {
        "town/people": (None, len(PEOPLE) + 403),  # it tells no number of rows
        "town/visits": (None, len(TOWN["visits/2026.jsonl"])),
        "town": (1, 15),
    }
    people = values(found["town/people"][1])
    assert people["email"] == [f"person{n}@example.org" for n in range(300)]
    assert people["born"][0] == "1950-03-14"
    assert people["key"] == ["people/scan of a passport.jpg"]
    assert people["size"] == [403]
    assert values(found["town/visits"][1])["at.lat"] == [48.4] * 40
    assert values(found["town"][1])["key"] == ["index.txt"]


async def test_the_classifier_finds_the_persons_in_it() -> None:
    batches = (await read(store(), "town"))["town/people"][1]
    fields = classify(pa.Table.from_batches(batches[:1]), "people").fields
    kinds = {name: field.kind for name, field in fields.items()}
    assert kinds["email"] == "email"
    assert kinds["born"] == "birth.date"


async def test_nothing_but_reads_and_only_of_what_was_named(fresh: Server) -> None:
    fill(fresh, "town", TOWN, acl="public-read")
    fill(fresh, "other", {"secret.csv": b"a,b\n1,2\n"}, acl="public-read")
    before = fresh.log.read_bytes()
    await probe(fresh, "town")
    await read(fresh, "town")
    seen = fresh.log.read_bytes()[len(before) :].decode()
    asked = re.findall(r"([A-Z]+) (/\S*) HTTP", seen)
    assert len(asked) >= 10
    assert {method for method, _ in asked} == {"GET"}
    assert not [path for _, path in asked if path.startswith("/other")]
    assert not [
        path for _, path in asked if not re.match(r"/$|/town[/?]|/leftopen-[0-9a-f]+\?", path)
    ]


async def test_tables_that_are_large_packed_or_cut(fresh: Server) -> None:
    lines = [f'{n},"Person\n{n}",person{n}@example.org' for n in range(30_000)]
    table = "id,name,email\n" + "\n".join(lines) + "\n"
    assert len(table) > 1 << 20
    documents = json.dumps([{"email": f"person{n}@example.org"} for n in range(20_000)])
    objects = {
        "csv/a.csv": table.encode(),
        "gz/a.tsv.gz": gzip.compress(table.replace(",", "\t").encode()),
        "json/a.json": documents.encode(),
        "bad/a.csv.gz": b"\x1f\x8b" + b"no gzip" * 40,
        "bad/b.json": b'{"a":',
        "bad/c.csv": b"\x00\x01\x02" * 99,
        "bad/d.csv": b"",
    }
    fill(fresh, "mixed", objects, acl="public-read")
    found = await read(fresh, "mixed")
    for name in ("mixed/csv", "mixed/gz", "mixed/json"):
        rows = values(found[name][1])["email"]
        assert rows == [f"person{n}@example.org" for n in range(2_000)], name
    assert values(found["mixed/csv"][1])["name"][7] == "Person\n7"
    assert values(found["mixed/bad"][1])["key"] == ["bad/d.csv"]


async def test_names_as_people_and_programs_give_them(fresh: Server) -> None:
    odd = {f"odd/{name}": b"1" for name in ("a b+c%.txt", "ünï/ä.txt", "#?&.txt", "e=1&f")}
    fill(fresh, "odd-names", odd, acl="public-read")
    assert (await probe(fresh, "odd-names"))[0].verdict is Verdict.OPEN
    ((_, batches),) = (await read(fresh, "odd-names")).values()
    assert set(values(batches)["key"]) == set(odd)


async def test_many_folders(fresh: Server) -> None:
    fill(fresh, "many", {f"{n:03}/{n}.bin": b"1" for n in range(60)}, acl="public-read")
    found = await read(fresh, "many")
    assert set(found) == {"many/*"}
    assert (found["many/*"][0].records, len(values(found["many/*"][1])["key"])) == (None, 32)


async def test_a_note_at_the_top_is_named(fresh: Server) -> None:
    fill(fresh, "left", {"READ_ME.txt": b"1"}, acl="public-read")
    assert set(await read(fresh, "left")) == {"left/READ_ME.txt"}


async def test_a_public_policy(fresh: Server) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    fill(fresh, "by-policy", {"a.bin": b"1"}, policy=policy)
    proof, _, _ = await probe(fresh, "by-policy")
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "unknown")


async def test_ipv6() -> None:
    with start(s3, "::1") as server:
        fill(server, "town", TOWN, acl="public-read")
        assert (await probe(server, "town"))[0].verdict is Verdict.OPEN


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_its_oldest_bucket_is_there() -> None:
    with start(s3) as server:
        assert await knowing.since(ENGINE, server) is None
        fill(server, "town", {"people.csv": b"name,email\nAnn,ann@example.org\n"})
        assert knowing.is_recent(await knowing.since(ENGINE, server), "created")
