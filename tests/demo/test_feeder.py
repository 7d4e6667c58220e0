"""The stream of positions: it grows, is bounded, and ends with its server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from leftopen.demo import cast, feeder
from leftopen.demo.town import sightings, town
from leftopen.servers import mongodb
from leftopen.servers.base import Server
from leftopen.testing import start


@pytest.fixture
def store() -> Iterator[Server]:
    with start(mongodb.secantus) as server:
        yield server


def test_it_grows_and_ends_with_its_server(store: Server) -> None:
    feeding = cast.start_feeder(store)
    try:
        counts = [feeder.count(store.address, store.port)]
        assert counts[0] >= feeder.EACH_SECOND
        until = time.monotonic() + 20
        while len(set(counts)) < 3 and time.monotonic() < until:
            time.sleep(0.2)
            counts.append(feeder.count(store.address, store.port))
        assert len(set(counts)) >= 3
        assert counts == sorted(counts)
        with mongodb.client(store) as driver:
            newest = driver.velmora.sightings.find_one(sort=[("ts", -1)])
        assert newest is not None
        assert abs(newest["ts"].replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(seconds=30)
        store.stop()
        assert feeding.process.wait(30) == 0
    finally:
        feeding.stop()


def test_past_its_bound_the_oldest_go(store: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeder, "KEPT", 300)
    monkeypatch.setattr(feeder, "DROPPED", 100)
    place = town(500)
    old = list(sightings(place, datetime.now(UTC), 290))
    mongodb.fill(store, feeder.DATABASE, feeder.COLLECTION, [dict(doc) for doc in old])
    with feeder.connect(store.address, store.port) as client:
        collection = client[feeder.DATABASE][feeder.COLLECTION]
        feeder.step(collection, place, 1)  # 310 now; only each fiftieth step looks
        assert collection.count_documents({}) == 290 + feeder.EACH_SECOND
        feeder.step(collection, place, 50)
        left = [doc["ts"].replace(tzinfo=UTC) for doc in collection.find({})]
    assert len(left) == 290 + 2 * feeder.EACH_SECOND - 100
    assert min(left) == old[100]["ts"]
