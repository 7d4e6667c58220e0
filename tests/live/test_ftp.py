"""The ftp engine against a real vsftpd (3.0 in Debian 12)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.ftp import ENGINE
from leftopen.errors import ServerRefused
from leftopen.model import OptIn, Proof, Verdict
from leftopen.servers.base import Server
from leftopen.servers.ftp import fill, vsftpd
from leftopen.testing import LIMITS, connection, start

GUEST = OptIn(anonymous_login=True)
FILES = {
    **{f"Ann Lee {n}.pdf": b"x" * n for n in range(40)},
    "letters/": b"", "letters/bo ek.txt": b"hej", "letters/more/": b"", "none/": b"",
    "-la/": b"", "odd[1]/": b"", "odd[1]/hidden": b"x",
}  # fmt: skip


async def probe(server: Server, opt_in: OptIn | None = GUEST) -> Proof:
    async with connection(ENGINE, server, opt_in=opt_in) as link:
        proof = await ENGINE.probe(link)
        assert link.bytes_read < 8_192
        return proof


async def profile(
    server: Server, limits: StoreLimits = LIMITS
) -> dict[str, tuple[Collection, list[dict[str, Any]]]]:
    """By name: the folder and the rows read of it."""
    made = {}
    async with connection(ENGINE, server, limits, opt_in=GUEST) as link:
        for folder in await ENGINE.collections(link):
            rows = []
            async for batch in ENGINE.sample(link, folder, limits):
                rows += batch.to_pylist()
            made[folder.name] = (folder, rows)
    return made


def commands(server: Server) -> set[str]:
    """The first words of all that the server was sent, as its own log tells them."""
    log = (server.folder / "vsftpd.log").read_text()
    return set(re.findall(r'FTP command: Client "[^"]*", "(\w+)', log))


async def test_open_and_what_is_in_it() -> None:
    with start(vsftpd) as server:
        fill(server, FILES)
        proof = await probe(server)
        assert (proof.verdict, proof.product, proof.can_write) == (
            Verdict.OPEN, "vsftpd", "unknown",
        )  # fmt: skip
        assert re.fullmatch(r"\d+\.\d+\.\d+", proof.version or "")
        assert "scope file" in proof.reason
        read = await profile(server)
        assert {name: (folder.records, len(rows)) for name, (folder, rows) in read.items()} == {
            "/": (44, 44), "/letters": (2, 2),
        }  # fmt: skip
        assert read["/"][0].bytes == sum(range(40))
        by_name = {row["name"]: row for row in read["/"][1]}
        assert by_name["Ann Lee 7.pdf"]["size"] == 7
        assert by_name["letters"]["kind"] == "folder"
        assert {row["name"] for row in read["/letters"][1]} == {"bo ek.txt", "more"}
        few = await profile(server, StoreLimits(rows=7))
        assert len(few["/"][1]) == 7
        log = (server.folder / "vsftpd.log").read_text()
        assert commands(server) - {"QUIT"} == {"FEAT", "USER", "PASS", "REST", "STAT"}
        assert "DOWNLOAD" not in log
        assert "UPLOAD" not in log


async def test_without_the_opt_in_nobody_logs_in() -> None:
    with start(vsftpd) as server:
        fill(server, FILES)
        proof = await probe(server, None)
        assert (proof.verdict, proof.product) == (Verdict.UNDETERMINED, "vsftpd")
        async with connection(ENGINE, server) as link:
            with pytest.raises(ServerRefused) as refused:
                await ENGINE.collections(link)
            assert link.requests == []
        assert refused.value.code == "no_opt_in"
        assert commands(server) - {"QUIT"} == {"FEAT"}


async def test_locked() -> None:
    with start(vsftpd, anonymous=False) as server:
        fill(server, FILES)
        assert (await probe(server)).verdict is Verdict.AUTH_REQUIRED
        assert commands(server) - {"QUIT"} == {"FEAT", "USER"}  # it may go before that is logged


@pytest.mark.parametrize(
    ("settings", "verdict", "word"),
    [
        ("dirlist_enable=NO", Verdict.OPEN_PARTIAL, "no folder"),
        ("ftpd_banner=welcome", Verdict.OPEN, "topmost"),
        ("no_anon_password=YES", Verdict.OPEN, "topmost"),
        ("cmds_denied=STAT", Verdict.OPEN_PARTIAL, "no folder"),
        ("cmds_denied=REST", Verdict.UNDETERMINED, "repeat"),
        ("banner_file=/etc/os-release", Verdict.OPEN, "topmost"),
    ],
)
async def test_states(settings: str, verdict: Verdict, word: str) -> None:
    with start(vsftpd, settings=settings) as server:
        fill(server, FILES)
        proof = await probe(server)
        assert (proof.verdict, word in proof.reason) == (verdict, True), proof


async def test_empty_and_ipv6() -> None:
    with start(vsftpd, "::1") as server:
        proof = await probe(server)
        assert (proof.verdict, "empty" in proof.reason) == (Verdict.OPEN, True)
        assert await profile(server) == {}
