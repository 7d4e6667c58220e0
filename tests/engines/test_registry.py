"""The registry engine against scripted peers: other products, hostile answers.

The forms are those of github.com/opencontainers/distribution-spec (Content Discovery, Error Codes)
and opencontainers/image-spec (manifest.md, config.md).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engine import Collection
from leftopen.engines.registry import _PATHS, ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed
from leftopen.model import Verdict
from leftopen.testing import connection
from tests.engines.asking import prober
from tests.hostile import NASTY
from tests.rows.registry import HEADERS, catalogue_only, error, image
from tests.scripted_http import Answer, Asked, Site, dialer

HTML = Answer(b"<html><body>Sign in</body></html>")
DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 300}
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="https://auth.example.org/token"'}


def store(**replaced: Answer) -> Site:
    """An open registry; `catalog`, `missing`, `tags`, `options`, `manifest`, `blob` replace its
    answers."""

    def site(asked: Asked) -> Answer:
        parts = asked.path.split("/")
        if asked.path == "/v2/_catalog":
            return replaced.get("catalog", Answer({"repositories": ["shop"]}, headers=HEADERS))
        if asked.method == "OPTIONS":
            allow = Answer(b"", headers={**HEADERS, "Allow": "DELETE, GET, HEAD, PUT"})
            return replaced.get("options", allow)
        if parts[2].startswith("leftopen-"):
            return replaced.get("missing", error(404, "NAME_UNKNOWN", {"name": parts[2]}))
        if parts[-2] == "tags":
            return replaced.get("tags", Answer({"name": "shop", "tags": ["v1"]}, headers=HEADERS))
        if parts[-2] == "manifests":
            return replaced.get("manifest", Answer({"schemaVersion": 2, "config": CONFIG}))
        return replaced.get("blob", Answer(image()))

    return site


probe = prober(ENGINE)


async def test_open() -> None:
    proof = await probe(store())
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, "yes")


async def test_a_catalogue_alone_is_open_partial() -> None:
    assert (await probe(catalogue_only())).verdict is Verdict.OPEN_PARTIAL


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ({"catalog": error(401, "UNAUTHORIZED")}, Verdict.AUTH_REQUIRED),
        ({"catalog": Answer(b"", 401, {**HEADERS, **CHALLENGE})}, Verdict.AUTH_REQUIRED),
        ({"catalog": error(403, "DENIED")}, Verdict.AUTH_REQUIRED),
        ({"catalog": error(404, "UNSUPPORTED")}, Verdict.UNDETERMINED),
        ({"catalog": error(503, "UNAVAILABLE")}, Verdict.UNDETERMINED),
        ({"catalog": Answer(b"", 401, {"WWW-Authenticate": "Basic"})}, Verdict.NOT_THIS),
        ({"catalog": Answer(b"", 401)}, Verdict.NOT_THIS),
        ({"catalog": Answer({"error": {"type": "x"}, "status": 404}, 404)}, Verdict.NOT_THIS),
        ({"catalog": Answer({"errors": ["no"]}, 404)}, Verdict.NOT_THIS),
        ({"catalog": Answer({"errors": [{"code": "no such thing"}]}, 404)}, Verdict.NOT_THIS),
        ({"catalog": Answer(b"", 302, {"Location": "/login"})}, Verdict.NOT_THIS),
        ({"missing": error(404, "NAME_UNKNOWN", {"name": "other"})}, Verdict.NOT_THIS),
        ({"missing": error(404, "NAME_UNKNOWN")}, Verdict.NOT_THIS),
        ({"missing": Answer({"name": "shop", "tags": []})}, Verdict.NOT_THIS),
        ({"missing": HTML}, Verdict.NOT_THIS),
        ({"tags": error(401, "UNAUTHORIZED")}, Verdict.OPEN_PARTIAL),
        ({"tags": error(403, "DENIED")}, Verdict.OPEN_PARTIAL),
        ({"tags": error(503, "UNAVAILABLE")}, Verdict.UNDETERMINED),
        ({"tags": error(404, "NAME_UNKNOWN", {"name": "shop"})}, Verdict.OPEN),
        ({"tags": Answer({"name": "shop", "tags": None})}, Verdict.OPEN),
        ({"catalog": Answer({"repositories": []})}, Verdict.OPEN),
        ({"catalog": Answer({"repositories": None})}, Verdict.OPEN),
    ],
)  # fmt: skip
async def test_verdicts(answers: dict[str, Answer], verdict: Verdict) -> None:
    assert (await probe(store(**answers))).verdict is verdict


@pytest.mark.parametrize(
    ("options", "can_write"),
    [
        (Answer(b"", headers={**HEADERS, "Allow": "GET, HEAD"}), "no"),
        (Answer(b"", headers={**HEADERS, "Allow": "get,put"}), "yes"),
        (Answer(b"", headers=HEADERS), "unknown"),
        (Answer(b"", headers={"Allow": "GET, PUT"}), "unknown"),
        (Answer(b"", headers={**HEADERS, "Allow": "PUT"}), "unknown"),
        (Answer(b"", 403, {**HEADERS, "Allow": "GET, PUT"}), "unknown"),
        (HTML, "unknown"),
    ],
)
async def test_who_may_write(options: Answer, can_write: str) -> None:
    proof = await probe(store(options=options))
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


@pytest.mark.parametrize(
    "body", [[], {}, {"repositories": {}}, {"repositories": [7]}, {"repositories": "shop"},
             {"repositories": ["../../etc"]}, {"repositories": ["Shop"]}],
)  # fmt: skip
async def test_a_catalogue_that_is_none_is_not_this(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(catalog=Answer(body)))


@pytest.mark.parametrize(
    "body", [[], {}, {"name": "shop"}, {"name": "other", "tags": []}, {"name": "shop", "tags": {}},
             {"name": "shop", "tags": [1]}],
)  # fmt: skip
async def test_a_list_of_tags_that_is_none_is_not_this(body: Any) -> None:
    with pytest.raises(NotThisProtocol):
        await probe(store(tags=Answer(body)))


async def test_pages_and_deep_json_are_not_this() -> None:
    for answer in (HTML, Answer(b'{"repositories":' + b"[" * 100_000)):
        with pytest.raises(NotThisProtocol):
            await probe(store(catalog=answer))


async def test_names_that_are_none_are_left_out() -> None:
    names = [*NASTY, "a/../b", "/v2", "a//b", "x" * 300, "good/one"]
    site = store(catalog=Answer({"repositories": names}))
    async with connection(ENGINE, dialer(site)) as link:
        assert [c.name for c in await ENGINE.collections(link)] == ["good/one"]


async def test_a_catalogue_without_end_ends_at_the_limit() -> None:
    asked: list[str] = []

    def site(question: Asked) -> Answer:
        asked.append(question.query.get("last", ""))
        base = len(asked) * 1_000
        return Answer({"repositories": [f"r{base + n}" for n in range(100)]})

    async with connection(ENGINE, dialer(site), StoreLimits(collections=250)) as link:
        assert len(await ENGINE.collections(link)) == 250
    assert asked == ["", "r1099", "r2099"]


async def test_a_page_that_comes_again_ends_the_list() -> None:
    same = Answer({"repositories": [f"r{n}" for n in range(100)]})
    lines = dialer(store(catalog=same))
    async with connection(ENGINE, lines) as link:
        assert len(await ENGINE.collections(link)) == 100
    assert len(lines.sent) == 2


async def rows(site: Site, limits: StoreLimits | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with connection(ENGINE, dialer(site), limits or StoreLimits()) as link:
        async for batch in ENGINE.sample(link, Collection("shop"), link.limits):
            found += batch.to_pylist()
    return found


@pytest.mark.parametrize(
    "manifest",
    [
        {}, {"config": 7}, {"config": {**CONFIG, "digest": "../../x"}},
        {"config": {**CONFIG, "size": 1 << 30}}, {"config": {**CONFIG, "size": "300"}},
        {"config": {**CONFIG, "mediaType": "application/vnd.oci.image.layer.v1.tar"}},
        {"manifests": [7], "config": CONFIG}, {"manifests": [{"digest": "sha256:x"}]},
    ],
)  # fmt: skip
async def test_what_is_called_no_configuration_is_not_fetched(manifest: Any) -> None:
    lines = dialer(store(manifest=Answer(manifest)))
    async with connection(ENGINE, lines) as link:
        (batch,) = [b async for b in ENGINE.sample(link, Collection("shop"), link.limits)]
    assert batch.to_pylist() == [{"tag": "v1"}]
    assert not any(b"/blobs/" in sent for sent in lines.sent)


@pytest.mark.parametrize(
    "blob",
    [
        Answer(b"", 307, {"Location": "https://elsewhere.example.org/blob"}), HTML,
        Answer([]), Answer({"config": 7}), Answer({"config": {"Env": 7, "Labels": 7}}),
        Answer({"author": 7, "config": {"Env": [7, None]}}),
    ],
)  # fmt: skip
async def test_a_configuration_that_is_none_or_elsewhere(blob: Answer) -> None:
    (row,) = await rows(store(blob=blob))
    assert row["tag"] == "v1"
    assert not any(row.get(name) for name in ("author", "environment[]"))


async def test_values_of_the_environment_are_dropped() -> None:
    (row,) = await rows(store())
    assert row["environment[]"] == ["PATH", "SMTP_PASSWORD"]
    assert "not to be kept" not in str(row)


async def test_rows_end_at_the_limit() -> None:
    tags = Answer({"name": "shop", "tags": [f"v{n}" for n in range(900)]})
    assert len(await rows(store(tags=tags), StoreLimits(rows=5))) == 5
    assert await rows(store(tags=Answer({"name": "shop", "tags": ["-", "a b"]}))) == []


async def test_a_collection_with_another_form_of_name_is_refused() -> None:
    async with connection(ENGINE, dialer(store())) as link:
        with pytest.raises(NotThisProtocol):
            [b async for b in ENGINE.sample(link, Collection("../x"), link.limits)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/shop/blobs/uploads/"), ("PUT", "/v2/shop/manifests/latest"),
        ("DELETE", "/v2/shop/manifests/latest"), ("PATCH", "/v2/shop/blobs/uploads/x"),
        ("GET", "/v2/"), ("GET", "/v2/shop/../x/tags/list"), ("GET", "/v2/%2e%2e/tags/list"),
        ("OPTIONS", "/v2/_catalog"), ("OPTIONS", "/v2/a/b/manifests/latest"),
    ],
)  # fmt: skip
def test_what_writes_cannot_be_named(method: str, path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        _PATHS.name(method, path)
    assert {name.split(" ")[0] for name in ENGINE.requests} == {"GET", "OPTIONS"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda kind: st.lists(kind, max_size=3) | st.dictionaries(
                        st.sampled_from(["repositories", "errors", "code", "name", "tags",
                                         "config", "manifests", "digest"]), kind, max_size=4),
                    max_leaves=12))  # fmt: skip
async def test_no_answer_brings_anything_but_a_verdict_or_our_own_error(body: Any) -> None:
    for part in ("catalog", "missing", "tags", "options"):
        try:
            proof = await probe(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
        if part == "missing":
            assert proof.verdict is Verdict.NOT_THIS
    for part in ("tags", "manifest", "blob"):
        try:
            await rows(store(**{part: Answer(body)}))
        except LeftopenError:
            continue
