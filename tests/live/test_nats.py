"""The nats engine against a real nats-server (2.9 in Debian 12)."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from leftopen.budget import StoreLimits
from leftopen.classifier import Profiler
from leftopen.engine import Collection
from leftopen.engines.nats import ENGINE
from leftopen.errors import ServerRefused
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.nats import fill, nats
from leftopen.testing import LIMITS, connection, start
from tests.live import knowing

PASSWORD = "not to be guessed"
PEOPLE = {"name": "Ann Lee", "email": "ann.lee@example.org", "homes": [{"city": "Ulm"}]}


async def probe(server: Server, *, tls: bool = False) -> Proof:
    async with connection(ENGINE, server, tls=tls) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 4_096
        return proof


Read = dict[str, tuple[Collection, int, dict[str, list[Any]]]]


async def profile(server: Server, limits: StoreLimits = LIMITS) -> Read:
    """By name: the stream, rows read, and the values of each column."""
    made: Read = {}
    async with connection(ENGINE, server, limits) as link:
        for stream in await ENGINE.collections(link):
            rows, values = 0, dict[str, list[Any]]()
            async for batch in ENGINE.sample(link, stream, limits):
                rows += batch.num_rows
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    values.setdefault(name, []).extend(column.to_pylist())
            made[stream.name] = (stream, rows, values)
    return made


def town() -> dict[str, list[tuple[str, bytes]]]:
    return {
        "people": [(f"people.{n}", json.dumps({**PEOPLE, "n": n}).encode()) for n in range(300)],
        "traces": [("traces.car", b"\xff\x00\x01"), ("traces.note", b"plain")],
        "none": [],
    }


async def test_open_and_what_is_in_it() -> None:
    with start(nats) as server:
        fill(server, town())
        proof = await probe(server)
        assert (proof.verdict, proof.product, proof.can_write) == (
            Verdict.OPEN, "nats", "unknown",
        )  # fmt: skip
        assert proof.reason == "streams were listed and a message read without a login"
        assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")
        read = await profile(server)
        assert {name: (c.records, rows) for name, (c, rows, _) in read.items()} == {
            "people": (300, 300), "traces": (2, 2), "none": (0, 0),
        }  # fmt: skip
        assert all((c.bytes or 0) > 0 for c, rows, _ in read.values() if rows)
        people = read["people"][2]
        assert set(people) == {
            "value.name", "value.email", "value.homes[].city", "value.n", "@subject", "@time",
        }  # fmt: skip
        assert sorted(people["value.n"]) == list(range(300))
        assert people["value.n"] != list(range(300))  # drawn at random
        assert all(time is not None for time in people["@time"])
        few = await profile(server, StoreLimits(rows=7))
        assert few["people"][1] == 7


async def test_the_classifier_finds_whose_messages_they_are() -> None:
    with start(nats) as server:
        fill(server, town())
        profiler = Profiler("people")
        async with connection(ENGINE, server) as link:
            people = next(c for c in await ENGINE.collections(link) if c.name == "people")
            async for batch in ENGINE.sample(link, people, LIMITS):
                profiler.update(batch)
    kinds = {path: field.kind for path, field in profiler.finish().fields.items()}
    assert kinds["value.email"].startswith("email")
    assert kinds["value.name"].startswith("name")


async def test_deleted_messages_are_passed_over() -> None:
    with start(nats) as server:
        fill(server, {"people": [(f"people.{n}", b'{"n": %d}' % n) for n in range(60)]})
        for number in range(2, 60):
            _api(server, "STREAM.MSG.DELETE.people", {"seq": number})
        assert (await probe(server)).verdict is Verdict.OPEN
        stream, rows, values = (await profile(server))["people"]
        assert (stream.records, rows, sorted(values["value.n"])) == (2, 2, [0, 59])


def _api(server: Server, what: str, payload: object) -> None:
    with socket.create_connection((server.address, server.port), timeout=10) as link:
        body = json.dumps(payload).encode()
        link.sendall(b"CONNECT {}\r\nSUB _INBOX.t 1\r\n")
        link.sendall(f"PUB $JS.API.{what} _INBOX.t {len(body)}\r\n".encode() + body + b"\r\n")
        told = b""
        while b'"success":true' not in told:
            piece = link.recv(65_536)
            assert piece
            told += piece


async def test_nothing_was_written() -> None:
    with start(nats) as server:
        fill(server, town())
        before = {name: (c.records, c.bytes) for name, (c, _, _) in (await profile(server)).items()}
        async with connection(ENGINE, server) as link:
            await ENGINE.probe(link)
            assert set(link.requests) <= ENGINE.requests
            assert {r for r in link.requests if r.startswith("SUB")} == {"SUB _INBOX"}
        after = {name: (c.records, c.bytes) for name, (c, _, _) in (await profile(server)).items()}
        assert before == after


async def test_empty_and_without_jetstream() -> None:
    with start(nats) as server:
        proof = await probe(server)
        assert (proof.verdict, "none" in proof.reason) == (Verdict.OPEN, True)
        assert await profile(server) == {}
    with start(nats, jetstream=False) as server:
        proof = await probe(server)
        assert (proof.verdict, "no JetStream" in proof.reason) == (Verdict.OPEN, True)
        with pytest.raises(ServerRefused) as refused:
            await profile(server)
        assert refused.value.code == "503"


async def test_locked() -> None:
    with start(nats, password=PASSWORD) as server:
        fill(server, town(), password=PASSWORD)
        assert (await probe(server)).verdict is Verdict.AUTH_REQUIRED
        assert "authentication error" not in server.log.read_text()  # none was tried


LIST = '"$JS.API.STREAM.NAMES"'


@pytest.mark.parametrize(
    ("anyone", "verdict"),
    [
        (f"publish: {{allow: [{LIST}]}}", Verdict.OPEN_PARTIAL),
        (
            'publish: {allow: ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.>"]}',
            Verdict.OPEN_PARTIAL,
        ),
        ('publish: {deny: [">"]}', Verdict.OPEN_PARTIAL),
        ('subscribe: {deny: [">"]}', Verdict.OPEN_PARTIAL),
        ('publish: {allow: ["$JS.API.STREAM.>"]}', Verdict.OPEN),
    ],
)
async def test_what_anyone_may_do(anyone: str, verdict: Verdict) -> None:
    with start(nats, password=PASSWORD, anyone=anyone) as server:
        fill(server, town(), password=PASSWORD)
        proof = await probe(server)
        assert proof.verdict is verdict
        assert PASSWORD not in proof.reason


async def test_tls_after_the_greeting(certificate: tuple[Path, Path]) -> None:
    with start(nats, tls=certificate) as server:
        async with connection(ENGINE, server) as link:
            assert (await ENGINE.probe(link)).verdict is Verdict.OPEN
            assert link.tls


async def test_ipv6() -> None:
    with start(nats, "::1") as server:
        assert (await probe(server)).verdict is Verdict.OPEN


# --- what it knows for nothing -------------------------------------------------------------------


async def test_since_when_its_streams_are_there_and_marks_that_move_with_writes_alone() -> None:
    with start(nats) as server:
        assert await knowing.since(ENGINE, server) is None
        fill(server, {"people": [("people.new", b"x")] * 30, "rest": [("rest.new", b"y")]})
        assert knowing.is_recent(await knowing.since(ENGINE, server), "created")
        before, after = await knowing.marks_around(
            ENGINE, server, lambda: fill(server, {"people": [("people.new", b"z")] * 2})
        )
    assert before == {"people": Mark(30, 30), "rest": Mark(1, 1)}
    assert after == {"people": Mark(32, 32), "rest": Mark(1, 1)}
