"""The rsync engine against a real rsync daemon (Debian's)."""

from __future__ import annotations

import os
import re
import socket
from typing import Any

import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.rsync import ENGINE
from leftopen.model import Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.rsync import fill, rsyncd
from leftopen.testing import LIMITS, connection, start

LOCKED = "auth users = owner"
DENIED = "hosts deny = *"
WRITE_ONLY = "write only = yes\nread only = no"


async def probe(server: Server, most: int = 4_096) -> Proof:
    async with connection(ENGINE, server) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < most
        assert (proof.can_write, proof.product) == ("unknown", "rsync")
        return proof


async def profile(
    server: Server, limits: StoreLimits = LIMITS
) -> dict[str, tuple[Collection, list[dict[str, Any]]]]:
    """By name: the module and the rows read of it."""
    made = {}
    async with connection(ENGINE, server, limits) as link:
        for module in await ENGINE.collections(link):
            rows = []
            async for batch in ENGINE.sample(link, module, limits):
                rows += batch.to_pylist()
            made[module.name] = (module, rows)
    return made


def people(count: int) -> dict[str, bytes]:
    return {f"Ann Lee {n} – report.pdf": b"x" * n for n in range(count)}


async def test_open_and_what_is_in_it() -> None:
    with start(rsyncd, modules=(("files", "comment = all"), ("more than fifteen chars", ""))) as s:
        fill(s, "files", {**people(900), "letters/": b"", "n" * 250: b"long"})
        (s.folder / "files" / "link").symlink_to("letters")
        (s.folder / "files" / "large").write_bytes(b"")
        os.truncate(s.folder / "files" / "large", 5 << 30)  # a hole: takes no room
        os.utime(s.folder / "files" / "link", (5, 5), follow_symlinks=False)
        proof = await probe(s, 68 << 10)  # one piece of a stream that is then closed
        assert proof.verdict is Verdict.OPEN
        assert proof.reason == "lists files without a login: 2 of 2 modules"
        read = await profile(s)
        module, rows = read["files"]
        assert (module.records, len(rows)) == (904, 904)
        assert module.bytes == sum(range(900)) + 4 + (5 << 30)
        by_name = {row["name"]: row for row in rows}
        assert by_name["Ann Lee 7 – report.pdf"]["size"] == 7
        assert {by_name[n]["kind"] for n in ("letters", "link", "large")} == {
            "folder", "link", "file",
        }  # fmt: skip
        assert by_name["link"]["modified"].year == 1970
        assert by_name["large"]["modified"].year >= 2024
        assert by_name["n" * 250]["size"] == 4
        assert read["more than fifteen chars"][0].records == 0
        few = await profile(s, StoreLimits(rows=7))
        assert len(few["files"][1]) == 7


async def test_no_file_was_fetched_and_nothing_written() -> None:
    with start(rsyncd) as server:
        fill(server, "files", people(30))
        before = {p.name: p.stat().st_mtime_ns for p in (server.folder / "files").iterdir()}
        await probe(server)
        await profile(server)
        log = (server.folder / "rsyncd.log").read_text()
        assert "rsync on files/" in log  # what a listing is called there; never "rsync to"
        assert "rsync to" not in log
        assert "] send " not in log
        assert "Ann Lee" not in log
        assert {p.name: p.stat().st_mtime_ns for p in (server.folder / "files").iterdir()} == before


@pytest.mark.parametrize(
    ("modules", "verdict", "word"),
    [
        ([LOCKED], Verdict.AUTH_REQUIRED, "login"),
        ([DENIED], Verdict.ACL_CLOSED, "address"),
        ([LOCKED, DENIED], Verdict.AUTH_REQUIRED, "login"),
        ([WRITE_ONLY], Verdict.OPEN_PARTIAL, "lists no file"),
        (["path = /nowhere/at/all"], Verdict.UNDETERMINED, "answers for none"),
        (["list = no"], Verdict.UNDETERMINED, "names no module"),
        (["max connections = -1"], Verdict.UNDETERMINED, "answers for none"),
        ([LOCKED, DENIED, WRITE_ONLY, ""], Verdict.OPEN, "2 of 4 modules; 1 locked"),
        ([LOCKED] * 3 + [""] * 9, Verdict.OPEN, "5 of 8 modules (of 12 named); 3 locked"),
    ],
)
async def test_states(modules: list[str], verdict: Verdict, word: str) -> None:
    named = tuple((f"m{n}", own) for n, own in enumerate(modules))
    with start(rsyncd, modules=named, password="not to be guessed") as server:
        for name, _ in named:
            fill(server, name, people(2))
        proof = await probe(server)
        assert (proof.verdict, word in proof.reason) == (verdict, True), proof.reason
        assert len(await profile(server)) == modules.count("")
        log = (server.folder / "rsyncd.log").read_text()
        assert not re.search(r"auth failed .* for ", log)  # it would name whose login was tried


async def test_a_message_of_the_day_is_no_module() -> None:
    motd = "Welcome\tto the files\nwelcome, welcome\tto you\n" + "x" * 600 + "\n"
    with start(rsyncd, motd=motd) as server:
        fill(server, "files", people(2))
        assert (await probe(server)).verdict is Verdict.OPEN
        assert set(await profile(server)) == {"files"}


async def test_empty_and_ipv6() -> None:
    with start(rsyncd, "::1") as server:
        proof = await probe(server)
        assert (proof.verdict, "empty" in proof.reason) == (Verdict.OPEN, True)
        with socket.create_connection(("::1", server.port), timeout=5):
            pass
