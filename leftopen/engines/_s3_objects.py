"""What the s3 engine asks of a store, and what it makes of lists and objects."""

from __future__ import annotations

import io
import re
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote_plus

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.engines._http import Paths, segment
from leftopen.engines._s3_xml import Element, parse
from leftopen.errors import NotThisProtocol, RequestNotAllowed, ServerRefused
from leftopen.files import delimited, detect, json_text
from leftopen.files.encoding import Utf8
from leftopen.files.item import Item, Options
from leftopen.files.stream import Stream
from leftopen.net.connection import Connection
from leftopen.net.http import HttpSession, Response

PAGE = 1_000  # objects of one list: the most that the interface gives
_PAGES = 4  # of one list
_TEXT = 1 << 20  # bytes of a table once unpacked

# The query says what is read of a bucket, so it is part of the name.
_LIST, _ACL, _STATUS = "?list-type=2", "?acl", "?policyStatus"
_PATHS = Paths("GET /", "GET /{bucket}", "GET /{bucket}/{key*}")
_OBJECT = "GET /{bucket}/{key*}"
REQUESTS = frozenset(
    {"GET /", _OBJECT, *(f"GET /{{bucket}}{about}" for about in (_LIST, _ACL, _STATUS))}
)
_PARAMETERS = frozenset(
    {"list-type", "max-keys", "prefix", "delimiter", "continuation-token", "encoding-type"}
)
# Names since 2020 are narrower; older ones may hold capitals and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_TABLE = re.compile(r"(?i)\.(?:csv|tsv|jsonl?|ndjson)(?:\.gz)?$")
_READERS = {
    "delimited": delimited.read,
    "json": json_text.read,
    "jsonl": json_text.read_lines,
}


@dataclass(frozen=True, slots=True)
class Object:
    """A line of a bucket's list; `size` in bytes, `modified` in UTC where it is told."""

    key: str
    size: int
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `token` leads to the next, `more` says that there is one."""

    objects: tuple[Object, ...]
    prefixes: tuple[str, ...]
    more: bool
    token: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a collection's handle holds: some of its objects, drawn at random."""

    bucket: str
    objects: tuple[Object, ...]


def request_name(path: str) -> str:
    """The allow-list name of a GET; raises RequestNotAllowed for what is not on the list."""
    plain, _, query = path.partition("?")
    name = _PATHS.name("GET", plain)
    if name != "GET /{bucket}":
        if query:
            raise RequestNotAllowed("not a request that the s3 engine may send")
        return name
    if f"?{query}" in (_ACL, _STATUS):
        return f"{name}?{query}"
    asked = dict(parse_qsl(query, keep_blank_values=True))
    if asked.get("list-type") != "2" or not asked.keys() <= _PARAMETERS:
        raise RequestNotAllowed("not a request that the s3 engine may send")
    return name + _LIST


class S3:
    """The questions of this interface over one connection, each held against the allow-list."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session = HttpSession(connection)

    @property
    def may_list_on(self) -> bool:
        """Whether lists have taken less than half of what this store may cost."""
        limits, link = self._connection.limits, self._connection
        return link.bytes_left * 2 > limits.bytes and link.seconds_left * 2 > limits.seconds

    async def get(self, path: str, accept: str = "application/xml", **headers: str) -> Response:
        """The answer to a GET, whatever its status. Raises NotThisProtocol and NetError."""
        name = request_name(path)
        return await self._session.request(name, path, headers={"Accept": accept, **headers})

    async def page(self, bucket: str, most: int, **options: str) -> Response:
        """A page of the bucket's list, of at most `most` lines."""
        path = f"/{segment(bucket)}{_LIST}&max-keys={most}&encoding-type=url"
        more = (f"&{name.replace('_', '-')}={quote(text, '')}" for name, text in options.items())
        return await self.get(path + "".join(more))

    async def about(self, bucket: str, what: str) -> Response:
        """`acl` or `policyStatus` of a bucket."""
        return await self.get(f"/{segment(bucket)}?{what}")

    async def object(self, bucket: str, wanted: Object, most: int) -> Response:
        """An object's first `most` bytes; of an empty one no range can be asked for."""
        path = f"/{segment(bucket)}/{'/'.join(map(segment, wanted.key.split('/')))}"
        if wanted.size == 0:
            return await self.get(path, "*/*")
        return await self.get(path, "*/*", Range=f"bytes=0-{most - 1}")

    async def everything(
        self, bucket: str, prefix: str, delimiter: str, most: int = PAGE
    ) -> tuple[list[Object], list[str], bool]:
        """Objects and folders of a list, and whether there are more than were listed.

        Raises ServerRefused with the status, and NotThisProtocol where the list is none.
        """
        options = {"prefix": prefix, "delimiter": delimiter}
        found: list[Object] = []
        folders: list[str] = []
        for _ in range(_PAGES):
            response = await self.page(bucket, most, **{k: v for k, v in options.items() if v})
            if response.status != 200:
                raise ServerRefused("the store refused a list", code=str(response.status))
            page = listing(document(response), bucket)
            if page is None:
                raise NotThisProtocol("a bucket's list is none")
            found += (one for one in page.objects if one.key.startswith(prefix))
            folders += (one for one in page.prefixes if one.startswith(prefix))
            if not page.more:
                return found, folders, False
            again = page.token == options.get("continuation_token")
            if not page.token or again or most < PAGE or not self.may_list_on:
                break
            options["continuation_token"] = page.token
        return found, folders, True


