"""The ftp engine against scripted servers: verdicts, lies, floods, and what it may send."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines.ftp import ENGINE, Session, is_path, name_of
from leftopen.errors import (
    BudgetSpent,
    LeftopenError,
    NotThisProtocol,
    PeerClosed,
    RequestNotAllowed,
    ServerRefused,
)
from leftopen.model import OptIn, Proof, Target, Verdict
from leftopen.net.scripted import Reply, Script, ScriptedDialer
from leftopen.testing import LIMITS, connection

GUEST = OptIn(anonymous_login=True)
GREETING = b"220 (vsFTPd 3.0.3)\r\n"
TOP = [
    "drwxr-xr-x    3 0        0            4096 Nov 22 03:11 .",
    "drwxr-xr-x    3 0        0            4096 Nov 22 03:11 ..",
    "-rw-r--r--    1 ann      staff           2 Nov 22  2024 Ann Lee.pdf",
    "lrwxrwxrwx    1 0        0               7 Nov 22 03:11 now -> Ann Lee.pdf",
    "drwxr-xr-x    2 0        0            4096 Nov 22 03:11 pub",
]


def status(lines: list[str], code: int = 213) -> bytes:
    return "\r\n".join([f"{code}-Status follows:", *lines, f"{code} End of status", ""]).encode()


class FakeFtp:
    """Answers as vsftpd does; `said` says otherwise for a command or its first word ({} stands for
    what followed it)."""

    def __init__(self, said: dict[str, bytes] | None = None) -> None:
        self.said = said or {}
        self.seen: list[str] = []

    def __call__(self, data: bytes) -> list[Reply]:
        line = data.decode().removesuffix("\r\n")
        self.seen.append(line)
        word, _, rest = line.partition(" ")
        for asked in (line, word):
            if asked in self.said:
                return [self.said[asked].replace(b"{}", rest.encode())]
        told: dict[str, bytes] = {
            "FEAT": b"211-Features:\r\n REST STREAM\r\n SIZE\r\n211 End\r\n",
            "USER": b"331 Please specify the password.\r\n",
            "PASS": b"230 Login successful.\r\n",
            "REST": b"350 Restart position accepted (%b).\r\n" % rest.encode(),
            "STAT": status(TOP if rest == "/" else TOP[:3]),
            "QUIT": b"221 Goodbye.\r\n",
        }
        return [told.get(word, b"500 Unknown command.\r\n")]


def dialer(script: Script, greeting: bytes = GREETING) -> ScriptedDialer:
    return ScriptedDialer(lambda: script, greeting=greeting)


async def probe(
    script: Script, greeting: bytes = GREETING, opt_in: OptIn | None = GUEST, port: int = 21
) -> Proof:
    async with connection(ENGINE, dialer(script, greeting), opt_in=opt_in) as link:
        link.target = Target(link.target.address, port)
        return await ENGINE.probe(link)


# --- verdicts ------------------------------------------------------------------------------------


async def test_open_with_the_opt_in_alone() -> None:
    server = FakeFtp()
    proof = await probe(server)
    assert (proof.verdict, proof.product, proof.version, proof.can_write) == (
        Verdict.OPEN, "vsftpd", "3.0.3", "unknown",
    )  # fmt: skip
    assert [line.split(" ")[0] for line in server.seen] == [
        *("FEAT", "USER", "PASS", "REST", "STAT", "QUIT"),
    ]
    server = FakeFtp()
    proof = await probe(server, opt_in=None)
    assert (proof.verdict, proof.version) == (Verdict.UNDETERMINED, "3.0.3")
    assert server.seen == ["FEAT", "QUIT"]


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"USER": b"230 Welcome\r\n"}, Verdict.OPEN),
        ({"USER": b"530 no ann.lee@example.org\r\n"}, Verdict.AUTH_REQUIRED),
        ({"PASS": b"530 no ann.lee@example.org\r\n"}, Verdict.AUTH_REQUIRED),
        ({"PASS": b"332 account, ann\r\n"}, Verdict.AUTH_REQUIRED),
        ({"PASS": b"421 too many\r\n"}, Verdict.ACL_CLOSED),
        ({"USER": b"534 over TLS only\r\n"}, Verdict.UNDETERMINED),
        ({"REST": b"350 go on\r\n"}, Verdict.UNDETERMINED),
        ({"REST": b"350 (1234567890123)\r\n"}, Verdict.UNDETERMINED),
        ({"REST": b"200 {}\r\n"}, Verdict.UNDETERMINED),
        ({"STAT": b"550 Permission denied, ann.\r\n"}, Verdict.OPEN_PARTIAL),
        ({"STAT": b"502 no\r\n"}, Verdict.OPEN_PARTIAL),
        ({"STAT": status([])}, Verdict.OPEN_PARTIAL),
        ({"STAT": status(["Connected to ann", "TYPE: ASCII"], 211)}, Verdict.OPEN_PARTIAL),
        ({"STAT": status(TOP[:2])}, Verdict.OPEN),  # empty
        ({"STAT": status([f"213-{line}" for line in TOP])}, Verdict.OPEN),
        ({"STAT": status([f" {line}" for line in TOP], 212)}, Verdict.OPEN),
        ({"STAT": status(["11-22-26  03:11AM       <DIR>          pub"])}, Verdict.OPEN),
    ],
)
async def test_what_an_answer_means(said: dict[str, bytes], verdict: Verdict) -> None:
    server = FakeFtp(said)
    proof = await probe(server)
    assert proof.verdict is verdict, proof
    assert "ann" not in proof.reason
    assert server.seen[-1] == "QUIT"
    assert server.seen.count("USER anonymous") == 1


@pytest.mark.parametrize(
    ("facts", "can_write"),
    [
        ("type=dir;perm=el;", "unknown"),
        ("type=dir;perm=cdeflmp;", "yes"),
        ("type=dir;Perm=c;", "yes"),
        ("type=dir;", "unknown"),
        ("type=dir;perm=CMP-; x", "unknown"),
    ],
)
async def test_the_servers_own_word_on_writing(facts: str, can_write: str) -> None:
    said = {
        "FEAT": b"211-Features:\r\n MLST type*;size*;perm*;\r\n211 End\r\n",
        "MLST /": f"250-Listing\r\n {facts} /\r\n250 End\r\n".encode(),
    }
    proof = await probe(FakeFtp(said))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


@pytest.mark.parametrize(
    ("greeting", "said", "port", "verdict"),
    [
        (b"220 welcome\r\n", {}, 2121, Verdict.UNDETERMINED),  # FEAT tells
        (b"220 ProFTPD 1.3.8 ready\r\n", {"FEAT": b"500 no\r\n"}, 2121, Verdict.UNDETERMINED),
        (b"220 welcome\r\n", {"FEAT": b"530 first log in\r\n"}, 21, Verdict.UNDETERMINED),
        (b"220-one\r\n220-two\r\n two\r\n220 end\r\n", {}, 21, Verdict.UNDETERMINED),
        (b"421 Service not available.\r\n", {}, 21, Verdict.ACL_CLOSED),
        (b"530 Not from there.\r\n", {}, 21, Verdict.ACL_CLOSED),
        (b"421 this FTP server is full\r\n", {}, 2121, Verdict.ACL_CLOSED),
    ],
)
async def test_greetings(
    greeting: bytes, said: dict[str, bytes], port: int, verdict: Verdict
) -> None:
    assert (await probe(FakeFtp(said), greeting, None, port)).verdict is verdict


@pytest.mark.parametrize(
    ("greeting", "said", "port"),
    [
        (b"220 mail.example.org ESMTP\r\n", {"FEAT": b"502 5.5.2 not recognised\r\n"}, 21),
        (b"220 mail.example.org ESMTP\r\n", {"FEAT": b"530 login first\r\n"}, 25),
        (b"421 mail.example.org is busy\r\n", {}, 25),
        (b"554 no\r\n", {}, 21),
        (b"SSH-2.0-OpenSSH_9.2\r\n", {}, 21),
        (b"+OK POP3\r\n", {}, 21),
        (b"* OK IMAP4\r\n", {}, 21),
        (b"2200 odd\r\n", {}, 21),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", {}, 21),
        (b"@RSYNCD: 31.0\n", {}, 21),
        (b"220 welcome\r\n", {"FEAT": b"what?\r\n"}, 21),
        (b"220-x\r\n" * 20_000, {}, 21),
        (b"A" * 50_000, {}, 21),
        (b"220 " + b"A" * 5_000 + b"\r\n", {}, 21),
    ],
)
async def test_another_protocol(greeting: bytes, said: dict[str, bytes], port: int) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(FakeFtp(said), greeting, GUEST, port)


@pytest.mark.parametrize(
    ("greeting", "product", "version"),
    [
        (b"220 ProFTPD 1.3.8b Server (ann)\r\n", "proftpd", "1.3.8"),
        (b"220-FileZilla Server 1.7.3\r\n220 hi\r\n", "filezilla server", "1.7.3"),
        (b"220---------- Welcome to Pure-FTPd [TLS] ----------\r\n220 x\r\n", "pure-ftpd", None),
        (b"220 Microsoft FTP Service\r\n", "microsoft ftp service", None),
        (b"220 ann.lee@example.org\r\n", None, None),
    ],
)
async def test_product(greeting: bytes, product: str | None, version: str | None) -> None:
    proof = await probe(FakeFtp(), greeting)
    assert (proof.product, proof.version) == (product, version)


async def test_a_recording_played_back_is_never_open() -> None:
    recorded: dict[str, list[Reply]] = {}
    server = FakeFtp()

    def record(data: bytes) -> list[Reply]:
        recorded[data.decode().split(" ")[0]] = told = server(data)
        return told

    assert (await probe(record)).verdict is Verdict.OPEN
    proof = await probe(lambda data: recorded[data.decode().split(" ")[0]])
    assert proof.verdict is Verdict.UNDETERMINED


async def test_a_flood_is_bounded() -> None:
    flood: list[Reply] = [b"213-x\r\n" * 9_000] * 500

    def script(data: bytes) -> list[Reply]:
        return flood if data.startswith(b"STAT") else FakeFtp()(data)

    async with connection(ENGINE, dialer(script, GREETING), opt_in=GUEST) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
        assert link.bytes_read < 256 << 10


async def test_the_bytes_of_one_listing_are_bounded() -> None:
    fat: list[Reply] = [b"213-" + b"x" * 4_000 + b"\r\n"] * 1_000

    def script(data: bytes) -> list[Reply]:
        return fat if data.startswith(b"STAT") else FakeFtp()(data)

    limits = StoreLimits(bytes=1 << 20)
    async with connection(ENGINE, dialer(script), limits, opt_in=GUEST) as link:
        with pytest.raises((NotThisProtocol, BudgetSpent)):
            await ENGINE.probe(link)
        assert link.bytes_read < 256 << 10


async def test_every_split_reads_alike() -> None:
    whole = await probe(FakeFtp())
    for size in (1, 2, 3, 7):

        def script(data: bytes, size: int = size) -> list[Reply]:
            text = b"".join(part for part in FakeFtp()(data) if isinstance(part, bytes))
            return [text[at : at + size] for at in range(0, len(text), size)]

        assert await probe(script) == whole


@given(st.binary(max_size=120), st.sampled_from(["greeting", "FEAT", "USER", "REST", "STAT"]))
async def test_any_bytes_end_in_an_error_of_ours_and_never_in_open(said: bytes, where: str) -> None:
    server = FakeFtp() if where == "greeting" else FakeFtp({where: said})
    try:
        proof = await probe(server, said if where == "greeting" else GREETING)
    except LeftopenError:
        return
    if where in ("greeting", "REST", "STAT"):
        assert proof.verdict is not Verdict.OPEN


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "USER ann",
        "USER anonymous\r\nDELE x",
        "PASS hunter2",
        "PASS ",
        "STAT",
        "STAT pub",
        "STAT -la",
        "STAT /pub/more",
        "STAT /*",
        "STAT /pub\r\nDELE /x",
        "STAT /..",
        "REST -1",
        "REST x",
        "MLST /pub",
        *("LIST", "NLST", "RETR /a", "STOR /a", "APPE /a", "DELE /a", "MKD /a", "RMD /a"),
        *(
            "RNFR /a",
            "SITE CHMOD 777 /a",
            "PASV",
            "EPSV",
            "PORT 127,0,0,1,1,1",
            "ACCT x",
            "",
            "quit",
        ),
    ],
)
def test_nothing_else_has_a_name(line: str) -> None:
    with pytest.raises(RequestNotAllowed):
        name_of(line)


def test_names_of_requests() -> None:
    lines = ("FEAT", "USER anonymous", "PASS leftopen@", "REST 1234567890", "STAT /", "STAT /a b")
    assert {name_of(line) for line in (*lines, "MLST /", "QUIT")} == ENGINE.requests
    assert not any(map(is_path, ("", "a", "/a/b", "/..", "/.", "/a\n", "/a*", "/[a]", "/a ", "//")))


# --- collections and samples ---------------------------------------------------------------------


async def read(script: Any, limits: StoreLimits = LIMITS) -> dict[str, list[dict[str, Any]]]:
    async with connection(ENGINE, dialer(script), limits, opt_in=GUEST) as link:
        return {
            folder.name: [
                row
                async for batch in ENGINE.sample(link, folder, limits)
                for row in batch.to_pylist()
            ]
            for folder in await ENGINE.collections(link)
        }


async def test_folders_are_collections() -> None:
    told = await read(FakeFtp())
    assert set(told) == {"/", "/pub"}
    by_name = {row["name"]: row for row in told["/"]}
    assert by_name["Ann Lee.pdf"] == {
        "name": "Ann Lee.pdf", "size": 2, "kind": "file", "owner": "ann",
    }  # fmt: skip
    assert by_name["now"]["kind"] == "link"
    assert len((await read(FakeFtp(), StoreLimits(rows=1)))["/"]) == 1


async def test_a_folder_that_is_closed_does_not_hide_the_others() -> None:
    told = await read(FakeFtp({"STAT /pub": b"550 no\r\n"}))
    assert set(told) == {"/"}


async def test_names_of_a_hostile_server_are_never_sent_on() -> None:
    names = ["../../etc", "-la", "a\x00b", "*", "a/b", "{x,y}", "..", "."]
    lines = [f"drwxr-xr-x    2 0        0            4096 Nov 22 03:11 {name}" for name in names]
    server = FakeFtp({"STAT /": status(lines)})
    await read(server)
    assert {line for line in server.seen if line.startswith("STAT")} == {"STAT /", "STAT /-la"}


async def test_more_folders_than_are_read() -> None:
    lines = [f"drwxr-xr-x    2 0        0            4096 Nov 22 03:11 d{n}" for n in range(3_000)]
    server = FakeFtp({"STAT /": status(lines)})
    assert len(await read(server, StoreLimits(collections=5, rows=1))) <= 5
    asked = [line for line in server.seen if re.match(r"STAT /d", line)]
    assert len(set(asked)) <= 5


async def test_without_the_opt_in_nothing_is_sent() -> None:
    made = dialer(FakeFtp())
    async with connection(ENGINE, made) as link:
        with pytest.raises(ServerRefused):
            await ENGINE.collections(link)
    assert made.sent == []


async def test_a_login_that_is_refused_later_is_an_error_without_the_servers_text() -> None:
    with pytest.raises(ServerRefused) as refused:
        await read(FakeFtp({"PASS": b"530 ann.lee@example.org\r\n"}))
    assert refused.value.code == "530"
    assert "ann" not in str(refused.value)


async def test_a_reply_cut_off() -> None:
    async with connection(ENGINE, dialer(FakeFtp(), b"220-half\r\n")) as link:
        with pytest.raises(PeerClosed):
            await Session(link).reply()


async def test_a_trickle_of_something_else_is_told_by_its_first_bytes() -> None:
    async with connection(ENGINE, dialer(lambda data: None, b"+")) as link:
        with pytest.raises(NotThisProtocol):
            await ENGINE.probe(link)
