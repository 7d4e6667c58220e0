"""etcd: the JSON gateway of its v3 API over HTTP/1.1, and the v2 API where there is no v3.

The exchange of a probe, one request a line (`/v3beta` for 3.3, `/v3alpha` before):

    GET  /version         who speaks; asked first, for to others a POST of its path may be a write
    POST /v3/kv/range     gated; the first key, without its value
    POST /v3/kv/range     a random key, which cannot be there: none, from the same cluster
    POST /v3/kv/range     a random word where the gateway knows a few only: its error names it
    POST /v3/auth/status  whether permissions are in force (3.5 on)

OPEN is the first answered and parsed strictly, and the random word given back. AUTH_REQUIRED is the
gateway's error `user name is empty` (or code 16). `/version`, `/health` and the maintenance status
are answered by locked servers too and prove nothing. Where a server knows none of these paths, its
v2 API is asked: GET /v2/keys/ lists, and names a random key that it does not have (error 100);
error 110 is AUTH_REQUIRED.

* A collection is a folder (`/people/*`, at most two levels); a record is a key.
* Columns: `value`, and `@key` for the rest of the key.
* Known for nothing: the store's revision, which rises with each change, and how many keys a folder
  has (v3). With `--deep`, the keys of a folder without their values. When the process was started
  is told with hundreds of other figures only (/metrics), which are not asked for.
* `can_write` is `yes` where the server says that its permissions are switched off: then they bind
  nobody. Versions before 3.5 do not say so.

Source: etcd.io/docs (gRPC gateway; API reference: RangeRequest, AuthStatus; Role-based access
control) and the v2 API and its authentication in the documentation of 2.3; the words of the errors
are those of its package rpctypes and of protobuf's JSON mapping.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from leftopen import sample as sampling
from leftopen.budget import StoreLimits
from leftopen.engine import Collection, Speaks, clean_version
from leftopen.engines._etcd_v2 import error_code, leaves_of, node_of, nodes_of, parts, read_folder
from leftopen.engines._etcd_v3 import ask, range_of
from leftopen.engines._handles import handle_of
from leftopen.engines._http import Asker, Paths, accepted, at_own_port, closed, is_html, json_object
from leftopen.engines._proofs import CANNED, CanWrite
from leftopen.engines._streams import has_room
from leftopen.engines._text import as_text
from leftopen.errors import BudgetSpent
from leftopen.knowledge import Mark
from leftopen.model import Proof, Verdict
from leftopen.net.connection import Connection
from leftopen.net.http import Response

_GATEWAYS = ("/v3", "/v3beta", "/v3alpha")
_PATHS = Paths(
    *(f"POST {gateway}/kv/range" for gateway in _GATEWAYS),
    *("POST /v3/auth/status", "GET /version"),
    *("GET /v2/keys/", "GET /v2/keys/{path*}", "GET /v2/auth/enable"),
)
_ALL = b"\0"  # as a range's end: up to the last key
_PAGE = 500  # keys of one page of a list
_PAGES = 64
_COUNTED = 64  # folders whose keys are counted again
_STREAMED = 2_000  # keys of one page of a stream
_RUN = 20  # neighbouring keys that a sample reads in one go
_MAX_FOLDERS = 512
_FOLDER = re.compile(rb"[/:]*[^/:]{1,64}[/:]+")
_IS_DATA = re.compile(rb"@|\d{4}|[0-9a-fA-F-]{12}|[^\x21-\x7e]")
_WORD = re.compile(rb"[A-Za-z][A-Za-z_.-]{0,31}")
_LOCKED = ("user name is empty", "invalid auth token", "permission denied")
_NOT_HERE = (b"404 page not found\n", b"Not Found\n")  # what it says of paths it does not know


@dataclass(frozen=True, slots=True)
class _Note:
    """How to read a collection: the gateway, and keys in order; for v2 the folder's path."""

    gateway: str | None
    folder: bytes
    keys: tuple[bytes, ...] = ()
    path: tuple[str, ...] = ()


