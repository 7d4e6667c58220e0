"""The s3 engine against scripted stores: what other products answer, and what none should.

Answers are those of the API reference ("Error responses", ListObjectsV2, GetBucketAcl,
GetBucketPolicyStatus) and, for Ceph, of its "Ceph Object Gateway S3 API".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leftopen.budget import StoreLimits
from leftopen.engines import _s3_xml as xml
from leftopen.engines._s3_objects import (
    Object,
    can_be_asked_for,
    listing,
    request_name,
    rows_of,
)
from leftopen.engines.s3 import ENGINE
from leftopen.errors import LeftopenError, NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.model import OptIn, Proof, Verdict
from leftopen.testing import connection
from tests.rows.s3 import acl, bucket_store, error, listed, told
from tests.scripted_http import Answer, Asked, Site, dialer

LIMITS = StoreLimits(bytes=1 << 20, reply_bytes=1 << 18, seconds=5, silence=1)
DENIED = error(403, "AccessDenied")
NO_POLICY = error(404, "NoSuchBucketPolicy")


async def probe(site: Site, *buckets: str) -> Proof:
    opt_in = OptIn(buckets=buckets)
    async with connection(ENGINE, dialer(site), LIMITS, opt_in=opt_in) as link:
        return await ENGINE.probe(link)


async def read(site: Site, *buckets: str) -> dict[str, list[dict[str, Any]]]:
    opt_in = OptIn(buckets=buckets)
    async with connection(ENGINE, dialer(site), LIMITS, opt_in=opt_in) as link:
        return {
            one.name: [batch.to_pydict() async for batch in ENGINE.sample(link, one, link.limits)]
            for one in await ENGINE.collections(link)
        }


def always(answer: Answer) -> Site:
    return lambda _: answer


# --- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "verdict", "words"),
    [
        (bucket_store(), Verdict.OPEN, "object read"),
        (bucket_store(page=listed("town")), Verdict.OPEN, "empty"),
        (bucket_store(content=DENIED), Verdict.OPEN_PARTIAL, "not given"),
        (bucket_store(content=Answer(b"", 403)), Verdict.OPEN_PARTIAL, "not given"),
        (bucket_store(content=Answer(b"", 500)), Verdict.OPEN_PARTIAL, "500"),
        (bucket_store(content=Answer(b"1")), Verdict.OPEN, "object read"),  # without ranges
        (bucket_store(content=Answer(b"<html>page</html>")), Verdict.OPEN_PARTIAL, "200"),
        (bucket_store(page=listed("town", "a/../b", "c/")), Verdict.OPEN_PARTIAL, "not given"),
        (bucket_store(page=DENIED), Verdict.AUTH_REQUIRED, "credentials"),
        (bucket_store(page=error(301, "PermanentRedirect")), Verdict.UNDETERMINED, "elsewhere"),
        (bucket_store(page=error(503, "SlowDown")), Verdict.UNDETERMINED, "503"),
        (bucket_store("other"), Verdict.UNDETERMINED, "not there"),
        (bucket_store(page=listed("other", "a.bin")), Verdict.UNDETERMINED, "is none"),
        (bucket_store(root=Answer(b"<html>console</html>")), Verdict.OPEN, "object read"),
        (bucket_store(root=Answer(b"", 307, {"Server": "AmazonS3", "Location": "//x"})),
            Verdict.OPEN, "object read"),
    ],
)  # fmt: skip
async def test_a_named_bucket(site: Site, verdict: Verdict, words: str) -> None:
    proof = await probe(site, "town")
    assert proof.verdict is verdict, proof
    assert words.replace("elsewhere", "another address") in proof.reason


@pytest.mark.parametrize(
    ("root", "verdict"),
    [
        (DENIED, Verdict.AUTH_REQUIRED),
        (error(401, "AccessDenied"), Verdict.AUTH_REQUIRED),
        (Answer(b"", 403, {"x-amz-request-id": "a"}), Verdict.AUTH_REQUIRED),
        (Answer(b"", 307, {"Server": "AmazonS3", "Location": "//x"}), Verdict.UNDETERMINED),
        (error(405, "MethodNotAllowed"), Verdict.UNDETERMINED),
        (listed("host-is-a-bucket", "a"), Verdict.UNDETERMINED),
        (Answer(b"<html>Sign in</html>", 401, {"WWW-Authenticate": "Basic"}),
            Verdict.NOT_THIS),  # 9000 is anybody's port
        (Answer(b"<html>hello</html>"), Verdict.NOT_THIS),
        (Answer(b"<html>no</html>", 403), Verdict.NOT_THIS),
        (Answer(b"", 302, {"Location": "/ui"}), Verdict.NOT_THIS),
        (Answer({"cluster_name": "x", "version": {"number": "8"}}), Verdict.NOT_THIS),
        # Azure's errors have the same root, but no RequestId of their own
        (told("<Error><Code>AuthenticationFailed</Code><Message>a</Message></Error>", 403),
            Verdict.NOT_THIS),
    ],
)  # fmt: skip
async def test_no_bucket_named(root: Answer, verdict: Verdict) -> None:
    proof = await probe(bucket_store(root=root))
    assert proof.verdict is verdict, proof
    if verdict is Verdict.UNDETERMINED:
        assert "scope file names it" in proof.reason


def _all_buckets(*names: str, owner: str = "0a") -> Answer:
    lines = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in names)
    who = f"<Owner><ID>{owner}</ID></Owner>"
    body = f"<ListAllMyBucketsResult>{who}<Buckets>{lines}</Buckets></ListAllMyBucketsResult>"
    return told(body)


@pytest.mark.parametrize(
    ("root", "verdict"),
    [
        (_all_buckets("town"), Verdict.OPEN),
        (_all_buckets("gone", "town"), Verdict.OPEN),
        (_all_buckets("gone"), Verdict.OPEN_PARTIAL),
        (_all_buckets(), Verdict.OPEN),
        (_all_buckets(owner="anonymous"), Verdict.UNDETERMINED),
        (_all_buckets(owner=""), Verdict.UNDETERMINED),
        (_all_buckets("../x", "a/b"), Verdict.OPEN),  # no bucket that could be asked for
    ],
)
async def test_a_list_of_buckets(root: Answer, verdict: Verdict) -> None:
    assert (await probe(bucket_store(root=root))).verdict is verdict


async def test_the_scope_file_s_buckets_are_the_only_ones_asked_for() -> None:
    asked: list[str] = []

    def site(request: Asked) -> Answer:
        asked.append(request.path)
        return bucket_store(root=_all_buckets("theirs", "town"))(request)

    await probe(site, "town")
    await read(site, "town")
    assert "/theirs" not in asked
    assert {path.split("/")[1][:9] for path in asked} == {"", "town", "leftopen-"}


async def test_another_web_server_is_asked_for_one_bucket_only() -> None:
    asked: list[str] = []

    def site(request: Asked) -> Answer:
        asked.append(request.path)
        return Answer(b"<html>all is well</html>")

    proof = await probe(site, *(f"bucket-{n}" for n in range(40)))
    assert (proof.verdict, len(asked)) == (Verdict.NOT_THIS, 2)


# --- canned answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing",
    [
        listed("town", "a.bin"),  # says yes to everything
        error(404, "NoSuchBucket", BucketName="leftopen-0123456789abcdef01234567"),  # a recording
        error(404, "NoSuchBucket"),
        Answer(b"<html>not found</html>", 404),
        Answer(b"", 404),
    ],
)
@pytest.mark.parametrize("buckets", [(), ("town",)])
async def test_who_does_not_name_the_random_bucket_is_no_store(
    missing: Answer, buckets: tuple[str, ...]
) -> None:
    def site(asked: Asked) -> Answer:
        if asked.path.startswith("/leftopen-"):
            return missing
        return bucket_store(root=_all_buckets("town"))(asked)

    proof = await probe(site, *buckets)
    assert proof.verdict is Verdict.NOT_THIS
    assert "canned" in proof.reason


@pytest.mark.parametrize(
    "missing",
    [
        lambda name: error(404, "NoSuchBucket", BucketName=name),  # AWS, Ceph
        lambda name: error(404, "NoSuchBucket", Resource=f"/{name}"),  # SeaweedFS
        lambda name: error(403, "AccessDenied", Resource=f"/{name}/"),  # MinIO, to strangers
    ],
)
async def test_how_stores_name_what_is_missing(missing: Callable[[str], Answer]) -> None:
    def site(asked: Asked) -> Answer:
        name = asked.path.strip("/")
        return missing(name) if name.startswith("leftopen-") else bucket_store()(asked)

    assert (await probe(site, "town")).verdict is Verdict.OPEN


# --- what the store says of writing --------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "policy", "can_write"),
    [
        (acl(("AllUsers", "WRITE")), DENIED, "yes"),
        (acl(("AllUsers", "READ"), ("AllUsers", "WRITE_ACP")), DENIED, "yes"),
        (acl(("AllUsers", "FULL_CONTROL")), NO_POLICY, "yes"),
        (acl(("AllUsers", "READ")), NO_POLICY, "no"),
        (acl(("AuthenticatedUsers", "WRITE")), NO_POLICY, "no"),  # that takes an account
        (acl(), told("<PolicyStatus><IsPublic>false</IsPublic></PolicyStatus>"), "no"),
        (acl(), told("<PolicyStatus><IsPublic>TRUE</IsPublic></PolicyStatus>"), "unknown"),
        (acl(), error(404, "NoSuchBucket"), "unknown"),
        (acl(), DENIED, "unknown"),
        (DENIED, NO_POLICY, "unknown"),
        (told("<AccessControlPolicy/>"), NO_POLICY, "unknown"),
        (Answer(b"{}"), NO_POLICY, "unknown"),
    ],
)
async def test_can_write_is_what_the_store_says(
    access: Answer, policy: Answer, can_write: str
) -> None:
    proof = await probe(bucket_store(access=access, policy=policy), "town")
    assert (proof.verdict, proof.can_write) == (Verdict.OPEN, can_write)


async def test_a_store_that_takes_strangers_for_an_owner_does_not_say_no() -> None:
    site = bucket_store(root=_all_buckets("town"), access=acl(), policy=NO_POLICY)
    assert (await probe(site, "town")).can_write == "unknown"


@pytest.mark.parametrize(
    ("server", "product", "version"),
    [
        ("AmazonS3", "Amazon S3", None),
        ("MinIO", "MinIO", None),
        ("SeaweedFS 3.80", "SeaweedFS", "3.80"),
        ("Ceph Object Gateway (squid)", "Ceph", None),
        ("nginx/1.2\x1b[2J", None, None),
    ],
)
async def test_product(server: str, product: str | None, version: str | None) -> None:
    root = Answer(DENIED.body, 403, {"Server": server.replace("\x1b", "?")})
    proof = await probe(bucket_store(root=root), "town")
    assert (proof.product, proof.version) == (product, version)


# --- requests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "GET /"),
        ("/town?list-type=2&max-keys=4&encoding-type=url", "GET /{bucket}?list-type=2"),
        ("/town?list-type=2&prefix=a%2F&continuation-token=x", "GET /{bucket}?list-type=2"),
        ("/town?acl", "GET /{bucket}?acl"),
        ("/town?policyStatus", "GET /{bucket}?policyStatus"),
        ("/town/a/b%20c", "GET /{bucket}/{key*}"),
    ],
)
def test_the_requests_there_are(path: str, name: str) -> None:
    assert request_name(path) == name
    assert name in ENGINE.requests


@pytest.mark.parametrize(
    "path",
    [
        "/?x-id=DeleteBucket", "/town", "/town?delete", "/town?uploads", "/town?policy",
        "/town?acl&delete", "/town?list-type=2&delete", "/town?list-type=1", "/town?versioning",
        "/town/a?uploadId=1", "/town/a?acl", "/town/a/../b", "/town/%2e%2e/b", "/town//b",
        "/town/a%2Fb", "/town/a%00b", "/town?", "//town", "town",
    ],
)  # fmt: skip
def test_nothing_else_can_be_asked(path: str) -> None:
    with pytest.raises(RequestNotAllowed):
        request_name(path)


def test_every_request_is_a_get() -> None:
    assert {name.split()[0] for name in ENGINE.requests} == {"GET"}


# --- hostile stores ------------------------------------------------------------------------------

_BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<ListBucketResult><Name>&b;</Name></ListBucketResult>"
)
_OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><ListBucketResult/>'


@pytest.mark.parametrize(
    "body",
    [
        _BOMB, _OUTSIDE, "<a>" * 50, "<a>" * 100_000, "<a><b></a></b>", "", "a", "<a/><b/>",
        "<a>" + "x" * 5_000 + "</a>", "<a>" + "<b/>" * 60_000 + "</a>", "<a>&nbsp;</a>",
        "<a>\x00</a>",
    ],
)  # fmt: skip
def test_xml_that_is_refused(body: str) -> None:
    assert xml.parse(body.encode()) is None


def test_xml_that_lies_about_its_encoding() -> None:
    assert xml.parse(b'<?xml version="1.0" encoding="utf-16"?><a>\xc3\xbc</a>') == xml.Element(
        "a", "ü"
    )
    assert xml.parse(b"<a>\xff</a>") is None
    assert xml.parse(b" " * (xml.MAX_BYTES + 1)) is None


@given(st.binary(max_size=300))
def test_xml_never_raises(data: bytes) -> None:
    xml.parse(data)
    xml.parse(b"<a>" + data + b"</a>")


@given(
    st.lists(
        st.tuples(st.text(min_size=1), st.integers(0, 10**17), st.text()).filter(
            lambda line: escape(line[0]).isprintable()
        ),
        max_size=5,
    )
)
def test_a_list_comes_back_as_it_was(lines: list[tuple[str, int, str]]) -> None:
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size></Contents>"
        for key, size, _ in lines
        if key.strip() == key
    )
    root = xml.parse(
        f"<ListBucketResult><Name>town</Name><IsTruncated>false</IsTruncated>{contents}"
        "</ListBucketResult>".encode()
    )
    page = listing(root, "town")
    assert page is not None
    kept = [(key, size) for key, size, _ in lines if key.strip() == key]
    assert [(one.key, one.size) for one in page.objects] == kept


@pytest.mark.parametrize(
    "inside",
    [
        "<Contents><Key>a</Key></Contents>",
        "<Contents><Key>a</Key><Size>-1</Size></Contents>",
        "<Contents><Key>a</Key><Size>9999999999999999999999</Size></Contents>",
        "<Contents><Key>a</Key><Size>٣</Size></Contents>",
        "<Contents><Size>1</Size></Contents>",
        "<IsTruncated>maybe</IsTruncated>",
    ],
)
def test_a_list_that_is_none(inside: str) -> None:
    end = "<IsTruncated>false</IsTruncated></ListBucketResult>"
    body = f"<ListBucketResult><Name>town</Name>{inside}{end}"
    assert listing(xml.parse(body.encode()), "town") is None
    assert listing(None, "town") is None


@given(st.text())
def test_a_key_that_is_asked_for_stays_where_it_belongs(key: str) -> None:
    if can_be_asked_for(key):
        assert ".." not in key.split("/")
        assert not set(key) & set("?#\\\x00")


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.csv.gz"]))
def test_tables_of_any_bytes_never_raise(data: bytes, key: str) -> None:
    for size in (len(data), len(data) + 1_000):
        taken = sum(batch.num_rows for batch in rows_of(Object(key, size, None), data, 7))
        assert taken <= 7


def test_an_open_quote_before_a_million_lines_is_no_work() -> None:
    data = b'a,b\n"' + b"\n" * 250_000
    assert list(rows_of(Object("a.csv", len(data) + 1, None), data, 5)) is not None


async def test_a_store_that_never_ends_is_left() -> None:
    """Pages without end, and tokens that lead back."""
    asked: list[str] = []

    def site(request: Asked) -> Answer:
        asked.append(request.query.get("continuation-token", ""))
        again = "1" if len(asked) % 2 else "2"
        return told(
            "<ListBucketResult><Name>town</Name><IsTruncated>true</IsTruncated><Contents><Key>a.bin"
            f"</Key><Size>1</Size></Contents><NextContinuationToken>{again}</NextContinuationToken>"
            "</ListBucketResult>"
        )

    found = await read(site, "town")
    assert list(found) == ["town"]
    assert len(asked) <= 4


async def test_lists_leave_half_of_what_may_be_read() -> None:
    folders = "".join(f"<CommonPrefixes><Prefix>{n}/</Prefix></CommonPrefixes>" for n in range(30))

    def site(asked: Asked) -> Answer:
        prefix = asked.query.get("prefix")
        if prefix is None:
            inside = folders
        else:
            keys = (f"{prefix}{n}-{'x' * 900}.bin" for n in range(100))
            inside = "".join(f"<Contents><Key>{k}</Key><Size>1</Size></Contents>" for k in keys)
        head = "<Name>town</Name><IsTruncated>false</IsTruncated>"
        return told(f"<ListBucketResult>{head}{inside}</ListBucketResult>")

    async with connection(ENGINE, dialer(site), LIMITS, opt_in=OptIn(buckets=("town",))) as link:
        found = await ENGINE.collections(link)
        assert 3 <= len(found) < 10
        assert link.bytes_left > LIMITS.bytes // 3


async def test_pages_are_followed() -> None:
    pages = {"": ("one", "two", "two+ends"), "two+ends": ("three", "four", "")}

    def site(request: Asked) -> Answer:
        *keys, token = pages[request.query.get("continuation-token", "")]
        lines = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
        more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>"
        following = f"<NextContinuationToken>{token}</NextContinuationToken>"
        name = "<Name>town</Name>"
        return told(f"<ListBucketResult>{name}{more}{following}{lines}</ListBucketResult>")

    ((name, (batch,)),) = (await read(site, "town")).items()
    assert (name, set(batch["key"])) == ("town", {"one", "two", "three", "four"})


async def test_keys_and_folders_of_other_places_are_left_out() -> None:
    def site(asked: Asked) -> Answer:
        prefix = asked.query.get("prefix", "")
        if asked.path == "/town" and not prefix:
            return told(
                "<ListBucketResult><Name>town</Name><IsTruncated>false</IsTruncated>"
                "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes></ListBucketResult>"
            )
        return listed("town", "elsewhere/x", "a/", "a/y")

    found = await read(site, "town")
    assert [batch["key"] for batch in found["town/a"]] == [["a/y"]]


async def test_lists_that_are_refused_or_none() -> None:
    with pytest.raises(ServerRefused):
        await read(bucket_store(page=DENIED), "town")
    with pytest.raises(NotThisProtocol):
        await read(bucket_store(page=Answer(b"<html>")), "town")
    assert list(await read(bucket_store(), "gone", "town")) == ["town/a.bin"]


@pytest.mark.parametrize("content", [DENIED, Answer(b"x" * (1 << 19)), Answer(b"<html>", 206)])
async def test_a_table_that_is_not_given_is_left_out(content: Answer) -> None:
    site = bucket_store(page=listed("town", "a.csv", "b.bin", size=1 << 19), content=content)
    found = await read(site, "town")
    assert [list(batch) for batch in found["town"]] == [["key", "size", "last_modified"]]


@given(st.sampled_from([200, 206, 301, 403, 404, 500]), st.binary(max_size=200))
async def test_no_canned_answer_is_an_open_store(status: int, body: bytes) -> None:
    try:
        proof = await probe(always(Answer(body, status, {"Content-Type": "text/x"})), "town")
    except LeftopenError:
        return
    assert proof.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL)
