"""Object stores that speak S3's REST interface: AWS, MinIO, Ceph, SeaweedFS, LocalStack and others.

The exchange of a probe, one request a line:

    GET /                                    all buckets; closed to strangers at most stores
    GET /{bucket}?list-type=2&max-keys=4     for each bucket that the scope file names, until one is
                                             open; where it names none, for those that `/` lists
    GET /{bucket}/{key}                      the first byte of an object (Range: bytes=0-0)
    GET /{random}?list-type=2&max-keys=1     a bucket that cannot exist
    GET /{bucket}?acl, ?policyStatus         what the store says of strangers

Names of buckets are never guessed. OPEN is a bucket that lists its objects and gives one (or has
none), or an empty list of buckets that names whom the store takes the stranger for. A list whose
objects are refused, or a list of buckets that are all refused, is OPEN_PARTIAL. AUTH_REQUIRED is
401 or 403 from a store that shows what it is by the XML of its errors or by its headers; where no
bucket is named, its reason says to name some. Buckets that do not exist or that live at another
address (301, never followed) are UNDETERMINED, as is Ceph's `/`, which shows an empty list to
strangers whatever the store holds. Four keys are asked for because folder markers come first. Port
9000 is everybody's: a challenge there that is not S3's own proves nothing.

So that canned answers are not taken for a store, it must answer for the random bucket with an error
that names it (BucketName, Key or Resource). That RequestId differs between two answers is no sign:
some stores give the one of the manual's example every time.

Known for nothing: when the oldest bucket was made, where `/` lists them.

`can_write` is "yes" where an ACL grants WRITE, WRITE_ACP or FULL_CONTROL to AllUsers; "no" where
the ACLs of all buckets grant nothing of that kind, there is no public policy, and `/` was closed (a
store that lists its buckets to strangers takes them for an owner, whatever its ACLs say).

Source: docs.aws.amazon.com/AmazonS3/latest/API (ListBuckets, ListObjectsV2, GetObject,
GetBucketAcl, GetBucketPolicyStatus, Error responses) and userguide (Bucket naming rules, Access
control list overview); docs.ceph.com/en/latest/radosgw/s3 (what strangers see).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines import _s3_objects as objects
from leftopen.engines._http import at_own_port, closed, is_html
from leftopen.engines._proofs import CANNED, CanWrite, afterwards
from leftopen.engines._s3_objects import (
    PAGE,
    REQUESTS,
    S3,
    Kept,
    Object,
    buckets_of,
    document,
    error_code,
    listing,
)
from leftopen.engines._s3_xml import Element
from leftopen.engines._since import since as plausible
from leftopen.errors import BudgetSpent, ServerRefused
from leftopen.knowledge import Since
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_PROBED = 16  # buckets asked for until one is open
_ACLS = 4  # buckets whose ACL is asked for
_FIRST = 4  # keys asked for in a probe
_TRIES = 2  # objects asked for in a bucket that refuses them
_BUCKETS = 64  # buckets read
_PREFIXES = 32  # first folders of a bucket that are collections of their own
_FILES = 4  # tables read in a collection
_PIECE = 256 << 10  # bytes of one of them

_EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
_WRITES = frozenset({"WRITE", "WRITE_ACP", "FULL_CONTROL"})
_STRANGERS = frozenset({"", "anonymous"})  # what stores call whom they do not know
_PRODUCTS = {
    "amazons3": "Amazon S3", "minio": "MinIO", "ceph": "Ceph", "seaweedfs": "SeaweedFS",
    "garage": "Garage", "localstack": "LocalStack",
}  # fmt: skip
_NAME_THEM = "whether a bucket is public shows only once the scope file names it"


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one bucket gave away; `s3` whether its answer was one of this interface."""

    verdict: Verdict
    reason: str
    s3: bool = True