class Etcd:
    """The engine; it keeps no state."""

    name = "etcd"
    ports: tuple[int, ...] = (2379, 4001)
    speaks = Speaks.HTTP
    requests = _PATHS.names
    verified: Literal["real", "scripted"] = "real"
    reads = "names and counts of folders of keys; the values of runs of keys at random places"

    async def probe(self, connection: Connection) -> Proof:
        """Judge by the exchange above. Raises NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        greeted = await asker.get("/version")
        stated = json_object(greeted).get("etcdserver")
        if not isinstance(stated, str):
            own_port = at_own_port(connection, self.ports)
            return closed(greeted, known=False, own_port=own_port, what="etcd")
        gateway, first = await _first(asker)
        if gateway is None:
            return await _probe_v2(asker, first, at_own_port(connection, self.ports))
        error = _error(first)
        if error is not None and _is_locked(first, error):
            reason = "reads are refused without a user (authentication is on)"
            return Proof(Verdict.AUTH_REQUIRED, reason, clean_version(stated))
        if first.status != 200:
            own_port = at_own_port(connection, self.ports)
            return closed(first, known=error is not None, own_port=own_port, what="etcd")
        found = range_of(first)
        if not await _is_alive(asker, gateway, found.cluster):
            return CANNED
        reason = "keys are listed without a user"
        if not found.count:
            reason = "a range of keys is answered without a user; it holds no key"
        can_write = await _may_write(asker) if gateway == "/v3" else "unknown"
        return Proof(Verdict.OPEN, reason, clean_version(stated), can_write=can_write)

    async def collections(self, connection: Connection) -> Sequence[Collection]:
        """Folders of keys, the largest first. Keys are listed in order, _PAGE at a time; a folder
        that goes on behind its page is counted by the server and then passed over, so that large
        ones do not hide those after them. Raises ServerRefused, NotThisProtocol and NetError."""
        asker = Asker(connection, _PATHS)
        gateway, first = await _first(asker)
        if gateway is None:
            return await _collections_v2(asker)
        range_of(accepted(first))
        keys: dict[bytes, list[bytes]] = {}
        counts: dict[bytes, int] = {}
        start = b"\0"
        for _ in range(_PAGES):
            page = range_of(accepted(await ask(asker, gateway, start, _ALL, limit=_PAGE)))
            for key, _ in page.pairs:
                keys.setdefault(_folder(key), []).append(key)
            if not page.more or not page.pairs or len(keys) > _MAX_FOLDERS:
                break
            last = page.pairs[-1][0]
            folder = _folder(last)
            start = last + b"\0"
            if folder and last.startswith(folder) and len(keys[folder]) >= _PAGE // 2:
                start = _behind(folder)
                told = accepted(await ask(asker, gateway, folder, start, limit=1))
                counts[folder] = max(range_of(told).count, len(keys[folder]))
        made = [
            Collection(
                _name(folder, held), counts.get(folder, len(held)), None,
                _Note(gateway, folder, tuple(sorted(held))),
            )
            for folder, held in keys.items()
        ]  # fmt: skip
        made.sort(key=lambda collection: -(collection.records or 0))
        return made[: connection.limits.collections]

    async def sample(
        self, connection: Connection, collection: Collection, limits: StoreLimits
    ) -> AsyncIterator[pa.RecordBatch]:
        """Runs of up to _RUN neighbouring keys, from random places among those that were listed; an
        eighth of the store's bytes at most. A run larger than a reply may be is read key by key.
        Raises ServerRefused, NotThisProtocol and NetError."""
        note = handle_of(collection, _Note)
        asker = Asker(connection, _PATHS)
        if note.gateway is None:
            leaves = leaves_of(await read_folder(asker, note.path), limits.rows)
            yield sampling.rows(("value", "@key"), [(value, key) for key, value in leaves])
            return
        runs = [note.keys[at : at + _RUN] for at in range(0, len(note.keys), _RUN)]
        random.shuffle(runs)
        left, until = limits.rows, connection.bytes_read + limits.bytes // 8
        while runs and left > 0 and connection.bytes_read < until:
            run = runs.pop()
            try:
                answer = await ask(
                    asker, note.gateway, run[0], run[-1] + b"\0", limit=len(run), values=True
                )
            except BudgetSpent as spent:
                if spent.code != "reply_too_large":
                    raise
                if len(run) > 1:
                    runs += [(key,) for key in run]
                continue
            wanted = set(run)
            pairs = [pair for pair in range_of(accepted(answer)).pairs if pair[0] in wanted][:left]
            left -= len(pairs)
            if pairs:
                rows = [(as_text(value), _rest(note.folder, key)) for key, value in pairs]
                yield sampling.rows(("value", "@key"), rows)

    async def marks(
        self, connection: Connection, collections: Sequence[Collection]
    ) -> Mapping[str, Mark]:
        """`changes`: the revision of the whole store; `records`: the keys of a folder in which no
        other collection lies, of the first _COUNTED. Nothing of v2. Raises ServerRefused,
        NotThisProtocol and NetError."""
        notes = {collection.name: handle_of(collection, _Note) for collection in collections}
        gateways = {note.gateway for note in notes.values()}
        if len(gateways) != 1 or (gateway := gateways.pop()) is None:
            return {}
        asker = Asker(connection, _PATHS)
        # the server counts a range by walking its index: not for hundreds of them
        counts: dict[str, int] = {}
        for name, note in list(notes.items())[:_COUNTED]:
            within = sum(one.folder.startswith(note.folder) for one in notes.values())
            if within == 1 and note.folder.endswith((b"/", b":")):
                answer = await ask(asker, gateway, note.folder, _behind(note.folder), limit=1)
                counts[name] = range_of(accepted(answer)).count
        changes = range_of(accepted(await ask(asker, gateway, b"\0", limit=1))).revision
        return {name: Mark(counts.get(name), changes) for name in notes}

    async def stream(
        self,
        connection: Connection,
        collection: Collection,
        paths: Sequence[str],
        limits: StoreLimits,
    ) -> AsyncIterator[pa.RecordBatch]:
        """The keys of a folder in their order, where `@key` is asked for: values come with the
        whole key only. Raises ServerRefused, NotThisProtocol and NetError."""
        note = handle_of(collection, _Note)
        if "@key" not in paths or note.gateway is None or not note.folder.endswith((b"/", b":")):
            return
        asker, until = Asker(connection, _PATHS), connection.bytes_read + limits.bytes
        start, end = note.folder, _behind(note.folder)
        while has_room(connection, until):
            try:
                answer = await ask(asker, note.gateway, start, end, limit=_STREAMED)
            except BudgetSpent:
                return  # its end in good order
            page = range_of(accepted(answer))
            keys = [key for key, _ in page.pairs if start <= key < end]
            names = [(_rest(note.folder, key),) for key in keys if _folder(key) == note.folder]
            if names:
                yield sampling.rows(("@key",), names)
            if not page.more or not keys:
                return
            start = keys[-1] + b"\0"


ENGINE = Etcd()


# --- v3 ------------------------------------------------------------------------------------------


async def _first(asker: Asker) -> tuple[str | None, Response]:
    """The gateway that a server has and its first answer; None where there is none, with the last
    answer. A server that says "not found" otherwise than etcd does is asked once."""
    for gateway in _GATEWAYS:
        answer = await ask(asker, gateway, b"\0", _ALL, limit=1)
        if answer.status != 404:
            return gateway, answer
        if answer.body not in _NOT_HERE:
            break
    return None, answer


async def _is_alive(asker: Asker, gateway: str, cluster: str) -> bool:
    """Whether a key made up is not there, and a word made up comes back in an error.

    Gateways before 3.6 name a word that is no order to sort by; later ones may pass over that, and
    name one that is no number.
    """
    token = f"leftopen{secrets.token_hex(12)}"
    answer = await ask(asker, gateway, token.encode(), limit=1)
    if answer.status != 200:
        return False
    found = range_of(answer)
    if found.count or found.pairs or found.cluster != cluster:
        return False
    for field in ("sort_order", "limit"):
        answer = await asker.post(f"{gateway}/kv/range", {"key": "AA==", field: token})
        error = _error(answer)
        if error is not None and answer.status == 400 and token in error:
            return True
    return False


async def _may_write(asker: Asker) -> CanWrite:
    """What the server says of its permissions: switched off, they bind nobody."""
    answer = await asker.post("/v3/auth/status", {})
    told = json_object(answer)
    if answer.status != 200 or not isinstance(told.get("header"), dict):
        return "unknown"
    return "yes" if told.get("enabled", False) is False else "unknown"


async def _version(asker: Asker) -> str | None:
    answer = await asker.get("/version")
    return clean_version(json_object(answer).get("etcdserver")) if answer.status == 200 else None


def _error(answer: Response) -> str | None:
    """The text of a gateway's error; None if it is none. It is looked at and never shown."""
    told = json_object(answer)
    text = told.get("message", told.get("error"))
    if isinstance(told.get("code"), int) and isinstance(text, str) and answer.status != 200:
        return text
    return None


