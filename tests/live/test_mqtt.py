"""The mqtt engine against a real Mosquitto (2.0 in Debian 12)."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from leftopen.engines.mqtt import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.mqtt import fill, mosquitto
from leftopen.testing import LIMITS, connection, start

PASSWORD = "not to be guessed"


async def probe(server: Server, *, tls: bool = False) -> Proof:
    async with connection(ENGINE, server, tls=tls) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 600
        return proof


async def retained(server: Server) -> int:
    """What the collections say is kept; nothing can be sampled of it."""
    async with connection(ENGINE, server) as link:
        (collection,) = await ENGINE.collections(link)
        assert [batch async for batch in ENGINE.sample(link, collection, LIMITS)] == []
        assert collection.name == "retained messages"
        assert collection.records is not None
        return collection.records


async def test_open_and_what_it_keeps() -> None:
    with start(mosquitto) as server:
        proof = await probe(server)
        assert (proof.verdict, proof.product, proof.can_write) == (
            Verdict.OPEN, "mosquitto", "unknown",
        )  # fmt: skip
        assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")
        before = await retained(server)
        fill(server, [(f"homes/{n}/heart", b'{"name": "Ann Lee"}') for n in range(200)])
        until = time.monotonic() + 5
        while (now := await retained(server)) < before + 200 and time.monotonic() < until:
            pass
        assert before + 200 <= now <= before + 230  # the broker adds topics of its own


async def test_the_broker_saw_neither_publish_nor_any_topic_of_a_user() -> None:
    with start(mosquitto) as server:
        fill(server, [("homes/7/heart", b"71")])
        await probe(server)
        await retained(server)
        until = time.monotonic() + 5
        while (log := server.log.read_text()).count("Received DISCONNECT") < 3:
            assert time.monotonic() < until
        assert log.count("New client connected") == 3
        ours = log.partition("Client filler disconnected")[2]
        assert "Received PUBLISH" not in ours
        asked = re.findall(r"^\d+: \t(.*) \(QoS 0\)$", log, re.MULTILINE)
        assert {f"SUBSCRIBE {topic}" for topic in asked} <= ENGINE.requests
        assert len(asked) == 10


async def test_locked() -> None:
    with start(mosquitto, password=PASSWORD) as server:
        fill(server, [("homes/7/heart", b"71")], password=PASSWORD)
        assert (await probe(server)).verdict is Verdict.AUTH_REQUIRED


async def test_figures_withheld_by_an_access_list() -> None:
    with start(mosquitto, acl="topic read news/#\n") as server:
        proof = await probe(server)
        assert (proof.verdict, proof.version) == (Verdict.OPEN_PARTIAL, None)
    with start(mosquitto, acl="topic read $SYS/broker/clients/total\n") as server:
        assert (await probe(server)).verdict is Verdict.OPEN


async def test_over_tls(certificate: tuple[Path, Path]) -> None:
    with start(mosquitto, tls=certificate) as server:
        assert (await probe(server, tls=True)).verdict is Verdict.OPEN


@pytest.mark.parametrize("address", ["127.0.0.5", "::1"])
async def test_other_addresses(address: str) -> None:
    with start(mosquitto, address) as server:
        assert (await probe(server)).verdict is Verdict.OPEN
