"""One store being read: what a fault in measuring costs, and what it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leftopen import reading as reads
from leftopen.config import Measuring
from leftopen.engines import all_engines
from leftopen.measure.place import Placing
from leftopen.measure.sketch import Sketcher
from leftopen.messages import Job, Said
from leftopen.model import OptIn, Stage
from leftopen.reading import Reading
from leftopen.servers.redis import fill, redis
from leftopen.testing import LIMITS, start

CANARY = "zq7-canary-value"


class _Freely:
    async def admit(self, host: str) -> None:
        pass


async def read() -> list[Said]:
    """What is said of a Redis with two patterns of keys."""
    said: list[Said] = []
    with start(redis) as server:
        fill(server, [("HSET", f"user:{n}", "email", f"ann{n}@example.org") for n in range(60)])
        fill(server, [("HSET", f"member:{n}", "phone", f"+4930{n:07}") for n in range(40)])
        job = Job(
            engine="redis", address=server.address, port=server.port, host=None, tls=False,
            limits=LIMITS, opt_in=OptIn(), measuring=Measuring(look_seconds=0.0),
        )  # fmt: skip
        engine = all_engines()["redis"]
        await Reading(engine, job, _Freely(), Sketcher(), said.append).run()
    return said


def _stumble(*_: object, **__: object) -> Any:
    raise ValueError(CANARY)


async def test_a_fault_in_measuring_one_collection_leaves_all_that_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def place(name: str, *rest: Any) -> Any:
        return _stumble() if name.startswith("user") else Placing(name, *rest)

    monkeypatch.setattr(reads, "Placing", place)
    *collections, end = await read()
    found = [one.collection for one in collections if one.what == "collection" and one.collection]
    assert {one.name for one in found} == {"user:*", "member:*"}
    assert all(any(field.family != "none" for field in one.fields) for one in found)
    people = dict(zip((one.name for one in found), end.people_of, strict=True))
    assert people["user:*"] is None
    assert people["member:*"] is not None
    assert people["member:*"].estimate == 40
    assert [(e.stage, e.class_, e.code) for e in end.errors] == [
        (Stage.MEASURE, "ValueError", "fault")
    ]
    assert not end.complete
    assert CANARY not in json.dumps([one.model_dump(mode="json") for one in [*collections, end]])


@pytest.mark.parametrize("module", ["people", "place", "times", "composition"])
async def test_a_fault_in_measuring_the_store_leaves_its_collections(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setattr(getattr(reads, module), "of_store", _stumble)
    *collections, end = await read()
    assert sum(one.what == "collection" for one in collections) == 2
    assert end.what == "end"
    assert end.people is None
    assert [e.stage for e in end.errors] == [Stage.MEASURE]
    assert CANARY not in end.model_dump_json()


async def test_a_fault_in_what_is_asked_besides_costs_that_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def since(*_: object) -> Any:
        _stumble()

    monkeypatch.setattr(all_engines()["redis"].__class__, "since", since)
    *_, end = await read()
    assert end.people is not None
    assert end.people.estimate == 100
    assert [e.stage for e in end.errors] == [Stage.MEASURE]
    assert not end.complete