def _is_locked(answer: Response, error: str) -> bool:
    return json_object(answer).get("code") == 16 or any(words in error for words in _LOCKED)


# --- folders: ranges of keys that the server can count and pass over, unlike other patterns ------


def _folder(key: bytes) -> bytes:
    """The folder of a key: its first two parts, or the first where the second is data or the last;
    empty for a key that has none, the whole key for a word by itself."""
    first = _FOLDER.match(key)
    if first is None:
        return key if _WORD.fullmatch(key) else b""
    if _IS_DATA.search(first[0]) or first.end() == len(key):
        return b""
    second = _FOLDER.match(key, first.end())
    if second is None or _IS_DATA.search(second[0]) or second.end() == len(key):
        return first[0]
    return key[: second.end()]


def _behind(folder: bytes) -> bytes:
    """The first key behind all that begin with the folder's name (it ends with / or :)."""
    return folder[:-1] + bytes([folder[-1] + 1])


def _rest(folder: bytes, key: bytes) -> str:
    return key.removeprefix(folder).decode("utf-8", "replace")


def _name(folder: bytes, keys: Sequence[bytes]) -> str:
    """A folder's name with a star; a key that is its own folder has none."""
    return folder.decode("ascii") + ("" if list(keys) == [folder] else "*")


# --- v2 ------------------------------------------------------------------------------------------