def document(response: Response) -> Element | None:
    """The XML of an answer, or None."""
    return parse(response.body)


def error_code(root: Element) -> str:
    """The code of an error, "" where it is none."""
    return root.told("Code") if root.name == "Error" else ""


def is_bucket(name: str) -> bool:
    """Whether a store could have a bucket of this name."""
    return _BUCKET.fullmatch(name) is not None and ".." not in name


def buckets_of(root: Element | None) -> tuple[tuple[str, ...] | None, str]:
    """The names in a list of all buckets and whose they are; None where it is no such list."""
    held = None if root is None else root.first("Buckets")
    if root is None or root.name != "ListAllMyBucketsResult" or held is None:
        return None, ""
    names = tuple(bucket.told("Name") for bucket in held.all("Bucket"))
    return tuple(filter(is_bucket, names)), root.told("Owner", "ID").strip()


def created(root: Element | None) -> list[str]:
    """When the buckets in a list of all were made, as the store writes it."""
    held = None if root is None else root.first("Buckets")
    return [] if held is None else [bucket.told("CreationDate") for bucket in held.all("Bucket")]


def listing(root: Element | None, bucket: str) -> Page | None:
    """A page of the list of that bucket, parsed strictly; None for anything else."""
    if root is None or root.name != "ListBucketResult" or root.told("Name") != bucket:
        return None
    if root.told("IsTruncated") not in ("true", "false"):
        return None
    quoted = root.told("EncodingType") == "url"
    found: list[Object] = []
    for line in root.all("Contents"):
        key, size = line.told("Key"), line.told("Size")
        if not key or not (size.isascii() and size.isdigit() and len(size) < 19):
            return None
        key = unquote_plus(key) if quoted else key
        found.append(Object(key, int(size), _moment(line.told("LastModified"))))
    prefixes = (line.told("Prefix") for line in root.all("CommonPrefixes"))
    folders = tuple(unquote_plus(one) if quoted else one for one in prefixes if one)
    more = root.told("IsTruncated") == "true"
    return Page(tuple(found), folders, more, root.told("NextContinuationToken"))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text[:40])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def can_be_asked_for(key: str) -> bool:
    """Whether a key can stand in a path so that every server understands the same by it."""
    try:
        request_name("/bucket/" + "/".join(map(segment, key.split("/"))))
    except RequestNotAllowed:
        return False
    return True


def is_table(found: Object) -> bool:
    """Whether an object is one whose rows are read."""
    named = _TABLE.search(found.key) is not None
    return named and found.size > 0 and can_be_asked_for(found.key)


def is_beginning(response: Response, wanted: Object, most: int) -> bool:
    """Whether an answer is the object's first bytes, or all of it from a store without ranges."""
    got = len(response.body)
    if response.status == 206:
        return got == min(most, wanted.size)
    return response.status == 200 and got == wanted.size


def drawn(inside: Sequence[Object], most: int) -> tuple[Object, ...]:
    """At most `most` of the objects, at random."""
    return tuple(secrets.SystemRandom().sample(inside, min(most, len(inside))))


def rows_of(table: Object, data: bytes, most: int) -> Iterator[pa.RecordBatch]:
    """The first rows of a table from its first bytes, at most `most`; none where it is damaged."""
    whole = len(data) >= table.size
    name = table.key.rpartition("/")[2]
    if name.lower().endswith(".gz"):
        name = name[:-3]
        unpacker = zlib.decompressobj(wbits=31)
        try:
            data = unpacker.decompress(data, _TEXT)
        except zlib.error:
            return
        whole = whole and unpacker.eof
    if not whole:
        data = _whole_lines(data)
    item = Item("")
    text = Utf8(Stream(io.BytesIO(data)), item)
    begin = text.peek(64 << 10).decode("utf-8", "replace")
    kind = detect.text_format(begin, name)
    reader = _READERS.get(kind)
    if reader is None or not detect.is_text(data):
        return
    item.reader = lambda: reader(text, item, Options(rows=most))
    left = most
    for _, batch in item.batches():
        taken = batch.slice(0, left)
        left -= taken.num_rows
        if taken.num_rows:
            yield _as_rows(taken) if kind == "delimited" else taken
        if left <= 0:
            return


def _as_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Cells bounded, and what is JSON in them opened, as in every sample."""
    columns = (column.to_pylist() for column in batch.columns)
    return sampling.rows(batch.schema.names, zip(*columns, strict=True))


def _whole_lines(data: bytes) -> bytes:
    """The bytes up to the last line break outside of quotes: what follows is cut off."""
    quotes, end = data.count(b'"'), len(data)
    while (break_ := data.rfind(b"\n", 0, end)) > 0:
        quotes -= data.count(b'"', break_, end)
        if quotes % 2 == 0:
            return data[: break_ + 1]
        end = break_
    return data
