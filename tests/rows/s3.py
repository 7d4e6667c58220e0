"""The states of an S3-compatible store."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from leftopen.model import OptIn, Target, Verdict
from leftopen.servers.base import Server, unless_failed
from leftopen.servers.s3 import fill, s3
from leftopen.testing import peer, shared
from tests.rows.row import Row, Rows, lends, once_a_run
from tests.scripted_http import Answer, Asked, Site, behaviour

PEOPLE = b"name,email,born\n" + b"".join(
    b"Person %d,person%d@example.org,19%02d-03-14\n" % (n, n, 50 + n % 50) for n in range(300)
)
VISITS = b"".join(
    json.dumps({"who": f"person{n}@example.org", "at": {"lat": 48.4, "lon": 9.9}}).encode() + b"\n"
    for n in range(40)
)
TOWN = {
    "people/people.csv": PEOPLE,
    "people/scan of a passport.jpg": b"\xff\xd8\xff" + b"x" * 400,
    "visits/2026.jsonl": VISITS,
    "index.txt": b"what is in here",
}


@once_a_run
def store() -> Server:
    """The server that all tests of a run share, with its buckets."""
    server = s3()
    with unless_failed(server):
        fill(server, "town", TOWN, acl="public-read")
        fill(server, "closed", TOWN, acl="private")
        fill(server, "nothing", {}, acl="public-read")
        fill(server, "drop-box", {"a.bin": b"1"}, acl="public-read-write")
    return server


# --- states that moto cannot be in: it lets everybody list ----------------------------------------

_XML = {"Content-Type": "application/xml", "x-amz-request-id": "tx0000000000000000000a1"}
_OPENING = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def told(xml: str, status: int = 200) -> Answer:
    return Answer((_OPENING + xml).encode(), status, _XML)


def error(status: int, code: str, **more: str) -> Answer:
    """An error as the API reference's "Error responses" has it."""
    parts = "".join(f"<{name}>{text}</{name}>" for name, text in more.items())
    return told(
        f"<Error><Code>{code}</Code><Message>Said</Message>{parts}"
        "<RequestId>4442587FB7D0A2F9</RequestId><HostId>host</HostId></Error>",
        status,
    )


def listed(bucket: str, *keys: str, size: int = 1) -> Answer:
    """ListObjectsV2's answer."""
    lines = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
        f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for key in keys
    )
    return told(
        f"<ListBucketResult {_SPACE}><Name>{bucket}</Name><Prefix></Prefix><KeyCount>{len(keys)}"
        f"</KeyCount><MaxKeys>4</MaxKeys><IsTruncated>false</IsTruncated>{lines}</ListBucketResult>"
    )


def acl(*grants: tuple[str, str]) -> Answer:
    """GetBucketAcl's answer; a grant is a group's name and a permission."""
    group = "http://acs.amazonaws.com/groups/global/"
    owner = "<Grant><Grantee><ID>0a</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>"
    lines = "".join(
        f"<Grant><Grantee><URI>{group}{name}</URI></Grantee><Permission>{may}</Permission></Grant>"
        for name, may in grants
    )
    return told(
        f"<AccessControlPolicy {_SPACE}><Owner><ID>0a</ID></Owner><AccessControlList>{owner}{lines}"
        "</AccessControlList></AccessControlPolicy>"
    )


def bucket_store(
    bucket: str = "town",
    *,
    root: Answer | None = None,
    page: Answer | None = None,
    content: Answer | None = None,
    access: Answer | None = None,
    policy: Answer | None = None,
) -> Site:
    """A store with one bucket of one object, `/` closed as AWS and MinIO have it."""
    denied = error(403, "AccessDenied")

    def site(asked: Asked) -> Answer:
        name, _, key = asked.path.lstrip("/").partition("/")
        if not name:
            return root or denied
        if name != bucket:
            return error(404, "NoSuchBucket", BucketName=name)
        if key:
            return content or Answer(b"1", 206, {"Content-Range": "bytes 0-0/1"})
        if "acl" in asked.query:
            return access or denied
        if "policyStatus" in asked.query:
            return policy or denied
        return page or listed(bucket, "a.bin")

    return site


def _scripted(site: Site) -> Callable[[], AbstractContextManager[Target]]:
    return lambda: peer(behaviour(site))


_CEPH_TO_STRANGERS = told(
    f"<ListAllMyBucketsResult {_SPACE}><Owner><ID>anonymous</ID></Owner><Buckets></Buckets>"
    "</ListAllMyBucketsResult>"
)
_READ_ONLY = bucket_store(access=acl(("AllUsers", "READ")), policy=error(404, "NoSuchBucketPolicy"))
_TOWN = OptIn(buckets=("town",))

ROWS = Rows(
    "s3",
    rows=[
        Row("open", lends(store), Verdict.OPEN, opt_in=_TOWN),
        Row("empty", lends(shared, s3), Verdict.OPEN),
        Row("authentication on", _scripted(bucket_store(page=error(403, "AccessDenied"))),
            Verdict.AUTH_REQUIRED, real=False, opt_in=_TOWN),
        Row("metadata only", lends(store), Verdict.OPEN_PARTIAL, opt_in=OptIn(buckets=("closed",))),
        Row("read-only", _scripted(_READ_ONLY), Verdict.OPEN, real=False, can_write="no",
            opt_in=_TOWN),
        Row("an empty bucket", lends(store), Verdict.OPEN, opt_in=OptIn(buckets=("nothing",))),
        Row("a bucket that anyone may write to", lends(store), Verdict.OPEN, can_write="yes",
            opt_in=OptIn(buckets=("drop-box",))),
        Row("no bucket named", lends(store), Verdict.OPEN, can_write="yes"),
        Row("no bucket named, `/` closed", _scripted(bucket_store()), Verdict.AUTH_REQUIRED,
            real=False),
        Row("Ceph's `/` to strangers", _scripted(bucket_store(root=_CEPH_TO_STRANGERS)),
            Verdict.UNDETERMINED, real=False),
        Row("a bucket that lives elsewhere",
            _scripted(bucket_store(page=error(301, "PermanentRedirect", Endpoint="192.0.2.1"))),
            Verdict.UNDETERMINED, real=False, opt_in=_TOWN),
    ],
    absent={},
)  # fmt: skip