async def _probe_v2(asker: Asker, first: Response, own_port: bool) -> Proof:
    """The verdict on a server without a v3 gateway: `first` is what it said to that."""
    if first.body not in _NOT_HERE:
        return closed(first, known=False, own_port=own_port, what="etcd")
    answer = await asker.get("/v2/keys/")
    if error_code(answer) == 110:
        reason = "reads are refused without a user (authentication is on)"
        return Proof(Verdict.AUTH_REQUIRED, reason, await _version(asker))
    if answer.status != 200 or is_html(answer):
        known = "x-etcd-cluster-id" in answer.headers
        return closed(answer, known=known, own_port=own_port, what="etcd")
    nodes = nodes_of(node_of(answer))
    token = f"leftopen{secrets.token_hex(12)}"
    missing = await asker.get(f"/v2/keys/{token}")
    if error_code(missing) != 100 or json_object(missing).get("cause") != f"/{token}":
        return CANNED
    told = await asker.get("/v2/auth/enable")
    off = told.status == 200 and json_object(told).get("enabled") is False
    reason = "keys are listed without a user (v2)"
    if not nodes:
        reason = "a list of keys is answered without a user (v2); it holds none"
    version = await _version(asker)
    return Proof(Verdict.OPEN, reason, version, can_write="yes" if off else "unknown")


async def _collections_v2(asker: Asker) -> list[Collection]:
    """Folders of the first level; what lies beside them is one collection."""
    made = []
    for node in nodes_of(await read_folder(asker, ())):
        key = node.get("key")
        if node.get("dir") is True and isinstance(key, str):
            made.append(Collection(f"{key}/*", None, None, _Note(None, b"", (), parts(key))))
        elif "/*" not in (collection.name for collection in made):
            made.append(Collection("/*", None, None, _Note(None, b"")))
    return made