class ObjectStore:
    """The engine; see the module's text for how its verdicts are reached."""

    name = "s3"
    ports: tuple[int, ...] = (9000, 7480, 8333, 4566)
    requests = REQUESTS
    speaks = Speaks.HTTP
    verified: Literal["real", "scripted"] = "real"
    reads = "names and sizes of objects; the first rows of some that are CSV or JSON"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        store = S3(connection)
        first = await store.get("/")
        root = document(first)
        listed, owner = buckets_of(root) if first.status == 200 else (None, "")
        known = listed is not None or _is_s3(first, root)
        product, version = _product(first)
        names = _names(connection, listed or ())
        own_port = at_own_port(connection, self.ports)
        if not names and not listed:
            proof = await _without_buckets(store, first, listed, owner, known, own_port)
            return Proof(proof.verdict, proof.reason, version, product)
        found = await _first_open(store, names[:_PROBED], known)
        if found is None:
            return closed(first, known=False, own_port=own_port, what="object store")
        if listed and found.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL):
            found = _Finding(Verdict.OPEN_PARTIAL, f"lists its buckets to anyone; {found.reason}")
        if found.verdict not in (Verdict.OPEN, Verdict.OPEN_PARTIAL):
            return Proof(found.verdict, found.reason, version, product)
        if not await _alive(store):
            return CANNED
        can_write = await afterwards(_can_write(store, names, strangers_own_it=bool(listed)))
        return Proof(found.verdict, found.reason, version, product, can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """`bucket` for the objects at its top and `bucket/folder` for each first folder.

        A single object at the top is named itself (`bucket/key`); of more than _PREFIXES folders
        some, drawn at random, are read as `bucket/*`. `records` is the number of objects, where
        all were seen and each is one record; of tables the store tells no number of rows. Lists
        end where they have taken half of what the store may cost.
        Raises NotThisProtocol and NetError, and ServerRefused where no bucket may be listed.
        """
        store = S3(connection)
        names: Sequence[str] = connection.opt_in.buckets
        if not names:
            names = buckets_of(document(await store.get("/")))[0] or ()
        found: list[Collection] = []
        refused: ServerRefused | None = None
        for bucket in [name for name in names if objects.is_bucket(name)][:_BUCKETS]:
            if not store.may_list_on:
                break
            try:
                found += await _collections_of(store, bucket, connection.limits)
            except ServerRefused as error:
                refused = error
        if refused is not None and not found:
            raise refused
        return sorted(found, key=lambda collection: -(collection.bytes or 0))

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """The first rows of some objects that are tables, drawn at random; then a row of key, size
        and time for others. At most the first _PIECE bytes of an object are read.

        Raises NotThisProtocol and NetError.
        """
        kept = collection.handle
        assert isinstance(kept, Kept)  # it is this engine's own
        store = S3(connection)
        tables = [found for found in kept.objects if objects.is_table(found)][:_FILES]
        others = [found for found in kept.objects if not objects.is_table(found)]
        left = limits.rows if not others else max(1, limits.rows * 3 // 4)
        taken = 0
        for number, table in enumerate(tables):
            if taken >= left:
                break
            share = -(-(left - taken) // (len(tables) - number))
            data = await _beginning(store, kept.bucket, table)
            for batch in objects.rows_of(table, data, share):
                taken += batch.num_rows
                yield batch
        rest = others[: limits.rows - taken]
        if rest:
            rows = ((other.key, other.size, other.modified) for other in rest)
            yield sampling.rows(("key", "size", "last_modified"), rows)

    async def since(self, connection: Connection) -> Since | None:
        """When the oldest bucket of those it lists was made; of buckets that only the scope file
        names that is told nowhere. Raises NotThisProtocol and NetError."""
        told = await S3(connection).get("/")
        listed = objects.created(document(told)) if told.status == 200 else []
        moments = [found for text in listed if (found := plausible(text, "created"))]
        return min(moments, key=lambda one: one.moment, default=None)


ENGINE = ObjectStore()


def _names(connection: Connection, listed: Iterable[str]) -> list[str]:
    """The buckets to ask for: those that the scope file names, else those that the store lists."""
    wanted = connection.opt_in.buckets or tuple(listed)
    return [name for name in wanted if objects.is_bucket(name)]


async def _without_buckets(
    store: S3, first: Response, listed: Sequence[str] | None, owner: str, known: bool, own: bool
) -> Proof:
    """The verdict where there is no bucket to ask for."""
    if listed is not None:
        if owner in _STRANGERS:
            return Proof(Verdict.UNDETERMINED, f"shows strangers an empty list; {_NAME_THEM}")
        if not await _alive(store):
            return CANNED
        return Proof(Verdict.OPEN, "lists its buckets to anyone; there are none, it is empty")
    if known and first.status in (401, 403):
        return Proof(Verdict.AUTH_REQUIRED, f"its list of buckets is closed; {_NAME_THEM}")
    if known:
        return Proof(Verdict.UNDETERMINED, f"lists no buckets ({first.status}); {_NAME_THEM}")
    return closed(first, known=False, own_port=own, what="object store")


async def _first_open(store: S3, names: Sequence[str], known: bool) -> _Finding | None:
    """The gravest that one of the buckets gives away; None where nothing here speaks S3."""
    gravest = (
        Verdict.OPEN, Verdict.OPEN_PARTIAL, Verdict.AUTH_REQUIRED, Verdict.UNDETERMINED,
    )  # fmt: skip
    best: _Finding | None = None
    for name in names:
        found = await _bucket(store, name)
        known = known or found.s3
        if not known:  # a web server of another kind need not be asked for every bucket
            return None
        if best is None or gravest.index(found.verdict) < gravest.index(best.verdict):
            best = found
        if best.verdict is Verdict.OPEN:
            break
    return best


async def _bucket(store: S3, bucket: str) -> _Finding:
    """Whether one bucket can be listed, and one of its objects be read."""
    response = await store.page(bucket, _FIRST)
    root = document(response)
    if response.status != 200:
        return _closed_bucket(response, _is_s3(response, root))
    page = listing(root, bucket)
    if page is None:
        return _Finding(Verdict.UNDETERMINED, "a bucket's list is none", s3=False)
    if not page.objects:
        return _Finding(Verdict.OPEN, "a bucket is listed without credentials; it is empty")
    askable = [found for found in page.objects if objects.can_be_asked_for(found.key)]
    askable.sort(key=lambda found: (found.size == 0, found.size))
    status = 0
    for found in askable[:_TRIES]:
        answer = await store.object(bucket, found, 1)
        if objects.is_beginning(answer, found, 1):
            return _Finding(
                Verdict.OPEN, "a bucket is listed and an object read without credentials"
            )
        status = answer.status
    if status in (0, 401, 403):
        return _Finding(Verdict.OPEN_PARTIAL, "a bucket is listed, but its objects are not given")
    return _Finding(Verdict.OPEN_PARTIAL, f"a bucket is listed, but an object brought {status}")


def _closed_bucket(response: Response, s3: bool) -> _Finding:
    status = response.status
    if status in (401, 403):
        return _Finding(Verdict.AUTH_REQUIRED, "its buckets ask for credentials", s3)
    if status in (301, 307, 308):
        return _Finding(Verdict.UNDETERMINED, "a bucket lives at another address; not followed", s3)
    if status == 404:
        return _Finding(Verdict.UNDETERMINED, "the buckets that were asked for are not there", s3)
    return _Finding(Verdict.UNDETERMINED, f"the list of a bucket brought status {status}", s3)


async def _alive(store: S3) -> bool:
    """Whether the store says, by its random name, that a bucket cannot be had."""
    token = f"leftopen-{secrets.token_hex(12)}"
    response = await store.page(token, 1)
    root = document(response)
    if response.status not in (403, 404) or root is None or not error_code(root):
        return False
    named = (root.told("BucketName"), root.told("Key"), *root.told("Resource").split("/"))
    return token in named


async def _can_write(store: S3, names: Sequence[str], *, strangers_own_it: bool) -> CanWrite:
    """What the ACLs of the first buckets say of strangers, and whether a policy says more."""
    denied = len(names) <= _ACLS and not strangers_own_it
    for name in names[:_ACLS]:
        root = document(answer := await store.about(name, "acl"))
        if answer.status != 200 or root is None or root.name != "AccessControlPolicy":
            denied = False
            continue
        grants = root.first("AccessControlList")
        if grants is not None and any(_lets_strangers_write(g) for g in grants.all("Grant")):
            return "yes"
        denied = denied and grants is not None and await _policy_is_private(store, name)
    return "no" if denied else "unknown"


def _lets_strangers_write(grant: Element) -> bool:
    return grant.told("Grantee", "URI") == _EVERYBODY and grant.told("Permission") in _WRITES


async def _policy_is_private(store: S3, bucket: str) -> bool:
    root = document(answer := await store.about(bucket, "policyStatus"))
    if root is None:
        return False
    if answer.status == 404:
        return error_code(root) == "NoSuchBucketPolicy"
    return root.name == "PolicyStatus" and root.told("IsPublic").lower() == "false"


def _is_s3(response: Response, root: Element | None) -> bool:
    """Whether an answer shows by its XML or its headers that it is of this interface."""
    if root is not None and error_code(root):
        signs = ("RequestId", "HostId", "Resource", "BucketName", "Key")
        return any(root.first(sign) is not None for sign in signs)
    if root is not None and root.name in ("ListAllMyBucketsResult", "ListBucketResult"):
        return True
    if is_html(response):  # a website kept in a bucket has such headers too
        return False
    signed = any(name in response.headers for name in ("x-amz-request-id", "x-amz-id-2"))
    return signed or _product(response)[0] is not None


def _product(response: Response) -> tuple[str | None, str | None]:
    """Product and version by the Server header, where it is one of those that are known."""
    word, _, rest = response.headers.get("server", "").replace("/", " ").partition(" ")
    return _PRODUCTS.get(word.lower()), clean_version(rest) if word.lower() in _PRODUCTS else None


async def _collections_of(store: S3, bucket: str, limits: StoreLimits) -> list[Collection]:
    """The collections of one bucket. Raises ServerRefused where it may not be listed."""
    top, prefixes, more = await store.everything(bucket, "", "/")
    found: list[Collection] = []
    if top:
        name = f"{bucket}/{top[0].key}" if len(top) == 1 and not prefixes else bucket
        found.append(_collection(name, bucket, top, more, limits))
    if len(prefixes) > _PREFIXES:
        some: list[Object] = []
        for prefix in secrets.SystemRandom().sample(prefixes, _PREFIXES):
            if store.may_list_on:
                some += (await store.everything(bucket, prefix, "", PAGE // 10))[0]
        return [*found, _collection(f"{bucket}/*", bucket, some, True, limits)]
    for prefix in prefixes:
        if not store.may_list_on:
            break
        inside, _, cut = await store.everything(bucket, prefix, "")
        inside = [one for one in inside if one.key != prefix]  # the folder's own marker
        name = f"{bucket}/{prefix.rstrip('/')}"
        if inside:
            found.append(_collection(name, bucket, inside, cut, limits))
    return found


def _collection(
    name: str, bucket: str, inside: Sequence[Object], more: bool, limits: StoreLimits
) -> Collection:
    size = None if more else sum(one.size for one in inside)
    uncounted = more or any(objects.is_table(one) for one in inside)
    kept = objects.drawn(inside, limits.rows)
    return Collection(name, None if uncounted else len(inside), size, Kept(bucket, kept))


async def _beginning(store: S3, bucket: str, table: Object) -> bytes:
    """The first bytes of an object; none where it is not given."""
    try:
        response = await store.object(bucket, table, _PIECE)
    except BudgetSpent as spent:  # a store that knows no ranges sends all of it
        if spent.code != "reply_too_large":
            raise
        return b""
    return response.body if objects.is_beginning(response, table, _PIECE) else b""
