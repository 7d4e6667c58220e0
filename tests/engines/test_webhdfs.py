"""The webhdfs engine against scripted peers: answers as the WebHDFS REST API documents them (and as
the real name node of tests/live gave them), and answers that no name node gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings

from leftopen.budget import StoreLimits
from leftopen.engine import Engine
from leftopen.engines.webhdfs import _PATHS, ENGINE
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import (
    OPENED,
    OTHERS,
    anything,
    canned,
    held,
    probe,
    probed,
    run,
    values,
)
from tests.rows.webhdfs import KERBEROS, STANDBY, always, exception
from tests.scripted_http import Answer, Asked, Site, dialer

DENIED = exception("AccessControlException", 'Permission denied: user=dr.who, inode="/"', 403)


def status(name: str, kind: str = "FILE", permission: str = "644") -> dict[str, Any]:
    return {
        "pathSuffix": name, "type": kind, "permission": permission, "owner": "ann",
        "group": "ward", "length": 12, "modificationTime": 1_700_000_000_000, "accessTime": 0,
        "blockSize": 0, "replication": 0,
    }  # fmt: skip


TREE: dict[str, list[dict[str, Any]]] = {
    "": [status("people", "DIRECTORY", "755"), status("readme.txt")],
    "people": [status("ann-lee.pdf"), status("scans", "DIRECTORY", "700")],
    "people/scans": [status("mri.dcm")],
}


def listing(listed: object) -> Answer:
    return Answer({"FileStatuses": {"FileStatus": listed}})


def node(**replaced: Answer) -> Site:
    """A whole open name node; `list` (of the root), `missing`, `entry`, `root`, `odd` replace its
    answers."""

    def site(asked: Asked) -> Answer:
        path = asked.path.removeprefix("/webhdfs/v1/")
        if "offset" in asked.query:
            words = f'Invalid value for webhdfs parameter "offset": "{asked.query["offset"]}"'
            return replaced.get("odd", exception("IllegalArgumentException", words, 400))
        if asked.query["op"] == "LISTSTATUS":
            answer = listing(TREE[path]) if path in TREE else DENIED
            return replaced.get("list", answer) if path == "" else answer
        if path == "":
            root = {"FileStatus": status("", "DIRECTORY", "755")}
            return replaced.get("root", Answer(root))
        if path in ("people", "readme.txt"):
            return replaced.get("entry", Answer({"FileStatus": status("", "DIRECTORY", "755")}))
        words = f"File does not exist: /{path}"
        return replaced.get("missing", exception("FileNotFoundException", words, 404))

    return site


async def test_an_open_store_is_open_by_a_list_a_random_name_and_a_look() -> None:
    assert isinstance(ENGINE, Engine)
    proof, sent = await probed(ENGINE, node())
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "no")
    assert [path.partition("leftopen-")[0] for _, path in sent] == [
        "/webhdfs/v1/?op=LISTSTATUS", "/webhdfs/v1/",
        "/webhdfs/v1/people?op=GETFILESTATUS", "/webhdfs/v1/?op=GETFILESTATUS",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("root", "directory", "can_write"),
    [("755", "755", "no"), ("777", "755", "yes"), ("755", "1777", "yes"), ("775", "770", "no"),
     ("2", "0", "yes")],
)  # fmt: skip
async def test_what_others_may_write_is_what_the_permissions_say(
    root: str, directory: str, can_write: str
) -> None:
    # a file that others may write is no place to put files into
    listed = listing([status("a", "DIRECTORY", directory), status("b", "FILE", "666")])
    told = Answer({"FileStatus": status("", "DIRECTORY", root)})
    site = node(list=listed, root=told)

    def with_entry(asked: Asked) -> Answer:
        entry = asked.path.endswith("/a") and asked.query["op"] == "GETFILESTATUS"
        return Answer({"FileStatus": status("")}) if entry else site(asked)

    assert (await probe(ENGINE, with_entry)).can_write == can_write


async def test_an_empty_root_is_open() -> None:
    proof = await probe(ENGINE, node(list=listing([])))
    assert (proof.verdict, "it is empty" in proof.reason) == (Verdict.OPEN, True)


@pytest.mark.parametrize(
    ("answer", "port", "verdict"),
    [
        (KERBEROS, 9870, Verdict.AUTH_REQUIRED),
        (KERBEROS, 8080, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Negotiate"}), 50070, Verdict.AUTH_REQUIRED),
        (Answer(b"", 401, {"WWW-Authenticate": "Negotiate"}), 8080, Verdict.NOT_THIS),
        (exception("SecurityException", "Failed to obtain user", 401), 80, Verdict.AUTH_REQUIRED),
        (STANDBY, 9870, Verdict.UNDETERMINED),
        (exception("SafeModeException", "x", 500), 8080, Verdict.UNDETERMINED),
        (Answer({"RemoteException": "x"}, 403), 8080, Verdict.NOT_THIS),
        (Answer({"RemoteException": {"exception": 1}}, 403), 8080, Verdict.NOT_THIS),
        (DENIED, 9870, Verdict.NOT_THIS),  # says so to the random word, too
    ],
)
async def test_a_root_that_is_not_given(answer: Answer, port: int, verdict: Verdict) -> None:
    assert (await probe(ENGINE, always(answer), port)).verdict is verdict


async def test_a_root_that_may_not_be_listed() -> None:
    proof, sent = await probed(ENGINE, node(list=DENIED))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "no")
    assert len(sent) == 3
    proof = await probe(ENGINE, node(list=DENIED, root=DENIED))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN_PARTIAL, "unknown")


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (DENIED, Verdict.OPEN_PARTIAL),
        (exception("StandbyException", "x", 403), Verdict.UNDETERMINED),
        (Answer(b"", 307, {"Location": "http://192.0.2.1:9864/webhdfs"}), Verdict.UNDETERMINED),
        (Answer({"FileStatus": []}), Verdict.NOT_THIS),
        (listing([]), Verdict.NOT_THIS),
    ],
)
async def test_an_entry_that_is_refused_or_none(entry: Answer, verdict: Verdict) -> None:
    assert (await probe(ENGINE, node(entry=entry))).verdict is verdict


@pytest.mark.parametrize(
    "changed",
    [
        {"pathSuffix": None}, {"type": "SOCKET"}, {"type": 1}, {"permission": "rwx"},
        {"permission": 755}, {"permission": "99"}, {"permission": "7" * 5}, {"owner": 1},
        {"group": None}, {"length": "12"}, {"length": -1}, {"length": True}, {"length": 2**64},
        {"modificationTime": None},
    ],
)  # fmt: skip
async def test_a_file_status_that_is_none(changed: dict[str, Any]) -> None:
    listed = listing([{**status("people"), **changed}])
    assert (await probe(ENGINE, node(list=listed))).verdict is Verdict.NOT_THIS
    root = Answer({"FileStatus": {**status(""), **changed}})
    assert (await probe(ENGINE, node(root=root))).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    "missing",
    [
        exception("FileNotFoundException", "File does not exist: /other", 404),
        Answer({"FileStatus": status("")}),
        Answer(b"<html></html>", 404),
        exception("IOException", "leftopen-", 404),
    ],
)
async def test_it_must_say_of_a_random_name_that_it_is_missing(missing: Answer) -> None:
    assert (await probe(ENGINE, node(missing=missing))).verdict is Verdict.NOT_THIS


async def test_recordings_are_told_from_servers() -> None:
    for site in (node(), node(list=DENIED)):
        for how, played in await canned(ENGINE, site):
            assert (await probe(ENGINE, played)).verdict is Verdict.NOT_THIS, how


@pytest.mark.parametrize("answer", OTHERS.values(), ids=OTHERS)
async def test_other_products_and_sites_are_none(answer: Answer) -> None:
    proof, sent = await probed(ENGINE, always(answer), 8080)
    assert (proof.verdict, len(sent)) == (Verdict.NOT_THIS, 1)


@settings(max_examples=60, deadline=None)
@given(told=anything)
def test_whatever_json_it_sends_only_statuses_prove_an_open_store(told: Any) -> None:
    assert run(ENGINE, node(list=Answer(told))).verdict is Verdict.NOT_THIS
    odd = run(ENGINE, node(list=listing(told)))
    assert odd.verdict not in OPENED or told == []
    assert run(ENGINE, node(root=Answer(told))).verdict not in OPENED
    assert run(ENGINE, node(entry=Answer({"FileStatus": told}))).verdict not in OPENED


@pytest.mark.parametrize(
    "request_",
    [
        "GET /webhdfs/v1/?op=OPEN", "GET /webhdfs/v1/{path*}?op=OPEN", "GET /webhdfs/v1/",
        "PUT /webhdfs/v1/{path*}?op=MKDIRS", "DELETE /webhdfs/v1/{path*}?op=DELETE",
        "GET /webhdfs/v1/?op=GETDELEGATIONTOKEN", "GET /webhdfs/v1/?op=LISTSTATUS&user.name=hdfs",
    ],
)  # fmt: skip
async def test_only_two_operations_can_be_named(request_: str) -> None:
    async with connection(ENGINE, dialer(node())) as link:
        with pytest.raises(RequestNotAllowed):
            await link.send(request_, b"x")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/webhdfs/v1/a?op=OPEN"), ("GET", "/webhdfs/v1/a"), ("GET", "/webhdfs/v1/a?"),
        ("GET", "/webhdfs/v1/?op=LISTSTATUS&user.name=hdfs"), ("PUT", "/webhdfs/v1/?op=LISTSTATUS"),
        ("GET", "/webhdfs/v1/?op=liststatus"), ("GET", "/jmx?op=LISTSTATUS"),
        ("GET", "/webhdfs/v1/../jmx?op=LISTSTATUS"), ("GET", "/webhdfs/v1/a//b?op=LISTSTATUS"),
        ("GET", "/webhdfs/v1/?op=GETFILESTATUS&offset=1"),
        ("GET", "/webhdfs/v1/a?op=GETFILESTATUS&offset=leftopen-" + "0" * 24),
        ("GET", "/webhdfs/v1/?op=leftopen-" + "0" * 24),
    ],
)  # fmt: skip
def test_the_name_of_a_request_is_taken_from_its_operation(method: str, path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)


async def test_what_is_in_it() -> None:
    found = {c.name: batches for c, batches in await held(ENGINE, node())}
    assert set(found) == {"/", "/people"}
    assert values(found["/"], "name") == ["readme.txt"]
    assert sorted(values(found["/people"], "name")) == ["ann-lee.pdf", "mri.dcm", "scans"]
    assert values(found["/people"], "owner") == ["ann"] * 3
    when = datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001  Arrow's moments are UTC without zone
    assert values(found["/people"], "modified") == [when] * 3


async def test_a_tree_without_end_ends() -> None:
    asked_for: list[str] = []

    def site(asked: Asked) -> Answer:
        asked_for.append(asked.path)
        return listing([status("again", "DIRECTORY")])

    ((collection, batches),) = await held(ENGINE, site, StoreLimits(rows=2_000))
    assert collection.name == "/again"
    assert len(asked_for) == 65
    assert len(values(batches, "name")) == 64


async def test_no_more_rows_than_allowed() -> None:
    many = [status(f"{n}") for n in range(5_000)]
    site = node(list=listing(many))
    ((_, batches),) = await held(ENGINE, site, StoreLimits(rows=100))
    assert len(set(values(batches, "name"))) == 100


async def test_directories_too_large_to_list_are_left_out() -> None:
    def site(asked: Asked) -> Answer:
        if asked.path.endswith("/people"):
            return listing([status(f"{n}") for n in range(5_000)])
        return node()(asked)

    limits = StoreLimits(reply_bytes=50_000)
    found = {c.name: batches for c, batches in await held(ENGINE, site, limits)}
    assert found["/people"] == []
    assert len(values(found["/"], "name")) == 1


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\nb", "", "x" * 600])
async def test_names_that_would_lead_elsewhere_are_not_followed(name: str) -> None:
    listed = listing([status(name, "DIRECTORY"), status("people", "DIRECTORY")])
    assert [c.name for c, _ in await held(ENGINE, node(list=listed))] == ["/people"]


async def test_moments_that_no_calendar_has_are_left_out() -> None:
    odd = {**status("late"), "modificationTime": 2**62}
    ((_, batches),) = await held(ENGINE, node(list=listing([odd])))
    assert values(batches, "modified") == [None]


async def test_a_store_that_closes_while_it_is_read_is_an_error() -> None:
    with pytest.raises(ServerRefused):
        await held(ENGINE, always(KERBEROS))
    with pytest.raises(NotThisProtocol):
        await held(ENGINE, node(list=listing("x")))
