"""Lets the stream of positions grow: `python -m leftopen.demo.feeder HOST PORT`.

Writes new sightings into `velmora.sightings` each second until the server is gone. Past KEPT
documents it drops the oldest, for SecantusDB reads a whole collection for every find.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from leftopen.demo.town import Town, dice, sighting, town

DATABASE, COLLECTION = "velmora", "sightings"
EACH_SECOND = 20
KEPT = 18_000
DROPPED = 3_000


def connect(host: str, port: int) -> MongoClient[dict[str, Any]]:
    """A client that gives up after seconds, so that the feeder ends soon after its server."""
    return MongoClient(
        host, port, directConnection=True, serverSelectionTimeoutMS=2_000, socketTimeoutMS=20_000
    )


def step(sightings: Collection[dict[str, Any]], place: Town, number: int) -> None:
    """Insert one second's sightings; drop the oldest where there are too many."""
    chance = dice("feeder", number)
    now = datetime.now(UTC)
    sightings.insert_many([sighting(chance, place, now) for _ in range(EACH_SECOND)])
    if number % 50 == 0 and sightings.estimated_document_count() > KEPT:
        eldest = sightings.find({}, {"ts": 1}).sort("ts", 1).skip(DROPPED).limit(1)
        for document in eldest:
            sightings.delete_many({"ts": {"$lt": document["ts"]}})


def count(host: str, port: int) -> int:
    """How many sightings there are now."""
    with connect(host, port) as client:
        return client[DATABASE][COLLECTION].estimated_document_count()


def main(host: str, port: int) -> None:
    """Feed until the server no longer answers."""
    place, number = town(), 0
    with connect(host, port) as client:
        sightings = client[DATABASE][COLLECTION]
        while True:
            try:
                step(sightings, place, number)
            except PyMongoError:
                return
            if number == 0:
                print("feeding", flush=True)
            number += 1
            time.sleep(1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
