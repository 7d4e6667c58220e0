"""The jupyter engine against scripted peers: older servers, hubs, hostile answers.

The forms are those of jupyter-server.readthedocs.io (REST API; Contents API) and of the wiki page
"IPEP 27: Contents Service", which defines the models that all versions give.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.jupyter import _PATHS, ENGINE
from leftopen.errors import BudgetSpent, LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober
from tests.hostile import NASTY
from tests.rows.jupyter import REPORTS, hub
from tests.scripted_http import Answer, Asked, Site, dialer

HTML = Answer(b"<html><body>Sign in</body></html>")
FORBIDDEN = Answer({"message": "Forbidden", "reason": None}, 403)
MISSING = "file or directory '/%s' does not exist"


def entry(name: Any, kind: str = "file", size: Any = 9) -> dict[str, Any]:
    return {"name": name, "path": name, "type": kind, "size": size, "writable": True}


def folder(*entries: Any, path: Any = "", writable: Any = True) -> Answer:
    told = {"name": "", "path": path, "type": "directory", "content": list(entries)}
    return Answer({**told, "format": "json", "writable": writable}, headers=REPORTS)


def store(**replaced: Answer) -> Site:
    """An open server; `root`, `missing`, `version`, `sessions`, `file` replace its answers."""

    def site(asked: Asked) -> Answer:
        name = asked.path.removeprefix("/api/contents/")
        if asked.path == "/api/contents":
            return replaced.get("root", folder(entry("people.csv")))
        if asked.path == "/api/sessions":
            return replaced.get("sessions", FORBIDDEN)
        if asked.path == "/api":
            return replaced.get("version", Answer({"version": "2.14.2"}))
        if name.startswith("leftopen-"):
            lost = Answer((MISSING % name).encode(), 404)
            return replaced.get("missing", lost)
        told = {"name": name, "path": name, "type": "file", "content": "email\na@b.de\nc@d.de\n"}
        return replaced.get("file", Answer({**told, "format": "text"}))

    return site


probe = prober(ENGINE)


async def test_open() -> None:
    proof = await probe(store())
    assert (proof.verdict, proof.version, proof.can_write) == (Verdict.OPEN, "2.14.2", "yes")


async def test_a_hub_leads_to_its_login() -> None:
    proof = await probe(hub())
    assert (proof.verdict, proof.reason) == (Verdict.AUTH_REQUIRED, "asks for a login")


ELSEWHERE = {**REPORTS, "Location": "/elsewhere"}


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"root": FORBIDDEN}, Verdict.AUTH_REQUIRED),
        ({"root": Answer(b"", 403, REPORTS)}, Verdict.AUTH_REQUIRED),
        ({"root": Answer(b"", 302, {**REPORTS, "Location": "/login?next=%2F"})},
         Verdict.AUTH_REQUIRED),
        ({"root": Answer(b"", 302, ELSEWHERE)}, Verdict.UNDETERMINED),
        ({"root": Answer(b"", 302, {"Location": "/login"})}, Verdict.NOT_THIS),
        ({"root": Answer(b"", 401, {"WWW-Authenticate": "Basic"})}, Verdict.NOT_THIS),  # anybody's
        ({"root": Answer(b"", 403)}, Verdict.NOT_THIS),
        ({"root": Answer({"error": {"type": "x"}, "status": 400}, 400)}, Verdict.NOT_THIS),
        ({"root": Answer({"message": 7, "reason": None}, 403)}, Verdict.NOT_THIS),
        ({"root": Answer(b"", 503, REPORTS)}, Verdict.UNDETERMINED),
        ({"root": FORBIDDEN, "sessions": Answer([])}, Verdict.OPEN_PARTIAL),
        ({"root": FORBIDDEN, "sessions": Answer([{"id": "x"}])}, Verdict.OPEN_PARTIAL),
        ({"root": FORBIDDEN, "sessions": Answer([7])}, Verdict.AUTH_REQUIRED),
        ({"root": FORBIDDEN, "sessions": HTML}, Verdict.AUTH_REQUIRED),
        ({"missing": folder()}, Verdict.NOT_THIS),
        ({"missing": Answer(b"no such file", 404)}, Verdict.NOT_THIS),
        ({"missing": HTML}, Verdict.NOT_THIS),
        ({"root": folder()}, Verdict.OPEN),
        ({"version": HTML}, Verdict.OPEN),
    ],
)  # fmt: skip
async def test_verdicts(answers: dict[str, Answer], verdict: Verdict) -> None:
    assert (await probe(store(**answers))).verdict is verdict


async def test_a_page_that_names_whatever_was_asked_for_is_no_miss() -> None:
    def site(asked: Asked) -> Answer:
        if asked.path.startswith("/api/contents/"):
            return Answer(f"<p>{asked.path} was not found</p>".encode(), 404)
        return store()(asked)

    assert (await probe(site)).verdict is Verdict.NOT_THIS


@pytest.mark.parametrize(
    ("writable", "can_write"), [(True, "yes"), (False, "no"), (None, "unknown"), (1, "unknown")]
)
async def test_who_may_write(writable: Any, can_write: str) -> None:
    assert (await probe(store(root=folder(writable=writable)))).can_write == can_write


@pytest.mark.parametrize(
    "body",
    [
        [], {}, {"type": "directory"}, {"type": "file", "path": "", "content": []},
        {"type": "directory", "path": "", "content": None},
        {"type": "directory", "path": "other", "content": []},
        {"type": "directory", "path": "", "content": [7]},
        {"type": "directory", "path": "", "content": [{"name": 7, "path": "", "type": "file"}]},
        {"type": "directory", "path": "", "content": [{"name": "a", "path": "a", "type": "x"}]},
        {"type": "directory", "path": "", "content": [{"name": "a", "type": "file"}]},
    ],
)  # fmt: skip
async def test_a_folder_that_is_none_is_not_this(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(root=Answer(body)))


async def test_pages_and_deep_json_are_not_this() -> None:
    for answer in (HTML, Answer(b'{"type":' + b"[" * 100_000)):
        with pytest.raises(NotThisProtocol):
            await probe(store(root=answer))


async def test_nothing_a_server_says_is_in_the_proof() -> None:
    for name in NASTY:
        proof = await probe(store(version=Answer({"version": name}), root=folder(entry(name))))
        assert (proof.verdict, proof.version, proof.product) == (Verdict.OPEN, None, "Jupyter")
        assert name not in proof.reason


async def test_names_that_lead_elsewhere_are_left_out() -> None:
    names = ["..", ".", "", "a/b.csv", "x?.csv", "line\nbreak.csv", "good.csv", "y" * 600]
    lines = dialer(store(root=folder(*(entry(name) for name in names),
                                     entry("..", "directory"))))  # fmt: skip
    async with connection(ENGINE, lines) as link:
        listed = await ENGINE.collections(link)
    assert [c.name for c in listed] == ["good.csv"]
    assert len(lines.sent) == 1


async def test_folders_in_folders_without_end_end() -> None:
    asked: list[str] = []

    def site(question: Asked) -> Answer:
        path = question.path.removeprefix("/api/contents").lstrip("/")
        asked.append(path)
        inner = [entry("a", "directory"), entry("b", "directory"), entry("t.csv")]
        return folder(*inner, path=path)

    async with connection(ENGINE, dialer(site)) as link:
        listed = await ENGINE.collections(link)
    assert len(asked) <= 100
    assert max(path.count("/") for path in asked) < 6
    assert len(listed) == len(asked)


async def test_a_folder_that_is_refused_or_too_large_is_passed_over() -> None:
    def site(question: Asked) -> Answer:
        if question.path == "/api/contents":
            folders = [entry(name, "directory") for name in ("shut", "large", "odd", "fine")]
            return folder(*folders)
        name = question.path.rpartition("/")[2]
        answers = {"shut": FORBIDDEN, "large": Answer(b" " * 20_000), "odd": folder(path="x")}
        return answers.get(name, folder(entry("t.csv"), path="fine"))

    async with connection(ENGINE, dialer(site), StoreLimits(reply_bytes=8_192)) as link:
        assert [c.name for c in await ENGINE.collections(link)] == ["fine/t.csv"]


async def test_more_files_than_the_limit_are_not_kept() -> None:
    many = folder(*(entry(f"t{n}.csv") for n in range(900)))
    async with connection(ENGINE, dialer(store(root=many)), StoreLimits(collections=7)) as link:
        assert len(await ENGINE.collections(link)) == 7


async def rows(site: Site, limits: StoreLimits | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with connection(ENGINE, dialer(site), limits or StoreLimits()) as link:
        for collection in await ENGINE.collections(link):
            async for batch in ENGINE.sample(link, collection, link.limits):
                found += batch.to_pylist()
    return found


async def test_rows_end_at_the_limit() -> None:
    assert await rows(store()) == [{"email": "a@b.de"}, {"email": "c@d.de"}]
    assert len(await rows(store(), StoreLimits(rows=1))) == 1
    names = folder(*(entry(f"n{n}.ipynb", "notebook", None) for n in range(50)))
    assert len(await rows(store(root=names), StoreLimits(rows=5))) == 5


async def test_a_file_larger_than_a_reply_is_not_asked_for() -> None:
    lines = dialer(store(root=folder(entry("people.csv", size=2**40))))
    async with connection(ENGINE, lines) as link:
        (people,) = await ENGINE.collections(link)
        with pytest.raises(BudgetSpent):
            [b async for b in ENGINE.sample(link, people, link.limits)]
    assert len(lines.sent) == 1


@pytest.mark.parametrize(
    "body", [[], {}, {"type": "file", "content": None}, {"type": "notebook", "content": "a"},
             {"type": "file", "content": {"a": 1}}],
)  # fmt: skip
async def test_a_file_that_is_none_ends_the_sample(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await rows(store(file=Answer(body)))


async def test_a_damaged_file_gives_what_can_be_read() -> None:
    damaged = {"type": "file", "content": '[{"a": 1}, {"a": 2'}
    root = folder(entry("people.json"))
    assert len(await rows(store(root=root, file=Answer(damaged)))) <= 2


async def test_a_collection_of_another_engine_is_refused() -> None:
    async with connection(ENGINE, dialer(store())) as link:
        with pytest.raises(TypeError):
            [b async for b in ENGINE.sample(link, Collection("x"), link.limits)]


@pytest.mark.parametrize(
    "path",
    ["/api/kernels", "/api/terminals", "/api/shutdown", "/api/contents/a/checkpoints/../x",
     "/api/kernels/x/channels", "/files/people.csv", "/api/contents/%2e%2e/x", "/api/config/a"],
)  # fmt: skip
def test_what_runs_or_writes_cannot_be_named(path: str) -> None:
    for method in ("GET", "POST"):
        with pytest.raises(RequestNotAllowed):
            _PATHS.name(method, path)
    assert all(name.startswith("GET ") for name in ENGINE.requests)


KEYS = ["type", "path", "content", "name", "message", "reason", "version"]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda kind: st.lists(kind, max_size=3) | st.dictionaries(
                        st.sampled_from(KEYS), kind, max_size=4), max_leaves=12))  # fmt: skip
async def test_no_answer_brings_anything_but_a_verdict_or_our_own_error(body: Any) -> None:
    for part in ("root", "missing", "version"):
        try:
            proof = await probe(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
        if part in ("root", "missing"):
            assert proof.verdict is Verdict.NOT_THIS
    for part in ("root", "file"):
        try:
            await rows(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
